// A table that stays quick with very many rows: only those that can be seen are there.

import { fill, h } from "./dom.js";

const ROW_HEIGHT = 44;
const MARGIN_ROWS = 12;

/**
 * `columns`: [{ title, cell(row), class?, wide? }], where `wide` ones are left out on
 * narrow screens and the first names the row. `key(row)` stays the same for a row.
 * Gives { element, set(rows), size() }.
 */
export function table({ label, columns, key, empty, rowClass = () => "", onEnd = null }) {
  let rows = [];
  let shown = new Map();
  const head = h("tr", { "aria-rowindex": 1 }, columns.map((column) =>
    h("th", { scope: "col", class: classes(column) }, column.title)));
  const above = h("tr", { class: "spacer", "aria-hidden": "true" }, h("td", { colspan: columns.length }));
  const below = h("tr", { class: "spacer", "aria-hidden": "true" }, h("td", { colspan: columns.length }));
  const body = h("tbody", {}, above, below);
  const element = h("table", {}, h("caption", { class: "unseen" }, label), h("thead", {}, head), body);
  const box = h("div", { class: "table", role: "region", "aria-label": label, tabindex: 0 }, element);
  const nothing = h("div", { class: "empty", hidden: true });
  fill(nothing, empty);

  function make(row, index) {
    const cells = columns.map((column, at) =>
      h(at === 0 ? "th" : "td", { scope: at === 0 ? "row" : null, class: classes(column) },
        h("div", { class: "cell" }, column.cell(row))));
    return h("tr", { class: rowClass(row), "aria-rowindex": index + 2 }, cells);
  }

  /** Puts the rows that can be seen where they belong; keeps those that did not change. */
  function draw() {
    const first = Math.max(0, Math.floor(box.scrollTop / ROW_HEIGHT) - MARGIN_ROWS);
    const count = Math.ceil((box.clientHeight || 800) / ROW_HEIGHT) + 2 * MARGIN_ROWS;
    const last = Math.min(rows.length, first + count);
    const focused = document.activeElement;
    const next = new Map();
    let before = above;
    for (let index = first; index < last; index += 1) {
      const row = rows[index];
      const name = key(row);
      let old = shown.get(name);
      if (!old || old.row !== row) {
        const made = make(row, index);
        if (old) moveFocus(old.made, made, focused);
        old?.made.remove();
        old = { row, made };
      }
      old.made.setAttribute("aria-rowindex", index + 2);
      shown.delete(name);
      next.set(name, old);
      if (before.nextSibling !== old.made) before.after(old.made);
      before = old.made;
    }
    for (const { made } of shown.values()) made.remove();
    shown = next;
    above.firstChild.style.height = `${first * ROW_HEIGHT}px`;
    below.firstChild.style.height = `${(rows.length - last) * ROW_HEIGHT}px`;
    above.hidden = first === 0;
    below.hidden = last === rows.length;
    if (onEnd && last === rows.length && rows.length > 0) onEnd();
  }

  let isDrawing = false;
  box.addEventListener("scroll", () => {
    if (isDrawing) return;
    isDrawing = true;
    requestAnimationFrame(() => {
      isDrawing = false;
      draw();
    });
  }, { passive: true });

  function set(list) {
    const at = Math.floor(box.scrollTop / ROW_HEIGHT);
    const anchor = at > 0 && rows[at] ? key(rows[at]) : null;
    rows = list;
    element.setAttribute("aria-rowcount", rows.length + 1);
    box.hidden = rows.length === 0;
    nothing.hidden = rows.length > 0;
    if (anchor !== null) {
      // Rows that came in above must not move what somebody reads.
      const moved = rows.findIndex((row) => key(row) === anchor);
      if (moved >= 0 && moved !== at) {
        draw();
        box.scrollTop += (moved - at) * ROW_HEIGHT;
      }
    }
    draw();
  }

  return { element: h("div", { class: "table-frame" }, box, nothing), set, size: () => rows.length };
}

function classes(column) {
  return [column.class, column.wide ? "wide" : null].filter(Boolean).join(" ") || null;
}

/** Where a row is made anew while something in it has the focus, that keeps it. */
function moveFocus(from, to, focused) {
  if (!from.contains(focused)) return;
  const all = (row) => [...row.querySelectorAll("a, button, input, select")];
  const at = all(from).indexOf(focused);
  queueMicrotask(() => all(to)[at]?.focus({ preventScroll: true }));
}
