"""``backfill``: what DT's history has goes through the function to the main topic, or is named."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from deploy.dt.calls import DtAnswer, DtRequest
from deploy.errors import DeployError, InvalidOptions
from deploy.function_client import Answer
from deploy.repair.backfill.resume_file import ResumeFile
from deploy.times import utc
from deploy.verbs.backfilling import Options
from deploy.verbs.exit_codes import NOTHING_TO_DO, UNMET
from tests.deploy.fakes.dt import DT_PROJECT, SECOND
from tests.deploy.fakes.history import page_of
from tests.deploy.fakes.operator_function import OperatorFunction
from tests.deploy.stage import Stage

ON_MAIN = None
"""The function publishes the event."""


@dataclass
class Function(OperatorFunction):
    """The deployed function. ``bodies``: all events that were sent to it. ``answer``: to one that is not published."""

    answer: Callable[[Mapping[str, Any]], Answer | None] = lambda _: ON_MAIN
    bodies: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Note every event."""
        self.special = self._note

    def _note(self, body: bytes) -> Answer | None:
        answer = self.answer(json.loads(body))
        self.bodies.append(body)
        return answer

    @property
    def events(self) -> list[str]:
        """The ids of all posted events, in their order."""
        return [json.loads(body)["event"]["eventId"] for body in self.bodies]


@pytest.fixture
def function(up: Stage) -> Function:
    """A function that puts everything on the main topic."""
    function = Function(up.secret)
    up.post = function.post
    return function


def ago(stage: Stage, minutes: float) -> str:
    return datetime.fromtimestamp(stage.clock() - minutes * 60, UTC).isoformat(timespec="microseconds")


def has_events(stage: Stage, device: str, *minutes: float, project: str = DT_PROJECT) -> list[str]:
    """Add a sensor with an event of each of these minutes ago; return their ids."""
    stage.dt.has_device(device, project)
    return [stage.dt.histories.add(device, ago(stage, one), project=project) for one in minutes]


def test_all_events_of_the_window_are_sent_from_the_oldest_on(up: Stage, function: Function) -> None:
    old, middle, new = has_events(up, "d1", 50, 30, 20)
    has_events(up, "d1", 90, 5)
    assert up.deployment().backfill(since="1h", until="15m") == NOTHING_TO_DO
    assert function.events == [old, middle, new]
    assert "3 events of 1 device in DT's history, 3 on the main topic" in up.shown
    assert function.origins == {"backfill"}


def test_a_body_has_the_event_as_dt_wrote_it_and_todays_labels_of_the_connector(up: Stage, function: Function) -> None:
    connector = up.dt.connectors[DT_PROJECT][0]
    connector["labels"] = ["room", "name", "none"]
    up.dt.has_device("d1", labels={"name": "Fridge 2", "room": "B", "owner": "x"}, productNumber="100110")
    up.dt.histories.add("d1", ago(up, 5), "temperature", '{"value": 27.0,"n":1E2, "s":"\\u00e6 x"}', project=DT_PROJECT)
    assert up.deployment().backfill() == NOTHING_TO_DO
    (body,) = function.bodies
    event, rest = body.split(b',"labels":')
    assert b'"data":{"temperature":{"value":27.0,"n":1E2,"s":"\\u00e6 x"}}' in event
    assert rest == (
        b'{"room":"B","name":"Fridge 2"},"metadata":{"deviceId":"d1","projectId":"%b",'
        b'"deviceType":"temperature","productNumber":"100110"}}' % DT_PROJECT.encode()
    )
    assert list(json.loads(body)["event"]) == ["eventId", "targetName", "eventType", "data", "timestamp"]


def test_only_the_types_that_the_connector_sends_are_sent_unless_others_are_named(
    up: Stage, function: Function
) -> None:
    up.dt.connectors[DT_PROJECT][0]["events"] = ["temperature"]
    up.dt.has_device("d1")
    for event_type in ("touch", "temperature"):
        up.dt.histories.add("d1", ago(up, 5), event_type, project=DT_PROJECT, event_id=event_type)
    assert up.deployment().backfill() == NOTHING_TO_DO
    assert up.deployment().backfill(type=["touch"]) == NOTHING_TO_DO
    assert function.events == ["temperature", "touch"]


def test_a_type_that_is_not_known_is_an_error_and_one_that_is_not_in_dts_history_is_said(
    up: Stage, function: Function
) -> None:
    with pytest.raises(InvalidOptions, match=r"unknown value 'temprature'.*add --any-type; did you mean temperature\?"):
        up.deployment().backfill(type=["temprature"])
    assert up.deployment().backfill(type=["labelsChanged"]) == NOTHING_TO_DO
    assert "note: DT's history has no labelsChanged events" in up.noted
    assert function.bodies == []


def test_a_type_that_is_newer_than_this_version_can_be_sent(up: Stage, function: Function) -> None:
    up.dt.has_device("d1")
    up.dt.histories.add("d1", ago(up, 5), "radiation", project=DT_PROJECT, event_id="new")
    function.answer = lambda _: Answer(422, '{"error":"malformed"}')
    assert up.deployment().backfill(type=["radiation"], any_type=True) == UNMET
    assert "--type=radiation --any-type" in up.noted  # the command to go on
    function.answer = lambda _: ON_MAIN
    assert up.deployment().backfill(type=["radiation"], any_type=True) == NOTHING_TO_DO
    assert set(function.events) == {"new"}


def test_a_device_that_dt_lists_twice_is_sent_once(up: Stage, function: Function) -> None:
    ids = has_events(up, "d1", 30, 20)
    listed = DtAnswer(200, {"devices": [up.dt.devices["d1"]] * 2})
    up.dt.before = lambda request: listed if request.path.endswith("/devices") else None
    assert up.deployment().backfill() == NOTHING_TO_DO
    assert function.events == ids


def test_an_event_whose_id_cannot_be_stored_does_not_end_the_run(up: Stage, function: Function) -> None:
    good, bad = has_events(up, "d1", 20), up.dt.histories.add("d1", ago(up, 10), project=DT_PROJECT, event_id="\\ud800")
    assert up.deployment().backfill() == NOTHING_TO_DO
    assert function.events == [*good, json.loads(f'"{bad}"')]


def test_without_a_connector_the_settings_say_what_is_sent(up: Stage, function: Function) -> None:
    up.dt.connectors[DT_PROJECT].clear()
    up.dt.has_device("d1", labels={"name": "Fridge", "room": "B"})
    for event_type in ("touch", "temperature"):
        up.dt.histories.add("d1", ago(up, 5), event_type, project=DT_PROJECT, event_id=event_type)
    assert up.deployment(connector_labels=("room",), event_types=("touch",)).backfill() == NOTHING_TO_DO
    assert (function.events, json.loads(function.bodies[0])["labels"]) == (["touch"], {"room": "B"})
    assert f"note: DT project {DT_PROJECT} has no connector of this deployment" in up.noted


def test_devices_can_be_named_and_are_found_in_each_dt_project(two: Stage) -> None:
    function = Function(two.secret)
    two.post = function.post
    has_events(two, "d1", 5)
    wanted = has_events(two, "d2", 5, project=SECOND)
    assert two.deployment(dt_projects=(DT_PROJECT, SECOND)).backfill(device=["d2"]) == NOTHING_TO_DO
    assert function.events == wanted
    with pytest.raises(DeployError, match=rf"DT knows no device d3 in {DT_PROJECT}, {SECOND}; there are d1 "):
        two.deployment(dt_projects=(DT_PROJECT, SECOND)).backfill(device=["d2", "d3"])
    two.dt.before = lambda request: DtAnswer(403, {}) if request.path.endswith("/devices/d2") else None
    with pytest.raises(DeployError, match="403"):
        two.deployment(dt_projects=(DT_PROJECT, SECOND)).backfill(device=["d2"])
    assert function.events == wanted


def test_without_names_the_devices_of_all_dt_projects_are_sent(two: Stage) -> None:
    function = Function(two.secret)
    two.post = function.post
    ids = has_events(two, "d1", 5) + has_events(two, "d2", 5, project=SECOND)
    assert two.deployment(dt_projects=(DT_PROJECT, SECOND)).backfill() == NOTHING_TO_DO
    assert sorted(function.events) == ids


def test_a_dry_run_counts_by_device_and_type_and_sends_nothing(up: Stage, function: Function) -> None:
    has_events(up, "d1", 5, 6)
    up.dt.histories.add("d1", ago(up, 7), "temperature", project=DT_PROJECT)
    has_events(up, "d2", 5)
    assert up.deployment().backfill(dry_run=True) == NOTHING_TO_DO
    assert function.bodies == []
    assert "3  d1 Fridge d1  touch 2, temperature 1" in up.shown
    assert "4  all" in up.shown


def test_events_that_dt_lists_twice_or_in_another_order_are_sent_once_and_in_order(
    up: Stage, function: Function
) -> None:
    old, middle, new = has_events(up, "d1", 30, 20, 10)
    texts = up.dt.histories.events["d1"]
    answers = [page_of([texts[1], texts[2], texts[1]], "2"), page_of([texts[0], texts[2]])]
    up.dt.before = lambda request: answers.pop(0) if request.path.endswith("/events") else None
    assert up.deployment().backfill() == NOTHING_TO_DO
    assert function.events == [old, middle, new]


@pytest.mark.parametrize(("status", "error"), [(422, "malformed"), (422, "foreign_project"), (401, "signature")])
def test_an_event_that_is_not_published_is_named_and_the_others_are_sent(
    up: Stage, function: Function, status: int, error: str
) -> None:
    first, bad, last = has_events(up, "d1", 30, 20, 10)
    function.answer = lambda body: (
        Answer(status, json.dumps({"error": error})) if body["event"]["eventId"] == bad else ON_MAIN
    )
    assert up.deployment().backfill() == UNMET
    assert function.events == [first, bad, last]
    assert "  fix: python -m deploy backfill --from=20" in up.noted
    outcome = "refused" if status == 422 else "failed"
    assert f"{outcome}: event {bad}, touch of d1 at " in up.noted
    assert f"3 events of 1 device in DT's history, 2 on the main topic, 1 {outcome}" in up.shown


def test_a_device_whose_history_cannot_be_read_is_named_and_the_others_are_sent(up: Stage, function: Function) -> None:
    has_events(up, "d1", 10)
    wanted = has_events(up, "d2", 10)
    up.dt.before = lambda request: page_of([], "again") if request.path.endswith("/d1/events") else None
    assert up.deployment().backfill() == UNMET
    assert function.events == wanted
    assert "device d1 could not be read: DT, GET" in up.noted
    assert "1 device could not be read" in up.shown


@pytest.mark.parametrize("status", [403, 429])
def test_a_refusal_that_holds_for_the_whole_project_ends_the_run(up: Stage, function: Function, status: int) -> None:
    has_events(up, "d1", 10)
    up.dt.before = lambda request: DtAnswer(status, {}) if request.path.endswith("/events") else None
    with pytest.raises(DeployError, match=str(status)):
        up.deployment().backfill()
    assert function.bodies == []


def test_if_nothing_but_failures_comes_the_run_ends_and_says_how_to_go_on(up: Stage, function: Function) -> None:
    has_events(up, "d1", *range(100, 10, -1))
    function.answer = lambda _: Answer(401, '{"error": "signature"}')
    with pytest.raises(DeployError, match="20 events in a row failed, the last one with: 401 signature") as failed:
        up.deployment().backfill(device=["d1"])
    assert len(function.bodies) == 20
    status, again, advice = failed.value.fix
    assert status == "python -m deploy status"
    assert again.startswith(f"python -m deploy backfill --from={utc(up.clock() - 86_400)[:-4]}")
    assert again.endswith(" --device=d1")
    assert "--resume=FILE" in advice


@pytest.mark.parametrize(("reason", "fix"), [("foreign_project", "up"), ("no_envelope", "status")])
def test_if_nothing_but_refusals_comes_the_run_ends(up: Stage, function: Function, reason: str, fix: str) -> None:
    has_events(up, "d1", *range(140, 10, -1))
    function.answer = lambda _: Answer(422, json.dumps({"error": reason}))
    with pytest.raises(DeployError, match=f"100 events in a row were refused, the last one with: {reason}") as failed:
        up.deployment().backfill()
    assert len(function.bodies) == 100
    assert failed.value.fix[0] == f"python -m deploy {fix}"


def test_saving_a_large_resume_file_takes_little_of_the_time(
    up: Stage, function: Function, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, saved_at = ResumeFile.save, list[float]()

    def slow(file: ResumeFile) -> None:
        up.clock.advance(1)
        save(file)
        saved_at.append(up.clock())

    monkeypatch.setattr(ResumeFile, "save", slow)
    for number in range(60):
        has_events(up, f"d{number}", 30, 20)
    assert up.deployment().backfill(resume=str(tmp_path / "resume.json"), rate="1") == NOTHING_TO_DO
    during = saved_at[1:-1]
    assert len(during) > 2
    assert all(after - before >= 20 for before, after in pairwise(during))


def test_the_command_to_go_on_names_the_deployment_as_the_user_did(up: Stage, function: Function) -> None:
    has_events(up, "d1", 10)
    function.answer = lambda _: Answer(422, '{"error": "malformed"}')
    typed = {"project": "p-1", "dt_projects": ["a", "b"], "name": "two", "config": "my file.toml"}
    assert up.deployment().backfill(**typed) == UNMET
    flags = "--project=p-1 --dt-project=a --dt-project=b --name=two"
    (line,) = [line for line in up.noted.splitlines() if "deploy backfill" in line]
    assert sorted(line.split()[-6:]) == sorted(["'--config=my", "file.toml'", *flags.split()])


def test_after_all_named_devices_are_done_there_is_no_command_to_go_on() -> None:
    options = Options("2h", "now", 1.0, 2.0, ("d1", "d2"), (), (), 50, None, is_dry=False)
    assert options.to_go_on({"d1", "d2"}) == ()
    assert options.to_go_on({"d1"})[0].endswith(" --device=d2")
    assert options.to_go_on(set())[0].endswith(" --device=d1 --device=d2")


def test_a_function_that_does_not_know_backfills_is_found_out_before_anything_is_sent(
    up: Stage, function: Function
) -> None:
    has_events(up, "d1", 10)
    function.knows_origins = False
    with pytest.raises(DeployError, match="older than this command: it does not know python -m deploy backfill") as old:
        up.deployment().backfill()
    assert (old.value.fix[0], function.bodies) == ("python -m deploy up", [])


def test_the_window_never_comes_closer_than_ten_seconds_to_now(up: Stage, function: Function) -> None:
    old, _ = has_events(up, "d1", 0.2, 0.1)
    assert up.deployment().backfill() == NOTHING_TO_DO
    assert function.events == [old]
    assert f"note: the window ends at {utc(up.clock() - 10)}" in up.noted


def test_a_window_before_dts_memory_is_said(up: Stage, function: Function) -> None:
    assert up.deployment().backfill(since="40d", until="35d") == NOTHING_TO_DO
    assert "note: DT keeps events for 30 days" in up.noted
    assert function.bodies == []


@pytest.mark.parametrize(
    ("flags", "fault"),
    [
        ({"since": None}, "--from: is required"),
        ({"since": "yesterday"}, "--from: 'yesterday' is not a time"),
        ({"since": "1h", "until": "2h"}, "--from: .* is not before --to"),
        ({"since": "5s"}, "is not at least 10 s ago: DT's history may not have the newest events"),
        ({"rate": "0"}, "--rate: '0' is not a number from 1 to 1000"),
        ({"rate": "fast"}, "--rate"),
        ({"device": ["a/b"]}, "--device: 'a/b' is not a device's id"),
    ],
)
def test_an_invalid_flag_is_named_before_anything_is_read(up: Stage, flags: dict[str, Any], fault: str) -> None:
    with pytest.raises(InvalidOptions, match=fault):
        up.deployment().backfill(**flags)
    assert up.dt.asked == []


def test_the_rate_bounds_the_requests(up: Stage, function: Function) -> None:
    has_events(up, "d1", *range(60, 20, -1))
    began_at = up.clock()
    assert up.deployment().backfill(rate="2") == NOTHING_TO_DO
    assert up.clock() - began_at >= 39 / 2


def test_with_json_every_device_and_every_event_that_is_missing_is_in_the_report(up: Stage, function: Function) -> None:
    good, bad = has_events(up, "d1", 20, 10)
    function.answer = lambda body: Answer(422, '{"error":"malformed"}') if body["event"]["eventId"] == bad else ON_MAIN
    assert up.deployment(in_json=True).backfill() == UNMET
    report = up.in_json()["backfill"]
    assert (report["events"], report["outcomes"]) == (2, {"published": 1, "refused": 1})
    assert report["devices"][0]["types"] == {"touch": 2}
    assert [(one["eventId"], one["reason"]) for one in report["notOnMain"]] == [(bad, "malformed")]
    assert good


def test_a_run_that_is_interrupted_goes_on_where_it_was(up: Stage, function: Function, tmp_path: Path) -> None:
    ids = has_events(up, "d1", *range(60, 20, -1))
    file = tmp_path / "resume.json"

    def interrupt(body: Mapping[str, Any]) -> Answer | None:
        if body["event"]["eventId"] == ids[10]:
            raise KeyboardInterrupt
        return ON_MAIN

    function.answer = interrupt
    with pytest.raises(DeployError, match="interrupted: 10 events on the main topic until then") as interrupted:
        up.deployment().backfill(resume=str(file))
    assert ", 1 sent without an answer, which may be there, too; 0 devices finished" in interrupted.value.what
    assert f"--resume={file}" in interrupted.value.fix[0]
    function.answer = lambda _: ON_MAIN
    up.clock.advance(3600)
    assert up.deployment().backfill(resume=str(file)) == NOTHING_TO_DO
    assert sorted(set(function.events)) == ids
    assert len(function.events) == len(ids) + 1


def test_what_is_not_on_main_is_sent_by_the_next_run_and_nothing_else(
    up: Stage, function: Function, tmp_path: Path
) -> None:
    ids, file = has_events(up, "d1", *range(60, 20, -1)), str(tmp_path / "resume.json")
    has_events(up, "d2", 30)
    bad = {ids[3], ids[7]}
    function.answer = lambda body: Answer(422, '{"error":"malformed"}') if body["event"]["eventId"] in bad else ON_MAIN
    assert up.deployment().backfill(resume=file) == UNMET
    function.bodies.clear()
    up.dt.asked.clear()
    function.answer = lambda _: ON_MAIN
    assert up.deployment().backfill(resume=file) == NOTHING_TO_DO
    assert set(function.events) == bad
    assert not any("/d2/" in request.path for request in up.dt.asked)


def test_a_finished_resume_file_is_no_success_for_a_window_that_moves(
    up: Stage, function: Function, tmp_path: Path
) -> None:
    has_events(up, "d1", 30)
    file = str(tmp_path / "resume.json")
    window = f"{utc(up.clock() - 86_400)} to {utc(up.clock() - 10)}"
    assert up.deployment().backfill(resume=file) == NOTHING_TO_DO
    up.clock.advance(86_400)
    with pytest.raises(DeployError, match=f"the run of this file, for {window}, is finished") as refused:
        up.deployment().backfill(resume=file)
    assert "delete it" in refused.value.fix[0]


def test_a_finished_resume_file_of_exact_times_says_so_and_reads_only_new_devices(
    up: Stage, function: Function, tmp_path: Path
) -> None:
    sent = has_events(up, "d1", 30)
    flags = {"resume": str(tmp_path / "resume.json"), "since": ago(up, 60), "until": ago(up, 1)}
    assert up.deployment().backfill(**flags) == NOTHING_TO_DO
    new = has_events(up, "d2", 30)
    assert up.deployment().backfill(**flags) == NOTHING_TO_DO
    assert "is finished: only devices that are new are read" in up.noted
    assert function.events == [*sent, *new]
    assert "1 device finished by an earlier run" in up.shown


@pytest.mark.parametrize(
    ("flags", "shown"),
    [({"since": "2d"}, "from 1d, not 2d"), ({"type": ["touch"]}, r"types \[\]"), ({"device": ["d1"]}, "devices")],
)
def test_a_resume_file_of_another_backfill_is_refused(
    up: Stage, function: Function, tmp_path: Path, flags: dict[str, Any], shown: str
) -> None:
    has_events(up, "d1", 10)
    file = str(tmp_path / "resume.json")
    assert up.deployment().backfill(resume=file) == NOTHING_TO_DO
    with pytest.raises(DeployError, match=f"is of another backfill: .*{shown}"):
        up.deployment().backfill(**{"resume": file, **flags})


def test_a_resume_file_is_refused_after_the_connector_got_other_types_or_labels(
    up: Stage, function: Function, tmp_path: Path
) -> None:
    connector, file = up.dt.connectors[DT_PROJECT][0], str(tmp_path / "resume.json")
    connector["events"] = ["temperature"]
    has_events(up, "d1", 10)
    function.answer = lambda _: Answer(422, '{"error": "malformed"}')
    up.deployment().backfill(resume=file)
    connector["events"] = ["temperature", "touch"]
    changed = rf"types of {DT_PROJECT} \['temperature'\], not \['temperature', 'touch'\]"
    with pytest.raises(DeployError, match=changed):
        up.deployment().backfill(resume=file)
    connector.update(events=["temperature"], labels=["room"])
    with pytest.raises(DeployError, match=rf"labels of {DT_PROJECT}"):
        up.deployment().backfill(resume=file)
    assert function.bodies == []


def test_a_resume_file_that_cannot_be_used_is_found_out_before_any_other_work(
    up: Stage, function: Function, tmp_path: Path
) -> None:
    other = tmp_path / "other.json"
    other.write_text("{")
    before = len(up.google.asked)
    for file, why in (
        (tmp_path / "none" / "resume.json", "cannot be written: No such file"),
        (tmp_path, "cannot be written: Is a directory"),
        (other, "is not a file that backfill has written"),
    ):
        with pytest.raises(DeployError, match=why):
            up.deployment().backfill(resume=str(file))
    assert len(up.google.asked) == before
    assert (other.read_text(), list(tmp_path.iterdir())) == ("{", [other])


def test_a_resume_file_that_cannot_be_written_at_the_end_leaves_the_report_and_the_command_to_go_on(
    up: Stage, function: Function, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    has_events(up, "d1", 10)

    def move(_: Mapping[str, Any]) -> Answer | None:
        folder.rename(tmp_path / "moved")
        return ON_MAIN

    function.answer = move
    with pytest.raises(DeployError, match="cannot be written") as failed:
        up.deployment().backfill(resume=str(folder / "resume.json"))
    assert any("backfill --from=1d" in fix for fix in failed.value.fix)
    assert up.report.backfill is not None
    assert up.report.backfill["outcomes"] == {"published": 1}


def test_a_resume_file_whose_window_was_changed_is_refused(up: Stage, function: Function, tmp_path: Path) -> None:
    file = tmp_path / "resume.json"
    assert up.deployment().backfill(resume=str(file)) == NOTHING_TO_DO
    file.write_text(file.read_text().replace('"window"', '"windows"'))
    with pytest.raises(DeployError, match="something has changed it"):
        up.deployment().backfill(resume=str(file))


def test_a_dry_run_leaves_the_resume_file_as_it_is(up: Stage, function: Function, tmp_path: Path) -> None:
    file = tmp_path / "resume.json"
    has_events(up, "d1", 10)
    assert up.deployment().backfill(resume=str(file), dry_run=True) == NOTHING_TO_DO
    assert not file.exists()


def test_progress_estimates_by_the_devices_that_are_finished(up: Stage, function: Function) -> None:
    for number in range(40):
        has_events(up, f"d{number}", 30, 20)
    up.dt.before = _counting(40)
    assert up.deployment().backfill(rate="1") == NOTHING_TO_DO
    assert "of about 40 devices" in up.noted
    assert " left" in up.noted


def _counting(devices: int) -> Callable[[DtRequest], DtAnswer | None]:
    """Return DT's answer to the question how many devices a project has."""
    counted = DtAnswer(200, {"sensorCount": devices, "cloudConnectorCount": 0, "organization": "organizations/o"})
    return lambda request: counted if request.path == f"/projects/{DT_PROJECT}" else None
