"""Messages of a subscription that an audit has read, and holds back from others until its end.

Nothing is lost by this: a message that is not acknowledged comes again, at the latest when it is no longer held. The
ids are in a temporary database, because a subscription may have any number of messages.
"""

from collections.abc import Iterable, Iterator

from deploy.google.pubsub_api import PubSubApi, Pulled, in_requests
from deploy.repair.database import TemporaryDatabase

HOLD_S = 120
"""Seconds for which a message is held. After a run was killed, its messages come again within this time."""

RENEW_S = HOLD_S / 3
"""Seconds after which they are held for longer."""


class Held:
    """The messages that a run holds. ``hold`` may be called by any thread; everything else by one thread."""

    def __init__(self, api: PubSubApi, subscription: str) -> None:
        self._api = api
        self._subscription = subscription
        self._database = TemporaryDatabase(
            ["CREATE TABLE held (message_id TEXT PRIMARY KEY, ack_id TEXT, is_done INTEGER) WITHOUT ROWID"]
        )
        self._renewed_at = 0.0

    def hold(self, ack_ids: list[str]) -> None:
        """Hold messages that were just pulled. Raises ``PubSubFailed``: then they come again, which does no harm."""
        self._api.lease(self._subscription, ack_ids, HOLD_S)

    def add(self, pulled: Iterable[tuple[Pulled, bool]]) -> None:
        """Note messages that are held, and whether each is done with, so that it may be acknowledged.

        Of a message that came twice only the newest id counts.
        """
        rows = ((message.message_id, message.ack_id, is_done) for message, is_done in pulled)
        self._database.run_for_each("INSERT OR REPLACE INTO held VALUES (?, ?, ?)", rows)

    def renew(self, now: float) -> None:
        """Hold all messages for longer if that is due. ``now``: seconds of a clock that is never set.

        Raises:
            PubSubFailed: Pub/Sub does not answer.

        """
        if now - self._renewed_at > RENEW_S:
            if self._renewed_at:
                for ack_ids in self._ids("TRUE"):
                    self._api.lease(self._subscription, ack_ids, HOLD_S)
            self._renewed_at = now

    def release(self, *, acknowledges: bool) -> int:
        """Let go of all messages at once; or acknowledge those that are done with, and return their number.

        Raises:
            PubSubFailed: some were not acknowledged or given back. These come again by themselves.

        """
        done = 0
        for ack_ids in self._ids("NOT is_done" if acknowledges else "TRUE"):
            self._api.lease(self._subscription, ack_ids, 0)
        for ack_ids in self._ids("is_done") if acknowledges else ():
            self._api.acknowledge(self._subscription, ack_ids)
            done += len(ack_ids)
        return done

    def close(self) -> None:
        """Forget the ids."""
        self._database.close()

    def _ids(self, which: str) -> Iterator[list[str]]:
        """Return the ids in lists that fit into a request."""
        rows = self._database.rows(f"SELECT ack_id FROM held WHERE {which}")  # noqa: S608
        return in_requests(ack_id for (ack_id,) in rows)
