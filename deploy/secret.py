"""The signature secret, as a value that shows itself nowhere."""

import hmac
import json
import re
import secrets
from base64 import b64encode
from dataclasses import dataclass
from urllib.parse import quote

from function.secret_text import read_secrets

SECRET_BITS = 256

TELLING = 8
"""So many characters in a row are a part of a secret: nothing else has them, and fewer are of no use."""

_HIDDEN = "\0"
_SHIFTS = ((0, 0), (1, 2), (2, 3))
"""In base64: so many bytes of others come before a secret, and the first character that is the secret's alone."""

_URLSAFE = str.maketrans("+/", "-_")
_OF_A_BYTE = (
    "%02x",
    "%02X",
    "%%%02x",
    "%%%02X",
    "\\x%02x",
    "\\x%02X",
    "\\u%04x",
    "\\u%04X",
    "&#%d;",
    "&#x%x;",
    "\\%03o",
)
"""Each byte of a secret by its number: in hexadecimal digits, percent-encoded, escaped, as HTML has it."""


class Secret:
    """A secret: ``reveal`` is the only way to its text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        """Say that there is one, and nothing of it."""
        return "Secret(***)"

    __str__ = __repr__

    def reveal(self) -> str:
        """Give the text, for the one place that hands it over."""
        return self._text

    def equals(self, other: str) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(self._text.encode(), other.encode())

    def hidden_in(self, text: str) -> str:
        """Give a text of others with ``***`` for every part of this secret, in whatever way it is written down.

        Whatever shares ``TELLING`` characters in a row with it is a part: what is quoted may be cut short.
        """
        told: set[int] = set()
        for form, telling in self._forms().items():
            parts = {form[start : start + telling] for start in range(len(form) - telling + 1)}
            for start in range(len(text) - telling + 1):
                if text[start : start + telling] in parts:
                    told |= set(range(start, start + telling))
        kept = "".join(_HIDDEN if place in told else letter for place, letter in enumerate(text))
        return re.sub(f"{_HIDDEN}+", "***", kept)

    def _forms(self) -> dict[str, int]:
        """Give the ways in which others may write it down, and how many characters in a row of each are a part."""
        quoted = json.dumps(self._text)[1:-1]
        whole = {self._text, quoted, json.dumps(quoted)[1:-1], repr(self._text)[1:-1], quote(self._text, safe="")}
        encoded = self._text.encode()
        shifted = [b64encode(b"\0" * shift + encoded).decode()[first:] for shift, first in _SHIFTS]
        for form in shifted:
            whole |= {form, form.translate(_URLSAFE), quote(form, safe=""), form.replace("/", "\\/")}
        return dict.fromkeys(whole, TELLING) | {
            "".join(form % byte for byte in encoded): TELLING * len(form % 0) for form in _OF_A_BYTE
        }


def new_secret() -> Secret:
    """Make one of ``SECRET_BITS`` random bits, in hexadecimal digits."""
    return Secret(secrets.token_hex(SECRET_BITS // 8))


@dataclass(frozen=True, slots=True)
class SecretVersion:
    """One version of the secret: its number, the secrets that the function takes from it, and what it refuses of it.

    The newest secret comes first. ``faults`` are sentences that quote no secret.
    """

    number: int
    secrets: tuple[Secret, ...]
    faults: tuple[str, ...] = ()

    @property
    def refusal(self) -> str:
        """Why the function can use nothing of it; an empty text if it can use a part or all of it."""
        return "" if self.secrets else f"the function cannot use version {self.number}: {'; '.join(self.faults)}"


def version_of(number: int, raw: bytes) -> SecretVersion:
    """Return what a version's bytes hold, as the function itself reads them."""
    read = read_secrets(raw)
    return SecretVersion(number, tuple(Secret(secret.decode()) for secret in read.secrets), read.faults)
