"""All of Google's hosts: finds the API of a request, and checks token, project, enabled API and permission."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.emulators.clouds.exchange import Answer, Request, Route, find_route
from tests.emulators.clouds.google.accounts import ServiceAccounts
from tests.emulators.clouds.google.bigquery import BigQuery
from tests.emulators.clouds.google.bigquery.problems import of_bigquery
from tests.emulators.clouds.google.build import CloudBuild
from tests.emulators.clouds.google.builder import Builder
from tests.emulators.clouds.google.dashboards import Dashboards
from tests.emulators.clouds.google.data_plane import DataPlane
from tests.emulators.clouds.google.estate import Estate
from tests.emulators.clouds.google.front_door import FrontDoor
from tests.emulators.clouds.google.functions import Functions
from tests.emulators.clouds.google.log_entries import LogEntries
from tests.emulators.clouds.google.log_exclusions import LogExclusions
from tests.emulators.clouds.google.log_metrics import LogMetrics
from tests.emulators.clouds.google.monitoring import Monitoring
from tests.emulators.clouds.google.notification_channels import NotificationChannels
from tests.emulators.clouds.google.policies import Policies
from tests.emulators.clouds.google.problems import Problem
from tests.emulators.clouds.google.projects import Billing, OrganizationPolicy, ResourceManager, ServiceUsage
from tests.emulators.clouds.google.pubsub import PubSub
from tests.emulators.clouds.google.run import Run
from tests.emulators.clouds.google.secrets import Secrets
from tests.emulators.clouds.google.served_requests import ServedRequests

_ALWAYS_ON = frozenset({"cloudbilling", "cloudresourcemanager", "serviceusage"})
"""APIs that gcloud calls on behalf of its own project, so that they need not be enabled in the user's project."""


@dataclass(frozen=True)
class _Api:
    name: str
    routes: list[Route]


class Google:
    """Google Cloud with one project, which is empty at first, and all APIs."""

    log_exclusions: LogExclusions

    def __init__(self, estate: Estate, plane: DataPlane, proxy: Mapping[str, str]) -> None:
        self.estate = estate
        self.accounts = ServiceAccounts(estate)
        self.policies = Policies(estate, self.accounts.is_seen)
        self.accounts.use(self.policies)
        self.secrets = Secrets(estate, self.policies)
        self.bigquery = BigQuery(estate, self.policies, self.accounts.is_seen)
        self.pubsub = PubSub(estate, self.policies, plane, self.bigquery)
        self.requests = ServedRequests()
        self.monitoring = Monitoring(estate, self.pubsub, self.requests)
        self.run = Run(estate, self.policies)
        self.door = FrontDoor(self.run, estate.project, self.requests, self.secrets.settle)
        self.log_entries = LogEntries(estate, self.run)
        self.log_metrics = LogMetrics(estate)
        self.channels = NotificationChannels(estate, self.log_metrics)
        self.dashboards = Dashboards(estate, self.log_metrics)
        build = CloudBuild(estate)
        self._builder = Builder(estate, self.accounts, self.secrets, self.pubsub, self.run, plane, build, proxy)
        self.functions = Functions(estate, self._builder, self.run)
        routes: dict[str, Callable[[], list[Route]]] = {
            "artifactregistry": list,
            "bigquery": self.bigquery.routes,
            "cloudbilling": Billing(estate).routes,
            "cloudbuild": build.routes,
            "cloudfunctions": self.functions.routes,
            "cloudresourcemanager": ResourceManager(estate, self.policies).routes,
            "iam": self.accounts.routes,
            "logging": lambda: self._logging(estate),
            "monitoring": lambda: [
                *self.monitoring.routes(),
                *self.channels.routes(),
                *self.dashboards.routes(),
            ],
            "orgpolicy": OrganizationPolicy(estate).routes,
            "pubsub": self.pubsub.routes,
            "run": self.run.routes,
            "secretmanager": self.secrets.routes,
            "serviceusage": ServiceUsage(estate).routes,
        }
        self._apis = {name: _Api(name, make_routes()) for name, make_routes in routes.items()}

    def answer(self, request: Request) -> Answer:
        """Answer a request to a host of googleapis.com."""
        if request.host == "storage.googleapis.com":
            return self._builder.uploads.store(request)
        name = request.host.removesuffix(".googleapis.com")
        api = self._apis.get("run" if name.endswith("-run") else name)
        found = find_route(api.routes, request) if api else None
        if api is None or found is None:
            return _not_played(request)
        route, parts = found
        try:
            self._check(api, route, parts, request)
            answer = route.handler(request, **parts)
        except Problem as problem:
            return (of_bigquery(problem) if api.name == "bigquery" else problem).answer()
        return answer if isinstance(answer, Answer) else Answer.of(answer)

    def _logging(self, estate: Estate) -> list[Route]:
        self.log_exclusions = LogExclusions(estate)
        return [*self.log_entries.routes(), *self.log_metrics.routes(), *self.log_exclusions.routes()]

    def left(self) -> list[str]:
        """Return the full names of all resources that were made and still exist."""
        made = (self.pubsub.names(), self.accounts.names(), self.secrets.names(), self.functions.names(), self.alerts())
        return [name for names in (*made, self.log_exclusions.names(), self.bigquery.catalog.names()) for name in names]

    def alerts(self) -> list[str]:
        """Return the full names of all resources of alerts that exist."""
        made = (self.channels, self.channels.policies, self.dashboards, self.log_metrics)
        return [name for kind in made for name in kind.names()]

    def close(self) -> None:
        """End all functions, what writes into BigQuery, and its engine."""
        self.functions.close()
        self.pubsub.close()
        self.bigquery.close()

    def _check(self, api: _Api, route: Route, parts: Mapping[str, str], request: Request) -> None:
        if request.headers.get("authorization") != f"Bearer {self.estate.token}":
            raise Problem(
                "UNAUTHENTICATED",
                "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other "
                "valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
            )
        if "x-goog-user-project" in request.headers:
            self.estate.check_user_project(request.headers["x-goog-user-project"])
        if "project" in parts:
            self.estate.check_project(parts["project"])
        if api.name not in _ALWAYS_ON:
            self.estate.check_enabled(f"{api.name}.googleapis.com")
        self.estate.check_permission(route.permission, request.path.partition("/v1/")[2] or request.path)


def _not_played(request: Request) -> Answer:
    message = f"Method not found: {request.method} https://{request.host}{request.path} is not played here."
    errors = [{"message": message, "domain": "global", "reason": "notFound"}]  # bq needs them
    answer = Answer.of({"error": {"code": 404, "message": message, "errors": errors, "status": "NOT_FOUND"}}, 404)
    return Answer(answer.status, answer.body, answer.headers, is_played=False)
