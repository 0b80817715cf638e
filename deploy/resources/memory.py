"""What a deployment remembers between two runs: annotations of its secret, which exist for the state of client tools.

https://cloud.google.com/secret-manager/docs/annotations
"""

import re
from dataclasses import dataclass

from deploy.resources.resource import Facts, is_marked
from deploy.spec import DT_PROJECT_ID, MARK, Spec

DT_PROJECTS = f"{MARK}-dt-projects"
"""The annotation that holds the DT projects in which a connector was made, joined by ``BETWEEN``."""

DEPLOYED = f"{MARK}-deployed"
"""The annotation that holds which upload the function was last deployed from by this tool: see ``deployed_upload``."""

BETWEEN = "+"
"""Stands between DT project ids, which are letters and digits; neither gcloud nor a shell gives it a meaning."""

UNKNOWN_YET = "<its number>"
"""Stands for the upload of a deployment that is still to come."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What was remembered; empty where there is no secret of this deployment."""

    dt_projects: tuple[str, ...] = ()
    deployed: str = ""


def read_memory(spec: Spec, facts: Facts) -> Memory:
    """Read it off the facts of the signature secret."""
    found = facts.get("secret") or {}
    annotations = (found.get("annotations") or {}) if is_marked(spec, found) else {}
    written = annotations.get(DT_PROJECTS, "").split(BETWEEN)
    projects = tuple(project for project in written if re.fullmatch(DT_PROJECT_ID, project))
    return Memory(projects, annotations.get(DEPLOYED, ""))


def deployed_upload(function: Facts) -> str:
    """Return the generation of the uploaded source that a function was built from; empty where Google gives none.

    Every upload has another one, and labels stay when somebody else deploys: it tells what our label cannot.
    https://cloud.google.com/functions/docs/reference/rest/v2/projects.locations.functions#StorageSource
    """
    built = function.get("buildConfig", {})
    source = built.get("source", {}).get("storageSource", {})
    resolved = built.get("sourceProvenance", {}).get("resolvedStorageSource", {})
    return str(source.get("generation") or resolved.get("generation") or "")
