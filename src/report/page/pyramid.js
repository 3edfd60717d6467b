// Searching and summing up long columns fast.

/** The first position whose value is not below x, in a column that never falls. */
function lowerBound(column, x, low = 0, high = column.length) {
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (column[middle] < x) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/** The first position whose value is above x, in a column that never falls. */
function upperBound(column, x, low = 0, high = column.length) {
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (column[middle] <= x) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

const PYRAMID_STEP = 16;

/**
 * The least and the largest value of any range of a column; a value that is no number is left out.
 */
class Pyramid {
  constructor(column) {
    this.levels = [{ least: column, most: column }];
    let below = this.levels[0];
    while (below.most.length > PYRAMID_STEP) {
      const count = Math.ceil(below.most.length / PYRAMID_STEP);
      const level = { least: new Float64Array(count), most: new Float64Array(count) };
      for (let i = 0; i < count; i += 1) {
        const end = Math.min(below.most.length, (i + 1) * PYRAMID_STEP);
        let least = Infinity;
        let most = -Infinity;
        for (let j = i * PYRAMID_STEP; j < end; j += 1) {
          if (below.least[j] < least) least = below.least[j];
          if (below.most[j] > most) most = below.most[j];
        }
        level.least[i] = least;
        level.most[i] = most;
      }
      this.levels.push(level);
      below = level;
    }
  }

  /** The extremes from one position up to, not including, another. */
  range(begin, end) {
    let least = Infinity;
    let most = -Infinity;
    let depth = 0;
    const take = (level, from, to) => {
      for (let i = from; i < to; i += 1) {
        if (level.least[i] < least) least = level.least[i];
        if (level.most[i] > most) most = level.most[i];
      }
    };
    while (begin < end) {
      const level = this.levels[depth];
      const from = Math.ceil(begin / PYRAMID_STEP);
      const to = Math.floor(end / PYRAMID_STEP);
      if (from >= to || depth + 1 === this.levels.length) {
        take(level, begin, end);
        break;
      }
      take(level, begin, from * PYRAMID_STEP);
      take(level, to * PYRAMID_STEP, end);
      begin = from;
      end = to;
      depth += 1;
    }
    return [least, most];
  }
}
