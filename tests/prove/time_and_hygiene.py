"""Section ``time``: how long a sender waits while the broker fails, what the failure leaves, and how a function ends.

Everything is measured on the real ``main.py``, for both entry points at the same time; only the counting of tasks needs
a ``main.py`` that reports them.
"""

import math
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from tests.blackbox.serving import ENTRY_POINTS, ROOT, Function
from tests.blackbox.stage import SECRET
from tests.emulators.pubsub.control import Control
from tests.emulators.pubsub.faults import Fault
from tests.emulators.pubsub.record import read_record
from tests.pace import stretch, within
from tests.prove.broker import Broker
from tests.prove.faults import LIMIT_S, MODES, REJECTED_TOPIC, TARGET_S, Mode, line_of
from tests.prove.proxy import Proxy
from tests.prove.report import Row, Say
from tests.prove.traffic import Sent, percentile, send_new, traffic

TOPIC = "projects/p/topics/events"
MIB = 1_048_576
THREADS = 250
"""Threads of a WSGI server: one for each request that may wait at the same time."""
WATCHED = Path(__file__).with_name("watched_main.py")
GRACE_S = 5.0
"""Seconds between SIGTERM and the end, at most."""
BACK_S = 1.5
"""Seconds between the restart of a broker and the first delivery, at most."""


def time_and_hygiene(short: bool, say: Say) -> list[Row]:  # noqa: FBT001  # as every section
    """Measure the promises about time."""
    rows: list[Row] = []
    outage_s, away_s = (6, (3, 6)) if short else (25, (15, 60))
    stages: list[list[Callable[[str], list[Row]]]] = [
        [partial(_every_fault, times=1 if short else 5), *(partial(_recovery, seconds=gone_s) for gone_s in away_s)],
        [partial(_outage, seconds=outage_s, fault=Fault.fail("UNAVAILABLE")), _dead_connection],
        [partial(_outage, seconds=outage_s, fault=Fault.hang())],
        [partial(sigterm, fault=Fault.slow(1.5), status=200), forked],
        [partial(sigterm, fault=Fault.hang(), status=503)],
    ]
    for parts in stages:
        rows += at_once(parts, say)
    return rows


def at_once(parts: Sequence[Callable[[str], list[Row]]], say: Say) -> list[Row]:
    """Measure these promises for both entry points at the same time."""
    with ThreadPoolExecutor() as pool:
        running = [pool.submit(part, entry_point) for part in parts for entry_point in ENTRY_POINTS]
        rows = [row for measured in running for row in measured.result()]
    for row in rows:
        say(f"{row.promise}: {row.measured}")
    return rows


@dataclass(frozen=True)
class Bench:
    """A function, the broker's process, and the proxy between them."""

    function: Function
    broker: Broker
    proxy: Proxy
    control: Control
    record: Path

    def published(self) -> dict[str, float]:
        """Return when each event was last acknowledged, in seconds since the UTC epoch, by its id."""
        return {
            message.attributes["eventId"]: datetime.fromisoformat(message.publish_time).timestamp()
            for message in read_record(self.record)
        }

    def tasks(self) -> int:
        """Return how many asyncio tasks the function has; works only with ``watched_main``."""
        return int(self.function.send(method="GET", path="/tasks").body)


@contextmanager
def bench(
    entry_point: str, settings: Mapping[str, str] | None = None, source: Path = ROOT / "main.py"
) -> Iterator[Bench]:
    """Start a function with its surroundings, and deliver a first event."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        record = folder / "acknowledged.jsonl"
        broker = stack.enter_context(Broker(record, [TOPIC, REJECTED_TOPIC]))
        control = stack.enter_context(Control(broker.host))
        proxy = stack.enter_context(Proxy(broker.host))
        environ = {
            "PUBSUB_TOPIC": TOPIC,
            "PUBSUB_REJECTED_TOPIC": REJECTED_TOPIC,
            "PUBSUB_EMULATOR_HOST": proxy.host,
            "DT_SIGNATURE_SECRET": SECRET,
            "THREADS": str(THREADS),
            "PYTHONPATH": str(ROOT),
            **(settings or {}),
        }
        function = stack.enter_context(Function(entry_point, environ, folder, source))
        assert send_new(function.port).status == 200
        yield Bench(function, broker, proxy, control, record)


def _every_fault(entry_point: str, times: int) -> list[Row]:
    """Show one fault after the other to a warm function, and send this many events during each."""
    seconds: list[float] = []
    wrong: list[str] = []
    with bench(entry_point) as made, ThreadPoolExecutor(times) as pool:
        for mode in MODES:
            _show(made, mode)
            answers = list(pool.map(lambda _: send_new(made.function.port), range(times)))
            made.control.clear_faults()
            made.proxy.show("none")
            seconds += [sent.seconds for sent in answers]
            wrong += [f"{mode.name}: {sent.status}" for sent in answers if sent.status != mode.status]
            wrong += [f"{mode.name}: no cause" for sent in answers if not _tells(made.function, sent, mode)]
            _until_delivered(made)
    slow = sum(taken_s > TARGET_S for taken_s in seconds)
    return [
        Row(
            f"{entry_point}: {len(MODES)} faults: answers <= {LIMIT_S} s (goal {TARGET_S}), right, cause in the log",
            f"{len(seconds)} answers, slowest {max(seconds):.2f} s, {slow} over {TARGET_S} s; wrong: {wrong or 'none'}",
            max(seconds) <= LIMIT_S and not wrong,
        )
    ]


def _show(made: Bench, mode: Mode) -> None:
    if mode.broker:
        made.control.set_fault(mode.broker.on(TOPIC))
    if mode.network:
        made.proxy.show(mode.network)


def _tells(function: Function, sent: Sent, mode: Mode) -> bool:
    line = line_of(function, sent.event_id)
    is_named = any(cause in line["detail"] for cause in mode.cause.split("|"))
    return is_named and (line["reason"], line["severity"]) == (mode.reason, mode.severity)


def _until_delivered(made: Bench) -> None:
    while send_new(made.function.port).status != 200:
        """Try again."""


def _outage(entry_point: str, seconds: float, fault: Fault) -> list[Row]:
    """Send 40 events/s while nothing is acknowledged; count what is left afterwards, and what is published late."""
    with bench(entry_point, source=WATCHED) as made:
        with traffic(made.function.port, 40):
            time.sleep(2)
        before = made.function.threads(), made.tasks(), made.function.rss_bytes()
        made.control.set_fault(fault.on(TOPIC))
        with traffic(made.function.port, 40) as sent:
            time.sleep(seconds)
        made.control.clear_faults()
        _until_delivered(made)
        time.sleep(2)
        after = made.function.threads(), made.tasks(), made.function.rss_bytes()
        published = made.published()
    refused = [event for event in sent.sent if event.status == 503]
    late = sum(published.get(event.event_id, -math.inf) > event.answered_at for event in refused)
    others = len(sent.sent) - len(refused)
    slowest = max(event.seconds for event in sent.sent)
    threads, tasks, rss = (now - then for now, then in zip(after, before, strict=True))
    what = "hangs" if fault.delay_s is None else f"answers {fault.code}"
    return [
        Row(
            f"{entry_point}: broker {what} for {seconds} s at 40/s: 503 each, <= {LIMIT_S} s; 0 published after that",
            f"{len(refused)} x 503, {others} others, slowest {slowest:.2f} s, {late} published late",
            not late and not others and slowest <= LIMIT_S,
        ),
        Row(
            f"{entry_point}: then as many tasks and threads (+{_spare_threads(entry_point)}) as before, memory +30 MiB",
            f"{tasks:+d} tasks, {threads:+d} threads, {rss / MIB:+.1f} MiB",
            tasks <= 1 and threads <= _spare_threads(entry_point) and rss <= 30 * MIB,
        ),
    ]


def _spare_threads(entry_point: str) -> int:
    """Return how many threads may stay: a WSGI server's pool grows to THREADS at most; an ASGI server has no pool."""
    return THREADS if entry_point == "ingest_wsgi" else 1


def _recovery(entry_point: str, seconds: float) -> list[Row]:
    """Kill and restart the broker under steady traffic."""
    with bench(entry_point) as made, traffic(made.function.port, 20) as sent:
        time.sleep(1)
        made.broker.kill()
        time.sleep(seconds)
        made.broker.start()
        back_at = time.time()
        time.sleep(5)
    first = (
        min(event.answered_at for event in sent.sent if event.status == 200 and event.answered_at > back_at) - back_at
    )
    slowest = max(event.seconds for event in sent.sent)
    return [
        Row(
            f"{entry_point}: no broker for {seconds} s: first delivery <= {BACK_S} s after its restart",
            f"{first:.2f} s; {sent.statuses()}; slowest answer {slowest:.2f} s",
            first <= BACK_S and slowest <= LIMIT_S,
        )
    ]


def _dead_connection(entry_point: str) -> list[Row]:
    """Let a connection die without notice while new ones would work."""
    with bench(entry_point) as made, traffic(made.function.port, 20) as sent:
        time.sleep(1)
        made.proxy.strand()
        time.sleep(6)
    bad = [event for event in sent.sent if event.status != 200]
    slowest = max(event.seconds for event in sent.sent)
    return [
        Row(
            f"{entry_point}: connection dies without notice: replaced within an attempt, every event delivered",
            f"{len(sent.sent)} sent, {len(bad)} not delivered, slowest {slowest:.2f} s",
            not bad and slowest <= TARGET_S,
        )
    ]


def sigterm(entry_point: str, fault: Fault, status: int, *, within_s: float = GRACE_S) -> list[Row]:
    """Send SIGTERM while every publish is slow, or hangs."""
    with bench(entry_point) as made:
        made.control.set_fault(fault.on(TOPIC))
        with traffic(made.function.port, 40) as sent:
            time.sleep(2.5)
            signalled_at = time.time()
            code = made.function.stop()
            took_s = time.time() - signalled_at
        published = made.published()
    arrived_by = signalled_at - 0.1 * stretch()
    before = [event for event in sent.sent if event.sent_at < arrived_by]
    cut = sum(event.status != status for event in before)
    lost = sum(event.status == 200 and event.event_id not in published for event in sent.sent)
    new = [event for event in sent.sent if event.sent_at >= signalled_at]
    waited_s = max(event.seconds for event in new if not event.status)
    what = "hanging publishes" if fault.delay_s is None else f"publishes of {fault.delay_s} s"
    return [
        Row(
            f"{entry_point}: SIGTERM during {what}: all {status}, 0 lost, end <= {within_s} s, new ones refused",
            f"{len(before)} in flight, {cut} cut, {lost} lost, exit {code} after {took_s:.2f} s;"
            f" {len(new)} new, refused in <= {waited_s:.2f} s",
            not (cut or lost) and within(max(took_s, waited_s), within_s),
        )
    ]


def forked(entry_point: str) -> list[Row]:
    """Start the function with each of gRPC's fork settings, because the client must be made after the fork."""
    answers: list[Sent] = []
    for setting in (None, "0", "1"):
        with bench(entry_point, {} if setting is None else {"GRPC_ENABLE_FORK_SUPPORT": setting}) as made:
            answers += [send_new(made.function.port) for _ in range(3)]
    right = sum(answer.status == 200 and within(answer.seconds, 1) for answer in answers)
    return [
        Row(
            f"{entry_point}: GRPC_ENABLE_FORK_SUPPORT unset, 0 and 1: 3 events each, 200 within 1 s",
            f"{right} of {len(answers)}, p50 {percentile([answer.seconds for answer in answers], 0.5) * 1000:.0f} ms",
            right == len(answers),
        )
    ]
