"""The text of one setting -> its value. Pure.

Each parser raises ValueError with a sentence for the operator that quotes no secret.
"""

import re
from collections.abc import Callable
from ipaddress import ip_address
from typing import TypeVar
from unicodedata import category
from urllib.parse import urlsplit

from function.secret_text import is_quoted, read_secrets

_PROJECT_ID = re.compile(r"[A-Za-z0-9.:_-]+")
_URL = re.compile(r"https?://[^\s@?#\"<>\\^`{|},;]+")
_TOPIC_ID = re.compile(r"(?!goog)[A-Za-z][A-Za-z0-9._~+%-]{2,254}")
"""https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names"""

_INVISIBLE = frozenset({"Cc", "Cf"})
"""Unicode's categories of control characters and of invisible characters."""

S = TypeVar("S", bound=str)
T = TypeVar("T")


def unquoted(text: str) -> str:
    """Return the text. Raises ValueError if it is in quotation marks, because env files and shells may keep them."""
    if is_quoted(text):
        raise ValueError("is in quotes: remove them")
    return text


def parse_secrets(text: str) -> tuple[bytes, ...]:
    """Return a text's secrets, one a line, newest first; see ``secret_text``.

    Raises:
        ValueError: there is no secret, or a line is invalid. The text has the numbers of the lines, not their content.

    """
    read = read_secrets(text.encode("utf-8", "surrogateescape"))
    if read.faults:
        raise ValueError("; ".join(read.faults))
    return read.secrets


def trusted_url(text: str) -> str:
    """Return the URL if keys may be fetched from it: https, or http on a loopback address.

    Raises:
        ValueError: any other URL, or a URL with credentials, a query or a fragment. The text does not quote the URL.

    """
    wanted = "not a plain https URL (http is for loopback addresses only)"
    try:
        url = urlsplit(text)
        is_plain = text.isascii() and _URL.fullmatch(text) and url.hostname and url.port != 0
    except ValueError as error:
        raise ValueError(wanted) from error
    if not (is_plain and (url.scheme == "https" or (url.scheme == "http" and _is_loopback(url.hostname or "")))):
        raise ValueError(wanted)
    return text


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def topic_name(text: str, google_project: str) -> str:
    """Return the full name of a topic. A topic id without a project belongs to ``google_project``."""
    project, _, topic = text.removeprefix("projects/").partition("/topics/")
    if not text.startswith("projects/"):
        project, topic = google_project.strip() or "-", text
    if not _PROJECT_ID.fullmatch(project) or not _TOPIC_ID.fullmatch(topic):
        raise ValueError(f"{text!r} is neither projects/P/topics/T nor a topic id of 3 to 255 characters")
    if project == "-":
        raise ValueError(f"{text!r} needs GOOGLE_CLOUD_PROJECT, or the form projects/P/topics/T")
    return f"projects/{project}/topics/{topic}"


def google_project(text: str) -> str:
    """Return the id of a Google Cloud project unchanged."""
    if not _PROJECT_ID.fullmatch(text):
        raise ValueError(f"{text!r} is not the id of a Google Cloud project")
    return text


def emulator_host(text: str) -> str:
    """Return ``host:port`` unchanged."""
    host, _, port = text.rpartition(":")
    if not re.fullmatch(r"[A-Za-z0-9._:%\[\]-]+", host) or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65_535:
        raise ValueError(f"{text!r} is not host:port")
    return text


def organization_id(text: str) -> str:
    """Return the id of a DT organization. The text may begin with ``organizations/``."""
    identifier = text.removeprefix("organizations/")
    if not re.fullmatch(r"[A-Za-z0-9._-]+", identifier):
        raise ValueError(f"{text!r} is not the id of a DT organization")
    return identifier


def project_ids(text: str) -> frozenset[str]:
    """Return the ids of DT projects, which commas separate. Each may begin with ``projects/``."""
    names = frozenset(name.removeprefix("projects/") for name in comma_separated(text))
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
            raise ValueError(f"{name!r} is not the id of a DT project")
    return names


def comma_separated(text: str) -> tuple[str, ...]:
    """Return the words between commas in their order, without repetitions."""
    words = tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    if not words:
        raise ValueError(f"{text!r} is an empty list")
    if any(category(character) in _INVISIBLE for word in words for character in word):
        raise ValueError(f"{text!r} contains invisible characters")
    return words


def one_of(*choices: S) -> Callable[[str], S]:
    """Return a parser that accepts one of these words, in upper or lower case."""

    def parse(text: str) -> S:
        for choice in choices:
            if text.lower() == choice.lower():
                return choice
        raise ValueError(f"{text!r} is not one of {', '.join(choices)}")

    return parse


def either(no: str, yes: str) -> Callable[[str], bool]:
    """Return a parser that accepts one of two words, in upper or lower case: ``no`` is False and ``yes`` is True."""
    parse = one_of(no, yes)
    return lambda text: parse(text) == yes


def number_between(kind: Callable[[str], T], least: float, most: float) -> Callable[[str], T]:
    """Return a parser that accepts a number in this range, both ends included."""

    def parse(text: str) -> T:
        try:
            value = kind(text) if re.fullmatch(r"[0-9.]+", text) else None
        except ValueError:
            value = None
        if value is None or not least <= value <= most:  # type: ignore[operator]
            raise ValueError(f"{text!r} is not a number from {least} to {most}")
        return value

    return parse
