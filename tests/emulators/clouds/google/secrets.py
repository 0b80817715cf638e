"""``secretmanager.googleapis.com`` v1: secrets, their versions, and their IAM policies.

https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets
"""

import re
from collections.abc import Callable

from tests.emulators.clouds.exchange import Json, Request, Route, page
from tests.emulators.clouds.field_masks import masked
from tests.emulators.clouds.google.estate import Estate, timestamp
from tests.emulators.clouds.google.payload import read_payload, written_payload
from tests.emulators.clouds.google.policies import Policies
from tests.emulators.clouds.google.problems import denied, exists, invalid, not_found
from tests.emulators.clouds.google.secret import Secret, Version, check_etag, check_settings, next_etag
from tests.emulators.clouds.google.strict import ANY, PAGED, POLICY, strict

ACCESSOR = "roles/secretmanager.secretAccessor"
_FIELDS: Json = {
    "name": None,
    "createTime": None,
    "etag": None,
    "labels": ANY,
    "annotations": ANY,
    "replication": {"automatic": ANY, "userManaged": ANY},
    "versionAliases": ANY,
    "topics": None,
    "expireTime": None,
    "ttl": None,
    "rotation": ANY,
    "versionDestroyTtl": None,
    "customerManagedEncryption": ANY,
    "tags": ANY,
}
_PAYLOAD: Json = {"payload": {"data": None, "dataCrc32c": None}}
_FIXED = frozenset({"name", "createTime", "replication", "etag", "customerManagedEncryption", "tags"})
_STATE = re.compile(r"state\s*[:=]\s*\"?(ENABLED|DISABLED|DESTROYED)\"?")
_SECRET_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")


class Secrets:
    """The project's secrets; ``on_change`` is called after each change of what ``latest`` shows of a secret."""

    def __init__(self, estate: Estate, policies: Policies) -> None:
        self._estate = estate
        self._policies = policies
        self._secrets: dict[str, Secret] = {}
        self._shown: dict[str, int] = {}
        self.on_change: Callable[[], None] = lambda: None

    def settle(self) -> None:
        """Call ``on_change`` if ``latest`` shows another version of a secret than at the last call."""
        shown = {name: secret.latest(self._estate.secret_lag_s) for name, secret in list(self._secrets.items())}
        if shown != self._shown:
            self._shown = shown
            self.on_change()

    def names(self) -> list[str]:
        """Return the full names of all secrets."""
        return sorted(self._resource(secret) for secret in self._secrets)

    def settings(self, secret: str) -> Json:
        """Return a secret in the format of the API. Raises ``Problem``."""
        return self._secret(secret).settings

    def states(self, secret: str) -> list[str]:
        """Return the states of a secret's versions, the oldest first. Raises ``Problem``."""
        return [version.state for version in self._secret(secret).versions]

    def value(self, secret: str, version: str, account: str) -> bytes:
        """Return the value that a service account reads. Raises ``Problem``."""
        found = self._secret(secret).readable(version, self._estate.secret_lag_s)
        if not self._policies.grants(self._resource(secret), ACCESSOR, f"serviceAccount:{account}"):
            raise denied(
                f"Permission denied on secret: {self._secret(secret).name_of(version)} for Revision service account "
                f"{account}. The service account used "
                f"must be granted the 'Secret Manager Secret Accessor' role ({ACCESSOR}) at the secret, project or "
                "higher level."
            )
        return found.data

    def routes(self) -> list[Route]:
        """Return the routes of the API."""
        many = "/v1/projects/{project}/secrets"
        one = many + "/{secret}"
        version = one + "/versions/{version}"
        played = "secretmanager.secrets"
        change = Route("PATCH", one, self._update, f"{played}.update")
        policy = Route("POST", one + ":setIamPolicy", self._set_policy, f"{played}.setIamPolicy")
        return [
            strict(Route("POST", many, self._create, f"{played}.create"), ["secretId"], _FIELDS),
            strict(Route("GET", many, self._list, f"{played}.list"), PAGED),
            strict(Route("GET", one, self._get, f"{played}.get")),
            strict(change, ["updateMask"], _FIELDS),
            strict(Route("DELETE", one, self._delete, f"{played}.delete"), ["etag"]),
            strict(Route("POST", one + ":addVersion", self._add, "secretmanager.versions.add"), (), _PAYLOAD),
            strict(Route("GET", one + ":getIamPolicy", self._policy, f"{played}.getIamPolicy")),
            strict(policy, (), POLICY),
            strict(Route("GET", one + "/versions", self._versions, "secretmanager.versions.list"), PAGED),
            strict(Route("GET", version + ":access", self._access, "secretmanager.versions.access")),
            strict(Route("GET", version, self._get_version, "secretmanager.versions.get")),
            *(
                strict(
                    Route("POST", f"{version}:{verb}", self._switch(state), f"secretmanager.versions.{verb}"),
                    (),
                    {"etag": None},
                )
                for verb, state in (("enable", "ENABLED"), ("disable", "DISABLED"), ("destroy", "DESTROYED"))
            ),
        ]

    def _create(self, request: Request, project: str) -> Json:
        self._estate.check_project(project)
        secret, body = request.parameter("secretId"), request.json()
        if not _SECRET_ID.fullmatch(secret):
            raise invalid(f"Secret id [{secret}] must match [a-zA-Z_0-9]+ and be at most 255 characters.")
        check_settings(body)
        if secret in self._secrets:
            raise exists(f"Secret [projects/{self._estate.number}/secrets/{secret}] already exists.")
        name = f"projects/{self._estate.number}/secrets/{secret}"
        settings = {**body, "name": name, "createTime": timestamp(), "etag": next_etag(name)}
        self._secrets[secret] = Secret(settings)
        return settings

    def _list(self, request: Request, project: str) -> Json:
        self._estate.check_project(project)
        settings = [secret.settings for secret in self._secrets.values()]
        return page("secrets", settings, request, default=100, most=25_000)

    def _get(self, _: Request, project: str, secret: str) -> Json:
        self._estate.check_project(project)
        return self._secret(secret).settings

    def _update(self, request: Request, project: str, secret: str) -> Json:
        settings = self._get(request, project, secret)
        body, mask = request.json(), request.parameter("updateMask")
        check_etag(settings["etag"], body.get("etag"))
        _check_mask(mask)
        after = masked(settings, body, mask)
        check_settings(after)
        self._secrets[secret].settings = {**after, "etag": next_etag(settings["etag"])}
        return self._secrets[secret].settings

    def _delete(self, request: Request, project: str, secret: str) -> Json:
        check_etag(self._get(request, project, secret)["etag"], request.parameter("etag"))
        del self._secrets[secret]
        self._policies.forget(self._resource(secret))
        return {}

    def _add(self, request: Request, project: str, secret: str) -> Json:
        self._get(request, project, secret)
        payload = request.json().get("payload") or {}
        added = self._secret(secret).add(read_payload(payload))
        self.settle()
        return {**self._described(secret, added), "clientSpecifiedPayloadChecksum": "dataCrc32c" in payload}

    def _versions(self, request: Request, project: str, secret: str) -> Json:
        self._get(request, project, secret)
        state = _state_of(request.parameter("filter"))
        found = [version for version in reversed(self._secret(secret).versions) if state in {"", version.state}]
        versions = [self._described(secret, version) for version in found]
        return page("versions", versions, request, default=100, most=25_000)

    def _get_version(self, request: Request, project: str, secret: str, version: str) -> Json:
        self._get(request, project, secret)
        return self._described(secret, self._secret(secret).version(version, self._estate.secret_lag_s))

    def _access(self, request: Request, project: str, secret: str, version: str) -> Json:
        self._get(request, project, secret)
        found = self._secret(secret).readable(version, self._estate.secret_lag_s)
        name = self._secret(secret).name_of(found.number)
        return {"name": name, "payload": written_payload(found.data)}

    def _switch(self, state: str) -> Callable[..., Json]:
        def switch(request: Request, project: str, secret: str, version: str) -> Json:
            self._get(request, project, secret)
            found = self._secret(secret).version(version)
            check_etag(found.etag, request.json().get("etag"))
            found.switch(state)
            self.on_change()
            return self._described(secret, found)

        return switch

    def _policy(self, request: Request, project: str, secret: str) -> Json:
        self._get(request, project, secret)
        return self._policies.get(self._resource(secret))

    def _set_policy(self, request: Request, project: str, secret: str) -> Json:
        self._get(request, project, secret)
        return self._policies.replace(self._resource(secret), request.json())

    def _secret(self, secret: str) -> Secret:
        if secret not in self._secrets:
            raise not_found(f"Secret [projects/{self._estate.number}/secrets/{secret}] not found.")
        return self._secrets[secret]

    def _described(self, secret: str, version: Version) -> Json:
        return {
            "name": self._secret(secret).name_of(version.number),
            "createTime": version.created_at,
            "state": version.state,
            "replicationStatus": {"automatic": {}},
            "etag": version.etag,
            **({"destroyTime": version.destroyed_at} if version.destroyed_at else {}),
        }

    def _resource(self, secret: str) -> str:
        return f"projects/{self._estate.project}/secrets/{secret}"


def _check_mask(mask: str) -> None:
    if not mask:
        raise invalid("updateMask is required.")
    for path in re.sub(r"_([a-z])", lambda match: match[1].upper(), mask).split(","):
        name = path.partition(".")[0]
        if name not in _FIELDS or name in _FIXED:
            raise invalid(f"The update mask has a field that cannot be changed: {path}")


def _state_of(text: str) -> str:
    """Return the state that a filter of versions asks for, or "" for all versions."""
    match = _STATE.fullmatch(text.strip()) if text else None
    if text and not match:
        raise invalid(f"Invalid filter: {text}")
    return match[1] if match else ""
