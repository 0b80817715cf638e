"""``run.googleapis.com``: the services of functions, their revisions and traffic, IAM policies, and the invoker check.

https://cloud.google.com/run/docs/reference/rest/v1/namespaces.services and
https://cloud.google.com/run/docs/reference/rest/v1/namespaces.revisions
"""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.emulators.clouds.exchange import Json, Request, Route
from tests.emulators.clouds.google.estate import INVOKER_IAM_REQUIRED, Estate, timestamp
from tests.emulators.clouds.google.policies import Policies
from tests.emulators.clouds.google.problems import aborted, not_found, precondition
from tests.emulators.clouds.google.service import THROTTLING, Service, all_to_latest, check_billing, described, template
from tests.emulators.clouds.google.strict import strict

INVOKER = "roles/run.invoker"
INVOKER_CHECK_OFF = "run.googleapis.com/invoker-iam-disabled"
OF_SERVICE = "serving.knative.dev/service"
"""The label of a revision with the name of its service."""

_LISTED = ("continue", "fieldSelector", "includeUninitialized", "labelSelector", "limit", "resourceVersion", "watch")


@dataclass(frozen=True, slots=True)
class Failed:
    """A revision that did not start, its settings and its log."""

    service: str
    region: str
    revision: str
    log: str
    config: Json
    created_at: str = field(default_factory=timestamp)


class Run:
    """The services by name. If two regions have a service of one name, the second one's key is ``REGION/NAME``."""

    def __init__(self, estate: Estate, policies: Policies) -> None:
        self._estate = estate
        self._policies = policies
        self.services: dict[str, Service] = {}
        self.failed: list[Failed] = []
        self._starter = ThreadPoolExecutor(1, "revisions")  # one thread, which lives as long as what it starts

    def resource(self, service: Service) -> str:
        """Return the full name of a service."""
        return f"projects/{self._estate.project}/locations/{service.region}/services/{service.name}"

    def find(self, region: str, name: str) -> Service | None:
        """Return the service with this name in a region, or None."""
        services = list(self.services.values())
        return next((service for service in services if (service.region, service.name) == (region, name)), None)

    def put(self, service: Service) -> None:
        """Add a service, or replace the one with its name in its region."""
        existing = self.services.get(service.name, service)
        key = service.name if existing.region == service.region else f"{service.region}/{service.name}"
        self.services[key] = service

    def remove(self, region: str, name: str) -> None:
        """Remove a service, and end its revisions."""
        service = self.find(region, name)
        if service:
            self.services = {key: other for key, other in self.services.items() if other is not service}
            self._policies.forget(self.resource(service))
            service.end()

    def clear(self) -> None:
        """Remove all services."""
        for service in list(self.services.values()):
            self.remove(service.region, service.name)
        self._starter.shutdown()

    def routes(self) -> list[Route]:
        """Return the routes of the API."""
        service = "/apis/serving.knative.dev/v1/namespaces/{project}/services/{name}"
        iam = "/v1/projects/{project}/locations/{region}/services/{name}"
        return [
            Route("GET", service, self._get, "run.services.get"),
            Route("PUT", service, self._replace, "run.services.update"),
            Route("DELETE", service, self._delete, "run.services.delete"),
            strict(
                Route("GET", service.replace("services/{name}", "revisions"), self._revisions, "run.revisions.list"),
                _LISTED,
            ),
            Route("GET", service.replace("services/{name}", "revisions/{name}"), self._one, "run.revisions.get"),
            strict(Route("GET", iam.removesuffix("/{name}"), self._list, "run.services.list"), _LISTED),
            Route("GET", iam + ":getIamPolicy", self._policy, "run.services.getIamPolicy"),
            Route("POST", iam + ":setIamPolicy", self._set_policy, "run.services.setIamPolicy"),
            Route("POST", iam + ":testIamPermissions", self._test),
        ]

    def holds(self, role: str, member: str) -> bool:
        """Whether a member has this role on the project."""
        return self._policies.grants(f"projects/{self._estate.project}", role, member)

    def is_open(self, service: Service) -> bool:
        """Whether everyone may call a service."""
        is_check_off = service.annotations.get(INVOKER_CHECK_OFF, "").lower() == "true"
        return is_check_off or self._policies.grants(self.resource(service), INVOKER, "allUsers")

    def _find(self, request: Request, project: str, name: str) -> Service:
        """Return the service in the region of the host, such as ``europe-west1-run.googleapis.com``."""
        self._estate.check_project(project)
        region = request.host.removesuffix("run.googleapis.com").removesuffix("-")
        service = self.find(region, name) if region else self.services.get(name)
        if service is None:
            raise not_found(f"Resource '{name}' of kind 'SERVICE' in project '{project}' does not exist.")
        return service

    def _get(self, request: Request, project: str, name: str) -> Json:
        return described(self._find(request, project, name), self._estate)

    def _delete(self, request: Request, project: str, name: str) -> Json:
        service = self._find(request, project, name)
        self.remove(service.region, service.name)
        return {"kind": "Status", "status": "Success"}

    def _list(self, _: Request, project: str, region: str) -> Json:
        self._estate.check_project(project)
        services = [service for service in list(self.services.values()) if region in {"-", service.region}]
        silent = self._estate.silent
        items = [described(service, self._estate) for service in services if service.region not in silent]
        return {"apiVersion": "serving.knative.dev/v1", "items": items, "unreachable": sorted(silent)}

    def _replace(self, request: Request, project: str, name: str) -> Json:
        """Replace annotations, labels, traffic and billing. A template that would make a revision is not played."""
        service, body = self._find(request, project, name), request.json()
        metadata = body.get("metadata", {})
        version = metadata.get("resourceVersion")
        if version and version != described(service, self._estate)["metadata"]["resourceVersion"]:
            raise aborted(f"Conflict for resource '{name}': version '{version}' was specified but it has changed.")
        annotations = metadata.get("annotations", {})
        is_check_off = annotations.get(INVOKER_CHECK_OFF, "").lower() == "true"
        if is_check_off and INVOKER_IAM_REQUIRED in self._estate.organization_policies:
            raise precondition(
                f"Operation denied by org policy on resource '{self.resource(service)}': [\"{INVOKER_IAM_REQUIRED}\"]."
            )
        in_template = body.get("spec", {}).get("template", {}).get("metadata", {}).get("annotations", {})
        service.is_throttled = str(in_template.get(THROTTLING, "true")).lower() != "false"
        check_billing(service, service.config)
        traffic = body.get("spec", {}).get("traffic") or all_to_latest()
        if traffic != service.traffic:
            service.check_traffic(traffic)
            self._starter.submit(service.route, traffic).result()
        service.annotations = dict(annotations)
        service.labels = dict(metadata.get("labels", service.labels))
        service.generation += 1
        return described(service, self._estate)

    def _revisions(self, request: Request, project: str) -> Json:
        """Return a page of the revisions, of one service if the label selector names one; the newest come first."""
        self._estate.check_project(project)
        region = request.host.removesuffix("run.googleapis.com").removesuffix("-")
        selected = request.parameter("labelSelector").replace(" ", "").removeprefix(f"{OF_SERVICE}=")
        listed = [
            revision
            for service in list(self.services.values())
            if region in {"", service.region} and selected in {"", service.name}
            for revision in self._revisions_of(service)
        ]
        listed.sort(key=lambda revision: str(revision["metadata"]["creationTimestamp"]), reverse=True)
        start, limit = request.number("continue", default=0), request.number("limit", default=0) or len(listed)
        end = start + limit
        more = {"continue": str(end)} if end < len(listed) else {}
        return {"apiVersion": "serving.knative.dev/v1", "metadata": more, "items": listed[start:end]}

    def _one(self, _: Request, project: str, name: str) -> Json:
        """Return a revision; gcloud reads the newest one after a change of a service's template."""
        self._estate.check_project(project)
        every = (revision for service in list(self.services.values()) for revision in self._revisions_of(service))
        found = next((revision for revision in every if revision["metadata"]["name"] == name), None)
        if found is None:
            raise not_found(f"Resource '{name}' of kind 'REVISION' in project '{project}' does not exist.")
        return found

    def _revisions_of(self, service: Service) -> Iterator[Json]:
        serving = [revision.name for revision, _ in service.shares()]
        for made in service.revisions:
            yield self._revision(service, made.name, made.created_at, made.config, is_active=made.name in serving)
        for failed in self.failed:
            if (failed.region, failed.service) == (service.region, service.name):
                yield self._revision(service, failed.revision, failed.created_at, failed.config, is_active=None)

    def _revision(self, service: Service, name: str, created_at: str, config: Json, *, is_active: bool | None) -> Json:
        """Return a revision in the format of Knative. ``is_active``: it gets requests; None: it did not start."""
        ready = {"type": "Ready", "status": "False" if is_active is None else "True", "lastTransitionTime": created_at}
        if is_active is None:
            ready |= {"reason": "HealthCheckContainerFailed", "message": f"Revision '{name}' is not ready."}
        active = {"type": "Active", "status": str(bool(is_active)), "lastTransitionTime": created_at}
        return {
            "apiVersion": "serving.knative.dev/v1",
            "kind": "Revision",
            "metadata": {
                "name": name,
                "namespace": self._estate.number,
                "uid": hashlib.sha256(name.encode()).hexdigest()[:32],
                "creationTimestamp": created_at,
                "labels": {OF_SERVICE: service.name, "cloud.googleapis.com/location": service.region},
                "annotations": {},
            },
            "spec": template(config),
            "status": {"conditions": [ready, active]},
        }

    def _policy(self, _: Request, project: str, region: str, name: str) -> Json:
        return self._policies.get(self.resource(self._in(project, region, name)))

    def _set_policy(self, request: Request, project: str, region: str, name: str) -> Json:
        return self._policies.replace(self.resource(self._in(project, region, name)), request.json())

    def _test(self, request: Request, project: str, region: str, name: str) -> Json:
        self._in(project, region, name)
        return self._policies.test(request)

    def _in(self, project: str, region: str, name: str) -> Service:
        self._estate.check_project(project)
        service = self.find(region, name)
        if service is None:
            raise not_found(f"Resource '{name}' of kind 'SERVICE' in region '{region}' does not exist.")
        return service
