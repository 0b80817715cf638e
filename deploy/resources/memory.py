"""The memory of a deployment between two runs, in annotations of its secret.

https://cloud.google.com/secret-manager/docs/annotations
"""

import re
from dataclasses import dataclass

from deploy.resources.resource import Facts, is_marked
from deploy.spec import DT_PROJECT_ID, MARK, Spec

DT_PROJECTS = f"{MARK}-dt-projects"
"""The annotation with the DT projects that have a connector, joined by ``SEPARATOR``."""

DEPLOYED = f"{MARK}-deployed"
"""The annotation with the upload from which this tool last deployed the function; see ``deployed_upload``."""

SEPARATOR = "+"
"""The separator of DT project ids. No id contains it, and it has no meaning to gcloud or to a shell."""

UNKNOWN_YET = "<its number>"
"""The placeholder for an upload that does not exist yet."""


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory of a deployment; empty if it has no secret."""

    dt_projects: tuple[str, ...] = ()
    deployed: str = ""


def read_memory(spec: Spec, facts: Facts) -> Memory:
    """Return the memory in the facts of the signature secret."""
    found = facts.get("secret") or {}
    annotations = (found.get("annotations") or {}) if is_marked(spec, found) else {}
    written = annotations.get(DT_PROJECTS, "").split(SEPARATOR)
    projects = tuple(project for project in written if re.fullmatch(DT_PROJECT_ID, project))
    return Memory(projects, annotations.get(DEPLOYED, ""))


def deployed_upload(function: Facts) -> str:
    """Return the generation of the uploaded source that a function was built from; empty if Google shows none.

    Each upload has another generation. A deployment by another tool keeps our label, so only the generation shows it.
    https://cloud.google.com/functions/docs/reference/rest/v2/projects.locations.functions#StorageSource
    """
    built = function.get("buildConfig", {})
    source = built.get("source", {}).get("storageSource", {})
    resolved = built.get("sourceProvenance", {}).get("resolvedStorageSource", {})
    return str(source.get("generation") or resolved.get("generation") or "")
