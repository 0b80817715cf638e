"""The methods that Pub/Sub's topics and subscriptions have in common: get, list, update, and their IAM policies."""

import re
from collections.abc import Callable
from typing import Any

from google.pubsub_v1 import types

from tests.emulators.clouds.exchange import Json, Request, Route, page
from tests.emulators.clouds.field_masks import masked
from tests.emulators.clouds.google.data_plane import parsed
from tests.emulators.clouds.google.estate import Estate
from tests.emulators.clouds.google.policies import Policies
from tests.emulators.clouds.google.problems import Problem, exists, not_found
from tests.emulators.clouds.google.strict import PAGED, POLICY, strict
from tests.emulators.errors import Refused
from tests.emulators.pubsub import limits
from tests.emulators.pubsub.settings import updated

_KINDS = {"topics": types.Topic.pb(), "subscriptions": types.Subscription.pb()}


class Collection:
    """All resources of one kind, ``topics`` or ``subscriptions``, by full name.

    ``on_update``: called with a resource before and after an update and the names of the updated fields; it returns the
    resource to store. ``on_show``: returns a resource as the API shows it.
    """

    def __init__(self, kind: str, estate: Estate, policies: Policies) -> None:
        self.items: dict[str, Json] = {}
        self.on_update: Callable[[Json, Json, list[str]], Json] = lambda _before, after, _fields: after
        self.on_show: Callable[[Json], Json] = lambda resource: resource
        self._kind = kind
        self._estate = estate
        self._policies = policies

    def routes(self) -> list[Route]:
        """Return the routes of this kind that both kinds have in common."""
        kind = self._kind
        many = f"/v1/projects/{{project}}/{kind}"
        one = many + "/{name}"
        return [
            strict(Route("GET", many, self._list, f"pubsub.{kind}.list"), PAGED),
            strict(Route("GET", one, self._get, f"pubsub.{kind}.get")),
            strict(Route("PATCH", one, self._update, f"pubsub.{kind}.update")),
            strict(Route("GET", one + ":getIamPolicy", self._policy, f"pubsub.{kind}.getIamPolicy")),
            strict(Route("POST", one + ":setIamPolicy", self._set_policy, f"pubsub.{kind}.setIamPolicy"), (), POLICY),
            strict(Route("POST", one + ":testIamPermissions", self._test), (), {"permissions": None}),
        ]

    def full_name(self, project: str, name: str) -> str:
        """Return the full name of a resource."""
        return f"projects/{project}/{self._kind}/{name}"

    def find(self, name: str) -> Json:
        """Return a resource. Raises ``Problem`` if it does not exist."""
        if name not in self.items:
            raise not_found(f"Resource not found (resource={name.rpartition('/')[2]}).")
        return self.items[name]

    def check_new(self, name: str) -> None:
        """Refuse a name that exists already."""
        if name in self.items:
            raise exists(f"Resource already exists in the project (resource={name.rpartition('/')[2]}).")

    def remove(self, name: str) -> None:
        """Remove a resource and its IAM policy."""
        del self.items[name]
        self._policies.forget(name)

    def _list(self, request: Request, project: str) -> Json:
        self._estate.check_project(project)
        shown = [self.on_show(resource) for resource in list(self.items.values())]
        return page(self._kind, shown, request, default=100, most=1000)

    def _get(self, _: Request, project: str, name: str) -> Json:
        return self.on_show(self.find(self.full_name(project, name)))

    def _update(self, request: Request, project: str, name: str) -> Json:
        before, body = self.find(self.full_name(project, name)), request.json()
        key, kind = self._kind.removesuffix("s"), _KINDS[self._kind]
        request_type = getattr(types, f"Update{kind.DESCRIPTOR.name}Request").pb()
        paths = list(parsed(body, request_type).update_mask.paths)
        fixed = {"topic": before["topic"]} if key == "subscription" else {}
        checked(lambda mask: updated(kind(name=before["name"], **fixed), kind(), mask), paths)
        after = masked(before, body.get(key, {}), body.get("updateMask", ""))
        check_settings(after)
        fields = [json_name(path.partition(".")[0]) for path in paths]
        self.items[before["name"]] = self.on_update(before, after, fields)
        return self.on_show(self.items[before["name"]])

    def _policy(self, request: Request, project: str, name: str) -> Json:
        return self._policies.get(self._get(request, project, name)["name"])

    def _set_policy(self, request: Request, project: str, name: str) -> Json:
        return self._policies.replace(self._get(request, project, name)["name"], request.json())

    def _test(self, request: Request, project: str, name: str) -> Json:
        self._get(request, project, name)
        return self._policies.test(request)


def json_name(field: str) -> str:
    """Return the JSON name of a field."""
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), field)


def check_settings(settings: Json) -> None:
    """Refuse labels and times that Pub/Sub refuses. Raises ``Problem``."""
    checked(limits.check_labels, settings.get("labels", {}))
    if "messageRetentionDuration" in settings:
        checked(limits.check_retention, duration_s(settings["messageRetentionDuration"]))
    if settings.get("expirationPolicy", {}).get("ttl"):
        checked(limits.check_expiration, duration_s(settings["expirationPolicy"]["ttl"]))
    if settings.get("ackDeadlineSeconds"):
        checked(limits.check_ack_deadline, int(settings["ackDeadlineSeconds"]))


def checked(check: Callable[[Any], Any], value: Any) -> None:
    """Apply a check of the embedded Pub/Sub to a value. Raises ``Problem``."""
    try:
        check(value)
    except Refused as refused:
        raise Problem(refused.code.name, refused.message) from refused


def duration_s(duration: str) -> float:
    """Return the seconds of a duration in Google's JSON, such as ``604800s``."""
    return float(duration.removesuffix("s"))
