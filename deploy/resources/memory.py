"""What a deployment remembers between two runs, in annotations of its secret.

https://cloud.google.com/secret-manager/docs/annotations
"""

import re
from dataclasses import dataclass

from deploy.resources.resource import Facts, is_marked
from deploy.spec import DT_PROJECT_ID, MARK, Spec

DT_PROJECTS = f"{MARK}-dt-projects"
"""The annotation that holds the DT projects in which a connector was made, joined by ``BETWEEN``."""

DEPLOYED = f"{MARK}-deployed"
"""The annotation that holds the upload that this tool last deployed the function from: see ``deployed_upload``."""

BETWEEN = "+"
"""Separates DT project ids. It is not part of an id, and has no meaning to gcloud or to a shell."""

UNKNOWN_YET = "<its number>"
"""The placeholder for an upload that is not made yet."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What was remembered; empty if there is no secret of this deployment."""

    dt_projects: tuple[str, ...] = ()
    deployed: str = ""


def read_memory(spec: Spec, facts: Facts) -> Memory:
    """Return what the facts of the signature secret say."""
    found = facts.get("secret") or {}
    annotations = (found.get("annotations") or {}) if is_marked(spec, found) else {}
    written = annotations.get(DT_PROJECTS, "").split(BETWEEN)
    projects = tuple(project for project in written if re.fullmatch(DT_PROJECT_ID, project))
    return Memory(projects, annotations.get(DEPLOYED, ""))


def deployed_upload(function: Facts) -> str:
    """Return the generation of the uploaded source that a function was built from; empty if Google gives none.

    Each upload has another one. Our label stays if somebody else deploys, so only this shows such a deployment.
    https://cloud.google.com/functions/docs/reference/rest/v2/projects.locations.functions#StorageSource
    """
    built = function.get("buildConfig", {})
    source = built.get("source", {}).get("storageSource", {})
    resolved = built.get("sourceProvenance", {}).get("resolvedStorageSource", {})
    return str(source.get("generation") or resolved.get("generation") or "")
