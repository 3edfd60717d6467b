// Scales: which part of an axis is seen, its ticks, and how numbers are written.

/** The part of an axis that is seen. */
class View {
  constructor(least, most) {
    const room = Math.max((most - least) * 0.01, 1e-6);
    this.whole = [least - room, most + room];
    [this.x0, this.x1] = this.whole;
    /** No closer: a millionth of the axis, or a microsecond. */
    this.spanMin = Math.max((most - least) * 1e-7, 2e-6);
  }

  get span() {
    return this.x1 - this.x0;
  }

  isWhole() {
    return this.x0 <= this.whole[0] && this.x1 >= this.whole[1];
  }

  /** Shows from x0 to x1, as far as the axis goes. */
  show(x0, x1) {
    const [least, most] = this.whole;
    const span = Math.min(Math.max(x1 - x0, this.spanMin), most - least);
    const middle = (x0 + x1) / 2;
    this.x0 = Math.min(Math.max(middle - span / 2, least), most - span);
    this.x1 = this.x0 + span;
  }

  zoom(factor, around = (this.x0 + this.x1) / 2) {
    const span = Math.min(
      Math.max(this.span / factor, this.spanMin),
      this.whole[1] - this.whole[0],
    );
    const share = (around - this.x0) / this.span;
    this.show(around - share * span, around + (1 - share) * span);
  }

  pan(by) {
    this.show(this.x0 + by, this.x1 + by);
  }

  /** Moves as little as shows a place, well away from the edges. */
  reveal(x) {
    const margin = this.span * 0.08;
    if (x < this.x0 + margin) this.pan(x - this.x0 - margin);
    if (x > this.x1 - margin) this.pan(x - this.x1 + margin);
  }
}

/** Round numbers between two, about so many. */
function ticksBetween(low, high, about) {
  const raw = (high - low) / Math.max(1, about);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((times) => times * power).find((size) => size >= raw * 0.999);
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i += 1) {
    ticks.push(i * step);
  }
  return { ticks, decimals: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

const GROUPS = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** A whole number, its thousands apart. */
function whole(number) {
  return GROUPS.format(Math.abs(number) < 0.5 ? 0 : number);
}

/** A number with so many decimals, its thousands apart. */
function fixed(number, decimals) {
  // No zero has a sign.
  return (Math.abs(number) < 0.5 * 10 ** -decimals ? 0 : number).toLocaleString("en", {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  });
}

/** A count and what is counted, as in "1 event" or "2 events". */
function counted(count, what) {
  return `${whole(count)} ${what}${count === 1 ? "" : "s"}`;
}

/** A length of time in seconds, to three figures. */
function lasting(seconds) {
  const size = Math.abs(seconds);
  if (size >= 100) return `${fixed(seconds, 0)} s`;
  if (size >= 10) return `${fixed(seconds, 1)} s`;
  if (size >= 0.1 || size === 0) return `${fixed(seconds, size === 0 ? 0 : 2)} s`;
  if (size >= 0.001) return `${fixed(seconds * 1000, 1)} ms`;
  return `${fixed(seconds * 1e6, 0)} us`;
}
