"""Whether follow says that its connection is live or lost, and when it asks Pub/Sub for a sign of life."""

from deploy.live.clock import Clock, at_time
from deploy.live.feed import Connection
from deploy.live.pulse import PING, PING_LOST_S, PING_S, Pulse
from tests.function.fakes import FakeClock


class World:
    """A pulse, its two clocks, and what it said."""

    def __init__(self) -> None:
        self.day, self.steady = FakeClock(1_793_620_800.0), FakeClock(50.0)
        self.said: list[str] = []
        self.connection = Connection(self.day)
        self.pulse = Pulse(self.connection, Clock(self.day, self.steady), self.said.append)
        self.connection.set("live")

    def passes(self, seconds: float) -> None:
        """Let time pass."""
        self.day.advance(seconds)
        self.steady.advance(seconds)

    def sleeps(self, seconds: float) -> None:
        """Let the machine sleep: only the clock of the day goes on."""
        self.day.advance(seconds)


def test_a_failure_is_reported_once_with_its_time_and_its_end_with_how_long_it_took() -> None:
    world = World()
    lost_at = world.day()
    world.pulse.failed("events", "503 try later")
    world.passes(30)
    world.pulse.failed("events", "504 too late")
    world.passes(12)
    world.pulse.answered("events")

    assert world.said == [
        f"{at_time(lost_at)}  lost: 503 try later; trying again",
        f"{at_time(lost_at + 42)}  live again after 42 s; what Pub/Sub has kept meanwhile follows",
    ]


def test_the_connection_is_live_only_when_nobody_fails() -> None:
    world = World()
    world.pulse.failed("events", "503")
    world.pulse.failed("rejected", "503")
    world.pulse.answered("events")
    assert world.connection.get().state == "lost"
    world.pulse.answered("rejected")
    assert world.connection.get().state == "live"


def test_a_sign_of_life_clears_the_failure_of_a_pull_that_waits_again() -> None:
    world = World()
    world.pulse.failed("events", "503")
    world.pulse.waits("events")
    world.pulse.answered(PING)
    assert world.connection.get().state == "lost", "the pull may be refused in a moment"

    world.passes(2)
    world.pulse.answered(PING)
    assert world.connection.get().state == "live"


def test_a_pull_that_pauses_after_a_failure_is_not_cleared_by_a_sign_of_life() -> None:
    world = World()
    world.pulse.waits("rejected")
    world.pulse.failed("rejected", "403 denied")
    world.passes(10)
    world.pulse.answered(PING)
    assert world.connection.get().state == "lost"


def test_a_sign_of_life_is_due_after_a_silence_and_more_often_while_the_connection_is_lost() -> None:
    world = World()
    world.passes(PING_S)
    assert not world.pulse.is_ping_due()
    world.passes(1)
    assert world.pulse.is_ping_due()
    assert not world.pulse.is_ping_due()
    world.pulse.answered("events")
    world.passes(PING_S - 1)
    assert not world.pulse.is_ping_due()

    world.pulse.failed("events", "503")
    world.passes(PING_LOST_S + 1)
    assert world.pulse.is_ping_due()
    assert not world.pulse.is_ping_due()


def test_the_sleep_of_the_machine_is_noticed_by_the_jump_of_its_clock_and_begins_at_the_last_look() -> None:
    world = World()
    assert not world.pulse.slept()
    asleep_at = world.day()
    world.sleeps(5280)
    world.passes(1)

    assert world.pulse.slept()

    why = "the clock jumped by 88 min: this machine slept, or its clock was set"
    assert world.said == [f"{at_time(asleep_at)}  lost: {why}; trying again"]
    assert world.connection.get().since == asleep_at
    assert world.pulse.is_ping_due()
    assert not world.pulse.slept()


def test_a_pause_of_the_command_alone_is_no_sleep() -> None:
    world = World()
    world.passes(600)  # stopped by Ctrl-Z, or by a pipe that nobody reads: both clocks go on
    assert not world.pulse.slept()


def test_a_clock_that_is_set_back_is_no_sleep() -> None:
    world = World()
    world.sleeps(-3600)
    assert not world.pulse.slept()


def test_after_the_end_no_failure_is_reported() -> None:
    world = World()
    world.pulse.end()
    world.pulse.failed("events", "404 not found")
    assert world.said == []
