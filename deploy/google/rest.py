"""The questions to Google that gcloud has no command for: which permissions are held, and what was measured."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import requests

from deploy.errors import DeployError
from deploy.google.permissions import grant
from deploy.secret import Secret
from deploy.web import without_netrc

Held = Callable[[str, Sequence[str], Secret], frozenset[str]]
"""A project or a service account by its name in Google's APIs, permissions, access token -> what is held of them."""

Measured = Callable[[str, Mapping[str, str], Secret], list[Any]]
"""A project, the parameters of ``timeSeries.list``, access token -> time series."""

_TIME_SERIES = "https://monitoring.googleapis.com/v3/projects/{project}/timeSeries"
_URL = "https://{api}.googleapis.com/v1/{resource}:testIamPermissions"
_MOST = 100
"""Permissions in one question."""

without_netrc()


def held_permissions(resource: str, permissions: Sequence[str], token: Secret) -> frozenset[str]:
    """Give those of the permissions that the token's owner holds on it.

    Raises:
        DeployError: Google did not say.

    """
    held: set[str] = set()
    api = "iam" if "/serviceAccounts/" in resource else "cloudresourcemanager"
    for first in range(0, len(permissions), _MOST):
        try:
            answer = requests.post(
                _URL.format(api=api, resource=resource),
                json={"permissions": list(permissions[first : first + _MOST])},
                headers={"Authorization": f"Bearer {token.reveal()}"},
                timeout=30,
                allow_redirects=False,
            )
            answer.raise_for_status()
            held.update(answer.json().get("permissions", []))
        except (requests.RequestException, ValueError) as error:
            status = getattr(getattr(error, "response", None), "status_code", type(error).__name__)
            raise DeployError(f"did not answer ({status})", where="testIamPermissions") from None
    return frozenset(held)


def time_series(project: str, parameters: Mapping[str, str], token: Secret) -> list[Any]:
    """Return what Cloud Monitoring measured; nothing if the metric was never written, for which Google answers 404.

    https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.timeSeries/list

    Raises:
        DeployError: Google did not say.

    """
    headers = {"Authorization": f"Bearer {token.reveal()}"}
    try:
        url = _TIME_SERIES.format(project=project)
        answer = requests.get(url, params=dict(parameters), headers=headers, timeout=30, allow_redirects=False)
        read = answer.json()
        if answer.status_code == 200:
            return list(read.get("timeSeries") or [])
    except (requests.RequestException, AttributeError, TypeError, ValueError) as error:
        raise _not_measured(project, f"did not answer ({type(error).__name__})", "") from None
    said = str(read)
    if answer.status_code == 404 and "Cannot find metric" in said:
        return []
    raise _not_measured(project, f"did not answer ({answer.status_code})", said)


def _not_measured(project: str, what: str, said: str) -> DeployError:
    mend = []
    if "SERVICE_DISABLED" in said:
        what, mend = "is off", [f"gcloud services enable monitoring.googleapis.com --project={project}"]
    elif "PERMISSION_DENIED" in said:
        what, mend = "may not be read by you: monitoring.timeSeries.list is missing", [grant(project)]
    return DeployError(what, where="Cloud Monitoring", mend=mend)
