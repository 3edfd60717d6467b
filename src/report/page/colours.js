// Colours: those of the page come from its style, those of machines and amounts from here.

/** Okabe and Ito's colours, which the colour-blind can tell apart, in the order of the plots. */
const LIGHT_MACHINES = [
  "#0072b2",
  "#e69f00",
  "#009e73",
  "#cc79a7",
  "#56b4e9",
  "#d55e00",
  "#7f7f7f",
  "#000000",
];
/** The same, two of them brighter, and white for black. */
const DARK_MACHINES = [
  "#3f9fdc",
  "#e69f00",
  "#1fb88d",
  "#cc79a7",
  "#7cc8f5",
  "#e8702a",
  "#9a9a9a",
  "#f4f4f4",
];
/** From the ninth machine on the colours come again with other dashes. */
const DASHES = [[], [10, 4], [7, 2, 2, 2, 2, 2], [3, 3]];

/** None, then little to much: the lightness goes one way, for those who see no colours. */
const LIGHT_AMOUNTS = ["#9aa7b3", "#e9a06a", "#e2703f", "#c9304f", "#8e1a5c", "#4a1550"];
const DARK_AMOUNTS = ["#5f6d7a", "#9a5fb0", "#cf4f7c", "#ee7d4e", "#f8be66", "#fdf2bd"];

const AMOUNT_STEPS = 16;

/** All colours, read anew when the page turns light or dark, or is printed. */
function readColours(isPrinted) {
  const root = document.documentElement;
  root.classList.toggle("for-paper", isPrinted);
  const style = getComputedStyle(root);
  const colours = {};
  for (const name of [
    "paper",
    "panel",
    "ink",
    "muted",
    "rule",
    "grid",
    "past",
    "future",
    "past-ink",
    "future-ink",
    "fault",
    "bad",
  ]) {
    colours[name] = style.getPropertyValue(`--${name}`).trim();
  }
  root.classList.remove("for-paper");
  const isDark = !isPrinted && matchMedia("(prefers-color-scheme: dark)").matches;
  colours.isDark = isDark;
  colours.machines = isDark ? DARK_MACHINES : LIGHT_MACHINES;
  colours.amounts = ramp(isDark ? DARK_AMOUNTS : LIGHT_AMOUNTS);
  return colours;
}

function ramp(stops) {
  const parse = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  const points = stops.map(parse);
  const steps = [stops[0]];
  // None has a colour of its own; the others share the rest.
  for (let i = 1; i < AMOUNT_STEPS; i += 1) {
    const place = 1 + ((i - 1) / (AMOUNT_STEPS - 2)) * (points.length - 2);
    const at = Math.min(Math.floor(place), points.length - 2);
    const mixed = points[at].map((low, c) =>
      Math.round(low + (points[at + 1][c] - low) * (place - at)),
    );
    steps.push(`rgb(${mixed.join(" ")})`);
  }
  return steps;
}

/** Which step of the amounts a value has; what is no number counts as none. */
function amountStep(value, most) {
  if (!(value > 0) || !(most > 0)) return 0;
  return 1 + Math.min(AMOUNT_STEPS - 2, Math.floor((value / most) * (AMOUNT_STEPS - 1)));
}

/** Of more machines nobody can follow one: there those of one clock rate look alike. */
const CROWD = LIGHT_MACHINES.length * DASHES.length;

/** By position of a machine: which of the looks it has. */
function looksOf(runs) {
  const facts = (position) => runs.map((run) => run.facts.machines[position]).find(Boolean);
  const rates = Array.from({ length: mostMachines() }, (_, each) => facts(each).clock_rate);
  const distinct = [...new Set(rates)].sort((a, b) => a - b);
  return rates.map((rate, position) => (rates.length > CROWD ? distinct.indexOf(rate) : position));
}

function colourOf(position) {
  return state.colours.machines[state.looks[position] % LIGHT_MACHINES.length];
}

function dashOf(position) {
  return DASHES[Math.floor(state.looks[position] / LIGHT_MACHINES.length) % DASHES.length];
}
