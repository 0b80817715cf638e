"""``monitoring.googleapis.com`` v3: notification channels. Only e-mail is played; an address is not shown whole.

https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.notificationChannels
"""

from tests.emulators.clouds.exchange import Json, Request, Route, page
from tests.emulators.clouds.field_masks import masked
from tests.emulators.clouds.google.alert_policies import AlertPolicies, is_same
from tests.emulators.clouds.google.estate import Estate, timestamp
from tests.emulators.clouds.google.log_metrics import LogMetrics
from tests.emulators.clouds.google.messages import check_message, without_defaults
from tests.emulators.clouds.google.problems import invalid, not_found, precondition
from tests.emulators.clouds.google.strict import strict
from tests.emulators.clouds.google.user_labels import check_user_labels

_MANY = "/v3/projects/{project}/notificationChannels"
_ONE = _MANY + "/{number}"


class NotificationChannels:
    """The notification channels of a project, and the policies that use them."""

    def __init__(self, estate: Estate, metrics: LogMetrics) -> None:
        self.items: dict[str, Json] = {}
        self.policies = AlertPolicies(estate, metrics, self.has)
        self._estate = estate

    def routes(self) -> list[Route]:
        """Return the routes of channels and policies."""
        called = "monitoring.notificationChannels"
        paged = ("filter", "orderBy", "pageSize", "pageToken")
        return [
            strict(Route("GET", _MANY, self._list, f"{called}.list"), paged),
            strict(Route("POST", _MANY, self._create, f"{called}.create")),
            strict(Route("GET", _ONE, self._get, f"{called}.get")),
            strict(Route("PATCH", _ONE, self._update, f"{called}.update"), ("updateMask",)),
            strict(Route("DELETE", _ONE, self._delete, f"{called}.delete"), ("force",)),
            *self.policies.routes(),
        ]

    def has(self, name: str) -> bool:
        """Return whether there is a channel of this name, also if it names the project by its number."""
        return any(is_same(name, known) for known in self.items)

    def names(self) -> list[str]:
        """Return the full names of all channels."""
        return sorted(self.items)

    def _list(self, request: Request, project: str) -> Json:
        del project
        if request.parameter("filter") or request.parameter("orderBy"):
            raise invalid("Not played here: filter and orderBy of notification channels.")
        shown = [_shown(channel) for channel in self.items.values()]
        return page("notificationChannels", shown, request, default=100, most=1000)

    def _get(self, _: Request, project: str, number: str) -> Json:
        return _shown(self._find(project, number))

    def _find(self, project: str, number: str) -> Json:
        name = f"projects/{project}/notificationChannels/{number}"
        if name not in self.items:
            raise not_found(f"Notification channel {name} not found.")
        return self.items[name]

    def _create(self, request: Request, project: str) -> Json:
        body = request.json()
        if body.get("name"):
            raise invalid("Field name must not be set on create: Google chooses it.")
        name = f"projects/{project}/notificationChannels/{10**18 + self._estate.next_number()}"
        return self._stored({"enabled": True, **body, "name": name, "creationRecord": {"mutateTime": timestamp()}})

    def _update(self, request: Request, project: str, number: str) -> Json:
        before, body = self._find(project, number), request.json()
        mask = request.parameter("updateMask")
        after = masked(before, body, mask) if mask else body
        return self._stored({**after, "name": before["name"]})

    def _delete(self, request: Request, project: str, number: str) -> Json:
        name = self._find(project, number)["name"]
        users = self.policies.using(name)
        if users and request.parameter("force").lower() != "true":
            raise precondition(f"Notification channel {name} is used by {len(users)} alert policies.")
        for policy in users:
            policy["notificationChannels"] = [
                other for other in policy["notificationChannels"] if not is_same(other, name)
            ]
        del self.items[name]
        return {}

    def _stored(self, channel: Json) -> Json:
        check_message("NotificationChannel", channel)
        check_user_labels(channel.get("userLabels", {}))
        if channel.get("type") != "email":
            raise invalid(f"Not played here: a channel of type {channel.get('type')!r}.")
        if set(channel.get("labels", {})) != {"email_address"} or "@" not in channel["labels"]["email_address"]:
            raise invalid("A channel of type email has the label email_address, and no other.")
        if len(channel.get("displayName", "")) > 512:
            raise invalid("Field displayName has at most 512 characters.")
        self.items[channel["name"]] = without_defaults("NotificationChannel", channel)
        return _shown(self.items[channel["name"]])


def _shown(channel: Json) -> Json:
    """Return a channel as Google shows it: contact information is only partly there."""
    address = channel["labels"]["email_address"]
    return {**channel, "labels": {"email_address": f"{address[0]}***@{address.rpartition('@')[2]}"}}
