"""What an error leads to: a command that fixes it or shows more, advice in words, or another attempt. Pure."""

import re
import shlex
from typing import Literal

from deploy.program import PROGRAM

Head = Literal["fix", "look at", "hint"]

CLOCK = "sudo timedatectl set-ntp true"
"""Sets the clock of this machine."""

YOU = "user:YOU"
"""Stands in a command for the account that Google sees, until the terminal shows it: ``gcloud_config.with_account``."""

LOGIN = "user:LOGIN"
"""The same for the account of gcloud's login, also if it acts as another one."""

_SHOWING_VERBS = frozenset({"plan", "status", "verify", "list", "follow", "audit"})
_SHOWING_WORDS = frozenset({"describe", "list", "read", "log", "pull", "get-iam-policy", "info"})
"""Words of gcloud's commands that change nothing."""


_PROGRAMS = frozenset(
    (
        *("gcloud", "bq", "sudo", "python", "python3", "pip", "pipx", "npm", "make", "mkdir", "chmod", "cat"),
        *("export", "unset", "curl", "git"),
    )
)
"""The programs with which a command can begin, beside the one that is running."""


def head_of(line: str) -> Head:
    """Return what stands in front of a command, a page or a piece of advice in words where it is printed."""
    if only_shows(line):
        return "look at"
    return "fix" if is_command(line) else "hint"


def is_command(line: str) -> bool:
    """Return whether a line can be pasted into a shell."""
    return line.startswith(f"{PROGRAM} ") or line.partition(" ")[0] in _PROGRAMS


def only_shows(line: str) -> bool:
    """Return whether a line is a page to read, or a command that changes nothing. Advice in words is to be done."""
    if line.startswith("https://"):
        return True
    program, _, arguments = line.partition(f"{PROGRAM} ")
    if arguments and not program:
        words = arguments.split()
        return words[0] in _SHOWING_VERBS or "--dry-run" in words
    if not line.startswith("gcloud "):
        return False
    try:
        words = shlex.split(line)
    except ValueError:  # advice with an apostrophe
        return False
    named = [word for word in words if not word.startswith("-")]
    return bool(_SHOWING_WORDS & set(named[:5])) and "--auto-ack" not in words


def again_in(what: str, pause_s: float) -> str:
    """Return the notice that something is tried again, because of the first line of an error.

    The advice to try again, with which some errors end, is left out.
    """
    reason = re.sub(r"\s*Please try again[^.]*\.?$", "", what.partition("\n")[0])
    return f"{reason.rstrip('. ')}; again in {pause_s:.0f} s"
