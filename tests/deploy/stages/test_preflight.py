"""Preflight: nothing is changed before all checks pass, and each failure has one command that fixes it."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.dt.calls import DtAnswer
from deploy.errors import DeployError, NotReady
from deploy.google.permissions import DT_PERMISSIONS, ROLE
from deploy.resources.catalog import deployer_permissions
from deploy.verbs.exit_codes import CHANGES, UNHEALTHY
from tests.deploy.fakes.dt import DT_PROJECT, FakeDt
from tests.deploy.stage import Deployment, Stage

FORBIDDEN = {"listPolicy": {"allowedValues": ["C0abcdefg"]}}
DOCS = Path(__file__).parents[3] / "docs"


def logged_out(stage: Stage) -> None:
    stage.google.is_logged_in = False


def no_project(stage: Stage) -> None:
    stage.google.exists = False


def no_billing(stage: Stage) -> None:
    stage.google.is_billed = False


def no_permission(stage: Stage) -> None:
    stage.held -= {"secretmanager.secrets.create"}


def no_dt_project(stage: Stage) -> None:
    stage.dt.connectors.clear()


def no_dt_role(stage: Stage) -> None:
    stage.dt.permissions = ["dataconnector.read"]


def odd_dt_role(stage: Stage) -> None:
    stage.dt.permissions = [["dataconnector.read"], {}]  # type: ignore[list-item]  # as DT does not document it


FAILURES: list[tuple[Callable[[Stage], None], str, str]] = [
    (logged_out, "active account", "gcloud auth login"),
    (no_project, "project cold-chain-prod: does not exist", "gcloud projects list"),
    (no_billing, "billing is off", "gcloud billing projects link cold-chain-prod"),
    (no_permission, "you lack secretmanager.secrets.create", f"roles/{ROLE}"),
    (no_dt_project, "404", "--dt-project"),
    (no_dt_role, "lacks dataconnector.create", "Project Developer"),
    (odd_dt_role, "lacks dataconnector.create", "Project Developer"),
]


@pytest.mark.parametrize(("break_it", "what", "fix"), FAILURES, ids=lambda value: getattr(value, "__name__", ""))
def test_a_failed_check_is_reported_with_its_fix_and_nothing_is_changed(
    break_it: Callable[[Stage], None], what: str, fix: str
) -> None:
    stage = Stage()
    break_it(stage)
    with pytest.raises(NotReady) as refused:
        stage.deployment().up()
    assert what in str(refused.value)
    assert re.search(rf"  (fix|look at|hint): {re.escape(refused.value.failures[0].fix[0])}", str(refused.value))
    assert fix in str(refused.value)
    assert stage.google.changes() == []
    assert stage.dt.calls("POST") == []


def test_all_failures_are_reported_at_once() -> None:
    stage = Stage()
    for break_it in (no_project, no_billing, no_permission, no_dt_role):
        break_it(stage)
    with pytest.raises(NotReady) as refused:
        stage.deployment().plan()
    assert len(refused.value.failures) == 4


def test_two_missing_logins_are_reported_together() -> None:
    stage = Stage()
    logged_out(stage)
    stage.dt.stumbles = [DtAnswer(401, {"error": "unauthorized"})] * 3  # one is for the count of the sensors
    with pytest.raises(NotReady) as refused:
        stage.deployment().plan()
    assert [failure.where for failure in refused.value.failures] == [
        "gcloud auth print-access-token",
        f"DT, GET /projects/{DT_PROJECT}",
    ]


def test_a_missing_login_of_gcloud_hides_no_failure_of_dt() -> None:
    stage = Stage()
    logged_out(stage)
    no_dt_role(stage)
    with pytest.raises(NotReady) as refused:
        stage.deployment().plan()
    assert [failure.where for failure in refused.value.failures] == [
        "gcloud auth print-access-token",
        f"DT project {DT_PROJECT}",
    ]


def test_dt_is_awaited_only_once_if_it_does_not_answer() -> None:
    stage = Stage()
    no_billing(stage)
    stage.dt.stumbles = [DtAnswer(503, {})] * 99
    with pytest.raises(NotReady) as refused:
        stage.deployment().plan()
    waited_for = len(stage.dt.asked)
    assert {failure.where for failure in refused.value.failures} == {
        "project cold-chain-prod",
        f"DT, GET /projects/{DT_PROJECT}",
    }
    alone = Stage()
    alone.dt.stumbles = [DtAnswer(503, {})] * 99
    assert alone.deployment().status() == UNHEALTHY
    assert waited_for == len(alone.dt.asked)


def test_a_region_without_functions_is_refused() -> None:
    stage = Stage()
    stage.google.has_everything_on()
    with pytest.raises(NotReady, match="region europe-north9: has no functions"):
        stage.deployment(region="europe-north9").plan()


def test_an_unknown_region_is_refused_while_the_list_of_regions_cannot_be_read() -> None:
    stage = Stage()
    with pytest.raises(NotReady, match=r"gcloud services enable cloudfunctions\.googleapis\.com"):
        stage.deployment(region="europe-west99").plan()
    assert not [argv for argv in stage.google.asked if argv[:2] == ("functions", "regions")]


def test_a_project_without_access_is_refused_in_one_line() -> None:
    stage = Stage()
    stage.google.stumbles = [("projects describe", "[None] does not have permission to access projects instance [x]")]
    with pytest.raises(NotReady) as refused:
        stage.deployment().plan()
    assert str(refused.value).splitlines() == [
        "project cold-chain-prod: does not exist, or you have no access to it",
        "  look at: gcloud projects list",
    ]


def test_a_deployer_may_deploy_with_actas_on_the_functions_account_only() -> None:
    stage = Stage()
    stage.held -= {"iam.serviceAccounts.actAs"}
    with pytest.raises(NotReady, match=r"you lack iam\.serviceAccounts\.actAs"):
        stage.deployment().plan()
    stage.held_on_account = frozenset({"iam.serviceAccounts.actAs"})
    assert stage.deployment().plan() == CHANGES


def test_permissions_that_cannot_be_read_are_a_warning() -> None:
    def silent(project: str, permissions: object, token: object) -> frozenset[str]:
        raise DeployError("did not answer", where=project)

    stage = Stage()
    assert Deployment(replace(stage.deployment().context, test_permissions=silent)).plan() == CHANGES
    assert "note: your permissions could not be read" in stage.noted


def test_if_policy_forbids_all_users_the_plan_disables_the_invoker_check() -> None:
    stage = Stage()
    stage.google.organization_policy = FORBIDDEN
    assert stage.deployment().plan() == CHANGES
    assert "run services update dt-pubsub --no-invoker-iam-check" in stage.shown
    assert stage.deployment().up(verify=False) == 0
    assert stage.deployment().plan() == 0


ENFORCED = {"enforce": True, "parameters": {"allowedPrincipalSets": ["//cloudresourcemanager.googleapis.com/o/1"]}}
EVERYBODY = {"enforce": True, "parameters": {"allowedMemberSubjects": ["allUsers"]}}


def test_if_the_managed_policy_forbids_all_users_the_plan_disables_the_invoker_check() -> None:
    stage = Stage()
    stage.google.managed_policy = ENFORCED
    assert stage.deployment().up(verify=False) == 0
    assert "--no-invoker-iam-check" in stage.shown


def test_a_managed_policy_that_allows_all_users_keeps_public() -> None:
    stage = Stage()
    stage.google.managed_policy = EVERYBODY
    assert stage.deployment().plan() == CHANGES
    assert "--member=allUsers" in stage.shown


def test_a_managed_policy_that_is_not_read_because_its_api_is_off_is_not_reported() -> None:
    stage = Stage()
    stage.google.stumbles = [("org-policies", "API [orgpolicy.googleapis.com] not enabled on project [1].")]
    assert stage.deployment().plan() == CHANGES
    assert "organization policy" not in stage.noted


def test_if_policy_forbids_both_ways_nothing_is_built() -> None:
    stage = Stage()
    stage.google.organization_policy, stage.google.check_is_forced = FORBIDDEN, True
    with pytest.raises(NotReady, match=r"org-policies reset run\.managed\.requireInvokerIam"):
        stage.deployment().up()
    assert stage.google.changes() == []


def test_if_policy_forbids_all_users_public_is_refused() -> None:
    stage = Stage()
    stage.google.organization_policy = FORBIDDEN
    with pytest.raises(NotReady, match="--invocation=unchecked"):
        stage.deployment(invocation="public").plan()


@pytest.mark.parametrize("words", ["billing", "resource-manager", "org-policies", "functions regions"])
def test_a_check_that_cannot_be_read_is_a_warning_and_stops_nothing(words: str) -> None:
    stage = Stage()
    stage.google.has_everything_on()
    stage.google.stumbles = [(words, "PERMISSION_DENIED: no")]
    assert stage.deployment().plan() == CHANGES


def test_two_organizations_need_two_deployments() -> None:
    stage = Stage(dt=_TwoOrganizations({DT_PROJECT: [], "other": []}))
    with pytest.raises(NotReady, match="belong to 2 organizations"):
        stage.deployment(dt_projects=(DT_PROJECT, "other")).plan()


class _TwoOrganizations(FakeDt):
    def __call__(self, request):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN204
        """Answer as DT, with an organization for each project."""
        answer = super().__call__(request)
        if "organization" in answer.body:
            return type(answer)(200, {"organization": f"organizations/{request.path}"})
        return answer


def test_the_permissions_asked_for_are_those_that_the_docs_list() -> None:
    text = (DOCS / "deployer.md").read_text("utf-8")
    listed = {line.strip(" ,\\\"'") for line in text.splitlines()}
    assert set(deployer_permissions()) <= listed
    assert ROLE in text
    assert len(set(deployer_permissions())) == len(deployer_permissions())
    assert list(DT_PERMISSIONS) == sorted(DT_PERMISSIONS)
