"""Zero loss: every event that was answered 2xx is in the broker's record, byte for byte, in every scenario.

The function runs in its own process behind both entry points, and senders retry until 2xx, as DT does. A control that
answers before the acknowledgement goes through the same scenarios, and the measurement must find its losses.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from tests.emulators.pubsub.faults import Fault
from tests.prove.programs import SECRET, Bench, Variant, bench
from tests.prove.report import Row, Say
from tests.prove.scenarios import BRIEF, MATRIX, SENDERS, WELL, BrokerDown, Restart, Scenario
from tests.prove.senders import Senders, Tally, events

ENTRY_POINTS = (Variant("ingest", "ingest"), Variant("ingest_wsgi", "ingest_wsgi"))
CONTROL = Variant("control", "ingest", Path(__file__).with_name("answers_early.py"), settles_s=5.0)

PAUSE_S = 0.08
"""Seconds that a sender waits between the answer to one event and the next event."""

FINISH_S = 30.0
"""Seconds after the last step within which every event must be answered 2xx."""

LOOK_S = 0.5
"""Seconds between two looks at a record that can still grow."""

EVENTS, CAUGHT_IN = 25_000, 4
"""The least number of events of all scenarios, and the least number of scenarios in which the control loses some."""

FEW_EVENTS, CAUGHT_ONCE = 200, 1
"""The same for the short scenarios."""


@dataclass(frozen=True)
class Result:
    """The result of one scenario.

    ``lost``: answered 2xx, but not in the record. ``strange``: in the record, but never sent. ``repeated``: additional
    copies of events. ``unheard``: requests with the earlier copies, whose acknowledgement was lost. ``unfinished``:
    never answered 2xx. ``answers``: the number of answers by status, 0 meaning no answer.
    """

    scenario: Scenario
    variant: Variant
    delivered: int
    lost: int
    strange: int
    repeated: int
    unheard: int
    unfinished: int
    left_behind: int
    answers: Counter[int]
    slowest_s: float
    drains_s: tuple[float, ...]

    def __str__(self) -> str:
        refused = self.answers.total() - self.answers[200] - self.answers[0]
        drained = f" · drained in {max(self.drains_s):.1f} s" if self.drains_s else ""
        return (
            f"{self.variant.name:<11}  {self.scenario.name:<38}  {self.delivered:>5} delivered, {self.lost} lost, "
            f"{self.repeated} twice, {self.strange} strange, {self.unfinished} unfinished · {refused} refused, "
            f"{self.answers[0]} unanswered · slowest {self.slowest_s:.2f} s{drained}"
        )


async def measure(scenario: Scenario, variant: Variant) -> Result:
    """Run a scenario with a function of its own, and return the result."""
    with bench(variant, scenario.settings) as made:
        await made.start()
        tally = await _under_load(scenario, made)
        await _settled(tally, made, variant.settles_s)
        return _result(scenario, variant, tally, made)


def zero_loss(short: bool, say: Say) -> list[Row]:  # noqa: FBT001  # a section's shape
    """Run all scenarios, or the short ones, for both entry points and the control."""
    scenarios, at_least, caught_in = (BRIEF, FEW_EVENTS, CAUGHT_ONCE) if short else (MATRIX, EVENTS, CAUGHT_IN)
    *measured, control = asyncio.run(side_by_side(scenarios, say))
    return [
        *verdicts([result for results in measured for result in results], at_least=at_least),
        caught(control, caught_in),
    ]


async def side_by_side(scenarios: Sequence[Scenario], say: Say) -> list[list[Result]]:
    """Return the results of each entry point, and then of the control; all of them run at the same time."""

    async def one_after_the_other(variant: Variant) -> list[Result]:
        results = []
        for scenario in scenarios:
            results.append(await measure(scenario, variant))
            say(str(results[-1]))
        return results

    return await asyncio.gather(*(one_after_the_other(variant) for variant in (*ENTRY_POINTS, CONTROL)))


def verdicts(results: Sequence[Result], *, at_least: int) -> list[Row]:
    """Return what the results of both entry points prove."""
    delivered, lost = sum(result.delivered for result in results), sum(result.lost for result in results)
    strange, unfinished = sum(result.strange for result in results), sum(result.unfinished for result in results)
    left_behind = sum(result.left_behind for result in results)
    return [
        Row(
            f"answered 2xx = acknowledged, byte for byte, in {len(results)} runs of >= {at_least:,} events",
            f"{lost} missing of {delivered:,}",
            lost == 0 and delivered >= at_least,
        ),
        Row("nothing arrives that was not sent", f"{strange}", strange == 0),
        Row("every event is answered 2xx in the end", f"{unfinished} never", unfinished == 0),
        *repeats(results),
        Row("nothing holds the port after SIGTERM or kill -9", f"{left_behind} left behind", left_behind == 0),
    ]


def repeats(results: Sequence[Result]) -> Iterator[Row]:
    """Return how often events arrived twice, with and without a lost acknowledgement."""
    sound = [result for result in results if not result.scenario.acks_lost]
    if sound:
        twice = sum(result.repeated for result in sound)
        yield Row(f"no event arrives twice if no ack is lost ({len(sound)} runs)", f"{twice}", twice == 0)
    broken = [result for result in results if result.scenario.acks_lost]
    yield Row(
        f"events arrive twice only if the ack of their request was lost ({len(broken)} runs)",
        f"{sum(result.repeated for result in broken):,} events, {sum(result.unheard for result in broken):,} requests"
        f" of {sum(result.scenario.acks_lost for result in broken):,}",
        all(result.unheard <= result.scenario.acks_lost for result in broken),
    )


def caught(control: Sequence[Result], in_at_least: int) -> Row:
    """Return whether the control loses events in enough scenarios, and none where nothing fails."""
    losing = [result for result in control if result.lost]
    without_reason = sum(result.lost for result in control if not result.scenario.steps)
    return Row(
        f"losses of a function that answers before the ack are found in >= {in_at_least} of {len(control)} scenarios",
        f"in {len(losing)}: {sum(result.lost for result in control):,} lost; {without_reason} where nothing went wrong",
        len(losing) >= in_at_least and not without_reason,
    )


async def _under_load(scenario: Scenario, made: Bench) -> Tally:
    """Let the senders send while the steps happen, and then wait until all events are answered."""
    over = asyncio.Event()
    stream = takewhile(lambda _: not over.is_set(), events())
    senders = Senders(made.function.port, SECRET, stream, pause_s=PAUSE_S)
    await made.treat(WELL)
    sending = asyncio.create_task(senders.run(SENDERS))
    for pause_s, action in scenario.steps:
        await asyncio.sleep(pause_s)
        await _happen(action, made)
    await asyncio.sleep(scenario.tail_s)
    over.set()
    with suppress(TimeoutError):
        await asyncio.wait_for(sending, FINISH_S)
    return senders.tally


async def _happen(action: Fault | Restart | BrokerDown, made: Bench) -> None:
    match action:
        case Fault():
            await made.treat(action)
        case Restart(by=number):
            await made.function.end(number)
            await made.function.start()
        case BrokerDown(seconds=seconds):
            await made.kill_broker()
            await asyncio.sleep(seconds)
            await made.start_broker()
            await made.treat(WELL)


async def _settled(tally: Tally, made: Bench, settles_s: float) -> None:
    """If an event is missing, wait as long as it can still arrive."""
    for _ in range(int(settles_s / LOOK_S)):
        if not tally.delivered.keys() - {message.data for message in made.recorded()}:
            return
        await asyncio.sleep(LOOK_S)


def _result(scenario: Scenario, variant: Variant, tally: Tally, made: Bench) -> Result:
    copies: dict[bytes, list[str]] = {}
    for message in made.recorded():
        copies.setdefault(message.data, []).append(message.publish_time)  # the time of its request
    return Result(
        scenario=scenario,
        variant=variant,
        delivered=len(tally.delivered),
        lost=len(tally.delivered.keys() - copies.keys()),
        strange=len(copies.keys() - set(tally.sent)),
        repeated=sum(len(times) - 1 for times in copies.values()),
        unheard=len({time for times in copies.values() for time in times[:-1]}),
        unfinished=tally.unfinished,
        left_behind=made.function.left_behind,
        answers=tally.answers,
        slowest_s=tally.slowest_s,
        drains_s=tuple(made.function.drains_s),
    )
