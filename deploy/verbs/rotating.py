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
from deploy.resources.function import QUIET_LEVELS, Function, log_level
from deploy.resources.rotation import ROTATE
from deploy.secret import Secret
from deploy.stages.connector_secrets import ConnectorSecrets
from deploy.stages.convergence import Convergence
from deploy.stages.observed import Observed
from deploy.stages.rotation import Rotator
from deploy.times import utc
from deploy.verbs.proving import verifier_of


def rotator_of(context: Context, observed: Observed) -> Rotator:
    """Return the rotator of the secret of the observed deployment."""
    url, notice = observed.url(context.spec), context.terminal.info
    function = FunctionClient(url, context.post, context.now)
    return Rotator(
        context.spec,
        context.secret_versions,
        SecretAnnotations(context.spec, context.google, context.sleep),
        ConnectorSecrets(
            context.spec, context.connectors, url, tuple(observed.connectors), context.sleep, observed.closed
        ),
        Convergence(function, ROTATE, notice, context.sleep, context.now),
        _proof(context, verifier_of(context, observed)),
        lambda since: _old_is_used(context, observed, since),
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


def _old_is_used(context: Context, observed: Observed, since: float) -> str:
    """Return in words why the log since a time does not prove that the old secret is unused; "" if it proves that."""
    function = Function(context.spec).found(observed.of(Function(context.spec))) or {}
    level = log_level(function)
    if level in QUIET_LEVELS:
        return f"with LOG_LEVEL={level}, the function does not log which secret has signed an event"
    try:
        line = FunctionLog(context.spec, context.google, context.sleep, context.now).newest_by_old_secret(since)
    except GcloudFailed as error:
        return f"the function's log, which shows what an old secret has signed, could not be read ({error.code})"
    if line is None:
        return ""
    what = f"event {line.get('eventId', '')} of device {line.get('deviceId', '')}"
    return f"the function's log since {utc(since)} has {what}, which it has signed"
