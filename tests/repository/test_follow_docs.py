"""docs/follow.md and its picture show what ``follow`` prints, and name its flags and its limits."""

import html
import re
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from deploy.live import lines, pulse, subscriptions, view
from deploy.live.documents import document
from deploy.live.message import Message
from deploy.live.readings import reading
from deploy.live.repeats import Repeat
from deploy.verbs.follow import FLAGS, USAGE
from tests.deploy.live.builders import body, message

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "follow.md").read_text("utf-8")
PICTURE = [
    html.unescape(text)
    for text in re.findall(r"<text[^>]*>(.*?)</text>", (ROOT / "docs/pictures/follow.svg").read_text("utf-8"))
]
DAY = "2026-11-02T"


@pytest.fixture(autouse=True)
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the local time be UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def at(time_of_day: str) -> float:
    return datetime.fromisoformat(f"{DAY}{time_of_day}Z").timestamp()


def event(time_of_day: str, event_type: str, device: str, data: Any, measured: str = "") -> Message:
    """Return the message of an event that arrived at this time of day."""
    content = body(event_type, data, labels={"name": device}, timestamp=f"{DAY}{measured or time_of_day}Z")
    return message(content, at=at(time_of_day), attributes={})


HUMID = {"temperature": 22.45, "relativeHumidity": 17}
OPEN = event("14:02:23", "contact", "Front door", {"state": "OPEN"})
SHOWN = (
    event("14:02:11", "temperature", "Fridge 2", {"value": 24.9}),
    event("14:02:12", "humidity", "Meeting room", HUMID),
    event("14:02:14", "contact", "Front door", {"state": "OPEN"}),
    event("14:02:19", "temperature", "Freezer", {"value": -17.1}, "13:20:05"),
    message(b'{"event": oops', at=at("14:02:20"), attributes={"reason": "malformed"}, rejected=True),
)
LATER = (
    event("14:03:44", "co2", "Meeting room", {"ppm": 526}),
    event("14:03:44", "touch", "Desk button", {}),
    event("14:03:45", "temperature", "Fridge 2", {"value": 24.8}),
)


def printed(shown: Message, repeat: Repeat = "") -> str:
    return lines.line(shown, reading(shown), repeat, is_screen=True).text


def test_the_page_and_its_picture_show_the_lines_that_follow_prints() -> None:
    first = [*map(printed, SHOWN), printed(OPEN, "event")]
    assert "\n".join(first) in PAGE
    later = [*map(printed, LATER)]
    assert PICTURE[3:9] == first
    assert PICTURE[11:14] == later


def test_the_page_names_every_flag_of_its_own_and_no_other() -> None:
    documented = re.findall(r"^\| `(--[a-z-]+)` \|", PAGE, re.MULTILINE)
    assert sorted(documented) == sorted([*(flag.name for flag in FLAGS), "--json"])


def test_the_limits_on_the_page_are_those_of_the_code() -> None:
    assert f"at most {view.LINES_PER_S} lines a second" in PAGE
    assert f"has not answered for {pulse.PING_S:.0f} s" in PAGE
    assert f"keep {subscriptions.RETENTION_S // 60} minutes of messages" in PAGE
    assert f"not been read for {subscriptions.ABANDONED_AFTER_S / 60:.0f} minutes" in PAGE
    assert (subscriptions.EXPIRATION_S, lines.LATE_S, view.BEAT_S) == (86400, 60, 60)


def test_the_page_names_every_member_of_a_line_of_json() -> None:
    found = document(SHOWN[0], reading(SHOWN[0]), "")
    for member in re.findall(r'"(\w+)": ', found.partition('"body"')[0]):
        assert f'"{member}": ' in PAGE
    assert "`base64`" in PAGE


def test_the_exit_statuses_on_the_page_are_those_of_the_code() -> None:
    (listed,) = re.findall(r"^Exit status: (.*)$", PAGE, re.MULTILINE)
    assert sorted(map(int, re.findall(r"\b(\d) [a-z]", listed))) == sorted(USAGE.exit_codes)
