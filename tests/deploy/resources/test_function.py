"""The function: its source, its settings, and its Cloud Run service."""

from typing import Any

import pytest

from deploy.errors import DeployError, NotOwned
from deploy.resources.function import (
    OPTIONAL_SETTINGS,
    Function,
    billing_set_on,
    env_words,
    function_url,
    log_level,
    mounted_secrets,
    state_of,
    version_of,
)
from deploy.resources.resource import answered
from deploy.spec import FUNCTION_DEFAULTS, CostSettings
from deploy.stages.plan import plan
from deploy.steps import Argv, GcloudCall, Query, pending
from tests.deploy.cases import PLANS, observed_of, planned, read, spec_of
from tests.deploy.fakes.gcloud import PROJECT, URL
from tests.deploy.stage import spec

MARK = {"dt-pubsub": "dt-pubsub"}
FUNCTION = Function(spec())
OF_FUNCTIONS = {"metadata": {"labels": {"goog-managed-by": "cloudfunctions"}}}


def argv_of(call: object) -> Argv:
    assert isinstance(call, GcloudCall)
    return call.argv


def test_every_setting_with_a_default_is_optional_and_set_when_the_function_is_made() -> None:
    assert [setting.name for setting in OPTIONAL_SETTINGS] == list(FUNCTION_DEFAULTS)
    (step,) = FUNCTION.plan({"function": None, "service": None})
    assert isinstance(step.call, GcloudCall)
    assert step.call.needs_source
    assert {f"{setting.flag}={FUNCTION_DEFAULTS[setting.name]}" for setting in OPTIONAL_SETTINGS} <= {*step.call.argv}
    assert not any(word.startswith("--build-service-account") for word in step.call.argv)


def test_a_function_is_made_by_one_command_with_every_setting() -> None:
    builder = "builder@tools.iam.gserviceaccount.com"
    asked_for = spec(name="fridges", build_account=builder, settings={"LABEL_ATTRIBUTES": "room,floor"})
    (step,) = Function(asked_for).plan({"function": None, "service": None})
    variables = (
        "DT_SIGNATURE_SECRET_FILE=/secrets/fridges-signature",
        "LABEL_ATTRIBUTES=room,floor",
        "LOG_EXECUTION_ID=true",
        f"PUBSUB_REJECTED_TOPIC=projects/{PROJECT}/topics/fridges-rejected",
        f"PUBSUB_TOPIC=projects/{PROJECT}/topics/fridges-events",
    )
    assert argv_of(step.call) == (
        *("functions", "deploy", "fridges", "--gen2", "--source=.", "--entry-point=ingest", "--trigger-http"),
        "--ingress-settings=all",
        f"--service-account=fridges@{PROJECT}.iam.gserviceaccount.com",
        f"--build-service-account=projects/tools/serviceAccounts/{builder}",
        *("--runtime=python313", "--memory=512Mi", "--cpu=1", "--concurrency=80", "--timeout=15s"),
        *("--min-instances=0", "--max-instances=5"),
        "--update-secrets=/secrets/fridges-signature=fridges-signature:latest",
        f"--update-env-vars=^;^{';'.join(variables)}",
        "--update-labels=dt-pubsub=fridges,dt-pubsub-source=d1,dt-pubsub-version=1-0-0",
        *("--region=europe-west1", f"--project={PROJECT}"),
    )


def test_variables_are_separated_by_the_first_mark_that_none_of_them_contains() -> None:
    assert env_words({"B": "2", "A": "1"}) == "A=1,B=2"
    assert env_words({"B": "2", "A": "1,3"}) == "^;^A=1,3;B=2"
    assert env_words({"B": "2", "A": "1,;|~#3"}) == "^~0~^A=1,;|~#3~0~B=2"


def test_the_mark_is_added_to_a_function_by_a_deployment_because_gcloud_cannot_only_label_it() -> None:
    flags = ("--gen2", "--source=.", "--update-labels=dt-pubsub=dt-pubsub", "--region=europe-west1")
    assert FUNCTION.adoption == ("functions", "deploy", "dt-pubsub", *flags, f"--project={PROJECT}")


@pytest.mark.parametrize(
    ("name", "found", "wanted", "is_another"),
    [
        ("memory", "1Gi", "1024Mi", False),
        ("memory", "1Gi", "1G", True),
        ("memory", "a lot", "1Gi", True),
        ("cpu", "1000m", "1", False),
        ("timeout", "60", "1m", False),
        ("concurrency", None, "1", True),
    ],
)
def test_two_notations_of_a_value_are_equal_and_an_invalid_value_differs(
    name: str,
    found: str | None,
    wanted: str,
    is_another: bool,  # noqa: FBT001  # a column of the table
) -> None:
    (setting,) = (setting for setting in OPTIONAL_SETTINGS if setting.name == name)
    key = {
        "memory": "availableMemory",
        "cpu": "availableCpu",
        "timeout": "timeoutSeconds",
        "concurrency": "maxInstanceRequestConcurrency",
    }[name]
    assert setting.differs({"serviceConfig": {key: found}}, wanted) is is_another


def test_an_update_sets_only_the_given_settings_and_those_that_gcloud_requires() -> None:
    (step, *_) = pending(planned({}, function={"cpu": "2"}))
    flags = {flag.partition("=")[0]: flag.partition("=")[2] for flag in argv_of(step.call)}
    asked = {setting.name: flags[setting.flag] for setting in OPTIONAL_SETTINGS if setting.flag in flags}
    assert asked == {"runtime": "python313", "memory": "512Mi", "cpu": "2"}
    assert step.reason == "cpu 1 -> 2"


@pytest.mark.parametrize(
    ("service", "what"),
    [
        (None, "Cloud Run service gone -> there"),
        (
            {"metadata": {"annotations": {"run.googleapis.com/ingress": "internal"}}},
            "ingress of the Cloud Run service internal -> all",
        ),
        (
            {"spec": {"template": {"spec": {"containers": [{"image": "europe-docker.pkg.dev/p/theirs/app"}]}}}},
            "image of the Cloud Run service",
        ),
        (
            {"spec": {"template": {"spec": {"containers": [{"image": "eu.gcr.io/p/app"}]}}}},
            "image of the Cloud Run service eu.gcr.io/p/app -> built from the source",
        ),
    ],
)
def test_the_function_is_deployed_again_if_its_service_was_changed(service: object, what: str) -> None:
    (step, *_) = pending(planned({"function dt-pubsub": {"service": service}}))
    assert step.resource == "function dt-pubsub"
    assert what in step.reason


OTHER_ACCOUNT = "payments@demo-proj.iam.gserviceaccount.com"


@pytest.mark.parametrize(
    ("found", "change"),
    [
        ({"state": "FAILED"}, "state FAILED -> ACTIVE"),
        ({"labels": {"dt-pubsub-version": "0-9-1"}}, "version 0.9.1 -> 1.0.0"),
        ({"labels": {"dt-pubsub-version": None}}, "version none -> 1.0.0"),
        ({"eventTrigger": {"eventType": "google.cloud.audit.v1"}}, "trigger google.cloud.audit.v1 -> HTTP"),
        ({"buildConfig": {"entryPoint": "main"}}, "entry point main -> ingest"),
        (
            {"serviceConfig": {"serviceAccountEmail": OTHER_ACCOUNT}},
            f"service account {OTHER_ACCOUNT} -> dt-pubsub@demo-proj.iam.gserviceaccount.com",
        ),
        ({"serviceConfig": {"ingressSettings": "ALLOW_INTERNAL_ONLY"}}, "ingress ALLOW_INTERNAL_ONLY -> ALLOW_ALL"),
        ({"serviceConfig": {"environmentVariables": {"PUBSUB_TOPIC": "t"}}}, "PUBSUB_TOPIC t -> projects/demo-proj/"),
        ({"serviceConfig": {"secretVolumes": []}}, "secret file none -> /secrets/dt-signature=dt-signature:latest"),
        ({"labels": {"dt-pubsub-source": None}}, "source none -> d1"),
    ],
)
def test_a_difference_is_shown_as_a_setting_with_both_values(found: dict[str, Any], change: str) -> None:
    (step, *_) = pending(planned({"function dt-pubsub": {"function": found}}))
    assert step.resource == "function dt-pubsub"
    assert step.reason.startswith(change)
    assert len(step.changes) == 1


def test_an_ingress_that_google_does_not_show_is_open() -> None:
    everything = read(PLANS / "everything.json")
    facts = everything["observed"]["facts"]["function dt-pubsub"]
    del facts["function"]["serviceConfig"]["ingressSettings"]
    del facts["service"]["metadata"]["annotations"]
    assert pending(plan(spec_of(everything["spec"]), observed_of(everything["observed"]))) == ()


def test_the_build_account_is_compared_only_if_it_is_set() -> None:
    builder = "builder@demo-proj.iam.gserviceaccount.com"
    built = {"buildConfig": {"serviceAccount": f"projects/demo-proj/serviceAccounts/{builder}"}}
    assert pending(planned({"function dt-pubsub": {"function": built}})) == ()
    assert pending(planned({"function dt-pubsub": {"function": built}}, build_account=builder)) == ()
    (step, *_) = pending(planned({}, build_account=builder))
    assert step.reason == f"build service account none -> {builder}"
    (step, *_) = pending(planned({"function dt-pubsub": {"function": built}}, build_account=OTHER_ACCOUNT))
    assert step.reason == f"build service account {builder} -> {OTHER_ACCOUNT}"


@pytest.mark.parametrize(
    ("key", "name", "found", "wanted"),
    [
        ("availableMemory", "memory", None, "1Gi"),
        ("maxInstanceRequestConcurrency", "concurrency", 1, "80"),
        ("minInstanceCount", "min_instances", 0, "1"),
        ("maxInstanceCount", "max_instances", 100, "5"),
    ],
)
def test_a_setting_that_google_does_not_show_has_googles_default(
    key: str, name: str, found: int | None, wanted: str
) -> None:
    (setting,) = (setting for setting in OPTIONAL_SETTINGS if setting.name == name)
    assert setting.found({"serviceConfig": {}}) == setting.found({}) == (None if found is None else str(found))
    assert setting.found({"serviceConfig": {key: wanted}}) == wanted


def test_an_update_keeps_runtime_and_memory_of_the_function_where_gcloud_requires_them() -> None:
    found = {"buildConfig": {"runtime": "python312"}, "serviceConfig": {"availableMemory": "2Gi"}}
    (step, *_) = pending(planned({"function dt-pubsub": {"function": found}}, function={"cpu": "2"}))
    assert {"--runtime=python312", "--memory=2Gi", "--cpu=2"} <= {*argv_of(step.call)}
    unseen = {"buildConfig": {"runtime": None}, "serviceConfig": {"availableMemory": None}}
    (step, *_) = pending(planned({"function dt-pubsub": {"function": unseen}}, function={"cpu": "2"}))
    assert {"--runtime=python313", "--memory=512Mi", "--cpu=2"} <= {*argv_of(step.call)}


def test_a_service_of_others_is_neither_overwritten_nor_opened() -> None:
    theirs: dict[str, Any] = {"metadata": {"labels": {"team": "payments"}}}
    for found in (None, {"labels": MARK}):
        error = FUNCTION.not_ours({"function": found, "service": theirs})
        assert isinstance(error, DeployError)
        assert error.where == "Cloud Run service dt-pubsub"
    assert FUNCTION.not_ours({"function": {"labels": MARK}, "service": OF_FUNCTIONS}) is None
    with pytest.raises(NotOwned, match="1st gen"):
        planned({"function dt-pubsub": {"function": {"environment": "GEN_1"}}})


NOT_OURS = "it is not this deployment's, and is left as it is"


@pytest.mark.parametrize(
    ("found", "labels", "what", "fix"),
    [
        (None, {"team": "payments"}, f"without a function: {NOT_OURS}", "python -m deploy up --name=ANOTHER-NAME"),
        (
            {"labels": MARK},
            {"team": "payments"},
            f"and is not the function's: {NOT_OURS}",
            "python -m deploy up --name=ANOTHER-NAME",
        ),
        (
            None,
            MARK,
            "without a function: this deployment's function was detached from it",
            f"gcloud run services delete dt-pubsub --region=europe-west1 --project={PROJECT}",
        ),
    ],
)
def test_the_error_of_a_service_in_the_way_says_whose_it_is_and_what_to_do(
    found: object, labels: object, what: str, fix: str
) -> None:
    error = FUNCTION.not_ours({"function": found, "service": {"metadata": {"labels": labels}}})
    assert isinstance(error, DeployError)
    assert (error.what, error.fix) == (f"already exists in europe-west1, {what}", (fix,))


def test_the_error_of_a_first_generation_function_names_it_and_the_way_beside_it() -> None:
    error = FUNCTION.not_ours({"function": {"environment": "GEN_1", "labels": MARK}, "service": None})
    assert isinstance(error, DeployError)
    assert error.what == (
        "already exists, as a 1st gen function, which cannot become this deployment's: it is left as it is"
    )
    assert (error.where, error.fix) == ("function dt-pubsub", ("python -m deploy up --name=ANOTHER-NAME",))


def test_a_plan_reads_the_service_and_a_rollback_its_revisions_too() -> None:
    place = ("--region=europe-west1", f"--project={PROJECT}")
    service = ("run", "services", "describe", "dt-pubsub", *place)
    revisions = ("run", "revisions", "list", "--service=dt-pubsub", *place)
    assert answered(FUNCTION.reads(), lambda query: query) == {"function": FUNCTION.describe, "service": service}
    assert answered(FUNCTION.rollback_reads(), lambda query: query) == {"service": service, "revisions": revisions}


@pytest.mark.parametrize(("action", "keys"), [("update", ["function", "service"]), ("delete", ["function"])])
def test_before_a_deployment_the_owner_of_the_service_is_read_too(action: Any, keys: list[str]) -> None:
    assert FUNCTION.overwrites
    assert list(answered(FUNCTION.ownership_reads(action), lambda _: None)) == keys


def test_a_detached_service_of_ours_is_closed_in_both_ways_and_stays() -> None:
    annotations = {"run.googleapis.com/invoker-iam-disabled": "true"}
    service = {"metadata": {"labels": MARK, "annotations": annotations}}
    policy = {"bindings": [{"role": "roles/run.invoker", "members": ["allUsers"]}]}
    answers, asked = [None, service, policy], list[Any]()

    def read(query: Query) -> object:
        asked.append(query)
        return answers.pop(0)

    steps = FUNCTION.removal(answered(FUNCTION.removal_reads(), read))
    assert [argv[:3] for argv in asked] == [
        ("functions", "describe", "dt-pubsub"),
        ("run", "services", "describe"),
        ("run", "services", "get-iam-policy"),
    ]
    assert [(step.action, step.resource) for step in steps] == [
        ("delete", "public invocation of Cloud Run service dt-pubsub"),
        ("delete", "unchecked invocation of Cloud Run service dt-pubsub"),
        ("keep", "function dt-pubsub"),
    ]
    assert "gcloud run services delete dt-pubsub" in steps[-1].reason
    assert argv_of(steps[0].call)[:7] == (
        *("run", "services", "remove-iam-policy-binding", "dt-pubsub"),
        *("--member=allUsers", "--role=roles/run.invoker", "--condition=None"),
    )
    assert argv_of(steps[1].call)[:5] == ("run", "services", "update", "dt-pubsub", "--invoker-iam-check")
    assert {step.reason for step in steps[:2]} == {"its function was detached: it stays, closed"}


def test_settings_made_elsewhere_are_shown_one_after_the_other() -> None:
    served = {"availableMemory": "1Gi", "maxInstanceCount": 7, "environmentVariables": {"LOG_LEVEL": "DEBUG"}}
    steps = planned({"function dt-pubsub": {"function": {"serviceConfig": served}}})
    (kept,) = (step for step in steps if step.resource == "function dt-pubsub")
    assert kept.reason == (
        "source and settings are as they should be; not in these settings and left alone: "
        "memory 1Gi, max_instances 7, variables LOG_LEVEL"
    )
    (kept,) = (step for step in planned({}) if step.resource == "function dt-pubsub")
    assert kept.reason == "source and settings are as they should be"


@pytest.mark.parametrize("service", [None, {"metadata": {"labels": {"team": "payments"}}}])
def test_the_callers_of_a_service_that_is_not_ours_are_not_read(service: object) -> None:
    answers = [None, service]
    assert answered(FUNCTION.removal_reads(), lambda _: answers.pop(0)) == {"function": None, "service": service}
    assert list(answered(FUNCTION.removal_reads(), lambda _: {"labels": MARK})) == ["function"]


def test_a_service_of_others_is_not_closed_by_a_removal_and_is_shown() -> None:
    (step,) = FUNCTION.removal({"function": None, "service": {"metadata": {"labels": {"team": "payments"}}}})
    assert (step.action, step.id) == ("keep", FUNCTION.id)
    assert step.reason == "is not there; the Cloud Run service of this name is not this deployment's"


def test_a_failed_deployment_counts_although_an_older_revision_serves() -> None:
    assert state_of({"state": "ACTIVE", "stateMessages": [{"severity": "ERROR"}]}) == "FAILED"
    assert state_of({"state": "ACTIVE", "stateMessages": [{"severity": "WARNING"}]}) == "ACTIVE"
    assert state_of({}) == "ACTIVE"


def test_the_log_level_of_a_function_is_read_in_capitals_and_is_empty_if_it_has_the_default() -> None:
    assert log_level({"serviceConfig": {"environmentVariables": {"LOG_LEVEL": "warning"}}}) == "WARNING"
    unset: list[dict[str, Any]] = [{}, {"serviceConfig": None}, {"serviceConfig": {"environmentVariables": None}}]
    assert [log_level(found) for found in unset] == ["", "", ""]


@pytest.mark.parametrize(
    ("labels", "billing"),
    [
        ({"dt-pubsub-billing": "request"}, "request"),
        ({"dt-pubsub-billing": "instance"}, "instance"),
        ({"dt-pubsub-billing": "by hand"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_the_billing_that_a_run_has_set_is_read_from_the_label(
    labels: dict[str, str] | None, billing: str | None
) -> None:
    assert billing_set_on({"labels": labels}) == billing


@pytest.mark.parametrize(
    ("there", "wanted", "change"),
    [
        (None, "request", None),
        (None, "instance", "label dt-pubsub-billing none -> instance"),
        ("instance", "request", "label dt-pubsub-billing instance -> request"),
        ("request", "request", None),
    ],
)
def test_a_function_without_a_label_of_its_billing_counts_as_billed_by_request(
    there: str | None, wanted: str, change: str | None
) -> None:
    found = {"function": {"labels": {"dt-pubsub-billing": there} if there else {}}}
    steps = planned({"function dt-pubsub": found}, cost=CostSettings(billing=wanted))
    reason = next(step.reason for step in pending(steps) if step.resource == "function dt-pubsub") if change else None
    assert reason == change


def test_version_url_and_mounted_secrets_are_read_as_google_writes_them() -> None:
    assert version_of({"labels": {"dt-pubsub-version": "1-0-0"}}) == "1.0.0"
    assert version_of({"labels": None}) is None
    assert function_url({"function": {"serviceConfig": {"uri": URL}, "url": "https://other"}}) == URL
    assert function_url({"function": {"url": "https://other"}}) == "https://other"
    assert function_url({"function": None}) == function_url({}) == ""
    volume = {"mountPath": "/secrets/", "secret": "s", "versions": [{"path": "/s", "version": "latest"}]}
    assert mounted_secrets({"secretVolumes": [volume]}) == ["/secrets/s=s:latest"]
    assert mounted_secrets({"secretVolumes": [{"mountPath": "/secrets", "secret": "s"}]}) == ["/secrets/s=s:latest"]
