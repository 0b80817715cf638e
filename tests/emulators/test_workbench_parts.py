"""The parts of the workbench, in process: rows, settings, lines to paste, new events, the log, restarts."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from tests.emulators.errors import NotRunning, NotStarted
from tests.emulators.pubsub import EmbeddedPubSub
from tests.emulators.workbench import state
from tests.emulators.workbench.exchange import Exchange
from tests.emulators.workbench.fresh import of_file, of_type
from tests.emulators.workbench.function_log import FunctionLog
from tests.emulators.workbench.given import OF_PUBSUB, SETTINGS, Given
from tests.emulators.workbench.pasted import SUBSCRIBER, send_command, subscriber_lines
from tests.emulators.workbench.reload import Reloading, Stamps, stamps_of
from tests.emulators.workbench.send import Wanted
from tests.emulators.workbench.subscriber import receive
from tests.emulators.workbench.table import Event, Table, reason_of
from tests.examples.loading import publish, touch
from tests.function.builders import known_settings, logged_failure

pytestmark = pytest.mark.tools

REJECTED = {"messageId": "1795813355223567", "topic": "rejected"}
DEVICE = {"eventType": "touch", "targetName": "projects/p/devices/emu0011dr2b5vjs7396g", "data": {"touch": {}}}
LONG = {"eventType": "objectPresentCountOfTheFuture", "targetName": f"projects/p/devices/{'d' * 30}", "data": {}}


def exchange(reply: dict[str, Any], *, status: int = 200, event: Any = DEVICE, method: str = "POST") -> Exchange:
    """Return a request with this event, and its answer."""
    body = json.dumps({"event": event}).encode()
    return Exchange(datetime(2026, 11, 2, 8, 13, 15, tzinfo=UTC), method, body, status, reply, 0.0123, "")


@pytest.mark.parametrize("columns", [60, 80, 103, 104, 120, 139, 140, 200])
def test_rows_fit_the_terminal_and_stand_below_their_heads(columns: int) -> None:
    table = Table(columns)
    fields = {"reason": "foreign_project", "detail": "x" * 200}
    shown = [table.row(exchange(REJECTED, event=event), fields) for event in (DEVICE, LONG)]

    for row in shown:
        assert len(row) <= columns
        assert "08:13:15" in row
    if columns >= 80:
        assert shown[0].index("foreign_p") == table.head().index("reason")
        assert "emu0011dr2b5vjs7396g" in shown[0]
    assert ("12 ms" in shown[0]) is (columns >= 104)
    assert ("1795813355223567" in shown[0]) is (columns >= 140)


def test_a_row_off_a_terminal_is_complete() -> None:
    row = Table(None).row(exchange(REJECTED), {"reason": "malformed", "detail": "x" * 300})

    assert row.split() == [
        *("08:13:15", "touch", "emu0011dr2b5vjs7396g", "touched", "200", "rejected", "12", "ms"),
        *("1795813355223567", "malformed:", "x" * 300),
    ]


@pytest.mark.parametrize(
    ("status", "reply", "colour"), [(200, {"topic": "events"}, ""), (200, REJECTED, "33"), (401, {"error": "x"}, "31")]
)
def test_only_what_is_no_delivered_event_is_coloured(status: int, reply: dict[str, Any], colour: str) -> None:
    row = exchange(reply, status=status)
    plain = Table(None).row(row, {})

    assert "\x1b" not in plain
    assert Table(None, is_coloured=True).row(row, {}) == (f"\x1b[{colour}m{plain}\x1b[0m" if colour else plain)


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b"1", b'{"event": 1}', b"[" * 100_000, b'{"event": {}}'])
def test_any_body_has_a_row(body: bytes) -> None:
    assert Event.of(body).event_type == "-"


def test_a_request_cannot_control_the_terminal() -> None:
    evil = {**DEVICE, "eventType": "\x1b[2J", "targetName": "projects/p/devices/\r\n\u202e"}

    row = Table(None).row(exchange({"error": "\x1b[0m"}, status=401, event=evil), {})
    assert row.isprintable()


def test_a_reason_has_its_detail_and_what_is_odd() -> None:
    delivered = exchange({"topic": "events"})

    assert reason_of(delivered, {}) == ""
    assert reason_of(delivered, {"schemaViolation": "$.event.data"}) == "contradicts its type at $.event.data"
    assert reason_of(delivered, {"origin": "replay"}) == "by replay"
    assert reason_of(delivered, {"cutAttributes": ["a", "b"]}) == "cut a, b"
    assert reason_of(exchange({"error": "unsigned"}, status=401), {}) == "unsigned"


def fail_for_a_cause() -> None:
    """Raise an error whose cause was raised in another function."""
    try:
        int("no number")
    except ValueError as cause:
        raise KeyError("eventId") from cause


def test_an_exception_of_the_function_is_shown_with_the_line_that_raised_it() -> None:
    failed = exchange({"error": "internal"}, status=500)
    with pytest.raises(KeyError) as raised:
        fail_for_a_cause()
    logged = logged_failure(raised.value)

    place = rf"emulators/{Path(__file__).name}, line \d+, fail_for_a_cause"
    assert re.fullmatch(f"internal: KeyError in {place}", reason_of(failed, logged))
    assert reason_of(failed, {"stack_trace": "KeyError"}) == "internal: KeyError"
    assert reason_of(failed, {}) == "internal"


@pytest.mark.parametrize(
    ("reply", "status", "waits"),
    [
        ({"topic": "events"}, 200, False),
        (REJECTED, 200, True),
        ({"error": "unsigned"}, 401, False),
        ({"error": "internal"}, 500, True),
        ({"error": "publish"}, 503, True),
    ],
)
def test_only_a_row_whose_reason_is_in_the_log_alone_waits_for_the_log(
    reply: dict[str, Any], status: int, *, waits: bool
) -> None:
    assert exchange(reply, status=status).needs_log is waits


def test_every_setting_of_the_function_can_be_given() -> None:
    assert {*SETTINGS, OF_PUBSUB} == known_settings()


def test_the_own_settings_stay_unless_others_are_given() -> None:
    own = Given.of({"HOME": "/", "LOG_LEVEL": " ", OF_PUBSUB: "elsewhere:1", "DT_PROJECT": "p"}, "own")
    given = Given.of({"DT_SIGNATURE_SECRET": "\n new \n old", "PUBSUB_TOPIC": "t", "GOOGLE_CLOUD_PROJECT": "p"}, "own")

    assert own.from_environ == {}
    assert own.settings("here:2") == {
        "PUBSUB_TOPIC": "projects/offline/topics/events",
        "PUBSUB_REJECTED_TOPIC": "projects/offline/topics/rejected",
        "DT_SIGNATURE_SECRET": "own",
        OF_PUBSUB: "here:2",
    }
    assert (own.secret, given.secret) == ("own", "new")
    assert given.topic("PUBSUB_TOPIC") == "projects/p/topics/t"
    assert "new" not in given.shown()


def test_the_pasted_lines_keep_paths_with_blanks_together() -> None:
    lines = subscriber_lines("127.0.0.1:1", "projects/p/topics/t", "/a clone/python")

    assert lines[:2] == ["export PUBSUB_EMULATOR_HOST=127.0.0.1:1", "export PROJECT=p TOPIC=t SUBSCRIPTION=t"]
    assert shlex.split(lines[2])[0] == "/a clone/python"


def test_the_pasted_lines_on_windows_are_for_powershell() -> None:
    lines = subscriber_lines("127.0.0.1:1", "projects/p/topics/t", r"C:\it's\python.exe", is_windows=True)

    assert lines[0] == "$env:PUBSUB_EMULATOR_HOST = '127.0.0.1:1'"
    assert lines[1] == "$env:PROJECT = 'p'; $env:TOPIC = 't'; $env:SUBSCRIPTION = 't'"
    assert lines[2].startswith(r"& 'C:\it''s\python.exe' '")
    assert lines[2].endswith('"projects/$env:PROJECT/subscriptions/$env:SUBSCRIPTION"')
    assert send_command(8080, is_windows=True) == "python -m tests.emulators send --type co2"
    assert send_command(8081, is_windows=True) == "python -m tests.emulators send --type co2 --port 8081"


def test_new_events_differ_in_id_and_time() -> None:
    (make,) = of_type("humidity")
    first, second = (json.loads(make())["event"] for _ in range(2))

    assert first["eventId"] != second["eventId"]
    assert first["timestamp"] < second["timestamp"]
    assert first["data"]["humidity"]["samples"][0]["sampleTime"] == first["timestamp"]


@pytest.mark.parametrize("body", [b'{"event": oops', b"[1, 2]", b'{"labels":  {}}', b"", b"[" * 100_000])
def test_a_body_that_is_no_event_is_sent_unchanged(body: bytes, tmp_path: Path) -> None:
    file = tmp_path / "body"
    file.write_bytes(body)

    assert of_file(file, as_is=False)() == body


def test_each_event_of_a_file_has_its_own_id(tmp_path: Path) -> None:
    file = tmp_path / "body"
    file.write_bytes(b'{"event": {"eventId": "mine", "eventType": "touch"}}')
    make = of_file(file, as_is=False)

    assert len({"mine", *(json.loads(make())["event"]["eventId"] for _ in range(2))}) == 3
    assert of_file(file, as_is=True)() == file.read_bytes()


def test_an_event_without_an_id_gets_none(tmp_path: Path) -> None:
    file = tmp_path / "body"
    file.write_bytes(b'{"event":{"eventType":"touch"}}')

    assert of_file(file, as_is=False)() == file.read_bytes()


def test_events_are_sent_in_turn_at_their_times() -> None:
    makes = of_type("all")[:2]

    assert [*Wanted(makes, None, None).schedule()] == [(0.0, makes[0]), (0.0, makes[1])]
    assert [at for at, _ in Wanted(makes, 3, 2.0).schedule()] == [0.0, 0.5, 1.0]
    assert [make for _, make in islice(Wanted(makes, None, 2.0).schedule(), 3)] == [makes[0], makes[1], makes[0]]


def test_the_log_is_read_in_whole_lines(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"starting\n")
    log = FunctionLog(file)
    fields = {"severity": "WARNING", "message": "odd", "status": 200}
    line = json.dumps({**fields, "logging.googleapis.com/labels": {"execution_id": "r1"}}).encode()

    assert [entry.text for entry in log.new_lines()] == ["starting"]
    with file.open("ab") as writer:
        writer.write(line[:20])
        writer.flush()
        assert log.new_lines() == []
        writer.write(line[20:] + b"\n" + b'{"severity":"ERROR","message":"m","stack_trace":"s"}\n')
    assert [entry.readable() for entry in log.new_lines()] == ["W  odd", "E  m\ns"]
    assert log.of_request("r1")["message"] == "odd"
    assert log.of_request("r2") == {}
    log.close()


class FakeProcess:
    """A process of the function that becomes ready, or does not start."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.ready, self.error, self.is_running, self.is_ended = False, "", True, False

    def is_ready(self) -> bool:
        """Return whether it answers."""
        if self.error:
            raise NotStarted(self.error)
        return self.ready

    def runs(self) -> bool:
        """Return whether it runs."""
        return self.is_running

    def ask_to_end(self) -> None:
        """End at once."""
        self.is_running = False

    def end(self) -> None:
        """End at once."""
        self.is_running, self.is_ended = False, True


class Stage:
    """A function that reloads, with fake processes and files."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("tests.emulators.workbench.reload.LOOK_S", 0.0)
        self.processes: list[FakeProcess] = []
        self.files: dict[str, tuple[int, int]] = {"main.py": (1, 1), "function/a.py": (1, 1)}
        self.ports: list[int] = []
        self.said: list[str] = []
        self.function = Reloading(self._start, self._stamps, self.ports.append, self.said.append)
        self.processes[0].ready = True
        self.function.wait_until_ready()

    def _start(self) -> FakeProcess:
        self.processes.append(FakeProcess(len(self.processes) + 1))
        return self.processes[-1]

    def _stamps(self) -> Stamps:
        return dict(self.files)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A function that answers on port 1."""
    made = Stage(monkeypatch)
    yield made
    made.function.end()
    assert all(process.is_ended for process in made.processes)


def test_the_process_before_answers_until_the_new_one_does(stage: Stage) -> None:
    stage.files["function/a.py"] = (2, 1)
    stage.function.look()
    assert (stage.ports, [process.is_running for process in stage.processes]) == ([1], [True, True])

    stage.processes[1].ready = True
    stage.function.look()
    assert (stage.ports, [process.is_running for process in stage.processes]) == ([1, 2], [False, True])
    assert stage.said[0].startswith("function/a.py changed: restarted in ")


def test_a_change_while_a_process_starts_replaces_it(stage: Stage) -> None:
    stage.files["function/a.py"] = (2, 1)
    stage.function.look()
    del stage.files["main.py"]
    stage.files["function/b.py"] = (1, 1)
    stage.function.look()
    stage.processes[2].ready = True
    stage.function.look()

    assert stage.processes[1].is_ended
    assert stage.ports == [1, 3]
    assert stage.said[0].startswith("function/b.py and 1 more changed: restarted")


def test_code_that_does_not_start_is_reported_once_and_the_code_of_before_answers(stage: Stage) -> None:
    stage.files["main.py"] = (2, 1)
    stage.function.look()
    stage.processes[1].error = "the function did not start:\n" + "\n".join(f"line {number}" for number in range(20))
    for _ in range(3):
        stage.function.look()

    assert stage.ports == [1]
    assert stage.said == [
        "main.py changed, and the function does not start; the old code still answers:\n"
        + "\n".join(f"  line {number}" for number in range(12, 20))
    ]


def test_a_function_that_ends_and_does_not_start_again_waits_for_a_change(stage: Stage) -> None:
    stage.processes[0].is_running = False
    stage.function.look()
    stage.processes[1].error = "the function did not start:\nno"
    for _ in range(3):
        stage.function.look()
    assert len(stage.processes) == 2
    assert stage.said == [
        "the function ended by itself, and the function does not start; nothing answers until a file changes:\n  no"
    ]

    stage.files["main.py"] = (2, 1)
    stage.function.look()
    stage.processes[2].ready = True
    stage.function.look()
    assert stage.ports == [1, 3]


def test_the_watched_files_are_those_of_the_function(tmp_path: Path) -> None:
    for name in ("main.py", "function/a.py", "function/b/c.py", "function/a.txt", "deploy/d.py"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()

    assert stamps_of(tmp_path).keys() == {"main.py", "function/a.py", "function/b/c.py"}


def test_the_state_of_a_workbench_is_found_by_its_port(tmp_path: Path) -> None:
    with state.folder_of(18123, tmp_path) as folder:
        state.write(folder, state.State("http://here/", "s"))
        assert state.read(18123, tmp_path) == state.State("http://here/", "s")
    with pytest.raises(NotRunning, match=r"^no workbench of this folder runs on port 18123: start one \(make serve "):
        state.read(18123, tmp_path)
    assert [*tmp_path.iterdir()] == []


def test_a_folder_that_a_killed_workbench_left_is_replaced(tmp_path: Path) -> None:
    left = tmp_path / ".workbench-18123"
    left.mkdir()
    (left / "state.json").write_text("old", "utf-8")
    with state.folder_of(18123, tmp_path) as folder:
        assert [*folder.iterdir()] == []


class FakeMessage:
    """A message that a subscriber receives."""

    def __init__(self, data: bytes, **attributes: str) -> None:
        self.data, self.attributes, self.is_acknowledged = data, attributes, False

    def ack(self) -> None:
        """Acknowledge it."""
        self.is_acknowledged = True


def test_the_subscriber_prints_events_and_rejected_messages(capsys: pytest.CaptureFixture[str]) -> None:
    event = FakeMessage(json.dumps({"event": DEVICE}).encode(), deviceId="d")
    rejected = FakeMessage(b"{", reason="malformed")
    receive(event)
    receive(rejected)

    assert capsys.readouterr().out == "d touch {'touch': {}}\nmalformed b'{'\n"
    assert event.is_acknowledged
    assert rejected.is_acknowledged


@pytest.mark.parametrize("is_there", [True, False], ids=["while it waits", "before it begins"])
def test_the_subscriber_ends_with_an_error_if_the_pubsub_is_gone(
    embedded: EmbeddedPubSub,
    is_there: bool,  # noqa: FBT001
) -> None:
    topic, name = "projects/p/topics/gone", "projects/p/subscriptions/gone"
    embedded.create_topic(topic)
    embedded.create_subscription(name, topic)
    publish(embedded.host, topic, [touch(1)])
    if not is_there:
        embedded.stop()
    line, environ = [sys.executable, str(SUBSCRIBER), name], {**os.environ, "PUBSUB_EMULATOR_HOST": embedded.host}
    with subprocess.Popen(line, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == f"waiting for events of {name} (Ctrl-C ends it)\n"
            if is_there:
                assert " touch " in process.stdout.readline()
                embedded.stop()
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    why = f"error: no Pub/Sub answers at {embedded.host}: start make serve, and paste the lines that it prints\n"
    assert (process.returncode, said) == (1, why)
