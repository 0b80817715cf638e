"""``python -m deploy VERB``: reads the command line and the settings, and catches every error."""

import argparse
import importlib
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from deploy.cli.doorway import end, on_end, open_streams
from deploy.cli.missing import not_installed
from deploy.cli.parser import overview, parse
from deploy.cli.settings import read_spec
from deploy.cli.terminal import Terminal
from deploy.errors import DeployError, NotInstalled, SettingsMissing
from deploy.parallel import are_left
from deploy.program import MODULE, PROGRAM
from deploy.report import Report
from deploy.spec import NO_SETTINGS, Spec
from deploy.verbs import USAGES, init
from deploy.verbs.applying import again
from deploy.verbs.exit_codes import FAILED, NO_VERB

RunVerb = Callable[[argparse.Namespace, Mapping[str, str], Terminal, Report], int]
RunWithSettings = Callable[[Spec | None, argparse.Namespace, Mapping[str, str], Terminal, Report], int]


def main(arguments: Sequence[str], run_verb: RunVerb | None = None) -> int:
    """Run a verb and return the exit status. This is the one place that catches everything."""
    open_streams()
    terminal, report = Terminal(sys.stdout, sys.stderr, sys.stdin, os.environ), Report()
    flags, status = argparse.Namespace(json="--json" in arguments, verb=""), FAILED
    if not arguments:
        terminal.info(overview(USAGES))
        return NO_VERB
    try:
        flags = parse(arguments, USAGES)
        on_end(_interrupt)
        status = (run_verb or run)(flags, os.environ, terminal, report)
    except DeployError as error:
        report.error = error
    except OSError as error:  # a full disk, or a pipe without a reader
        report.error = DeployError(str(error))
    except KeyboardInterrupt:
        report.error = DeployError(f"interrupted{_how_to_resume(flags)}")
    except Exception:  # noqa: BLE001  # a defect is reported, too
        report.error = DeployError(f"this should not happen; please report it\n{traceback.format_exc()}")
    return status if _write_report(terminal, report, flags) else FAILED


def run(flags: argparse.Namespace, environ: Mapping[str, str], terminal: Terminal, report: Report) -> int:
    """Read the settings and run the verb, which also writes its results into ``report``; return the exit status.

    Raises:
        DeployError: the verb failed.

    """
    spec = _settings(flags, environ, terminal)
    return _load_verbs()(spec, flags, environ, terminal, report)


def _load_verbs() -> RunWithSettings:
    """Return what runs a verb with its settings. The import takes as long as all before it, and needs the packages.

    Raises:
        NotInstalled: a package is missing.

    """
    os.environ.pop("DT_CREDENTIALS_FILE", None)  # disruptive would read the file on import, and fail if it is invalid
    try:
        run_verb: RunWithSettings = importlib.import_module("deploy.wiring").run  # help and wrong settings do without
    except ModuleNotFoundError as missing:
        raise NotInstalled(*_reason_and_fixes(missing)) from None
    return run_verb


def _reason_and_fixes(missing: ModuleNotFoundError) -> tuple[str, list[str]]:
    """Return which package is missing, and the commands that help. An installed command has a lock of its own."""
    if PROGRAM == MODULE:
        return not_installed(missing, "deploy/requirements.txt")
    lock = Path(__file__).with_name("requirements.txt")
    return not_installed(missing, f'"{lock}"', python=f'"{sys.executable}"')


def _settings(flags: argparse.Namespace, environ: Mapping[str, str], terminal: Terminal) -> Spec | None:
    """Return the settings; ``NO_SETTINGS`` if the verb needs none; None if the user wants ``init`` to ask for them.

    Raises:
        InvalidOptions: they are invalid, or mandatory ones are missing.
        NotInstalled: ``init`` could ask for them, and a package is missing that it needs.

    """
    usage = USAGES[flags.verb]
    if not usage.needs_settings:
        return NO_SETTINGS
    try:
        return read_spec(vars(flags), environ, Path.cwd(), usage.mandatory)
    except SettingsMissing as missing:
        if not usage.offers_init or flags.yes or not terminal.is_interactive:
            raise
        _load_verbs()  # a missing package is reported before the first question
        if init.is_wanted(terminal, missing):
            return None
        raise


def _how_to_resume(flags: argparse.Namespace) -> str:
    """Return the command that finishes an interrupted verb."""
    is_resumable = flags.verb in USAGES and USAGES[flags.verb].is_resumable
    return f"; `{again(flags.verb, flags)}` finishes what was begun" if is_resumable else ""


def _write_report(terminal: Terminal, report: Report, flags: argparse.Namespace) -> bool:
    """Print the error if there is one, and the report if ``--json`` was given; return whether it could be written."""
    if report.error:
        terminal.info(report.error.printed())
    try:
        if flags.json:
            in_lines = flags.verb in USAGES and USAGES[flags.verb].prints_json_lines
            terminal.as_json(report.as_json(), is_one_line=in_lines)
    except OSError as error:  # a full disk, or a pipe without a reader
        terminal.info(f"error: {error}")
        return False
    return True


def _interrupt(signum: int, frame: FrameType | None) -> NoReturn:
    del signum, frame
    raise KeyboardInterrupt


def start() -> NoReturn:
    """Run the command line of this process, and end the process: the installed command begins here."""
    end(lambda: main(sys.argv[1:]), are_left)


if __name__ == "__main__":
    start()
