// Keeps what is shown up to date by asking again and again: not while nobody looks, and
// more and more seldom while nobody answers.

const LONGEST_PAUSE = 60_000;

/**
 * Calls `ask(signal, timer)` now, and `every` milliseconds after each answer, until
 * `signal` is aborted. `onState` hears `live`, `paused`, or the error and the pause that
 * follows. Returns a function that asks at once.
 */
export function keepAsking(ask, { every, signal, onState = () => {} }) {
  let timeout = null;
  let failures = 0;
  let isAsking = false;
  let isWantedAgain = false;
  let isFirst = true;

  async function round() {
    clearTimeout(timeout);
    if (signal.aborted) return;
    if (isAsking) {
      isWantedAgain = true;
      return;
    }
    isAsking = true;
    let pause = every;
    try {
      await ask(signal, !isFirst);
      failures = 0;
      if (!signal.aborted) onState("live");
    } catch (error) {
      if (signal.aborted) return;
      failures += 1;
      pause = Math.min(LONGEST_PAUSE, Math.max(every, (error.retryAfter ?? 0) * 1000) * 2 ** (failures - 1));
      onState("failed", error, pause);
    } finally {
      isAsking = false;
      isFirst = false;
    }
    if (isWantedAgain) {
      isWantedAgain = false;
      return round();
    }
    if (document.hidden) onState("paused");
    else timeout = setTimeout(round, pause);
  }

  const onVisible = () => {
    if (document.hidden) clearTimeout(timeout);
    else round();
  };
  document.addEventListener("visibilitychange", onVisible, { signal });
  signal.addEventListener("abort", () => clearTimeout(timeout));
  round();
  return round;
}
