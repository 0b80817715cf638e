"""The memory of a deployment between two runs, in annotations of its secret.

https://cloud.google.com/secret-manager/docs/annotations
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from deploy.resources.resource import Facts, is_marked
from deploy.spec import DT_PROJECT_ID, MARK, Spec

DT_PROJECTS = f"{MARK}-dt-projects"
"""The annotation with the DT projects that have a connector, joined by ``SEPARATOR``."""

DEPLOYED = f"{MARK}-deployed"
"""The annotation with the upload from which this tool last deployed the function; see ``deployed_upload``."""

PAUSED_SINCE = f"{MARK}-paused"
"""The annotation with the connectors that ``pause`` has paused, as ``PROJECT/CONNECTOR@TIME``, joined by ``SEPARATOR``.

Nothing else distinguishes a connector that ``pause`` has paused from one that a person has paused in DT Studio."""

NONE_PAUSED = "none"
"""The value of ``PAUSED_SINCE`` after a ``resume``, with its time and that of the pause: ``none@TIME@TIME``."""

SEPARATOR = "+"
"""The separator of DT project ids. No id contains it, and it has no meaning to gcloud or to a shell."""

_TIME = r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)"
_PAUSED = rf"({DT_PROJECT_ID}/[A-Za-z0-9]+)@{_TIME}"
_RESUMED = f"{NONE_PAUSED}@{_TIME}(?:@{_TIME})?"

UNKNOWN_YET = "<its number>"
"""The placeholder for an upload that does not exist yet."""


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory of a deployment; empty if it has no secret.

    ``paused_since``: the times at which ``pause`` paused connectors, such as ``2026-11-02T08:13:15Z``, by
    ``PROJECT/CONNECTOR``. ``resumed_at``: the time of the last ``resume``; empty if there was none, or a pause since.
    ``was_paused_at``: when the pause had begun that this ``resume`` has ended; empty if that is not known.
    """

    dt_projects: tuple[str, ...] = ()
    deployed: str = ""
    paused_since: Mapping[str, str] = field(default_factory=dict)
    resumed_at: str = ""
    was_paused_at: str = ""


def read_memory(spec: Spec, facts: Facts) -> Memory:
    """Return the memory in the facts of the signature secret."""
    found = facts.get("secret") or {}
    annotations = (found.get("annotations") or {}) if is_marked(spec, found) else {}
    written = annotations.get(DT_PROJECTS, "").split(SEPARATOR)
    projects = tuple(project for project in written if re.fullmatch(DT_PROJECT_ID, project))
    paused = annotations.get(PAUSED_SINCE, "")
    resumed = re.fullmatch(_RESUMED, paused)
    resumed_at, was_paused_at = (resumed[1], resumed[2] or "") if resumed else ("", "")
    return Memory(projects, annotations.get(DEPLOYED, ""), _paused(paused), resumed_at, was_paused_at)


def paused_words(since: Mapping[str, str], resumed_at: str = "", was_paused_at: str = "") -> str:
    """Return the value of the annotation for paused connectors. ``since``: the times by ``PROJECT/CONNECTOR``."""
    none = "@".join(word for word in (NONE_PAUSED, resumed_at, was_paused_at) if word)
    return SEPARATOR.join(f"{name}@{time}" for name, time in sorted(since.items())) or none


def _paused(words: str) -> dict[str, str]:
    found = (re.fullmatch(_PAUSED, word) for word in words.split(SEPARATOR))
    return {match[1]: match[2] for match in found if match}


def deployed_upload(function: Facts) -> str:
    """Return the generation of the uploaded source that a function was built from; empty if Google shows none.

    Each upload has another generation. A deployment by another tool keeps our label, so only the generation shows it.
    https://cloud.google.com/functions/docs/reference/rest/v2/projects.locations.functions#StorageSource
    """
    built = function.get("buildConfig", {})
    source = built.get("source", {}).get("storageSource", {})
    resolved = built.get("sourceProvenance", {}).get("resolvedStorageSource", {})
    return str(source.get("generation") or resolved.get("generation") or "")
