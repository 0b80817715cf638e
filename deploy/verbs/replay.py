"""``replay``: send rejected events to the function again, after a fix, so that they get to the main topic."""

import importlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

from deploy.cli.options import WHICH_FUNCTION
from deploy.cli.usage import Flag, Usage
from deploy.context import Context
from deploy.errors import DeployError, InvalidOptions
from deploy.google.pubsub_api import PubSubFailed, Pulled
from deploy.live.rejections import REJECTIONS
from deploy.parallel import signals_wait, worker_pool
from deploy.program import PROGRAM, UP
from deploy.repair.replay.leases import Leases
from deploy.repair.replay.replayer import LANES, Replayer
from deploy.repair.replay.selection import Selection
from deploy.repair.replay.tally import Tally, described
from deploy.repair.republisher import Republisher, Verdict
from deploy.resources.function import Function
from deploy.resources.pubsub import Subscription
from deploy.secret import Secret
from deploy.times import MOMENT, moment
from deploy.verbs.event_flags import (
    ANY_TYPE,
    DEVICE,
    TYPE,
    faults_of_types,
    faults_of_window,
    number,
    read_flag,
    unknown,
)
from deploy.verbs.exit_codes import FAILED, NOTHING_TO_DO, UNMET
from deploy.verbs.republishing import DEFAULT_RATE, MAX_RATE, RATE, republisher_of

REASONS = tuple(REJECTIONS)

USUAL_ATTEMPTS = 5
"""Deliveries that a dead-letter policy allows if it names no number: Google's default."""

MOST_LINES = 20
"""Events that are not on the main topic and are printed, one a line; the summary counts all."""

FLAGS = (
    Flag("--reason", {"action": "append", "metavar": "REASON", "help": "only events rejected for this, repeatable"}),
    DEVICE,
    TYPE,
    ANY_TYPE,
    Flag("--since", {"metavar": "TIME", "help": f"only events that the function received from then on: {MOMENT}"}),
    Flag("--until", {"metavar": "TIME", "help": "only events that the function received before then"}),
    Flag("--limit", {"metavar": "N", "help": "at most N events: the oldest of the 10,000 messages read first"}),
    RATE,
    Flag(
        "--dry-run",
        {"action": "store_true", "help": "say what would become of each event, by this version; publish nothing"},
    ),
)

USAGE = Usage(
    "send rejected events to the function again, after a fix, so that they get to the main topic",
    {
        NOTHING_TO_DO: "all that was asked for is on main, or would be, or none was found",
        UNMET: "some is still rejected",
        FAILED: "error",
    },
    options=WHICH_FUNCTION,
    flags=FLAGS,
    is_resumable=True,
)


@dataclass(frozen=True, slots=True)
class _Options:
    """What the flags ask for. ``limit``: None without a limit. ``rate``: events per second."""

    selection: Selection
    limit: int | None
    rate: int
    is_dry: bool


@dataclass(frozen=True, slots=True)
class _Deployed:
    """What a replay needs of the deployment.

    ``variables``: the environment of the function. ``is_this_source``: its source is that of this checkout.
    ``max_attempts``: deliveries that the dead-letter policy of the rejected subscription allows; 0: without a policy.
    """

    url: str
    secrets: Sequence[Secret]
    variables: Mapping[str, str]
    is_this_source: bool
    max_attempts: int


def run(context: Context) -> int:
    """Replay what was asked for, until nothing is left, or until Ctrl-C or another signal; then show a summary.

    Raises:
        DeployError: there is no function or no subscription, or the function or Pub/Sub failed.

    """
    options = _options(context)
    with context.terminal.progress("reading the function, the secret and the subscription"):
        deployed = _deployed(context)
    _warn(context, options, deployed)
    if options.is_dry:
        send = _judge(context, deployed)
    else:
        send = _republisher(context, deployed, options.rate).send
        context.terminal.info(
            f"replaying from {context.spec.rejected_topic}: at most {options.rate} a second; Ctrl-C ends it"
        )
    shown = _Shown(context, Tally(is_dry=options.is_dry), deployed)
    with worker_pool(LANES + 1, is_endless=True) as pool:
        return _replay(context, _replayer(context, options, deployed, send, shown, pool), shown)


def _replay(context: Context, replayer: Replayer, shown: "_Shown") -> int:
    """Replay, and show a summary at every end. Return the exit code."""
    status = FAILED
    try:
        replayer.run()
        status = NOTHING_TO_DO if replayer.tally.is_complete and not replayer.stopped else UNMET
    except KeyboardInterrupt:  # also SIGTERM and SIGHUP
        replayer.stopped, status = "interrupted", UNMET
    finally:
        with signals_wait():
            replayer.end()
            context.report.replayed = replayer.tally.as_json()
            if replayer.stopped:
                context.terminal.info(f"stopped: {replayer.stopped}")
            for line in (*replayer.tally.lines(is_stopped=bool(replayer.stopped) or status == FAILED), *shown.notes()):
                context.print(line)
            context.terminal.info(f"exit status {status}: {_meaning(status, replayer)}")
    return status


def _meaning(status: int, replayer: Replayer) -> str:
    """Return what an exit status says about this run."""
    tally, would = replayer.tally, "would be" if replayer.tally.is_dry else "is"
    if status == FAILED:
        return USAGE.exit_codes[status]
    if status == UNMET and tally.is_complete:
        return "not all was looked at, so that more may be on the rejected topic"
    if status == UNMET:
        return f"some {'would still be' if tally.is_dry else 'is still'} on the rejected topic"
    if not tally.matched:
        return "nothing that was asked for is on the rejected topic"
    if tally.matched == replayer.limit:
        return f"as much as --limit allows {would} on the main topic; more may be left"
    return f"all that was asked for {would} on the main topic"


class _Shown:
    """What is printed of each event: in a dry run all, else those that are not on the main topic."""

    def __init__(self, context: Context, tally: Tally, deployed: _Deployed) -> None:
        self.tally = tally
        self._context = context
        self._deployed = deployed
        self._lock = threading.Lock()
        self._printed = self._would_pass = 0
        self._judge: Callable[[bytes], Verdict] | None = None

    def __call__(self, message: Pulled, verdict: Verdict) -> None:
        """Show what became of one message, or would become of it."""
        with self._lock:
            if verdict.outcome == "refused" and not self.tally.is_dry and not self._deployed.is_this_source:
                self._would_pass += self._passes_here(message.data)
            if not self.tally.is_dry and verdict.outcome == "published":
                return
            self._printed += 1
            if self.tally.is_dry or self._printed <= MOST_LINES:
                self._context.print(f"{fate(message, verdict, is_dry=self.tally.is_dry)}  {described(message)}")

    def _passes_here(self, body: bytes) -> bool:
        """Return whether the function of this checkout would accept an event; false if it cannot be asked."""
        if self._judge is None:
            try:
                self._judge = _judge(self._context, self._deployed)
            except DeployError:  # this is a hint only: the run goes on
                self._judge = lambda _: Verdict("failed")
        return self._judge(body).outcome == "published"

    def notes(self) -> Iterator[str]:
        """Yield what to know at the end."""
        if not self.tally.is_dry and self._printed > MOST_LINES:
            yield f"the first {MOST_LINES} of the {self._printed} that are not on the main topic are above"
        if self._would_pass:
            yield (
                f"this version would accept {self._would_pass} of those that the deployed function has refused: "
                f"`{UP}` deploys it, then replay again"
            )


def fate(message: Pulled, verdict: Verdict, *, is_dry: bool) -> str:
    """Return in words what became of a message, or would become of it."""
    if verdict.outcome == "published":
        is_open = message.attributes.get("reason") == "invalid_argument"
        return "would be on the main topic, if Pub/Sub accepts it now" if is_open else "would be on the main topic"
    return f"{'would be ' if is_dry else ''}{verdict.outcome}: {verdict.reason}"


def _replayer(
    context: Context,
    options: _Options,
    deployed: _Deployed,
    send: Callable[[bytes], Verdict],
    shown: _Shown,
    pool: ThreadPoolExecutor,
) -> Replayer:
    name, say = context.spec.rejected_topic, context.terminal.info
    return Replayer(
        api=context.pubsub,
        subscription=name,
        selection=options.selection,
        send=send,
        leases=Leases(context.pubsub, name, context.monotonic, say),
        tally=shown.tally,
        pool=pool,
        sleep=context.sleep,
        now=context.now,
        monotonic=context.monotonic,
        notice=say,
        on_verdict=shown,
        acknowledges=not options.is_dry,
        limit=options.limit,
        lanes=1 if options.is_dry else LANES,
        max_attempts=deployed.max_attempts,
    )


def _republisher(context: Context, deployed: _Deployed, rate: int) -> Republisher:
    """Return the sender to the deployed function. Raises ``DeployError`` if there is nothing to sign with."""
    if not deployed.secrets:
        raise DeployError("has no enabled version", where=f"secret {context.spec.secret}", fix=[UP])
    return republisher_of(context, deployed.url, deployed.secrets[0], "replay", rate)


def _judge(context: Context, deployed: _Deployed) -> Callable[[bytes], Verdict]:
    """Return the judge of this checkout. Only here, a command needs a package of the function.

    Raises:
        DeployError: the package is not installed, or the function would not start with the deployed settings.

    """
    try:
        judging = importlib.import_module("deploy.repair.replay.judging")  # other verbs do not wait for this import
    except ImportError as error:
        fix = "python -m pip install --no-deps --require-hashes -r deploy/requirements.txt"
        raise DeployError(f"--dry-run needs the package {error.name}", fix=[fix]) from None
    judge: Callable[[bytes], Verdict] = judging.Judge(deployed.variables, context.now, context.monotonic).judge
    return judge


def _deployed(context: Context) -> _Deployed:
    """Read the function, the secret and the rejected subscription.

    Raises:
        DeployError: one of them is missing, is not this deployment's, or cannot be used.

    """
    spec, function = context.spec, Function(context.spec)
    observed = context.observer.function_and_secret()
    found = function.found(observed.of(function))
    if found is None or not observed.url(spec):
        raise DeployError("is not there, so there is nothing that could publish", where=function.title, fix=[UP])
    remembered = replace(function, deployed=observed.memory(spec).deployed)
    return _Deployed(
        observed.url(spec),
        observed.secrets,
        found.get("serviceConfig", {}).get("environmentVariables") or {},
        remembered.source(found) == spec.digest,
        _max_attempts(context),
    )


def _max_attempts(context: Context) -> int:
    """Check that messages can be pulled from the rejected subscription. Return the deliveries that it allows, or 0.

    Raises:
        DeployError: it does not exist, is not this deployment's, or cannot be pulled.

    """
    spec = context.spec
    resource = Subscription(spec, spec.rejected_topic, None, "")
    try:
        found = context.pubsub.get(spec.rejected_topic)
    except PubSubFailed as error:
        if error.status != 404:
            raise
        what = "is not there: rejected events are lost until it is made again"
        raise DeployError(what, where=resource.title, fix=[UP]) from None
    if foreign := resource.not_ours({resource.key: found}):
        raise foreign
    resource.must_get_messages(found)
    pushed = [name for name in ("bigqueryConfig", "cloudStorageConfig") if found.get(name)]
    if pushed or (found.get("pushConfig") or {}).get("pushEndpoint"):
        what = "delivers its messages elsewhere by itself, so none can be pulled"
        raise DeployError(what, where=resource.title, fix=[f"{PROGRAM} plan"])
    policy = found.get("deadLetterPolicy")
    return int(policy.get("maxDeliveryAttempts") or USUAL_ATTEMPTS) if policy else 0


def _warn(context: Context, options: _Options, deployed: _Deployed) -> None:
    """Say what a user may not expect, before anything is done."""
    say = context.terminal.info
    if options.is_dry:
        say("dry run: nothing is published; the messages are held from other readers for a moment, and given back")
    if options.is_dry and not deployed.is_this_source:
        say(f"note: the deployed function has another source than this version, which judges here: `{UP}` deploys it")
    if deployed.max_attempts:
        say(
            f"note: subscription {context.spec.rejected_topic} has a dead-letter policy: it delivers a message "
            f"{deployed.max_attempts} times at most, and this counts, also for messages that are not asked for"
        )


def _options(context: Context) -> _Options:
    """Return what the flags ask for.

    Raises:
        InvalidOptions: some of them are invalid; it has every fault.

    """
    flags, faults = context.flags, list[str]()

    at = partial(moment, now=context.now())
    since, until = read_flag(faults, "--since", flags.since, at), read_flag(faults, "--until", flags.until, at)
    limit = read_flag(faults, "--limit", flags.limit, partial(number, most=10**9))
    rate = read_flag(faults, "--rate", flags.rate, partial(number, most=MAX_RATE))
    if since is not None and until is not None:
        faults += faults_of_window(since, until, ("--since", "--until"))
    faults += [*unknown("--reason", flags.reason or (), REASONS), *faults_of_types(flags)]
    if faults:
        raise InvalidOptions(faults, fix=[f"{PROGRAM} replay --help"])
    selection = Selection(tuple(flags.reason or ()), tuple(flags.device or ()), tuple(flags.type or ()), since, until)
    return _Options(selection, limit, rate or DEFAULT_RATE, flags.dry_run)
