"""``iam.googleapis.com``: service accounts, which the other APIs see only after a delay.

https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts
"""

import re
import time

from tests.emulators.clouds.exchange import Json, Request, Route, page
from tests.emulators.clouds.field_masks import masked
from tests.emulators.clouds.google.estate import AGENTS, Estate
from tests.emulators.clouds.google.policies import Policies
from tests.emulators.clouds.google.problems import Problem, exists, invalid, not_found
from tests.emulators.clouds.google.strict import strict

_AGENTS = frozenset(AGENTS.values())
_ACCOUNT_ID = re.compile(r"[a-z]([-a-z0-9]{4,28}[a-z0-9])")


class ServiceAccounts:
    """The project's service accounts by email. Other APIs see a new one after ``estate.account_lag_s`` seconds."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._policies: Policies
        self._accounts: dict[str, Json] = {}
        self._seen_from: dict[str, float] = {}

    def use(self, policies: Policies) -> None:
        """Set the policies, which in turn need the accounts."""
        self._policies = policies

    def names(self) -> list[str]:
        """Return the full names of the accounts that were made."""
        return sorted(account["name"] for account in self._accounts.values())

    def is_seen(self, email: str) -> bool:
        """Whether the other APIs see this account. Accounts of other projects always exist."""
        if email.startswith(f"service-{self._estate.number}@") and email.partition("@")[2].partition(".")[0] in _AGENTS:
            return self._estate.agent_exists(email)
        if not email.endswith(f"@{self._estate.project}.iam.gserviceaccount.com"):
            return True
        return email in self._accounts and time.monotonic() >= self._seen_from[email]

    def is_active(self, email: str) -> bool:
        """Whether a program can act as this account: the other APIs see it, and it is not disabled."""
        return self.is_seen(email) and not self._accounts.get(email, {}).get("disabled")

    def routes(self) -> list[Route]:
        """Return the routes of the API."""
        many = "/v1/projects/{project}/serviceAccounts"
        one = many + "/{email}"
        return [
            Route("POST", many, self._create, "iam.serviceAccounts.create"),
            strict(Route("GET", many, self._list, "iam.serviceAccounts.list"), ("pageSize", "pageToken")),
            Route("GET", one, self._get, "iam.serviceAccounts.get"),
            Route("PATCH", one, self._update, "iam.serviceAccounts.update"),
            Route("DELETE", one, self._delete, "iam.serviceAccounts.delete"),
            Route("POST", one + ":enable", self._enable, "iam.serviceAccounts.enable"),
            Route("POST", one + ":disable", self._disable, "iam.serviceAccounts.disable"),
            Route("POST", one + ":getIamPolicy", self._policy, "iam.serviceAccounts.getIamPolicy"),
            Route("POST", one + ":setIamPolicy", self._set_policy, "iam.serviceAccounts.setIamPolicy"),
            Route("POST", one + ":testIamPermissions", self._test),
        ]

    def _create(self, request: Request, project: str) -> Json:
        self._estate.check_project(project)
        body = request.json()
        account_id = body.get("accountId", "")
        if not _ACCOUNT_ID.fullmatch(account_id):
            raise invalid(
                "The account ID does not have a length between 6 and 30, or is not a lowercase letter followed by "
                f"lowercase letters, digits and dashes: {account_id}"
            )
        email = f"{account_id}@{self._estate.project}.iam.gserviceaccount.com"
        name = f"projects/{self._estate.project}/serviceAccounts/{email}"
        if email in self._accounts:
            message = f"Service account {account_id} already exists within project projects/{project}."
            info = {"@type": "type.googleapis.com/google.rpc.ResourceInfo", "resourceName": name}
            raise Problem(exists(message).status, message, info)
        account = {key: body.get("serviceAccount", {}).get(key, "") for key in ("displayName", "description")}
        unique_id = f"{10**20 + self._estate.next_number()}"
        self._accounts[email] = {
            "name": name,
            "projectId": self._estate.project,
            "uniqueId": unique_id,
            "email": email,
            **{key: value for key, value in account.items() if value},
            "etag": "MDEwMjE5MjA=",
            "oauth2ClientId": unique_id,
        }
        self._seen_from[email] = time.monotonic() + self._estate.account_lag_s
        return self._accounts[email]

    def _list(self, request: Request, project: str) -> Json:
        self._estate.check_project(project)
        return page("accounts", list(self._accounts.values()), request, default=20, most=100)

    def _get(self, _: Request, project: str, email: str) -> Json:
        self._estate.check_project(project)
        if email not in self._accounts:
            raise not_found(f"Unknown service account: projects/{project}/serviceAccounts/{email}")
        return self._accounts[email]

    def _update(self, request: Request, project: str, email: str) -> Json:
        account = self._get(request, project, email)
        body = request.json()
        self._accounts[email] = masked(account, body.get("serviceAccount", {}), body.get("updateMask", ""))
        return self._accounts[email]

    def _enable(self, request: Request, project: str, email: str) -> Json:
        self._get(request, project, email).pop("disabled", None)
        return {}

    def _disable(self, request: Request, project: str, email: str) -> Json:
        self._get(request, project, email)["disabled"] = True
        return {}

    def _delete(self, request: Request, project: str, email: str) -> Json:
        self._get(request, project, email)
        del self._accounts[email]
        self._policies.forget(_resource(email))
        return {}

    def _policy(self, request: Request, project: str, email: str) -> Json:
        self._get(request, project, email)
        return self._policies.get(_resource(email))

    def _set_policy(self, request: Request, project: str, email: str) -> Json:
        self._get(request, project, email)
        return self._policies.replace(_resource(email), request.json())

    def _test(self, request: Request, project: str, email: str) -> Json:
        self._get(request, project, email)
        return self._policies.test(request)


def _resource(email: str) -> str:
    return f"projects/-/serviceAccounts/{email}"
