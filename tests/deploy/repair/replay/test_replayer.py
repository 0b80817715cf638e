"""A replay from its first pull to its last: how long it looks, what it holds, and in which order it sends."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from deploy.errors import DeployError
from deploy.google.pubsub_api import PubSubFailed, Pulled
from deploy.repair.replay import replayer as module
from deploy.repair.replay.leases import Leases
from deploy.repair.replay.replayer import IDLE_PULLS, IDLE_S, PROGRESS_S, QUIET_PULLS, RETRY_S, SETTLE_S, Replayer
from deploy.repair.replay.selection import Selection
from deploy.repair.replay.tally import Tally
from deploy.repair.republisher import Verdict
from tests.function.fakes import FakeClock

AHEAD_S = 300.0
"""Seconds by which Pub/Sub's clock is ahead of this machine's."""

PUBLISHED = Verdict("published", message_id="7")
BUSY = PubSubFailed(503, "503 made to fail", where="Pub/Sub")


class Api:
    """A subscription from which these pulls return messages, or fail; all later ones find nothing."""

    def __init__(self, *pulls: list[Pulled] | PubSubFailed) -> None:
        self.pulls = list(pulls)
        self.pulled = 0
        self.given_back: list[str] = []
        self.fails_to_acknowledge = False
        self.on_pull: Callable[[], None] = lambda: None

    def time(self, now: float) -> float:
        """Return Pub/Sub's time."""
        return now + AHEAD_S

    def pull(self, name: str, *, waits: bool) -> list[Pulled]:
        """Return the messages of the next pull."""
        assert (name, waits) == ("dt-rejected", False)
        self.pulled += 1
        self.on_pull()
        found = self.pulls.pop(0) if self.pulls else []
        if isinstance(found, PubSubFailed):
            raise found
        return found

    def lease(self, name: str, ack_ids: Sequence[str], seconds: int, *, read_s: float) -> None:
        """Keep messages, or give them back."""
        del name, read_s
        self.given_back += [] if seconds else ack_ids

    def acknowledge(self, name: str, ack_ids: Sequence[str], *, times: int) -> None:
        """Acknowledge messages."""
        del name, ack_ids, times
        if self.fails_to_acknowledge:
            raise BUSY


class Run:
    """A run whose pulls return this. ``sent``: the bodies in their order; ``paused``: the seconds of each pause."""

    def __init__(self, pool: ThreadPoolExecutor, *pulls: list[Pulled] | PubSubFailed, **settings: Any) -> None:
        self.api, self.clock, self.notices = Api(*pulls), FakeClock(), list[str]()
        self.sent: list[bytes] = []
        self.pulled_before: list[int] = []
        self.paused: list[float] = []
        self.verdicts: list[tuple[str, Verdict]] = []
        self.tally = Tally()
        api: Any = self.api
        usual: dict[str, Any] = {"selection": Selection(), "send": self.send, "lanes": 1, "acknowledges": False}
        self.replayer = Replayer(
            api=api,
            subscription="dt-rejected",
            leases=Leases(api, "dt-rejected", self.clock, self.notices.append),
            tally=self.tally,
            pool=pool,
            sleep=self.sleep,
            now=self.clock,
            monotonic=self.clock,
            notice=self.notices.append,
            on_verdict=lambda message, verdict: self.verdicts.append((message.message_id, verdict)),
            **{**usual, **settings},
        )

    def send(self, body: bytes) -> Verdict:
        """Publish an event."""
        self.sent.append(body)
        self.pulled_before.append(self.api.pulled)
        return PUBLISHED

    def sleep(self, seconds: float) -> None:
        """Move the clock."""
        self.paused.append(seconds)
        self.clock.advance(seconds)


Start = Callable[..., Run]


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """The threads of a run."""
    with ThreadPoolExecutor(4) as threads:
        yield threads


@pytest.fixture
def start(pool: ThreadPoolExecutor) -> Start:
    """What starts a run with these pulls and settings, and returns it at its end."""

    def started(*pulls: list[Pulled] | PubSubFailed, **settings: Any) -> Run:
        run = Run(pool, *pulls, **settings)
        run.replayer.run()
        return run

    return started


START = FakeClock()() + AHEAD_S
"""Pub/Sub's time when a run begins."""


def message(name: str, at: float = START - 60, **attributes: str) -> Pulled:
    """Return a rejected message, by default of a minute before the run."""
    return Pulled(f"ack-{name}", name, name.encode(), {"deviceId": "d", **attributes}, at)


def test_a_dry_run_ends_after_some_pulls_in_a_row_that_found_nothing_new(start: Start) -> None:
    run = start([message("a")], [], [message("b")])
    assert run.sent == [b"a", b"b"]
    assert run.api.pulled == 3 + QUIET_PULLS
    assert run.paused == [IDLE_S] * (1 + QUIET_PULLS)
    looking = [notice for notice in run.notices if notice.startswith("looking")]
    assert looking == [f"looking for more messages: {QUIET_PULLS - IDLE_PULLS} s"]


def test_a_run_looks_at_least_until_a_killed_run_before_it_holds_no_messages(start: Start) -> None:
    run = start(acknowledges=True)
    assert run.clock() - FakeClock()() == SETTLE_S + 1
    assert run.notices == [
        f"looking for more messages and for those that an earlier run may still hold: {SETTLE_S - IDLE_PULLS:g} s"
    ]


def test_messages_are_sent_after_some_pulls_in_a_row_that_found_nothing_new(start: Start) -> None:
    run = start([message("a")], [], [], [message("b")])
    assert run.pulled_before == [4 + IDLE_PULLS] * 2


@pytest.mark.parametrize(("published_at", "is_waited_for"), [(START, True), (START + 0.1, False)])
def test_only_messages_of_before_the_start_by_pubsubs_clock_prolong_a_run(
    start: Start, published_at: float, *, is_waited_for: bool
) -> None:
    run = start([], [message("late", published_at)])
    assert run.sent == [b"late"]
    assert run.api.pulled == QUIET_PULLS + (2 if is_waited_for else 0)


def test_a_pull_that_fails_is_repeated_after_growing_pauses(start: Start) -> None:
    run = start(*[BUSY] * len(RETRY_S), [message("a")])
    assert run.sent == [b"a"]
    assert run.paused[: len(RETRY_S)] == list(RETRY_S)
    with pytest.raises(PubSubFailed, match="made to fail"):
        start(*[BUSY] * (len(RETRY_S) + 1))


def test_a_pull_that_is_not_allowed_is_not_repeated(start: Start) -> None:
    with pytest.raises(PubSubFailed, match="may not"):
        start(PubSubFailed(403, "you may not", where="Pub/Sub"), [message("a")])


def test_the_oldest_come_first_and_a_limit_leaves_out_the_newest(start: Start) -> None:
    found = [message("c", START - 1), message("a", START - 9), message("b", START - 9), message("d", START - 2)]
    run = start(found, limit=3)
    assert run.sent == [b"a", b"b", b"d"]
    assert (run.tally.matched, run.tally.beyond, run.tally.others) == (3, 1, 0)
    assert run.notices == [], "a run that has met its limit looks for nothing more"


@pytest.mark.parametrize(("limit", "size"), [("MAX_HELD", 2), ("MAX_HELD_BYTES", 3)])
def test_if_no_more_can_be_held_what_was_collected_is_sent_at_once(
    start: Start, monkeypatch: pytest.MonkeyPatch, limit: str, size: int
) -> None:
    monkeypatch.setattr(module, limit, size)
    run = start([message("a1")], [message("a2")], [message("b1")])
    assert run.sent == [b"a1", b"a2", b"b1"]
    assert run.pulled_before[:2] == [2, 2]
    assert run.pulled_before[2] > 3


@pytest.mark.parametrize(("others", "is_stopped"), [(2, False), (3, True)])
def test_a_run_that_would_have_to_hold_too_many_others_stops_and_those_that_are_replayed_do_not_count(
    start: Start, monkeypatch: pytest.MonkeyPatch, others: int, *, is_stopped: bool
) -> None:
    monkeypatch.setattr(module, "MOST_HELD", 2)
    wanted = [message(name, deviceId="mine") for name in "abc"]
    found = [*wanted, *(message(f"other-{number}") for number in range(others))]
    run = start(found, selection=Selection(devices=("mine",)), acknowledges=True)
    why = "more than 2 messages wait that are not replayed, and cannot be held back"
    assert run.replayer.stopped == (why if is_stopped else "")
    assert run.sent == ([] if is_stopped else [b"a", b"b", b"c"])


def test_a_long_sending_says_how_far_it_is_and_how_long_the_rest_may_take(pool: ThreadPoolExecutor) -> None:
    said = threading.Event()

    def note(text: str) -> None:
        notices.append(text)
        said.set()

    def send(body: bytes) -> Verdict:
        if body == b"c":
            run.clock.advance(2 * PROGRESS_S)
            assert said.wait(10)
        return PUBLISHED

    notices: list[str] = []
    run = Run(pool, [message(name) for name in "abcde"], send=send)
    run.replayer.notice = note
    run.replayer.run()
    assert notices[0] == f"2 of 5 tried, about {3 * 2 * PROGRESS_S / 2:.0f} s left"


def test_an_error_that_every_event_would_have_ends_the_run_and_is_counted(pool: ThreadPoolExecutor) -> None:
    def send(body: bytes) -> Verdict:
        del body
        raise DeployError("the clock of this machine is wrong", where="clock")

    run = Run(pool, [message("a"), message("b")], send=send)
    with pytest.raises(DeployError, match="clock of this machine"):
        run.replayer.run()
    run.replayer.end()
    assert run.verdicts == [("a", Verdict("failed", "the clock of this machine is wrong", status=0))]
    assert (run.tally.failed.total(), run.tally.not_tried, run.tally.sending) == (1, 1, 0)
    assert run.api.given_back == ["ack-a", "ack-b"]


def test_a_limit_counts_what_was_sent_before(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_HELD", 2)
    run = start([message("a", START - 4), message("b", START - 3)], [message("d", START - 1), message("c")], limit=3)
    assert run.sent == [b"a", b"b", b"c"]
    assert (run.tally.matched, run.tally.beyond) == (3, 1)


REFUSED = Verdict("refused", "malformed", status=422)


def test_messages_that_stay_after_their_last_delivery_are_counted_whether_or_not_they_were_asked_for(
    start: Start,
) -> None:
    def last(name: str, at: float, **attributes: str) -> Pulled:
        return replace(message(name, at, **attributes), attempt=5)

    found = [last("a", START - 9), message("b", START - 8), last("c", START - 7), last("other", START, deviceId="x")]
    more = [last("another", START, deviceId="x"), last("e", START - 1), message("third", START, deviceId="x")]
    settings: dict[str, Any] = {"selection": Selection(devices=("d",)), "limit": 3, "send": lambda _: REFUSED}
    assert start(found, more, max_attempts=5, **settings).tally.last_attempts == 5
    run = start(found, more, max_attempts=6, **settings)
    assert (run.tally.last_attempts, run.tally.others, run.tally.beyond) == (0, 3, 1)
    assert start(found, more, **settings).tally.last_attempts == 0
    assert start([last("a", START)], max_attempts=5).tally.last_attempts == 0, "it is published"


@pytest.mark.parametrize(("acknowledges", "fails", "number"), [(True, True, 1), (True, False, 0), (False, True, 0)])
def test_what_is_published_and_cannot_be_acknowledged_is_counted_unless_the_run_is_dry(
    pool: ThreadPoolExecutor, *, acknowledges: bool, fails: bool, number: int
) -> None:
    run = Run(pool, [message("a")], acknowledges=acknowledges)
    run.api.fails_to_acknowledge = fails
    run.replayer.run()
    assert (run.tally.published, run.tally.unacknowledged) == (1, number)


def test_failures_in_a_row_end_a_run_that_says_why(start: Start) -> None:
    failed = Verdict("failed", "503 publish", status=503)
    run = start([message(name) for name in "abcd"], send=lambda _: failed)
    assert run.replayer.stopped == "3 events in a row failed, the last one with: 503 publish"
    assert (run.tally.tried, run.tally.not_tried) == (3, 1)
    assert start([message(name) for name in "ab"], send=lambda _: failed).replayer.stopped == ""


def test_events_of_one_device_are_sent_one_after_the_other_and_those_of_no_device_at_the_same_time(
    start: Start,
) -> None:
    sending, together = threading.Lock(), threading.Barrier(2)

    def alone(body: bytes) -> Verdict:
        del body
        assert sending.acquire(blocking=False), "another event of the device is being sent"
        time.sleep(0.02)
        sending.release()
        return PUBLISHED

    def with_another(body: bytes) -> Verdict:
        del body
        together.wait(10)
        return PUBLISHED

    of_one_device = [message(name) for name in "abcdef"]
    of_none = [replace(message(name), attributes={}) for name in "ab"]
    assert start(of_one_device, send=alone, lanes=8).tally.published == 6
    assert start(of_none, send=with_another, lanes=8).tally.published == 2


def test_a_long_look_says_how_many_messages_it_has_seen(pool: ThreadPoolExecutor) -> None:
    said = threading.Event()

    def on_pull() -> None:
        if run.api.pulled == 2:
            run.clock.advance(PROGRESS_S)
            assert said.wait(10)

    def note(text: str) -> None:
        run.notices.append(text)
        said.set()

    found = [message("a"), message("b", deviceId="x"), message("c", deviceId="x")]
    run = Run(pool, found, selection=Selection(devices=("d",)))
    run.api.on_pull, run.replayer.notice = on_pull, note
    run.replayer.run()
    assert run.notices[0] == "3 looked at, 1 of them asked for"
    assert run.notices.count(run.notices[0]) == 1
