"""``init``: find what can be found, ask for the rest, check it, and write deploy.toml."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from deploy.cli.options import ASKED, PLACES
from deploy.cli.questions import Defaults, Questions
from deploy.cli.settings import Known, read_known
from deploy.cli.settings_file import (
    USUAL_NAME,
    SettingsFile,
    file_text,
    parse_settings,
    require_writable,
    write_settings_file,
)
from deploy.cli.settings_text import difference, edited, new_text
from deploy.cli.terminal import Terminal
from deploy.cli.usage import Flag, Usage
from deploy.context import Context
from deploy.dt.api import EXPORT, VARIABLES
from deploy.errors import Aborted, DeployError, SettingsMissing
from deploy.parallel import signals_wait
from deploy.program import PROGRAM
from deploy.verbs.exit_codes import FAILED, NOTHING_TO_DO
from deploy.verbs.interview import Interview

YES = Flag(
    "--yes", {"action": "store_true", "help": "ask nothing: take what is found, and fail if something is not clear"}
)

USAGE = Usage(
    "ask for the settings, check them, and write deploy.toml",
    {NOTHING_TO_DO: "written, or nothing to change", FAILED: "error, and nothing was written"},
    options=ASKED,
    flags=(YES,),
    needs_settings=False,
)


@dataclass(frozen=True, slots=True)
class Destination:
    """The file that is written. ``before``: its text; None if it does not exist."""

    path: Path
    name: str
    before: str | None

    @property
    def settings(self) -> SettingsFile:
        """The settings that it has. Raises ``InvalidOptions`` if they cannot be read."""
        return parse_settings(self.before or "", self.name, PLACES)


def is_wanted(terminal: Terminal, missing: SettingsMissing) -> bool:
    """Ask on a terminal whether ``init`` shall ask for the missing settings."""
    flags = [fault.partition(" ")[0] for fault in missing.faults]
    what = "There are no settings yet." if len(flags) > 2 else f"There is no {' and no '.join(flags)} yet."
    try:
        return Questions(terminal.ask, terminal.info).agree(f"{what} Run init now?", default=True)
    except KeyboardInterrupt:
        raise Aborted("interrupted, and nothing was changed") from None


def ask_before(context: Context) -> None:
    """Ask for the settings, and write them, before another verb goes on with them."""
    _settle(context)


def run(context: Context) -> int:
    """Ask for the settings, write them, and show the next command."""
    name = _settle(context)
    config = f" {shlex.quote(f'--config={name}')}" if context.flags.config else ""
    if not all(context.environ.get(variable) for variable in VARIABLES):
        context.print(f"DT's key was not stored: set it in every shell in which the command runs\n  {EXPORT}")
    context.print(f"next: {PROGRAM} up{config}")
    return NOTHING_TO_DO


def _settle(context: Context) -> str:
    """Ask for the settings, and write them; return the name of the file.

    Raises:
        Aborted: the user does not want to go on. Nothing was changed.

    """
    destination = _destination(context)
    known = read_known(vars(context.flags), context.environ, destination.settings)
    try:
        text = _asked(context, destination, known)
    except KeyboardInterrupt:
        raise Aborted("interrupted, and nothing was changed") from None
    if text == destination.before:
        context.print(f"{destination.name} has these settings already")
        return destination.name
    _write(destination, text)
    context.print(f"wrote {destination.name}")
    return destination.name


def _asked(context: Context, destination: Destination, known: Known) -> str:
    """Return the new text of the file, to which the user has agreed."""
    if not (context.flags.yes or context.terminal.is_interactive):
        what = "this is not a terminal, and nothing was changed"
        raise Aborted(what, fix=[f"{PROGRAM} init --yes --project=ID --region=REGION --dt-project=ID"])
    questions = Questions(context.terminal.ask, context.terminal.info)
    interview = Interview(context, known, Defaults() if context.flags.yes else questions)
    answers = interview.answers()
    if destination.before is None:
        return new_text(answers, interview.titles)
    text = edited(destination.before, answers, destination.name)
    if text != destination.before:
        _confirm(context, questions, destination, text)
    return text


def _confirm(context: Context, questions: Questions, destination: Destination, text: str) -> None:
    """Show what changes in an existing file, and ask whether to change it.

    Raises:
        Aborted: the answer is no, or ``--yes`` was given, which does not cover this.

    """
    changes = difference(destination.before or "", text, destination.name)
    context.terminal.info(f"\n{changes}\n")
    if context.flags.yes:
        what = f"{destination.name} has other settings, and was not changed"
        raise Aborted(what, fix=[f"{PROGRAM} init", f"{PROGRAM} init --yes --config=another.toml"])
    if not questions.agree(f"Change {destination.name}?", default=False):
        raise Aborted(f"{destination.name} was not changed")


def _destination(context: Context) -> Destination:
    """Return the file to write, after a look at its folder.

    Raises:
        DeployError: there is no such folder, or a new file cannot be written into it.

    """
    name = context.flags.config or USUAL_NAME
    path = context.folder / name
    if not path.parent.is_dir():
        folder = str(path.parent)
        raise DeployError("there is no such folder", where=folder, fix=[shlex.join(("mkdir", "-p", folder))])
    is_there = path.exists() or path.is_symlink()
    try:
        require_writable(path)
    except DeployError as error:
        if not is_there:
            raise
        context.terminal.info(f"note: {name} {error.what}; it can only stay as it is")
    return Destination(path, name, file_text(path, name) if is_there else None)


def _write(destination: Destination, text: str) -> None:
    """Write the file, unless it has changed since it was read. A signal waits, so that it is clear what was done."""
    with signals_wait():
        path = destination.path
        if (file_text(path, destination.name) if path.exists() else None) != destination.before:
            raise Aborted(f"{destination.name} was changed meanwhile by another program, and was left alone")
        parse_settings(text, destination.name, PLACES)
        write_settings_file(path, text)
