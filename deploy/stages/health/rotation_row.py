"""The row of a rotation of the secret that is under way, or that has ended lately. Pure."""

from deploy.resources import rotation
from deploy.resources.signature_secret import SignatureSecret
from deploy.spec import Spec
from deploy.stages.health.readings import Readings
from deploy.stages.health.row import Row

ROTATION = "rotation of the secret"


def rotation_row(spec: Spec, readings: Readings) -> Row | None:
    """Return the phase of a rotation, and when the old secret may go; None if there is nothing to say about one.

    A rotation that was stopped is a problem: two secrets are accepted, and nothing ends that by itself.
    """
    secret = SignatureSecret(spec)
    found = secret.found(readings.observed.of(secret)) or {}
    row = rotation.rotation_row(found.get("annotations"), readings.at)
    if row is None:
        return None
    state, detail = row
    if state == "ok":
        return Row(ROTATION, state, detail)
    return Row(ROTATION, state, detail, "unhealthy", rotation.ROTATE, "rotation")
