"""Cases of plans: the spec and the observed state of ``plans/*.json``.

``plans/everything.json`` is what gcloud answers when everything is as it should be; a case overlays it,
and null stands for what is not there.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy.resources.connector import Connector
from deploy.spec import Spec
from deploy.stages.observed import Observed
from deploy.stages.plan import plan
from deploy.steps import ResourceId, Step

PLANS = Path(__file__).parent / "plans"


WITHOUT_NAME = {"APIs", "public invocation", "functions in other regions", "temporary subscriptions"}


def read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def overlaid(below: Any, above: Any) -> Any:
    """Return an object with the members of another one merged in; other values are replaced."""
    if not (isinstance(below, Mapping) and isinstance(above, Mapping)):
        return above
    return {**below, **{key: overlaid(below.get(key), value) for key, value in above.items()}}


def tupled(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}


def spec_of(case: Mapping[str, Any]) -> Spec:
    return Spec(**tupled(case))


def id_of(title: str) -> ResourceId:
    """Return the id of the resource that a case names by its text."""
    kind, _, name = title.rpartition(" ")
    return ResourceId(title) if title in WITHOUT_NAME else ResourceId(kind, name)


def observed_of(case: Mapping[str, Any]) -> Observed:
    connectors = {
        project: [Connector(**tupled(fields)) for fields in found] for project, found in case["connectors"].items()
    }
    facts = {id_of(title): facts for title, facts in case["facts"].items()}
    return Observed(facts, connectors, devices=case.get("devices", {}), closed=case.get("closed", {}))


def planned(facts: Mapping[str, Any], **changes: Any) -> tuple[Step, ...]:
    """Return the plan for a finished deployment with these other facts and these changes of the spec."""
    everything = read(PLANS / "everything.json")
    observed = observed_of(overlaid(everything["observed"], {"facts": facts}))
    return plan(spec_of({**everything["spec"], **changes}), observed)
