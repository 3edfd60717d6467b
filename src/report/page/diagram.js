// The space-time diagram of one run: its frame, its drawing, and what the mouse does in it.

class Diagram {
  constructor(runPosition, holder) {
    this.runPosition = runPosition;
    this.run = state.runs[runPosition];
    this.holder = element("div", {
      class: "diagram",
      tabindex: "0",
      role: "application",
      "aria-roledescription": "space-time diagram",
      "aria-label": this.label(),
    });
    holder.append(this.holder);
    this.plot = new Plot(this.holder, this.label(), 320);
    this.drawn = { machines: 0, dots: 0, banded: 0, arrows: 0, bundled: 0, passing: 0 };
    new Pointer(this);
    new Steering(this);
  }

  label() {
    const { facts, machines, events, messages } = this.run;
    return (
      `Space-time diagram of ${facts.folder}: ${machines.length} machines, ${whole(events)} events, ` +
      `${whole(messages)} messages. Arrow keys pan, plus and minus zoom, [ and ] go from event to event.`
    );
  }

  /** Where everything is: the lines of the machines, and the part of the axis that is seen. */
  layOut() {
    const shown = shownMachines(this.run);
    const width = this.plot.widthNow();
    const { left, right, isRoomy } = gutters(width, mostMachines());
    const pitch = Math.max(9, Math.min(104, 540 / Math.max(1, shown.length)));
    const top = 26;
    const view = diagramView();
    const plotted = width - left - right;
    const order = new Map(shown.map((machine, row) => [machine.position, row]));
    const bottom = top + Math.max(1, shown.length) * pitch;
    this.frame = {
      left,
      right: width - right,
      top,
      bottom,
      pitch,
      plotted,
      isRoomy,
      width,
      machines: shown.length,
      nameEvery: pitch >= 12 ? 1 : 5,
      duration: this.run.facts.duration_s,
      seen: { x0: view.x0, x1: view.x1 },
      x: (place) => left + ((place - view.x0) / view.span) * plotted,
      y: (position) => top + ((order.get(position) ?? 0) + 0.5) * pitch,
      clamp: (x) => Math.max(left, Math.min(width - right, x)),
      rows: shown,
    };
    return this.frame;
  }

  draw() {
    const frame = this.layOut();
    const context = this.plot.begin("base", frame.bottom + 40);
    drawAxis(context, frame, diagramView(), axisName());
    context.save();
    context.beginPath();
    context.rect(frame.left - 1, 0, frame.plotted + 2, frame.bottom + 2);
    context.clip();
    drawFaults(context, frame, this.run);
    drawCones(context, frame, this.runPosition);
    context.restore();
    for (const machine of frame.rows) drawLine(context, frame, machine, frame.y(machine.position));
    context.save();
    context.beginPath();
    context.rect(frame.left - 4, 0, frame.plotted + 8, frame.bottom + 2);
    context.clip();
    const messages = drawMessages(context, frame, this.runPosition);
    const drawn = { machines: frame.rows.length, dots: 0, banded: 0, ...messages };
    for (const machine of frame.rows) {
      const events = drawEvents(
        context,
        frame,
        this.runPosition,
        machine,
        frame.y(machine.position),
      );
      drawn.dots += events.dots;
      drawn.banded += events.banded;
      drawLogMarks(context, frame, machine, frame.y(machine.position));
    }
    context.restore();
    this.drawn = drawn;
    showRemark(this.runPosition, drawn);
  }

  touch() {
    const { frame } = this;
    const context = this.plot.begin("over", frame.bottom + 40);
    if (state.time !== null && state.axis !== "clock") {
      context.strokeStyle = state.colours.muted;
      context.lineWidth = 1;
      const x = Math.round(frame.x(state.time)) + 0.5;
      if (frame.left <= x && x <= frame.right) line(context, x, frame.top, x, frame.bottom);
    }
    context.save();
    context.beginPath();
    context.rect(frame.left - 12, 0, frame.plotted + 24, frame.bottom + 2);
    context.clip();
    drawPartings(context, frame, this.runPosition);
    drawViolations(context, frame, this.runPosition);
    drawChosen(context, frame, this.runPosition);
    context.restore();
  }

  /** The event at a point, if one is near. */
  eventAt(x, y) {
    const { frame } = this;
    const row = Math.floor((y - frame.top) / frame.pitch);
    const machine = frame.rows[row];
    const isInside = frame.left - 6 <= x && x <= frame.right + 6;
    if (!machine || machine.count === 0 || !isInside) return null;
    const view = diagramView();
    const place = view.x0 + ((x - frame.left) / frame.plotted) * view.span;
    const event = machine.nearest(state.axis, place);
    const isNear = Math.abs(frame.x(placeOf(machine, event)) - x) <= 14;
    return isNear ? { machine: machine.position, event } : null;
  }
}

function axisName() {
  if (state.axis === "clock") return "logical clock";
  if (state.axis === "model") return "model time (s)";
  const speeds = new Set(state.runs.map((run) => run.speed));
  const [speed] = speeds;
  const scale = speeds.size > 1 ? " x speed" : speed !== 1 ? ` x ${speed}` : "";
  return `system time since the common start${scale} (s)`;
}

/** Draws the axis below, and fine lines up from its ticks. */
function drawAxis(context, frame, view, name) {
  const { ticks, decimals } = ticksBetween(view.x0, view.x1, Math.max(2, frame.plotted / 90));
  context.strokeStyle = state.colours.grid;
  context.lineWidth = 1;
  for (const tick of ticks) {
    const x = Math.round(frame.x(tick)) + 0.5;
    if (x < frame.left || frame.right < x) continue;
    line(context, x, frame.top, x, frame.bottom + 4);
    write(context, fixed(tick, decimals), x, frame.bottom + 14, { align: "center", size: 11.5 });
  }
  write(context, name, frame.right, frame.bottom + 31, { align: "right", size: 11.5 });
}

/** What pointers do: hover, click, drag, wheel, pinch. */
class Pointer {
  constructor(diagram) {
    this.diagram = diagram;
    this.fingers = new Map();
    this.hasMoved = false;
    const { holder } = diagram;
    holder.addEventListener("pointerdown", (event) => this.down(event));
    holder.addEventListener("pointermove", (event) => this.move(event));
    holder.addEventListener("pointerup", (event) => this.up(event));
    holder.addEventListener("pointercancel", (event) => this.fingers.delete(event.pointerId));
    holder.addEventListener("pointerleave", () => {
      if (!state.isPinned) release();
    });
    holder.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    holder.addEventListener("dblclick", (event) => this.zoomAt(event, 2.5));
  }

  down(event) {
    if (event.button !== 0) return;
    this.fingers.set(event.pointerId, [event.clientX, event.clientY]);
    this.hasMoved = false;
    this.diagram.holder.setPointerCapture(event.pointerId);
  }

  move(event) {
    const before = this.fingers.get(event.pointerId);
    if (!before) {
      this.hover(event);
      return;
    }
    const now = [event.clientX, event.clientY];
    const view = diagramView();
    const perPixel = view.span / this.diagram.frame.plotted;
    if (!this.hasMoved && Math.hypot(now[0] - before[0], now[1] - before[1]) < 4) return;
    this.hasMoved = true;
    if (this.fingers.size === 2) {
      const [other] = [...this.fingers]
        .filter(([id]) => id !== event.pointerId)
        .map(([, at]) => at);
      const spread = (a) => Math.max(20, Math.abs(a[0] - other[0]));
      view.zoom(spread(now) / spread(before), this.placeAt((now[0] + other[0]) / 2));
    } else {
      view.pan((before[0] - now[0]) * perPixel);
    }
    this.fingers.set(event.pointerId, now);
    redraw();
  }

  up(event) {
    this.fingers.delete(event.pointerId);
    if (this.hasMoved) return;
    const found = this.diagram.eventAt(...this.diagram.plot.locate(event));
    if (found) {
      choose(this.diagram.runPosition, found.machine, found.event, true);
      announce();
    } else {
      release();
    }
  }

  hover(event) {
    if (state.isPinned || event.pointerType === "touch") return;
    const found = this.diagram.eventAt(...this.diagram.plot.locate(event));
    if (found) {
      choose(this.diagram.runPosition, found.machine, found.event, false);
    } else {
      release();
    }
  }

  /**
   * The wheel zooms where the diagram has the focus, or with Ctrl; otherwise it scrolls the page.
   */
  wheel(event) {
    const isOurs =
      event.ctrlKey || event.metaKey || this.diagram.holder.contains(document.activeElement);
    if (!isOurs) return;
    event.preventDefault();
    const view = diagramView();
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey) {
      const by = event.deltaX || event.deltaY;
      view.pan((by * view.span) / this.diagram.frame.plotted);
      redraw();
    } else {
      this.zoomAt(event, Math.exp(-event.deltaY * (event.deltaMode === 1 ? 0.05 : 0.0022)));
    }
  }

  zoomAt(event, factor) {
    diagramView().zoom(factor, this.placeAt(event.clientX));
    redraw();
  }

  placeAt(clientX) {
    const { frame, plot } = this.diagram;
    const x = clientX - plot.base.getBoundingClientRect().left;
    const view = diagramView();
    return view.x0 + ((x - frame.left) / frame.plotted) * view.span;
  }
}
