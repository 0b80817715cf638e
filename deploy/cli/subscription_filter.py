"""Checks the filter of a further subscription: what Pub/Sub would refuse, and what could never match. Pure.

A filter cannot be changed, and one with a misspelt key lets nothing through without a word, so both are found before
the subscription is made.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from deploy.cli.options import EVENT_TYPES
from deploy.cli.spelling import suggestion
from deploy.pubsub_filter import All, AnyOf, Differs, Equals, Filter, FilterInvalid, Not, parse_filter
from deploy.spec import Spec

_ALWAYS = ("contract", "eventId", "eventType", "projectId")
_OF_BOTH = (*_ALWAYS, "deviceId", "timestamp", "deviceType", "productNumber", "traceparent")
_CLOUD_EVENT = (*(f"ce-{name}" for name in ("specversion", "id", "source", "type", "time", "subject")), "content-type")
ATTRIBUTES = {
    "main": (*_OF_BOTH, "origin", "schemaViolation", *_CLOUD_EVENT, "ce-dataschema"),
    "rejected": (*_OF_BOTH, "reason", "receivedAt", "bodySha256", *_CLOUD_EVENT),
}
"""The attributes of the messages of each topic, without labels. docs/messages.md describes them."""

LABEL = "label."
"""The beginning of the attribute of a device's label."""

_CE_TYPE = "com.disruptive-technologies."
_VALUES = {
    "eventType": EVENT_TYPES,
    "ce-type": tuple(f"{_CE_TYPE}{name}" for name in EVENT_TYPES),
    "origin": ("replay", "backfill"),
}
"""Attributes whose values are known. DT may add event types."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The result. ``faults``: reasons to refuse the filter. ``doubts``: what is valid, and may not be meant."""

    faults: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def check_filter(text: str, topic: str, spec: Spec) -> Checked:
    """Check a filter of a subscription on the ``main`` or the ``rejected`` topic."""
    try:
        parsed = parse_filter(text)
    except FilterInvalid as error:
        return Checked((f"{error.why}, at character {error.position + 1}{_pointer(text, error.position)}",))
    keys = sorted(parsed.keys())
    faults = [f"{fault}{_pointer(text, text.find(key))}" for key in keys if (fault := _key_fault(key, topic, spec))]
    doubts = [doubt for key in keys if (doubt := _key_doubt(key, spec))]
    for key, value in dict.fromkeys(_compared(parsed)):
        known = _VALUES.get(key, ())
        if known and value not in known:
            meant = suggestion([value], known)
            if meant:
                faults.append(f"no message has the {key} {value!r}{meant}{_pointer(text, text.find(value))}")
            else:
                doubts.append(f"{value!r} is no {key} that this version knows")
    faults += [
        f"no message has two values of {key}, so nothing can match: OR lets either of them through"
        for key in sorted(_contradictory(parsed))
    ]
    return Checked(tuple(faults), tuple(doubts))


def _key_fault(key: str, topic: str, spec: Spec) -> str:
    """Return why no message on a topic has an attribute; an empty text if messages may have it."""
    if key.startswith(LABEL):
        return _label_fault(key.removeprefix(LABEL), spec)
    known = ATTRIBUTES[topic]
    if key in known:
        is_off = key in (*_CLOUD_EVENT, "ce-dataschema") and _setting(spec, "CLOUDEVENTS") == "false"
        return f"messages have {key!r} only with CLOUDEVENTS=true" if is_off else ""
    other = "rejected" if topic == "main" else "main"
    if key in ATTRIBUTES[other]:
        return f"only messages of the {other} topic have the attribute {key!r}"
    return f"no message has the attribute {key!r}{suggestion([key], known)}"


def _label_fault(label: str, spec: Spec) -> str:
    """Return why no message has a label, by the settings alone: a setting that is left out keeps its value."""
    wanted = spec.connector_labels
    if wanted is not None and label not in wanted:
        why = f"the Data Connector does not send the label {label!r}: connector.labels has not got it"
        return f"{why}{suggestion([label], wanted)}"
    named = spec.settings.get("LABEL_ATTRIBUTES")
    if named is None:
        return ""
    sent = [name for part in named.split(",") if (name := part.strip())]
    hint = suggestion([label], sent)
    return "" if label in sent else f"the label {label!r} is not in LABEL_ATTRIBUTES, so no message has it{hint}"


def _key_doubt(key: str, spec: Spec) -> str:
    """Return of which setting, that these settings do not have, an attribute depends; an empty text if of none."""
    if key.startswith(LABEL) and "LABEL_ATTRIBUTES" not in spec.settings:
        return f"messages have {key!r} only if LABEL_ATTRIBUTES of the function has {key.removeprefix(LABEL)!r}"
    if key in (*_CLOUD_EVENT, "ce-dataschema") and not _setting(spec, "CLOUDEVENTS"):
        return f"messages have {key!r} only if the function has CLOUDEVENTS=true"
    return ""


def _setting(spec: Spec, name: str) -> str:
    return spec.settings.get(name, "").strip().lower()


def _compared(parsed: Filter) -> Iterator[tuple[str, str]]:
    """Return the keys that a filter compares with a whole value, each with the value."""
    if isinstance(parsed, Equals | Differs):
        yield parsed.key, parsed.value
    elif isinstance(parsed, All | AnyOf):
        for term in parsed.terms:
            yield from _compared(term)
    elif isinstance(parsed, Not):
        yield from _compared(parsed.term)


def _contradictory(parsed: Filter) -> set[str]:
    """Return the keys for which terms that all have to match want different values."""
    if isinstance(parsed, Not):
        return set()
    terms = parsed.terms if isinstance(parsed, All | AnyOf) else ()
    inside = set[str]().union(*map(_contradictory, terms)) if isinstance(parsed, All) else set[str]()
    wanted = (
        {(term.key, term.value) for term in terms if isinstance(term, Equals)} if isinstance(parsed, All) else set()
    )
    keys = [key for key, _ in wanted]
    return inside | {key for key in keys if keys.count(key) > 1}


def _pointer(text: str, position: int) -> str:
    """Return the filter in one line, and a mark below the character; an empty text if there is no such position."""
    if position < 0:
        return ""
    line = "".join(character if character.isprintable() else " " for character in text)
    return f"\n      {line}\n      {' ' * position}^"
