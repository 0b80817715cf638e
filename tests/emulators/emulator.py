"""Google's Pub/Sub emulator: one that runs already, or the one of the Cloud SDK, started as a JVM.

``PUBSUB_EMULATOR_HOST`` names a running emulator, which is used and never ended. Otherwise the jar of the SDK's
component ``pubsub-emulator`` is started by ``java`` itself, because gcloud's own wrapper leaves an orphaned JVM when it
is terminated. The JVM has its own process group, so that Ctrl-C in the terminal does not reach it, and is ended when
the context ends. On Linux the kernel also ends it if this process is killed, or if the thread that started it ends. It
keeps everything in memory and nothing on disk.
"""

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from tests.emulators import processes
from tests.emulators.errors import EmulatorNotFound, NotStarted

START_S = 60.0
JAR = "platform/pubsub-emulator/lib/cloud-pubsub-emulator-*-all.jar"
JAVA_OPTIONS = ("-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
USUAL_SDK_ROOTS = (
    "~/google-cloud-sdk",
    "/usr/lib/google-cloud-sdk",
    "/usr/share/google-cloud-sdk",
    "/opt/google-cloud-sdk",
    "/snap/google-cloud-cli/current",
    "/opt/homebrew/share/google-cloud-sdk",
    "/usr/local/share/google-cloud-sdk",
)

_POLL_S = 0.02


@contextlib.contextmanager
def emulator(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the ``host:port`` of an emulator that answers. Raises ``EmulatorNotFound`` or ``NotStarted``."""
    running = environ.get("PUBSUB_EMULATOR_HOST")
    if running:
        _check_answers(running)
        yield running
        return
    command = emulator_command(environ)
    with started(command) as host:
        yield host


def emulator_command(environ: Mapping[str, str], usual: tuple[str, ...] = USUAL_SDK_ROOTS) -> list[str]:
    """Return the command for the newest installed emulator, without its port. Raises ``EmulatorNotFound``."""
    jar = _newest_jar(environ, usual)
    java = _java(environ)
    return [java, *JAVA_OPTIONS, "-jar", str(jar), "--host=127.0.0.1"]


@contextlib.contextmanager
def started(command: list[str]) -> Iterator[str]:
    """Start an emulator by this command and a ``--port``, yield its ``host:port``, and end it with the context."""
    port = processes.free_port()
    with tempfile.TemporaryFile() as output:
        process = _start([*command, f"--port={port}"], output)
        try:
            host = f"127.0.0.1:{port}"
            _wait_until_ready(host, process, output)
            yield host
        finally:
            processes.end(process)


def _check_answers(host: str) -> None:
    if not _answers(host):
        raise NotStarted(f"no emulator answers at PUBSUB_EMULATOR_HOST={host}: start it, or unset the variable")


def _newest_jar(environ: Mapping[str, str], usual: tuple[str, ...]) -> Path:
    jars = [jar for root in _sdk_roots(environ, usual) for jar in root.glob(JAR)]
    if not jars:
        raise EmulatorNotFound(
            "no Pub/Sub emulator is installed with the Cloud SDK: gcloud components install pubsub-emulator"
        )
    return max(jars, key=_version)


def _version(jar: Path) -> list[int]:
    return [int(part) for part in jar.name.replace("-", ".").split(".") if part.isdigit()]


def _sdk_roots(environ: Mapping[str, str], usual: tuple[str, ...]) -> Iterator[Path]:
    if environ.get("CLOUDSDK_ROOT_DIR"):
        yield Path(environ["CLOUDSDK_ROOT_DIR"])
    gcloud = shutil.which("gcloud", path=environ.get("PATH", ""))
    if gcloud:
        yield Path(gcloud).resolve().parent.parent
    for root in usual:
        yield Path(root.replace("~", environ.get("HOME", "~"), 1))


def _java(environ: Mapping[str, str]) -> str:
    homes = [f"{environ['JAVA_HOME']}/bin"] if environ.get("JAVA_HOME") else []
    java = shutil.which("java", path=os.pathsep.join([*homes, environ.get("PATH", "")]))
    if not java:
        raise EmulatorNotFound("the Pub/Sub emulator is installed, but no java to run it: install a JRE, 11 or newer")
    return java


def _start(command: Sequence[str], output: IO[bytes]) -> processes.Process:
    try:
        return processes.start(command, output=output)
    except OSError as error:
        raise NotStarted(f"the Pub/Sub emulator could not be started: {error}") from error


def _wait_until_ready(host: str, process: processes.Process, output: IO[bytes]) -> None:
    give_up_at = time.monotonic() + START_S
    while not _answers(host):
        if process.poll() is not None:
            raise NotStarted(f"the Pub/Sub emulator ended with {process.returncode}: {_last_line(output)}")
        if time.monotonic() > give_up_at:
            raise NotStarted(f"the Pub/Sub emulator was not ready after {START_S:.0f} s: {_last_line(output)}")
        time.sleep(_POLL_S)


def _answers(host: str) -> bool:
    try:
        with build_opener(ProxyHandler({})).open(f"http://{host}/", timeout=1) as reply:
            answer: bytes = reply.read(16)
    except (URLError, OSError, ValueError):
        return False
    return answer.strip() == b"Ok"


def _last_line(output: IO[bytes]) -> str:
    output.seek(0)
    lines = output.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it printed nothing"
