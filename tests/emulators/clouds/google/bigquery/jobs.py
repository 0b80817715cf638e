"""BigQuery's jobs, of which only queries are played; each is done before its first answer.

https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs
"""

import re
import secrets
from dataclasses import dataclass, field

from tests.emulators.clouds.exchange import Json, Request
from tests.emulators.clouds.google.bigquery.catalog import Catalog, page_of, without_null
from tests.emulators.clouds.google.bigquery.datasets import Datasets
from tests.emulators.clouds.google.bigquery.parameters import parameters_of
from tests.emulators.clouds.google.bigquery.problems import BigQueryProblem, exists, invalid, not_found
from tests.emulators.clouds.google.bigquery.statements import DEFAULT_LOCATION, Done, Statements
from tests.emulators.clouds.google.bigquery.tables import Tables
from tests.emulators.clouds.google.bigquery.warehouse import Warehouse, engine_module
from tests.emulators.clouds.google.messages import check_message

PAGE_ROWS = 100_000
_ID = re.compile(r"[\w-]{1,1024}")
_OF_QUERY = ("query", "useLegacySql", "defaultDataset", "parameterMode", "queryParameters")


@dataclass
class Job:
    """A job that is done, as the API returns it, with its columns and rows."""

    resource: Json
    done: Done = field(default_factory=Done)
    problem: BigQueryProblem | None = None


class Jobs:
    """The jobs of the project by their ids."""

    def __init__(self, catalog: Catalog, warehouse: Warehouse, datasets: Datasets, tables: Tables) -> None:
        self._catalog = catalog
        self._warehouse = warehouse
        self._tables = tables
        self._statements = Statements(catalog, warehouse, datasets, tables)
        self._jobs: dict[str, Job] = {}

    def query(self, request: Request, project: str) -> Json:
        """Run a query, and return its first rows."""
        body = request.json()
        job_id = f"job_{secrets.token_urlsafe(20)}"
        job = self._run(project, job_id, body, body.get("location", ""), is_dry=bool(body.get("dryRun")))
        if job.problem:
            raise job.problem
        micros = bool((body.get("formatOptions") or {}).get("useInt64Timestamp"))
        return {
            "kind": "bigquery#queryResponse",
            **self._page(job, 0, int(body.get("maxResults") or PAGE_ROWS), micros),
        }

    def insert(self, request: Request, project: str) -> Json:
        """Begin a job; it is done already when this returns, also if it failed."""
        body = request.json()
        configuration = body.get("configuration") or {}
        if not configuration.get("query"):
            raise invalid("Only jobs of queries are played here.")
        check_message("JobConfigurationQuery", without_null(configuration["query"]))
        reference = body.get("jobReference") or {}
        job_id = reference.get("jobId") or f"job_{secrets.token_urlsafe(20)}"
        if not _ID.fullmatch(job_id):
            raise invalid(f"Invalid job ID: {job_id}")
        if job_id in self._jobs:
            raise exists(f"Job {project}:{self._jobs[job_id].resource['jobReference']['location']}.{job_id}")
        is_dry = bool(configuration.get("dryRun"))
        job = self._run(project, job_id, configuration["query"], reference.get("location", ""), is_dry=is_dry)
        if is_dry and job.problem:
            raise job.problem
        return job.resource

    def get(self, request: Request, project: str, job: str) -> Json:
        """Return a job."""
        return self._find(request, project, job).resource

    def list(self, request: Request, project: str) -> Json:
        """Return one page of the jobs, the newest first."""
        del project
        shown, more = page_of([_listed(job.resource) for job in reversed(self._jobs.values())], request)
        return {"kind": "bigquery#jobList", "etag": "list", **({"jobs": shown} if shown else {}), **more}

    def results(self, request: Request, project: str, job: str) -> Json:
        """Return one page of the rows of a query."""
        found = self._find(request, project, job)
        if found.problem:
            raise found.problem
        first = request.number("startIndex", default=0)
        token = request.parameter("pageToken").removeprefix("after-")
        most = request.number("maxResults", default=PAGE_ROWS)
        micros = request.parameter("formatOptions.useInt64Timestamp").lower() == "true"
        page = self._page(found, int(token) if token.isdecimal() else first, most, micros)
        return {"kind": "bigquery#getQueryResultsResponse", "etag": found.resource["etag"], **page}

    def rows(self, request: Request, project: str, dataset: str, table: str) -> Json:
        """Return one page of the rows of a table; views have none of their own."""
        found = self._catalog.table(dataset, table)
        if found["type"] == "VIEW":
            raise invalid(f"Cannot list a table of type VIEW: {project}:{dataset}.{table}")
        engine = engine_module()
        wanted = [name for name in request.parameter("selectedFields").split(",") if name]
        names = ", ".join(engine.quoted(name) for name in wanted) or "*"
        fields, rows = self._warehouse.run(f"SELECT {names} FROM {engine.quoted(dataset, table)}")
        token = request.parameter("pageToken").removeprefix("after-")
        first = int(token) if token.isdecimal() else request.number("startIndex", default=0)
        last = first + request.number("maxResults", default=PAGE_ROWS)
        micros = request.parameter("formatOptions.useInt64Timestamp").lower() == "true"
        shown = [engine.cells(row, fields, in_micros=micros) for row in rows[first:last]]
        more = {"pageToken": f"after-{last}"} if last < len(rows) else {}
        listed = {"rows": shown} if shown else {}
        return {"kind": "bigquery#tableDataList", "etag": found["etag"], "totalRows": str(len(rows)), **listed, **more}

    def _find(self, request: Request, project: str, job: str) -> Job:
        found = self._jobs.get(job)
        location = request.parameter("location", default=DEFAULT_LOCATION)
        if found is None or found.resource["jobReference"]["location"].lower() != location.lower():
            raise not_found(f"Job {project}:{location}.{job}")
        return found

    def _run(self, project: str, job_id: str, query: Json, location: str, *, is_dry: bool) -> Job:
        """Run a query, and keep its job."""
        done, problem = Done(), None
        asked = {name: query[name] for name in _OF_QUERY if query.get(name) is not None}
        where = self._statements.place(asked.get("query", ""), asked, location)
        try:
            if asked.get("useLegacySql", True):
                raise invalid("Legacy SQL is not played here: set useLegacySql to false.")
            values = parameters_of(asked.get("queryParameters") or [])
            done = self._statements.run(asked.get("query", ""), asked, where, values, is_dry=is_dry)
        except BigQueryProblem as refused:
            problem = refused
        resource = self._resource(project, job_id, where, {"query": asked, "jobType": "QUERY"}, done, problem)
        self._jobs[job_id] = Job(resource, done, problem)
        return self._jobs[job_id]

    def _resource(
        self, project: str, job_id: str, location: str, configuration: Json, done: Done, problem: BigQueryProblem | None
    ) -> Json:
        made = self._catalog.new("job", f"{project}/jobs/{job_id}", {})
        now = made["creationTime"]
        status: Json = {"state": "DONE"}
        if problem:
            status |= {"errorResult": problem.error, "errors": [problem.error]}
        statistics = {"statementType": done.kind, "totalBytesProcessed": "0", "cacheHit": False, **done.statistics}
        return {
            **{name: made[name] for name in ("kind", "etag", "selfLink")},
            "id": f"{project}:{location}.{job_id}",
            "jobReference": {"projectId": project, "jobId": job_id, "location": location},
            "configuration": configuration,
            "user_email": self._catalog.estate.caller,
            "status": status,
            "statistics": {"creationTime": now, "startTime": now, "endTime": now, "query": statistics},
        }

    def _page(self, job: Job, first: int, most: int, in_micros: bool) -> Json:  # noqa: FBT001
        """Return the rows of a job from the first one on."""
        done, last = job.done, first + most
        shown = done.rows[first:last]
        answer: Json = {
            "jobReference": job.resource["jobReference"],
            "jobComplete": True,
            "totalBytesProcessed": "0",
            "cacheHit": False,
        }
        if done.statistics.get("numDmlAffectedRows"):
            answer["numDmlAffectedRows"] = done.statistics["numDmlAffectedRows"]
        if done.fields or done.kind == "SELECT":
            answer |= {"schema": {"fields": done.fields}, "totalRows": str(len(done.rows))}
        if shown:
            answer["rows"] = [engine_module().cells(row, done.fields, in_micros=in_micros) for row in shown]
        return {**answer, **({"pageToken": f"after-{last}"} if last < len(done.rows) else {})}


def _listed(job: Json) -> Json:
    failed = {"errorResult": job["status"]["errorResult"]} if "errorResult" in job["status"] else {}
    return {**job, "state": job["status"]["state"], **failed}
