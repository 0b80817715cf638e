"""Proves that DT signs with the new secret: an event that arrives, and the function's log line on it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from deploy.errors import GcloudFailed, NotProven
from deploy.google.function_log import FunctionLog
from deploy.proof.checks import Proof
from deploy.proof.verifier import Verifier
from deploy.resources.connector import Connector
from deploy.resources.rotation import ROTATE
from deploy.secret import Secret

PAUSES_S = (5.0, 15.0, 30.0)
"""Pauses between two events, because DT may sign with the old secret for a moment after the connector has changed."""


def signed_event(verifier: Verifier, project: str, connector: Connector, secret: Secret) -> Proof:
    """Let an emulated sensor's event go through a connector until the newest secret has signed it; return the proof.

    The log line of an event has the number of the secret that signed it: 0 is the newest. Without a line, what DT shows
    of the connector decides.

    Raises:
        NotProven: no event came, or another secret has signed all of them.

    """
    for pause_s in (*PAUSES_S, None):
        proof = verifier.event_arrives(project, connector, secret)
        if not proof.whole_path:  # signed here, with this very secret
            return proof
        line, why_unknown = _line_of(verifier, proof.event_id)
        if line is None:
            return replace(proof, doubt=proof.doubt or (why_unknown if connector.signs_with == "unknown" else ""))
        if line.get("secretIndex") == 0:
            return replace(proof, doubt="")
        if pause_s is not None:
            verifier.notice(f"event {proof.event_id} was not signed by the new secret yet; again in {pause_s:.0f} s")
            verifier.sleep(pause_s)
    what = f"connector {connector.id} has the new secret, but DT does not sign with it yet"
    raise NotProven(what, where=f"DT project {project}", fix=[ROTATE])


def _line_of(verifier: Verifier, event_id: str) -> tuple[Mapping[str, Any] | None, str]:
    """Return the function's log line on an event, and if there is none, why."""
    try:
        line = FunctionLog(verifier.spec, verifier.google, verifier.sleep, verifier.now).line_of(event_id)
    except GcloudFailed as error:
        return None, f"DT does not show the connector's secret, and the function's log could not be read ({error.code})"
    return line, "DT does not show the connector's secret, and the function's log has no line on the event"
