"""``audit`` against both offline clouds: it names exactly the events that were taken away, in little memory.

The expected result is derived from what was taken away and doubled here, without any code of the audit.
"""

import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.emulators.clients import all_on, ask
from tests.emulators.clouds import Clouds, clouds
from tests.prove.report import Row, Say

DEVICES, EVENTS = 100, 100_000
FEW_DEVICES, FEW_EVENTS = 4, 2_000
TAKEN, DOUBLED = 0.01, 0.02
"""Shares of the events that never arrive, and that arrive twice."""

GROWTH_MIB = 40.0
"""An audit of all events may need so much more memory than one of a few: its ledger is on disk."""

AUDIT_S = 900
EXACT = "audit: exactly the events that were taken away are missing, and those that were doubled are double"
FLAT = "audit: the memory does not grow with the number of events"
PUBSUB = "https://pubsub.googleapis.com/v1"


@dataclass(frozen=True)
class Audited:
    """What one audit found. ``is_exact``: it is what was prepared. ``peak_mib``: the memory of its process."""

    events: int
    taken: int
    is_exact: bool
    seconds: float
    peak_mib: float


def completeness(short: bool, say: Say) -> list[Row]:  # noqa: FBT001  # a section's shape
    """Audit a few events and, unless it has to be short, many."""
    if not shutil.which("gcloud"):
        return [Row(promise, "no gcloud here", holds=None) for promise in (EXACT, FLAT)]
    few = _audited(FEW_DEVICES, FEW_EVENTS, say)
    many = few if short else _audited(DEVICES, EVENTS, say)
    exact = f"{many.taken:,} of {many.events:,} taken away, {many.seconds:.0f} s"
    flat = f"{few.peak_mib:.0f} MiB for {few.events:,}, {many.peak_mib:.0f} MiB for {many.events:,}"
    is_flat = None if short else many.peak_mib - few.peak_mib < GROWTH_MIB
    return [Row(EXACT, exact, holds=few.is_exact and many.is_exact), Row(FLAT, flat, holds=is_flat)]


def _audited(devices: int, events: int, say: Say) -> Audited:
    chance = random.Random(events)
    with clouds("embedded") as both, tempfile.TemporaryDirectory() as folder:
        _begin(both)
        happened = _happened(both, devices, events)
        ids = [attributes["eventId"] for attributes in happened]
        taken = set(chance.sample(ids, int(events * TAKEN)))
        doubled = set(chance.sample(sorted(set(ids) - taken), int(events * DOUBLED)))
        arrived = [one for one in happened if one["eventId"] not in taken]
        arrived += [one for one in happened if one["eventId"] in doubled]
        chance.shuffle(arrived)
        say(f"  publishing {len(arrived):,} of {events:,} events")
        _publish(both, arrived)
        output = Path(folder) / "lines"
        status, seconds, peak_mib = _run(both, output)
        say(f"  audit of {events:,} events: exit status {status}, {seconds:.0f} s, {peak_mib:.0f} MiB")
        is_exact = status == 3 and _is_exact(output, events, taken, len(doubled))
    return Audited(events, len(taken), is_exact, seconds, peak_mib)


def _begin(both: Clouds) -> None:
    all_on(both.google.estate)
    topics = {"dt-events": {"messageRetentionDuration": "604800s"}, "dt-rejected": {}}
    for topic, settings in topics.items():
        url = f"{PUBSUB}/projects/{both.google.estate.project}/topics/{topic}"
        assert ask(both, "PUT", url, settings).status == 200


def _happened(both: Clouds, devices: int, events: int) -> list[dict[str, str]]:
    """Let DT's history have events of the last day; return the attributes of their messages."""
    project, now = both.dt.tenant.project, datetime.now(UTC)
    happened = []
    for number in range(devices):
        name = both.dt.devices.create(project, "temperature", {"name": f"Sensor {number}"})["name"]
        for place in range(events // devices):
            at = now - timedelta(seconds=120 + 85_000 * place * devices / events)
            time_text = at.isoformat().replace("+00:00", "Z")
            event_id = f"{number:08}{place:012}"
            data = {"touch": {"updateTime": time_text}}
            event = {
                "eventId": event_id,
                "targetName": name,
                "eventType": "touch",
                "data": data,
                "timestamp": time_text,
            }
            both.dt.devices.history.keep(name, event)
            own = {"eventId": event_id, "eventType": "touch", "timestamp": time_text}
            happened.append({**own, "deviceId": name.rpartition("/")[2], "projectId": project})
    return happened


def _publish(both: Clouds, messages: Sequence[dict[str, str]]) -> None:
    url = f"{PUBSUB}/projects/{both.google.estate.project}/topics/dt-events:publish"
    for first in range(0, len(messages), 1000):
        body = {"messages": [{"data": "e30=", "attributes": one} for one in messages[first : first + 1000]]}
        assert ask(both, "POST", url, body).status == 200


def _run(both: Clouds, output: Path) -> tuple[int, float, float]:
    """Run ``audit --json``; return exit status, seconds, and the most memory of its process in MiB."""
    environ = {
        **both.environ,
        "DEPLOY_PROJECT": both.google.estate.project,
        "DEPLOY_DT_PROJECTS": both.dt.tenant.project,
    }
    began, peak_kib = time.monotonic(), 0
    with output.open("wb") as stream:
        command = [sys.executable, "-m", "deploy", "audit", "--json", "--from=1d"]
        process = subprocess.Popen(command, env=environ, stdout=stream, stderr=subprocess.DEVNULL)
        try:
            while process.poll() is None and time.monotonic() - began < AUDIT_S:
                peak_kib = max(peak_kib, _peak_kib(process.pid))
                time.sleep(0.2)
        finally:
            process.kill()
            status = process.wait()
    return status, time.monotonic() - began, peak_kib / 1024


def _peak_kib(pid: int) -> int:
    """Return the most memory that a process has had, by Linux; 0 elsewhere."""
    with suppress(OSError, ValueError, StopIteration):
        lines = Path(f"/proc/{pid}/status").read_text("ascii", "replace").splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1])
    return 0


def _is_exact(output: Path, events: int, taken: set[str], doubled: int) -> bool:
    missing: list[str] = []
    cells: list[dict[str, Any]] = []
    summary: dict[str, Any] = {}
    for text in output.read_text("utf-8").splitlines():
        line = json.loads(text)
        missing += [line["missing"]["eventId"]] if "missing" in line else []
        cells += [line["cell"]] if "cell" in line else []
        summary = line.get("audited") or summary
    counts = (summary["dt"], summary["missing"], summary["double"], sum(cell["missing"] for cell in cells))
    return sorted(missing) == sorted(taken) and counts == (events, len(taken), doubled, len(taken))
