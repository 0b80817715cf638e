"""Requests to Google for which gcloud has no command: testIamPermissions and Cloud Monitoring's time series."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import requests

from deploy.errors import DeployError
from deploy.google.permissions import grant
from deploy.parallel import sleep
from deploy.secret import Secret
from deploy.web import without_netrc

TestPermissions = Callable[[str, Sequence[str], Secret], frozenset[str]]
"""The type of ``test_permissions``."""

ReadTimeSeries = Callable[[str, Mapping[str, str], Secret], list[Any]]
"""The type of ``time_series``."""

_TIME_SERIES_URL = "https://monitoring.googleapis.com/v3/projects/{project}/timeSeries"
_PERMISSIONS_URL = "https://{api}.googleapis.com/v1/{resource}:testIamPermissions"
_TRANSIENT = {429, 500, 502, 503, 504}
_PAUSES_S = (1.0, 3.0)
"""Pauses before Cloud Monitoring is asked again after a transient error."""

_MAX_PERMISSIONS = 100
"""Permissions in one request: Google's limit."""

without_netrc()


def test_permissions(resource: str, permissions: Sequence[str], token: Secret) -> frozenset[str]:
    """Return those of the permissions that the owner of the access token has on a resource.

    ``resource``: a project or a service account, by its name in Google's APIs.

    Raises:
        DeployError: Google did not answer.

    """
    granted: set[str] = set()
    api = "iam" if "/serviceAccounts/" in resource else "cloudresourcemanager"
    for first in range(0, len(permissions), _MAX_PERMISSIONS):
        try:
            answer = requests.post(
                _PERMISSIONS_URL.format(api=api, resource=resource),
                json={"permissions": list(permissions[first : first + _MAX_PERMISSIONS])},
                headers={"Authorization": f"Bearer {token.reveal()}"},
                timeout=30,
                allow_redirects=False,
            )
            answer.raise_for_status()
            granted.update(answer.json().get("permissions", []))
        except (requests.RequestException, ValueError) as error:
            status = getattr(getattr(error, "response", None), "status_code", type(error).__name__)
            raise DeployError(f"did not answer ({status})", where="testIamPermissions") from None
    return frozenset(granted)


def time_series(
    project: str, parameters: Mapping[str, str], token: Secret, *, sleep: Callable[[float], None] = sleep
) -> list[Any]:
    """Return the time series of Cloud Monitoring, or [] if the metric has no value yet: then Google answers 404.

    A transient error is waited for. https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.timeSeries/list

    Raises:
        DeployError: Google did not answer, or refused the request.

    """
    try:
        answer = _ask(project, parameters, token, sleep)
        body = answer.json()
        if answer.status_code == 200:
            return list(body.get("timeSeries") or [])
    except (requests.RequestException, AttributeError, TypeError, ValueError) as error:
        raise _monitoring_error(project, f"did not answer ({type(error).__name__})", "") from None
    message = str(body)
    if answer.status_code == 404 and "Cannot find metric" in message:
        return []
    raise _monitoring_error(project, f"did not answer ({answer.status_code})", message)


def _ask(
    project: str, parameters: Mapping[str, str], token: Secret, sleep: Callable[[float], None]
) -> requests.Response:
    """Ask Cloud Monitoring, also again after a transient error.

    The quota of this project is charged, and not that of gcloud's own. A user who may not charge it can still read.
    """
    headers = {"Authorization": f"Bearer {token.reveal()}", "X-Goog-User-Project": project}
    pauses = iter(_PAUSES_S)
    while True:
        url = _TIME_SERIES_URL.format(project=project)
        answer = requests.get(url, params=dict(parameters), headers=headers, timeout=30, allow_redirects=False)
        if answer.status_code == 403 and "USER_PROJECT_DENIED" in answer.text and "X-Goog-User-Project" in headers:
            del headers["X-Goog-User-Project"]
            continue
        pause_s = next(pauses, None) if answer.status_code in _TRANSIENT else None
        if pause_s is None:
            return answer
        sleep(pause_s)


def _monitoring_error(project: str, what: str, message: str) -> DeployError:
    fix = []
    if "SERVICE_DISABLED" in message:
        what, fix = "is off", [f"gcloud services enable monitoring.googleapis.com --project={project}"]
    elif "PERMISSION_DENIED" in message:
        what, fix = "you may not read it: monitoring.timeSeries.list is missing", [grant(project)]
    return DeployError(what, where="Cloud Monitoring", fix=fix)
