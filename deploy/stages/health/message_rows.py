"""The rows of the messages: how many are unread, and why events are on the rejected topic. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from deploy.commands import JUDGE_REJECTED, read_events
from deploy.errors import DeployError
from deploy.google.backlog import Unread
from deploy.google.event_log import MAX_LINES, PROBLEM_DAYS, LogLine
from deploy.resources.catalog import subscriptions_of, unlisted_of
from deploy.resources.dead_letter import dead_letters
from deploy.resources.pubsub import subscription_id
from deploy.spec import Spec
from deploy.stages.health.readings import Readings
from deploy.stages.health.row import Row, unreadable
from deploy.stages.health.words import ago, counted, duration, moment
from deploy.stages.observed import Observed

MAX_UNREAD_S = 3600
"""A message that is unread for more seconds is a problem: its subscriber has stopped, or does not exist."""

NO_NUMBERS = "Google has no numbers yet"


def message_rows(spec: Spec, readings: Readings) -> Iterator[Row]:
    """Return a row for each subscription that exists, and for each reason of rejected events."""
    names = [name for name in (spec.topic, spec.rejected_topic) if _may_exist(name, readings)]
    lines = () if isinstance(readings.problems, DeployError) else readings.problems
    kept = [line for line in lines if line.is_kept]
    for name in names:
        if isinstance(readings.backlog, DeployError):
            yield unreadable(f"unread in {name}", readings.backlog)
        elif name == spec.topic:
            yield _unread(spec, name, readings.backlog.get(name), readings, "does a subscriber read it?")
        else:
            yield _rejected(spec, readings.backlog.get(name), readings)
    if spec.rejected_topic in names:
        yield from _reasons(spec, kept, readings, is_full=len(lines) >= MAX_LINES)
    if not isinstance(readings.backlog, DeployError):  # the rows above say why not
        yield from _further(spec, readings.backlog, readings)
    yield from _left(spec, readings)


def left_names(spec: Spec, observed: Observed) -> list[str]:
    """Return the deployment's subscriptions that are in no settings, but for those of BigQuery, which have rows."""
    unlisted = unlisted_of(spec, "subscription")
    facts = observed.of(unlisted)
    return [name for name in unlisted.names(facts) if name not in unlisted.storing(facts)]


def _left(spec: Spec, readings: Readings) -> Iterator[Row]:
    """Return a row for each subscription that is in no settings: it gets messages, also if no program reads them."""
    for name in left_names(spec, readings.google_side):
        if isinstance(readings.left, DeployError):
            yield unreadable(f"unread in {name}", readings.left)
        else:
            yield _left_row(spec, name, readings.left.get(name), readings)


def _left_row(spec: Spec, name: str, unread: Unread | None, readings: Readings) -> Row:
    what = f"unread in {name}"
    detail = f"{NO_NUMBERS if unread is None else waiting(unread, readings)}; it is in no settings"
    if unread is None or unread.oldest_s <= MAX_UNREAD_S:
        return Row(what, "ok", detail)
    choice = "name it there if a subscriber reads it; the command deletes it with its messages"
    deletion = unlisted_of(spec, "subscription").deletion_line(name)
    return Row(what, "unread", f"{detail}, and still gets messages: {choice}", "unhealthy", deletion, "backlog")


def _further(spec: Spec, backlog: Mapping[str, Unread], readings: Readings) -> Iterator[Row]:
    """Return a row for each subscription of ``[[subscriptions]]``, and for each that keeps dead letters."""
    pushes = {wanted.name for wanted in spec.subscriptions if wanted.push}
    letters = {letter.topic for letter in dead_letters(spec)}
    for name in [subscription.name for subscription in subscriptions_of(spec)][2:]:
        if not _may_exist(name, readings) or name in {spec.bigquery_subscription, spec.unwritten_topic}:
            continue  # those of BigQuery have rows of their own
        if name in letters:
            yield _undelivered(spec, name, backlog.get(name), readings)
        else:
            question = "does its endpoint answer 2xx?" if name in pushes else "does a subscriber read it?"
            yield _unread(spec, name, backlog.get(name), readings, question)


def _undelivered(spec: Spec, name: str, unread: Unread | None, readings: Readings) -> Row:
    """Return the row of a dead-letter subscription: each of its messages is one that a subscriber has not got."""
    what = f"dead letters in {name}"
    if unread is None or not unread.messages:
        return Row(what, "ok", NO_NUMBERS if unread is None else waiting(unread, readings))
    detail = f"{waiting(unread, readings)}{_kept_for(name, readings)}"
    return Row(what, "undelivered", detail, "unhealthy", read_events(spec, 10, name), "backlog")


def _may_exist(subscription: str, readings: Readings) -> bool:
    facts = readings.google_side.facts
    return subscription_id(subscription) not in facts or bool(facts[subscription_id(subscription)].get("subscription"))


def _unread(spec: Spec, name: str, unread: Unread | None, readings: Readings, question: str) -> Row:
    what = f"unread in {name}"
    if unread is None:
        return Row(what, "ok", NO_NUMBERS)
    if unread.oldest_s <= MAX_UNREAD_S:
        return Row(what, "ok", waiting(unread, readings))
    describe = f"gcloud pubsub subscriptions describe {name} {spec.project_flag}"
    detail = f"{waiting(unread, readings)}: {question}"
    return Row(what, "unread", detail, "unhealthy", describe, "backlog")


def _rejected(spec: Spec, unread: Unread | None, readings: Readings) -> Row:
    what = f"unread in {spec.rejected_topic}"
    if unread is None or not unread.messages:
        return Row(what, "ok", NO_NUMBERS if unread is None else waiting(unread, readings))
    detail = f"{waiting(unread, readings)}{_kept_for(spec.rejected_topic, readings)}"
    return Row(what, "rejected", detail, "unhealthy", JUDGE_REJECTED, "rejected")


def waiting(unread: Unread, readings: Readings) -> str:
    """Return how many messages are unread, how old the oldest is, and when that was measured."""
    measured = f"as of {moment(unread.measured_at)}, {duration(readings.at - unread.measured_at)} ago"
    if not unread.messages:
        return f"no messages; {measured}"
    return f"{counted(unread.messages, 'message')}, the oldest {duration(unread.oldest_s)} old; {measured}"


def _kept_for(name: str, readings: Readings) -> str:
    """Return for how long a subscription keeps a message: after that, it is lost."""
    found = readings.observed.facts.get(subscription_id(name), {}).get("subscription") or {}
    written = str(found.get("messageRetentionDuration", "")).removesuffix("s")
    return f"; each is kept for {duration(int(written))}" if written.isdecimal() else ""


def _reasons(spec: Spec, kept: Sequence[LogLine], readings: Readings, *, is_full: bool) -> Iterator[Row]:
    """Return a row for each reason, the most frequent one first, with the newest example."""
    is_problem = _has_unread(spec.rejected_topic, readings.backlog)
    fewest = "at least " if is_full else ""
    for reason, count in Counter(line.reason for line in kept).most_common():
        newest = next(line for line in kept if line.reason == reason)
        device = f" of {newest.device_id}" if newest.device_id else ""
        example = f"{newest.event_type or 'an event'}{device}"
        said = f": {newest.detail}" if newest.detail else ""
        detail = f"{fewest}{count:,} in {PROBLEM_DAYS} d, the last {ago(newest.at, readings.at)}, {example}{said}"
        if is_problem:
            yield Row(f"rejected: {reason}", "rejected", detail, "unhealthy", JUDGE_REJECTED, "rejected")
        else:
            yield Row(f"rejected: {reason}", "ok", detail)


def _has_unread(subscription: str, backlog: Mapping[str, Unread] | DeployError) -> bool:
    """Return whether there are unread messages; also True if Google has no number, as they may be too new for it."""
    if isinstance(backlog, DeployError):
        return True
    unread = backlog.get(subscription)
    return unread is None or unread.messages > 0
