// The keyboard: everything that the mouse does in a diagram, and going from event to event.

const KEYS = [
  ["drag, arrow keys left and right", "pan"],
  ["wheel (Ctrl with it if the diagram has no focus), + and -, double click", "zoom"],
  ["0", "the whole run"],
  ["click, Enter", "hold the event"],
  ["[ and ]", "the event before and after, on the same machine"],
  ["arrow keys up and down", "the nearest event of the next machine"],
  ["Home and End", "the first and the last event of the machine"],
  ["m", "to the other end of the event's message"],
  ["n and p", "the next and the previous violation"],
  ["Escape", "let go of the event"],
];

function showKeys() {
  byId("keys").replaceChildren(
    ...KEYS.flatMap(([keys, what]) => [element("dt", {}, keys), element("dd", {}, what)]),
  );
}

/** Zooms a view if that is what a key asks for. */
function zoomByKey(event, view) {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const changes = {
    "+": () => view.zoom(1.6),
    "=": () => view.zoom(1.6),
    "-": () => view.zoom(1 / 1.6),
    0: () => view.show(...view.whole),
  };
  const change = changes[event.key];
  if (!change) return false;
  event.preventDefault();
  // What is looked at stays where it is.
  const around = view === diagramView() && state.chosen ? placeOfChosen() : undefined;
  if (around !== undefined && event.key !== "0") {
    view.zoom(event.key === "-" ? 1 / 1.6 : 1.6, Math.min(Math.max(around, view.x0), view.x1));
  } else {
    change();
  }
  redraw();
  return true;
}

function placeOfChosen() {
  const { run, machine, event } = state.chosen;
  return placeOf(state.runs[run].machines[machine], event);
}

/** Steers a diagram by keys. */
class Steering {
  constructor(diagram) {
    this.diagram = diagram;
    this.run = diagram.run;
    const view = () => diagramView();
    this.actions = {
      ArrowLeft: () => view().pan(-view().span * 0.15),
      ArrowRight: () => view().pan(view().span * 0.15),
      ArrowUp: () => this.goAcross(-1),
      ArrowDown: () => this.goAcross(1),
      "[": () => this.goAlong((event) => event - 1),
      "]": () => this.goAlong((event) => event + 1),
      Home: () => this.goAlong(() => 0),
      End: () => this.goAlong((event, machine) => machine.count - 1),
      Enter: () => this.hold(),
      m: () => this.followMessage(),
      n: () => this.visit(1),
      p: () => this.visit(-1),
      Escape: () => release(),
    };
    diagram.holder.addEventListener("keydown", (event) => this.key(event));
  }

  key(event) {
    const isForOthers = event.ctrlKey || event.metaKey || event.altKey;
    if (isForOthers || zoomByKey(event, diagramView())) return;
    const action = this.actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
    redraw();
  }

  hasChosen() {
    return state.chosen !== null && state.chosen.run === this.diagram.runPosition;
  }

  /** Looks at an event, and tells of it. */
  go(machine, event) {
    choose(this.diagram.runPosition, machine, event, true);
    diagramView().reveal(placeOfChosen());
    announce();
  }

  hold() {
    if (this.hasChosen()) this.go(state.chosen.machine, state.chosen.event);
  }

  /** The event to start from: what is looked at, or else a new one in the middle. */
  origin() {
    if (this.hasChosen()) return { ...state.chosen, isNew: false };
    const machine = this.diagram.frame.rows.find((row) => row.count > 0);
    if (!machine) return null;
    const { x0, x1 } = diagramView();
    const event = machine.nearest(state.axis, (x0 + x1) / 2);
    return { machine: machine.position, event, isNew: true };
  }

  /** Goes along a machine. */
  goAlong(step) {
    const from = this.origin();
    if (!from) return;
    const machine = this.run.machines[from.machine];
    const event = from.isNew ? from.event : step(from.event, machine);
    this.go(from.machine, Math.min(Math.max(0, event), machine.count - 1));
  }

  /** Goes to a neighbouring machine. */
  goAcross(step) {
    const from = this.origin();
    if (!from) return;
    const rows = this.diagram.frame.rows.filter((row) => row.count > 0);
    const row = rows.findIndex((machine) => machine.position === from.machine);
    const machine = rows[from.isNew ? row : Math.min(Math.max(0, row + step), rows.length - 1)];
    const place = placeOf(this.run.machines[from.machine], from.event);
    this.go(machine.position, machine.nearest(state.axis, place));
  }

  /** Goes to the other end of a message. */
  followMessage() {
    if (!this.hasChosen()) return;
    const { machine, event } = state.chosen;
    const isHere = (end) => end && end.machine === machine && end.event === event;
    const end = messagesOf(this.run, machine, event)
      .map(({ from, to }) => (isHere(from) ? to : from))
      .find((other) => other && state.shown[other.machine]);
    if (end) {
      this.go(end.machine, end.event);
    } else {
      say("the other end of the message is not there");
    }
  }

  /** Goes to another violation, round and round. */
  visit(step) {
    const count = this.run.facts.verdict.violations.length;
    if (count === 0) {
      say("no violation");
      return;
    }
    const { runPosition } = this.diagram;
    const isHere = state.violation && state.violation.run === runPosition;
    const at = isHere ? state.violation.position + step : 0;
    visitViolation(runPosition, (at + count) % count);
  }
}
