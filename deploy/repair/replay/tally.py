"""What became of the messages of one replay, as numbers, as lines and as JSON. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from deploy.google.pubsub_api import Pulled
from deploy.repair.replay.selection import received_at
from deploy.repair.republisher import Outcome, Verdict
from deploy.times import utc

MOST_LISTED = 1_000
"""Messages that are not on the main topic and are listed in JSON; all are counted."""


TOO_LARGE = 413
"""A failure of one event, which says nothing about the next ones."""


@dataclass
class Tally:
    """The counts of one run.

    ``is_dry``: nothing is sent, and ``published`` counts what would be. ``matched``: messages that the user asked for.
    ``others``: messages that were looked at and not asked for; ``beyond``: those left out by ``--limit``.
    ``unacknowledged``: published, but Pub/Sub did not take the acknowledgement. ``last_attempts``: messages that were
    not published, and that the dead-letter policy of the subscription takes away now. ``failures_in_a_row``: those that
    the next events would have, too. ``sending``: were sent, and have no answer yet.
    """

    is_dry: bool = False
    matched: int = 0
    others: int = 0
    beyond: int = 0
    published: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    unacknowledged: int = 0
    last_attempts: int = 0
    failures_in_a_row: int = 0
    sending: int = 0
    listed: list[dict[str, str]] = field(default_factory=list)

    def add(self, message: Pulled, verdict: Verdict, *, is_acknowledged: bool = True) -> None:
        """Count what became of one message."""
        if verdict.status != TOO_LARGE:
            self.failures_in_a_row = self.failures_in_a_row + 1 if verdict.outcome == "failed" else 0
        if verdict.outcome == "published":
            self.published += 1
            self.unacknowledged += not is_acknowledged
        else:
            (self.refused if verdict.outcome == "refused" else self.failed)[verdict.reason] += 1
        if (verdict.outcome != "published" or self.is_dry) and len(self.listed) < MOST_LISTED:
            self.listed.append(_item(message, verdict.outcome, verdict.reason))

    @property
    def not_tried(self) -> int:
        """The number of messages that were asked for, and for which the run ended too early."""
        return self.matched - self.tried

    @property
    def tried(self) -> int:
        """The number of messages that were sent or, in a dry run, judged."""
        return self.published + self.refused.total() + self.failed.total()

    @property
    def is_complete(self) -> bool:
        """Whether everything that was asked for is on the main topic or, in a dry run, would be."""
        return self.published == self.matched

    def as_json(self) -> dict[str, Any]:
        """Return the counts as ``--json`` prints them."""
        return {
            "dryRun": self.is_dry,
            "matched": self.matched,
            "published": self.published,
            "refused": dict(self.refused),
            "failed": dict(self.failed),
            "notTried": self.not_tried,
            "beyondLimit": self.beyond,
            "others": self.others,
            "notAcknowledged": self.unacknowledged,
            "lastAttempts": self.last_attempts,
            "messages": self.listed,
        }

    def lines(self, *, is_stopped: bool = False) -> Iterator[str]:
        """Yield the summary. ``is_stopped``: the run ended before it had looked at all messages."""
        if is_stopped:
            looked_at = self.matched + self.beyond + self.others
            yield f"{_count(looked_at, 'message')} looked at until then, {self.matched} of them asked for"
        elif not self.matched:
            yield f"nothing to replay: {_count(self.others, 'message')} looked at, none of them asked for"
        if self.matched:
            yield from self._fates()

    def _fates(self) -> Iterator[str]:
        """Yield what became of the messages that were asked for."""
        would = "would be " if self.is_dry else ""
        yield f"{_count(self.published, 'message')} of {self.matched} {would}on the main topic"
        for reasons, what in ((self.refused, "refused"), (self.failed, "failed")):
            for reason, number in sorted(reasons.items()):
                yield f"{_count(number, 'message')} {would}{what}: {reason}; still on the rejected topic"
        for number, what in (
            (self.not_tried - self.sending, "not tried"),
            (self.sending, "sent without an answer in time: may be on the main topic"),
            (self.beyond, "more than --limit"),
        ):
            if number:
                yield f"{_count(number, 'message')} {what}; still on the rejected topic"
        if self.unacknowledged:
            yield (
                f"{_count(self.unacknowledged, 'message')} published but not acknowledged: the next replay publishes "
                "them again, with the same eventId"
            )
        if self.last_attempts:
            yield (
                f"{_count(self.last_attempts, 'message')} had the last delivery that the dead-letter policy of the "
                "subscription allows: Pub/Sub moves them to its dead-letter topic"
            )


def described(message: Pulled) -> str:
    """Return a message in a few words: when it was received, its type, its device, its event and its reason."""
    return "  ".join(value or "-" for value in _about(message).values())


def _item(message: Pulled, outcome: Outcome, reason: str) -> dict[str, str]:
    return {"messageId": message.message_id, **_about(message), "outcome": outcome, "reason": reason}


def _about(message: Pulled) -> dict[str, str]:
    of: Mapping[str, str] = message.attributes
    return {
        "receivedAt": utc(received_at(message)),
        "eventType": of.get("eventType", ""),
        "deviceId": of.get("deviceId", ""),
        "eventId": of.get("eventId", ""),
        "rejectedFor": of.get("reason", ""),
    }


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
