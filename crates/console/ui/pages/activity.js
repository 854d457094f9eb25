// What happened, newest first, as it happens.

import { api } from "../api.js";
import { problem } from "../dialog.js";
import { subscriptions, triggers } from "../data.js";
import { fill, h } from "../dom.js";
import { duration, number, plural } from "../format.js";
import { check, input, select } from "../forms.js";
import { keepAsking } from "../live.js";
import { link, note } from "../routes.js";
import { table } from "../table.js";

const EVERY = 2_000;
const FIRST = 200;
const NEXT = 1_000;
const STATES = [["", "All"], ["OPEN", "Open"], ["COMPLETED", "Completed"], ["FAILED", "Failed"], ["EXPIRED", "Expired"]];
const TYPES = [["", "All"], ["REAL_TIME", "Real events"], ["TEST", "Tests"]];
const LOOKS = { OPEN: "", COMPLETED: "good", FAILED: "bad", EXPIRED: "bad" };
const TYPING_PAUSE = 300;

/** Where it is told whom an invocation calls: a subscription, or a callback. */
export function callee(row) {
  const isCallback = row.mode === "BEFORE" || row.mode === "AFTER";
  return { name: isCallback ? "Callback" : "Subscription", href: link([isCallback ? "callbacks" : "subscriptions", row.subscriptionId]) };
}

/** The state of an invocation, to be seen at once. */
export function badge(state) {
  return h("span", { class: `badge ${LOOKS[state] ?? ""}` }, state[0] + state.slice(1).toLowerCase());
}

const TODAY = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const STAMP = new Intl.DateTimeFormat(undefined, { month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" });

export async function activityPage({ main, title, query, signal, onState }) {
  const known = Promise.all([triggers({ signal }), subscriptions({ signal })]).catch(() => [[], []]);
  const [allTriggers, allSubscriptions] = await known;
  const fields = makeFields(query, allTriggers, allSubscriptions);
  const log = new Log(signal);
  const count = h("p", { class: "hint", role: "status" });
  const said = h("div");
  const list = table({
    label: "Activity", key: (row) => row.id, columns: columns(),
    empty: [h("p", {}, "Nothing has happened yet that fits."), h("p", {}, "Start an event, or ",
      h("a", { href: link("subscriptions") }, "send a test to a subscription"), ".")],
    onEnd: () => more(),
  });
  const show = () => {
    list.set(log.rows);
    const rest = log.cursor ? "; older ones come as you scroll" : "";
    const text = log.isLoading ? "Loading…" : `${plural(log.rows.length, "invocation")}${rest}.`;
    if (count.textContent !== text) count.textContent = text;
  };
  async function more() {
    try {
      if (await log.more()) show();
    } catch (error) {
      if (!signal.aborted) fill(said, problem(error));
    }
  }
  async function anew() {
    note("activity", fields.address());
    fill(said);
    try {
      await log.begin(fields.read());
      show();
    } catch (error) {
      if (!signal.aborted) fill(said, problem(error));
    }
  }
  fill(main, title("Activity log"), fields.element, said, count, list.element);
  fields.onChange(anew);
  await log.begin(fields.read());
  show();
  keepAsking(async (asked, timer) => {
    if (fields.isLive() && await log.refresh(asked, timer)) show();
  }, { every: EVERY, signal, onState: (kind, ...rest) => onState(kind === "live" && !fields.isLive() ? "held" : kind, ...rest) });
}

/** The rows that were loaded, and where to go on. */
class Log {
  constructor(signal) {
    this.signal = signal;
    this.rows = [];
    this.cursor = null;
    this.isLoading = false;
    this.round = 0;
  }

  async ask(limit, cursor, options) {
    const query = { ...this.filter, limit, cursor };
    return (await api.get("/activity/v1", { signal: this.signal, ...options, query })).data;
  }

  async begin(filter) {
    this.round += 1;
    const round = this.round;
    this.filter = filter;
    this.isLoading = true;
    try {
      const page = await this.ask(FIRST, null);
      if (round !== this.round) return;
      this.rows = page.rows;
      this.cursor = page.cursor;
    } finally {
      if (round === this.round) this.isLoading = false;
    }
  }

  /** Loads older rows; whether there were any. */
  async more() {
    if (this.isLoading || !this.cursor) return false;
    const round = this.round;
    this.isLoading = true;
    try {
      const page = await this.ask(NEXT, this.cursor);
      if (round !== this.round) return false;
      this.merge(page.rows, false);
      this.cursor = page.cursor;
      return true;
    } finally {
      if (round === this.round) this.isLoading = false;
    }
  }

  /** Takes what is new or has changed; whether anything has. */
  async refresh(signal, timer) {
    const round = this.round;
    const page = await this.ask(FIRST, null, { signal, timer });
    if (round !== this.round) return false;
    const known = new Set(this.rows.map((row) => row.id));
    const isSeam = page.rows.length === 0 || page.rows.some((row) => known.has(row.id));
    if (!isSeam || this.rows.length === 0) {
      // More came than one page has: what is between is not known.
      this.rows = page.rows;
      this.cursor = page.cursor;
      return true;
    }
    return this.merge(page.rows, true);
  }

  merge(fresh, isNewest) {
    const byId = new Map(this.rows.map((row) => [row.id, row]));
    let hasChanged = false;
    for (const row of fresh) {
      const old = byId.get(row.id);
      if (old && JSON.stringify(old) === JSON.stringify(row)) continue;
      byId.set(row.id, row);
      hasChanged = true;
    }
    if (isNewest && this.filter.state) {
      // One that does not stand so any more is not among them.
      const oldest = fresh.at(-1)?.created ?? "";
      const now = new Set(fresh.map((row) => row.id));
      for (const row of this.rows) {
        if (row.created > oldest && !now.has(row.id)) hasChanged = byId.delete(row.id) || hasChanged;
      }
    }
    if (hasChanged) {
      this.rows = [...byId.values()].sort((one, other) => (one.created < other.created ? 1 : one.created > other.created ? -1 : 0));
    }
    return hasChanged;
  }
}

function makeFields(query, allTriggers, allSubscriptions) {
  const text = input({ type: "search", value: query.get("text") ?? "" });
  const named = (rows) => [["", "All"], ...rows.map((row) => [row.id, row.name])];
  const trigger = select(named(allTriggers), query.get("trigger") ?? "");
  const subscription = select(named(allSubscriptions), query.get("subscription") ?? "");
  const state = select(STATES, query.get("state") ?? "");
  const type = select(TYPES, query.get("type") ?? "");
  const live = check("Live", true);
  const element = h("div", { class: "filters", role: "search", "aria-label": "Filters" },
    h("label", {}, "Search", text), h("label", {}, "Trigger", trigger), h("label", {}, "Subscription", subscription),
    h("label", {}, "State", state), h("label", {}, "Type", type), live.element);
  const address = () => ({
    text: text.value.trim(), trigger: trigger.value, subscription: subscription.value, state: state.value, type: type.value,
  });
  const read = () => ({
    text: text.value.trim(), triggerId: trigger.value, subscriptionId: subscription.value, state: state.value, type: type.value,
  });
  const onChange = (changed) => {
    let typing = null;
    text.addEventListener("input", () => {
      clearTimeout(typing);
      typing = setTimeout(changed, TYPING_PAUSE);
    });
    for (const one of [trigger, subscription, state, type]) one.addEventListener("change", changed);
  };
  return { element, address, read, onChange, isLive: () => live.box.checked };
}

function columns() {
  const took = (row) => (row.completed ? duration(new Date(row.completed) - new Date(row.created)) : "–");
  return [
    { title: "Started", cell: (row) => {
      const created = new Date(row.created);
      const at = (created.toDateString() === new Date().toDateString() ? TODAY : STAMP).format(created);
      return h("a", { href: link(["activity", row.id]), "aria-label": `${at} ${row.subscriptionName}`, title: row.created }, at);
    } },
    { title: "Subscription", cell: (row) => [row.subscriptionName, row.type === "TEST" ? h("span", { class: "badge beside" }, "Test") : null] },
    { title: "State", cell: (row) => badge(row.state) },
    { title: "Trigger", wide: true, class: "mono", cell: (row) => row.triggerId },
    { title: "Calls", class: "number", wide: true, cell: (row) => number(row.attempts) },
    { title: "Took", class: "number", wide: true, cell: took },
    { title: "Error", wide: true, cell: (row) => h("span", { title: row.error }, row.error ?? "") },
  ];
}
