"""The one family of errors that leaves this package.

OfflineError               something offline is not as it should be; its sentence is fit for a terminal
├── Refused                a call that Pub/Sub answers with a status other than OK
├── RecordDamaged          a record file has a line that no append could have left
├── EmulatorNotFound       neither a running emulator nor one to start; says why
└── NotStarted             an emulator or an embedded Pub/Sub was started and did not become ready
"""

from collections.abc import Mapping

import grpc


class OfflineError(Exception):
    """Anything that keeps a stand-in from doing its part."""


class Refused(OfflineError):
    """A call that Pub/Sub refuses, with the gRPC status and the sentence it refuses with.

    ``reason`` and ``metadata`` are those of a ``google.rpc.ErrorInfo``, if the refusal has one.
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
    """A record file holds something that is not a record, elsewhere than in a torn last line."""


class EmulatorNotFound(OfflineError):
    """No emulator runs where the environment points, and none is installed that could be started."""


class NotStarted(OfflineError):
    """A stand-in was started and ended, or stayed silent, before it was ready."""


def invalid(message: str) -> Refused:
    """An INVALID_ARGUMENT with this sentence."""
    return Refused(grpc.StatusCode.INVALID_ARGUMENT, message)


def not_found(resource: str) -> Refused:
    """The NOT_FOUND of a resource, in Google's words; ``resource`` is its full name."""
    short = resource.rpartition("/")[2]
    return Refused(grpc.StatusCode.NOT_FOUND, f"Resource not found (resource={short}).")


def already_exists(resource: str) -> Refused:
    """The ALREADY_EXISTS of a resource, in Google's words; ``resource`` is its full name."""
    short = resource.rpartition("/")[2]
    message = f"Resource already exists in the project (resource={short})."
    return Refused(grpc.StatusCode.ALREADY_EXISTS, message)


def unimplemented(what: str) -> Refused:
    """The UNIMPLEMENTED of a feature that is refused because it would not be honoured."""
    return Refused(grpc.StatusCode.UNIMPLEMENTED, f"The embedded Pub/Sub has no {what}.")


def failed_precondition(message: str) -> Refused:
    """A FAILED_PRECONDITION with this sentence."""
    return Refused(grpc.StatusCode.FAILED_PRECONDITION, message)
