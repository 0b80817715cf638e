"""``run.googleapis.com``: the services behind functions, who may call them, and the door that their URLs lead to.

https://cloud.google.com/run/docs/reference/rest/v1/namespaces.services
"""

import contextlib
import hashlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException

from deploy.offline.clouds.exchange import Answer, Json, Request, Route
from deploy.offline.clouds.google.estate import INVOKER_IAM_REQUIRED, Estate, timestamp
from deploy.offline.clouds.google.policies import Policies
from deploy.offline.clouds.google.problems import aborted, not_found, precondition
from deploy.offline.clouds.google.revision import Revision

INVOKER = "roles/run.invoker"
INVOKER_CHECK_OFF = "run.googleapis.com/invoker-iam-disabled"
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade", "host"})
_REGION_CODES = {"us-central1": "uc", "us-east1": "ue", "us-east4": "uk", "us-west1": "uw", "europe-north1": "lz"}


@dataclass
class Service:
    """A service, the revision that serves it, and the URL of the function that it belongs to."""

    name: str
    region: str
    function_host: str
    config: Json
    labels: Json
    annotations: dict[str, str] = field(default_factory=dict)
    generation: int = 1
    revision: Revision | None = None
    created_at: str = field(default_factory=timestamp)

    def host(self, project: str) -> str:
        """Give the host of its own URL."""
        code = _REGION_CODES.get(self.region) or self.region[0] + self.region.partition("-")[2][0]
        digest = hashlib.sha256(f"{project}/{self.region}".encode()).hexdigest()[:10]
        return f"{self.name}-{digest}-{code}.a.run.app"


class Run:
    """The services, by name."""

    def __init__(self, estate: Estate, policies: Policies) -> None:
        self._estate = estate
        self._policies = policies
        self.services: dict[str, Service] = {}

    def resource(self, service: Service) -> str:
        """Give the full name of a service."""
        return f"projects/{self._estate.project}/locations/{service.region}/services/{service.name}"

    def remove(self, name: str) -> None:
        """Away with a service and its revision."""
        service = self.services.pop(name, None)
        if service:
            self._policies.forget(self.resource(service))
            if service.revision:
                service.revision.end()

    def clear(self) -> None:
        """Away with all services."""
        for name in list(self.services):
            self.remove(name)

    def routes(self) -> list[Route]:
        """All that is played."""
        service = "/apis/serving.knative.dev/v1/namespaces/{project}/services/{name}"
        iam = "/v1/projects/{project}/locations/{region}/services/{name}"
        return [
            Route("GET", service, self._get, "run.services.get"),
            Route("PUT", service, self._replace, "run.services.update"),
            Route("GET", iam + ":getIamPolicy", self._policy, "run.services.getIamPolicy"),
            Route("POST", iam + ":setIamPolicy", self._set_policy, "run.services.setIamPolicy"),
            Route("POST", iam + ":testIamPermissions", self._test),
        ]

    def serve(self, request: Request) -> Answer:
        """Answer at a service's URL, or at its function's."""
        service, target = self._addressed(request)
        if service is None or service.revision is None:
            return _page(404, "Error: Page not found")
        if not self._is_open(service):
            return _page(403, "Error: Forbidden<h2>Your client does not have permission to get URL from this server.")
        return _forwarded(request, service.revision.port, target)

    def _addressed(self, request: Request) -> tuple[Service | None, str]:
        target = request.target
        for service in self.services.values():
            if request.host == service.host(self._estate.project):
                return service, target
            if request.host == service.function_host and request.path.split("/")[1] == service.name:
                rest = target.removeprefix(f"/{service.name}")
                return service, rest if rest.startswith("/") else f"/{rest}"
        return None, target

    def _is_open(self, service: Service) -> bool:
        is_check_off = service.annotations.get(INVOKER_CHECK_OFF, "").lower() == "true"
        return is_check_off or self._policies.grants(self.resource(service), INVOKER, "allUsers")

    def _find(self, project: str, name: str) -> Service:
        self._estate.check_project(project)
        if name not in self.services:
            raise not_found(f"Resource '{name}' of kind 'SERVICE' in project '{project}' does not exist.")
        return self.services[name]

    def _get(self, _: Request, project: str, name: str) -> Json:
        return self._described(self._find(project, name))

    def _replace(self, request: Request, project: str, name: str) -> Json:
        service = self._find(project, name)
        metadata = request.json().get("metadata", {})
        version = metadata.get("resourceVersion")
        if version and version != self._described(service)["metadata"]["resourceVersion"]:
            raise aborted(f"Conflict for resource '{name}': version '{version}' was specified but it has changed.")
        annotations = metadata.get("annotations", {})
        is_check_off = annotations.get(INVOKER_CHECK_OFF, "").lower() == "true"
        if is_check_off and INVOKER_IAM_REQUIRED in self._estate.organization_policies:
            raise precondition(
                f"Operation denied by org policy on resource '{self.resource(service)}': [\"{INVOKER_IAM_REQUIRED}\"]."
            )
        service.annotations = dict(annotations)
        service.labels = dict(metadata.get("labels", service.labels))
        service.generation += 1
        return self._described(service)

    def _policy(self, _: Request, project: str, region: str, name: str) -> Json:
        return self._policies.get(self.resource(self._in(project, region, name)))

    def _set_policy(self, request: Request, project: str, region: str, name: str) -> Json:
        return self._policies.replace(self.resource(self._in(project, region, name)), request.json())

    def _test(self, request: Request, project: str, region: str, name: str) -> Json:
        self._in(project, region, name)
        return self._policies.test(request)

    def _in(self, project: str, region: str, name: str) -> Service:
        service = self._find(project, name)
        if service.region != region:
            raise not_found(f"Resource '{name}' of kind 'SERVICE' in region '{region}' does not exist.")
        return service

    def _described(self, service: Service) -> Json:
        revision = service.revision.name if service.revision else ""
        url = f"https://{service.host(self._estate.project)}"
        metadata = {
            "name": service.name,
            "namespace": self._estate.number,
            "uid": hashlib.sha256(service.created_at.encode()).hexdigest()[:32],
            "resourceVersion": f"AAZ{service.generation:07}",
            "generation": service.generation,
            "creationTimestamp": service.created_at,
            "labels": {**service.labels, "cloud.googleapis.com/location": service.region},
            "annotations": {**service.annotations, "run.googleapis.com/ingress": "all"},
        }
        conditions = [
            {"type": kind, "status": "True" if revision else "False", "lastTransitionTime": service.created_at}
            for kind in ("Ready", "ConfigurationsReady", "RoutesReady")
        ]
        return {
            "apiVersion": "serving.knative.dev/v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {
                "template": {"spec": _template(service.config)},
                "traffic": [{"percent": 100, "latestRevision": True}],
            },
            "status": {
                "observedGeneration": service.generation,
                "conditions": conditions,
                "latestReadyRevisionName": revision,
                "latestCreatedRevisionName": revision,
                "traffic": [{"revisionName": revision, "percent": 100, "latestRevision": True}],
                "url": url,
                "address": {"url": url},
            },
        }


def _template(config: Json) -> Json:
    variables = [{"name": name, "value": value} for name, value in config.get("environmentVariables", {}).items()]
    return {
        "containerConcurrency": config.get("maxInstanceRequestConcurrency", 1),
        "timeoutSeconds": config.get("timeoutSeconds", 60),
        "serviceAccountName": config.get("serviceAccountEmail", ""),
        "containers": [{"image": "offline", "name": "worker", "env": variables, "ports": [{"containerPort": 8080}]}],
    }


def _page(status: int, text: str) -> Answer:
    return Answer(status, f"<html><body><h1>{text}</h1></body></html>".encode(), {"Content-Type": "text/html"})


def _forwarded(request: Request, port: int, target: str) -> Answer:
    """What the function answers, with the headers that Google's front end adds."""
    trace = request.headers.get("traceparent", f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01")
    headers = {name: value for name, value in request.headers.items() if name not in _HOP_BY_HOP}
    headers.update({"Host": request.host, "X-Forwarded-Proto": "https", "traceparent": trace})
    with _connection(port) as connection:
        try:
            connection.request(request.method, target, request.body, headers)
            response = connection.getresponse()
            body = response.read()
        except (OSError, HTTPException):
            return _page(503, "Service Unavailable")
    kept = {name: value for name, value in response.getheaders() if name.lower() not in _NOT_PASSED_ON}
    return Answer(response.status, body, kept)


_NOT_PASSED_ON = _HOP_BY_HOP | {"content-length", "transfer-encoding", "date", "server"}


@contextlib.contextmanager
def _connection(port: int) -> Iterator[HTTPConnection]:
    with contextlib.closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        yield connection
