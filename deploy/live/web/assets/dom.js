// Elements and times. Text of events gets into the page only here, as text nodes.

const SVG = "http://www.w3.org/2000/svg";

/** Return an element. `properties`: `text`, `on` (listeners), or attributes; undefined and false leave one out. */
export function make(tag, properties = {}, ...children) {
  return filled(document.createElement(tag), properties, children);
}

/** Return an SVG element. */
export function draw(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, { text, on = {}, ...attributes }, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const [name, listener] of Object.entries(on)) element.addEventListener(name, listener);
  if (text !== undefined) element.textContent = text;
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Return the element with this id. */
export const byId = (id) => document.getElementById(id);

/** Set the text of an element, if it is another one: an unchanged text is not read aloud again. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Say something to a screen reader. */
export const say = (text) => write(byId("said"), text);

const two = (number) => String(number).padStart(2, "0");

/** Return unix seconds as a time of day, in the time zone of the browser. */
export function clock(seconds) {
  const time = new Date(seconds * 1000);
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}

/** Return unix seconds as date and time of day. */
export function dated(seconds) {
  const time = new Date(seconds * 1000);
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())} ${clock(seconds)}`;
}

/** Return the time of day, with the date if it is not today's. */
export function when(seconds) {
  return new Date(seconds * 1000).toDateString() === new Date().toDateString() ? clock(seconds) : dated(seconds);
}

/** Return hours and minutes, with the day if it is not today. */
export function brief(seconds) {
  const time = new Date(seconds * 1000);
  const day = time.toDateString() === new Date().toDateString() ? "" : `${time.toLocaleDateString("en-GB", { day: "numeric", month: "short" })} `;
  return `${day}${two(time.getHours())}:${two(time.getMinutes())}`;
}

/** Return a `time` element. */
export function timeElement(seconds, shown = clock) {
  const iso = new Date(seconds * 1000).toISOString();
  return make("time", { datetime: iso, title: dated(seconds), text: shown(seconds) });
}

/** Return a number with separators and at most six digits that count. */
export function written(number) {
  return number.toLocaleString("en", { maximumSignificantDigits: Math.abs(number) >= 1e6 ? 15 : 6 });
}

/** Return a count with its noun. */
export function counted(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}
