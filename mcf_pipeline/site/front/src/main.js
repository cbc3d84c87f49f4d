// The dashboard: reads the figures in the page, draws the pictures, the visible ones first, and follows the filters.

import { load } from "./data.js";
import { fill, h } from "./dom.js";
import { Engine, masking } from "./engine.js";
import { hypothesis, keyFigures } from "./figures.js";
import { filterBar } from "./filters.js";
import { count, day } from "./format.js";
import { Picture } from "./picture.js";
import { State } from "./state.js";
import { entries } from "./pictures/entries.js";
import { financers, means, own } from "./pictures/money.js";
import { maturing, statuses } from "./pictures/outcomes.js";
import { people } from "./pictures/people.js";
import { index, map, region } from "./pictures/regions.js";
import { quality, revisions } from "./pictures/release.js";

const SECTIONS = [
  ["combien", "Combien", [entries]],
  ["ou", "Où", [map, region, index]],
  ["qui", "Qui", [people]],
  ["argent", "À quel prix, et qui paie", [financers, own, means]],
  ["issue", "Avec quelle issue", [statuses, maturing]],
  ["donnees", "Révisions et qualité des données", [revisions, quality]],
];

async function start() {
  const data = await load();
  const { meta } = data;
  if (!data.count) {
    fill(document.getElementById("page"), h("p", { class: "empty" }, "L'entrepôt ne contient encore aucune ligne."));
    return;
  }
  masking.most = meta.most;
  const state = new State(data.dimensions, viewsOf(SECTIONS.flatMap(([, , abouts]) => abouts)));
  const engine = new Engine(data, state);
  const app = { data, state, engine, padding: 18 };
  const sections = SECTIONS.map(([key, title, abouts]) => ({ key, title, pictures: abouts.map((about) => new Picture(about, app)) }));
  const pictures = sections.flatMap((section) => section.pictures);
  const bar = filterBar(app);
  fill(
    document.getElementById("page"),
    meta.synthetic ? h("aside", { class: "banner", "aria-label": "Avertissement" }, h("strong", {}, "DONNÉES SYNTHÉTIQUES"), " fabriquées par le logiciel : elles ne disent rien du monde réel.") : null,
    h(
      "header",
      { class: "top" },
      h("div", {}, h("h1", {}, "Mon Compte Formation : les usagers"), h("p", {}, `Publication du ${day(meta.released_on)} · trimestres d'entrée : ${data.dimensions.trimestre[0].libelle} à ${data.dimensions.trimestre[data.dimensions.trimestre.length - 1].libelle} · ${count(data.count)} lignes`)),
      h("nav", { "aria-label": "Sections" }, h("ul", {}, sections.map(({ key, title }) => h("li", {}, h("a", { href: `#${key}`, onclick: (event) => jump(event, key) }, title))))),
    ),
    bar.element,
    h(
      "main",
      { id: "contenu", tabindex: -1 },
      h("h2", { class: "unseen" }, "Chiffres clés"),
      keyFigures(app),
      hypothesis(app),
      sections.map(({ key, title, pictures: mine }) => h("section", { id: key, class: "part", tabindex: -1, "aria-labelledby": `${key}-titre` }, h("h2", { id: `${key}-titre` }, title), h("div", { class: "grid" }, mine.map((picture) => picture.element)))),
    ),
    h("footer", {}, h("p", {}, meta.mention), h("p", {}, "Aucune connexion, aucun traceur : cette page contient ses données. ", h("a", { href: "#licences", onclick: (event) => jump(event, "licences") }, "Licences des bibliothèques"))),
  );
  document.getElementById("licences").hidden = false;
  follow(app, pictures, bar);
}

// The choices of all pictures, by the name that they have in the address.
const viewsOf = (abouts) => new Map(abouts.flatMap(({ key, views = {} }) => Object.entries(views).map(([name, values]) => [`${key}-${name}`, values])));

// The address holds the filters, so a link within the page moves there without touching it.
function jump(event, key) {
  event.preventDefault();
  const target = document.getElementById(key);
  if (target.tagName === "DETAILS") target.open = true;
  target.scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  target.focus({ preventScroll: true });
}

function follow(app, pictures, bar) {
  const { state, engine } = app;
  const byElement = new Map(pictures.map((picture) => [picture.element, picture]));
  const watch = new IntersectionObserver(
    (found) => {
      for (const { target, isIntersecting } of found) {
        const picture = byElement.get(target);
        picture.isNear = isIntersecting;
        picture.update();
      }
    },
    { rootMargin: "300px" },
  );
  pictures.forEach((picture) => watch.observe(picture.element));
  // The others are drawn while nothing else is to be done, so that none is empty when the reader, a search or a
  // screenshot of the whole page gets there.
  const whenIdle = window.requestIdleCallback ?? ((work) => setTimeout(work, 30));
  let isResting = true;
  const drawTheRest = () => {
    const next = pictures.find((picture) => picture.isDirty);
    isResting = !next;
    if (!next) return;
    next.update(true);
    whenIdle(drawTheRest);
  };
  const settle = () => {
    if (!isResting) return;
    isResting = false;
    whenIdle(drawTheRest);
  };
  let pending = 0;
  const refresh = () => {
    pending = 0;
    pictures.forEach((picture) => picture.update());
    performance.measure("mcf-answer", "mcf-change");
    settle();
  };
  const soon = () => {
    pictures.forEach((picture) => { picture.isDirty = true; });
    if (pending) return;
    performance.mark("mcf-change"); // for bench/dashboard.py
    pending = requestAnimationFrame(refresh);
  };
  state.listen(() => {
    soon();
    bar.say(`${count(engine.total().dossiers)} dossiers pour les filtres choisis`);
  });
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    soon();
  });
  // Paper shows everything, in drawings of its own width.
  const paper = (printing) => {
    app.printing = printing;
    if (printing) pictures.forEach((picture) => picture.update(true));
    else soon();
  };
  matchMedia("print").addEventListener("change", (event) => paper(event.matches));
  addEventListener("beforeprint", () => paper(true));
  addEventListener("afterprint", () => paper(false));
  performance.mark("mcf-ready");
  document.documentElement.dataset.ready = "true";
  settle();
}

start().catch((error) => {
  const old = typeof DecompressionStream === "undefined";
  fill(document.getElementById("page"), h("p", { class: "empty", role: "alert" }, old ? "Ce navigateur est trop ancien pour cette page : il faut Firefox 113, Chrome 103, Safari 16.4, ou plus récent." : `La page n'a pas pu s'afficher : ${error.message}`));
  throw error;
});
