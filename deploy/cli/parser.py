"""What can be typed: the verbs, their flags, and what ``--help`` says of them."""

import argparse
from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import NoReturn

from deploy.cli.doorway import Parser
from deploy.cli.options import OPTIONS, Group
from deploy.cli.usage import Usage
from deploy.errors import DeployError
from deploy.spec import DEFAULT_SENSORS
from function.version import VERSION

Usages = Mapping[str, Usage]
"""The verbs by their names: all that can be typed."""

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
_PRECEDENCE = """\
A flag is stronger than its variable in [ ], a variable than deploy.toml.
"""
_LEFT_ALONE = """\
A default holds when a thing is made; what is not mentioned later stays as it is
"""
_NOT_USED = """\
Other settings in deploy.toml or in the environment are not used by this verb.
"""
_SIZES = f"The defaults are sized for up to {DEFAULT_SENSORS:,} sensors. For more: docs/scaling.md."


class _Parser(Parser):
    """Raises ``DeployError`` on usage errors, so that they are told like all others, in JSON too."""

    verbs: Collection[str] = ()

    def error(self, message: str) -> NoReturn:
        typed = message.partition("invalid choice: '")[2].partition("'")[0]
        raise DeployError(f"{message}{_suggestion([typed], self.verbs)}", fix=[f"{self.prog} --help"])


class _Wide(argparse.RawDescriptionHelpFormatter):
    """One with room for the longest flag beside its help."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=29)


def parse(arguments: Sequence[str], usages: Usages) -> argparse.Namespace:
    """Read a command line; ``--help`` ends the process.

    Raises:
        DeployError: it cannot be read, or a flag is none of its verb's.

    """
    parser = build_parser(usages)
    flags, unknown = parser.parse_known_args(arguments)
    if unknown:
        raise _unrecognized(unknown, flags.verb, usages)
    return flags


def build_parser(usages: Usages) -> argparse.ArgumentParser:
    """Return the parser of these verbs: ``--help`` ends the process, a usage error raises ``DeployError``."""
    statuses = _status_lines(usages)
    made = _Parser(
        allow_abbrev=False,
        prog="python -m deploy",
        description="Both ends of DT sensors -> Google Pub/Sub: made, proven, shown and removed.",
        epilog=f"{_EXAMPLES}\n{_ENVIRONMENT}\nexit status:\n{statuses}\n\nVERB --help shows a verb's flags.",
        formatter_class=_Wide,
        usage="python -m deploy VERB [flags]",
    )
    made.verbs = tuple(usages)
    made.add_argument("--version", action="version", version=f"dt-pubsub {VERSION}", help="show the version and exit")
    verbs = made.add_subparsers(dest="verb", required=True, metavar="VERB", title="verbs")
    for name, usage in usages.items():
        flags = verbs.add_parser(
            name,
            allow_abbrev=False,
            help=usage.summary,
            description=usage.summary,
            epilog=f"{_PRECEDENCE}{_hint(usage)}\nexit status: {usage.exit_codes_line}",
            formatter_class=_Wide,
            usage=f"python -m deploy {name} [flags]",
        )
        _add_flags(flags, usage)
    return made


def _hint(usage: Usage) -> str:
    """Return what becomes of settings that are not mentioned, or that the verb has no flags for."""
    return _LEFT_ALONE if usage.options == OPTIONS else _NOT_USED


def _unrecognized(words: Sequence[str], verb: str, usages: Usages) -> DeployError:
    """Return the error for flags that are none of a verb's: whose they are, or which flag may have been meant."""
    typed = [word.partition("=")[0] for word in words if word.startswith("--")]
    of_others = [(name, verbs) for name in typed if (verbs := _verbs_with(name, usages))]
    if of_others:
        what = "; ".join(f"{name} is not a flag of {verb}, but of {_listed(verbs)}" for name, verbs in of_others)
        return DeployError(what, fix=[f"python -m deploy {verb} --help"])
    hint = _suggestion(typed, usages[verb].flag_names)
    return DeployError(f"unrecognized arguments: {' '.join(words)}{hint}", fix=["python -m deploy --help"])


def _verbs_with(flag: str, usages: Usages) -> list[str]:
    return [name for name, usage in usages.items() if flag in usage.flag_names]


def _listed(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _suggestion(typed: Sequence[str], known: Collection[str]) -> str:
    """Return the verb or flag that a mistyped one is close to, as a question."""
    meant = [name for word in typed for name in get_close_matches(word, known, 1)]
    return f"; did you mean {meant[0]}?" if meant else ""


def _add_flags(verb: argparse.ArgumentParser, usage: Usage) -> None:
    verb.add_argument("--config", metavar="FILE", help="settings file (default: deploy.toml, if there is one here)")
    verb.add_argument("--json", action="store_true", help="results as JSON on standard output")
    for flag in usage.flags:
        verb.add_argument(flag.name, **flag.arguments)
    for group, title in _GROUPS.items():
        if options := [option for option in usage.options if option.group == group]:
            flags = verb.add_argument_group(title, _SIZES if group == "function" else None)
            for option in options:
                action = "append" if option.many else "store"
                flags.add_argument(
                    option.flag, dest=option.place, action=action, metavar=option.metavar, help=option.help_text
                )


def _status_lines(usages: Usages) -> str:
    return "\n".join(f"  {name:<7} {usage.exit_codes_line}" for name, usage in usages.items())
