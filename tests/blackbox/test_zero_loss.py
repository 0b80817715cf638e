"""Zero loss in short form: both entry points, and the control, whose losses must be found; ``make prove`` runs all."""

import asyncio
from collections.abc import Mapping

import pytest

from tests.prove.scenarios import BRIEF
from tests.prove.zero_loss import CONTROL, ENTRY_POINTS, Result, side_by_side

pytestmark = pytest.mark.timeout(180)  # the tests start Python nine times while other tests run

BRIEFLY = BRIEF[0]
ENTRY_POINT_NAMES = [entry_point.name for entry_point in ENTRY_POINTS]


@pytest.fixture(scope="module")
def results() -> Mapping[str, Result]:
    """Return the results of the short scenario by variant."""
    return {result.variant.name: result for (result,) in asyncio.run(side_by_side(BRIEF, print))}


@pytest.mark.parametrize("entry_point", ENTRY_POINT_NAMES)
def test_every_event_that_was_answered_2xx_was_acknowledged_by_pubsub(
    results: Mapping[str, Result], entry_point: str
) -> None:
    assert results[entry_point].delivered > 100
    assert results[entry_point].lost == 0, results[entry_point]


@pytest.mark.parametrize("entry_point", ENTRY_POINT_NAMES)
def test_every_event_is_answered_2xx_in_the_end(results: Mapping[str, Result], entry_point: str) -> None:
    assert results[entry_point].unfinished == 0, results[entry_point]


@pytest.mark.parametrize("entry_point", ENTRY_POINT_NAMES)
def test_no_event_arrives_that_was_not_sent(results: Mapping[str, Result], entry_point: str) -> None:
    assert results[entry_point].strange == 0, results[entry_point]


@pytest.mark.parametrize("entry_point", ENTRY_POINT_NAMES)
def test_an_event_arrives_twice_only_if_its_acknowledgement_was_lost(
    results: Mapping[str, Result], entry_point: str
) -> None:
    assert 0 < results[entry_point].unheard <= BRIEFLY.acks_lost, results[entry_point]


@pytest.mark.parametrize("entry_point", ENTRY_POINT_NAMES)
def test_a_function_that_ended_or_was_killed_leaves_no_process_on_its_port(
    results: Mapping[str, Result], entry_point: str
) -> None:
    assert results[entry_point].left_behind == 0


def test_the_losses_of_a_function_that_answers_before_the_acknowledgement_are_found(
    results: Mapping[str, Result],
) -> None:
    assert results[CONTROL.name].lost > 0, results[CONTROL.name]
