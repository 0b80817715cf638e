"""The row of a rotation of the secret that is under way. Pure."""

from deploy.spec import Spec
from deploy.stages.health.readings import Readings
from deploy.stages.health.row import Row


def rotation_row(spec: Spec, readings: Readings) -> Row | None:
    """Return the phase of a rotation, and when the old secret may go; None if no rotation is under way."""
    del spec, readings
    return None
