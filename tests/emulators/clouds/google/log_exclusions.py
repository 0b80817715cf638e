"""``logging.googleapis.com`` v2: the exclusions of the sink ``_Default``, each changed by itself, or with the sink.

https://cloud.google.com/logging/docs/reference/v2/rest/v2/projects.exclusions
https://cloud.google.com/logging/docs/reference/v2/rest/v2/projects.sinks
"""

import re

from tests.emulators.clouds.exchange import Json, Request, Route, page
from tests.emulators.clouds.field_masks import masked
from tests.emulators.clouds.google.estate import Estate, timestamp
from tests.emulators.clouds.google.problems import Problem, exists, invalid, not_found
from tests.emulators.clouds.google.strict import PAGED, strict

MOST = 10
"""Exclusions that a project can have: logging v2, projects.exclusions.create."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_FIELDS = {"name": None, "description": None, "filter": None, "disabled": None}
_MANY = "/v2/projects/{project}/exclusions"
_ONE = _MANY + "/{name}"
_SINK = "/v2/projects/{project}/sinks/{name}"
_OF_UPDATE = ("updateMask", "uniqueWriterIdentity", "customWriterIdentity")


class LogExclusions:
    """The exclusions of a project, by name."""

    def __init__(self, estate: Estate) -> None:
        self.items: dict[str, Json] = {}
        self._estate = estate

    def routes(self) -> list[Route]:
        """Return the routes of the API."""
        called = "logging.exclusions"
        return [
            strict(Route("GET", _MANY, self._list, f"{called}.list"), PAGED),
            strict(Route("POST", _MANY, self._create, f"{called}.create"), (), _FIELDS),
            strict(Route("GET", _ONE, self._get, f"{called}.get")),
            strict(Route("PATCH", _ONE, self._update, f"{called}.update"), ("updateMask",), _FIELDS),
            strict(Route("DELETE", _ONE, self._delete, f"{called}.delete")),
            strict(Route("GET", _SINK, self._sink, "logging.sinks.get")),
            strict(Route("PATCH", _SINK, self._update_sink, "logging.sinks.update"), _OF_UPDATE),
        ]

    def names(self) -> list[str]:
        """Return the full names of all exclusions."""
        return [f"projects/{self._estate.project}/exclusions/{name}" for name in sorted(self.items)]

    def _list(self, request: Request, project: str) -> Json:
        del project
        return page("exclusions", list(self.items.values()), request, default=100, most=1000)

    def _get(self, _: Request, project: str, name: str) -> Json:
        del project
        if name not in self.items:
            raise not_found(f"Exclusion {name} does not exist.")
        return self.items[name]

    def _create(self, request: Request, project: str) -> Json:
        del project
        body = request.json()
        name = str(body.get("name", ""))
        if name in self.items:
            raise exists(f"Exclusion {name} already exists.")
        if len(self.items) >= MOST:
            raise Problem("RESOURCE_EXHAUSTED", f"A project has at most {MOST} exclusions.")
        return self._stored(name, {**body, "createTime": timestamp()})

    def _update(self, request: Request, project: str, name: str) -> Json:
        before, mask = self._get(request, project, name), request.parameter("updateMask")
        if not mask:
            raise invalid("updateMask is required.")
        return self._stored(name, masked(before, request.json(), mask))

    def _delete(self, request: Request, project: str, name: str) -> Json:
        self._get(request, project, name)
        del self.items[name]
        return {}

    def _sink(self, _: Request, project: str, name: str) -> Json:
        if name != "_Default":
            raise not_found(f"Sink {name} does not exist.")
        bucket = f"logging.googleapis.com/projects/{project}/locations/global/buckets/_Default"
        return {"name": name, "destination": bucket, "exclusions": list(self.items.values())}

    def _update_sink(self, request: Request, project: str, name: str) -> Json:
        """Replace all exclusions, as ``gcloud logging sinks update`` does. Nothing else of the sink can be changed."""
        self._sink(request, project, name)
        if request.parameter("updateMask") != "exclusions":
            raise invalid("Only the mask exclusions is played.")
        wanted = {str(item.get("name", "")): item for item in request.json().get("exclusions", [])}
        if len(wanted) > MOST:
            raise Problem("RESOURCE_EXHAUSTED", f"A project has at most {MOST} exclusions.")
        before, self.items = self.items, {}
        try:
            for key, item in wanted.items():
                self._stored(key, {"createTime": timestamp(), **item})
        except Problem:
            self.items = before
            raise
        return self._sink(request, project, name)

    def _stored(self, name: str, item: Json) -> Json:
        if not _NAME.fullmatch(name):
            raise invalid(f"The name {name!r} is not valid.")
        if not 1 <= len(str(item.get("filter", ""))) <= 20_000:
            raise invalid("The filter has 1 to 20,000 characters.")
        kept = {key: value for key, value in item.items() if value not in (False, "", None)}
        self.items[name] = {**kept, "name": name, "updateTime": timestamp()}
        return self.items[name]
