"""What ``plan``, ``up`` and ``status`` say about the profile and the cost of a month."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from deploy.dt.calls import DtAnswer, DtRequest
from deploy.errors import DeployError, NotReady
from deploy.parallel import LEAVE_S
from deploy.spec import CostSettings, SubscriptionSettings, Warehouse
from deploy.stages.counting import LONGEST_S
from deploy.verbs.exit_codes import CHANGES, NOTHING_TO_DO
from tests.deploy.fakes.dt import DT_PROJECT, SECOND
from tests.deploy.stage import Deployment, Stage
from tests.function.fakes import FakeClock
from tests.pace import in_time

HOUR_S = 3600
LONG_S = 60.0


def is_device_list(request: DtRequest) -> bool:
    return request.path.endswith("/devices") and "label_filters" not in request.params


def test_a_new_deployment_says_which_profile_it_gets_and_why(stage: Stage) -> None:
    stage.requests = {}
    assert stage.deployment().plan() == CHANGES
    assert "profile small, as neither a profile nor --sensors is set: a fifth of a processor" in stage.shown
    usual = "cost: about $4 a month at 1,000 sensors, about $99 a month at 10,000 sensors"
    assert f"{usual}; no sensors yet in DT project {DT_PROJECT}; --sensors=COUNT says it for yours (" in stage.shown
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
        "by": "given",
        "sensors": 1_000,
        "eventsPerSecond": pytest.approx(3.68, abs=0.01),
        "dollarsPerMonth": 3.77,
        "pricesAsOf": "2026-11-23",
    }


def test_status_says_the_cost_of_the_set_sensors_in_its_row_and_at_its_end_and_that_of_the_measured_rate_beside_it(
    up: Stage,
) -> None:
    up.requests, up.measured_s = {"200": 4 * 24 * HOUR_S}, 24 * HOUR_S
    up.deployment(cost=CostSettings(sensors=100)).status(links=True)
    set_here = "under $1 a month at 100 sensors"
    assert f" {set_here}; about $5 at 4 requests/s, measured over 1 d; prices of 2026-11-23" in up.shown
    assert up.report.next_steps is not None
    assert up.report.next_steps.cost == f"{set_here} (docs/cost.md)"
    assert up.report.health is not None
    assert (up.report.health["cost"]["by"], up.report.health["cost"]["requestsPerSecond"]) == ("given", 4)


def test_status_says_beside_the_cost_of_the_set_sensors_that_dt_sent_nothing(up: Stage) -> None:
    up.requests = {"404": 9}
    up.deployment(cost=CostSettings(sensors=1_000)).status()
    assert "about $4 a month at 1,000 sensors; no requests from DT in the last 24 h; prices of" in up.shown


def test_status_says_beside_the_cost_of_the_set_sensors_why_nothing_was_measured(up: Stage) -> None:
    up.monitoring_fails = DeployError("did not answer (500)", where="Cloud Monitoring")
    up.deployment(cost=CostSettings(sensors=1_000)).status()
    why = "the requests could not be counted: did not answer (500)"
    assert f"about $4 a month at 1,000 sensors; {why}; prices of" in up.shown


def test_status_counts_the_settings_that_are_deployed(up: Stage) -> None:
    del up.api.exclusions.items["dt-pubsub-dt-pubsub-requests"]
    up.deployment(cost=CostSettings(sensors=10_000)).status()
    assert "about $144 a month at 10,000 sensors; " in up.shown


@pytest.mark.parametrize(("profile", "sensors", "cost"), [("large", 100_000, "$127"), ("small", 10_000, "$99")])
def test_the_cost_of_an_existing_deployment_is_the_same_with_and_without_its_profile_as_a_setting(
    stage: Stage, profile: str, sensors: int, cost: str
) -> None:
    stage.deployment(cost=CostSettings(profile=profile)).up(verify=False)
    for settings in (CostSettings(profile=profile, sensors=sensors), CostSettings(sensors=sensors)):
        stage.clear_screen()
        stage.deployment(cost=settings).plan()
        assert f"cost: about {cost} a month at {sensors:,} sensors" in stage.shown


def test_an_exclusion_that_was_deleted_by_hand_is_named_beside_the_cost_with_the_flag_that_brings_it_back(
    up: Stage,
) -> None:
    kept = "with Cloud Run's own log entries of answers 2xx, which --request-logs=errors leaves out"
    up.clear_screen()
    up.deployment().plan()
    assert kept not in up.shown
    del up.api.exclusions.items["dt-pubsub-dt-pubsub-requests"]
    up.deployment().plan()
    assert kept in up.shown
    up.clear_screen()
    up.deployment(cost=CostSettings(request_logs="all")).plan()
    assert kept not in up.shown
    assert up.deployment(cost=CostSettings(request_logs="errors")).up(verify=False) == NOTHING_TO_DO
    assert "dt-pubsub-dt-pubsub-requests" in up.api.exclusions.items


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
    stage.clear_screen()
    stage.deployment(cost=many).status()
    assert "about $318 a month at 100,000 sensors; " in stage.shown
    assert "a first guess from 5 min; what BigQuery stores and reads comes on top; prices of" in stage.shown


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
    kept = "no profile is set: the deployment keeps its sizes, log lines and billing, which are those of none"
    assert kept in stage.shown


@pytest.mark.parametrize(
    ("settings", "change"),
    [
        ({"function": {"memory": "1Gi", "cpu": "1"}}, "memory 256Mi -> 1Gi"),
        ({"function": {"max_instances": "7"}}, "max_instances 40 -> 7"),
        ({"settings": {"LOG_DELIVERED": "50"}}, "LOG_DELIVERED none -> 50"),
        ({"cost": CostSettings(request_logs="all")}, "delete"),
        (
            {
                "function": {"memory": "512Mi", "cpu": "1", "concurrency": "80"},
                "settings": {"LOG_DELIVERED": "100"},
                "cost": CostSettings(billing="instance"),
            },
            "memory 256Mi -> 512Mi",
        ),
    ],
)
def test_settings_of_your_own_that_change_what_is_deployed_are_named_instead_of_a_profile_that_is_kept(
    up: Stage, settings: dict[str, Any], change: str
) -> None:
    assert up.deployment(**settings).plan() == CHANGES
    assert change in up.shown
    own = "\nno profile is set; settings of your own change the sizes, log lines or billing that are deployed\n"
    assert own in up.shown
    assert "stay" not in up.shown
    assert "is kept" not in up.shown


@pytest.mark.parametrize("settings", [{"function": {"memory": "256Mi"}}, {"cost": CostSettings(billing="request")}])
def test_settings_that_are_deployed_already_keep_the_profile(up: Stage, settings: dict[str, Any]) -> None:
    up.deployment(**settings).plan()
    assert "profile small is kept, as it is deployed" in up.shown


def test_no_profile_is_named_if_the_exclusions_of_the_log_cannot_be_read(up: Stage) -> None:
    up.api.estate.denied.add("logging.exclusions.list")
    up.deployment().plan()
    assert "\nno profile is set: sizes, log lines and billing stay as they are deployed\n" in up.shown


# From what the cost is known, if no number of sensors is set


def test_a_new_deployment_shows_the_cost_of_the_sensors_that_its_dt_projects_have(stage: Stage) -> None:
    stage.dt.connectors[SECOND] = []
    for number in range(150):
        stage.dt.has_device(f"s{number:03}")
    stage.dt.has_device("t1", SECOND)
    stage.dt.has_device("gateway", SECOND, type="ccon")
    assert stage.deployment(dt_projects=(DT_PROJECT, SECOND)).plan() == CHANGES
    assert "\ncost: under $1 a month for the 151 sensors that DT has in 2 DT projects (prices of" in stage.shown
    assert stage.report.cost is not None
    assert (stage.report.cost["by"], stage.report.cost["sensors"]) == ("counted", 151)


def test_the_number_of_sensors_that_dt_says_recommends_a_profile(stage: Stage) -> None:
    stage.dt.page_size, stage.dt.sensor_counts = 1, {DT_PROJECT: 50_000}
    for number in range(9):
        stage.dt.has_device(f"s{number}")
    stage.deployment().plan()
    counted = f"cost: about $621 a month for the 50,000 sensors that DT has in DT project {DT_PROJECT}"
    assert f"{counted}; with --profile=large about $86 (" in stage.shown
    assert "profile small, as neither a profile nor --sensors is set" in stage.shown


def test_emulated_sensors_are_counted_and_named(stage: Stage) -> None:
    stage.dt.has_device("emu1")
    stage.deployment().plan()
    assert f"for the 1 sensor that DT has in DT project {DT_PROJECT} (1 emulated) (prices of" in stage.shown


@pytest.mark.parametrize(
    ("measured_s", "words"), [(3 * HOUR_S, "measured over 3 h"), (24 * HOUR_S, "measured over 1 d")]
)
def test_an_existing_deployment_shows_the_cost_of_the_measured_rate(up: Stage, measured_s: int, words: str) -> None:
    up.dt.has_device("s1")
    up.requests, up.measured_s = {"200": 4 * measured_s}, measured_s
    assert up.deployment().plan() == NOTHING_TO_DO
    assert f"\ncost: about $5 a month at 4 requests/s, {words} (prices of" in up.shown


def test_a_deployment_of_an_hour_shows_the_cost_of_its_sensors(up: Stage) -> None:
    up.dt.has_device("s1")
    up.requests, up.measured_s = {"200": 4 * HOUR_S}, HOUR_S
    up.deployment().plan()
    assert f"for the 1 sensor that DT has in DT project {DT_PROJECT} (prices of" in up.shown


def test_a_plan_that_changes_what_the_connectors_send_shows_the_cost_of_the_sensors(up: Stage) -> None:
    up.dt.has_device("s1")
    up.requests, up.measured_s = {"200": 4 * 24 * HOUR_S}, 24 * HOUR_S
    assert up.deployment(event_types=("touch",)).plan() == CHANGES
    assert f"for the 1 sensor that DT has in DT project {DT_PROJECT} (prices of" in up.shown


def test_a_plan_that_changes_what_the_connectors_send_guesses_from_the_old_rate_without_sensors(up: Stage) -> None:
    up.requests, up.measured_s = {"200": 4 * 24 * HOUR_S}, 24 * HOUR_S
    up.deployment(event_types=("touch",)).plan()
    guess = "about $5 a month at 4 requests/s, measured over 1 d, before this change; no sensors yet in DT project"
    assert f"{guess} {DT_PROJECT}; --sensors=COUNT says it for yours" in up.shown


def test_a_plan_that_repairs_a_url_and_labels_keeps_to_the_measured_rate(up: Stage) -> None:
    up.dt.has_device("s1")
    up.requests, up.measured_s = {"200": 4 * 24 * HOUR_S}, 24 * HOUR_S
    up.dt.connectors[DT_PROJECT][0]["httpConfig"]["url"] = "https://dt-pubsub-old.a.run.app"
    assert up.deployment(connector_labels=("site",)).plan() == CHANGES
    assert "labels none -> " in up.shown
    assert "url https://dt-pubsub-old.a.run.app -> " in up.shown
    assert "at 4 requests/s, measured over 1 d (prices of" in up.shown


@pytest.mark.parametrize("is_there", [True, False])
def test_a_plan_that_switches_a_connector_on_or_makes_one_shows_the_cost_of_the_sensors(
    up: Stage, *, is_there: bool
) -> None:
    up.dt.has_device("s1")
    up.requests, up.measured_s = {"200": 4 * 24 * HOUR_S}, 24 * HOUR_S
    up.dt.connectors[DT_PROJECT][0]["status"] = "SYSTEM_DISABLED"
    del up.dt.connectors[DT_PROJECT][int(is_there) :]
    assert up.deployment().plan() == CHANGES
    assert f"for the 1 sensor that DT has in DT project {DT_PROJECT} (prices of" in up.shown


def test_a_refused_list_of_devices_fails_nothing_and_is_named(up: Stage) -> None:
    up.dt.before = lambda request: DtAnswer(403, {"error": "permission denied"}) if is_device_list(request) else None
    up.requests = {}
    assert up.deployment().plan() == NOTHING_TO_DO
    why = "the sensors could not be counted: 403 permission denied; --sensors=COUNT says it for yours (prices of"
    assert f"cost: about $4 a month at 1,000 sensors, about $99 a month at 10,000 sensors; {why}" in up.shown
    assert up.deployment().up(verify=False) == NOTHING_TO_DO
    assert up.deployment().status() == NOTHING_TO_DO
    assert "no requests from DT in the last 24 h, so next to nothing; the sensors could not be counted: 403" in up.shown


def test_a_refused_measurement_fails_nothing(up: Stage) -> None:
    up.dt.has_device("s1")
    up.monitoring_fails = DeployError("you may not read it", where="Cloud Monitoring")
    assert up.deployment().plan() == NOTHING_TO_DO
    why = "the requests could not be counted: you may not read it"
    assert f"for the 1 sensor that DT has in DT project {DT_PROJECT}; {why} (prices of" in up.shown
    up.dt.devices.clear()
    up.deployment().plan()
    assert f"; no sensors yet in DT project {DT_PROJECT}; {why}; --sensors=COUNT says it for yours (" in up.shown


def test_a_new_deployment_names_no_refused_measurement_as_there_is_nothing_to_measure(stage: Stage) -> None:
    stage.monitoring_fails = DeployError("is off", where="Cloud Monitoring")
    stage.deployment().plan()
    assert f"; no sensors yet in DT project {DT_PROJECT}; --sensors=COUNT says it for yours (" in stage.shown


@pytest.mark.parametrize("requests", [{"404": 3 * HOUR_S}, {"403": 3 * HOUR_S}])
def test_requests_of_a_scanner_are_no_rate(up: Stage, requests: dict[str, int]) -> None:
    up.dt.has_device("s1")
    up.requests, up.measured_s = requests, 3 * HOUR_S
    up.deployment().plan()
    assert f"cost: under $1 a month for the 1 sensor that DT has in DT project {DT_PROJECT} (prices" in up.shown


def test_a_first_guess_is_shown_without_the_cost_of_another_profile(up: Stage) -> None:
    up.requests = {"200": 300 * 400}
    up.deployment().plan()
    assert "a month at 400 requests/s, a first guess from 5 min; no sensors yet in DT project" in up.shown
    assert "--profile" not in up.shown.partition("cost: ")[2].partition("\n")[0]


def counts_wait_for(event: threading.Event) -> Callable[[DtRequest], DtAnswer | None]:
    """Let DT answer a count of sensors after this event."""

    def wait(request: DtRequest) -> None:
        if "page_size" in request.params:
            event.wait(LONG_S)

    return wait


class Hurried(FakeClock):
    """A clock by which a second passes with each look."""

    def __call__(self) -> float:
        """Return the seconds."""
        self.advance(1)
        return super().__call__()


@pytest.mark.parametrize("verb", ["plan", "up", "status"])
def test_a_count_that_takes_too_long_fails_nothing_and_is_not_waited_for(up: Stage, verb: str) -> None:
    silent = threading.Event()
    up.dt.before = counts_wait_for(silent)
    up.requests, up.monotonic = {}, Hurried()
    begun_at, began_at = time.monotonic(), up.monotonic()
    run: dict[str, Callable[[Deployment], int]] = {
        "plan": Deployment.plan,
        "up": lambda deployment: deployment.up(verify=False),
        "status": Deployment.status,
    }
    assert run[verb](up.deployment()) == NOTHING_TO_DO
    took_s, waited_s = time.monotonic() - begun_at, up.monotonic() - began_at
    silent.set()
    assert "the sensors could not be counted: it took too long" in up.shown
    assert LONGEST_S <= waited_s <= LONGEST_S + 3
    in_time(took_s, LONG_S / 2)


def test_both_numbers_of_a_plan_have_one_deadline(up: Stage) -> None:
    silent = threading.Event()
    up.dt.before = counts_wait_for(silent)
    up.monotonic = Hurried()
    context = replace(up.deployment().context, read_time_series=lambda *_: [silent.wait(LONG_S)])
    began_at = up.monotonic()
    assert Deployment(context).plan() == NOTHING_TO_DO
    waited_s = up.monotonic() - began_at
    silent.set()
    assert LONGEST_S <= waited_s <= LONGEST_S + 3
    assert "about $4 a month at 1,000 sensors" in up.shown


def test_a_plan_that_fails_does_not_wait_for_the_count(stage: Stage) -> None:
    silent = threading.Event()
    stage.dt.before = counts_wait_for(silent)
    stage.dt.permissions = []
    begun_at = time.monotonic()
    with pytest.raises(NotReady):
        stage.deployment().plan()
    took_s = time.monotonic() - begun_at
    silent.set()
    in_time(took_s, 0.9 * LEAVE_S)


def test_nothing_is_counted_if_the_number_is_set(up: Stage) -> None:
    up.deployment(cost=CostSettings(sensors=1_000)).plan()
    up.deployment(cost=CostSettings(sensors=1_000)).status()
    assert not [request for request in up.dt.asked if "page_size" in request.params]


def test_sensors_are_counted_while_google_is_read(up: Stage) -> None:
    is_google_read, waited = threading.Event(), list[bool]()

    def wait_for_google(request: DtRequest) -> None:
        if is_device_list(request):
            waited.append(is_google_read.wait(10))

    up.dt.before = wait_for_google
    up.google.before = lambda argv: is_google_read.set() if argv[:2] == ("functions", "describe") else None
    assert up.deployment().plan() == NOTHING_TO_DO
    assert waited == [True]


def test_up_ends_with_the_cost_of_this_deployment(stage: Stage) -> None:
    for number in range(9):
        stage.dt.has_device(f"s{number}")
    stage.deployment().up(verify=False)
    counted = f"under $1 a month for the 9 sensors that DT has in DT project {DT_PROJECT}"
    assert f"  {counted} (docs/cost.md)\n" in stage.shown.partition("nothing is left to do")[2]
    assert stage.report.next_steps is not None
    assert stage.report.next_steps.as_json()["cost"] == f"{counted} (docs/cost.md)"


def test_up_without_changes_reports_the_cost_of_this_deployment(up: Stage) -> None:
    up.dt.has_device("s1")
    assert up.deployment().up() == NOTHING_TO_DO
    assert up.report.next_steps is not None
    counted = f"under $1 a month for the 1 sensor that DT has in DT project {DT_PROJECT}"
    assert up.report.next_steps.cost == f"{counted} (docs/cost.md)"


def test_up_ends_with_the_cost_of_usual_sizes_if_that_of_this_deployment_is_not_known(stage: Stage) -> None:
    stage.requests = {}
    stage.deployment().up(verify=False)
    assert "about $4 a month for a thousand sensors, and with the profile large" in stage.shown


def test_status_shows_the_cost_of_the_sensors_until_hours_are_measured(up: Stage) -> None:
    up.dt.has_device("s1")
    up.deployment().status(links=True)
    counted = f"under $1 a month for the 1 sensor that DT has in DT project {DT_PROJECT}"
    assert f"{counted}; prices of 2026-11-23" in up.shown
    assert f"{counted} (docs/cost.md)" in up.shown
    up.clear_screen()
    up.requests, up.measured_s = {"200": 4 * 3 * HOUR_S}, 3 * HOUR_S
    up.deployment().status()
    assert "about $5 a month at 4 requests/s, measured over 3 h; prices of" in up.shown


def test_status_says_the_cost_of_the_sensors_also_if_requests_cannot_be_read(up: Stage) -> None:
    up.dt.has_device("s1")
    up.monitoring_fails = DeployError("did not answer (500)", where="Cloud Monitoring")
    up.deployment().status()
    why = "the requests could not be counted: did not answer (500)"
    assert f"under $1 a month for the 1 sensor that DT has in DT project {DT_PROJECT}; {why}; prices of" in up.shown
