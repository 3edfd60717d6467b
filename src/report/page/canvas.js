// Canvases: sharp on any screen, and drawn once a frame at most.

const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif";

/** Two canvases on each other: a picture, and what moves with the pointer. */
class Plot {
  constructor(holder, name, height) {
    this.holder = holder;
    holder.classList.add("plot");
    const told = name ? { role: "img", "aria-label": name } : { "aria-hidden": "true" };
    this.base = element("canvas", { class: "base", ...told });
    this.over = element("canvas", { class: "over", "aria-hidden": "true" });
    this.paper = element("canvas", { class: "paper", ...told });
    holder.append(this.base, this.over, this.paper);
    this.height = height;
    this.width = 0;
    new ResizeObserver(() => redraw()).observe(holder);
  }

  /** How wide the picture is that is drawn now. */
  widthNow() {
    return state.isPrinted ? PAPER_WIDTH : Math.max(240, this.holder.clientWidth);
  }

  /** Fits a canvas to its place; what was drawn is gone. On paper both go onto one canvas. */
  begin(which, height = this.height) {
    const canvas = state.isPrinted ? this.paper : this[which];
    const ratio = state.isPrinted ? 2.5 : Math.min(3, window.devicePixelRatio || 1);
    const width = this.widthNow();
    [this.width, this.height] = [width, height];
    if (state.isPrinted && which === "over") return canvas.getContext("2d");
    const [columns, rows] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== columns || canvas.height !== rows) {
      canvas.width = columns;
      canvas.height = rows;
      if (which === "base") canvas.style.aspectRatio = `${width} / ${height}`;
    }
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.lineJoin = "round";
    context.textBaseline = "middle";
    return context;
  }

  /** Where a pointer is, in the plot. */
  locate(event) {
    const box = this.base.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }
}

/** Writes a text. */
function write(
  context,
  text,
  x,
  y,
  { size = 12, align = "left", colour = "muted", weight = 400 } = {},
) {
  context.font = `${weight} ${size}px ${FONT}`;
  context.textAlign = align;
  context.fillStyle = state.colours[colour] ?? colour;
  context.fillText(text, x, y);
}

/** Draws a straight line, sharp if it is upright or level. */
function line(context, x0, y0, x1, y1) {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}

/** How much is drawn anew: what moves with the pointer, the diagrams, or everything. */
const OVER = 1;
const DIAGRAMS = 2;
const ALL = 3;

let waiting = 0;

/** Draws everything anew with the next frame. */
function redraw() {
  schedule(ALL);
}

/** Draws the diagrams anew. */
function redrawDiagrams() {
  schedule(DIAGRAMS);
}

/** Draws only what moves with the pointer. */
function retouch() {
  schedule(OVER);
}

function schedule(how) {
  if (waiting === 0) requestAnimationFrame(drawNow);
  waiting = Math.max(waiting, how);
}

/** Draws what waits to be drawn. */
function drawNow() {
  const how = waiting;
  waiting = 0;
  if (how === 0) return;
  for (const picture of state.pictures) {
    if (how === ALL || (how === DIAGRAMS && picture instanceof Diagram)) picture.draw();
    picture.touch();
  }
  state.frames += 1;
}
