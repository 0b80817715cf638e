"""The project itself: Cloud Resource Manager v1 and v3, Service Usage, Cloud Billing and Organization Policy.

https://cloud.google.com/resource-manager/reference/rest · https://cloud.google.com/service-usage/docs/reference/rest
"""

import re

from tests.emulators.clouds.exchange import Json, Request, Route, page
from tests.emulators.clouds.google.estate import AGENTS, Estate, service_agent
from tests.emulators.clouds.google.operations import Operations
from tests.emulators.clouds.google.policies import Policies
from tests.emulators.clouds.google.problems import invalid, not_found, precondition
from tests.emulators.clouds.google.strict import PAGED, strict

_SERVICE = re.compile(r"[a-z][a-z0-9-]*(\.[a-z0-9-]+)*\.googleapis\.com")
_V1BETA1 = "/v1beta1/projects/{project}"
_ACTIVE = "lifecyclestate:active"
"""The only filter of projects that is played: that of ``gcloud projects list``."""

_FREE = frozenset({"pubsub", "iam", "logging", "monitoring", "cloudresourcemanager", "serviceusage", "orgpolicy"})
"""APIs that can be enabled without billing; most others cannot."""


class ResourceManager:
    """``cloudresourcemanager.googleapis.com``."""

    def __init__(self, estate: Estate, policies: Policies) -> None:
        self._estate = estate
        self._policies = policies

    def routes(self) -> list[Route]:
        """Return the routes of the API."""
        return [
            Route("GET", "/v1/projects/{project}", self._get, "resourcemanager.projects.get"),
            strict(Route("GET", "/v1/projects", self._list), PAGED),
            Route("POST", "/v1/projects/{project}:getIamPolicy", self._policy, "resourcemanager.projects.getIamPolicy"),
            Route("POST", "/v1/projects/{project}:setIamPolicy", self._set, "resourcemanager.projects.setIamPolicy"),
            Route("POST", "/v1/projects/{project}:testIamPermissions", self._test),
            Route("POST", "/v3/projects/{project}:testIamPermissions", self._test),
            Route("POST", "/v1/projects/{project}:getEffectiveOrgPolicy", self._organization_policy),
            Route("POST", "/v1/projects/{project}:getAncestry", self._ancestry, "resourcemanager.projects.get"),
        ]

    def _get(self, _: Request, project: str) -> Json:
        self._estate.check_project(project)
        return {
            "projectNumber": self._estate.number,
            "projectId": self._estate.project,
            "lifecycleState": "ACTIVE",
            "name": "Demo",
            "createTime": "2026-01-01T00:00:00Z",
        }

    def _list(self, request: Request) -> Json:
        """List the projects that the caller may get. Nobody is refused: without the permission, the list is empty."""
        if request.parameter("filter").lower() not in {"", _ACTIVE}:
            raise invalid("Request contains an invalid argument.")
        if "resourcemanager.projects.get" in self._estate.denied:
            return {}
        return page("projects", [self._get(request, self._estate.project)], request, default=500, most=1000)

    def _policy(self, _: Request, project: str) -> Json:
        self._estate.check_project(project)
        return self._policies.get(f"projects/{project}")

    def _set(self, request: Request, project: str) -> Json:
        return self._policies.replace(f"projects/{project}", request.json())

    def _test(self, request: Request, project: str) -> Json:
        self._estate.check_project(project)
        return self._policies.test(request)

    def _ancestry(self, _: Request, project: str) -> Json:
        return {"ancestor": [{"resourceId": {"type": "project", "id": project}}]}

    def _organization_policy(self, request: Request, project: str) -> Json:
        self._estate.check_project(project)
        constraint = request.json().get("constraint", "")
        if constraint not in self._estate.organization_policies:
            return {"constraint": constraint, "listPolicy": {"allValues": "ALLOW"}}
        return {"constraint": constraint, "listPolicy": {"allowedValues": ["C0demo123"]}}


class ServiceUsage:
    """``serviceusage.googleapis.com``."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._operations = Operations()

    def routes(self) -> list[Route]:
        """Return the routes of the API."""
        enable, disable = "serviceusage.services.enable", "serviceusage.services.disable"
        return [
            Route("GET", "/v1/projects/{project}/services", self._list, "serviceusage.services.list"),
            Route("GET", "/v1/projects/{project}/services:batchGet", self._batch_get, "serviceusage.services.get"),
            Route("GET", "/v1/projects/{project}/services/{service}", self._get, "serviceusage.services.get"),
            Route("POST", "/v1/projects/{project}/services:batchEnable", self._batch_enable, enable),
            Route("POST", "/v1/projects/{project}/services/{service}:enable", self._enable, enable),
            Route("POST", "/v1/projects/{project}/services/{service}:disable", self._disable, disable),
            Route("GET", "/v1/operations/{operation}", self._operation),
            Route("POST", f"{_V1BETA1}/services/{{service}}:generateServiceIdentity", self._identity, enable),
            Route("GET", "/v1beta1/operations/{operation}", self._operation),
        ]

    def _identity(self, _: Request, project: str, service: str) -> Json:
        """Make the service agent of an API, if it is not there yet; the API need not be enabled."""
        self._estate.check_project(project)
        if service not in AGENTS:
            raise invalid(f"Service {service} has no service agent that is played here.")
        self._estate.identities.add(service)
        identity = {
            "@type": "type.googleapis.com/google.api.serviceusage.v1beta1.ServiceIdentity",
            "email": service_agent(service, self._estate.number),
            "uniqueId": f"{10**20 + int(self._estate.number)}",
        }
        return self._operations.done(f"operations/finished.DONE_OPERATION.{self._estate.next_number()}", identity)

    def _list(self, request: Request, project: str) -> Json:
        self._estate.check_project(project)
        is_filtered = "ENABLED" in request.parameter("filter")
        names = sorted(self._estate.enabled) if is_filtered else sorted(self._estate.enabled | {"run.googleapis.com"})
        return page("services", [self._service(name) for name in names], request, default=50, most=200)

    def _batch_get(self, request: Request, project: str) -> Json:
        self._estate.check_project(project)
        return {"services": [self._service(name.rpartition("/")[2]) for name in request.query.get("names", [])]}

    def _get(self, _: Request, project: str, service: str) -> Json:
        self._estate.check_project(project)
        return self._service(service)

    def _service(self, name: str) -> Json:
        state = "ENABLED" if name in self._estate.enabled else "DISABLED"
        parent = f"projects/{self._estate.number}"
        return {"name": f"{parent}/services/{name}", "config": {"name": name}, "state": state, "parent": parent}

    def _batch_enable(self, request: Request, project: str) -> Json:
        self._estate.check_project(project)
        return self._enable_all(request.json().get("serviceIds", []))

    def _enable(self, _: Request, project: str, service: str) -> Json:
        self._estate.check_project(project)
        return self._enable_all([service])

    def _enable_all(self, services: list[str]) -> Json:
        if not 0 < len(services) <= 20:
            raise invalid("Between 1 and 20 services can be enabled at once.")
        for service in services:
            if not _SERVICE.fullmatch(service):
                raise not_found(f"Service '{service}' not found or permission denied.")
        unpaid = [service for service in services if service.removesuffix(".googleapis.com") not in _FREE]
        if unpaid and not self._estate.is_billed:
            raise precondition(
                f"Billing account for project '{self._estate.number}' is not found. Billing must be enabled for "
                f"activation of service(s) '{','.join(unpaid)}' to proceed."
            )
        self._estate.enable(services)
        answer = {"services": [self._service(service) for service in services]}
        return self._operations.done(f"operations/acf.p2-{self._estate.next_number()}", answer)

    def _disable(self, _: Request, project: str, service: str) -> Json:
        self._estate.check_project(project)
        self._estate.enabled.discard(service)
        name = f"operations/acf.p2-{self._estate.next_number()}"
        return self._operations.done(name, {"service": self._service(service)})

    def _operation(self, _: Request, operation: str) -> Json:
        return self._operations.get(f"operations/{operation}")


class Billing:
    """``cloudbilling.googleapis.com``: whether the project has billing."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate

    def routes(self) -> list[Route]:
        """Return the routes of the API."""
        return [Route("GET", "/v1/projects/{project}/billingInfo", self._info, "resourcemanager.projects.get")]

    def _info(self, _: Request, project: str) -> Json:
        self._estate.check_project(project)
        account = "billingAccounts/000000-000000-000000" if self._estate.is_billed else ""
        info = {"name": f"projects/{project}/billingInfo", "projectId": project, "billingAccountName": account}
        return {**info, "billingEnabled": self._estate.is_billed}


class OrganizationPolicy:
    """``orgpolicy.googleapis.com`` v2: the policies in force for the project."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate

    def routes(self) -> list[Route]:
        """Return the routes of the API."""
        permission = "orgpolicy.policy.get"
        path = "/v2/projects/{project}/policies/{constraint}"
        return [
            Route("GET", path + ":getEffectivePolicy", self._effective, permission),
            Route("GET", path, self._effective, permission),
        ]

    def _effective(self, _: Request, project: str, constraint: str) -> Json:
        self._estate.check_project(project)
        is_forced = f"constraints/{constraint}" in self._estate.organization_policies
        if ".managed." in constraint:
            rule: Json = {"enforce": is_forced}
        else:
            rule = {"values": {"allowedValues": ["is:C0demo123"]}} if is_forced else {"allowAll": True}
        return {"name": f"projects/{self._estate.number}/policies/{constraint}", "spec": {"rules": [rule]}}
