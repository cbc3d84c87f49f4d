// What the drawings share: axes, hatches, intervals, and how a drawing is clicked.

import * as Plot from "@observablehq/plot";
import { h, id } from "./dom.js";
import { decimal } from "./format.js";

export const COLOURS = ["var(--c1)", "var(--c2)", "var(--c3)", "var(--c4)", "var(--c5)", "var(--c6)", "var(--c7)", "var(--c8)", "var(--c9)", "var(--c10)"];
export const MUTED = "var(--muted)";
export const FAINT = "var(--faint)";

export const NARROW = 420; // pixels of a drawing on a telephone

const NAMESPACE = "http://www.w3.org/2000/svg";

// A hatch of one colour; returns the mark that defines it and the paint that uses it.
export function hatch(colour, background = "var(--paper)") {
  const name = id("hachure");
  const mark = () => {
    const defs = document.createElementNS(NAMESPACE, "defs");
    const pattern = document.createElementNS(NAMESPACE, "pattern");
    for (const [key, value] of [["id", name], ["width", 6], ["height", 6], ["patternUnits", "userSpaceOnUse"], ["patternTransform", "rotate(45)"]]) {
      pattern.setAttribute(key, value);
    }
    for (const [width, paint] of [[6, background], [2.2, colour]]) {
      const rect = document.createElementNS(NAMESPACE, "rect");
      rect.setAttribute("width", width);
      rect.setAttribute("height", 6);
      rect.style.fill = paint;
      pattern.append(rect);
    }
    defs.append(pattern);
    return defs;
  };
  return { mark, paint: `url(#${name})` };
}

// A drawing with the look of the page. `label` says to a screen reader what is to be seen; the table has the figures.
export function draw({ label, onPick, width, height, marginLeft = 56, ...options }) {
  const plot = Plot.plot({
    width,
    height,
    marginLeft,
    marginRight: 12,
    marginBottom: 30,
    marginTop: width < NARROW ? 44 : 30,
    style: { fontSize: "12px", fontFamily: "inherit", overflow: "visible", background: "transparent", color: "inherit" },
    ...options,
  });
  const svg = plot.tagName.toLowerCase() === "svg" ? plot : plot.querySelector("svg");
  // One picture to a screen reader, not a name per group of shapes.
  for (const named of svg.querySelectorAll("[aria-label]")) named.removeAttribute("aria-label");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `${label}. Les chiffres sont dans le tableau de cette figure.`);
  if (onPick) {
    plot.classList.add("pickable");
    plot.addEventListener("click", () => {
      if (plot.value) onPick(plot.value);
    });
  }
  return plot;
}

export const frenchNumber = (value) => decimal(value, Number.isInteger(value) ? 0 : 1);

// Quarters along x: a band per quarter, the years written beneath their first quarter.
export function quarters(rows, width) {
  const shown = rows.map((row) => row.id);
  const years = rows.filter((row) => row.trimestre === 1 || row === rows[0]);
  const room = Math.max(1, Math.ceil((years.length * 40) / Math.max(1, width - 80)));
  const ticks = rows.length <= Math.max(4, width / 75) ? shown : years.filter((_, place) => place % room === 0).map((row) => row.id);
  const byId = new Map(rows.map((row) => [row.id, row]));
  return {
    // As wide as an interval may be drawn.
    bar: Math.max(2, Math.min(8, Math.floor((width - 80) / rows.length / 2))),
    x: { type: "band", domain: shown, padding: 0.15, label: null },
    axis: Plot.axisX({
      ticks,
      tickSize: 4,
      label: null,
      tickFormat: (key) => (ticks === shown ? `T${byId.get(key).trimestre}\n${byId.get(key).annee}` : String(byId.get(key).annee)),
    }),
  };
}

// Two lines where one would be cut at the edge of the drawing.
function wrapped(label, width) {
  const room = Math.floor((width - 16) / 6.6);
  const cut = label.lastIndexOf(" ", room);
  return label.length > room && cut > 0 ? `${label.slice(0, cut)}\n${label.slice(cut + 1)}` : label;
}

export function yAxis({ label, width, format = frenchNumber, ticks = 5, left = 56 }) {
  return [
    Plot.axisY({ ticks, tickFormat: format, tickSize: 0, label: null }),
    Plot.gridY({ ticks, stroke: "var(--line)", strokeOpacity: 1 }),
    Plot.text([wrapped(label, width)], { frameAnchor: "top-left", lineAnchor: "bottom", dx: 8 - left, dy: -14, textAnchor: "start", fill: "currentColor", fontWeight: 500 }),
  ];
}

// An interval: from its low to its high bound, never thinner than can be seen.
export function intervals(rows, { x, low, high, colour, width = 8, ...rest }) {
  return Plot.ruleX(rows.filter((row) => row[low] === row[low] && row[high] === row[high]), {
    x, y1: high, y2: low, stroke: colour, strokeWidth: width, insetTop: -2, insetBottom: -2, ...rest,
  });
}

export function tipOf(rows, options) {
  return Plot.tip(rows, Plot.pointerX({ fontSize: 12, lineHeight: 1.35, textPadding: 8, maxRadius: Infinity, ...options }));
}

// A legend of squares and lines.
export function legend(entries) {
  return h(
    "ul",
    { class: "legend" },
    entries.map(({ label, colour, kind = "fill" }) => h("li", {}, h("span", { class: `key ${kind}`, style: colour ? `--key:${colour}` : null, "aria-hidden": "true" }), label)),
  );
}

export function empty(text) {
  return h("p", { class: "empty" }, text);
}

export { Plot };
