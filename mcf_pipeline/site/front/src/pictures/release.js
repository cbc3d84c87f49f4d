// What the newest release changed, and how complete the data is.

import { choice } from "../dom.js";
import { NARROW, Plot, draw, empty, hatch, legend, quarters, tipOf, yAxis } from "../charts.js";
import { count, day, euros, eurosShort, percent, plural, short, signed } from "../format.js";
import { hundred, number, share, text } from "../picture.js";

const EVERY_FILTER = ["trimestre", "region", "territoire", "genre", "classe_age", "situation", "perimetre"];
const KINDS = {
  nouveau: "Nouveaux trimestres",
  visible: "Déjà publiés : lignes visibles avant et après",
  apparue: "Déjà publiés : lignes nouvelles (souvent un changement de statut)",
  disparue: "Déjà publiés : lignes vidées (souvent un changement de statut)",
  devoilee: "Déjà publiés : lignes qui ne sont plus masquées",
  devenue_masquee: "Déjà publiés : lignes devenues masquées",
  retire: "Trimestres retirés",
};
// A dossier whose status changes leaves one line and enters another, which may be masked: drawn apart, the parts would
// look like dossiers lost and won.
const REVISED = { kinds: ["visible", "apparue", "disparue", "devoilee", "devenue_masquee"], label: "Trimestres déjà publiés : solde des lignes visibles" };

const MEASURES = {
  dossiers: { label: "Dossiers", column: "r_dossiers", scale: 1, format: count, axis: short },
  montant: { label: "Montant engagé", column: "r_montant", scale: 100, format: euros, axis: eurosShort },
};

function drawRevisions({ data, engine, width, option }) {
  const measure = MEASURES[option("mesure", "dossiers")] || MEASURES.dossiers;
  const { history, meta, dimensions } = data;
  const columns = [text("label", "Étape"), number("change", `${measure.label} : variation`, measure === MEASURES.montant ? 2 : 0), number("to", `${measure.label} : total après`, measure === MEASURES.montant ? 2 : 0), number("lines", "Lignes")];
  const before = meta.releases[meta.releases.length - 2];
  if (!before) return { nodes: empty("Une seule publication est archivée : il n'y a encore rien à comparer."), columns, rows: [], said: "" };
  const sums = new Map(meta.kinds.map((kind) => [kind, { change: 0, lines: 0, quarters: new Set() }]));
  for (let i = 0; i < history.r_nature.length; i += 1) {
    const sum = sums.get(meta.kinds[history.r_nature[i]]);
    sum.change += history[measure.column][i] / measure.scale;
    sum.lines += history.r_lignes[i];
    if (history.r_trimestre[i] >= 0) sum.quarters.add(dimensions.trimestre[history.r_trimestre[i]].id);
  }
  const now = engine.total(EVERY_FILTER);
  const end = measure === MEASURES.dossiers ? now.dossiers : now.euros;
  const parts = Object.entries(KINDS).map(([kind, label]) => ({ kind, label, ...sums.get(kind) })).filter((part) => part.lines > 0);
  let level = end - parts.reduce((sum, part) => sum + part.change, 0);
  const rows = [{ label: `Publication du ${day(before.jour || before.id)}`, from: 0, to: level, change: null, isTotal: true, lines: null }];
  for (const part of parts) {
    rows.push({ ...part, from: level, to: level + part.change });
    level += part.change;
  }
  rows.push({ label: `Publication du ${day(meta.released_on)}`, from: 0, to: end, change: null, isTotal: true, lines: now.lignes });
  const left = Math.min(230, width * 0.42);
  const net = parts.filter((part) => REVISED.kinds.includes(part.kind));
  const drawn = parts.filter((part) => !net.includes(part));
  if (net.length) drawn.splice(drawn.findIndex((part) => part.kind === "nouveau") + 1, 0, { label: REVISED.label, change: net.reduce((sum, part) => sum + part.change, 0) });
  const quiet = parts.every((part) => part.change === 0);
  // The totals are a hundred times the changes: lengths are drawn for the changes alone, from their own zero.
  let place = 0;
  const steps = drawn.map((row) => {
    const from = place;
    place += row.change;
    return { ...row, start: from, end: place };
  });
  steps.push({ label: "Variation totale", start: 0, end: place, change: place, isTotal: true, lines: null });
  const plot = draw({
    label: "Variation entre les deux dernières publications, par nature", width, height: steps.length * (width < NARROW ? 54 : 40) + 44, marginLeft: left, marginTop: 8, marginRight: 70,
    // Each bar has its figure: on a telephone there is no room for an axis too.
    x: { axis: width < NARROW ? null : undefined, label: null, nice: true, domain: [Math.min(0, ...steps.map((row) => Math.min(row.start, row.end))), Math.max(0, ...steps.map((row) => Math.max(row.start, row.end)))] },
    y: { type: "band", domain: steps.map((row) => row.label), padding: 0.3, label: null },
    marks: [
      Plot.gridX({ stroke: "var(--line)", strokeOpacity: 1, ticks: width < 500 ? 2 : 4 }),
      width < NARROW ? null : Plot.axisX({ anchor: "bottom", tickFormat: (value) => signed(value, measure.axis), tickSize: 0, label: null, ticks: 4 }),
      Plot.axisY({ tickSize: 0, label: null, lineWidth: left / 12.5 }),
      Plot.barX(steps, { y: "label", x1: "start", x2: "end", fill: (row) => (row.isTotal ? "var(--c6)" : row.change < 0 ? "var(--c2)" : "var(--c1)") }),
      Plot.ruleX([0], { stroke: "currentColor" }),
      Plot.text(steps, { y: "label", x: (row) => Math.max(row.start, row.end), text: (row) => signed(row.change, measure.format), textAnchor: "start", dx: 5, fill: "currentColor", stroke: "var(--paper)", strokeWidth: 3 }),
    ],
  });
  const fresh = sums.get("nouveau").quarters;
  const revised = new Set(["visible", "apparue", "devoilee", "disparue", "devenue_masquee"].flatMap((kind) => [...sums.get(kind).quarters]));
  return {
    nodes: quiet ? empty("La dernière publication n'a rien changé ici.") : [legend([{ label: "Hausse", colour: "var(--c1)" }, { label: "Baisse", colour: "var(--c2)" }, { label: "Total", colour: "var(--c6)" }]), plot],
    columns,
    rows,
    said: `Du ${day(before.jour || before.id)} au ${day(meta.released_on)} : ${fresh.size ? `${[...fresh].join(", ")} en plus` : "aucun trimestre nouveau"}, ${revised.size ? `${plural(revised.size, "trimestre révisé", "trimestres révisés")} (${[...revised].sort().join(", ")})` : "aucun révisé"}.`,
    caveat: "Sommes des lignes visibles. Un dossier qui change de statut passe d'une ligne à une autre, parfois masquée : il n'est ni perdu ni nouveau. C'est pourquoi la figure ne donne que le solde des trimestres déjà publiés. Le tableau le détaille : prise seule, aucune de ses composantes ne dit rien de l'activité.",
  };
}

function drawQuality({ data, engine, state, width }) {
  const quality = new Map(data.meta.quality.map((row) => [row.id, row]));
  const groups = engine.group(["trimestre"]);
  const rows = data.dimensions.trimestre.slice(state.from, state.to + 1).map((quarter, place) => {
    const group = groups[state.from + place];
    const received = quality.get(quarter.id);
    return { id: quarter.id, code: state.from + place, group, lines: group.lignes, masked: group.lignesMasquees, maskedLines: group.maskedLines, most: group.maskedPart, maskedPct: hundred(group.maskedLines), mostPct: hundred(group.maskedPart), received: received ? received.nb_lignes_recues : null, rejected: received ? received.nb_lignes_rejetees : null };
  });
  const columns = [text("id", "Trimestre"), number("lines", "Lignes"), number("masked", "Lignes masquées"), share("maskedPct", "Lignes masquées"), share("mostPct", "Dossiers masqués, au plus"), number("received", "Lignes reçues (tous filtres)"), number("rejected", "Lignes rejetées (tous filtres)")];
  const shown = rows.filter((row) => row.lines);
  if (!shown.length) return { nodes: empty("Aucune ligne pour ces filtres."), columns, rows: [], said: "" };
  const { x, axis } = quarters(data.dimensions.trimestre.slice(state.from, state.to + 1), width);
  const tip = (row) => `${row.id}\n${count(row.masked)} lignes masquées sur ${count(row.lines)} (${percent(row.maskedLines)})\nau plus ${percent(row.most)} des dossiers\nlignes rejetées : ${count(row.rejected)}`;
  const masked = hatch("var(--c6)");
  const one = (title, key, paint, mark) => draw({
    label: title, width, height: 170, marginLeft: 52, x, y: { domain: [0, Math.max(0.01, ...shown.map((row) => row[key]))], nice: true },
    onPick: (row) => state.change({ from: row.code, to: row.code }),
    marks: [mark, yAxis({ width, label: title, format: (value) => percent(value, 0), ticks: 4 }), Plot.barY(shown, { x: "id", y: key, fill: paint, stroke: "var(--c6)" }), axis, Plot.ruleY([0], { stroke: "currentColor" }), tipOf(shown, { x: "id", y: key, title: tip })].filter(Boolean),
  });
  const all = engine.total();
  const rejected = rows.reduce((sum, row) => sum + (row.rejected || 0), 0);
  const noPrice = all.at("sansPrix");
  return {
    nodes: [one("Part des lignes masquées", "maskedLines", "var(--c6)"), one("Part des dossiers masqués, au plus", "most", masked.paint, masked.mark)],
    columns,
    rows,
    said: `${percent(all.maskedLines)} des lignes sont masquées, au plus ${percent(all.maskedPart)} des dossiers ; ${plural(rejected, "ligne rejetée", "lignes rejetées")} sur la période.`,
    caveat: `Les lignes masquées sont les petites : leur part en lignes est grande, en dossiers petite, sauf dans les petites régions et les profils rares. Les lignes rejetées sont comptées par trimestre, sans les autres filtres.${noPrice ? ` ${count(noPrice)} lignes masquées n'ont pas de prix : leur montant n'a pas de borne haute.` : ""}`,
  };
}

export const revisions = {
  key: "revisions",
  title: "Ce que la dernière publication a changé",
  views: { mesure: Object.keys(MEASURES) },
  without: EVERY_FILTER,
  ignores: "tous les filtres (l'historique n'est donné que pour la France entière : voir le secret statistique)",
  controls: ({ option, setOption }) => choice("Mesure", Object.entries(MEASURES).map(([key, { label }]) => [key, label]), option("mesure", "dossiers"), (key) => setOption("mesure", key)),
  draw: drawRevisions,
};

export const quality = { key: "qualite", title: "Masquage et lignes rejetées", draw: drawQuality };
