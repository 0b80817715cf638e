"""Refusals in the format of BigQuery's API, which adds a ``reason`` to Google's.

https://cloud.google.com/bigquery/docs/error-messages
"""

from typing import Any

from tests.emulators.clouds.exchange import Answer, Json
from tests.emulators.clouds.google.problems import STATUSES, Problem

_REASONS: dict[str, tuple[int, str]] = {
    "accessDenied": (403, "PERMISSION_DENIED"),
    "accessNotConfigured": (403, "PERMISSION_DENIED"),
    "authError": (401, "UNAUTHENTICATED"),
    "backendError": (503, "UNAVAILABLE"),
    "conditionNotMet": (412, "FAILED_PRECONDITION"),
    "duplicate": (409, "ALREADY_EXISTS"),
    "invalid": (400, "INVALID_ARGUMENT"),
    "invalidQuery": (400, "INVALID_ARGUMENT"),
    "notFound": (404, "NOT_FOUND"),
    "notImplemented": (501, "UNIMPLEMENTED"),
    "resourceInUse": (400, "INVALID_ARGUMENT"),
}
_OF_STATUS = {
    "PERMISSION_DENIED": "accessDenied",
    "UNAUTHENTICATED": "authError",
    "NOT_FOUND": "notFound",
    "UNAVAILABLE": "backendError",
    "UNIMPLEMENTED": "notImplemented",
}


class BigQueryProblem(Problem):
    """A request is refused. ``where``: members of the error such as ``location``."""

    def __init__(self, reason: str, message: str, *details: Json, **where: str) -> None:
        self.code, status = _REASONS[reason]
        super().__init__(status, message, *details)
        self.reason = reason
        self._where = where

    @property
    def error(self) -> Json:
        """The refusal as a job shows it."""
        return {"reason": self.reason, **self._where, "message": self.message}

    def answer(self) -> Answer:
        """Return the refusal as an HTTP answer."""
        domain = "usageLimits" if self.reason == "accessNotConfigured" else "global"
        error: dict[str, Any] = {
            "code": self.code,
            "message": self.message,
            "errors": [{"message": self.message, "domain": domain, **self.error}],
            "status": self.status,
        }
        if self.details:
            error["details"] = list(self.details)
        return Answer.of({"error": error}, self.code)


def of_bigquery(problem: Problem) -> BigQueryProblem:
    """Return a refusal of Google's front end as BigQuery's clients get it."""
    if isinstance(problem, BigQueryProblem):
        return problem
    is_off = any(detail.get("reason") == "SERVICE_DISABLED" for detail in problem.details)
    reason = "accessNotConfigured" if is_off else _OF_STATUS.get(problem.status, "invalid")
    assert STATUSES[problem.status] == _REASONS[reason][0]
    return BigQueryProblem(reason, problem.message, *problem.details)


def invalid(message: str) -> BigQueryProblem:
    """Return the refusal of an invalid request."""
    return BigQueryProblem("invalid", message)


def invalid_query(message: str) -> BigQueryProblem:
    """Return the refusal of a query."""
    return BigQueryProblem("invalidQuery", message, location="query")


def not_found(what: str) -> BigQueryProblem:
    """Return the refusal for something that does not exist, such as ``Dataset my-project:sensors``."""
    return BigQueryProblem("notFound", f"Not found: {what}")


def exists(what: str) -> BigQueryProblem:
    """Return the refusal to create something that exists."""
    return BigQueryProblem("duplicate", f"Already Exists: {what}")


def in_use(what: str) -> BigQueryProblem:
    """Return the refusal to delete a dataset that has anything in it."""
    return BigQueryProblem("resourceInUse", f"{what} is still in use")


def changed_meanwhile() -> BigQueryProblem:
    """Return the refusal of a change with the etag of an earlier version."""
    where = {"locationType": "header", "location": "If-Match"}
    return BigQueryProblem("conditionNotMet", "Precondition check failed.", **where)


def access_denied(permission: str, project: str, dataset: str = "", table: str = "") -> BigQueryProblem:
    """Return the refusal of a request for which the caller lacks a permission on a project, a dataset or a table."""
    if not dataset:
        return BigQueryProblem(
            "accessDenied",
            f"Access Denied: Project {project}: User does not have {permission} permission in project {project}.",
        )
    kind, name = ("table", f"{project}:{dataset}.{table}") if table else ("dataset", f"{project}:{dataset}")
    return BigQueryProblem(
        "accessDenied",
        f"Access Denied: {kind.capitalize()} {name}: Permission {permission} denied on {kind} {name} "
        "(or it may not exist).",
    )


def query_denied(table: str) -> BigQueryProblem:
    """Return the refusal of a query of a table, ``project:dataset.table``, that the caller may not read."""
    why = f"User does not have permission to query table {table}, or perhaps it does not exist."
    return BigQueryProblem("accessDenied", f"Access Denied: Table {table}: {why}")
