// The master's interface, as docs and /api describe it.

/** Why the master refused, in its own words. */
export class Fault extends Error {
  /** @param {number} status @param {string} message @param {string|null} hint */
  constructor(status, message, hint) {
    super(message);
    this.status = status;
    this.hint = hint;
  }
}

const ANSWER_TIMEOUT_MS = 20_000;

/**
 * Asks the master.
 * @param {string} path below /api/v1/
 * @param {string} [method]
 * @param {any} [body] sent as JSON
 * @returns {Promise<Response>}
 */
export async function ask(path, method = "GET", body = undefined) {
  /** @type {RequestInit} */
  const request = { method, signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS), cache: "no-store" };
  if (body !== undefined) {
    request.body = JSON.stringify(body);
    request.headers = { "content-type": "application/json" };
  }
  let answer;
  try {
    answer = await fetch(`/api/v1/${path}`, request);
  } catch (error) {
    const late = /** @type {any} */ (error).name === "TimeoutError";
    throw new Fault(0, late ? "the master does not answer" : "the master cannot be reached", null);
  }
  if (answer.ok) return answer;
  if (answer.status === 401) location.assign("/login");
  const fault = await answer.json().catch(() => ({}));
  throw new Fault(answer.status, fault.message ?? `the master answered ${answer.status}`, fault.hint ?? null);
}

/** Reads JSON. @param {string} path @returns {Promise<any>} */
export async function read(path) {
  return (await ask(path)).json();
}

/** Reads JSON of something that may be gone: then null. @param {string} path @returns {Promise<any>} */
export async function readIfThere(path) {
  try {
    return await read(path);
  } catch (error) {
    if (error instanceof Fault && error.status === 404) return null;
    throw error;
  }
}

/** Where a frame's small picture is, or that of a tile; another attempt is another address, so that browsers show no old one.
 * @param {string} job @param {number} frame @param {number|string} version @param {number} width @param {string} [tile] such as "5/4x3" */
export function thumbnail(job, frame, version, width, tile) {
  const which = tile ? `&tile=${tileNumber(tile)}` : "";
  return `/api/v1/jobs/${job}/frames/${frame}/thumbnail?width=${width}&v=${version}${which}`;
}

/** How many tiles a grid has. @param {string} grid such as "4x3" or "4x3t" */
export const tilesOf = (grid) => grid.split("x").reduce((count, side) => count * Number.parseInt(side, 10), 1);

/** The number of a tile in its grid. @param {string} tile such as "5/4x3" */
export const tileNumber = (tile) => Number.parseInt(tile, 10);
