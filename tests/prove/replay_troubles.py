"""What goes wrong while replays run: one trouble after the other, each for a moment."""

import asyncio
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial

from tests.emulators.clouds.faults import Faults
from tests.emulators.pubsub.faults import Fault
from tests.prove import proxy
from tests.prove.replay_site import MAIN, TOPICS, Site
from tests.prove.scenarios import MATRIX

LASTS_S = 0.5
PAUSE_S = 0.9
LATE_S = 3.0
"""Longer than a lease, and than a run waits for an answer."""

Trouble = Callable[[Site], Awaitable[None]]
FUNCTION = "*.run.app"
PUBSUB = "pubsub.googleapis.com"

_PUBLISH = {
    **{
        f"publish: {fault.answer} {fault.code} {fault.stores} {fault.delay_s}": replace(fault, topic="", calls=None)
        for scenario in MATRIX
        for _, fault in scenario.steps
        if isinstance(fault, Fault)
    },
    "publish: DEADLINE_EXCEEDED": Fault.fail("DEADLINE_EXCEEDED"),
    "publish: stored, then DEADLINE_EXCEEDED": Fault.commit_then_fail("DEADLINE_EXCEEDED"),
}


async def _publishes(made: Site, fault: Fault) -> None:
    """Let Pub/Sub fail when the function publishes."""
    await asyncio.to_thread(made.treat, fault.on(f"{TOPICS}/{MAIN}"))
    await asyncio.sleep(LASTS_S)
    await asyncio.to_thread(made.treat, None)


async def _network(made: Site, fault: proxy.Fault) -> None:
    """Let the network between the function and Pub/Sub fail."""
    await asyncio.to_thread(made.network.show, fault)
    await asyncio.sleep(LASTS_S)
    await asyncio.to_thread(made.network.show, "none")


async def _answers(made: Site, fail: Callable[[Faults], object]) -> None:
    """Let the next answers to a replay be faults."""
    fail(made.both.faults)
    await asyncio.sleep(LASTS_S)
    made.both.faults.clear()


async def _killed(made: Site) -> None:
    """Kill the function, and start it again."""
    await made.function.end(signal.SIGKILL)
    await asyncio.sleep(LASTS_S / 2)
    await made.function.start()


def _of_a_server(host: str, path: str, statuses: tuple[int, ...]) -> dict[str, Callable[[Faults], object]]:
    """Return what can be wrong with the answers to one kind of call."""

    def status(faults: Faults, number: int) -> object:
        return faults.fail(number, host=host, path=path, times=12, retry_after_s=1 if number == 429 else None)

    name = path.removeprefix("*") or "function"
    return {
        **{f"{name}: {number}": partial(status, number=number) for number in statuses},
        f"{name}: answer lost": lambda faults: faults.drop(host=host, path=path, times=4),
        f"{name}: late": lambda faults: faults.delay(LATE_S, host=host, path=path, times=3),
    }


TROUBLES: dict[str, Trouble] = {
    **{name: partial(_publishes, fault=fault) for name, fault in _PUBLISH.items()},
    **{f"network: {fault}": partial(_network, fault=fault) for fault in ("refuse", "reset", "half-open", "black hole")},
    **{
        name: partial(_answers, fail=fail)
        for place in (
            _of_a_server(FUNCTION, "*", (500, 502, 503, 429)),
            _of_a_server(PUBSUB, "*:pull", (503,)),
            _of_a_server(PUBSUB, "*:modifyAckDeadline", (503, 400)),
            _of_a_server(PUBSUB, "*:acknowledge", (500, 503, 504, 400)),
        )
        for name, fail in place.items()
    },
    "function: kill -9": _killed,
}
"""The troubles by name."""


@asynccontextmanager
async def troubled(made: Site, happened: Counter[str], seed: int) -> AsyncIterator[None]:
    """Let one trouble after the other happen, each once before one comes again; count them."""
    chance, ended = random.Random(seed), asyncio.Event()

    async def go_on() -> None:
        while True:
            for name in chance.sample(sorted(TROUBLES), len(TROUBLES)):
                if ended.is_set():
                    return
                await TROUBLES[name](made)
                happened[name] += 1
                with suppress(TimeoutError):
                    await asyncio.wait_for(ended.wait(), PAUSE_S * chance.uniform(0.5, 1.5))

    going = asyncio.create_task(go_on())
    try:
        yield
    finally:
        ended.set()
        await going
