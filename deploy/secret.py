"""The signature secret, as a value that shows itself nowhere."""

import hmac
import json
import re
import secrets
from base64 import b64encode, urlsafe_b64encode

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


def secrets_in(text: str) -> tuple[Secret, ...]:
    """Take the lines of a secret's version apart: newest first, as the function reads them."""
    return tuple(Secret(line.strip()) for line in text.splitlines() if line.strip())
