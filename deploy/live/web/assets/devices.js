// The devices: for each one a small plot of what has a number, or a band of its states, beside a table of the values.

import { brief, byId, clock, counted, make, timeElement, write } from "./dom.js";
import { band, kindOf, line, measured } from "./plot.js";

const POINTS = 300;
const DEVICES = 2000;
const STEP = 12;
const ROWS = 60;

export class Devices {
  constructor() {
    this.devices = new Map();
    this.cards = new Map();
    this.limit = STEP;
    byId("more-devices").addEventListener("click", () => {
      this.limit += STEP;
      this.onLimit?.();
    });
  }

  /** Take events; those of one device make its series. */
  add(events) {
    for (const event of events) {
      if (!event.device || event.rejected) continue;
      const device = this.devices.get(event.device) ?? { id: event.device, series: new Map(), types: new Set() };
      this.devices.delete(event.device);
      this.devices.set(event.device, device);
      device.name = event.name;
      device.types.add(event.type);
      device.newest = Math.max(device.newest ?? 0, event.receivedAt);
      device.isChanged = true;
      for (const [name, number, unit, at] of event.values) put(device, `${event.type} ${name}`, { name, unit }, { at, number });
      if (event.state) put(device, event.type, { name: event.type, isState: true }, { at: event.at, state: event.state });
    }
    while (this.devices.size > DEVICES) this.devices.delete(this.devices.keys().next().value);
  }

  /** Show the devices that meet the conditions and have the type. */
  render(conditions, type) {
    const found = [...this.devices.values()].filter((device) => matches(device, conditions, type));
    const plotted = found.filter((device) => device.series.size);
    plotted.sort((one, other) => one.name.localeCompare(other.name, undefined, { numeric: true }) || (one.id < other.id ? -1 : 1));
    const shown = plotted.slice(0, this.limit);
    this.place(shown);
    byId("more-devices").hidden = plotted.length <= this.limit;
    const without = found.length - plotted.length;
    const rest = without ? `; ${without.toLocaleString("en")} more without a number or a state` : "";
    write(byId("devices-shown"), found.length ? `${counted(plotted.length, "device")}${rest}` : "No device to show yet.");
  }

  place(shown) {
    const cards = new Map(shown.map((device) => [device, this.cards.get(device) ?? new Card(device)]));
    for (const [device, card] of this.cards) if (!cards.has(device)) card.element.remove();
    this.cards = cards;
    let next = byId("cards").firstChild;
    for (const card of cards.values()) {
      card.update();
      if (card.element === next) next = next.nextSibling;
      else byId("cards").insertBefore(card.element, next);
    }
  }
}

/** Return the plots of a device, without the tables of their values. */
export function figuresOf(device) {
  return [...device.series.values()].map((series) => {
    const { head, figure, span } = drawing(series);
    show(series, device, head.lastChild, figure, span);
    return make("div", { class: "drawing" }, head, figure, span);
  });
}

/** Return the empty parts of a plot. */
function drawing(series) {
  const head = make("p", { class: "series" }, make("span", { text: series.name }), " ", make("strong"));
  return { head, figure: make("div", { class: "figure" }), span: make("p", { class: "muted span" }) };
}

/** Fill the parts of a plot. */
function show(series, device, value, figure, span) {
  const newest = series.points.at(-1);
  write(value, series.isState ? newest.state : measured(newest.number, series.unit));
  figure.replaceChildren(...(series.isState ? stateFigure(series, device.newest) : numberFigure(series)));
  write(span, spanOf(series.points, series.isState ? Math.max(device.newest, newest.at) : newest.at));
}

function matches(device, conditions, type) {
  if (type && !device.types.has(type)) return false;
  const text = [device.name, device.id, ...device.types].join("\n").toLowerCase();
  return conditions.every((condition) => condition.test(text));
}

/** Put a point into its place by time. The same point comes twice if an event does, or as a sample of the next one. */
function put(device, key, made, point) {
  const series = device.series.get(key) ?? { ...made, points: [] };
  const { points } = series;
  device.series.set(key, series);
  let index = points.length;
  while (index && points[index - 1].at > point.at) index -= 1;
  if (index && points[index - 1].at === point.at && points[index - 1].number === point.number && points[index - 1].state === point.state) return;
  points.splice(index, 0, point);
  if (points.length > POINTS) points.shift();
}

class Card {
  constructor(device) {
    this.device = device;
    this.parts = new Map();
    this.title = make("h3", {}, make("bdi"));
    this.note = make("p", { class: "muted" });
    this.element = make("article", { class: "card" }, make("header", {}, this.title, this.note));
    device.isChanged = true;
  }

  update() {
    const { device } = this;
    if (!device.isChanged) return;
    device.isChanged = false;
    write(this.title.firstChild, device.name);
    this.title.title = device.id;
    this.element.setAttribute("aria-label", device.name);
    write(this.note, `newest ${clock(device.newest)}`);
    for (const [key, series] of device.series) {
      const part = this.parts.get(key) ?? this.part(key, series);
      part(series, device);
    }
  }

  /** Make the place of a series; return the function that fills it. The table stays, and so does its scroll position. */
  part(key, series) {
    const { head, figure, span } = drawing(series);
    const rows = make("tbody");
    const table = make("table", {},
      make("thead", {}, make("tr", {}, make("th", { scope: "col", text: "Time" }), make("th", { scope: "col", text: series.isState ? "State" : series.unit || "Value" }))), rows);
    const scroll = make("div", { class: "values", tabindex: 0, role: "group", "aria-label": `${this.device.name}: ${series.name}, values` }, table);
    this.element.append(make("div", { class: "series-row" }, make("div", { class: "drawing" }, head, figure, span), scroll));
    const fill = (now, device) => {
      show(now, device, head.lastChild, figure, span);
      rows.replaceChildren(...now.points.slice(-ROWS).reverse().map((point) => row(point)));
    };
    this.parts.set(key, fill);
    return fill;
  }
}

function row(point) {
  const shown = point.state === undefined ? measured(point.number, "") : point.state;
  return make("tr", {}, make("td", {}, timeElement(point.at)), make("td", {}, make("bdi", { text: shown })));
}

function spanOf(points, until) {
  const [first, last] = [brief(points[0].at), brief(until)];
  return first === last ? first : `${first} – ${last}`;
}

function numberFigure({ name, unit, points }) {
  const numbers = points.map((point) => point.number);
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)].map((number) => measured(number, unit));
  const label = least === most ? `${name}: ${most}` : `${name} from ${least} to ${most}, ${counted(points.length, "value")}`;
  if (least === most) return [line(points, label)];
  const limits = make("div", { class: "limits", "aria-hidden": "true" }, make("span", { text: most }), make("span", { text: least }));
  return [line(points, label), limits];
}

function stateFigure({ name, points }, newest) {
  const until = Math.max(newest, points.at(-1).at);
  const states = [...new Set(points.map((point) => point.state))];
  const legend = make("ul", { class: "legend" }, ...states.slice(0, 5).map((state) =>
    make("li", {}, make("span", { class: `swatch ${kindOf(state)}`, "aria-hidden": "true" }), make("bdi", { text: state }))));
  const changes = points.filter((point, index) => point.state !== points[index - 1]?.state);
  return [band(changes, until, `${name}: ${counted(changes.length - 1, "change")}, now ${points.at(-1).state}`), legend];
}
