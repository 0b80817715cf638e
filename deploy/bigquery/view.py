"""A view: a query, and a description of each of its columns."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from deploy.bigquery.literals import pairs, text
from deploy.bigquery.place import Place
from deploy.bigquery.table import Column

EVENTS = "events"
"""The word for the table in the query of a view, whatever the table's name is."""

DIGEST_LENGTH = 16
"""Characters of a digest; the value of a label may have 63."""

_RELATION = re.compile(r"@(\w+)")


@dataclass(frozen=True, slots=True)
class View:
    """A view. Its ``query`` names the table and other views with an ``@`` in front, such as ``@events_once``."""

    name: str
    description: str
    columns: tuple[Column, ...]
    query: str

    @property
    def reads(self) -> frozenset[str]:
        """The table and the views that the query names."""
        return frozenset(_RELATION.findall(self.query))

    @property
    def summary(self) -> str:
        """The first sentence of the description."""
        return self.description.partition(". ")[0].rstrip(".")

    def select(self, place: Place) -> str:
        """Return the query with the full names of the dataset."""
        return _RELATION.sub(lambda found: place.quoted(place.table if found[1] == EVENTS else found[1]), self.query)

    def statement(self, place: Place, labels: Mapping[str, str]) -> str:
        """Return the SQL that makes or replaces the view, with its descriptions and these labels.

        BigQuery keeps the columns that a view had when it was made, so that each new version has to make it again.
        """
        columns = ",\n".join(
            f"  {column.name} OPTIONS(description={text(column.description)})" for column in self.columns
        )
        head = f"CREATE OR REPLACE VIEW {place.quoted(self.name)} (\n{columns}\n)"
        options = f"OPTIONS(description={text(self.description)}, labels={pairs(labels)})"
        return f"{head}\n{options}\nAS\n{self.select(place)}"

    def digest(self, place: Place, labels: Mapping[str, str]) -> str:
        """Return a digest of that SQL, as the value of a label. Two views of the same digest do not differ."""
        return hashlib.sha256(self.statement(place, labels).encode()).hexdigest()[:DIGEST_LENGTH]


def timestamp(found: str) -> str:
    """Return the SQL that reads a JSON text as a time, or as NULL.

    BigQuery's casts fail on more than 6 digits of a second, which old events have:
    https://cloud.google.com/bigquery/docs/reference/standard-sql/conversion_functions
    """
    return rf"SAFE_CAST(REGEXP_REPLACE({found}, r'(\.\d{{6}})\d+', r'\1') AS TIMESTAMP)"


def value(path: str, kind: str = "STRING", source: str = "data") -> str:
    """Return the SQL that reads a member of a JSON column, or NULL if it is missing or of another kind."""
    found = f"JSON_VALUE({source}, '$.{path}')"
    if kind == "TIMESTAMP":
        return timestamp(found)
    return found if kind == "STRING" else f"SAFE_CAST({found} AS {kind})"
