"""``rotate``: replace the signature secret on both ends, without refusing an event that a valid secret has signed."""

from dataclasses import replace

from deploy.cli.options import WHICH_DEPLOYMENT
from deploy.cli.usage import YES, Flag, Usage
from deploy.context import Context
from deploy.errors import DeployError
from deploy.google.secret_annotations import SecretAnnotations
from deploy.program import UP
from deploy.resources.function import Function, mounted_secrets
from deploy.resources.pausing import RETRY_HOURS
from deploy.resources.rotation import GRACE_S, MIN_GRACE_S, ROTATE, Rotation, rotation_in
from deploy.resources.signature_secret import SignatureSecret
from deploy.spec import SECRET_FOLDER
from deploy.stages.observe import Observer
from deploy.stages.observed import Observed
from deploy.times import seconds
from deploy.verbs.applying import confirm
from deploy.verbs.exit_codes import FAILED, NOTHING_TO_DO
from deploy.verbs.planning import observe
from deploy.verbs.proving import verifier_of
from deploy.verbs.rotating import rotator_of

GRACE = Flag(
    "--grace",
    {
        "metavar": "TIME",
        "default": None,
        "help": f"how long the old secret is accepted (default: {GRACE_S // 3600}h; at least {MIN_GRACE_S // 3600}h)",
    },
)
EMERGENCY = Flag(
    "--emergency",
    {
        "action": "store_true",
        "help": "the old secret is known to others: refuse it as soon as every connector has the new one",
    },
)
STATUS = Flag("--status", {"action": "store_true", "help": "show the phase of the rotation, and change nothing"})

USAGE = Usage(
    "replace the secret on both ends, without losing an event",
    {
        NOTHING_TO_DO: "done, or DT signs with the new secret and the old one is kept for a while",
        FAILED: "error, or unfinished",
    },
    options=WHICH_DEPLOYMENT,
    flags=(GRACE, EMERGENCY, STATUS, YES),
    is_resumable=True,
)


def run(context: Context) -> int:
    """Begin a rotation, or go on with the one that has begun.

    Raises:
        DeployError: a phase failed. What was done stays, and ``rotate`` goes on.

    """
    grace_s = _grace(context)
    if context.flags.status:
        return _show_status(context)
    observed = observe(context, Observer.for_proof, "reading the secret and the connectors")
    before = _rotation(context, observed)
    if before and before.phase in {"keeping", "clearing"} and grace_s is not None:
        before = replace(before, grace=grace_s)
    if before and grace_s is None and before.waits(context.now()):
        _report(context, before)
        return NOTHING_TO_DO
    if before is None or before.phase in {"adding", "spreading", "switching", "done"}:
        _check(context, observed)
    for project, answer in observed.closed.items():
        context.terminal.info(
            f"note: DT does not show project {project} ({answer}): a connector in it keeps the old secret, "
            "and then only --emergency removes that"
        )
    confirm(context, _question(context, before, is_emergency=grace_s == 0))
    _report(context, rotator_of(context, observed).rotate(grace_s))
    return NOTHING_TO_DO


def _grace(context: Context) -> int | None:
    """Return the grace period in seconds, 0 in an emergency, or None if none was given."""
    text, is_emergency = context.flags.grace, context.flags.emergency
    if text is None:
        return 0 if is_emergency else None
    try:
        grace_s = seconds(text)
    except ValueError as error:
        raise DeployError(f"--grace: {error}", fix=[f"{ROTATE} --grace={GRACE_S // 3600}h"]) from None
    if grace_s < MIN_GRACE_S and not is_emergency:
        least = MIN_GRACE_S // 3600
        what = (
            f"--grace: {text} is too short: DT repeats an event for up to {RETRY_HOURS} h, with a signature of an hour"
        )
        raise DeployError(what, fix=[f"{ROTATE} --grace={least}h", f"{ROTATE} --emergency --grace={text}"])
    return grace_s


def _rotation(context: Context, observed: Observed) -> Rotation | None:
    secret = SignatureSecret(context.spec)
    return rotation_in((secret.found(observed.of(secret)) or {}).get("annotations"))


def _check(context: Context, observed: Observed) -> None:
    """Check that the deployment is whole: a function that reads the newest version, and connectors that deliver.

    Raises:
        DeployError: something has to be fixed first.

    """
    spec = context.spec
    function = Function(spec)
    if not observed.url(spec) or not observed.secrets:
        raise DeployError("there is nothing to rotate yet", where=spec.name, fix=[UP])
    mounted = mounted_secrets((function.found(observed.of(function)) or {}).get("serviceConfig", {}))
    if f"{SECRET_FOLDER}/{spec.secret}={spec.secret}:latest" not in mounted:
        what = "does not read the newest version of the secret, so that it would not notice a new one"
        raise DeployError(what, where=function.title, fix=[UP])
    verifier = verifier_of(context, observed)
    for project in spec.dt_projects:
        verifier.must_deliver(project, observed.connectors[project], or_paused=True)


def _question(context: Context, before: Rotation | None, *, is_emergency: bool) -> str:
    spec = context.spec
    if before and before.is_due(context.now()):
        return f"{before.sentence(context.now())}\nremove the old secret for good?"
    if is_emergency:
        context.print(
            "the old secret is refused as soon as every connector has the new one: an event that DT still repeats with "
            "the old signature may be lost"
        )
    if before and before.phase != "done":
        return f"{before.sentence(context.now())}\ngo on?"
    where = f"{spec.google_project} and of DT project {', '.join(spec.dt_projects)}"
    return f"replace the secret of {spec.name} in {where}? (it takes at least 3 min; no event is lost)"


def _show_status(context: Context) -> int:
    with context.terminal.progress("reading the secret"):
        read = SecretAnnotations(context.spec, context.google, context.sleep).read()
    _report(context, rotation_in(read.annotations))
    return NOTHING_TO_DO


def _report(context: Context, rotation: Rotation | None) -> None:
    if rotation is None:
        context.print(f"no rotation has begun; `{ROTATE}` begins one")
        return
    context.report.rotation = rotation.as_json(context.now())
    context.print(f"{rotation.phase}: {rotation.sentence(context.now())}")
