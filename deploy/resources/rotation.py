"""A rotation of the signature secret: its phases, and its note in an annotation of the secret. Pure.

The note is the only memory of a rotation, so that one that was killed is continued by any later command, also on
another machine. https://cloud.google.com/secret-manager/docs/annotations
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from deploy.program import PROGRAM
from deploy.resources.memory import SEPARATOR
from deploy.spec import MARK
from deploy.times import utc

ROTATION = f"{MARK}-rotation"
"""The annotation with the note, as ``PHASE+since@TIME+old@3+new@4+…``, joined by ``SEPARATOR``."""

Phase = Literal["adding", "spreading", "switching", "keeping", "retiring", "clearing", "done"]
"""``adding``: a version with the new and the old secret is being added. ``spreading``: the function has to know the
new secret everywhere. ``switching``: the connectors get it. ``keeping``: both are accepted for the grace period.
``retiring``: the function has to forget the old secret everywhere. ``clearing``: it has, and the version with both is
kept for ``CLEAR_S``. ``done``: only the new secret is left."""

ROTATE = f"{PROGRAM} rotate"

GRACE_S = 24 * 3600
"""Seconds for which the old secret is kept by default."""

MIN_GRACE_S = 13 * 3600
"""DT repeats an event for up to 12 h, and its signature is valid for 1 h: https://developer.disruptive-technologies.com
does not say whether a repetition is signed anew."""

CLEAR_S = 12 * 3600
"""Seconds for which the version with both secrets is kept after the function has forgotten the old one.

An instance that starts may read it instead of the newest one for "a few hours", and if it were destroyed, that instance
would refuse every event: https://cloud.google.com/secret-manager/docs/consistency"""

SOON_S = 14 * 86400
"""Seconds for which ``status`` shows that a rotation has ended."""

_UNFINISHED: Mapping[str, str] = {
    "adding": "the new secret is being added; DT still signs with the old one",
    "spreading": "the function does not know the new secret everywhere yet; DT still signs with the old one",
    "switching": "the function knows both secrets, and DT's connectors are being changed to the new one",
    "retiring": "DT signs with the new secret, and the old one is being removed",
}


@dataclass(frozen=True, slots=True)
class Rotation:
    """A rotation. Times are seconds since 1970; 0 stands for a time or a version that does not exist yet.

    ``old``: the number of the newest version before it. ``new``: that of the version with both secrets. ``last``: that
    of the version with the new secret alone. ``since``: when it began. ``switched``: when the last connector got the
    new secret. ``grace``: the seconds from then on for which the old one is kept. ``moved``: when the note was written.
    ``run``: the command that adds the new secret, because two at the same time would make two.
    """

    phase: Phase
    since: int
    old: int = 0
    new: int = 0
    last: int = 0
    switched: int = 0
    grace: int = GRACE_S
    moved: int = 0
    run: str = ""

    @property
    def until(self) -> int:
        """The time from which the old secret may be retired; 0 if the connectors do not have the new one yet."""
        return self.switched + self.grace if self.switched else 0

    def is_due(self, now: float) -> bool:
        """Return whether the old secret may be retired, is being retired, or may be destroyed."""
        if self.phase == "clearing":
            return self.is_emergency or now >= self.moved + CLEAR_S
        return self.phase == "retiring" or (self.phase == "keeping" and self.switched > 0 and now >= self.until)

    def waits(self, now: float) -> bool:
        """Return whether there is nothing to do but to wait until the old secret, or its last version, may go."""
        return self.phase in {"keeping", "clearing"} and not self.is_due(now)

    def may_have_asked(self, since: float) -> bool:
        """Return whether a command may have sent the function its requests, which are answered 401, since this time."""
        return self.is_unfinished or max(self.since, self.switched, self.moved) >= since

    @property
    def is_emergency(self) -> bool:
        """Whether the old secret is known to others, so that it has to go even if something still uses it."""
        return self.grace < MIN_GRACE_S

    @property
    def is_unfinished(self) -> bool:
        """Whether a command has ended in the middle of a phase. Waiting for the grace period is not unfinished."""
        return self.phase in _UNFINISHED

    def sentence(self, now: float) -> str:
        """Return what the rotation waits for, in words."""
        if self.phase == "done":
            return f"the secret was replaced at {utc(self.since)}; the old one is gone"
        if self.phase == "keeping":
            state = f"DT signs with the new secret since {utc(self.switched)}"
            if self.is_due(now):
                return f"{state}; the old one may go: `{ROTATE}` or the next `up` removes it"
            return f"{state}; the old one is accepted until {utc(self.until)}, then `{ROTATE}` or `up` removes it"
        if self.phase == "clearing":
            state = f"the function knows only the new secret since {utc(self.moved)}"
            if self.is_due(now):
                return f"{state}; the version with the old one may go: `{ROTATE}` or the next `up` destroys it"
            until = utc(self.moved + CLEAR_S)
            return f"{state}; the version with the old one stays until {until}, then `{ROTATE}` or `up` destroys it"
        return f"{_UNFINISHED[self.phase]}; begun at {utc(self.since)}; `{ROTATE}` goes on"

    def note(self) -> str:
        """Return the value of the annotation."""
        words = [
            *(f"since@{utc(self.since)}", f"old@{self.old}", f"new@{self.new}", f"last@{self.last}"),
            *([f"switched@{utc(self.switched)}"] if self.switched else []),
            f"grace@{self.grace}",
            *([f"moved@{utc(self.moved)}"] if self.moved else []),
            *([f"run@{self.run}"] if self.run else []),
        ]
        return SEPARATOR.join((self.phase, *words))

    def as_json(self, now: float) -> dict[str, Any]:
        """Return the rotation as ``rotate --json`` prints it."""
        return {
            "phase": self.phase,
            "since": utc(self.since),
            "switched": utc(self.switched) if self.switched else None,
            "oldUntil": utc(self.until) if self.until else None,
            "due": self.is_due(now),
            "versions": {"old": self.old or None, "both": self.new or None, "new": self.last or None},
            "sentence": self.sentence(now),
        }


def rotation_in(annotations: Mapping[str, str] | None) -> Rotation | None:
    """Return the rotation that the annotations of a secret note; None if there is none, or if it cannot be read.

    A note that was damaged by hand never ends the grace period early: a period that cannot be read is ``GRACE_S``, and
    if it is not known when the connectors got the new secret, they get it again, and the period begins then. The
    function is asked again if it is not known since when it has forgotten the old one.
    """
    phase, *words = (annotations or {}).get(ROTATION, "").split(SEPARATOR)
    pairs = {key: value for key, _, value in (word.partition("@") for word in words)}
    if phase not in get_args(Phase) or not _is_time(pairs.get("since", "")):
        return None
    numbers = {key: int(pairs[key]) if _NUMBER.fullmatch(pairs.get(key, "")) else 0 for key in ("old", "new", "last")}
    switched, moved = (_seconds(pairs[key]) if _is_time(pairs.get(key, "")) else 0 for key in ("switched", "moved"))
    if phase == "keeping" and not switched:
        phase = "switching"
    if phase == "clearing" and not moved:
        phase = "retiring"
    return Rotation(
        phase=next(known for known in get_args(Phase) if known == phase),
        since=_seconds(pairs["since"]),
        old=numbers["old"],
        new=numbers["new"],
        last=numbers["last"],
        switched=switched,
        grace=int(pairs["grace"]) if _NUMBER.fullmatch(pairs.get("grace", "")) else GRACE_S,
        moved=moved,
        run=pairs.get("run", ""),
    )


def rotation_row(annotations: Mapping[str, str] | None, now: float) -> tuple[str, str] | None:
    """Return state and detail of the rotation for ``status``; None if there is nothing to say about one.

    An unfinished rotation is ``unfinished``. One that waits for the grace period is ``ok``, as is one that is due: the
    function accepts more than it must, and ``up`` ends that.
    """
    rotation = rotation_in(annotations)
    if rotation is None or (rotation.phase == "done" and now - rotation.since > SOON_S):
        return None
    return "unfinished" if rotation.is_unfinished else "ok", rotation.sentence(now)


_NUMBER = re.compile(r"[0-9]{1,9}")
_TIME = re.compile(r"20\d\d-(0[1-9]|1[0-2])-([0-2]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ")


def _is_time(text: str) -> bool:
    try:
        return bool(_TIME.fullmatch(text)) and _seconds(text) > 0
    except ValueError:  # such as 30 February
        return False


def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())
