"""The one family of errors that leaves this package: where it happened, what happened, and the command that fixes it.

DeployError                base class of all expected failures
├── FilterInvalid          a text that is not a filter of a subscription (in ``pubsub_filter``)
├── PubSubFailed           a call of Pub/Sub's API failed (in ``pubsub_api``); ``status`` is its HTTP status
├── Mistyped               a command line cannot be understood
│   └── InvalidOptions     flags, environment or deploy.toml are invalid; it has every fault
│       └── SettingsMissing  mandatory settings are missing, and all others are valid
├── NotInstalled           a package is missing that this verb needs
├── GcloudFailed           a gcloud command failed; ``code`` is the reason
├── Invisible              the caller does not see the Google Cloud project (in ``google.project``)
├── DtFailed               a call of DT's API failed; ``status`` is its HTTP status
│   └── DtUnanswered       the call may have been carried out: there is no answer, or an unreadable one
│       └── DtUnreachable  DT cannot be reached from this machine: certificate, proxy, name or connection
├── Several                more than one error at once
│   ├── NotReady           the preflight found problems to fix first
│   └── NotOwned           this deployment did not make the resource that has its name
├── Unusable               a resource of this deployment can only be deleted and made again
├── ApplyFailed            a step failed or was interrupted; the steps before it stay done
├── Aborted                the user said no, or there is no terminal to ask the user
└── NotProven              the path from DT to Pub/Sub does not work
"""

from collections.abc import Sequence
from typing import Literal

from deploy.program import PROGRAM
from deploy.remedies import Head, head_of
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
    "METRIC_LAG",
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
"""Why a gcloud command failed; ``known_errors.TABLE`` has the sentences and the remedy of each code.

``NOT_FOUND``: the resource that the command names does not exist; ``ELSEWHERE``: another one does not exist.
``ACCOUNT_LAG``: a new service account is not known everywhere yet; ``METRIC_LAG``: nor is a new metric;
``CHECK_FORCED``: organization policy keeps the invoker check on; ``GARBLED``: an answer was cut; ``UNWORDED``: gcloud
left out why Google refused."""


class DeployError(Exception):
    """An expected failure, with a text for the terminal.

    ``what``: what went wrong. ``where``: the command, call or resource. ``fix``: the commands that fix it,
    or that show more about it.
    """

    def __init__(self, what: str, *, where: str = "", fix: Sequence[str] = ()) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.fix = tuple(fix)

    def __str__(self) -> str:
        """Return one line with where and what, and one line for each command that fixes it or shows more."""
        head = f"{self.where}: {self.what}" if self.where else self.what
        return "\n".join([head, *(f"  {self.head_of(line)}: {line}" for line in self.fix)])

    def head_of(self, line: str) -> Head:
        """Return what stands in front of a command: whether it fixes the error, or only shows more."""
        return head_of(line)

    def printed(self) -> str:
        """Return the error as a terminal shows it."""
        return f"error: {self}"


class Several(DeployError):
    """More than one error at once."""

    def __init__(self, failures: Sequence[DeployError]) -> None:
        super().__init__("\n".join(str(failure) for failure in failures))
        self.failures = tuple(failures)

    def printed(self) -> str:
        """Return all errors, each as a terminal shows it alone."""
        return "\n".join(failure.printed() for failure in self.failures)


class Mistyped(DeployError):
    """A command line cannot be understood. Its fix is the right command, or the help of its verb."""

    def head_of(self, line: str) -> Head:
        """Return "fix", also if the right command only shows something."""
        del line
        return "fix"


class NotInstalled(DeployError):
    """A package is missing. The fixes install it, or run the command with a Python that has it."""

    def __init__(self, what: str, fix: Sequence[str]) -> None:
        super().__init__(what, fix=fix)

    def head_of(self, line: str) -> Head:
        """Return "fix", because every line is a command. It begins with the name of a Python, which can be any path."""
        del line
        return "fix"


class InvalidOptions(Mistyped):
    """Flags, environment or deploy.toml are invalid."""

    def __init__(self, faults: Sequence[str], *, fix: Sequence[str] = ()) -> None:
        super().__init__("invalid options:\n" + "\n".join(f"  {fault}" for fault in faults), fix=fix)
        self.faults = tuple(faults)


class SettingsMissing(InvalidOptions):
    """Mandatory settings are missing, and all others are valid."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__(faults, fix=[f"{PROGRAM} init"])


class GcloudFailed(DeployError):
    """A gcloud command failed."""

    def __init__(self, code: Code, what: str, *, where: str, fix: Sequence[str] = ()) -> None:
        super().__init__(what, where=where, fix=fix)
        self.code = code


class DtFailed(DeployError):
    """DT's API refused a call."""

    def __init__(self, status: int, what: str, *, where: str, fix: Sequence[str] = ()) -> None:
        super().__init__(what, where=where, fix=fix)
        self.status = status


class DtUnanswered(DtFailed):
    """A call of DT's API got no usable answer, so it may have been carried out or not."""


class DtUnreachable(DtUnanswered):
    """DT cannot be reached from this machine, because of a certificate, a proxy, its name or the connection."""


class NotReady(Several):
    """The preflight found problems that have to be fixed before anything is changed."""


class Unusable(DeployError):
    """A resource of this deployment cannot be changed as needed: it has to be deleted and made again."""


class NotOwned(Several):
    """Resources with this deployment's names exist already, and this deployment did not make them."""


class ApplyFailed(DeployError):
    """A step failed. ``done`` has the steps that were carried out before it; the later ones were not."""

    def __init__(self, what: str, *, where: str, fix: Sequence[str], done: Sequence[Step]) -> None:
        super().__init__(what, where=where, fix=fix)
        self.done = tuple(done)


class Aborted(DeployError):
    """Nothing was changed, because the user did not confirm it."""


class NotProven(DeployError):
    """An event did not take the path from DT to Pub/Sub."""
