"""The messages that follow keeps in memory, and the state of its connection."""

import threading

from deploy.live.feed import OVERHEAD_BYTES, Connection, Feed, Status
from tests.deploy.live.builders import message


def numbers(feed: Feed, since: int) -> tuple[list[int], int]:
    kept, lost = feed.since(since)
    assert all(str(number) == kept_message.id for number, kept_message in kept)
    return [number for number, _ in kept], lost


def test_messages_get_running_numbers_and_are_read_from_any_of_them() -> None:
    feed = Feed()
    assert [feed.add(message(number=number)) for number in (1, 2, 3)] == [1, 2, 3]

    assert numbers(feed, 0) == ([1, 2, 3], 0)
    assert numbers(feed, 2) == ([3], 0)
    assert numbers(feed, 3) == numbers(feed, 99) == ([], 0)


def test_an_empty_feed_has_lost_nothing() -> None:
    assert numbers(Feed(), 0) == ([], 0)


def test_the_oldest_messages_make_room_and_a_late_reader_learns_how_many_it_missed() -> None:
    feed = Feed(max_messages=3)
    for number in range(1, 11):
        feed.add(message(number=number))

    assert numbers(feed, 0) == ([8, 9, 10], 7)
    assert numbers(feed, 6) == ([8, 9, 10], 1)
    assert numbers(feed, 7) == ([8, 9, 10], 0)


def test_the_feed_is_bounded_by_bytes_and_always_keeps_the_newest_message() -> None:
    feed = Feed(max_bytes=3 * (OVERHEAD_BYTES + 100))
    for number in (1, 2, 3, 4):
        feed.add(message(b"x" * 100, number=number, attributes={}))
    assert numbers(feed, 0) == ([2, 3, 4], 1)

    feed.add(message(b"x" * 100_000, number=5))
    assert numbers(feed, 0) == ([5], 4)
    feed.add(message(b"x", number=6, attributes={}))
    assert numbers(feed, 0) == ([6], 5)


def test_waiting_ends_with_the_next_message_or_with_the_timeout() -> None:
    feed = Feed()
    assert not feed.wait(0, timeout=0)
    came: list[bool] = []
    waiting = threading.Thread(target=lambda: came.append(feed.wait(0, timeout=60)))
    waiting.start()

    feed.add(message())
    waiting.join(60)

    assert came == [True]
    assert feed.wait(0, timeout=0)
    assert not feed.wait(1, timeout=0)


def test_messages_added_by_several_threads_are_all_there() -> None:
    feed = Feed()
    threads = [threading.Thread(target=lambda: [feed.add(message()) for _ in range(250)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [number for number, _ in feed.since(0)[0]] == list(range(1, 1001))


def test_a_connection_knows_since_when_it_is_in_its_state_and_when_it_last_heard_from_pubsub() -> None:
    times = iter((10.0, 11.0, 12.0, 13.0, 14.0, 15.0))
    connection = Connection(lambda: next(times))
    assert connection.get() == Status("connecting", 10, "", 0)

    assert connection.set("live")
    assert not connection.set("live")
    assert connection.get() == Status("live", 11, "", 12)

    assert connection.set("lost", "no route to host")
    assert connection.get() == Status("lost", 13, "no route to host", 12)
    assert not connection.set("lost", "timeout")
    assert connection.get() == Status("lost", 13, "timeout", 12)
    assert connection.set("live", "back after 2 s")
