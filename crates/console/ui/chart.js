// Plots, drawn as SVG.

import { fill, h, svg } from "./dom.js";
import { shortClock } from "./format.js";

const WIDTH = 600;
const HEIGHT = 140;

/**
 * A plot of several series over time. `series`: [{ label, of(sample), style }], where style
 * is the name of a class. Gives { element, set(samples) } for samples with a time `at`.
 */
export function chart({ title, series, format, empty }) {
  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });
  const most = h("span", { class: "most" });
  const [first, last] = [h("span"), h("span")];
  const values = series.map(() => h("strong"));
  const legend = h("ul", { class: "legend" }, series.map((one, at) =>
    h("li", { class: one.style }, h("span", { class: "line", "aria-hidden": "true" }), `${one.label} `, values[at])));
  const nothing = h("p", { class: "hint" }, empty);
  const plot = h("div", { class: "plot" }, most, drawing, h("p", { class: "axis" }, first, last));
  const element = h("section", { class: "card chart" }, h("h2", {}, title), legend, plot, nothing);

  function set(samples) {
    const isEnough = samples.length > 1;
    plot.hidden = !isEnough;
    nothing.hidden = isEnough;
    if (!isEnough) return;
    const all = samples.flatMap((sample) => series.map((one) => one.of(sample)));
    const top = ceiling(Math.max(...all));
    const from = Date.parse(samples[0].at);
    const span = Date.parse(samples.at(-1).at) - from || 1;
    const point = (sample, one) => {
      const x = ((Date.parse(sample.at) - from) / span) * WIDTH;
      const y = HEIGHT - 2 - (one.of(sample) / top) * (HEIGHT - 4);
      return `${x.toFixed(1)},${y.toFixed(1)}`;
    };
    const grid = [0.25, 0.5, 0.75].map((part) =>
      svg("line", { class: "grid-line", x1: 0, x2: WIDTH, y1: HEIGHT * part, y2: HEIGHT * part }));
    const lines = series.map((one) =>
      svg("polyline", { class: one.style, points: samples.map((sample) => point(sample, one)).join(" ") }));
    fill(drawing, grid, lines);
    const now = samples.at(-1);
    series.forEach((one, at) => { values[at].textContent = format(one.of(now)); });
    most.textContent = format(top);
    fill(first, shortClock(samples[0].at));
    fill(last, shortClock(now.at));
    const said = series.map((one) =>
      `${one.label}: now ${format(one.of(now))}, at most ${format(Math.max(...samples.map(one.of)))}`);
    drawing.setAttribute("aria-label", `${title}. ${said.join(". ")}.`);
  }
  set([]);
  return { element, set };
}

/** The next round number that is not less. */
function ceiling(value) {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value);
}
