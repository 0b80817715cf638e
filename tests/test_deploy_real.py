"""The whole deploy as its users run it: a process, the real gcloud, the real ``disruptive``, offline clouds.

A ``gcloud`` ahead of the real one in the path writes down every child's arguments and environment.
"""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from deploy.offline.clouds.clouds import Clouds, clouds

GCLOUD = shutil.which("gcloud")
ROOT = Path(__file__).parents[1]
pytestmark = [
    pytest.mark.real_gcloud,
    pytest.mark.skipif(GCLOUD is None, reason="there is no gcloud here"),
    pytest.mark.timeout(900),
]
CONFLICT = {"error": {"code": 409, "status": "ABORTED", "message": "There were concurrent policy changes."}}


class User:
    """Somebody with a terminal, and both clouds."""

    def __init__(self, sky: Clouds, folder: Path) -> None:
        self.sky = sky
        self.spied = folder / "spied"
        self.spied.write_text("", "utf-8")
        spy = folder / "gcloud"
        spy.write_text(f'#!/bin/sh\n{{ echo "$@"; env; }} >> {self.spied}\nexec {GCLOUD} "$@"\n', "utf-8")
        spy.chmod(0o755)
        self.environ: Mapping[str, str] = {
            **sky.environ,
            "PATH": f"{folder}:{sky.environ['PATH']}",
            "DEPLOY_PROJECT": sky.google.estate.project,
            "DEPLOY_REGION": "europe-west1",
            "DEPLOY_DT_PROJECTS": sky.dt.tenant.project,
        }

    def starts(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start a verb."""
        command = [sys.executable, "-m", "deploy", *arguments]
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.Popen(command, cwd=ROOT, env=self.environ, text=True, **streams)  # type: ignore[call-overload,no-any-return]

    def runs(self, *arguments: str) -> tuple[int, str]:
        """Run a verb; gives its exit status and all that it printed."""
        process = self.starts(*arguments)
        printed, _ = process.communicate(timeout=400)
        return process.returncode, printed

    def secret(self) -> str:
        """The signature secret in force."""
        command = [str(GCLOUD), "secrets", "versions", "access", "latest", "--secret=dt-signature"]
        return subprocess.run(command, env=self.environ, text=True, capture_output=True, check=True).stdout.strip()

    def connectors(self) -> list[Mapping[str, object]]:
        """What DT has."""
        return list(self.sky.dt.connectors.of(self.sky.dt.tenant.project))


@pytest.fixture
def user(tmp_path: Path) -> Iterator[User]:
    with clouds("embedded") as sky:
        yield User(sky, tmp_path)


def test_up_plan_up_again_down_with_everything_going_wrong_that_passes_by_itself(user: User) -> None:
    faults = user.sky.faults
    faults.fail(409, CONFLICT, host="pubsub.googleapis.com", path="*:setIamPolicy")
    faults.fail(429, {"error": "too many requests", "code": 429}, host="api.disruptive*", retry_after_s=2)
    faults.drop(host="api.disruptive*", method="POST", path="*/dataconnectors")
    faults.fail(
        404, {"error": "not found", "code": 404}, host="api.disruptive*", method="PATCH", path="*/dataconnectors/*"
    )
    status, told = user.runs("up", "--yes")
    assert status == 0, told
    assert "came through DT's connector as message" in told
    assert len(user.connectors()) == 1

    secret = user.secret()
    assert len(secret) == 64
    assert secret not in told
    assert secret not in user.spied.read_text("utf-8")
    assert user.sky.dt.tenant.secret not in user.spied.read_text("utf-8")
    assert not [path for path in Path(user.environ["CLOUDSDK_CONFIG"]).rglob("*") if _holds(path, secret)]

    user.sky.log.clear()
    status, told = user.runs("up", "--yes", "--json")
    assert (status, json.loads(told[told.index("{") :])["changes"]) == (0, 0)
    assert [
        str(each) for each in user.sky.log.changes() if "testIam" not in str(each) and "getEff" not in str(each)
    ] == []

    status, told = user.runs("down", "--yes")
    assert (status, user.sky.left()) == (0, []), told


def test_two_at_once_and_one_interrupted_leave_one_deployment_that_works(user: User) -> None:
    interrupted = user.starts("up", "--yes")
    assert interrupted.stdout
    for line in interrupted.stdout:
        if "create secret dt-signature ..." in line:
            interrupted.send_signal(signal.SIGINT)
            break
    told, _ = interrupted.communicate(timeout=60)
    assert (interrupted.returncode, "not done  function dt-pubsub" in told) == (1, True), told

    both = [user.starts("up", "--yes", "--no-verify")]
    time.sleep(1)
    both.append(user.starts("up", "--yes", "--no-verify"))
    for process in both:
        process.communicate(timeout=400)
    status, told = user.runs("up", "--yes", "--no-verify")
    assert status == 0, told
    assert len(user.connectors()) == 1
    assert user.runs("plan")[0] == 0
    status, told = user.runs("verify")
    assert (status, "came through DT's connector as message" in told) == (0, True), told
    assert user.sky.dt.devices.names() == []


def _holds(path: Path, secret: str) -> bool:
    return path.is_file() and secret.encode() in path.read_bytes()
