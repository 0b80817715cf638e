"""Reads all messages that subscriptions have, by pulls in worker threads, and notices when nothing more comes.

Pub/Sub never says that a pull was the last one, and may return few messages although thousands wait. A pull that is
given up keeps the next message to itself until the acknowledgement deadline of the subscription. So a subscription is
read to its end when nothing new has come for longer than this deadline, while Pub/Sub has answered. Messages that are
published after the beginning do not count as new: otherwise a busy topic would have no end.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field

from deploy.errors import DeployError
from deploy.google.pubsub_api import PubSubApi, PubSubFailed, Pulled
from deploy.google.retries import TRANSIENT_OR_SILENT
from deploy.parallel import sleep, worker_pool
from deploy.repair.arrived.held import Held

PULLERS = 4
"""Threads for each subscription."""

QUIET_S = 10.0
"""Seconds beyond the acknowledgement deadline without a new message, after which a subscription has been read."""

FIRST_S = 60.0
"""Seconds to wait for the first message of a subscription that was sought back: the seek takes effect with a delay."""

PATIENCE_S = 60.0
"""Seconds for which a subscription may fail to answer."""

LONG_WAIT_S = 20.0
"""A pull that waited for so long and then failed had no message: proxies end idle connections."""

RETRY_S = (1.0, 2.0, 4.0, 8.0)
IDLE_S = 1.0
"""Pause after a pull that does not wait and found nothing. One that waits, and is given up at the end, would take the
messages that are given back then."""

POLL_S = 0.2
WAITING_BATCHES = 16


@dataclass
class Source:
    """A subscription. ``take`` gets its messages, and returns how many of them are new.

    ``deadline_s``: its acknowledgement deadline. ``held``: where its messages are noted; None if they are
    acknowledged at once. ``may_be_late``: it was sought back, so that its first message may take a while.
    """

    subscription: str
    take: Callable[[Sequence[Pulled]], int]
    deadline_s: float = 10.0
    held: Held | None = None
    may_be_late: bool = False
    busy_at: float = 0.0
    failing_since: float | None = None
    has_begun: bool = False
    is_read: bool = False
    lock: "threading.Lock" = field(default_factory=threading.Lock)

    def is_quiet(self, now: float) -> bool:
        """Return whether nothing new has come for so long that this was all."""
        wait_s = self.deadline_s + QUIET_S
        return now - self.busy_at > (wait_s if self.has_begun or not self.may_be_late else max(wait_s, FIRST_S))


class SubscriptionReader:
    """Reads subscriptions to their end. ``now`` returns unix seconds, ``monotonic`` those of a clock never set.

    ``progress`` gets the number of messages so far.
    """

    def __init__(
        self,
        api: PubSubApi,
        now: Callable[[], float],
        monotonic: Callable[[], float],
        progress: Callable[[int], None] = lambda _: None,
        sleep: Callable[[float], None] = sleep,
    ) -> None:
        self._api = api
        self._now = now
        self._monotonic = monotonic
        self._progress = progress
        self._sleep = sleep
        self._count = 0
        self._batches: queue.Queue[tuple[Source, list[Pulled]]] = queue.Queue(WAITING_BATCHES)

    def read(self, sources: Sequence[Source]) -> None:
        """Read all sources side by side, until nothing new comes from any of them.

        Raises:
            PubSubFailed: one of them cannot be read.

        """
        began_at = self._api.time(self._now())
        for source in sources:
            source.busy_at = self._monotonic()
        with worker_pool(PULLERS * len(sources), is_endless=True) as pool:
            pulling = [pool.submit(self._pull, source) for source in sources for _ in range(PULLERS)]
            try:
                while not all(source.is_read for source in sources):
                    self._step(sources, pulling, began_at)
            finally:
                for source in sources:
                    source.is_read = True

    def _step(self, sources: Sequence[Source], pulling: Sequence["Future[None]"], began_at: float) -> None:
        """Take one batch if there is one, and look at the clock."""
        for worker in pulling:
            if worker.done():
                worker.result()
        with suppress(queue.Empty):
            source, batch = self._batches.get(timeout=POLL_S)
            new = source.take(batch)
            self._count += new
            if new and any(message.published_at < began_at for message in batch):
                source.busy_at, source.has_begun = self._monotonic(), True
        self._progress(self._count)
        now = self._monotonic()
        for source in sources:
            if source.held:
                source.held.renew(now)
            source.is_read = source.is_read or (self._batches.empty() and source.is_quiet(now))

    def _pull(self, source: Source) -> None:
        failures = 0
        while not source.is_read:
            began = self._monotonic()
            try:
                pulled = self._api.pull(source.subscription, waits=source.held is None)
            except PubSubFailed as error:
                waited_s = self._monotonic() - began
                if error.status not in {0, 504} or waited_s < LONG_WAIT_S:
                    self._failed(source, error)
                    self._sleep(RETRY_S[min(failures, len(RETRY_S) - 1)])
                    failures += 1
            else:
                failures, source.failing_since = 0, None
                self._pulled(source, pulled)
                if source.held and not pulled:
                    self._sleep(IDLE_S)

    def _failed(self, source: Source, error: PubSubFailed) -> None:
        """Note a failure: while Pub/Sub fails, silence says nothing. Raises ``PubSubFailed`` if it lasts."""
        now = self._monotonic()
        with source.lock:
            source.busy_at = now
            source.failing_since = now if source.failing_since is None else source.failing_since
            is_over = error.status not in TRANSIENT_OR_SILENT or now - source.failing_since > PATIENCE_S
        if is_over and not source.is_read:
            raise error

    def _pulled(self, source: Source, pulled: list[Pulled]) -> None:
        """Hold or acknowledge messages, and pass them on; after the end, give them back."""
        if not pulled:
            return
        ack_ids = [message.ack_id for message in pulled]
        with suppress(DeployError):  # a message whose call failed comes again, and is known by its id
            if source.is_read:
                self._api.lease(source.subscription, ack_ids, 0)
            elif source.held:
                source.held.hold(ack_ids)
            else:
                self._api.acknowledge(source.subscription, ack_ids)
        is_passed_on = False
        while not is_passed_on and not source.is_read:
            with suppress(queue.Full):
                self._batches.put((source, pulled), timeout=POLL_S)
                is_passed_on = True
