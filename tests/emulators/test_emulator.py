"""Google's emulator is found, started, used and ended; if it is missing, an error explains why."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import grpc
import pytest
from google.pubsub_v1 import PublisherClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport

from tests.emulators.backend import pubsub_for
from tests.emulators.emulator import JAR, emulator, emulator_command, started
from tests.emulators.errors import EmulatorNotFound, NotStarted

pytestmark = pytest.mark.tools

WITHOUT_HOST = {name: value for name, value in os.environ.items() if name != "PUBSUB_EMULATOR_HOST"}
NOWHERE = "127.0.0.1:9"


@pytest.fixture
def command() -> list[str]:
    """Return the command of the installed emulator; without one the test is skipped."""
    try:
        return emulator_command(WITHOUT_HOST)
    except EmulatorNotFound as reason:
        pytest.skip(str(reason))


def an_sdk(root: Path, *versions: str) -> Path:
    for version in versions:
        jar = root / JAR.replace("*", version)
        jar.parent.mkdir(parents=True, exist_ok=True)
        jar.touch()
    return root


def a_program(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def jar_of(environ: Mapping[str, str], usual: tuple[str, ...] = ()) -> str:
    command = emulator_command(environ, usual)
    return command[command.index("-jar") + 1]


def serves(host: str) -> bool:
    transport = PublisherGrpcTransport(channel=grpc.insecure_channel(host))
    with PublisherClient(transport=transport) as publisher:
        return publisher.create_topic(name="projects/found/topics/events", timeout=5).name.endswith("/events")


def is_running(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_running_emulator_is_used_as_it_is_and_left_running(emulator_host: str) -> None:
    with emulator({"PUBSUB_EMULATOR_HOST": emulator_host}) as host:
        assert host == emulator_host
    with emulator({"PUBSUB_EMULATOR_HOST": emulator_host}):
        pass


def test_a_variable_that_points_to_no_emulator_is_reported() -> None:
    with (
        pytest.raises(NotStarted, match=f"PUBSUB_EMULATOR_HOST={NOWHERE}"),
        emulator({"PUBSUB_EMULATOR_HOST": NOWHERE}),
    ):
        pass


def test_the_installed_emulator_is_started_serves_and_is_ended(command: list[str]) -> None:
    with pubsub_for("emulator", WITHOUT_HOST) as backend:
        assert backend.kind == "emulator"
        assert serves(backend.host)

    with pytest.raises(NotStarted):
        emulator({"PUBSUB_EMULATOR_HOST": backend.host}).__enter__()


@pytest.fixture
def parent_and_child(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """Return the ids of a process that starts an emulator, and of this emulator, which never gets ready."""
    pid_file = tmp_path / "pid"
    java = a_program(tmp_path / "java", f"echo $$ > {pid_file}; exec sleep 300")
    script = (
        "import signal, sys; from tests.emulators.emulator import started;"
        "signal.signal(signal.SIGINT, signal.default_int_handler);"  # a background job may ignore it
        "started([sys.argv[1]]).__enter__()"
    )
    command = [sys.executable, "-c", script, str(java)]
    parent = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    while not (pid_file.exists() and pid_file.read_text().strip()):
        time.sleep(0.02)
    yield parent.pid, int(pid_file.read_text())
    parent.wait(60)


def ends(pid: int) -> bool:
    give_up_at = time.monotonic() + 60
    while is_running(pid) and time.monotonic() < give_up_at:
        time.sleep(0.02)
    return not is_running(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_the_emulator_does_not_outlive_a_killed_parent(parent_and_child: tuple[int, int]) -> None:
    parent, child = parent_and_child
    os.kill(parent, signal.SIGKILL)

    assert ends(child)


def test_ctrl_c_in_the_terminal_ends_the_emulator_with_its_parent(parent_and_child: tuple[int, int]) -> None:
    parent, child = parent_and_child
    assert os.getpgid(child) != os.getpgid(parent)
    os.killpg(parent, signal.SIGINT)

    assert ends(child)


def test_an_emulator_that_ends_at_once_is_reported_with_its_last_output(tmp_path: Path) -> None:
    broken = a_program(tmp_path / "java", "echo starting; echo 'no memory' >&2; exit 3")

    with pytest.raises(NotStarted, match="ended with 3: no memory"), started([str(broken)]):
        pass


def test_a_program_that_cannot_be_run_is_reported(tmp_path: Path) -> None:
    with pytest.raises(NotStarted), started([str(tmp_path / "missing")]):
        pass


def test_the_newest_emulator_of_the_sdk_in_the_environment_is_taken(tmp_path: Path) -> None:
    a_program(tmp_path / "bin/java")
    root = an_sdk(tmp_path / "sdk", "0.8.9", "0.8.20")

    jar = jar_of({"CLOUDSDK_ROOT_DIR": str(root), "PATH": str(tmp_path / "bin")})
    assert jar.endswith("cloud-pubsub-emulator-0.8.20-all.jar")


def test_the_sdk_is_found_behind_a_linked_gcloud(tmp_path: Path) -> None:
    root = an_sdk(tmp_path / "sdk", "0.8.1")
    a_program(root / "bin/gcloud")
    a_program(tmp_path / "bin/java")
    (tmp_path / "bin/gcloud").symlink_to(root / "bin/gcloud")

    assert jar_of({"PATH": str(tmp_path / "bin")}).startswith(str(root))


def test_the_sdk_is_found_in_its_usual_places(tmp_path: Path) -> None:
    an_sdk(tmp_path / "home/google-cloud-sdk", "0.8.1")
    a_program(tmp_path / "jdk/bin/java")
    environ = {"HOME": str(tmp_path / "home"), "JAVA_HOME": str(tmp_path / "jdk"), "PATH": ""}

    assert jar_of(environ, ("~/google-cloud-sdk",)).startswith(str(tmp_path / "home"))


def test_a_missing_emulator_is_explained_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(EmulatorNotFound, match="gcloud components install pubsub-emulator") as reason:
        emulator_command({"PATH": "", "HOME": str(tmp_path)}, ())
    assert "\n" not in str(reason.value)


def test_a_missing_java_is_explained_in_one_line(tmp_path: Path) -> None:
    root = an_sdk(tmp_path, "0.8.1")

    with pytest.raises(EmulatorNotFound, match="no java") as reason:
        emulator_command({"PATH": "", "CLOUDSDK_ROOT_DIR": str(root)}, ())
    assert "\n" not in str(reason.value)


def test_without_an_emulator_the_embedded_pubsub_is_used_and_the_reason_shown() -> None:
    messages: list[str] = []

    with pubsub_for("auto", {"PUBSUB_EMULATOR_HOST": NOWHERE}, messages.append) as backend:
        assert backend.kind == "embedded"
        assert serves(backend.host)
    assert messages == [f"using the embedded Pub/Sub: {_reason()}"]


def _reason() -> str:
    return f"no emulator answers at PUBSUB_EMULATOR_HOST={NOWHERE}: start it, or unset the variable"


def test_choosing_the_emulator_uses_it_or_is_an_error() -> None:
    with pytest.raises(NotStarted), pubsub_for("emulator", {"PUBSUB_EMULATOR_HOST": NOWHERE}):
        pass


def test_choosing_the_embedded_pubsub_uses_it_even_if_an_emulator_runs(emulator_host: str) -> None:
    with pubsub_for("embedded", {"PUBSUB_EMULATOR_HOST": emulator_host}) as backend:
        assert backend.kind == "embedded"
        assert backend.host != emulator_host


def test_auto_prefers_the_emulator(emulator_host: str) -> None:
    with pubsub_for("auto", {"PUBSUB_EMULATOR_HOST": emulator_host}) as backend:
        assert (backend.host, backend.kind) == (emulator_host, "emulator")
