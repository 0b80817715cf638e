"""A user with a terminal, the real gcloud, and both clouds; everything is a process, as a user starts it.

A ``gcloud`` ahead of the real one in the path writes down every child's arguments and environment.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.emulators.clouds import Clouds, clouds
from tests.emulators.clouds.faults import Fault
from tests.emulators.clouds.google.estate import Estate

GCLOUD = shutil.which("gcloud")
ROOT = Path(__file__).parents[2]
REAL_GCLOUD = [
    pytest.mark.real_gcloud,
    pytest.mark.skipif(GCLOUD is None, reason="there is no gcloud here"),
    pytest.mark.timeout(1800),
]
THOROUGH = [*REAL_GCLOUD, pytest.mark.thorough]
"""Tests that ``.ci/run`` leaves out, so that it ends within 30 minutes; ``make test-deploy`` runs them."""

PATIENCE_S = 400.0
"""For one verb, on a machine that others use, too."""

HANGS_S = 2.0
"""Long enough for a signal to come first; the work is then done all the same, as in a cloud that has been asked."""

REFUSAL = {
    "error": {"code": 403, "status": "PERMISSION_DENIED", "message": "User not authorized to perform this action."}
}
DT_REFUSAL = {"error": "permission denied", "code": 403}

Process = subprocess.Popen[str]


@dataclass(frozen=True, slots=True)
class Asked:
    """A step of a fresh ``up``, and the request by which it does its work."""

    resource: str
    method: str
    host: str
    path: str

    def fails(self, user: "User") -> None:
        """Let the next such request be refused."""
        refusal = DT_REFUSAL if "disruptive" in self.host else REFUSAL
        user.both_clouds.faults.fail(403, refusal, host=self.host, method=self.method, path=self.path)

    def hangs(self, user: "User", *, done: bool) -> Fault:
        """Let the next such request hang for a moment: before its work is done, or behind it, its answer lost."""
        fault = Fault(
            1, is_dropped=done, delay_s=0.0 if done else HANGS_S, host=self.host, method=self.method, path=self.path
        )
        user.both_clouds.faults.add(fault)
        return fault


_PUBSUB, _SECRETS = "pubsub.googleapis.com", "secretmanager.googleapis.com"
STEPS = (
    Asked("APIs", "POST", "serviceusage.googleapis.com", "*:batchEnable"),
    Asked("service account dt-pubsub", "POST", "iam.googleapis.com", "*/serviceAccounts"),
    Asked("topic dt-events", "PUT", _PUBSUB, "*/topics/dt-events"),
    Asked("topic dt-rejected", "PUT", _PUBSUB, "*/topics/dt-rejected"),
    Asked("subscription dt-events", "PUT", _PUBSUB, "*/subscriptions/dt-events"),
    Asked("subscription dt-rejected", "PUT", _PUBSUB, "*/subscriptions/dt-rejected"),
    Asked("secret dt-signature", "POST", _SECRETS, "*/secrets"),
    Asked("secret dt-signature", "POST", _SECRETS, "*/dt-signature:addVersion"),
    Asked("publisher on topic dt-events", "POST", _PUBSUB, "*/dt-events:setIamPolicy"),
    Asked("publisher on topic dt-rejected", "POST", _PUBSUB, "*/dt-rejected:setIamPolicy"),
    Asked("secretAccessor on secret dt-signature", "POST", _SECRETS, "*/dt-signature:setIamPolicy"),
    Asked("log exclusion dt-pubsub-dt-pubsub-requests", "POST", "logging.googleapis.com", "*/exclusions"),
    Asked("function dt-pubsub", "POST", "cloudfunctions.googleapis.com", "*/functions"),
    Asked("secret dt-signature, record of the deployed source", "PATCH", _SECRETS, "*/secrets/dt-signature"),
    Asked("public invocation", "POST", "run.googleapis.com", "*/services/dt-pubsub:setIamPolicy"),
    Asked("connector in ccol8iuk9smqiha4e8l0", "POST", "api.disruptive-technologies.com", "*/dataconnectors"),
)
"""All of them in order. The secret and its first version are one command of gcloud's, and two requests."""

SIDE_BY_SIDE = (
    ("service account dt-pubsub", "topic dt-events", "topic dt-rejected"),
    ("subscription dt-events", "subscription dt-rejected"),
    ("publisher on topic dt-events", "publisher on topic dt-rejected", "secretAccessor on secret dt-signature"),
)
"""Steps that run at the same time: if one fails, the others are done."""


class User:
    """A user with a terminal, and both clouds. ``folder`` is for all that is written on this machine."""

    def __init__(self, both_clouds: Clouds, folder: Path) -> None:
        self.both_clouds = both_clouds
        self.folder = folder
        self.spied = folder / "spied"
        self.spied.write_text("", "utf-8")
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        spy = folder / "gcloud"
        spy.write_text(f'#!/bin/sh\n{{ echo "$@"; env; }} >> {self.spied}\nexec {GCLOUD} "$@"\n', "utf-8")
        spy.chmod(0o755)
        self.environ: Mapping[str, str] = {
            **both_clouds.environ,
            "PATH": f"{folder}:{both_clouds.environ['PATH']}",
            "TMPDIR": str(self.temporary),
            "DEPLOY_PROJECT": both_clouds.google.estate.project,
            "DEPLOY_REGION": "europe-west1",
            "DEPLOY_DT_PROJECTS": both_clouds.dt.tenant.project,
        }

    def starts(self, *arguments: str, source: Path = ROOT, environ: Mapping[str, str] | None = None) -> Process:
        """Start a verb from a clone, in a process group of its own."""
        return self.starts_python("-m", "deploy", *arguments, source=source, environ=environ)

    def starts_python(self, *words: str, source: Path = ROOT, environ: Mapping[str, str] | None = None) -> Process:
        """Start Python with these words."""
        whole = self.environ if environ is None else environ
        streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        command = [sys.executable, *words]
        return subprocess.Popen(command, cwd=source, env=whole, text=True, start_new_session=True, **streams)

    def runs(self, *arguments: str, source: Path = ROOT, environ: Mapping[str, str] | None = None) -> tuple[int, str]:
        """Run a verb; gives its exit status and all that it printed."""
        return ended(self.starts(*arguments, source=source, environ=environ))

    def brings_up(self, **settings: str) -> None:
        """Make everything that is not made yet, without a proof. ``settings``: variables that are others this time."""
        status, output = self.runs("up", "--yes", "--no-verify", environ={**self.environ, **settings})
        assert (status, bool(re.search("^nothing (is left )?to do", output, re.MULTILINE))) == (0, True), output

    def finds_nothing_to_do(self) -> None:
        """See that a plan is empty, and says so."""
        status, output = self.runs("plan")
        assert (status, "nothing to do: everything is as it should be" in output) == (0, True), output

    def functions(self) -> list[str]:
        """Return the regions in which Google has the function."""
        return [name.split("/")[3] for name in self.both_clouds.left() if "/functions/" in name]

    def changes(self) -> list[str]:
        """Return the requests for a change since the log was cleared."""
        return [str(entry) for entry in self.both_clouds.log.changes()]

    def gclouds(self) -> list[str]:
        """Return the command lines of this user's gclouds that still run."""
        config, found = f"CLOUDSDK_CONFIG={self.environ['CLOUDSDK_CONFIG']}".encode(), []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if config in (process / "environ").read_bytes() and b"gcloud" in (process / "cmdline").read_bytes():
                    found.append((process / "cmdline").read_text("utf-8"))
        return found

    def connectors(self) -> list[Mapping[str, Any]]:
        """What DT has."""
        return list(self.both_clouds.dt.connectors.of(self.both_clouds.dt.tenant.project))

    def secret(self) -> str:
        """The signature secret in force."""
        command = [str(GCLOUD), "secrets", "versions", "access", "latest", "--secret=dt-signature"]
        return subprocess.run(command, env=self.environ, text=True, capture_output=True, check=True).stdout.strip()

    def keeps_secrets(self, *output: str) -> None:
        """See that no secret is in what was printed, in an argument, a child's environment, a log or a file."""
        revision = self.both_clouds.google.run.services["dt-pubsub"].revision
        texts = [
            *output,
            self.spied.read_text("utf-8"),
            *map(str, self.both_clouds.log),
            revision.log() if revision else "",
        ]
        config = Path(self.environ["CLOUDSDK_CONFIG"])
        files = [path for folder in (self.folder, config) for path in folder.rglob("*") if path.is_file()]
        for secret in (self.secret(), self.both_clouds.dt.tenant.secret):
            assert len(secret) >= 32
            assert not [text for text in texts if secret in text]
            assert not [path for path in files if secret.encode() in path.read_bytes()]


@contextlib.contextmanager
def user_of(folder: Path, estate: Estate | None = None) -> Iterator[User]:
    """Somebody new to both clouds."""
    with clouds("embedded", estate=estate) as both_clouds:
        yield User(both_clouds, folder)


def ended(process: Process) -> tuple[int, str]:
    """Wait for a process; gives its exit status and all that it printed."""
    printed, _ = process.communicate(timeout=PATIENCE_S)
    return process.returncode, printed


def struck(
    process: Process, signum: signal.Signals, when: Callable[[], object], *, alone: bool = False
) -> tuple[int, str]:
    """Send a signal to a process, and to its children unless ``alone``, once something is so.

    Gives exit status and what it printed; of what is killed alone, its children may print for longer.
    """
    give_up_at = time.monotonic() + PATIENCE_S
    try:
        while not when():
            assert process.poll() is None, ended(process)
            assert time.monotonic() < give_up_at
            time.sleep(0.005)
        if alone:
            process.send_signal(signum)
        else:
            os.killpg(process.pid, signum)
        return ended(process)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
