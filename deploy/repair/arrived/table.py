"""What arrived, as a BigQuery table has it that a subscription of the main topic fills.

The columns that are read: ``event_id``, ``device_id``, ``project_id``, ``event_type`` (STRING), ``event_time`` and
``publish_time`` (TIMESTAMP). A row for every message: an event with two rows has arrived twice.
"""

import re
from collections.abc import Iterator, Sequence

from deploy.errors import DeployError, GcloudFailed
from deploy.google.bigquery import BigQuery, Row
from deploy.google.permissions import grant_role
from deploy.repair.arrived.arrivals import Arrival, Window
from deploy.times import utc

TABLE_NAME = r"(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]\.\w{1,1024}\.[\w$-]{1,1024}"
"""PROJECT.DATASET.TABLE. No quote and no blank is among its characters, so that it can be put into a query."""

QUERY = """
SELECT event_id, ANY_VALUE(project_id), ANY_VALUE(device_id), ANY_VALUE(event_type),
       CAST(UNIX_MICROS(MIN(event_time)) AS STRING), CAST(UNIX_MICROS(MIN(publish_time)) AS STRING),
       CAST(COUNT(*) AS STRING)
  FROM `{table}`
 WHERE event_time >= @window_start AND event_time < @window_end AND event_id IS NOT NULL
 GROUP BY event_id
"""

BATCH = 1000
"""Arrivals that are yielded together."""


class TableArrived:
    """The events of a window that a table has."""

    def __init__(self, bigquery: BigQuery, table: str, window: Window) -> None:
        if not re.fullmatch(TABLE_NAME, table, re.ASCII):
            raise ValueError(f"{table[:100]!r} is not PROJECT.DATASET.TABLE")
        self._bigquery = bigquery
        self._table = table
        self._window = window

    @property
    def name(self) -> str:
        """What it is, for a sentence."""
        return f"BigQuery table {self._table}"

    def read(self) -> Iterator[Sequence[Arrival]]:
        """Yield the events of the window, in batches.

        Raises:
            DeployError: the table could not be read.

        """
        bounds = {"window_start": self._window.start, "window_end": self._window.end}
        times = {name: utc(at, "microseconds") for name, at in bounds.items()}
        batch: list[Arrival] = []
        try:
            for row in self._bigquery.rows(QUERY.format(table=self._table), times):
                batch.append(self._arrival(row))
                if len(batch) == BATCH:
                    yield batch
                    batch = []
        except GcloudFailed as error:
            raise self._explained(error) from None
        yield batch

    def _arrival(self, row: Row) -> Arrival:
        try:
            event_id, project, device, event_type, at, published, copies = row
            times = [int(text) / 1e6 if text else None for text in (at, published)]
            texts = [text or "" for text in (project, device, event_type)]
            return Arrival(str(event_id), "", *texts, *times, copies=int(copies or 1))  # type: ignore[arg-type, misc]
        except ValueError:
            raise DeployError("its answer has an unexpected structure", where=self.name) from None

    def _explained(self, error: GcloudFailed) -> DeployError:
        project = self._table.rpartition(".")[0].rpartition(".")[0]
        roles = [grant_role(project, f"roles/bigquery.{role}") for role in ("jobUser", "dataViewer")]
        fix = {"PERMISSION_DENIED": roles, "NOT_FOUND": [f"bq ls {project}:"]}.get(error.code, error.fix)
        return DeployError(error.what, where=self.name, fix=fix)
