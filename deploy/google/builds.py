"""How long Google has built the deployed function, so that the next build has an honest estimate."""

import re
from datetime import datetime

from deploy.errors import GcloudFailed
from deploy.google.gcloud import Gcloud
from deploy.resources.resource import Facts
from deploy.spec import Spec

USUALLY = "Google builds it, which usually takes some minutes"
"""The estimate if no earlier build can be read."""

_MIN_S = 60


def estimate(google: Gcloud, spec: Spec, function: Facts) -> str:
    """Return what to expect of the next build, in words, from the last one if it can be read.

    ``function``: its description; empty if it does not exist yet.
    """
    seconds = last_build_s(google, spec, function)
    return USUALLY if seconds is None else f"the last build took {roughly(seconds)}"


def last_build_s(google: Gcloud, spec: Spec, function: Facts) -> float | None:
    """Return the seconds of the last successful build of a function; None if Google does not show it any more.

    https://cloud.google.com/functions/docs/reference/rest/v2/projects.locations.functions#BuildConfig
    """
    found = re.search(r"/locations/([^/]+)/builds/([^/]+)$", str(function.get("buildConfig", {}).get("build", "")))
    if not found:
        return None
    region, number = found.groups()
    try:
        build = google.read(("builds", "describe", number, f"--region={region}", spec.project_flag)) or {}
        began, ended = (datetime.fromisoformat(build[key]) for key in ("startTime", "finishTime"))
    except (GcloudFailed, KeyError, TypeError, ValueError):
        return None
    return (ended - began).total_seconds()


def roughly(seconds: float) -> str:
    """Return a duration without a precision that the next one will not have: ``about 40 s``, ``about 3 min``."""
    if seconds >= 1.5 * _MIN_S:
        return f"about {seconds / _MIN_S:.0f} min"
    return f"about {round(seconds, -1):.0f} s" if seconds >= 10 else "some seconds"
