"""Settings: the environment as one frozen value, or every fault of it at once.

Secrets are held as bytes and left out of every repr, and no fault's text holds one.
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
"""Issuer of ``DT-Asymmetric-Signature`` on DT's production cloud."""

LARGEST_BODY_BYTES = 9_000_000
"""A publish request holds 10 MB: https://cloud.google.com/pubsub/quotas. The rest is room for the attributes."""

LONGEST_PUBLISH_S = 6.5
"""Seconds. DT gives up after 10, and every answer has to leave within 7.5."""

Severity = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
"""Cloud Logging's severities that are used here, from the least."""
SEVERITIES: tuple[Severity, ...] = get_args(Severity)

_SCHEMES = ("DT_SIGNATURE_SECRET", "DT_SIGNATURE_SECRET_FILE", "DT_ORGANIZATION_ID")
"""One of them at least is required."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Settings:
    """What one function is told. docs/reference.md says what each means."""

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
    emulator_host: str | None
    google_project: str

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Read the settings from environment variables; a blank variable counts as unset.

        Raises:
            SettingsError: with every fault there is, none of them holding a secret.

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
            emulator_host=given.read("PUBSUB_EMULATOR_HOST", emulator_host, None),
            google_project=given.read(
                "GOOGLE_CLOUD_PROJECT", google_project, topic.removeprefix("projects/").partition("/")[0]
            ),
        )
        if not any(given.text(name) for name in _SCHEMES):
            given.faults.append(f"one of {', '.join(_SCHEMES)} is required: nothing could be verified without")
        if topic and topic == rejected_topic:
            given.faults.append("PUBSUB_REJECTED_TOPIC: must be another topic than PUBSUB_TOPIC")
        given.faults += given.near_misses()
        if given.faults:
            raise SettingsError(given.faults)
        return settings


class _Environment:
    """Environment variables being read: ``faults`` is what is wrong with them, ``known`` which ones were asked for."""

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
        """Return a fault for each variable whose name is nearly that of a setting: it would have no effect."""
        unknown = sorted(self._environ.keys() - self.known)
        meant = [(name, meant_setting(name, self.known)) for name in unknown]
        return [f"{name}: unknown, did you mean {setting}?" for name, setting in meant if setting]
