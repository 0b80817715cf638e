"""Refusals in the format of Google's APIs: one exception, and a function for each kind.

Format: https://cloud.google.com/apis/design/errors. The messages are from memory, not recorded.
"""

from typing import Any

from tests.emulators.clouds.exchange import Answer

STATUSES = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "ALREADY_EXISTS": 409,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
CODES = {"INVALID_ARGUMENT": 3, "NOT_FOUND": 5, "PERMISSION_DENIED": 7, "FAILED_PRECONDITION": 9, "INTERNAL": 13}
"""The numbers of ``google.rpc.Code``, which errors of operations have."""


class Problem(Exception):
    """A request is refused. ``status``: the name of a ``google.rpc.Code``."""

    def __init__(self, status: str, message: str, *details: dict[str, Any]) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.details = details

    def answer(self) -> Answer:
        """Return the refusal as an HTTP answer."""
        code = STATUSES[self.status]
        error: dict[str, Any] = {"code": code, "message": self.message, "status": self.status}
        if self.details:
            error["details"] = list(self.details)
        return Answer.of({"error": error}, code)

    def of_operation(self) -> dict[str, Any]:
        """Return the refusal as the error of a long-running operation."""
        return {"code": CODES[self.status], "message": self.message}


def invalid(message: str) -> Problem:
    """Return the refusal of an invalid request."""
    return Problem("INVALID_ARGUMENT", message)


def precondition(message: str) -> Problem:
    """Return the refusal of a request that the current state forbids."""
    return Problem("FAILED_PRECONDITION", message)


def not_found(message: str) -> Problem:
    """Return the refusal for a resource that does not exist."""
    return Problem("NOT_FOUND", message)


def exists(message: str) -> Problem:
    """Return the refusal to create a resource that exists already."""
    return Problem("ALREADY_EXISTS", message)


def aborted(message: str) -> Problem:
    """Return the refusal of a change after a concurrent change."""
    return Problem("ABORTED", message)


def denied(message: str) -> Problem:
    """Return the refusal of a request for which the caller lacks a permission."""
    return Problem("PERMISSION_DENIED", message)


def service_disabled(service: str, project_number: str, project: str) -> Problem:
    """Return the refusal of a call to an API that is not enabled, with the details from which gcloud recognizes it."""
    title = TITLES.get(service, service)
    url = f"https://console.developers.google.com/apis/api/{service}/overview?project={project}"
    message = (
        f"{title} has not been used in project {project_number} before or it is disabled. Enable it by visiting {url} "
        "then retry. If you enabled this API recently, wait a few minutes for the action to propagate to our systems "
        "and retry."
    )
    link = {"description": "Google developers console API activation", "url": url}
    return Problem(
        "PERMISSION_DENIED",
        message,
        {"@type": "type.googleapis.com/google.rpc.Help", "links": [link]},
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "SERVICE_DISABLED",
            "domain": "googleapis.com",
            "metadata": {"consumer": f"projects/{project_number}", "service": service, "serviceTitle": title},
        },
    )


TITLES = {
    "artifactregistry.googleapis.com": "Artifact Registry API",
    "bigquery.googleapis.com": "BigQuery API",
    "cloudbuild.googleapis.com": "Cloud Build API",
    "cloudfunctions.googleapis.com": "Cloud Functions API",
    "iam.googleapis.com": "Identity and Access Management (IAM) API",
    "logging.googleapis.com": "Cloud Logging API",
    "monitoring.googleapis.com": "Cloud Monitoring API",
    "orgpolicy.googleapis.com": "Organization Policy API",
    "pubsub.googleapis.com": "Cloud Pub/Sub API",
    "run.googleapis.com": "Cloud Run Admin API",
    "secretmanager.googleapis.com": "Secret Manager API",
}
