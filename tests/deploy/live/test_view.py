"""What follow shows besides events: the state of the connection, the heartbeat of a log, and the summary."""

import io
import re
from collections.abc import Mapping

import pytest

from deploy.cli.terminal import Terminal
from deploy.live.clock import Clock, at_time
from deploy.live.feed import Connection
from deploy.live.names import Names
from deploy.live.summary import Gap, Summary
from deploy.live.view import BEAT_S, View
from deploy.live.wanted import Wanted
from deploy.times import spoken
from tests.deploy.cli.test_terminal import Screen
from tests.deploy.live.builders import NOON, message
from tests.deploy.stage import Keyboard
from tests.function.fakes import FakeClock


class World:
    """A view, and a clock that a test moves."""

    def __init__(self, err: io.StringIO, environ: Mapping[str, str] | None = None) -> None:
        self.clock = FakeClock(NOON)
        self.out, self.err = io.StringIO(), err
        terminal = Terminal(self.out, err, Keyboard(None), environ, lambda _: 120)
        self.connection = Connection(self.clock)
        self.connection.set("live")
        clock = Clock(self.clock, self.clock)
        self.view = View(terminal, "lines", Wanted(), clock, Names(None, self.clock))

    def passes(self, seconds: int) -> None:
        """Let time pass, with a look each second."""
        for _ in range(seconds):
            self.clock.advance(1)
            self.view.tick(self.connection)


def test_a_terminal_shows_the_state_in_one_line_that_an_event_replaces() -> None:
    world = World(Screen())
    world.passes(1)
    world.view.show(message(at=NOON))
    assert world.err.getvalue().endswith("\r")
    world.passes(1)

    states = [text for text in world.err.getvalue().split("\r") if text.strip()]
    assert states == [
        f"live at {at_time(NOON + 1)}; no event yet; 0 events, 0 rejected",
        f"live at {at_time(NOON + 2)}; last event at {at_time(NOON)}; 1 event, 0 rejected",
    ]


def test_a_terminal_shows_since_when_the_connection_is_lost_and_why() -> None:
    world = World(Screen())
    world.connection.set("lost", "503 try later")
    world.passes(42)
    assert f"lost since {at_time(NOON)}, for 42 s: 503 try later" in world.err.getvalue()


@pytest.mark.parametrize("err", [io.StringIO(), Screen()])
def test_a_log_gets_a_heartbeat_after_a_minute_of_silence(err: io.StringIO) -> None:
    world = World(err, {"TERM": "dumb"})
    world.passes(int(BEAT_S) - 1)
    assert world.err.getvalue() == ""
    world.view.show(message())
    world.passes(int(BEAT_S) - 1)
    assert world.err.getvalue() == ""
    world.passes(1)
    (beat,) = world.err.getvalue().splitlines()
    assert re.fullmatch(r"[\d:]+  live at [\d:]+; last event at [\d:]+; 1 event, 0 rejected", beat)


def test_the_summary_counts_types_reasons_repeats_and_gaps_and_says_what_the_exit_status_means() -> None:
    summary = Summary(NOON)
    for event_type, repeat in (("touch", ""), ("temperature", "event"), ("temperature", "message"), ("", "")):
        summary.add(message(), event_type, repeat)  # type: ignore[arg-type]  # a literal in a list
    for reason in ("malformed", "expired", "expired"):
        summary.add(message(attributes={"reason": reason}, rejected=True), "", "")
    summary.add(message(attributes={}, rejected=True), "", "")
    summary.not_shown, summary.not_wanted, summary.ended_at = 1234, 5, NOON + 5280
    summary.gaps = [Gap(NOON, NOON + 60, "nothing was read")]

    counts = (
        "4 events in 88 min (2 temperature, 1 no type, 1 touch); 4 rejected (2 expired, 1 malformed, 1 no reason); "
        "1 delivered twice by Pub/Sub; 1 sent twice by DT; 1,234 counted and not shown; 5 more did not fit the filters"
    )
    assert summary.lines("exit status 0: ended as asked") == [
        counts,
        f"gap: events published from {at_time(NOON)} to {at_time(NOON + 60)} are not shown: nothing was read",
        "exit status 0: ended as asked",
    ]
    assert summary.as_json()["rejected"] == {"malformed": 1, "expired": 2, "no reason": 1}
    assert summary.as_json()["gaps"][0]["why"] == "nothing was read"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"),
        (42.4, "42 s"),
        (119, "119 s"),
        (120, "2 min"),
        (5280, "88 min"),
        (7500, "2 h 5 min"),
        (3e5, "3 days"),
    ],
)
def test_a_duration_is_spoken_in_units_that_fit(seconds: float, words: str) -> None:
    assert spoken(seconds) == words


def test_a_time_that_no_calendar_has_is_no_crash() -> None:
    assert at_time(1e300) == "--:--:--"
