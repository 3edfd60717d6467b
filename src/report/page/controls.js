// Controls: machines to be switched on and off, axis, colour, zoom, predictions, and the key.

/** Shows which machines are switched on, on their buttons. */
function showMachines() {
  const buttons = byId("machine-buttons");
  if (buttons.childElementCount === 0) {
    const count = mostMachines();
    const rates = (position) => [
      ...new Set(state.runs.map((run) => run.facts.machines[position]?.clock_rate).filter(Boolean)),
    ];
    for (let position = 0; position < count; position += 1) {
      const rate =
        count <= 12 ? element("span", { class: "unit" }, `${rates(position).join(", ")}/s`) : null;
      buttons.append(
        element(
          "button",
          {
            type: "button",
            class: "machine",
            "aria-label": `machine ${position + 1}`,
            onclick: () => toggle(position),
          },
          swatch(position),
          `${position + 1}`,
          rate,
        ),
      );
    }
    buttons.classList.toggle("many", count > 12);
    // What a link leads to stands below the buttons.
    const bar = byId("machines");
    new ResizeObserver(() => {
      document.documentElement.style.scrollPaddingTop = `${bar.offsetHeight + 12}px`;
    }).observe(bar);
    byId("machines-all").addEventListener("click", () => showAll(true));
    byId("machines-none").addEventListener("click", () => showAll(false));
  }
  [...buttons.children].forEach((button, position) => {
    button.setAttribute("aria-pressed", `${state.shown[position]}`);
    button.querySelector(".swatch").replaceWith(swatch(position));
  });
}

function toggle(position) {
  state.shown[position] = !state.shown[position];
  afterMachines();
  say(`machine ${position + 1} ${state.shown[position] ? "shown" : "hidden"}`);
}

function showAll(isShown) {
  state.shown.fill(isShown);
  afterMachines();
  say(isShown ? "all machines shown" : "no machine shown");
}

function afterMachines() {
  if (state.chosen && !state.shown[state.chosen.machine]) release();
  showMachines();
  showHistograms();
  redraw();
  repaper();
}

/** A row of choices of which one is taken. */
function choices(holder, name, options, taken, take) {
  for (const [value, text] of options) {
    const input = element("input", {
      type: "radio",
      name,
      value,
      checked: value === taken,
      onchange: () => take(value),
    });
    holder.append(element("label", {}, input, element("span", {}, text)));
  }
}

function showControls() {
  const isReal = state.runs.some((run) => run.facts.pace === "real");
  const axes = [
    ["model", "model time"],
    ...(isReal ? [["system", "system time"]] : []),
    ["clock", "logical clock"],
  ];
  choices(byId("axis-choice"), "axis", axes, state.axis, (axis) => {
    state.axis = axis;
    say(`along ${axisName()}`);
    redraw();
    repaper();
  });
  choices(
    byId("colour-choice"),
    "colour",
    [
      ["queue", "queue length"],
      ["wait", "waiting time"],
    ],
    state.colour,
    (colour) => {
      state.colour = colour;
      showKey();
      redraw();
      repaper();
    },
  );
  const zoom = (change) => () => {
    change(diagramView());
    redraw();
  };
  byId("zoom-in").addEventListener(
    "click",
    zoom((view) => view.zoom(1.6)),
  );
  byId("zoom-out").addEventListener(
    "click",
    zoom((view) => view.zoom(1 / 1.6)),
  );
  byId("zoom-whole").addEventListener(
    "click",
    zoom((view) => view.show(...view.whole)),
  );
  byId("predictions").addEventListener("change", (event) => {
    state.hasPredictions = event.target.checked;
    redraw();
    repaper();
  });
  const hasFaults = state.runs.some((run) => run.facts.faults.length > 0);
  byId("over-time-lead").append(
    element(
      "span",
      { class: "screen" },
      "Point at a time to read every machine's value; zoom and pan are those of the diagram. ",
    ),
    `Dotted is what theory predicted${hasFaults ? ", without the faults that are shaded" : ""}.`,
  );
}

/** Of a crowd of machines: which clock rate has which look. */
function showRates() {
  const { looks } = state;
  if (looks.length <= CROWD) return;
  const machines = state.runs.flatMap((run) => run.facts.machines);
  const rows = [...new Set(looks)]
    .sort((a, b) => a - b)
    .map((look) => {
      const first = looks.indexOf(look);
      const count = looks.filter((each) => each === look).length;
      const rate = machines.find((machine) => machine.machine === first + 1).clock_rate;
      return element(
        "span",
        { class: "shape" },
        swatch(first),
        `${whole(rate)}/s, ${counted(count, "machine")}`,
      );
    });
  byId("rates").replaceChildren(...rows);
}

/** The key of the diagram: what colours and shapes mean. */
function showKey() {
  showRates();
  const byQueue = state.colour === "queue";
  const scale = (title, most) =>
    element(
      "div",
      { class: "scale" },
      element("span", {}, title),
      element("span", { class: "end" }, "0"),
      element(
        "span",
        { class: "ramp", "aria-hidden": "true" },
        state.colours.amounts.map((colour) => element("i", { style: `background: ${colour}` })),
      ),
      element("span", { class: "end" }, most),
    );
  const shape = (text, ...parts) =>
    element(
      "span",
      { class: "shape" },
      drawn("svg", { viewBox: "0 0 26 14", width: 26, height: 14, "aria-hidden": "true" }, parts),
      text,
    );
  const dot = (radius, attributes) => drawn("circle", { cx: 13, cy: 7, r: radius, ...attributes });
  const stroke = (attributes) => drawn("path", { d: "M2 12 L22 3", fill: "none", ...attributes });
  byId("key").replaceChildren(
    scale(
      byQueue ? "events: queue length" : "events: waiting time",
      byQueue ? whole(state.queueMax) : lasting(state.waitMax),
    ),
    scale("messages: waiting time", lasting(state.waitMax)),
    element(
      "div",
      { class: "shapes" },
      shape("internal", dot(2.6, { class: "full" })),
      shape("send", dot(4, { class: "ring" })),
      shape("receive", dot(4.4, { class: "full" })),
      shape(
        "message",
        stroke({ class: "ring thin" }),
        drawn("path", { d: "M22 3 L15.5 3.2 L18 7.6 Z", class: "full" }),
      ),
      shape("never received", stroke({ class: "ring thin dashed" })),
      shape("lost", drawn("path", { d: "M4 12 L15 6 M12 3 L18 9 M12 9 L18 3", class: "odd" })),
    ),
  );
}
