// Causality: what happened before an event, and what it happened before.
//
// Along each machine the past of an event is everything up to some event, and its future everything
// from some event on. So a past is one position a machine, and it is found by following messages
// back until no position rises any more; a future likewise. That is exact, and needs no vector
// clocks.

/** Prepares a channel to be followed; a receive that the checker leaves out brings nothing. */
function linkCauses(channel) {
  const { receives, takes, how, sends } = channel;
  /** By receive: the latest send that this receive or one before it took, or -1. */
  channel.latestTaken = new Int32Array(receives.length);
  /** By send: the earliest receive of this send or of one after it. */
  channel.earliestTaking = new Int32Array(sends.length);
  const takenBy = new Int32Array(sends.length).fill(0x7fffffff);
  let latest = -1;
  receives.forEach((event, position) => {
    const take = takes[position];
    if (take >= 0 && how[position] !== AGAIN && how[position] !== CIRCULAR) {
      latest = Math.max(latest, take);
      takenBy[take] = event;
    }
    channel.latestTaken[position] = latest;
  });
  /** By send: the latest receive of this send or of one before it. */
  channel.latestReceive = new Int32Array(sends.length);
  let furthest = -1;
  channel.receivedBy.forEach((event, send) => {
    furthest = Math.max(furthest, event);
    channel.latestReceive[send] = furthest;
  });
  let earliest = 0x7fffffff;
  for (let send = sends.length - 1; send >= 0; send -= 1) {
    earliest = Math.min(earliest, takenBy[send]);
    channel.earliestTaking[send] = earliest;
  }
}

/** By machine: the last event that happened before an event or is it, or -1. */
function pastOf(run, machine, event) {
  const past = new Int32Array(run.machines.length).fill(-1);
  past[machine] = event;
  const waiting = [machine];
  while (waiting.length > 0) {
    const here = waiting.pop();
    for (const channel of run.into[here]) {
      const position = upperBound(channel.receives, past[here]) - 1;
      const taken = position < 0 ? -1 : channel.latestTaken[position];
      const send = taken < 0 ? -1 : channel.sends[taken];
      if (send > past[channel.from]) {
        past[channel.from] = send;
        if (!waiting.includes(channel.from)) waiting.push(channel.from);
      }
    }
  }
  return past;
}

/** By machine: the first event that comes after an event or is it; their count if none does. */
function futureOf(run, machine, event) {
  const future = Int32Array.from(run.machines, (each) => each.count);
  future[machine] = event;
  const waiting = [machine];
  while (waiting.length > 0) {
    const here = waiting.pop();
    for (const channel of run.outOf[here]) {
      if (!channel.isJoined) continue;
      const send = lowerBound(channel.sends, future[here]);
      const receive = send < channel.sends.length ? channel.earliestTaking[send] : 0x7fffffff;
      if (receive < future[channel.to]) {
        future[channel.to] = receive;
        if (!waiting.includes(channel.to)) waiting.push(channel.to);
      }
    }
  }
  return future;
}

/** The past and the future of an event, and how many events are where. */
function conesOf(run, machine, event) {
  const past = pastOf(run, machine, event);
  const future = futureOf(run, machine, event);
  const counts = { past: -1, future: -1, concurrent: 0 };
  run.machines.forEach((each, position) => {
    counts.past += past[position] + 1;
    counts.future += each.count - future[position];
    counts.concurrent += Math.max(0, future[position] - past[position] - 1);
  });
  return { past, future, counts };
}
