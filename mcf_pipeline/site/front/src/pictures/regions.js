// Where: the tile map, the index of each region, and a region beside the country.

import { choice, h } from "../dom.js";
import { NARROW, Plot, draw, empty, hatch, legend, tipOf } from "../charts.js";
import { HATCH_FROM, partBounds, ratioBounds, total, unknownBounds } from "../engine.js";
import { count, decimal, percent, range, shareRange, short } from "../format.js";
import { hundred, number, share, text } from "../picture.js";
import { evolution, MEASURES } from "./entries.js";

// Column and row of each region's tile, by INSEE code, roughly as on a map; the overseas ones are as large.
const TILES = {
  32: [3, 1, "HDF"], 28: [2, 2, "NOR"], 11: [3, 2, "IDF"], 44: [4, 2, "GES"], 53: [1, 3, "BRE"], 52: [2, 3, "PDL"],
  24: [3, 3, "CVL"], 27: [4, 3, "BFC"], 75: [2, 4, "NAQ"], 84: [3, 4, "ARA"], 76: [2, 5, "OCC"], 93: [3, 5, "PAC"], 94: [4, 5, "COR"],
  "01": [1, 6, "GLP"], "02": [2, 6, "MTQ"], "03": [3, 6, "GUF"], "04": [4, 6, "REU"], "06": [5, 6, "MYT"],
};

const SHOWN = {
  volume: { label: "Dossiers", format: short, title: "dossiers", meaning: "Couleur : dossiers, au moins (borne basse)" },
  part: { label: "Part du total", format: (value) => percent(value), title: "du total", meaning: "Couleur : part, au moins (borne basse)" },
  masque: { label: "Part masquée, au plus", format: (value) => percent(value), title: "des dossiers masqués, au plus", meaning: "Couleur : part masquée, au plus" },
};
const CLASSES = 5;

// A value as it is written: else a tile that reads 0,7 % could have the colour of what is below.
const perMille = (value) => Math.round(1000 * value) / 1000;
const shortened = (value) => {
  const unit = value >= 1e6 ? 1e5 : value >= 1e4 ? 1e3 : value >= 1e3 ? 1e2 : 1;
  return Math.round(value / unit) * unit;
};

function regionRows({ engine, data }) {
  const groups = engine.group(["region"], ["region"]);
  const whole = total(groups);
  const unknown = unknownBounds(data.dimensions.region, groups);
  return data.dimensions.region
    .map((region, code) => {
      const group = groups[code];
      const bounds = group.isEmpty ? [NaN, NaN] : partBounds(group.bounds, whole.bounds, region.est_connue === false ? [0, 0] : unknown);
      return {
        code,
        libelle: region.libelle,
        insee: region.code_insee,
        overseas: region.est_outre_mer,
        group,
        dossiers: group.isEmpty ? NaN : group.dossiers,
        low: group.low,
        high: group.high,
        partLow: bounds[0],
        partHigh: bounds[1],
        masked: group.maskedPart,
        montant: group.euros,
        price: group.price,
        lines: group.lignes,
        maskedLines: group.lignesMasquees,
      };
    })
    .filter((row) => row.lines > 0);
}

function drawMap(context) {
  const { state, option } = context;
  const shown = SHOWN[option("vue", "volume")] ? option("vue", "volume") : "volume";
  const { format, title, meaning } = SHOWN[shown];
  const rows = regionRows(context);
  const columns = [
    text("libelle", "Région"),
    number("dossiers", "Dossiers (lignes non masquées)"),
    number("low", "Au moins"),
    number("high", "Au plus"),
    share("partLowPct", "Part du total, borne basse"),
    share("partHighPct", "Part du total, borne haute"),
    share("maskedPct", "Part masquée, au plus"),
    number("montant", "Montant engagé (€)", 2),
    number("maskedLines", "Lignes masquées"),
    number("lines", "Lignes"),
  ];
  const table = rows.map((row) => ({ ...row, partLowPct: hundred(row.partLow), partHighPct: hundred(row.partHigh), maskedPct: hundred(row.masked) }));
  if (!rows.length) return { nodes: empty("Aucune ligne pour ces filtres."), columns, rows: [], said: "" };
  // What colours a tile is what is written in it, and of an interval its lower bound.
  const value = (row) => ({ volume: shortened(row.low), part: perMille(row.partLow), masque: perMille(row.masked) })[shown];
  const written = (row) => {
    if (shown === "part") return shareRange([row.partLow, row.partHigh]);
    // Where masking can change what is read, the interval is what is known.
    return shown === "volume" && row.masked > HATCH_FROM ? range([row.low, row.high], format) : format(value(row));
  };
  const limits = limitsOf(rows.filter((row) => row.insee).map(value));
  const classOf = (row) => limits.filter((limit) => value(row) >= limit).length;
  const tile = (row) => {
    const place = TILES[row.insee];
    const chosen = state.region.has(row.code);
    const hatched = row.masked > HATCH_FROM;
    return h(
      "button",
      {
        type: "button",
        class: `tile ${shown} q${classOf(row)} ${hatched ? "hatched" : ""} ${place ? "" : "unplaced"}`,
        style: place ? `grid-column:${place[0]};grid-row:${place[1] + (place[1] > 5 ? 1 : 0)}` : null,
        "aria-pressed": String(chosen),
        title: `${row.libelle} : ${written(row)} ${title}${hatched ? ` ; jusqu'à ${percent(row.masked)} des dossiers masqués` : ""}`,
        onclick: () => state.only("region", row.code),
      },
      h("span", { class: "name" }, h("span", { class: "long" }, row.libelle), place ? h("abbr", { class: "brief", "aria-hidden": "true" }, place[2]) : null),
      h("span", { class: "figure" }, written(row)),
      hatched ? h("span", { class: "unseen" }, `, jusqu'à ${percent(row.masked)} des dossiers masqués`) : null,
    );
  };
  const placed = rows.filter((row) => TILES[row.insee]);
  const others = rows.filter((row) => !TILES[row.insee]);
  const between = (place) => {
    if (!limits.length) return "toutes";
    if (place === 0) return `moins de ${format(limits[0])}`;
    return place === limits.length ? `${format(limits[place - 1])} et plus` : `${format(limits[place - 1])} à ${format(limits[place])}`;
  };
  const keys = Array.from({ length: limits.length + 1 }, (_, place) => h("li", {}, h("span", { class: `key q${place}`, "aria-hidden": "true" }), between(place)));
  const largest = rows.slice().sort((a, b) => value(b) - value(a))[0];
  return {
    nodes: [
      h("div", { class: "tiles", role: "group", "aria-label": "Régions : choisir l'une filtre toutes les figures" }, placed.map(tile), placed.some((row) => row.overseas) ? h("p", { class: "sea", "aria-hidden": "true" }, "Outre-mer") : null),
      others.length ? h("div", { class: "tiles others" }, others.map(tile)) : null,
      h("ul", { class: "legend" }, h("li", {}, meaning), keys, h("li", {}, h("span", { class: "key hatched", style: "--key:var(--muted)", "aria-hidden": "true" }), `plus de ${percent(HATCH_FROM, 0)} des dossiers peut-être masqués`)),
    ],
    columns,
    rows: table,
    said: `${largest.libelle} : ${shown === "volume" ? range([largest.low, largest.high], format) : written(largest)} ${title}.`,
    rests: total(rows.map((row) => row.group)),
    caveat: "Toutes les régions du territoire choisi restent visibles ; celles du filtre sont entourées. Les volumes suivent d'abord la population de chaque région.",
  };
}

// Up to four round limits that part the regions into classes of about as many.
function limitsOf(values) {
  const sorted = values.filter((value) => value > 0).sort((a, b) => a - b);
  const found = new Set();
  for (let place = 1; place < CLASSES; place += 1) {
    const raw = sorted[Math.floor((place * sorted.length) / CLASSES)];
    if (!raw) continue;
    const size = 10 ** Math.floor(Math.log10(raw)) / 2;
    found.add(Math.max(size, Math.round(raw / size) * size));
  }
  return [...found].sort((a, b) => a - b);
}

function drawIndex({ engine, data, state, width }) {
  const quarters = data.dimensions.trimestre;
  const measure = MEASURES.dossiers;
  const groups = engine.group(["region", "trimestre"], ["region", "trimestre", "territoire"]);
  const size = quarters.length;
  const indexOf = (list) => {
    const rows = evolution(list, quarters, measure).slice(state.from, state.to + 1).filter((row) => row.four === row.four);
    const base = rows[0];
    return base ? rows.map((row) => ({ ...row, ...named(row === base ? [1, 1] : ratioBounds([row.fourLow, row.fourHigh], [base.fourLow, base.fourHigh])) })) : [];
  };
  const named = ([low, high]) => ({ indexLow: 100 * low, indexHigh: 100 * high });
  const columns = [text("region", "Région"), text("id", "Quatre trimestres jusqu'à"), number("indexLow", "Indice, borne basse", 1), number("indexHigh", "Indice, borne haute", 1), number("fourLow", "Dossiers, au moins"), number("fourHigh", "Dossiers, au plus")];
  const country = indexOf(quarters.map((_, quarter) => total(data.dimensions.region.map((__, region) => groups[region * size + quarter]))));
  if (country.length < 2) return { nodes: empty("Il faut au moins cinq trimestres pour un indice de cumuls sur quatre trimestres : élargissez la période."), columns, rows: [], said: "" };
  const series = data.dimensions.region
    .map((region, code) => ({ region, code, rows: region.code_insee && engine.isInTerritory(code) ? indexOf(groups.slice(code * size, (code + 1) * size)) : [] }))
    .filter(({ rows }) => rows.length > 1 && rows.every((row) => row.indexLow === row.indexLow));
  const across = width > 900 ? 6 : width > 560 ? 4 : width > 400 ? 3 : 2;
  const cells = series.flatMap(({ region, code, rows }, place) => rows.map((row) => ({ ...row, region: region.libelle, regionCode: code, fx: place % across, fy: Math.floor(place / across), chosen: state.region.has(code) })));
  const titles = series.map(({ region, code, rows }, place) => ({ fx: place % across, fy: Math.floor(place / across), label: region.libelle, id: rows[0].id, chosen: state.region.has(code) }));
  const back = titles.flatMap(({ fx, fy }) => country.map((row) => ({ ...row, fx, fy })));
  const extremes = cells.flatMap((row) => [row.indexLow, row.indexHigh]).sort((a, b) => a - b);
  // One region whose counts are nearly all masked must not flatten the others: its band is cut at the frame.
  const cut = (part) => extremes[Math.round(part * (extremes.length - 1))];
  const domain = [Math.min(80, cut(0.01)), Math.max(120, cut(0.99))];
  const lines = Math.ceil(series.length / across);
  const firstId = country[0].id;
  const lastId = country[country.length - 1].id;
  const ends = titles.filter((_, place) => place >= titles.length - across);
  const room = Math.floor((0.92 * (width - 46)) / across / (width < NARROW ? 5.4 : 7));
  const plot = draw({
    label: "Indice des dossiers, base 100, une vignette par région, le pays en gris",
    width,
    height: lines * 112 + 30,
    marginLeft: 34,
    marginTop: 8,
    fx: { axis: null, padding: 0.08 },
    fy: { axis: null, padding: 0.22 },
    x: { type: "point", domain: country.map((row) => row.id), label: null, padding: 0.3, axis: null },
    y: { domain, label: null },
    onPick: (row) => state.only("region", row.regionCode),
    marks: [
      Plot.text(ends, { fx: "fx", fy: "fy", frameAnchor: "bottom-left", text: () => firstId, dy: 14, fontSize: 10, fill: "currentColor" }),
      Plot.text(ends, { fx: "fx", fy: "fy", frameAnchor: "bottom-right", text: () => lastId, dy: 14, fontSize: 10, fill: "currentColor" }),
      Plot.axisY({ anchor: "left", ticks: 3, tickSize: 0, label: null, fontSize: 10 }),
      Plot.ruleY([100], { stroke: "var(--muted)", strokeWidth: 1 }),
      Plot.areaY(back, { fx: "fx", fy: "fy", x: "id", y1: "indexLow", y2: "indexHigh", fill: "var(--muted)", stroke: "var(--muted)", strokeWidth: 1.4, clip: true }),
      Plot.areaY(cells, { fx: "fx", fy: "fy", x: "id", y1: "indexLow", y2: "indexHigh", fill: "var(--c1)", fillOpacity: 0.55, stroke: "var(--c1)", strokeWidth: 1.5, z: "region", clip: true }),
      Plot.frame({ stroke: "var(--line)" }),
      Plot.text(titles, { fx: "fx", fy: "fy", frameAnchor: "top-left", dx: 3, dy: -6, lineAnchor: "bottom", text: (row) => (row.label.length > room ? `${row.label.slice(0, room - 1)}…` : row.label), fontSize: width < NARROW ? 10 : 12, fontWeight: (row) => (row.chosen ? 700 : 500), fill: "currentColor" }),
      tipOf(cells, { fx: "fx", fy: "fy", x: "id", y: "indexHigh", title: (row) => `${row.region}\n${row.id} : ${range([row.indexLow, row.indexHigh], (value) => decimal(value))}\nquatre trimestres : ${range([row.fourLow, row.fourHigh], count)} dossiers` }),
    ],
  });
  const end = country[country.length - 1];
  return {
    nodes: [legend([{ label: "Région : intervalle possible", colour: "var(--c1)", kind: "band" }, { label: "France entière, régions non renseignées comprises", colour: "var(--muted)", kind: "line" }]), plot],
    columns,
    rows: cells,
    said: `France entière : indice ${range([end.indexLow, end.indexHigh], (value) => decimal(value))} en ${end.id}, base 100 en ${firstId}.`,
    rests: country[0].sum,
    caveat: `Cumuls sur quatre trimestres glissants, base 100 = les quatre trimestres jusqu'à ${firstId}. Une bande large signale beaucoup de lignes masquées ; elle est coupée au bord du cadre.`,
  };
}

function drawRegion({ engine, data, state, width }) {
  const situations = data.dimensions.situation;
  const chosen = [...state.region];
  const regions = engine.group(["region"], ["region", "situation"]);
  const code = chosen.length === 1 ? chosen[0] : null;
  const columns = [text("situation", "Situation"), share("hereLow", "Part ici, borne basse"), share("hereHigh", "Part ici, borne haute"), share("allLow", "Part en France, borne basse"), share("allHigh", "Part en France, borne haute"), number("dossiers", "Dossiers ici (non masqués)"), number("masked", "Lignes masquées ici")];
  // Without a region, the country alone, and the regions to choose from.
  const isCountry = !chosen.length;
  const here = engine.group(["situation"], ["situation"]);
  const all = engine.group(["situation"], ["situation", "region", "territoire"]);
  const [hereSum, allSum] = [total(here), total(all)];
  const [hereUnknown, allUnknown] = [unknownBounds(situations, here), unknownBounds(situations, all)];
  const rows = situations
    .map((situation, place) => {
      const [low, high] = isCountry || here[place].isEmpty ? [NaN, NaN] : partBounds(here[place].bounds, hereSum.bounds, situation.est_connue === false ? [0, 0] : hereUnknown);
      const [allLow, allHigh] = partBounds(all[place].bounds, allSum.bounds, situation.est_connue === false ? [0, 0] : allUnknown);
      return { place, situation: situation.libelle, low, high, countryLow: allLow, countryHigh: allHigh, hereLow: hundred(low), hereHigh: hundred(high), allLow: hundred(allLow), allHigh: hundred(allHigh), dossiers: isCountry || here[place].isEmpty ? null : here[place].dossiers, masked: isCountry ? null : here[place].lignesMasquees, all: all[place] };
    })
    .filter((row) => !row.all.isEmpty);
  const name = isCountry ? "" : code !== null ? data.dimensions.region[code].libelle : `${chosen.length} régions`;
  const left = Math.min(230, width * 0.4);
  const plot = draw({
    label: `Part de chaque situation : ${isCountry ? "" : `${name} et `}France entière`,
    width,
    height: rows.length * (width < NARROW ? 54 : 40) + 50,
    marginTop: 8,
    marginLeft: left,
    x: { domain: [0, Math.max(...rows.flatMap((row) => [row.high, row.countryHigh]).filter((value) => value === value))], nice: true, label: null },
    y: { type: "band", domain: rows.map((row) => row.situation), label: null },
    onPick: (row) => state.only("situation", row.place),
    marks: [
      Plot.gridX({ stroke: "var(--line)", strokeOpacity: 1 }),
      Plot.axisX({ anchor: "bottom", tickFormat: (value) => percent(value, 0), label: null, tickSize: 0, ticks: width < NARROW ? 3 : width < 500 ? 4 : 8 }),
      Plot.axisY({ tickSize: 0, label: null, lineWidth: left / 12.5 }),
      Plot.ruleY(rows, { y: "situation", x1: "countryLow", x2: "countryHigh", stroke: "var(--muted)", strokeWidth: 9, insetLeft: -1.5, insetRight: -1.5, dy: isCountry ? 0 : 6 }),
      Plot.ruleY(rows.filter((row) => row.low === row.low), { y: "situation", x1: "low", x2: "high", stroke: "var(--c1)", strokeWidth: 9, insetLeft: -1.5, insetRight: -1.5, dy: -6 }),
      Plot.ruleX([0], { stroke: "currentColor" }),
      Plot.tip(rows, Plot.pointerY({ x: "countryHigh", y: "situation", maxRadius: Infinity, fontSize: 12, title: (row) => `${row.situation}${isCountry ? "" : `\n${name} : ${shareRange([row.low, row.high])}`}\nFrance : ${shareRange([row.countryLow, row.countryHigh])}` })),
    ],
  });
  const france = { label: "France entière : intervalle possible", colour: "var(--muted)", kind: "line" };
  if (isCountry) {
    const order = regions.map((group, place) => ({ group, place })).filter(({ group, place }) => !group.isEmpty && data.dimensions.region[place].code_insee);
    return {
      nodes: [
        legend([france]),
        plot,
        h("div", { class: "ask" }, h("p", {}, "Choisissez une région pour la comparer au pays :"), h("ul", { class: "picks" }, order.map(({ place }) => h("li", {}, h("button", { type: "button", onclick: () => state.only("region", place) }, data.dimensions.region[place].libelle))))),
      ],
      columns,
      rows,
      said: "",
    };
  }
  const gap = rows.filter((row) => row.low > row.countryHigh || row.high < row.countryLow).sort((a, b) => Math.abs(b.low - b.countryLow) - Math.abs(a.low - a.countryLow))[0];
  return {
    nodes: [legend([{ label: `${name} : intervalle possible`, colour: "var(--c1)", kind: "line" }, france]), plot],
    columns,
    rows,
    said: gap ? `L'écart le plus net : ${gap.situation}, ${shareRange([gap.low, gap.high])} (${name}), ${shareRange([gap.countryLow, gap.countryHigh])} en France.` : "Aucun écart n'est sûr : les intervalles se recouvrent.",
    rests: hereSum,
    caveat: "Un écart de structure n'est pas un écart de taux d'accès : la population active de chaque région n'est pas dans ces données.",
  };
}

export const map = {
  key: "carte",
  title: "Carte des régions",
  views: { vue: Object.keys(SHOWN) },
  without: ["region"],
  ignores: "le filtre de région, que la carte montre",
  controls: ({ option, setOption }) => choice("Afficher", Object.entries(SHOWN).map(([key, { label }]) => [key, label]), option("vue", "volume"), (key) => setOption("vue", key)),
  draw: drawMap,
};

export const index = { key: "indice", title: "Évolution des dossiers par région, base 100", wide: true, without: ["region"], ignores: "le filtre de région (les régions choisies sont en gras) ; pour la France entière, aussi celui de territoire", draw: drawIndex };

export const region = { key: "region", title: "Une région et le pays, par situation", without: ["situation"], ignores: "le filtre de situation, que la figure montre ; pour le pays, aussi ceux de région et de territoire", draw: drawRegion };
