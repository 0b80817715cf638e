"""The text of one setting -> its value. Pure.

Each function raises ValueError with what is wrong, for the operator; it quotes no secret.
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
"""Unicode's categories of control characters and of marks that no editor shows."""

S = TypeVar("S", bound=str)
T = TypeVar("T")


def unquoted(text: str) -> str:
    """Return the text, which must not stand in quotes: env files and shells keep them."""
    if is_quoted(text):
        raise ValueError("stands in quotes: leave them out")
    return text


def parse_secrets(text: str) -> tuple[bytes, ...]:
    """Return a text's secrets, one a line, newest first; see ``secret_text``.

    Raises:
        ValueError: there is none, or the function would refuse a line; the lines are named by number, not quoted.

    """
    read = read_secrets(text.encode("utf-8", "surrogateescape"))
    if read.faults:
        raise ValueError("; ".join(read.faults))
    return read.secrets


def trusted_url(text: str) -> str:
    """Give the URL back if keys may be fetched from it: https, or http on this very host.

    Raises:
        ValueError: any other URL, or one with credentials, a query or a fragment; it is not quoted.

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
    """Give the full name of a topic; a bare topic id is one of ``google_project``'s."""
    project, _, topic = text.removeprefix("projects/").partition("/topics/")
    if not text.startswith("projects/"):
        project, topic = google_project.strip() or "-", text
    if not _PROJECT_ID.fullmatch(project) or not _TOPIC_ID.fullmatch(topic):
        raise ValueError(f"{text!r} is neither projects/P/topics/T nor a topic id of 3 to 255 characters")
    if project == "-":
        raise ValueError(f"{text!r} needs GOOGLE_CLOUD_PROJECT, or the form projects/P/topics/T")
    return f"projects/{project}/topics/{topic}"


def google_project(text: str) -> str:
    """Give the id of a Google Cloud project back."""
    if not _PROJECT_ID.fullmatch(text):
        raise ValueError(f"{text!r} is not the id of a Google Cloud project")
    return text


def emulator_host(text: str) -> str:
    """Give ``host:port`` back."""
    host, _, port = text.rpartition(":")
    if not re.fullmatch(r"[A-Za-z0-9._:%\[\]-]+", host) or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65_535:
        raise ValueError(f"{text!r} is not host:port")
    return text


def organization_id(text: str) -> str:
    """Give the id of a DT organization, with or without ``organizations/`` before it."""
    identifier = text.removeprefix("organizations/")
    if not re.fullmatch(r"[A-Za-z0-9._-]+", identifier):
        raise ValueError(f"{text!r} is not the id of a DT organization")
    return identifier


def project_ids(text: str) -> frozenset[str]:
    """Give ids of DT projects, separated by commas, with or without ``projects/`` before them."""
    names = frozenset(name.removeprefix("projects/") for name in comma_separated(text))
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
            raise ValueError(f"{name!r} is not the id of a DT project")
    return names


def comma_separated(text: str) -> tuple[str, ...]:
    """Give the words between commas, each once, in their order."""
    words = tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    if not words:
        raise ValueError(f"{text!r} lists nothing")
    if any(category(character) in _INVISIBLE for word in words for character in word):
        raise ValueError(f"{text!r} holds characters that cannot be seen")
    return words


def one_of(*choices: S) -> Callable[[str], S]:
    """Make a parser that takes one of these words, in capitals or not."""

    def parse(text: str) -> S:
        for choice in choices:
            if text.lower() == choice.lower():
                return choice
        raise ValueError(f"{text!r} is none of {', '.join(choices)}")

    return parse


def either(no: str, yes: str) -> Callable[[str], bool]:
    """Make a parser that takes one of two words, in capitals or not, and returns whether it is the second."""
    parse = one_of(no, yes)
    return lambda text: parse(text) == yes


def number_between(kind: Callable[[str], T], least: float, most: float) -> Callable[[str], T]:
    """Make a parser that takes a number in this range."""

    def parse(text: str) -> T:
        try:
            value = kind(text) if re.fullmatch(r"[0-9.]+", text) else None
        except ValueError:
            value = None
        if value is None or not least <= value <= most:  # type: ignore[operator]
            raise ValueError(f"{text!r} is not a number from {least} to {most}")
        return value

    return parse
