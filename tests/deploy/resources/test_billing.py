"""The billing of the Cloud Run service: seen as drift, and set again if a deployment resets it."""

import argparse

import pytest

from deploy.errors import ApplyFailed, NotOwned, Unusable
from deploy.resources.billing import Billing, billing_of
from deploy.spec import CostSettings
from deploy.steps import Argv, Change
from deploy.verbs.applying import again
from deploy.verbs.exit_codes import CHANGES, NOTHING_TO_DO, UNHEALTHY
from tests.deploy.deployed import bring_up
from tests.deploy.stage import Stage, spec

LARGE, SMALL = CostSettings(profile="large"), CostSettings(profile="small")
BY_INSTANCE = "run services update dt-pubsub --no-cpu-throttling --region=europe-west1 --project=cold-chain-prod"


@pytest.fixture
def large(stage: Stage) -> Stage:
    """A finished deployment that is billed by instance."""
    bring_up(stage, cost=LARGE)
    stage.google.asked.clear()
    return stage


def changes(stage: Stage) -> list[str]:
    """Return the commands that deploy the function or change its service, without gcloud's own flags."""
    return [
        line.removesuffix(" --format=json")
        for line in stage.google.changes()
        if line.startswith(("run services update ", "functions deploy "))
    ]


def test_it_is_set_once_by_the_command_that_the_plan_shows(stage: Stage) -> None:
    assert stage.deployment(cost=LARGE).plan() == CHANGES
    assert f"gcloud {BY_INSTANCE}" in stage.shown
    assert stage.deployment(cost=LARGE).up(verify=False) == NOTHING_TO_DO
    assert stage.google.throttled is False
    assert stage.deployment(cost=LARGE).plan() == NOTHING_TO_DO


def test_a_change_by_hand_is_drift_in_plan_and_status(large: Stage) -> None:
    large.google.throttled = True
    assert large.deployment(cost=LARGE).plan() == CHANGES
    assert "billing request -> instance" in large.shown
    assert large.deployment(cost=LARGE).status() == UNHEALTHY
    assert large.deployment(cost=LARGE).up(verify=False) == NOTHING_TO_DO
    assert changes(large) == [BY_INSTANCE]


def test_a_deployment_that_resets_it_is_followed_by_setting_it_again(large: Stage) -> None:
    def reset(argv: Argv) -> None:
        if argv[:2] == ("functions", "deploy"):
            large.google.throttled = True

    large.google.after = reset
    assert large.deployment(cost=LARGE, digest="d2").up(verify=False) == NOTHING_TO_DO
    assert [line.split()[1] for line in changes(large)] == ["deploy", "services"]
    assert "it is set again" in large.shown
    assert large.google.throttled is False


def test_a_deployment_that_keeps_it_makes_no_further_revision(large: Stage) -> None:
    assert large.deployment(cost=LARGE, digest="d2").up(verify=False) == NOTHING_TO_DO
    assert [line.split()[1] for line in changes(large)] == ["deploy"]


def test_from_large_to_small_it_is_billed_by_request_before_it_gets_less_than_a_processor(large: Stage) -> None:
    assert large.deployment(cost=SMALL).up(verify=False) == NOTHING_TO_DO
    assert [line.split()[1] for line in changes(large)] == ["services", "deploy"]
    assert large.google.throttled is True
    assert large.deployment(cost=SMALL).plan() == NOTHING_TO_DO


def test_billing_by_instance_alone_is_refused_for_a_function_with_less_than_a_processor(up: Stage) -> None:
    with pytest.raises(NotOwned, match="only from one processor on") as refused:
        up.deployment(cost=CostSettings(billing="instance")).plan()
    assert "up --profile=large" in str(refused.value)


def test_an_existing_deployment_without_the_setting_keeps_its_billing(large: Stage) -> None:
    assert large.deployment().plan() == NOTHING_TO_DO
    assert large.google.throttled is False


def test_a_first_up_that_was_ended_before_the_billing_is_finished_by_the_same_up(stage: Stage) -> None:
    def end(argv: Argv) -> None:
        if argv[:3] == ("run", "services", "update"):
            raise KeyboardInterrupt

    many = CostSettings(sensors=100_000)
    stage.google.before = end
    with pytest.raises(ApplyFailed, match="interrupted"):
        stage.deployment(cost=many).up(verify=False)
    stage.google.before = lambda _: None
    assert stage.deployment(cost=many).status() == UNHEALTHY
    assert stage.deployment().plan() == CHANGES
    assert stage.deployment(cost=many).up(verify=False) == NOTHING_TO_DO
    assert stage.google.throttled is False
    assert stage.deployment(cost=many).plan() == NOTHING_TO_DO


def test_a_reset_is_noticed_also_if_no_setting_names_the_billing_any_more(large: Stage) -> None:
    large.google.throttled = True
    assert large.deployment().status() == UNHEALTHY
    assert large.deployment().up(verify=False) == NOTHING_TO_DO
    assert changes(large) == [BY_INSTANCE]


def test_billing_that_was_set_to_another_one_is_remembered_as_that(large: Stage) -> None:
    assert large.deployment(cost=CostSettings(billing="request")).up(verify=False) == NOTHING_TO_DO
    assert large.deployment().plan() == NOTHING_TO_DO
    assert large.google.throttled is True


def test_billing_that_no_run_has_set_is_left_alone(up: Stage) -> None:
    up.google.throttled = False
    assert up.deployment().plan() == NOTHING_TO_DO


def test_the_command_that_goes_on_has_the_flags_that_chose_the_sizes() -> None:
    flags = argparse.Namespace(**{"cost.profile": "large", "cost.sensors": "100000", "project": "p"})
    assert again("up", flags) == "python -m deploy up --profile=large --sensors=100000"


def described(**annotations: str) -> dict[str, object]:
    return {"spec": {"template": {"metadata": {"annotations": annotations}}}}


def with_cpu(cpu: str) -> dict[str, object]:
    return {"spec": {"template": {"spec": {"containers": [{"resources": {"limits": {"cpu": cpu}}}]}}}}


@pytest.mark.parametrize("cpu", ["583m", "0.9", "999m"])
def test_a_service_with_less_than_a_processor_is_not_billed_by_instance_unless_the_settings_give_it_more(
    cpu: str,
) -> None:
    by_instance = CostSettings(billing="instance")
    with pytest.raises(Unusable) as refused:
        Billing(spec(cost=by_instance)).plan({"billed service": with_cpu(cpu)})
    error = refused.value
    assert error.what == "Cloud Run bills by instance only from one processor on, and the function has less"
    assert (error.where, error.fix) == ("billing of the function", ("python -m deploy up --profile=large",))
    (step,) = Billing(spec(cost=by_instance, function={"cpu": "1"})).plan({"billed service": with_cpu(cpu)})
    assert (step.action, step.resource) == ("update", "billing of the function")


@pytest.mark.parametrize("service", [with_cpu("1"), with_cpu("1000m"), with_cpu("2"), with_cpu("many"), {}, None])
def test_a_service_whose_processor_is_large_enough_or_not_known_is_billed_as_the_setting_says(service: object) -> None:
    (step,) = Billing(spec(cost=CostSettings(billing="instance"))).plan({"billed service": service})
    assert step.changes == (Change("billing", "request", "instance"),)


def test_billing_that_is_as_it_should_be_is_kept() -> None:
    (step,) = Billing(spec()).plan({"billed service": described(**{THROTTLING: "true"})})
    assert (step.action, step.reason) == ("keep", "by request")
    (step,) = Billing(spec()).plan({"billed service": described(**{THROTTLING: "False"})})
    assert step.call
    assert " --cpu-throttling " in step.call.line()


THROTTLING = "run.googleapis.com/cpu-throttling"
SERVICES = [
    (None, "request"),
    ({}, "request"),
    (described(), "request"),
    (described(**{THROTTLING: "true"}), "request"),
    (described(**{THROTTLING: "false"}), "instance"),
]


@pytest.mark.parametrize(("service", "billing"), SERVICES)
def test_a_service_without_the_annotation_is_billed_by_request(service: object, billing: str) -> None:
    assert billing_of(service) == billing
