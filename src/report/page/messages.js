// The messages of the space-time diagram: arrows from sends to receives, or bundles of them far
// out.

/** So many messages are drawn as arrows of their own. */
const ARROWS_MAX = 2500;
/** So many are drawn faintly, where there are too many channels for bundles. */
const FAINT_MAX = 16000;
/** So many arrows have heads. */
const HEADS_MAX = 900;
/** So many messages that begin and end out of sight are drawn. */
const PASSING_MAX = 400;
/** So many bundles are drawn; with more channels than allow for that, none. */
const BUNDLES_MAX = 6000;
const BUNDLES_A_CHANNEL_MIN = 6;
/** So many messages are looked at to make bundles. */
const BUNDLED_MAX = 300000;

/** What of a channel's messages is in sight, as positions of its sends. */
function inSight(run, channel) {
  const { x0, x1 } = diagramView();
  const sender = run.machines[channel.from];
  const receiver = run.machines[channel.to];
  const [sent0, sent1] = sender.within(state.axis, x0, x1);
  const [received0, received1] = receiver.within(state.axis, x0, x1);
  const begin = lowerBound(channel.sends, sent0);
  const end = lowerBound(channel.sends, sent1);
  return {
    channel,
    sends: [begin, end],
    receives: [lowerBound(channel.receives, received0), lowerBound(channel.receives, received1)],
    // Sent before, and received in sight or later.
    before: [Math.min(begin, lowerBound(channel.latestReceive, received0)), begin],
  };
}

/**
 * Draws what is in sight; tells how many messages were drawn as arrows, in bundles, or not at all.
 */
function drawMessages(context, frame, runPosition) {
  const run = state.runs[runPosition];
  const isShown = (channel) => state.shown[channel.from] && state.shown[channel.to];
  const sights = run.channels
    .filter((channel) => channel.isJoined && isShown(channel))
    .map((channel) => inSight(run, channel));
  const length = ([begin, end]) => end - begin;
  const ends = sights.reduce((sum, sight) => sum + length(sight.sends) + length(sight.receives), 0);
  const passing = sights.reduce((sum, sight) => sum + length(sight.before), 0);
  const drawn = { arrows: 0, bundled: 0, passing: 0 };
  const isCrowded = ends > 2 * ARROWS_MAX;
  const bins = Math.min(Math.floor(frame.plotted / 16), Math.floor(BUNDLES_MAX / sights.length));
  if (isCrowded && bins >= BUNDLES_A_CHANNEL_MIN) {
    drawBundles(context, frame, run, sights, bins, drawn);
  } else if (ends > 2 * FAINT_MAX) {
    drawn.passing = messagesIn(sights);
  } else {
    drawArrows(
      context,
      frame,
      runPosition,
      arrowsOf(sights, passing <= PASSING_MAX + ends, drawn),
      drawn,
    );
    drawStubs(context, frame, runPosition, sights);
    drawLoose(context, frame, runPosition);
  }
  return drawn;
}

/** The messages in sight, one by one: channel and position of the send. */
function arrowsOf(sights, withPassing, drawn) {
  const arrows = [];
  for (const { channel, sends, receives, before } of sights) {
    for (let send = sends[0]; send < sends[1]; send += 1) {
      if (channel.receivedBy[send] >= 0) arrows.push(channel, send);
    }
    if (withPassing) {
      for (let send = before[0]; send < before[1]; send += 1) {
        if (channel.receivedBy[send] >= 0) arrows.push(channel, send);
      }
      continue;
    }
    let received = 0;
    for (let position = receives[0]; position < receives[1]; position += 1) {
      const send = channel.takes[position];
      if (send >= 0 && send < sends[0]) {
        arrows.push(channel, send);
        received += 1;
      }
    }
    drawn.passing += Math.max(0, before[1] - before[0] - received);
  }
  return arrows;
}

/**
 * Whether a message is in the past or the future of the chosen event, if there is one in this run.
 */
function isLit(runPosition, channel, send) {
  const { chosen } = state;
  if (!chosen || chosen.run !== runPosition) return true;
  const { past, future } = chosen.cones;
  const receive = channel.receivedBy[send];
  return (
    (receive >= 0 && receive <= past[channel.to]) || channel.sends[send] >= future[channel.from]
  );
}

function drawArrows(context, frame, runPosition, arrows, drawn) {
  const run = state.runs[runPosition];
  const hasHeads = arrows.length / 2 <= HEADS_MAX && frame.pitch >= 14;
  const count = arrows.length / 2;
  const isCrowded = count > 500;
  const alpha = count > ARROWS_MAX ? 0.16 : isCrowded ? 0.55 : 0.85;
  const groups = new Map();
  for (let i = 0; i < arrows.length; i += 2) {
    const channel = arrows[i];
    const send = arrows[i + 1];
    const [sender, receiver] = [run.machines[channel.from], run.machines[channel.to]];
    const receive = channel.receivedBy[send];
    const amount = amountStep(receiver.wait[receive], state.waitMax);
    const group = amount * 2 + (isLit(runPosition, channel, send) ? 1 : 0);
    if (!groups.has(group)) groups.set(group, []);
    groups
      .get(group)
      .push(
        frame.x(placeOf(sender, channel.sends[send])),
        frame.y(channel.from),
        frame.x(placeOf(receiver, receive)),
        frame.y(channel.to),
      );
  }
  for (const [group, ends] of groups) {
    context.globalAlpha = group % 2 === 1 ? alpha : Math.min(alpha, 0.1);
    context.strokeStyle = state.colours.amounts[group >> 1];
    context.fillStyle = context.strokeStyle;
    context.lineWidth = isCrowded ? 0.8 : 1.15;
    strokeArrows(context, ends, hasHeads);
  }
  context.globalAlpha = 1;
  drawn.arrows += count;
}

/** Strokes arrows, four numbers each, with the style that is set. */
function strokeArrows(context, ends, hasHeads) {
  context.beginPath();
  for (let i = 0; i < ends.length; i += 4) {
    context.moveTo(ends[i], ends[i + 1]);
    context.lineTo(ends[i + 2], ends[i + 3]);
  }
  context.stroke();
  if (!hasHeads) return;
  context.beginPath();
  for (let i = 0; i < ends.length; i += 4) {
    const [dx, dy] = [ends[i + 2] - ends[i], ends[i + 3] - ends[i + 1]];
    const length = Math.hypot(dx, dy) || 1;
    const [ux, uy] = [dx / length, dy / length];
    const [tipX, tipY] = [ends[i + 2] - ux * 3.5, ends[i + 3] - uy * 3.5];
    context.moveTo(tipX, tipY);
    context.lineTo(tipX - ux * 7 - uy * 2.6, tipY - uy * 7 + ux * 2.6);
    context.lineTo(tipX - ux * 7 + uy * 2.6, tipY - uy * 7 - ux * 2.6);
    context.closePath();
  }
  context.fill();
}

/**
 * Messages that were never received: a stub towards the receiver; a cross if the message was lost.
 */
function drawStubs(context, frame, runPosition, sights) {
  const run = state.runs[runPosition];
  for (const { channel, sends } of sights) {
    for (let send = sends[0]; send < sends[1]; send += 1) {
      if (channel.receivedBy[send] < 0) {
        const place = placeOf(run.machines[channel.from], channel.sends[send]);
        const towards = Math.sign(frame.y(channel.to) - frame.y(channel.from));
        const isLost = channel.fates[send] === LOST;
        context.globalAlpha = isLit(runPosition, channel, send) ? 1 : 0.2;
        stub(
          context,
          frame,
          frame.x(place),
          frame.y(channel.from),
          towards,
          isLost ? "lost" : "left",
        );
      }
    }
    for (let position = 0; position < channel.receives.length && hasOdd(channel); position += 1) {
      drawOdd(context, frame, run, channel, position);
    }
  }
  context.globalAlpha = 1;
}

/** Whether some receive of a channel took no message of its own. */
function hasOdd(channel) {
  channel.isOdd ??= channel.how.some((how) => how === AGAIN || how === INVENTED);
  return channel.isOdd;
}

/** A receive of what was received before, or was never sent. */
function drawOdd(context, frame, run, channel, position) {
  const how = channel.how[position];
  if (how !== AGAIN && how !== INVENTED) return;
  const x = frame.x(placeOf(run.machines[channel.to], channel.receives[position]));
  if (x < frame.left || frame.right < x) return;
  const y = frame.y(channel.to);
  const towards = Math.sign(frame.y(channel.from) - y);
  if (how === INVENTED) {
    stub(context, frame, x, y, towards, "invented");
    return;
  }
  const from = frame.x(placeOf(run.machines[channel.from], channel.sends[channel.takes[position]]));
  context.strokeStyle = state.colours.bad;
  context.fillStyle = state.colours.bad;
  context.setLineDash([4, 3]);
  strokeArrows(context, [from, frame.y(channel.from), x, y], true);
  context.setLineDash([]);
}

/** Messages to and from where no log is. */
function drawLoose(context, frame, runPosition) {
  const run = state.runs[runPosition];
  const { x0, x1 } = diagramView();
  for (const channel of run.channels.filter((each) => !each.isJoined)) {
    const isSend = channel.sends.length > 0;
    const [here, there] = isSend ? [channel.from, channel.to] : [channel.to, channel.from];
    if (!state.shown[here]) continue;
    const isThere = there !== null && there !== here && state.shown[there];
    const towards = isThere ? Math.sign(frame.y(there) - frame.y(here)) : -1;
    const events = isSend ? channel.sends : channel.receives;
    const [begin, end] = run.machines[here].within(state.axis, x0, x1);
    for (let i = lowerBound(events, begin); i < lowerBound(events, end); i += 1) {
      const x = frame.x(placeOf(run.machines[here], events[i]));
      const receive = there === null ? "invented" : "unknown";
      stub(context, frame, x, frame.y(here), towards, isSend ? "left" : receive);
    }
  }
}

/** The stub of a message: left, lost, invented, or received from where no log is (unknown). */
function stub(context, frame, x, y, towards, fate) {
  const [dx, dy] = [Math.min(9, frame.pitch * 0.2), towards * frame.pitch * 0.34];
  const isPlain = fate === "left" || fate === "unknown";
  const sign = fate === "invented" || fate === "unknown" ? -1 : 1;
  const [endX, endY] = [x + sign * dx, y + dy];
  context.strokeStyle = state.colours[isPlain ? "muted" : "bad"];
  context.lineWidth = isPlain ? 0.9 : 1.4;
  context.setLineDash(isPlain ? [2.5, 2.5] : []);
  line(context, x, y, endX, endY);
  context.setLineDash([]);
  if (fate === "lost") {
    line(context, endX - 3, endY - 3, endX + 3, endY + 3);
    line(context, endX - 3, endY + 3, endX + 3, endY - 3);
  } else if (fate === "invented") {
    write(context, "?", endX - 1, endY + towards * 6, {
      align: "center",
      colour: "bad",
      weight: 700,
    });
  }
}

function messagesIn(sights) {
  return sights.reduce((sum, sight) => sum + sight.sends[1] - sight.before[0], 0);
}

/**
 * Far out: the messages of a channel that were sent at about one time are one line, wider if many.
 */
function drawBundles(context, frame, run, sights, bins, drawn) {
  const messages = messagesIn(sights);
  const stride = Math.max(1, Math.ceil(messages / BUNDLED_MAX));
  const view = diagramView();
  const bundles = [];
  for (const { channel, sends, before } of sights) {
    const sums = Array.from({ length: bins }, () => [0, 0, 0, 0]);
    const [sender, receiver] = [run.machines[channel.from], run.machines[channel.to]];
    const [sent, received] = [sender[state.axis], receiver[state.axis]];
    for (let send = before[0]; send < sends[1]; send += stride) {
      const receive = channel.receivedBy[send];
      if (receive < 0) continue;
      const place = sent[channel.sends[send]];
      const bin = Math.max(
        0,
        Math.min(bins - 1, Math.floor(((place - view.x0) / view.span) * bins)),
      );
      const sum = sums[bin];
      sum[0] += 1;
      sum[1] += place;
      sum[2] += received[receive];
      sum[3] += receiver.wait[receive];
    }
    for (const [count, from, to, wait] of sums.filter((sum) => sum[0] > 0)) {
      bundles.push({
        count: count * stride,
        from: from / count,
        to: to / count,
        wait: wait / count,
        channel,
      });
    }
  }
  const largest = Math.max(1, ...bundles.map((bundle) => bundle.count));
  const dim = (state.chosen ? 0.35 : 1) / Math.max(1, Math.sqrt(sights.length / 12));
  for (const { count, from, to, wait, channel } of bundles) {
    context.globalAlpha = (0.12 + 0.5 * (count / largest)) * dim;
    context.lineWidth = 0.6 + 1.6 * Math.sqrt(count / largest);
    context.strokeStyle = state.colours.amounts[amountStep(wait, state.waitMax)];
    line(context, frame.x(from), frame.y(channel.from), frame.x(to), frame.y(channel.to));
  }
  context.globalAlpha = 1;
  drawn.bundled = messages;
}
