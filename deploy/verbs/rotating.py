"""Builds the rotation of the secret from a context: ``rotate`` begins it, and ``up`` ends one that is due."""

from collections.abc import Callable

from deploy.context import Context
from deploy.errors import GcloudFailed
from deploy.function_client import FunctionClient
from deploy.google.function_log import FunctionLog
from deploy.google.secret_annotations import SecretAnnotations
from deploy.proof.new_secret import signed_event
from deploy.proof.verifier import Verifier
from deploy.resources.connector import Connector
from deploy.resources.rotation import ROTATE
from deploy.secret import Secret
from deploy.stages.connector_secrets import ConnectorSecrets
from deploy.stages.convergence import Convergence
from deploy.stages.observed import Observed
from deploy.stages.rotation import Rotator
from deploy.verbs.proving import verifier_of


def rotator_of(context: Context, observed: Observed) -> Rotator:
    """Return the rotator of the secret of the observed deployment."""
    url, notice = observed.url(context.spec), context.terminal.info
    function = FunctionClient(url, context.post, context.now)
    return Rotator(
        context.spec,
        context.secret_versions,
        SecretAnnotations(context.spec, context.google, context.sleep),
        ConnectorSecrets(context.spec, context.connectors, url, tuple(observed.connectors), context.sleep),
        Convergence(function, ROTATE, notice, context.sleep, context.now),
        _proof(context, verifier_of(context, observed)),
        lambda: _old_is_used(context),
        context.print,
        notice,
        context.terminal.progress,
        context.sleep,
        context.now,
    )


def _proof(context: Context, verifier: Verifier) -> Callable[[str, Connector, Secret], None]:
    def prove(project: str, connector: Connector, secret: Secret) -> None:
        with context.terminal.progress(f"an event of DT project {project}"):
            proof = signed_event(verifier, project, connector, secret)
        context.report.verified = [*(context.report.verified or ()), proof]
        context.print(proof.sentence())

    return prove


def _old_is_used(context: Context) -> str:
    """Return what an old secret has signed within the last hour, in words; "" if nothing, or if that is not known."""
    try:
        line = FunctionLog(context.spec, context.google, context.sleep, context.now).newest_by_old_secret()
    except GcloudFailed as error:
        context.terminal.info(
            f"note: the function's log could not be read ({error.code}); the old secret may still be in use"
        )
        return ""
    if line is None:
        return ""
    what = f"event {line.get('eventId', '')} of device {line.get('deviceId', '')}"
    return f"the function's log of the last hour has {what}, which it has signed"
