"""``backfill``: send the events of a time window again, from DT's history, through the function to the main topic."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain, islice
from math import ceil

from deploy.cli.options import WHICH_DEPLOYMENT
from deploy.cli.usage import Flag, Usage
from deploy.context import Context
from deploy.dt.history import KEPT_S, NOT_IN_HISTORY, HistoryDevice, HistoryEvent
from deploy.errors import DeployError, DtFailed
from deploy.parallel import signals_wait
from deploy.program import PROGRAM
from deploy.remedies import head_of
from deploy.repair.arrived.arrivals import Window
from deploy.repair.backfill.backfiller import Backfill, Span, Target
from deploy.repair.backfill.resume_file import ResumeFile
from deploy.repair.backfill.tally import NotOnMain, Tally, remaining_s, rows
from deploy.repair.devices import unknown_devices
from deploy.repair.republisher import Republisher
from deploy.resources.connector import labels_wanted
from deploy.stages.observe import Observer
from deploy.stages.observed import Observed
from deploy.times import MOMENT, spoken, utc
from deploy.verbs.arrivals import SUBSCRIPTION, TABLE, missing_of
from deploy.verbs.backfilling import Options, opened, options_of, resumed
from deploy.verbs.event_flags import ANY_TYPE, DEVICE
from deploy.verbs.exit_codes import FAILED, NOTHING_TO_DO, UNMET
from deploy.verbs.planning import observe
from deploy.verbs.proving import newest_secret
from deploy.verbs.republishing import RATE, republisher_of

EVENTS_PER_WORKER = 5
"""Events that a worker sends in a second, if the function is far away: each waits for its answer."""

MAX_WORKERS = 32
SAVE_EVERY_S = 2.0
SAVING_SHARE = 0.05
"""The most of the time that saving the resume file takes: a large file is saved less often."""

STATE_EVERY_S = 0.5
LINE_EVERY_S = 60.0
"""If standard error is no terminal, progress is a line of its own so often."""

MOST_LISTED = 1_000
"""Devices among which one is looked for that was probably meant by an unknown id: a few calls of DT's API."""

MOST_LINES = 20
"""Events that are not on the main topic and are printed, one a line; the summary counts all, ``--json`` has more."""

FLAGS = (
    Flag("--from", {"metavar": "TIME", "dest": "since", "help": f"begin of the window, required: {MOMENT}"}),
    Flag("--to", {"metavar": "TIME", "dest": "until", "help": "its end, at most 10 s ago (default: now)"}),
    DEVICE,
    Flag(
        "--type",
        {
            "action": "append",
            "metavar": "TYPE",
            "help": "only events of this type, repeatable (default: those that the connector sends)",
        },
    ),
    ANY_TYPE,
    Flag("--missing-only", {"action": "store_true", "help": "send only events that are not on the main topic"}),
    SUBSCRIPTION,
    TABLE,
    RATE,
    Flag(
        "--resume",
        {
            "metavar": "FILE",
            "help": "remember in FILE what is done; if FILE exists, go on there, without what came late to DT since",
        },
    ),
    Flag("--dry-run", {"action": "store_true", "help": "count the events by device and type; send nothing"}),
)

USAGE = Usage(
    "send the events of a time window again, from DT's history",
    {
        NOTHING_TO_DO: "all are on the main topic, or were counted",
        UNMET: "some are not on the main topic",
        FAILED: "error",
    },
    options=WHICH_DEPLOYMENT,
    flags=FLAGS,
)


def run(context: Context) -> int:
    """Send the events, or count them, and return the exit code.

    Raises:
        DeployError: the deployment or DT's history could not be read, or nothing would come of going on.

    """
    options = options_of(context)
    found = opened(options)
    observed = observe(context, Observer.for_proof, "reading the deployment")
    targets = {project: _target(context, observed, project, options) for project in context.spec.dt_projects}
    options, resume = resumed(context, options, targets, found)
    with _arrived(context, options) as is_there:
        backfill = replace(_backfill(context, options, observed, targets, resume), is_there=is_there)
        return _carried_out(context, options, backfill)


@contextmanager
def _arrived(context: Context, options: Options) -> Iterator[Callable[[HistoryEvent], bool]]:
    """Yield what tells whether an event is on the main topic already: with --missing-only by what is read there."""
    if not options.place:
        yield lambda _: False
        return
    with missing_of(context, Window(options.start, options.end)) as missing:
        yield lambda event: not missing.is_missing(event)


def _carried_out(context: Context, options: Options, backfill: Backfill) -> int:
    """Send or count the events, and return the exit code. Raises ``DeployError``."""
    devices, total = _devices(context, options)
    _say_what_is_to_come(context, options)
    backfill.resume.create()
    try:
        _run(context, options, backfill, devices, total)
    except KeyboardInterrupt:
        what = f"interrupted: {backfill.tally.so_far()}"
        raise DeployError(what, fix=options.to_go_on(backfill.tally.done())) from None
    except DeployError as error:
        context.terminal.info(f"ended early: {backfill.tally.so_far()}")
        error.fix = (*error.fix, *options.to_go_on(backfill.tally.done()))
        raise
    return _show(context, options, backfill.tally)


def _run(
    context: Context, options: Options, backfill: Backfill, devices: Iterator[HistoryDevice], total: int | None
) -> None:
    """Send or count the events, and report and save what was done at any end. Raises ``DeployError``."""
    try:
        backfill.run(devices, _Progress(context, backfill, total).tick)
        if not backfill.tally.unread and not backfill.tally.missing:
            backfill.resume.finish()
    finally:
        with signals_wait():
            context.report.backfill = {**options.window, "dryRun": options.is_dry, **backfill.tally.as_json()}
            backfill.resume.save()


class _Progress:
    """Shows how far a run is, and saves the resume file now and then."""

    def __init__(self, context: Context, backfill: Backfill, total: int | None) -> None:
        self._context, self._backfill = context, backfill
        self._total = None if total is None else max(total - len(backfill.resume.done()), 0)
        self._began_at = self._shown_at = context.monotonic()
        self._save_at = self._began_at + SAVE_EVERY_S

    def tick(self) -> None:
        """Do what is due."""
        now, terminal = self._context.monotonic(), self._context.terminal
        if now >= self._save_at:
            self._backfill.resume.save()
            after = self._context.monotonic()
            self._save_at = after + max(SAVE_EVERY_S, (after - now) / SAVING_SHARE)
        if now - self._shown_at >= (STATE_EVERY_S if terminal.shows_state else LINE_EVERY_S):
            (terminal.state if terminal.shows_state else terminal.info)(self._text(now - self._began_at))
            self._shown_at = now

    def _text(self, elapsed_s: float) -> str:
        tally, total = self._backfill.tally, self._total
        done, events = tally.finished + tally.unread, tally.types.total()
        left_s = remaining_s(elapsed_s, done, total)
        parts = [
            f"{done:,} devices" if total is None else f"{done:,} of about {total:,} devices",
            f"{events:,} events, {events / max(elapsed_s, 1):.0f}/s",
            *([f"{tally.missing:,} not on the main topic"] if tally.missing else []),
            "no estimate yet" if left_s is None else f"about {spoken(left_s)} left",
        ]
        return ", ".join(parts)


def _backfill(
    context: Context, options: Options, observed: Observed, targets: Mapping[str, Target], resume: ResumeFile
) -> Backfill:
    return Backfill(
        context.history,
        Span(options.start, options.end, context.now()),
        targets,
        None if options.is_dry else _sender(context, observed, options.rate),
        resume,
        notice=_Lines(context).add,
        workers=min(MAX_WORKERS, ceil(options.rate / EVENTS_PER_WORKER)),
    )


class _Lines:
    """Prints the first events that are not on the main topic, one a line."""

    def __init__(self, context: Context) -> None:
        self._context, self._count = context, 0

    def add(self, missing: NotOnMain) -> None:
        """Print an event, if there are not too many yet."""
        self._count += 1
        if self._count <= MOST_LINES:
            self._context.terminal.info(missing.text())
        if self._count == MOST_LINES:
            self._context.terminal.info("more of them are only counted; --json has more")


def _sender(context: Context, observed: Observed, rate: int) -> Republisher:
    """Return the sender of events to the deployed function, which knows the secret and this verb.

    Raises:
        DeployError: there is no function, it is older than this verb, or the secret is unusable.

    """
    secret = newest_secret(context, observed)
    return republisher_of(context, observed.url(context.spec), secret, "backfill", rate)


def _target(context: Context, observed: Observed, project: str, options: Options) -> Target:
    """Return what this deployment's connector in a project sends; without one, what the settings say."""
    own, spec = observed.owned_in(project, context.spec), context.spec
    if own:
        return Target(own[0].labels, options.types or own[0].event_types)
    context.terminal.info(f"note: DT project {project} has no connector of this deployment; its settings are used")
    return Target(labels_wanted(spec) or (), options.types or spec.event_types or ())


def _devices(context: Context, options: Options) -> tuple[Iterator[HistoryDevice], int | None]:
    """Return the devices, a page at a time, and how many there are, about; None if DT does not say.

    Raises:
        DeployError: a device of --device is in none of the DT projects.

    """
    history, projects = context.history, context.spec.dt_projects
    if options.devices:
        named = [_device(context, device) for device in options.devices]
        return iter(named), len(named)
    counts = [history.device_count(project) for project in projects]
    known = [count for count in counts if count is not None]
    total = sum(known) if len(known) == len(counts) else None
    return chain.from_iterable(history.devices(project) for project in projects), total


def _device(context: Context, device: str) -> HistoryDevice:
    for project in context.spec.dt_projects:
        try:
            return context.history.device(project, device)
        except DtFailed as error:
            if error.status != 404:
                raise
    raise _unknown(context, device)


def _unknown(context: Context, device: str) -> DeployError:
    """Return the error for a device that DT does not know. Its list is read only as far as that is fast."""
    listed = chain.from_iterable(context.history.devices(project) for project in context.spec.dt_projects)
    known = list(islice(listed, MOST_LISTED + 1))
    return unknown_devices([device], known, context.spec.dt_projects, is_all=len(known) <= MOST_LISTED)


def _say_what_is_to_come(context: Context, options: Options) -> None:
    say, window = context.terminal.info, f"{utc(options.start)} to {utc(options.end)}"
    kept_from = context.now() - KEPT_S
    if options.start < kept_from:
        say(f"note: DT keeps events for {KEPT_S / 86_400:.0f} days: there may be none from before {utc(kept_from)}")
    for name in set(options.types) & set(NOT_IN_HISTORY):
        say(f"note: DT's history has no {name} events")
    if options.is_dry:
        say(f"counting the events from {window}; nothing is sent")
    else:
        say(f"sending the events from {window}, at most {options.rate} per second; their labels are those of today")


def _show(context: Context, options: Options, tally: Tally) -> int:
    """Show the result, and return the exit code."""
    if options.is_dry and not context.flags.json:
        context.terminal.table(list(rows(tally)))
    for one in tally.devices():
        if one.error:
            context.terminal.info(f"device {one.device.id} could not be read: {one.error}")
    context.print(tally.sentence())
    if not tally.unread and not tally.missing:
        return NOTHING_TO_DO
    for fix in (f"{PROGRAM} status", *options.to_go_on(tally.done())):
        context.terminal.info(f"  {head_of(fix)}: {fix}")
    return UNMET
