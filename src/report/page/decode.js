// Decoding: what the page carries as base64 becomes columns of numbers.

/** Reads columns, one after the other; how many numbers each has is known beforehand. */
class Columns {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  /** Reads a column into an array of the kind given; a scale is multiplied in. */
  read(count, Kind = Float64Array, scale = 1) {
    const column = new Kind(count);
    const bytes = this.bytes;
    let at = this.at;
    let value = 0;
    for (let i = 0; i < count; i += 1) {
      const first = bytes[at];
      at += 1;
      let magnitude = (first >> 1) & 0x3f;
      if (first & 0x80) {
        // Beyond 32 bits shifts would wrap; products do not.
        let unit = 64;
        let byte;
        do {
          byte = bytes[at];
          at += 1;
          magnitude += (byte & 0x7f) * unit;
          unit *= 128;
        } while (byte & 0x80);
      }
      value += first & 1 ? -magnitude : magnitude;
      column[i] = scale === 1 ? value : value / scale;
    }
    if (at > bytes.length) {
      throw new Error("the page is cut: its columns end too early; write it anew");
    }
    this.at = at;
    return column;
  }

  /** All columns have been read. */
  finish() {
    if (this.at !== this.bytes.length) {
      throw new Error("the page does not fit its facts: more columns than told; write it anew");
    }
  }
}

/** The bytes that a script element holds as base64. */
function bytesOf(id) {
  const text = document.getElementById(id).textContent.trim();
  if (Uint8Array.fromBase64) {
    return Uint8Array.fromBase64(text);
  }
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i += 1) {
    bytes[i] = binary.charCodeAt(i);
  }
  return bytes;
}
