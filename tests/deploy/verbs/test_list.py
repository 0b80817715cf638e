"""``list`` against Google Cloud in memory; DT is never asked."""

import shlex
from pathlib import Path

import pytest

from deploy.cli.parser import parse
from deploy.cli.settings import read_spec
from deploy.errors import DeployError, GcloudFailed
from deploy.spec import VERSION_LABEL
from deploy.verbs import USAGES
from deploy.verbs.exit_codes import NOTHING_TO_DO
from tests.deploy.fakes.dt import DT_PROJECT
from tests.deploy.fakes.gcloud import PROJECT, REGION, URL, new_function
from tests.deploy.stage import Stage

SECOND = "bsuu3fmh1p7g00c9m8og"
WHOLE_PLAN = f"python -m deploy plan --project={PROJECT} --region={REGION} --dt-project={DT_PROJECT} --name=dt-pubsub"
SILENT = (
    "WARNING: The following regions were fully or partially unreachable for query: us-east1, me-west1\n"
    "This could be due to permission setup."
)


def listed(stage: Stage) -> list[dict[str, object]]:
    """Return what ``list --json`` prints."""
    stage.out.truncate(0)
    stage.out.seek(0)
    assert stage.deployment(in_json=True, credentials=False).list() == NOTHING_TO_DO
    deployments: list[dict[str, object]] = stage.in_json()["deployments"]
    return deployments


def test_a_deployment_is_listed_with_everything_to_go_on_with_it(up: Stage) -> None:
    (deployment,) = listed(up)
    assert deployment == {
        "name": "dt-pubsub",
        "project": PROJECT,
        "region": REGION,
        "state": "ACTIVE",
        "healthy": True,
        "version": "1.0.0",
        "url": URL,
        "dtProjects": [DT_PROJECT],
        "rotation": None,
        "resources": [
            "function dt-pubsub",
            "secret dt-signature",
            "topic dt-events",
            "topic dt-rejected",
            "subscription dt-events",
            "subscription dt-rejected",
            "service account dt-pubsub",
            "log exclusion dt-pubsub-dt-pubsub-requests",
        ],
        "command": WHOLE_PLAN,
    }


def test_the_table_and_the_command_are_shown(up: Stage) -> None:
    assert up.deployment(credentials=False).list() == NOTHING_TO_DO
    row = f"ACTIVE  dt-pubsub in {REGION}  version 1.0.0; DT {DT_PROJECT}; {URL}"
    heading = "to go on with a deployment, also with a colleague's (anything that you leave out keeps its value):"
    assert up.shown.splitlines() == [row, "", heading, f"  {WHOLE_PLAN}"]


def test_the_command_plans_nothing_although_the_colleague_had_settings_of_their_own(
    stage: Stage, tmp_path: Path
) -> None:
    stage.dt.connectors[SECOND] = []
    theirs = stage.deployment(
        dt_projects=(DT_PROJECT, SECOND),
        name="site2-pubsub",
        retention="3d",
        settings={"LABEL_ATTRIBUTES": "room,floor"},
        function={"memory": "1Gi", "min_instances": "1"},
        labels={"team": "cold-chain"},
        connector_name="Fridges",
        event_types=("temperature",),
    )
    assert theirs.up(verify=False) == NOTHING_TO_DO

    (deployment,) = listed(stage)

    words = shlex.split(str(deployment["command"]))[3:]
    read = read_spec(vars(parse(words, USAGES)), {}, tmp_path)
    assert (read.dt_projects, read.name) == ((DT_PROJECT, SECOND), "site2-pubsub")
    named = {key: getattr(read, key) for key in ("google_project", "region", "name", "dt_projects")}
    assert stage.deployment(**named).plan() == NOTHING_TO_DO


def test_list_asks_dt_nothing_and_changes_nothing(up: Stage) -> None:
    up.deployment().list()
    assert up.dt.asked == []
    assert up.google.changes() == []


def test_two_deployments_of_one_project_are_listed_by_name(up: Stage) -> None:
    assert up.deployment(name="a-site-pubsub").up(verify=False) == NOTHING_TO_DO
    assert [deployment["name"] for deployment in listed(up)] == ["a-site-pubsub", "dt-pubsub"]


def test_a_project_without_deployments_says_so(stage: Stage) -> None:
    assert stage.deployment(credentials=False).list() == NOTHING_TO_DO
    assert stage.shown == f"no deployment in {PROJECT}\n"


@pytest.mark.parametrize("words", ["functions list", "run services list", "secrets list", "pubsub topics list"])
def test_an_api_that_is_off_has_no_resources(up: Stage, words: str) -> None:
    up.google.stumbles = [(words, "PERMISSION_DENIED: SERVICE_DISABLED: API has not been used in project 1 before")]
    assert up.deployment().list() == NOTHING_TO_DO


def test_resources_that_cannot_be_listed_are_an_error_and_not_absent(up: Stage) -> None:
    up.google.stumbles = [("secrets list", "PERMISSION_DENIED: Permission 'secretmanager.secrets.list' denied")]
    with pytest.raises(GcloudFailed, match=r"secretmanager\.secrets\.list") as refused:
        up.deployment().list()
    assert "roles/dtPubsubDeployer" in refused.value.fix[0]


def test_a_half_removed_deployment_is_left_over_with_the_command_that_removes_the_rest(up: Stage) -> None:
    del up.google.things["functions", "dt-pubsub"]
    del up.google.things["topics", "dt-events"]

    (left,) = listed(up)

    assert (left["state"], left["healthy"], left["region"], left["url"]) == ("left over", False, None, None)
    assert left["resources"] == [
        "secret dt-signature",
        "topic dt-rejected",
        "subscription dt-events",
        "subscription dt-rejected",
        "service account dt-pubsub",
        "log exclusion dt-pubsub-dt-pubsub-requests",
    ]
    command = shlex.split(str(left["command"]))[3:]
    assert parse(command, USAGES).verb == "down"
    assert f"--dt-project={DT_PROJECT}" in command

    assert up.deployment(region="us-central1").down() == NOTHING_TO_DO
    assert listed(up) == []


def test_what_is_left_over_is_shown_under_its_own_heading(up: Stage) -> None:
    del up.google.things["functions", "dt-pubsub"]
    up.deployment().list()
    assert "left over  dt-pubsub  no function, but secret dt-signature, topic dt-events, " in up.shown
    assert "to remove what is left over:\n  python -m deploy down --project" in up.shown
    assert "to go on" not in up.shown


def test_the_service_of_a_detached_function_is_left_over_and_names_its_region(up: Stage) -> None:
    up.google.things = {("run", "dt-pubsub"): {"labels": {"dt-pubsub": "dt-pubsub"}}}
    (left,) = listed(up)
    assert left["resources"] == ["Cloud Run service dt-pubsub", "log exclusion dt-pubsub-dt-pubsub-requests"]
    assert f"--region={REGION}" in str(left["command"])
    assert "--dt-project=ID-OF-THE-DT-PROJECT" in str(left["command"])


def test_without_the_secret_the_dt_projects_are_unknown_and_the_command_says_so(up: Stage) -> None:
    del up.google.things["secrets", "dt-signature"]
    up.deployment().list()
    assert "DT projects unknown" in up.shown
    assert "--dt-project=ID-OF-THE-DT-PROJECT" in up.shown


def test_the_projects_of_an_unmarked_secret_are_not_believed(up: Stage) -> None:
    up.google.things["secrets", "dt-signature"]["labels"] = {}
    assert listed(up)[0]["dtProjects"] == []


def test_another_version_and_a_failed_function_are_shown(up: Stage) -> None:
    function = up.google.things["functions", "dt-pubsub"]
    function["labels"][VERSION_LABEL] = "0-9-0"
    function["stateMessages"] = [{"severity": "ERROR", "message": "no build"}]
    up.deployment().list()
    assert f"FAILED  dt-pubsub in {REGION}  version 0.9.0 (this is 1.0.0); DT " in up.shown
    assert listed(up)[0]["healthy"] is False


def test_a_deployment_in_two_regions_is_listed_twice_and_each_names_the_other(up: Stage) -> None:
    elsewhere = new_function(region="us-east1")
    elsewhere["labels"] = {"dt-pubsub": "dt-pubsub"}
    up.google.things["functions in us-east1", "dt-pubsub"] = elsewhere
    up.deployment().list()
    assert f"in {REGION} " in up.shown
    assert "; also in us-east1\n" in up.shown
    assert f"no version (this is 1.0.0); DT {DT_PROJECT}; {URL}; also in {REGION}\n" in up.shown


@pytest.mark.parametrize(
    "change", [{"labels": {}}, {"environment": "GEN_1"}, {"name": f"projects/p/locations/{REGION}/functions/a"}]
)
def test_a_function_that_is_not_the_deployments_is_no_deployment(up: Stage, change: dict[str, object]) -> None:
    up.google.things["functions", "dt-pubsub"] |= change
    assert listed(up)[0]["state"] == "left over"


def test_a_first_generation_function_with_the_label_is_named_as_such(up: Stage) -> None:
    up.google.things["functions", "dt-pubsub"]["environment"] = "GEN_1"
    assert "1st gen function dt-pubsub" in listed(up)[0]["resources"]  # type: ignore[operator]  # it is a list


def test_resources_without_the_mark_are_not_listed(up: Stage) -> None:
    up.google.things["topics", "fridges"] = {"name": f"projects/{PROJECT}/topics/fridges", "labels": {"team": "x"}}
    up.google.things["service-accounts", "robot"] = {"email": f"robot@{PROJECT}.iam.gserviceaccount.com"}
    assert "fridges" not in str(listed(up))
    assert "robot" not in str(listed(up))


def test_if_a_region_cannot_be_read_list_fails_and_calls_nothing_left_over(up: Stage) -> None:
    assert up.deployment(name="site2-pubsub").up(verify=False) == NOTHING_TO_DO
    del up.google.things["functions", "site2-pubsub"]
    up.google.warnings["functions list"] = SILENT
    up.out.truncate(0)
    up.out.seek(0)

    with pytest.raises(DeployError, match=r"me-west1, us-east1: Google could not read it: .*are not shown"):
        up.deployment().list()

    assert f"dt-pubsub in {REGION}" in up.shown
    assert "site2" not in up.shown
