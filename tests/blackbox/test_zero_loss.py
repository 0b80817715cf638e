"""Zero loss, briefly: both doors, and the control, which has to be caught. ``make prove`` measures it whole."""

import asyncio
from collections.abc import Mapping

import pytest

from tests.prove.scenarios import BRIEF
from tests.prove.zero_loss import CONTROL, DOORS, Result, side_by_side

pytestmark = pytest.mark.timeout(180)  # nine starts of Python, beside the rest of the suite

BRIEFLY = BRIEF[0]
DOOR_NAMES = [door.name for door in DOORS]


@pytest.fixture(scope="module")
def results() -> Mapping[str, Result]:
    """What the brief scenario came to, by variant."""
    return {result.variant.name: result for (result,) in asyncio.run(side_by_side(BRIEF, print))}


@pytest.mark.parametrize("door", DOOR_NAMES)
def test_every_event_that_was_answered_2xx_is_in_the_record(results: Mapping[str, Result], door: str) -> None:
    assert results[door].delivered > 100
    assert results[door].lost == 0, results[door]


@pytest.mark.parametrize("door", DOOR_NAMES)
def test_every_event_is_answered_2xx_in_the_end(results: Mapping[str, Result], door: str) -> None:
    assert results[door].unfinished == 0, results[door]


@pytest.mark.parametrize("door", DOOR_NAMES)
def test_nothing_arrives_that_was_not_sent(results: Mapping[str, Result], door: str) -> None:
    assert results[door].strange == 0, results[door]


@pytest.mark.parametrize("door", DOOR_NAMES)
def test_events_arrive_twice_only_where_an_acknowledgement_was_lost(results: Mapping[str, Result], door: str) -> None:
    assert 0 < results[door].unheard <= BRIEFLY.acks_lost, results[door]


@pytest.mark.parametrize("door", DOOR_NAMES)
def test_a_function_that_is_ended_or_killed_leaves_nothing_on_its_port(
    results: Mapping[str, Result], door: str
) -> None:
    assert results[door].left_behind == 0


def test_a_function_that_answers_before_the_acknowledgement_is_caught(results: Mapping[str, Result]) -> None:
    assert results[CONTROL.name].lost > 0, results[CONTROL.name]
