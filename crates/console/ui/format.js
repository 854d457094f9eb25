// How values are written.

import { h } from "./dom.js";

const TIME = new Intl.DateTimeFormat(undefined, {
  year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
});
const CLOCK = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3,
});
const SHORT_CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const NUMBER = new Intl.NumberFormat();
const STEPS = [["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];
const RELATIVE = new Intl.RelativeTimeFormat(undefined, { numeric: "always" });

export const number = (value) => (value === null || value === undefined ? "–" : NUMBER.format(value));
/** The time of day, to the millisecond. */
export const clock = (text) => CLOCK.format(new Date(text));
/** The time of day, to the second. */
export const shortClock = (text) => SHORT_CLOCK.format(new Date(text));

/** A time, in the reader's zone; the exact one is in the title. */
export function time(text, otherwise = "–") {
  if (!text) return otherwise;
  return h("time", { datetime: text, title: text }, TIME.format(new Date(text)));
}

/** How far away a time is. */
export function relative(text) {
  const seconds = (new Date(text) - Date.now()) / 1000;
  const [unit, length] = STEPS.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
  return RELATIVE.format(Math.round(seconds / length), unit);
}

/** A time and how far away it is. */
export function ago(text, otherwise = "–") {
  if (!text) return otherwise;
  return h("time", { datetime: text, title: `${TIME.format(new Date(text))} (${text})` }, relative(text));
}

/** A duration in milliseconds. */
export function duration(milliseconds) {
  if (milliseconds === null || milliseconds === undefined) return "–";
  if (milliseconds < 1000) return `${Number(milliseconds.toPrecision(3))} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 120) return `${Number(seconds.toPrecision(3))} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

/** JSON as people read it; what is no JSON stays as it is. */
export function pretty(value) {
  if (typeof value !== "string") return JSON.stringify(value, null, 2);
  try {
    return JSON.stringify(JSON.parse(value), null, 2);
  } catch {
    return value;
  }
}

/** How many, in words: `plural(1, "row")`. */
export function plural(count, one, many = `${one}s`) {
  return `${number(count)} ${count === 1 ? one : many}`;
}
