"""All of DT's hosts: finds the API of a request, and checks token, rate, project and permission of every call."""

import ssl

from tests.emulators.clouds.dt.connectors import Connectors
from tests.emulators.clouds.dt.deliveries import Deliveries
from tests.emulators.clouds.dt.devices import Devices
from tests.emulators.clouds.dt.identity import Identity
from tests.emulators.clouds.dt.problems import Refusal
from tests.emulators.clouds.dt.tenant import Tenant
from tests.emulators.clouds.exchange import Answer, Json, Request, Route, find_route, page


class DT:
    """The cloud of one organization, with all APIs."""

    def __init__(self, tenant: Tenant, proxy_port: int, trust: ssl.SSLContext) -> None:
        self.tenant = tenant
        self.identity = Identity(tenant)
        self.connectors = Connectors()
        self.devices = Devices()
        self.deliveries = Deliveries(self.connectors, self.identity, proxy_port, trust)
        self.devices.on_event = self.deliveries.spread
        self.devices.readable = self._readable
        self.connectors.on_sync = self._sync
        self._apis = {
            "api": [*self._routes(), *self.connectors.routes(), *self.devices.routes()],
            "emulator": self.devices.emulator_routes(),
        }

    def answer(self, request: Request) -> Answer:
        """Answer a request to any of DT's hosts."""
        name = request.host.partition(".")[0]
        try:
            if name == "identity":
                return self.identity.answer(request)
            return self._answer(name, request)
        except Refusal as refusal:
            return refusal.answer()

    def left(self) -> list[str]:
        """Return the full names of all resources that were made and still exist."""
        return [*self.connectors.names(), *self.devices.names()]

    def close(self) -> None:
        """Stop all deliveries."""
        self.deliveries.close()

    def _answer(self, name: str, request: Request) -> Answer:
        found = find_route(self._apis.get(name, []), request)
        if found is None:
            refused = Refusal(404, f"{request.method} https://{request.host}{request.path} is not played here").answer()
            return Answer(refused.status, refused.body, refused.headers, is_played=False)
        route, parts = found
        self.tenant.check_rate()
        self.identity.check_caller(request.headers.get("authorization", ""))
        if route.permission:
            self.tenant.check_permission(parts["project"], route.permission)
        answer = route.handler(request, **parts)
        return answer if isinstance(answer, Answer) else Answer.of(answer)

    def _routes(self) -> list[Route]:
        return [
            Route("GET", "/v2/projects", self._projects),
            Route("GET", "/v2/projects/{project}", self._project, "project.read"),
            Route("GET", "/v2/projects/{project}/permissions", self._permissions),
            Route("GET", "/v2/organizations", self._organizations),
        ]

    def _projects(self, request: Request) -> Json:
        visible = [
            self._project(request, project) for project in self.tenant.projects if self.tenant.roles.get(project)
        ]
        return page("projects", visible, request, default=100, most=100)

    def _project(self, _: Request, project: str) -> Json:
        return {
            "name": f"projects/{project}",
            "displayName": "Demo building",
            "inventory": False,
            "organization": f"organizations/{self.tenant.organization}",
            "organizationDisplayName": "Demo company",
            "sensorCount": len([name for name in self.devices.names() if name.startswith(f"projects/{project}/")]),
            "cloudConnectorCount": 0,
            "location": {"latitude": 63.44, "longitude": 10.42, "timeLocation": "Europe/Oslo"},
        }

    def _permissions(self, _: Request, project: str) -> Json:
        self.tenant.check_project(project)
        return {"permissions": list(self.tenant.permissions(project)), "nextPageToken": ""}

    def _organizations(self, _: Request) -> Json:
        organization = {"name": f"organizations/{self.tenant.organization}", "displayName": "Demo company"}
        return {"organizations": [organization], "nextPageToken": ""}

    def _readable(self, organization: str) -> list[str]:
        if organization not in {"", f"organizations/{self.tenant.organization}"}:
            raise Refusal(404, f"{organization} not found")
        return [project for project in self.tenant.projects if "device.read" in self.tenant.permissions(project)]

    def _sync(self, connector: Json) -> None:
        for device, event in self.devices.latest(connector["name"].split("/")[1]):
            self.deliveries.send(connector, device, event)
