// The bar of filters, and the list of what is chosen.

import { fill, h, id } from "./dom.js";
import { SCOPES, TERRITORIES } from "./state.js";

const LISTS = [
  ["region", "Région"],
  ["genre", "Genre"],
  ["classe_age", "Âge"],
  ["situation", "Situation"],
];

export function filterBar({ state, data }) {
  const parts = [period(state, data), ...LISTS.filter(([name]) => data.dimensions[name].length > 1).map(([name, label]) => list(state, data, name, label))];
  parts.push(select(state, "territoire", "Territoire", TERRITORIES), select(state, "perimetre", "Champ", SCOPES));
  const reset = h("button", { type: "button", class: "reset", onclick: () => { state.reset(); state.change({}); } }, "Effacer");
  const chosen = h("ul", { class: "chosen", "aria-label": "Filtres choisis" });
  // Said where the reader looks first: what a link asks for and this page cannot give.
  const ignored = h("p", { class: "ignored", role: "status" });
  const live = h("p", { class: "unseen", role: "status" });
  const bar = h(
    "section",
    { class: "filters", "aria-label": "Filtres" },
    h("div", { class: "row" }, parts.map((part) => part.element), reset),
    chosen,
    ignored,
    live,
  );
  const update = () => {
    parts.forEach((part) => part.update());
    reset.disabled = !state.isFiltered;
    fill(chosen, chips(state, data));
    fill(ignored, state.ignored.length ? notKnown(state.ignored) : null);
  };
  document.addEventListener("click", (event) => {
    for (const open of bar.querySelectorAll("details[open]")) if (!open.contains(event.target)) open.open = false;
  });
  bar.addEventListener("keydown", (event) => {
    const open = event.key === "Escape" && event.target.closest("details[open]");
    if (open) {
      open.open = false;
      open.querySelector("summary").focus();
    }
  });
  update();
  state.listen(update);
  return { element: bar, say: (text) => { live.textContent = text; } };
}

function period(state, data) {
  const rows = data.dimensions.trimestre;
  const pick = (label, change) => {
    const field = id("periode");
    const control = h("select", { id: field, onchange: () => change(Number(control.value)) }, rows.map((row, code) => h("option", { value: code }, row.id)));
    return { control, element: h("div", { class: "filter" }, h("label", { for: field }, label), control) };
  };
  const from = pick("De", (code) => state.change({ from: code, to: Math.max(code, state.to) }));
  const to = pick("à", (code) => state.change({ to: code, from: Math.min(code, state.from) }));
  return {
    element: h("div", { class: "pair", role: "group", "aria-label": "Période d'entrée en formation" }, from.element, to.element),
    update: () => {
      from.control.value = String(state.from);
      to.control.value = String(state.to);
    },
  };
}

function select(state, name, label, options) {
  const field = id(name);
  const control = h("select", { id: field, onchange: () => state.change({ [name]: control.value }) }, options.map(([key, text]) => h("option", { value: key }, text)));
  return {
    element: h("div", { class: "filter" }, h("label", { for: field }, label), control),
    update: () => { control.value = state[name]; },
  };
}

function list(state, data, name, label) {
  const rows = data.dimensions[name];
  const boxes = rows.map((row, code) => h("input", { type: "checkbox", value: code, onchange: () => state.toggle(name, code) }));
  const summary = h("summary", {});
  const element = h(
    "details",
    { class: "filter list", "data-name": name },
    summary,
    h("fieldset", {}, h("legend", { class: "unseen" }, label), rows.map((row, code) => h("label", {}, boxes[code], h("span", {}, row.libelle)))),
  );
  return {
    element: h("div", { class: "filter" }, h("span", { class: "label", "aria-hidden": "true" }, label), element),
    update: () => {
      boxes.forEach((box, code) => { box.checked = state[name].has(code); });
      const [first] = state[name];
      const text = !state[name].size ? (name === "region" || name === "situation" ? "Toutes" : "Tous") : state[name].size === 1 ? rows[first].libelle : `${state[name].size} choisis`;
      fill(summary, h("span", { class: "unseen" }, `${label} : `), h("span", { class: "value" }, text));
    },
  };
}

const SHOWN = 4;

function notKnown(ignored) {
  const more = ignored.length > SHOWN ? ` et ${ignored.length - SHOWN} de plus` : "";
  return `Ce lien contient ${ignored.length > 1 ? "des choix que cette page ne connaît pas et qui sont ignorés" : "un choix que cette page ne connaît pas et qui est ignoré"} : ${ignored.slice(0, SHOWN).join(" ; ")}${more}.`;
}

function chips(state, data) {
  const items = [];
  const chip = (text, remove) => items.push(h("li", {}, h("button", { type: "button", onclick: remove }, text, h("span", { "aria-hidden": "true" }, " ×"), h("span", { class: "unseen" }, " : retirer ce filtre"))));
  const quarters = data.dimensions.trimestre;
  if (state.from !== 0 || state.to !== quarters.length - 1) {
    chip(`${quarters[state.from].id} à ${quarters[state.to].id}`, () => state.change({ from: 0, to: quarters.length - 1 }));
  }
  for (const [name] of LISTS) {
    for (const code of [...state[name]].sort((a, b) => a - b)) chip(data.dimensions[name][code].libelle, () => state.toggle(name, code));
  }
  if (state.territoire !== "tous") chip(TERRITORIES.find(([key]) => key === state.territoire)[1], () => state.change({ territoire: "tous" }));
  if (state.perimetre !== "tous") chip(state.scopeLabel(), () => state.change({ perimetre: "tous" }));
  return items;
}
