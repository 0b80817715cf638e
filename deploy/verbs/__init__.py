"""One file a verb: how it is used, and ``run``, which carries it out and returns the exit code.

===============  =============================================================  =====================
``plan``         show what up would do                                          nothing by itself
``up``           plan, confirm, apply, verify                                   nothing by itself
``verify``       prove the path                                                 nothing by itself
``status``       show what is there, and how it fares                           nothing by itself
``down``         remove what up made                                            nothing by itself
``planning``     observe, preflight, plan: how plan and up begin                nothing by itself
``applying``     confirm, apply, plan again until nothing is left               nothing by itself
``proving``      the proof of verify, which up ends with                        nothing by itself
``status_rows``  the rows that status shows                                     nothing
``exit_codes``   the exit codes of all verbs                                    nothing
===============  =============================================================  =====================
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
