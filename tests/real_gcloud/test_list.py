"""``list``, and the commands and links that ``up`` shows, with the real gcloud."""

import json
import shlex
import subprocess
import time
from typing import Any

from deploy.commands import read_events
from deploy.resources.catalog import deployer_permissions
from deploy.resources.kinds import KINDS
from deploy.spec import Spec
from tests.emulators.clients import FUNCTIONS, ask, done
from tests.real_gcloud.user import REAL_GCLOUD, User

pytestmark = REAL_GCLOUD
OF_LIST = {kind.permission for kind in KINDS}


def colleague(user: User) -> dict[str, str]:
    """Return the environment of a colleague, who knows only the Google project and has no login at DT."""
    own = ("DT_", "DEPLOY_")
    known = {name: value for name, value in user.environ.items() if not name.startswith(own)}
    return {**known, "GOOGLE_CLOUD_PROJECT": user.both_clouds.google.estate.project}


def listed(user: User) -> tuple[int, list[dict[str, Any]]]:
    """Run ``list --json`` as a colleague; return exit status and deployments."""
    status, output = user.runs("list", "--json", environ=colleague(user))
    deployments: list[dict[str, Any]] = json.loads(output[output.index("{") : output.rindex("}") + 1])["deployments"]
    return status, deployments


def test_a_colleague_finds_a_deployment_takes_it_over_and_sees_what_is_left_of_it(owner: User) -> None:
    owner.both_clouds.log.clear()
    owner.both_clouds.google.estate.denied = set(deployer_permissions()) - OF_LIST
    status, (deployment,) = listed(owner)
    owner.both_clouds.google.estate.denied = set()
    assert (status, deployment["name"], deployment["region"]) == (0, "dt-pubsub", "europe-west1")
    assert (deployment["state"], deployment["healthy"]) == ("ACTIVE", True)
    assert deployment["dtProjects"] == [owner.both_clouds.dt.tenant.project]
    assert len(deployment["resources"]) == 7
    assert owner.changes() == []
    assert not [host for entry in owner.both_clouds.log if "disruptive" in (host := entry.host)]

    own = {name: value for name, value in owner.environ.items() if not name.startswith("DEPLOY_")}
    status, output = owner.runs(*shlex.split(deployment["command"])[3:], environ=own)
    assert (status, "nothing to do: everything is as it should be" in output) == (0, True), output

    owner.both_clouds.google.estate.silent = {"europe-west1"}
    status, output = owner.runs("list", environ=colleague(owner))
    assert (status, "left over" in output.replace("what is left over", "")) == (1, False), output
    assert "europe-west1: Google could not read it" in output
    owner.both_clouds.google.estate.silent = set()

    deleted = ask(owner.both_clouds, "POST", f"{FUNCTIONS}/functions/dt-pubsub:detachFunction", {})
    assert "error" not in done(owner.both_clouds, deleted.json["name"])
    status, (left,) = listed(owner)
    assert (status, left["state"], left["region"]) == (0, "left over", None)
    assert "Cloud Run service dt-pubsub" in left["resources"]

    own |= {name: value for name, value in owner.environ.items() if name.startswith("DT_")}
    status, output = owner.runs(*shlex.split(left["command"])[3:], "--yes", environ=own)
    assert status == 0, output
    assert [name for name in owner.both_clouds.left() if "/services/" not in name] == []


def test_the_command_shown_after_up_shows_an_event_and_leaves_it_for_subscribers(owner: User) -> None:
    ours = Spec(owner.both_clouds.google.estate.project, "europe-west1")

    def typed(line: str) -> str:
        shell = ["bash", "-c", line]
        return subprocess.run(shell, env=owner.environ, check=False, capture_output=True, text=True, timeout=120).stdout

    for event in ("first", "second"):
        attributes = "--attribute=eventType=touch,deviceId=d1"
        typed(f"gcloud pubsub topics publish dt-events --message={event} {attributes} {ours.project_flag}")
    assert typed(read_events(ours)) in {"touch\td1\tfirst\n", "touch\td1\tsecond\n"}
    assert owner.both_clouds.google.pubsub.measured(time.time())["dt-events"].messages == 2
