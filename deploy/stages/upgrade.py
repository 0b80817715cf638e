"""What changes for a user between the version that is deployed and the version of this checkout. Pure."""

import re
from dataclasses import dataclass
from typing import Any, Literal

StepKind = Literal["major", "minor", "patch", "downgrade"]
"""By https://semver.org: only a major step takes something away that a user may rely on."""

TO_DO = "Do this when you update"
"""The heading in CHANGELOG.md of the changes that need an action."""

MOST_LINES = 15
"""Lines of one release that a terminal shows, besides those that need an action."""

_RELEASE = re.compile(r"## \[?(\d+\.\d+\.\d+)")
_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")


@dataclass(frozen=True, slots=True)
class Note:
    """One entry of CHANGELOG.md: the release, the heading above it, and its text in one line."""

    version: str
    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A step from one version to another, and the entries of CHANGELOG.md for it."""

    before: str
    after: str
    notes: tuple[Note, ...] = ()

    @property
    def kind(self) -> StepKind:
        """The kind of the step."""
        before, after = _numbers(self.before), _numbers(self.after)
        if after < before:
            return "downgrade"
        return "major" if after[0] > before[0] else "minor" if after[1] > before[1] else "patch"

    @property
    def breaks(self) -> bool:
        """Whether the major number differs, up or down."""
        return _numbers(self.before)[0] != _numbers(self.after)[0]

    def as_json(self) -> dict[str, Any]:
        """Return the step as ``plan --json`` prints it."""
        notes = [{"version": note.version, "heading": note.heading, "text": note.text} for note in self.notes]
        return {"from": self.before, "to": self.after, "step": self.kind, "notes": notes}

    def lines(self) -> list[str]:
        """Return the step in words: what it is, what needs an action, and the rest in short."""
        versions = list(dict.fromkeys(note.version for note in self.notes))
        return [self._head(), *(line for version in versions for line in self._of_release(version))]

    def _head(self) -> str:
        step = f"version {self.before} -> {self.after}"
        if self.kind == "downgrade":
            lost = "this checkout is OLDER than what is deployed, and takes away what came since"
            return f"{step}: {lost}; CHANGELOG.md of {self.before} says what that is"
        loud = ": a MAJOR step, which changes things that you may rely on" if self.kind == "major" else ""
        return f"{step}{loud}" if self.notes else f"{step}{loud}; what changed is in CHANGELOG.md of {self.after}"

    def _of_release(self, version: str) -> list[str]:
        notes = [note for note in self.notes if note.version == version]
        to_do = [f"  do this: {note.text}" for note in notes if note.heading == TO_DO]
        others = [f"  {note.heading.lower()}: {_first_sentence(note.text)}" for note in notes if note.heading != TO_DO]
        more = len(others) - MOST_LINES
        rest = [f"  and {more} more: CHANGELOG.md"] if more > 0 else []
        return [f"new in {version}:", *to_do, *others[:MOST_LINES], *rest]


def upgrade_of(before: str | None, after: str, changelog: str) -> Upgrade | None:
    """Return the step between two versions; None if they are equal, or if one is unknown.

    ``changelog``: the text of CHANGELOG.md; empty if it is not here.
    """
    if not before or before == after or not all(map(_is_version, (before, after))):
        return None
    low, high = _numbers(before), _numbers(after)
    return Upgrade(before, after, tuple(note for note in _notes(changelog) if low < _numbers(note.version) <= high))


def _notes(changelog: str) -> list[Note]:
    """Return the entries of all releases. An entry begins with ``- `` at the margin; its other lines are indented."""
    notes: list[Note] = []
    version = heading = ""
    for line in changelog.splitlines():
        if line.startswith("## "):
            found = _RELEASE.match(line)
            version, heading = (found[1] if found else ""), ""
        elif line.startswith("### "):
            heading = line[4:].strip()
        elif line.startswith("- ") and version:
            notes.append(Note(version, heading, _plain(line[2:])))
        elif line.startswith("  ") and notes and notes[-1].version == version:
            last = notes[-1]
            notes[-1] = Note(version, last.heading, f"{last.text} {_plain(line)}")
    return notes


def _plain(markdown: str) -> str:
    return _LINK.sub(r"\1", markdown).replace("**", "").strip()


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=[.:;]) ", text, maxsplit=1)[0].rstrip(".:;")


def _is_version(text: str) -> bool:
    return re.fullmatch(r"\d+\.\d+\.\d+", text) is not None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
