"""A Cloud Run service, which serves a function by its revisions.

https://cloud.google.com/run/docs/reference/rest/v1/namespaces.services. A deployment does not change a service's
traffic: https://cloud.google.com/run/docs/rollouts-rollbacks-traffic-migration.
"""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.emulators.clouds.exchange import Json
from tests.emulators.clouds.google.estate import Estate, timestamp
from tests.emulators.clouds.google.problems import invalid
from tests.emulators.clouds.google.revision import Revision

THROTTLING = "run.googleapis.com/cpu-throttling"
"""The annotation of a template: https://cloud.google.com/run/docs/configuring/billing-settings."""

_REGION_CODES = {"us-central1": "uc", "us-east1": "ue", "us-east4": "uk", "us-west1": "uw", "europe-north1": "lz"}
_RANDOM = random.SystemRandom()


def all_to_latest() -> list[Json]:
    """Return the traffic of a new service: all requests to the newest revision that is ready."""
    return [{"percent": 100, "latestRevision": True}]


@dataclass
class Service:
    """A service, its revisions that have started, and the host of its function's URL.

    ``traffic``: the shares of the requests, as ``spec.traffic`` has them. ``created``: the name of the newest revision,
    which may have failed. ``is_throttled``: billed by request, and without a CPU between requests.
    """

    name: str
    region: str
    function_host: str
    config: Json
    labels: Json
    annotations: dict[str, str] = field(default_factory=dict)
    generation: int = 1
    revisions: list[Revision] = field(default_factory=list)
    traffic: list[Json] = field(default_factory=all_to_latest)
    created: str = ""
    is_throttled: bool = True
    created_at: str = field(default_factory=timestamp)

    @property
    def revision(self) -> Revision | None:
        """The revision that answers most requests; None if no revision has started."""
        return max(self.shares(), key=lambda share: share[1], default=(None, 0))[0]

    @property
    def is_on_latest(self) -> bool:
        """Whether the newest revision answers all requests."""
        return bool(self.revisions) and self.shares() == [(self.revisions[-1], 100)]

    def shares(self, traffic: Sequence[Json] | None = None) -> list[tuple[Revision, int]]:
        """Return the revisions that get requests, and the percent of each. ``traffic``: other than the service's."""
        found = [(self._target(part), part.get("percent", 0)) for part in (traffic or self.traffic)]
        return [(revision, percent) for revision, percent in found if revision and percent]

    def chosen(self) -> Revision | None:
        """Return the revision that answers the next request, by chance if several do; None if there is none."""
        shares = self.shares()
        return _RANDOM.choices(*zip(*shares, strict=True))[0] if shares else None

    def host(self, project: str) -> str:
        """Return the host of the service's own URL."""
        code = _REGION_CODES.get(self.region) or self.region[0] + self.region.partition("-")[2][0]
        digest = hashlib.sha256(f"{project}/{self.region}".encode()).hexdigest()[:10]
        return f"{self.name}-{digest}-{code}.a.run.app"

    def check_traffic(self, traffic: Sequence[Json]) -> None:
        """Refuse shares of revisions that are not there or not ready, and shares that do not add up to 100."""
        for part in traffic:
            if bool(part.get("revisionName")) == bool(part.get("latestRevision")):
                raise invalid("spec.traffic: a target needs either revisionName or latestRevision.")
            if part.get("revisionName") and self._target(part) is None:
                raise invalid(f"Revision '{part['revisionName']}' is not found, or is not ready to serve traffic.")
        if (whole := sum(part.get("percent", 0) for part in traffic)) != 100:
            raise invalid(f"spec.traffic: the percentages add up to {whole}, and not to 100.")

    def route(self, traffic: Sequence[Json]) -> None:
        """Start the revisions that get requests, send requests to them, and let the others rest. Raises ``Problem``."""
        for revision, _ in self.shares(traffic):
            revision.wake()
        self.traffic = list(traffic)
        serving = [revision for revision, _ in self.shares()]
        for revision in self.revisions:
            if revision not in serving:
                revision.rest()

    def end(self) -> None:
        """End all revisions."""
        for revision in self.revisions:
            revision.end()

    def _target(self, part: Json) -> Revision | None:
        if part.get("latestRevision"):
            return self.revisions[-1] if self.revisions else None
        return next((revision for revision in self.revisions if revision.name == part.get("revisionName")), None)


def check_billing(service: Service, config: Json) -> None:
    """Refuse less than one CPU for a service that is billed by instance. Raises ``Problem``."""
    cpu = str(config.get("availableCpu", "1"))
    if not service.is_throttled and float(cpu) < 1:
        raise invalid(
            f"Could not create or update Cloud Run service {service.name}, spec.template.spec.containers.resources."
            "limits.cpu: Invalid value specified for cpu. Total cpu < 1 is not supported with cpu always allocated."
        )


def described(service: Service, estate: Estate) -> Json:
    """Return a service in the format of Knative."""
    ready = service.revisions[-1].name if service.revisions else ""
    url = f"https://{service.host(estate.project)}"
    metadata = {
        "name": service.name,
        "namespace": estate.number,
        "uid": hashlib.sha256(service.created_at.encode()).hexdigest()[:32],
        "resourceVersion": f"AAZ{service.generation:07}",
        "generation": service.generation,
        "creationTimestamp": service.created_at,
        "labels": {**service.labels, "cloud.googleapis.com/location": service.region},
        "annotations": {**service.annotations, "run.googleapis.com/ingress": "all"},
    }
    conditions = [
        {"type": kind, "status": "True" if ready else "False", "lastTransitionTime": service.created_at}
        for kind in ("Ready", "ConfigurationsReady", "RoutesReady")
    ]
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"template": _template(service), "traffic": service.traffic},
        "status": {
            "observedGeneration": service.generation,
            "conditions": conditions,
            "latestReadyRevisionName": ready,
            "latestCreatedRevisionName": service.created or ready,
            "traffic": [_with_name(part, ready) for part in service.traffic],
            "url": url,
            "address": {"url": url},
        },
    }


def _template(service: Service) -> Json:
    """Return the template of a service, with its billing and the CPU of an instance."""
    whole = template(service.config)
    limits = {"cpu": service.config.get("availableCpu", "1"), "memory": service.config.get("availableMemory", "256M")}
    containers = [{**container, "resources": {"limits": limits}} for container in whole["containers"]]
    annotations = {THROTTLING: str(service.is_throttled).lower()}
    return {"metadata": {"annotations": annotations}, "spec": {**whole, "containers": containers}}


def template(config: Json) -> Json:
    """Return the part of a service or a revision that describes its container, in the format of Knative."""
    variables = [{"name": name, "value": value} for name, value in config.get("environmentVariables", {}).items()]
    mounts = [(f"secret-{number}", volume) for number, volume in enumerate(config.get("secretVolumes", []))]
    container = {"image": "offline", "name": "worker", "env": variables, "ports": [{"containerPort": 8080}]}
    return {
        "containerConcurrency": config.get("maxInstanceRequestConcurrency", 1),
        "timeoutSeconds": config.get("timeoutSeconds", 60),
        "serviceAccountName": config.get("serviceAccountEmail", ""),
        "containers": [
            {**container, "volumeMounts": [{"name": name, "mountPath": volume["mountPath"]} for name, volume in mounts]}
        ],
        "volumes": [{"name": name, "secret": _mounted(volume)} for name, volume in mounts],
    }


def _mounted(volume: Json) -> Json:
    """Return a mounted secret in the format of Knative, where ``key`` is the version."""
    versions = volume.get("versions") or [{"path": volume["secret"], "version": "latest"}]
    items = [{"key": version["version"], "path": version["path"].lstrip("/")} for version in versions]
    return {"secretName": volume["secret"], "items": items}


def _with_name(part: Json, ready: str) -> Json:
    return {**part, "revisionName": ready} if part.get("latestRevision") else part
