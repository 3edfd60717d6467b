// Paper: the whole run in light colours, whatever the screen shows.
//
// What is drawn on a canvas once printing has begun comes too late for some browsers. So every
// picture has a canvas for paper, which is drawn when there is time and seen in print alone.

/** How wide a picture is on paper, in pixels of the screen: it is shrunk as a whole. */
const PAPER_WIDTH = 820;

let paperTimer = null;

/** Draws the canvases for paper anew, when there is time. */
function repaper() {
  state.isPaperReady = false;
  clearTimeout(paperTimer);
  paperTimer = setTimeout(drawPaper, 250);
}

function drawPaper() {
  const { colours, chosen, time } = state;
  const views = Object.values(state.views).map((view) => [view, view.x0, view.x1]);
  views.forEach(([view]) => {
    [view.x0, view.x1] = view.whole;
  });
  Object.assign(state, { isPrinted: true, chosen: null, time: null, colours: readColours(true) });
  for (const picture of state.pictures.filter((each) => !(each instanceof Overview))) {
    const { plot } = picture;
    const kept = [{ ...picture }, { ...plot }];
    picture.draw();
    picture.touch();
    Object.assign(picture, kept[0]);
    Object.assign(plot, kept[1]);
  }
  Object.assign(state, { isPrinted: false, chosen, time, colours, isPaperReady: true });
  views.forEach(([view, x0, x1]) => {
    [view.x0, view.x1] = [x0, x1];
  });
  // What the pictures said below themselves was of the whole run.
  redrawDiagrams();
}

/** Reads the colours, and shows what is coloured and no picture. */
function readAndShowColours() {
  state.colours = readColours(state.isPrinted);
  showMachines();
  showKey();
  showHistograms();
  showDetails();
}

/** Turns the page light for print, and back. */
function followPrinting() {
  const turn = (isPrinted) => {
    if (isPrinted === state.isPrinted) return;
    if (isPrinted && !state.isPaperReady) drawPaper();
    state.isPrinted = isPrinted;
    readAndShowColours();
    state.isPrinted = false;
  };
  addEventListener("beforeprint", () => turn(true));
  addEventListener("afterprint", () => {
    readAndShowColours();
  });
  matchMedia("print").addEventListener("change", ({ matches }) =>
    matches ? turn(true) : readAndShowColours(),
  );
}
