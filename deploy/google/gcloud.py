"""Runs ``gcloud``: takes argument lists, returns JSON, passes secrets by standard input, raises one family of errors.

gcloud itself repeats a request after a 5xx answer, for half a minute. This module repeats commands after the other
transient errors: two writers of one IAM policy, 429, a service account or an API that is not known everywhere yet,
another deployment that is under way.
"""

import contextlib
import copy
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from deploy.errors import Code, GcloudFailed
from deploy.google.access_token import AccessTokens
from deploy.google.api import GoogleApi
from deploy.google.gcloud_errors import STATUS, explain, unreachable_regions
from deploy.google.https import Send, send
from deploy.google.quick_reads import QuickReads
from deploy.parallel import raise_if_cancelled, signals_wait
from deploy.remedies import again_in
from deploy.secret import Secret
from deploy.steps import Argv, Get, Query

READ_S = 120.0
CHANGE_S = 600.0
DEPLOY_S = 1800.0
"""Timeouts in seconds. gcloud's own five attempts at an unavailable server take 35 s, a build takes some minutes."""

TRANSIENT: frozenset[Code] = frozenset(
    {"ABORTED", "RESOURCE_EXHAUSTED", "ACCOUNT_LAG", "UNAVAILABLE", "GARBLED", "UNWORDED"}
)
TRANSIENT_IF_ENABLED: frozenset[Code] = TRANSIENT | {"SERVICE_DISABLED"}
"""Errors that pass by themselves. Google may take minutes to notice that an API has been enabled."""

INSTALL = (
    "winget install --exact --id Google.CloudSDK"
    if sys.platform == "win32"
    else "curl https://sdk.cloud.google.com | bash"
)

PAUSES_S = (1.0, 2.0, 4.0, 8.0, 10.0, 15.0, 20.0, 30.0)
BUILD_PAUSES_S = (*PAUSES_S, *(30.0,) * 57)
"""Pauses for the deployment or the removal of a function, which waits for an earlier deployment. That one continues on
Google's servers even if its command was interrupted, and may take ``DEPLOY_S``."""

FEW_PAUSES_S = (1.0, 2.0, 4.0)
"""Pauses if gcloud does not say why it failed: the reason may be too many requests, or a permanent one."""

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

_LISTS_OBJECTS = {"list", "pull", "read"}
_LISTS_NAMES = {"list-subscriptions"}
"""Commands that return a list of objects, and commands that return a list of names."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The exit status and the output of a command."""

    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class Listed:
    """The answer of a list command over all regions, and the regions that Google could not read."""

    items: list[dict[str, Any]] = field(default_factory=list)
    unreachable: tuple[str, ...] = ()


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


class Gcloud:
    """Google Cloud, through ``gcloud``. ``notice`` shows the user why a command waits."""

    def __init__(
        self,
        run: Run = run_gcloud,
        *,
        sleep: Callable[[float], None] = time.sleep,
        notice: Callable[[str], None] = lambda _: None,
        send: Send = send,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._run = run
        self._sleep = sleep
        self.notice = notice
        self._now = now
        self._quick_reads: QuickReads | None = None
        self.api = GoogleApi(AccessTokens(self.read_text, now), send, sleep, notice)

    def quick(self, is_usual: Callable[[], bool]) -> "Gcloud":
        """Return the same Google Cloud, which answers read commands by REST if it can, and faster than by gcloud.

        ``is_usual`` returns whether gcloud reaches Google's usual servers.
        """
        quick = copy.copy(self)
        quick._quick_reads = QuickReads(self.api.authorized, is_usual, self._now)  # noqa: SLF001  # of the same class
        return quick

    def read(self, query: Query, *, is_on: bool = False) -> Any:
        """Return the answer of a read command or request, or None if the resource does not exist (``NOT_FOUND``).

        ``is_on``: the command's API has been enabled, so ``SERVICE_DISABLED`` is a transient error.

        Raises:
            GcloudFailed: any other failure, or an answer that is neither an object nor a list of objects or names.

        """
        if isinstance(query, Get):
            return self.api.read(query, is_on=is_on)
        found = self._quick_reads.answer(query) if self._quick_reads else None
        return self._read(query, is_on=is_on) if found is None else found

    def _read(self, argv: Argv, *, is_on: bool) -> Any:
        transient = TRANSIENT_IF_ENABLED if is_on else TRANSIENT
        try:
            answer = self._json((*argv, "--format=json"), transient, timeout_s=READ_S)
        except GcloudFailed as error:
            if error.code != "NOT_FOUND":
                raise
            self._confirm_absence(argv, error)
            return None
        items = answer if (_LISTS_OBJECTS | _LISTS_NAMES) & set(argv) else [answer]
        _check_items(items, str if _LISTS_NAMES & set(argv) else dict, argv)
        return answer

    def list_all(self, query: Query) -> Listed:
        """Return the answer of a list command that reads all regions, or all items of a list request.

        gcloud succeeds if a region cannot be read, and only warns of it on standard error.

        Raises:
            GcloudFailed: the command failed, or its answer is not a list of objects.

        """
        if isinstance(query, Get):
            return Listed(self.api.read(query) or [])
        argv = query
        done = self._run_with_retries((*argv, "--format=json"), TRANSIENT, timeout_s=READ_S)
        answer = _parsed(done, argv)
        items = [] if answer is None else answer
        _check_items(items, dict, argv)
        return Listed(items, unreachable_regions(done.stderr))

    def _confirm_absence(self, argv: Argv, error: GcloudFailed) -> None:
        """Check the IAM policy of a Cloud Run service, because gcloud calls a service absent after every 404.

        Raises:
            GcloudFailed: another server than Cloud Run answered, or the service has a policy, so it exists.

        """
        if argv[:3] != ("run", "services", "describe"):
            return
        policy = self._read((*argv[:2], "get-iam-policy", *argv[3:]), is_on=False)
        if policy and policy.get("bindings"):
            raise GcloudFailed("ELSEWHERE", f"{error.what}, but it has a policy", where=error.where, fix=error.fix)

    def read_text(self, argv: Argv) -> str:
        """Return a command's standard output as it is.

        Raises:
            GcloudFailed: the command failed.

        """
        return self._run_with_retries(argv, TRANSIENT, timeout_s=READ_S).stdout

    def change(self, argv: Argv, *, stdin: Secret | None = None, folder: Path | None = None) -> Any:
        """Run a command that changes something, and return its answer. ``stdin`` is its standard input.

        Raises:
            GcloudFailed: the command failed, also after all repetitions.

        """
        timeout_s = DEPLOY_S if argv[:1] == ("functions",) else CHANGE_S
        options: dict[str, Any] = {"stdin": stdin, "folder": folder, "timeout_s": timeout_s}
        return self._json((*argv, "--format=json"), TRANSIENT_IF_ENABLED, **options) or {}

    def _json(self, argv: Argv, transient: frozenset[Code], **options: Any) -> Any:
        return _parsed(self._run_with_retries(argv, transient, **options), argv)

    def _run_with_retries(
        self,
        argv: Argv,
        transient: frozenset[Code],
        *,
        timeout_s: float,
        stdin: Secret | None = None,
        folder: Path | None = None,
    ) -> Finished:
        """Run a command, and repeat it after transient errors. The secret is masked in error messages."""
        text = stdin.reveal() if stdin else None
        attempts = 0
        while True:
            done = self._run(argv, stdin=text, folder=folder, timeout_s=timeout_s)
            if done.returncode == 0:
                return done
            error = explain(argv, stdin.hidden_in(done.stderr) if stdin else done.stderr)
            pauses_s = _pauses_s(argv, error.code)
            if error.code not in transient or attempts >= len(pauses_s):
                raise error
            self.notice(again_in(error.what, pauses_s[attempts]))
            self._sleep(pauses_s[attempts])
            attempts += 1


def _parsed(done: Finished, argv: Argv) -> Any:
    """Return the JSON that a command printed; None if it printed nothing."""
    text = done.stdout.strip()
    try:
        return json.loads(text) if text else None
    except ValueError:
        raise GcloudFailed("OTHER", "answered with something other than JSON", where=shown(argv)) from None


def _check_items(items: Any, item_type: type, argv: Argv) -> None:
    if not isinstance(items, list) or not all(isinstance(item, item_type) for item in items):
        raise GcloudFailed("OTHER", "its answer has an unexpected structure", where=shown(argv))


def _pauses_s(argv: Argv, code: Code) -> tuple[float, ...]:
    if code == "ABORTED" and argv[:2] in {("functions", "deploy"), ("functions", "delete")}:
        return BUILD_PAUSES_S
    return FEW_PAUSES_S if code in {"GARBLED", "UNWORDED"} else PAUSES_S


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
