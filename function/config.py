"""Settings: the environment as one frozen value, or every fault of it at once.

Secrets are held as bytes and left out of every repr, and no fault's text holds one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar, get_args

from function.errors import SettingsError
from function.setting_values import (
    emulator_host,
    google_project,
    listed,
    number,
    one_of,
    organization_id,
    parse_secrets,
    project_ids,
    topic_name,
    trusted_url,
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

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Settings:
    """What one function is told. The README's table of settings says what each means."""

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
        faults: list[str] = []

        def read(name: str, parse: Callable[[str], T], default: T) -> T:
            text = environ.get(name, "").strip()
            try:
                return parse(text) if text else default
            except ValueError as error:
                faults.append(f"{name}: {error}")
                return default

        def required(name: str) -> str:
            if not environ.get(name, "").strip():
                faults.append(f"{name}: required")
            return read(name, lambda text: topic_name(text, environ.get("GOOGLE_CLOUD_PROJECT", "")), "")

        topic = required("PUBSUB_TOPIC")
        settings = cls(
            topic=topic,
            rejected_topic=required("PUBSUB_REJECTED_TOPIC"),
            secrets=read("DT_SIGNATURE_SECRET", parse_secrets, ()),
            secret_file=read("DT_SIGNATURE_SECRET_FILE", Path, None),
            organization_id=read("DT_ORGANIZATION_ID", organization_id, None),
            issuer=read("DT_ISSUER", trusted_url, PRODUCTION_ISSUER),
            project_ids=read("DT_PROJECT_IDS", project_ids, None),
            label_attributes=read("LABEL_ATTRIBUTES", listed, ()),
            order_by_device=read("ORDERING_KEY", one_of("none", "device"), "none") == "device",
            cloud_events=read("CLOUDEVENTS", one_of("false", "true"), "false") == "true",
            max_body_bytes=read("MAX_BODY_BYTES", number(int, 1, LARGEST_BODY_BYTES), 262_144),
            publish_timeout_s=read("PUBLISH_TIMEOUT_SECONDS", number(float, 0.1, LONGEST_PUBLISH_S), 4.0),
            clock_leeway_s=read("CLOCK_LEEWAY_SECONDS", number(int, 0, 3600), 60),
            log_level=read("LOG_LEVEL", one_of(*SEVERITIES), "INFO"),
            emulator_host=read("PUBSUB_EMULATOR_HOST", emulator_host, None),
            google_project=read("GOOGLE_CLOUD_PROJECT", google_project, "")
            or topic.removeprefix("projects/").partition("/")[0],
        )
        schemes = ("DT_SIGNATURE_SECRET", "DT_SIGNATURE_SECRET_FILE", "DT_ORGANIZATION_ID")
        if not any(environ.get(name, "").strip() for name in schemes):
            faults.append(f"one of {', '.join(schemes)} is required: nothing could be verified without")
        if settings.topic and settings.topic == settings.rejected_topic:
            faults.append("PUBSUB_REJECTED_TOPIC: must be another topic than PUBSUB_TOPIC")
        if faults:
            raise SettingsError(faults)
        return settings
