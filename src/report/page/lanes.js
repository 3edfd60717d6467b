// The lines of the machines in the space-time diagram, and the events on them.

/** So close events must not come, in pixels, or a strip is drawn instead of dots. */
const DOT_PITCH_MIN = 2;
/** From this radius on the kinds of events look different. */
const GLYPH_RADIUS_MIN = 2;

/**
 * The room left and right of what is plotted; the same for diagram and charts, so that times
 * align.
 */
function gutters(width, machines) {
  const isRoomy = width >= 560 && machines <= 12;
  return { left: isRoomy ? 96 : 48, right: isRoomy ? 98 : 16, isRoomy };
}

/** What of a machine's events is in the past of the chosen event, in its future, or neither. */
function stretchesOf(run, machine) {
  const { chosen } = state;
  if (!chosen || chosen.run !== run) {
    return [{ begin: 0, end: machine.count, isLit: true }];
  }
  const past = chosen.cones.past[machine.position] + 1;
  const future = Math.max(past, chosen.cones.future[machine.position]);
  return [
    { begin: 0, end: past, isLit: true },
    { begin: past, end: future, isLit: false },
    { begin: future, end: machine.count, isLit: true },
  ];
}

/** What colours an event, and what it is held against. */
function amountOf(machine) {
  return state.colour === "queue"
    ? { values: machine.queue, most: state.queueMax, name: "queue" }
    : { values: machine.wait, most: state.waitMax, name: "wait" };
}

/** Draws the events of a machine; tells how many are dots, and how many are in strips. */
function drawEvents(context, frame, run, machine, y) {
  const view = diagramView();
  const [begin, end] = machine.within(state.axis, view.x0, view.x1);
  const isStrip = end - begin > frame.plotted / DOT_PITCH_MIN;
  const drawn = { dots: 0, banded: 0 };
  for (const stretch of stretchesOf(run, machine)) {
    const from = Math.max(begin, stretch.begin);
    const to = Math.min(end, stretch.end);
    if (from >= to) continue;
    context.globalAlpha = stretch.isLit ? 1 : 0.22;
    if (isStrip) {
      drawStrip(context, frame, machine, y, from, to);
      drawn.banded += to - from;
    } else {
      drawDots(context, frame, machine, y, from, to);
      drawn.dots += to - from;
    }
  }
  context.globalAlpha = 1;
  return drawn;
}

/** Each column of pixels shows the largest amount among its events. */
function drawStrip(context, frame, machine, y, from, to) {
  const { places, furthest } = machine.along(state.axis);
  const { most, name } = amountOf(machine);
  const pyramid = machine.pyramid(name);
  const height = Math.min(18, Math.max(3, frame.pitch * 0.42));
  const step = frame.machines > 40 ? 2 : 1;
  const view = diagramView();
  const perPixel = view.span / frame.plotted;
  const first = Math.floor(Math.max(0, frame.x(places[from]) - frame.left) / step) * step;
  let at = from;
  let open = null;
  const close = (column) => {
    if (open) {
      context.fillStyle = state.colours.amounts[open.amount];
      context.fillRect(frame.left + open.column, y - height / 2, column - open.column, height);
    }
  };
  for (let column = first; column < frame.plotted && at < to; column += step) {
    const next = upperBound(furthest, view.x0 + (column + step) * perPixel, at, to);
    const amount = next === at ? -1 : amountStep(pyramid.range(at, next)[1], most);
    if (!open || open.amount !== amount) {
      close(column);
      open = amount < 0 ? null : { column, amount };
    }
    at = next;
    if (at >= to) close(Math.min(column + step, frame.plotted));
  }
  if (at < to) close(frame.plotted);
}

/** The radius of a dot: as large as machines and neighbours leave room. */
function dotRadius(frame, count) {
  const room = frame.plotted / Math.max(1, count);
  return Math.max(1.1, Math.min(4.2, frame.pitch * 0.16, room * 0.42));
}

function drawDots(context, frame, machine, y, from, to) {
  const { values, most } = amountOf(machine);
  const places = machine[state.axis];
  const [begin, end] = machine.within(state.axis, ...Object.values(frame.seen));
  const radius = dotRadius(frame, end - begin);
  const hasGlyphs = radius >= GLYPH_RADIUS_MIN;
  const groups = new Map();
  for (let event = from; event < to; event += 1) {
    const amount = amountStep(values[event], most);
    const group = amount * 3 + (hasGlyphs ? machine.kind[event] : RECEIVE);
    if (!groups.has(group)) groups.set(group, []);
    groups.get(group).push(frame.x(places[event]), amount);
  }
  for (const [group, dots] of groups) {
    const kind = group % 3;
    const colour = state.colours.amounts[Math.floor(group / 3)];
    context.beginPath();
    for (let i = 0; i < dots.length; i += 2) {
      // More is larger, too: amounts can be told apart without colours.
      const size =
        radius * (1 + 0.35 * (dots[i + 1] / AMOUNT_STEPS)) * (kind === INTERNAL ? 0.62 : 1);
      context.moveTo(dots[i] + size, y);
      context.arc(dots[i], y, size, 0, 2 * Math.PI);
    }
    if (kind === SEND) {
      context.fillStyle = state.colours.panel;
      context.fill();
      context.strokeStyle = colour;
      context.lineWidth = Math.max(1, radius * 0.42);
      context.stroke();
    } else {
      context.fillStyle = colour;
      context.fill();
    }
  }
}

/** Draws the line of a machine from its start to the end of its log, and its name. */
function drawLine(context, frame, machine, y) {
  const { facts } = machine;
  const isClock = state.axis === "clock";
  const begin = frame.clamp(frame.x(0));
  const last = machine.count > 0 ? placeOf(machine, machine.count - 1) : 0;
  const isWhole = facts.log !== null && facts.log.end === "finished";
  const end = frame.clamp(frame.x(isWhole && !isClock ? frame.duration : last));
  context.strokeStyle = state.colours.rule;
  context.lineWidth = 1;
  context.setLineDash([]);
  line(context, begin, Math.round(y) + 0.5, end, Math.round(y) + 0.5);
  if (!isWhole) {
    context.setLineDash([2, 4]);
    line(context, end, Math.round(y) + 0.5, frame.right, Math.round(y) + 0.5);
    context.setLineDash([]);
  }
  nameMachine(context, frame, machine, y);
}

function nameMachine(context, frame, machine, y) {
  const isNamed = machine.position === 0 || machine.number % frame.nameEvery === 0;
  const { left } = frame;
  context.strokeStyle = colourOf(machine.position);
  context.lineWidth = frame.pitch < 14 ? 2 : 3;
  context.setLineDash(dashOf(machine.position).map((length) => length / 2));
  line(context, left - 14, y, left - 3, y);
  context.setLineDash([]);
  if (!isNamed) return;
  const name = frame.isRoomy ? `machine ${machine.number}` : `${machine.number}`;
  const isTall = frame.isRoomy && frame.pitch >= 34;
  write(context, name, left - 20, isTall ? y - 7 : y, {
    align: "right",
    colour: "ink",
    size: frame.isRoomy ? 12.5 : 11,
  });
  if (isTall) {
    const more = machine.facts.log === null ? "no log" : `${whole(machine.facts.clock_rate)} / s`;
    write(context, more, left - 20, y + 8, { align: "right", size: 11 });
  }
}
