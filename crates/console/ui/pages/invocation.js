// One invocation: how it stands, what went in and came out, and everything that was observed.

import { api } from "../api.js";
import { confirm, say } from "../dialog.js";
import { fill, h } from "../dom.js";
import { clock, duration, plural, pretty, time } from "../format.js";
import { keepAsking } from "../live.js";
import { go, link } from "../routes.js";
import { can, may } from "../session.js";
import { badge, callee } from "./activity.js";

const EVERY = 2_000;

/** Why an observation changed nothing, in words. */
const IGNORED = {
  unknown_invocation: "no such invocation was known",
  already_requested: "the event came again",
  already_closed: "it had an outcome already",
  stale_attempt: "it is not about the call that was owed",
  after_deadline: "it came after the deadline",
  before_deadline: "the deadline was not there yet",
  nothing_owed: "fire and forget owes no result",
};

const REPLIES = {
  acknowledged: "taken, the result is to come by callback",
  answered: "answered with the result",
  delivered: "delivered",
};

export async function invocationPage({ main, title, parts, signal, onState }) {
  const id = parts[0];
  const path = `/trigger-invocations/v1/${encodeURIComponent(id)}`;
  const ask = async (options) => {
    const [row, timeline] = await Promise.all([
      api.get(path, { signal, ...options }),
      may("triggerfish:records:read") ? api.get(`${path}/timeline`, { signal, ...options }) : null,
    ]);
    return { row: row.data, timeline: timeline?.data };
  };
  const state = h("p", { class: "standing", role: "status" });
  const facts = h("dl");
  const result = h("div");
  const story = h("div");
  const first = await ask({});
  const { row } = first;
  const payload = (label, value) => h("section", { class: "card" }, h("h2", {}, label),
    h("pre", { tabindex: 0, role: "region", "aria-label": label }, pretty(value)));
  fill(main,
    h("div", { class: "title-row" }, h("div", {}, title(row.subscriptionName), h("p", { class: "mono" }, row.id)),
      h("div", { class: "actions" },
        h("a", { class: "button", href: callee(row).href }, callee(row).name),
        row.mode === "FIRE_AND_FORGET" && can.startInvocations() ? h("button", { type: "button", onclick: () => resend(row, path) }, "Resend") : null)),
    state,
    h("div", { class: "columns" },
      h("section", { class: "card" }, h("h2", {}, "Facts"), facts),
      h("section", { class: "card" }, h("h2", {}, "Result"), result),
      payload("Input", row.startInvocationInput.input), payload("contentJson", row.startInvocationInput.contentJson)),
    h("section", { class: "card" }, h("h2", {}, "Timeline"), story));
  const show = ({ row: now, timeline }) => {
    fill(state, badge(now.outcome ?? "OPEN"), " ", standing(now));
    fill(facts, entries(now).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
    fill(result, outcome(now));
    fill(story, timeline ? told(timeline) : h("p", {}, "Your role may not read the log."));
  };
  show(first);
  let before = JSON.stringify(first);
  keepAsking(async (asked, timer) => {
    const next = await ask({ signal: asked, timer });
    const text = JSON.stringify(next);
    if (text !== before) show(next);
    before = text;
  }, { every: EVERY, signal, onState });
}

function standing(row) {
  if (row.outcome) return h("span", {}, "since ", time(row.completed));
  if (row.phase === "WAITING") return h("span", {}, "The subscriber has taken it; its callback is waited for until ", time(row.deadline), ".");
  return h("span", {}, "The next call is due at ", time(row.nextAttempt), ".");
}

function entries(row) {
  return [
    ["Trigger", callee(row).name === "Callback" ? row.triggerId : h("a", { href: link(["triggers", row.triggerId]) }, row.triggerId)],
    ["Type", row.type === "TEST" ? "Test" : "Real event"],
    ["Answers", row.mode],
    ["Started", time(row.created)],
    ["Ended", time(row.completed)],
    ["Deadline", time(row.deadline)],
    ["Calls", String(row.attempts)],
    ["Event id", row.eventId ?? "–"],
    ["Depth", String(row.depth)],
  ];
}

function outcome(row) {
  const done = row.completeInvocationInput;
  const failure = row.lastFailure;
  if (!done) return failure ? h("p", { class: "notice" }, `Last call: ${failure.message}`) : h("p", {}, "There is no result yet.");
  return [
    done.localizedError ? h("p", { class: "problem" }, done.localizedError.message) : null,
    done.output === null ? (done.localizedError ? null : h("p", {}, "Done; no output is owed."))
      : h("pre", { tabindex: 0, role: "region", "aria-label": "Output" }, pretty(done.output)),
  ];
}

function told({ entries: all, isComplete }) {
  const began = all[0]?.appended;
  return [
    h("ol", { class: "timeline" }, all.map((entry) => item(entry, began))),
    isComplete ? null : h("p", { class: "hint" }, "There is much in the log: later observations may be missing here."),
  ];
}

function item({ observation: seen, appended, ignored, outcome: decided }, began) {
  const after = new Date(appended) - new Date(began);
  return h("li", { class: ignored ? "ignored" : null },
    h("p", {}, h("strong", {}, heading(seen)), " ",
      decided ? badge(decided) : null,
      ignored ? h("span", { class: "badge warn" }, "Changed nothing") : null),
    h("p", { class: "hint" }, h("time", { datetime: appended, title: appended }, clock(appended)),
      after > 0 ? `, ${duration(after)} after the first` : null),
    ignored ? h("p", {}, `Refused: ${IGNORED[ignored] ?? ignored}.`) : null,
    details(seen));
}

function heading(seen) {
  switch (seen.observation) {
    case "requested": return seen.type === "TEST" ? "Test requested" : "Requested";
    case "attempt_reported": return `Call ${seen.attempt}: ${REPLIES[seen.reply] ?? `failed (${seen.reply.replaceAll("_", " ")})`}`;
    case "completion_reported": return seen.error ? "Callback: the subscriber reports a failure" : "Callback: the result";
    case "action_asked": return seen.timing === "BEFORE" ? "The platform asks before an action" : "The platform tells of an action";
    case "deadline_passed": return "The deadline passed";
    default: return seen.observation.replaceAll("_", " ");
  }
}

function details(seen) {
  const facts = [];
  if (seen.observation === "attempt_reported") {
    facts.push(seen.status ? `Status ${seen.status}` : "No answer", `took ${duration(seen.tookMs)}`);
    if (seen.retryAfterMs) facts.push(`asked to wait ${duration(seen.retryAfterMs)}`);
  }
  if (seen.observation === "action_asked") {
    facts.push(`${seen.objectType} ${seen.action}`, `by ${seen.user}`);
  }
  if (seen.observation === "requested") {
    facts.push(plural(seen.retry.maxAttempts, "call at most", "calls at most"));
  }
  const hasOutput = seen.output !== null && seen.output !== undefined;
  return [
    facts.length ? h("p", {}, `${facts.join(", ")}.`) : null,
    seen.error ? h("p", { class: "wrong" }, seen.error) : null,
    hasOutput ? h("details", {}, h("summary", {}, "Output"), h("pre", { tabindex: 0 }, pretty(seen.output))) : null,
  ];
}

async function resend(row, path) {
  const key = crypto.randomUUID?.() ?? String(Math.random());
  let started = null;
  const isDone = await confirm({
    title: "Resend this event?", action: "Resend", danger: false,
    text: `A new invocation is started for ${row.subscriptionName} with the same input. What was delivered already may be delivered once more.`,
    act: async () => { started = (await api.post(`${path}/resend`, undefined, { headers: { "idempotency-key": key } })).data; },
  });
  if (!isDone) return;
  if (!started?.length) {
    say("Nothing was sent: the event does not pass the subscription's filter any more.");
    return;
  }
  say("The event is sent again.");
  go(["activity", started[0].id]);
}
