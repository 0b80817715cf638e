"""``make rehearse``: the whole deployment and its removal, with the real ``gcloud`` and without any account.

up -> verify -> up again, which must change nothing -> down, which must leave nothing. Every step is the command that a
user types, in its own process; only its environment makes it use the clouds of this package.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.emulators.backend import Choice
from tests.emulators.clouds.clouds import Clouds, clouds
from tests.emulators.errors import NotStarted

Say = Callable[[str], object]

ROOT = Path(__file__).resolve().parents[3]
REGION = "europe-west1"
TIMEOUT_S = 300.0


@dataclass(frozen=True, slots=True)
class Act:
    """One command of the rehearsal. ``faults``: returns what is wrong in the clouds after it."""

    title: str
    verb: tuple[str, ...]
    faults: Callable[[Clouds], list[str]] = lambda _: []


def rehearse(choice: Choice, environ: Mapping[str, str], say: Say) -> bool:
    """Run all acts, and return whether all of them passed."""
    if not shutil.which("gcloud", path=environ.get("PATH", "")):
        raise NotStarted("the rehearsal needs gcloud: https://cloud.google.com/sdk/docs/install (no login is needed)")
    began_at = time.monotonic()
    with clouds(choice, environ=environ, say=say) as sky, tempfile.TemporaryDirectory() as folder:
        say(f"Google    project {sky.google.estate.project}, Pub/Sub {sky.backend.kind}")
        say(f"DT        project {sky.dt.tenant.project} of organization {sky.dt.tenant.organization}")
        faults = [fault for act in ACTS for fault in play(act, sky, Path(folder), say)]
        faults += [f"not played: {entry}" for entry in sky.log.not_played()]
    say("")
    for fault in faults:
        say(f"FAULT  {fault}")
    took = f"{time.monotonic() - began_at:.0f} s"
    say(
        f"FAILED after {took}"
        if faults
        else f"deployed, proven, found unchanged and removed in {took}: nothing is left"
    )
    say("Both clouds were stand-ins. What only the real ones know, the same commands prove there.")
    return not faults


def play(act: Act, sky: Clouds, folder: Path, say: Say) -> Iterator[str]:
    """Run one command, show its result, and yield what is wrong after it."""
    sky.log.clear()
    say(f"\n== {act.title}\n$ python -m deploy {' '.join(act.verb)}\n")
    began_at = time.monotonic()
    status = _run(act.verb, sky, folder)
    asked, changes = len(list(sky.log)), len(sky.log.changes())
    say(f"\n   exit status {status}, {time.monotonic() - began_at:.1f} s, {asked} requests, {changes} of them changes")
    if status != 0:
        yield f"{act.title}: exit status {status}"
    yield from (f"{act.title}: {fault}" for fault in act.faults(sky))


def _run(verb: tuple[str, ...], sky: Clouds, folder: Path) -> int:
    where = (f"--project={sky.google.estate.project}", f"--region={REGION}", f"--dt-project={sky.dt.tenant.project}")
    command = [sys.executable, "-m", "deploy", *verb, *where]
    environ = {**sky.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    stderr = None if sys.stderr.isatty() else subprocess.STDOUT  # in a file, progress belongs between the other lines
    try:
        done = subprocess.run(  # our own command
            command, env=environ, cwd=folder, stderr=stderr, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return -1
    return done.returncode


def unready(sky: Clouds) -> list[str]:
    """Return a fault for every kind of resource that was not made."""
    made = [name.split("/")[-2] for name in sky.left()]
    expected = ("topics", "subscriptions", "secrets", "functions", "dataconnectors")
    return [f"no {kind} were made" for kind in expected if kind not in made]


def changed(sky: Clouds) -> list[str]:
    """Return a fault for every change of the last act."""
    return [f"changed what was as it should be: {entry}" for entry in sky.log.changes()]


def left(sky: Clouds) -> list[str]:
    """Return a fault for every resource that is still there."""
    return [f"left over: {name}" for name in sky.left()]


ACTS = (
    Act("both ends are made", ("up", "--yes", "--no-verify"), unready),
    Act("they are proven with a real event", ("verify",)),
    Act("a second time there is nothing to do", ("up", "--yes"), changed),
    Act("all of it is removed again", ("down", "--yes"), left),
)
