"""What changes between two versions, by CHANGELOG.md."""

import pytest

from deploy.stages.source import ROOT, changelog
from deploy.stages.upgrade import MOST_LINES, TO_DO, Upgrade, upgrade_of

CHANGELOG = f"""\
# Changes

## Unreleased

### Added

- Something that is not released.

## 2.0.0, 2026-12-24

### {TO_DO}

- **Give the role one more permission**: see [docs/deployer.md](docs/deployer.md),
  or `plan` fails.

### Removed

- The attribute `room`. It was empty.

## [1.1.0] - 2026-12-01

### Added

- A verb `pause`: it pauses.

## 1.0.0, 2026-11-23

- The first one.

## First version, 2026-11-01

- Before all.
"""


def between(before: str | None, after: str, text: str = CHANGELOG) -> Upgrade:
    upgrade = upgrade_of(before, after, text)
    assert upgrade
    return upgrade


@pytest.mark.parametrize(
    ("before", "after", "kind", "breaks"),
    [
        ("1.0.0", "1.0.1", "patch", False),
        ("1.9.0", "1.10.0", "minor", False),
        ("1.10.3", "2.0.0", "major", True),
        ("1.1.0", "1.0.9", "downgrade", False),
        ("2.0.0", "1.9.9", "downgrade", True),
    ],
)
def test_a_step_is_named_by_its_numbers(before: str, after: str, kind: str, *, breaks: bool) -> None:
    upgrade = between(before, after, "")
    assert (upgrade.kind, upgrade.breaks) == (kind, breaks)


@pytest.mark.parametrize(
    ("before", "after"), [("1.0.0", "1.0.0"), (None, "1.0.0"), ("", "1.0.0"), ("by-hand", "1.0.0")]
)
def test_between_equal_or_unknown_versions_there_is_no_step(before: str | None, after: str) -> None:
    assert upgrade_of(before, after, CHANGELOG) is None


def test_the_releases_after_the_deployed_one_are_shown_up_to_this_one() -> None:
    upgrade = between("1.0.0", "2.0.0")
    assert upgrade.lines() == [
        "version 1.0.0 -> 2.0.0: a MAJOR step, which changes things that you may rely on",
        "new in 2.0.0:",
        "  do this: Give the role one more permission: see docs/deployer.md, or `plan` fails.",
        "  removed: The attribute `room`",
        "new in 1.1.0:",
        "  added: A verb `pause`",
    ]
    assert [note["version"] for note in upgrade.as_json()["notes"]] == ["2.0.0", "2.0.0", "1.1.0"]
    assert [note.version for note in between("1.0.0", "1.1.0").notes] == ["1.1.0"]


def test_a_downgrade_is_said() -> None:
    (line,) = between("2.0.0", "1.1.0").lines()
    assert line.startswith("version 2.0.0 -> 1.1.0: this checkout is OLDER than what is deployed")


def test_without_the_changelog_the_text_says_where_it_is() -> None:
    assert between("1.0.0", "1.1.0", "").lines() == ["version 1.0.0 -> 1.1.0; what changed is in CHANGELOG.md of 1.1.0"]


def test_a_long_release_is_cut_but_not_what_needs_an_action() -> None:
    entries = "".join(f"- Change {number}.\n" for number in range(MOST_LINES + 5))
    text = f"## 1.1.0\n### {TO_DO}\n{entries}### Changed\n{entries}"
    lines = between("1.0.0", "1.1.0", text).lines()
    assert sum(line.startswith("  do this:") for line in lines) == MOST_LINES + 5
    assert sum(line.startswith("  changed:") for line in lines) == MOST_LINES
    assert lines[-1] == "  and 5 more: CHANGELOG.md"


def test_this_projects_changelog_has_the_form_that_is_read() -> None:
    released = changelog().replace("## Unreleased", "## 9.0.0, 2026-12-01")
    upgrade = between("8.0.0", "9.0.0", released)
    headings = {note.heading for note in upgrade.notes}
    assert {TO_DO, "Added", "Changed", "Fixed"} <= headings
    assert sum(note.heading == TO_DO for note in upgrade.notes) >= 5
    assert "" not in headings


def test_a_missing_changelog_is_no_error() -> None:
    assert changelog(ROOT / "docs") == ""
