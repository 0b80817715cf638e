"""What ``plan``, ``up`` and ``status`` say about the profile and the cost of a month."""

import pytest

from deploy.spec import CostSettings
from deploy.verbs.exit_codes import CHANGES, NOTHING_TO_DO
from tests.deploy.stage import Stage


def test_a_new_deployment_says_which_profile_it_gets_and_why(stage: Stage) -> None:
    assert stage.deployment().plan() == CHANGES
    assert "profile small, as the number of sensors is not given: a fifth of a processor" in stage.shown
    assert (
        "cost: about $4 a month at 1,000 sensors, about $99 a month at 10,000 sensors; --sensors=COUNT" in stage.shown
    )
    assert "(prices of 2026-11-23, docs/cost.md)" in stage.shown
    assert "--cpu=0.2 --concurrency=1" in stage.shown


def test_the_number_of_sensors_chooses_the_profile_and_gives_the_cost(stage: Stage) -> None:
    assert stage.deployment(cost=CostSettings(sensors=100_000)).plan() == CHANGES
    assert "profile large, as there are 100,000 sensors: " in stage.shown
    assert "cost: about $126 a month at 100,000 sensors (prices of" in stage.shown
    assert stage.deployment(cost=CostSettings(sensors=100_000)).up(verify=False) == NOTHING_TO_DO
    assert (
        stage.google.things["functions", "dt-pubsub"]["serviceConfig"]["environmentVariables"]["LOG_DELIVERED"] == "100"
    )


def test_an_existing_deployment_keeps_its_profile_and_is_told_of_one_that_costs_much_less(up: Stage) -> None:
    assert up.deployment(cost=CostSettings(sensors=50_000)).plan() == NOTHING_TO_DO
    assert "profile" not in up.shown.partition("cost: ")[0]
    assert "a month at 50,000 sensors; with --profile=large about $85" in up.shown


def test_fewer_event_types_cost_less(up: Stage) -> None:
    up.deployment(cost=CostSettings(sensors=10_000), event_types=("temperature", "touch")).plan()
    assert "cost: about $27 a month at 10,000 sensors (prices" in up.shown


def test_the_cost_is_in_the_document_of_json(stage: Stage) -> None:
    stage.deployment(in_json=True, cost=CostSettings(sensors=1_000)).plan()
    assert stage.in_json()["cost"] == {
        "profile": "small",
        "sensors": 1_000,
        "dollarsPerMonth": pytest.approx(3.77, abs=0.02),
        "pricesAsOf": "2026-11-23",
    }


def test_status_says_the_cost_of_so_many_sensors_beside_that_of_the_measured_rate(up: Stage) -> None:
    up.deployment(cost=CostSettings(sensors=1_000)).status()
    assert "; about $4 for 1,000 sensors; prices of 2026-11-23" in up.shown


def test_status_counts_the_settings_that_are_deployed(up: Stage) -> None:
    del up.api.exclusions.items["dt-pubsub-dt-pubsub-requests"]
    up.deployment(cost=CostSettings(sensors=10_000)).status()
    assert "; about $144 for 10,000 sensors" in up.shown
