"""A run of follow: its messages, until it ends."""

from typing import Any, cast

from deploy.live.clock import Clock
from deploy.live.feed import Connection
from deploy.live.message import Message
from deploy.live.session import Session
from tests.deploy.live.builders import message
from tests.function.fakes import FakeClock


class Flood:
    """A reader to which Pub/Sub delivers faster than anybody shows, until it ends."""

    def __init__(self) -> None:
        self.is_ended = False
        self.received = [message(number=1), message(number=2)]

    def end(self) -> None:
        """Stop to read."""
        self.is_ended = True

    def take(self, _timeout_s: float) -> list[Message]:
        """Return what was received; as long as it reads, there is always more."""
        taken, self.received = self.received, [] if self.is_ended else [message(number=3)]
        return taken


def test_after_ctrl_c_only_what_was_received_before_is_still_shown_even_in_a_flood() -> None:
    clock = FakeClock(0.0)
    flood = Flood()
    run = Session(cast("Any", flood), Connection(clock), Clock(clock, clock))
    assert [shown.id for shown in run.rest()] == ["1", "2"]
    assert flood.is_ended
