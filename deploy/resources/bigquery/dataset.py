"""The dataset of the events, and what all resources of BigQuery have in common."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from deploy.bigquery.place import Place
from deploy.bigquery.table import dataset_body
from deploy.errors import DeployError, Unusable
from deploy.program import PROGRAM
from deploy.resources.by_hand import as_suffix, on_dataset
from deploy.resources.resource import Facts, Resource, is_marked, label_changes
from deploy.steps import Argv, Get, ResourceId, RestCall, Step, create, keep, update

BIGQUERY = "bigquery.googleapis.com"
API = f"https://{BIGQUERY}/bigquery/v2"

ANOTHER = f"{PROGRAM} up --bigquery=ANOTHER_DATASET"
"""The command that stores the events elsewhere."""

MOST_LISTED = 1000
"""Tables and views in one answer, or routines, or models. Google may send fewer."""


@dataclass(frozen=True, slots=True)
class OfBigQuery(Resource):
    """A resource of BigQuery: the dataset, or something in it. The label of a deployment marks it."""

    services: ClassVar[tuple[str, ...]] = (BIGQUERY,)
    is_optional: ClassVar[bool] = True

    @property
    def place(self) -> Place:
        """The table and its dataset, where a new dataset would be."""
        settings = self.spec.bigquery
        return Place(self.spec.google_project, settings.dataset or "", settings.location or self.spec.region)

    @property
    def project_url(self) -> str:
        """The URL of all BigQuery resources of the project."""
        return f"{API}/projects/{self.spec.google_project}"

    @property
    def dataset_url(self) -> str:
        """The URL of the dataset."""
        return f"{self.project_url}/datasets/{self.place.dataset}"

    @property
    def bq_name(self) -> str:
        """The name of the dataset, as ``bq`` takes it."""
        return f"{self.spec.google_project}:{self.place.dataset}"

    def location(self, facts: Facts) -> str:
        """Return where the dataset is, by its description in the facts; or where a new one would be."""
        return str((facts.get(Dataset.key) or {}).get("location") or self.place.location)

    def bq(self, *words: str) -> Argv:
        """Return a command of ``bq`` in the project."""
        return ("bq", f"--project_id={self.spec.google_project}", *words)

    def foreign(self, found: Facts, name: str) -> DeployError | None:
        """Return an error with the command that adopts a resource, if it does not have the label; else None."""
        if is_marked(self.spec, found):
            return None
        what = (
            f"exists, but does not have the label {self.spec.mark}\n  add it by this command, or name another dataset"
        )
        return DeployError(what, where=self.title, fix=[" ".join(self._adoption(name)), ANOTHER])

    def _adoption(self, name: str) -> Argv:
        return ("bq", "update", f"--set_label={self.spec.mark.replace('=', ':')}", name)

    def label_flags(self, flag: str) -> list[str]:
        """Return the labels as flags of ``bq``."""
        return [f"--{flag}={key}:{value}" for key, value in sorted(self.spec.all_labels.items())]

    def labels_with(self, found: Facts) -> dict[str, str]:
        """Return the labels of a resource with ours; those of others stay."""
        return {**(found.get("labels") or {}), **self.spec.all_labels}


@dataclass(frozen=True, slots=True)
class Dataset(OfBigQuery):
    """The dataset. Its location is fixed when it is made."""

    permissions: ClassVar[tuple[str, ...]] = (
        "bigquery.datasets.create",
        "bigquery.datasets.get",
        "bigquery.datasets.update",
    )
    key: ClassVar[str] = "dataset"

    @property
    def id(self) -> ResourceId:
        """The id of the dataset."""
        return ResourceId("dataset", self.spec.bigquery.dataset or "")

    @property
    def describe(self) -> Get:
        """The request that reads it."""
        return Get(self.dataset_url)

    def not_ours(self, facts: Facts) -> DeployError | None:
        """Return an error with the command that adopts the dataset, if it exists without the label."""
        found = self.found(facts)
        return None if found is None else self.foreign(found, self.bq_name)

    def plan(self, facts: Facts) -> tuple[Step, ...]:
        """Return the step that makes the dataset, or that updates its labels.

        Raises:
            DeployError: it is not ours.
            Unusable: it is elsewhere than the settings say.

        """
        if error := self.not_ours(facts):
            raise error
        found = self.found(facts)
        if found is None:
            body = dataset_body(self.place, self.spec.all_labels)
            return (create(self.id, "not there", self._creation(body)),)
        self._must_be_in_place(found)
        if not (changes := label_changes(self.spec.all_labels, found.get("labels"))):
            return (keep(self.id, f"in {found.get('location')}{as_suffix(on_dataset(found))}"),)
        by_hand = self.bq("update", *self.label_flags("set_label"), self.bq_name)
        return (update(self.id, changes, self._patch({"labels": self.labels_with(found)}, by_hand)),)

    def _creation(self, body: Mapping[str, Any]) -> RestCall:
        flags = [f"--location={self.place.location}", f"--description={body['description']}"]
        by_hand = self.bq("mk", "--dataset", *flags, *self.label_flags("label"), self.bq_name)
        return RestCall("POST", f"{self.project_url}/datasets", body, by_hand)

    def _patch(self, body: Mapping[str, Any], by_hand: Argv) -> RestCall:
        return RestCall("PATCH", self.dataset_url, body, by_hand)

    def _must_be_in_place(self, found: Facts) -> None:
        wanted, actual = self.spec.bigquery.location, str(found.get("location", ""))
        if wanted and wanted.lower() != actual.lower():
            what = f"is in {actual} and not in {wanted}, and a dataset cannot be moved"
            fix = [
                f"{PROGRAM} up --bigquery-location={actual}",
                f"{ANOTHER} --bigquery-location={wanted}",
                f"if deploy.toml or DEPLOY_BIGQUERY_LOCATION says {wanted}, change it there to {actual}",
            ]
            raise Unusable(what, where=self.title, fix=fix)


def listed_in(dataset_url: str, what: str) -> Get:
    """Return the request that lists what is in a dataset. ``what``: ``tables`` (and views), ``routines`` or ``models``.

    https://cloud.google.com/bigquery/docs/reference/rest/v2/routines/list, and the same of tables and models
    """
    return Get(f"{dataset_url}/{what}?maxResults={MOST_LISTED}", what)
