"""One file a verb: how it is used, and ``run``, which carries it out and returns the exit code.

===============  ===========================================================================
``plan``         show what up would do
``up``           plan, confirm, apply, verify
``verify``       prove the path
``status``       one screen: what is there, and how it fares; its rows are in ``status_rows``
``down``         remove what up made
``planning``     observe, preflight and plan: how plan and up begin
``applying``     confirm, apply, and plan again until nothing is left: how up and down change things
``proving``      the proof: how up ends, and what verify is
``exit_codes``   the exit codes of all verbs
===============  ===========================================================================
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from deploy.cli.usage import Usage
from deploy.context import Context
from deploy.verbs import down, plan, status, up, verify


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb: how it is used, and the function that runs it and returns the exit code."""

    usage: Usage
    run: Callable[[Context], int]


VERBS: Mapping[str, Verb] = {
    "plan": Verb(plan.USAGE, plan.run),
    "up": Verb(up.USAGE, up.run),
    "verify": Verb(verify.USAGE, verify.run),
    "status": Verb(status.USAGE, status.run),
    "down": Verb(down.USAGE, down.run),
}
"""All verbs, without a default: a name that is not here cannot be typed and runs nothing."""

USAGES: Mapping[str, Usage] = {name: verb.usage for name, verb in VERBS.items()}
"""What the parser needs of them."""
