"""``follow``: show events as they come, read from temporary subscriptions, so that no other subscriber misses one."""

import importlib
import re
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial

from deploy.cli.options import MAX_NAME, WHICH_TOPICS
from deploy.cli.usage import Flag, Usage
from deploy.context import Context
from deploy.dt.devices import names
from deploy.errors import InvalidOptions
from deploy.live.clock import Clock, at_time
from deploy.live.message import Message
from deploy.live.names import Names
from deploy.live.session import Session, session
from deploy.live.view import Style, View, opened, shown_filter
from deploy.live.wanted import Wanted
from deploy.live.web.options import PORT, PageOptions, has_browser
from deploy.program import PROGRAM
from deploy.times import seconds, spoken
from deploy.verbs.event_flags import ANY_TYPE, DEVICE, TYPE, faults_of_types, read_flag
from deploy.verbs.exit_codes import FAILED, NOTHING_TO_DO, UNMET

FLAGS = (
    DEVICE,
    TYPE,
    ANY_TYPE,
    Flag(
        "--label",
        {"action": "append", "metavar": "KEY=VALUE", "help": "only devices with this label, repeatable; name=… is one"},
    ),
    Flag("--text", {"metavar": "TEXT", "help": "only messages with this text anywhere, in any case"}),
    Flag("--count", {"metavar": "N", "help": "end after N events"}),
    Flag("--for", {"metavar": "TIME", "dest": "duration", "help": "end after this time, such as 60s or 5m"}),
    Flag("--raw", {"action": "store_true", "help": "show each body as DT sent it"}),
    Flag("--output", {"metavar": "FILE", "help": "append every message to a file, a line of JSON each"}),
    Flag("--web", {"action": "store_true", "help": "show the events on a page in the browser, for this machine only"}),
    Flag("--port", {"metavar": "PORT", "help": f"with --web: the page's port (default: {PORT}, or a free one)"}),
    Flag(
        "--host-name",
        {"action": "append", "metavar": "NAME", "help": "with --web: a name under which your tunnel shows the page"},
    ),
    Flag("--no-open", {"action": "store_true", "help": "with --web: print the page's address, open no browser"}),
)

USAGE = Usage(
    "show events as they come, also rejected ones; Ctrl-C ends",
    {
        NOTHING_TO_DO: "ended as asked",
        UNMET: "ended before --count events came",
        FAILED: "error",
    },
    options=WHICH_TOPICS,
    flags=FLAGS,
    prints_json_lines=True,
    may_reach_dt=True,
)


MAX_DURATION_S = 7 * 86400
"""The longest time that --for accepts."""


@dataclass(frozen=True, slots=True)
class _Options:
    """What the flags ask for. None: the flag is not given. ``page``: the live page."""

    wanted: Wanted
    style: Style
    count: int | None
    duration_s: int | None
    page: PageOptions | None


@dataclass(frozen=True, slots=True)
class Limits:
    """When a run ends by itself. ``count``: after so many events; ``until``: at this unix time. None: never."""

    count: int | None
    until: float | None

    def is_met(self, events: int) -> bool:
        """Return whether this number of events reaches the limit."""
        return self.count is not None and events >= self.count

    def is_over(self, now: float) -> bool:
        """Return whether the time is up."""
        return self.until is not None and now >= self.until


def run(context: Context) -> int:
    """Show events until a limit is reached, or until Ctrl-C or another signal; then show a summary."""
    options, terminal = _options(context), context.terminal
    clock = Clock(context.now, context.monotonic)
    read_names = partial(names, context.dt) if context.dt.transport else None
    known = Names(read_names, clock.monotonic, terminal.info)
    with opened(context.flags.output or "") as output:
        view = View(terminal, options.style, options.wanted, clock, known, output)
        try:
            status = _follow(context, options, view, known, clock)
        except BrokenPipeError:
            terminal.info("nothing reads the output any more")
            status = FAILED
    view.end()
    context.report.followed = view.summary
    for text in view.summary.lines(f"exit status {status}: {USAGE.exit_codes[status]}"):
        terminal.info(text)
    return status


def _follow(context: Context, options: _Options, view: View, known: Names, clock: Clock) -> int:
    """Show events by temporary subscriptions. Return the exit code."""
    spec, say = context.spec, context.terminal.info
    text, left_out = options.wanted.filter()
    say(f"{at_time(clock.now())}  connecting to Pub/Sub in {spec.google_project}")
    with session(spec, context.pubsub, text, known, clock, say) as reading:
        view.begin()
        view.summary.gaps = reading.reader.gaps
        end = f"ends after {spoken(options.duration_s)}" if options.duration_s else "Ctrl-C ends"
        say(f"{at_time(clock.now())}  live: events of {spec.name} from now on; {end}")
        for note in shown_filter(text, left_out):
            say(note)
        until = clock.now() + options.duration_s if options.duration_s else None
        with _page(context, options.page, reading, known) as view.add_to_page:
            return _show(reading, view, Limits(options.count, until), clock)


def _page(
    context: Context, options: PageOptions | None, session: Session, known: Names
) -> AbstractContextManager[Callable[[Message], object]]:
    """Serve the live page if it is asked for. The context is a function that gets every message."""
    if options is None:
        return nullcontext(lambda _: None)
    title = f"{context.spec.name} in {context.spec.google_project}"
    opening = importlib.import_module("deploy.live.web.opening")  # other verbs do not wait for this import
    page: AbstractContextManager[Callable[[Message], object]] = opening.live_page(
        title, session.connection, known.read, options, context.terminal.info
    )
    return page


def _show(reading: Session, view: View, limits: Limits, clock: Clock) -> int:
    """Show events until a limit is reached, or until a signal. Return the exit code."""
    with suppress(KeyboardInterrupt):  # also SIGTERM and SIGHUP: the usual end of a run without limits
        while not limits.is_met(view.summary.events) and not limits.is_over(clock.now()):
            message = reading.next(lambda: view.tick(reading.connection))
            if message:
                view.show(message)
    for message in reading.rest():
        if limits.is_met(view.summary.events):
            break
        view.show(message)
    return NOTHING_TO_DO if limits.count is None or limits.is_met(view.summary.events) else UNMET


def _options(context: Context) -> _Options:
    """Return what the flags ask for.

    Raises:
        InvalidOptions: some of them are invalid; it has every fault.

    """
    flags, faults = context.flags, list[str]()
    labels = []
    for label in flags.label or ():
        key, equals, value = label.partition("=")
        if not key or not equals:
            faults.append(f"--label: {label[:MAX_NAME]!r} is not KEY=VALUE, such as name=Fridge")
        labels.append((key, value))
    count = read_flag(faults, "--count", flags.count, _count)
    duration_s = read_flag(faults, "--for", flags.duration, _duration)
    if flags.json and flags.raw:
        faults.append("--raw: --json shows the body as well; give only one of them")
    faults += faults_of_types(flags)
    page = _page_options(context, faults)
    if faults:
        raise InvalidOptions(faults, fix=[f"{PROGRAM} follow --help"])
    wanted = Wanted(tuple(flags.device or ()), tuple(flags.type or ()), tuple(labels), flags.text or "")
    style: Style = "json" if flags.json else "raw" if flags.raw else "page" if page else "lines"
    return _Options(wanted, style, count, duration_s, page)


def _page_options(context: Context, faults: list[str]) -> PageOptions | None:
    """Return how the live page is opened, or None without --web."""
    flags = context.flags
    port = read_flag(faults, "--port", flags.port, _port)
    if flags.web:
        opens = not flags.no_open and has_browser(context.environ, sys.platform)
        return PageOptions(port, tuple(flags.host_name or ()), opens)
    given = {"--port": flags.port, "--host-name": flags.host_name, "--no-open": flags.no_open}
    faults.extend(f"{name}: needs --web" for name, value in given.items() if value)
    return None


def _count(text: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,8}", text):
        raise ValueError(f"{text[:MAX_NAME]!r} is not a number from 1 on")
    return int(text)


def _port(text: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,4}", text) or int(text) > 65_535:
        raise ValueError(f"{text[:MAX_NAME]!r} is not a port, 1 to 65535")
    return int(text)


def _duration(text: str) -> int:
    if not 1 <= seconds(text) <= MAX_DURATION_S:
        raise ValueError(f"{text[:MAX_NAME]!r} is not between 1s and {MAX_DURATION_S // 86400}d")
    return seconds(text)
