// Entries by quarter, with their change on a year before and the sum of four quarters.

import { choice } from "../dom.js";
import { Plot, draw, empty, hatch, intervals, legend, quarters, tipOf, yAxis } from "../charts.js";
import { isTelling, ratioBounds, total } from "../engine.js";
import { count, euros, eurosShort, percent, range, short, signedPercent } from "../format.js";
import { hundred, number, share, text } from "../picture.js";

export const MEASURES = {
  dossiers: {
    label: "Dossiers",
    unit: "dossiers",
    value: (group) => group.dossiers,
    bounds: (group) => group.bounds,
    format: count,
    axis: short,
  },
  montant: {
    label: "Montant engagé",
    unit: "euros",
    value: (group) => group.euros,
    bounds: (group) => [group.eurosLow, group.eurosHigh],
    format: euros,
    axis: eurosShort,
  },
};

export const signedRange = ([low, high]) => range([low, high], (value) => signedPercent(value));

// Per quarter of the whole data: its group, the bounds of its change on a year, and its sum of four quarters.
export function evolution(groups, rows, measure) {
  const byIndex = new Map(rows.map((row, code) => [row.index, code]));
  return rows.map((row, code) => {
    const group = groups[code];
    const before = byIndex.get(row.index - 4);
    const four = [0, 1, 2, 3].map((back) => byIndex.get(row.index - back));
    const whole = four.every((other) => other !== undefined && !groups[other].isEmpty);
    const sum = whole ? total(four.map((other) => groups[other])) : null;
    const none = [NaN, NaN];
    const year = before === undefined || groups[before].isEmpty || group.isEmpty ? none : ratioBounds(measure.bounds(group), measure.bounds(groups[before])).map((value) => value - 1);
    return {
      id: row.id,
      code,
      group,
      value: group.isEmpty ? NaN : measure.value(group),
      low: group.isEmpty ? NaN : measure.bounds(group)[0],
      high: group.isEmpty ? NaN : measure.bounds(group)[1],
      sum,
      before: before === undefined ? null : groups[before],
      yearLow: year[0],
      yearHigh: year[1],
      four: sum ? measure.value(sum) : NaN,
      fourLow: sum ? measure.bounds(sum)[0] : NaN,
      fourHigh: sum ? measure.bounds(sum)[1] : NaN,
      people: group.isEmpty ? null : group.peopleHigh,
      masked: group.lignesMasquees,
      lines: group.lignes,
      isLast: code === rows.length - 1,
    };
  });
}

const FRAME = 1; // +100 % on a year

function drawEntries({ engine, data, state, width, option }) {
  const measure = MEASURES[option("mesure", "dossiers")] || MEASURES.dossiers;
  const all = data.dimensions.trimestre;
  const found = evolution(engine.group(["trimestre"], ["trimestre"]), all, measure);
  const rows = found.slice(state.from, state.to + 1);
  const shown = rows.filter((row) => row.lines > 0);
  const columns = [
    text("id", "Trimestre d'entrée"),
    number("value", `${measure.label} (lignes non masquées)`, measure === MEASURES.montant ? 2 : 0),
    number("low", "Au moins"),
    number("high", "Au plus"),
    share("yearLowPct", "Évolution sur un an, borne basse"),
    share("yearHighPct", "Évolution sur un an, borne haute"),
    number("four", "Cumul sur quatre trimestres (lignes non masquées)", measure === MEASURES.montant ? 2 : 0),
    number("people", "Titulaires, borne haute"),
    number("masked", "Lignes masquées"),
    number("lines", "Lignes"),
  ];
  const table = rows.map((row) => ({ ...row, yearLowPct: hundred(row.yearLow), yearHighPct: hundred(row.yearHigh) }));
  if (!shown.length) return { nodes: empty("Aucune ligne pour ces filtres."), columns, rows: [], said: "" };
  const isProvisional = shown.some((row) => row.isLast);
  const { x, axis, bar } = quarters(all.slice(state.from, state.to + 1), width);
  const provisional = hatch("var(--c1)");
  const masked = hatch("var(--muted)");
  const tip = (row) =>
    `${row.id}${row.isLast ? " (provisoire)" : ""}\n${measure.label} : ${measure.format(row.value)}\navec les lignes masquées : ${range([row.low, row.high], measure.format)}\nsur un an : ${signedRange([row.yearLow, row.yearHigh])}`;
  const bars = draw({
    label: `${measure.label} par trimestre d'entrée`,
    width,
    height: 250,
    marginLeft: 64,
    x,
    y: { domain: [0, Math.max(...shown.map((row) => row.high))], nice: true },
    onPick: (row) => state.change(state.from === row.code && state.to === row.code ? { from: 0, to: all.length - 1 } : { from: row.code, to: row.code }),
    marks: [
      provisional.mark,
      masked.mark,
      yAxis({ width, label: `${measure.label} par trimestre`, format: measure.axis, left: 64 }),
      Plot.barY(shown, { x: "id", y1: "value", y2: "high", fill: masked.paint }),
      Plot.barY(shown, { x: "id", y: "value", fill: (row) => (row.isLast ? provisional.paint : "var(--c1)"), stroke: "var(--c1)", strokeWidth: 1 }),
      axis,
      Plot.ruleY([0], { stroke: "currentColor" }),
      tipOf(shown, { x: "id", y: "value", title: tip }),
    ],
  });
  // 2021 against the spring of 2020 would flatten all later years: such a change is written at the frame, not drawn.
  const [outside, inside] = [(row) => row.yearLow > FRAME, (row) => row.yearLow <= FRAME].map((test) => rows.filter(test));
  const extremes = inside.flatMap((row) => [row.yearLow, row.yearHigh]);
  const change = extremes.length
    ? draw({
        label: "Évolution sur un an",
        width,
        height: 150,
        marginLeft: 64,
        x,
        y: { domain: [Math.min(0, ...extremes), Math.max(0, ...extremes)], nice: true },
        marks: [
          yAxis({ width, label: "Évolution sur un an (glissement annuel) : intervalle possible", format: (value) => signedPercent(value, 0), ticks: 4, left: 64 }),
          Plot.ruleY([0], { stroke: "currentColor" }),
          intervals(inside, { x: "id", low: "yearLow", high: "yearHigh", colour: "var(--c2)", width: bar }),
          Plot.text(outside, { x: "id", frameAnchor: "top", lineAnchor: "top", dy: -1, text: (row) => ((width - 76) / rows.length > 46 ? `▲\n${signedPercent(row.yearLow, 0)}` : "▲"), fill: "var(--c2)" }),
          axis,
          tipOf(rows.filter((row) => row.yearLow === row.yearLow), { x: "id", y: "yearHigh", title: tip }),
        ],
      })
    : empty("Pas d'évolution sur un an : il manque le même trimestre de l'année précédente.");
  const fours = rows.filter((row) => row.four === row.four);
  const sums = fours.length > 1
    ? draw({
        label: "Cumul sur quatre trimestres glissants",
        width,
        height: 170,
        marginLeft: 64,
        x,
        y: { domain: [0, Math.max(...fours.map((row) => row.fourHigh))], nice: true },
        marks: [
          yAxis({ width, label: "Cumul sur quatre trimestres glissants", format: measure.axis, ticks: 4, left: 64 }),
          Plot.areaY(fours, { x: "id", y1: "fourLow", y2: "fourHigh", fill: "var(--c3)", fillOpacity: 0.35 }),
          Plot.lineY(fours.filter((row) => !row.isLast), { x: "id", y: "fourLow", stroke: "var(--c3)", strokeWidth: 2.5 }),
          Plot.lineY(isProvisional ? fours.slice(-2) : [], { x: "id", y: "fourLow", stroke: "var(--c3)", strokeWidth: 2.5, strokeDasharray: "4 4" }),
          axis,
          Plot.ruleY([0], { stroke: "currentColor" }),
          tipOf(fours, { x: "id", y: "fourLow", title: (row) => `${row.id}\nQuatre trimestres : ${range([row.fourLow, row.fourHigh], measure.format)}` }),
        ],
      })
    : null;
  const last = shown[shown.length - 1];
  return {
    nodes: [
      legend([
        { label: `${measure.label}, lignes non masquées`, colour: "var(--c1)" },
        ...(isProvisional ? [{ label: "Dernier trimestre, provisoire", colour: "var(--c1)", kind: "hatched" }] : []),
        { label: "Masqué, au plus", colour: "var(--muted)", kind: "hatched" },
      ]),
      bars,
      change,
      sums,
    ],
    columns,
    rows: table,
    said: `${last.id} : ${range([last.low, last.high], measure.format)}${measure === MEASURES.dossiers ? " dossiers" : ""}${last.yearLow === last.yearLow && isTelling(last.before) ? `, ${signedRange([last.yearLow, last.yearHigh])} sur un an` : ""}${last.masked ? ` ; au plus ${percent(last.group.maskedPart)} des dossiers sont masqués` : ""}.`,
    rests: last.group,
    caveat: `${isProvisional ? "Le dernier trimestre est provisoire : les publications suivantes le révisent." : "Les publications suivantes peuvent encore réviser ces trimestres."}${outside.length ? ` ▲ : plus de ${signedPercent(FRAME, 0)} sur un an, hors du cadre.` : ""}`,
  };
}

export const entries = {
  key: "entrees",
  title: "Dossiers et montants par trimestre d'entrée en formation",
  wide: true,
  views: { mesure: Object.keys(MEASURES) },
  note: "Un dossier n'est ni une personne ni toujours une entrée : un titulaire peut en avoir plusieurs, et les dossiers annulés ou rejetés comptent, sauf si le champ les exclut. Les titulaires ne s'additionnent ni entre trimestres ni entre statuts.",
  controls: ({ option, setOption }) =>
    choice("Mesure", Object.entries(MEASURES).map(([key, { label }]) => [key, label]), option("mesure", "dossiers"), (key) => setOption("mesure", key)),
  draw: drawEntries,
};
