"""The views of the dataset. One script makes those that are missing, and replaces those of another version.

A label has the digest of the SQL that made a view. So one list tells which views differ, and a view that a person has
changed stays until a new version of it comes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from deploy.bigquery.blueprint import VIEWS
from deploy.bigquery.view import View
from deploy.errors import DeployError
from deploy.resources.bigquery.dataset import Dataset, OfBigQuery, listed_in
from deploy.resources.resource import Facts, is_marked
from deploy.spec import DIGEST_LABEL
from deploy.steps import Change, Get, ResourceId, RestCall, Step, create, keep, update

WAIT_MS = 20_000
"""How long Google waits for the end of the script before it answers that it still runs."""


@dataclass(frozen=True, slots=True)
class Views(OfBigQuery):
    """All views. Views of others with other names are left alone."""

    permissions: ClassVar[tuple[str, ...]] = (
        "bigquery.jobs.create",
        "bigquery.tables.create",
        "bigquery.tables.getData",
        "bigquery.tables.list",
        "bigquery.tables.update",
    )
    key: ClassVar[str] = "tables"

    @property
    def id(self) -> ResourceId:
        """The id of all views together."""
        return ResourceId("views of dataset", self.spec.bigquery.dataset or "")

    @property
    def parent(self) -> ResourceId:
        """The dataset."""
        return Dataset(self.spec).id

    @property
    def describe(self) -> Get:
        """The request that lists tables and views with their labels."""
        return listed_in(self.dataset_url, "tables")

    def details(self, found: Any) -> Any:
        """Read the dataset, because the script has to run where it is."""
        del found
        dataset = Dataset(self.spec)
        yield dataset.key, dataset.describe

    def not_ours(self, facts: Facts) -> DeployError | None:
        """Return an error with the command that adopts a view, if one of the same name has no label."""
        there = self._there(facts)
        for view in VIEWS:
            if view.name in there and not is_marked(self.spec, there[view.name]):
                error = self.foreign(there[view.name], f"{self.bq_name}.{view.name}")
                if error:
                    return DeployError(f"{view.name} {error.what}", where=self.title, fix=error.fix)
        return None

    def plan(self, facts: Facts) -> tuple[Step, ...]:
        """Return the step that makes or replaces the views that are missing or of another version.

        Raises:
            DeployError: a view or table of the same name is not ours.

        """
        if error := self.not_ours(facts):
            raise error
        there = self._there(facts)
        wanted = {view: view.digest(self.place, self.spec.all_labels) for view in VIEWS}
        before = {view: _digest(there.get(view.name)) for view in VIEWS}
        differ = [view for view in VIEWS if before[view] != wanted[view]]
        if not differ:
            return (keep(self.id, f"all {len(VIEWS)} are there"),)
        call = self._script([(view, wanted[view], there.get(view.name)) for view in differ], facts)
        if not any(before.values()):
            return (create(self.id, f"{len(differ)} are not there", call),)
        changes = tuple(Change(f"view {view.name}", before[view], wanted[view]) for view in differ)
        names = ", ".join(view.name for view in differ)
        return (update(self.id, changes, call, f"missing or of another version: {names}"),)

    def _there(self, facts: Facts) -> dict[str, Facts]:
        return {table["tableReference"]["tableId"]: table for table in self.found(facts) or []}

    def _script(self, differ: list[tuple[View, str, Facts | None]], facts: Facts) -> RestCall:
        """Return the call that runs the statements of these views, which keep the labels of others."""
        statements = (
            view.statement(self.place, {**self.labels_with(found or {}), DIGEST_LABEL: digest})
            for view, digest, found in differ
        )
        sql = ";\n".join(statements)
        location = self.location(facts)
        body = {"query": sql, "useLegacySql": False, "location": location, "timeoutMs": WAIT_MS}
        by_hand = self.bq("query", f"--location={location}", "--use_legacy_sql=false", sql)
        width = max(len(view.name) for view, _, _ in differ)
        makes = tuple(f"{view.name:<{width}}  {view.summary}" for view, _, _ in differ)
        return RestCall("POST", f"{self.project_url}/queries", body, by_hand, makes)


def _digest(found: Mapping[str, Any] | None) -> str | None:
    return ((found or {}).get("labels") or {}).get(DIGEST_LABEL)
