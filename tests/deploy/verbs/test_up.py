"""``up`` against both clouds in memory."""

import contextlib
from dataclasses import replace

import pytest

from deploy.cli.parser import parse
from deploy.errors import Aborted, ApplyFailed, NotOwned, NotProven, NotReady
from deploy.spec import VERSION_LABEL
from deploy.verbs import USAGES, VERBS
from deploy.verbs.exit_codes import CHANGES, FAILED, NOTHING_TO_DO, UNHEALTHY
from tests.deploy.fakes.dt import DT_PROJECT, ORGANIZATION, SECOND
from tests.deploy.fakes.gcloud import PROJECT, URL
from tests.deploy.stage import Stage


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


def test_the_deployed_function_checks_both_signatures(up: Stage) -> None:
    served = up.google.things["functions", "dt-pubsub"]["serviceConfig"]
    assert served["environmentVariables"]["DT_ORGANIZATION_ID"] == ORGANIZATION
    assert served["environmentVariables"]["DT_SIGNATURE_SECRET_FILE"] == "/secrets/dt-signature"
    assert served["secretVolumes"][0]["versions"] == [{"path": "dt-signature", "version": "latest"}]


def test_nothing_but_the_source_is_uploaded(up: Stage) -> None:
    assert up.google.uploaded == [["function/__init__.py", "main.py", "requirements.txt"]]


def test_the_runtime_account_may_publish_and_read_the_secret_and_nothing_else(up: Stage) -> None:
    member = f"serviceAccount:dt-pubsub@{PROJECT}.iam.gserviceaccount.com"
    granted = {
        of: [binding["role"] for binding in bindings if member in binding["members"]]
        for of, bindings in up.google.policies.items()
    }
    assert granted == {
        "topics dt-events": ["roles/pubsub.publisher"],
        "topics dt-rejected": ["roles/pubsub.publisher"],
        "secrets dt-signature": ["roles/secretmanager.secretAccessor"],
        "run dt-pubsub": [],
    }


def test_up_again_changes_nothing(up: Stage) -> None:
    assert up.deployment().up() == NOTHING_TO_DO
    assert up.google.changes() == []
    assert {request.method for request in up.dt.asked} == {"GET"}


def test_without_yes_and_without_a_terminal_nothing_is_changed(stage: Stage) -> None:
    with pytest.raises(Aborted, match="--yes"):
        stage.deployment(yes=False).up()
    assert stage.google.changes() == []


@pytest.mark.parametrize("answer", ["\n", "n\n", "no\n", ""])
def test_any_answer_but_yes_is_a_no(stage: Stage, answer: str) -> None:
    with pytest.raises(Aborted):
        stage.deployment(yes=False, answer=answer).up()
    assert stage.google.changes() == []


def test_the_answer_yes_is_accepted(stage: Stage) -> None:
    assert stage.deployment(yes=False, answer="y\n").up(verify=False) == NOTHING_TO_DO


def test_a_failure_lists_the_finished_steps_the_others_and_the_fix(stage: Stage) -> None:
    stage.google.stumbles = [("pubsub subscriptions create dt-rejected", "PERMISSION_DENIED: User not authorized")]
    with pytest.raises(ApplyFailed) as stopped:
        stage.deployment().up()
    output = str(stopped.value)
    assert "done      subscription dt-events" in output
    assert "not done  subscription dt-rejected" in output
    assert "python -m deploy up" in output


def test_an_up_that_stopped_half_way_is_finished_by_the_next_up(stage: Stage) -> None:
    stage.google.stumbles = [("functions deploy", "OperationError: code=3, message=Build failed")]
    with pytest.raises(ApplyFailed):
        stage.deployment().up(verify=False)
    assert stage.deployment().up(verify=False) == NOTHING_TO_DO
    assert len(stage.google.versions["dt-signature"]) == 1
    assert stage.deployment().plan() == NOTHING_TO_DO


@pytest.mark.parametrize("place", range(14))
def test_after_ctrl_c_at_any_step_the_next_up_finishes(stage: Stage, place: int) -> None:
    steps = iter(range(100))

    def interrupt(argv: tuple[str, ...]) -> None:
        if {"create", "enable", "deploy", "add-iam-policy-binding", "update"} & set(argv[:4]) and next(steps) == place:
            raise KeyboardInterrupt

    stage.google.before = interrupt
    if place < 13:
        with pytest.raises(ApplyFailed, match="interrupted"):
            stage.deployment().up(verify=False)
    stage.google.before = lambda _: None
    assert stage.deployment().up(verify=False) == NOTHING_TO_DO
    assert len(stage.dt.connectors[DT_PROJECT]) == 1


def test_settings_that_were_changed_elsewhere_are_restored(up: Stage) -> None:
    up.google.things["functions", "dt-pubsub"]["serviceConfig"]["minInstanceCount"] = 2
    assert up.deployment(function={"min_instances": "1"}).up(verify=False) == NOTHING_TO_DO
    assert up.google.things["functions", "dt-pubsub"]["serviceConfig"]["minInstanceCount"] == 1


def test_a_new_source_is_one_deployment_and_nothing_else(up: Stage) -> None:
    assert up.deployment(digest="d2").up(verify=False) == NOTHING_TO_DO
    deployed, noted = up.google.changes()
    assert deployed.startswith("functions deploy dt-pubsub")
    assert noted.startswith("secrets update dt-signature --update-annotations=dt-pubsub-deployed=")


@pytest.mark.parametrize("state", ["DISABLED", "DESTROYED"])
def test_a_secret_whose_newest_version_is_disabled_gets_another_version(up: Stage, state: str) -> None:
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
def test_a_version_that_the_function_would_refuse_is_reported_and_never_sent_to_dt(up: Stage, text: str) -> None:
    up.google.versions["dt-signature"].append(text)
    assert up.deployment().plan() == CHANGES
    assert "the function cannot use version 2: " in up.shown
    assert up.deployment().up(verify=False) == NOTHING_TO_DO
    assert len(up.google.versions["dt-signature"]) == 3
    assert up.dt.connectors[DT_PROJECT][0]["httpConfig"]["signatureSecret"] == up.secret()
    assert text not in str(up.dt.asked)
    assert up.deployment().plan() == NOTHING_TO_DO


def test_a_version_that_becomes_unusable_during_up_is_never_sent_to_dt(up: Stage) -> None:
    up.dt.connectors[DT_PROJECT].clear()

    def spoil(argv: tuple[str, ...]) -> None:
        if argv[:3] == ("functions", "deploy", "dt-pubsub"):
            up.google.versions["dt-signature"].append("short")

    up.google.before = spoil
    with pytest.raises(ApplyFailed, match="the function cannot use version 2: line 1 has 5 bytes"):
        up.deployment(digest="d2").up(verify=False)
    assert "'short'" not in str(up.dt.asked)


def test_a_line_that_the_function_ignores_is_shown_and_the_others_are_used(up: Stage) -> None:
    up.google.versions["dt-signature"].append(f"short\n{'new-secret-' * 4}")
    assert up.deployment().up(verify=False) == NOTHING_TO_DO
    assert up.dt.connectors[DT_PROJECT][0]["httpConfig"]["signatureSecret"] == "new-secret-" * 4
    assert "version 2 is enabled; the function ignores a part of it: line 1 has 5 bytes" in up.shown


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


def test_dt_gets_a_new_version_that_lists_do_not_show_yet(up: Stage) -> None:
    up.google.newest_version, up.google.lists_versions_until = "DISABLED", 1
    up.deployment().up(verify=False)
    assert up.dt.connectors[DT_PROJECT][0]["httpConfig"]["signatureSecret"] == up.secret()


def test_a_full_dt_project_is_reported_before_any_change(stage: Stage) -> None:
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


def test_a_full_dt_project_with_our_connector_is_not_a_problem(up: Stage) -> None:
    for _ in range(9):
        up.dt.has_connector()
    assert up.deployment(digest="d2").up(verify=False) == NOTHING_TO_DO


def test_a_connector_made_by_hand_does_not_take_the_place_of_ours_while_the_function_is_made(up: Stage) -> None:
    del up.google.things["functions", "dt-pubsub"]
    up.dt.connectors[DT_PROJECT].clear()
    push = {"url": URL, "signatureSecret": "of-their-own" * 4, "headers": {}}
    by_hand = up.dt.has_connector(displayName="Fridges", events=["touch"], httpConfig=push)
    up.deployment().up(verify=False)
    assert (by_hand["events"], by_hand["httpConfig"]["signatureSecret"]) == (["touch"], "of-their-own" * 4)
    assert len(up.dt.connectors[DT_PROJECT]) == 2


def test_a_connector_that_dt_switched_off_is_switched_on_and_up_says_which_events_are_missing(up: Stage) -> None:
    up.dt.connectors[DT_PROJECT][0]["status"] = "SYSTEM_DISABLED"
    assert up.deployment().plan() == CHANGES
    assert "does not send the events of that time later" in up.shown
    assert up.deployment().up(verify=False) == NOTHING_TO_DO
    assert up.dt.connectors[DT_PROJECT][0]["status"] == "ACTIVE"
    assert f"{DT_PROJECT}: DT had switched the connector off after five days of failed deliveries" in up.shown
    assert "DT does not say when that was; the function's log has the last event before" in up.shown
    assert "`python -m deploy backfill --from=TIME` sends those of the last 30 days" in up.shown
    (gap,) = up.report.as_json()["undelivered"]
    assert (gap["dtProject"], gap["from"]) == (DT_PROJECT, None)


def test_missing_events_are_named_also_if_a_later_step_fails(two: Stage) -> None:
    for project in (DT_PROJECT, SECOND):
        two.dt.connectors[project][0]["status"] = "SYSTEM_DISABLED"
    two.dt.refuses.append(SECOND)
    with pytest.raises(ApplyFailed):
        two.deployment(dt_projects=(DT_PROJECT, SECOND)).up(verify=False)
    assert f"{DT_PROJECT}: DT had switched the connector off" in two.shown
    assert f"{SECOND}: DT had switched the connector off" not in two.shown


def test_an_up_that_switches_no_connector_on_names_no_missing_events(up: Stage) -> None:
    assert up.deployment(digest="d2").up(verify=False) == NOTHING_TO_DO
    assert up.report.as_json()["undelivered"] == []
    assert "switched the connector off" not in up.shown


def test_if_dt_shows_no_secret_up_and_plan_finish_and_say_so(stage: Stage) -> None:
    stage.dt.shows_secrets = False
    assert stage.deployment().up(verify=False) == NOTHING_TO_DO
    assert stage.deployment().plan() == NOTHING_TO_DO
    assert "DT does not show its secret, so it cannot be compared; python -m deploy verify checks it" in stage.shown
    assert stage.deployment().up() == NOTHING_TO_DO
    assert stage.dt.calls("PATCH") == []


def test_if_dt_shows_no_secret_the_connector_still_gets_a_new_version(up: Stage) -> None:
    up.dt.shows_secrets, up.google.newest_version = False, "DISABLED"
    assert up.deployment().up(verify=False) == NOTHING_TO_DO
    assert up.dt.connectors[DT_PROJECT][0]["httpConfig"]["signatureSecret"] == up.secret()


def test_another_dt_project_gets_a_connector_of_its_own(up: Stage) -> None:
    up.dt.connectors[SECOND] = []
    assert up.deployment(dt_projects=(DT_PROJECT, SECOND)).up(verify=False) == NOTHING_TO_DO
    assert [len(up.dt.connectors[project]) for project in (DT_PROJECT, SECOND)] == [1, 1]


def test_resources_of_others_are_not_changed(stage: Stage) -> None:
    stage.google.has_everything_on()
    stage.google.things["topics", "dt-events"] = {"name": "projects/p/topics/dt-events", "labels": {"team": "other"}}
    with pytest.raises(NotOwned, match="topics update dt-events --update-labels=dt-pubsub=dt-pubsub"):
        stage.deployment().up()
    assert stage.google.changes() == []


def test_a_function_of_an_older_version_is_deployed_again(up: Stage) -> None:
    up.google.things["functions", "dt-pubsub"]["labels"][VERSION_LABEL] = "0-9-0"
    assert up.deployment().up(verify=False) == NOTHING_TO_DO
    assert "version 0.9.0 -> 1.0.0" in up.shown
    assert up.google.things["functions", "dt-pubsub"]["labels"][VERSION_LABEL] == "1-0-0"
    assert up.deployment().plan() == NOTHING_TO_DO


def test_up_in_json_has_the_planned_the_finished_and_the_remaining_steps(stage: Stage) -> None:
    stage.deployment(in_json=True).up(verify=False)
    output = stage.in_json()
    assert (output["changes"], len(output["done"]), output["left"], output["verified"]) == (15, 15, [], None)
    assert output["done"][-1] == f"connector in {DT_PROJECT}"


def test_up_in_json_has_the_finished_steps_if_it_stops(stage: Stage) -> None:
    stage.google.stumbles = [("pubsub subscriptions create dt-rejected", "PERMISSION_DENIED: User not authorized")]
    deployment = stage.deployment(in_json=True)
    with pytest.raises(ApplyFailed) as stopped:
        deployment.up()
    stage.report.error = stopped.value
    output = stage.in_json()
    assert (output["changes"], output["done"][-1], output["left"]) == (15, "subscription dt-events", None)
    assert output["error"]["where"] == "subscription dt-rejected"
    assert output["error"]["fix"][-1].startswith("python -m deploy up")


def test_up_in_json_has_all_changes_if_its_proof_fails(stage: Stage) -> None:
    stage.answers = [(200, "")]
    with pytest.raises(NotProven) as failed:
        stage.deployment(in_json=True).up()
    stage.report.error = failed.value
    output = stage.in_json()
    assert (len(output["done"]), output["left"], output["verified"]) == (15, [], None)
    assert output["error"]["what"].startswith("an unsigned request was answered with 200")


def test_several_errors_are_one_in_json_with_all_fixes(stage: Stage) -> None:
    stage.google.is_billed, stage.held = False, frozenset()
    with pytest.raises(NotReady) as failed:
        stage.deployment(in_json=True).up()
    stage.report.error = failed.value
    error = stage.in_json()["error"]
    assert len(error["what"].splitlines()) == len(error["fix"]) == 2
    assert "fix:" not in error["what"]


@pytest.mark.parametrize("looks", [1, 3])
def test_up_waits_for_a_list_of_dt_that_lags_behind(stage: Stage, looks: int) -> None:
    stage.dt.lists_behind = looks
    assert stage.deployment().up(verify=False) == NOTHING_TO_DO
    assert len(stage.dt.calls("POST")) == 1
    assert "nothing is left to do" in stage.shown


def test_a_list_of_dt_that_stays_behind_is_reported(stage: Stage) -> None:
    stage.dt.lists_behind = 100
    began_at = stage.clock()
    assert stage.deployment().up(verify=False) == FAILED
    assert f"these changes are still left:\n  connector in {DT_PROJECT}: not there" in stage.shown
    assert stage.clock() - began_at < 70


class OtherUp:
    """Another ``up``, which deploys the function right after this one has recorded its own upload.

    It builds until ``built_at``, and records the upload at ``recorded_at``.
    """

    def __init__(self, stage: Stage, built_at: float, recorded_at: float) -> None:
        self.function = stage.google.things["functions", "dt-pubsub"]
        self.secret = stage.google.things["secrets", "dt-signature"]
        self.clock, self.built_at, self.recorded_at = stage.clock, built_at, recorded_at
        stage.google.before, stage.google.after = self.goes_on, self.deploys

    def deploys(self, argv: tuple[str, ...]) -> None:
        """Deploy after the other's record."""
        if argv[:2] == ("secrets", "update"):
            self.function["buildConfig"]["source"]["storageSource"]["generation"] = "1790009999"

    def goes_on(self, argv: tuple[str, ...]) -> None:
        """Finish the build and write the record, each at its time."""
        self.function["state"] = "ACTIVE" if self.clock() >= self.built_at else "DEPLOYING"
        if argv[:2] != ("secrets", "update") and self.clock() >= self.recorded_at:
            self.secret["annotations"]["dt-pubsub-deployed"] = "1790009999"


@pytest.mark.parametrize(("built_after_s", "recorded_after_s"), [(0, 3), (0, 20), (150, 155)])
def test_up_waits_for_another_up_that_has_deployed_and_will_record_its_upload(
    up: Stage, built_after_s: float, recorded_after_s: float
) -> None:
    OtherUp(up, up.clock() + built_after_s, up.clock() + recorded_after_s)
    assert up.deployment(digest="d2").up(verify=False) == NOTHING_TO_DO
    assert "nothing is left to do" in up.shown
    assert up.noted.count("waiting for another command, which has deployed the function, too") == 1


def test_an_upload_that_nobody_records_is_left_after_half_a_minute(up: Stage) -> None:
    began_at = up.clock()
    OtherUp(up, began_at, recorded_at=float("inf"))
    assert up.deployment(digest="d2").up(verify=False) == FAILED
    assert "these changes are still left:\n  function dt-pubsub: source another upload (1790009999) -> d2" in up.shown
    assert 20 <= up.clock() - began_at <= 35


@pytest.mark.parametrize(("words", "is_proven"), [(["up", "--yes"], True), (["up", "--yes", "--no-verify"], False)])
def test_up_verifies_unless_no_verify_is_given(stage: Stage, words: list[str], is_proven: bool) -> None:  # noqa: FBT001
    with pytest.raises(NotProven) if is_proven else contextlib.nullcontext():
        VERBS["up"].run(replace(stage.deployment().context, flags=parse(words, USAGES)))
    assert bool(stage.posted) is is_proven


def test_up_ends_with_where_the_events_are_links_cost_and_removal(stage: Stage) -> None:
    assert stage.deployment().up(verify=False) == NOTHING_TO_DO
    end = stage.shown.partition("nothing is left to do\n")[2]
    headings = [line.split("  ")[0] for line in end.splitlines()]
    pages = ["topic dt-events", "subscription dt-events", "topic dt-rejected", "subscription dt-rejected"]
    pages.append(f"connector in {DT_PROJECT}")
    assert headings == ["", "events", "read one", "watch", "", "function", "its log", *pages, "cost", "remove"]
    assert f"(API Integrations > Data Connectors > Google Pub/Sub {PROJECT}/dt-pubsub)\n" in end
    assert f"python -m deploy down --project={PROJECT} --region=europe-west1" in end


def test_up_without_changes_says_how_to_find_everything(up: Stage) -> None:
    assert up.deployment().up() == NOTHING_TO_DO
    assert up.shown.endswith("where everything is: python -m deploy status --links\n")


@pytest.mark.parametrize("digest", ["d1", "d2"])
def test_up_in_json_has_the_next_steps_whether_something_changed_or_not(up: Stage, digest: str) -> None:
    assert up.deployment(in_json=True, digest=digest).up(verify=False) == NOTHING_TO_DO
    found = up.in_json()["next"]
    assert list(found) == ["events", "rejected", "read", "watch", "alerts", "bigquery", "links", "cost", "remove"]
    assert (found["events"], found["rejected"], len(found["links"])) == ("dt-events", "dt-rejected", 7)


def test_the_next_steps_are_in_the_report_although_the_proof_failed(stage: Stage) -> None:
    with pytest.raises(NotProven):
        stage.deployment(in_json=True).up()
    assert stage.in_json()["next"]["events"] == "dt-events"


def test_a_link_names_the_connector_as_it_is_called_in_dt_studio(up: Stage) -> None:
    up.dt.connectors[DT_PROJECT][0]["displayName"] = "Fridges"
    up.deployment(in_json=True).up()
    assert up.in_json()["next"]["links"][-1]["then"] == "API Integrations > Data Connectors > Fridges"
