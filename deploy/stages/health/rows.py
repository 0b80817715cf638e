"""All rows of ``status``, in the order of the screen. Pure."""

from deploy.spec import Spec
from deploy.stages.health.bigquery_rows import bigquery_rows
from deploy.stages.health.connector_rows import connector_rows
from deploy.stages.health.cost_row import cost_row
from deploy.stages.health.event_rows import event_rows
from deploy.stages.health.message_rows import message_rows
from deploy.stages.health.readings import Readings
from deploy.stages.health.resource_rows import is_deployed, nothing_row, resource_rows
from deploy.stages.health.rotation_row import rotation_row
from deploy.stages.health.row import Row


def rows_of(spec: Spec, readings: Readings) -> list[Row]:
    """Return all rows; before anything is deployed, only one that says so."""
    if not is_deployed(readings):
        return [nothing_row(spec)]
    rotation = rotation_row(spec, readings)
    return [
        *resource_rows(spec, readings),
        *([rotation] if rotation else []),
        *connector_rows(spec, readings),
        *event_rows(spec, readings),
        *message_rows(spec, readings),
        *bigquery_rows(spec, readings),
        cost_row(spec, readings),
    ]
