"""Which messages of the rejected subscription are to be replayed. Pure.

The rejected subscription has no filter, and a filter cannot be changed: so every message is pulled, and checked here.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from deploy.google.pubsub_api import Pulled
from deploy.times import moment

LATEST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()
"""The latest unix time that can be written. A foreign message may have a later one, by its offset from UTC."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What a user asked for. Each field that is not empty must fit; several values of a field are alternatives.

    ``since`` and ``until``: unix times of the receipt by the function, from the first one on and before the second.
    """

    reasons: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    since: float | None = None
    until: float | None = None

    def includes(self, message: Pulled) -> bool:
        """Return whether a message was asked for."""
        fits = (
            (self.reasons, "reason"),
            (self.devices, "deviceId"),
            (self.types, "eventType"),
        )
        if any(wanted and message.attributes.get(name) not in wanted for wanted, name in fits):
            return False
        at = received_at(message)
        return (self.since is None or at >= self.since) and (self.until is None or at < self.until)


def received_at(message: Pulled) -> float:
    """Return the unix time at which the function received the event; of a foreign message, when it was published."""
    try:
        return min(moment(message.attributes.get("receivedAt", ""), message.published_at), LATEST)
    except ValueError:
        return message.published_at
