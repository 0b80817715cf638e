"""Where the rows go: a dataset and its table, in a Google project and a location."""

import re
from dataclasses import dataclass

PROJECT = re.compile(r"(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]")
"""The id of a Google project; old ones have a domain in front."""
NAME = re.compile(r"[A-Za-z0-9_]{1,1024}")
"""The id of a dataset: https://cloud.google.com/bigquery/docs/datasets#dataset-naming. A table's may have more
characters, but these need no quotes in any tool."""
LOCATION = re.compile(r"[A-Za-z0-9-]+")


TABLE = "events"
"""The id of the table of the events."""


@dataclass(frozen=True, slots=True)
class Place:
    """A table ``project.dataset.table``; the views are in the same dataset.

    ``location``: a region such as ``europe-west1``, or ``EU`` or ``US``; it cannot be changed later.

    Raises:
        ValueError: a name that BigQuery does not accept.

    """

    project: str
    dataset: str
    location: str
    table: str = TABLE

    def __post_init__(self) -> None:
        """Check the names, because they become part of SQL."""
        parts = {"project": PROJECT, "dataset": NAME, "table": NAME, "location": LOCATION}
        for part, form in parts.items():
            if not form.fullmatch(getattr(self, part)):
                raise ValueError(f"{getattr(self, part)!r} cannot be the {part} of a BigQuery table")

    @property
    def full_table(self) -> str:
        """The table as Pub/Sub's API takes it: ``project.dataset.table``."""
        return f"{self.project}.{self.dataset}.{self.table}"

    def quoted(self, name: str) -> str:
        """Return the full name of a table or view of the dataset, as SQL takes it."""
        return f"`{self.project}.{self.dataset}.{name}`"
