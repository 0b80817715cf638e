"""``secretmanager.googleapis.com`` v1: secrets, their versions, and who may read them.

https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets
"""

import base64
import binascii
import re
from collections.abc import Callable

from deploy.offline.clouds.exchange import Json, Request, Route, page
from deploy.offline.clouds.field_masks import masked
from deploy.offline.clouds.google.estate import Estate, timestamp
from deploy.offline.clouds.google.policies import Policies
from deploy.offline.clouds.google.problems import denied, exists, invalid, not_found, precondition
from deploy.offline.clouds.google.secret import Secret, Version

ACCESSOR = "roles/secretmanager.secretAccessor"
MAX_BYTES = 65_536
_SECRET_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")


class Secrets:
    """The project's secrets; ``on_change`` is called after each change of a secret's versions."""

    def __init__(self, estate: Estate, policies: Policies) -> None:
        self._estate = estate
        self._policies = policies
        self._secrets: dict[str, Secret] = {}
        self.on_change: Callable[[], None] = lambda: None

    def names(self) -> list[str]:
        """Give the full names of all secrets."""
        return sorted(self._resource(secret) for secret in self._secrets)

    def value(self, secret: str, version: str, account: str) -> bytes:
        """Give what a service account reads; raises ``Problem``."""
        found = self._secret(secret).readable(version)
        if not self._policies.grants(self._resource(secret), ACCESSOR, f"serviceAccount:{account}"):
            raise denied(
                f"Permission denied on secret: {self._secret(secret).name_of(version)} for Revision service account "
                f"{account}. The service account used "
                f"must be granted the 'Secret Manager Secret Accessor' role ({ACCESSOR}) at the secret, project or "
                "higher level."
            )
        return found.data

    def routes(self) -> list[Route]:
        """All that is played."""
        many = "/v1/projects/{project}/secrets"
        one = many + "/{secret}"
        version = one + "/versions/{version}"
        return [
            Route("POST", many, self._create, "secretmanager.secrets.create"),
            Route("GET", many, self._list, "secretmanager.secrets.list"),
            Route("GET", one, self._get, "secretmanager.secrets.get"),
            Route("PATCH", one, self._update, "secretmanager.secrets.update"),
            Route("DELETE", one, self._delete, "secretmanager.secrets.delete"),
            Route("POST", one + ":addVersion", self._add, "secretmanager.versions.add"),
            Route("GET", one + ":getIamPolicy", self._policy, "secretmanager.secrets.getIamPolicy"),
            Route("POST", one + ":setIamPolicy", self._set_policy, "secretmanager.secrets.setIamPolicy"),
            Route("GET", one + "/versions", self._versions, "secretmanager.versions.list"),
            Route("GET", version + ":access", self._access, "secretmanager.versions.access"),
            Route("GET", version, self._get_version, "secretmanager.versions.get"),
            *(
                Route("POST", f"{version}:{verb}", self._switch(state), f"secretmanager.versions.{verb}")
                for verb, state in (("enable", "ENABLED"), ("disable", "DISABLED"), ("destroy", "DESTROYED"))
            ),
        ]

    def _create(self, request: Request, project: str) -> Json:
        self._estate.check_project(project)
        secret, asked = request.parameter("secretId"), request.json()
        if not _SECRET_ID.fullmatch(secret):
            raise invalid(f"Secret id [{secret}] must match [a-zA-Z_0-9]+ and be at most 255 characters.")
        if not asked.get("replication"):
            raise invalid("Secret.replication must be provided.")
        if secret in self._secrets:
            raise exists(f"Secret [projects/{self._estate.number}/secrets/{secret}] already exists.")
        name = f"projects/{self._estate.number}/secrets/{secret}"
        settings = {**asked, "name": name, "createTime": timestamp(), "etag": self._etag()}
        self._secrets[secret] = Secret(settings)
        return settings

    def _list(self, request: Request, project: str) -> Json:
        self._estate.check_project(project)
        return page("secrets", [each.settings for each in self._secrets.values()], request, default=100, most=25_000)

    def _get(self, _: Request, project: str, secret: str) -> Json:
        self._estate.check_project(project)
        return self._secret(secret).settings

    def _update(self, request: Request, project: str, secret: str) -> Json:
        settings = self._get(request, project, secret)
        asked = request.json()
        after = masked(settings, asked, request.parameter("updateMask"))
        self._secrets[secret].settings = {**after, "etag": self._etag()}
        return self._secrets[secret].settings

    def _delete(self, request: Request, project: str, secret: str) -> Json:
        self._get(request, project, secret)
        del self._secrets[secret]
        self._policies.forget(self._resource(secret))
        return {}

    def _add(self, request: Request, project: str, secret: str) -> Json:
        self._get(request, project, secret)
        payload = request.json().get("payload", {})
        try:
            data = base64.b64decode(payload.get("data", ""))
        except binascii.Error as error:
            raise invalid("payload.data is not base64.") from error
        if len(data) > MAX_BYTES:
            raise invalid(f"The payload of a secret version has at most {MAX_BYTES} bytes.")
        added = self._secret(secret).add(data)
        self.on_change()
        return {**self._described(secret, added), "clientSpecifiedPayloadChecksum": "dataCrc32c" in payload}

    def _versions(self, request: Request, project: str, secret: str) -> Json:
        self._get(request, project, secret)
        versions = [self._described(secret, each) for each in reversed(self._secret(secret).versions)]
        return page("versions", versions, request, default=100, most=25_000)

    def _get_version(self, request: Request, project: str, secret: str, version: str) -> Json:
        self._get(request, project, secret)
        return self._described(secret, self._secret(secret).version(version))

    def _access(self, request: Request, project: str, secret: str, version: str) -> Json:
        self._get(request, project, secret)
        found = self._secret(secret).readable(version)
        name = self._secret(secret).name_of(found.number)
        return {"name": name, "payload": {"data": base64.b64encode(found.data).decode()}}

    def _switch(self, state: str) -> Callable[..., Json]:
        def switch(request: Request, project: str, secret: str, version: str) -> Json:
            self._get(request, project, secret)
            found = self._secret(secret).version(version)
            if found.state == "DESTROYED":
                raise precondition("The secret version is destroyed.")
            found.state = state
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
            "etag": self._etag(),
        }

    def _etag(self) -> str:
        return f'"{self._estate.next_number():014x}"'

    def _resource(self, secret: str) -> str:
        return f"projects/{self._estate.project}/secrets/{secret}"
