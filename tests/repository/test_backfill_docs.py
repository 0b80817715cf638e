"""The section on ``backfill`` of docs/repair.md shows what it prints, and names its flags, exit codes and limits."""

import re
from pathlib import Path

import pytest

from deploy.dt import history, limiter
from deploy.repair import republisher
from deploy.repair.backfill import backfiller as run
from deploy.times import MOMENT, moment
from deploy.verbs import backfill
from deploy.verbs.exit_codes import NOTHING_TO_DO
from deploy.verbs.republishing import DEFAULT_RATE
from tests.deploy.fakes.dt import DT_PROJECT
from tests.deploy.stage import Stage

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "repair.md").read_text("utf-8").partition("## Backfill")[2].partition("\n## ")[0]
TEXT = " ".join(PAGE.split())
WINDOW = {"since": "2026-11-02T08:00:00Z", "until": "2026-11-02T14:00:00Z"}


@pytest.fixture
def up() -> Stage:
    """A finished deployment, on the day after the window."""
    stage = Stage()
    stage.clock.seconds = moment("2026-11-03T08:00:00Z", 0.0)
    stage.google.has_everything_on()
    assert stage.deployment().up(verify=False) == NOTHING_TO_DO
    for stream in (stage.out, stage.err):
        stream.truncate(0)
        stream.seek(0)
    return stage


def test_the_page_shows_what_a_dry_run_prints(up: Stage) -> None:
    for device, name, counts in (
        ("bchonod7rihjtvdmd2vg", "Fridge 2", {"networkStatus": 72, "temperature": 24}),
        ("bjejdmm7rihjtvdmd300", "Door", {"contact": 1}),
    ):
        up.dt.has_device(device, labels={"name": name})
        for event_type, count in counts.items():
            for _ in range(count):
                up.dt.histories.add(device, "2026-11-02T09:00:00Z", event_type, project=DT_PROJECT)
    assert up.deployment().backfill(**WINDOW, dry_run=True) == NOTHING_TO_DO
    (shown,) = re.findall(r"```\n(counting.+?)```", PAGE, re.DOTALL)
    head, _, rest = shown.partition("\n")
    assert head in up.noted.splitlines()
    assert sorted(rest.splitlines()) == sorted(up.shown.splitlines())


def test_the_table_of_flags_has_all_flags() -> None:
    first = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `--")]
    assert [cell.strip(" `") for cell in first] == [*(flag.name for flag in backfill.FLAGS), "--json"]
    assert all(f"`{example}`" in PAGE for example in re.findall(r"[\dTZ:-]{3,}|\dh|now", MOMENT))


def test_the_exit_codes_are_those_of_the_verb() -> None:
    (line,) = [line for line in PAGE.splitlines() if line.startswith("Exit status:")]
    assert {int(code) for code in re.findall(r"(\d) if", line)} == set(backfill.USAGE.exit_codes)


def test_the_limits_are_those_of_the_code() -> None:
    assert f"{DEFAULT_RATE} if you do not say" in TEXT
    assert f"for {history.KEPT_S / 86_400:.0f} days" in TEXT
    assert f"ends at most {history.LAG_S:.0f} s ago" in TEXT
    assert f"After {run.FAILURES_IN_A_ROW} failed events in a row, or {run.REFUSALS_IN_A_ROW} refused ones" in TEXT
    assert (republisher.DEADLINE_S, sum(history.PAUSES_S)) == (120, 120)
    assert f"uses at most {limiter.CALLS} of them, reads {history.EVENTS_PER_PAGE:,} events" in TEXT
    assert f"in {limiter.WINDOW_S:.0f} s" in TEXT
    assert f"If DT wishes more than {limiter.LONGEST_RETRY_AFTER_S / 60:.0f} minutes" in TEXT
    assert f"no `{history.NOT_IN_HISTORY[0]}` events" in TEXT
