// The event that is looked at: its fields, and how much lies before and after it.

const KINDS = ["internal event", "send", "receive"];

/** Tells of the chosen event in words. */
function describeEvent(run, machine, event) {
  const kind = KINDS[machine.kind[event]];
  const messages = messagesOf(run, machine.position, event);
  const peer = (channel, position) =>
    position === null ? `port ${channel.port}` : `machine ${run.machines[position].number}`;
  if (machine.kind[event] === SEND) {
    return `send to ${messages.map(({ channel }) => peer(channel, channel.to)).join(", ")}`;
  }
  if (machine.kind[event] === RECEIVE && messages.length > 0) {
    const { channel } = messages[messages.length - 1];
    return `receive from ${peer(channel, channel.from)}`;
  }
  return kind;
}

/** What is odd about the messages of an event. */
function oddities(run, machine, event) {
  const texts = {
    [AHEAD]: "received ahead of earlier messages",
    [OVERTAKEN]: "was overtaken by a later message",
    [AGAIN]: "was received before",
    [INVENTED]: "no send carries its timestamp",
    [CIRCULAR]: "received before it was sent",
  };
  return messagesOf(run, machine.position, event).flatMap(({ from, to, how, channel, fate }) => {
    if (how) return channel.isJoined ? [texts[how]] : ["the log of its sender is not there"];
    if (to || !from) return [];
    if (!channel.isJoined) return ["the log of its receiver is not there"];
    const receiver = `machine ${run.machines[channel.to].number}`;
    return [fate === LOST ? `lost on the way to ${receiver}` : `${receiver} never received it`];
  });
}

/** Shows the chosen event, or how to choose one. */
function showDetails() {
  const panel = byId("details");
  const { chosen } = state;
  panel.classList.toggle("pinned", state.isPinned);
  if (!chosen) {
    panel.replaceChildren(
      element(
        "p",
        { class: "hint" },
        "Point at an event, or press ] in the diagram, to see what it depends on and what depends on it. " +
          "A click holds it; Escape lets go.",
      ),
    );
    return;
  }
  const run = state.runs[chosen.run];
  const machine = run.machines[chosen.machine];
  const { event, cones } = chosen;
  panel.replaceChildren(
    element(
      "div",
      {},
      element(
        "h3",
        {},
        swatch(chosen.machine),
        ` machine ${machine.number}, event ${whole(event + 1)} of ${whole(machine.count)}`,
      ),
      element("p", { class: "what" }, describeEvent(run, machine, event)),
      oddities(run, machine, event).map((text) => element("p", { class: "odd" }, text)),
      coneBar(cones.counts),
      element(
        "p",
        { class: "hint" },
        state.isPinned ? "Held. Escape lets go." : "A click holds it.",
      ),
    ),
    element(
      "dl",
      { class: "fields" },
      fieldsOf(run, machine, event).map(([name, value]) =>
        element("div", {}, element("dt", {}, name), element("dd", {}, value)),
      ),
    ),
  );
}

function fieldsOf(run, machine, event) {
  const isReal = machine.facts.log.has_system_time;
  const wait = machine.wait[event];
  const fields = [
    ["logical clock", whole(machine.clock[event])],
    ["queue after it", whole(machine.queue[event])],
    ["model time", `${fixed(machine.model[event], 6)} s`],
    [
      "system time",
      isReal ? `${fixed(machine.system[event] / run.speed, 6)} s after the start` : null,
    ],
    ["lateness", machine.lateness ? lasting(machine.lateness[event] / 1e6) : null],
    ["tick", whole(machine.tick[event])],
    ["drew", machine.draw[event] > 0 ? whole(machine.draw[event] - 1) : null],
    ["timestamp received", Number.isNaN(machine.stamp[event]) ? null : whole(machine.stamp[event])],
    ["message waited", Number.isNaN(wait) ? null : lasting(wait)],
    ["log", `${machine.facts.path.split("/").pop()}:${machine.line[event]}`],
  ];
  return fields.filter(([, value]) => value !== null);
}

/** How many events are before, concurrent and after, as a bar and in figures. */
function coneBar(counts) {
  const parts = [
    ["past", "before", counts.past],
    ["concurrent", "concurrent", counts.concurrent],
    ["future", "after", counts.future],
  ];
  return element(
    "div",
    { class: "cones" },
    element(
      "div",
      { class: "bar", "aria-hidden": "true" },
      parts.map(([kind, , count]) =>
        element("span", { class: kind, style: `flex-grow: ${count}` }),
      ),
    ),
    element(
      "dl",
      {},
      parts.map(([kind, name, count]) =>
        element("div", { class: kind }, element("dt", {}, name), element("dd", {}, whole(count))),
      ),
    ),
  );
}

/** Tells people who do not see the diagram of the chosen event. */
function announce() {
  const { chosen } = state;
  if (!chosen) return;
  const run = state.runs[chosen.run];
  const machine = run.machines[chosen.machine];
  const { counts } = chosen.cones;
  const odd = oddities(run, machine, chosen.event)
    .map((text) => `; ${text}`)
    .join("");
  say(
    `machine ${machine.number}, event ${chosen.event + 1} of ${machine.count}: ${describeEvent(run, machine, chosen.event)}${odd}; ` +
      `clock ${machine.clock[chosen.event]}, queue ${machine.queue[chosen.event]}, at ${fixed(machine.model[chosen.event], 3)} s; ` +
      `${counts.past} events before, ${counts.future} after, ${counts.concurrent} concurrent`,
  );
}

function say(text) {
  byId("live").textContent = text;
}

/** Says below a diagram what is not drawn of it, if anything. */
function showRemark(runPosition, drawn) {
  const remark = byId(`remark-${runPosition}`);
  if (!remark || state.isPrinted) return;
  const parts = [];
  if (drawn.banded > 0)
    parts.push("events so close are a strip, coloured by the largest value among them");
  if (drawn.bundled > 0)
    parts.push(`${counted(drawn.bundled, "message")} in bundles, wider if many`);
  if (drawn.passing > 0) parts.push(`${counted(drawn.passing, "message")} not drawn`);
  const text = parts.length > 0 ? `${parts.join("; ")}. Zoom in to see each.` : "";
  if (remark.textContent !== text) remark.textContent = text;
}
