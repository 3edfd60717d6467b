// Words and tables: the head of the page, the figures of stats, and the trial.

/** What a run is, in a sentence. */
function sentenceOf(run) {
  const { facts } = run;
  const rates = facts.machines.map((machine) => machine.clock_rate);
  const isFew = rates.length <= 8;
  const pace =
    facts.pace === "virtual"
      ? "the virtual pace"
      : `the real pace${facts.speed === "1" ? "" : `, ${facts.speed} times faster`}`;
  const ticking = isFew
    ? `${rates.length} machines at ${listOf(rates.map(String))} ticks a second`
    : `${rates.length} machines at ${Math.min(...rates)} to ${Math.max(...rates)} ticks a second`;
  return `${ticking}, for ${whole(facts.duration_s)} s of model time at ${pace}. Draws in 1 to ${whole(facts.draw_range)}, seed ${facts.seed}.`;
}

function listOf(texts) {
  return texts.length < 2
    ? texts.join("")
    : `${texts.slice(0, -1).join(", ")} and ${texts[texts.length - 1]}`;
}

function showHead() {
  const names = [...new Set(state.runs.map((run) => run.facts.trial))];
  byId("title").textContent =
    state.runs.length > 1 ? `${listOf(names)}: ${state.runs.length} runs side by side` : names[0];
  byId("summaries").replaceChildren(
    ...state.runs.map((run) => {
      const { verdict, events, sent, received } = run.facts.verdict;
      const [name] = VERDICTS[verdict];
      const waits = run.facts.stats.machines.map((stats) => stats.wait_max_s);
      const figures = [
        ["verdict", element("span", { class: `badge ${verdict}` }, name)],
        ["events", whole(events)],
        ["messages sent", whole(sent)],
        ["received", whole(received)],
        ["largest drift", whole(run.facts.stats.drift_max)],
        ["longest queue", whole(run.queueMax)],
        ["longest wait", lasting(Math.max(0, ...waits))],
      ];
      return element(
        "div",
        { class: "column" },
        runHeading(run),
        element("p", { class: "lead" }, sentenceOf(run)),
        element(
          "dl",
          { class: "headline" },
          figures.map(([term, value]) =>
            element("div", {}, element("dt", {}, term), element("dd", {}, value)),
          ),
        ),
      );
    }),
  );
  byId("foot").textContent =
    `Made by scalemodel ${state.facts.program} from ${listOf(state.runs.map((run) => run.facts.folder))}.`;
}

/** The table of stats. With many machines it has a line a machine. */
function showFigures() {
  byId("figure-tables").replaceChildren(
    ...state.runs.map((run) => {
      const { title, rows, foot } = run.facts.sheet;
      const names = run.facts.stats.machines.map((stats) => `machine ${stats.machine}`);
      const isWide = names.length > 6;
      const heads = isWide ? ["", ...rows.map(([name]) => name.trim())] : ["", ...names];
      const lines = isWide
        ? names.map((name, i) => [name, ...rows.map(([, values]) => values[i])])
        : rows.map(([name, values]) => [name, ...values]);
      return element(
        "div",
        { class: "column" },
        runHeading(run),
        table(title, heads, lines, { class: isWide ? "wide numbers" : "numbers" }),
        element("p", { class: "note" }, foot, "."),
      );
    }),
  );
}

function showTrials() {
  byId("trial-tables").replaceChildren(
    ...state.runs.map((run) => {
      const isMesh = run.facts.machines.every((machine) => machine.sends_to === null);
      const machines = run.facts.machines.map((machine) => [
        `machine ${machine.machine}`,
        machine.host,
        machine.port,
        whole(machine.clock_rate),
        machine.phase,
        ...(isMesh ? [] : [machine.sends_to.join(", ")]),
        logState(machine),
      ]);
      const faults = run.facts.faults.map((fault) => [
        `${fault.number} ${fault.kind}`,
        `${fixed(fault.from_s, 3)} to ${fixed(fault.to_s, 3)}`,
        struck(run, fault),
        fault.hits === null ? "-" : whole(fault.hits),
        fault.line,
      ]);
      return element(
        "div",
        { class: "column" },
        runHeading(run),
        table(
          "Machines",
          ["", "host", "port", "ticks a second", "phase", ...(isMesh ? [] : ["sends to"]), "log"],
          machines,
        ),
        faults.length > 0
          ? table("Faults", ["fault", "seconds", "strikes", "times", "in full"], faults)
          : null,
        faults.length > 0 ? element("p", { class: "note" }, "Predictions leave faults out.") : null,
      );
    }),
  );
}

function struck(run, fault) {
  const number = (position) => run.machines[position].number;
  if (fault.machines.length > 0)
    return `machine ${listOf(fault.machines.map((each) => `${number(each)}`))}`;
  const channels = fault.channels
    .slice(0, 6)
    .map(([from, to]) => `${number(from)} to ${number(to)}`);
  return (
    channels.join(", ") +
    (fault.channels.length > 6 ? ` and ${fault.channels.length - 6} more` : "")
  );
}

/** How whole a log is, in words. */
function logState({ log }) {
  if (log === null) return "missing";
  if (log.torn_line !== null) return `torn at line ${log.torn_line}`;
  const starts = log.restarts.length > 0 ? `, started ${log.restarts.length + 1} times` : "";
  if (log.start === null) return "never started";
  return `${counted(log.events, "event")}, ${log.end ?? "no end entry"}${starts}`;
}
