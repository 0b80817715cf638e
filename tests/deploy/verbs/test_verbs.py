"""Each verb against both clouds in memory."""

import contextlib
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from deploy.dt.transport import DtAnswer
from deploy.errors import Declined, DeployError, GcloudFailed, NotOurs, NotProven, NotReady, Stopped
from deploy.spec import VERSION_LABEL
from deploy.verbs import CHANGES, FAILED, NOTHING_TO_DO, UNHEALTHY
from tests.deploy.fakes.dt import DT_PROJECT, ORGANIZATION
from tests.deploy.fakes.gcloud import PROJECT, URL
from tests.deploy.stage import Stage

SECOND = "bsuu3fmh1p7g00c9m8og"


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def up(stage: Stage) -> Stage:
    """Everything is up."""
    assert stage.deployment().up(verify=False) == NOTHING_TO_DO
    stage.out.truncate(0)
    stage.out.seek(0)
    stage.google.asked.clear()
    stage.dt.asked.clear()
    return stage


def test_up_makes_both_ends(up: Stage) -> None:
    kinds = sorted(f"{kind} {name}" for kind, name in up.google.things)
    assert kinds == [
        "functions dt-pubsub",
        "secrets dt-signature",
        "service-accounts dt-pubsub",
        "subscriptions dt-events",
        "subscriptions dt-rejected",
        "topics dt-events",
        "topics dt-rejected",
    ]
    (connector,) = up.dt.connectors[DT_PROJECT]
    assert connector["httpConfig"] == {"headers": {}, "url": URL, "signatureSecret": up.secret()}
    assert (connector["status"], connector["displayName"]) == ("ACTIVE", f"Google Pub/Sub {PROJECT}/dt-pubsub")


def test_both_signatures_are_checked_by_what_was_deployed(up: Stage) -> None:
    served = up.google.things["functions", "dt-pubsub"]["serviceConfig"]
    assert served["environmentVariables"]["DT_ORGANIZATION_ID"] == ORGANIZATION
    assert served["environmentVariables"]["DT_SIGNATURE_SECRET_FILE"] == "/secrets/dt-signature"
    assert served["secretVolumes"][0]["versions"] == [{"path": "dt-signature", "version": "latest"}]


def test_nothing_but_the_source_is_uploaded(up: Stage) -> None:
    assert up.google.uploaded == [["function/__init__.py", "main.py", "requirements.txt"]]


def test_the_runtime_account_may_publish_and_read_the_secret_and_nothing_else(up: Stage) -> None:
    member = f"serviceAccount:dt-pubsub@{PROJECT}.iam.gserviceaccount.com"
    granted = {
        of: [each["role"] for each in bindings if member in each["members"]]
        for of, bindings in up.google.policies.items()
    }
    assert granted == {
        "topics dt-events": ["roles/pubsub.publisher"],
        "topics dt-rejected": ["roles/pubsub.publisher"],
        "secrets dt-signature": ["roles/secretmanager.secretAccessor"],
        "run dt-pubsub": [],
    }


def test_a_plan_after_up_is_empty_and_says_so(up: Stage) -> None:
    assert up.deployment().plan() == NOTHING_TO_DO
    assert "nothing to do" in up.shown


def test_up_again_changes_nothing(up: Stage) -> None:
    assert up.deployment().up() == NOTHING_TO_DO
    assert up.google.changes() == []
    assert {each.method for each in up.dt.asked} == {"GET"}


def test_plan_shows_changes_and_makes_none(stage: Stage) -> None:
    assert stage.deployment().plan() == CHANGES
    assert stage.google.changes() == []
    assert "gcloud pubsub topics create dt-events" in stage.shown


def test_a_plan_in_json_is_one_document(stage: Stage) -> None:
    stage.deployment(in_json=True).plan()
    printed = stage.in_json()
    assert printed["changes"] == 14
    assert printed["steps"][2] == {
        "action": "create",
        "resource": "topic dt-events",
        "reason": "not there",
        "changes": [],
        "call": f"gcloud pubsub topics create dt-events --labels=dt-pubsub=dt-pubsub --project={PROJECT}",
    }


def test_the_secret_goes_through_standard_input_alone(up: Stage) -> None:
    up.deployment(in_json=True).plan()
    everything = f"{up.shown}{up.noted}{up.google.asked}"
    assert len(up.secret()) == 64
    assert up.secret() not in everything


def test_without_a_yes_and_nobody_to_ask_nothing_is_changed(stage: Stage) -> None:
    with pytest.raises(Declined, match="--yes"):
        stage.deployment(yes=False).up()
    assert stage.google.changes() == []


@pytest.mark.parametrize("answer", ["\n", "n\n", "no\n", ""])
def test_whoever_does_not_say_yes_says_no(stage: Stage, answer: str) -> None:
    with pytest.raises(Declined):
        stage.deployment(yes=False, answer=answer).up()
    assert stage.google.changes() == []


def test_whoever_says_yes_is_taken_at_their_word(stage: Stage) -> None:
    assert stage.deployment(yes=False, answer="y\n").up(verify=False) == NOTHING_TO_DO


def test_a_failure_tells_what_is_done_what_is_not_and_what_mends_it(stage: Stage) -> None:
    stage.google.stumbles = [("pubsub subscriptions create dt-rejected", "PERMISSION_DENIED: User not authorized")]
    with pytest.raises(Stopped) as stopped:
        stage.deployment().up()
    told = str(stopped.value)
    assert "done      subscription dt-events" in told
    assert "not done  subscription dt-rejected" in told
    assert "python -m deploy up" in told


def test_what_stopped_half_way_is_finished_by_the_next_up(stage: Stage) -> None:
    stage.google.stumbles = [("functions deploy", "OperationError: code=3, message=Build failed")]
    with pytest.raises(Stopped):
        stage.deployment().up(verify=False)
    assert stage.deployment().up(verify=False) == NOTHING_TO_DO
    assert len(stage.google.versions["dt-signature"]) == 1
    assert stage.deployment().plan() == NOTHING_TO_DO


@pytest.mark.parametrize("place", range(14))
def test_ctrl_c_at_any_step_leaves_what_the_next_up_finishes(stage: Stage, place: int) -> None:
    steps = iter(range(100))

    def interrupt(argv: tuple[str, ...]) -> None:
        if {"create", "enable", "deploy", "add-iam-policy-binding", "update"} & set(argv[:4]) and next(steps) == place:
            raise KeyboardInterrupt

    stage.google.before = interrupt
    if place < 13:
        with pytest.raises(Stopped, match="interrupted"):
            stage.deployment().up(verify=False)
    stage.google.before = lambda _: None
    assert stage.deployment().up(verify=False) == NOTHING_TO_DO
    assert len(stage.dt.connectors[DT_PROJECT]) == 1


def test_settings_made_by_hand_are_shown_and_left_alone(up: Stage) -> None:
    served = up.google.things["functions", "dt-pubsub"]["serviceConfig"]
    served |= {"minInstanceCount": 2, "availableMemory": "1Gi"}
    served["environmentVariables"]["LOG_LEVEL"] = "DEBUG"
    assert up.deployment().plan() == NOTHING_TO_DO
    assert "left alone: memory 1Gi, min_instances 2" in up.shown


def test_settings_asked_for_are_put_back(up: Stage) -> None:
    up.google.things["functions", "dt-pubsub"]["serviceConfig"]["minInstanceCount"] = 2
    assert up.deployment(function={"min_instances": "1"}).up(verify=False) == NOTHING_TO_DO
    assert up.google.things["functions", "dt-pubsub"]["serviceConfig"]["minInstanceCount"] == 1


def test_new_source_is_one_deployment_and_nothing_else(up: Stage) -> None:
    assert up.deployment(digest="d2").up(verify=False) == NOTHING_TO_DO
    deployed, noted = up.google.changes()
    assert deployed.startswith("functions deploy dt-pubsub")
    assert noted.startswith("secrets update dt-signature --update-annotations=dt-pubsub-deployed=")


@pytest.mark.parametrize("state", ["DISABLED", "DESTROYED"])
def test_a_secret_whose_newest_version_is_not_in_force_gets_another_one(up: Stage, state: str) -> None:
    before, up.google.newest_version = up.secret(), state
    assert up.deployment().status() == UNHEALTHY
    assert up.deployment().up(verify=False) == NOTHING_TO_DO
    assert up.secret() != before
    assert up.dt.connectors[DT_PROJECT][0]["httpConfig"]["signatureSecret"] == up.secret()


UNUSABLE = {
    "too short": "short",
    "white space": " \n\t\n",
    "in quotes": f'"{"k" * 20}{"j" * 20}"',
    "not UTF-8": "\udcff" * 40,
}


@pytest.mark.parametrize("text", UNUSABLE.values(), ids=UNUSABLE)
def test_a_version_that_the_function_would_refuse_is_said_and_never_leaves_for_dt(up: Stage, text: str) -> None:
    up.google.versions["dt-signature"].append(text)
    assert up.deployment().plan() == CHANGES
    assert "the function cannot use version 2: " in up.shown
    assert up.deployment().up(verify=False) == NOTHING_TO_DO
    assert len(up.google.versions["dt-signature"]) == 3
    assert up.dt.connectors[DT_PROJECT][0]["httpConfig"]["signatureSecret"] == up.secret()
    assert text not in str(up.dt.asked)
    assert up.deployment().plan() == NOTHING_TO_DO


def test_a_version_that_turns_out_to_be_unusable_half_way_never_leaves_for_dt(up: Stage) -> None:
    up.dt.connectors[DT_PROJECT].clear()

    def spoil(argv: tuple[str, ...]) -> None:
        if argv[:3] == ("functions", "deploy", "dt-pubsub"):
            up.google.versions["dt-signature"].append("short")

    up.google.before = spoil
    with pytest.raises(Stopped, match="the function cannot use version 2: line 1 has 5 bytes"):
        up.deployment(digest="d2").up(verify=False)
    assert "'short'" not in str(up.dt.asked)


def test_a_line_that_the_function_passes_over_is_shown_and_the_others_are_used(up: Stage) -> None:
    up.google.versions["dt-signature"].append(f"short\n{'new-secret-' * 4}")
    assert up.deployment().up(verify=False) == NOTHING_TO_DO
    assert up.dt.connectors[DT_PROJECT][0]["httpConfig"]["signatureSecret"] == "new-secret-" * 4
    assert "version 2 is in force; the function passes over a part of it: line 1 has 5 bytes" in up.shown


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_secret_from_an_editor_of_windows_is_the_same_at_both_ends(up: Stage, encoding: str) -> None:
    raw = ("of-windows-" * 4 + "\r\n").encode(encoding)
    up.google.versions["dt-signature"].append(raw.decode("utf-8", "surrogateescape"))
    assert up.deployment().up(verify=False) == NOTHING_TO_DO
    assert up.dt.connectors[DT_PROJECT][0]["httpConfig"]["signatureSecret"] == "of-windows-" * 4


def test_no_version_is_read_by_an_alias(up: Stage) -> None:
    up.deployment(digest="d2").up(verify=False)
    with pytest.raises(NotProven):
        up.deployment().verify()
    up.deployment().down()
    assert not [argv for argv in up.google.asked if argv[:2] == ("secrets", "versions") and "latest" in argv]


def test_a_version_just_made_that_lists_do_not_show_yet_is_the_one_that_dt_gets(up: Stage) -> None:
    up.google.newest_version, up.google.lists_versions_until = "DISABLED", 1
    up.deployment().up(verify=False)
    assert up.dt.connectors[DT_PROJECT][0]["httpConfig"]["signatureSecret"] == up.secret()


def test_a_full_dt_project_is_said_before_anything_is_made(stage: Stage) -> None:
    for _ in range(10):
        stage.dt.has_connector()
    for verb in ("plan", "up"):
        with pytest.raises(NotReady, match="has 10 Data Connectors, and DT allows 10"):
            getattr(stage.deployment(), verb)()
    assert stage.google.changes() == []


def test_a_dt_project_with_more_connectors_than_dt_allows_has_a_limit_of_its_own(stage: Stage) -> None:
    for _ in range(11):
        stage.dt.has_connector()
    assert stage.deployment().up(verify=False) == NOTHING_TO_DO
    assert len(stage.dt.connectors[DT_PROJECT]) == 12


def test_a_full_dt_project_with_ours_in_it_is_as_it_should_be(up: Stage) -> None:
    for _ in range(9):
        up.dt.has_connector()
    assert up.deployment(digest="d2").up(verify=False) == NOTHING_TO_DO


def test_down_leaves_a_connector_made_by_hand_alone_although_it_is_older(up: Stage) -> None:
    push = {"url": URL, "signatureSecret": "of-their-own" * 4, "headers": {}}
    by_hand = up.dt.has_connector(displayName="Fridges", events=["touch"], httpConfig=push)
    up.dt.connectors[DT_PROJECT].reverse()
    by_hand["name"] = f"projects/{DT_PROJECT}/dataconnectors/dc0"
    assert up.deployment(digest="d2").up(verify=False) == NOTHING_TO_DO
    assert len(up.dt.connectors[DT_PROJECT]) == 2
    assert (by_hand["events"], by_hand["httpConfig"]["signatureSecret"]) == (["touch"], "of-their-own" * 4)
    assert up.deployment().down() == NOTHING_TO_DO
    assert up.dt.connectors[DT_PROJECT] == [by_hand]


def test_a_connector_made_by_hand_does_not_take_the_place_of_ours_while_the_function_is_made(up: Stage) -> None:
    del up.google.things["functions", "dt-pubsub"]
    up.dt.connectors[DT_PROJECT].clear()
    push = {"url": URL, "signatureSecret": "of-their-own" * 4, "headers": {}}
    by_hand = up.dt.has_connector(displayName="Fridges", events=["touch"], httpConfig=push)
    up.deployment().up(verify=False)
    assert (by_hand["events"], by_hand["httpConfig"]["signatureSecret"]) == (["touch"], "of-their-own" * 4)
    assert len(up.dt.connectors[DT_PROJECT]) == 2


def test_down_removes_a_secret_of_which_nothing_is_left(up: Stage) -> None:
    up.google.newest_version = "DESTROYED"
    assert up.deployment().down() == NOTHING_TO_DO
    assert up.google.things == {}


def test_a_connector_switched_off_by_hand_is_switched_on(up: Stage) -> None:
    up.dt.connectors[DT_PROJECT][0]["status"] = "SYSTEM_DISABLED"
    assert up.deployment().up(verify=False) == NOTHING_TO_DO
    assert up.dt.connectors[DT_PROJECT][0]["status"] == "ACTIVE"


def test_where_dt_shows_no_secret_up_and_plan_come_to_an_end_and_say_so(stage: Stage) -> None:
    stage.dt.shows_secrets = False
    assert stage.deployment().up(verify=False) == NOTHING_TO_DO
    assert stage.deployment().plan() == NOTHING_TO_DO
    assert "DT does not show its secret, so it cannot be compared; python -m deploy verify proves it" in stage.shown
    assert stage.deployment().up() == NOTHING_TO_DO
    assert stage.dt.calls("PATCH") == []


def test_where_dt_shows_no_secret_a_new_version_is_given_to_the_connector_all_the_same(up: Stage) -> None:
    up.dt.shows_secrets, up.google.newest_version = False, "DISABLED"
    assert up.deployment().up(verify=False) == NOTHING_TO_DO
    assert up.dt.connectors[DT_PROJECT][0]["httpConfig"]["signatureSecret"] == up.secret()


def test_another_dt_project_gets_a_connector_of_its_own(up: Stage) -> None:
    up.dt.connectors[SECOND] = []
    assert up.deployment(dt_projects=(DT_PROJECT, SECOND)).up(verify=False) == NOTHING_TO_DO
    assert [len(up.dt.connectors[project]) for project in (DT_PROJECT, SECOND)] == [1, 1]


def test_what_is_not_ours_is_not_touched(stage: Stage) -> None:
    stage.google.has_everything_on()
    stage.google.things["topics", "dt-events"] = {"name": "projects/p/topics/dt-events", "labels": {"team": "other"}}
    with pytest.raises(NotOurs, match="topics update dt-events --update-labels=dt-pubsub=dt-pubsub"):
        stage.deployment().up()
    assert stage.google.changes() == []


def test_down_removes_everything_on_both_ends(up: Stage) -> None:
    up.dt.has_connector(displayName="somebody else's")
    assert up.deployment().down() == NOTHING_TO_DO
    assert up.google.things == {}
    assert [each["displayName"] for each in up.dt.connectors[DT_PROJECT]] == ["somebody else's"]


def test_down_leaves_another_deployments_connector_of_the_same_name(up: Stage) -> None:
    up.dt.connectors[DT_PROJECT][0]["displayName"] = "Events"
    push = {"url": "https://dt-pubsub-otherproj9-ew.a.run.app", "signatureSecret": "theirs", "headers": {}}
    theirs = up.dt.has_connector(displayName="Events", httpConfig=push)
    assert up.deployment(connector_name="Events").down() == NOTHING_TO_DO
    assert up.dt.connectors[DT_PROJECT] == [theirs]


def test_down_finds_a_connector_by_our_secret_when_the_function_is_gone_already(up: Stage) -> None:
    up.dt.connectors[DT_PROJECT][0]["displayName"] = "Events"
    del up.google.things["functions", "dt-pubsub"]
    assert up.deployment(connector_name="Events").down() == NOTHING_TO_DO
    assert up.dt.connectors[DT_PROJECT] == []


def test_down_stops_dt_before_it_removes_the_function(up: Stage) -> None:
    up.google.before = lambda argv: None if "delete" not in argv else _no_connector_is_left(up)
    up.deployment().down()


def _no_connector_is_left(stage: Stage) -> None:
    assert stage.dt.connectors[DT_PROJECT] == []


def test_down_leaves_what_is_not_marked(up: Stage) -> None:
    up.google.things["topics", "dt-events"]["labels"] = {}
    up.deployment().down()
    assert list(up.google.things) == [("topics", "dt-events")]


def test_down_asks_first(up: Stage) -> None:
    with pytest.raises(Declined):
        up.deployment(yes=False, answer="n\n").down()
    assert len(up.google.things) == 7


def test_down_where_nothing_ever_was_is_as_good(stage: Stage) -> None:
    assert stage.deployment().down() == NOTHING_TO_DO
    assert not [argv for argv in stage.google.asked if argv[0] == "pubsub"]


def test_down_twice_is_as_good(up: Stage) -> None:
    up.deployment().down()
    assert up.deployment().down() == NOTHING_TO_DO


def test_status_is_function_secret_connector_and_deliveries_on_one_screen(up: Stage) -> None:
    up.clock.seconds = datetime(2026, 11, 23, 5, tzinfo=UTC).timestamp()
    assert up.deployment().status() == NOTHING_TO_DO
    connector = up.dt.connectors[DT_PROJECT][0]["name"].rpartition("/")[2]
    states = [line.split("  ")[0] for line in up.shown.splitlines()]
    assert states == ["ok", "ok", "ok", "ok", "ACTIVE", "ok", "ok", "ok", "", URL]
    assert "function dt-pubsub " in up.shown
    assert "version 1 is in force, 21 days old" in up.shown
    assert f"{connector} is ACTIVE" in up.shown
    assert "last 3 h: 9 delivered, 0 not, p99 0.411s" in up.shown
    assert "10 more as they should be" in up.shown


@pytest.mark.parametrize("metrics", [None, [], "x"])
def test_status_goes_without_deliveries_that_cannot_be_read(up: Stage, metrics: object) -> None:
    up.dt.metrics = metrics
    assert up.deployment().status() == NOTHING_TO_DO
    assert "last 3 h: 0 delivered, 0 not, p99 -" in up.shown


def test_status_shows_what_is_amiss_beside_it_and_says_what_mends_it(up: Stage) -> None:
    up.google.things["service-accounts", "dt-pubsub"]["disabled"] = True
    up.google.things["subscriptions", "dt-rejected"]["expirationPolicy"] = {"ttl": "86400s"}
    assert up.deployment().status() == UNHEALTHY
    assert "update  service account dt-pubsub" in up.shown
    assert "update  subscription dt-rejected" in up.shown
    assert "8 more as they should be" in up.shown
    assert up.shown.endswith("what up would mend: python -m deploy plan\n")


def test_status_in_json_is_every_single_thing(up: Stage) -> None:
    up.deployment(in_json=True).status()
    told = up.in_json()["status"]
    assert len(told) == 17
    assert {"what": "topic dt-events", "state": "ok", "detail": "is as it should be"} in told


def test_status_shows_the_version_that_is_deployed(up: Stage) -> None:
    assert up.deployment().status() == NOTHING_TO_DO
    assert re.search(r"^ok +version +1\.0\.0$", up.shown, re.MULTILINE)


@pytest.mark.parametrize(("label", "version"), [("0-9-0", "0.9.0"), (None, None)])
def test_a_function_of_another_version_is_unhealthy_and_its_version_is_shown(
    up: Stage, label: str | None, version: str | None
) -> None:
    labels = up.google.things["functions", "dt-pubsub"]["labels"]
    labels.pop(VERSION_LABEL)
    labels.update({VERSION_LABEL: label} if label else {})

    assert up.deployment(in_json=True).status() == UNHEALTHY

    told = up.in_json()
    detail = f"{version or 'no version'} is deployed, and this is 1.0.0"
    assert told["version"] == version
    assert {"what": "version", "state": "update", "detail": detail} in told["status"]


def test_a_function_of_an_older_version_is_deployed_again(up: Stage) -> None:
    up.google.things["functions", "dt-pubsub"]["labels"][VERSION_LABEL] = "0-9-0"
    assert up.deployment().up(verify=False) == NOTHING_TO_DO
    assert "version 0.9.0 -> 1.0.0" in up.shown
    assert up.google.things["functions", "dt-pubsub"]["labels"][VERSION_LABEL] == "1-0-0"
    assert up.deployment().plan() == NOTHING_TO_DO


def test_a_healthy_status_is_said_in_json(up: Stage) -> None:
    assert up.deployment(in_json=True).status() == NOTHING_TO_DO
    assert up.in_json()["healthy"] is True


@pytest.mark.parametrize("failed", [1, "3"])
def test_deliveries_that_failed_make_a_status_unhealthy(up: Stage, failed: object) -> None:
    up.dt.metrics = {"successCount": 9, "errorCount": failed, "latency99p": "0.411s"}
    assert up.deployment().status() == UNHEALTHY
    assert f"failing  deliveries from {DT_PROJECT}" in up.shown
    assert f"9 delivered, {failed} not" in up.shown


def test_messages_on_the_rejected_topic_make_a_status_unhealthy(up: Stage) -> None:
    up.unread["dt-rejected"] = (7, 130)
    assert up.deployment().status() == UNHEALTHY
    assert "7 messages, the oldest 2 min old: their attribute reason says why" in up.shown


@pytest.mark.parametrize(("oldest_s", "status"), [(3600, NOTHING_TO_DO), (3601, UNHEALTHY), (200_000, UNHEALTHY)])
def test_a_message_that_nobody_reads_makes_a_status_unhealthy(up: Stage, oldest_s: int, status: int) -> None:
    up.unread["dt-events"] = (1, oldest_s)
    assert up.deployment().status() == status
    assert "1 message, the oldest" in up.shown


def test_figures_that_google_does_not_have_yet_are_no_fault(up: Stage) -> None:
    up.unread = {}
    assert up.deployment().status() == NOTHING_TO_DO
    assert up.shown.count("Google has no figures yet") == 2


def test_figures_that_cannot_be_read_are_said_with_a_status_of_their_own(up: Stage) -> None:
    up.monitoring_fails = DeployError("is off", where="Cloud Monitoring", mend=["gcloud services enable x"])
    assert up.deployment().status() == FAILED
    assert "unknown  unread in dt-rejected" in up.shown
    assert "mend it: gcloud services enable x" in up.noted


def test_what_is_wrong_for_certain_outweighs_what_could_not_be_read(up: Stage) -> None:
    up.monitoring_fails = DeployError("did not answer (500)", where="Cloud Monitoring")
    up.dt.metrics = {"errorCount": 1}
    assert up.deployment().status() == UNHEALTHY


def test_deliveries_that_dt_does_not_tell_of_are_said_with_a_status_of_their_own(up: Stage) -> None:
    up.dt.fails_metrics = True
    assert up.deployment(in_json=True).status() == FAILED
    told = up.in_json()
    assert (told["healthy"], told["error"]) == (None, None)
    assert {"what": f"deliveries from {DT_PROJECT}", "state": "unknown"}.items() <= told["status"][-3].items()


@pytest.mark.parametrize(
    ("change", "what"),
    [({"detached": True}, "is detached from its topic"), ({"topic": "_deleted-topic_"}, "reads from _deleted-topic_")],
)
def test_a_subscription_that_gets_nothing_any_more_is_unhealthy_and_not_unreadable(
    up: Stage, change: dict[str, Any], what: str
) -> None:
    up.google.things["subscriptions", "dt-events"] |= change
    assert up.deployment().status() == UNHEALTHY
    assert "broken  subscription dt-events" in up.shown
    assert what in up.shown
    assert "mend it: gcloud pubsub subscriptions delete dt-events" in up.noted


def test_a_status_of_what_was_never_made_asks_for_no_figures(stage: Stage) -> None:
    stage.monitoring_fails = DeployError("is not to be asked")
    assert stage.deployment().status() == UNHEALTHY
    assert "unread in" not in stage.shown


def test_a_connector_paused_by_hand_stays_paused_and_is_shown(up: Stage) -> None:
    up.dt.connectors[DT_PROJECT][0]["status"] = "USER_DISABLED"
    assert up.deployment().plan() == NOTHING_TO_DO
    assert "is paused (USER_DISABLED), and stays so" in up.shown
    assert up.deployment(digest="d2").up(verify=False) == NOTHING_TO_DO
    assert up.dt.connectors[DT_PROJECT][0]["status"] == "USER_DISABLED"
    assert up.deployment().status() == UNHEALTHY


KEYS = ["error", "steps", "changes", "done", "left", "verified", "status", "healthy", "version"]


@pytest.mark.parametrize("verb", ["plan", "up", "verify", "status", "down"])
def test_every_verb_has_the_same_keys_in_json_and_prints_nothing_beside(up: Stage, verb: str) -> None:
    up.dt.emulator_is_allowed = False
    with contextlib.suppress(NotProven):
        getattr(up.deployment(in_json=True), verb)()
    assert list(up.in_json()) == KEYS


def test_up_in_json_tells_what_was_planned_and_done_and_what_is_left(stage: Stage) -> None:
    stage.deployment(in_json=True).up(verify=False)
    told = stage.in_json()
    assert (told["changes"], len(told["done"]), told["left"], told["verified"]) == (14, 14, [], None)
    assert told["done"][-1] == f"connector in {DT_PROJECT}"


def test_up_in_json_that_stops_tells_what_was_done_before(stage: Stage) -> None:
    stage.google.stumbles = [("pubsub subscriptions create dt-rejected", "PERMISSION_DENIED: User not authorized")]
    deployment = stage.deployment(in_json=True)
    with pytest.raises(Stopped) as stopped:
        deployment.up()
    stage.report.error = stopped.value
    told = stage.in_json()
    assert (told["changes"], told["done"][-1], told["left"]) == (14, "subscription dt-events", None)
    assert told["error"]["where"] == "subscription dt-rejected"
    assert told["error"]["mend"][-1].startswith("python -m deploy up")


def test_up_in_json_whose_proof_fails_tells_all_that_was_changed(stage: Stage) -> None:
    stage.answers = [(200, "")]
    with pytest.raises(NotProven) as failed:
        stage.deployment(in_json=True).up()
    stage.report.error = failed.value
    told = stage.in_json()
    assert (len(told["done"]), told["left"], told["verified"]) == (14, [], None)
    assert told["error"]["what"].startswith("an unsigned request was answered with 200")


def test_several_errors_in_one_are_told_in_json_with_all_that_mends_them(stage: Stage) -> None:
    stage.google.is_billed, stage.held = False, frozenset()
    with pytest.raises(NotReady) as failed:
        stage.deployment(in_json=True).up()
    stage.report.error = failed.value
    error = stage.in_json()["error"]
    assert len(error["what"].splitlines()) == len(error["mend"]) == 2
    assert "mend it" not in error["what"]


@pytest.mark.parametrize("looks", [1, 3])
def test_a_list_of_dts_that_lags_behind_is_waited_for(stage: Stage, looks: int) -> None:
    stage.dt.lists_behind = looks
    assert stage.deployment().up(verify=False) == NOTHING_TO_DO
    assert len(stage.dt.calls("POST")) == 1
    assert "nothing is left to do" in stage.shown


def test_a_list_of_dts_that_does_not_come_round_is_told(stage: Stage) -> None:
    stage.dt.lists_behind = 100
    began_at = stage.clock()
    assert stage.deployment().up(verify=False) == FAILED
    assert f"after all that, a plan is not empty:\n  connector in {DT_PROJECT}: not there" in stage.shown
    assert stage.clock() - began_at < 70


@pytest.mark.parametrize("verb", ["plan", "up", "verify", "status", "down"])
def test_no_verb_goes_on_without_a_login(stage: Stage, verb: str) -> None:
    stage.google.is_logged_in = False
    with pytest.raises((NotReady, GcloudFailed), match="gcloud auth login"):
        getattr(stage.deployment(), verb)()


def test_no_verb_goes_on_without_credentials_of_dt(stage: Stage) -> None:
    with pytest.raises(DeployError, match="DT_SERVICE_ACCOUNT_KEY_ID"):
        stage.deployment(credentials=False).down()


def test_verify_before_up_says_what_to_do(stage: Stage) -> None:
    stage.google.has_everything_on()
    with pytest.raises(DeployError, match="python -m deploy up"):
        stage.deployment().verify()


def test_a_page_of_dt_that_is_busy_is_waited_for(up: Stage) -> None:
    up.dt.stumbles = [DtAnswer(429, {"error": "too many requests"}, "7")]
    assert up.deployment().plan() == NOTHING_TO_DO
    assert "again in 7 s" in up.noted


def test_an_unsigned_request_that_gets_in_is_no_proof(up: Stage) -> None:
    up.answers = [(200, "")]
    with pytest.raises(NotProven, match="200"):
        up.deployment().verify()
