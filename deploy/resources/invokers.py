"""The callers that a Cloud Run service allows, by its IAM policy and its description. Pure."""

from deploy.resources.resource import CommandGroup, Facts, is_granted
from deploy.spec import Spec
from deploy.steps import Argv

RUN = CommandGroup(
    ("run",),
    "run.googleapis.com",
    r"Cannot find service \[{name}\]|Service \[{name}\] could not be found"
    r"|Resource '{name}' of kind 'SERVICE'.{{0,200}} does not exist",
)
INVOKER = "roles/run.invoker"
CHECK_OFF = "run.googleapis.com/invoker-iam-disabled"
"""The annotation of a service that does not check callers: https://cloud.google.com/run/docs/securing/managing-access."""


def is_public(facts: Facts) -> bool:
    """Return whether allUsers may call without a condition."""
    return is_granted(facts.get("policy"), INVOKER, "allUsers")


def is_unchecked(facts: Facts) -> bool:
    """Return whether Cloud Run's check of callers is disabled."""
    annotations = (facts.get("service") or {}).get("metadata", {}).get("annotations", {})
    return str(annotations.get(CHECK_OFF, "")).lower() == "true"


def run_service(spec: Spec, verb: str, *flags: str) -> Argv:
    """Return a command on the Cloud Run service of the function's name."""
    return ("run", "services", verb, spec.name, *flags, f"--region={spec.region}", spec.project_flag)
