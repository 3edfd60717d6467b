// The state of the page: what is shown, and how. Whoever changes it asks for a redraw.

const state = {
  facts: null,
  runs: [],
  /** By position of a machine, in all runs: whether it is shown. */
  shown: [],
  /** By position of a machine: which of the looks it has. */
  looks: [],
  /** model, system or clock. */
  axis: "model",
  /** queue or wait. */
  colour: "queue",
  views: { time: null, clock: null },
  hasPredictions: true,
  /** The event that is looked at: run, machine, event, cones; pinned, or pointed at. */
  chosen: null,
  isPinned: false,
  /** A model time that is pointed at in a chart. */
  time: null,
  /** The violation that is shown: run and position. */
  violation: null,
  colours: null,
  /** What is drawn now is drawn for paper. */
  isPrinted: false,
  isPaperReady: false,
  pictures: [],
  frames: 0,
  openedMs: null,
};

/** The view of the axis that the diagram has. */
function diagramView() {
  return state.axis === "clock" ? state.views.clock : state.views.time;
}

/** The positions of the machines of a run that are shown. */
function shownMachines(run) {
  return run.machines.filter((machine) => state.shown[machine.position]);
}

function mostMachines() {
  return Math.max(...state.runs.map((run) => run.machines.length));
}

/** Looks at an event. */
function choose(run, machine, event, isPinned) {
  const { chosen } = state;
  const isSame =
    chosen && chosen.run === run && chosen.machine === machine && chosen.event === event;
  if (!isSame) {
    state.chosen = { run, machine, event, cones: conesOf(state.runs[run], machine, event) };
  }
  if (!isSame || isPinned !== state.isPinned) {
    state.isPinned = isPinned;
    showDetails();
    redrawDiagrams();
  }
}

/** Looks at no event any more. */
function release() {
  if (state.chosen) {
    state.chosen = null;
    state.isPinned = false;
    showDetails();
    redrawDiagrams();
  }
}

/** The place of an event along the axis of the diagram. */
function placeOf(machine, event) {
  return machine[state.axis][event];
}
