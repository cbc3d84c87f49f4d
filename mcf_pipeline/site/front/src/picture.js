// The frame around every picture: title, drawing, table view, CSV, and the line that says what it rests on.

import { fill, h, id } from "./dom.js";
import { isTelling } from "./engine.js";
import { count, decimal, day, plural } from "./format.js";

const PAPER = 640; // what an A4 page with its margins leaves to a drawing, in CSS pixels

const SOURCE = "Caisse des Dépôts, « Mon Compte Formation - Les usagers »";

export class Picture {
  // `about`: key, title, question, note (what the figure does not say), and `draw(context)`, which returns
  // { nodes, columns, rows, said, rests, caveat }, where `rests` is the group that what is said rests on; `controls(context)` gives choices of its own. `without` names the filters that
  // the picture does not follow, and `ignores` says so.
  constructor(about, app) {
    this.about = about;
    this.app = app;
    this.isDirty = true;
    this.isNear = false;
    this.isTable = false;
    this.width = 0;
    const heading = id("titre");
    const body = id("dessin");
    this.said = h("p", { class: "said", id: id("resume") });
    this.body = h("div", { class: "drawing", id: body });
    this.controls = h("div", { class: "controls" });
    this.table = h("div", { class: "table", role: "region", tabindex: 0, hidden: true, "aria-labelledby": heading });
    this.toggle = h("button", { type: "button", class: "quiet", "aria-pressed": "false", onclick: () => this.switchTable() }, "Tableau");
    this.base = h("p", { class: "base" });
    this.caveat = h("p", { class: "caveat" });
    this.element = h(
      "article",
      { class: `picture ${about.wide ? "wide" : ""}`, id: about.key, "aria-labelledby": heading },
      h(
        "header",
        {},
        h("h3", { id: heading }, about.title),
        h(
          "div",
          { class: "buttons" },
          this.toggle,
          h("button", { type: "button", class: "quiet", onclick: () => this.download() }, "CSV", h("span", { class: "unseen" }, ` : ${about.title}`)),
        ),
      ),
      this.said,
      this.controls,
      this.body,
      this.table,
      this.caveat,
      this.base,
    );
  }

  switchTable(on = !this.isTable) {
    this.isTable = on;
    this.toggle.setAttribute("aria-pressed", String(on));
    this.table.hidden = !on;
    this.body.hidden = on;
    this.update(true);
  }

  // Draws again if something changed and the picture is near the visible part of the page, or if it must.
  update(must = false) {
    if (!must && !(this.isDirty && this.isNear)) return;
    this.isDirty = false;
    const context = this.context();
    // The reader's own choice keeps the focus: it is drawn again only where the choices themselves change.
    if (this.about.controls) this.drawControls(context);
    this.drawn = this.about.draw(context);
    const { said, rests } = this.drawn;
    fill(this.said, said && rests && !isTelling(rests) ? thin(rests) : said || "");
    if (this.isTable) fill(this.table, this.tableOf(this.drawn));
    else fill(this.body, this.drawn.nodes);
    fill(this.caveat, [this.about.note, this.drawn.caveat].filter(Boolean).join(" "));
    fill(this.base, this.basis());
    this.element.dataset.drawn = String(Number(this.element.dataset.drawn || 0) + 1);
  }

  drawControls(context) {
    const focused = this.controls.contains(document.activeElement) ? document.activeElement.value : null;
    fill(this.controls, this.about.controls(context));
    if (focused !== null) {
      const again = [...this.controls.querySelectorAll("input, select")].find((input) => input.value === focused);
      if (again) again.focus();
    }
  }

  context() {
    const { app } = this;
    this.width = app.printing ? PAPER : Math.max(240, Math.floor(this.element.clientWidth - 2 * app.padding));
    return {
      ...app,
      width: this.width,
      option: (name, fallback) => app.state.option(`${this.about.key}-${name}`, fallback),
      setOption: (name, value) => app.state.setOption(`${this.about.key}-${name}`, value),
    };
  }

  basis() {
    const { meta } = this.app.data;
    const { state, engine } = this.app;
    const without = this.about.without || [];
    const masked = engine.total(without);
    const part = masked.isEmpty ? "aucune ligne" : `${count(masked.lignesMasquees)} lignes masquées sur ${count(masked.lignes)}`;
    const ignored = this.about.ignores ? ` Sans effet ici : ${this.about.ignores}.` : "";
    return [
      meta.synthetic ? h("strong", {}, "Données synthétiques. ") : null,
      `Source : ${SOURCE}, publication du ${day(meta.released_on)}. Champ : ${state.scopeLabel(without).toLowerCase()}, ${state.words(without)}. Masquage : ${part}.${ignored}`,
    ];
  }

  tableOf({ columns, rows }) {
    return h(
      "table",
      {},
      h("caption", {}, this.about.title),
      h("thead", {}, h("tr", {}, columns.map((column) => h("th", { scope: "col", class: column.kind }, column.label)))),
      h(
        "tbody",
        {},
        rows.map((row) =>
          h("tr", {}, columns.map((column, place) => {
            const text = cell(row[column.key], column);
            return place === 0 ? h("th", { scope: "row" }, text) : h("td", { class: column.kind }, text);
          })),
        ),
      ),
    );
  }

  download() {
    if (!this.drawn || this.isDirty) this.update(true);
    const { meta } = this.app.data;
    const suffix = meta.synthetic ? "-synthetique" : "";
    const link = h("a", {
      href: URL.createObjectURL(new Blob(["\ufeff", this.csv()], { type: "text/csv;charset=utf-8" })),
      download: `mcf-${this.about.key}-${meta.release}${suffix}.csv`,
    });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  // For French spreadsheets: semicolons and decimal commas. Each line says what it is, so none can lose its source.
  csv() {
    const { meta } = this.app.data;
    const { state } = this.app;
    const without = this.about.without || [];
    const said = [
      ["champ", `${state.scopeLabel(without)} ; ${state.words(without)}`],
      ["publication", meta.release],
      ["source", meta.synthetic ? "DONNÉES SYNTHÉTIQUES (mcf_pipeline)" : SOURCE],
    ];
    const { columns, rows } = this.drawn;
    const lines = [[...columns.map((column) => column.label), ...said.map(([name]) => name)]];
    for (const row of rows) lines.push([...columns.map((column) => plain(row[column.key])), ...said.map(([, value]) => value)]);
    return `${lines.map((line) => line.map(field).join(";")).join("\r\n")}\r\n`;
  }
}

function thin(group) {
  const seen = group.dossiers ? `${plural(group.dossiers, "dossier visible", "dossiers visibles")}` : "aucun dossier visible";
  return `Trop peu pour en tirer un constat : ${seen}, ${plural(group.masquees, "ligne masquée", "lignes masquées")}. Les intervalles ci-dessous disent ce qui est possible.`;
}

function cell(value, { kind, digits = 0, scale = 1 }) {
  if (value === null || value === undefined || value !== value) return "";
  if (kind === "number") return decimal(value * scale, digits);
  return String(value);
}

function plain(value) {
  if (value === null || value === undefined || value !== value) return "";
  // Ten digits after the comma hold every figure here; the rest is noise of binary fractions.
  if (typeof value === "number") return String(Number(value.toFixed(10))).replace(".", ",");
  // A spreadsheet must not take a text from the data for a formula.
  return /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
}

function field(text) {
  return /[";\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

// Columns of the table views.
export const text = (key, label) => ({ key, label, kind: "text" });
export const number = (key, label, digits = 0) => ({ key, label, kind: "number", digits });
export const share = (key, label) => ({ key, label: `${label} (%)`, kind: "number", digits: 1 });
export const hundred = (value) => (value === value && value !== null ? value * 100 : null);
