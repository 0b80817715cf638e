"""How far a backfill is with one device: an event is only skipped if it is known to be on the main topic."""

import random

import pytest

from deploy.repair.backfill.place import MOST_MISSING, Place

START = 1_800_000_000.0
AT = int(START * 1e6)


def test_nothing_is_skipped_before_anything_was_sent() -> None:
    assert Place().reads_from(START) == START
    assert not Place().has_sent("a", AT)
    assert not Place().is_done


def test_what_was_sent_is_skipped_and_what_is_missing_is_read_again() -> None:
    place = Place().after("a", AT, is_published=True).after("b", AT + 1, is_published=False)
    place = place.after("c", AT + 2, is_published=True).after("d", AT + 3, is_published=True)
    assert [place.has_sent(key, at) for key, at in (("a", AT), ("b", AT + 1), ("c", AT + 2))] == [True, False, True]
    assert place.reads_from(START) == (AT + 1) / 1e6
    assert not place.finished().is_done
    assert place.finished().after("b", AT + 1, is_published=True).is_done


def test_events_of_the_last_time_are_sent_again_until_the_device_is_finished() -> None:
    place = Place().after("a", AT, is_published=True)
    assert not place.has_sent("b", AT)
    assert place.finished().has_sent("b", AT)


def test_an_event_without_a_usable_time_does_not_move_the_window() -> None:
    assert Place().after("a", 0, is_published=False).reads_from(START) == START


def test_a_published_event_older_than_the_place_does_not_move_it_back() -> None:
    place = Place().after("a", AT + 5, is_published=True).after("b", AT, is_published=True)
    assert place.sent_to == AT + 5


def test_events_from_before_1970_are_not_taken_for_sent() -> None:
    place = Place().after("a", -5, is_published=True)
    assert not place.has_sent("b", -3)


@pytest.mark.parametrize("seed", range(20))
def test_no_run_that_ends_anywhere_makes_a_later_one_skip_what_is_not_on_main(seed: int) -> None:
    chance = random.Random(seed)
    events = [(f"e{number}", AT + number // 2) for number in range(40)]
    on_main: set[str] = set()
    place = Place()
    for _ in range(6):
        todo = [(key, at) for key, at in events if at / 1e6 >= place.reads_from(START) and not place.has_sent(key, at)]
        assert {key for key, _ in events} - {key for key, _ in todo} <= on_main
        stop = chance.randrange(len(todo) + 1)
        for key, at in todo[:stop]:
            is_published = chance.random() < 0.7
            on_main |= {key} if is_published else set()
            place = place.after(key, at, is_published=is_published)
        place = place.finished() if stop == len(todo) else place
        if place.is_done:
            assert on_main == {key for key, _ in events}


def test_if_too_many_are_missing_all_later_ones_are_sent_again() -> None:
    place = Place()
    for number in range(MOST_MISSING + 5):
        place = place.after(f"e{number}", AT + number, is_published=False)
    place = place.after("late", AT + 2 * MOST_MISSING, is_published=True).finished()
    assert len(place.missing) == MOST_MISSING
    assert not place.is_finished
    assert not place.has_sent("late", AT + 2 * MOST_MISSING)
    assert not place.has_sent(f"e{MOST_MISSING + 2}", AT + MOST_MISSING + 2)
