"""The one family of errors that leaves this package: where it happened, what, and the command that mends it.

DeployError                anything that keeps a verb from doing its part
├── FilterInvalid          a text that is not a filter of a subscription (in ``pubsub_filter``)
├── OptionsUnsound         flags, environment or deploy.toml; every fault at once
├── GcloudFailed           a gcloud command failed; ``code`` says in Google's words why
├── DtFailed               a call of DT's API failed; ``status`` is its HTTP status
│   └── DtUnanswered       nobody knows whether DT did it: no answer, or one that cannot be read
│       └── DtUnreachable  DT cannot be reached from here: certificate, proxy, name or connection
├── NotReady               the preflight found what has to be mended first
├── Unusable               something of this deployment can only be deleted and made again
├── NotOurs                something of the same name was not made by this deployment
├── Stopped                a step failed, or was interrupted; what was done before it stays done
├── Declined               whoever was asked said no, or nobody could be asked
└── NotProven              the path does not do what it should
"""

from collections.abc import Sequence
from typing import Literal

from deploy.steps import Step

Code = Literal[
    "NOT_FOUND",
    "ELSEWHERE",
    "ALREADY_EXISTS",
    "ABORTED",
    "RESOURCE_EXHAUSTED",
    "QUOTA",
    "PERMISSION_DENIED",
    "UNAUTHENTICATED",
    "IMPERSONATION",
    "CLOCK",
    "TERMS",
    "BILLING",
    "PROJECT",
    "QUOTA_PROJECT",
    "SERVICE_DISABLED",
    "REGION",
    "ACCOUNT_LAG",
    "PERIMETER",
    "LOCATIONS",
    "POLICY",
    "PUBLIC_FORBIDDEN",
    "CHECK_FORCED",
    "KMS_KEY",
    "BUILD_ACCOUNT",
    "BUILD",
    "IMAGE",
    "START",
    "OLD_GCLOUD",
    "ENDPOINT",
    "NETWORK",
    "CERTIFICATE",
    "PROXY",
    "GARBLED",
    "CRASHED",
    "UNAVAILABLE",
    "TIMEOUT",
    "MISSING",
    "UNWORDED",
    "OTHER",
]
"""Why a gcloud command failed; ``gcloud_errors.TABLE`` has the sentences and the remedy of each.

``NOT_FOUND``: the very resource that the command names is not there; ``ELSEWHERE``: something else is not.
``ACCOUNT_LAG``: a service account just made is not known everywhere yet; ``CHECK_FORCED``: organization policy keeps
the invoker check on; ``GARBLED``: an answer was cut; ``UNWORDED``: gcloud left out why Google refused."""


class DeployError(Exception):
    """What went wrong, fit for a terminal."""

    def __init__(self, what: str, *, where: str = "", mend: Sequence[str] = ()) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.mend = tuple(mend)

    def __str__(self) -> str:
        """Give the whole of it: one line for where and what, one for each command that mends it."""
        head = f"{self.where}: {self.what}" if self.where else self.what
        return "\n".join([head, *(f"  mend it: {line}" for line in self.mend)])


class OptionsUnsound(DeployError):
    """Flags, environment or deploy.toml ask for what cannot be."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("invalid options:\n" + "\n".join(f"  {fault}" for fault in faults))
        self.faults = tuple(faults)


class GcloudFailed(DeployError):
    """A gcloud command failed."""

    def __init__(self, code: Code, what: str, *, where: str, mend: Sequence[str] = ()) -> None:
        super().__init__(what, where=where, mend=mend)
        self.code = code


class DtFailed(DeployError):
    """DT's API refused a call."""

    def __init__(self, status: int, what: str, *, where: str, mend: Sequence[str] = ()) -> None:
        super().__init__(what, where=where, mend=mend)
        self.status = status


class DtUnanswered(DtFailed):
    """A call of DT's API had no usable answer: it may have been carried out, or not."""


class DtUnreachable(DtUnanswered):
    """DT cannot be reached from this machine: its certificate, a proxy, its name or the connection is in the way."""


class NotReady(DeployError):
    """Something has to be mended before anything may be touched."""

    def __init__(self, failures: Sequence[DeployError]) -> None:
        super().__init__("\n".join(str(failure) for failure in failures))
        self.failures = tuple(failures)


class Unusable(DeployError):
    """A resource of this deployment cannot become what it should: it has to be deleted and made again."""


class NotOurs(DeployError):
    """Resources of the names wanted are there already, made by somebody else or in another way."""

    def __init__(self, failures: Sequence[DeployError]) -> None:
        super().__init__("\n".join(str(failure) for failure in failures))
        self.failures = tuple(failures)


class Stopped(DeployError):
    """A step failed: what came before it is ``done``, what comes after is not."""

    def __init__(self, what: str, *, where: str, mend: Sequence[str], done: Sequence[Step]) -> None:
        super().__init__(what, where=where, mend=mend)
        self.done = tuple(done)


class Declined(DeployError):
    """Nothing was changed, as nobody agreed to it."""


class NotProven(DeployError):
    """An event did not take the path it should."""
