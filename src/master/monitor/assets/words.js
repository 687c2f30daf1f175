// Numbers and times in words, in the viewer's language and zone.

const NUMBER = new Intl.NumberFormat();
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const CLOCK_SHORT = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const WHOLE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

/** @param {number} value */
export const number = (value) => NUMBER.format(value);

/** @param {number} ratio 0 to 1 */
export function percent(ratio) {
  const value = ratio * 100;
  return `${value > 0 && value < 10 ? value.toFixed(1).replace(/\.0$/, "") : Math.round(value)} %`;
}

/** @param {number} count @param {string} one @param {string} [many] */
export const counted = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

/** A length of time, as exact as a person needs it. @param {number} seconds */
export function duration(seconds) {
  if (seconds < 0.1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = seconds / 60;
  if (minutes < 10) return `${Math.floor(minutes)} min ${Math.round(seconds % 60)} s`;
  if (minutes < 90) return `${Math.round(minutes)} min`;
  const hours = minutes / 60;
  if (hours < 48) return `${Math.floor(hours)} h ${Math.round(minutes % 60)} min`;
  return `${Math.round(hours / 24)} days`;
}

/** @param {number} bytes */
export function size(bytes) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  let value = bytes;
  for (; value >= 1000 && unit < units.length - 1; unit += 1) value /= 1024;
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** A moment: the time today, the day too otherwise. @param {number} ms */
export function moment(ms) {
  const then = new Date(ms);
  return then.toDateString() === new Date().toDateString() ? CLOCK.format(then) : DAY.format(then);
}

/** The time of day. @param {number} ms */
export const clock = (ms) => CLOCK_SHORT.format(new Date(ms));

/** A moment in full, for titles. @param {number} ms */
export const wholeMoment = (ms) => WHOLE.format(new Date(ms));

/** How long ago. @param {number} ms */
export function ago(ms) {
  const seconds = (Date.now() - ms) / 1000;
  return seconds < 5 ? "now" : `${duration(seconds)} ago`;
}

/** What a task of a job makes; where frames are denoised after their tiles, not all of them make the same. @param {any} job */
export const pieceOf = (job) => (job.kind === "bake" ? "bake" : job.tiles === "1x1" ? "frame" : job.denoises ? "task" : "tile");

/** A frame, or a tile of one. @param {{frame: number, tile?: string}} piece */
export const frameName = ({ frame, tile }) => (tile ? `frame ${frame}, tile ${tile}` : `frame ${frame}`);

/** The frames of a set such as "1-3,10-20x5". @param {string} text @returns {number[]} */
export function frames(text) {
  const found = [];
  for (const part of text.split(",")) {
    const parts = /^\s*(-?\d+)(?:-(-?\d+))?(?:x(\d+))?\s*$/.exec(part);
    if (!parts) continue;
    const first = Number(parts[1]);
    const last = parts[2] === undefined ? first : Number(parts[2]);
    for (let frame = first; frame <= last; frame += Number(parts[3] ?? 1)) found.push(frame);
  }
  return found;
}
