// What could not be read: looking at it, and putting it back where it came from.

import { api } from "../api.js";
import { confirm, panel, problem, say, warn } from "../dialog.js";
import { fill, h } from "../dom.js";
import { plural, pretty, time } from "../format.js";
import { keepAsking } from "../live.js";
import { link, note } from "../routes.js";
import { can } from "../session.js";
import { table } from "../table.js";

const EVERY = 4_000;
const PAGE = 500;
/** More are not kept in the page; the oldest go. */
const KEPT = 10_000;

const place = (row) => `${row.partition}@${row.offset}`;
const text = (base64) => {
  if (base64 === null || base64 === undefined) return null;
  const bytes = Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));
  return new TextDecoder().decode(bytes);
};

export async function deadLettersPage({ main, title, parts, signal, onState }) {
  let rows = [];
  let cursor = "beginning";
  const chosen = new Set();
  const count = h("p", { class: "hint", role: "status" });
  const redriveChosen = h("button", { type: "button", class: "primary", disabled: true, onclick: () => redrive([...chosen], done) }, "Redrive selected");
  const done = () => {
    chosen.clear();
    showChosen();
    list.set([...rows]);
  };
  const showChosen = () => {
    redriveChosen.disabled = chosen.size === 0;
    count.textContent = `${plural(rows.length, "dead letter")}${rows.length === KEPT ? ", the newest" : ""}${chosen.size ? `, ${chosen.size} selected` : ""}.`;
  };
  const choose = (row, isChosen) => {
    if (isChosen) chosen.add(place(row));
    else chosen.delete(place(row));
    showChosen();
  };
  const list = table({
    label: "Dead letters", key: place,
    empty: [h("p", {}, "There are no dead letters: everything that came in could be read."),
      h("p", {}, "Records that can't be read, or whose event is refused, are kept here with the reason.")],
    columns: columns({ chosen, choose, done }),
  });
  const ask = async (asked, timer) => {
    let isNew = false;
    for (;;) {
      const { data } = await api.get("/topics/dead-letters/records", { signal: asked, timer, query: { from: cursor, limit: PAGE } });
      isNew ||= data.records.length > 0;
      rows = [...data.records.reverse(), ...rows].slice(0, KEPT);
      const isEnd = data.records.length === 0 || data.cursor === cursor;
      cursor = data.cursor;
      if (isEnd) break;
    }
    if (isNew) rows.sort((one, other) => other.timestamp.localeCompare(one.timestamp));
    list.set(rows);
    showChosen();
  };
  await ask(signal, false);
  fill(main, h("div", { class: "title-row" }, title("Dead letters"), can.redrive() ? redriveChosen : null),
    h("p", { class: "lead" }, "What could not be worked on, byte for byte, with the reason. See to the reason, then redrive: the record goes back on the topic it came from, and what has started already is not started twice."),
    count, list.element);
  list.set(rows);
  if (parts[0]) look(parts[0], done);
  keepAsking(ask, { every: EVERY, signal, onState });
}

function columns({ chosen, choose, done }) {
  return [
    { title: "Place", cell: (row) => h("a", { href: link(["dead-letters", place(row)]), onclick: (event) => {
      event.preventDefault();
      look(place(row), done);
    } }, place(row)) },
    can.redrive() && { title: "Select", cell: (row) => {
      const box = h("input", { type: "checkbox", checked: chosen.has(place(row)), "aria-label": `Select ${place(row)}` });
      box.addEventListener("change", () => choose(row, box.checked));
      return box;
    } },
    { title: "Reason", cell: (row) => reason(row) },
    { title: "From", cell: (row) => row.headers["triggerfish-topic"] ?? "–" },
    { title: "Written", wide: true, cell: (row) => time(row.timestamp) },
  ].filter(Boolean);
}

const reason = (row) => row.headers["triggerfish-reason"] ?? "–";

async function look(where, done) {
  note(["dead-letters", where]);
  const content = h("div", {}, h("p", { class: "loading" }, "Loading…"));
  const dialog = panel(`Dead letter ${where}`, content);
  dialog.addEventListener("close", () => note("dead-letters"));
  try {
    const { data: letter } = await api.get(`/dead-letters/v1/${encodeURIComponent(where)}`);
    fill(content, shown(letter),
      can.redrive() ? h("div", { class: "actions" }, h("button", { type: "button", class: "primary", onclick: async () => {
        if (await redrive([where], done)) dialog.close();
      } }, "Redrive")) : null);
  } catch (error) {
    fill(content, problem(error));
  }
}

function shown(letter) {
  const value = text(letter.valueBase64);
  const entries = [
    ["Reason", letter.reason], ["From", `${letter.topic}, partition ${letter.partition}, offset ${letter.offset}`],
    ["Written", time(letter.written)], ["Appended there", time(letter.timestamp)], ["Key", text(letter.keyBase64) ?? "none"],
    letter.cutFrom ? ["Cut", `It had ${letter.cutFrom} bytes.`] : null,
  ].filter(Boolean);
  return [
    h("dl", {}, entries.map(([name, said]) => [h("dt", {}, name), h("dd", {}, said)])),
    h("h3", {}, "Value"), value === null ? h("p", {}, "None.") : h("pre", { tabindex: 0 }, pretty(value)),
    h("h3", {}, "Headers"),
    letter.headers.length ? h("pre", { tabindex: 0 }, letter.headers.map((header) => `${header.name}: ${text(header.valueBase64)}`).join("\n")) : h("p", {}, "None."),
  ];
}

async function redrive(places, done) {
  let results = [];
  const isDone = await confirm({
    title: places.length === 1 ? `Redrive ${places[0]}?` : `Redrive ${plural(places.length, "dead letter")}?`,
    text: "Each goes back on the topic it came from and is read again. Where the reason is still there, it comes back here.",
    action: "Redrive", danger: false,
    act: async () => {
      for (let at = 0; at < places.length; at += 1000) {
        results.push(...(await api.post("/dead-letters/v1/redrive", { places: places.slice(at, at + 1000) })).data);
      }
    },
  });
  if (!isDone) return false;
  const refused = results.filter((result) => result.refused);
  const count = results.length - refused.length;
  if (count) say(`${plural(count, "dead letter")} redriven.`);
  if (refused.length) warn(`${plural(refused.length, "dead letter")} not redriven: ${refused[0].place}: ${refused[0].refused}`);
  done();
  return true;
}
