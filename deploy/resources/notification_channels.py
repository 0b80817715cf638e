"""The notification channels of e-mail addresses that get the alerts."""

import hashlib
from dataclasses import dataclass
from typing import Any, ClassVar

from deploy.resources.alerting import MONITORING, NOT_YET, Alerting, Found, is_ours, marks_of, step_of
from deploy.resources.resource import Facts, Reads
from deploy.spec import MARK, last_segment
from deploy.steps import Call, Get, ResourceId, RestCall, Step, delete, keep

ADDRESS_MARK = f"{MARK}-address"
"""The user label with the digest of a channel's address, because Google shows only a part of the address."""

POLICIES = "policies"


@dataclass(frozen=True, slots=True)
class NotificationChannels(Alerting):
    """One channel for each e-mail address. Its address cannot change: another address is another channel."""

    services: ClassVar[tuple[str, ...]] = (MONITORING,)
    permissions: ClassVar[tuple[str, ...]] = (
        "monitoring.notificationChannels.create",
        "monitoring.notificationChannels.delete",
        "monitoring.notificationChannels.list",
    )
    key: ClassVar[str] = "channels"

    @property
    def id(self) -> ResourceId:
        """The id of all channels together."""
        return ResourceId("notification channels", one="notification channel")

    @property
    def listing(self) -> Get:
        """The request that lists the channels of the project."""
        return Get(f"{api(self.spec.google_project)}/notificationChannels", "notificationChannels")

    def details(self, found: Any) -> Reads:
        """List the policies, because a channel that others' policies use is not deleted."""
        if any(is_ours(channel, self.spec.name) for channel in found or []):
            yield POLICIES, Get(f"{api(self.spec.google_project)}/alertPolicies", "alertPolicies")

    def removal_details(self, found: Any) -> Reads:
        """List the policies, because a channel that others' policies use is not deleted."""
        yield from self.details(found)

    def part_of(self, found: Found) -> str:
        """Return the address."""
        if not is_ours(found, self.spec.name):
            return ""
        digest = marks_of(found).get(ADDRESS_MARK, "")
        addresses = {digest_of(address): address for address in self.spec.alerts.emails or ()}
        return addresses.get(digest) or address_in(found)

    def url_of(self, found: Found) -> str:
        """Return the URL of a channel."""
        return f"https://{MONITORING}/v3/{found['name']}"

    def plan_parts(self, facts: Facts) -> tuple[Step, ...]:
        """Return a step for each address."""
        there = dict(reversed(self.ours(facts)))
        return tuple(self._step(address, there.get(address)) for address in self.spec.alerts.emails or ())

    def delete(self, part: str, found: Found, why: str, facts: Facts) -> Step:
        """Return the step that deletes a channel, also from our policies; it is kept if policies of others use it."""
        if others := self._others(found, facts):
            names = ", ".join(str(policy.get("displayName")) for policy in others)
            return keep(self.part(part), f"is left, because other alert policies use it: {names}")
        return delete(self.part(part), why, RestCall("DELETE", f"{self.url_of(found)}?force=true"))

    def again(self, step: Step, facts: Facts) -> Call | None:
        """Return the call of a step, planned again. A channel that others have begun to use is not deleted."""
        call = Alerting.again(self, step, facts)
        if step.action != "delete" or not isinstance(call, RestCall):
            return call
        url = call.url.partition("?")[0]
        is_used = any(self._others(found, facts) for _, found in self.ours(facts) if self.url_of(found) == url)
        return None if is_used else call

    def _others(self, found: Found, facts: Facts) -> list[Found]:
        """Return the policies of others that use a channel."""
        channel = channel_id(found["name"])
        return [
            policy
            for policy in facts.get(POLICIES) or []
            if not is_ours(policy, self.spec.name)
            and channel in {channel_id(name) for name in policy.get("notificationChannels", [])}
        ]

    def _step(self, address: str, found: Found | None) -> Step:
        body = {
            "type": "email",
            "displayName": f"{self.spec.name}: {address}",
            "labels": {"email_address": address},
            "userLabels": {**self.spec.labels, MARK: self.spec.name, ADDRESS_MARK: digest_of(address)},
        }
        call = RestCall("POST", self.listing.url, body)
        is_off = "" if (found or {}).get("enabled") is not False else ", switched off by hand"
        return step_of(self.part(address), (), call, is_there=found is not None, kept=f"is there{is_off}")


def channel_names(channels: NotificationChannels, facts: Facts) -> tuple[list[str], set[str]]:
    """Return the names of the wanted channels, and the ids of our channels that are no longer wanted.

    The name of a channel that does not exist yet is a placeholder.
    """
    there = dict(reversed(channels.ours(facts)))
    emails = channels.spec.alerts.emails or ()
    made = [str(there[address]["name"]) if address in there else f"{NOT_YET}: {address}" for address in emails]
    surplus = {channel_id(found["name"]) for _, found in channels.ours(facts)} - set(map(channel_id, made))
    return [*made, *channels.spec.alerts.channels], surplus


def channel_id(name: str) -> str:
    """Return the id of a channel. Two names of one channel may differ: a project has an id and a number."""
    return last_segment(name)


def address_in(found: Found) -> str:
    """Return the address of a channel of ours, from the name that is displayed: Google hides a part of the address."""
    return str(found.get("displayName", "")).rpartition(": ")[2] or marks_of(found).get(ADDRESS_MARK, "")


def digest_of(address: str) -> str:
    """Return the value of the label of an address."""
    return hashlib.sha256(address.lower().encode()).hexdigest()[:32]


def api(google_project: str) -> str:
    """Return the URL of a project in Cloud Monitoring's API."""
    return f"https://{MONITORING}/v3/projects/{google_project}"
