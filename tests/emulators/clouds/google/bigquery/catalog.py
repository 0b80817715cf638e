"""The datasets of a project with what is in them, as BigQuery's API returns them, with their etags."""

import base64
import hashlib
import itertools
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from tests.emulators.clouds.exchange import Json, Request
from tests.emulators.clouds.google.bigquery.problems import changed_meanwhile, invalid, not_found
from tests.emulators.clouds.google.estate import Estate

BASE = "https://bigquery.googleapis.com/bigquery/v2"
_VERSIONS = itertools.count()


class Catalog:
    """The datasets by id, and the tables (and views) by the ids of their datasets and their own.

    ``extras``: routines and models, by their kind (``routine``), the ids of their datasets and their own.
    """

    def __init__(self, estate: Estate, clock: Callable[[], float] = time.time) -> None:
        self.estate = estate
        self.datasets: dict[str, Json] = {}
        self.tables: dict[tuple[str, str], Json] = {}
        self.extras: dict[tuple[str, str, str], Json] = {}
        self._clock = clock

    def dataset(self, dataset: str) -> Json:
        """Return a dataset. Raises ``BigQueryProblem`` if it does not exist."""
        if dataset not in self.datasets:
            raise not_found(f"Dataset {self.estate.project}:{dataset}")
        return self.datasets[dataset]

    def table(self, dataset: str, table: str) -> Json:
        """Return a table or view. Raises ``BigQueryProblem`` if it or its dataset does not exist."""
        self.dataset(dataset)
        if (dataset, table) not in self.tables:
            raise not_found(f"Table {self.estate.project}:{dataset}.{table}")
        return self.tables[dataset, table]

    def tables_of(self, dataset: str) -> list[Json]:
        """Return the tables and views of a dataset, sorted by name."""
        return [self.tables[key] for key in sorted(self.tables) if key[0] == dataset]

    def extras_of(self, dataset: str) -> list[tuple[str, str, str]]:
        """Return the keys of the routines and models of a dataset, sorted."""
        return [key for key in sorted(self.extras) if key[1] == dataset]

    def names(self) -> list[str]:
        """Return the full names of all datasets, tables, routines and models."""
        place = f"projects/{self.estate.project}/datasets"
        datasets = [f"{place}/{dataset}" for dataset in sorted(self.datasets)]
        tables = [f"{place}/{dataset}/tables/{table}" for dataset, table in sorted(self.tables)]
        extras = [f"{place}/{dataset}/{kind}s/{name}" for kind, dataset, name in sorted(self.extras)]
        return [*datasets, *tables, *extras]

    def new(self, kind: str, path: str, body: Mapping[str, object]) -> Json:
        """Return a new resource. ``path``: below ``projects/``, from which id and selfLink are made."""
        now_ms = self._now_ms()
        parts = path.split("/")
        name = f"{parts[0]}:{'.'.join(parts[2::2])}"
        head = {"kind": f"bigquery#{kind}", "etag": "", "id": name, "selfLink": f"{BASE}/projects/{path}"}
        return self.touched({**head, **body, "creationTime": now_ms, "lastModifiedTime": now_ms})

    def touched(self, resource: Json) -> Json:
        """Return a resource as a new version: with a new etag, and the time of the change."""
        after = {**resource, "lastModifiedTime": self._now_ms()}
        return {**after, "etag": _etag({**after, "etag": next(_VERSIONS)})}

    def _now_ms(self) -> str:
        return str(int(self._clock() * 1000))


def check_etag(request: Request, resource: Json) -> None:
    """Refuse a change of a resource that has another etag than the header If-Match says."""
    wanted = request.headers.get("if-match", "*")
    if wanted not in {"*", resource["etag"]}:
        raise changed_meanwhile()


def check_reference(requested: Json, *parts: tuple[str, str]) -> None:
    """Refuse a body whose reference names another resource than the URL."""
    for key, name in parts:
        if requested.get(key, name) != name:
            raise invalid(f"Value for field {key} does not match: {requested[key]}, {name}")


def page_of(items: list[Json], request: Request, *, default: int = 50) -> tuple[list[Json], Json]:
    """Return a page of a list, and the member with the token of the next page, if there is one."""
    size = request.number("maxResults", default=default) or default
    token = request.parameter("pageToken").removeprefix("after-")
    start = int(token) if token.isdecimal() else 0
    end = start + size
    return items[start:end], {"nextPageToken": f"after-{end}"} if end < len(items) else {}


def patched(before: Json, patch: Json) -> Json:
    """Return a resource after a patch: null removes a member, an object is merged, anything else replaces it."""
    after = dict(before)
    for name, value in patch.items():
        if value is None:
            after.pop(name, None)
        elif isinstance(value, dict) and isinstance(after.get(name), dict):
            after[name] = patched(after[name], value)
        else:
            after[name] = value
    return after


def without_null(value: Any) -> Any:
    """Return a JSON value without the members that are null, at any depth."""
    if isinstance(value, list):
        return [without_null(item) for item in value]
    if isinstance(value, dict):
        return {name: without_null(item) for name, item in value.items() if item is not None}
    return value


def _etag(resource: Json) -> str:
    return base64.b64encode(hashlib.sha256(json.dumps(resource, sort_keys=True).encode()).digest()[:16]).decode()
