// What the page remembers: the newest events, those that wait during a pause, and the counts of all of them.

export const KEPT = 10_000;
export const WAITING = 5000;
export const KEPT_BYTES = 64_000_000;
const MINUTES = 30;

/** A list that drops its oldest items: at most `most` items, with bodies of at most `KEPT_BYTES` bytes. */
export class Bounded {
  constructor(most) {
    this.most = most;
    this.items = [];
    this.bytes = 0;
  }

  /** Add items, and return how many events made room for them. */
  push(items) {
    for (const item of items) {
      this.items.push(item);
      this.bytes += weightOf(item);
    }
    let [over, bytes] = [Math.max(0, this.items.length - this.most), this.bytes];
    for (let index = 0; index < over; index += 1) bytes -= weightOf(this.items[index]);
    while (bytes > KEPT_BYTES && over < this.items.length - 1) {
      bytes -= weightOf(this.items[over]);
      over += 1;
    }
    this.bytes = bytes;
    return this.items.splice(0, over).filter((item) => !item.note).length;
  }

  /** Return all items, and forget them. */
  take() {
    const { items } = this;
    [this.items, this.bytes] = [[], 0];
    return items;
  }
}

const weightOf = (item) => item.body?.length ?? item.base64?.length ?? 0;

/** The events, oldest first. Notes stand between them and say what is missing: `{note, at}`. */
export class Store {
  constructor() {
    this.kept = new Bounded(KEPT);
    this.held = new Bounded(WAITING);
    this.dropped = 0;
    this.forgotten = 0;
    this.isPaused = false;
    this.total = 0;
    this.rejected = 0;
    this.types = new Map();
    this.minutes = new Map();
    this.startedAt = Infinity;
  }

  /** Take new events, or notes. During a pause they wait, and the oldest of those that wait are dropped. */
  add(items) {
    for (const item of items) if (!item.note) this.count(item);
    if (!this.isPaused) {
      this.keep(items);
      return;
    }
    this.dropped += this.held.push(items);
  }

  get events() {
    return this.kept.items;
  }

  get waiting() {
    return this.held.items;
  }

  pause() {
    this.isPaused = true;
  }

  /** Go on: show what has waited, and return it. */
  resume() {
    this.isPaused = false;
    if (this.dropped) {
      const [first] = this.waiting;
      this.keep([{ note: `${this.dropped.toLocaleString("en")} events that waited are left out here`, at: first.receivedAt ?? first.at }]);
    }
    const waited = this.held.take();
    this.keep(waited);
    this.dropped = 0;
    return waited;
  }

  keep(items) {
    this.forgotten += this.kept.push(items);
  }

  count(event) {
    const [type, minute] = [event.type || "unknown", Math.floor(event.receivedAt / 60)];
    const found = this.types.get(type) ?? { type, total: 0, rejected: 0, newestAt: 0 };
    this.total += 1;
    this.startedAt = Math.min(this.startedAt, event.receivedAt);
    found.total += 1;
    found.newestAt = Math.max(found.newestAt, event.receivedAt);
    if (event.rejected) {
      this.rejected += 1;
      found.rejected += 1;
    }
    this.types.set(type, found);
    this.minutes.set(minute, (this.minutes.get(minute) ?? 0) + 1);
    if (this.minutes.size > 2 * MINUTES) this.minutes.delete(Math.min(...this.minutes.keys()));
  }

  /** Return the counts of the last minutes, oldest first, up to the one of `now` (unix seconds): `[minute, count]`. */
  lastMinutes(now) {
    const newest = Math.floor(now / 60);
    return Array.from({ length: MINUTES }, (_, index) => newest - MINUTES + 1 + index)
      .map((minute) => [minute, this.minutes.get(minute) ?? 0]);
  }

  /** Return how many events came in the 60 s before `now`. */
  lastMinute(now) {
    let count = 0;
    for (const list of [this.waiting, this.events]) {
      for (let index = list.length - 1; index >= 0; index -= 1) {
        if ((list[index].receivedAt ?? now) < now - 60) return count;
        if (!list[index].note) count += 1;
      }
    }
    return count;
  }
}

/** Return the text in which an event is found. Times are no part of it, because every number would match them. */
function textOf(event) {
  const { eventId, ...others } = event.attributes;
  const labels = Object.entries(others).filter(([key]) => key.startsWith("label.")).map(([, value]) => value);
  return [event.name, event.type, event.text, event.rejected?.reason, event.device, eventId, event.id, ...labels].join("\n").toLowerCase();
}

/** Return the conditions of a filter: each word, or text in quotes, has to begin a word of what is searched. */
export function conditionsOf(text) {
  const words = [...text.toLowerCase().matchAll(/"([^"]+)"?|(\S+)/g)].map(([, quoted, word]) => quoted ?? word);
  return words.map((word) => new RegExp(`(?<![\\p{L}\\p{N}])${word.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")}`, "u"));
}

/** Return a function that tells whether an event meets all conditions, has the type, and was rejected if that is asked. */
export function filterOf(text, type, onlyRejected) {
  const conditions = conditionsOf(text);
  return (event) => {
    if (type && (event.type || "unknown") !== type) return false;
    if (onlyRejected && !event.rejected) return false;
    if (!conditions.length) return true;
    event.words ??= textOf(event);
    return conditions.every((condition) => condition.test(event.words));
  };
}
