"""BigQuery's datasets: https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets."""

import re

from tests.emulators.clouds.exchange import Answer, Json, Request
from tests.emulators.clouds.google.bigquery import access
from tests.emulators.clouds.google.bigquery.catalog import Catalog, check_etag, check_reference, page_of, patched
from tests.emulators.clouds.google.bigquery.labels import check_labels, matches_labels
from tests.emulators.clouds.google.bigquery.problems import exists, in_use, invalid
from tests.emulators.clouds.google.bigquery.warehouse import Warehouse
from tests.emulators.clouds.google.policies import Policies

NAME = re.compile(r"[A-Za-z0-9_]{1,1024}")
_LOCATION = re.compile(r"[A-Za-z][A-Za-z0-9-]+")
_FIXED = ("kind", "etag", "id", "selfLink", "datasetReference", "creationTime", "lastModifiedTime", "location", "type")
"""Members that an update does not change."""


class Datasets:
    """The datasets of the project. A new one can be read by all who may read the project, as Google's default is."""

    def __init__(self, catalog: Catalog, warehouse: Warehouse, policies: Policies, who: access.Access) -> None:
        self._catalog = catalog
        self._warehouse = warehouse
        self._policies = policies
        self._who = who

    def insert(self, request: Request, project: str) -> Json:
        """Create a dataset."""
        body = request.json()
        reference = body.get("datasetReference") or {}
        check_reference(reference, ("projectId", project))
        return self.create(reference.get("datasetId", ""), body)

    def create(self, dataset: str, body: Json) -> Json:
        """Create a dataset with the settings of a body."""
        project = self._catalog.estate.project
        if not NAME.fullmatch(dataset):
            raise invalid(
                f'Invalid dataset ID "{dataset}". Dataset IDs must be alphanumeric (plus underscores) and must be at '
                "most 1024 characters long."
            )
        if dataset in self._catalog.datasets:
            raise exists(f"Dataset {project}:{dataset}")
        location = _location(body.get("location") or "US")
        check_labels(body.get("labels", {}))
        entries = access.checked(body["access"]) if body.get("access") else self._default_access()
        self._who.check_entries(dataset, [], entries)
        settings = {
            **body,
            "datasetReference": {"datasetId": dataset, "projectId": project},
            "access": entries,
            "location": location,
            "maxTimeTravelHours": str(body.get("maxTimeTravelHours") or "168"),
            "type": "DEFAULT",
        }
        made = self._catalog.new("dataset", f"{project}/datasets/{dataset}", settings)
        self._catalog.datasets[dataset] = made
        self._warehouse.make_dataset(dataset)
        return made

    def _default_access(self) -> list[Json]:
        groups = (("WRITER", "projectWriters"), ("OWNER", "projectOwners"), ("READER", "projectReaders"))
        entries: list[Json] = [{"role": role, "specialGroup": group} for role, group in groups]
        return [*entries, {"role": "OWNER", "userByEmail": self._catalog.estate.caller}]

    def get(self, _: Request, project: str, dataset: str) -> Json:
        """Return a dataset."""
        del project
        return self._catalog.dataset(dataset)

    def list(self, request: Request, project: str) -> Json:
        """Return one page of the datasets."""
        del project
        wanted = request.parameter("filter")
        listed = [_listed(item) for _, item in sorted(self._catalog.datasets.items()) if matches_labels(item, wanted)]
        shown, more = page_of(listed, request)
        return {"kind": "bigquery#datasetList", "etag": "list", **({"datasets": shown} if shown else {}), **more}

    def patch(self, request: Request, project: str, dataset: str) -> Json:
        """Change the members of a dataset that the body has."""
        before = self.get(request, project, dataset)
        return self._change(request, before, patched(before, request.json()))

    def update(self, request: Request, project: str, dataset: str) -> Json:
        """Replace a dataset."""
        before, body = self.get(request, project, dataset), request.json()
        kept = {name: before[name] for name in (*_FIXED, "access", "maxTimeTravelHours") if name in before}
        return self._change(request, before, {**kept, **{name: body[name] for name in body if body[name] is not None}})

    def _change(self, request: Request, before: Json, after: Json) -> Json:
        check_etag(request, before)
        if _location(after.get("location") or before["location"]) != before["location"]:
            raise invalid("Cannot modify location of a dataset.")
        check_labels(after.get("labels", {}))
        fixed = {name: before[name] for name in _FIXED if name in before}
        entries = access.checked(after.get("access") or [])
        self._who.check_entries(before["datasetReference"]["datasetId"], before["access"], entries)
        changed = self._catalog.touched({**after, **fixed, "access": entries})
        self._catalog.datasets[before["datasetReference"]["datasetId"]] = changed
        return changed

    def delete(self, request: Request, project: str, dataset: str) -> Answer:
        """Delete a dataset: one with anything in it only if ``deleteContents`` is true."""
        check_etag(request, self.get(request, project, dataset))
        self.remove(dataset, has_contents_deleted=request.parameter("deleteContents").lower() == "true")
        return Answer(204)

    def remove(self, dataset: str, *, has_contents_deleted: bool) -> None:
        """Delete a dataset."""
        tables = self._catalog.tables_of(self._catalog.dataset(dataset)["datasetReference"]["datasetId"])
        extras = self._catalog.extras_of(dataset)
        if (tables or extras) and not has_contents_deleted:
            raise in_use(f"Dataset {self._catalog.estate.project}:{dataset}")
        for key in extras:
            del self._catalog.extras[key]
        for table in tables:
            name = table["tableReference"]["tableId"]
            del self._catalog.tables[dataset, name]
            self._policies.forget(access.resource_of(self._catalog.estate.project, dataset, name))
        del self._catalog.datasets[dataset]
        self._warehouse.drop_dataset(dataset)


def _listed(dataset: Json) -> Json:
    shown = ("kind", "id", "datasetReference", "labels", "friendlyName", "location", "type")
    return {name: dataset[name] for name in shown if name in dataset}


def _location(location: str) -> str:
    """Return a location as BigQuery spells it: regions in lower case, ``EU`` and ``US`` in upper case."""
    if not _LOCATION.fullmatch(location):
        raise invalid(f"Invalid storage region: {location}")
    return location.lower() if "-" in location else location.upper()
