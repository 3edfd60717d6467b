// Charts over model time: a line a machine, in steps as the value holds until the next event.

const CHART_HEIGHT = 236;

/** What the charts show: a column of a machine, and how fast theory says that it grows. */
const CHARTS = [
  {
    name: "clock",
    title: "Logical clock",
    unit: "",
    growth: "clock_growth_per_s",
    fromZero: false,
  },
  {
    name: "queue",
    title: "Message queue",
    unit: "messages",
    growth: "queue_growth_per_s",
    fromZero: true,
  },
];

class Chart {
  constructor(runPosition, holder, kind) {
    this.run = state.runs[runPosition];
    this.kind = kind;
    this.growth = new Map(
      this.run.facts.stats.machines.map((stats) => [stats.machine, stats.predicted[kind.growth]]),
    );
    const label =
      `${kind.title} of each machine over model time, ${this.run.facts.folder}. ` +
      "Left and right arrow keys read the values.";
    this.holder = element("div", {
      class: "chart",
      tabindex: "0",
      role: "application",
      "aria-roledescription": "chart",
      "aria-label": label,
    });
    this.tip = element("div", { class: "tip", hidden: true });
    holder.append(
      element("h3", {}, kind.title, element("span", { class: "unit" }, kind.unit)),
      this.holder,
    );
    this.plot = new Plot(this.holder, label, CHART_HEIGHT);
    this.holder.append(this.tip);
    this.holder.addEventListener("pointermove", (event) => this.point(event));
    this.holder.addEventListener("pointerleave", () => this.leave());
    this.holder.addEventListener("blur", () => this.leave());
    this.holder.addEventListener("keydown", (event) => this.key(event));
  }

  /** The least and largest value in sight, over all runs: they share one scale. */
  extent() {
    const { x0, x1 } = state.views.time;
    let [low, high] = [Infinity, 0];
    for (const run of state.runs) {
      for (const machine of shownMachines(run)) {
        const [begin, end] = machine.within("model", x0, x1);
        const [least, most] = machine.pyramid(this.kind.name).range(Math.max(0, begin - 1), end);
        low = Math.min(low, least);
        high = Math.max(high, most);
      }
    }
    if (this.kind.fromZero || low > high || x0 <= 0) low = 0;
    const room = Math.max((high - low) * 0.06, 0.5);
    return [Math.max(0, low - (low > 0 ? room : 0)), high + room];
  }

  draw() {
    const context = this.plot.begin("base", CHART_HEIGHT);
    const { left, right, isRoomy } = gutters(this.plot.width, mostMachines());
    const view = state.views.time;
    const [low, high] = this.extent();
    const [top, bottom] = [14, CHART_HEIGHT - 38];
    const frame = {
      left,
      right: this.plot.width - right,
      top,
      bottom,
      isRoomy,
      plotted: this.plot.width - left - right,
      x: (time) => left + ((time - view.x0) / view.span) * (this.plot.width - left - right),
      y: (value) => bottom - ((value - low) / (high - low)) * (bottom - top),
    };
    this.frame = frame;
    drawAxis(context, frame, view, "model time (s)");
    this.drawValues(context, frame, low, high);
    context.save();
    context.beginPath();
    context.rect(frame.left, 0, frame.plotted, bottom + 1);
    context.clip();
    this.drawFaults(context, frame);
    const machines = shownMachines(this.run).filter((machine) => machine.count > 0);
    if (state.hasPredictions)
      machines.forEach((machine) => this.drawPrediction(context, frame, machine));
    machines.forEach((machine, row) =>
      this.drawMachine(context, frame, machine, row, machines.length),
    );
    context.restore();
    this.nameLines(context, frame, machines);
  }

  drawValues(context, frame, low, high) {
    const { ticks } = ticksBetween(low, high, 5);
    context.strokeStyle = state.colours.grid;
    for (const tick of ticks.filter(Number.isInteger)) {
      const y = Math.round(frame.y(tick)) + 0.5;
      line(context, frame.left, y, frame.right, y);
      write(context, whole(tick), frame.left - 8, y, { align: "right", size: 11.5 });
    }
  }

  drawFaults(context, frame) {
    this.run.facts.faults.forEach((fault, row) => {
      const [from, to] = [frame.x(fault.from_s), frame.x(fault.to_s)];
      if (to < frame.left || frame.right < from) return;
      context.fillStyle = state.colours.fault;
      context.fillRect(from, frame.top, to - from, frame.bottom - frame.top);
      const at = Math.max(frame.left, from) + 4;
      write(context, fault.kind, at, frame.top + 8 + (row % 4) * 13, { size: 11 });
    });
  }

  drawPrediction(context, frame, machine) {
    const growth = this.growth.get(machine.number);
    if (growth === undefined) return;
    context.strokeStyle = colourOf(machine.position);
    context.lineWidth = 1.4;
    context.setLineDash([1.5, 4.5]);
    // Only what is in sight: a browser counts all dots of a line, however far they lie outside.
    const { x0, x1 } = state.views.time;
    const [from, to] = [Math.max(0, x0), Math.min(this.run.facts.duration_s, x1)];
    line(context, frame.x(from), frame.y(growth * from), frame.x(to), frame.y(growth * to));
    context.setLineDash([]);
  }

  /** A step line; far out the least and the largest value of each column of pixels. */
  drawMachine(context, frame, machine, row, count) {
    const view = state.views.time;
    const values = machine[this.kind.name];
    const [begin, end] = machine.within("model", view.x0, view.x1);
    const from = Math.max(0, begin - 1);
    context.strokeStyle = colourOf(machine.position);
    // Earlier lines are wider, so that lines that lie on each other can all be seen.
    context.lineWidth = count > 8 ? 1.2 : 1.5 + 0.55 * (count - 1 - row);
    context.globalAlpha = count > 20 ? 0.75 : 1;
    context.setLineDash(dashOf(machine.position));
    context.beginPath();
    if (end - from > 2 * frame.plotted) {
      this.envelope(context, frame, machine, from, end);
    } else {
      let y = frame.y(from === 0 && begin === 0 ? 0 : values[from]);
      context.moveTo(frame.x(from === 0 ? 0 : machine.model[from]), y);
      for (let event = from; event < end; event += 1) {
        const x = frame.x(machine.model[event]);
        context.lineTo(x, y);
        y = frame.y(values[event]);
        context.lineTo(x, y);
      }
      const last = this.holdsUntil(machine, end);
      context.lineTo(frame.x(last), y);
    }
    context.stroke();
    context.setLineDash([]);
    context.globalAlpha = 1;
  }

  /** Until when the value of an event holds that is the last in sight. */
  holdsUntil(machine, end) {
    const isLast = end >= machine.count;
    const { log } = machine.facts;
    if (!isLast) return machine.model[end];
    return log.end === "finished" ? this.run.facts.duration_s : machine.model[machine.count - 1];
  }

  envelope(context, frame, machine, from, end) {
    const view = state.views.time;
    const { furthest } = machine.along("model");
    const pyramid = machine.pyramid(this.kind.name);
    let at = from;
    for (let column = 0; column < frame.plotted && at < end; column += 1) {
      const next = upperBound(
        furthest,
        view.x0 + ((column + 1) / frame.plotted) * view.span,
        at,
        end,
      );
      if (next > at) {
        const [least, most] = pyramid.range(at, next);
        const x = frame.left + column + 0.5;
        const [first, last] = [machine[this.kind.name][at], machine[this.kind.name][next - 1]];
        context.lineTo(x, frame.y(first));
        context.lineTo(x, frame.y(least));
        context.lineTo(x, frame.y(most));
        context.lineTo(x, frame.y(last));
      }
      at = next;
    }
  }

  /** Names the lines where they end, apart from each other. */
  nameLines(context, frame, machines) {
    if (!frame.isRoomy) return;
    const { x1 } = state.views.time;
    const names = machines
      .map((machine) => {
        const event = Math.max(
          0,
          Math.min(machine.count - 1, upperBound(machine.along("model").furthest, x1) - 1),
        );
        return { machine, y: frame.y(machine[this.kind.name][event]) };
      })
      .sort((a, b) => a.y - b.y);
    names.forEach((name, i) => {
      if (i > 0) name.y = Math.max(name.y, names[i - 1].y + 13);
    });
    for (let i = names.length - 1; i >= 0; i -= 1) {
      const below = i + 1 < names.length ? names[i + 1].y - 13 : frame.bottom;
      names[i].y = Math.min(names[i].y, below);
    }
    for (const { machine, y } of names) {
      context.strokeStyle = colourOf(machine.position);
      context.lineWidth = 2.5;
      context.setLineDash(dashOf(machine.position).map((length) => length / 2));
      line(context, frame.right + 4, y, frame.right + 14, y);
      context.setLineDash([]);
      write(context, `machine ${machine.number}`, frame.right + 18, y, {
        size: 11.5,
        colour: "ink",
      });
    }
  }

  touch() {
    const context = this.plot.begin("over", CHART_HEIGHT);
    const { frame } = this;
    if (state.time === null) {
      this.tip.hidden = true;
      return;
    }
    const x = Math.round(frame.x(state.time)) + 0.5;
    context.strokeStyle = state.colours.muted;
    context.lineWidth = 1;
    line(context, x, frame.top, x, frame.bottom);
    const values = this.valuesAt(state.time);
    for (const { machine, value } of values) {
      context.fillStyle = colourOf(machine.position);
      context.strokeStyle = state.colours.panel;
      context.lineWidth = 1.5;
      context.beginPath();
      context.arc(x, frame.y(value), 4, 0, 2 * Math.PI);
      context.fill();
      context.stroke();
    }
    this.showTip(x, values);
  }

  /** The values of all machines shown at a model time. */
  valuesAt(time) {
    const measured = (machine) => {
      const event = machine.lastBy(time);
      return { machine, value: event < 0 ? 0 : machine[this.kind.name][event] };
    };
    return shownMachines(this.run)
      .filter((machine) => machine.count > 0)
      .map(measured);
  }

  showTip(x, values) {
    const rows = values.map(({ machine, value }) =>
      element(
        "li",
        {},
        swatch(machine.position),
        element("span", {}, `${machine.number}`),
        element("b", {}, whole(value)),
      ),
    );
    const columns = Math.min(8, Math.ceil(values.length / 14));
    this.tip.replaceChildren(
      element("p", {}, `at ${fixed(state.time, 3)} s`),
      element("ul", { style: `columns: ${columns}` }, rows),
    );
    this.tip.hidden = false;
    // Many values would hide the chart: they stand below.
    this.tip.style.top = values.length > 14 ? `${CHART_HEIGHT - 6}px` : "0.5rem";
    const isRight = x + 24 + this.tip.offsetWidth > this.plot.width;
    this.tip.style.left = `${isRight ? Math.max(0, x - 14 - this.tip.offsetWidth) : x + 14}px`;
  }

  point(event) {
    const [x] = this.plot.locate(event);
    const view = state.views.time;
    const time = view.x0 + ((x - this.frame.left) / this.frame.plotted) * view.span;
    const isInside = this.frame.left <= x && x <= this.frame.right;
    state.time = isInside ? Math.min(Math.max(0, time), this.run.facts.duration_s) : null;
    retouch();
  }

  leave() {
    state.time = null;
    retouch();
  }

  key(event) {
    const view = state.views.time;
    if (zoomByKey(event, view)) return;
    const steps = { ArrowLeft: -0.01, ArrowRight: 0.01, PageUp: -0.1, PageDown: 0.1 };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const from = state.time ?? (view.x0 + view.x1) / 2;
    state.time = Math.min(Math.max(0, from + step * view.span), this.run.facts.duration_s);
    view.reveal(state.time);
    const values = this.valuesAt(state.time).slice(0, 12);
    say(
      `at ${fixed(state.time, 3)} s: ${values.map(({ machine, value }) => `machine ${machine.number} ${whole(value)}`).join(", ")}`,
    );
    redraw();
  }
}

/** A short stroke in the colour and dash of a machine. */
function swatch(position) {
  const stroke = drawn("line", {
    x1: 0,
    y1: 4,
    x2: 22,
    y2: 4,
    stroke: colourOf(position),
    "stroke-width": 3,
    "stroke-dasharray":
      dashOf(position)
        .map((length) => length / 2)
        .join(" ") || null,
  });
  return drawn(
    "svg",
    { class: "swatch", viewBox: "0 0 22 8", width: 22, height: 8, "aria-hidden": "true" },
    stroke,
  );
}
