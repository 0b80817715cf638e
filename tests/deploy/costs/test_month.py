"""The cost of a month at a measured rate is that of docs/scaling.md."""

import json
from dataclasses import fields

import pytest

from deploy.costs.bill import AS_DEPLOYED, Choices, bill, money
from deploy.costs.month import EVENT, usage_of
from deploy.costs.prices import ENTRIES, PRICES
from deploy.profiles import BY_NAME, Profile, cost_of, events_per_s
from tests.bench.capacity import Load
from tests.bench.scaling_tables import FIGURES, profiled, sized


def dollars(per_s: float, kept: int = 0, choices: Choices = AS_DEPLOYED) -> float:
    return bill(usage_of(per_s, kept), choices, PRICES, ENTRIES).total


@pytest.mark.parametrize("sensors", [1_000, 10_000, 100_000])
def test_the_rate_of_so_many_sensors_costs_what_the_scaling_page_says(sensors: int) -> None:
    expected = sized(json.loads(FIGURES.read_text("utf-8")), sensors)
    assert dollars(Load(sensors).mean_per_s, expected.min_instances) == pytest.approx(expected.cost.total, rel=0.001)


@pytest.mark.parametrize("profile", BY_NAME.values(), ids=BY_NAME)
@pytest.mark.parametrize("sensors", [1_000, 10_000, 100_000])
def test_plan_says_the_same_dollars_as_the_pages(profile: Profile, sensors: int) -> None:
    page = profiled(json.loads(FIGURES.read_text("utf-8")), sensors, profile).cost.total
    assert money(cost_of(events_per_s(sensors), profile.choices).total) == money(page)


def test_the_figures_of_an_event_are_the_measured_ones() -> None:
    measured = sized(json.loads(FIGURES.read_text("utf-8")), 1_000).event
    for field in fields(EVENT):
        assert getattr(EVENT, field.name) == pytest.approx(getattr(measured, field.name), rel=0.01), field.name


@pytest.mark.parametrize(
    ("amount", "words"), [(0.0, "under $1"), (0.99, "under $1"), (3.77, "about $4"), (126.65, "about $127")]
)
def test_an_amount_is_rounded_to_whole_dollars(amount: float, words: str) -> None:
    assert money(amount) == words


def test_without_events_nothing_is_paid_but_a_kept_instance() -> None:
    assert dollars(0) == 0
    assert dollars(0, kept=1) == pytest.approx(9.86, abs=0.01)


def test_billed_by_instance_each_minimum_instance_costs_as_much_as_one_that_is_busy_even_if_it_is_idle() -> None:
    by_instance = Choices(billed_by_instance=True)
    none, one, two = (dollars(1, kept, by_instance) for kept in (0, 1, 2))
    assert none == one
    assert two - one == pytest.approx(49.93, abs=0.01)


def test_a_quiet_log_lowers_the_cost_of_many_events() -> None:
    assert dollars(400, choices=Choices(log_events=False)) < dollars(400)
