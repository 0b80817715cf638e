// The connection to the server: reconnects, and notices what a browser does not notice by itself.
//
// - Silence: the server sends its state every few seconds. Without it the connection is dead, whatever it looks like.
// - Sleep: if the clock has jumped, the computer slept, and the connection is made anew at once.
// - Hidden: a hidden page gives its connection back, because a browser has only six for all pages together.
// - Refused: after a restart of the server the cookie counts no longer; the page asks again until it does.

const TICK_MS = 1000;
const JUMP_MS = 20_000;
const HIDDEN_MS = 10_000;
const AGAIN_MS = 2000;

export class LiveStream {
  /** `listener` has hello, events, gap, state, slept and page, which gets "connecting", "live", "lost", "refused" or "away". */
  constructor(listener, path = "/events") {
    this.listener = listener;
    this.path = path;
    this.last = "";
    this.source = null;
    this.silenceMs = 15_000;
    this.heardAt = Date.now();
    this.openedAt = this.failedAt = 0;
    this.awakeAt = Date.now();
    this.hiddenAt = document.hidden ? Date.now() : 0;
    this.is = "";
    this.asking = false;
    setInterval(() => this.tick(), TICK_MS);
    addEventListener("pagehide", () => this.close());
    addEventListener("pageshow", (event) => event.persisted && this.open());
    document.addEventListener("visibilitychange", () => this.seen());
    this.open();
  }

  open() {
    this.close();
    this.openedAt = Date.now();
    const source = new EventSource(`${this.path}${this.last ? `?last=${encodeURIComponent(this.last)}` : ""}`);
    const on = (name, act) => source.addEventListener(name, (event) => {
      this.look();
      this.heardAt = Date.now();
      if (event.lastEventId) this.last = event.lastEventId;
      this.set("live");
      act(JSON.parse(event.data));
    });
    on("hello", (hello) => {
      this.silenceMs = 3 * hello.beatMs;
      this.listener.hello(hello);
    });
    on("events", (events) => this.listener.events(events));
    on("gap", (gap) => this.listener.gap(gap));
    on("state", (state) => this.listener.state(state));
    source.addEventListener("error", () => this.failed(source));
    this.source = source;
    if (!this.is) this.set("connecting");
  }

  close() {
    this.source?.close();
    this.source = null;
  }

  set(state) {
    if (state === this.is) return;
    this.is = state;
    this.listener.page(state, this.heardAt / 1000);
  }

  /** The connection has failed. The browser tries again by itself, unless the server has refused. */
  failed(source) {
    if (source !== this.source) return;
    this.set(this.is === "refused" ? "refused" : "lost");
    if (source.readyState === EventSource.CLOSED) {
      this.close();
      this.failedAt = Date.now();
    }
  }

  seen() {
    this.hiddenAt = document.hidden ? Date.now() : 0;
    if (!document.hidden && this.is === "away") this.open();
  }

  /** Notice a jump of the clock: neither a timer nor a message has come meanwhile. */
  look() {
    const [now, before] = [Date.now(), this.awakeAt];
    this.awakeAt = now;
    if (now - before <= JUMP_MS || this.is === "away") return;
    this.listener.slept(before / 1000, now / 1000);
    setTimeout(() => this.open());
  }

  tick() {
    this.look();
    const now = Date.now();
    if (this.hiddenAt && now - this.hiddenAt > HIDDEN_MS) {
      if (this.source) this.close();
      this.set("away");
    } else if (this.source && now - Math.max(this.heardAt, this.openedAt) > this.silenceMs) {
      this.set("lost");
      this.open();
    } else if (!this.source && this.is !== "away" && now - this.failedAt >= AGAIN_MS) {
      this.ask();
    }
  }

  /** Ask whether the server still knows this browser, and connect again if it does. */
  async ask() {
    if (this.asking) return;
    this.asking = true;
    try {
      const answer = await fetch("/session", { cache: "no-store" });
      if (answer.ok) this.open();
      else this.set(answer.status === 403 ? "refused" : "lost");
    } catch {
      this.set("lost");
    } finally {
      this.asking = false;
      this.failedAt = Date.now();
    }
  }
}
