"""connections: a slow connection is waited for while new ones are tried, and the first that stands is taken."""

import asyncio
from dataclasses import dataclass, field

import pytest

from function import connections as room
from function.connections import LONGEST_S, MOST, NEXT_S, Connections


@dataclass(eq=False)
class Line:
    """A connection that stands, is being made, or has failed."""

    number: int
    state: str = "begun"
    retired: int = 0

    def is_ready(self) -> bool:
        """Whether it stands."""
        return self.state == "ready"

    def has_failed(self) -> bool:
        """Whether it has failed."""
        return self.state == "failed"

    def retire(self) -> None:
        """Be closed before long."""
        self.retired += 1


@dataclass
class Network:
    """Makes lines, on a clock that moves when a test says so."""

    time_s: float = 1000.0
    lines: list[Line] = field(default_factory=list)
    new: str = "begun"

    def make(self) -> Line:
        """Begin another line."""
        self.lines.append(Line(len(self.lines), self.new))
        return self.lines[-1]

    def connections(self) -> Connections[Line]:
        """Choose among this network's lines."""
        return Connections(self.make, monotonic=lambda: self.time_s)


@pytest.fixture
def network() -> Network:
    return Network()


def best(connections: Connections[Line], timeout_s: float = 0.0) -> Line:
    return asyncio.run(connections.best(timeout_s))


def test_the_first_request_waits_on_the_first_connection(network: Network) -> None:
    connections = network.connections()
    assert network.lines == []
    assert best(connections, 9) is network.lines[0]
    network.time_s += NEXT_S - 0.01
    assert best(connections, 9) is network.lines[0]
    assert len(network.lines) == 1


def test_the_one_that_stands_is_taken_for_as_long_as_it_stands(network: Network) -> None:
    connections = network.connections()
    best(connections).state = "ready"
    for _ in range(3):
        assert best(connections) is network.lines[0]
        network.time_s += 1000
    network.lines[0].state = "idle"
    assert best(connections, 9) is network.lines[0], "it is given time to be made again"
    assert len(network.lines) == 1
    network.time_s += NEXT_S
    assert best(connections) is network.lines[1]


def test_another_one_is_begun_each_second_and_the_first_that_stands_is_kept_alone(network: Network) -> None:
    connections = network.connections()
    for _ in range(3):
        best(connections)
        network.time_s += NEXT_S
    first, _, third = network.lines
    first.state = "ready"
    assert best(connections) is first
    third.state = "ready"
    assert best(connections) is first
    assert connections.clear() == [first]
    assert [line.retired for line in network.lines] == [0, 1, 1]


def test_a_request_that_finds_several_waits_for_the_first_that_stands(network: Network) -> None:
    connections = network.connections()
    best(connections)
    network.time_s += NEXT_S

    async def use() -> None:
        waiting = asyncio.create_task(connections.best(9))
        await asyncio.sleep(2.5 * room.LOOK_S)
        assert not waiting.done()
        assert len(network.lines) == 2
        network.lines[0].state = "ready"
        assert await waiting is network.lines[0]

    asyncio.run(use())


def test_a_request_waits_no_longer_than_it_may(network: Network) -> None:
    connections = network.connections()
    best(connections)
    network.time_s += NEXT_S

    async def use() -> None:
        waiting = asyncio.create_task(connections.best(0.5))
        await asyncio.sleep(0)
        network.time_s += 0.5
        assert await waiting is network.lines[1]

    asyncio.run(use())


def test_a_request_that_finds_the_newest_failed_is_told_so_by_it(network: Network) -> None:
    connections = network.connections()
    best(connections)
    network.time_s += NEXT_S
    network.new = "failed"
    assert best(connections, 9) is network.lines[1]


def test_few_are_made_at_once_and_the_oldest_of_them_is_given_its_time(network: Network) -> None:
    connections = network.connections()
    while network.time_s < 1000 + LONGEST_S:
        best(connections)
        network.time_s += NEXT_S
    left = connections.clear()
    assert left == [network.lines[0], *network.lines[-MOST + 1 :]]
    assert [line.retired for line in network.lines] == [0 if line in left else 1 for line in network.lines]


def test_the_oldest_does_not_stay_for_ever(network: Network) -> None:
    connections = network.connections()
    while network.time_s <= 1000 + LONGEST_S:
        best(connections)
        network.time_s += NEXT_S
    left = connections.clear()
    assert network.lines[0] not in left
    assert len(left) == MOST


def test_one_that_is_left_is_not_taken_again(network: Network) -> None:
    connections = network.connections()
    best(connections).state = "ready"
    first = best(connections)
    connections.leave(first)
    assert best(connections) is network.lines[1]
    connections.leave(network.lines[1])
    assert connections.clear() == []
    connections.leave(first)
    assert [line.retired for line in network.lines] == [1, 1]


def test_alone_a_connection_is_waited_on_at_once_whether_it_has_failed_or_not(network: Network) -> None:
    for state in ("begun", "failed"):
        connections = network.connections()
        network.new = state

        async def use(connections: Connections[Line] = connections) -> None:
            waiting = asyncio.create_task(connections.best(9))
            await asyncio.sleep(0)
            assert waiting.done(), "no look later than the first"

        asyncio.run(use())


def test_a_failure_of_the_newest_is_told_at_once_and_not_when_the_time_is_over(network: Network) -> None:
    connections = network.connections()
    best(connections)
    network.time_s += NEXT_S
    network.new = "failed"

    async def use() -> None:
        waiting = asyncio.create_task(connections.best(9))
        await asyncio.sleep(0)
        assert waiting.done()
        assert await waiting is network.lines[1]

    asyncio.run(use())
