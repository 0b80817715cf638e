"""The parts of a filter. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from deploy.pubsub_filter.quotes import written, written_key

Attributes = Mapping[str, str]


class Filter(Protocol):
    """A parsed filter. ``str`` writes it in its shortest form."""

    def matches(self, attributes: Attributes) -> bool:
        """Return whether a message with these attributes is delivered."""

    def keys(self) -> frozenset[str]:
        """Return the attribute keys that the filter looks at."""


@dataclass(frozen=True, slots=True)
class Everything:
    """The empty filter."""

    def matches(self, _: Attributes) -> bool:
        """Return True, because every message is delivered."""
        return True

    def keys(self) -> frozenset[str]:
        """Return no key."""
        return frozenset()

    def __str__(self) -> str:
        return ""  # an empty filter delivers every message


@dataclass(frozen=True, slots=True)
class Has:
    """``attributes:key``."""

    key: str

    def matches(self, attributes: Attributes) -> bool:
        """Return whether the attribute is there, with any value."""
        return self.key in attributes

    def keys(self) -> frozenset[str]:
        """Return the key."""
        return frozenset({self.key})

    def __str__(self) -> str:
        return f"attributes:{written_key(self.key)}"


@dataclass(frozen=True, slots=True)
class Equals:
    """``attributes.key = "value"``."""

    key: str
    value: str

    def matches(self, attributes: Attributes) -> bool:
        """Return whether the attribute has exactly this value."""
        return attributes.get(self.key) == self.value

    def keys(self) -> frozenset[str]:
        """Return the key."""
        return frozenset({self.key})

    def __str__(self) -> str:
        return f"attributes.{written_key(self.key)} = {written(self.value)}"


@dataclass(frozen=True, slots=True)
class Differs:
    """``attributes.key != "value"``."""

    key: str
    value: str

    def matches(self, attributes: Attributes) -> bool:
        """Return whether the attribute has another value, or is absent."""
        return attributes.get(self.key) != self.value

    def keys(self) -> frozenset[str]:
        """Return the key."""
        return frozenset({self.key})

    def __str__(self) -> str:
        return f"attributes.{written_key(self.key)} != {written(self.value)}"


@dataclass(frozen=True, slots=True)
class HasPrefix:
    """``hasPrefix(attributes.key, "prefix")``."""

    key: str
    prefix: str

    def matches(self, attributes: Attributes) -> bool:
        """Return whether the attribute is there and its value begins with the prefix."""
        return self.key in attributes and attributes[self.key].startswith(self.prefix)

    def keys(self) -> frozenset[str]:
        """Return the key."""
        return frozenset({self.key})

    def __str__(self) -> str:
        return f"hasPrefix(attributes.{written_key(self.key)}, {written(self.prefix)})"


@dataclass(frozen=True, slots=True)
class Not:
    """``NOT term``."""

    term: Filter

    def matches(self, attributes: Attributes) -> bool:
        """Return whether the term does not match."""
        return not self.term.matches(attributes)

    def keys(self) -> frozenset[str]:
        """Return the keys of the term."""
        return self.term.keys()

    def __str__(self) -> str:
        return f"NOT {_grouped(self.term)}"


@dataclass(frozen=True, slots=True)
class All:
    """Two or more terms with AND between them."""

    terms: tuple[Filter, ...]

    def matches(self, attributes: Attributes) -> bool:
        """Return whether every term matches."""
        return all(term.matches(attributes) for term in self.terms)

    def keys(self) -> frozenset[str]:
        """Return the keys of all terms."""
        return frozenset[str]().union(*(term.keys() for term in self.terms))

    def __str__(self) -> str:
        return " AND ".join(map(_grouped, self.terms))


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Two or more terms with OR between them."""

    terms: tuple[Filter, ...]

    def matches(self, attributes: Attributes) -> bool:
        """Return whether at least one term matches."""
        return any(term.matches(attributes) for term in self.terms)

    def keys(self) -> frozenset[str]:
        """Return the keys of all terms."""
        return frozenset[str]().union(*(term.keys() for term in self.terms))

    def __str__(self) -> str:
        return " OR ".join(map(_grouped, self.terms))


def _grouped(term: Filter) -> str:
    return f"({term})" if isinstance(term, All | AnyOf) else str(term)
