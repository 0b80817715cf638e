"""``monitoring.googleapis.com`` v3: alert policies, with the limits that Google documents.

https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.alertPolicies, https://cloud.google.com/monitoring/quotas.
"""

from collections.abc import Callable

from tests.emulators.clouds.exchange import Json, Request, Route, page
from tests.emulators.clouds.field_masks import masked
from tests.emulators.clouds.google.conditions import check_conditions
from tests.emulators.clouds.google.estate import Estate, timestamp
from tests.emulators.clouds.google.log_metrics import LogMetrics
from tests.emulators.clouds.google.messages import check_message, without_defaults
from tests.emulators.clouds.google.problems import invalid, not_found
from tests.emulators.clouds.google.strict import strict
from tests.emulators.clouds.google.user_labels import check_user_labels

MANY = "/v3/projects/{project}/alertPolicies"
ONE = MANY + "/{number}"
_PAGED = ("filter", "orderBy", "pageSize", "pageToken")
_MIN_CLOSE_S = 1800


class AlertPolicies:
    """The alert policies of a project. ``has_channel``: whether a notification channel of this name exists."""

    def __init__(self, estate: Estate, metrics: LogMetrics, has_channel: Callable[[str], bool]) -> None:
        self.items: dict[str, Json] = {}
        self._estate = estate
        self._metrics = metrics
        self._has_channel = has_channel

    def routes(self) -> list[Route]:
        """Return the routes of the API."""
        called = "monitoring.alertPolicies"
        return [
            strict(Route("GET", MANY, self._list, f"{called}.list"), _PAGED),
            strict(Route("POST", MANY, self._create, f"{called}.create")),
            strict(Route("GET", ONE, self._get, f"{called}.get")),
            strict(Route("PATCH", ONE, self._update, f"{called}.update"), ("updateMask",)),
            strict(Route("DELETE", ONE, self._delete, f"{called}.delete")),
        ]

    def names(self) -> list[str]:
        """Return the full names of all policies."""
        return sorted(self.items)

    def using(self, channel: str) -> list[Json]:
        """Return the policies that notify a channel."""
        return [
            policy
            for policy in self.items.values()
            if any(is_same(channel, used) for used in policy.get("notificationChannels", []))
        ]

    def _list(self, request: Request, project: str) -> Json:
        del project
        if request.parameter("filter") or request.parameter("orderBy"):
            raise invalid("Not played here: filter and orderBy of alert policies.")
        return page("alertPolicies", list(self.items.values()), request, default=100, most=1000)

    def _get(self, _: Request, project: str, number: str) -> Json:
        name = f"projects/{project}/alertPolicies/{number}"
        if name not in self.items:
            raise not_found(f"Alert policy {name} not found.")
        return self.items[name]

    def _create(self, request: Request, project: str) -> Json:
        body = request.json()
        if body.get("name"):
            raise invalid("Field name must not be set on create: Google chooses it.")
        name = f"projects/{project}/alertPolicies/{10**17 + self._estate.next_number()}"
        record = {"mutateTime": timestamp(), "mutatedBy": self._estate.caller}
        return self._stored({"enabled": True, **body, "name": name, "creationRecord": record, "mutationRecord": record})

    def _update(self, request: Request, project: str, number: str) -> Json:
        before, body = self._get(request, project, number), request.json()
        check_message("AlertPolicy", body)
        mask = request.parameter("updateMask")
        after = masked(before, body, mask) if mask else {"enabled": True, **body}
        kept = {key: before[key] for key in ("name", "creationRecord")}
        return self._stored({**after, **kept, "mutationRecord": {"mutateTime": timestamp()}})

    def _delete(self, request: Request, project: str, number: str) -> Json:
        del self.items[self._get(request, project, number)["name"]]
        return {}

    def _stored(self, policy: Json) -> Json:
        check_message("AlertPolicy", policy)
        self._check(policy)
        named = [
            {**condition, "name": condition.get("name") or f"{policy['name']}/conditions/{self._estate.next_number()}"}
            for condition in policy["conditions"]
        ]
        self.items[policy["name"]] = without_defaults("AlertPolicy", {**policy, "conditions": named})
        return self.items[policy["name"]]

    def _check(self, policy: Json) -> None:
        if not 1 <= len(policy.get("displayName", "")) <= 512:
            raise invalid("Field displayName has 1 to 512 characters.")
        if policy.get("combiner") not in {"AND", "OR", "AND_WITH_MATCHING_RESOURCE"}:
            raise invalid("Field combiner is required.")
        check_user_labels(policy.get("userLabels", {}))
        _check_documentation(policy.get("documentation", {}))
        strategy = policy.get("alertStrategy", {})
        if "autoClose" in strategy and float(strategy["autoClose"].removesuffix("s")) < _MIN_CLOSE_S:
            raise invalid("Field alertStrategy.autoClose is at least 30 minutes.")
        if check_conditions(policy.get("conditions", []), strategy, self._metrics.known()):
            self._estate.check_permission("logging.notificationRules.create", policy["name"])
        for channel in policy.get("notificationChannels", []):
            if not self._has_channel(channel):
                raise not_found(f"Notification channel {channel} does not exist.")


def is_same(one: str, other: str) -> bool:
    """Return whether two names are of the same channel: a project has an id and a number."""
    return one.rpartition("/")[2] == other.rpartition("/")[2]


def _check_documentation(documentation: Json) -> None:
    content, links = documentation.get("content", ""), documentation.get("links", [])
    if len(content) > 8192 or len(content.encode()) > 10_240:
        raise invalid("Field documentation.content has at most 8,192 characters and 10,240 bytes.")
    if content and documentation.get("mimeType") != "text/markdown":
        raise invalid("Field documentation.mimeType must be text/markdown.")
    if len(links) > 3 or not all(link.get("url") for link in links):
        raise invalid("Field documentation.links has at most 3 links, each with a url.")
