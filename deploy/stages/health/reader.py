"""Asks every question about a deployment at the same time. An answer that fails leaves all others as they are."""

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

from deploy.dt.connectors import Connectors
from deploy.dt.sensors import SensorCount
from deploy.errors import DeployError, DtFailed, DtUnanswered, GcloudFailed
from deploy.google.backlog import MESSAGES, OLDEST, Unread, unread_in
from deploy.google.backlog import question as question_of_backlog
from deploy.google.event_log import EventLog
from deploy.google.gcloud import Gcloud
from deploy.google.monitoring import ReadTimeSeries
from deploy.google.project import Invisible, explained
from deploy.google.request_counts import RequestCounts
from deploy.parallel import wait_for, worker_pool
from deploy.resources.catalog import subscriptions_of
from deploy.resources.connector import Connector, connector_id
from deploy.resources.function import Function
from deploy.resources.log_exclusion import LogExclusion
from deploy.resources.resource import Facts
from deploy.resources.signature_secret import SignatureSecret
from deploy.spec import Spec
from deploy.stages.counting import LONGEST_S, in_time
from deploy.stages.health.gaps import gap_of
from deploy.stages.health.message_rows import left_names
from deploy.stages.health.readings import Metrics, Readings, attempt
from deploy.stages.measuring import parsed, read_requests
from deploy.stages.observe import CLOSED, Observer
from deploy.stages.observed import Observed
from deploy.stages.plan import plan
from deploy.steps import ResourceId, Step


@dataclass(frozen=True, slots=True)
class HealthReader:
    """Reads the health of one deployment. ``organization`` returns the DT organization of a DT project.

    ``reports`` returns when DT got the newest event of each type in a DT project. ``sensors`` counts the sensors,
    for which this does not wait long. ``now`` returns unix seconds; ``monotonic`` seconds of a clock that is never set.
    """

    spec: Spec
    google: Gcloud
    observer: Observer
    connectors: Connectors
    organization: Callable[[str], str]
    reports: Callable[[str], Mapping[str, float]]
    sensors: Callable[[], SensorCount]
    read_time_series: ReadTimeSeries
    now: Callable[[], float]
    monotonic: Callable[[], float]

    def read(self) -> Readings:
        """Return all answers. Nothing is raised because a cloud does not answer."""
        readings = self._read()
        if isinstance(readings.steps, Invisible):
            return _all_because_of(readings.steps, readings)
        if gap_of(self.spec, readings) is None and not readings.observed.memory(self.spec).was_paused_at:
            return readings
        return replace(readings, backfilled=attempt(EventLog(self.spec, self.google).backfilled))

    def _read(self) -> Readings:
        log = EventLog(self.spec, self.google)
        with worker_pool(is_optional=True) as aside, worker_pool() as pool:
            measured = pool.submit(self._measured)
            newest_event = pool.submit(attempt, log.newest_event)
            problems = pool.submit(attempt, log.problems)
            probes = pool.submit(attempt, log.probes)
            excluded = pool.submit(attempt, self._exclusions)
            sensors = aside.submit(self._counted)
            logged_in = pool.submit(attempt, partial(self.organization, self.spec.dt_projects[0]))
            whole = attempt(self.observer.google_side)  # in this thread, as it has workers of its own
            whole = explained(whole, self.google, self.spec.google_project) if isinstance(whole, DeployError) else whole
            google_side, unread = self._parts(whole) if isinstance(whole, DeployError) else (whole, {})
            organization = wait_for(logged_in)
            listed, unlisted, closed = self._listed(pool, google_side, organization)
            both_ends = replace(google_side, connectors=listed, closed=closed)
            reports = self._reports(pool, listed)
            left = pool.submit(attempt, partial(self._backlog, left_names(self.spec, google_side)))
            deliveries = self._deliveries(pool, both_ends)
            backlog, requests = wait_for(measured)
            logged, noted, probed = wait_for(newest_event), wait_for(problems), wait_for(probes)
            return Readings(
                at=self.now(),  # ages are those at the end of the reading, when the screen is printed
                google_side=google_side,
                steps=whole if isinstance(whole, DeployError) else self._steps(both_ends, unlisted, organization),
                unread=unread,
                connectors=listed,
                unlisted=unlisted,
                closed=closed,
                deliveries=deliveries,
                backlog=backlog,
                requests=requests,
                newest_event=logged,
                problems=noted,
                probes=probed,
                exclusions=wait_for(excluded),
                left=wait_for(left),
                reported={project: wait_for(answer) for project, answer in reports.items()},
                sensors=in_time(sensors, self.monotonic() + LONGEST_S, self.monotonic),
            )

    def _parts(self, error: DeployError) -> tuple[Observed, dict[ResourceId, DeployError]]:
        """Return the readable facts of function and secret, and the errors of the others.

        A user with read permissions only may not be able to read all that a plan compares. After any other
        error, Google is not asked again.
        """
        resources = (Function(self.spec), SignatureSecret(self.spec))
        if not isinstance(error, GcloudFailed) or error.code != "PERMISSION_DENIED":
            return Observed({}), {resource.id: error for resource in resources}
        facts: dict[ResourceId, Facts] = {}
        unread: dict[ResourceId, DeployError] = {}
        for resource in resources:
            answer = attempt(partial(self.observer.one, resource))
            if isinstance(answer, DeployError):
                unread[resource.id] = answer
            else:
                facts[resource.id] = answer
        return Observed(facts), unread

    def _measured(self) -> tuple[Mapping[str, Unread] | DeployError, RequestCounts | DeployError]:
        """Return what Cloud Monitoring has measured: the unread messages, and the requests."""
        named = [subscription.name for subscription in subscriptions_of(self.spec)]
        return attempt(partial(self._backlog, named)), attempt(self._requests)

    def _counted(self) -> SensorCount | DeployError | None:
        return attempt(self.sensors) if self.spec.cost.sensors is None else None

    def _exclusions(self) -> Sequence[Facts]:
        found: Sequence[Facts] = self.google.read(LogExclusion(self.spec).listing) or []
        return found

    def _backlog(self, names: Sequence[str]) -> Mapping[str, Unread]:
        """Return the unread messages of these subscriptions. Nothing is asked if there are none."""
        if not names:
            return {}
        now = self.now()
        series = [
            self.read_time_series(self.spec.google_project, question_of_backlog(metric, names, now))
            for metric in (MESSAGES, OLDEST)
        ]
        return parsed(lambda: unread_in(*series))

    def _requests(self) -> RequestCounts:
        return read_requests(self.spec, self.read_time_series, self.now())

    def _listed(
        self, pool: ThreadPoolExecutor, google_side: Observed, organization: str | DeployError
    ) -> tuple[dict[str, Sequence[Connector]], dict[str, DeployError], dict[str, str]]:
        """List the connectors of the named and the remembered projects; also return why some could not be listed.

        The secrets of the function are compared with those of the connectors, so that these are listed afterwards. If
        DT did not answer the question for the organization, it is not asked again: that took half a minute.
        """
        if isinstance(organization, DeployError) and _is_silence(organization):
            return {}, dict.fromkeys(self.spec.dt_projects, organization), {}
        projects = dict.fromkeys((*self.spec.dt_projects, *google_side.memory(self.spec).dt_projects))
        asked = {
            project: pool.submit(attempt, partial(self.connectors.list, project, google_side.secrets))
            for project in projects
        }
        listed: dict[str, Sequence[Connector]] = {}
        unlisted: dict[str, DeployError] = {}
        closed: dict[str, str] = {}
        for project, future in asked.items():
            answer = wait_for(future)
            if not isinstance(answer, DeployError):
                listed[project] = answer
            elif isinstance(answer, DtFailed) and answer.status in CLOSED and project not in self.spec.dt_projects:
                closed[project] = answer.what
            else:
                unlisted[project] = answer
        return listed, unlisted, closed

    def _reports(
        self, pool: ThreadPoolExecutor, listed: Collection[str]
    ) -> dict[str, Future[Mapping[str, float] | DeployError]]:
        """Ask when DT got the newest events of the named projects that could be listed."""
        named = [name for name in self.spec.dt_projects if name in listed]
        return {name: pool.submit(attempt, partial(self.reports, name)) for name in named}

    def _deliveries(self, pool: ThreadPoolExecutor, observed: Observed) -> dict[str, Metrics | DeployError]:
        """Return DT's counts of the deliveries of this deployment's connectors."""
        asked = {
            connector.id: pool.submit(attempt, partial(self.connectors.metrics, project, connector.id))
            for project in observed.connectors
            for connector in observed.owned_in(project, self.spec)
        }
        return {connector: wait_for(future) for connector, future in asked.items()}

    def _steps(
        self,
        observed: Observed,
        unlisted: Mapping[str, DeployError],
        organization: str | DeployError,
    ) -> tuple[Step, ...] | DeployError:
        """Return what ``up`` would do. If DT does not say the organization, it is that of the deployed function."""
        known = organization if isinstance(organization, str) else _deployed_organization(self.spec, observed)
        spec = replace(self.spec, organization_id=known)
        empty: Mapping[str, Sequence[Connector]] = dict.fromkeys(unlisted, ())
        planned = attempt(lambda: plan(spec, replace(observed, connectors={**observed.connectors, **empty})))
        if isinstance(planned, DeployError):
            return planned
        unknown = {connector_id(project) for project in unlisted}
        return tuple(step for step in planned if step.id.whole not in unknown)


def _all_because_of(error: DeployError, readings: Readings) -> Readings:
    """Return readings in which all that Google did not answer has the same reason, so that it is said once."""
    measured = replace(readings, backlog=error, left=error, requests=error)
    return replace(measured, newest_event=error, problems=error, probes=error)


def _is_silence(error: DeployError) -> bool:
    """Return whether DT cannot answer any question now."""
    return isinstance(error, DtUnanswered) or (isinstance(error, DtFailed) and error.status in {401, 429})


def _deployed_organization(spec: Spec, observed: Observed) -> str:
    found = observed.of(Function(spec)).get("function") or {}
    variables = found.get("serviceConfig", {}).get("environmentVariables") or {}
    return str(variables.get("DT_ORGANIZATION_ID", ""))
