"""Google's REST APIs of alerts and of BigQuery: the stand-ins of the offline clouds, without a network."""

import json
from collections.abc import Callable
from functools import cached_property
from typing import Any
from urllib.parse import urlencode, urlsplit

from deploy.google.calls import Answer, Call
from tests.deploy.fakes.gcloud import PROJECT, FakeGcloud
from tests.emulators.clouds.exchange import Answer as Reply
from tests.emulators.clouds.exchange import Request, Route, find_route
from tests.emulators.clouds.google.bigquery import BigQuery
from tests.emulators.clouds.google.bigquery.problems import of_bigquery
from tests.emulators.clouds.google.dashboards import Dashboards
from tests.emulators.clouds.google.estate import Estate
from tests.emulators.clouds.google.log_exclusions import LogExclusions
from tests.emulators.clouds.google.log_metrics import LogMetrics
from tests.emulators.clouds.google.notification_channels import NotificationChannels
from tests.emulators.clouds.google.policies import Policies
from tests.emulators.clouds.google.problems import Problem, denied

TOKEN = "an-access-token"
_BIGQUERY = "bigquery.googleapis.com"


class FakeGoogleApi:
    """The alert policies, channels, dashboards, log-based metrics and exclusions of one project, and its BigQuery.

    ``before`` is called with each request. ``sent``: method and URL of each request. ``stumbles``: refusals of the next
    requests with this method whose path ends like this. ``lost``: methods and ends of paths of requests whose next
    answer is lost, after the request was carried out. ``reads`` answers the requests that stand for read commands of
    gcloud; by default nothing does, so that gcloud has to run. APIs and accounts are those of ``google``.
    """

    def __init__(self, clock: Callable[[], float], google: FakeGcloud | None = None) -> None:
        self.google = google or FakeGcloud()
        self.estate = Estate(project=PROJECT)
        self.metrics = LogMetrics(self.estate, clock)
        self.exclusions = LogExclusions(self.estate)
        self.channels = NotificationChannels(self.estate, self.metrics)
        self.dashboards = Dashboards(self.estate, self.metrics)
        self.iam = Policies(self.estate, lambda _: True)
        self.bigquery = BigQuery(self.estate, self.iam, self.google.knows_account)
        self.before: Callable[[Call], object] = lambda _: None
        self.sent: list[tuple[str, str]] = []
        self.stumbles: list[tuple[str, str, Problem]] = []
        self.lost: list[tuple[str, str]] = []
        self.reads: Callable[[Call], Answer] = lambda _: Answer(0, why="there is no way but gcloud's")

    @cached_property
    def _routes(self) -> list[Route]:
        logs = (self.metrics.routes(), self.exclusions.routes())
        routes = (self.channels.routes(), self.dashboards.routes(), *logs, self.bigquery.routes())
        return [route for some in routes for route in some]

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy gets: all but the routes, which lead to what they were made of."""
        return {name: value for name, value in vars(self).items() if name != "_routes"}

    @property
    def policies(self) -> dict[str, dict[str, Any]]:
        """The policies by the label that names them."""
        found = self.channels.policies.items.values()
        return {policy["userLabels"]["dt-pubsub-policy"]: policy for policy in found}

    def left(self) -> list[str]:
        """Return the names of everything that exists."""
        logs = (self.metrics, self.exclusions)
        made = (self.channels, self.channels.policies, self.dashboards, *logs, self.bigquery.catalog)
        return [name for kind in made for name in kind.names()]

    def changes(self) -> list[tuple[str, str]]:
        """Return method and URL of each request that may change something."""
        return [(method, url) for method, url in self.sent if method != "GET" and not url.endswith(":getIamPolicy")]

    def __call__(self, call: Call) -> Answer:
        """Answer a request."""
        if _is_of_gcloud(call.url):
            return self.reads(call)
        self.sent.append((call.method, call.url))
        self.before(call)
        assert call.headers["Authorization"] == f"Bearer {TOKEN}"
        parts = urlsplit(call.url)
        query = parts.query or urlencode(call.params)
        target = parts.path + (f"?{query}" if query else "")
        data = b"" if call.body is None else json.dumps(call.body).encode()
        headers = {name.lower(): value for name, value in call.headers.items()}
        request = Request.from_target(call.method, parts.hostname or "", target, headers, data)
        try:
            answer = self._answer(request)
        except Problem as problem:
            refused = (of_bigquery(problem) if parts.hostname == _BIGQUERY else problem).answer()
            return Answer(refused.status, json.loads(refused.body))
        for place, (verb, end) in enumerate(self.lost):
            if verb == call.method and request.path.endswith(end):
                del self.lost[place]
                return Answer(0, why="there was no answer")
        if isinstance(answer, Reply):
            return Answer(answer.status)
        return Answer(200, json.loads(json.dumps(answer)))

    def _answer(self, request: Request) -> Any:
        for place, (method, end, problem) in enumerate(self.stumbles):
            if method == request.method and request.path.endswith(end):
                del self.stumbles[place]
                raise problem
        found = find_route(self._routes, request)
        assert found, f"{request.method} {request.target} is not played"
        route, parts = found
        if request.host == _BIGQUERY and _BIGQUERY not in self.google.services:
            raise denied(f"BigQuery API has not been used in project {PROJECT} before or it is disabled.")
        if route.permission in self.estate.denied:
            raise denied(f"Permission '{route.permission}' denied on resource.")
        return route.handler(request, **parts)


def _is_of_gcloud(url: str) -> bool:
    """Return whether gcloud has commands for this API."""
    parts = urlsplit(url)
    asked_by_rest = {"monitoring.googleapis.com", "logging.googleapis.com", _BIGQUERY}
    return parts.hostname not in asked_by_rest or "/entries:" in parts.path
