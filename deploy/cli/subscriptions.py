"""Reads the further subscriptions, ``[[subscriptions]]`` of deploy.toml, and finds what is wrong with them. Pure."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from deploy.cli.options import BY_PLACE, MAX_NAME, SUBSCRIPTIONS
from deploy.cli.settings_file import SettingsFile
from deploy.cli.spelling import suggestion
from deploy.cli.subscription_filter import check_filter
from deploy.resources.catalog import resources
from deploy.resources.pubsub import subscription_id, topic_id
from deploy.spec import AUDIT_WORD, FOLLOW_WORD, PROOF_WORD, Spec, SubscriptionSettings
from deploy.times import seconds

_ID = re.compile(r"(?!goog)[A-Za-z][A-Za-z0-9._~+%-]{2,254}")
"""The id of a topic or subscription: https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names."""

_ACCOUNT = re.compile(r"[a-z0-9-]+@[a-z0-9.-]+\.gserviceaccount\.com")
_SECRET_WORD = re.compile(r"token|secret|key|passw|signature|\bsig\b|auth|code", re.IGNORECASE)
"""What the name of a parameter of a URL contains if its value is a secret."""

SUFFIX = "-dead-letter"
"""The end of the id of a dead-letter topic that deploy.toml does not name."""

_MAX_SHOWN = 60


@dataclass(slots=True)
class _Table:
    """One table, and what is wrong with it. ``number``: its place in the file, from 0. ``doubts``: valid, but odd."""

    file: SettingsFile
    number: int
    values: Mapping[str, Any]
    faults: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The subscription's name, as errors show it."""
        name = self.values.get("name")
        return name[:MAX_NAME] if isinstance(name, str) else f"number {self.number + 1}"

    def where(self, key: str) -> str:
        """Return where a key of the table is."""
        line = self.file.line(f"{SUBSCRIPTIONS}[{self.number}].{key}")
        return f"{line}: subscription {self.name}: {key}"

    def fault(self, key: str, what: str) -> None:
        """Note what is wrong with the value of a key."""
        self.faults.append(f"{self.where(key)}: {what}")

    def doubt(self, key: str, what: str) -> None:
        """Note what is valid, and may not be meant."""
        self.doubts.append(f"{self.where(key)}: {what}")


def read_subscriptions(file: SettingsFile, spec: Spec, faults: list[str]) -> Spec:
    """Return the spec with the further subscriptions of a file, and with doubts about them; add what is wrong."""
    written = file.values.get(SUBSCRIPTIONS, [])
    if not isinstance(written, list) or not all(isinstance(values, Mapping) for values in written):
        faults.append(f"{file.where(SUBSCRIPTIONS)}: write each subscription as a table below [[{SUBSCRIPTIONS}]]")
        return spec
    tables = [_Table(file, number, values) for number, values in enumerate(written)]
    settings = [_settings(table) for table in tables]
    for table, wanted in zip(tables, settings, strict=True):
        if not table.faults:
            _check(table, wanted, spec)
    whole = replace(spec, subscriptions=tuple(settings))
    _check_names(tables, whole)
    for table in tables:
        faults += table.faults
    return replace(whole, doubts=tuple(doubt for table in tables for doubt in table.doubts))


def _settings(table: _Table) -> SubscriptionSettings:
    """Return the settings of a table whose values have the right type and form; note the others."""
    for key in table.values:
        if key not in _READERS:
            table.fault(key, f"unknown key{suggestion([key], _READERS)}")
    if "name" not in table.values:
        table.fault("name", "is missing: it is the id of the subscription")
    read: dict[str, Any] = {}
    for key, reader in _READERS.items():
        if key in table.values:
            try:
                read[key] = reader(table.values[key])
            except ValueError as error:
                table.fault(key, str(error))
    name = read.setdefault("name", "")
    if read.get("dead_letter") is True:
        read["dead_letter"] = f"{name}{SUFFIX}"
    return SubscriptionSettings(**read)


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("has to be a text, in quotes")  # noqa: TRY004  # as every other error of a value
    return value


def _switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("has to be true or false, without quotes")  # noqa: TRY004  # as every other error of a value
    return value


def _id(value: Any) -> str:
    text = _string(value)
    if not _ID.fullmatch(text):
        what = "3 to 255 letters, digits and -._~+%, of which the first is a letter, and not goog at the beginning"
        raise ValueError(f"{text[:_MAX_SHOWN]!r} is not an id of {what}")
    return text


def _topic(value: Any) -> str:
    if value not in {"main", "rejected"}:
        meant = suggestion([value], ("main", "rejected")) if isinstance(value, str) else ""
        raise ValueError(f"has to be main or rejected{meant}")
    return str(value)


def _dead_letter(value: Any) -> str | bool:
    if isinstance(value, bool):
        return value or ""
    return _id(value)


def _retention(value: Any) -> str:
    text = _string(value)
    BY_PLACE["retention"].check(text)
    return text


def _ack_deadline(value: Any) -> str:
    text = _string(value)
    if not 10 <= seconds(text) <= 600:
        raise ValueError(f"{text!r} is not between 10s and 600s")
    return text


def _account(value: Any) -> str:
    text = _string(value)
    if not _ACCOUNT.fullmatch(text):
        raise ValueError(f"{text[:_MAX_SHOWN]!r} is not the e-mail address of a service account")
    return text


def _endpoint(value: Any) -> str:
    """Return the URL of a push, empty for none. An error does not show it, because it may have a secret."""
    text = _string(value)
    if not text:
        return text
    try:
        url = urlsplit(text)
        is_https = url.scheme == "https" and bool(url.hostname) and text.isascii() and text.isprintable()
    except ValueError:
        is_https = False
    if not is_https or " " in text:
        raise ValueError("is not an https URL")
    named = [name for name, _ in parse_qsl(url.query, keep_blank_values=True) if _SECRET_WORD.search(name)]
    if "@" in url.netloc or named:
        part = f"the parameter {named[0][:_MAX_SHOWN]}" if named else "a login"
        raise ValueError(f"has {part}: no secret may be in these settings; service_account proves that Pub/Sub pushes")
    if url.fragment:
        raise ValueError("has a part after #, which is never sent")
    return text


_READERS: dict[str, Callable[[Any], Any]] = {
    "name": _id,
    "topic": _topic,
    "filter": _string,
    "push": _endpoint,
    "service_account": _account,
    "audience": _string,
    "no_wrapper": _switch,
    "dead_letter": _dead_letter,
    "retention": _retention,
    "ack_deadline": _ack_deadline,
    "exactly_once": _switch,
    "ordering": _switch,
}
"""The keys of a table, and what reads their values."""

KEYS = tuple(_READERS)


def _check(table: _Table, wanted: SubscriptionSettings, spec: Spec) -> None:
    """Note what does not fit together."""
    for key in ("service_account", "audience", "no_wrapper"):
        if getattr(wanted, key) and not wanted.push:
            table.fault(key, "is for a push: set push to the URL")
    if wanted.audience and not wanted.service_account:
        table.fault("audience", "is that of a token: set service_account, too")
    if wanted.push and wanted.exactly_once:
        table.fault("exactly_once", "Pub/Sub has it for pull only")
    checked = check_filter(wanted.filter or "", wanted.topic, spec)
    for fault in checked.faults:
        table.fault("filter", fault)
    for doubt in checked.doubts:
        table.doubt("filter", doubt)
    for key, doubt in _doubts(wanted, spec):
        table.doubt(key, doubt)


def _doubts(wanted: SubscriptionSettings, spec: Spec) -> Iterator[tuple[str, str]]:
    if wanted.ordering and wanted.topic == "rejected":
        yield "ordering", "has no effect: rejected messages have no ordering key"
    elif wanted.ordering and not spec.ordered:
        yield "ordering", "has no effect unless the function has ORDERING_KEY=device"
    if wanted.no_wrapper and spec.settings.get("CLOUDEVENTS", "").strip().lower() != "true":
        yield "no_wrapper", "a push is a CloudEvents request only if the function has CLOUDEVENTS=true"
    if wanted.push and not wanted.service_account:
        yield "push", "without service_account the endpoint cannot know that Pub/Sub has sent a message"


def _check_names(tables: list[_Table], spec: Spec) -> None:
    """Note ids that are used twice: in these tables, or by another resource of the deployment."""
    own = {resource.id for resource in resources(replace(spec, subscriptions=()))}
    own |= {subscription_id(name) for name in (spec.bigquery_subscription, spec.unwritten_topic)}
    letters = {wanted.dead_letter for wanted in spec.subscriptions if wanted.dead_letter}
    seen: set[str] = set()
    for table, wanted in zip(tables, spec.subscriptions, strict=True):
        if wanted.name in seen:
            table.fault("name", "is the name of an earlier one, too")
        elif subscription_id(wanted.name) in own or _is_temporary(wanted.name, spec):
            table.fault("name", "is a subscription that the deployment makes itself: take another name")
        elif wanted.name in letters:
            table.fault("name", "is a dead-letter topic, which has a subscription of this name: take another name")
        if wanted.dead_letter and {topic_id(wanted.dead_letter), subscription_id(wanted.dead_letter)} & own:
            table.fault("dead_letter", "is a topic that the deployment makes itself: take another name, or true")
        seen.add(wanted.name)


def _is_temporary(name: str, spec: Spec) -> bool:
    """Return whether a name is like those of the subscriptions that some verbs make and delete."""
    words = (PROOF_WORD, FOLLOW_WORD, AUDIT_WORD)
    return name.startswith(tuple(f"{topic}-{word}-" for topic in (spec.topic, spec.rejected_topic) for word in words))
