"""The alert policies of a deployment.

A policy is updated field by field, so what a person has changed stays: further channels and labels, a policy that is
switched off, a threshold that the settings do not name. Each update starts the time of an absence condition anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, ClassVar
from urllib.parse import urlencode

from deploy.resources.alert_definitions import Alert, alerts_of
from deploy.resources.alerting import MONITORING, Alerting, Found, is_ours, marks_of, step_of
from deploy.resources.notification_channels import NotificationChannels, api, channel_id, channel_names
from deploy.resources.own_fields import differences, merged
from deploy.resources.resource import Facts, Reads
from deploy.spec import MARK
from deploy.steps import Get, ResourceId, RestCall, Step

POLICY_MARK = f"{MARK}-policy"
"""The user label with the key of the policy, because displayed names need not be unique."""

_IN_MASK = {
    "displayName": "display_name",
    "documentation": "documentation",
    "userLabels": "user_labels",
    "conditions": "conditions",
    "combiner": "combiner",
    "severity": "severity",
    "alertStrategy": "alert_strategy",
    "notificationChannels": "notification_channels",
}
"""The fields that this command sets, by their names in a field mask."""


@dataclass(frozen=True, slots=True)
class AlertPolicies(Alerting):
    """The policies, each marked by user labels."""

    services: ClassVar[tuple[str, ...]] = (MONITORING, "logging.googleapis.com")
    permissions: ClassVar[tuple[str, ...]] = (
        "logging.notificationRules.create",
        "logging.notificationRules.delete",
        "logging.notificationRules.update",
        "monitoring.alertPolicies.create",
        "monitoring.alertPolicies.delete",
        "monitoring.alertPolicies.list",
        "monitoring.alertPolicies.update",
    )
    key: ClassVar[str] = "policies"

    @property
    def id(self) -> ResourceId:
        """The id of all policies together."""
        return ResourceId("alert policies", one="alert policy")

    @property
    def listing(self) -> Get:
        """The request that lists the policies of the project."""
        return Get(f"{api(self.spec.google_project)}/alertPolicies", "alertPolicies")

    def details(self, found: Any) -> Reads:
        """List the channels, because a policy needs their names."""
        del found
        channels = NotificationChannels(self.spec)
        yield channels.key, channels.listing

    def part_of(self, found: Found) -> str:
        """Return the key of the policy."""
        return marks_of(found).get(POLICY_MARK, "") if is_ours(found, self.spec.name) else ""

    def url_of(self, found: Found) -> str:
        """Return the URL of a policy."""
        return f"https://{MONITORING}/v3/{found['name']}"

    def plan_parts(self, facts: Facts) -> tuple[Step, ...]:
        """Return a step for each policy."""
        there = dict(reversed(self.ours(facts)))
        return tuple(self._step(alert, there.get(alert.key), facts) for alert in alerts_of(self.spec))

    def _step(self, alert: Alert, found: Found | None, facts: Facts) -> Step:
        part = self.part(alert.key)
        marks = {**self.spec.labels, MARK: self.spec.name, POLICY_MARK: alert.key}
        channels, surplus = channel_names(NotificationChannels(self.spec), facts)
        wanted = {**alert.body, "userLabels": marks, "notificationChannels": channels}
        if found is None:
            return step_of(part, (), RestCall("POST", self.listing.url, wanted), is_there=False, kept="")
        found = {**found, "notificationChannels": _without(found.get("notificationChannels", []), surplus)}
        wanted["conditions"] = [_kept(condition, found, alert) for condition in alert.body["conditions"]]
        wanted["notificationChannels"] = _with_others(channels, found["notificationChannels"])
        changes = {name: differences({name: value}, found) for name, value in wanted.items()}
        body = {
            name: merged(value, found.get(name)) if name == "userLabels" else value
            for name, value in wanted.items()
            if changes[name]
        }
        mask = ",".join(_IN_MASK[name] for name in body)
        call = RestCall("PATCH", f"{self.url_of(found)}?{urlencode({'updateMask': mask})}", body)
        return step_of(part, [*chain(*changes.values())], call, is_there=True, kept=f"is there{_by_hand(found)}")


def _kept(condition: Mapping[str, Any], found: Found, alert: Alert) -> dict[str, Any]:
    """Return a condition with the name that Google gave it, and with its own threshold if no setting names one."""
    same = (other for other in found.get("conditions", []) if other.get("displayName") == condition["displayName"])
    there: Mapping[str, Any] = next(same, {})
    kept = {**condition, **({"name": there["name"]} if "name" in there else {})}
    kind, name = alert.unset.get(condition["displayName"], ("", ""))
    limits = {"thresholdValue": 0, **there[kind]} if kind in there else {}  # Google leaves out a threshold of 0
    if name in limits:
        kept[kind] = {**condition[kind], name: limits[name]}
    return kept


def _with_others(wanted: list[str], found: list[str]) -> list[str]:
    """Return the channels of a policy, with the missing ones of ours at the end. A channel is known by its id."""
    there = {channel_id(name) for name in found}
    return [*found, *(name for name in wanted if channel_id(name) not in there)]


def _without(found: list[str], surplus: set[str]) -> list[str]:
    return [name for name in found if channel_id(name) not in surplus]


def _by_hand(found: Found) -> str:
    return ", switched off by hand" if found.get("enabled") is False else ""
