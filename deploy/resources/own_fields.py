"""Compares the fields that this command sets with a resource. Pure.

A server adds fields to a resource, and leaves out those that have their default. Both are no difference. The first
word of an enum is its default, too, and cannot be told from other texts: do not set a field to it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from deploy.steps import Change

LONGEST_SHOWN = 60
"""Maximum characters of a value in a plan."""

_DEFAULTS: tuple[Any, ...] = (None, 0, "", "0s", False, [], {})


def differences(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> tuple[Change, ...]:
    """Return a change for each value of ``wanted`` that ``found`` does not have, at any depth."""
    return tuple(_differences(wanted, found, ""))


def merged(wanted: Any, found: Any) -> Any:
    """Return ``found`` with the values of ``wanted``; what ``wanted`` does not have is kept. Lists are replaced."""
    if not (isinstance(wanted, Mapping) and isinstance(found, Mapping)):
        return wanted
    return {**found, **{key: merged(value, found.get(key)) for key, value in wanted.items()}}


def _differences(wanted: Any, found: Any, place: str) -> Iterator[Change]:
    if isinstance(wanted, Mapping) and isinstance(found, Mapping | None):
        for key, value in wanted.items():
            yield from _differences(value, (found or {}).get(key), f"{place}.{key}".lstrip("."))
    elif _is_list(wanted) and _is_list(found) and len(wanted) == len(found):
        for index, (value, other) in enumerate(zip(wanted, found, strict=True)):
            yield from _differences(value, other, f"{place}[{index}]")
    elif not _equal(wanted, found):
        yield Change(place, _shown(found), _shown(wanted))


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _equal(wanted: Any, found: Any) -> bool:
    """Return whether two values are the same. A field with its default may be absent."""
    if found is None:
        return any(wanted == default and type(wanted) is type(default) for default in _DEFAULTS) or wanted == 0.0
    return bool(wanted == found)


def _shown(value: Any) -> Any:
    if isinstance(value, str) and len(value) > LONGEST_SHOWN:
        return f"{value[:LONGEST_SHOWN]}… ({len(value):,} characters)"
    if _is_list(value):
        return f"{len(value)} items"
    return f"{len(value)} fields" if isinstance(value, Mapping) else value
