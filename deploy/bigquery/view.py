"""A view: a query, and a description of each of its columns."""

import json
import re
from dataclasses import dataclass

from deploy.bigquery.place import Place
from deploy.bigquery.table import Column

EVENTS = "events"
"""The word for the table in the query of a view, whatever the table's name is."""

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

    def select(self, place: Place) -> str:
        """Return the query with the full names of the dataset."""
        return _RELATION.sub(lambda found: place.quoted(place.table if found[1] == EVENTS else found[1]), self.query)

    def statement(self, place: Place) -> str:
        """Return the SQL that makes or replaces the view, with its descriptions.

        BigQuery keeps the columns that a view had when it was made, so that each new version has to make it again.
        """
        columns = ",\n".join(
            f"  {column.name} OPTIONS(description={_text(column.description)})" for column in self.columns
        )
        head = f"CREATE OR REPLACE VIEW {place.quoted(self.name)} (\n{columns}\n)"
        return f"{head}\nOPTIONS(description={_text(self.description)})\nAS\n{self.select(place)}"


def timestamp(text: str) -> str:
    """Return the SQL that reads a JSON text as a time, or as NULL.

    BigQuery's casts fail on more than 6 digits of a second, which old events have:
    https://cloud.google.com/bigquery/docs/reference/standard-sql/conversion_functions
    """
    return rf"SAFE_CAST(REGEXP_REPLACE({text}, r'(\.\d{{6}})\d+', r'\1') AS TIMESTAMP)"


def value(path: str, kind: str = "STRING", source: str = "data") -> str:
    """Return the SQL that reads a member of a JSON column, or NULL if it is missing or of another kind."""
    text = f"JSON_VALUE({source}, '$.{path}')"
    if kind == "TIMESTAMP":
        return timestamp(text)
    return text if kind == "STRING" else f"SAFE_CAST({text} AS {kind})"


def _text(words: str) -> str:
    """Return a text as a literal of GoogleSQL, which has JSON's escapes."""
    return json.dumps(words, ensure_ascii=False)
