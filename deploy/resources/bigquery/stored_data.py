"""The data that were stored in BigQuery. A removal leaves them, unless it is told to delete the data of a dataset.

It finds the datasets by their label, also those that no setting names any more. It deletes a dataset only if all in it
is this deployment's; else only the table and the views that have the label. Routines and models are always of others,
because a deployment makes none.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from deploy.errors import DeployError
from deploy.program import PROGRAM
from deploy.resources.alerting import REFUSED
from deploy.resources.bigquery.dataset import OfBigQuery, listed_in
from deploy.resources.resource import Facts, Reads, is_marked
from deploy.spec import MARK
from deploy.steps import Call, Get, ResourceId, RestCall, Step, delete, keep

DELETE_DATA = f"{PROGRAM} down --delete-data"
"""The command that deletes the data, too."""

TABLE = "table"
KINDS = (TABLE, "routine", "model")
"""What a dataset is deleted with. Google's lists and references are named after these kinds; views are tables, too."""


@dataclass(frozen=True, slots=True)
class StoredData(OfBigQuery):
    """All datasets of a deployment with what is in them."""

    permissions: ClassVar[tuple[str, ...]] = (
        "bigquery.datasets.delete",
        "bigquery.datasets.get",
        "bigquery.models.list",
        "bigquery.routines.list",
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
        """List the tables, the routines and the models of each dataset."""
        for dataset in self._ours({self.key: found}):
            for kind in KINDS:
                yield _key(dataset, kind), listed_in(f"{self.project_url}/datasets/{dataset}", f"{kind}s")

    def removal_details(self, found: Any) -> Reads:
        """List the tables, the routines and the models of each dataset."""
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
        """Return the call of a deletion, planned again, because others may have put something into the dataset."""
        return next((planned.call for planned in self.removal(facts) if planned.id == step.id), None)

    def _removal_of(self, name: str, facts: Facts) -> tuple[Step, ...]:
        part = self.id.part_named(name)
        if name != self.spec.bigquery.removed_data:
            return (keep(part, f"keeps all data, which cost storage; to delete them, too: {DELETE_DATA}={name}"),)
        others = self._of_others(name, facts)
        if not others:
            by_hand = self.bq("rm", "-r", "-f", "-d", f"{self.spec.google_project}:{name}")
            url = f"{self.project_url}/datasets/{name}?deleteContents=true"
            return (delete(part, "with all data in it", RestCall("DELETE", url, by_hand=by_hand)),)
        tables = _listed(facts, name, TABLE)
        ours = (self._table_removal(name, _name(table, TABLE)) for table in tables if is_marked(self.spec, table))
        return (*ours, keep(part, f"stays, because others have put these into it: {', '.join(others)}"))

    def _of_others(self, dataset: str, facts: Facts) -> list[str]:
        """Return what others have put into a dataset, such as ``table notes``, sorted."""
        return sorted(
            f"{kind} {_name(item, kind)}"
            for kind in KINDS
            for item in _listed(facts, dataset, kind)
            if kind != TABLE or not is_marked(self.spec, item)
        )

    def _table_removal(self, dataset: str, table: str) -> Step:
        by_hand = self.bq("rm", "-f", "-t", f"{self.spec.google_project}:{dataset}.{table}")
        call = RestCall("DELETE", f"{self.project_url}/datasets/{dataset}/tables/{table}", by_hand=by_hand)
        return delete(self.id.part_named(f"{dataset}, table {table}"), f"marked {self.spec.mark}", call)

    def _ours(self, facts: Facts) -> list[str]:
        """Return the ids of the listed datasets that have the label, whatever the filter returned."""
        listed = facts.get(self.key) or []
        return sorted(dataset["datasetReference"]["datasetId"] for dataset in listed if is_marked(self.spec, dataset))


def _key(dataset: str, kind: str) -> str:
    """Return the key of a list in the facts, which no dataset's name equals."""
    return f"{dataset}/{kind}s"


def _listed(facts: Facts, dataset: str, kind: str) -> list[Facts]:
    return facts.get(_key(dataset, kind)) or []


def _name(item: Facts, kind: str) -> str:
    return str(item[f"{kind}Reference"][f"{kind}Id"])
