"""``cloudfunctions.googleapis.com`` v2: a function is built and started in a long-running operation, stage by stage.

A deploy that fails leaves the revision before it serving. https://cloud.google.com/functions/docs/reference/rest/v2
"""

import re
import threading
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from deploy.offline.clouds.exchange import Answer, Json, Request, Route, page
from deploy.offline.clouds.google.accounts import ServiceAccounts
from deploy.offline.clouds.google.data_plane import DataPlane
from deploy.offline.clouds.google.estate import Estate, timestamp
from deploy.offline.clouds.google.operations import Operations
from deploy.offline.clouds.google.problems import Problem, denied, exists, invalid, not_found
from deploy.offline.clouds.google.pubsub import PubSub
from deploy.offline.clouds.google.revision import Revision
from deploy.offline.clouds.google.run import Run, Service
from deploy.offline.clouds.google.secrets import Secrets

RUNTIMES = ("python310", "python311", "python312", "python313", "python314")
REGIONS = ("europe-north1", "europe-west1", "europe-west4", "us-central1", "us-east1")
NEEDED_APIS = ("run.googleapis.com", "cloudbuild.googleapis.com", "artifactregistry.googleapis.com")
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_LABEL = re.compile(r"[a-z][a-z0-9_-]{0,62}")


class Functions:
    """The project's functions by full name; ``proxy`` is the environment by which a function reaches the clouds."""

    def __init__(  # noqa: PLR0913, PLR0917  # everything that a function has to do with
        self,
        estate: Estate,
        accounts: ServiceAccounts,
        secrets: Secrets,
        pubsub: PubSub,
        run: Run,
        plane: DataPlane,
        proxy: Mapping[str, str],
    ) -> None:
        self._estate = estate
        self._accounts = accounts
        self._secrets = secrets
        self._pubsub = pubsub
        self._run = run
        self._plane = plane
        self._proxy = dict(proxy)
        self._functions: dict[str, Json] = {}
        self._uploads: dict[str, bytes] = {}
        self._operations = Operations()
        self._builder = ThreadPoolExecutor(1, "builder")  # one thread, which outlives what it starts
        self._lock = threading.Lock()
        secrets.on_change = self._refresh_secrets

    def names(self) -> list[str]:
        """Give the full names of all functions."""
        return sorted(self._functions)

    def close(self) -> None:
        """End every function."""
        self._builder.shutdown()
        self._run.clear()

    def routes(self) -> list[Route]:
        """All that is played."""
        place = "/v2/projects/{project}/locations/{region}"
        many = place + "/functions"
        one = many + "/{function}"
        return [
            Route("GET", "/v2/projects/{project}/locations", self._regions, "cloudfunctions.locations.list"),
            Route("GET", place + "/runtimes", self._runtimes, "cloudfunctions.runtimes.list"),
            Route("GET", place + "/operations/{operation}", self._operation, "cloudfunctions.operations.get"),
            Route("POST", many + ":generateUploadUrl", self._upload_url, "cloudfunctions.functions.sourceCodeSet"),
            Route("GET", many, self._list, "cloudfunctions.functions.list"),
            Route("POST", many, self._create, "cloudfunctions.functions.create"),
            Route("GET", one, self._get, "cloudfunctions.functions.get"),
            Route("PATCH", one, self._update, "cloudfunctions.functions.update"),
            Route("DELETE", one, self._delete, "cloudfunctions.functions.delete"),
        ]

    def store(self, request: Request) -> Answer:
        """Take an upload to a signed URL of ``storage.googleapis.com``."""
        if request.method != "PUT" or request.path not in self._uploads or not request.parameter("X-Goog-Signature"):
            return Answer(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>", {"Content-Type": "text/xml"})
        self._uploads[request.path] = request.body
        return Answer(200)

    def _upload_url(self, _: Request, project: str, region: str) -> Json:
        self._estate.check_project(project)
        bucket = f"gcf-v2-uploads-{self._estate.number}.{region}.cloudfunctions.appspot.com"
        item = f"{uuid.uuid4()}.zip"
        self._uploads[f"/{bucket}/{item}"] = b""
        url = f"https://storage.googleapis.com/{bucket}/{item}?X-Goog-Signature={uuid.uuid4().hex}"
        return {"uploadUrl": url, "storageSource": {"bucket": bucket, "object": item}}

    def _regions(self, _: Request, project: str) -> Json:
        places = [f"projects/{project}/locations/{region}" for region in REGIONS]
        return {"locations": [{"name": place, "locationId": place.rpartition("/")[2]} for place in places]}

    def _runtimes(self, _: Request, project: str, region: str) -> Json:
        self._check_place(project, region)
        return {
            "runtimes": [
                {
                    "name": name,
                    "displayName": f"Python 3.{name[7:]}",
                    "stage": "GA",
                    "environment": "GEN_2",
                }
                for name in RUNTIMES
            ]
        }

    def _operation(self, _: Request, project: str, region: str, operation: str) -> Json:
        return self._operations.get(f"projects/{project}/locations/{region}/operations/{operation}")

    def _list(self, request: Request, project: str, region: str) -> Json:
        self._estate.check_project(project)
        place = f"projects/{project}/locations/" + ("" if region == "-" else f"{region}/")
        found = [function for name, function in self._functions.items() if name.startswith(place)]
        chosen, token = page(found, request, default=100, most=1000)
        return {"functions": chosen, **({"nextPageToken": token} if token else {})}

    def _get(self, _: Request, project: str, region: str, function: str) -> Json:
        self._estate.check_project(project)
        name = f"projects/{project}/locations/{region}/functions/{function}"
        if name not in self._functions:
            raise not_found(f"Resource '{name}' was not found")
        return self._functions[name]

    def _create(self, request: Request, project: str, region: str) -> Json:
        self._check_place(project, region)
        function = request.parameter("functionId")
        name = f"projects/{project}/locations/{region}/functions/{function}"
        if not _NAME.fullmatch(function):
            raise invalid(f"Invalid function name {function}: it has to match {_NAME.pattern}.")
        if name in self._functions:
            raise exists(f"Resource '{name}' already exists")
        asked = {**request.json(), "name": name, "createTime": timestamp()}
        self._check(asked)
        self._functions[name] = {**asked, "state": "DEPLOYING", "environment": "GEN_2"}
        return self._begin("create", asked, lambda operation: self._deploy(operation, asked, is_new=True))

    def _update(self, request: Request, project: str, region: str, function: str) -> Json:
        before = self._get(request, project, region, function)
        asked = request.json()
        after = {key: value for key, value in before.items() if key != "stateMessages"}
        for path in request.parameter("updateMask").split(","):
            _take(after, asked, path)
        self._check(after)
        return self._begin("update", after, lambda operation: self._deploy(operation, after, is_new=False))

    def _delete(self, request: Request, project: str, region: str, function: str) -> Json:
        found = self._get(request, project, region, function)

        def delete(operation: str) -> None:
            self._run.remove(function)
            self._functions.pop(found["name"], None)
            self._operations.finish(operation, {"@type": "type.googleapis.com/google.protobuf.Empty"})

        return self._begin("delete", found, delete)

    def _begin(self, verb: str, function: Json, work: Callable[[str], None]) -> Json:
        place = function["name"].rpartition("/functions/")[0]
        operation = f"{place}/operations/operation-{uuid.uuid4()}"
        metadata: Json = {
            "@type": "type.googleapis.com/google.cloud.functions.v2.OperationMetadata",
            "createTime": timestamp(),
            "target": function["name"],
            "verb": verb,
            "apiVersion": "v2",
            "operationType": f"{verb.upper()}_FUNCTION",
        }
        if verb != "delete":
            metadata["stages"] = _stages("IN_PROGRESS", "NOT_STARTED")
        answer = self._operations.start(operation, metadata)
        self._builder.submit(work, operation).add_done_callback(lambda future: future.result())
        return answer

    def _deploy(self, operation: str, function: Json, *, is_new: bool) -> None:
        """Build and start what is asked for; runs in the builder's thread."""
        try:
            deployed = self._deployed(operation, function)
        except Problem as problem:
            name = function["name"]
            state = "FAILED" if is_new else self._functions[name]["state"]
            message = {"severity": "ERROR", "type": "CloudRunServiceNotReady", "message": problem.message}
            self._functions[name] = {**self._functions[name], "state": state, "stateMessages": [message]}
            self._operations.fail(operation, problem)
            return
        self._functions[function["name"]] = deployed
        kind = {"@type": "type.googleapis.com/google.cloud.functions.v2.Function"}
        self._operations.finish(operation, {**kind, **deployed})

    def _deployed(self, operation: str, function: Json) -> Json:
        _, project, _, region, _, name = function["name"].split("/")
        config, build_config = function["serviceConfig"], function["buildConfig"]
        account = self._account(config)
        source = self._source(build_config)
        number = self._estate.next_number()
        revision = Revision(
            f"{name}-{number:05}-off", source, self._plane, lambda topic: self._pubsub.may_publish(topic, account)
        )
        self._operations.note(operation, stages=_stages("COMPLETE", "IN_PROGRESS"))
        revision.start(name, config, build_config, self._reader(account), self._proxy)
        service = self._run.services.get(name) or Service(
            name, region, f"{region}-{project}.cloudfunctions.net", {}, {}
        )
        before, service.revision = service.revision, revision
        service.config, service.labels = config, {**function.get("labels", {}), "goog-managed-by": "cloudfunctions"}
        self._run.services[name] = service
        if before:
            before.end()
        self._operations.note(operation, stages=_stages("COMPLETE", "COMPLETE"))
        return {
            **function,
            "state": "ACTIVE",
            "environment": "GEN_2",
            "updateTime": timestamp(),
            "url": f"https://{service.function_host}/{name}",
            "serviceConfig": {
                **config,
                "service": self._run.resource(service),
                "serviceAccountEmail": account,
                "uri": f"https://{service.host(self._estate.project)}",
                "revision": revision.name,
                "ingressSettings": config.get("ingressSettings", "ALLOW_ALL"),
                "allTrafficOnLatestRevision": True,
            },
        }

    def _check_place(self, project: str, region: str) -> None:
        self._estate.check_project(project)
        if region not in REGIONS:
            raise denied(f"Permission denied on 'locations/{region}' (or it may not exist).")

    def _check(self, function: Json) -> None:
        for service in NEEDED_APIS:
            self._estate.check_enabled(service)
        build_config, config = function.get("buildConfig", {}), function.get("serviceConfig", {})
        if build_config.get("runtime") not in RUNTIMES:
            raise invalid(f"Runtime {build_config.get('runtime')} is not supported in this region.")
        if not 1 <= int(config.get("timeoutSeconds", 60)) <= 3600:
            raise invalid("serviceConfig.timeoutSeconds has to be between 1 and 3600.")
        for key, value in function.get("labels", {}).items():
            if not _LABEL.fullmatch(key) or not re.fullmatch(r"[a-z0-9_-]{0,63}", value):
                raise invalid(f"Invalid label {key}={value}.")
        account = self._account(config)
        if not self._accounts.is_seen(account):
            raise not_found(f"Service account projects/-/serviceAccounts/{account} was not found.")
        self._estate.check_permission("iam.serviceAccounts.actAs", f"projects/-/serviceAccounts/{account}")
        self._source(build_config)

    def _source(self, build_config: Json) -> bytes:
        stored = build_config.get("source", {}).get("storageSource", {})
        source = self._uploads.get(f"/{stored.get('bucket')}/{stored.get('object')}")
        if not source:
            raise invalid("The source of the function has not been uploaded.")
        return source

    def _account(self, config: Json) -> str:
        account: str = config.get("serviceAccountEmail") or self._estate.default_build_account
        return account

    def _reader(self, account: str) -> Callable[[str, str], bytes]:
        return lambda secret, version: self._secrets.value(secret, version, account)

    def _refresh_secrets(self) -> None:
        with self._lock:
            for service in list(self._run.services.values()):
                if service.revision:
                    service.revision.refresh_secrets(self._reader(self._account(service.config)))


def _stages(build: str, service: str) -> list[Json]:
    return [{"name": name, "state": state, "message": ""} for name, state in (("BUILD", build), ("SERVICE", service))]


def _take(into: Json, asked: Json, path: str) -> None:
    """Copy what stands at a path of camel-case names, or remove it where nothing does."""
    head, _, rest = path.partition(".")
    if rest:
        into[head] = dict(into.get(head, {}))
        _take(into[head], asked.get(head, {}), rest)
    elif head in asked:
        into[head] = asked[head]
    else:
        into.pop(head, None)
