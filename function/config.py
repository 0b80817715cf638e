"""Settings: the environment as one frozen value, or every fault of it at once.

Secrets are held as bytes and left out of every repr, and no fault's text holds one.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar, get_args
from urllib.parse import urlsplit

from function.errors import SettingsError

MIN_SECRET_BYTES = 32
"""RFC 7518 §3.2: an HS256 key is at least as long as its hash, 256 bits."""

PRODUCTION_ISSUER = "https://identity.disruptive-technologies.com/data-connector"
"""Issuer of ``DT-Asymmetric-Signature`` on DT's production cloud."""

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_PROJECT_ID = re.compile(r"[A-Za-z0-9.:_-]+")
_TOPIC_ID = re.compile(r"(?!goog)[A-Za-z][A-Za-z0-9._~+%-]{2,254}")
"""https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names"""

LARGEST_BODY_BYTES = 9_000_000
"""A publish request holds 10 MB: https://cloud.google.com/pubsub/quotas. The rest is room for the attributes."""

LONGEST_PUBLISH_S = 6.5
"""Seconds. DT gives up after 10, and every answer has to leave within 7.5."""

Severity = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
"""Cloud Logging's severities that are used here, from the least."""
SEVERITIES: tuple[Severity, ...] = get_args(Severity)

S = TypeVar("S", bound=str)
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
            return read(name, lambda text: _topic(text, environ.get("GOOGLE_CLOUD_PROJECT", "")), "")

        topic = required("PUBSUB_TOPIC")
        settings = cls(
            topic=topic,
            rejected_topic=required("PUBSUB_REJECTED_TOPIC"),
            secrets=read("DT_SIGNATURE_SECRET", parse_secrets, ()),
            secret_file=read("DT_SIGNATURE_SECRET_FILE", Path, None),
            organization_id=read("DT_ORGANIZATION_ID", _organization_id, None),
            issuer=read("DT_ISSUER", trusted_url, PRODUCTION_ISSUER),
            project_ids=read("DT_PROJECT_IDS", _project_ids, None),
            label_attributes=read("LABEL_ATTRIBUTES", _listed, ()),
            order_by_device=read("ORDERING_KEY", _one_of("none", "device"), "none") == "device",
            cloud_events=read("CLOUDEVENTS", _one_of("false", "true"), "false") == "true",
            max_body_bytes=read("MAX_BODY_BYTES", _number(int, 1, LARGEST_BODY_BYTES), 262_144),
            publish_timeout_s=read("PUBLISH_TIMEOUT_SECONDS", _number(float, 0.1, LONGEST_PUBLISH_S), 4.0),
            clock_leeway_s=read("CLOCK_LEEWAY_SECONDS", _number(int, 0, 3600), 60),
            log_level=read("LOG_LEVEL", _one_of(*SEVERITIES), "INFO"),
            emulator_host=environ.get("PUBSUB_EMULATOR_HOST", "").strip() or None,
            google_project=environ.get("GOOGLE_CLOUD_PROJECT", "").strip()
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


def parse_secrets(text: str) -> tuple[bytes, ...]:
    """Take a text's secrets apart: one a line, newest first; blank lines and outer white space do not count.

    Raises:
        ValueError: there is none, or one is shorter than ``MIN_SECRET_BYTES``; its place is told, not its text.

    """
    secrets = tuple(line.strip().encode("utf-8", "surrogateescape") for line in text.splitlines() if line.strip())
    if not secrets:
        raise ValueError("holds no secret")
    for place, secret in enumerate(secrets, start=1):
        if len(secret) < MIN_SECRET_BYTES:
            raise ValueError(f"secret {place} has {len(secret)} bytes, at least {MIN_SECRET_BYTES} are needed")
    return secrets


def trusted_url(text: str) -> str:
    """Give the URL back if keys may be fetched from it: https, or http on this very host.

    Raises:
        ValueError: any other URL, or one with credentials, a query or a fragment.

    """
    url = urlsplit(text)
    secure = url.scheme == "https" or (url.scheme == "http" and url.hostname in _LOOPBACK)
    if not (secure and url.hostname) or url.username or url.query or url.fragment or not text.isascii():
        shown = repr(text) if "@" not in text else "an URL with credentials"
        raise ValueError(f"{shown} is not a plain https URL (http is for loopback addresses only)")
    return text


def _topic(text: str, google_project: str) -> str:
    project, _, topic = text.removeprefix("projects/").partition("/topics/")
    if not text.startswith("projects/"):
        project, topic = google_project.strip(), text
        if not project:
            raise ValueError(f"{text!r} needs GOOGLE_CLOUD_PROJECT, or the form projects/P/topics/T")
    if not _PROJECT_ID.fullmatch(project) or not _TOPIC_ID.fullmatch(topic):
        raise ValueError(f"{text!r} is neither projects/P/topics/T nor a topic id of 3 to 255 characters")
    return f"projects/{project}/topics/{topic}"


def _organization_id(text: str) -> str:
    identifier = text.removeprefix("organizations/")
    if not re.fullmatch(r"[A-Za-z0-9._-]+", identifier):
        raise ValueError(f"{text!r} is not the id of a DT organization")
    return identifier


def _project_ids(text: str) -> frozenset[str]:
    return frozenset(name.removeprefix("projects/") for name in _listed(text))


def _listed(text: str) -> tuple[str, ...]:
    words = tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    if not words:
        raise ValueError(f"{text!r} lists nothing")
    return words


def _one_of(*choices: S) -> Callable[[str], S]:
    def parse(text: str) -> S:
        for choice in choices:
            if text.lower() == choice.lower():
                return choice
        raise ValueError(f"{text!r} is none of {', '.join(choices)}")

    return parse


def _number(kind: Callable[[str], T], least: float, most: float) -> Callable[[str], T]:
    def parse(text: str) -> T:
        try:
            number = kind(text)
        except ValueError:
            number = None
        if number is None or not least <= number <= most:  # type: ignore[operator]
            raise ValueError(f"{text!r} is not a number from {least} to {most}")
        return number

    return parse
