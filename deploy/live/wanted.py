"""Which messages a user wants to see, as a filter for Pub/Sub and as a check of each message. Pure.

Pub/Sub's filter spares traffic, and can say less: it sees attributes only, and has at most 256 bytes. So it lets
through whatever might be wanted, and each message is checked here as well. Google's emulator applies no filter at all.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce

from deploy.live.message import Message
from deploy.pubsub_filter import MAX_BYTES as MAX_FILTER_BYTES
from deploy.pubsub_filter import All, AnyOf, Equals, Everything, Filter, Has, Not, parse_filter


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a user wants to see. Each field that is not empty must fit; several devices or types are alternatives.

    ``labels``: keys and values that the device has. ``text``: is somewhere in the message, in any case.
    """

    devices: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    text: str = ""

    def includes(self, message: Message) -> bool:
        """Return whether a message is wanted."""
        attributes = message.attributes
        return (
            (not self.devices or attributes.get("deviceId") in self.devices)
            and (not self.types or attributes.get("eventType") in self.types)
            and (not self.labels or self._has_labels(message))
            and (not self.text or self._has_text(message))
        )

    def filter(self) -> tuple[str, tuple[str, ...]]:
        """Return a filter for Pub/Sub that lets every wanted message through, and the flags that it leaves out.

        ``--text`` is always left out; others are if the filter would be longer than Pub/Sub allows.
        """
        terms: list[Filter] = []
        left_out: list[str] = []
        for flag, term in self._terms():
            if term is not None and _fits(_joined([*terms, term])):
                terms.append(term)
            else:
                left_out.append(flag)
        text = str(_joined(terms))
        parse_filter(text)  # only a valid filter is sent
        return text, tuple(dict.fromkeys(left_out))

    def _terms(self) -> Iterator[tuple[str, Filter | None]]:
        """Yield the flags that were given, each with its filter, or with None if Pub/Sub cannot check it."""
        if self.devices:
            yield "--device", _any_of("deviceId", self.devices)
        if self.types:
            yield "--type", _any_of("eventType", self.types)
        for key, value in self.labels:
            yield "--label", _label(key, value)
        if self.text:
            yield "--text", None

    def _has_labels(self, message: Message) -> bool:
        labels = _labels_of(message)
        return all(labels.get(key) == value for key, value in self.labels)

    def _has_text(self, message: Message) -> bool:
        parts = [message.data.decode(errors="replace"), *message.attributes.keys(), *message.attributes.values()]
        return self.text.casefold() in "\n".join(parts).casefold()


def _labels_of(message: Message) -> dict[str, object]:
    """Return the labels in the body of a message, and those that only its attributes have."""
    labels: dict[str, object] = {
        key.removeprefix("label."): value for key, value in message.attributes.items() if key.startswith("label.")
    }
    try:
        body = json.loads(message.data)
        return {**labels, **body["labels"]}
    except (KeyError, RecursionError, TypeError, ValueError):
        return labels


def _any_of(key: str, values: Sequence[str]) -> Filter:
    tests = tuple(Equals(key, value) for value in dict.fromkeys(values))
    return tests[0] if len(tests) == 1 else AnyOf(tests)


def _label(key: str, value: str) -> Filter | None:
    """Return a filter on a label: it is an attribute only if LABEL_ATTRIBUTES of the function names it.

    A value with characters that the function replaces in attributes is not compared by Pub/Sub.
    """
    attribute = f"label.{key}"
    if not value.isprintable():
        return None
    return AnyOf((Equals(attribute, value), Not(Has(attribute))))


def _joined(terms: Sequence[Filter]) -> Filter:
    if not terms:
        return Everything()
    return reduce(lambda whole, term: All((*_parts(whole), term)), terms)


def _parts(term: Filter) -> tuple[Filter, ...]:
    return term.terms if isinstance(term, All) else (term,)


def _fits(term: Filter) -> bool:
    return len(str(term).encode(errors="surrogatepass")) <= MAX_FILTER_BYTES
