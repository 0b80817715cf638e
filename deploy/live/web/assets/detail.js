// One event: what it says, its attributes, its body pretty and raw, and what to copy.

import { byId, dated, make, say, timeElement } from "./dom.js";
import { figuresOf } from "./devices.js";
import { pretty } from "./pretty.js";

const NARROW = matchMedia("(max-width: 60rem)");

export class Detail {
  /**
   * `closed` gets the event whose view was closed. `note` returns what to add after something from a path was copied.
   * `device` returns the name and values of a device; `toDevice` goes to its values.
   */
  constructor({ closed, note, device, toDevice }) {
    this.note = note;
    this.device = device;
    this.toDevice = toDevice;
    this.dialog = byId("detail");
    this.event = null;
    this.isRaw = false;
    this.closed = closed;
    this.dialog.addEventListener("close", () => this.dialog.open || this.leave()); // the browser itself may close it
    this.dialog.addEventListener("keydown", (key) => {
      if (key.key === "Escape" && !key.defaultPrevented) {
        key.preventDefault();
        this.close();
      }
    });
  }

  get isOpen() {
    return this.dialog.open;
  }

  /** Whether the event covers the page. */
  get isModal() {
    return this.dialog.matches(":modal");
  }

  /** Show an event: beside the table, or above it where the page is narrow. */
  show(event) {
    this.event = event;
    this.dialog.replaceChildren(...this.parts(event));
    this.dialog.scrollTop = 0;
    if (!this.dialog.open) {
      if (NARROW.matches) this.dialog.showModal();
      else this.dialog.show();
    }
  }

  /** Close it, and move the focus at once: the browser's event comes later, when the user may have gone elsewhere. */
  close() {
    if (!this.dialog.open) return;
    this.dialog.close();
    this.leave();
  }

  leave() {
    const { event } = this;
    this.event = null;
    if (event) this.closed(event);
  }

  focus() {
    byId("detail-title").focus();
  }

  parts(event) {
    return [
      make("header", {},
        make("h2", { id: "detail-title", tabindex: -1 }, make("bdi", { text: event.text })),
        make("button", { type: "button", class: "quiet close", "aria-label": "Close the event", text: "✕", on: { click: () => this.close() } })),
      make("p", { class: "muted" }, make("bdi", { text: event.name || "no device" }), ` · ${event.type || "no type"}`),
      event.rejected ? rejection(event.rejected) : null,
      event.attributes.origin ? make("p", { class: "advice", text: `Sent by the command ${event.attributes.origin}, and not by DT's connector.` }) : null,
      event.attributes.schemaViolation ? make("p", { class: "advice warn", text: `The data contradict the type at ${event.attributes.schemaViolation}.` }) : null,
      this.plots(event),
      this.actions(event),
      facts(event),
      this.body(event),
      attributes(event),
    ].filter(Boolean);
  }

  /** The plots of the event's device; the tables of their values are one click away. */
  plots(event) {
    const device = event.rejected ? null : this.device(event.device);
    if (!device?.series.size) return null;
    return make("section", { class: "plots", "aria-label": "Values of the device" },
      ...figuresOf(device),
      make("button", { type: "button", class: "quiet", text: "All values of this device", on: { click: () => this.toDevice(event.device) } }));
  }

  actions(event) {
    return make("div", { class: "actions" },
      make("button", { type: "button", text: "Copy as JSON", on: { click: () => this.copyFrom("/json", event, "JSON copied, as follow --json prints it.") } }),
      make("button", { type: "button", text: "Copy as curl", on: { click: () => this.copyFrom("/curl", event, "Command copied. It sends the event again: subscribers get it a second time.") } }),
      make("a", { class: "button", href: `/body?number=${event.number}`, download: "", text: "Save the bytes" }),
      make("p", { id: "copied", class: "muted copied" }));
  }

  /** Copy what the server writes about an event. */
  async copyFrom(path, event, done) {
    let text;
    try {
      const answer = await fetch(`${path}?number=${event.number}`);
      text = await answer.text();
      if (!answer.ok) return this.tell(text.trim());
    } catch {
      return this.tell("The command does not answer.");
    }
    return this.copy(path === "/json" ? pretty(text) : text, [done, this.note(path)].filter(Boolean).join(" "));
  }

  /** Copy a text. A browser that does not let the page copy shows the text, to be copied by hand. */
  async copy(text, done) {
    try {
      await navigator.clipboard.writeText(text);
      this.tell(done);
    } catch {
      const area = make("textarea", { class: "by-hand", readonly: true, rows: 6, "aria-label": "The text, to copy by hand" });
      area.value = text;
      byId("copied").replaceChildren("This browser does not let the page copy. Copy this text by hand:", area);
      area.focus();
      area.select();
    }
  }

  tell(text) {
    byId("copied").replaceChildren(text);
    say(text);
  }

  body(event) {
    const raw = event.body ?? event.base64;
    const indented = event.body === undefined || event.cut ? null : pretty(raw);
    const shown = make("pre", { tabindex: 0, "aria-label": "Body" });
    const buttons = ["Pretty", "Raw"].map((name) => make("button", { type: "button", class: "quiet", text: name }));
    const choose = (isRaw) => {
      this.isRaw = isRaw;
      shown.textContent = isRaw || indented === null ? raw : indented;
      buttons.forEach((button, index) => button.setAttribute("aria-pressed", String((index === 1) === (isRaw || indented === null))));
    };
    buttons.forEach((button, index) => button.addEventListener("click", () => choose(index === 1)));
    buttons[0].disabled = indented === null;
    choose(this.isRaw);
    return make("section", { class: "body" },
      make("div", { class: "row" }, make("h3", { text: "Body" }), make("div", { class: "toggle", role: "group", "aria-label": "How the body is shown" }, ...buttons)),
      make("p", { class: "muted", text: remark(event, indented) }),
      shown);
  }
}

function remark(event, indented) {
  const parts = [`${event.size.toLocaleString("en")} bytes`];
  if (event.base64 !== undefined) parts.push("not UTF-8, shown in base64");
  else if (indented === null && !event.cut) parts.push("not JSON");
  if (event.cut) parts.push("only the beginning is shown: “Save the bytes” has all");
  return parts.join(", ");
}

function rejection({ reason, meaning, remedy }) {
  return make("div", { class: "advice bad" },
    make("p", {}, make("strong", { text: `Rejected: ${reason || "no reason given"}. ` }), sentence(meaning)),
    make("p", {}, make("strong", { text: "What to do: " }), sentence(remedy)));
}

const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}.`;

function facts(event) {
  const rows = [
    ["Device", event.device || "–"],
    ["Event time", timeElement(event.at, dated)],
    ["Received", `${dated(event.receivedAt)}, ${delay(event.receivedAt - event.at)} after the event`],
    ["Message id", event.id],
  ];
  return make("dl", { class: "facts" }, ...rows.map(([name, value]) =>
    make("div", {}, make("dt", { text: name }), make("dd", {}, typeof value === "string" ? make("bdi", { text: value }) : value))));
}

function delay(seconds) {
  if (seconds < 0) return "0 s";
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 600) return `${Math.round(seconds)} s`;
  return seconds < 172_800 ? `${(seconds / 3600).toFixed(1)} h` : `${Math.round(seconds / 86_400)} days`;
}

function attributes(event) {
  const rows = Object.entries(event.attributes).map(([key, value]) =>
    make("tr", {}, make("th", { scope: "row" }, make("bdi", { text: key })), make("td", {}, make("bdi", { text: value }))));
  return make("section", {},
    make("h3", { id: "attributes-title", text: "Attributes" }),
    make("table", { class: "attributes", "aria-labelledby": "attributes-title" }, make("tbody", {}, ...rows)));
}
