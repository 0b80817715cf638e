"""The temporary subscriptions of one run: one for the main topic, and one for the rejected topic.

Each run has its own, so that it takes no message from anyone else. They are removed at the end of the run. If the run
is killed, the next one removes them, because their label ``dt-pubsub-seen`` is no longer renewed; and Pub/Sub itself
removes them after a day without use.
"""

import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from deploy.errors import DeployError, GcloudFailed
from deploy.google.pubsub_api import PubSubApi, PubSubFailed
from deploy.google.retries import TRANSIENT_OR_SILENT
from deploy.program import PROGRAM
from deploy.spec import FOLLOW_MARK, FOLLOW_WORD, SEEN_MARK, SINCE_MARK, Spec, last_segment

RETENTION_S = 600
"""Seconds that a subscription keeps unread messages: Pub/Sub's minimum."""

ACK_DEADLINE_S = 10
"""Pub/Sub's minimum, so that a message that a killed run has taken comes again soon."""

EXPIRATION_S = 86_400
"""Seconds without use after which Pub/Sub removes a subscription: its minimum."""

RENEW_SEEN_S = 300.0
"""Seconds between two renewals of the label ``dt-pubsub-seen``."""

ABANDONED_AFTER_S = 1200.0
"""A subscription whose label is older is abandoned: its run was killed, or has missed messages by the retention."""

END_S = 5.0
"""Seconds to wait for the answer to a removal at the end of a run, which a user is waiting for."""


@dataclass(frozen=True, slots=True)
class Source:
    """A topic, and the subscription by which a run reads it. ``filter``: applied by Pub/Sub; may be empty."""

    topic: str
    subscription: str
    filter: str
    rejected: bool


class Subscriptions:
    """The subscriptions of one run. ``now`` returns unix seconds; ``notice`` gets what a user should know."""

    def __init__(
        self, spec: Spec, api: PubSubApi, filter_text: str, now: Callable[[], float], notice: Callable[[str], None]
    ) -> None:
        run = secrets.token_hex(4)
        self.sources = tuple(
            Source(topic, f"{topic}-{FOLLOW_WORD}-{run}", filter_text, rejected)
            for topic, rejected in ((spec.topic, False), (spec.rejected_topic, True))
        )
        self._spec = spec
        self._api = api
        self._now = now
        self._notice = notice
        self._since = int(now())
        self._made: set[str] = set()
        self._lock = threading.Lock()
        self._is_ended = False

    def create(self) -> None:
        """Create both subscriptions: from then on, they get every message that is published.

        Raises:
            PubSubFailed: one of them was not created.

        """
        for source in self.sources:
            self._create(source)

    def create_again(self, source: Source) -> None:
        """Create a subscription that someone has deleted, unless the run is ending.

        Raises:
            PubSubFailed: it was not created. Status 404: its topic does not exist.

        """
        with self._lock:
            if not self._is_ended:
                self._create(source)

    def renew_seen(self) -> None:
        """Renew the labels by which other runs know that this one still reads. Raises ``PubSubFailed``."""
        for source in self.sources:
            self._api.label(source.subscription, self._labels())

    def remove(self) -> None:
        """Remove the subscriptions that were or may have been created. A notice names one that cannot be removed."""
        with self._lock:  # none is being created again
            self._is_ended = True
        for name in sorted(self._made):
            try:
                self._api.delete(name, read_s=END_S, times=2)
            except DeployError as error:
                what = f"subscription {name} could not be removed: {error.what}"
                self._notice(f"{what}\n  the next {PROGRAM} {FOLLOW_WORD} removes it, or Pub/Sub does within a day")

    def remove_abandoned(self) -> None:
        """Remove the subscriptions of killed runs of this deployment. Raises ``PubSubFailed``."""
        abandoned = [found["name"] for found in self._api.subscriptions() if self._is_abandoned(found)]
        for name in map(last_segment, abandoned):
            if self._api.delete(name):
                self._notice(f"removed {name}, which an earlier run left behind")

    def _create(self, source: Source) -> None:
        settings = {
            "topic": source.topic,
            "ackDeadlineSeconds": ACK_DEADLINE_S,
            "messageRetentionDuration": f"{RETENTION_S}s",
            "expirationPolicy": {"ttl": f"{EXPIRATION_S}s"},
            "labels": self._labels(),
            **({"filter": source.filter} if source.filter else {}),
        }
        self._made.add(source.subscription)  # before it is: the answer may not come
        try:
            self._api.create(source.subscription, settings)
        except PubSubFailed as error:
            if error.status in TRANSIENT_OR_SILENT:
                raise  # Pub/Sub may have made it all the same
            self._made.discard(source.subscription)
            if error.status != 404:
                raise
            what = f"there is no topic {source.topic} in {self._spec.google_project}"
            fix = [f"{PROGRAM} list {self._spec.project_flag}", f"{PROGRAM} up"]
            raise PubSubFailed(404, what, where="Pub/Sub", fix=fix) from None
        except GcloudFailed:  # without a token, nothing was sent
            self._made.discard(source.subscription)
            raise

    def _labels(self) -> dict[str, str]:
        return {FOLLOW_MARK: self._spec.name, SINCE_MARK: str(self._since), SEEN_MARK: str(int(self._now()))}

    def _is_abandoned(self, found: Mapping[str, Any]) -> bool:
        """Return whether a subscription has the label and the name of a run of this deployment, and is not read."""
        labels = found.get("labels") or {}
        prefixes = tuple(f"{source.topic}-{FOLLOW_WORD}-" for source in self.sources)
        is_ours = labels.get(FOLLOW_MARK) == self._spec.name and last_segment(found["name"]).startswith(prefixes)
        seen = str(labels.get(SEEN_MARK, ""))
        return is_ours and seen.isdecimal() and int(seen) < self._now() - ABANDONED_AFTER_S
