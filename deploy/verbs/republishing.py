"""What ``replay`` and ``backfill`` share: the rate, and the sender to the deployed function."""

from deploy.cli.usage import Flag
from deploy.context import Context
from deploy.function_client import FunctionClient, Origin
from deploy.repair.pace import Pace
from deploy.repair.republisher import Republisher
from deploy.secret import Secret

DEFAULT_RATE, MAX_RATE = 50, 1000
"""Events per second. Pub/Sub's subscribers get these events beside the live ones."""

RATE = Flag("--rate", {"metavar": "N", "help": f"at most N events per second (default: {DEFAULT_RATE})"})


def republisher_of(context: Context, url: str, secret: Secret, origin: Origin, rate: int) -> Republisher:
    """Return the sender to the function at this URL, at most ``rate`` events per second.

    Raises:
        DeployError: the function does not know the secret, or is older than the verb.

    """
    sender = Republisher(
        FunctionClient(url, context.post, context.now),
        secret,
        origin,
        Pace(rate, context.sleep, context.monotonic),
        sleep=context.sleep,
        monotonic=context.monotonic,
    )
    with context.terminal.progress(f"checking that the function knows {origin}s"):
        sender.check()
    return sender
