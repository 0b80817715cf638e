"""The data that were stored in BigQuery. A removal leaves them, unless it is told to delete the data of a dataset.

It finds the datasets by their label, also those that no setting names any more. It deletes a dataset only if all in it
is this deployment's; else only the table and the views that have the label.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from deploy.errors import DeployError
from deploy.program import PROGRAM
from deploy.resources.alerting import REFUSED
from deploy.resources.bigquery.dataset import OfBigQuery
from deploy.resources.bigquery.views import tables_in
from deploy.resources.resource import Facts, Reads, is_marked
from deploy.spec import MARK
from deploy.steps import Call, Get, ResourceId, RestCall, Step, delete, keep

DELETE_DATA = f"{PROGRAM} down --delete-data"
"""The command that deletes the data, too."""


@dataclass(frozen=True, slots=True)
class StoredData(OfBigQuery):
    """All datasets of a deployment with what is in them."""

    permissions: ClassVar[tuple[str, ...]] = (
        "bigquery.datasets.delete",
        "bigquery.datasets.get",
        "bigquery.tables.delete",
        "bigquery.tables.list",
    )
    key: ClassVar[str] = "datasets"

    @property
    def id(self) -> ResourceId:
        """The id of all datasets together."""
        return ResourceId("data in BigQuery", one="dataset")

    @property
    def describe(self) -> Get:
        """The request that lists the datasets with the label of this deployment."""
        return Get(f"{self.project_url}/datasets?filter=labels.{MARK}%3A{self.spec.name}", "datasets")

    def details(self, found: Any) -> Reads:
        """List the tables of each dataset."""
        for dataset in self._ours({self.key: found}):
            yield dataset, tables_in(f"{self.project_url}/datasets/{dataset}")

    def removal_details(self, found: Any) -> Reads:
        """List the tables of each dataset."""
        return self.details(found)

    def names(self, facts: Facts) -> list[str]:
        """Return the ids of the datasets."""
        return self._ours(facts)

    def one(self, name: str) -> Get:
        """Return the request that reads one dataset, whatever its labels are."""
        return Get(f"{self.project_url}/datasets/{name}")

    def without_label(self, name: str, found: Facts) -> DeployError:
        """Return the error that a dataset is not deleted, because it does not have the label of this deployment."""
        owner = (found.get("labels") or {}).get(MARK)
        adoption = [] if owner else [" ".join(self._adoption(f"{self.spec.google_project}:{name}"))]
        has = f"has the label {MARK}={owner}, not" if owner else "does not have the label"
        what = f"{has} {self.spec.mark}: its data would stay, and nothing was changed"
        return DeployError(what, where=f"dataset {name}", fix=[*adoption, f"{PROGRAM} down"])

    def removal(self, facts: Facts) -> tuple[Step, ...]:
        """Return the steps that delete the data of the dataset that is to go, and keep those of all others."""
        if why := facts.get(REFUSED):
            return (keep(self.id, f"cannot be listed ({why}): if there are data, they are left"),)
        return tuple(step for name in self._ours(facts) for step in self._removal_of(name, facts))

    def again(self, step: Step, facts: Facts) -> Call | None:
        """Return the call of a deletion, planned again, because others may have put a table into the dataset."""
        return next((planned.call for planned in self.removal(facts) if planned.id == step.id), None)

    def _removal_of(self, name: str, facts: Facts) -> tuple[Step, ...]:
        part = self.id.part_named(name)
        if name != self.spec.bigquery.removed_data:
            return (keep(part, f"keeps all data, which cost storage; to delete them, too: {DELETE_DATA}={name}"),)
        tables = facts.get(name) or []
        others = [table for table in tables if not is_marked(self.spec, table)]
        if not others:
            by_hand = self.bq("rm", "-r", "-f", "-d", f"{self.spec.google_project}:{name}")
            url = f"{self.project_url}/datasets/{name}?deleteContents=true"
            why = "with all data, and with all routines and models in it"
            return (delete(part, why, RestCall("DELETE", url, by_hand=by_hand)),)
        kept = ", ".join(sorted(_name(table) for table in others))
        ours = tuple(self._table_removal(name, _name(table)) for table in tables if is_marked(self.spec, table))
        return (*ours, keep(part, f"stays, because others have tables in it: {kept}"))

    def _table_removal(self, dataset: str, table: str) -> Step:
        by_hand = self.bq("rm", "-f", "-t", f"{self.spec.google_project}:{dataset}.{table}")
        call = RestCall("DELETE", f"{self.project_url}/datasets/{dataset}/tables/{table}", by_hand=by_hand)
        return delete(self.id.part_named(f"{dataset}, table {table}"), f"marked {self.spec.mark}", call)

    def _ours(self, facts: Facts) -> list[str]:
        """Return the ids of the listed datasets that have the label, whatever the filter returned."""
        listed = facts.get(self.key) or []
        return sorted(dataset["datasetReference"]["datasetId"] for dataset in listed if is_marked(self.spec, dataset))


def _name(table: Facts) -> str:
    return str(table["tableReference"]["tableId"])
