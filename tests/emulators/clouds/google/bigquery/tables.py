"""BigQuery's tables and views: https://cloud.google.com/bigquery/docs/reference/rest/v2/tables."""

import re

from tests.emulators.clouds.exchange import Answer, Json, Request
from tests.emulators.clouds.google.bigquery import schemas
from tests.emulators.clouds.google.bigquery.access import resource_of
from tests.emulators.clouds.google.bigquery.catalog import Catalog, check_etag, check_reference, page_of, patched
from tests.emulators.clouds.google.bigquery.labels import check_labels
from tests.emulators.clouds.google.bigquery.problems import exists, invalid
from tests.emulators.clouds.google.bigquery.warehouse import Warehouse
from tests.emulators.clouds.google.policies import Policies

NAME = re.compile(r"[\w \-]{1,1024}")
_FIXED = ("kind", "etag", "id", "selfLink", "tableReference", "creationTime", "lastModifiedTime", "location", "type")
_NOT_PLAYED = (
    "externalDataConfiguration",
    "materializedView",
    "rangePartitioning",
    "snapshotDefinition",
    "cloneDefinition",
)


class Tables:
    """The tables and views of the project. The schema of a view comes from its query."""

    def __init__(self, catalog: Catalog, warehouse: Warehouse, policies: Policies) -> None:
        self._catalog = catalog
        self._warehouse = warehouse
        self._policies = policies

    def insert(self, request: Request, project: str, dataset: str) -> Json:
        """Create a table or a view."""
        body = request.json()
        reference = body.get("tableReference") or {}
        check_reference(reference, ("projectId", project), ("datasetId", dataset))
        if body.get("view") and body.get("schema"):
            raise invalid("Schema field shouldn't be used as input with a view")
        return self.create(dataset, reference.get("tableId", ""), body)

    def create(self, dataset: str, table: str, body: Json) -> Json:
        """Create a table or a view with the settings of a body."""
        owner = self._catalog.dataset(dataset)
        if not NAME.fullmatch(table):
            raise invalid(f'Invalid table ID "{table}".')
        if (dataset, table) in self._catalog.tables:
            raise exists(f"Table {self._name(dataset, table)}")
        settings = self._checked(dataset, {name: value for name, value in body.items() if value is not None})
        project = self._catalog.estate.project
        reference = {"projectId": project, "datasetId": dataset, "tableId": table}
        settings |= {"tableReference": reference, "location": owner["location"]}
        made = self._catalog.new("table", f"{project}/datasets/{dataset}/tables/{table}", settings)
        if made["type"] == "VIEW":
            self._warehouse.make_view(dataset, table, made["view"]["query"])
        else:
            self._warehouse.make_table(dataset, table, made.get("schema", {}).get("fields", []))
        self._catalog.tables[dataset, table] = made
        return made

    def replace(self, before: Json, body: Json) -> Json:
        """Replace a table or view by a new one, as CREATE OR REPLACE does. A table loses its rows."""
        reference = before["tableReference"]
        dataset, table = reference["datasetId"], reference["tableId"]
        settings = self._checked(dataset, body)
        if _partitioning(settings) != _partitioning(before):
            raise invalid(
                "Cannot replace a table with a different partitioning spec. Instead, DROP the table, and then recreate "
                "it."
            )
        kept = {name: before[name] for name in (*_FIXED, "schema") if name in before}
        if before["type"] == "VIEW":
            self._warehouse.make_view(dataset, table, settings["view"]["query"])
        else:
            self._warehouse.drop(dataset, table, is_view=False)
            self._warehouse.make_table(dataset, table, settings["schema"]["fields"])
        self._catalog.tables[dataset, table] = self._catalog.touched({**kept, **settings})
        return self._catalog.tables[dataset, table]

    def _checked(self, dataset: str, settings: Json) -> Json:
        """Return the settings of a table or view, checked and completed."""
        for name in _NOT_PLAYED:
            if settings.get(name):
                raise invalid(f"{name} is not played here.")
        check_labels(settings.get("labels", {}))
        if settings.get("view"):
            return self._checked_view(dataset, settings)
        fields = schemas.checked_fields(settings.get("schema", {}).get("fields", []))
        if settings.get("timePartitioning"):
            schemas.check_partitioning(settings["timePartitioning"], fields)
        if settings.get("clustering"):
            schemas.check_clustering(settings["clustering"], fields)
        return {**settings, **({"schema": {"fields": fields}} if fields else {}), "type": "TABLE"}

    def _checked_view(self, dataset: str, settings: Json) -> Json:
        view = settings["view"]
        if view.get("useLegacySql", True):
            raise invalid("Legacy SQL is not played here: set useLegacySql to false.")
        if settings.get("timePartitioning") or settings.get("clustering"):
            raise invalid("Views cannot be partitioned or clustered.")
        found = self._warehouse.fields_of(view.get("query", ""), self._catalog, dataset)
        described = schemas.described(found, settings.get("schema", {}).get("fields", []))
        return {**settings, "schema": {"fields": described}, "type": "VIEW"}

    def get(self, request: Request, project: str, dataset: str, table: str) -> Json:
        """Return a table or a view, with the number of its rows."""
        del request, project
        found = self._catalog.table(dataset, table)
        if found["type"] == "VIEW":
            return found
        rows, size = self._warehouse.size(dataset, table)
        counts = {"numRows": rows, "numBytes": size, "numLongTermBytes": 0, "numTotalLogicalBytes": size}
        return {**found, **{name: str(number) for name, number in counts.items()}}

    def list(self, request: Request, project: str, dataset: str) -> Json:
        """Return one page of the tables and views of a dataset."""
        del project
        self._catalog.dataset(dataset)
        items = [_listed(table) for table in self._catalog.tables_of(dataset)]
        shown, more = page_of(items, request)
        listed = {"tables": shown} if shown else {}
        return {"kind": "bigquery#tableList", "etag": "list", **listed, "totalItems": len(items), **more}

    def patch(self, request: Request, project: str, dataset: str, table: str) -> Json:
        """Change the members of a table or view that the body has."""
        del project
        before, patch = self._catalog.table(dataset, table), request.json()
        if before["type"] == "TABLE" and patch.get("schema", {}) is None:  # bq sends it with every change
            patch = {name: value for name, value in patch.items() if name != "schema"}
        return self._change(request, before, patched(before, patch))

    def update(self, request: Request, project: str, dataset: str, table: str) -> Json:
        """Replace a table or view."""
        del project
        before, body = self._catalog.table(dataset, table), request.json()
        kept = {name: before[name] for name in (*_FIXED, "schema") if name in before}
        return self._change(request, before, {**kept, **{name: body[name] for name in body if body[name] is not None}})

    def _change(self, request: Request, before: Json, after: Json) -> Json:
        check_etag(request, before)
        return self.change(before, after)

    def change(self, before: Json, after: Json) -> Json:
        """Replace a table or view by a version with other settings."""
        reference = before["tableReference"]
        dataset, table = reference["datasetId"], reference["tableId"]
        fixed = {name: before[name] for name in _FIXED if name in before}
        settings = {**self._checked(dataset, after), **fixed}
        self._check_change(before, settings)
        if settings["type"] == "VIEW":
            self._warehouse.make_view(dataset, table, settings["view"]["query"])
        else:
            old = {field["name"] for field in before.get("schema", {}).get("fields", [])}
            fields = settings.get("schema", {}).get("fields", [])
            self._warehouse.add_columns(dataset, table, [field for field in fields if field["name"] not in old])
        self._catalog.tables[dataset, table] = self._catalog.touched(settings)
        return self._catalog.tables[dataset, table]

    def _check_change(self, before: Json, after: Json) -> None:
        """Refuse to change what cannot be changed."""
        reference = before["tableReference"]
        name = self._name(reference["datasetId"], reference["tableId"])
        if bool(before.get("view")) != bool(after.get("view")):
            raise invalid(f"Cannot change the type of {name}.")
        if before["type"] == "TABLE":
            old, new = (table.get("schema", {}).get("fields", []) for table in (before, after))
            schemas.check_change(name, old, new)
            if _partitioning(before) != _partitioning(after):
                raise invalid(
                    "Cannot change partitioning spec for a partitioned table."
                    if before.get("timePartitioning")
                    else "Cannot convert non partitioned/clustered table to partitioned/clustered table."
                )

    def delete(self, request: Request, project: str, dataset: str, table: str) -> Answer:
        """Delete a table or view with its rows."""
        del project
        check_etag(request, self._catalog.table(dataset, table))
        self.remove(dataset, table)
        return Answer(204)

    def remove(self, dataset: str, table: str) -> None:
        """Delete a table or view."""
        found = self._catalog.table(dataset, table)
        del self._catalog.tables[dataset, table]
        self._policies.forget(resource_of(self._catalog.estate.project, dataset, table))
        self._warehouse.drop(dataset, table, is_view=found["type"] == "VIEW")

    def policy(self, request: Request, project: str, dataset: str, table: str) -> Json:
        """Return the IAM policy of a table."""
        del request
        self._catalog.table(dataset, table)
        return self._policies.get(resource_of(project, dataset, table))

    def set_policy(self, request: Request, project: str, dataset: str, table: str) -> Json:
        """Replace the IAM policy of a table."""
        self._catalog.table(dataset, table)
        return self._policies.replace(resource_of(project, dataset, table), request.json())

    def test_policy(self, request: Request, project: str, dataset: str, table: str) -> Json:
        """Return the permissions that the caller has on a table."""
        del project
        self._catalog.table(dataset, table)
        return self._policies.test(request)

    def _name(self, dataset: str, table: str) -> str:
        return f"{self._catalog.estate.project}:{dataset}.{table}"


def _partitioning(table: Json) -> Json:
    """Return what cannot be changed of a partitioning: its unit and its column."""
    found = table.get("timePartitioning") or {}
    return {name: found[name] for name in ("type", "field") if name in found}


def _listed(table: Json) -> Json:
    shown = (
        "kind",
        "id",
        "tableReference",
        "type",
        "friendlyName",
        "labels",
        "creationTime",
        "expirationTime",
        "timePartitioning",
        "clustering",
    )
    view = {"view": {"useLegacySql": False}} if table.get("view") else {}
    return {**{name: table[name] for name in shown if name in table}, **view}
