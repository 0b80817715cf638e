"""The flags by which several verbs choose events, and how the values of flags are read."""

import argparse
import re
from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from deploy.cli.options import EVENT_TYPES, MAX_NAME
from deploy.cli.spelling import suggestion
from deploy.cli.usage import Flag
from deploy.times import utc

DEVICE = Flag("--device", {"action": "append", "metavar": "ID", "help": "only events of this device, repeatable"})
TYPE = Flag("--type", {"action": "append", "metavar": "TYPE", "help": "only events of this type, repeatable"})
ANY_TYPE = Flag(
    "--any-type",
    {"action": "store_true", "help": "accept a --type that this version does not know, because it is newer"},
)

T = TypeVar("T")


def read_flag(faults: list[str], flag: str, text: str | None, read: Callable[[str], T]) -> T | None:
    """Return the value of a flag, or None if it is missing or invalid. An invalid one is added to the faults."""
    try:
        return None if text is None else read(text)
    except ValueError as error:
        faults.append(f"{flag}: {error}")
        return None


def number(text: str, most: int) -> int:
    """Return the number from 1 to ``most`` that a text is. Raises ``ValueError`` if it is none."""
    if not re.fullmatch(r"[1-9][0-9]{0,9}", text) or int(text) > most:
        raise ValueError(f"{text[:MAX_NAME]!r} is not a number from 1 to {most}")
    return int(text)


def faults_of_types(flags: argparse.Namespace) -> list[str]:
    """Return which values of --type are unknown: they are mistyped, or newer than this version, as --any-type says."""
    otherwise = "; if it is newer than this version, add --any-type"
    return [] if flags.any_type else unknown("--type", flags.type or (), EVENT_TYPES, otherwise)


def unknown(flag: str, values: Sequence[str], known: Collection[str], otherwise: str = "") -> list[str]:
    """Return a fault for each unknown value of a flag. ``otherwise``: what to do if it is right all the same."""
    faults = []
    for value in dict.fromkeys(values):
        if value not in known:
            hint = suggestion([value[:MAX_NAME]], known) or f"; there are {', '.join(known)}"
            faults.append(f"{flag}: unknown value {value[:MAX_NAME]!r}{otherwise}{hint}")
    return faults


def faults_of_window(start: float, end: float, flags: tuple[str, str] = ("--from", "--to")) -> list[str]:
    """Return what is wrong with a window. ``flags``: those that give its bounds."""
    return [] if start < end else [f"{flags[0]}: {utc(start)} is not before {flags[1]}, {utc(end)}"]
