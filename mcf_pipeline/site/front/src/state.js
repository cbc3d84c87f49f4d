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

// What stands for a value in a link: its id where that can be read, else its label in plain letters (11 is
// ile-de-france). Both are understood.
function namesOf(rows) {
  const plain = rows.map((row) => row.libelle.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, ""));
  return rows.map((row, code) => (/[a-z]/i.test(row.id) || !plain[code] || plain.indexOf(plain[code]) !== plain.lastIndexOf(plain[code]) ? row.id : plain[code]));
}

const clip = (text) => (text.length > 40 ? `${text.slice(0, 40)}…` : text);

export class State {
  // `views` says which choices of the pictures there are: values by name, as they stand in the address after "vue-".
  constructor(dimensions, views) {
    this.dimensions = dimensions;
    this.views = views;
    this.names = Object.fromEntries(LISTS.map((name) => [name, namesOf(dimensions[name])]));
    this.listeners = [];
    this.read(location.hash);
    addEventListener("hashchange", () => {
      const before = this.hash();
      this.read(location.hash);
      if (this.hash() !== before || this.ignored.length) this.tell();
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
    this.ignored = [];
  }

  read(hash) {
    this.reset();
    const given = new URLSearchParams(hash.replace(/^#/, ""));
    const quarters = this.dimensions.trimestre.map((row) => row.id);
    for (const [name, value] of given) {
      const ignore = (what = value) => this.ignored.push(what ? `${clip(name)} = ${clip(what)}` : clip(name));
      if (name === "periode") {
        const [from, to] = value.split("..").map((key) => quarters.indexOf(key));
        if (from >= 0 && to >= from) [this.from, this.to] = [from, to];
        else ignore();
      } else if (LISTS.includes(name)) {
        for (const key of value.split(",").map(decoded)) {
          const byId = this.dimensions[name].findIndex((row) => row.id === key);
          const code = byId >= 0 ? byId : this.names[name].indexOf(key);
          if (code >= 0) this[name].add(code);
          else ignore(key);
        }
      } else if (name === "perimetre" && SCOPES.some(([key]) => key === value)) this.perimetre = value;
      else if (name === "territoire" && TERRITORIES.some(([key]) => key === value)) this.territoire = value;
      else if (name.startsWith("vue-") && this.views.get(name.slice(4))?.includes(value)) this.options[name.slice(4)] = value;
      else ignore();
    }
  }

  hash() {
    const parts = [];
    const quarters = this.dimensions.trimestre;
    if (this.from !== 0 || this.to !== quarters.length - 1) {
      parts.push(`periode=${quarters[this.from].id}..${quarters[this.to].id}`);
    }
    for (const name of LISTS) {
      const ids = [...this[name]].sort((a, b) => a - b).map((code) => encodeURIComponent(this.names[name][code]));
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
    this.ignored = [];
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
