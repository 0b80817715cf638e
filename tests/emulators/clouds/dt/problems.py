"""Refusals in the format of DT's API: https://docs.developer.disruptive-technologies.com/docs/error-codes."""

from collections.abc import Mapping

from tests.emulators.clouds.exchange import Answer


class Refusal(Exception):
    """A request is refused with this status and message."""

    def __init__(self, status: int, error: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.headers = dict(headers or {})

    def answer(self) -> Answer:
        """Return the refusal as an HTTP answer."""
        body = {"error": self.error, "code": self.status, "help": f"https://docs.d21s.com/error/#{self.status}"}
        return Answer.of(body, self.status, self.headers)
