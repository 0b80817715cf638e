"""The one place that runs ``gcloud``: argument lists, JSON back, secrets by standard input, errors in one family.

gcloud itself repeats 5xx answers for half a minute. What it does not repeat, and passes by itself, is waited for here:
two writers of one IAM policy, 429, a service account or an API that is not known everywhere yet, another deployment.
"""

import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from deploy.errors import Code, GcloudFailed
from deploy.google.gcloud_errors import STATUS, explain
from deploy.parallel import raise_if_cancelled
from deploy.secret import Secret
from deploy.steps import Argv

READ_S = 120.0
CHANGE_S = 600.0
DEPLOY_S = 1800.0
"""Seconds that a command may take: gcloud's own five tries at a server that is down last 35 s, a build some minutes."""

PASSING: frozenset[Code] = frozenset(
    {"ABORTED", "RESOURCE_EXHAUSTED", "ACCOUNT_LAG", "UNAVAILABLE", "GARBLED", "UNWORDED"}
)
PASSING_WHERE_ON: frozenset[Code] = PASSING | {"SERVICE_DISABLED"}
"""What is gone after a while. An API switched on by an earlier step, or run, may take minutes to be known as on."""

INSTALL = (
    "winget install --exact --id Google.CloudSDK"
    if sys.platform == "win32"
    else "curl https://sdk.cloud.google.com | bash"
)

PAUSES_S = (1.0, 2.0, 4.0, 8.0, 10.0, 15.0, 20.0, 30.0)
BUILD_PAUSES_S = (*PAUSES_S, *(30.0,) * 57)
"""A deployment waits for the one before it, which goes on at Google's although its command was interrupted, and may
take as long as this one: ``DEPLOY_S``. So does a function's removal."""

FEW_PAUSES_S = (1.0, 2.0, 4.0)
"""Where gcloud does not say why: it may be too many requests, which passes, or anything else, which does not."""

TICK_S = 0.1
ENDS_S = 0.7
"""Seconds between looks whether a command is still wanted, and seconds that an unwanted one has to end by itself."""

_QUIET = {
    "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
    "CLOUDSDK_CORE_DISABLE_FILE_LOGGING": "1",
    "CLOUDSDK_CORE_LOG_HTTP": "false",
    "CLOUDSDK_CORE_SHOW_STRUCTURED_LOGS": "never",
    "CLOUDSDK_CORE_USER_OUTPUT_ENABLED": "true",
    "CLOUDSDK_CORE_VERBOSITY": "warning",
    "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "1",
    "CLOUDSDK_RUN_PLATFORM": "managed",
}
"""Never ask, never write down what is sent, and say what is read here, whatever a user has set for himself."""

_LISTING = {"list", "pull", "read"}
_LISTING_NAMES = {"list-subscriptions"}
"""What answers with a list of names instead of one of descriptions."""


@dataclass(frozen=True, slots=True)
class Finished:
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


class Run(Protocol):
    """Runs ``gcloud`` with these arguments, and waits for it."""

    def __call__(self, argv: Argv, *, stdin: str | None, folder: Path | None, timeout_s: float) -> Finished:
        """Give what it left behind. Raises ``GcloudFailed`` when it cannot be started or takes too long."""
        ...


def run_gcloud(argv: Argv, *, stdin: str | None, folder: Path | None, timeout_s: float) -> Finished:
    """Run the real one; on leaving early, by a signal or because nothing waits for it any more, nothing of it is left.

    Raises:
        CancelledError: nothing waits for it any more.

    """
    try:
        process = subprocess.Popen(  # noqa: S603  # an argument list of our own, without a shell
            [_program(), *argv],
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            cwd=folder,
            env=_environment(os.environ),
        )
    except FileNotFoundError:
        what = "not installed, or not in the path of this shell (after an installation, open a new one)"
        raise GcloudFailed("MISSING", what, where="gcloud", mend=[INSTALL]) from None
    except OSError as error:
        raise GcloudFailed("MISSING", f"cannot be started: {error.strerror}", where="gcloud", mend=[INSTALL]) from None
    try:
        printed = _ended(process, stdin, timeout_s)
    except subprocess.TimeoutExpired:
        what = f"no end after {timeout_s:.0f} s"
        raise GcloudFailed("TIMEOUT", what, where=shown(argv), mend=[STATUS]) from None
    finally:
        _end(process)
    return Finished(process.returncode, *printed)


def _ended(process: "subprocess.Popen[str]", stdin: str | None, timeout_s: float) -> tuple[str, str]:
    """Wait for a command, and give its standard output and standard error."""
    give_up_at = time.monotonic() + timeout_s
    while True:
        try:
            return process.communicate(stdin, timeout=TICK_S)
        except subprocess.TimeoutExpired:
            stdin = None  # it is on its way
            if time.monotonic() > give_up_at:
                raise
            raise_if_cancelled()


def _end(process: "subprocess.Popen[str]") -> None:
    """End a command that still runs, with everything that it has started; by Ctrl-C first, so that it can tidy up."""
    if process.poll() is not None:
        return
    family = [*_descendants(process.pid), process.pid]
    for signum in (signal.SIGINT, getattr(signal, "SIGKILL", signal.SIGTERM)):
        for member in family:
            with contextlib.suppress(OSError):
                os.kill(member, signum)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(ENDS_S)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            with contextlib.suppress(OSError):
                stream.close()


def _descendants(pid: int) -> list[int]:
    """Give the processes that a process has started, and those that these have; none where that cannot be asked."""
    try:
        command = ["ps", "-A", "-o", "pid=,ppid="]
        listed = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)  # noqa: S603
    except OSError:
        return []
    pairs = [tuple(map(int, line.split())) for line in listed.stdout.splitlines()]
    found = [pid]
    for parent in found:
        found += [child for child, of in pairs if of == parent]
    return found[1:]


class Gcloud:
    """Google Cloud, through ``gcloud``."""

    def __init__(
        self,
        run: Run = run_gcloud,
        *,
        sleep: Callable[[float], None] = time.sleep,
        notice: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._run = run
        self._sleep = sleep
        self.notice = notice

    def read(self, argv: Argv, *, is_on: bool = False) -> Any:
        """Give what a describe or list command answers, or None for what is not there: only NOT_FOUND means that.

        ``is_on``: the command's API is known to be on; that Google says it is off will pass.

        Raises:
            GcloudFailed: any other failure, or an answer that is neither a description nor a list.

        """
        try:
            answer = self._json((*argv, "--format=json"), PASSING_WHERE_ON if is_on else PASSING, timeout_s=READ_S)
        except GcloudFailed as error:
            if error.code != "NOT_FOUND":
                raise
            self._must_be_said_by_google(argv, error)
            return None
        things = answer if (_LISTING | _LISTING_NAMES) & set(argv) else [answer]
        shape = str if _LISTING_NAMES & set(argv) else dict
        if not isinstance(things, list) or not all(isinstance(thing, shape) for thing in things):
            raise GcloudFailed("OTHER", "answered in another shape than expected", where=shown(argv))
        return answer

    def _must_be_said_by_google(self, argv: Argv, error: GcloudFailed) -> None:
        """Ask once more where gcloud says by itself that a service is not there, whoever answered 404.

        Raises:
            GcloudFailed: it was not Cloud Run that answered, or the service has a policy, and so is there.

        """
        if argv[:3] != ("run", "services", "describe"):
            return
        policy = self.read((*argv[:2], "get-iam-policy", *argv[3:]))
        if policy and policy.get("bindings"):
            raise GcloudFailed("ELSEWHERE", f"{error.what}, but it has a policy", where=error.where, mend=error.mend)

    def read_text(self, argv: Argv) -> str:
        """Give a command's standard output as it is.

        Raises:
            GcloudFailed: the command failed.

        """
        return self._finished(argv, PASSING, timeout_s=READ_S).stdout

    def change(self, argv: Argv, *, stdin: Secret | None = None, folder: Path | None = None) -> Any:
        """Run a command that changes something, and give its answer.

        Raises:
            GcloudFailed: the command failed, for good or for longer than was waited.

        """
        timeout_s = DEPLOY_S if argv[:1] == ("functions",) else CHANGE_S
        how: dict[str, Any] = {"stdin": stdin, "folder": folder, "timeout_s": timeout_s}
        return self._json((*argv, "--format=json"), PASSING_WHERE_ON, **how) or {}

    def _json(self, argv: Argv, passing: frozenset[Code], **how: Any) -> Any:
        text = self._finished(argv, passing, **how).stdout.strip()
        try:
            return json.loads(text) if text else None
        except ValueError:
            raise GcloudFailed("OTHER", "answered with something other than JSON", where=shown(argv)) from None

    def _finished(
        self,
        argv: Argv,
        passing: frozenset[Code],
        *,
        timeout_s: float,
        stdin: Secret | None = None,
        folder: Path | None = None,
    ) -> Finished:
        text = stdin.reveal() if stdin else None
        attempts = 0
        while True:
            done = self._run(argv, stdin=text, folder=folder, timeout_s=timeout_s)
            if done.returncode == 0:
                return done
            error = explain(argv, stdin.hidden_in(done.stderr) if stdin else done.stderr)
            pauses_s = _pauses_s(argv, error.code)
            if error.code not in passing or attempts >= len(pauses_s):
                raise error
            self.notice(f"{error.what.splitlines()[0]}; again in {pauses_s[attempts]:.0f} s")
            self._sleep(pauses_s[attempts])
            attempts += 1


def _pauses_s(argv: Argv, code: Code) -> tuple[float, ...]:
    if code == "ABORTED" and argv[:2] in {("functions", "deploy"), ("functions", "delete")}:
        return BUILD_PAUSES_S
    return FEW_PAUSES_S if code in {"GARBLED", "UNWORDED"} else PAUSES_S


def shown(argv: Argv) -> str:
    """Give a command as one would type it."""
    return shlex.join(("gcloud", *argv))


def _program() -> str:
    """Return the path of the user's gcloud, which has the user's login; on Windows it is ``gcloud.cmd``."""
    return os.path.abspath(found) if (found := shutil.which("gcloud")) else "gcloud"  # noqa: PTH100  # as it was found


def _environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """Give a child what it needs, and nothing of DT's credentials."""
    return {name: value for name, value in inherited.items() if not name.startswith("DT_")} | _QUIET
