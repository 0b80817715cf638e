"""Section ``replay``: a rejected event is on main, or is still rejected, whatever is killed or fails meanwhile.

The real function has rejected the events for every reason, and then is deployed with the causes removed. Two replays
run at the same time; each is killed (SIGKILL) again and again, at random and at every kind of call, before and after
it. Meanwhile the function answers 503, 500, late or not at all, and is killed, and Pub/Sub fails as in ``MATRIX`` and
in its answers to pulls, leases and acknowledgements. Both clouds are stand-ins.

A control, which acknowledges an event before the function has it, goes through the same, and its losses must be found.
A second measurement compares the memory of small and large backlogs.
"""

import asyncio
import json
import os
import random
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace

from tests.blackbox.serving import ROOT
from tests.prove.rejected_events import REFUSED, Rejected, filled
from tests.prove.replay_run import SENDING, Settings
from tests.prove.replay_site import MAIN, REJECTED, Site, site
from tests.prove.replay_troubles import TROUBLES, troubled
from tests.prove.report import Row, Say

MOST_CALLS = {":pull": 3, ":modifyAckDeadline": 4, "post": 20, ":acknowledge": 12}
"""A run is killed at one of the first so many calls of each kind."""

STEPS = tuple((call, after) for call in MOST_CALLS for after in (False, True))
"""The calls before or after which a run is killed."""

AT_ONCE = 2
"""Replays that run at the same time."""

COLLECTING = "replaying from"
"""What a run says before it pulls its first message."""

MOST_RUNS = 500
WAIT_S = 2.0
"""Longest time from then until a run is killed at random."""

ALLOWED_KIB = 40 * 1024
"""How much more memory a run may take for 100,000 messages than for 10,000: it keeps the ids of all."""


@dataclass(frozen=True)
class Size:
    """How much is measured. ``kills``: at random, in addition to those at ``STEPS``. ``rate``: of one run."""

    events: int
    kills: int
    rate: int
    few: int = 10_000
    many: int = 100_000


FULL, SHORT, CONTROL = Size(3_000, 20, 60), Size(400, 4, 15, 1_000, 20_000), Size(300, 2, 15)


def replay(short: bool, say: Say, events: int = 0) -> list[Row]:  # noqa: FBT001  # a section's shape
    """Measure loss, by so many events if the number is given; the control; and memory."""
    size = SHORT if short else FULL
    if events:
        size = replace(size, events=events, rate=1_000)
    proof = asyncio.run(_proved(size, say))
    control = asyncio.run(_proved(CONTROL, say, is_control=True))
    return [*_verdicts(proof, size), _caught(control), _memory(size, say)]


@dataclass
class Proof:
    """One proof: what was rejected, what happened, and where the events were at the end.

    ``main``: the bodies on the main topic, with their attributes. ``rejected``: those that are still rejected.
    """

    events: Sequence[Rejected]
    ends: Counter[str] = field(default_factory=Counter)
    happened: Counter[str] = field(default_factory=Counter)
    left_when_killed: int = 0
    is_done: bool = False
    main: list[tuple[bytes, Mapping[str, str]]] = field(default_factory=list)
    rejected: list[bytes] = field(default_factory=list)

    @property
    def kills(self) -> int:
        """The number of runs that were killed."""
        return sum(number for end, number in self.ends.items() if end.startswith("killed"))

    @property
    def missing(self) -> set[bytes]:
        """The events that are neither on main nor rejected."""
        return {event.body for event in self.events} - {body for body, _ in self.main} - set(self.rejected)


class _Runs:
    """Starts runs, and kills them. ``chance`` decides when."""

    def __init__(self, made: Site, proof: Proof, rate: int, *, is_control: bool) -> None:
        self._made, self._proof = made, proof
        self._usual = Settings(acknowledges_first=is_control, flags=["--json", f"--rate={rate}"])
        self._chance = random.Random(13)

    async def kill_at_random(self) -> bool:
        """Start a run, and kill it while it collects messages or, more often, while it sends.

        Return whether it ran until then.
        """
        until = self._chance.choice((COLLECTING, SENDING, SENDING, SENDING))
        with self._started(self._usual) as process:
            await asyncio.to_thread(_has_said, process, until)
            await asyncio.sleep(self._chance.uniform(0, WAIT_S))
            process.kill()
            await self._ended(process, "killed at random")
        return process.returncode == -signal.SIGKILL

    async def kill_at(self, call: str, *, after: bool) -> bool:
        """Start a run that kills itself. Return whether it did before it ended."""
        on = self._chance.randint(1, MOST_CALLS[call])
        with self._started(replace(self._usual, dies_at=call, dies_after=after, dies_on=on)) as process:
            await self._ended(process, f"killed {'after' if after else 'before'} {call}")
        return process.returncode == -signal.SIGKILL

    async def finish(self) -> bool:
        """Run until a run has found that nothing is left but what the function refuses; return whether one did."""
        for _ in range(MOST_RUNS):
            with self._started(replace(self._usual, flags=["--json", "--rate=1000"])) as process:
                report = json.loads(await self._ended(process))
            replayed = report.get("replayed") or {"refused": {}}
            unclear = [replayed.get(name) for name in ("published", "failed", "notTried", "notAcknowledged")]
            left = sum(replayed["refused"].values())
            if process.returncode in {0, 3} and not any(unclear) and left == self._made.waiting(REJECTED):
                return True
        return False

    def _started(self, settings: Settings) -> AbstractContextManager["subprocess.Popen[str]"]:
        return started(settings, self._made.both.environ)

    async def _ended(self, process: "subprocess.Popen[str]", how: str = "") -> str:
        """Wait for the end of a run, and count it. Return what it printed."""
        printed, _ = await asyncio.to_thread(process.communicate)
        is_killed = process.returncode == -signal.SIGKILL
        self._proof.ends[how if is_killed else f"exit status {process.returncode}"] += 1
        return printed


async def _proved(size: Size, say: Say, *, is_control: bool = False) -> Proof:
    with site() as made:
        proof = Proof(await filled(made, size.events))
        say(f"  the function has rejected {size.events:,} events for {len({e.reason for e in proof.events})} reasons")
        runs = _Runs(made, proof, size.rate, is_control=is_control)
        async with troubled(made, proof.happened, seed=size.events):
            await _killed(runs, proof, size.kills)
            proof.left_when_killed = made.waiting(REJECTED)
        say(f"  {proof.left_when_killed:,} are left after {proof.kills} kill -9 and {proof.happened.total()} troubles")
        proof.is_done = await runs.finish()
        proof.main = [(message.data, message.attributes) for message in made.messages(MAIN)]
        proof.rejected = [message.data for message in made.messages(REJECTED)]
        say(f"  {len(proof.missing)} missing, {proof.ends.total()} runs")
    return proof


async def _killed(runs: _Runs, proof: Proof, kills: int) -> None:
    """Let replays run at the same time, until so many have been killed at random, and one at each step."""
    jobs: list[Callable[[], Awaitable[bool]]] = [_at(runs, call, after=after) for call, after in STEPS]
    jobs += [runs.kill_at_random] * kills
    random.Random(kills).shuffle(jobs)

    async def work() -> None:
        while jobs:
            job = jobs.pop()
            if not await job() and proof.ends.total() < MOST_RUNS:
                jobs.append(job)  # it ended by itself, because of what had happened, so it is started again

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))


def _at(runs: _Runs, call: str, *, after: bool) -> Callable[[], Awaitable[bool]]:
    async def job() -> bool:
        return await runs.kill_at(call, after=after)

    return job


def _has_said(process: "subprocess.Popen[str]", beginning: str) -> None:
    """Return when a run has printed a line with this beginning, or has ended."""
    assert process.stderr
    while (line := process.stderr.readline()) and not line.startswith(beginning):
        """Read on."""


@contextmanager
def started(settings: Settings, environ: Mapping[str, str]) -> Iterator["subprocess.Popen[str]"]:
    """Start a run, which does not outlive the block."""
    command = [sys.executable, "-m", "tests.prove.replay_run", settings.as_text()]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=environ, text=True, stdout=pipe, stderr=pipe) as process:
        try:
            yield process
        finally:
            process.kill()


def _verdicts(proof: Proof, size: Size) -> list[Row]:
    ids = {event.body: event.event_id for event in proof.events}
    refused = sorted(event.body for event in proof.events if event.reason in REFUSED)
    arrived = {body for body, _ in proof.main}
    wrong = [body for body, of in proof.main if (of.get("origin"), of.get("eventId")) != ("replay", ids.get(body))]
    steps = len(STEPS)
    return [
        Row(
            f"replay: {len(ids):,} rejected events are on main or still rejected, despite {size.kills + steps} kill -9",
            f"{len(proof.missing)} missing, {len(proof.main) - len(arrived)} twice; {proof.kills} killed,"
            f" {proof.left_when_killed:,} left then",
            not proof.missing and proof.is_done and proof.kills >= size.kills + steps,
        ),
        Row(
            "replay: what the function refuses stays rejected, once, and is not on main; nothing else stays",
            f"{len(refused)} refused, {len(proof.rejected)} rejected",
            sorted(proof.rejected) == refused and not arrived & set(refused),
        ),
        Row("replay: on main with the same bytes, the same eventId and origin=replay", f"{len(wrong)} not", not wrong),
        Row(
            "replay: every trouble of the function and of Pub/Sub happened meanwhile",
            f"{len(proof.happened)} of {len(TROUBLES)}, {proof.happened.total()} times",
            len(proof.happened) == len(TROUBLES) or None,
        ),
    ]


def _caught(control: Proof) -> Row:
    return Row(
        "replay: losses of a replay that acknowledges an event before the function has it are found",
        f"{len(control.missing)} of {len(control.events):,} lost",
        bool(control.missing),
    )


def _memory(size: Size, say: Say) -> Row:
    """Measure the largest memory of runs with a few messages and with many."""
    kib = {}
    for number in (size.few, size.many):
        settings = Settings(endless=number, flags=["--json", "--rate=1000000000"])
        with started(settings, os.environ) as process:
            _, said = process.communicate()
        found = re.search(r"^memory: (\d+)$", said, re.MULTILINE)
        kib[number] = int(found[1]) if found else 0
        say(f"  {kib[number] // 1024} MiB for {number:,} messages")
    growth = kib[size.many] - kib[size.few]
    measured = f"{kib[size.few] // 1024} MiB for {size.few:,} messages, {kib[size.many] // 1024} MiB for {size.many:,}"
    return Row("replay: memory grows by the ids of messages only", measured, kib[size.few] > 0 and growth < ALLOWED_KIB)
