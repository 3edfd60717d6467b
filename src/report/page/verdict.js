// The verdict of the checker, its violations one by one, and how runs compare.

const VERDICTS = {
  holds: ["holds", "Causality held: no rule is broken."],
  "cannot-say": ["cannot say", "No rule is broken by what is there, but something is missing."],
  violated: ["violated", "A rule is broken."],
};

/** A heading for a run, where there are several. */
function runHeading(run) {
  return state.runs.length > 1 ? element("p", { class: "run" }, run.facts.folder) : null;
}

function showVerdicts() {
  byId("verdicts").replaceChildren(
    ...state.runs.map((run, position) => {
      const { verdict, pairs, missing, violations } = run.facts.verdict;
      const [name, meaning] = VERDICTS[verdict];
      return element(
        "div",
        { class: "column" },
        runHeading(run),
        element("p", { class: `verdict ${verdict}` }, element("b", {}, name), ` ${meaning}`),
        verdict === "holds"
          ? element(
              "p",
              { class: "rules" },
              `Held against the logs: ${state.facts.rules.join(", ")}.`,
            )
          : null,
        pairs ? pairsLine(pairs) : null,
        missing.length > 0
          ? element(
              "ul",
              { class: "missing" },
              missing.map((text) => element("li", {}, `missing: ${text}`)),
            )
          : null,
        violations.length > 0
          ? element("div", { class: "violation", id: `violation-${position}` })
          : null,
      );
    }),
  );
  state.runs.forEach((run, position) => showViolation(position));
}

function pairsLine(pairs) {
  const all = pairs.ordered + pairs.concurrent;
  const share = all > 0 ? ` (${fixed((100 * pairs.concurrent) / all, 1)} %)` : "";
  return element(
    "p",
    {},
    `Of all pairs of events, ${whole(pairs.ordered)} are ordered by causality and ${whole(pairs.concurrent)} ` +
      `are concurrent${share}. The clocks order ${whole(pairs.concurrent_with_clocks_apart)} of the concurrent ones as well: ` +
      "a smaller timestamp does not prove that an event happened before.",
  );
}

/** The violation of a run that is told of, with the way to the others. */
function showViolation(runPosition) {
  const holder = byId(`violation-${runPosition}`);
  if (!holder) return;
  const { violations, violations_total: total } = state.runs[runPosition].facts.verdict;
  const position =
    state.violation && state.violation.run === runPosition ? state.violation.position : 0;
  const violation = violations[position];
  const go = (step) => visitViolation(runPosition, position + step);
  const cut = total > violations.length ? ` (of ${whole(total)}; --limit lists more)` : "";
  holder.replaceChildren(
    element(
      "div",
      { class: "buttons", role: "group", "aria-label": "Violations" },
      element(
        "button",
        { type: "button", class: "previous", disabled: position === 0, onclick: () => go(-1) },
        "Previous",
      ),
      element(
        "span",
        { class: "count" },
        `violation ${position + 1} of ${violations.length}${cut}`,
      ),
      element(
        "button",
        {
          type: "button",
          class: "next",
          disabled: position + 1 === violations.length,
          onclick: () => go(1),
        },
        "Next",
      ),
      element(
        "button",
        { type: "button", class: "show", onclick: () => visitViolation(runPosition, position) },
        "Show in the diagram",
      ),
    ),
    element("p", { class: "finding" }, element("b", {}, violation.rule), `: ${violation.what}`),
    element(
      "ul",
      { class: "places" },
      violation.places.map((place, i) => element("li", {}, i === 0 ? place : `see ${place}`)),
    ),
    violation.consequences_total > 0
      ? element(
          "div",
          { class: "consequences" },
          element(
            "p",
            {},
            `From this ${violation.consequences_total === 1 ? "follows" : "follow"} ${counted(violation.consequences_total, "other")}:`,
          ),
          element(
            "ul",
            {},
            violation.consequences.map((text) => element("li", {}, text)),
            violation.consequences.length < violation.consequences_total
              ? element(
                  "li",
                  {},
                  `and ${whole(violation.consequences_total - violation.consequences.length)} more`,
                )
              : null,
          ),
        )
      : null,
  );
}

/** Shows a violation in the diagram, and brings the reader there. */
function visitViolation(runPosition, position) {
  centreViolation(runPosition, position);
  const { what, rule } = state.runs[runPosition].facts.verdict.violations[position];
  say(`violation ${position + 1}: ${rule}: ${what}`);
}

/** Brings a violation and what proves it into the middle of the diagram. */
function centreViolation(runPosition, position) {
  const run = state.runs[runPosition];
  const violation = run.facts.verdict.violations[position];
  state.violation = { run: runPosition, position };
  const events = [...violation.events, ...violation.path.flat()];
  // What is to be seen is shown.
  [...events.map(([machine]) => machine), ...violation.machines].forEach((machine) => {
    state.shown[machine] = true;
  });
  const placesOn = (axis) =>
    events.length > 0
      ? events.map(([machine, event]) => run.machines[machine][axis][event])
      : [axis === "clock" ? 0 : violation.time_us / 1e6];
  for (const [view, axis] of [
    [state.views.time, state.axis === "system" ? "system" : "model"],
    [state.views.clock, "clock"],
  ]) {
    const places = placesOn(axis);
    const [least, most] = [Math.min(...places), Math.max(...places)];
    const first = placesOn(axis)[0];
    // Room for some thirty events of context, or for the path.
    const density = run.events / run.machines.length / (view.whole[1] - view.whole[0]);
    const reach = Math.max((most - least) * 0.75, first - least, most - first);
    const half = Math.max(15 / Math.max(density, 1e-9), reach * 1.1);
    view.show(first - half, first + half);
  }
  showMachines();
  showViolation(runPosition);
  redraw();
  repaper();
}

/** How the first run compares with the others. */
function showComparisons() {
  const [one] = state.runs;
  byId("comparisons").replaceChildren(
    ...state.facts.comparisons.map((comparison) => {
      const other = state.runs[comparison.other];
      const names = `${one.facts.folder} and ${other.facts.folder}`;
      if (comparison.outcome === "equal") {
        return element(
          "p",
          { class: "comparison" },
          `${names} are equal: ${counted(comparison.events, "event")}.`,
        );
      }
      if (comparison.outcome === "refused") {
        return element(
          "p",
          { class: "comparison" },
          `Not compared event by event: ${comparison.why}.`,
        );
      }
      const { due_us: due, events_before: before, events, machine, what, places } = comparison;
      const there = places.map((place) => place ?? "the log has ended").join(" and ");
      return element(
        "div",
        { class: "comparison" },
        element(
          "p",
          {},
          `${names} part at ${fixed(due / 1e6, 6)} s of model time, after ${whole(before)} of ${counted(events, "event")}: ` +
            `machine ${one.machines[machine].number}, ${what} (${there}).`,
        ),
        element(
          "button",
          { type: "button", class: "part", onclick: () => showParting(comparison) },
          "Show where they part",
        ),
      );
    }),
  );
}

/** Brings the place where two runs part into the middle of the diagrams. */
function showParting(comparison) {
  const time = comparison.due_us / 1e6;
  const machine = state.runs[0].machines[comparison.machine];
  state.shown[comparison.machine] = true;
  const span =
    state.views.time.spanMin + (20 * state.runs[0].facts.duration_s) / Math.max(20, machine.count);
  state.views.time.show(time - span, time + span);
  const clock = placeAtClock(machine, time);
  state.views.clock.show(clock - 20, clock + 20);
  showMachines();
  redraw();
  say(`the runs part at ${fixed(time, 3)} s on machine ${machine.number}: ${comparison.what}`);
}

function placeAtClock(machine, time) {
  const event = machine.lastBy(time);
  return event < 0 ? 0 : machine.clock[event];
}
