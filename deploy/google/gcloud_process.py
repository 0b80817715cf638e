"""Starts ``gcloud``, waits for its end, and ends it with its children if a signal or a cancellation comes before."""

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from deploy.errors import GcloudFailed
from deploy.google.known_errors import STATUS
from deploy.parallel import raise_if_cancelled, signals_wait
from deploy.steps import Argv

INSTALL = (
    "winget install --exact --id Google.CloudSDK"
    if sys.platform == "win32"
    else "curl https://sdk.cloud.google.com | bash"
)

POLL_S = 0.1
"""Seconds between two checks whether the result of a running command is still wanted."""

END_S = 0.5
"""Seconds that a command has to end after Ctrl-C, before it is killed."""

_SETTINGS = {
    "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
    "CLOUDSDK_CORE_DISABLE_FILE_LOGGING": "1",
    "CLOUDSDK_CORE_LOG_HTTP": "false",
    "CLOUDSDK_CORE_SHOW_STRUCTURED_LOGS": "never",
    "CLOUDSDK_CORE_USER_OUTPUT_ENABLED": "true",
    "CLOUDSDK_CORE_VERBOSITY": "warning",
    "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "1",
    "CLOUDSDK_RUN_PLATFORM": "managed",
}
"""Settings of gcloud that replace the user's own: it must not ask questions, must not write requests to a log file, and
has to print errors in the form that is parsed here."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The exit status and the output of a command."""

    returncode: int
    stdout: str
    stderr: str


class Run(Protocol):
    """Runs ``gcloud`` with these arguments, and waits for its end."""

    def __call__(self, argv: Argv, *, stdin: str | None, folder: Path | None, timeout_s: float) -> Finished:
        """Return its exit status and output. Raises ``GcloudFailed`` if gcloud cannot be started or takes too long."""
        ...


def run_gcloud(argv: Argv, *, stdin: str | None, folder: Path | None, timeout_s: float) -> Finished:
    """Run the real gcloud. If a signal or a cancellation ends this call early, gcloud and its children are ended, too.

    Raises:
        GcloudFailed: gcloud cannot be started or takes too long.
        CancelledError: this is a worker, and the main thread has left early.

    """
    process = None
    try:
        with signals_wait():  # a signal before the assignment would leave the process behind
            process = _started(argv, stdin, folder)
        output = _wait(process, stdin, timeout_s)
    except subprocess.TimeoutExpired:
        what = f"did not end within {timeout_s:.0f} s"
        raise GcloudFailed("TIMEOUT", what, where=shown(argv), fix=[STATUS]) from None
    finally:
        if process is not None:
            _end(process)
    return Finished(process.returncode, *output)


def _started(argv: Argv, stdin: str | None, folder: Path | None) -> "subprocess.Popen[str]":
    try:
        return subprocess.Popen(  # noqa: S603  # an argument list of our own, without a shell
            [_program(), *argv],
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            cwd=folder,
            env=_child_environment(os.environ),
        )
    except FileNotFoundError:
        what = "not installed, or not in the path of this shell (after an installation, open a new one)"
        raise GcloudFailed("MISSING", what, where="gcloud", fix=[INSTALL]) from None
    except OSError as error:
        raise GcloudFailed("MISSING", f"cannot be started: {error.strerror}", where="gcloud", fix=[INSTALL]) from None


def _wait(process: "subprocess.Popen[str]", stdin: str | None, timeout_s: float) -> tuple[str, str]:
    """Wait for a command, and return its standard output and standard error."""
    give_up_at = time.monotonic() + timeout_s
    while True:
        try:
            return process.communicate(stdin, timeout=POLL_S)
        except subprocess.TimeoutExpired:
            stdin = None  # the first call has begun to send it
            if time.monotonic() > give_up_at:
                raise
            raise_if_cancelled()


def _end(process: "subprocess.Popen[str]") -> None:
    """End a command that still runs, and its descendants: by Ctrl-C first, so that they can clean up."""
    if process.poll() is not None:
        return
    pids = [*_descendants(process.pid), process.pid]
    for signum in (signal.SIGINT, getattr(signal, "SIGKILL", signal.SIGTERM)):
        for pid in pids:
            with contextlib.suppress(OSError):
                os.kill(pid, signum)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(END_S)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            with contextlib.suppress(OSError):
                stream.close()


def _descendants(pid: int) -> list[int]:
    """Return the ids of the children of a process and of their descendants; none if ``ps`` cannot be run."""
    try:
        command = ["ps", "-A", "-o", "pid=,ppid="]
        listed = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)  # noqa: S603
    except OSError:
        return []
    pairs = [tuple(map(int, line.split())) for line in listed.stdout.splitlines()]
    family = [pid]
    for member in family:
        family += [child for child, parent in pairs if parent == member]
    return family[1:]


def shown(argv: Argv) -> str:
    """Return a command as a user would type it."""
    return shlex.join(("gcloud", *argv))


def _program() -> str:
    """Return the path of the user's gcloud, which has the user's login; on Windows it is ``gcloud.cmd``."""
    path = shutil.which("gcloud")
    return os.path.abspath(path) if path else "gcloud"  # noqa: PTH100  # pathlib would resolve links


def _child_environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for gcloud: without DT's credentials, with our settings of gcloud."""
    return {name: value for name, value in inherited.items() if not name.startswith("DT_")} | _SETTINGS
