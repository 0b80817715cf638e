"""The project's function with a watch: how long each step of an event takes while the function serves.

It prints a JSON line with the median microseconds of each step after every ``EVENTS`` events. A step runs from one mark
to the next without another event in between, so that many events at the same time do not distort it.
"""

import functools
import json
import time
from collections import defaultdict
from collections.abc import Callable
from statistics import median
from typing import Any

import main
from function import direct_http, receiver
from function.batching import Batcher
from function.direct_http import DirectHttp
from function.log import Log
from function.receiver import Receiver
from function.verifier import Verifier
from tests.bench.stages import STEPS

EVENTS = 500

LAST = STEPS["answered", "sent"]

_spans: dict[str, list[float]] = defaultdict(list)
_last: tuple[str, float] = ("", 0.0)


def _mark(name: str) -> None:
    global _last  # noqa: PLW0603  # one watch for the whole process
    now = time.perf_counter()
    if step := STEPS.get((_last[0], name)):
        _spans[step].append((now - _last[1]) * 1e6)
    if len(_spans[LAST]) == EVENTS:
        _tell()
    _last = (name, time.perf_counter())


def _watch(owner: Any, name: str, before: str = "", after: str = "") -> None:
    """Mark when a function begins and when it has ended."""
    watched: Callable[..., Any] = getattr(owner, name)

    @functools.wraps(watched)
    def called(*given: Any, **named: Any) -> Any:
        if before:
            _mark(before)
        result = watched(*given, **named)
        if after:
            _mark(after)
        return result

    setattr(owner, name, called)


def _watch_awaited(owner: Any, name: str, before: str = "", after: str = "") -> None:
    """Mark when a coroutine begins and when it has ended."""
    watched: Callable[..., Any] = getattr(owner, name)

    @functools.wraps(watched)
    async def called(*given: Any, **named: Any) -> Any:
        if before:
            _mark(before)
        result = await watched(*given, **named)
        if after:
            _mark(after)
        return result

    setattr(owner, name, called)


def _tell() -> None:
    print(json.dumps({"stages": {step: median(_spans[step]) for step in STEPS.values()}}), flush=True)
    _spans.clear()


_watch_awaited(DirectHttp, "_answer", before="request", after="sent")
_watch_awaited(direct_http, "answer", before="adapter", after="answered")
_watch_awaited(Verifier, "authenticate", before="verify")
_watch(Verifier, "proves", after="verified")
_watch(Receiver, "_parse", after="opened")
_watch(receiver, "event_message", after="made")
_watch(Batcher, "_add", after="handed over")
_watch_awaited(Receiver, "_publish", after="published")
_watch(Log, "request", after="logged")

ingest = main.ingest
