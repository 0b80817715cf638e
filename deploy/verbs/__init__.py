"""One file for each verb: its usage, and ``run``, which carries it out and returns the exit code.

=================  ========================================================  =================
``init``           ask for the settings, check them, and write deploy.toml   deploy.toml
``plan``           show what up would do                                     nothing by itself
``up``             plan, confirm, apply, verify                              nothing by itself
``verify``         prove the path from DT to Pub/Sub                         nothing by itself
``status``         show the resources and their health                       nothing by itself
``list``           show the deployments of a Google project                  nothing by itself
``follow``         show events as they come                                  Pub/Sub, a file
``pause``          let DT send no events                                     nothing by itself
``resume``         let DT send events again                                  nothing by itself
``rotate``         replace the secret on both ends without losing an event   nothing by itself
``audit``          prove that every event of DT's has arrived                Pub/Sub, a file
``replay``         send rejected events to the function again               nothing by itself
``backfill``       send the events of a time window again                    a file
``down``           remove both ends                                          nothing by itself
``planning``       observe, preflight, plan: the first half of plan and up   nothing by itself
``applying``       confirm, apply, plan again until nothing is left          nothing by itself
``pricing``        the profile of a deployment, and what a month costs       nothing by itself
``proving``        the proof, at the end of up and in verify                 nothing by itself
``orientation``    the next steps, at the end of up and in status --links    nothing by itself
``first_contact``  the report of verify --report                             nothing by itself
``upgrading``      what changes from the deployed version to this one        nothing by itself
``rolling_back``   up --rollback: an earlier revision answers                nothing by itself
``rotating``       the rotation that rotate and up carry out                 nothing by itself
``backfilling``    the flags of backfill, its resume file, how to go on      a file
``pausing``        what pause and resume share                               nothing by itself
``unread``         counts the messages that go with deleted subscriptions    nothing by itself
``interview``      the questions of init, one setting after the other        nothing by itself
``discovery``      what both clouds have, for the choices of init            nothing by itself
``event_flags``    the flags by which several verbs choose events            nothing by itself
``republishing``   the rate of replay and backfill, and their sender         nothing by itself
``arrivals``       where audit and backfill read what arrived                nothing by itself
``exit_codes``     the exit codes of all verbs                               nothing
=================  ========================================================  =================
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from deploy.cli.usage import Usage
from deploy.context import Context
from deploy.verbs import audit, backfill, down, follow, init, pause, plan, replay, resume, rotate, status, up, verify
from deploy.verbs import list as list_verb


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb: its usage, and the function that runs it and returns the exit code."""

    usage: Usage
    run: Callable[[Context], int]


VERBS: Mapping[str, Verb] = {
    "init": Verb(init.USAGE, init.run),
    "plan": Verb(plan.USAGE, plan.run),
    "up": Verb(up.USAGE, up.run),
    "verify": Verb(verify.USAGE, verify.run),
    "status": Verb(status.USAGE, status.run),
    "list": Verb(list_verb.USAGE, list_verb.run),
    "follow": Verb(follow.USAGE, follow.run),
    "pause": Verb(pause.USAGE, pause.run),
    "resume": Verb(resume.USAGE, resume.run),
    "rotate": Verb(rotate.USAGE, rotate.run),
    "audit": Verb(audit.USAGE, audit.run),
    "replay": Verb(replay.USAGE, replay.run),
    "backfill": Verb(backfill.USAGE, backfill.run),
    "down": Verb(down.USAGE, down.run),
}
"""All verbs. There is no default: the parser refuses any other name."""

USAGES: Mapping[str, Usage] = {name: verb.usage for name, verb in VERBS.items()}
"""The usage of every verb, for the parser."""
