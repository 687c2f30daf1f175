// The one stream of a page: which things changed. It resumes by itself where it broke off, and says when it is not live.

import { fail } from "./dialog.js";
import { write } from "./dom.js";
import { moment } from "./words.js";

const PAUSE_MS = 250;
const RETRY_MS = [1_000, 2_000, 5_000, 10_000];

/**
 * @typedef {object} Changes
 * @property {string[]} jobs
 * @property {{job: string, frames: string}[]} frames
 * @property {string[]} slaves
 * @property {boolean} rules
 * @property {boolean} settings
 */

/** What the master wrote into the page, so that nothing need be asked for before it is shown. @returns {any} */
export function known() {
  try {
    return JSON.parse(document.getElementById("known")?.textContent || "null");
  } catch {
    return null;
  }
}

/** @type {() => boolean} */ let isWatched = () => !document.hidden;

/** Follows on although nobody sees the page, as long as somebody wants to hear of it. @param {() => boolean} isWanted */
export function followUnseen(isWanted) {
  isWatched = () => !document.hidden || isWanted();
}

/**
 * Follows the master from now on, or from what the page was written with. Who does not see the page needs no stream: browsers
 * have room for six to a master, over all tabs. It goes on where it ended as soon as the page is seen again.
 * @param {{job?: string, after?: string, reset: () => void, changes: (changes: Changes) => void}} follower
 */
export function follow({ job, after, reset, changes }) {
  const address = `/api/v1/events?pause_ms=${PAUSE_MS}${job ? `&job=${job}` : ""}`;
  let place = after;
  let failures = 0;
  /** @type {EventSource|null} */ let stream = null;
  const open = () => {
    if (stream || !isWatched()) return;
    const opened = new EventSource(place ? `${address}&after=${place}` : address);
    stream = opened;
    const hear = (/** @type {string} */ name, /** @type {(data: any) => void} */ deed) =>
      opened.addEventListener(name, (event) => {
        place = event.lastEventId;
        deed(JSON.parse(event.data));
      });
    hear("reset", reset);
    hear("changes", changes);
    opened.onopen = () => {
      failures = 0;
      show("live");
    };
    opened.onerror = () => {
      show("lost");
      // A connection that broke is renewed by the browser; one that was refused is not.
      if (opened.readyState !== EventSource.CLOSED) return;
      stream = null;
      setTimeout(open, RETRY_MS[Math.min(failures, RETRY_MS.length - 1)]);
      failures += 1;
      if (failures > 1) void checkKey();
    };
  };
  const close = () => {
    stream?.close();
    stream = null;
  };
  document.addEventListener("visibilitychange", () => (isWatched() ? open() : close()));
  // A page that the browser keeps for "back" is none that is seen.
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  open();
}

/**
 * Reads what has become stale, one reading at a time: what becomes so meanwhile is read right after. When a reading fails,
 * everything is read again a little later.
 * @param {() => boolean} isStale
 * @param {() => Promise<void>} read
 * @param {() => void} spoil makes everything stale
 * @returns {() => void} to be called when something is stale
 */
export function reader(isStale, read, spoil) {
  let reading = false;
  const refresh = async () => {
    if (reading) return;
    reading = true;
    try {
      while (isStale()) await read();
    } catch (error) {
      fail(error);
      spoil();
      setTimeout(refresh, RETRY_MS[1]);
    } finally {
      reading = false;
    }
  };
  return refresh;
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
