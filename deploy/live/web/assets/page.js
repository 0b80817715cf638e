// The page: joins the stream, the store and the views. No module writes HTML; the server's headers forbid it.

import { byId, clock, say, when, write } from "./dom.js";
import { renderCounts } from "./counts.js";
import { Detail } from "./detail.js";
import { Devices } from "./devices.js";
import { conditionsOf, filterOf, Store } from "./store.js";
import { LiveStream } from "./stream.js";
import { Table } from "./table.js";

const RENDER_MS = 200;
const AGAIN_MS = 5000;
const VIEWS = ["events", "devices", "counts"];

const store = new Store();
const devices = new Devices();
const detail = new Detail({
  closed: (event) => {
    table.mark(null);
    document.body.classList.remove("has-detail");
    table.focus(event);
  },
  note: (path) => (path === "/curl" ? state.curlNote : ""),
  device: (id) => devices.devices.get(id),
  toDevice: (id) => {
    detail.close();
    byId("filter").value = id;
    location.hash = "#devices";
  },
});
const table = new Table(store, (event, isByKey) => {
  document.body.classList.add("has-detail");
  detail.show(event);
  table.mark(event);
  if (isByKey || detail.isModal) detail.focus();
  else table.focus(event);
});
table.isDetailOpen = () => detail.isOpen;
table.onLimit = () => render();
devices.onLimit = () => render();

const state = { run: "", page: "connecting", since: Date.now() / 1000, pubsub: null, newestAt: 0, types: "", curlNote: "", timer: 0 };

// ---- what the server tells

const listener = {
  hello(hello) {
    if (state.run && state.run !== hello.run) take([note("the command was started again; events of the time between are not on this page")]);
    state.isNewRun = state.run !== hello.run;
    state.run = hello.run;
    state.curlNote = hello.note;
    write(byId("source"), hello.title);
    document.title = `Live events · ${hello.title}`;
  },
  events(events) {
    state.newestAt = Math.max(state.newestAt, events.at(-1).receivedAt);
    take(events);
  },
  gap({ lost }) {
    const count = lost.toLocaleString("en");
    take([note(state.isNewRun ? `${count} older events are no longer kept` : `${count} events are missing here: they came while this page was away, and the command keeps only the newest`)]);
  },
  state(pubsub) {
    state.pubsub = pubsub;
    showConnection();
  },
  slept(from, to) {
    take([note(`the clock jumped from ${when(from)} to ${when(to)}, because this computer slept; what it missed follows, as far as it was kept`)]);
  },
  page(page, heardAt) {
    state.page = page;
    state.since = heardAt;
    showConnection();
  },
};

function note(text) {
  return { note: text, at: Date.now() / 1000 };
}

function take(items) {
  store.add(items);
  if (!store.isPaused) devices.add(items.filter((item) => !item.note));
  changed();
}

// ---- what the user sees

function connection() {
  const { page, since, pubsub } = state;
  if (page === "connecting") return ["connecting", "connecting", ""];
  if (page === "away") return ["lost", "resting while hidden", ""];
  if (page === "refused") {
    return ["lost", "not allowed any more", "The command was started again. Open the address that it prints, in this browser: then this page goes on by itself."];
  }
  if (page === "lost") {
    return ["lost", `lost since ${clock(since)}`, `The command has not answered since ${clock(since)}. If it has ended, start it again, and open the address that it prints. The page keeps trying.`];
  }
  if (!pubsub || pubsub.state === "connecting") return ["connecting", "connecting to Pub/Sub", ""];
  if (pubsub.state === "lost") return ["lost", `Pub/Sub lost since ${clock(pubsub.since)}`, pubsub.detail];
  return ["live", "live", pubsub.detail];
}

function showConnection() {
  const [kind, text, notice] = connection();
  byId("connection").dataset.state = kind;
  write(byId("connection-text"), text);
  write(byId("notice"), notice);
  byId("notice").hidden = !notice;
  byId("notice").dataset.state = kind;
}

function changed() {
  state.timer ||= setTimeout(render, RENDER_MS);
}

function render() {
  clearTimeout(state.timer);
  state.timer = 0;
  const filter = byId("filter").value.trim();
  const type = byId("type").value;
  const onlyRejected = byId("only-rejected").checked;
  showFigures();
  showTypes();
  showPause();
  const view = viewOf(location.hash);
  if (view === "events") table.render(filterOf(filter, type, onlyRejected), Boolean(filter || type || onlyRejected));
  if (view === "devices") devices.render(conditionsOf(filter), type);
  if (view === "counts") renderCounts(store, Date.now() / 1000);
}

function showFigures() {
  write(byId("total"), store.total.toLocaleString("en"));
  write(byId("rate"), store.lastMinute(Date.now() / 1000).toLocaleString("en"));
  write(byId("rejected-total"), store.rejected.toLocaleString("en"));
  byId("rejected-total").classList.toggle("bad", store.rejected > 0);
  write(byId("newest"), state.newestAt ? clock(state.newestAt) : "none yet");
}

function showTypes() {
  const types = [...store.types.keys()].sort();
  if (types.join() === state.types) return;
  state.types = types.join();
  const select = byId("type");
  const chosen = select.value;
  const [all] = select.options;
  select.replaceChildren(all, ...types.map((type) => new Option(type, type)));
  select.value = chosen;
}

function showPause() {
  const button = byId("pause");
  button.setAttribute("aria-pressed", String(store.isPaused));
  if (!store.isPaused) write(button, "Pause");
  else write(button, `Paused, ${store.waiting.length.toLocaleString("en")} wait${store.dropped ? `, ${store.dropped.toLocaleString("en")} dropped` : ""}`);
}

function viewOf(hash) {
  const name = hash.slice(1);
  return VIEWS.includes(name) ? name : "events";
}

function showView() {
  const view = viewOf(location.hash);
  for (const name of VIEWS) byId(`view-${name}`).hidden = name !== view;
  for (const link of document.querySelectorAll("[data-view]")) {
    if (link.dataset.view === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.body.dataset.view = view;
  if (view !== "events") detail.close();
  scrollTo(0, 0);
  render();
}

// ---- what the user does

function togglePause() {
  if (store.isPaused) {
    devices.add(store.resume().filter((item) => !item.note));
    say("live again");
  } else {
    store.pause();
    say("paused; events wait");
  }
  render();
}

function key(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.key === "Escape" && detail.isOpen) detail.close();
  if (event.target.closest("input, select, textarea")) return;
  if (event.key === "/") {
    event.preventDefault();
    byId("filter").focus();
  } else if (event.key === "p") togglePause();
  else if (event.key === "ArrowDown" && event.target === document.body) byId("rows").querySelector("button")?.focus();
}

byId("pause").addEventListener("click", togglePause);
byId("filter").addEventListener("input", render);
byId("type").addEventListener("change", render);
byId("only-rejected").addEventListener("change", render);
addEventListener("hashchange", showView);
addEventListener("keydown", key);
setInterval(render, AGAIN_MS);

showConnection();
showView();
new LiveStream(listener);
