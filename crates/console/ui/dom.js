// Makes elements. Data only ever becomes text or the value of an attribute.

const SVG = "http://www.w3.org/2000/svg";

/** An element: `h("a", { href, class, onclick, "aria-label" }, ...children)`. */
export function h(tag, props, ...children) {
  return filled(document.createElement(tag), props, children);
}

/** The same for drawings. */
export function svg(tag, props, ...children) {
  return filled(document.createElementNS(SVG, tag), props, children);
}

function filled(element, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "indeterminate") element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...flat(children));
  return element;
}

function flat(children) {
  return children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false);
}

/** Puts `children` in the place of everything in `element`. */
export function fill(element, ...children) {
  element.replaceChildren(...flat(children));
  return element;
}

let ids = 0;

/** An id that nothing else on the page has. */
export function freshId(what) {
  ids += 1;
  return `${what}-${ids}`;
}
