"""The one place that runs ``gcloud``: argument lists, JSON back, secrets by standard input, errors in one family.

gcloud itself repeats 5xx answers for half a minute. What it does not repeat, and passes by itself, is waited for here:
two writers of one IAM policy, 429, a service account or an API that is not known everywhere yet, another deployment.
"""

import json
import os
import shlex
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from deploy.errors import Code, GcloudFailed
from deploy.gcloud_errors import explain
from deploy.secret import Secret
from deploy.steps import Argv

READ_S = 120.0
CHANGE_S = 600.0
DEPLOY_S = 1800.0
"""Seconds that a command may take: gcloud's own five tries at a server that is down last 35 s, a build some minutes."""

PASSING: frozenset[Code] = frozenset({"ABORTED", "RESOURCE_EXHAUSTED", "ACCOUNT_LAG", "UNAVAILABLE"})
PASSING_WHERE_ON: frozenset[Code] = PASSING | {"SERVICE_DISABLED"}
"""What is gone after a while. An API switched on by an earlier step, or run, may take minutes to be known as on."""

INSTALL = "curl https://sdk.cloud.google.com | bash    # then open a new shell"

PAUSES_S = (1.0, 2.0, 4.0, 8.0, 10.0, 15.0, 20.0, 30.0)
BUILD_PAUSES_S = (*PAUSES_S, *(30.0,) * 57)
"""A deployment waits for the one before it, which goes on at Google's although its command was interrupted, and may
take as long as this one: ``DEPLOY_S``."""

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
    """Run the real one."""
    try:
        done = subprocess.run(  # noqa: S603  # an argument list of our own, without a shell
            ["gcloud", *argv],  # noqa: S607  # the one in the user's path, with the user's login
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            cwd=folder,
            env=_environment(os.environ),
            timeout=timeout_s,
            check=False,
        )
    except FileNotFoundError:
        raise GcloudFailed("MISSING", "not installed, or not in the path", where="gcloud", mend=[INSTALL]) from None
    except OSError as error:
        raise GcloudFailed("MISSING", f"cannot be started: {error.strerror}", where="gcloud", mend=[INSTALL]) from None
    except subprocess.TimeoutExpired:
        what = f"no end after {timeout_s:.0f} s"
        raise GcloudFailed("TIMEOUT", what, where=shown(argv), mend=[shown(argv)]) from None
    return Finished(done.returncode, done.stdout, done.stderr)


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
            if error.code == "NOT_FOUND":
                return None
            raise
        things = answer if _LISTING & set(argv) else [answer]
        if not isinstance(things, list) or not all(isinstance(each, dict) for each in things):
            raise GcloudFailed("OTHER", "answered in another shape than expected", where=shown(argv))
        return answer

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
        timeout_s = DEPLOY_S if folder else CHANGE_S
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
            pauses_s = BUILD_PAUSES_S if folder and error.code == "ABORTED" else PAUSES_S
            if error.code not in passing or attempts >= len(pauses_s):
                raise error
            self.notice(f"{error.what.splitlines()[0]}; again in {pauses_s[attempts]:.0f} s")
            self._sleep(pauses_s[attempts])
            attempts += 1


def shown(argv: Argv) -> str:
    """Give a command as one would type it."""
    return shlex.join(("gcloud", *argv))


def _environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """Give a child what it needs, and nothing of DT's credentials."""
    return {name: value for name, value in inherited.items() if not name.startswith("DT_")} | _QUIET
