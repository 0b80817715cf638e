"""Section ``backfill``: every event of DT's history gets to the main topic, whatever is killed or fails meanwhile.

The run is killed (SIGKILL) again and again, and started again with its resume file; the function is killed and Pub/Sub
fails; DT answers 429, 5xx and broken connections, and lists events twice, in another order, and in circles. The
function is the real one; both clouds are stand-ins. A second measurement compares the memory of small and large
histories.
"""

import asyncio
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.blackbox.serving import ROOT
from tests.emulators.clouds import Clouds, clouds
from tests.emulators.clouds.dt.history import circular, duplicated, overlapping, reordered
from tests.emulators.clouds.dt.tenant import Tenant
from tests.emulators.pubsub.faults import Fault
from tests.prove.programs import SECRET, Bench, bench
from tests.prove.report import Row, Say
from tests.prove.zero_loss import ENTRY_POINTS

TYPES = ("temperature", "touch", "networkStatus")
SPAN = timedelta(days=29)
LAST = timedelta(minutes=1)
ALLOWED_KIB = 30 * 1024
"""How much more memory the largest history may take than the smallest one."""

MAX_RUNS = 200


@dataclass(frozen=True)
class Size:
    """How much is measured. ``kill_after_s``: the longest time from the start of a run until it is killed."""

    devices: int
    events_each: int
    kills: int
    kill_after_s: float


FULL, SHORT = Size(100, 1000, 20, 20.0), Size(10, 100, 4, 2.5)


def backfill(short: bool, say: Say) -> list[Row]:  # noqa: FBT001  # a section's shape
    """Measure loss and memory."""
    size = SHORT if short else FULL
    return [*asyncio.run(_lossless(size, say)), _memory(size, say)]


@dataclass
class _Site:
    """DT with a history, and what a run of a backfill needs to know."""

    both: Clouds
    folder: Path
    texts: dict[str, str] = field(default_factory=dict)
    chance: random.Random = field(default_factory=lambda: random.Random(13))

    def fill(self, project: str, devices: int, events_each: int) -> None:
        """Add devices with events, spread over the time that DT keeps them."""
        dt, begin = self.both.dt, datetime.now(UTC) - SPAN
        for number in range(devices):
            name = dt.devices.create(project, "temperature", {"name": f"Fridge {number}"}, "100110")["name"]
            for place in range(events_each):
                at = begin + (SPAN - LAST) * (place / events_each)
                event_id = f"{name.rpartition('/')[2]}-{place}"
                self.texts[event_id] = _text(name, event_id, TYPES[place % len(TYPES)], at, place)
                dt.devices.history.keep(name, self.texts[event_id])

    def start(self, project: str, url: str, resume: str = "") -> "subprocess.Popen[str]":
        """Start a run."""
        begin = datetime.now(UTC) - SPAN - timedelta(hours=1)
        settings = {"url": url, "secret": SECRET, "project": project, "resume": resume}
        settings |= {"start": begin.timestamp(), "end": time.time() - 10}  # type: ignore[dict-item]
        environ = {**self.both.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "tests.prove.backfill_run", json.dumps(settings)]
        return subprocess.Popen(command, cwd=self.folder, env=environ, stdout=subprocess.PIPE, text=True)

    def disturb(self) -> None:
        """Let one of DT's next answers be a fault."""
        faults, events = self.both.faults, "*/events"
        kind = self.chance.randrange(6)
        if kind == 0:
            faults.fail(429, path=events, retry_after_s=1)
        elif kind == 1:
            faults.fail(self.chance.choice((500, 502, 503, 504)), path=events)
        elif kind == 2:
            faults.drop(path=events)
        else:
            fault = self.chance.choice((duplicated, reordered, overlapping, circular))
            self.both.dt.devices.history.page_faults.append(fault)


def _text(name: str, event_id: str, event_type: str, at: datetime, number: int) -> str:
    time_ = at.isoformat(timespec="microseconds").replace("+00:00", "Z")
    data = f'{{"value":{number}.0,"exact":{number}.10000000000000000{number},"updateTime":"{time_}"}}'
    return (
        f'{{"eventId":"{event_id}","targetName":"{name}","eventType":"{event_type}",'
        f'"data":{{"{event_type}":{data}}},"timestamp":"{time_}"}}'
    )


@contextmanager
def _site() -> Iterator[_Site]:
    tenant = Tenant(other_projects=("small", "many", "one"))
    with tempfile.TemporaryDirectory() as folder, clouds("embedded", tenant=tenant) as both:
        yield _Site(both, Path(folder))


async def _lossless(size: Size, say: Say) -> list[Row]:
    with _site() as site, bench(ENTRY_POINTS[0], {}) as made:
        site.fill(site.both.dt.tenant.project, size.devices, size.events_each)
        await made.start()
        troubles = asyncio.create_task(_troubles(site, made))
        try:
            statuses = await _until_done(site, size, made, say)
        finally:
            troubles.cancel()
        return _verdicts(site.texts, made, statuses)


async def _until_done(site: _Site, size: Size, made: Bench, say: Say) -> list[int]:
    """Start runs, and kill the first of them, until one exits with 0; return all exit statuses."""
    statuses: list[int] = []
    url, resume = f"http://127.0.0.1:{made.function.port}/", str(site.folder / "resume.json")
    for number in range(MAX_RUNS):
        process = site.start(site.both.dt.tenant.project, url, resume)
        try:
            if number < size.kills:
                await asyncio.sleep(site.chance.uniform(1.0, size.kill_after_s))
                process.kill()
            printed, _ = await asyncio.to_thread(process.communicate)
        finally:
            process.kill()
        say(f"run {number + 1}: status {process.returncode} {printed.strip()}")
        statuses.append(process.returncode)
        if process.returncode == 0:
            break
    return statuses


async def _troubles(site: _Site, made: Bench) -> None:
    """Let DT, Pub/Sub and the function fail, one after the other, without end."""
    while True:
        site.disturb()
        await asyncio.sleep(1.5)
        await made.treat(Fault.fail("UNAVAILABLE").times(3))
        await asyncio.sleep(1.5)
        if site.chance.random() < 0.05:
            await made.function.end(signal.SIGKILL)
            await made.function.start()


def _verdicts(texts: Mapping[str, str], made: Bench, statuses: Sequence[int]) -> list[Row]:
    bodies = [message.data.decode() for message in made.recorded()]
    arrived = [body.partition(',"labels":')[0].removeprefix('{"event":') for body in bodies]
    kills = statuses.count(-signal.SIGKILL)
    missing, strange = set(texts.values()) - set(arrived), set(arrived) - set(texts.values())
    return [
        Row(
            f"backfill: {len(texts):,} events are on the main topic as DT wrote them, despite {kills} kill -9",
            f"{len(missing)} missing, {len(arrived) - len(set(arrived))} twice, {len(statuses)} runs",
            not missing and kills > 0 and statuses[-1] == 0,
        ),
        Row("backfill: nothing arrives that is not in DT's history", f"{len(strange)}", not strange),
    ]


def _memory(size: Size, say: Say) -> Row:
    """Measure the largest memory of runs with a few events, with many of many devices, and with many of one."""
    shapes = {"small": (2, 50), "many": (size.devices, size.events_each), "one": (1, size.devices * size.events_each)}
    with _site() as site:
        kib: dict[str, int] = {}
        for project, (devices, events_each) in shapes.items():
            site.fill(project, devices, events_each)
            printed: dict[str, Any] = json.loads(site.start(project, "").communicate()[0])
            kib[project] = printed["kib"]
            say(f"{devices} devices with {events_each:,} events each: {printed}")
    most = max(kib["many"], kib["one"])
    events = size.devices * size.events_each
    measured = f"{kib['small'] // 1024} MiB with 100, {most // 1024} MiB with {events:,} events"
    return Row("backfill: memory does not grow with the history", measured, most - kib["small"] <= ALLOWED_KIB)
