"""``make rehearse``: the whole deployment and its removal, with the real ``gcloud`` and without any account.

up with BigQuery -> verify, whose event follow shows and BigQuery stores, and up again, which must change nothing ->
status, which must be healthy -> rotate, which Ctrl-C ends while it waits for the function -> rotate --status -> down,
which must leave nothing. Every step is a command that a user types in the sandbox, in its own process. Some run side by
side, because most of the time is gcloud's own start, half a second for each of some 70 commands.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.emulators.backend import Choice
from tests.emulators.clouds.clouds import Clouds
from tests.emulators.sandbox.sandbox import Sandbox, sandbox

Say = Callable[[str], object]
Fault = Callable[[Clouds, str], list[str]]
Moment = Callable[[Clouds], bool]

SECRET = "dt-signature"
ROTATION = "dt-pubsub-rotation"
"""The annotation of the secret that notes a rotation."""

ROOT = Path(__file__).resolve().parents[3]
TIMEOUT_S = 900.0
DATASET = "sensors"
SETTINGS = {"DEPLOY_BIGQUERY_DATASET": DATASET}
"""Settings of all acts, beside those of the sandbox."""

STORED_EVENTS = "SELECT device_id FROM sensors.events_once WHERE event_id IS NOT NULL"

STORED_S = 20.0
"""Seconds after which an event that was published is in BigQuery at the latest, on a busy machine."""
LOOKS_EVERY_S = 0.1
READS_S = 1.0
"""Seconds in which a user reads what a command waits for, before Ctrl-C."""


@dataclass(frozen=True, slots=True)
class Act:
    """One command. ``faults``: returns what is wrong in the clouds after it, or with its requests, by its name.

    ``ctrl_c``: returns whether the moment has come at which Ctrl-C ends it; None if it ends by itself. ``status``: the
    exit status that it should have.
    """

    name: str
    title: str
    verb: tuple[str, ...]
    faults: Fault = lambda _sky, _name: []
    ctrl_c: Moment | None = None
    status: int = 0


@dataclass(frozen=True, slots=True)
class Played:
    """The end of a command. ``printed``: its output, if it was not shown while it ran."""

    status: int
    seconds: float
    printed: str = ""


def rehearse(choice: Choice, environ: Mapping[str, str], say: Say) -> bool:
    """Run all acts, and return whether all of them passed."""
    began_at = time.monotonic()
    with sandbox(choice, environ, say) as box:
        sky = box.clouds
        say(f"Google    project {sky.google.estate.project}, Pub/Sub {sky.backend.kind}")
        say(f"DT        project {sky.dt.tenant.project} of organization {sky.dt.tenant.organization}")
        faults = [fault for acts in SCENES for fault in play(acts, box, say)]
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


def play(acts: Sequence[Act], box: Sandbox, say: Say) -> Iterator[str]:
    """Run commands side by side, show their results one after the other, and yield what is wrong after them.

    The output of the first is shown while it runs.
    """
    _head(acts[0], say)
    running = [_started(act, box, is_shown=act is acts[0]) for act in acts]
    with ThreadPoolExecutor(len(acts)) as pool:
        try:
            ending = [
                pool.submit(_ended, process, time.monotonic(), act.ctrl_c and partial(act.ctrl_c, box.clouds))
                for act, process in zip(acts, running, strict=True)
            ]
            for act, played in zip(acts, ending, strict=True):
                if act is not acts[0]:
                    _head(act, say)
                    say(played.result().printed)
                yield from _result(act, played.result(), box.clouds, say)
        finally:
            for process in running:  # those that still run, because this one is to end
                process.terminate()


def _head(act: Act, say: Say) -> None:
    say(f"\n== {act.title}\n$ python -m deploy {' '.join(act.verb)}\n")


def _result(act: Act, played: Played, sky: Clouds, say: Say) -> Iterator[str]:
    asked, changes = len(sky.log.entries(caller=act.name)), len(sky.log.changes(caller=act.name))
    say(f"\n   exit status {played.status}, {played.seconds:.1f} s, {asked} requests, {changes} of them changes")
    if played.status != act.status:
        yield f"{act.title}: exit status {played.status}"
    yield from (f"{act.title}: {fault}" for fault in act.faults(sky, act.name))


def _started(act: Act, box: Sandbox, *, is_shown: bool) -> "subprocess.Popen[str]":
    """Start a command in an empty folder, so that no deploy.toml of the user is read."""
    folder = box.folder / act.name
    folder.mkdir(exist_ok=True)
    proxy = dict.fromkeys(("https_proxy", "HTTPS_PROXY"), box.clouds.proxy.url_for(act.name))
    return subprocess.Popen(  # our own command
        [sys.executable, "-m", "deploy", *act.verb],
        env={**box.environ, **SETTINGS, **proxy, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        cwd=folder,
        stdout=None if is_shown else subprocess.PIPE,
        # in a file, progress belongs between the other lines
        stderr=None if is_shown and sys.stderr.isatty() else subprocess.STDOUT,
        encoding="utf-8",
    )


def _ended(process: "subprocess.Popen[str]", began_at: float, is_time: Callable[[], bool] | None) -> Played:
    try:
        if is_time:
            press_ctrl_c(process, is_time)
        printed, _ = process.communicate(timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return Played(-1, time.monotonic() - began_at)
    return Played(process.returncode, time.monotonic() - began_at, (printed or "").rstrip("\n"))


def press_ctrl_c(process: "subprocess.Popen[str]", is_time: Callable[[], bool]) -> None:
    """Interrupt a command a moment after its time has come, unless it ends before."""
    gives_up_at = time.monotonic() + TIMEOUT_S
    while process.poll() is None and not is_time() and time.monotonic() < gives_up_at:
        time.sleep(LOOKS_EVERY_S)
    time.sleep(READS_S)
    process.send_signal(signal.SIGINT)


def unready(sky: Clouds, _: str = "") -> list[str]:
    """Return a fault for every kind of resource that was not made."""
    made = [name.split("/")[-2] for name in sky.left()]
    expected = ("topics", "subscriptions", "secrets", "functions", "datasets", "tables", "dataconnectors")
    return [f"no {kind} were made" for kind in expected if kind not in made]


def changed(sky: Clouds, name: str) -> list[str]:
    """Return a fault for every change that an act asked for."""
    return [f"changed what was as it should be: {entry}" for entry in sky.log.changes(caller=name)]


def followed(sky: Clouds, _: str = "") -> list[str]:
    """Return a fault for every subscription of ``follow`` that is still there."""
    return [f"left over: {name}" for name in sky.left() if "-follow-" in name]


def stored(sky: Clouds, _: str = "") -> list[str]:
    """Return a fault if no event can be read in BigQuery."""
    bigquery = sky.google.bigquery
    gives_up_at = time.monotonic() + STORED_S
    while time.monotonic() < gives_up_at:
        location = bigquery.catalog.dataset(DATASET)["location"]
        if bigquery.warehouse.select(STORED_EVENTS, bigquery.catalog, location=location)[1]:
            return []
        time.sleep(0.1)
    return [f"no event is in BigQuery: {STORED_EVENTS}"]


def asks_function(sky: Clouds) -> bool:
    """Return whether a rotation waits, and has already asked the function whether it knows the new secret."""
    return is_spreading(sky) and bool(sky.log.entries(method="POST", host="*.run.app", caller="rotate"))


def is_spreading(sky: Clouds) -> bool:
    """Return whether a rotation waits until the function knows its new secret."""
    if not any(name.endswith(f"/secrets/{SECRET}") for name in sky.left()):
        return False
    note = sky.google.secrets.settings(SECRET).get("annotations", {}).get(ROTATION, "")
    return str(note).startswith("spreading")


def begun(sky: Clouds, _: str = "") -> list[str]:
    """Return a fault if no rotation waits, or if it has no new version of the secret."""
    if not is_spreading(sky):
        return ["no rotation has begun"]
    versions = len(sky.google.secrets.states(SECRET))
    return [] if versions == 2 else [f"the secret has {versions} versions instead of 2"]


def left(sky: Clouds, _: str = "") -> list[str]:
    """Return a fault for every resource that is still there."""
    return [f"left over: {name}" for name in sky.left()]


SCENES = (
    (Act("up", "both ends are made", ("up", "--yes", "--no-verify"), unready),),
    (
        Act("verify", "they are proven with a real event", ("verify",), stored),
        Act("follow", "that event is shown as it comes", ("follow", "--count=1", "--for=5m"), followed),
        Act("again", "a second time there is nothing to do", ("up", "--yes"), changed),
    ),
    (Act("status", "its health is on one screen", ("status",), changed),),
    (
        # a whole rotation waits for minutes until every instance knows the secret: tests/real_gcloud/test_rotate.py
        Act(
            "rotate", "a new secret is made; Ctrl-C ends the wait", ("rotate", "--yes"), begun, asks_function, status=1
        ),
    ),
    (Act("rotation", "the rotation waits for the next command", ("rotate", "--status"), changed),),
    (Act("down", "all of it is removed again", ("down", "--yes", f"--delete-data={DATASET}"), left),),
)
"""The acts of a scene run side by side."""
