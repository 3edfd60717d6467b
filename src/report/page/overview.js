// The overview: the whole run as a narrow band, and the part of it that the diagram shows.

const OVERVIEW_HEIGHT = 34;

class Overview {
  constructor(runPosition, holder) {
    this.run = state.runs[runPosition];
    this.holder = element("div", { class: "overview", "aria-hidden": "true" });
    holder.append(this.holder);
    this.plot = new Plot(this.holder, "", OVERVIEW_HEIGHT);
    this.holder.addEventListener("pointerdown", (event) => {
      this.holder.setPointerCapture(event.pointerId);
      this.centre(event);
    });
    this.holder.addEventListener("pointermove", (event) => {
      if (event.buttons === 1) this.centre(event);
    });
  }

  centre(event) {
    const view = diagramView();
    const [x] = this.plot.locate(event);
    const [least, most] = view.whole;
    const share = (x - this.left) / (this.right - this.left);
    const middle = least + share * (most - least);
    view.show(middle - view.span / 2, middle + view.span / 2);
    redraw();
  }

  x(place) {
    const [least, most] = diagramView().whole;
    return this.left + ((place - least) / (most - least)) * (this.right - this.left);
  }

  /** Bars: the longest queue of all machines shown, at each place. */
  draw() {
    const { left, right } = gutters(this.holder.clientWidth, mostMachines());
    const context = this.plot.begin("base", OVERVIEW_HEIGHT);
    [this.left, this.right] = [left, this.plot.width - right];
    const view = diagramView();
    const machines = shownMachines(this.run).filter((machine) => machine.count > 0);
    const step = 2;
    const perPixel = (view.whole[1] - view.whole[0]) / (this.right - this.left);
    const at = machines.map(() => 0);
    context.strokeStyle = state.colours.grid;
    line(context, this.left, OVERVIEW_HEIGHT - 1.5, this.right, OVERVIEW_HEIGHT - 1.5);
    context.fillStyle = state.colours.muted;
    for (let x = this.left; x < this.right; x += step) {
      const place = view.whole[0] + (x + step - this.left) * perPixel;
      let most = 0;
      machines.forEach((machine, i) => {
        // A log that ends early says nothing of the time after.
        if (at[i] === machine.count && machine.facts.log.end !== "finished") return;
        const next = upperBound(machine.along(state.axis).furthest, place, at[i]);
        // The last value holds until the next event.
        most = Math.max(most, machine.pyramid("queue").range(Math.max(0, at[i] - 1), next)[1]);
        at[i] = next;
      });
      const height = state.queueMax > 0 ? (most / state.queueMax) * (OVERVIEW_HEIGHT - 6) : 0;
      // A little wider than the step, so that no seam is seen between two.
      context.fillRect(x, OVERVIEW_HEIGHT - 2 - height, step + 0.5, height);
    }
    write(context, "queues", this.left - 8, OVERVIEW_HEIGHT / 2, { align: "right", size: 11 });
  }

  touch() {
    const context = this.plot.begin("over", OVERVIEW_HEIGHT);
    const view = diagramView();
    const [from, to] = [this.x(view.x0), this.x(view.x1)];
    for (const violation of this.run.facts.verdict.violations) {
      const [first] = violation.events;
      const x = first
        ? this.x(placeOf(this.run.machines[first[0]], first[1]))
        : this.x(violation.time_us / 1e6);
      context.fillStyle = state.colours.bad;
      context.fillRect(x - 1, 0, 2, OVERVIEW_HEIGHT);
    }
    if (view.isWhole()) return;
    context.globalAlpha = 0.72;
    context.fillStyle = state.colours.paper;
    context.fillRect(this.left - 1, 0, from - this.left + 1, OVERVIEW_HEIGHT);
    context.fillRect(to, 0, this.right - to + 1, OVERVIEW_HEIGHT);
    context.globalAlpha = 1;
    context.strokeStyle = state.colours.ink;
    context.lineWidth = 1.2;
    context.strokeRect(from, 1, Math.max(2, to - from), OVERVIEW_HEIGHT - 2);
  }
}
