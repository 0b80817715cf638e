"""connections: further connections are begun beside a slow one, and the first that is ready is used."""

import asyncio
from dataclasses import dataclass, field

import pytest

from function import connections as module
from function.connections import LONGEST_S, MOST, NEXT_S, Connections


@dataclass(eq=False)
class FakeConnection:
    """A connection that is ready, idle, begun or failed."""

    number: int
    state: str = "begun"
    retired: int = 0

    def is_ready(self) -> bool:
        """Return whether the connection is ready."""
        return self.state == "ready"

    def has_failed(self) -> bool:
        """Return whether the connection has failed."""
        return self.state == "failed"

    def retire(self) -> None:
        """Count the calls."""
        self.retired += 1


@dataclass
class Network:
    """Makes connections. A test moves its clock."""

    time_s: float = 1000.0
    made: list[FakeConnection] = field(default_factory=list)
    new: str = "begun"

    def make(self) -> FakeConnection:
        """Begin another connection."""
        self.made.append(FakeConnection(len(self.made), self.new))
        return self.made[-1]

    def connections(self) -> Connections[FakeConnection]:
        """Return a chooser among this network's connections."""
        return Connections(self.make, monotonic=lambda: self.time_s)


@pytest.fixture
def network() -> Network:
    return Network()


def best(connections: Connections[FakeConnection], timeout_s: float = 0.0) -> FakeConnection:
    return asyncio.run(connections.best(timeout_s))


def test_the_first_request_waits_on_the_first_connection(network: Network) -> None:
    connections = network.connections()
    assert network.made == []
    assert best(connections, 9) is network.made[0]
    network.time_s += NEXT_S - 0.01
    assert best(connections, 9) is network.made[0]
    assert len(network.made) == 1


def test_a_ready_connection_is_used_as_long_as_it_is_ready(network: Network) -> None:
    connections = network.connections()
    best(connections).state = "ready"
    for _ in range(3):
        assert best(connections) is network.made[0]
        network.time_s += 1000
    network.made[0].state = "idle"
    assert best(connections, 9) is network.made[0], "it is given time to be made again"
    assert len(network.made) == 1
    network.time_s += NEXT_S
    assert best(connections) is network.made[1]


def test_a_connection_is_begun_each_second_and_only_the_first_that_is_ready_is_kept(network: Network) -> None:
    connections = network.connections()
    for _ in range(3):
        best(connections)
        network.time_s += NEXT_S
    first, _, third = network.made
    first.state = "ready"
    assert best(connections) is first
    third.state = "ready"
    assert best(connections) is first
    assert connections.clear() == [first]
    assert [line.retired for line in network.made] == [0, 1, 1]


def test_a_request_waits_for_the_first_of_several_connections_that_is_ready(network: Network) -> None:
    connections = network.connections()
    best(connections)
    network.time_s += NEXT_S

    async def use() -> None:
        waiting = asyncio.create_task(connections.best(9))
        await asyncio.sleep(2.5 * module.LOOK_S)
        assert not waiting.done()
        assert len(network.made) == 2
        network.made[0].state = "ready"
        assert await waiting is network.made[0]

    asyncio.run(use())


def test_a_request_waits_for_a_connection_no_longer_than_its_timeout(network: Network) -> None:
    connections = network.connections()
    best(connections)
    network.time_s += NEXT_S

    async def use() -> None:
        waiting = asyncio.create_task(connections.best(0.5))
        await asyncio.sleep(0)
        network.time_s += 0.5
        assert await waiting is network.made[1]

    asyncio.run(use())


def test_a_request_gets_the_newest_connection_if_that_has_failed(network: Network) -> None:
    connections = network.connections()
    best(connections)
    network.time_s += NEXT_S
    network.new = "failed"
    assert best(connections, 9) is network.made[1]


def test_at_most_four_connections_are_begun_and_the_oldest_is_kept(network: Network) -> None:
    connections = network.connections()
    while network.time_s < 1000 + LONGEST_S:
        best(connections)
        network.time_s += NEXT_S
    left = connections.clear()
    assert left == [network.made[0], *network.made[-MOST + 1 :]]
    assert [line.retired for line in network.made] == [0 if line in left else 1 for line in network.made]


def test_the_oldest_connection_is_retired_after_20_seconds(network: Network) -> None:
    connections = network.connections()
    while network.time_s <= 1000 + LONGEST_S:
        best(connections)
        network.time_s += NEXT_S
    left = connections.clear()
    assert network.made[0] not in left
    assert len(left) == MOST


def test_a_connection_that_was_left_is_not_used_again(network: Network) -> None:
    connections = network.connections()
    best(connections).state = "ready"
    first = best(connections)
    connections.leave(first)
    assert best(connections) is network.made[1]
    connections.leave(network.made[1])
    assert connections.clear() == []
    connections.leave(first)
    assert [line.retired for line in network.made] == [1, 1]


def test_the_only_connection_is_returned_at_once_even_if_it_has_failed(network: Network) -> None:
    for state in ("begun", "failed"):
        connections = network.connections()
        network.new = state

        async def use(connections: Connections[FakeConnection] = connections) -> None:
            waiting = asyncio.create_task(connections.best(9))
            await asyncio.sleep(0)
            assert waiting.done(), "no look later than the first"

        asyncio.run(use())


def test_a_failed_newest_connection_is_returned_at_once_and_not_after_the_timeout(network: Network) -> None:
    connections = network.connections()
    best(connections)
    network.time_s += NEXT_S
    network.new = "failed"

    async def use() -> None:
        waiting = asyncio.create_task(connections.best(9))
        await asyncio.sleep(0)
        assert waiting.done()
        assert await waiting is network.made[1]

    asyncio.run(use())
