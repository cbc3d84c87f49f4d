// Who pays, the titulaire's own share, and mean price and duration.

import { choice, h } from "../dom.js";
import { COLOURS, NARROW, Plot, draw, empty, hatch, intervals, legend, quarters, tipOf, yAxis } from "../charts.js";
import { masking, shareBounds } from "../engine.js";
import { decimal, euros, eurosShort, percent, range } from "../format.js";
import { hundred, number, share, text } from "../picture.js";

const MAIN = "france_competences";
const BY = { trimestre: "Trimestre", region: "Région", situation: "Situation" };

const colour = (place) => COLOURS[place % COLOURS.length];

function drawFinancers({ engine, data, state, width, option }) {
  const by = BY[option("par", "trimestre")] ? option("par", "trimestre") : "trimestre";
  const without = option("sans", "non") === "oui";
  const { financers } = data.meta;
  const ignored = by === "trimestre" ? [] : [by];
  const groups = engine.group([by], ignored);
  const sums = engine.financings([by], ignored);
  const codes = data.dimensions[by].map((_, code) => code).filter((code) => !groups[code].isEmpty);
  const columns = [text("label", BY[by]), text("financer", "Financeur"), number("amount", "Montant (€, lignes non masquées)", 2), share("low", "Part, borne basse"), share("high", "Part, borne haute"), number("hidden", "Montant masqué, au plus (€)", 0)];
  const rows = codes.flatMap((code) => {
    const group = groups[code];
    const hidden = group.eurosHigh - group.euros;
    const visible = sums[code].reduce((sum, cents) => sum + cents, 0) / 100;
    return financers.map((financer, place) => {
      const amount = sums[code][place] / 100;
      const [low, high] = shareBounds([amount, amount + hidden], [visible - amount, visible - amount + hidden]);
      return { code, place, label: data.dimensions[by][code].libelle, id: data.dimensions[by][code].id, financer: financer.libelle, financerId: financer.id, amount, shareLow: low, shareHigh: high, low: hundred(low), high: hundred(high), hidden, visible };
    });
  });
  if (!rows.length) return { nodes: empty("Aucune ligne pour ces filtres."), columns, rows: [], said: "" };
  const drawn = rows.filter((row) => !without || row.financerId !== MAIN);
  const masked = hatch("var(--muted)");
  const tip = (row) => `${row.label} · ${row.financer}\n${euros(row.amount)}, soit ${range([row.shareLow, row.shareHigh], (value) => percent(value))} du montant`;
  const entries = financers.map((financer, place) => ({ label: financer.libelle, colour: colour(place), id: financer.id })).filter((entry) => !without || entry.id !== MAIN);
  let plot;
  if (by === "trimestre") {
    const chosen = data.dimensions.trimestre.slice(state.from, state.to + 1);
    const { x, axis } = quarters(chosen, width);
    const caps = without ? [] : codes.map((code) => ({ id: data.dimensions.trimestre[code].id, low: rows.find((row) => row.code === code).visible, high: rows.find((row) => row.code === code).visible + rows.find((row) => row.code === code).hidden }));
    plot = draw({
      label: "Montant engagé par trimestre et financeur",
      width, height: 300, marginLeft: 70, x, y: { nice: true },
      onPick: (row) => state.change({ from: row.code, to: row.code }),
      marks: [
        masked.mark,
        yAxis({ width, label: without ? "Montant hors France compétences" : "Montant engagé", format: eurosShort, left: 70 }),
        Plot.barY(caps, { x: "id", y1: "low", y2: "high", fill: masked.paint }),
        Plot.barY(drawn, Plot.stackY({ x: "id", y: "amount", fill: (row) => colour(row.place), z: "place", order: "place", insetTop: 0.5 })),
        axis,
        Plot.ruleY([0], { stroke: "currentColor" }),
        Plot.tip(drawn, Plot.pointer(Plot.stackY({ x: "id", y: "amount", z: "place", order: "place", maxRadius: 200, fontSize: 12, title: tip }))),
      ],
    });
  } else {
    const left = Math.min(220, width * 0.38);
    const whole = (row) => (without ? drawn.filter((other) => other.code === row.code).reduce((sum, other) => sum + other.amount, 0) : row.visible);
    // A bar is all that was, or may have been, paid: each segment is its lower bound, and the hatch what masking hides.
    const bars = drawn.map((row) => ({ ...row, part: row.amount / (whole(row) + row.hidden || 1) }));
    const caps = codes.map((code) => rows.find((row) => row.code === code)).map((row) => ({ ...row, from: whole(row) / (whole(row) + row.hidden || 1) }));
    plot = draw({
      label: `Répartition du montant par ${BY[by].toLowerCase()} et financeur`,
      width, marginTop: 8, height: codes.length * (width < NARROW && by === "situation" ? 54 : 27) + 52, marginLeft: left,
      x: { domain: [0, 1], label: null }, y: { type: "band", domain: codes.map((code) => data.dimensions[by][code].libelle), padding: 0.2, label: null },
      onPick: (row) => state.only(by, row.code),
      marks: [
        masked.mark,
        Plot.axisX({ anchor: "bottom", tickFormat: (value) => percent(value, 0), tickSize: 0, label: null, ticks: width < 500 ? 3 : 6 }),
        Plot.axisY({ tickSize: 0, label: null, lineWidth: left / 12.5 }),
        Plot.barX(caps, { y: "label", x1: "from", x2: 1, fill: masked.paint }),
        Plot.barX(bars, Plot.stackX({ y: "label", x: "part", fill: (row) => colour(row.place), z: "place", order: "place", insetRight: 0.5 })),
        Plot.tip(bars, Plot.pointer(Plot.stackX({ y: "label", x: "part", z: "place", order: "place", maxRadius: 200, fontSize: 12, title: tip }))),
      ],
    });
  }
  const all = engine.financings([], [])[0];
  const sum = all.reduce((result, cents) => result + cents, 0);
  const main = financers.findIndex((financer) => financer.id === MAIN);
  const group = engine.total();
  const hidden = (group.eurosHigh - group.euros) * 100;
  return {
    nodes: [legend([...entries, { label: "Montant masqué, au plus", colour: "var(--muted)", kind: "hatched" }]), plot],
    columns,
    rows,
    said: main >= 0 && sum ? `${financers[main].libelle} : ${range(shareBounds([all[main], all[main] + hidden], [sum - all[main], sum - all[main] + hidden]), (value) => percent(value))} du montant, sur la période et les filtres choisis.` : "",
    rests: group,
    caveat: `Par région et par situation, chaque segment est une borne basse ; le hachuré est ce que le masquage peut cacher (au plus ${masking.most} dossiers par ligne masquée, au prix moyen donné pour elle).${by === "trimestre" ? "" : ` Le filtre de ${BY[by].toLowerCase()} est sans effet : la figure la montre.`}`,
  };
}

// The day from which the titulaire must pay a share.
function marker(ids, width) {
  if (!ids.includes("2024-T2")) return [];
  const step = (width - 76) / ids.length;
  const late = ids.indexOf("2024-T2") > ids.length / 2;
  return [
    Plot.ruleX(["2024-T2"], { stroke: "currentColor", strokeDasharray: "3 3", dx: -step / 6 }),
    Plot.text(["2024-T2"], { x: (id) => id, frameAnchor: "top", text: () => "2 mai 2024", dx: -step / 6, dy: -4, textAnchor: late ? "end" : "start", lineAnchor: "bottom", fill: "currentColor" }),
  ];
}

function drawShare({ engine, data, state, width }) {
  const chosen = data.dimensions.trimestre.slice(state.from, state.to + 1);
  const groups = engine.group(["trimestre"]);
  const sums = engine.financings(["trimestre"]);
  const place = data.meta.financers.findIndex((financer) => financer.id === "titulaire");
  const columns = [text("id", "Trimestre"), share("lowPct", "Part du montant, borne basse"), share("highPct", "Part du montant, borne haute"), number("perLow", "Par dossier (€), borne basse", 2), number("perHigh", "Par dossier (€), borne haute", 2), number("paidLow", "Quand il paie (€), borne basse", 2), number("paidHigh", "Quand il paie (€), borne haute", 2), number("amount", "Payé par les titulaires (€, lignes non masquées)", 2), number("payers", "Dossiers où le titulaire paie (non masqués)")];
  if (place < 0) return { nodes: empty("Le fichier ne donne pas ce que paient les titulaires."), columns, rows: [], said: "" };
  const rows = chosen.map((quarter) => {
    const code = data.dimensions.trimestre.indexOf(quarter);
    const group = groups[code];
    if (group.isEmpty) return { id: quarter.id, low: NaN, high: NaN };
    const amount = sums[code][place] / 100;
    const hidden = group.eurosHigh - group.euros;
    const visible = sums[code].reduce((sum, cents) => sum + cents, 0) / 100;
    const [low, high] = shareBounds([amount, amount + hidden], [visible - amount, visible - amount + hidden]);
    const payers = group.at("dossiersTitulaire");
    const most = masking.most * group.masquees;
    return {
      id: quarter.id, group, low, high, lowPct: hundred(low), highPct: hundred(high), amount, payers,
      perLow: amount / (group.dossiers + most), perHigh: (amount + hidden) / (group.dossiers + most),
      paidLow: payers + most ? amount / (payers + most) : NaN, paidHigh: payers + most ? (amount + hidden) / (payers + most) : NaN,
    };
  });
  const shown = rows.filter((row) => row.high === row.high);
  if (!shown.length) return { nodes: empty("Aucune ligne pour ces filtres."), columns, rows: [], said: "" };
  const { x, axis, bar } = quarters(chosen, width);
  const ids = chosen.map((row) => row.id);
  const tip = (row) => `${row.id}\n${range([row.low, row.high], (value) => percent(value))} du montant\npar dossier : ${range([row.perLow, row.perHigh], euros)}\nquand le titulaire paie : ${range([row.paidLow, row.paidHigh], euros)}`;
  const top = draw({
    label: "Part du montant payée par les titulaires", width, height: 200, marginLeft: 56, x, y: { domain: [0, Math.max(...shown.map((row) => row.high))], nice: true },
    marks: [yAxis({ width, label: "Part du montant", format: (value) => percent(value, 0) }), intervals(shown, { x: "id", low: "low", high: "high", colour: "var(--c2)", width: bar }), ...marker(ids, width), axis, Plot.ruleY([0], { stroke: "currentColor" }), tipOf(shown, { x: "id", y: "high", title: tip })],
  });
  const euro = draw({
    label: "Ce que paie le titulaire, par dossier et quand il paie", width, height: 220, marginLeft: 56, x, y: { domain: [0, Math.max(...shown.flatMap((row) => [row.perHigh, row.paidHigh]).filter((value) => value === value))], nice: true },
    marks: [
      yAxis({ width, label: "Euros par dossier", format: (value) => euros(value) }),
      intervals(shown, { x: "id", low: "perLow", high: "perHigh", colour: "var(--c1)", dx: -bar / 2 - 0.5, width: bar }),
      intervals(shown, { x: "id", low: "paidLow", high: "paidHigh", colour: "var(--c3)", dx: bar / 2 + 0.5, width: bar }),
      ...marker(ids, width), axis, Plot.ruleY([0], { stroke: "currentColor" }), tipOf(shown, { x: "id", y: "perHigh", title: tip }),
    ],
  });
  const last = shown[shown.length - 1];
  return {
    nodes: [legend([{ label: "Part du montant", colour: "var(--c2)", kind: "line" }, { label: "2 mai 2024 : participation obligatoire, selon le jour d'inscription", kind: "dashed" }]), top, legend([{ label: "Par dossier, tous les dossiers", colour: "var(--c1)", kind: "line" }, { label: "Par dossier où le titulaire paie", colour: "var(--c3)", kind: "line" }]), euro],
    columns,
    rows,
    said: `${last.id} : ${range([last.low, last.high], (value) => percent(value))} du montant, soit ${range([last.perLow, last.perHigh], euros)} par dossier.`,
    rests: last.group,
    caveat: "Chaque barre va de la borne basse à la borne haute : ce que paient les titulaires des lignes masquées est inconnu, de rien à tout. Participation forfaitaire obligatoire pour les inscriptions depuis le 2 mai 2024, quel que soit le trimestre d'entrée : 100 €, 102,23 € en 2025, 103,20 € en 2026 ; les demandeurs d'emploi, entre autres, en sont exonérés, et un tiers peut la payer.",
  };
}

function drawMeans({ engine, data, state, width, option }) {
  const by = option("par", "trimestre") === "situation" ? "situation" : "trimestre";
  const groups = engine.group([by]);
  const price = engine.meanBounds(by, "prix");
  const time = engine.meanBounds(by, "duree");
  const label = (row) => (by === "trimestre" ? row.id : row.libelle);
  const rows = data.dimensions[by]
    .map((row, code) => ({ row, code, label: label(row), group: groups[code], price: groups[code].price, priceLow: price[code][0], priceHigh: price[code][1], time: groups[code].duration, timeLow: time[code][0], timeHigh: time[code][1] }))
    .filter(({ group }) => !group.isEmpty);
  const columns = [text("label", by === "trimestre" ? "Trimestre" : "Situation"), number("price", "Prix moyen (€, lignes non masquées)", 2), number("priceLow", "Prix moyen, borne basse", 2), number("priceHigh", "Prix moyen, borne haute", 2), number("time", "Durée moyenne (h, lignes non masquées)", 2), number("timeLow", "Durée moyenne, borne basse", 2), number("timeHigh", "Durée moyenne, borne haute", 2)];
  if (!rows.length) return { nodes: empty("Aucune ligne pour ces filtres."), columns, rows: [], said: "" };
  const tip = (row) => `${row.label}\nprix moyen : ${range([row.priceLow, row.priceHigh], euros)}\ndurée moyenne : ${range([row.timeLow, row.timeHigh], (value) => `${decimal(value)} h`)}`;
  const one = (title, low, high, colour, format) => {
    const shown = rows.filter((row) => row[low] === row[low] && row[high] === row[high]);
    if (!shown.length) return empty(`${title} : aucune valeur pour ces filtres.`);
    const domain = [0, Math.max(...shown.map((row) => row[high]))];
    if (by === "trimestre") {
      const { x, axis, bar } = quarters(data.dimensions.trimestre.slice(state.from, state.to + 1), width);
      return draw({ label: title, width, height: 190, marginLeft: 56, x, y: { domain, nice: true }, marks: [yAxis({ width, label: `${title} : intervalle possible`, format }), intervals(shown, { x: "label", low, high, colour, width: bar }), axis, Plot.ruleY([0], { stroke: "currentColor" }), tipOf(shown, { x: "label", y: high, title: tip })] });
    }
    const left = Math.min(230, width * 0.4);
    return draw({
      label: title, width, height: shown.length * (width < NARROW ? 54 : 27) + 64, marginLeft: left, marginTop: 28, x: { domain, nice: true, label: null }, y: { type: "band", domain: shown.map((row) => row.label), label: null },
      onPick: (row) => state.only("situation", row.code),
      marks: [Plot.gridX({ stroke: "var(--line)", strokeOpacity: 1 }), Plot.axisX({ anchor: "bottom", tickFormat: format, tickSize: 0, label: null, ticks: width < NARROW ? 2 : 4 }), Plot.axisY({ tickSize: 0, label: null, lineWidth: left / 12.5 }), Plot.text([`${title} : intervalle possible`], { frameAnchor: "top-left", dx: -left, dy: -22, textAnchor: "start", fill: "currentColor", fontWeight: 500 }), Plot.ruleY(shown, { y: "label", x1: low, x2: high, stroke: colour, strokeWidth: 9, insetLeft: -1.5, insetRight: -1.5 }), Plot.ruleX([0], { stroke: "currentColor" }), Plot.tip(shown, Plot.pointerY({ x: high, y: "label", maxRadius: Infinity, fontSize: 12, title: tip }))],
    });
  };
  const all = engine.total();
  return {
    nodes: [one("Prix moyen d'un dossier", "priceLow", "priceHigh", "var(--c1)", euros), one("Durée moyenne d'un dossier", "timeLow", "timeHigh", "var(--c3)", (value) => `${decimal(value, 0)} h`)],
    columns,
    rows,
    said: `Sur la période, lignes non masquées : ${euros(all.price)} et ${decimal(all.duration)} h par dossier.`,
    rests: all,
    caveat: "Ce sont des moyennes : elles ne disent rien de la répartition des prix ou des durées. La durée moyenne ne porte que sur les dossiers dont la durée est connue.",
  };
}

export const financers = {
  key: "financeurs",
  title: "Montant engagé par financeur",
  views: { par: Object.keys(BY), sans: ["non", "oui"] },
  wide: true,
  note: "",
  controls: ({ option, setOption }) => h("div", { class: "several" }, choice("Par", Object.entries(BY), option("par", "trimestre"), (key) => setOption("par", key)), choice("France compétences", [["non", "Avec"], ["oui", "Sans"]], option("sans", "non"), (key) => setOption("sans", key))),
  draw: drawFinancers,
};

export const own = { key: "reste-a-charge", title: "Reste à charge du titulaire", draw: drawShare };

export const means = {
  key: "prix-duree",
  title: "Prix et durée moyens",
  views: { par: ["trimestre", "situation"] },
  controls: ({ option, setOption }) => choice("Par", [["trimestre", "Trimestre"], ["situation", "Situation"]], option("par", "trimestre"), (key) => setOption("par", key)),
  draw: drawMeans,
};
