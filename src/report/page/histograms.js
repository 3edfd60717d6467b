// Histograms: how large the jumps of each machine were, and for how long the clocks were how far
// apart.

/** Draws the histograms of all runs. */
function showHistograms() {
  byId("histogram-columns").replaceChildren(
    ...state.runs.map((run) => {
      const machines = run.facts.stats.machines.filter((stats) => state.shown[stats.machine - 1]);
      return element(
        "div",
        { class: "column" },
        runHeading(run),
        element(
          "h3",
          {},
          "Jumps",
          element("span", { class: "unit" }, "share of a machine's events"),
        ),
        element(
          "div",
          { class: "multiples" },
          machines.map((stats) => jumpHistogram(stats)),
        ),
        element("h3", {}, "Drift", element("span", { class: "unit" }, "share of model time")),
        driftHistogram(run),
      );
    }),
  );
}

/** The ranges of the jumps, as people read them. */
function jumpNames() {
  const ends = state.facts.jump_buckets;
  const names = ends.map((end, i) => {
    const first = i === 0 ? 1 : ends[i - 1] + 1;
    return first === end ? `${end}` : `${first}-${end}`;
  });
  return [...names, `>${ends[ends.length - 1]}`];
}

function jumpHistogram(stats) {
  const counts = stats.jump_histogram;
  const total = counts.reduce((sum, count) => sum + count, 0);
  const shares = counts.map((count) => (total > 0 ? count / total : 0));
  const names = jumpNames();
  const [width, height, base] = [238, 108, 80];
  const step = width / counts.length;
  const bars = shares.map((share, i) => {
    const tall = share * (base - 16);
    const x = i * step;
    return drawn(
      "g",
      {},
      drawn("rect", {
        x: x + 2,
        y: base - tall,
        width: step - 4,
        height: Math.max(share > 0 ? 1 : 0, tall),
        fill: colourOf(stats.machine - 1),
      }),
      share > 0
        ? drawn("text", { x: x + step / 2, y: base - tall - 4, class: "value" }, perCent(share))
        : null,
      drawn("text", { x: x + step / 2, y: base + 13, class: "name" }, names[i]),
    );
  });
  const told = names.map((name, i) => `${name}: ${whole(counts[i])}`).join(", ");
  return element(
    "figure",
    {},
    element(
      "figcaption",
      {},
      swatch(stats.machine - 1),
      ` machine ${stats.machine}`,
      element(
        "span",
        { class: "unit" },
        `mean ${fixed(stats.jump_mean, 2)}, largest ${whole(stats.jump_max)}`,
      ),
    ),
    drawn(
      "svg",
      {
        viewBox: `0 0 ${width} ${height}`,
        role: "img",
        "aria-label": `jumps of machine ${stats.machine}: ${told}`,
      },
      drawn("line", { x1: 0, y1: base + 0.5, x2: width, y2: base + 0.5, class: "axis" }),
      bars,
    ),
  );
}

/** A share, as short as it can be told. */
function perCent(share) {
  if (share >= 0.995) return "100%";
  if (share >= 0.095) return `${Math.round(share * 100)}%`;
  return share >= 0.0095 ? `${fixed(share * 100, 0)}%` : "<1%";
}

function driftHistogram(run) {
  const { width, seconds } = run.facts.drift;
  const bars = Math.max(...state.runs.map((each) => each.facts.drift.seconds.length), 1);
  const total = seconds.reduce((sum, time) => sum + time, 0);
  const shareOf = (each) => {
    const all = each.facts.drift.seconds.reduce((sum, time) => sum + time, 0);
    return Math.max(...each.facts.drift.seconds.map((time) => time / all), 0);
  };
  const most = Math.max(...state.runs.map(shareOf), 1e-9);
  const [across, base, left] = [620, 120, 40];
  const step = (across - left) / bars;
  const columns = seconds.map((time, i) => {
    const tall = (time / total / most) * (base - 18);
    const told = `${i * width} to ${(i + 1) * width - 1}: ${lasting(time)}`;
    return drawn(
      "rect",
      {
        x: left + i * step + 0.75,
        y: base - tall,
        width: Math.max(0.5, step - 1.5),
        height: tall,
        class: "bar",
      },
      drawn("title", {}, told),
    );
  });
  const { ticks } = ticksBetween(0, bars * width, 8);
  const marks = ticks.filter(Number.isInteger).map((tick) =>
    drawn(
      "text",
      {
        x: left + (tick / width) * step,
        y: base + 15,
        class: "name",
      },
      whole(tick),
    ),
  );
  const label = `drift over model time: ${whole(run.facts.stats.drift_max)} at most, ${whole(run.facts.stats.drift_end)} at the end`;
  return drawn(
    "svg",
    { class: "drift", viewBox: `0 0 ${across} ${base + 38}`, role: "img", "aria-label": label },
    drawn("text", { x: left - 8, y: 22, class: "name end" }, perCent(most)),
    drawn("line", { x1: left, y1: base + 0.5, x2: across, y2: base + 0.5, class: "axis" }),
    columns,
    marks,
    drawn("text", { x: across, y: base + 33, class: "name end" }, "spread of the machines' clocks"),
  );
}
