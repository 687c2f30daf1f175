// Elements of pages. Whatever comes from outside becomes text, never markup: nothing here or elsewhere sets innerHTML.

const SVG = "http://www.w3.org/2000/svg";

/** @typedef {Node|string|number|false|null|undefined} Child */

/** Whether the key that was entered here lets this browser change anything: only the farm's own does. The master refuses all
 * else by itself; this is so that nobody presses in vain. */
export const mayChange = document.body.dataset.role === "admin";

/**
 * Makes an element. An attribute that is false or null is left out; `onclick` and the like are listeners; `style` holds
 * properties, which a strict policy allows to scripts. What has `changes` is only for who may change something: for others an
 * input shows its value, and a button is not there.
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Child|Child[])} children
 * @returns {any}
 */
export function h(tag, attributes = {}, ...children) {
  if (attributes.changes && !mayChange) {
    if (tag !== "input") return document.createComment("");
    attributes.disabled = true;
  }
  return furnish(document.createElement(tag), attributes, children);
}

/**
 * The same for drawings.
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Child|Child[])} children
 * @returns {any}
 */
export function s(tag, attributes = {}, ...children) {
  return furnish(document.createElementNS(SVG, tag), attributes, children);
}

/**
 * Puts these in the place of what an element holds.
 * @param {Element} element
 * @param {...(Child|Child[])} children
 */
export function fill(element, ...children) {
  element.replaceChildren(...present(children));
}

/**
 * The same where people press buttons: whoever has one in focus has the new one of that name in focus then.
 * @param {Element} element
 * @param {...(Child|Child[])} children
 */
export function refill(element, ...children) {
  const focused = element.contains(document.activeElement) ? document.activeElement : null;
  fill(element, ...children);
  if (!focused || focused === document.activeElement) return;
  const name = called(focused);
  const again = [...element.querySelectorAll(focused.tagName)].find((one) => called(one) === name);
  /** @type {HTMLElement|undefined} */ (again)?.focus({ preventScroll: true });
}

/** @param {Element} element */
const called = (element) => element.getAttribute("aria-label") ?? element.textContent;

/**
 * Sets a text only if it is another one: what does not change is not laid out again.
 * @param {Element} element
 * @param {string} text
 */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Calls a function at most once between two pictures of the screen, and not at all while nobody can see it.
 * @param {() => void} draw
 */
export function onceAFrame(draw) {
  let waits = false;
  return () => {
    if (waits) return;
    waits = true;
    requestAnimationFrame(() => {
      waits = false;
      draw();
    });
  };
}

/** @param {Element} element @param {Record<string, any>} attributes @param {any[]} children */
function furnish(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || name === "changes") continue;
    // There, false is a value.
    if (name.startsWith("aria-")) element.setAttribute(name, String(value));
    else if (value === false) continue;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, set] of Object.entries(value)) /** @type {any} */ (element).style.setProperty(key, set);
    else if (name === "value" || name === "checked" || name === "indeterminate") /** @type {any} */ (element)[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...present(children));
  return element;
}

/** @param {any[]} children */
function present(children) {
  return children
    .flat(2)
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : String(child)));
}
