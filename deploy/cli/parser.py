"""What can be typed: the verbs, their flags, and what ``--help`` says of them."""

import argparse
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import NoReturn

from deploy.cli.doorway import Parser
from deploy.cli.options import OPTIONS, Group
from deploy.errors import DeployError
from deploy.spec import DEFAULT_SENSORS
from deploy.verbs import Deployment
from function.version import VERSION


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb: what ``--help`` says of it, its exit statuses, and the function that runs it, which returns one."""

    what: str
    statuses: str
    run: Callable[[Deployment, argparse.Namespace], int]


VERBS: Mapping[str, Verb] = {
    "plan": Verb(
        "show what up would do, with every command; change nothing",
        "0: there is nothing to do   2: there are changes   1: error",
        lambda deployment, _: deployment.plan(),
    ),
    "up": Verb(
        "make both ends, and prove them with a real event",
        "0: done and proven, or nothing to do   1: error, or not all is done",
        lambda deployment, flags: deployment.up(verify=flags.verify),
    ),
    "verify": Verb(
        "prove the path with a real event",
        "0: proven   1: not proven, or error",
        lambda deployment, _: deployment.verify(),
    ),
    "status": Verb(
        "show on one screen what is there and how it fares",
        "0: healthy   3: something is not as it should be   1: it could not be read",
        lambda deployment, _: deployment.status(),
    ),
    "down": Verb(
        "remove what up made, on both ends",
        "0: nothing of it is left   1: error",
        lambda deployment, _: deployment.down(),
    ),
}
"""All that can be typed. The parser takes these names alone, so that every verb that it takes has a function."""

_GROUPS: dict[Group, str] = {
    "where": "where it is",
    "messages": "subscriptions",
    "function": "function",
    "connector": "Data Connector",
}
_EXAMPLES = """\
examples:
  python -m deploy plan --project=my-project --region=us-east1 --dt-project=ID
  with these three in deploy.toml or in the environment:
  python -m deploy up
  one setting changed, all others as they are:
  python -m deploy up --min-instances=1
  in a pipeline, where no question can be answered:
  python -m deploy up --yes --json
  python -m deploy down
"""
_ENVIRONMENT = """\
environment:
  DT_SERVICE_ACCOUNT_KEY_ID, DT_SERVICE_ACCOUNT_SECRET, DT_SERVICE_ACCOUNT_EMAIL
                  a service account of DT's with the role Project Developer;
                  asked for on a terminal
  CLOUDSDK_*      gcloud's own, as everywhere; its login is used
"""
_LEFT_ALONE = """\
A flag is stronger than its variable in [ ], a variable than deploy.toml.
A default holds when a thing is made; what is not mentioned later stays as it is
"""
_SIZES = f"The defaults are sized for up to {DEFAULT_SENSORS:,} sensors. For more: docs/scaling.md."


class _Parser(Parser):
    """Raises ``DeployError`` on usage errors, so that they are told like all others, in JSON too."""

    def error(self, message: str) -> NoReturn:
        raise DeployError(f"{message}{_suggestion(message)}", mend=[f"{self.prog} --help"])


class _Wide(argparse.RawDescriptionHelpFormatter):
    """One with room for the longest flag beside its help."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=29)


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line: ``--help`` ends the process, a usage error raises ``DeployError``."""
    made = _Parser(
        allow_abbrev=False,
        prog="python -m deploy",
        description="Both ends of DT sensors -> Google Pub/Sub: made, proven, shown and removed.",
        epilog=f"{_EXAMPLES}\n{_ENVIRONMENT}\nexit status:\n{_status_lines()}\n\nVERB --help shows a verb's flags.",
        formatter_class=_Wide,
        usage="python -m deploy VERB [flags]",
    )
    made.add_argument("--version", action="version", version=f"dt-pubsub {VERSION}", help="show the version and exit")
    verbs = made.add_subparsers(dest="verb", required=True, metavar="VERB", title="verbs")
    for name, verb in VERBS.items():
        flags = verbs.add_parser(
            name,
            allow_abbrev=False,
            help=verb.what,
            description=verb.what,
            epilog=f"{_LEFT_ALONE}\nexit status: {verb.statuses}",
            formatter_class=_Wide,
            usage=f"python -m deploy {name} [flags]",
        )
        _add_flags(flags, name)
    return made


def _suggestion(message: str) -> str:
    """Return the verb or flag that a mistyped one is close to, as a question."""
    known = [*VERBS, "--config", "--json", "--yes", "--no-verify", *(option.flag for option in OPTIONS)]
    typed = re.findall(r"unrecognized arguments: (--[\w-]+)|invalid choice: '([^']+)'", message)
    meant = [name for word in typed for name in get_close_matches("".join(word), known, 1)]
    return f"; did you mean {meant[0]}?" if meant else ""


def _add_flags(verb: argparse.ArgumentParser, name: str) -> None:
    verb.add_argument("--config", metavar="FILE", help="settings file (default: deploy.toml, if there is one here)")
    verb.add_argument("--json", action="store_true", help="results as JSON on standard output")
    verb.add_argument("--yes", action="store_true", help="agree beforehand to what up and down ask")
    if name == "up":
        verb.add_argument("--no-verify", dest="verify", action="store_false", help="do not prove it afterwards")
    for group, title in _GROUPS.items():
        flags = verb.add_argument_group(title, _SIZES if group == "function" else None)
        for option in OPTIONS:
            if option.group == group:
                action = "append" if option.many else "store"
                flags.add_argument(
                    option.flag, dest=option.place, action=action, metavar=option.metavar, help=option.help_text
                )


def _status_lines() -> str:
    return "\n".join(f"  {name:<7} {verb.statuses}" for name, verb in VERBS.items())
