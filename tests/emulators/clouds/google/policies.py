"""IAM policies of resources. Their etags make a read-modify-write safe against concurrent changes.

https://cloud.google.com/iam/docs/allow-policies
"""

import base64
import re
import threading
import time
from collections.abc import Callable
from typing import Any

from tests.emulators.clouds.exchange import Json, Request
from tests.emulators.clouds.google.estate import ALLOWED_MEMBERS, Estate
from tests.emulators.clouds.google.problems import aborted, invalid, precondition

PUBLIC = frozenset({"allUsers", "allAuthenticatedUsers"})
_MEMBER = re.compile(
    r"allUsers|allAuthenticatedUsers|(user|serviceAccount|group):[^@\s:]+@[^@\s:]+|domain:\S+|principal(Set)?://\S+"
    r"|deleted:\S+|project(Owner|Editor|Viewer):\S+"
)
_ROLE = re.compile(r"roles/[A-Za-z.]+|(projects|organizations)/[^/]+/roles/\w+")


class Policies:
    """Policies by the full name of their resource. ``knows_account``: whether a service account is known already."""

    def __init__(
        self, estate: Estate, knows_account: Callable[[str], bool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._estate = estate
        self._clock = clock
        self._knows_account = knows_account
        self._policies: dict[str, tuple[int, list[Json]]] = {}
        self._former: dict[str, tuple[float, list[Json]]] = {}
        self._lock = threading.Lock()
        if estate.build_role:
            builder = {"role": estate.build_role, "members": [f"serviceAccount:{estate.default_build_account}"]}
            self._policies[f"projects/{estate.project}"] = (1, [builder])

    def get(self, resource: str) -> Json:
        """Return the policy of a resource, in the format of getIamPolicy."""
        version, bindings = self._policies.get(resource, (0, []))
        policy: Json = {"etag": _etag(version)}
        if bindings:
            policy.update(version=1, bindings=bindings)
        return policy

    def replace(self, resource: str, body: Json) -> Json:
        """Replace the policy of a resource, like setIamPolicy, and return it."""
        policy = body.get("policy", {})
        bindings = [_checked_binding(binding) for binding in policy.get("bindings", [])]
        members = {member for binding in bindings for member in binding["members"]}
        known = self.members(resource)
        for member in sorted(members - known):
            self._check_member(member, resource)
        with self._lock:
            version, _ = self._policies.get(resource, (0, []))
            etag = policy.get("etag")
            if etag and _without_padding(etag) != _without_padding(_etag(version)):
                raise aborted(
                    "There were concurrent policy changes. Please retry the whole read-modify-write with exponential "
                    "backoff."
                )
            self._former[resource] = (self._clock() + self._estate.iam_lag_s, self._in_force(resource))
            self._policies[resource] = (version + 1, [binding for binding in bindings if binding["members"]])
        return self.get(resource)

    def grants(self, resource: str, role: str, member: str) -> bool:
        """Whether the policy of a resource or of the project has a binding of this role with this member."""
        places = (resource, f"projects/{self._estate.project}")
        bindings = [binding for place in places for binding in self._in_force(place)]
        return any(binding["role"] == role and member in binding["members"] for binding in bindings)

    def _in_force(self, resource: str) -> list[Json]:
        """Return the bindings that have an effect already; before, those of the former policy have."""
        until, former = self._former.get(resource, (0.0, []))
        return former if self._clock() < until else self._policies.get(resource, (0, []))[1]

    def members(self, resource: str) -> set[str]:
        """Return all members in a resource's policy."""
        _, bindings = self._policies.get(resource, (0, []))
        return {member for binding in bindings for member in binding["members"]}

    def forget(self, resource: str) -> None:
        """Remove the policy of a deleted resource."""
        self._policies.pop(resource, None)
        self._former.pop(resource, None)

    def test(self, request: Request) -> Json:
        """Return the answer of testIamPermissions: the requested permissions that the caller has."""
        permissions: list[str] = request.json().get("permissions", [])
        granted = [permission for permission in permissions if permission not in self._estate.denied]
        return {"permissions": granted} if granted else {}

    def _check_member(self, member: str, resource: str) -> None:
        if not _MEMBER.fullmatch(member):
            raise invalid(f"The member {member} is of an unknown type. Please set a valid type prefix for the member.")
        if member in PUBLIC and ALLOWED_MEMBERS in self._estate.organization_policies:
            raise precondition(
                "One or more users named in the policy do not belong to a permitted customer,  perhaps due to an "
                f"organization policy. ({resource})"
            )
        kind, _, email = member.partition(":")
        if kind == "serviceAccount" and not self._knows_account(email):
            raise invalid(f"Service account {email} does not exist.")


def _checked_binding(binding: Any) -> Json:
    role, members = binding.get("role", ""), binding.get("members", [])
    if not _ROLE.fullmatch(role):
        raise invalid(f"Role {role} is not supported for this resource.")
    return {"role": role, "members": sorted(set(members))}


def _etag(version: int) -> str:
    return "ACAB" if version == 0 else base64.b64encode(b"\x07\xb2" + version.to_bytes(7)).decode()


def _without_padding(etag: str) -> str:
    return etag.replace("-", "+").replace("_", "/").rstrip("=")
