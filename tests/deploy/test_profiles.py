"""The two profiles: what they set, that given settings win, and what a month costs with each, by the model."""

from pathlib import Path

import pytest

from deploy.profiles import BY_NAME, LARGE, SMALL, chosen, cost_of, events_per_s, profile_for, with_profile
from deploy.spec import SMALL_SENSORS, CostSettings
from tests.deploy.stage import spec


def test_a_thousand_sensors_cost_at_most_five_dollars_a_month() -> None:
    assert cost_of(events_per_s(1_000), SMALL.choices).total <= 5


def test_a_hundred_thousand_sensors_cost_at_most_twice_what_pubsub_alone_costs() -> None:
    cost = cost_of(events_per_s(100_000), LARGE.choices)
    assert cost.total <= 1.30 * 100
    assert cost.total <= 2 * cost.pubsub


@pytest.mark.parametrize("page", ["cost.md", "scaling.md"])
def test_the_pages_name_the_hundred_of_sensors_from_which_the_large_profile_costs_less(page: str) -> None:
    costs_less = next(
        sensors
        for sensors in range(0, SMALL_SENSORS, 100)
        if cost_of(events_per_s(sensors), LARGE.choices).total < cost_of(events_per_s(sensors), SMALL.choices).total
    )
    text = (Path(__file__).parents[2] / "docs" / page).read_text("utf-8")
    assert f"From about {costs_less:,} sensors on, `large` costs less than `small`" in text


def test_both_profiles_write_a_line_of_everything_that_was_not_delivered() -> None:
    assert all(profile.choices.log_events and profile.choices.log_one_of >= 1 for profile in BY_NAME.values())
    assert {profile.request_logs for profile in BY_NAME.values()} == {"errors"}


@pytest.mark.parametrize(
    ("sensors", "profile"), [(None, SMALL), (1, SMALL), (SMALL_SENSORS, SMALL), (SMALL_SENSORS + 1, LARGE)]
)
def test_the_number_of_sensors_chooses_the_profile(sensors: int | None, profile: object) -> None:
    assert profile_for(sensors) is profile


def test_an_existing_deployment_keeps_what_it_has_unless_a_profile_is_set() -> None:
    assert chosen(spec(cost=CostSettings(sensors=50_000)), is_new=False) is None
    assert chosen(spec(cost=CostSettings(profile="large")), is_new=False) is LARGE
    assert chosen(spec(cost=CostSettings(sensors=50_000)), is_new=True) is LARGE
    assert chosen(spec(), is_new=True) is SMALL


def test_given_settings_win_over_those_of_the_profile() -> None:
    given = spec(
        function={"max_instances": "3"},
        settings={"LOG_DELIVERED": "7"},
        cost=CostSettings(profile="large", request_logs="all", billing="request"),
    )
    applied = with_profile(given, LARGE)
    assert (applied.function["max_instances"], applied.settings["LOG_DELIVERED"]) == ("3", "7")
    assert (applied.cost.request_logs, applied.cost.billing) == ("all", "request")


@pytest.mark.parametrize("size", [{"cpu": "2"}, {"concurrency": "90"}, {"memory": "1Gi"}])
def test_a_given_size_that_does_not_fit_the_small_profile_replaces_all_its_sizes(size: dict[str, str]) -> None:
    assert with_profile(spec(function=size), SMALL).function == {**LARGE.sizes, **size}


def test_billing_by_instance_has_at_least_a_processor_also_in_the_small_profile() -> None:
    applied = with_profile(spec(cost=CostSettings(billing="instance")), SMALL)
    assert applied.function["cpu"] == LARGE.sizes["cpu"]


def test_a_profile_that_is_set_also_resets_what_the_other_one_had_set() -> None:
    applied = with_profile(spec(cost=CostSettings(profile="small")), SMALL)
    assert (applied.settings, applied.cost.billing) == ({"LOG_DELIVERED": "1"}, "request")


def test_the_default_of_a_new_deployment_sets_only_what_differs_from_the_defaults() -> None:
    applied = with_profile(spec(), SMALL)
    assert (applied.settings, applied.cost.billing, applied.cost.request_logs) == ({}, None, "errors")
