"""Environment variables -> one frozen value, or all faults at once.

Secrets are bytes. No repr and no fault contains a secret.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar, get_args

from function.errors import SettingsError
from function.secret_text import trimmed
from function.settings_names import meant_setting
from function.settings_parsers import (
    comma_separated,
    either,
    emulator_host,
    google_project,
    number_between,
    one_of,
    organization_id,
    parse_secrets,
    project_ids,
    topic_name,
    trusted_url,
    unquoted,
)

PRODUCTION_ISSUER = "https://identity.disruptive-technologies.com/data-connector"
"""Issuer of the ``DT-Asymmetric-Signature`` tokens of DT's production cloud."""

LARGEST_BODY_BYTES = 9_000_000
"""Maximum of MAX_BODY_BYTES. A Publish request has at most 10 MB, attributes included.

https://cloud.google.com/pubsub/quotas
"""

LONGEST_PUBLISH_S = 6.5
"""Maximum of PUBLISH_TIMEOUT_SECONDS. DT times out after 10 s, and every answer must leave within 7.5 s."""

RAREST_LINE = 1_000_000
"""Maximum of LOG_DELIVERED. With this value, an instance writes one line of a delivered event in a minute."""

Severity = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
"""The severities of Cloud Logging that the function uses, in ascending order."""
SEVERITIES: tuple[Severity, ...] = get_args(Severity)

_SCHEMES = ("DT_SIGNATURE_SECRET", "DT_SIGNATURE_SECRET_FILE", "DT_ORGANIZATION_ID")
"""At least one of these settings is required."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one function. docs/reference.md explains them. ``_s`` is seconds."""

    topic: str
    rejected_topic: str
    secrets: tuple[bytes, ...] = field(repr=False)
    secret_file: Path | None = field(repr=False)
    organization_id: str | None
    issuer: str
    project_ids: frozenset[str] | None
    label_attributes: tuple[str, ...]
    order_by_device: bool
    cloud_events: bool
    max_body_bytes: int
    publish_timeout_s: float
    clock_leeway_s: int
    log_level: Severity
    log_delivered: int
    emulator_host: str | None
    google_project: str

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Return the settings of environment variables. A blank variable counts as unset.

        Raises:
            SettingsError: with all faults, none of which contains a secret.

        """
        given = _Environment(environ)
        topic, rejected_topic = given.topic("PUBSUB_TOPIC"), given.topic("PUBSUB_REJECTED_TOPIC")
        settings = cls(
            topic=topic,
            rejected_topic=rejected_topic,
            secrets=given.read("DT_SIGNATURE_SECRET", parse_secrets, ()),
            secret_file=given.read("DT_SIGNATURE_SECRET_FILE", Path, None),
            organization_id=given.read("DT_ORGANIZATION_ID", organization_id, None),
            issuer=given.read("DT_ISSUER", trusted_url, PRODUCTION_ISSUER),
            project_ids=given.read("DT_PROJECT_IDS", project_ids, None),
            label_attributes=given.read("LABEL_ATTRIBUTES", comma_separated, ()),
            order_by_device=given.read("ORDERING_KEY", either("none", "device"), default=False),
            cloud_events=given.read("CLOUDEVENTS", either("false", "true"), default=False),
            max_body_bytes=given.read("MAX_BODY_BYTES", number_between(int, 1, LARGEST_BODY_BYTES), 262_144),
            publish_timeout_s=given.read("PUBLISH_TIMEOUT_SECONDS", number_between(float, 0.1, LONGEST_PUBLISH_S), 4.0),
            clock_leeway_s=given.read("CLOCK_LEEWAY_SECONDS", number_between(int, 0, 3600), 60),
            log_level=given.read("LOG_LEVEL", one_of(*SEVERITIES), "INFO"),
            log_delivered=given.read("LOG_DELIVERED", number_between(int, 1, RAREST_LINE), 1),
            emulator_host=given.read("PUBSUB_EMULATOR_HOST", emulator_host, None),
            google_project=given.read(
                "GOOGLE_CLOUD_PROJECT", google_project, topic.removeprefix("projects/").partition("/")[0]
            ),
        )
        if not any(given.text(name) for name in _SCHEMES):
            given.faults.append(f"one of {', '.join(_SCHEMES)} is required to verify events")
        if topic and topic == rejected_topic:
            given.faults.append("PUBSUB_REJECTED_TOPIC: must not be the same topic as PUBSUB_TOPIC")
        given.faults += given.near_misses()
        if given.faults:
            raise SettingsError(given.faults)
        return settings


class _Environment:
    """Environment variables while they are read. ``known``: names that were read. ``faults``: a sentence for each."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.known: set[str] = set()
        self.faults: list[str] = []

    def text(self, name: str) -> str:
        self.known.add(name)
        return trimmed(self._environ.get(name, ""))

    def read(self, name: str, parse: Callable[[str], T], default: T) -> T:
        text = self.text(name)
        try:
            return parse(unquoted(text)) if text else default
        except ValueError as error:
            self.faults.append(f"{name}: {error}")
            return default

    def topic(self, name: str) -> str:
        if not self.text(name):
            self.faults.append(f"{name}: required")
        return self.read(name, lambda text: topic_name(text, self.text("GOOGLE_CLOUD_PROJECT")), "")

    def near_misses(self) -> list[str]:
        """Return a fault for each variable whose name is almost that of a setting, because it would have no effect."""
        unknown = sorted(self._environ.keys() - self.known)
        meant = [(name, meant_setting(name, self.known)) for name in unknown]
        return [f"{name}: unknown, did you mean {setting}?" for name, setting in meant if setting]
