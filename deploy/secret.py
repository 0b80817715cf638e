"""The signature secret, as a value that shows itself nowhere."""

import hmac
import json
import re
import secrets
from base64 import b64encode, urlsafe_b64encode
from dataclasses import dataclass

from function.secret_text import read_secrets

SECRET_BITS = 256

TELLING = 8
"""So many characters in a row are a part of a secret: nothing else has them, and fewer are of no use."""

_HIDDEN = "\0"


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
        """Give a text of others with ``***`` for every part of this secret, be it plain, in JSON or in base64.

        Whatever shares ``TELLING`` characters in a row with it is a part: what is quoted may be cut short.
        """
        for form in self._forms():
            parts = {form[start : start + TELLING] for start in range(len(form) - TELLING + 1)}
            told = {
                place
                for start in range(len(text) - TELLING + 1)
                if text[start : start + TELLING] in parts
                for place in range(start, start + TELLING)
            }
            kept = "".join(_HIDDEN if place in told else letter for place, letter in enumerate(text))
            text = re.sub(f"{_HIDDEN}+", "***", kept)
        return text

    def _forms(self) -> set[str]:
        """Give the ways in which somebody else may write it down."""
        encoded = self._text.encode()
        ways = {b64encode(encoded).decode(), urlsafe_b64encode(encoded).decode()}
        return {self._text, json.dumps(self._text)[1:-1], *ways}


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
