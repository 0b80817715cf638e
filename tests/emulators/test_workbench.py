"""``make serve`` as a workbench, with ``make send`` and ``make sign``: real commands, processes and subscribers."""

import contextlib
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import grpc
import jwt
import pytest
from google.api_core.exceptions import DeadlineExceeded
from google.cloud.pubsub_v1 import SubscriberClient
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from tests.blackbox.serving import eventually
from tests.deploy.live.web.client import first_texts
from tests.emulators.emulator import emulator_command
from tests.emulators.errors import EmulatorNotFound
from tests.emulators.events import SAMPLES
from tests.emulators.workbenches import Bench, copy_of_the_project, rows, run, running

pytestmark = pytest.mark.tools

SHELLS = {
    "bash": ("bash", "--norc", "--noprofile", "-c"),
    "zsh": ("zsh", "-f", "-c"),
    "fish": ("fish", "--no-config", "-c"),
}
MALFORMED = b'{"event": oops'
OWN_EVENT = {
    "event": {
        "eventId": "my-event",
        "targetName": "projects/p/devices/my-device",
        "eventType": "humidity",
        "data": {"humidity": {"temperature": 20.5, "relativeHumidity": 30, "updateTime": "2020-01-01T00:00:00Z"}},
        "timestamp": "2020-01-01T00:00:00Z",
    },
    "labels": {"room": "Kühlraum"},
    "metadata": {"deviceId": "my-device", "projectId": "p", "deviceType": "humidity", "productNumber": "1"},
}


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    """A workbench with the embedded Pub/Sub, which several tests use."""
    with running("--pubsub", "embedded") as started:
        yield started


@pytest.fixture(scope="module", params=["embedded", "emulator"])
def either_bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """A workbench with each of the two Pub/Subs."""
    without_host = {name: value for name, value in os.environ.items() if name != "PUBSUB_EMULATOR_HOST"}
    try:
        if request.param == "emulator":
            emulator_command(without_host)
    except EmulatorNotFound as reason:
        pytest.skip(str(reason))
    with running("--pubsub", request.param, PUBSUB_EMULATOR_HOST="") as started:
        yield started


@pytest.fixture(scope="module")
def own_bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A workbench in a copy of the project, whose source tests change. It shows the log."""
    folder = copy_of_the_project(tmp_path_factory.mktemp("clone") / "a clone")
    with running("--pubsub", "embedded", "--log", folder=folder) as started:
        yield started


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project, which a test may change."""
    return copy_of_the_project(tmp_path / "a clone")


def pasted_lines(bench: Bench) -> list[str]:
    """Return the three lines to paste."""
    first = bench.lines.index(bench.printed(r"^export PUBSUB_EMULATOR_HOST=")[0])
    return bench.lines[first : first + 3]


@contextlib.contextmanager
def subscriber(bench: Bench) -> Iterator[SubscriberClient]:
    """A client of the workbench's Pub/Sub."""
    host = pasted_lines(bench)[0].partition("=")[2]
    with SubscriberClient(transport=SubscriberGrpcTransport(channel=grpc.insecure_channel(host))) as client:
        yield client


def pulled(client: SubscriberClient, name: str, count: int, event_type: str = "") -> list[Any]:
    """Pull and acknowledge messages until there are this many, of this event type if one is given.

    A pull waits long, because a message that the emulator sends to an abandoned pull comes again only after a minute.
    """
    messages: list[Any] = []

    def pull() -> bool:
        with contextlib.suppress(DeadlineExceeded):
            answer = client.pull(subscription=name, max_messages=100, timeout=30)
            messages.extend(received.message for received in answer.received_messages)
            ids = [received.ack_id for received in answer.received_messages]
            if ids:
                client.acknowledge(subscription=name, ack_ids=ids, timeout=10)
        return len([message for message in messages if event_type in {"", message.attributes["eventType"]}]) >= count

    assert eventually(pull, 120), f"{len(messages)} messages instead of {count}"
    return messages


def post(bench: Bench, body: bytes, headers: Mapping[str, str], method: str = "POST") -> tuple[int, Any]:
    """Send a request to a workbench."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", bench.port, timeout=60)) as connection:
        connection.request(method, "/", body, dict(headers))
        response = connection.getresponse()
        return response.status, json.loads(response.read())


def signature(bench: Bench, file: Path, body: bytes) -> dict[str, str]:
    """Return the headers that ``sign`` prints for a body."""
    file.write_bytes(body)
    done = bench.run("sign", "--file", str(file))
    assert done.returncode == 0, done.stderr
    return dict(line.split(": ", 1) for line in done.stdout.splitlines())


@pytest.mark.parametrize(
    ("either_bench", "shell"),
    [("emulator", "bash"), *(("embedded", shell) for shell in SHELLS)],
    indirect=["either_bench"],
)
def test_the_three_lines_start_a_subscriber_that_prints_what_is_sent(
    either_bench: Bench, shell: str, tmp_path: Path
) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"NOT CHECKED: there is no {shell} here")
    lines = pasted_lines(either_bench)
    with subprocess.Popen(
        [*SHELLS[shell], "\n".join(lines)], cwd=tmp_path, stdout=subprocess.PIPE, text=True, process_group=0
    ) as process:
        try:
            assert process.stdout
            assert "waiting for events of projects/offline/subscriptions/events" in process.stdout.readline()
            assert either_bench.run("send", "--type", "contact").returncode == 0
            shown = next(line for line in process.stdout if " contact " in line)
            os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does; a killed subscriber would keep messages for a while
            process.wait(60)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    assert shown.startswith("emu0012dr2b5vjs7396g contact {'contact': {'state': 'OPEN', 'updateTime': '")


def test_the_subscriber_says_that_the_other_two_lines_are_missing(bench: Bench) -> None:
    done = subprocess.run(["bash", "-c", pasted_lines(bench)[2]], capture_output=True, text=True, check=False)  # noqa: S607

    assert done.returncode == 1
    assert "error: 'projects//subscriptions/' is not the name of a subscription: paste the two lines" in done.stderr


def test_a_subscription_with_a_filter_gets_the_events_of_one_type_only(either_bench: Bench) -> None:
    name = "projects/offline/subscriptions/only-co2"
    with subscriber(either_bench) as client:
        client.create_subscription(
            request={
                "name": name,
                "topic": "projects/offline/topics/events",
                "filter": 'attributes.eventType = "co2"',
            }
        )
        for _ in range(2):
            assert either_bench.run("send", "--type", "all").returncode == 0
        assert either_bench.run("send", "--type", "co2").returncode == 0
        messages = pulled(client, name, 3)
        client.delete_subscription(subscription=name)

    of_type = [message.attributes for message in messages if message.attributes["eventType"] == "co2"]
    assert len({attributes["eventId"] for attributes in of_type}) == 3
    is_warned = [line for line in either_bench.lines if line.startswith("warning   this version of the emulator")]
    assert (len(messages) > 3) == bool(is_warned)
    assert not is_warned or "Google's emulator" in "\n".join(either_bench.lines)


def test_both_topics_have_a_subscription_that_keeps_events_for_the_user(either_bench: Bench, tmp_path: Path) -> None:
    body = tmp_path / "body"
    body.write_bytes(MALFORMED)
    assert either_bench.run("send", "--file", str(body)).returncode == 0
    assert either_bench.run("send", "--type", "pressure").returncode == 0
    with subscriber(either_bench) as client:
        rejected = pulled(client, "projects/offline/subscriptions/rejected", 1)
        pulled(client, "projects/offline/subscriptions/events", 1, event_type="pressure")

    assert {(message.data, message.attributes["reason"]) for message in rejected} == {(MALFORMED, "malformed")}


def test_every_request_is_shown_with_its_answer_and_its_reason(bench: Bench, tmp_path: Path) -> None:
    event = json.dumps(OWN_EVENT).replace("my-device", "shown-device")
    body = event.encode()
    signed = signature(bench, tmp_path / "signed", body)
    assert post(bench, body, signed)[0] == 200
    assert post(bench, body, {}) == (401, {"error": "unsigned"})
    assert post(bench, body, {}) == (401, {"error": "unsigned"})  # the function's log leaves this one out
    assert post(bench, body + b" ", signed) == (401, {"error": "checksum"})
    assert post(bench, MALFORMED, signature(bench, tmp_path / "bad", MALFORMED))[1]["topic"] == "rejected"
    no_event = b'{"labels": {}}'
    assert post(bench, no_event, signature(bench, tmp_path / "no", no_event))[1]["topic"] == "rejected"
    odd = event.replace("30", '"30"').encode()
    assert post(bench, odd, signature(bench, tmp_path / "odd", odd))[1]["topic"] == "events"
    assert post(bench, b"", {}, method="PUT") == (405, {"error": "method"})
    bench.printed("PUT request")

    shown = bench.lines[bench.lines.index(bench.printed("shown-device")[0]) :]
    cells = [row[1:] for row in rows(shown)]
    own = ["humidity", "shown-device", "20.5 °C, 30 % RH"]
    assert [row[:4] for row in cells if "shown-device" in row] == [
        [*own, "200 events"],
        [*own, "401"],
        [*own, "401"],
        [*own, "401"],
        ["humidity", "shown-device", "temperature 20.5, relati…", "200 events"],
    ]
    reasons = [line.rpartition("  ")[2] for line in shown]
    assert [reason.partition(":")[0] for reason in reasons[1:]] == [
        *("unsigned", "unsigned", "checksum", "malformed", "no_envelope"),
        "contradicts its type at $.event.data.humidity.relativeHumidity",
        "method",
    ]
    for row in cells:
        assert re.fullmatch(r"\d+ ms", row[4]), row
        assert re.fullmatch(r"\d+", row[5]) if row[3].startswith("200") else row[5] == "-"


def test_a_body_that_does_not_come_is_answered_by_the_function_and_shown(bench: Bench) -> None:
    before = len(bench.lines)
    with socket.create_connection(("127.0.0.1", bench.port), timeout=60) as client:
        head = "POST / HTTP/1.1\r\nHost: localhost\r\nX-Dt-Signature: a.b.c\r\nContent-Length: 100\r\n\r\n{"
        client.sendall(head.encode())
        status = client.makefile().readline()

    assert re.match(r"HTTP/1.1 (401|408) ", status)
    assert bench.printed("not JSON", before)


def test_a_body_in_chunks_arrives_whole(bench: Bench, tmp_path: Path) -> None:
    body = json.dumps(OWN_EVENT).encode()
    headers = signature(bench, tmp_path / "body", body)
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", bench.port, timeout=60)) as connection:
        connection.request("POST", "/", iter([body[:50], body[50:]]), headers, encode_chunked=True)
        assert connection.getresponse().status == 200


def test_send_all_sends_each_type_once_and_shows_the_answers(bench: Bench) -> None:
    done = bench.run("send", "--type", "all")

    assert (done.returncode, done.stderr) == (0, "")
    assert [row[1] for row in rows(done.stdout.splitlines())] == [*SAMPLES]
    assert done.stdout.splitlines()[-1] == f"{len(SAMPLES)} sent: {len(SAMPLES)} answered 200 events"


def test_a_file_is_sent_with_a_new_id_and_new_times_and_otherwise_unchanged(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "my body.json"
    file.write_text(json.dumps(OWN_EVENT, indent=2), "utf-8")
    name = "projects/offline/subscriptions/of-a-file"
    only = 'attributes.deviceId = "my-device" AND attributes.projectId = "p"'
    with subscriber(bench) as client:
        client.create_subscription(request={"name": name, "topic": "projects/offline/topics/events", "filter": only})
        assert bench.run("send", "--file", str(file), "--count", "2").returncode == 0
        assert bench.run("send", "--file", str(file), "--as-is").returncode == 0
        messages = pulled(client, name, 3)
        client.delete_subscription(subscription=name)

    (unchanged,) = [message.data for message in messages if message.data == file.read_bytes()]
    renewed = [json.loads(message.data) for message in messages if message.data != unchanged]
    assert len({event["event"]["eventId"] for event in renewed} | {"my-event"}) == 3
    for event in renewed:
        humidity = event["event"]["data"]["humidity"]
        assert event["event"]["timestamp"] == humidity["updateTime"] > "2026"
        humidity["updateTime"] = event["event"]["timestamp"] = "2020-01-01T00:00:00Z"
        assert {**event["event"], "eventId": "my-event"} == OWN_EVENT["event"]
        assert (event["labels"], event["metadata"]) == (OWN_EVENT["labels"], OWN_EVENT["metadata"])


def test_a_rate_is_kept_and_ends_with_the_count(bench: Bench) -> None:
    began_at = time.monotonic()
    done = bench.run("send", "--type", "all", "--rate", "5", "--count", "6")

    assert time.monotonic() - began_at >= 5 / 5
    assert done.returncode == 0
    assert {row[1] for row in rows(done.stdout.splitlines())} == {*list(SAMPLES)[:6]}


def test_a_rate_without_a_count_ends_with_ctrl_c_and_a_summary(bench: Bench) -> None:
    command = [sys.executable, "-m", "tests.emulators", "send", "--port", str(bench.port), "--rate", "20"]
    with subprocess.Popen(
        command, cwd=bench.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        for _ in range(5):
            process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=60)

    assert (process.returncode, errors) == (0, "")
    assert re.fullmatch(r"(\d+) sent: \1 answered 200 events", rest.splitlines()[-1])


def test_sign_and_curl_send_the_bytes_of_a_file(bench: Bench, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("NOT CHECKED: there is no curl here")
    file = tmp_path / "body.json"
    file.write_text(json.dumps(OWN_EVENT), "utf-8")
    sign = f"{sys.executable} -m tests.emulators sign --port {bench.port} --file {file}"
    line = f"{sign} > {tmp_path}/headers && curl -s -i {bench.url} -H @{tmp_path}/headers --data-binary @{file}"
    done = subprocess.run(["bash", "-c", line], cwd=bench.folder, capture_output=True, text=True, check=False)  # noqa: S607

    assert done.stdout.startswith("HTTP/1.1 200 "), done.stderr
    assert '"topic":"events"' in done.stdout


def test_in_a_sandbox_a_file_is_signed_by_the_secret_of_the_deployed_function(tmp_path: Path) -> None:
    body, gcloud = tmp_path / "body.json", tmp_path / "gcloud"
    body.write_text("{}", "utf-8")
    for script, status, said in (
        (
            "echo NOT_FOUND >&2; exit 1",
            1,
            "error: nothing is deployed in this sandbox yet\n  fix: python -m deploy up\n",
        ),
        (f"echo {'a-secret' * 8}", 0, ""),
    ):
        gcloud.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
        gcloud.chmod(0o755)
        done = run("sign", "--file", str(body), DT_PUBSUB_SANDBOX=str(tmp_path), PATH=str(tmp_path))
        assert (done.returncode, done.stderr) == (status, said)
    headers = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    claims = jwt.decode(headers["X-Dt-Signature"], "a-secret" * 8, algorithms=["HS256"])
    assert claims["checksum_sha256"] == hashlib.sha256(b"{}").hexdigest()


def test_two_workbenches_have_their_own_secret_and_events(bench: Bench, tmp_path: Path) -> None:
    body = json.dumps(OWN_EVENT).encode()
    with running("--pubsub", "embedded") as other:
        before = len(bench.lines)
        assert other.run("send", "--type", "motion").returncode == 0
        assert other.printed("motion detected")
        assert post(other, body, signature(bench, tmp_path / "body", body)) == (401, {"error": "signature"})
        assert not [line for line in bench.lines[before:] if "motion detected" in line]
        assert bench.state.is_dir()
        assert other.state.is_dir()
    assert bench.run("send").returncode == 0
    assert not other.state.exists()


@pytest.mark.parametrize("either_bench", ["emulator"], indirect=True)
def test_an_emulator_of_the_environment_is_said_not_to_be_of_this_run(either_bench: Bench) -> None:
    host = pasted_lines(either_bench)[0].partition("=")[2]
    with running("--pubsub", "emulator", PUBSUB_EMULATOR_HOST=host) as other:
        assert other.printed(f"^Pub/Sub .* at {host}, from PUBSUB_EMULATOR_HOST: not of this run$")


def test_only_the_owner_can_read_the_secret_and_no_command_line_has_it(bench: Bench) -> None:
    file = bench.state / "state.json"
    secret = json.loads(file.read_text("utf-8"))["secret"]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.emulators", "send", "--port", str(bench.port), "--rate", "5"],
        cwd=bench.folder,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        process.stdout.readline()
        process.stdout.readline()
        commands = b"".join(path.read_bytes() for path in readable_command_lines())
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(bench.state.stat().st_mode) == 0o700
    assert b"tests.emulators" in commands
    assert secret.encode() not in commands
    assert secret not in "\n".join(bench.lines)


def readable_command_lines() -> Iterator[Path]:
    """Return the command lines of all processes that still run."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            path.read_bytes()
            yield path


def test_the_function_has_the_settings_of_the_environment(tmp_path: Path) -> None:
    secret = "a-secret-of-the-environment-with-many-characters"
    file = tmp_path / "body.json"
    file.write_text(json.dumps(OWN_EVENT), "utf-8")
    with running(
        *("--pubsub", "embedded"),
        LABEL_ATTRIBUTES="room",
        CLOUDEVENTS="true",
        MAX_BODY_BYTES="1000",
        DT_SIGNATURE_SECRET=f"{secret}\nan-older-secret-that-DT-does-not-sign-with-any-more",
        PUBSUB_TOPIC="mine",
        GOOGLE_CLOUD_PROJECT="my-project",
    ) as bench:
        assert bench.run("send", "--file", str(file)).returncode == 0
        with subscriber(bench) as client:
            (message,) = pulled(client, "projects/my-project/subscriptions/mine", 1)
        file.write_text(json.dumps(OWN_EVENT) + " " * 1000, "utf-8")
        done = bench.run("send", "--file", str(file), "--as-is")
        assert bench.end() == 0

    assert message.attributes["label.room"] == "Kühlraum"
    assert message.attributes["ce-type"] == "com.disruptive-technologies.humidity"
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "1 sent: 1 answered 413")
    printed = "\n".join(bench.lines)
    assert "PUBSUB_TOPIC=mine LABEL_ATTRIBUTES=room CLOUDEVENTS=true MAX_BODY_BYTES=1000" in printed
    assert "secret    DT_SIGNATURE_SECRET, from the environment" in printed
    assert "projects/my-project/topics/mine, projects/offline/topics/rejected" in printed
    assert "export PROJECT=my-project TOPIC=mine SUBSCRIPTION=mine" in printed
    assert "413" in printed
    assert "too_large" in printed
    assert secret not in printed


def test_wrong_settings_are_refused_as_the_function_refuses_them() -> None:
    done = run("serve", "--pubsub", "embedded", "--port", "18079", LOG_LEVEL="loud", LABEL_ATTRIBUTE="room")

    assert done.returncode == 1
    assert "LOG_LEVEL: 'loud' is not one of DEBUG, INFO, WARNING, ERROR, CRITICAL" in done.stderr
    assert "LABEL_ATTRIBUTE: unknown, did you mean LABEL_ATTRIBUTES?" in done.stderr
    assert "Traceback" not in done.stderr


def test_send_and_sign_say_that_no_workbench_runs_and_which_one_does(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "body").write_text("{}", "utf-8")
    for command in (["send", "--port", "1"], ["sign", "--port", "1", "--file", str(tmp_path / "body")]):
        done = run(*command)
        assert done.returncode == 1
        assert "error: no workbench of this folder runs on port 1: start one (make serve PORT=1)" in done.stderr
        assert "or use the one on port " in done.stderr


def test_the_folder_of_a_killed_workbench_is_no_workbench(project: Path, tmp_path: Path) -> None:
    with running("--pubsub", "embedded", folder=project, TMPDIR=str(tmp_path)) as killed:
        killed.end(signal.SIGKILL)
        assert killed.state.exists()
        assert eventually(lambda: "error: no workbench" in killed.run("send").stderr, 60)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("--type", "co3"), "did you mean co2?"),
        (("--rate", "0"), "'0' is not a number over 0"),
        (("--rate", "nan"), "'nan' is not a number over 0"),
        (("--count", "1.5"), "'1.5' is not a number over 0"),
        (("--as-is",), "--as-is: needs --file"),
        (("--type", "co2", "--file", "x"), "not allowed with argument"),
    ],
)
def test_send_refuses_what_it_cannot_do(arguments: tuple[str, ...], error: str) -> None:
    done = run("send", *arguments)

    assert done.returncode == 2
    assert error in done.stderr


def test_a_file_that_is_missing_is_named(bench: Bench) -> None:
    for verb in ("send", "sign"):
        done = bench.run(verb, "--file", "missing.json")
        assert (done.returncode, done.stderr) == (1, "error: missing.json cannot be read: No such file or directory\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_when_a_workbench_ends(number: signal.Signals, project: Path) -> None:
    before = {path.name for path in project.iterdir()}
    with running("--pubsub", "embedded", folder=project) as bench:
        used = [bench.port, int(pasted_lines(bench)[0].rpartition(":")[2])]
        assert bench.run("send").returncode == 0
        status = bench.end(number)

    assert status == (0 if number == signal.SIGINT else 128 + number)
    assert {path.name for path in project.iterdir()} - {"__pycache__"} == before
    assert not [port for port in used if not is_free(port)]


def is_free(port: int) -> bool:
    """Return whether nothing listens on this port of the loopback address."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) != 0


def test_changed_code_runs_broken_code_does_not_and_no_event_is_lost(own_bench: Bench) -> None:
    bench, message = own_bench, own_bench.folder / "function" / "message.py"
    good = message.read_text("utf-8")
    name = "projects/offline/subscriptions/while-it-changes"
    with subscriber(bench) as client:
        client.create_subscription(request={"name": name, "topic": "projects/offline/topics/events"})
        before = len(bench.lines)
        message.write_text(good + "\nprint('the new code runs')\n", "utf-8")
        assert bench.run("send", "--type", "touch", "--rate", "10", "--count", "20").returncode == 0
        bench.printed(r"^\d\d:\d\d:\d\d  function/message.py changed: restarted in \d+\.\d s$", before)
        bench.printed("^  log  .*the new code runs", before)

        before = len(bench.lines)
        message.write_text(good + "\ndef broken(\n", "utf-8")
        bench.printed("function/message.py changed, and the function does not start; the old code still", before)
        bench.printed(r"^  SyntaxError: '\(' was never closed", before)
        assert bench.run("send", "--type", "touch").returncode == 0

        before = len(bench.lines)
        message.write_text(good + "\n\ndef event_message(*_):\n    raise KeyError('room')\n", "utf-8")
        bench.printed("function/message.py changed: restarted", before)
        assert bench.run("send", "--type", "touch").returncode == 1
        bench.printed(r"  500 .* internal: KeyError in function/message.py, line \d+, event_message$", before)

        before = len(bench.lines)
        message.write_text(good, "utf-8")
        bench.printed("function/message.py changed: restarted", before)
        assert bench.run("send", "--type", "touch").returncode == 0
        assert len(pulled(client, name, 22)) == 22
        client.delete_subscription(subscription=name)


@pytest.mark.skipif(sys.platform != "linux", reason="finds the process in /proc")
def test_a_function_that_ends_by_itself_is_started_again(own_bench: Bench) -> None:
    before = len(own_bench.lines)
    os.kill(function_of(own_bench), signal.SIGTERM)
    own_bench.printed("the function ended by itself: restarted in ", before)
    assert own_bench.run("send").returncode == 0


def function_of(bench: Bench) -> int:
    """Return the id of the function's process, which is the workbench's child."""
    task = Path(f"/proc/{bench.process.pid}/task/{bench.process.pid}/children")
    (child,) = eventually(lambda: children if len(children := task.read_text("ascii").split()) == 1 else [])
    return int(child)


def test_the_log_is_shown_below_its_request_if_it_is_wanted(own_bench: Bench) -> None:
    before = len(own_bench.lines)
    assert own_bench.run("send", "--type", "all").returncode == 0
    own_bench.printed("^  log  I  delivered cellularStatus", before)

    shown = [line for line in own_bench.lines[before:] if re.search(r"emu00\d\d", line)]
    assert len(shown) == 2 * len(SAMPLES)
    for row, line in zip(shown[::2], shown[1::2], strict=True):
        assert line == f"  log  I  delivered {row.split()[1]} of {row.split()[2]}"
    assert '"delivered touch' in (own_bench.state / "function.log").read_text("utf-8")


def test_the_page_shows_what_is_sent_as_the_subscribers_get_it(bench: Bench) -> None:
    (printed,) = bench.printed("^page ")
    assert bench.run("send", "--type", "co2").returncode == 0
    assert "526 ppm" in first_texts(printed.split()[1])  # and what other tests have sent
