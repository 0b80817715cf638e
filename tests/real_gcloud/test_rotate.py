"""``rotate`` with the real gcloud, a function that really answers, and a Secret Manager that shows a version late."""

import json
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from tests.real_gcloud.user import REAL_GCLOUD, ROOT, Process, User, ended, struck

pytestmark = REAL_GCLOUD

QUICK = (
    "import sys; from deploy.stages import convergence; convergence.ROUND_S = 0.4; from deploy.__main__ import main; "
)
"""``rotate`` waits for minutes until the function knows a secret. Here it asks as often, with shorter pauses."""

RECIPE = (ROOT / "docs/operations.md").read_text("utf-8").partition("the same by hand")[2].partition("\n## ")[0]
LAG_S = 2.0
NOTE = "dt-pubsub-rotation"


def starts_rotate(user: User, *flags: str) -> Process:
    return user.starts_python("-c", f"{QUICK}sys.exit(main(sys.argv[1:]))", "rotate", "--yes", *flags)


def rotates(user: User, *flags: str) -> str:
    status, output = ended(starts_rotate(user, *flags))
    assert status == 0, output
    return output


def note(user: User) -> str:
    settings = user.both_clouds.google.secrets.settings("dt-signature")
    return str(settings.get("annotations", {}).get(NOTE, ""))


def states(user: User) -> list[str]:
    return user.both_clouds.google.secrets.states("dt-signature")


def test_a_rotation_gives_both_ends_a_new_secret_and_keeps_the_old_one(owner: User) -> None:
    first = owner.secret()
    owner.both_clouds.google.estate.secret_lag_s = LAG_S
    output = rotates(owner, "--json")
    report = json.loads(output[output.index("{\n") :])
    assert report["verified"][0]["wholePath"]
    assert (report["rotation"]["phase"], report["rotation"]["versions"]["both"]) == ("keeping", 2)
    owner.both_clouds.google.estate.secret_lag_s = 0.0
    second, kept = owner.secret().split()
    assert kept == first
    assert [connector["httpConfig"]["signatureSecret"] for connector in owner.connectors()] == [second]
    assert (states(owner), note(owner).partition("+")[0]) == (["ENABLED", "ENABLED"], "keeping")
    assert owner.both_clouds.log.not_played() == []
    assert not [secret for secret in (first, second) if secret in output + owner.spied.read_text("utf-8")]


def is_in(user: User, phase: str) -> bool:
    return note(user).startswith(phase)


@contextmanager
def events(user: User, every_s: float = 0.1) -> Iterator[None]:
    """Let emulated sensors send events all the time."""
    dt, stop = user.both_clouds.dt, threading.Event()
    sensor = dt.devices.create(dt.tenant.project, "touch", {}, "100102")

    def send() -> None:
        while not stop.wait(every_s):
            dt.devices.publish(sensor["name"], "touch", {})

    sending = threading.Thread(target=send, daemon=True)
    sending.start()
    try:
        yield
    finally:
        stop.set()
        sending.join()


@pytest.mark.thorough
def test_under_load_and_killed_again_and_again_no_event_is_lost(owner: User) -> None:
    first, dt = owner.secret(), owner.both_clouds.dt
    owner.both_clouds.google.estate.secret_lag_s = LAG_S
    dt.deliveries.first_pause_s = 0.2
    with events(owner):
        for phase in ("adding", "spreading", "switching"):
            struck(starts_rotate(owner), signal.SIGKILL, partial(is_in, owner, phase))
        rotates(owner)
        assert len(states(owner)) == 2
        output = rotates(owner, "--emergency")
    give_up_at = time.monotonic() + 60
    while dt.deliveries.pending() and time.monotonic() < give_up_at:
        time.sleep(0.1)

    (connector,) = owner.connectors()
    metrics = dt.connectors.counts(connector["name"]).metrics()["metrics"]
    assert dt.deliveries.pending() == 0, "an event was lost"
    assert metrics["successCount"] > 50
    assert metrics["errorCount"] == 0, "the new secret was used before the function knew it"
    owner.both_clouds.google.estate.secret_lag_s = 0.0
    assert owner.secret() == connector["httpConfig"]["signatureSecret"] != first
    assert states(owner) == ["DESTROYED", "DESTROYED", "ENABLED"]
    assert re.search(r"the function knows only the new secret: 96 requests in a row", output)
    assert note(owner).startswith("done+")
    owner.finds_nothing_to_do()


@pytest.mark.thorough
def test_the_recipe_by_hand_leaves_both_ends_with_the_new_secret(owner: User) -> None:
    first, project = owner.secret(), owner.both_clouds.google.estate.project
    add, show, remove = re.findall(
        r"^   ```sh\n(.*?)^   ```", RECIPE.replace("my-project", project), re.DOTALL | re.MULTILINE
    )
    second = types(owner, add + show).splitlines()[-1].strip()
    assert owner.secret().split() == [second, first]
    (connector,) = owner.connectors()
    owner.both_clouds.dt.connectors.change(connector["name"], {"httpConfig": {"signatureSecret": second}})
    owner.finds_nothing_to_do()
    types(owner, f"export PROJECT={project} OLD=1 BOTH=2\n{remove}")
    assert (owner.secret(), states(owner)) == (second, ["DESTROYED", "DESTROYED", "ENABLED"])
    status, output = owner.runs("verify")
    assert status == 0, output


def types(user: User, lines: str) -> str:
    """Type lines into bash; return what they printed."""
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail"],  # noqa: S607
        input=lines,
        env=user.environ,
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
