// How trainings end: statuses by quarter of entry, and how they mature from release to release.

import { choice } from "../dom.js";
import { Plot, draw, empty, hatch, intervals, legend, quarters, tipOf, yAxis } from "../charts.js";
import { ENOUGH, MATURE, addBounds, familyOf, isTelling, masking, shareBounds, total } from "../engine.js";
import { count, day, percent, range, shareRange, short } from "../format.js";
import { hundred, number, share, text } from "../picture.js";

export const FAMILIES = [
  { id: "realise", label: "Réalisation totale", colour: "var(--c1)" },
  { id: "partiel", label: "Réalisation partielle", colour: "var(--c5)" },
  { id: "non_realise", label: "Annulé par le titulaire ou l'organisme", colour: "var(--c2)" },
  { id: "annule", label: "Annulé par le gestionnaire, rejeté", colour: "var(--c7)" },
  { id: "en_cours", label: "En cours", colour: "var(--c6)" },
  { id: null, label: "Statut inconnu", colour: "var(--c8)" },
];

const NONE = [0, 0];

// Bounds of the share of some families beside others; dossiers of a status that nobody knows may be either.
function among(byFamily, inside, outside) {
  const of = (families) => families.map((family) => byFamily.get(family) || NONE).reduce(addBounds, NONE);
  const either = [0, (byFamily.get(null) || NONE)[1]];
  return shareBounds(addBounds(of(inside), either), addBounds(of(outside), either));
}

// Bounds of what is closed, completed or given up among the groups of one cohort, by family.
export function rates(byFamily) {
  return {
    maturity: among(byFamily, ["realise", "partiel", "non_realise", "annule"], ["en_cours"]),
    done: among(byFamily, ["realise"], ["partiel", "non_realise", "annule"]),
    left: among(byFamily, ["partiel", "non_realise"], ["realise", "annule"]),
  };
}

function cohorts({ engine, data, state }) {
  const statuses = data.dimensions.statut;
  const groups = engine.group(["trimestre", "statut"]);
  return data.dimensions.trimestre.slice(state.from, state.to + 1).map((quarter) => {
    const code = data.dimensions.trimestre.indexOf(quarter);
    const mine = statuses.map((status, s) => ({ family: familyOf(status), group: groups[code * statuses.length + s] }));
    const families = FAMILIES.map((family) => ({ ...family, group: total(mine.filter((entry) => entry.family === family.id).map((entry) => entry.group)) }));
    const bounds = new Map(families.map((family) => [family.id, family.group.bounds]));
    return { id: quarter.id, code, families, whole: total(families.map((family) => family.group)), ...rates(bounds) };
  });
}

// Without the cancelled, what is left of giving up is leaving before the end: another rate, under another name.
const LEFT = {
  all: { short: "abandon", column: "Abandon", among: "des dossiers clos", label: "Abandon au sens large (partiel, ou annulé par le titulaire ou l'organisme)", curve: "Part des abandons parmi tous les dossiers" },
  followed: { short: "réalisation partielle", column: "Réalisation partielle", among: "des formations closes, hors annulations", label: "Réalisation partielle (les annulations sont hors du champ choisi)", curve: "Part des réalisations partielles parmi les dossiers du champ" },
};
const leftOf = (state) => (state.perimetre === "tous" ? LEFT.all : LEFT.followed);

function drawStatuses(context) {
  const { data, state, width } = context;
  const left = leftOf(state);
  const rows = cohorts(context).map((row) => {
    const isMature = row.maturity[0] >= MATURE;
    return { ...row, isMature, doneLow: isMature ? row.done[0] : NaN, doneHigh: isMature ? row.done[1] : NaN, leftLow: isMature ? row.left[0] : NaN, leftHigh: isMature ? row.left[1] : NaN };
  });
  const columns = [text("id", "Trimestre d'entrée"), ...FAMILIES.map(({ id, label }) => number(`f_${id}`, `${label} (non masqués)`)), number("hidden", "Masqués, au plus"), share("matLow", "Maturité, borne basse"), share("matHigh", "Maturité, borne haute"), share("doneLowPct", "Réalisation totale, borne basse"), share("doneHighPct", "Réalisation totale, borne haute"), share("leftLowPct", `${left.column}, borne basse`), share("leftHighPct", `${left.column}, borne haute`)];
  const shown = rows.filter((row) => !row.whole.isEmpty);
  const table = shown.map((row) => ({ id: row.id, ...Object.fromEntries(row.families.map((family) => [`f_${family.id}`, family.group.isEmpty ? null : family.group.dossiers])), hidden: masking.most * row.whole.masquees, matLow: hundred(row.maturity[0]), matHigh: hundred(row.maturity[1]), doneLowPct: hundred(row.doneLow), doneHighPct: hundred(row.doneHigh), leftLowPct: hundred(row.leftLow), leftHighPct: hundred(row.leftHigh) }));
  if (!shown.length) return { nodes: empty("Aucune ligne pour ces filtres."), columns, rows: [], said: "" };
  const { x, axis, bar } = quarters(data.dimensions.trimestre.slice(state.from, state.to + 1), width);
  const masked = hatch("var(--muted)");
  const immature = hatch("var(--faint)");
  const stack = shown.flatMap((row) => row.families.filter((family) => !family.group.isEmpty).map((family, place) => ({ id: row.id, code: row.code, family, order: FAMILIES.findIndex((other) => other.id === family.id), dossiers: family.group.dossiers, row, place })));
  const late = shown.filter((row) => !row.isMature);
  const tip = (row) => `${row.id}${row.isMature ? "" : " (trop récent)"}\nmaturité : ${range(row.maturity, (value) => percent(value))}\n${row.isMature ? `réalisation totale : ${range([row.doneLow, row.doneHigh], (value) => percent(value))}\n${left.short} : ${range([row.leftLow, row.leftHigh], (value) => percent(value))}` : "pas de taux avant 90 % de dossiers clos"}`;
  const bars = draw({
    label: "Dossiers par trimestre d'entrée et statut", width, height: 260, marginLeft: 60, x, y: { domain: [0, Math.max(...shown.map((row) => row.whole.high))], nice: true },
    onPick: (value) => state.change({ from: value.code, to: value.code }),
    marks: [
      masked.mark,
      yAxis({ width, label: "Dossiers", format: short, left: 60 }),
      Plot.barY(shown, { x: "id", y1: (row) => row.whole.dossiers, y2: (row) => row.whole.high, fill: masked.paint }),
      Plot.barY(stack, Plot.stackY({ x: "id", y: "dossiers", fill: (entry) => entry.family.colour, fillOpacity: (entry) => (entry.row.isMature ? 1 : 0.55), z: "order", order: "order", insetTop: 0.5 })),
      axis,
      Plot.ruleY([0], { stroke: "currentColor" }),
      Plot.tip(stack, Plot.pointer(Plot.stackY({ x: "id", y: "dossiers", z: "order", order: "order", maxRadius: 200, fontSize: 12, title: (entry) => `${entry.id} · ${entry.family.label}\n${range(entry.family.group.bounds, count)} dossiers\n${tip(entry.row).split("\n").slice(1).join("\n")}` }))),
    ],
  });
  const lines = draw({
    label: `Taux de réalisation totale et ${left.short}, par trimestre d'entrée`, width, height: 220, marginLeft: 60, x, y: { domain: [0, 1] },
    marks: [
      immature.mark,
      Plot.barY(late, { x: "id", y1: 0, y2: 1, fill: immature.paint, insetLeft: -3, insetRight: -3 }),
      yAxis({ width, label: `En part ${left.among} : intervalle possible`, format: (value) => percent(value, 0), left: 60 }),
      intervals(shown, { x: "id", low: "doneLow", high: "doneHigh", colour: "var(--c1)", width: bar }),
      intervals(shown, { x: "id", low: "leftLow", high: "leftHigh", colour: "var(--c2)", width: bar }),
      axis,
      Plot.ruleY([0], { stroke: "currentColor" }),
      tipOf(shown, { x: "id", y: (row) => (row.isMature ? row.doneHigh : 0.5), title: tip }),
    ],
  });
  const mature = shown.filter((row) => row.isMature);
  const last = mature.filter((row) => isTelling(row.whole)).pop() || mature[mature.length - 1];
  const used = new Set(stack.map((entry) => entry.family.id));
  return {
    nodes: [legend([...FAMILIES.filter((family) => used.has(family.id)), { label: "Masqué, au plus", colour: "var(--muted)", kind: "hatched" }]), bars, legend([{ label: "Réalisation totale", colour: "var(--c1)", kind: "line" }, { label: left.label, colour: "var(--c2)", kind: "line" }, { label: "Trop récent : pas de taux", colour: "var(--faint)", kind: "hatched" }]), lines],
    columns,
    rows: table,
    said: last ? `${last.id}, dernier trimestre mûr : réalisation totale ${range([last.doneLow, last.doneHigh], (value) => percent(value))} ${left.among}, ${left.short} ${range([last.leftLow, last.leftHigh], (value) => percent(value))}.` : "Aucun trimestre n'est assez mûr pour donner un taux : voir la maturation, à âge égal.",
    rests: last ? last.whole : null,
    caveat: `Un trimestre est mûr quand la borne basse de la part de ses dossiers clos atteint ${percent(MATURE, 0)}. Les premiers dossiers clos (formations courtes, annulations avant l'entrée) ne ressemblent pas aux autres : un taux précoce est biaisé ; comparez ces trimestres à âge égal, dans la maturation. Un taux n'est jamais donné seul, mais par ses bornes : le masquage retire surtout les abandons et les annulations. ${left === LEFT.all ? "Les taux portent sur tous les dossiers clos, annulés et rejetés compris." : "Le champ choisi exclut les annulés et les rejetés : les deux taux n'ont pas le même sens que pour tous les dossiers, et ne s'y comparent pas."}`,
  };
}

// What the history is not embedded by: below the country, two states side by side can reveal a masked cell.
const NATIONAL = ["region", "territoire", "genre", "classe_age", "situation"];

const CURVES = {
  clos: { label: "Clos", title: "Part des dossiers clos", of: (rate) => rate.maturity },
  realise: { label: "Réalisé", title: "Part des réalisations totales parmi tous les dossiers", families: ["realise"] },
  abandon: { label: "Abandon", families: ["partiel", "non_realise"] },
};

// Every state that each release told of each quarter, by quarters elapsed since entry.
function maturation({ data, engine }) {
  const { history, dimensions, meta } = data;
  const rank = (iso) => Number(iso.slice(0, 4)) * 4 + Math.floor((Number(iso.slice(5, 7)) - 1) / 3);
  const releases = meta.releases.map((release) => rank(release.jour || release.id));
  const allowed = engine.allowed(NATIONAL);
  const states = new Map();
  const add = (quarter, from, until, status, dossiers, masked) => {
    const key = `${quarter} ${from}`;
    if (!states.has(key)) states.set(key, { quarter, from, until, families: new Map() });
    const { families } = states.get(key);
    const family = familyOf(dimensions.statut[status]);
    families.set(family, addBounds(families.get(family) || NONE, [dossiers + masked, dossiers + masking.most * masked]));
  };
  for (let i = 0; i < history.e_trimestre.length; i += 1) {
    const [quarter, status] = [history.e_trimestre[i], history.e_statut[i]];
    if (allowed.trimestre[quarter] && allowed.statut[status]) add(quarter, history.e_depuis[i], history.e_jusqua[i], status, history.e_dossiers[i], history.e_masquees[i]);
  }
  // The current state began where the last past one ended; else with the first release that can have had the quarter.
  const groups = engine.group(["trimestre", "statut"], NATIONAL);
  const ends = new Map();
  for (let i = 0; i < history.e_trimestre.length; i += 1) ends.set(history.e_trimestre[i], Math.max(ends.get(history.e_trimestre[i]) ?? 0, history.e_jusqua[i]));
  dimensions.trimestre.forEach((quarter, code) => {
    if (!allowed.trimestre[code]) return;
    const first = Math.max(0, releases.findIndex((release) => release >= quarter.index));
    const from = ends.get(code) ?? first;
    dimensions.statut.forEach((_, status) => {
      const group = groups[code * dimensions.statut.length + status];
      if (!group.isEmpty) add(code, from, releases.length, status, group.dossiers, group.masquees);
    });
  });
  const points = [];
  for (const { quarter, from, until, families } of states.values()) {
    for (let release = from; release < until; release += 1) {
      const elapsed = releases[release] - dimensions.trimestre[quarter].index;
      if (elapsed >= 0) points.push({ quarter, release, elapsed, families, id: dimensions.trimestre[quarter].id });
    }
  }
  return points.sort((a, b) => a.quarter - b.quarter || a.elapsed - b.elapsed);
}

// Whether what a release says of a quarter is enough for a sentence.
const isEnough = ({ families }) => [...families.values()].reduce((sum, [low]) => sum + low, 0) >= ENOUGH;

function drawMaturation(context) {
  const { data, width, option, state } = context;
  const chosen = CURVES[option("courbe", "clos")] || CURVES.clos;
  const curve = chosen === CURVES.abandon ? { ...chosen, title: leftOf(state).curve } : chosen;
  const columns = [text("id", "Trimestre d'entrée"), number("elapsed", "Trimestres écoulés"), text("releaseId", "Publication"), share("lowPct", "Borne basse"), share("highPct", "Borne haute")];
  const points = maturation(context).map((point) => {
    let bounds;
    if (curve.of) bounds = curve.of(rates(point.families));
    else {
      const others = FAMILIES.map((family) => family.id).filter((id) => id !== null && !curve.families.includes(id));
      bounds = among(point.families, curve.families, others);
    }
    return { ...point, low: bounds[0], high: bounds[1], lowPct: hundred(bounds[0]), highPct: hundred(bounds[1]), releaseId: data.meta.releases[point.release].id, isLast: point.release === data.meta.releases.length - 1 };
  }).filter((point) => point.low === point.low);
  if (!points.length) return { nodes: empty("Aucune ligne pour ces filtres."), columns, rows: [], said: "" };
  const far = 12;
  const near = points.filter((point) => point.elapsed <= far);
  const followed = near.filter((point) => near.filter((other) => other.quarter === point.quarter).length > 1);
  const plot = draw({
    label: `${curve.title}, par trimestres écoulés depuis l'entrée`, width, height: 300, marginLeft: 52, marginBottom: 42,
    x: { domain: [0, Math.max(4, ...near.map((point) => point.elapsed))], label: null }, y: { domain: [0, 1] },
    onPick: (point) => state.change({ from: point.quarter, to: point.quarter }),
    marks: [
      yAxis({ width, label: `${curve.title} : intervalle possible`, format: (value) => percent(value, 0) }),
      Plot.axisX({ anchor: "bottom", ticks: Math.max(...near.map((point) => point.elapsed)), tickFormat: (value) => String(value), label: null, tickSize: 3 }),
      Plot.text(["Trimestres écoulés depuis l'entrée"], { frameAnchor: "bottom-right", dy: 34, textAnchor: "end", fill: "currentColor" }),
      Plot.lineY(followed, { x: "elapsed", y: "low", z: "quarter", stroke: "var(--c1)", strokeWidth: 1.6 }),
      Plot.ruleX(near, { x: "elapsed", y1: "high", y2: "low", stroke: (point) => (point.isLast ? "var(--c2)" : "var(--c1)"), strokeWidth: 7, insetTop: -2, insetBottom: -2 }),
      Plot.ruleY([0], { stroke: "currentColor" }),
      Plot.tip(near, Plot.pointer({ x: "elapsed", y: "high", fontSize: 12, title: (point) => `Trimestre d'entrée ${point.id}\nvu ${point.elapsed} trimestre${point.elapsed > 1 ? "s" : ""} après, publication du ${day(point.releaseId)}\n${range([point.low, point.high], (value) => percent(value))}` })),
    ],
  });
  const releases = data.meta.releases.length;
  const recent = points.filter((point) => point.isLast && point.elapsed <= 2 && isEnough(point));
  return {
    nodes: [legend([{ label: "Dernière publication : chaque trimestre à son âge", colour: "var(--c2)", kind: "line" }, { label: "Publications précédentes, même trimestre relié", colour: "var(--c1)", kind: "line" }]), plot],
    columns,
    rows: points,
    said: recent.length ? `Dans la dernière publication : ${recent.slice().reverse().map((point) => `${point.id}, ${shareRange([point.low, point.high], 0)}`).join(" ; ")}.` : "",
    caveat: `Des trimestres récents ne se comparent qu'à âge égal. ${releases > 1 ? `${releases} publications archivées.` : "Une seule publication archivée : chaque trimestre n'est vu qu'à un seul âge."}`,
  };
}

export const statuses = { key: "statuts", title: "Statut des dossiers et taux, par trimestre d'entrée", wide: true, draw: drawStatuses };

export const maturing = {
  key: "maturation",
  title: "Maturation : ce que deviennent les dossiers avec le temps",
  views: { courbe: Object.keys(CURVES) },
  wide: true,
  without: NATIONAL,
  ignores: "les filtres de région, de territoire, de genre, d'âge et de situation (l'historique n'est donné que pour la France entière : voir le secret statistique)",
  controls: ({ option, setOption, state }) => choice("Courbe", Object.entries(CURVES).map(([key, { label }]) => [key, key === "abandon" ? leftOf(state).column : label]), option("courbe", "clos"), (key) => setOption("courbe", key)),
  draw: drawMaturation,
};
