"""The account that builds the function: its choice, its permissions, and the error of a failed build."""

import pytest

from deploy.cli.options import OPTIONS
from deploy.errors import ApplyFailed, InvalidOptions
from deploy.resources.function import Function
from deploy.steps import GcloudCall
from tests.deploy.fakes.gcloud import BUILD_ACCOUNT, PROJECT
from tests.deploy.stage import Stage, spec

OURS = f"builder@{PROJECT}.iam.gserviceaccount.com"
LINE = (
    f"gcloud projects add-iam-policy-binding {PROJECT} --member=serviceAccount:{BUILD_ACCOUNT} "
    "--role=roles/cloudbuild.builds.builder --condition=None"
)
REFUSED = (
    "OperationError: code=3, message=Build failed with status: FAILURE. Could not build the function due to a missing "
    "permission on the build service account."
)
NOT_STARTED = (
    "OperationError: code=3, message=Could not create or update Cloud Run service dt-pubsub, Container Healthcheck "
    "failed. Revision 'dt-pubsub-00001-off' is not ready and cannot serve traffic."
)


@pytest.fixture
def stage() -> Stage:
    stage = Stage()
    stage.google.has_everything_on()
    return stage


@pytest.mark.parametrize("role", ["roles/viewer", ""])
def test_a_build_account_without_a_role_is_reported_before_any_change(stage: Stage, role: str) -> None:
    stage.google.build_role = role
    stage.google.before = lambda argv: (
        None if argv[1:2] != ("service-accounts",) or "create" not in argv else check_note()
    )

    def check_note() -> None:
        assert LINE in stage.noted

    stage.deployment().up(verify=False)
    assert f"{BUILD_ACCOUNT} builds the function, but has no role in the project for that" in stage.noted


@pytest.mark.parametrize("role", ["roles/editor", "roles/cloudbuild.builds.builder", "projects/p/roles/ours"])
def test_a_build_account_with_a_role_is_not_reported(stage: Stage, role: str) -> None:
    stage.google.build_role = role
    stage.deployment().up(verify=False)
    assert "builds the function" not in stage.noted


def test_a_build_without_a_permission_is_reported_with_the_command_that_grants_it(stage: Stage) -> None:
    stage.google.stumbles = [("functions deploy", REFUSED)]
    with pytest.raises(ApplyFailed) as stopped:
        stage.deployment().up(verify=False)
    assert stopped.value.fix[0] == LINE


def test_the_command_names_the_build_account_of_the_settings(stage: Stage) -> None:
    stage.google.stumbles = [("functions deploy", REFUSED)]
    with pytest.raises(ApplyFailed) as stopped:
        stage.deployment(build_account=OURS).up(verify=False)
    assert f"--member=serviceAccount:{OURS} " in stopped.value.fix[0]


def test_the_build_account_of_the_settings_builds_the_function() -> None:
    (step,) = Function(spec(build_account=OURS)).plan({"function": None})
    assert isinstance(step.call, GcloudCall)
    assert f"--build-service-account=projects/{PROJECT}/serviceAccounts/{OURS}" in step.call.argv


def test_a_build_account_of_another_project_is_named_with_that_project() -> None:
    other = spec(build_account="b@tools-1.iam.gserviceaccount.com")
    assert other.build_account_name == "projects/tools-1/serviceAccounts/b@tools-1.iam.gserviceaccount.com"
    assert spec(build_account=BUILD_ACCOUNT).build_account_name == f"projects/{PROJECT}/serviceAccounts/{BUILD_ACCOUNT}"


def test_a_build_account_that_differs_is_a_change_only_if_the_settings_name_one(stage: Stage) -> None:
    stage.deployment(build_account=OURS).up(verify=False)
    built = stage.google.things["functions", "dt-pubsub"]["buildConfig"]
    built["serviceAccount"] = f"projects/{PROJECT}/serviceAccounts/{BUILD_ACCOUNT}"
    stage.deployment(build_account=OURS).plan()
    assert f"build service account {BUILD_ACCOUNT} -> {OURS}" in stage.shown
    built["serviceAccount"] = f"projects/{PROJECT}/serviceAccounts/{OURS}"
    assert stage.deployment(build_account=OURS).plan() == 0
    assert stage.deployment().plan() == 0


@pytest.mark.parametrize("text", ["builder", "you@example.com", "projects/p/serviceAccounts/b@p.iam.gserviceaccount"])
def test_an_address_that_is_not_a_service_account_is_refused(text: str) -> None:
    (option,) = [option for option in OPTIONS if option.place == "build_service_account"]
    assert (option.flag, option.variable) == ("--build-service-account", "DEPLOY_BUILD_SERVICE_ACCOUNT")
    with pytest.raises((ValueError, InvalidOptions), match="service account"):
        option.check(text)


def test_the_error_of_a_function_that_does_not_start_has_its_last_log_lines(stage: Stage) -> None:
    stage.google.log = [
        {"textPayload": "  PUBSUB_TOPIC: required"},
        {"jsonPayload": {"message": "settings are not in order:"}},
    ]
    stage.google.stumbles = [("functions deploy", NOT_STARTED)]
    with pytest.raises(ApplyFailed) as stopped:
        stage.deployment().up(verify=False)
    assert "the last lines of the function's log:\n  settings are not in order:\n  PUBSUB_TOPIC: required" in str(
        stopped.value
    )
    assert stopped.value.fix[0].startswith("gcloud functions logs read dt-pubsub --gen2")
    (asked,) = [argv for argv in stage.google.asked if argv[0] == "logging"]
    assert 'resource.labels.revision_name="dt-pubsub-00001-off"' in asked[2]
