"""Resources of others are left alone, even if their owner changes during a run; our own are found in every place."""

import contextlib
import re
from collections.abc import Callable

import pytest

from deploy.dt.calls import DtAnswer
from deploy.errors import ApplyFailed, DeployError, DtFailed, NotOwned, NotReady
from deploy.spec import CostSettings
from deploy.verbs.exit_codes import FAILED, NOTHING_TO_DO, UNHEALTHY
from tests.deploy.fakes.dt import DT_PROJECT, SECOND
from tests.deploy.fakes.gcloud import PROJECT, new_function
from tests.deploy.stage import Stage

OTHERS = {"labels": {"team": "payments"}}
ELSEWHERE = ("functions in us-central1", "dt-pubsub")
FUNCTION, SERVICE = ("functions", "dt-pubsub"), ("run", "dt-pubsub")
MARK = {"dt-pubsub": "dt-pubsub"}
every_way_to_open = pytest.mark.parametrize("invocation", ["public", "unchecked"])


def when(stage: Stage, words: str, happens: Callable[[], object]) -> None:
    """Call a function once, just before the first command that begins with these words."""

    def watch(argv: tuple[str, ...]) -> None:
        if " ".join(argv).startswith(words):
            stage.google.before = lambda _: None
            happens()

    stage.google.before = watch


def is_closed(stage: Stage) -> bool:
    """Return whether the Cloud Run service was opened in neither way."""
    return not stage.google.unchecked and not stage.google.policies.get("run dt-pubsub")


@every_way_to_open
def test_a_service_of_the_same_name_without_a_function_stops_up_before_any_change(
    stage: Stage, invocation: str
) -> None:
    stage.google.things[SERVICE] = OTHERS
    deployment = stage.deployment(invocation=invocation)
    for verb in (deployment.plan, deployment.up):
        with pytest.raises(NotOwned, match=r"Cloud Run service dt-pubsub: already exists .* not this deployment's"):
            verb()
    assert deployment.status() == UNHEALTHY
    assert re.search("^broken +Cloud Run service dt-pubsub +already exists .* not this", stage.shown, re.MULTILINE)
    assert stage.google.changes() == []
    assert is_closed(stage)


@every_way_to_open
@pytest.mark.parametrize("words", ["secrets create", "functions deploy"])
def test_a_service_that_others_make_during_up_is_never_opened(stage: Stage, invocation: str, words: str) -> None:
    when(stage, words, lambda: stage.google.things.update({SERVICE: OTHERS}))
    with pytest.raises(ApplyFailed, match="already exists") as stopped:
        stage.deployment(invocation=invocation).up(verify=False)
    assert stopped.value.where == "function dt-pubsub"
    assert "not done  public invocation" in str(stopped.value)
    assert is_closed(stage)


@every_way_to_open
def test_a_service_of_others_over_which_a_deployment_failed_is_never_opened(stage: Stage, invocation: str) -> None:
    failed = {**new_function(), "state": "FAILED", "labels": MARK}
    when(stage, "functions deploy", lambda: stage.google.things.update({SERVICE: OTHERS, FUNCTION: failed}))
    with pytest.raises(ApplyFailed, match="already exists"):
        stage.deployment(invocation=invocation).up(verify=False)
    with pytest.raises(NotOwned, match="and is not the function's"):
        stage.deployment(invocation=invocation).up(verify=False)
    assert is_closed(stage)


def test_a_function_that_others_make_during_up_is_not_overwritten(stage: Stage) -> None:
    when(stage, "secrets create", lambda: stage.google.things.update({FUNCTION: new_function()}))
    with pytest.raises(ApplyFailed, match="does not have the label dt-pubsub=dt-pubsub"):
        stage.deployment().up(verify=False)
    assert stage.google.uploaded == []
    assert is_closed(stage)


@every_way_to_open
def test_a_function_that_is_deleted_during_up_is_not_opened(up: Stage, invocation: str) -> None:
    up.google.policies["run dt-pubsub"] = []

    def detach() -> None:
        up.google.things[SERVICE] = {"labels": MARK}
        del up.google.things[FUNCTION]

    when(up, "auth print-access-token", detach)
    with pytest.raises(ApplyFailed, match="detached"):
        up.deployment(invocation=invocation).up(verify=False)
    assert is_closed(up)


@pytest.mark.parametrize(
    ("kind", "name", "theirs"),
    [
        ("service-accounts", "dt-pubsub", {"description": "pays"}),
        ("topics", "dt-events", {"name": "t", **OTHERS}),
        ("subscriptions", "dt-rejected", {"name": "s", **OTHERS}),
        ("secrets", "dt-signature", OTHERS),
    ],
)
def test_a_name_that_others_take_after_the_plan_stops_up_before_any_grant(
    stage: Stage, kind: str, name: str, theirs: dict[str, object]
) -> None:
    group = {"service-accounts": "iam", "secrets": ""}.get(kind, "pubsub")
    when(stage, f"{group} {kind} create {name}".strip(), lambda: stage.google.things.update({(kind, name): theirs}))
    with pytest.raises(ApplyFailed, match="does not have the label dt-pubsub=dt-pubsub"):
        stage.deployment().up(verify=False)
    assert not any(bindings for bindings in stage.google.policies.values())
    assert stage.google.things[kind, name] == theirs


@pytest.mark.parametrize(
    ("kind", "name", "policy"),
    [
        ("topics", "dt-events", "topics dt-events"),
        ("secrets", "dt-signature", "secrets dt-signature"),
        ("service-accounts", "dt-pubsub", "topics dt-rejected"),
    ],
)
def test_no_role_is_granted_on_or_to_resources_of_others(up: Stage, kind: str, name: str, policy: str) -> None:
    up.google.policies[policy] = []

    def taken() -> None:
        up.google.things[kind, name] |= {"labels": {}, "description": ""}

    when(up, "auth print-access-token", taken)
    with pytest.raises(ApplyFailed, match="does not have the label dt-pubsub=dt-pubsub"):
        up.deployment().up(verify=False)
    assert up.google.policies[policy] == []


def test_two_ups_that_create_the_same_resource_both_continue(stage: Stage) -> None:
    topic = {"name": f"projects/{PROJECT}/topics/dt-events", "labels": MARK}
    when(stage, "pubsub topics create dt-events", lambda: stage.google.things.update({("topics", "dt-events"): topic}))
    assert stage.deployment().up(verify=False) == NOTHING_TO_DO


def test_no_role_is_granted_on_a_resource_deleted_since_the_plan(up: Stage) -> None:
    up.google.policies["topics dt-events"] = []
    when(up, "auth print-access-token", lambda: up.google.things.pop(("topics", "dt-events")))
    with pytest.raises(ApplyFailed, match="topic dt-events: no longer exists") as stopped:
        up.deployment().up(verify=False)
    assert stopped.value.where == "publisher on topic dt-events"
    assert not [line for line in up.google.changes() if "add-iam-policy-binding dt-events" in line]


def test_down_leaves_a_resource_that_changed_its_owner_after_the_plan(up: Stage) -> None:
    def taken() -> None:
        up.google.things["secrets", "dt-signature"] = OTHERS

    when(up, "functions delete", taken)
    with pytest.raises(ApplyFailed, match="does not have the label dt-pubsub=dt-pubsub"):
        up.deployment().down()
    assert up.google.things["secrets", "dt-signature"] == OTHERS


def test_down_closes_the_service_of_a_detached_function_and_says_that_it_stays(up: Stage) -> None:
    del up.google.things[FUNCTION]
    up.google.things[SERVICE] = {"labels": MARK}
    up.google.unchecked = True
    assert up.deployment().down() == NOTHING_TO_DO
    assert is_closed(up)
    assert list(up.google.things) == [SERVICE]
    assert "gcloud run services delete dt-pubsub" in up.shown


def test_down_does_not_close_a_service_of_others(up: Stage) -> None:
    del up.google.things[FUNCTION]
    up.google.things[SERVICE] = OTHERS
    before = list(up.google.policies["run dt-pubsub"])
    up.deployment().down()
    assert up.google.policies["run dt-pubsub"] == before != []
    assert "the Cloud Run service of this name is not this deployment's" in up.shown


@pytest.mark.parametrize("verb", ["plan", "status"])
def test_a_connector_in_a_dt_project_that_is_no_longer_named_is_shown_and_left(two: Stage, verb: str) -> None:
    assert getattr(two.deployment(), verb)() == NOTHING_TO_DO
    assert f"connector in {SECOND}" in two.shown
    assert "is left, and still posts: the project is no longer named" in two.shown
    assert len(two.dt.connectors[SECOND]) == 1


def test_down_removes_the_connectors_of_all_remembered_dt_projects(two: Stage) -> None:
    assert two.deployment().down() == NOTHING_TO_DO
    assert two.google.things == {}
    assert two.dt.connectors == {DT_PROJECT: [], SECOND: []}


def test_a_remembered_dt_project_without_access_stays_remembered_and_is_shown(two: Stage) -> None:
    del two.dt.connectors[SECOND]
    assert two.deployment().plan() == NOTHING_TO_DO
    assert "a connector may be left: no longer named, and DT does not show the project (404" in two.shown
    assert SECOND in two.google.things["secrets", "dt-signature"]["annotations"]["dt-pubsub-dt-projects"]


@pytest.mark.parametrize("status", [403, 404])
def test_down_removes_googles_side_if_a_dt_project_is_gone_and_says_what_may_be_left(up: Stage, status: int) -> None:
    up.dt.stumbles = [DtAnswer(status, {"error": "no such project", "code": status})]
    assert up.deployment().down() == NOTHING_TO_DO
    assert up.google.things == {}
    assert f"DT does not show the project ({status} no such project)" in up.shown
    assert "a connector left in it posts to a function that is gone" in up.shown


@pytest.mark.parametrize("status", [400, 401, 500])
def test_down_removes_nothing_after_any_other_error_of_dt(up: Stage, status: int) -> None:
    up.dt.stumbles = [DtAnswer(status, {"error": "no", "code": status})] * 9
    with pytest.raises(DtFailed):
        up.deployment().down()
    assert up.google.changes() == []


def test_a_named_dt_project_must_exist_except_for_down(up: Stage) -> None:
    del up.dt.connectors[DT_PROJECT]
    for verb in (up.deployment().plan, up.deployment().up):
        with pytest.raises((DtFailed, NotReady)):
            verb()
    assert up.deployment().status() == FAILED
    assert f"connector in {DT_PROJECT}: see docs/runbook/unreadable.md" in up.shown
    assert up.google.changes() == []


def test_a_named_dt_project_without_access_does_not_count_as_a_remembered_one(up: Stage) -> None:
    refusal = DtAnswer(403, {"error": "permission denied", "code": 403})
    when(up, "services list", lambda: up.dt.stumbles.append(refusal))
    with pytest.raises(DtFailed, match="permission denied"):
        up.deployment(cost=CostSettings(sensors=1_000)).plan()  # a set number, so that no count takes the refusal


def test_a_first_generation_function_of_the_name_is_reported_before_any_change(stage: Stage) -> None:
    stage.google.things[FUNCTION] = {**new_function(), "environment": "GEN_1", "labels": MARK}
    with pytest.raises(NotOwned, match="as a 1st gen function") as refused:
        stage.deployment().up()
    assert "--name=ANOTHER-NAME" in str(refused.value)
    assert stage.google.changes() == []
    stage.deployment().down()
    assert list(stage.google.things) == [FUNCTION]


def test_before_a_deletion_only_the_owner_is_read_again(up: Stage) -> None:
    up.deployment().down()
    asked = [" ".join(argv) for argv in up.google.asked]
    once_begun = asked[asked.index(up.google.changes()[0]) :]
    again = [line for line in once_begun if line not in up.google.changes()]
    assert len(again) == len(up.google.changes()) - 1, again  # the owner was also read before the first deletion
    assert all(" describe " in line for line in again)


@pytest.fixture
def by_hand(up: Stage) -> Stage:
    """Both ends were made by hand: no resource of Google's has the mark, and the connector has another name."""
    for found in up.google.things.values():
        found.get("labels", {}).pop("dt-pubsub", None)
        found["description"] = "made by hand"
    up.dt.connectors[DT_PROJECT][0]["displayName"] = "Fridges"
    up.dt.asked.clear()
    return up


@pytest.mark.parametrize("shows_secrets", [True, False])
@pytest.mark.parametrize("name", ["Fridges", f"Google Pub/Sub {PROJECT}/dt-pubsub"])
def test_down_leaves_the_connector_of_a_foreign_function_despite_its_secret_or_name(
    by_hand: Stage,
    name: str,
    shows_secrets: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    by_hand.dt.shows_secrets = shows_secrets
    by_hand.dt.connectors[DT_PROJECT][0]["displayName"] = name
    assert by_hand.deployment().down() == NOTHING_TO_DO
    assert (len(by_hand.dt.connectors[DT_PROJECT]), by_hand.google.changes()) == (1, [])
    assert f"{name!r} posts to a function that does not have the label dt-pubsub=dt-pubsub: left alone" in by_hand.shown


def test_down_recognizes_no_connector_by_a_foreign_secret(by_hand: Stage) -> None:
    del by_hand.google.things[FUNCTION]
    assert by_hand.deployment().down() == NOTHING_TO_DO
    assert len(by_hand.dt.connectors[DT_PROJECT]) == 1


@pytest.mark.parametrize("verb", ["plan", "up", "status", "verify", "down"])
def test_a_secret_that_is_not_ours_is_not_read_by_any_verb(by_hand: Stage, verb: str) -> None:
    with contextlib.suppress(DeployError):
        getattr(by_hand.deployment(), verb)()
    assert not [argv for argv in by_hand.google.asked if "access" in argv]


@pytest.mark.parametrize("theirs", [FUNCTION, ("secrets", "dt-signature")])
def test_verify_sends_nothing_to_a_function_and_signs_nothing_with_a_secret_that_is_not_ours(
    up: Stage, theirs: tuple[str, str]
) -> None:
    up.google.things[theirs]["labels"] = {"team": "payments"}
    with pytest.raises(DeployError, match="does not have the label dt-pubsub=dt-pubsub"):
        up.deployment().verify()
    assert (up.posted, up.google.changes()) == ([], [])


def test_a_foreign_function_in_another_region_stays(up: Stage) -> None:
    up.google.things[ELSEWHERE] = {**new_function(region="us-central1"), "labels": MARK}
    second = "functions in us-east1", "dt-pubsub"
    up.google.things[second] = {**new_function(region="us-east1"), "labels": MARK}
    theirs = {**new_function(region="us-east1"), **OTHERS}
    when(up, "functions delete", lambda: up.google.things.update({second: theirs}))
    with pytest.raises(ApplyFailed, match="does not have the label dt-pubsub=dt-pubsub"):
        up.deployment().down()
    assert up.google.things[second] == theirs
    assert ELSEWHERE not in up.google.things
