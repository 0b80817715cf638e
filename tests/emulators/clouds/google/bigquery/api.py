"""``bigquery.googleapis.com``: the routes of BigQuery's API v2, and what all of them check.

https://cloud.google.com/bigquery/docs/reference/rest
"""

from collections.abc import Callable
from typing import Any

from tests.emulators.clouds.exchange import Handler, Json, Request, Route
from tests.emulators.clouds.google.bigquery.access import Access
from tests.emulators.clouds.google.bigquery.catalog import Catalog, without_null
from tests.emulators.clouds.google.bigquery.datasets import Datasets
from tests.emulators.clouds.google.bigquery.extras import Extras
from tests.emulators.clouds.google.bigquery.jobs import Jobs
from tests.emulators.clouds.google.bigquery.problems import access_denied
from tests.emulators.clouds.google.bigquery.tables import Tables
from tests.emulators.clouds.google.bigquery.warehouse import Warehouse
from tests.emulators.clouds.google.estate import Estate
from tests.emulators.clouds.google.messages import check_message
from tests.emulators.clouds.google.policies import Policies
from tests.emulators.clouds.google.strict import SYSTEM_PARAMETERS, check_parameters

_PAGED = ("maxResults", "pageToken")
_RESULTS = (*_PAGED, "startIndex", "timeoutMs", "location", "formatOptions.useInt64Timestamp")
_OF_JOBS = ("allUsers", "projection", "stateFilter", "minCreationTime", "maxCreationTime", "parentJobId")
_PROJECT = "/bigquery/v2/projects/{project}"
_DATASETS = f"{_PROJECT}/datasets"
_DATASET = f"{_DATASETS}/{{dataset}}"
_TABLES = f"{_DATASET}/tables"
_TABLE = f"{_TABLES}/{{table}}"


class BigQuery:
    """The datasets of the project with what is in them, and its jobs."""

    def __init__(self, estate: Estate, policies: Policies, knows_account: Callable[[str], bool]) -> None:
        self._estate = estate
        self.catalog = Catalog(estate)
        self.warehouse = Warehouse(estate.project)
        self.access = Access(self.catalog, policies, knows_account)
        self.datasets = Datasets(self.catalog, self.warehouse, policies, self.access)
        self.tables = Tables(self.catalog, self.warehouse, policies)
        self.extras = Extras(self.catalog)
        self.jobs = Jobs(self.catalog, self.warehouse, self.datasets, self.tables)

    def routes(self) -> list[Route]:
        """Return the routes of the API."""
        return [*self._dataset_routes(), *self._table_routes(), *self._extra_routes(), *self._job_routes()]

    def _dataset_routes(self) -> list[Route]:
        made, policy = self.datasets, ("accessPolicyVersion", "updateMode", "datasetView")
        return [
            self._route("POST", _DATASETS, made.insert, "datasets.create", policy, "Dataset"),
            self._route("GET", _DATASETS, made.list, "", (*_PAGED, "all", "filter")),
            self._route("GET", _DATASET, made.get, "datasets.get", policy),
            self._route("PATCH", _DATASET, made.patch, "datasets.update", policy, "Dataset"),
            self._route("PUT", _DATASET, made.update, "datasets.update", policy, "Dataset"),
            self._route("DELETE", _DATASET, made.delete, "datasets.delete", ("deleteContents",)),
        ]

    def _table_routes(self) -> list[Route]:
        made = self.tables
        return [
            self._route("POST", _TABLES, made.insert, "tables.create", (), "Table"),
            self._route("GET", _TABLES, made.list, "tables.list", _PAGED),
            self._route("GET", _TABLE, made.get, "tables.get", ("selectedFields", "view")),
            self._route("PATCH", _TABLE, made.patch, "tables.update", ("autodetect_schema",), "Table"),
            self._route("PUT", _TABLE, made.update, "tables.update", ("autodetect_schema",), "Table"),
            self._route("DELETE", _TABLE, made.delete, "tables.delete"),
            self._route("GET", f"{_TABLE}/data", self.jobs.rows, "tables.getData", (*_RESULTS, "selectedFields")),
            self._route("POST", f"{_TABLE}:getIamPolicy", made.policy, "tables.getIamPolicy"),
            self._route("POST", f"{_TABLE}:setIamPolicy", made.set_policy, "tables.setIamPolicy"),
            self._route("POST", f"{_TABLE}:testIamPermissions", made.test_policy),
        ]

    def _extra_routes(self) -> list[Route]:
        return [
            self._route("GET", f"{_DATASET}/routines", self.extras.routines, "routines.list", _PAGED),
            self._route("GET", f"{_DATASET}/models", self.extras.models, "models.list", _PAGED),
        ]

    def _job_routes(self) -> list[Route]:
        run = self.jobs
        return [
            self._route("POST", f"{_PROJECT}/queries", run.query, "jobs.create", (), "QueryRequest"),
            self._route("GET", f"{_PROJECT}/queries/{{job}}", run.results, "", _RESULTS),
            self._route("POST", f"{_PROJECT}/jobs", run.insert, "jobs.create"),
            self._route("GET", f"{_PROJECT}/jobs/{{job}}", run.get, "", ("location",)),
            self._route("GET", f"{_PROJECT}/jobs", run.list, "", (*_PAGED, *_OF_JOBS)),
            self._route("GET", "/bigquery/v2/projects", self._projects, "", _PAGED),
        ]

    def _projects(self, _: Request) -> Json:
        """Return the projects that the caller may use: this one."""
        project = {
            "kind": "bigquery#project",
            "id": self._estate.project,
            "numericId": self._estate.number,
            "projectReference": {"projectId": self._estate.project},
            "friendlyName": "Demo",
        }
        return {"kind": "bigquery#projectList", "etag": "list", "projects": [project], "totalItems": 1}

    def _route(
        self,
        method: str,
        path: str,
        handler: Handler,
        permission: str = "",
        parameters: tuple[str, ...] = (),
        message: str = "",
    ) -> Route:
        """Return a route that refuses unknown parameters and members, and callers without the permission."""
        needed = f"bigquery.{permission}"

        def checked(request: Request, **parts: str) -> Any:
            check_parameters(request, SYSTEM_PARAMETERS | set(parameters))
            if message:
                check_message(message, without_null(request.json()))
            if needed in self._estate.denied:
                raise access_denied(needed, parts["project"], parts.get("dataset", ""), parts.get("table", ""))
            return handler(request, **parts)

        return Route(method, path, checked)

    def close(self) -> None:
        """End the engine."""
        self.warehouse.close()
