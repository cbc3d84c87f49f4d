// Who: age, gender and situation, as tables of coloured cells.

import { choice, h } from "../dom.js";
import { empty } from "../charts.js";
import { HATCH_FROM, partBounds, total, unknownBounds } from "../engine.js";
import { count, decimal, euros, percent, range, shareRange, short } from "../format.js";
import { hundred, number, share, text } from "../picture.js";

const AGES = { moins_de_25_ans: "< 25", "25_a_39_ans": "25-39", "40_a_49_ans": "40-49", "50_ans_et_plus": "50 +", non_renseigne: "n. r." };
const WITHOUT = ["genre", "classe_age", "situation"];
const CLASSES = 5;

function drawPeople({ engine, data, state, option }) {
  const shown = option("vue", "volume") === "part" ? "part" : "volume";
  const { genre: genders, classe_age: ages, situation: situations } = data.dimensions;
  const groups = engine.group(["genre", "classe_age", "situation"], WITHOUT);
  const at = (gender, age, situation) => groups[(gender * ages.length + age) * situations.length + situation];
  const whole = total(groups);
  const columns = [text("gender", "Genre"), text("age", "Classe d'âge"), text("situation", "Situation"), number("dossiers", "Dossiers (non masqués)"), number("low", "Au moins"), number("high", "Au plus"), share("partLow", "Part, borne basse"), share("partHigh", "Part, borne haute"), number("montant", "Montant engagé (€)", 2), number("price", "Prix moyen (€)", 2), number("masked", "Lignes masquées")];
  if (whole.isEmpty) return { nodes: empty("Aucune ligne pour ces filtres."), columns, rows: [], said: "" };
  // A line of which one of the three is unknown to the contract may be of any profile.
  const isUnknown = (g, a, s) => genders[g].est_connue === false || ages[a].est_connue === false || situations[s].est_connue === false;
  const unknown = [0, 0];
  genders.forEach((_, g) => ages.forEach((__, a) => situations.forEach((___, s) => {
    if (isUnknown(g, a, s)) at(g, a, s).bounds.forEach((bound, side) => { unknown[side] += bound; });
  })));
  const rows = [];
  genders.forEach((gender, g) => situations.forEach((situation, s) => ages.forEach((age, a) => {
    const group = at(g, a, s);
    if (group.isEmpty) return;
    const [low, high] = partBounds(group.bounds, whole.bounds, isUnknown(g, a, s) ? [0, 0] : unknown);
    rows.push({ g, a, s, group, gender: gender.libelle, age: age.libelle, situation: situation.libelle, dossiers: group.dossiers, low: group.low, high: group.high, part: [low, high], partLow: hundred(low), partHigh: hundred(high), montant: group.euros, price: group.price, masked: group.lignesMasquees });
  })));
  const top = Math.max(...rows.map((row) => row.low), 1);
  const byKey = new Map(rows.map((row) => [`${row.g} ${row.a} ${row.s}`, row]));
  const written = (row) => {
    if (shown === "part") return row.part[1] < 0.0005 ? "< 0,1" : range(row.part.map((value) => value * 100), (value) => decimal(value)).replace(" à ", "-");
    if (row.dossiers === 0) return `≤ ${short(row.high)}`;
    return row.group.maskedPart > HATCH_FROM ? `≥ ${short(row.low)}` : short(row.low);
  };
  const isChosen = (row) => [["genre", row.g], ["classe_age", row.a], ["situation", row.s]].every(([name, code]) => state[name].has(code));
  const pick = (row) => state.change(isChosen(row) ? { genre: new Set(), classe_age: new Set(), situation: new Set() } : { genre: new Set([row.g]), classe_age: new Set([row.a]), situation: new Set([row.s]) });
  const isOut = (row) => [["genre", row.g], ["classe_age", row.a], ["situation", row.s]].some(([name, code]) => state[name].size && !state[name].has(code));
  const cell = (row) => {
    if (!row) return h("td", {}, h("span", { class: "unseen" }, "aucune ligne"));
    const hatched = row.group.maskedPart > HATCH_FROM;
    const title = `${row.gender}, ${row.age}, ${row.situation} : ${range(row.group.bounds, count)} dossiers, prix moyen ${euros(row.price)}`;
    return h("td", {}, h("button", { type: "button", class: `cell q${Math.min(CLASSES - 1, Math.floor(Math.sqrt(row.low / top) * CLASSES))} ${hatched ? "hatched" : ""} ${isOut(row) ? "out" : ""}`, "aria-pressed": String(isChosen(row)), title, onclick: () => pick(row) }, written(row), h("span", { class: "unseen" }, shown === "part" ? " %" : " dossiers", hatched ? ", dont beaucoup peut-être masqués" : "")));
  };
  const usedAges = ages.map((age, a) => ({ age, a })).filter(({ a }) => rows.some((row) => row.a === a));
  const byGender = genders.map((_, g) => total(rows.filter((row) => row.g === g).map((row) => row.group)));
  const tables = genders.map((gender, g) => {
    if (!rows.some((row) => row.g === g)) return null;
    const [low, high] = partBounds(byGender[g].bounds, whole.bounds, gender.est_connue === false ? [0, 0] : unknownBounds(genders, byGender));
    return h(
      "table",
      { class: "heat" },
      h("caption", {}, `${gender.libelle} : ${shareRange([low, high])} des dossiers`),
      h("thead", {}, h("tr", {}, h("td", {}), usedAges.map(({ age }) => h("th", { scope: "col" }, h("abbr", { title: age.libelle }, AGES[age.id] || age.libelle))))),
      h("tbody", {}, situations.map((situation, s) => ({ situation, s })).filter(({ s }) => rows.some((row) => row.g === g && row.s === s)).map(({ situation, s }) => h("tr", {}, h("th", { scope: "row" }, situation.libelle), usedAges.map(({ a }) => cell(byKey.get(`${g} ${a} ${s}`)))))),
    );
  });
  const largest = rows.slice().sort((a, b) => b.low - a.low)[0];
  return {
    nodes: [h("div", { class: "heats" }, tables), h("ul", { class: "legend" }, h("li", {}, "Couleur : du plus petit au plus grand nombre de dossiers, au moins"), h("li", {}, h("span", { class: "key hatched", style: "--key:var(--muted)", "aria-hidden": "true" }), `plus de ${percent(HATCH_FROM, 0)} des dossiers peut-être masqués`), h("li", {}, "≥ : une partie des lignes est masquée ; ≤ : toutes le sont"))],
    columns,
    rows,
    said: `Le profil le plus fréquent : ${largest.gender.toLowerCase()}, ${largest.age.toLowerCase()}, ${largest.situation.toLowerCase()} (${shareRange(largest.part)} des dossiers).`,
    rests: whole,
    caveat: "Des dossiers, non des personnes. La situation est celle que le titulaire déclare, sauf pour les demandeurs d'emploi.",
  };
}

export const people = {
  key: "profils",
  title: "Âge, genre et situation",
  views: { vue: ["volume", "part"] },
  wide: true,
  without: ["genre", "classe_age", "situation"],
  ignores: "les filtres de genre, d'âge et de situation, que la figure montre (le reste est pâli)",
  controls: ({ option, setOption }) => choice("Afficher", [["volume", "Dossiers"], ["part", "Part du total (%)"]], option("vue", "volume"), (key) => setOption("vue", key)),
  draw: drawPeople,
};
