"""The flags by which several verbs choose events, and how the values of flags are read."""

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from deploy.cli.options import EVENT_TYPES, MAX_NAME
from deploy.cli.spelling import suggestion
from deploy.cli.usage import Flag
from deploy.context import Context

DEVICE = Flag("--device", {"action": "append", "metavar": "ID", "help": "only events of this device, repeatable"})
TYPE = Flag("--type", {"action": "append", "metavar": "TYPE", "help": "only events of this type, repeatable"})

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


def doubt_types(context: Context, types: Sequence[str]) -> None:
    """Say which types are unknown: they may be newer than this version, or mistyped."""
    for name in types:
        if name not in EVENT_TYPES:
            hint = suggestion([name[:MAX_NAME]], EVENT_TYPES)
            context.terminal.info(f"--type {name[:MAX_NAME]}: this version knows no such event type{hint}")
