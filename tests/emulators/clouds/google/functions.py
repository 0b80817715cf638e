"""``cloudfunctions.googleapis.com`` v2: builds and starts a function in a long-running operation with stages.

If a deployment fails, the previous revision goes on serving. https://cloud.google.com/functions/docs/reference/rest/v2
"""

import re
import threading
import traceback
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.emulators.clouds.exchange import Json, Request, Route, page
from tests.emulators.clouds.field_masks import masked
from tests.emulators.clouds.google.builder import ALL_ON_LATEST, RUNTIMES, Builder
from tests.emulators.clouds.google.estate import Estate, timestamp
from tests.emulators.clouds.google.operations import Operations
from tests.emulators.clouds.google.problems import Problem, aborted, denied, exists, invalid, not_found
from tests.emulators.clouds.google.run import Run
from tests.emulators.clouds.google.strict import PAGED, strict

REGIONS = ("europe-north1", "europe-west1", "europe-west4", "us-central1", "us-east1")
Work = Callable[[str], Json]
"""The work of an operation: takes the operation's name, returns its response."""

_GENERATION = re.compile(r'environment="(GEN_[12])"')
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")


class Functions:
    """The project's functions by full name."""

    def __init__(self, estate: Estate, builder: Builder, run: Run) -> None:
        self._estate = estate
        self._builder = builder
        self._run = run
        self._functions: dict[str, Json] = {}
        self._operations = Operations()
        self._busy: set[str] = set()
        self._lock = threading.Lock()
        self._worker = ThreadPoolExecutor(
            1, "builder"
        )  # one thread, because the kernel ends a process with the thread that started it

    def names(self) -> list[str]:
        """Return the full names of all functions."""
        return sorted(self._functions)

    def close(self) -> None:
        """End all functions."""
        self._worker.shutdown()
        self._run.clear()

    def routes(self) -> list[Route]:
        """Return the routes of the API."""
        place = "/v2/projects/{project}/locations/{region}"
        many = place + "/functions"
        one = many + "/{function}"
        return [
            Route("GET", "/v2/projects/{project}/locations", self._regions, "cloudfunctions.locations.list"),
            Route("GET", "/v1/projects/{project}/locations", self._regions, "cloudfunctions.locations.list"),
            Route(
                "GET",
                "/v1/projects/{project}/locations/{region}/functions",
                self._none,
                "cloudfunctions.functions.list",
            ),
            Route("GET", place + "/runtimes", self._runtimes),  # Google has no permission of its own for it
            Route("GET", place + "/operations/{operation}", self._operation, "cloudfunctions.operations.get"),
            Route("POST", many + ":generateUploadUrl", self._upload_url, "cloudfunctions.functions.sourceCodeSet"),
            strict(Route("GET", many, self._list, "cloudfunctions.functions.list"), (*PAGED, "orderBy")),
            Route("POST", many, self._create, "cloudfunctions.functions.create"),
            Route("GET", one, self._get, "cloudfunctions.functions.get"),
            Route("PATCH", one, self._update, "cloudfunctions.functions.update"),
            Route("DELETE", one, self._delete, "cloudfunctions.functions.delete"),
            Route("POST", one + ":detachFunction", self._detach, "cloudfunctions.functions.update"),
        ]

    def _upload_url(self, _: Request, project: str, region: str) -> Json:
        self._check_place(project, region)
        return self._builder.uploads.new_url(
            f"gcf-v2-uploads-{self._estate.number}.{region}.cloudfunctions.appspot.com"
        )

    def _regions(self, _: Request, project: str) -> Json:
        places = [f"projects/{project}/locations/{region}" for region in REGIONS]
        return {"locations": [{"name": place, "locationId": place.rpartition("/")[2]} for place in places]}

    def _runtimes(self, _: Request, project: str, region: str) -> Json:
        self._check_place(project, region)
        fixed = {"stage": "GA", "environment": "GEN_2"}
        return {"runtimes": [{"name": name, "displayName": f"Python 3.{name[7:]}", **fixed} for name in RUNTIMES]}

    def _operation(self, _: Request, project: str, region: str, operation: str) -> Json:
        return self._operations.get(f"projects/{project}/locations/{region}/operations/{operation}")

    def _list(self, request: Request, project: str, region: str) -> Json:
        self._estate.check_project(project)
        place = f"projects/{project}/locations/" + ("" if region == "-" else f"{region}/")
        found = [function for name, function in list(self._functions.items()) if name.startswith(place)]
        if generation := _GENERATION.fullmatch(request.parameter("filter")):
            found = [function for function in found if function.get("environment", "GEN_2") == generation[1]]
        silent = sorted(self._estate.silent if region == "-" else self._estate.silent & {region})
        found = [function for function in found if function["name"].split("/")[3] not in silent]
        return {**page("functions", found, request, default=100, most=1000), "unreachable": silent}

    def _none(self, _: Request, **__: str) -> Json:
        """Return the functions of the first generation: there are none."""
        return {"functions": []}

    def _get(self, _: Request, project: str, region: str, function: str) -> Json:
        self._estate.check_project(project)
        name = f"projects/{project}/locations/{region}/functions/{function}"
        if name not in self._functions:
            raise not_found(f"Resource '{name}' was not found")
        return self._with_traffic(self._functions[name], region, function)

    def _with_traffic(self, found: Json, region: str, function: str) -> Json:
        """Return a function with the traffic of now, which Cloud Run's API may have changed."""
        service = self._run.find(region, function)
        if service is None or "serviceConfig" not in found:
            return found
        return {**found, "serviceConfig": {**found["serviceConfig"], ALL_ON_LATEST: service.is_on_latest}}

    def _create(self, request: Request, project: str, region: str) -> Json:
        self._check_place(project, region)
        function = request.parameter("functionId")
        name = f"projects/{project}/locations/{region}/functions/{function}"
        if not _NAME.fullmatch(function):
            raise invalid(f"Invalid function name {function}: it has to match {_NAME.pattern}.")
        if name in self._functions:
            raise exists(f"Resource '{name}' already exists")
        if self._run.find(region, function):
            raise exists(
                f"Could not create Cloud Run service {function}. A Cloud Run service with this name already exists. "
                "Please redeploy the function with a different name."
            )
        settings = {**request.json(), "name": name, "createTime": timestamp()}
        self._builder.check(settings)
        self._functions[name] = {**settings, "state": "DEPLOYING", "environment": "GEN_2"}
        return self._begin("create", settings, lambda operation: self._deploy(operation, settings, is_new=True))

    def _update(self, request: Request, project: str, region: str, function: str) -> Json:
        before = self._get(request, project, region, function)
        if before.get("environment") == "GEN_1":
            raise invalid("1st gen functions cannot be changed by this version of the API.")
        body = request.json()
        served = {key: value for key, value in before.items() if key != "stateMessages"}
        config = {key: value for key, value in before.get("serviceConfig", {}).items() if key != ALL_ON_LATEST}
        served |= {"serviceConfig": config} if config else {}
        after = masked(served, body, request.parameter("updateMask"))
        self._builder.check(after)
        return self._begin("update", after, lambda operation: self._deploy(operation, after, is_new=False))

    def _delete(self, request: Request, project: str, region: str, function: str) -> Json:
        found = self._get(request, project, region, function)

        def delete(_: str) -> Json:
            self._run.remove(region, function)
            self._functions.pop(found["name"], None)
            return {"@type": "type.googleapis.com/google.protobuf.Empty"}

        return self._begin("delete", found, delete)

    def _detach(self, request: Request, project: str, region: str, function: str) -> Json:
        """Remove a function but keep its service, with labels, URL and IAM policy."""
        found = self._get(request, project, region, function)

        def detach(_: str) -> Json:
            self._functions.pop(found["name"], None)
            return {"@type": "type.googleapis.com/google.protobuf.Empty"}

        return self._begin("detach", found, detach)

    def _begin(self, verb: str, function: Json, work: Work) -> Json:
        name = function["name"]
        with self._lock:
            if name in self._busy:
                raise aborted(f"Could not process {verb} of {name}: unable to queue the operation")
            self._busy.add(name)
        place = name.rpartition("/functions/")[0]
        operation = f"{place}/operations/operation-{uuid.uuid4()}"
        metadata: Json = {
            "@type": "type.googleapis.com/google.cloud.functions.v2.OperationMetadata",
            "createTime": timestamp(),
            "target": name,
            "verb": verb,
            "apiVersion": "v2",
            "operationType": f"{verb.upper()}_FUNCTION",
        }
        if verb not in {"delete", "detach"}:
            metadata["stages"] = _stages("IN_PROGRESS", "NOT_STARTED")
        answer = self._operations.start(operation, metadata)
        self._worker.submit(self._carry_out, work, operation, name)
        return answer

    def _carry_out(self, work: Work, operation: str, name: str) -> None:
        """Do the work of an operation in the worker thread. The function is free before the operation is done."""
        try:
            outcome: Json | Problem = work(operation)
        except Problem as problem:
            outcome = problem
        except Exception as error:  # noqa: BLE001  # otherwise the operation would never end
            traceback.print_exc()
            outcome = Problem("INTERNAL", f"an error of the stand-in: {error!r}")
        self._busy.discard(name)
        self._operations.end(operation, outcome)

    def _deploy(self, operation: str, function: Json, *, is_new: bool) -> Json:
        """Build and start a function. A failure is kept in the function's state messages."""
        try:
            deployed = self._builder.deploy(
                function,
                lambda build, service: self._operations.note(operation, stages=_stages(build, service)),
            )
        except Problem as problem:
            name = function["name"]
            state = "FAILED" if is_new else self._functions[name]["state"]
            message = {"severity": "ERROR", "type": "CloudRunServiceNotReady", "message": problem.message}
            self._functions[name] = {**self._functions[name], "state": state, "stateMessages": [message]}
            raise
        self._functions[function["name"]] = deployed
        return {"@type": "type.googleapis.com/google.cloud.functions.v2.Function", **deployed}

    def _check_place(self, project: str, region: str) -> None:
        self._estate.check_project(project)
        if region not in REGIONS:
            raise denied(f"Permission denied on 'locations/{region}' (or it may not exist).")


def _stages(build: str, service: str) -> list[Json]:
    return [{"name": name, "state": state, "message": ""} for name, state in (("BUILD", build), ("SERVICE", service))]
