"""``make rehearse``: the whole one-shot deploy, there and back, with the real ``gcloud`` and no account at all.

up -> verify -> up again, which has to change nothing -> down, after which nothing may be left. Each is the command that
a user types, in a process of its own; only its environment leads it to the clouds of this package.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.offline.backend import Choice
from deploy.offline.clouds.clouds import Clouds, clouds
from deploy.offline.errors import NotStarted

Say = Callable[[str], object]

ROOT = Path(__file__).resolve().parents[3]
REGION = "europe-west1"
PATIENCE_S = 300.0


@dataclass(frozen=True, slots=True)
class Act:
    """One command of the rehearsal, and what has to be true after it."""

    title: str
    verb: tuple[str, ...]
    faults: Callable[[Clouds], list[str]] = lambda _: []


def rehearse(choice: Choice, environ: Mapping[str, str], say: Say) -> bool:
    """Play all acts; whether each ended as it must."""
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
    """Run one command, show it, and give what is wrong after it."""
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
    together = None if sys.stderr.isatty() else subprocess.STDOUT  # in a file, progress belongs between the lines
    try:
        done = subprocess.run(  # noqa: S603  # our own command
            command, env=environ, cwd=folder, stderr=together, timeout=PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired:
        return -1
    return done.returncode


def unready(sky: Clouds) -> list[str]:
    """Name what should have been made and was not."""
    made = [name.split("/")[-2] for name in sky.left()]
    expected = ("topics", "subscriptions", "secrets", "functions", "dataconnectors")
    return [f"no {kind} were made" for kind in expected if kind not in made]


def changed(sky: Clouds) -> list[str]:
    """Name the changes of the last act."""
    return [f"changed what was as it should be: {entry}" for entry in sky.log.changes()]


def left(sky: Clouds) -> list[str]:
    """Name what is still there."""
    return [f"left over: {name}" for name in sky.left()]


ACTS = (
    Act("both ends are made", ("up", "--yes", "--no-verify"), unready),
    Act("they are proven with a real event", ("verify",)),
    Act("a second time there is nothing to do", ("up", "--yes"), changed),
    Act("all of it is removed again", ("down", "--yes"), left),
)
