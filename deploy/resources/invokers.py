"""Who may call a Cloud Run service: read off its IAM policy and its description. Pure."""

from deploy.resources.resource import Facts
from deploy.spec import Spec
from deploy.steps import Argv

INVOKER = "roles/run.invoker"
CHECK_OFF = "run.googleapis.com/invoker-iam-disabled"
"""The annotation of a service that asks no caller who they are: https://cloud.google.com/run/docs/securing/managing-access."""


def is_public(facts: Facts) -> bool:
    """Return whether allUsers may call, on no condition."""
    return any(
        binding.get("role") == INVOKER and "allUsers" in binding.get("members", []) and not binding.get("condition")
        for binding in (facts.get("policy") or {}).get("bindings", [])
    )


def is_unchecked(facts: Facts) -> bool:
    """Return whether no caller is asked who they are."""
    annotations = (facts.get("service") or {}).get("metadata", {}).get("annotations", {})
    return str(annotations.get(CHECK_OFF, "")).lower() == "true"


def run_service(spec: Spec, verb: str, *flags: str) -> Argv:
    """Return a command on the Cloud Run service of the function's name."""
    return ("run", "services", verb, spec.name, *flags, f"--region={spec.region}", f"--project={spec.google_project}")
