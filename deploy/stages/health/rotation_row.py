"""The row of a rotation of the secret that is under way, or that has ended lately. Pure."""

from collections.abc import Mapping

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
    row = rotation.rotation_row(_annotations(spec, readings), readings.at)
    if row is None:
        return None
    state, detail = row
    if state == "ok":
        return Row(ROTATION, state, detail)
    return Row(ROTATION, state, detail, "unhealthy", rotation.ROTATE, "rotation")


def rotation_asked(spec: Spec, readings: Readings, since: float) -> bool:
    """Return whether a rotation may have sent the function requests since this time, each of which is answered 401."""
    noted = rotation.rotation_in(_annotations(spec, readings))
    return noted is not None and noted.may_have_asked(since)


def _annotations(spec: Spec, readings: Readings) -> Mapping[str, str] | None:
    secret = SignatureSecret(spec)
    return (secret.found(readings.observed.of(secret)) or {}).get("annotations")
