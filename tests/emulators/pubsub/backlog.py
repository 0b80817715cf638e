"""The messages of one subscription: a pure state machine, in memory. Callers pass the time.

    add ──▶ ready ──pull──▶ leased ──acknowledge──▶ removed, or kept for a seek
              ▲                │
              │     deadline or nack ──▶ dead, after the last attempt
              └─── back-off ───┘

Delivery is at least once: a message is removed only by an acknowledgement that comes while its lease lasts. With
ordering, the messages of one key are delivered in the order of their arrival: while some of them are leased or delayed
by a back-off, the later ones are held; and if the lease of one ends without an acknowledgement, the leases of the later
ones of its key end as well. Times are seconds of any monotonic clock; publish times are the messages' own. Retention
has no effect.
"""

import heapq
import itertools
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from tests.emulators.errors import invalid

_ACK_ID = re.compile(r"[0-9a-f]{16}-\d+")


@dataclass(frozen=True, slots=True)
class Message:
    """A message. The broker sets its id and publish time (nanoseconds since 1970) when it accepts the message."""

    data: bytes
    attributes: Mapping[str, str]
    ordering_key: str = ""
    message_id: str = ""
    publish_time_ns: int = 0

    @property
    def size(self) -> int:
        """The number of bytes in data and attributes."""
        return len(self.data) + sum(len(key.encode()) + len(value.encode()) for key, value in self.attributes.items())


@dataclass(slots=True)
class Holder:
    """One client that pulls: the number and the size of the messages that it has leased."""

    messages: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class Policy:
    """How a subscription delivers; times are in seconds.

    ``max_attempts``: deliveries after which a message is dead, or None for never. ``keeps_acknowledged``: whether a
    seek can make acknowledged messages ready again. A message whose lease ended is delayed by ``min_backoff_s``, twice
    as long after each further attempt, up to ``max_backoff_s``.
    """

    max_attempts: int | None = None
    min_backoff_s: float = 0.0
    max_backoff_s: float = 0.0
    keeps_acknowledged: bool = False

    def backoff_s(self, attempts: int) -> float:
        """Return the delay of a message after this number of attempts."""
        return min(self.max_backoff_s, self.min_backoff_s * 2.0 ** min(attempts - 1, 32))


@dataclass(slots=True)
class Entry:
    """A message with its position in the subscription. ``attempts``: the number of its deliveries."""

    sequence: int
    message: Message
    attempts: int = 0

    def __lt__(self, other: "Entry") -> bool:
        """Order entries by the arrival of their messages."""
        return self.sequence < other.sequence


@dataclass(slots=True)
class Lease:
    """One delivery of one message: it lasts until an acknowledgement, a nack, or ``expires_at``."""

    ack_id: str
    entry: Entry
    holder: Holder
    expires_at: float

    @property
    def message(self) -> Message:
        """The delivered message."""
        return self.entry.message


@dataclass
class Backlog:
    """The unacknowledged messages of one subscription. ``policy`` may be replaced at any time."""

    ordered: bool = False
    policy: Policy = field(default_factory=Policy)
    _token: str = field(default_factory=lambda: secrets.token_hex(8))
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _ready: list[Entry] = field(default_factory=list)
    _leases: dict[str, Lease] = field(default_factory=dict)
    _expiries: list[tuple[float, str]] = field(default_factory=list)
    _outstanding: dict[str, set[str]] = field(default_factory=dict)
    _held: dict[str, list[Entry]] = field(default_factory=dict)
    _delayed: list[tuple[float, Entry]] = field(default_factory=list)
    _blocked: dict[str, float] = field(default_factory=dict)
    _acknowledged: list[Entry] = field(default_factory=list)
    _dead: list[Entry] = field(default_factory=list)

    def add(self, message: Message) -> None:
        """Add a message, to be delivered after those that came before it."""
        heapq.heappush(self._ready, Entry(next(self._numbers), message))

    def keep(self, message: Message) -> None:
        """Add a message as acknowledged, so that only a seek makes it ready."""
        self._acknowledged.append(Entry(next(self._numbers), message))

    def pull(self, now: float, holder: Holder, deadline_s: int, limit: int, max_bytes: int) -> list[Lease]:
        """Lease up to ``limit`` messages for ``deadline_s``: one, or as many as fit into ``max_bytes`` together."""
        self.expire(now)
        leases: list[Lease] = []
        busy = set(self._outstanding) | set(self._blocked)
        size = 0
        while self._ready and len(leases) < limit:
            entry = self._ready[0]
            size += entry.message.size
            if leases and size > max_bytes:
                break
            heapq.heappop(self._ready)
            if self._key(entry.message) in busy:
                self._held.setdefault(entry.message.ordering_key, []).append(entry)
            else:
                leases.append(self._lease(entry, holder, now + deadline_s))
        return leases

    def acknowledge(self, ack_ids: Iterable[str]) -> list[str]:
        """Acknowledge messages. Return the ids of leases that have ended: their messages are delivered again."""
        ended = []
        for ack_id in _well_formed(ack_ids):
            lease = self._leases.get(ack_id)
            if lease:
                self._end(lease)
                self._keep_acknowledged([lease.entry])
            else:
                ended.append(ack_id)
        return ended

    def modify_deadline(self, now: float, ack_ids: Iterable[str], deadline_s: int) -> list[str]:
        """Let the leases last until ``now + deadline_s``; 0 ends them at once (a nack).

        Return the ids of leases that had ended before.
        """
        ended = []
        for ack_id in _well_formed(ack_ids):
            lease = self._leases.get(ack_id)
            if lease and deadline_s:
                self._set_expiry(lease, now + deadline_s)
            elif lease:
                self._give_back(lease, now)
            else:
                ended.append(ack_id)
        return ended

    def expire(self, now: float) -> None:
        """End the leases whose deadline has passed, and make messages ready whose back-off has passed."""
        while self._expiries and self._expiries[0][0] <= now:
            expires_at, ack_id = heapq.heappop(self._expiries)
            lease = self._leases.get(ack_id)
            if lease and lease.expires_at == expires_at:
                self._give_back(lease, expires_at)
        while self._delayed and self._delayed[0][0] <= now:
            self._make_ready(heapq.heappop(self._delayed)[1], now)

    def next_event(self) -> float | None:
        """Return the time at which ``expire`` next has an effect, or None."""
        times = [heap[0][0] for heap in (self._expiries, self._delayed) if heap]
        return min(times, default=None)

    def take_dead(self) -> list[Entry]:
        """Return and remove the messages after their last attempt."""
        dead, self._dead = self._dead, []
        return dead

    def put_back(self, entry: Entry) -> None:
        """Make a dead message ready again, in its old position."""
        heapq.heappush(self._ready, entry)

    def unacknowledged(self) -> list[Message]:
        """Return all unacknowledged messages, in the order of their arrival."""
        return [entry.message for entry in self._pending()]

    def seek(self, is_wanted: Callable[[Message], bool]) -> None:
        """End all leases; make the wanted messages ready, also acknowledged ones, and acknowledge all others."""
        entries = sorted([*self._pending(), *self._acknowledged])
        self._clear()
        for entry in entries:
            if is_wanted(entry.message):
                heapq.heappush(self._ready, Entry(entry.sequence, entry.message))
            else:
                self._keep_acknowledged([entry])

    def restore(self, messages: Iterable[Message]) -> None:
        """End all leases; make exactly these messages ready, and acknowledge all others."""
        restored = list(messages)
        ids = {message.message_id for message in restored}
        others = sorted([*self._pending(), *self._acknowledged])
        self._clear()
        self._keep_acknowledged(entry for entry in others if entry.message.message_id not in ids)
        for message in restored:
            self.add(message)

    def _pending(self) -> list[Entry]:
        held = (entry for entries in self._held.values() for entry in entries)
        delayed = (entry for _, entry in self._delayed)
        leased = (lease.entry for lease in self._leases.values())
        return sorted([*self._ready, *held, *delayed, *leased])

    def _clear(self) -> None:
        for lease in list(self._leases.values()):
            self._end(lease)
        for heap in (self._ready, self._held, self._delayed, self._blocked, self._acknowledged, self._expiries):
            heap.clear()

    def _keep_acknowledged(self, entries: Iterable[Entry]) -> None:
        if self.policy.keeps_acknowledged:
            self._acknowledged.extend(entries)

    def _key(self, message: Message) -> str | None:
        return (message.ordering_key or None) if self.ordered else None

    def _lease(self, entry: Entry, holder: Holder, expires_at: float) -> Lease:
        lease = Lease(f"{self._token}-{next(self._numbers)}", entry, holder, expires_at)
        entry.attempts += 1
        self._leases[lease.ack_id] = lease
        self._set_expiry(lease, expires_at)
        holder.messages += 1
        holder.size += lease.message.size
        key = self._key(lease.message)
        if key:
            self._outstanding.setdefault(key, set()).add(lease.ack_id)
        return lease

    def _set_expiry(self, lease: Lease, expires_at: float) -> None:
        lease.expires_at = expires_at
        heapq.heappush(self._expiries, (expires_at, lease.ack_id))

    def _end(self, lease: Lease) -> None:
        del self._leases[lease.ack_id]
        lease.holder.messages -= 1
        lease.holder.size -= lease.message.size
        key = self._key(lease.message)
        if key:
            self._outstanding[key].discard(lease.ack_id)
            if not self._outstanding[key]:
                del self._outstanding[key]
                self._release(key)

    def _release(self, key: str) -> None:
        for entry in self._held.pop(key, []):
            heapq.heappush(self._ready, entry)

    def _give_back(self, lease: Lease, now: float) -> None:
        until = now + self.policy.backoff_s(lease.entry.attempts)
        for ended in self._delivered_since(lease):
            self._end(ended)
            if self.policy.max_attempts is not None and ended.entry.attempts >= self.policy.max_attempts:
                self._dead.append(ended.entry)
            elif until > now:
                self._delay(ended.entry, until)
            else:
                heapq.heappush(self._ready, ended.entry)

    def _delay(self, entry: Entry, until: float) -> None:
        heapq.heappush(self._delayed, (until, entry))
        key = self._key(entry.message)
        if key:
            self._blocked[key] = max(until, self._blocked.get(key, until))

    def _make_ready(self, entry: Entry, now: float) -> None:
        heapq.heappush(self._ready, entry)
        key = self._key(entry.message)
        if key and self._blocked.get(key, 0.0) <= now:
            self._blocked.pop(key, None)
            self._release(key)

    def _delivered_since(self, lease: Lease) -> list[Lease]:
        """Return the lease, and with ordering the leases of later messages of its key."""
        key = self._key(lease.message)
        if not key:
            return [lease]
        leases = [self._leases[ack_id] for ack_id in self._outstanding[key]]
        return [other for other in leases if not other.entry < lease.entry]


def _well_formed(ack_ids: Iterable[str]) -> list[str]:
    ids = list(ack_ids)
    for ack_id in ids:
        if not _ACK_ID.fullmatch(ack_id):
            raise invalid(f"You have passed an invalid ack ID to the service (ack_id={ack_id}).")
    return ids
