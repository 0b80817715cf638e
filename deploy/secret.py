"""The signature secret, as a value that no ``repr``, log or traceback shows."""

import hmac
import json
import re
import secrets
from base64 import b64encode
from dataclasses import dataclass
from urllib.parse import quote

from function.secret_text import read_secrets

SECRET_BITS = 256

MASKED_LENGTH = 8
"""Substrings of a secret of at least this length are masked."""

_MASKED = "\0"
_SHIFTS = ((0, 0), (1, 2), (2, 3))
"""Base64 of a secret after 0, 1 or 2 other bytes: the number of those bytes, and the index of the first character that
encodes bytes of the secret alone."""

_URLSAFE = str.maketrans("+/", "-_")
_BYTE_FORMATS = (
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
"""Formats of one byte of a secret: hexadecimal digits, percent-encoding, escapes, HTML character references."""


class Secret:
    """A secret. ``reveal`` is the only method that returns its text."""

    __slots__ = ("_parts", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._parts: dict[int, set[str]] = {}

    def __repr__(self) -> str:
        """Return a text that shows nothing of the secret."""
        return "Secret(***)"

    __str__ = __repr__

    def reveal(self) -> str:
        """Return the text, to pass it to an API or a program."""
        return self._text

    def equals(self, other: str) -> bool:
        """Compare with another text in constant time."""
        return hmac.compare_digest(self._text.encode(), other.encode())

    def hidden_in(self, text: str) -> str:
        """Return the text with ``***`` in place of every part of this secret, in any of its encodings.

        Every substring that shares ``MASKED_LENGTH`` characters with the secret is a part of it, because an error
        message may quote the secret cut short.
        """
        masked: set[int] = set()
        for length, parts in self._masked_parts().items():
            for start in range(len(text) - length + 1):
                if text[start : start + length] in parts:
                    masked |= set(range(start, start + length))
        shown = "".join(_MASKED if index in masked else character for index, character in enumerate(text))
        return re.sub(f"{_MASKED}+", "***", shown)

    def _masked_parts(self) -> dict[int, set[str]]:
        """Return the substrings that are masked, by their length. They are made once, because many texts are masked."""
        if not self._parts:
            found: dict[int, set[str]] = {}
            for form, length in self._forms().items():
                parts = found.setdefault(length, set())
                parts |= {form[start : start + length] for start in range(len(form) - length + 1)}
            self._parts = found  # whole, because another thread may read it
        return self._parts

    def _forms(self) -> dict[str, int]:
        """Return the secret in every encoding, each with the length from which a substring of it is masked."""
        quoted = json.dumps(self._text)[1:-1]
        whole = {self._text, quoted, json.dumps(quoted)[1:-1], repr(self._text)[1:-1], quote(self._text, safe="")}
        encoded = self._text.encode()
        shifted = [b64encode(b"\0" * shift + encoded).decode()[first:] for shift, first in _SHIFTS]
        for form in shifted:
            whole |= {form, form.translate(_URLSAFE), quote(form, safe=""), form.replace("/", "\\/")}
        return dict.fromkeys(whole, MASKED_LENGTH) | {
            "".join(form % byte for byte in encoded): MASKED_LENGTH * len(form % 0) for form in _BYTE_FORMATS
        }


def new_secret() -> Secret:
    """Return a new secret of ``SECRET_BITS`` random bits, in hexadecimal digits."""
    return Secret(secrets.token_hex(SECRET_BITS // 8))


@dataclass(frozen=True, slots=True)
class SecretVersion:
    """One version of the secret in Secret Manager.

    ``secrets``: the secrets that the function reads from it, the newest first. ``faults``: what the function refuses in
    it, as sentences that quote no secret.
    """

    number: int
    secrets: tuple[Secret, ...]
    faults: tuple[str, ...] = ()

    @property
    def refusal(self) -> str:
        """Why the function can use no secret of this version; "" if it can use at least one."""
        return "" if self.secrets else f"the function cannot use version {self.number}: {'; '.join(self.faults)}"


def version_of(number: int, raw: bytes) -> SecretVersion:
    """Return the version with these bytes, read as the function itself reads them."""
    read = read_secrets(raw)
    return SecretVersion(number, tuple(Secret(secret.decode()) for secret in read.secrets), read.faults)
