"""What ``plan``, ``up`` and ``status`` say about the profile and the cost of a month."""

import pytest

from deploy.spec import CostSettings, SubscriptionSettings, Warehouse
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
    assert "cost: about $127 a month at 100,000 sensors (prices of" in stage.shown
    assert stage.deployment(cost=CostSettings(sensors=100_000)).up(verify=False) == NOTHING_TO_DO
    assert (
        stage.google.things["functions", "dt-pubsub"]["serviceConfig"]["environmentVariables"]["LOG_DELIVERED"] == "100"
    )


def test_an_existing_deployment_keeps_its_profile_and_is_told_of_one_that_costs_much_less(up: Stage) -> None:
    assert up.deployment(cost=CostSettings(sensors=50_000)).plan() == NOTHING_TO_DO
    assert "profile small is kept" in up.shown
    assert "a month at 50,000 sensors; with --profile=large about $86" in up.shown


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


@pytest.mark.parametrize(("profile", "sensors", "cost"), [("large", 100_000, "$127"), ("small", 10_000, "$99")])
def test_the_cost_of_an_existing_deployment_is_the_same_with_and_without_its_profile_as_a_setting(
    stage: Stage, profile: str, sensors: int, cost: str
) -> None:
    stage.deployment(cost=CostSettings(profile=profile)).up(verify=False)
    for settings in (CostSettings(profile=profile, sensors=sensors), CostSettings(sensors=sensors)):
        stage.clear_screen()
        stage.deployment(cost=settings).plan()
        assert f"cost: about {cost} a month at {sensors:,} sensors" in stage.shown


def test_exclusions_of_the_log_that_cannot_be_read_are_named_beside_the_cost(up: Stage) -> None:
    up.api.estate.denied.add("logging.exclusions.list")
    assert up.deployment().plan() == NOTHING_TO_DO
    assert "; with Cloud Run's own log entries, as the log's exclusions cannot be read (prices" in up.shown


def test_minimum_instances_cost_the_same_whether_they_are_set_or_deployed(stage: Stage) -> None:
    five, many = {"min_instances": "5"}, CostSettings(sensors=1_000)
    stage.deployment(function=five).up(verify=False)
    for function in (five, {}):
        stage.clear_screen()
        stage.deployment(function=function, cost=many).plan()
        assert "cost: about $17 a month at 1,000 sensors" in stage.shown


def test_further_subscriptions_and_what_is_written_into_bigquery_are_in_the_cost(stage: Stage) -> None:
    many, large = CostSettings(sensors=100_000), CostSettings(profile="large", sensors=100_000)
    two = (SubscriptionSettings("alarms"), SubscriptionSettings("archive"))
    stage.deployment(cost=large, subscriptions=two).up(verify=False)
    assert "cost: about $185 a month" in stage.shown
    stage.deployment(cost=large, subscriptions=two, bigquery=Warehouse("sensors")).up(verify=False)
    with_bigquery = "cost: about $318 a month at 100,000 sensors; what BigQuery stores and reads comes on top"
    assert with_bigquery in stage.shown
    stage.clear_screen()
    stage.deployment(cost=many).plan()
    assert with_bigquery in stage.shown
    stage.deployment(cost=many).status()
    assert "; about $318 for 100,000 sensors; what BigQuery stores and reads comes on top" in stage.shown


def test_a_small_profile_whose_sizes_do_not_fit_the_settings_says_so(stage: Stage) -> None:
    stage.deployment(cost=CostSettings(profile="small"), function={"memory": "1Gi"}).plan()
    assert "profile small, as set, with the sizes of large: a cpu, memory, concurrency or billing is set" in stage.shown
    assert "a fifth of a processor" not in stage.shown
    assert "--memory=1Gi --cpu=1 --concurrency=80" in stage.shown


def test_sizes_that_are_those_of_the_small_profile_fit_it(stage: Stage) -> None:
    stage.deployment(cost=CostSettings(profile="small"), function={"cpu": "0.2"}).plan()
    assert "profile small, as set: a fifth of a processor" in stage.shown
    assert "--memory=256Mi --cpu=0.2 --concurrency=1" in stage.shown


def test_a_set_small_profile_changes_nothing_in_a_new_deployment_that_has_it_anyway(up: Stage) -> None:
    assert up.deployment(cost=CostSettings(profile="small")).plan() == NOTHING_TO_DO
    assert "none ->" not in up.shown


def test_a_set_small_profile_resets_the_lines_that_the_large_one_had_left_out(stage: Stage) -> None:
    stage.deployment(cost=CostSettings(profile="large")).up(verify=False)
    assert stage.deployment(cost=CostSettings(profile="small")).plan() == CHANGES
    assert "LOG_DELIVERED 100 -> 1" in stage.shown
    assert "label dt-pubsub-billing instance -> request" in stage.shown


@pytest.mark.parametrize("profile", ["small", "large"])
@pytest.mark.parametrize("verb", ["plan", "up"])
def test_a_profile_that_is_no_longer_set_is_kept_and_plan_and_up_say_so(stage: Stage, profile: str, verb: str) -> None:
    stage.deployment(cost=CostSettings(profile=profile)).up(verify=False)
    stage.clear_screen()
    assert stage.deployment().run(verb) == NOTHING_TO_DO
    assert f"profile {profile} is kept, as it is deployed and no profile is set\n" in stage.shown


def test_settings_of_no_profile_are_kept_and_plan_says_so(stage: Stage) -> None:
    stage.deployment(cost=CostSettings(profile="large", request_logs="all")).up(verify=False)
    stage.clear_screen()
    stage.deployment().plan()
    assert "no profile is set, and the deployment is like none: its sizes, log lines and billing stay" in stage.shown
