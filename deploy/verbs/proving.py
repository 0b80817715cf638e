"""The proof: an unsigned request is refused, the secret is accepted, and an event of each DT project arrives."""

from deploy.context import Context
from deploy.errors import DeployError, NotProven
from deploy.function_client import FunctionClient
from deploy.program import PROGRAM, UP
from deploy.proof.fixtures import Fixtures
from deploy.proof.verifier import ARRIVAL_S, Verifier
from deploy.resources.function import Function
from deploy.resources.signature_secret import SignatureSecret, unusable
from deploy.secret import Secret
from deploy.stages.observed import Observed


def prove(context: Context, observed: Observed, *, or_paused: bool = False) -> None:
    """Prove the path of each DT project. ``or_paused``: of a paused connector, only the function is proven.

    Raises:
        NotProven: the path does not work.
        DeployError: there is nothing to verify yet, or a step of the proof itself failed.

    """
    secret = newest_secret(context, observed)
    verifier = verifier_of(context, observed)
    connectors = {
        project: verifier.must_deliver(project, observed.connectors[project], or_paused=or_paused)
        for project in context.spec.dt_projects
    }
    verifier.remove_leftovers()
    with context.terminal.progress("an unsigned request"):
        verifier.unsigned_is_refused()
    context.print("an unsigned request is refused: 401 unsigned")
    with context.terminal.progress("a request signed with the secret"):
        verifier.secret_is_accepted(secret)
    context.print("the function accepts the newest secret (the request for this check is not published)")
    proofs = context.report.verified = []
    for project, connector in connectors.items():
        with context.terminal.progress(f"an event of DT project {project} (within {ARRIVAL_S:.0f} s)"):
            proofs.append(verifier.event_arrives(project, connector, secret))
        context.print(proofs[-1].sentence())


def prove_after_up(context: Context, observed: Observed) -> None:
    """Prove the path; of a paused connector, only the function.

    An error also says that both ends stay as they are, and how to verify them again.

    Raises:
        NotProven: the proof failed.

    """
    try:
        prove(context, observed, or_paused=True)
    except DeployError as error:
        what = f"{error.what}\n  both ends are deployed and stay as they are; only the proof failed"
        again = f"{PROGRAM} verify"
        raise NotProven(what, where=error.where, fix=[*error.fix, again]) from error


def newest_secret(context: Context, observed: Observed) -> Secret:
    """Return the newest secret. Raises ``DeployError`` if the function cannot use it, or if there is no function."""
    secret = SignatureSecret(context.spec)
    if refusal := unusable(observed.of(secret)):
        raise DeployError(refusal, where=secret.title, fix=[UP])
    if not observed.url(context.spec) or not observed.secrets:
        raise DeployError("there is nothing to verify yet", fix=[UP])
    return observed.secrets[0]


def verifier_of(context: Context, observed: Observed) -> Verifier:
    """Return the verifier of the observed deployment."""
    spec, notice = context.spec, context.terminal.info
    deployed = observed.of(Function(spec)).get(Function.key) or {}
    variables = deployed.get("serviceConfig", {}).get("environmentVariables", {})
    return Verifier(
        spec,
        context.google,
        context.dt,
        FunctionClient(observed.url(spec), context.post, context.now),
        Fixtures(spec, context.google, context.devices, notice, context.now),
        both_signatures=bool(variables.get("DT_ORGANIZATION_ID")),
        notice=notice,
        sleep=context.sleep,
        now=context.now,
    )
