// Making elements. Text from the data only ever becomes text, never HTML.

// No line breaks before the signs that French sets apart from the word before them.
const typeset = (child) => (typeof child === "string" ? child.replace(/ (?=[:;?!»%€](?:[\s,.)]|$))/g, "\u00a0").replace(/« /g, "«\u00a0") : child);
const ready = (children) => children.flat().filter((child) => child !== null && child !== undefined && child !== false).map(typeset);

export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (value === true) element.setAttribute(name, "");
    else element.setAttribute(name, String(value));
  }
  element.append(...ready(children));
  return element;
}

let numbered = 0;

export function id(prefix) {
  numbered += 1;
  return `${prefix}-${numbered}`;
}

export function fill(element, ...children) {
  element.replaceChildren(...ready(children));
}

// One choice of a few, as a group of radio buttons that looks like a segmented control.
export function choice(legend, options, value, onchange) {
  const name = id("choix");
  return h(
    "fieldset",
    { class: "choice" },
    h("legend", {}, legend),
    options.map(([key, label]) =>
      h(
        "label",
        {},
        h("input", { type: "radio", name, value: key, checked: key === value, onchange: () => onchange(key) }),
        h("span", {}, label),
      ),
    ),
  );
}
