// Notices of this machine when a job ends, if the viewer wants them.

import { h } from "./dom.js";
import { note } from "./dialog.js";
import { isOver, jobs } from "./farm.js";
import { followUnseen } from "./live.js";
import { counted, pieceOf } from "./words.js";

const KEPT = "netrender-notices";
/** @type {Map<string, boolean>|null} */ let before = null;

const isOn = () => "Notification" in window && Notification.permission === "granted" && localStorage.getItem(KEPT) === "on";

/** The button that switches them. @param {string} kind */
export function offerNotices(kind = "quiet") {
  if (!("Notification" in window)) return "";
  const button = h("button", { class: kind, "aria-pressed": String(isOn()), title: "A notice of this machine when a job ends", onclick: () => change() }, "Notices");
  const change = async () => {
    const wanted = !isOn();
    if (wanted && (await Notification.requestPermission()) !== "granted") note("This browser does not allow notices from here", { kind: "bad" });
    localStorage.setItem(KEPT, wanted ? "on" : "off");
    button.setAttribute("aria-pressed", String(isOn()));
  };
  return button;
}

/** Notices come although nobody sees the page. */
export const tellUnseen = () => followUnseen(isOn);

/** Tells of jobs that have ended since the last call. */
export function tellEnds() {
  const now = new Map([...jobs.values()].map((job) => [job.id, isOver(job)]));
  for (const [id, over] of before ? now : []) {
    const job = jobs.get(id);
    if (!over || before?.get(id) !== false || !job || !isOn()) continue;
    const done = `${counted(job.done, pieceOf(job))} done`;
    const body = job.failed ? `${done}, ${job.failed} failed` : done;
    const notice = new Notification(`${job.name}: ${job.state}`, { body, tag: id });
    notice.onclick = () => (window.focus(), location.assign(`/jobs/${id}`));
  }
  before = now;
}
