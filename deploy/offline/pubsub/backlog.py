"""What one subscription still has to deliver: a pure state machine, in memory, that is told the time.

    add ──▶ ready ──pull──▶ leased ──acknowledge──▶ gone
              ▲                │
              └─ deadline or nack ─┘

Delivery is at least once: a message leaves only by an acknowledgement that comes while its lease lasts. With ordering,
the messages of one key are delivered in the order they came; while some of them are leased, the later ones are
held back; and when one goes back, so do the later ones that were delivered with it. Times are seconds of any clock
that does not run backwards; retry policies and retention are not acted upon.
"""

import heapq
import itertools
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from deploy.offline.errors import invalid

_ACK_ID = re.compile(r"[0-9a-f]{16}-\d+")


@dataclass(frozen=True, slots=True)
class Message:
    """A message; its id and publish time (nanoseconds since the Unix epoch) are given when it is accepted."""

    data: bytes
    attributes: Mapping[str, str]
    ordering_key: str = ""
    message_id: str = ""
    publish_time_ns: int = 0

    @property
    def size(self) -> int:
        """Bytes of data and attributes."""
        return len(self.data) + sum(len(key.encode()) + len(value.encode()) for key, value in self.attributes.items())


@dataclass(slots=True)
class Holder:
    """Who pulls, and how much of what it pulled is neither acknowledged nor given back."""

    messages: int = 0
    size: int = 0


@dataclass(slots=True)
class Lease:
    """One delivery of one message: outstanding until acknowledged, nacked or past ``expires_at``."""

    ack_id: str
    sequence: int
    message: Message
    holder: Holder
    expires_at: float


@dataclass
class Backlog:
    """The undelivered and the outstanding messages of one subscription."""

    ordered: bool = False
    _token: str = field(default_factory=lambda: secrets.token_hex(8))
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _ready: list[tuple[int, Message]] = field(default_factory=list)
    _leases: dict[str, Lease] = field(default_factory=dict)
    _expiries: list[tuple[float, str]] = field(default_factory=list)
    _outstanding: dict[str, set[str]] = field(default_factory=dict)
    _held: dict[str, list[tuple[int, Message]]] = field(default_factory=dict)

    def add(self, message: Message) -> None:
        """A message to deliver, after all that came before it."""
        heapq.heappush(self._ready, (next(self._numbers), message))

    def pull(self, now: float, holder: Holder, deadline_s: int, limit: int, max_bytes: int) -> list[Lease]:
        """Up to ``limit`` messages, leased for ``deadline_s``: one, or as many as fit into ``max_bytes`` together."""
        self.expire(now)
        leases: list[Lease] = []
        busy = set(self._outstanding)
        size = 0
        while self._ready and len(leases) < limit:
            sequence, message = self._ready[0]
            size += message.size
            if leases and size > max_bytes:
                break
            heapq.heappop(self._ready)
            if self._key(message) in busy:
                self._held.setdefault(message.ordering_key, []).append((sequence, message))
            else:
                leases.append(self._lease(sequence, message, holder, now + deadline_s))
        return leases

    def acknowledge(self, ack_ids: Iterable[str]) -> None:
        """Done with these. The id of a lease that is over changes nothing: its message is delivered again."""
        for ack_id in _well_formed(ack_ids):
            lease = self._leases.get(ack_id)
            if lease:
                self._end(lease)

    def modify_deadline(self, now: float, ack_ids: Iterable[str], deadline_s: int) -> None:
        """The leases last until ``now + deadline_s``; 0 gives the messages back at once (a nack)."""
        for ack_id in _well_formed(ack_ids):
            lease = self._leases.get(ack_id)
            if lease and deadline_s:
                self._set_expiry(lease, now + deadline_s)
            elif lease:
                self._give_back(lease)

    def unacknowledged(self) -> list[Message]:
        """Return all messages that are not acknowledged: to be delivered, held back, or outstanding."""
        held = [entry for entries in self._held.values() for entry in entries]
        waiting = [message for _, message in (*self._ready, *held)]
        return [*waiting, *(lease.message for lease in self._leases.values())]

    def expire(self, now: float) -> None:
        """Give back what was not acknowledged in time."""
        while self._expiries and self._expiries[0][0] <= now:
            expires_at, ack_id = heapq.heappop(self._expiries)
            lease = self._leases.get(ack_id)
            if lease and lease.expires_at == expires_at:
                self._give_back(lease)

    def next_expiry(self) -> float | None:
        """When ``expire`` may have something to do."""
        return self._expiries[0][0] if self._expiries else None

    def _key(self, message: Message) -> str | None:
        return (message.ordering_key or None) if self.ordered else None

    def _lease(self, sequence: int, message: Message, holder: Holder, expires_at: float) -> Lease:
        lease = Lease(f"{self._token}-{next(self._numbers)}", sequence, message, holder, expires_at)
        self._leases[lease.ack_id] = lease
        self._set_expiry(lease, expires_at)
        holder.messages += 1
        holder.size += message.size
        key = self._key(message)
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
            self._release(key, lease.ack_id)

    def _release(self, key: str, ack_id: str) -> None:
        self._outstanding[key].discard(ack_id)
        if not self._outstanding[key]:
            del self._outstanding[key]
            for entry in self._held.pop(key, []):
                heapq.heappush(self._ready, entry)

    def _give_back(self, lease: Lease) -> None:
        for later in self._delivered_since(lease):
            heapq.heappush(self._ready, (later.sequence, later.message))
            self._end(later)

    def _delivered_since(self, lease: Lease) -> list[Lease]:
        key = self._key(lease.message)
        if not key:
            return [lease]
        leases = [self._leases[ack_id] for ack_id in self._outstanding[key]]
        return [other for other in leases if other.sequence >= lease.sequence]


def _well_formed(ack_ids: Iterable[str]) -> list[str]:
    ids = list(ack_ids)
    for ack_id in ids:
        if not _ACK_ID.fullmatch(ack_id):
            raise invalid(f"You have passed an invalid ack ID to the service (ack_id={ack_id}).")
    return ids
