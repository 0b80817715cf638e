"""Leases: what is held back, extended in time and in parts, acknowledged or given back."""

from collections.abc import Sequence

import pytest

from deploy.google import pubsub_api
from deploy.google.pubsub_api import PubSubFailed, Pulled
from deploy.repair.replay import leases as module
from deploy.repair.replay.leases import EXTEND_S, LEASE_S, Leases
from tests.function.fakes import FakeClock


class Api:
    """Pub/Sub's calls on leases. ``fails``: all of them."""

    def __init__(self) -> None:
        self.leased: list[tuple[tuple[str, ...], int]] = []
        self.acknowledged: list[str] = []
        self.fails = False

    def lease(self, name: str, ack_ids: Sequence[str], seconds: int, *, read_s: float) -> None:
        """Keep messages, or give them back."""
        assert (name, read_s) == ("dt-rejected", module.READ_S)
        self._fail()
        self.leased.append((tuple(ack_ids), seconds))

    def acknowledge(self, name: str, ack_ids: Sequence[str], *, times: int) -> None:
        """Acknowledge messages."""
        assert (name, times) == ("dt-rejected", module.ATTEMPTS)
        self._fail()
        self.acknowledged += ack_ids

    def _fail(self) -> None:
        if self.fails:
            raise PubSubFailed(503, "503 made to fail", where="Pub/Sub")


class Held:
    """Leases of such a subscription."""

    def __init__(self) -> None:
        self.api, self.clock, self.notices = Api(), FakeClock(), list[str]()
        self.leases = Leases(self.api, "dt-rejected", self.clock, self.notices.append)  # type: ignore[arg-type]


@pytest.fixture
def held() -> Held:
    return Held()


def pulled(*names: str, delivery: int = 1) -> list[Pulled]:
    return [Pulled(f"{name}{delivery}", name, b"", {}, 0.0) for name in names]


def test_messages_are_held_from_the_moment_they_come_and_new_only_once(held: Held) -> None:
    assert held.leases.take(pulled("a", "b", "a")) == pulled("a", "b")
    assert held.leases.take(pulled("b", "c", delivery=2)) == pulled("c", delivery=2)
    assert held.api.leased == [(("a1", "b1", "a1"), LEASE_S), (("b2", "c2"), LEASE_S)]
    assert held.leases.held == 3


def test_all_are_extended_by_their_newest_id_long_before_they_end(held: Held) -> None:
    held.leases.take(pulled("a", "b"))
    held.leases.take(pulled("b", delivery=2))
    held.api.leased.clear()
    held.clock.advance(EXTEND_S - 1)
    held.leases.tick()
    assert held.api.leased == []
    held.clock.advance(1)
    held.leases.tick()
    held.leases.tick()
    assert held.api.leased == [(("a1", "b2"), LEASE_S)]
    assert 2 * EXTEND_S < LEASE_S, "one lost extension does not end a lease"


def test_a_request_has_no_more_ids_than_pubsub_accepts(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pubsub_api, "MAX_ACK_IDS", 2)
    held.leases.take(pulled("a", "b", "c"))
    held.leases.give_back()
    assert held.api.leased == [(("a1", "b1"), LEASE_S), (("c1",), LEASE_S), (("a1", "b1"), 0), (("c1",), 0)]
    assert pubsub_api.MAX_ACK_IDS * 220 < 512 * 1024


def test_what_is_finished_is_acknowledged_and_neither_extended_nor_given_back(held: Held) -> None:
    held.leases.take(pulled("a", "b"))
    assert held.leases.finish("a")
    held.leases.give_back()
    assert (held.api.acknowledged, held.api.leased[-1]) == (["a1"], (("b1",), 0))


def test_what_is_finished_after_it_was_given_back_is_not_acknowledged_and_comes_again(held: Held) -> None:
    held.leases.take(pulled("a"))
    held.leases.give_back()
    assert not held.leases.finish("a")
    assert held.api.acknowledged == []


def test_what_comes_again_after_it_was_finished_is_acknowledged_again_and_not_new(held: Held) -> None:
    held.leases.take(pulled("a"))
    held.api.fails = True
    assert not held.leases.finish("a")
    held.api.fails = False
    assert held.leases.take(pulled("a", delivery=2)) == []
    assert held.api.acknowledged == ["a2"]
    assert held.leases.held == 0


def test_a_failure_is_said_once_and_ends_nothing(held: Held) -> None:
    held.api.fails = True
    for _ in range(3):
        held.leases.take(pulled("a"))
    held.leases.give_back()
    first, last = held.notices
    assert first.startswith("note: a lease could not be extended (503 made to fail): a message may be published twice")
    assert last == f"note: 503 made to fail; the messages of this run come again within {LEASE_S} s"
