"""The signature secret, as a value that shows itself nowhere."""

import hmac
import secrets

SECRET_BITS = 256


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


def new_secret() -> Secret:
    """Make one of ``SECRET_BITS`` random bits, in hexadecimal digits."""
    return Secret(secrets.token_hex(SECRET_BITS // 8))


def secrets_in(text: str) -> tuple[Secret, ...]:
    """Take the lines of a secret's version apart: newest first, as the function reads them."""
    return tuple(Secret(line.strip()) for line in text.splitlines() if line.strip())
