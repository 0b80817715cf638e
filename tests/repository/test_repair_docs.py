"""docs/repair.md shows what ``replay`` prints, and names its flags, its exit codes and its limits."""

import re
from pathlib import Path

from deploy.google.pubsub_api import Pulled
from deploy.live.rejections import REJECTIONS
from deploy.repair import republisher
from deploy.repair.replay import leases, replayer, tally
from deploy.repair.republisher import Verdict
from deploy.times import MOMENT, moment
from deploy.verbs import replay, republishing

ROOT = Path(__file__).parents[2]
REPLAY = (ROOT / "docs" / "repair.md").read_text("utf-8").partition("## Replay")[2].partition("\n## ")[0]
FIRST = {"eventType": "temperature", "deviceId": "bchonod7rihjtvdmd2vg", "eventId": "bjehn6sdm92f9pd7f4s0"}
MESSAGES = (
    (Pulled("a1", "1", b"", {**FIRST, "reason": "foreign_project", "receivedAt": "2026-11-02T08:13:16.5Z"}, 0), ""),
    (Pulled("a2", "2", b"", {"reason": "malformed", "receivedAt": "2026-11-02T08:14:02Z"}, 0), "malformed"),
)


def test_the_page_shows_what_a_dry_run_prints() -> None:
    counts, printed = tally.Tally(is_dry=True, matched=len(MESSAGES)), list[str]()
    for message, refused in MESSAGES:
        verdict = Verdict("refused", refused) if refused else Verdict("published")
        counts.add(message, verdict)
        printed.append(f"{replay.fate(message, verdict, is_dry=True)}  {tally.described(message)}")
    assert re.findall(r"```\n(would.+?)```", REPLAY, re.DOTALL) == ["\n".join((*printed, *counts.lines(), ""))]


def test_the_table_of_flags_has_all_flags() -> None:
    documented = {
        flag
        for line in REPLAY.splitlines()
        if line.startswith("| `--")
        for flag in re.findall(r"`(--[\w-]+)`", line.split("|")[1])
    }
    assert documented == {flag.name for flag in replay.FLAGS} | {"--json"}
    assert all(re.search(rf"`{re.escape(example)}`", REPLAY) for example in re.findall(r"[\dTZ:-]{3,}|\dh|now", MOMENT))
    assert moment("2026-11-02", 0) < moment("2026-11-02T14:00:00Z", 0)


def test_every_reason_of_the_function_has_a_row() -> None:
    rows = [
        line.split("|")[1] for line in REPLAY.splitlines() if line.startswith("| `") and "--" not in line.split("|")[1]
    ]
    assert {reason for row in rows for reason in re.findall(r"`(\w+)`", row)} == set(REJECTIONS)


def test_the_limits_are_those_of_the_code() -> None:
    text = " ".join(REPLAY.split())
    assert f"{republishing.DEFAULT_RATE} if you do not say" in text
    assert f"holds its messages for up to {leases.LEASE_S} s" in text
    assert leases.LEASE_S < replayer.SETTLE_S < 2 * leases.LEASE_S, "half a minute at least"
    assert (f"after {replayer.QUIET_PULLS} such answers in a row" in text, replayer.IDLE_S) == (True, 1.0)
    assert f"repeated for {republisher.DEADLINE_S / 60:.0f} minutes".replace("2", "two") in text
    assert (replayer.STOP_AFTER, "After three failures in a row" in text) == (3, True)
    assert f"At most {replayer.MAX_HELD:,} messages or {replayer.MAX_HELD_BYTES // 10**6} MB" in text
    assert f"more than {replayer.MOST_HELD:,} messages" in text
    assert f"oldest of the {replayer.MAX_HELD:,} messages" in text
    assert any(f"oldest of the {replayer.MAX_HELD:,}" in flag.arguments["help"] for flag in replay.FLAGS)
    operations = (ROOT / "docs" / "operations.md").read_text("utf-8")
    row = next(line for line in operations.splitlines() if line.startswith("| `replayed` |"))
    assert f"up to {tally.MOST_LISTED:,} `messages`" in row
    assert set(tally.Tally().as_json()) == set(re.findall(r"`(\w+)`", row.split("|")[2])) - {"replay"}
