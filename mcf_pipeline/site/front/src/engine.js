// Sums over the lines that the filters leave, with what masking makes uncertain.
//
// A masked line covers fewer than 5 persons and its counts and amounts are empty. Hypothesis, said on the page: it
// stands for 1 to `masking.most` dossiers, each at the mean price that the source gives for that line.

export const masking = { most: NaN }; // set from the page's data before anything is summed
const MOST_PERSONS = 4; // "fewer than 5 persons" is the source's own rule
export const HATCH_FROM = 0.1; // share of dossiers that may be masked, above which a figure is hatched
export const MATURE = 0.9;
export const ENOUGH = 100; // visible dossiers below which no finding is put into words
const HALF = 0.5; // nor where more of them may be masked than this

// Who cancelled decides what a status tells: the titulaire or the organism gave the training up, the manager or a
// refusal ended a dossier that was none.
const GIVEN_UP = new Set(["annule_titulaire", "annule_of"]);
const NEVER_WAS = new Set(["annule_gestionnaire", "rejete"]);
const FAMILIES = new Set(["en_cours", "realise", "partiel", "non_realise", "annule"]);

// The family that a status is drawn in; null of one that nobody knows.
export function familyOf(status) {
  if (GIVEN_UP.has(status.id)) return "non_realise";
  if (NEVER_WAS.has(status.id)) return "annule";
  return FAMILIES.has(status.famille) ? status.famille : null;
}

// What of a group is summed: names of the places in a group's row.
const NAMES = [
  "lignes", // lines
  "masquees", // lines whose dossiers are masked
  "dossiers",
  "titulaires",
  "titulairesMasques", // lines whose titulaires are masked
  "montant", // cents
  "montantMasque", // sum of the mean prices, in euros, of the lines whose amount is masked
  "sansPrix", // such lines without a price: their amount has no upper bound
  "prixPoids", // price x dossiers
  "poids",
  "dureePoids",
  "dureeDossiers",
  "dossiersTitulaire",
  "lignesMasquees", // lines of which dossiers, titulaires or amount is masked, as the warehouse counts them
];
const WIDTH = NAMES.length;
const AT = Object.fromEntries(NAMES.map((name, place) => [name, place]));

export class Engine {
  constructor(data, state) {
    this.data = data;
    this.state = state;
    this.cache = new Map();
    state.listen(() => this.cache.clear());
    this.families = data.dimensions.statut.map(familyOf);
    this.overseas = data.dimensions.region.map((row) => row.est_outre_mer);
  }

  isInScope(status) {
    const scope = this.state.perimetre;
    if (scope === "tous") return true;
    const family = this.families[status];
    if (!family || family === "non_realise" || family === "annule") return false;
    return scope === "sans_annules" || this.data.dimensions.statut[status].id !== "valide";
  }

  isInTerritory(region) {
    const kind = this.state.territoire;
    return kind === "tous" || this.overseas[region] === (kind === "outre_mer");
  }

  // Per dimension, which codes are left: 1 or 0.
  allowed(without) {
    const { dimensions } = this.data;
    const result = {};
    for (const name of Object.keys(dimensions)) {
      const chosen = this.state[name];
      result[name] = Uint8Array.from(dimensions[name], (_, code) => {
        if (name === "trimestre") {
          return without.includes("trimestre") || (code >= this.state.from && code <= this.state.to) ? 1 : 0;
        }
        if (name === "statut") return without.includes("perimetre") || this.isInScope(code) ? 1 : 0;
        if (without.includes(name)) return name !== "region" || without.includes("territoire") || this.isInTerritory(code) ? 1 : 0;
        if (name === "region" && !without.includes("territoire") && !this.isInTerritory(code)) return 0;
        return !chosen.size || chosen.has(code) ? 1 : 0;
      });
    }
    return result;
  }

  // Numbers of the lines that the filters leave; `without` names filters that do not count here.
  rows(without = []) {
    const key = `rows ${without.join()}`;
    if (!this.cache.has(key)) {
      const { codes, count } = this.data;
      const ok = this.allowed(without);
      const { trimestre, region, genre, classe_age: age, situation, statut } = codes;
      const found = new Uint32Array(count);
      let size = 0;
      for (let i = 0; i < count; i += 1) {
        if (
          ok.trimestre[trimestre[i]] && ok.region[region[i]] && ok.genre[genre[i]] && ok.classe_age[age[i]] &&
          ok.situation[situation[i]] && ok.statut[statut[i]]
        ) {
          found[size] = i;
          size += 1;
        }
      }
      this.cache.set(key, found.subarray(0, size));
    }
    return this.cache.get(key);
  }

  // All that the filters leave, in one group.
  total(without = []) {
    return this.group([], without)[0];
  }

  // Sums per combination of dimensions; a list in the order of the codes, of groups with `at` and `code`.
  group(dimensions, without = []) {
    const key = `group ${dimensions.join()} / ${without.join()}`;
    if (!this.cache.has(key)) this.cache.set(key, this.sum(dimensions, this.rows(without)));
    return this.cache.get(key);
  }

  sum(dimensions, rows) {
    const { data } = this;
    const sizes = dimensions.map((name) => data.dimensions[name].length);
    const total = sizes.reduce((product, size) => product * size, 1);
    const sums = new Float64Array(total * WIDTH);
    const codes = dimensions.map((name) => data.codes[name]);
    const { lignes, nb_dossiers: dossiers, nb_titulaires: people, montant, prix, duree, duree_connue: timed } = data.lines;
    const payers = data.lines.dossiers_titulaire;
    const { masque: masked } = data.lines;
    const euro = 1 / data.meta.scales.prix;
    for (let r = 0; r < rows.length; r += 1) {
      const i = rows[r];
      let place = 0;
      for (let d = 0; d < codes.length; d += 1) place = place * sizes[d] + codes[d][i];
      place *= WIDTH;
      const lines = lignes[i];
      sums[place] += lines;
      const number = dossiers[i];
      if (number !== number) sums[place + 1] += lines;
      else sums[place + 2] += number;
      if (people[i] !== people[i]) sums[place + 4] += lines;
      else sums[place + 3] += people[i];
      const price = prix[i];
      if (montant[i] !== montant[i]) {
        if (price !== price) sums[place + 7] += lines;
        else sums[place + 6] += price * euro * lines;
      } else sums[place + 5] += montant[i];
      if (number === number && price === price) {
        sums[place + 8] += price * number;
        sums[place + 9] += number;
      }
      if (timed[i] === timed[i] && duree[i] === duree[i]) {
        sums[place + 10] += duree[i] * timed[i];
        sums[place + 11] += timed[i];
      }
      if (payers && payers[i] === payers[i]) sums[place + 12] += payers[i];
      if (masked[i]) sums[place + 13] += lines;
    }
    const groups = [];
    for (let g = 0; g < total; g += 1) groups.push(new Group(sums.subarray(g * WIDTH, (g + 1) * WIDTH), data.meta.scales));
    return groups;
  }

  // Cents per financer and combination of dimensions: result[group][financer].
  financings(dimensions, without = []) {
    const key = `financings ${dimensions.join()} / ${without.join()}`;
    if (this.cache.has(key)) return this.cache.get(key);
    const { data } = this;
    const rows = this.rows(without);
    const sizes = dimensions.map((name) => data.dimensions[name].length);
    const total = sizes.reduce((product, size) => product * size, 1);
    const codes = dimensions.map((name) => data.codes[name]);
    const columns = data.meta.financers.map((row) => data.lines[`part_${row.id}`]);
    const sums = Array.from({ length: total }, () => new Float64Array(columns.length));
    for (let r = 0; r < rows.length; r += 1) {
      const i = rows[r];
      let place = 0;
      for (let d = 0; d < codes.length; d += 1) place = place * sizes[d] + codes[d][i];
      const target = sums[place];
      for (let f = 0; f < columns.length; f += 1) {
        const value = columns[f][i];
        if (value === value) target[f] += value;
      }
    }
    this.cache.set(key, sums);
    return sums;
  }

  // The lowest and highest mean price or duration that the masked lines allow, per code of a dimension.
  // The extreme weights are the largest for what pulls in one direction and the smallest for the rest; each step
  // towards that fixed point only widens the bound, until nothing changes.
  meanBounds(dimension, measure) {
    const key = `means ${dimension} ${measure}`;
    if (this.cache.has(key)) return this.cache.get(key);
    const { data } = this;
    const values = data.lines[measure];
    const scale = data.meta.scales[measure];
    const weights = data.lines[measure === "prix" ? "nb_dossiers" : "duree_connue"];
    // Without a dimension: over all that the filters leave.
    const codes = dimension ? data.codes[dimension] : new Uint16Array(data.count);
    const dossiers = data.lines.nb_dossiers;
    const rows = this.rows();
    const masked = rows.filter((i) => weights[i] !== weights[i] && values[i] === values[i]);
    const result = this.group(dimension ? [dimension] : []).map((group) => {
      const [sum, weight] = measure === "prix" ? [group.at("prixPoids"), group.at("poids")] : [group.at("dureePoids"), group.at("dureeDossiers")];
      return { sum, weight, bounds: [sum / weight, sum / weight] };
    });
    for (const [side, sign] of [[0, -1], [1, 1]]) {
      for (let moved = true, step = 0; moved && step < 20; step += 1) {
        moved = false;
        const sums = result.map((entry) => entry.sum);
        const totals = result.map((entry) => entry.weight);
        for (let m = 0; m < masked.length; m += 1) {
          const i = masked[m];
          const code = codes[i];
          const middle = result[code].bounds[side];
          const pulls = middle !== middle || sign * (values[i] - middle) > 0;
          // A line of known dossiers weighs at most these; one that gives a mean has at least one dossier behind it.
          const most = dossiers[i] === dossiers[i] ? dossiers[i] : masking.most * data.lines.lignes[i];
          const weight = pulls ? most : data.lines.lignes[i];
          sums[code] += values[i] * weight;
          totals[code] += weight;
        }
        result.forEach((entry, code) => {
          const bound = totals[code] ? sums[code] / totals[code] : NaN;
          if (Math.abs(bound - entry.bounds[side]) > 1e-6 || Number.isNaN(entry.bounds[side]) !== Number.isNaN(bound)) moved = true;
          entry.bounds[side] = bound;
        });
      }
    }
    const bounds = result.map((entry) => entry.bounds.map((value) => value / scale));
    this.cache.set(key, bounds);
    return bounds;
  }
}

export class Group {
  constructor(sums, scales) {
    this.sums = sums;
    this.scales = scales;
  }

  at(name) {
    return this.sums[AT[name]];
  }

  plus(other) {
    return new Group(this.sums.map((value, place) => value + other.sums[place]), this.scales);
  }

  get lignes() { return this.sums[0]; }
  get masquees() { return this.sums[1]; }
  get lignesMasquees() { return this.sums[13]; }
  get dossiers() { return this.sums[2]; }
  get isEmpty() { return this.sums[0] === 0; }
  get low() { return this.sums[2] + this.sums[1]; }
  get high() { return this.sums[2] + masking.most * this.sums[1]; }
  get bounds() { return [this.low, this.high]; }
  get peopleHigh() { return this.sums[3] + MOST_PERSONS * this.sums[4]; }
  get euros() { return this.sums[5] / 100; }
  get eurosLow() { return this.sums[5] / 100 + this.sums[6]; }
  get eurosHigh() { return this.sums[7] ? NaN : this.sums[5] / 100 + masking.most * this.sums[6]; }
  get price() { return this.sums[9] ? this.sums[8] / this.sums[9] / this.scales.prix : NaN; }
  get duration() { return this.sums[11] ? this.sums[10] / this.sums[11] / this.scales.duree : NaN; }
  get maskedLines() { return this.sums[0] ? this.sums[13] / this.sums[0] : NaN; }
  // At most this part of the dossiers is masked.
  get maskedPart() { return this.sums[0] ? (masking.most * this.sums[1]) / (this.sums[2] + masking.most * this.sums[1]) : NaN; }
}

// Whether a group can carry a sentence: what one or two masked lines leave open is an interval, not a finding.
export const isTelling = (group) => group.dossiers >= ENOUGH && group.maskedPart <= HALF;

const NOTHING = new Group(new Float64Array(WIDTH), { prix: 1, duree: 1 });

export function total(groups) {
  return groups.length ? groups.reduce((sum, group) => sum.plus(group)) : NOTHING;
}

// Bounds of a / (a + rest), where each lies between its own.
export function shareBounds([low, high], [restLow, restHigh]) {
  return [low + restHigh ? low / (low + restHigh) : NaN, high + restLow ? high / (high + restLow) : NaN];
}

// Bounds of a share of a whole that contains the part. What of the rest has a modality that nobody knows may be the
// part's: `unknown` is its bounds.
export function partBounds(part, whole, unknown = [0, 0]) {
  const rest = [0, 1].map((side) => Math.max(0, whole[side] - part[side]));
  const [low] = shareBounds(part, rest);
  const [, high] = shareBounds([part[0], part[1] + unknown[1]], [Math.max(0, rest[0] - unknown[0]), rest[1]]);
  return [low, high];
}

// Bounds of what has a modality that nobody knows, among groups in the order of the rows of a dimension.
export function unknownBounds(rows, groups) {
  return groups.filter((_, code) => rows[code].est_connue === false).map((group) => group.bounds).reduce((a, b) => [a[0] + b[0], a[1] + b[1]], [0, 0]);
}

// Bounds of now / before.
export function ratioBounds(now, before) {
  return before[0] > 0 ? [now[0] / before[1], now[1] / before[0]] : [NaN, NaN];
}

export const addBounds = (a, b) => [a[0] + b[0], a[1] + b[1]];
