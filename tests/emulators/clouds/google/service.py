"""A Cloud Run service, which serves a function.

https://cloud.google.com/run/docs/reference/rest/v1/namespaces.services
"""

import hashlib
from dataclasses import dataclass, field

from tests.emulators.clouds.exchange import Json
from tests.emulators.clouds.google.estate import Estate, timestamp
from tests.emulators.clouds.google.revision import Revision

_REGION_CODES = {"us-central1": "uc", "us-east1": "ue", "us-east4": "uk", "us-west1": "uw", "europe-north1": "lz"}


@dataclass
class Service:
    """A service, its current revision, and the host of its function's URL."""

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
        """Return the host of the service's own URL."""
        code = _REGION_CODES.get(self.region) or self.region[0] + self.region.partition("-")[2][0]
        digest = hashlib.sha256(f"{project}/{self.region}".encode()).hexdigest()[:10]
        return f"{self.name}-{digest}-{code}.a.run.app"


def described(service: Service, estate: Estate) -> Json:
    """Return a service in the format of Knative."""
    revision = service.revision.name if service.revision else ""
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
