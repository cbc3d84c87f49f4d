// What the reader has chosen, and its place in the address, so that a link says it.

const LISTS = ["region", "genre", "classe_age", "situation"];

export const SCOPES = [
  ["tous", "Tous les dossiers"],
  ["sans_annules", "Sans les annulés"],
  ["commences", "Formations commencées"],
];

export const TERRITORIES = [
  ["tous", "Toute la France"],
  ["hexagone", "Hexagone et Corse"],
  ["outre_mer", "Outre-mer"],
];

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export class State {
  constructor(dimensions) {
    this.dimensions = dimensions;
    this.listeners = [];
    this.read(location.hash);
    addEventListener("hashchange", () => {
      const before = this.hash();
      this.read(location.hash);
      if (this.hash() !== before) this.tell();
    });
  }

  reset() {
    const quarters = this.dimensions.trimestre;
    this.from = 0;
    this.to = quarters.length - 1;
    for (const name of LISTS) this[name] = new Set();
    this.perimetre = "tous";
    this.territoire = "tous";
    this.options = {};
  }

  read(hash) {
    this.reset();
    const given = new URLSearchParams(hash.replace(/^#/, ""));
    const quarters = this.dimensions.trimestre.map((row) => row.id);
    const [from, to] = (given.get("periode") || "").split("..").map((key) => quarters.indexOf(key));
    if (from >= 0 && to >= from) [this.from, this.to] = [from, to];
    for (const name of LISTS) {
      const ids = this.dimensions[name].map((row) => row.id);
      for (const key of (given.get(name) || "").split(",")) {
        const code = ids.indexOf(decoded(key));
        if (code >= 0) this[name].add(code);
      }
    }
    if (SCOPES.some(([key]) => key === given.get("perimetre"))) this.perimetre = given.get("perimetre");
    if (TERRITORIES.some(([key]) => key === given.get("territoire"))) this.territoire = given.get("territoire");
    for (const [name, value] of given) if (name.startsWith("vue-")) this.options[name.slice(4)] = value;
  }

  hash() {
    const parts = [];
    const quarters = this.dimensions.trimestre;
    if (this.from !== 0 || this.to !== quarters.length - 1) {
      parts.push(`periode=${quarters[this.from].id}..${quarters[this.to].id}`);
    }
    for (const name of LISTS) {
      const ids = [...this[name]].sort((a, b) => a - b).map((code) => encodeURIComponent(this.dimensions[name][code].id));
      // Encoded twice: once so that a comma in an id does not part it, once for the address.
      if (ids.length) parts.push(`${name}=${ids.map(encodeURIComponent).join(",")}`);
    }
    if (this.perimetre !== "tous") parts.push(`perimetre=${this.perimetre}`);
    if (this.territoire !== "tous") parts.push(`territoire=${this.territoire}`);
    for (const [name, value] of Object.entries(this.options)) {
      parts.push(`vue-${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
    }
    return parts.length ? `#${parts.join("&")}` : "";
  }

  // Changes what is given, writes the address, and tells whoever listens.
  change(values) {
    Object.assign(this, values);
    const address = `${location.pathname}${location.search}${this.hash()}`;
    // From a file some browsers refuse to change the address; the page works all the same.
    try {
      history.replaceState(null, "", address);
    } catch {
      location.hash = this.hash();
    }
    this.tell();
  }

  toggle(name, code) {
    const next = new Set(this[name]);
    if (next.has(code)) next.delete(code);
    else next.add(code);
    this.change({ [name]: next });
  }

  // One value alone, or all again where it was alone already.
  only(name, code) {
    const alone = this[name].size === 1 && this[name].has(code);
    this.change({ [name]: new Set(alone ? [] : [code]) });
  }

  option(name, fallback) {
    return this.options[name] ?? fallback;
  }

  setOption(name, value) {
    this.change({ options: { ...this.options, [name]: value } });
  }

  get isFiltered() {
    return this.hash().replace(/(^#|&)vue-[^&]*/g, "").length > 1;
  }

  // What is filtered, in words; `without` names filters that do not count.
  words(without = []) {
    const parts = [];
    const quarters = this.dimensions.trimestre;
    if (quarters.length && !without.includes("trimestre")) parts.push(`${quarters[this.from].id} à ${quarters[this.to].id}`);
    for (const name of LISTS.filter((list) => !without.includes(list))) {
      const labels = [...this[name]].map((code) => this.dimensions[name][code].libelle);
      if (labels.length) parts.push(labels.join(", "));
    }
    if (this.territoire !== "tous" && !without.includes("territoire")) parts.push(TERRITORIES.find(([key]) => key === this.territoire)[1]);
    return parts.join(" · ") || "France entière";
  }

  scopeLabel(without = []) {
    const scope = without.includes("perimetre") ? "tous" : this.perimetre;
    return SCOPES.find(([key]) => key === scope)[1];
  }

  listen(listener) {
    this.listeners.push(listener);
  }

  tell() {
    for (const listener of this.listeners) listener();
  }
}
