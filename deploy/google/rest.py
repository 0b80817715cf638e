"""testIamPermissions, for which gcloud has no command."""

from collections.abc import Sequence

import requests

from deploy.errors import DeployError
from deploy.secret import Secret
from deploy.web import without_netrc

_PERMISSIONS_URL = "https://{api}.googleapis.com/v1/{resource}:testIamPermissions"
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
