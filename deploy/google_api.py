"""The one question to Google that gcloud has no command for: which of these permissions are held."""

from collections.abc import Callable, Sequence

import requests

from deploy.errors import DeployError
from deploy.secret import Secret
from deploy.web import without_netrc

Held = Callable[[str, Sequence[str], Secret], frozenset[str]]
"""A project or a service account by its name in Google's APIs, permissions, access token -> what is held of them."""

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
            )
            answer.raise_for_status()
            held.update(answer.json().get("permissions", []))
        except (requests.RequestException, ValueError) as error:
            status = getattr(getattr(error, "response", None), "status_code", type(error).__name__)
            raise DeployError(f"did not answer ({status})", where="testIamPermissions") from None
    return frozenset(held)
