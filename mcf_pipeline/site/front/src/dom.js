// Making elements. Text from the data only ever becomes text, never HTML.

export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (value === true) element.setAttribute(name, "");
    else element.setAttribute(name, String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

let numbered = 0;

export function id(prefix) {
  numbered += 1;
  return `${prefix}-${numbered}`;
}

export function fill(element, ...children) {
  element.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
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
