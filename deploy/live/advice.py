"""What the reason of a rejected event means, and what to do about it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Advice:
    """What a reason means, and what to do."""

    meaning: str
    todo: str


ADVICE: Mapping[str, Advice] = {
    "expired": Advice(
        "The event is authentic, but the token that signs it had expired.",
        "Compare the clocks of DT and of the function: if many events expire, raise CLOCK_LEEWAY_SECONDS. "
        "The event itself is good: publish it to the main topic.",
    ),
    "malformed": Advice(
        "The event is authentic, but its body is not one JSON object in UTF-8.",
        "Look at the raw body. DT's own events are never like this: find out who else signs with this secret.",
    ),
    "no_envelope": Advice(
        "The event is authentic JSON, but it lacks an event id, a type or a target.",
        "Look at the body. If DT has changed its format, update the function; the event is kept here.",
    ),
    "foreign_project": Advice(
        "The event comes from a DT project that the setting DT_PROJECT_IDS does not list.",
        "Add the project to DT_PROJECT_IDS and run up, or remove the Data Connector in that project.",
    ),
    "invalid_argument": Advice(
        "Pub/Sub refused the message on the main topic as invalid.",
        "Look at the schema and the message policy of the main topic, and at the function's log: it has Pub/Sub's words.",
    ),
}
"""The reasons that the function writes: ``function/outcomes.py``."""

UNKNOWN = Advice(
    "This version of the command does not know the reason.", "Look for it in the table of answers: docs/reference.md."
)


def advice(reason: str) -> Advice:
    """Return what a reason means."""
    return ADVICE.get(reason, UNKNOWN)
