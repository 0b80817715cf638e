"""Suggests the known word that a mistyped one is most like. Pure."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches


def suggestion(typed: Iterable[str], known: Collection[str]) -> str:
    """Return a question that names the known word most like a mistyped one, for the end of an error; "" if none is."""
    lowered = {name.lower(): name for name in known}
    meant = [lowered[name] for word in typed for name in get_close_matches(word.lower(), lowered, 1)]
    return f"; did you mean {meant[0]}?" if meant else ""
