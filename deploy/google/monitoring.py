"""Reads time series of Cloud Monitoring, for which gcloud has no command."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from deploy.errors import DeployError
from deploy.google.calls import Answer, Call, Send
from deploy.google.permissions import grants
from deploy.google.retries import TRANSIENT, repeated
from deploy.parallel import sleep

ReadTimeSeries = Callable[[str, Mapping[str, str]], list[Any]]
"""The type of ``Monitoring.time_series``."""

_URL = "https://monitoring.googleapis.com/v3/projects/{project}/timeSeries"
_PAUSES_S = (1.0, 3.0)
"""Pauses before Cloud Monitoring is asked again after a transient error."""


@dataclass(frozen=True, slots=True)
class Monitoring:
    """Cloud Monitoring, as the user of gcloud's login. ``send`` adds the access token. Safe to use from threads."""

    send: Send
    sleep: Callable[[float], None] = sleep

    def time_series(self, project: str, parameters: Mapping[str, str]) -> list[Any]:
        """Return the time series, or [] if the metric has no value yet: then Google answers 404.

        A transient error is waited for. https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.timeSeries/list

        Raises:
            DeployError: Google did not answer, or refused the request.
            GcloudFailed: gcloud has no login.

        """
        call = Call("GET", _URL.format(project=project), params=parameters)
        answer = repeated(lambda: self.send(call), _PAUSES_S, lambda answer: answer.status in TRANSIENT, self.sleep)
        found = answer.body.get("timeSeries", []) if isinstance(answer.body, dict) else None
        if answer.status == 200 and isinstance(found, list):
            return found
        if answer.status == 404 and "Cannot find metric" in str(answer.body):
            return []
        raise _error(project, answer)


def _error(project: str, answer: Answer) -> DeployError:
    what, fix, message = f"did not answer ({answer.status})", [], str(answer.body)
    if answer.status == 0:
        what, fix = answer.why, [answer.fix] if answer.fix else []
    elif answer.status == 200:
        what = "answered with an unexpected structure"
    elif "SERVICE_DISABLED" in message:
        what, fix = "is off", [f"gcloud services enable monitoring.googleapis.com --project={project}"]
    elif "PERMISSION_DENIED" in message:
        what, fix = "you may not read it: monitoring.timeSeries.list is missing", [*grants(project)]
    return DeployError(what, where="Cloud Monitoring", fix=fix)
