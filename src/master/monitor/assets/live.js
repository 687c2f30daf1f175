// The one stream of a page: which things changed. It resumes by itself where it broke off, and says when it is not live.

import { write } from "./dom.js";
import { moment } from "./words.js";

const PAUSE_MS = 250;
const RETRY_MS = [1_000, 2_000, 5_000, 10_000];

/**
 * @typedef {object} Changes
 * @property {string[]} jobs
 * @property {{job: string, frames: string}[]} frames
 * @property {string[]} slaves
 */

/**
 * Follows the master from now on.
 * @param {{job?: string, reset: () => void, changes: (changes: Changes) => void}} follower
 */
export function follow({ job, reset, changes }) {
  const address = `/api/v1/events?pause_ms=${PAUSE_MS}${job ? `&job=${job}` : ""}`;
  let failures = 0;
  const open = () => {
    const stream = new EventSource(address);
    stream.onopen = () => {
      failures = 0;
      show("live");
    };
    stream.addEventListener("reset", reset);
    stream.addEventListener("changes", (event) => changes(JSON.parse(event.data)));
    stream.onerror = () => {
      show("lost");
      // A connection that broke is renewed by the browser; one that was refused is not.
      if (stream.readyState !== EventSource.CLOSED) return;
      setTimeout(open, RETRY_MS[Math.min(failures, RETRY_MS.length - 1)]);
      failures += 1;
      if (failures > 1) void checkKey();
    };
    addEventListener("pagehide", () => stream.close(), { once: true });
  };
  open();
}

/** A stream cannot tell why it was refused; the key may have been replaced. */
async function checkKey() {
  const answer = await fetch("/api/v1/settings").catch(() => null);
  if (answer?.status === 401) location.assign("/login");
}

/** @param {"live"|"lost"} state */
function show(state) {
  const sign = document.getElementById("live");
  if (!sign || sign.dataset.state === state) return;
  sign.dataset.state = state;
  document.body.dataset.live = state;
  const text = state === "live" ? "live" : `not live since ${moment(Date.now())}`;
  write(/** @type {Element} */ (sign.firstElementChild), text);
}
