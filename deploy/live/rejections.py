"""What each reason of a rejected event means, and what helps. Pure. The reasons: docs/reference.md, the answers."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rejection:
    """``meaning``: why an event was rejected. ``remedy``: what helps."""

    meaning: str
    remedy: str


REJECTIONS: Mapping[str, Rejection] = {
    "expired": Rejection(
        "its signature had expired when it arrived",
        "compare the clocks; an event that DT delivers late is complete, and can be used",
    ),
    "malformed": Rejection("its body is not valid JSON", "report the event to DT, with its bytes"),
    "no_envelope": Rejection(
        "it has no usable eventId, eventType or targetName", "report the event to DT, or read what it has"
    ),
    "foreign_project": Rejection(
        "its DT project is not in DT_PROJECT_IDS", "add the project to DT_PROJECT_IDS, or remove its connector"
    ),
    "invalid_argument": Rejection(
        "Pub/Sub refused it on the main topic", "look at the message's attributes; report it as a bug"
    ),
}
"""The reasons that the function gives."""

UNKNOWN = Rejection("this version does not know the reason", "use a newer version of this command")


def rejection(reason: str) -> Rejection:
    """Return what a reason means."""
    return REJECTIONS.get(reason, UNKNOWN)
