"""The one family of errors that leaves this package.

OfflineError               base class of all expected failures, with a text for the terminal
├── Refused                Pub/Sub answers a call with a status other than OK
├── RecordDamaged          a record file has a line that is not a record
├── EmulatorNotFound       no emulator runs, and none can be started, for the reason in the text
├── NotStarted             a stand-in was started and did not become ready
├── NotRunning             no workbench runs on a port
├── EventUnusable          a file with an event cannot be read
└── SandboxRefused         a sandbox cannot do what was asked; says what helps
"""

from collections.abc import Mapping

import grpc


class OfflineError(Exception):
    """An expected failure of a stand-in."""


class Refused(OfflineError):
    """Pub/Sub refuses a call with this gRPC status and message.

    ``reason`` and ``metadata`` belong to a ``google.rpc.ErrorInfo``, if the refusal has one.
    """

    def __init__(
        self, code: grpc.StatusCode, message: str, reason: str = "", metadata: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = reason
        self.metadata = dict(metadata or {})


class RecordDamaged(OfflineError):
    """A record file has a line that is not a record and not an incomplete last line."""


class EmulatorNotFound(OfflineError):
    """The environment names no running emulator, and none is installed that can be started."""


class NotStarted(OfflineError):
    """A stand-in was started, and ended or did not answer before it was ready."""


class NotRunning(OfflineError):
    """``send`` and ``sign`` need a workbench, and none runs on this port."""


class EventUnusable(OfflineError):
    """A file cannot be read that should have the body of an event."""


class SandboxRefused(OfflineError):
    """A sandbox does not do what was asked, because of ``what``. ``fix``: the command that helps."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(f"{what}\n  fix: {fix}")
        self.what = what
        self.fix = fix


def invalid(message: str) -> Refused:
    """Return an INVALID_ARGUMENT with this message."""
    return Refused(grpc.StatusCode.INVALID_ARGUMENT, message)


def not_found(resource: str) -> Refused:
    """Return the NOT_FOUND of a resource, in Google's words; ``resource`` is its full name."""
    short = resource.rpartition("/")[2]
    return Refused(grpc.StatusCode.NOT_FOUND, f"Resource not found (resource={short}).")


def already_exists(resource: str) -> Refused:
    """Return the ALREADY_EXISTS of a resource, in Google's words; ``resource`` is its full name."""
    short = resource.rpartition("/")[2]
    message = f"Resource already exists in the project (resource={short})."
    return Refused(grpc.StatusCode.ALREADY_EXISTS, message)


def unimplemented(what: str) -> Refused:
    """Return the UNIMPLEMENTED of a feature that would otherwise be accepted and have no effect."""
    return Refused(grpc.StatusCode.UNIMPLEMENTED, f"The embedded Pub/Sub has no {what}.")


def failed_precondition(message: str) -> Refused:
    """Return a FAILED_PRECONDITION with this message."""
    return Refused(grpc.StatusCode.FAILED_PRECONDITION, message)
