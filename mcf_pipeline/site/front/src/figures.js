// The key figures at the top: the whole period, and its last four quarters against the four before.

import { fill, h } from "./dom.js";
import { masking, ratioBounds, shareBounds, total } from "./engine.js";
import { count, decimal, euros, millions, percent, range, signedPercent } from "./format.js";

export function keyFigures({ engine, data, state }) {
  const element = h("section", { class: "figures", "aria-label": "Chiffres clés" });
  const update = () => fill(element, cards({ engine, data, state }));
  update();
  state.listen(update);
  return element;
}

function cards({ engine, data, state }) {
  const quarters = data.dimensions.trimestre;
  const groups = engine.group(["trimestre"], ["trimestre"]);
  const all = engine.total();
  if (all.isEmpty) return [h("p", { class: "empty" }, "Aucune ligne pour ces filtres : en retirer un.")];
  const four = lastFour(groups, quarters, state.to);
  const year = four.before ? (bounds) => `${range(ratioBounds(bounds(four.now), bounds(four.before)).map((value) => value - 1), (value) => signedPercent(value))} sur un an` : () => "";
  const recent = four.now ? `quatre trimestres jusqu'à ${quarters[state.to].id} : ` : "";
  const [priceLow, priceHigh] = engine.meanBounds(null, "prix")[0];
  const [timeLow, timeHigh] = engine.meanBounds(null, "duree")[0];
  const titulaire = data.meta.financers.findIndex((financer) => financer.id === "titulaire");
  const sums = engine.financings([], [])[0];
  const seen = sums.reduce((sum, cents) => sum + cents, 0) / 100;
  const paid = titulaire < 0 ? NaN : sums[titulaire] / 100;
  const hidden = all.eurosHigh - all.euros;
  const hours = (value) => `${decimal(value)}\u00a0h`;
  const visible = (text) => (all.dossiers ? `${text} dans les lignes non masquées` : "toutes les lignes sont masquées");
  return [
    card("Dossiers", range(all.bounds, millions), visible(count(all.dossiers)), four.now && `${recent}${range(four.now.bounds, count)}${four.before ? `, ${year((group) => group.bounds)}` : ""}`),
    card("Montant engagé", range([all.eurosLow, all.eurosHigh], euros), visible(euros(all.euros)), four.now && `${recent}${range([four.now.eurosLow, four.now.eurosHigh], euros)}${four.before ? `, ${year((group) => [group.eurosLow, group.eurosHigh])}` : ""}`),
    card("Prix moyen", range([priceLow, priceHigh], euros), visible(euros(all.price))),
    card("Durée moyenne", range([timeLow, timeHigh], hours), visible(hours(all.duration)), "sur les dossiers dont la durée est connue"),
    card("Reste à charge", range(shareBounds([paid, paid + hidden], [seen - paid, seen - paid + hidden]), (value) => percent(value)), "du montant engagé, payé par les titulaires", visible(euros(paid))),
    card("Titulaires", `au plus ${millions(all.peopleHigh)}`, "borne haute : une personne qui a plusieurs dossiers est comptée plusieurs fois"),
  ];
}

// Four quarters up to one, and the four before them; null where one is missing.
function lastFour(groups, quarters, to) {
  const byIndex = new Map(quarters.map((row, code) => [row.index, code]));
  const sum = (end) => {
    const codes = [0, 1, 2, 3].map((back) => byIndex.get(end - back));
    return codes.every((code) => code !== undefined && !groups[code].isEmpty) ? total(codes.map((code) => groups[code])) : null;
  };
  const now = sum(quarters[to].index);
  return { now, before: now && sum(quarters[to].index - 4) };
}

function card(title, figure, visible, more) {
  return h("div", { class: "figure-card" }, h("h3", {}, title), h("p", { class: "big" }, figure), h("p", { class: "visible" }, visible), more ? h("p", {}, more) : null);
}

export function hypothesis({ engine, state }) {
  const element = h("p", { class: "hypothesis" });
  const update = () => {
    const all = engine.total();
    fill(element, hypothesisText(), all.isEmpty ? null : ` Ici, ${percent(all.maskedLines)} des lignes sont masquées, au plus ${percent(all.maskedPart)} des dossiers.`);
  };
  update();
  state.listen(update);
  return element;
}

const hypothesisText = () => `Une ligne de moins de 5 personnes est masquée par le producteur : ses effectifs et ses montants sont vides, jamais nuls. Hypothèse de tout le tableau de bord : une ligne masquée compte de 1 à ${masking.most} dossiers, chacun au prix moyen donné pour cette ligne. Un intervalle dit ce qui est possible sous cette hypothèse ; rien n'est estimé.`;
