// Marks in the diagram: faults, gaps, restarts, the ends of logs, the cones of an event,
// violations.

/** Shades the faults: on the lines of the machines that they strike. */
function drawFaults(context, frame, run) {
  let rows = 0;
  for (const fault of run.facts.faults) {
    const struck = new Set([...fault.machines, ...fault.channels.flat()]);
    let labelAt = Infinity;
    for (const machine of shownMachines(run).filter((each) => struck.has(each.position))) {
      const [from, to] = [fault.from_s, fault.to_s].map((time) =>
        frame.clamp(frame.x(placeAt(machine, time))),
      );
      if (to - from < 0.5) continue;
      labelAt = Math.min(labelAt, from);
      context.fillStyle = state.colours.fault;
      const y = frame.y(machine.position);
      context.fillRect(from, y - frame.pitch / 2, to - from, frame.pitch);
      hatch(context, from, y - frame.pitch / 2, to - from, frame.pitch);
    }
    if (labelAt < Infinity && frame.right - labelAt > 30) {
      write(context, fault.kind, labelAt + 2, 10 + (rows % 2) * 12, { size: 11 });
      rows += 1;
    }
  }
}

/** Where a model time is along the axis of the diagram, for a machine. */
function placeAt(machine, time) {
  if (state.axis !== "clock") return time;
  const event = machine.lastBy(time);
  return event < 0 ? 0 : machine.clock[event];
}

/** Fine slanted lines: a shade that is seen in black and white. */
function hatch(context, x, y, width, height) {
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  context.strokeStyle = state.colours.rule;
  context.lineWidth = 0.8;
  context.beginPath();
  const from = Math.floor((x - height) / 7) * 7;
  for (let at = from; at < x + width; at += 7) {
    context.moveTo(at, y + height);
    context.lineTo(at + height, y);
  }
  context.stroke();
  context.restore();
}

/** Ticks that were skipped, restarts, and logs that end early. */
function drawLogMarks(context, frame, machine, y) {
  const { log } = machine.facts;
  if (log === null) {
    write(context, "no log can be read", frame.left + 8, y - Math.min(9, frame.pitch / 2), {
      size: 11,
      colour: "bad",
    });
    return;
  }
  for (const skip of log.skips) {
    const [from, to] = [skip.first_us, skip.last_us].map((us) =>
      frame.clamp(frame.x(placeAt(machine, us / 1e6))),
    );
    hatch(context, from, y - frame.pitch * 0.2, to - from, frame.pitch * 0.4);
  }
  for (const restart of log.restarts.filter((each) => each.before_event > 0)) {
    const before = Math.min(restart.before_event, machine.count - 1);
    flag(context, frame, frame.x(placeOf(machine, before)), y, `start ${restart.incarnation}`);
  }
  if (log.end !== "finished" && machine.count > 0) {
    const why = log.torn_line !== null ? "torn here" : (log.end ?? "log ends");
    flag(context, frame, frame.x(placeOf(machine, machine.count - 1)) + 5, y, why);
  }
}

function flag(context, frame, x, y, text) {
  if (x < frame.left || frame.right < x) return;
  const height = Math.min(15, frame.pitch * 0.4);
  context.strokeStyle = state.colours.ink;
  context.lineWidth = 1.2;
  line(context, x - 0.5, y - height, x - 0.5, y + height);
  if (frame.pitch >= 16) {
    const isRight = frame.right - x < 60;
    write(context, text, isRight ? x - 4 : x + 4, y - height + 3, {
      size: 10.5,
      align: isRight ? "right" : "left",
      colour: "ink",
    });
  }
}

/**
 * Tints past and future of the chosen event: on every line up to the last cause, from the first
 * effect.
 */
function drawCones(context, frame, runPosition) {
  const { chosen } = state;
  if (!chosen || chosen.run !== runPosition) return;
  const run = state.runs[runPosition];
  for (const machine of shownMachines(run)) {
    const top = frame.y(machine.position) - frame.pitch / 2;
    const past = chosen.cones.past[machine.position];
    const future = chosen.cones.future[machine.position];
    const room = machine.position === chosen.machine ? 0 : 4;
    if (past >= 0) {
      const to = frame.clamp(frame.x(placeOf(machine, past)) + room);
      const from = frame.clamp(frame.x(0));
      context.fillStyle = state.colours.past;
      context.fillRect(from, top, to - from, frame.pitch);
    }
    if (future < machine.count) {
      const from = frame.clamp(frame.x(placeOf(machine, future)) - room);
      context.fillStyle = state.colours.future;
      context.fillRect(from, top, frame.right - from, frame.pitch);
    }
  }
  nameCones(context, frame, run);
}

/** Says which tint is which, on the line of the chosen event. */
function nameCones(context, frame, run) {
  const { machine, event } = state.chosen;
  if (frame.pitch < 24 || !state.shown[machine]) return;
  const x = frame.x(placeOf(run.machines[machine], event));
  const y = frame.y(machine) + frame.pitch / 2 - 10;
  const style = (colour) => ({ size: 11.5, weight: 600, colour });
  if (x - frame.left > 60)
    write(context, "before", x - 14, y, { ...style("past-ink"), align: "right" });
  if (frame.right - x > 60) write(context, "after", x + 14, y, style("future-ink"));
}

/** Rings the chosen event, and draws its own messages above all others. */
function drawChosen(context, frame, runPosition) {
  const { chosen } = state;
  if (!chosen || chosen.run !== runPosition || !state.shown[chosen.machine]) return;
  const run = state.runs[runPosition];
  const machine = run.machines[chosen.machine];
  const [x, y] = [frame.x(placeOf(machine, chosen.event)), frame.y(chosen.machine)];
  context.strokeStyle = state.colours.ink;
  context.fillStyle = state.colours.ink;
  context.lineWidth = 1.8;
  for (const { from, to } of messagesOf(run, chosen.machine, chosen.event)) {
    if (!from || !to || !state.shown[from.machine] || !state.shown[to.machine]) continue;
    const ends = [from, to].flatMap((end) => [
      frame.x(placeOf(run.machines[end.machine], end.event)),
      frame.y(end.machine),
    ]);
    strokeArrows(context, ends, true);
  }
  if (x < frame.left - 1 || frame.right + 1 < x) return;
  context.lineWidth = 2;
  context.beginPath();
  context.arc(x, y, 7, 0, 2 * Math.PI);
  context.stroke();
  if (state.isPinned) {
    context.beginPath();
    context.arc(x, y, 10.5, 0, 2 * Math.PI);
    context.lineWidth = 1;
    context.stroke();
  }
}

/** The messages that an event sends or receives, with both ends, as far as they are known. */
function messagesOf(run, machine, event) {
  const found = [];
  for (const channel of run.outOf[machine]) {
    const send = lowerBound(channel.sends, event);
    if (channel.sends[send] === event) {
      const receive = channel.receivedBy[send];
      const to = receive < 0 ? null : { machine: channel.to, event: receive };
      found.push({ from: { machine, event }, to, channel, fate: channel.fates[send] });
    }
  }
  const into = run.machines[machine].channelOf[event];
  if (into >= 0) {
    const channel = run.channels[into];
    const position = run.machines[machine].receiveOf[event];
    const take = channel.takes[position];
    const from = take < 0 ? null : { machine: channel.from, event: channel.sends[take] };
    found.push({ from, to: { machine, event }, channel, how: channel.how[position] });
  }
  return found;
}

/** Draws the path that proves a violation, and rings its events. */
function drawViolations(context, frame, runPosition) {
  const run = state.runs[runPosition];
  run.facts.verdict.violations.forEach((violation, position) => {
    const isShown =
      state.violation &&
      state.violation.run === runPosition &&
      state.violation.position === position;
    if (isShown) drawPath(context, frame, run, violation.path);
    const events = violation.events.filter(([machine]) => state.shown[machine]);
    events.slice(0, isShown ? events.length : 1).forEach(([machine, event], order) => {
      ringViolation(
        context,
        frame,
        frame.x(placeOf(run.machines[machine], event)),
        frame.y(machine),
        isShown,
        order,
      );
    });
    if (violation.events.length === 0 && isShown) markTime(context, frame, run, violation);
  });
}

function drawPath(context, frame, run, path) {
  const points = path
    .flat()
    .filter(([machine]) => state.shown[machine])
    .map(([machine, event]) => [frame.x(placeOf(run.machines[machine], event)), frame.y(machine)]);
  for (const [width, colour] of [
    [5.5, state.colours.panel],
    [3, state.colours.bad],
  ]) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    points.forEach(([x, y], i) => (i === 0 ? context.moveTo(x, y) : context.lineTo(x, y)));
    context.stroke();
  }
}

function ringViolation(context, frame, x, y, isShown, order) {
  if (x < frame.left - 8 || frame.right + 8 < x) return;
  context.strokeStyle = state.colours.bad;
  context.lineWidth = isShown ? 2.6 : 1.6;
  context.beginPath();
  if (order === 0) {
    // What is wrong has a square round it; what it is held against a circle.
    const size = isShown ? 9 : 6;
    context.rect(x - size, y - size, 2 * size, 2 * size);
  } else {
    context.arc(x, y, 9, 0, 2 * Math.PI);
  }
  context.stroke();
  if (isShown && order === 0 && frame.pitch >= 20) {
    write(context, "wrong", x, y - 17, { align: "center", colour: "bad", weight: 650, size: 11.5 });
  }
}

/** A violation that no event shows: its time on the lines of its machines. */
function markTime(context, frame, run, violation) {
  for (const position of violation.machines.filter((machine) => state.shown[machine])) {
    const x = frame.x(placeAt(run.machines[position], violation.time_us / 1e6));
    ringViolation(
      context,
      frame,
      Math.max(frame.left, Math.min(frame.right, x)),
      frame.y(position),
      true,
      0,
    );
  }
}

/** Marks where a run parts from another. */
function drawPartings(context, frame, runPosition) {
  for (const comparison of state.facts.comparisons) {
    const isHere = runPosition === 0 || comparison.other === runPosition;
    if (comparison.outcome !== "parted" || !isHere || !state.shown[comparison.machine]) continue;
    const machine = state.runs[runPosition].machines[comparison.machine];
    const x = frame.x(placeAt(machine, comparison.due_us / 1e6));
    if (x < frame.left || frame.right < x) continue;
    const y = frame.y(comparison.machine);
    context.strokeStyle = state.colours.ink;
    context.lineWidth = 1;
    context.setLineDash([5, 3]);
    line(context, x, frame.top - 6, x, frame.bottom);
    context.setLineDash([]);
    context.lineWidth = 2;
    context.beginPath();
    context.moveTo(x, y - 9);
    context.lineTo(x + 9, y);
    context.lineTo(x, y + 9);
    context.lineTo(x - 9, y);
    context.closePath();
    context.stroke();
    const isRight = frame.right - x < 90;
    write(context, "parts here", isRight ? x - 5 : x + 5, frame.top - 2, {
      size: 11,
      colour: "ink",
      align: isRight ? "right" : "left",
    });
  }
}
