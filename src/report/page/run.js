// A run: its machines with their events, and its channels with their messages.

const INTERNAL = 0;
const SEND = 1;
const RECEIVE = 2;

/** How a receive was found. */
const AHEAD = 1;
const OVERTAKEN = 2;
const AGAIN = 3;
const INVENTED = 4;
const CIRCULAR = 5;

/** What became of a send. */
const LEFT = 0;
const RECEIVED = 1;
const LOST = 2;

class Run {
  constructor(facts, columns) {
    this.facts = facts;
    /** Model seconds in a second of system time. */
    this.speed = facts.speed === null ? 1 : Number(facts.speed);
    this.machines = facts.machines.map((machine, position) =>
      readMachine(machine, position, columns, this.speed),
    );
    this.channels = facts.channels.map((channel, position) =>
      readChannel(channel, position, columns),
    );
    columns.finish();
    this.into = this.machines.map(() => []);
    this.outOf = this.machines.map(() => []);
    for (const channel of this.channels) {
      this.settle(channel);
    }
    this.events = this.machines.reduce((sum, machine) => sum + machine.count, 0);
    this.messages = this.channels.reduce((sum, channel) => sum + channel.sends.length, 0);
    this.clockMax = this.most("clock");
    this.queueMax = this.most("queue");
    this.waitMax = this.most("wait");
  }

  /** Joins a channel to its machines, and works out what became of its messages. */
  settle(channel) {
    const sender = channel.isJoined ? this.machines[channel.from] : null;
    const receiver = channel.to === null ? null : this.machines[channel.to];
    channel.receives.forEach((event, position) => {
      receiver.channelOf[event] = channel.position;
      receiver.receiveOf[event] = position;
      const take = channel.takes[position];
      if (take >= 0 && sender && channel.how[position] !== AGAIN) {
        channel.receivedBy[take] = event;
        channel.fates[take] = RECEIVED;
        receiver.wait[event] = receiver.model[event] - sender.model[channel.sends[take]];
      }
    });
    if (channel.isJoined) {
      this.into[channel.to].push(channel);
      this.outOf[channel.from].push(channel);
      linkCauses(channel);
    } else if (channel.from !== null && channel.sends.length > 0) {
      this.outOf[channel.from].push(channel);
    }
  }

  /** The largest value of a column over all machines. */
  most(name) {
    return this.machines.reduce((most, machine) => {
      const [, found] = machine.pyramid(name).range(0, machine.count);
      return Math.max(most, found);
    }, 0);
  }
}

/** A machine with its events; one whose log is not there has none. */
class Machine {
  constructor(facts, position, count) {
    this.facts = facts;
    this.position = position;
    this.number = facts.machine;
    this.count = count;
    this.pyramids = {};
    this.axes = {};
    /** By event: the channel of a receive and the position there, or -1. */
    this.channelOf = new Int32Array(count).fill(-1);
    this.receiveOf = new Int32Array(count);
    /** By event: how long the message waited that a receive took, in model seconds. */
    this.wait = new Float64Array(count).fill(NaN);
  }

  pyramid(name) {
    this.pyramids[name] ??= new Pyramid(this[name]);
    return this.pyramids[name];
  }

  /**
   * The places of the events along an axis. A broken log may go back; so two columns that never fall
   * go with the places, to search in: the furthest so far, and the nearest from here on.
   */
  along(axis) {
    this.axes[axis] ??= searchable(this[axis]);
    return this.axes[axis];
  }

  /** The events with places from x0 to x1, a few more at most: begin and end. */
  within(axis, x0, x1) {
    const { furthest, nearest } = this.along(axis);
    return [lowerBound(furthest, x0), upperBound(nearest, x1)];
  }

  /** The event nearest to a place. */
  nearest(axis, x) {
    const { places, furthest } = this.along(axis);
    const at = Math.min(lowerBound(furthest, x), this.count - 1);
    return at > 0 && x - places[at - 1] < places[at] - x ? at - 1 : at;
  }

  /** The last event that is due by a model time, or -1. */
  lastBy(time) {
    return upperBound(this.along("model").furthest, time) - 1;
  }
}

function searchable(places) {
  let isRising = true;
  for (let i = 1; i < places.length && isRising; i += 1) {
    isRising = places[i - 1] <= places[i];
  }
  if (isRising) {
    return { places, furthest: places, nearest: places };
  }
  const furthest = Float64Array.from(places);
  const nearest = Float64Array.from(places);
  for (let i = 1; i < places.length; i += 1) {
    furthest[i] = Math.max(furthest[i - 1], places[i]);
    const j = places.length - 1 - i;
    nearest[j] = Math.min(nearest[j + 1], places[j]);
  }
  return { places, furthest, nearest };
}

function readMachine(facts, position, columns, speed) {
  const log = facts.log;
  const machine = new Machine(facts, position, log ? log.events : 0);
  const { count } = machine;
  if (!log) {
    const none = new Float64Array(0);
    const names = [
      "model",
      "system",
      "lateness",
      "clock",
      "queue",
      "draw",
      "tick",
      "line",
      "stamp",
    ];
    names.forEach((name) => {
      machine[name] = none;
    });
    machine.kind = new Uint8Array(0);
    return machine;
  }
  machine.kind = columns.read(count, Uint8Array);
  machine.tick = columns.read(count);
  machine.line = columns.read(count, Int32Array);
  machine.model = columns.read(count, Float64Array, 1e6);
  // Of system time since the machine's own start, in model seconds, so that runs of different
  // speeds have one scale. Without a column it is the model time.
  machine.system = log.has_system_time
    ? columns.read(count, Float64Array, 1e6 / speed)
    : machine.model;
  machine.lateness = log.has_lateness ? columns.read(count) : null;
  machine.clock = columns.read(count);
  machine.queue = columns.read(count);
  machine.draw = columns.read(count);
  const receives = machine.kind.reduce((sum, kind) => sum + (kind === RECEIVE ? 1 : 0), 0);
  const stamps = columns.read(receives);
  machine.stamp = new Float64Array(count).fill(NaN);
  let next = 0;
  machine.kind.forEach((kind, event) => {
    if (kind === RECEIVE) {
      machine.stamp[event] = stamps[next];
      next += 1;
    }
  });
  return machine;
}

function readChannel(facts, position, columns) {
  const isJoined = facts.port === null;
  const channel = { position, from: facts.from, to: facts.to, port: facts.port, isJoined };
  channel.sends = columns.read(facts.sends, Int32Array);
  channel.fates = new Uint8Array(facts.sends);
  channel.receivedBy = new Int32Array(facts.sends).fill(-1);
  if (isJoined || facts.receives > 0) {
    channel.receives = columns.read(facts.receives, Int32Array);
    channel.takes = columns.read(facts.receives, Int32Array).map((take) => take - 1);
    channel.how = columns.read(facts.receives, Uint8Array);
  } else {
    channel.receives = new Int32Array(0);
    channel.takes = new Int32Array(0);
    channel.how = new Uint8Array(0);
  }
  if (isJoined) {
    columns.read(facts.lost, Int32Array).forEach((send) => {
      channel.fates[send] = LOST;
    });
  }
  return channel;
}
