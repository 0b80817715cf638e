// How many events came: per type since the page was opened, and per minute.

import { byId, clock, counted, draw, make, timeElement, when, write } from "./dom.js";
import { bars } from "./plot.js";

/** Show the counts of a store. `now`: unix seconds. */
export function renderCounts(store, now) {
  write(byId("counts-shown"), store.total ? `${counted(store.total, "event")} since ${when(store.startedAt)}` : "No event yet.");
  byId("per-type").replaceChildren(perType(store));
  const place = byId("per-minute").querySelector(".values")?.scrollTop ?? 0;
  byId("per-minute").replaceChildren(...perMinute(store.lastMinutes(now)));
  byId("per-minute").querySelector(".values").scrollTop = place;
}

function perType({ types }) {
  const sorted = [...types.values()].sort((one, other) => other.total - one.total || (one.type < other.type ? -1 : 1));
  const most = Math.max(1, ...sorted.map((row) => row.total));
  const names = ["Type", "", "Events", "Rejected", "Newest"];
  const head = make("tr", {}, ...names.map((name) => (name ? make("th", { scope: "col", text: name }) : make("td"))));
  const rows = sorted.map((row) => make("tr", {},
    make("th", { scope: "row" }, make("bdi", { text: row.type })),
    make("td", { class: "share", "aria-hidden": "true" }, share(row.total / most)),
    make("td", { class: "number", text: row.total.toLocaleString("en") }),
    make("td", { class: "number", text: row.rejected ? row.rejected.toLocaleString("en") : "–" }),
    make("td", { class: "number" }, timeElement(row.newestAt))));
  return make("table", { "aria-labelledby": "per-type-title" }, make("thead", {}, head), make("tbody", {}, ...rows));
}

function share(part) {
  return draw("svg", { viewBox: "0 0 100 8", preserveAspectRatio: "none" },
    draw("rect", { class: "bar", x: 0, y: 0, width: Math.max(1, part * 100).toFixed(1), height: 8, rx: 1 }));
}

function perMinute(minutes) {
  const counts = minutes.map(([, count]) => count);
  const most = Math.max(...counts);
  const label = `Events in each of the last ${minutes.length} minutes, at most ${most}`;
  const [from, to] = [minutes[0][0] * 60, minutes.at(-1)[0] * 60];
  const rows = minutes.filter(([, count]) => count).reverse().map(([minute, count]) =>
    make("tr", {}, make("td", {}, timeElement(minute * 60, (at) => clock(at).slice(0, 5))), make("td", { class: "number", text: count.toLocaleString("en") })));
  const head = make("tr", {}, make("th", { scope: "col", text: "Minute" }), make("th", { scope: "col", text: "Events" }));
  return [make("div", { class: "series-row" }, make("div", { class: "drawing" },
    make("div", { class: "figure" }, bars(counts, label), make("div", { class: "limits", "aria-hidden": "true" }, make("span", { text: most.toLocaleString("en") }), make("span", { text: "0" }))),
    make("p", { class: "muted span", text: `${clock(from).slice(0, 5)} – ${clock(to).slice(0, 5)}` })),
  make("div", { class: "values", tabindex: 0, role: "group", "aria-label": "Events per minute, values" },
    make("table", { "aria-labelledby": "per-minute-title" }, make("thead", {}, head), make("tbody", {}, ...rows))))];
}
