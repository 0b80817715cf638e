"""A call to DT's API, its answer, and what sends it, as types: ``dt.transport`` has the sender itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from deploy.secret import Secret

Method = Literal["GET", "POST", "PATCH", "DELETE"]
Params = Mapping[str, str | Sequence[str]]
"""Parameters of a query; one with several values is sent several times."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A service account's key."""

    key_id: str
    secret: Secret
    email: str


@dataclass(frozen=True, slots=True)
class DtRequest:
    """A call. ``emulator``: it goes to the emulator's API instead of the main API."""

    method: Method
    path: str
    body: Mapping[str, Any] | None = None
    params: Params = field(default_factory=dict)
    emulator: bool = False


@dataclass(frozen=True, slots=True)
class DtAnswer:
    """An answer. Status 0: there was none, or an unreadable one, for the reason in ``body["error"]``.

    ``is_unreachable``: DT was not reached at all, and ``fix`` says what helps. ``was_sent``: False if the login before
    the call failed, so that the call was not sent. ``date``: the time of the answer by DT's clock. ``text``: the body
    of a success as DT wrote it: numbers can be written in several ways, of which ``body`` does not tell.
    """

    status: int
    body: Mapping[str, Any]
    retry_after: str | None = None
    fix: str = ""
    is_unreachable: bool = False
    was_sent: bool = True
    date: str = ""
    text: str = field(default="", repr=False)

    @property
    def retry_after_s(self) -> float:
        """The seconds of ``Retry-After``, or 0. DT does not send dates there, so a date counts as 0."""
        return float(self.retry_after) if self.retry_after and self.retry_after.isdecimal() else 0.0


class Transport(Protocol):
    """Sends one call to DT."""

    def __call__(self, request: DtRequest) -> DtAnswer:
        """Send the call once, and return the answer."""
        ...


@runtime_checkable
class LogsIn(Protocol):
    """A transport that has to log in before a call, now and then."""

    def log_in(self) -> DtAnswer | None:
        """Log in if that is due. Return the answer if it failed."""
        ...
