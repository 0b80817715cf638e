"""``verify --report`` against both clouds in memory, and the recorder's real code."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from deploy.dt.calls import DtAnswer, DtRequest
from deploy.errors import Aborted, DeployError
from deploy.first_contact.document import NOT_REACHED
from deploy.first_contact.questions import FIELDS, QUESTIONS, RETRIED_STATUSES
from deploy.first_contact.run import MAX_MINUTES
from deploy.resources.first_contact import ABANDONED_AFTER_S
from deploy.verbs.exit_codes import NOTHING_TO_DO, PARTIAL
from tests.deploy.fakes.dt import DT_PROJECT, ORGANIZATION
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.fakes.recorder import Recorders
from tests.deploy.stage import Stage


@pytest.fixture
def recorders(up: Stage, tmp_path: Path) -> Recorders:
    """A finished deployment whose temporary function can be deployed."""
    return Recorders(up, tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The path of a report that does not exist yet."""
    return tmp_path / "report.json"


def made(recorders: Recorders, file: Path) -> Any:
    """Make a report, and return it."""
    assert recorders.stage.deployment().verify(file) in {NOTHING_TO_DO, PARTIAL}, recorders.stage.noted
    return json.loads(file.read_text("utf-8"))


def test_a_report_answers_every_question_and_leaves_nothing(recorders: Recorders, file: Path) -> None:
    report = made(recorders, file)
    assert report["missing"] == {}, recorders.stage.noted
    assert (report["complete"], tuple(report["answers"]), report["leftOver"]) == (True, FIELDS, [])
    assert recorders.left() == []
    assert f"{len(QUESTIONS)} of {len(QUESTIONS)} questions are answered" in recorders.stage.shown


def test_the_report_has_the_figures_of_both_clouds(recorders: Recorders, file: Path) -> None:
    answers = made(recorders, file)["answers"]
    assert answers["google.build.seconds"] == 91.2
    assert answers["google.deploy.seconds"] == 90.5
    assert answers["google.invoker.seconds"] == 4.0
    assert 4.0 <= answers["google.secret.mountSeconds"] <= 8.0
    assert (answers["google.redeploy.seconds"], answers["google.rollout.seconds"]) == (90.5, 4.0)
    assert 2.0 <= answers["google.rollback.seconds"] <= 4.0
    assert set(answers["google.notFound"].values()) == {True}
    assert answers["dt.connector.secret"] == "clear"
    assert answers["dt.connector.idleMetrics"] == ["errorCount", "latency99p", "successCount"]
    assert answers["dt.error.members"] == {"status": 404, "members": ["code", "error"]}
    assert (answers["dt.request.contentType"], answers["dt.request.userAgent"]) == (
        "application/json",
        "Go-http-client/2.0",
    )
    assert answers["dt.request.networks"] == ["34.88.0.0/16"]


def test_the_report_tells_a_signature_that_is_made_anew_from_one_that_is_repeated(
    recorders: Recorders, file: Path
) -> None:
    anew = made(recorders, file)["answers"]["dt.retry.503"]
    assert anew["pausesSeconds"][:4] == [1.0, 2.0, 4.0, 8.0]
    assert (anew["signedAnew"], anew["newIat"], anew["newJti"], anew["ownSignatureAnew"]) == (True,) * 4
    assert anew["sameBody"] is True
    recorders.signs_anew = False
    repeated = made(recorders, file.with_name("second.json"))["answers"]["dt.retry.503"]
    assert (repeated["signedAnew"], repeated["newIat"], repeated["newJti"]) == (False,) * 3
    assert repeated["pausesSeconds"][:4] == [1.0, 2.0, 4.0, 8.0]


def test_a_status_after_which_dt_gives_up_is_an_answer(recorders: Recorders, file: Path) -> None:
    recorders.given_up = frozenset({410})
    report = made(recorders, file)
    assert report["complete"] is True
    assert report["answers"]["dt.retry.410"]["attempts"] == 1
    assert report["answers"]["dt.retry.410"]["pausesSeconds"] == []
    assert report["answers"]["dt.retry.410"]["watchedSeconds"] > 400
    assert report["answers"]["dt.retry.401"]["attempts"] >= 5


def test_the_own_signature_is_checked_against_the_organization(recorders: Recorders, file: Path) -> None:
    own = made(recorders, file)["answers"]["dt.signature.own"]
    assert (own["algorithm"], own["lifetimeSeconds"]) == ("ES256", 300)
    assert (own["issuedByDt"], own["subjectIsOrganization"], own["matchesBody"]) == (True, True, True)
    recorders.sends_own = False
    assert made(recorders, file.with_name("2.json"))["answers"]["dt.signature.own"] == {"sent": False}


def test_dt_hides_or_masks_a_secret_and_the_report_says_so(recorders: Recorders, file: Path) -> None:
    recorders.stage.dt.shows_secrets = False
    assert made(recorders, file)["answers"]["dt.connector.secret"] == "masked"


def test_events_of_other_devices_are_neither_refused_nor_printed(recorders: Recorders, file: Path) -> None:
    made(recorders, file)
    assert set(recorders.answers) == {*RETRIED_STATUSES}
    printed = json.dumps([line for _, line in recorders.lines])
    assert "emu0" not in printed
    assert "21.37" not in printed


def test_a_lost_event_is_published_again(recorders: Recorders, file: Path) -> None:
    recorders.deaf = 3
    answers = made(recorders, file)["answers"]
    assert answers["dt.connector.firstEvent"]["eventsPublished"] == 6
    assert answers["dt.connector.firstEvent"]["seconds"] >= 45


def hostile_report(recorders: Recorders, file: Path) -> str:
    """Return the text of a report for which DT has sent secrets and ids in every place."""
    stage = recorders.stage
    secret, own = stage.secret(), "0123456789abcdef" * 4
    recorders.headers = {
        "Content-Type": f"application/json; charset={secret}",
        "User-Agent": secret,
        f"X-{secret[:20]}": "1",
        f"X-{DT_PROJECT}": "2",
        ORGANIZATION: own,
        "Accept": f"text/{PROJECT}",
        "Cookie": f"session={own}",
        "X-Name": "Fridge 2 of the Oslo shop",
        "X-Long": "x" * 5000,
        "X-\x1b[31m": "red",
    }
    recorders.stage.dt.metrics = {secret: 1, "successCount": 0}
    made(recorders, file)
    return file.read_text("utf-8")


def test_no_secret_and_no_id_of_the_customer_is_in_a_report(recorders: Recorders, file: Path) -> None:
    text = hostile_report(recorders, file)
    stage = recorders.stage
    for hidden in (
        stage.secret(),
        stage.secret()[:20],
        DT_PROJECT,
        ORGANIZATION,
        PROJECT,
        "Oslo",
        "Fridge",
        "0123456789abcdef",
    ):
        assert hidden not in text
        assert hidden.upper() not in text
    assert "\x1b" not in text
    assert "\\u001b" not in text
    for _, line in recorders.lines:
        printed = json.dumps(line)
        assert "Oslo" not in printed
        assert stage.secret() not in printed


def test_an_error_is_named_in_the_report_by_its_code_alone(recorders: Recorders, file: Path) -> None:
    google = recorders.stage.google
    google.stumbles = [("functions deploy", f"PERMISSION_DENIED: {PROJECT} does not let you@example.com deploy")]
    report = made(recorders, file)
    assert report["complete"] is False
    assert report["missing"]["google.deploy.seconds"] == "Google: PERMISSION_DENIED"
    assert report["missing"]["dt.retry.503"] == "Google: PERMISSION_DENIED"
    assert set(report["answers"]) == {"google.build.seconds", "google.pull.emptySeconds", "google.notFound"}
    assert "you@example.com" not in file.read_text("utf-8")
    assert "you@example.com" in recorders.stage.noted
    assert recorders.left() == []
    assert set(report["answers"]) | set(report["missing"]) == set(FIELDS)


def test_a_partial_report_ends_with_its_own_exit_status(recorders: Recorders, file: Path) -> None:
    recorders.stage.dt.emulator_is_allowed = True
    recorders.deaf = 100
    assert recorders.stage.deployment().verify(file) == PARTIAL
    missing = json.loads(file.read_text("utf-8"))["missing"]
    assert missing["dt.retry.503"] == "no request within 480 s"
    assert recorders.left() == []


@pytest.mark.parametrize("command", ["functions deploy", "secrets create", "run services", "logging read"])
def test_an_interrupted_run_writes_what_it_has_and_removes_everything(
    recorders: Recorders, file: Path, command: str
) -> None:
    google, before = recorders.stage.google, recorders.stage.google.before
    reads = []

    def interrupt(argv: tuple[str, ...]) -> None:
        before(argv)
        line = " ".join(argv)
        if line.startswith(command) and "first-contact" in line:
            reads.append(line)
            if command != "logging read" or len(reads) > 2:
                raise KeyboardInterrupt

    google.before = interrupt
    with pytest.raises(KeyboardInterrupt):
        recorders.stage.deployment().verify(file)
    report = json.loads(file.read_text("utf-8"))
    assert report["complete"] is False
    assert NOT_REACHED in report["missing"].values() or command == "logging read"
    assert set(report["answers"]) | set(report["missing"]) == set(FIELDS)
    assert report["answers"]["google.build.seconds"] == 91.2
    assert recorders.left() == []
    assert report["finished"] is False
    assert "the run was interrupted" in recorders.stage.shown


def test_an_existing_file_is_refused_before_anything_is_asked_or_made(recorders: Recorders, file: Path) -> None:
    file.write_text("mine", "utf-8")
    with pytest.raises(DeployError, match="exists already, and is not overwritten"):
        recorders.stage.deployment().verify(file)
    assert (file.read_text("utf-8"), recorders.stage.google.asked) == ("mine", [])


def test_without_agreement_nothing_is_made(recorders: Recorders, file: Path) -> None:
    with pytest.raises(Aborted):
        recorders.stage.deployment(yes=False, answer="n\n").verify(file)
    assert (file.exists(), recorders.stage.google.changes()) == (False, [])
    shown = recorders.stage.noted
    for words in ("about 12 minutes", "costs less than $0.05", "no real event is refused or delayed", "deskOccupancy"):
        assert words in shown


def test_the_events_are_of_a_type_that_no_device_of_the_project_sends(recorders: Recorders, file: Path) -> None:
    for number, kind in enumerate(["deskOccupancy", "contact", "temperature"]):
        name = f"projects/{DT_PROJECT}/devices/real{number}"
        recorders.stage.dt.devices[f"real{number}"] = {"name": name, "type": kind, "labels": {}}
    made(recorders, file)
    (request,) = recorders.stage.dt.calls("POST")
    assert (request.body or {})["events"] == ["motion"]
    assert (request.body or {})["labels"] == ["dt-pubsub-contact"]


def test_a_project_without_room_for_a_connector_is_refused(recorders: Recorders, file: Path) -> None:
    for _ in range(9):
        recorders.stage.dt.has_connector()
    with pytest.raises(DeployError, match="no room for a temporary one"):
        recorders.stage.deployment().verify(file)
    assert not file.exists()


def test_a_connector_whose_creation_was_not_answered_is_found_and_removed(recorders: Recorders, file: Path) -> None:
    google, after = recorders.stage.google, recorders.stage.google.after

    def swallow(argv: tuple[str, ...]) -> None:
        after(argv)
        if argv[:3] == ("secrets", "versions", "add"):
            recorders.stage.dt.swallows = 1  # the next POST is that of the connector

    google.after = swallow
    assert made(recorders, file)["complete"] is True
    assert recorders.left() == []


KINDS = {"dataconnectors": "connector", "devices": "emulated device"}


def before_dt_makes(recorders: Recorders, group: str, lists_behind: int, *, swallowed: bool) -> None:
    """Lose the answer to the POST that makes the run's connector or first device, or interrupt it by Ctrl-C."""
    dt = recorders.stage.dt

    def before(request: DtRequest) -> None:
        is_of_run = "contact" in json.dumps(dict(request.body or {}))
        if is_of_run and request.method == "POST" and request.path.endswith(f"/{group}") and not dt.lists_behind:
            dt.lists_behind = lists_behind
            dt.swallows, dt.interrupts = (1, []) if swallowed else (0, [group])

    dt.before = before


@pytest.mark.parametrize("group", KINDS)
def test_ctrl_c_while_dt_makes_something_leaves_nothing_although_dts_lists_lag(
    recorders: Recorders, file: Path, group: str
) -> None:
    before_dt_makes(recorders, group, 3, swallowed=False)
    with pytest.raises(KeyboardInterrupt):
        recorders.stage.deployment().verify(file)
    assert recorders.left() == []
    assert json.loads(file.read_text("utf-8"))["leftOver"] == []


@pytest.mark.parametrize("swallowed", [True, False], ids=["no answer", "Ctrl-C"])
@pytest.mark.parametrize("group", KINDS)
def test_what_dt_may_have_made_and_does_not_list_is_reported_as_left_over(
    recorders: Recorders, file: Path, group: str, *, swallowed: bool
) -> None:
    before_dt_makes(recorders, group, 1000, swallowed=swallowed)
    with contextlib.suppress(KeyboardInterrupt):
        recorders.stage.deployment().verify(file)
    assert json.loads(file.read_text("utf-8"))["leftOver"] == [KINDS[group]]
    assert f"the temporary {KINDS[group]} may be left over" in recorders.stage.noted
    assert len(recorders.left()) == 1


def test_a_device_whose_creation_was_not_answered_is_found_and_removed(recorders: Recorders, file: Path) -> None:
    before_dt_makes(recorders, "devices", 2, swallowed=True)
    made(recorders, file)
    assert recorders.left() == []


@pytest.mark.parametrize("group", KINDS)
def test_what_dt_has_refused_to_make_is_not_looked_for_and_not_left_over(
    recorders: Recorders, file: Path, group: str
) -> None:
    asked = list[DtRequest]()

    def refuse(request: DtRequest) -> DtAnswer | None:
        asked.append(request)
        is_made = request.method == "POST" and request.path.endswith(f"/{group}")
        if is_made and "contact" in json.dumps(dict(request.body or {})):
            asked.clear()
            return DtAnswer(403, {"error": "permission denied"})
        return None

    recorders.stage.dt.before = refuse
    report = made(recorders, file)
    assert report["leftOver"] == recorders.left() == []
    assert [request for request in asked if request.method == "GET" and request.path.endswith(f"/{group}")] == []


def test_what_a_killed_run_left_is_swept_by_the_next_and_by_down(recorders: Recorders, file: Path) -> None:
    stage = recorders.stage
    google, kept = stage.google, {"functions delete", "secrets delete"}
    google.stumbles = [(words, "PERMISSION_DENIED: no") for words in kept]
    report = made(recorders, file)
    assert report["leftOver"] == ["function", "secret"]
    assert len(recorders.names()) == 2
    stage.clock.advance(7201.0)
    made(recorders, file.with_name("2.json"))
    assert recorders.left() == []
    google.stumbles = [(words, "PERMISSION_DENIED: no") for words in kept]
    made(recorders, file.with_name("3.json"))
    stage.dt.has_connector(displayName=f"first contact {PROJECT}/dt-pubsub 1795000000")
    theirs = stage.dt.has_connector(displayName=f"first contact {PROJECT}/dt-pubsub2 1795000000")
    assert len(recorders.left()) == 4
    stage.deployment().down()
    assert recorders.left() == [theirs["displayName"]]


def test_a_run_that_may_still_be_going_on_is_left_alone(recorders: Recorders, file: Path) -> None:
    google = recorders.stage.google
    google.stumbles = [("functions delete", "PERMISSION_DENIED: no")]
    made(recorders, file)
    made(recorders, file.with_name("2.json"))
    assert len(recorders.names()) == 1


def test_the_deployments_own_resources_are_only_read(recorders: Recorders, file: Path) -> None:
    made(recorders, file)
    changes = [line for line in recorders.stage.google.changes() if "first-contact" not in line]
    assert [line for line in changes if " dt-events-verify-" not in line] == []
    touched = [request.path for request in recorders.stage.dt.calls("DELETE") + recorders.stage.dt.calls("PATCH")]
    assert len(touched) == 1


def test_only_the_recorder_and_the_pinned_requirements_are_uploaded(recorders: Recorders, file: Path) -> None:
    made(recorders, file)
    assert recorders.stage.google.uploaded[-1] == ["main.py", "requirements.txt"]


def test_the_report_in_json_is_the_file(recorders: Recorders, file: Path) -> None:
    recorders.stage.deployment(in_json=True).verify(file)
    assert recorders.stage.in_json()["firstContact"]["answers"] == json.loads(file.read_text("utf-8"))["answers"]


def test_a_project_that_forbids_all_users_opens_the_recorder_in_the_deployments_way(
    recorders: Recorders, file: Path
) -> None:
    recorders.stage.google.unchecked = True
    assert made(recorders, file)["complete"] is True
    opened = [line for line in recorders.stage.google.changes() if line.startswith("run services")]
    assert [line.split()[2] for line in opened] == ["update", "update", "update-traffic"]
    assert all("first-contact-" in line for line in opened)


def test_what_does_not_come_in_time_is_named_with_the_time(recorders: Recorders, file: Path) -> None:
    recorders.lag_s = 1000.0
    report = made(recorders, file)
    assert report["missing"]["google.invoker.seconds"] == "not within 300 s"
    assert report["missing"]["dt.retry.503"] == "failed"
    assert recorders.left() == []


def test_a_build_that_google_does_not_show_is_missing_and_the_rest_is_there(recorders: Recorders, file: Path) -> None:
    del recorders.stage.google.things["functions", "dt-pubsub"]["buildConfig"]["build"]
    assert made(recorders, file)["missing"] == {"google.build.seconds": "failed"}


def test_words_of_absence_that_are_not_known_are_told_by_kind(recorders: Recorders, file: Path) -> None:
    recorders.stage.google.stumbles = [("pubsub topics describe", f"The topic of {PROJECT} seems to be elsewhere")]
    known = made(recorders, file)["answers"]["google.notFound"]
    assert [kind for kind, is_known in known.items() if not is_known] == ["topic"]
    assert "seems to be elsewhere" in recorders.stage.noted
    assert "seems to be elsewhere" not in file.read_text("utf-8")


def test_a_device_that_dt_does_not_allow_leaves_the_rest_answered(recorders: Recorders, file: Path) -> None:
    recorders.stage.dt.devices.clear()
    after = recorders.stage.google.after

    def forbid(argv: tuple[str, ...]) -> None:
        after(argv)
        if argv[:2] == ("functions", "deploy"):
            recorders.stage.dt.emulator_is_allowed = False

    recorders.stage.google.after = forbid
    report = made(recorders, file)
    assert report["missing"]["dt.retry.503"] == "DT: 403"
    assert report["answers"]["dt.connector.secret"] == "clear"
    assert recorders.left() == []


def test_a_connector_of_a_killed_run_is_swept_by_the_next(recorders: Recorders, file: Path) -> None:
    now = int(recorders.stage.clock())
    for began_at in (now - 7300, now - 60):
        recorders.stage.dt.has_connector(displayName=f"first contact {PROJECT}/dt-pubsub {began_at}")
    made(recorders, file)
    assert recorders.left() == [f"first contact {PROJECT}/dt-pubsub {now - 60}"]


def test_devices_of_a_report_survive_a_verify_meanwhile_and_those_of_a_killed_one_go_after_two_hours(
    recorders: Recorders,
) -> None:
    stage = recorders.stage
    began_at = str(int(stage.clock()))
    labels = {"dt-pubsub": "dt-pubsub", "dt-pubsub-project": PROJECT, "dt-pubsub-since": began_at}
    of_report = {**labels, "dt-pubsub-contact": "first-contact-12345678-503"}
    for device, its in (("emu1", of_report), ("emu2", labels)):
        stage.dt.devices[device] = {"name": f"projects/{DT_PROJECT}/devices/{device}", "type": "touch", "labels": its}
    stage.clock.advance(MAX_MINUTES * 60.0)
    stage.deployment().verify()
    assert list(stage.dt.devices) == ["emu1"]
    stage.clock.advance(ABANDONED_AFTER_S)
    stage.deployment().verify()
    assert stage.dt.devices == {}


def test_a_folder_that_does_not_exist_is_refused_with_the_command_that_makes_it(
    recorders: Recorders, file: Path
) -> None:
    with pytest.raises(DeployError, match="mkdir -p"):
        recorders.stage.deployment().verify(file.parent / "gone" / "report.json")
    assert recorders.stage.google.asked == []


def test_there_is_nothing_to_report_on_before_up(stage: Stage, file: Path) -> None:
    stage.google.has_everything_on()
    with pytest.raises(DeployError, match="nothing to report on yet"):
        stage.deployment().verify(file)
    assert not file.exists()
