"""How long Google has built the deployed function, to estimate the next build."""

import re
from datetime import datetime

from deploy.errors import DeployError
from deploy.google.gcloud import Gcloud
from deploy.resources.function import Function
from deploy.resources.resource import Facts
from deploy.spec import Spec

USUALLY = "Google builds it, which usually takes some minutes"
"""The estimate if no earlier build can be read."""

_MIN_S = 60


def estimate(google: Gcloud, spec: Spec, function: Facts) -> str:
    """Return how long the next build may take, in words, from the last build if it can be read.

    ``function``: its description; empty if it does not exist yet.
    """
    try:
        seconds = build_seconds(google, spec, str(function.get("buildConfig", {}).get("build", "")))
    except DeployError:
        return USUALLY
    return f"the last build took {roughly(seconds)}"


def build_seconds(google: Gcloud, spec: Spec, build: str) -> float:
    """Return how long a build took. ``build``: its full name, as the function's description has it.

    https://cloud.google.com/functions/docs/reference/rest/v2/projects.locations.functions#BuildConfig

    Raises:
        DeployError: the function has no build, or Google does not show it any more, or not its times.

    """
    found = re.search(r"/locations/([^/]+)/builds/([^/]+)$", build)
    if not found:
        raise DeployError("Google does not show the build", where=Function(spec).title)
    region, number = found.groups()
    described = google.read(("builds", "describe", number, f"--region={region}", spec.project_flag)) or {}
    try:
        began, ended = (datetime.fromisoformat(str(described[key])) for key in ("startTime", "finishTime"))
    except (KeyError, ValueError):
        raise DeployError("has no times", where="the build") from None
    return (ended - began).total_seconds()


def roughly(seconds: float) -> str:
    """Return a duration without a precision that the next one will not have: ``about 40 s``, ``about 3 min``."""
    if seconds >= 1.5 * _MIN_S:
        return f"about {seconds / _MIN_S:.0f} min"
    return f"about {round(seconds, -1):.0f} s" if seconds >= 10 else "some seconds"
