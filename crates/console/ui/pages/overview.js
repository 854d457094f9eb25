// How the installation is doing, live.

import { api } from "../api.js";
import { chart } from "../chart.js";
import { fill, h } from "../dom.js";
import { number, relative, time } from "../format.js";
import { keepAsking } from "../live.js";
import { link } from "../routes.js";
import { table } from "../table.js";

const EVERY = 3_000;
const rate = (value) => `${number(Number(value.toFixed(value < 10 ? 1 : 0)))}/s`;

export async function overviewPage({ main, title, signal, onState }) {
  const figures = h("dl", { class: "cards figures" });
  const charts = plots();
  const deadlines = deadlineTable();
  const failing = failingTable();
  const unavailable = h("div", { role: "status" });
  const show = (data) => {
    const now = data.load.at(-1);
    fill(figures, figure("Started", now ? rate(now.startedPerSecond) : "–", "invocations"),
      figure("Failed", now ? rate(now.failedPerSecond) : "–", "or expired", now?.failedPerSecond > 0),
      figure("Open", number(now?.open), "without an outcome"),
      figure("Owe a call", number(now?.queued), "now or later"),
      figure("Lag", number(now?.lag), "records not folded"),
      figure("Subscriptions", `${number(data.subscriptionsEnabled)} of ${number(data.subscriptions)}`, "enabled"),
      figure("Processes", number(data.processes), "heard of lately"));
    for (const one of charts) one.set(data.load);
    fill(unavailable, data.unavailable
      ? h("p", { class: "problem" }, `Deadlines and failing subscribers can't be told now: ${data.unavailable}.`) : null);
    if (data.deadlines) deadlines.set(data.deadlines);
    if (data.failing) failing.set(data.failing);
  };
  const { data } = await api.get("/overview/v1", { signal });
  fill(main, title("Overview"), figures,
    h("div", { class: "columns narrow" }, charts.map((one) => one.element)), unavailable,
    h("section", {}, h("h2", {}, "Failing subscribers"), failing.element),
    h("section", {}, h("h2", {}, "Deadlines soon"), deadlines.element));
  show(data);
  keepAsking(async (asked, timer) => {
    show((await api.get("/overview/v1", { signal: asked, timer })).data);
  }, { every: EVERY, signal, onState });
}

function figure(name, value, about, isBad = false) {
  return h("div", { class: "card" }, h("dt", { class: "about" }, name),
    h("dd", { class: isBad ? "figure bad" : "figure" }, value), h("dd", { class: "about" }, about));
}

function plots() {
  const empty = "The plot begins with the next figures.";
  return [
    chart({
      title: "Invocations per second", format: rate, empty,
      series: [
        { label: "Started", style: "one", of: (sample) => sample.startedPerSecond },
        { label: "Completed", style: "two", of: (sample) => sample.completedPerSecond },
        { label: "Failed", style: "three", of: (sample) => sample.failedPerSecond },
      ],
    }),
    chart({
      title: "Open invocations", format: (value) => number(Math.round(value)), empty,
      series: [
        { label: "Open", style: "one", of: (sample) => sample.open },
        { label: "Owe a call", style: "two", of: (sample) => sample.queued },
      ],
    }),
    chart({
      title: "Lag", format: (value) => number(Math.round(value)), empty,
      series: [{ label: "Records not folded", style: "one", of: (sample) => sample.lag }],
    }),
  ];
}

function deadlineTable() {
  return table({
    label: "Deadlines soon", key: (row) => row.id,
    empty: h("p", {}, "Nothing is open: no deadline is waited for."),
    columns: [
      { title: "Deadline", cell: (row) => h("a", { href: link(["activity", row.id]), "aria-label": `${relative(row.deadline)}, ${row.subscriptionName}` }, relative(row.deadline)) },
      { title: "Subscription", cell: (row) => row.subscriptionName },
      { title: "Trigger", wide: true, class: "mono", cell: (row) => row.triggerId },
      { title: "At", wide: true, cell: (row) => time(row.deadline) },
    ],
  });
}

function failingTable() {
  return table({
    label: "Failing subscribers", key: (row) => row.subscriptionId,
    empty: h("p", {}, "All subscribers answer."),
    columns: [
      { title: "Subscription", cell: (row) => h("a", { href: link(["subscriptions", row.subscriptionId]) }, row.subscriptionName) },
      { title: "Stands", cell: (row) => stands(row) },
      { title: "Failed lately", class: "number", cell: (row) => h("a", {
        href: link("activity", { subscription: row.subscriptionId }), "aria-label": `${row.failed} of ${row.of} of ${row.subscriptionName} failed`,
      }, `${number(row.failed)} of ${number(row.of)}`) },
      { title: "Last error", cell: (row) => h("span", { title: row.disabledReason ?? row.lastError }, row.disabledReason ?? row.lastError ?? "–") },
      { title: "Last failed", wide: true, cell: (row) => time(row.lastFailed) },
    ],
  });
}

function stands(row) {
  if (row.disabledReason) return h("span", { class: "badge bad" }, "Disabled by the service");
  return row.enabled ? h("span", { class: "badge warn" }, "Failing") : h("span", { class: "badge" }, "Paused");
}
