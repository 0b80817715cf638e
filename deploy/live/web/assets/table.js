// The table of events, newest first. It shows a part of them, and only that part is in the document.

import { byId, clock, counted, make, say, timeElement, when, write } from "./dom.js";

const STEP = 100;
const LATE_S = 60;

export class Table {
  /** `open` gets the event whose row was chosen, and whether the Enter key chose it: then its view gets the focus. */
  constructor(store, open) {
    this.store = store;
    this.open = open;
    this.limit = STEP;
    this.rows = new Map();
    this.body = byId("rows");
    this.chosen = null;
    byId("more").addEventListener("click", () => this.showMore());
    this.body.addEventListener("keydown", (event) => this.move(event));
    this.body.addEventListener("click", (event) => this.clicked(event));
  }

  /** Show the newest events that the filter lets through. */
  render(filter, isFiltered) {
    const { wanted, matching, isAll } = this.wanted(filter);
    const focused = document.activeElement?.closest?.("#rows tr");
    this.place(wanted);
    if (focused && !focused.isConnected) this.body.querySelector("tr:last-child button")?.focus();
    this.keepOneTabStop();
    byId("more").hidden = isAll;
    this.summarize(matching, isFiltered);
  }

  wanted(filter) {
    const wanted = [];
    let [matching, isAll] = [0, true];
    for (let index = this.store.events.length - 1; index >= 0; index -= 1) {
      const item = this.store.events[index];
      if (!item.note && !filter(item)) continue;
      if (!item.note) matching += 1;
      if (wanted.length < this.limit) wanted.push(item);
      else isAll = false;
    }
    return { wanted, matching, isAll };
  }

  /** Put the rows in order. A row that stays is not touched, so that it keeps the focus. */
  place(wanted) {
    const rows = new Map(wanted.map((item) => [item, this.rows.get(item) ?? this.row(item)]));
    for (const [item, row] of this.rows) if (!rows.has(item)) row.remove();
    this.rows = rows;
    let next = this.body.firstChild;
    for (const row of rows.values()) {
      if (row === next) next = next.nextSibling;
      else this.body.insertBefore(row, next);
    }
  }

  row(item) {
    if (item.note) return make("tr", { class: "note", role: "row" }, make("td", { colspan: 4, role: "cell" }, timeElement(item.at), ` ${item.note}`));
    const time = make("button", { type: "button", class: "open", tabindex: -1, "aria-label": `${clock(item.receivedAt)}, open the event` }, timeElement(item.receivedAt));
    const reading = item.rejected
      ? [make("span", { class: "badge bad", text: `rejected: ${item.rejected.reason || "no reason"}` }), " ", make("bdi", { text: item.text })]
      : [make("bdi", { text: item.text })];
    if (item.receivedAt - item.at > LATE_S) reading.push(make("span", { class: "muted late", text: `of ${when(item.at)}` }));
    const cells = [
      [time],
      [make("bdi", { class: "type", text: item.type || "–" })],
      [make("bdi", { class: "name", text: item.name || "–", title: item.device || undefined })],
      reading,
    ];
    // the roles stay if a narrow page shows the table as blocks
    const row = make("tr", { class: item.rejected ? "rejected" : undefined, role: "row" }, ...cells.map((cell) => make("td", { role: "cell" }, ...cell)));
    row.item = item;
    return row;
  }

  summarize(matching, isFiltered) {
    const { total, forgotten } = this.store;
    const parts = [isFiltered ? `${matching.toLocaleString("en")} of ${counted(total, "event")} match` : `${counted(total, "event")}, newest first`];
    if (forgotten) parts.push(`the page keeps the newest ${this.store.events.length.toLocaleString("en")}, ${forgotten.toLocaleString("en")} older ones are gone`);
    write(byId("shown"), total ? parts.join("; ") : "");
    byId("table").hidden = this.rows.size === 0;
    byId("empty").hidden = this.rows.size > 0;
    write(byId("empty"), isFiltered && total ? "No event matches the filter." : "No event yet. Events appear here from now on.");
  }

  showMore() {
    const last = this.body.lastElementChild;
    this.limit += STEP;
    this.onLimit?.();
    (last?.nextElementSibling ?? last)?.querySelector("button")?.focus();
    say(`${this.rows.size} rows`);
  }

  /** The arrow keys go from row to row; only one row is a stop of the Tab key. */
  move(event) {
    const row = event.target.closest("tr");
    const near = { ArrowDown: "nextElementSibling", j: "nextElementSibling", ArrowUp: "previousElementSibling", k: "previousElementSibling" }[event.key];
    let next = near ? row?.[near] : null;
    while (next && !next.item) next = next[near];
    if (event.key === "Home") next = this.body.querySelector("tr:not(.note)");
    if (event.key === "End") next = [...this.body.querySelectorAll("tr:not(.note)")].at(-1);
    if (!next) return;
    event.preventDefault();
    this.choose(next.querySelector("button"));
    next.querySelector("button").focus();
    if (this.isDetailOpen?.()) this.open(next.item, false);
  }

  clicked(event) {
    const row = event.target.closest("tr");
    if (!row?.item || String(getSelection())) return;
    this.choose(row.querySelector("button"));
    this.open(row.item, event.detail === 0);
  }

  choose(button) {
    this.chosen = button;
    this.keepOneTabStop();
  }

  keepOneTabStop() {
    const stop = this.chosen?.isConnected ? this.chosen : this.body.querySelector("button");
    for (const button of this.body.querySelectorAll('button[tabindex="0"]')) if (button !== stop) button.tabIndex = -1;
    if (stop) stop.tabIndex = 0;
  }

  /** Mark the row of the event that is open. */
  mark(item) {
    this.body.querySelector('tr[aria-current="true"]')?.removeAttribute("aria-current");
    this.rows.get(item)?.setAttribute("aria-current", "true");
  }

  focus(item) {
    const button = this.rows.get(item)?.querySelector("button") ?? this.body.querySelector("button") ?? byId("main");
    button.focus({ preventScroll: Boolean(this.rows.get(item)) });
  }
}
