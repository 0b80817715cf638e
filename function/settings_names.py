"""The misspelt name of an environment variable -> the name of the setting. Pure.

Most variables of a process are not settings of the function, such as Cloud Run's and the buildpack's. They must never
be reported.
"""

from collections.abc import Iterable
from difflib import SequenceMatcher

ALIKE = 0.8
"""A name counts as misspelt from this similarity (0 to 1) on, such as ``LOG_LEVL`` or ``DT_ORGANISATION_ID``."""

SHORTEST = 7
"""Minimum letters of a misspelt name. A shorter name, such as ``ISSUER``, probably belongs to another program."""

_SHARED = frozenset({"LOG_LEVEL", "PUBSUB_EMULATOR_HOST"})
"""Settings whose names are part of other programs' variables, such as ``OTEL_LOG_LEVEL``."""


def meant_setting(name: str, settings: Iterable[str]) -> str | None:
    """Return the setting whose name is most similar to this unknown name, or None if no name is similar."""
    near = [setting for setting in sorted(settings) if _is_near(name, setting)]
    return max(near, key=lambda setting: _similarity(name, setting), default=None)


def _is_near(name: str, setting: str) -> bool:
    if _plain(name) == _plain(setting) or name.upper() == f"DT_{setting}":
        return True
    if len(_plain(name)) < SHORTEST or setting == "GOOGLE_CLOUD_PROJECT":
        return False
    if setting in _SHARED:
        return _similarity(name, setting) >= ALIKE and not (
            name.startswith(f"{setting}_") or name.endswith(f"_{setting}")
        )
    return _similarity(name, setting) >= ALIKE or _has_other_words(name.upper(), setting)


def _has_other_words(name: str, setting: str) -> bool:
    """Return whether words were left out, shortened (``DT_ORG_ID``) or added at the end (``PUBSUB_TOPIC_NAME``)."""
    given, wanted = name.split("_"), setting.split("_")
    rest = iter(wanted)
    is_shortened = given[0] == wanted[0] and all(any(word.startswith(part) for word in rest) for part in given)
    return is_shortened or name.startswith(f"{setting}_")


def _similarity(name: str, setting: str) -> float:
    return SequenceMatcher(None, _plain(name), _plain(setting)).ratio()


def _plain(name: str) -> str:
    """Return the letters and digits of a name, in lower case."""
    return "".join(character for character in name.lower() if character.isalnum())
