// The beginning: reads what the page carries, and shows it.

function read() {
  state.facts = JSON.parse(byId("facts").textContent);
  state.runs = state.facts.runs.map(
    (facts, position) => new Run(facts, new Columns(bytesOf(`columns-${position}`))),
  );
  const most = (name) => Math.max(...state.runs.map((run) => run[name]));
  state.queueMax = most("queueMax");
  state.waitMax = most("waitMax");
  state.looks = looksOf(state.runs);
  state.shown = new Array(mostMachines()).fill(true);
  const durations = state.runs.map((run) => run.facts.duration_s);
  const ends = state.runs.flatMap((run) =>
    run.machines.map((machine) => (machine.count > 0 ? machine.system[machine.count - 1] : 0)),
  );
  state.views.time = new View(0, Math.max(...durations, ...ends));
  state.views.clock = new View(0, Math.max(1, most("clockMax")));
  state.colours = readColours(false);
}

function show() {
  showHead();
  showVerdicts();
  showComparisons();
  showMachines();
  showControls();
  showKey();
  showKeys();
  showDetails();
  showHistograms();
  showFigures();
  showTrials();
  state.runs.forEach((run, position) => {
    const column = element("div", { class: "column" }, runHeading(run));
    byId("diagrams").append(column);
    const diagram = new Diagram(position, column);
    const overview = new Overview(position, column);
    column.append(element("p", { class: "remark", id: `remark-${position}` }));
    const chartColumn = element("div", { class: "column" }, runHeading(run));
    byId("charts").append(chartColumn);
    state.pictures.push(
      diagram,
      overview,
      ...CHARTS.map((kind) => new Chart(position, chartColumn, kind)),
    );
  });
  document.body.classList.toggle("several", state.runs.length > 1);
  const violated = state.runs.findIndex((run) => run.facts.verdict.violations.length > 0);
  if (violated >= 0) centreViolation(violated, 0);
}

/** Colours and pictures anew, when the page turns light or dark. */
function recolour() {
  readAndShowColours();
  redraw();
}

/** What a test, or a curious reader, may ask of the page; nothing can be changed by it. */
function handle() {
  const view = () => ({
    axis: state.axis,
    x0: diagramView().x0,
    x1: diagramView().x1,
    isWhole: diagramView().isWhole(),
  });
  const chosen = () =>
    state.chosen && {
      run: state.chosen.run,
      machine: state.chosen.machine,
      event: state.chosen.event,
      isPinned: state.isPinned,
      past: [...state.chosen.cones.past],
      future: [...state.chosen.cones.future],
      counts: { ...state.chosen.cones.counts },
    };
  return Object.freeze({
    openedMs: state.openedMs,
    runs: () =>
      state.runs.map((run) => ({
        machines: run.machines.length,
        events: run.events,
        messages: run.messages,
      })),
    drawn: () =>
      state.pictures
        .filter((picture) => picture instanceof Diagram)
        .map((diagram) => ({ ...diagram.drawn })),
    /** Where an event is drawn, in pixels of its diagram. */
    where: (run, machine, event) => {
      const { frame } = state.pictures.filter((picture) => picture instanceof Diagram)[run];
      return [frame.x(placeOf(state.runs[run].machines[machine], event)), frame.y(machine)];
    },
    field: (run, machine, name) => [...state.runs[run].machines[machine][name]],
    view,
    chosen,
    violation: () => state.violation && { ...state.violation },
    shown: () => [...state.shown],
    frames: () => state.frames,
    isDark: () => state.colours.isDark,
    isPaperReady: () => state.isPaperReady,
    time: () => state.time,
  });
}

function start() {
  try {
    read();
    show();
    addEventListener("keydown", (event) => {
      if (event.key === "Escape") release();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
    followPrinting();
    schedule(ALL);
    drawNow();
    state.openedMs = performance.now();
    repaper();
    window.report = handle();
  } catch (error) {
    const trouble = byId("trouble");
    trouble.textContent = `This page cannot be shown: ${error.message}`;
    trouble.hidden = false;
    throw error;
  }
}

start();
