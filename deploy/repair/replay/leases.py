"""The messages that one run holds back from other readers of a subscription, until it gives them back.

A message comes again as soon as its lease ends. So a run that looks for some messages has to hold all others, too;
otherwise they would come again and again.
"""

import threading
from collections.abc import Callable, Sequence

from deploy.errors import DeployError
from deploy.google.pubsub_api import PubSubApi, Pulled, in_requests

LEASE_S = 30
"""Seconds of a lease. After a run was killed, its messages come again within this time."""

EXTEND_S = 10.0
"""Seconds between two extensions of all leases."""

READ_S = 10.0
"""Seconds to wait for the answer to an extension."""

ATTEMPTS = 3
"""Attempts to acknowledge a message."""


class Leases:
    """The leases of one subscription. Safe from several threads, but ``take`` and ``tick`` are for one.

    ``monotonic`` is in seconds; ``notice`` gets what a user should know.
    """

    def __init__(
        self, api: PubSubApi, subscription: str, monotonic: Callable[[], float], notice: Callable[[str], None]
    ) -> None:
        self._api = api
        self._subscription = subscription
        self._monotonic = monotonic
        self._notice = notice
        self._lock = threading.Lock()
        self._ack_ids: dict[str, str] = {}
        self._finished: set[str] = set()
        self._extended_at = monotonic()
        self._has_warned = False

    @property
    def held(self) -> int:
        """The number of messages that are held."""
        return len(self._ack_ids)

    def take(self, pulled: Sequence[Pulled]) -> list[Pulled]:
        """Hold messages, and return those that this run has not seen before.

        One that comes although this run has finished it was published, but not acknowledged: that is done again.
        """
        with self._lock:
            finished = [message.ack_id for message in pulled if message.message_id in self._finished]
            held = [message for message in pulled if message.message_id not in self._finished]
            new = [message for message in held if message.message_id not in self._ack_ids]
            self._ack_ids |= {message.message_id: message.ack_id for message in held}
        if finished:
            self._acknowledge(finished)
        self._extend([message.ack_id for message in held])
        return list({message.message_id: message for message in new}.values())

    def tick(self) -> None:
        """Extend all leases if it is time for that."""
        if self._monotonic() - self._extended_at < EXTEND_S:
            return
        self._extended_at = self._monotonic()
        with self._lock:
            ack_ids = list(self._ack_ids.values())
        self._extend(ack_ids)

    def finish(self, message_id: str) -> bool:
        """Acknowledge a message whose event is on the main topic, and return whether Pub/Sub knows it now.

        If it does not, or if the message was given back meanwhile, it comes again, in this run or in the next one.
        """
        with self._lock:
            self._finished.add(message_id)
            ack_id = self._ack_ids.pop(message_id, None)
        return ack_id is not None and self._acknowledge([ack_id])

    def give_back(self) -> None:
        """End all leases, so that others get the messages at once."""
        with self._lock:
            ack_ids = list(self._ack_ids.values())
            self._ack_ids.clear()
        try:
            for part in in_requests(ack_ids):
                self._api.lease(self._subscription, part, 0, read_s=READ_S)
        except DeployError as error:
            self._notice(f"note: {error.what}; the messages of this run come again within {LEASE_S} s")

    def _extend(self, ack_ids: Sequence[str]) -> None:
        try:
            for part in in_requests(ack_ids):
                self._api.lease(self._subscription, part, LEASE_S, read_s=READ_S)
        except DeployError as error:
            if not self._has_warned:
                self._has_warned = True
                self._notice(f"note: a lease could not be extended ({error.what}): a message may be published twice")

    def _acknowledge(self, ack_ids: Sequence[str]) -> bool:
        try:
            self._api.acknowledge(self._subscription, ack_ids, times=ATTEMPTS)
        except DeployError:
            return False
        return True
