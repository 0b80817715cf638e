"""The backlog of one subscription, with a fake clock."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from tests.emulators.pubsub.backlog import Backlog, Holder, Lease, Message

DEADLINE_S = 10


def message(data: str, key: str = "") -> Message:
    return Message(data.encode(), {}, key)


def pull(backlog: Backlog, now: float = 0, limit: int = 100, max_bytes: int = 10**6) -> list[Lease]:
    return backlog.pull(now, Holder(), DEADLINE_S, limit, max_bytes)


def data_of(leases: list[Lease]) -> list[str]:
    return [lease.message.data.decode() for lease in leases]


def test_a_lease_lasts_until_its_deadline_and_not_a_moment_longer() -> None:
    backlog = Backlog()
    backlog.add(message("x"))
    pull(backlog, now=100)

    assert pull(backlog, now=109.999) == []
    assert data_of(pull(backlog, now=110)) == ["x"]


def test_an_extended_lease_lasts_until_its_new_deadline() -> None:
    backlog = Backlog()
    backlog.add(message("x"))
    (lease,) = pull(backlog, now=0)
    backlog.modify_deadline(5, [lease.ack_id], 60)

    assert pull(backlog, now=64.9) == []
    assert data_of(pull(backlog, now=65)) == ["x"]


def test_an_acknowledgement_after_the_deadline_comes_too_late() -> None:
    backlog = Backlog()
    backlog.add(message("x"))
    (lease,) = pull(backlog, now=0)
    backlog.expire(10)
    backlog.acknowledge([lease.ack_id])

    assert data_of(pull(backlog, now=10)) == ["x"]


def test_returned_messages_are_delivered_before_later_ones() -> None:
    backlog = Backlog()
    for data in "123":
        backlog.add(message(data))
    (first, *_) = pull(backlog, limit=2)
    backlog.modify_deadline(0, [first.ack_id], 0)

    assert data_of(pull(backlog)) == ["1", "3"]


def test_a_key_waits_for_its_outstanding_messages_while_other_keys_are_delivered() -> None:
    backlog = Backlog(ordered=True)
    backlog.add(message("a1", "a"))
    (lease,) = pull(backlog)
    backlog.add(message("a2", "a"))
    backlog.add(message("b1", "b"))
    backlog.add(message("c1"))

    assert data_of(pull(backlog)) == ["b1", "c1"]
    backlog.acknowledge([lease.ack_id])
    assert data_of(pull(backlog)) == ["a2"]


def test_a_returned_message_is_redelivered_with_the_later_messages_of_its_key() -> None:
    backlog = Backlog(ordered=True)
    for data in "123":
        backlog.add(message(data, "a"))
    first, second, third = pull(backlog)
    backlog.modify_deadline(0, [second.ack_id], 0)
    backlog.acknowledge([third.ack_id])

    assert pull(backlog) == []
    backlog.acknowledge([first.ack_id])
    assert data_of(pull(backlog)) == ["2", "3"]


def test_without_ordering_a_key_holds_nothing_back() -> None:
    backlog = Backlog(ordered=False)
    backlog.add(message("1", "a"))
    pull(backlog)
    backlog.add(message("2", "a"))

    assert data_of(pull(backlog)) == ["2"]


def test_a_pull_stops_before_its_size_limit_but_returns_at_least_one_message() -> None:
    backlog = Backlog()
    for size in (30, 10, 11):
        backlog.add(message("x" * size))

    assert [len(data) for data in data_of(pull(backlog, max_bytes=20))] == [30]
    assert [len(data) for data in data_of(pull(backlog, max_bytes=20))] == [10]
    assert [len(data) for data in data_of(pull(backlog, max_bytes=20))] == [11]


def test_a_subscriber_holds_messages_that_it_has_neither_acknowledged_nor_returned() -> None:
    backlog, holder = Backlog(), Holder()
    for data in ("1", "22", "333"):
        backlog.add(message(data))
    leases = backlog.pull(0, holder, DEADLINE_S, 3, 1000)
    assert (holder.messages, holder.size) == (3, 6)

    backlog.acknowledge([leases[0].ack_id])
    backlog.modify_deadline(0, [leases[1].ack_id], 0)
    assert (holder.messages, holder.size) == (1, 3)
    backlog.expire(DEADLINE_S)
    assert (holder.messages, holder.size) == (0, 0)


class AnyOrderOfOperations(RuleBasedStateMachine):
    """After any operations in any order no unacknowledged message is lost, and every key keeps its order."""

    def __init__(self) -> None:
        super().__init__()
        self.backlog = Backlog(ordered=True)
        self.now = 0.0
        self.sent = 0
        self.acknowledged: set[str] = set()
        self.leases: list[Lease] = []

    @rule(key=st.sampled_from(["", "a", "b"]))
    def publish(self, key: str) -> None:
        """Publish one more message."""
        self.sent += 1
        self.backlog.add(message(f"{self.sent:04}", key))

    @rule(limit=st.integers(1, 4))
    def pull(self, limit: int) -> None:
        """Pull; within one pull the messages of a key are in order."""
        leases = pull(self.backlog, self.now, limit)
        for key in ("a", "b"):
            mine = [lease.message.data for lease in leases if lease.message.ordering_key == key]
            earlier = [
                lease for lease in self.leases if lease.message.ordering_key == key and lease.expires_at > self.now
            ]
            assert mine == sorted(mine)
            assert not (mine and earlier)
        self.leases += leases

    @rule(data=st.data(), nack=st.booleans())
    def answer(self, data: st.DataObject, *, nack: bool) -> None:
        """Acknowledge or nack a delivered message."""
        if not self.leases:
            return
        lease = data.draw(st.sampled_from(self.leases))
        self.backlog.expire(self.now)
        if nack:
            self.backlog.modify_deadline(self.now, [lease.ack_id], 0)
            self._forget([other for other in self.leases if other.message.ordering_key == lease.message.ordering_key])
        else:
            self.backlog.acknowledge([lease.ack_id])
            self.acknowledged.add(lease.message.data.decode())
            self._forget([lease])

    @rule(seconds=st.sampled_from([1, DEADLINE_S]))
    def wait(self, seconds: int) -> None:
        """Let time pass."""
        self.now += seconds

    def _forget(self, leases: list[Lease]) -> None:
        self.leases = [lease for lease in self.leases if lease not in leases]

    def teardown(self) -> None:
        """Pull everything that is left; every key is in order."""
        received: list[Lease] = []
        while leases := pull(self.backlog, self.now + 2 * DEADLINE_S):
            received += leases
            self.backlog.acknowledge(lease.ack_id for lease in leases)
        for key in ("a", "b"):
            mine = [lease.message.data for lease in received if lease.message.ordering_key == key]
            assert mine == sorted(mine)
        sent = {f"{number:04}" for number in range(1, self.sent + 1)}
        assert sent - self.acknowledged <= set(data_of(received)) <= sent


TestAnyUse = AnyOrderOfOperations.TestCase
TestAnyUse.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@given(st.lists(st.sampled_from(["", "a", "b"]), max_size=20))
@settings(max_examples=50, deadline=None)
def test_every_message_is_delivered(keys: list[str]) -> None:
    backlog = Backlog(ordered=True)
    for number, key in enumerate(keys):
        backlog.add(message(str(number), key))

    received: list[str] = []
    while leases := pull(backlog, limit=3):
        received += data_of(leases)
        backlog.acknowledge(lease.ack_id for lease in leases)
    assert sorted(received) == sorted(map(str, range(len(keys))))
