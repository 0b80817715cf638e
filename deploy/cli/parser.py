"""The command line: the verbs, their flags, and the text of ``--help``."""

import argparse
import textwrap
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NoReturn

from deploy.cli import completion
from deploy.cli.doorway import Parser
from deploy.cli.options import OPTIONS, Group
from deploy.cli.spelling import suggestion
from deploy.cli.usage import Usage
from deploy.errors import DeployError, Mistyped
from deploy.pages import page
from deploy.program import PROGRAM
from deploy.spec import DEFAULT_SENSORS, SMALL_SENSORS
from function.version import VERSION

EVERYWHERE = ("--help", "--version")
"""Flags that argparse itself adds, and that can be meant, too."""

Usages = Mapping[str, Usage]
"""The usage of every verb, by its name."""

_GROUPS: dict[Group, str] = {
    "where": "deployment",
    "messages": "subscriptions",
    "function": "function",
    "connector": "Data Connector",
    "bigquery": "BigQuery",
    "cost": "cost",
    "alerts": "alerts",
}
_EXAMPLES = f"""\
examples:
  to be asked for the settings, which are written into deploy.toml:
  {PROGRAM} init
  {PROGRAM} plan --project=my-project --region=us-east1 --dt-project=ID
  if deploy.toml or the environment has these three settings:
  {PROGRAM} up
  to change one setting and keep all others:
  {PROGRAM} up --min-instances=1
  to store all events in BigQuery, too:
  {PROGRAM} up --bigquery=sensors
  to be told by e-mail when something is wrong, and to go back one revision:
  {PROGRAM} up --alert-email=you@example.com
  {PROGRAM} up --rollback
  in a pipeline, which cannot answer questions:
  {PROGRAM} up --yes --json
  {PROGRAM} down
"""
_ENVIRONMENT = """\
environment:
  DT_SERVICE_ACCOUNT_KEY_ID, DT_SERVICE_ACCOUNT_SECRET, DT_SERVICE_ACCOUNT_EMAIL
                  a DT service account with the role Project Developer; if a
                  variable is missing, a terminal asks for its value
  CLOUDSDK_*      gcloud's variables; gcloud's login is used
"""
_PRECEDENCE = """\
A flag overrides its variable in [ ], and a variable overrides deploy.toml.
"""
_LEFT_ALONE = """\
Defaults apply to new resources; later, an omitted setting keeps its value.
"""
_COMPARED = """\
The other settings, from deploy.toml and the environment, are compared with what
is deployed.
"""
_NOT_USED = """\
This verb does not use the other settings; they must still be valid.
"""
_SIZES = (
    f"The defaults are for up to {SMALL_SENSORS:,} sensors, or {DEFAULT_SENSORS:,} with the profile large: "
    f"{page('scaling.md')}."
)


class _Parser(Parser):
    """A parser that raises ``DeployError`` on usage errors, so that they are printed like all others, also in JSON."""

    words: Collection[str] = ()
    """The words of which a mistyped one can be meant."""

    def error(self, message: str) -> NoReturn:
        typed = message.partition("invalid choice: '")[2].partition("'")[0]
        raise Mistyped(f"{message}{suggestion([typed], self.words)}", fix=[f"{self.prog} --help"])


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """A formatter whose first column has room for most flags."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=29)


def parse(arguments: Sequence[str], usages: Usages) -> argparse.Namespace:
    """Read a command line; ``--help`` ends the process.

    Raises:
        DeployError: it is invalid, or its verb does not have one of the flags.

    """
    parser = build_parser(usages)
    flags, unknown = parser.parse_known_args(arguments)
    if unknown:
        raise _unrecognized(unknown, flags.verb, usages)
    return flags


def build_parser(usages: Usages, program: str = PROGRAM, *, shows_choices: bool = False) -> argparse.ArgumentParser:
    """Return the parser of these verbs: ``--help`` ends the process, a usage error raises ``DeployError``.

    ``shows_choices``: the parser itself knows the values of closed sets, for a completion script. Otherwise the
    settings check all values together, so that all errors are listed at once.
    """
    statuses = _status_lines(usages)
    parser = _Parser(
        allow_abbrev=False,
        prog=program,
        description="Create, verify, show and remove both ends of DT sensors -> Google Pub/Sub.",
        epilog=f"{_EXAMPLES}\n{_ENVIRONMENT}\nexit status:\n{statuses}\n\nVERB --help shows the flags of a verb.",
        formatter_class=_HelpFormatter,
        usage=f"{program} VERB [flags]",
    )
    parser.words = (*usages, completion.VERB)
    parser.add_argument("--version", action="version", version=f"dt-pubsub {VERSION}", help="show the version and exit")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB", title="verbs", prog=program)
    for name, usage in usages.items():
        flags = verbs.add_parser(
            name,
            allow_abbrev=False,
            help=usage.summary,
            description=usage.summary,
            epilog=f"{_PRECEDENCE}{_hint(usage)}\nexit status: {usage.exit_codes_line}",
            formatter_class=_HelpFormatter,
            usage=f"{program} {name} [flags]",
        )
        _add_flags(flags, usage, shows_choices=shows_choices)
    _add_completion(verbs, usages)
    return parser


def overview(usages: Usages) -> str:
    """Return the text without a verb: what to type first, and every verb in one line."""
    verbs = _in_lines((name, usage.summary) for name, usage in usages.items())
    return (
        f"usage: {PROGRAM} VERB [flags]\n\n{verbs}\n\n"
        f"to begin:             {PROGRAM} init\n"
        f"flags of a verb:      {PROGRAM} up --help\n"
        f"everything together:  {PROGRAM} --help"
    )


def _in_lines(verbs: Iterable[tuple[str, str]]) -> str:
    """Return names and summaries of verbs as a list that fits 80 columns."""
    rows = (textwrap.fill(f"  {name:<8} {summary}", 80, subsequent_indent=" " * 11) for name, summary in verbs)
    return "\n".join(rows)


def _add_completion(verbs: "argparse._SubParsersAction[_Parser]", usages: Usages) -> None:
    """Add the verb that prints a completion script. It needs no settings, so the parser carries it out."""
    parser = verbs.add_parser(
        completion.VERB,
        allow_abbrev=False,
        help=completion.SUMMARY,
        description=completion.SUMMARY,
        epilog=completion.HOW_TO,
        formatter_class=_HelpFormatter,
        usage=f"{PROGRAM} {completion.VERB} SHELL",
    )
    parser.words = completion.SHELLS
    parser.add_argument(
        "shell",
        metavar="SHELL",
        choices=completion.SHELLS,
        action=completion.print_script(lambda program: build_parser(usages, program, shows_choices=True)),
        help="bash, zsh or fish",
    )


def _hint(usage: Usage) -> str:
    """Return the note on settings that are omitted, or for which the verb has no flag."""
    if usage.options == OPTIONS:
        return _LEFT_ALONE
    return _COMPARED if usage.compares_settings else _NOT_USED


def _unrecognized(words: Sequence[str], verb: str, usages: Usages) -> DeployError:
    """Return the error for unknown flags of a verb. It names the verbs that have the flag, or a similar flag."""
    typed = [word.partition("=")[0] for word in words if word.startswith("--")]
    if early := [name for name in typed if name in usages[verb].flag_names]:
        return Mistyped(f"{_listed(early)}: flags come after the verb", fix=[f"{PROGRAM} {verb} {early[0]}"])
    misplaced = [(name, verbs) for name in typed if (verbs := _verbs_with(name, usages))]
    if misplaced:
        what = "; ".join(f"{name} is not a flag of {verb}, but of {_listed(verbs)}" for name, verbs in misplaced)
        return Mistyped(what, fix=[f"{PROGRAM} {verb} --help"])
    hint = suggestion(typed, (*usages[verb].flag_names, *EVERYWHERE))
    return Mistyped(f"unrecognized arguments: {' '.join(words)}{hint}", fix=[f"{PROGRAM} {verb} --help"])


def _verbs_with(flag: str, usages: Usages) -> list[str]:
    return [name for name, usage in usages.items() if flag in usage.flag_names]


def _listed(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _add_flags(verb: argparse.ArgumentParser, usage: Usage, *, shows_choices: bool) -> None:
    config = verb.add_argument(
        "--config", metavar="FILE", help="settings file (default: deploy.toml, if it exists here)"
    )
    config.complete = completion.FILE  # type: ignore[attr-defined]  # shtab reads it
    verb.add_argument("--json", action="store_true", help="print the results as JSON on standard output")
    for flag in usage.flags:
        verb.add_argument(flag.name, **flag.arguments)
    for group, title in _GROUPS.items():
        if options := [option for option in usage.options if option.group == group]:
            flags = verb.add_argument_group(title, _SIZES if group == "function" else None)
            for option in options:
                action = "append" if option.many else "store"
                flags.add_argument(
                    option.flag,
                    dest=option.place,
                    action=action,
                    metavar=option.metavar,
                    help=option.help_text(is_asked=not usage.needs_settings),
                    choices=option.choices if shows_choices and option.choices else None,
                )


def _status_lines(usages: Usages) -> str:
    return "\n".join(f"  {name:<7} {usage.exit_codes_line}" for name, usage in usages.items())
