"""``python -m deploy VERB``: reads the command line, builds the context of the verb, and catches every error."""

import argparse
import getpass
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import NoReturn

from deploy.cli.doorway import end, on_end, open_streams
from deploy.cli.missing import bare_help, is_help_of_all, not_installed, wants_help
from deploy.program import MODULE, PROGRAM

try:
    os.environ.pop("DT_CREDENTIALS_FILE", None)  # the package would read the file on import, and fail if it is invalid
    from deploy.cli.parser import overview, parse
    from deploy.dt.transport import Credentials, DisruptiveTransport, Network
except ModuleNotFoundError as missing:
    if PROGRAM == MODULE:
        reason = not_installed(missing, "deploy/requirements.txt")
    else:
        lock = Path(__file__).with_name("requirements.txt")  # installed with this package
        reason = not_installed(missing, f'"{lock}"', python=f'"{sys.executable}"')
    if wants_help(sys.argv[1:]):
        print(bare_help(PROGRAM, Path(__file__).with_name("verbs")))
    if is_help_of_all(sys.argv[1:]):  # that was shown, so that nothing has failed
        print(reason.replace("error: ", "to run a verb: ", 1), file=sys.stderr)
        sys.exit()
    sys.exit(reason)

from deploy.cli.settings import MARGIN, read_spec
from deploy.cli.terminal import Terminal
from deploy.context import Context
from deploy.dt.api import VARIABLES, DtApi
from deploy.errors import DeployError, SettingsMissing
from deploy.function_client import post
from deploy.google.gcloud import Gcloud
from deploy.google.gcloud_config import is_usual, network_of, read_configuration, where_googles, with_account
from deploy.google.https import send
from deploy.google.monitoring import Monitoring
from deploy.google.project import explained
from deploy.google.rest import test_permissions
from deploy.parallel import are_left, begun, sleep
from deploy.report import Report
from deploy.secret import Secret
from deploy.spec import NO_SETTINGS, Spec
from deploy.stages.source import changelog, digest, runbook, source_files, staged
from deploy.verbs import USAGES, VERBS, init
from deploy.verbs.applying import again
from deploy.verbs.exit_codes import FAILED, NO_VERB
from function.version import VERSION

RunVerb = Callable[[argparse.Namespace, Mapping[str, str], Terminal, Report], int]


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
    """Build the context and run the verb, which also writes its results into ``report``; return the exit status.

    Raises:
        DeployError: the verb failed.

    """
    files, usage = source_files(), USAGES[flags.verb]
    spec = _settings(flags, environ, terminal)
    may_ask = usage.reaches_dt and (usage.needs_settings or not flags.yes)  # --yes of init asks nothing at all
    reaches_dt = usage.reaches_dt or usage.may_reach_dt
    credentials = _credentials(environ, terminal, may_ask=may_ask) if reaches_dt else None
    with begun(read_configuration) as configuration:  # in a thread, while the verb already calls DT
        terminal.filled = lambda text: with_account(text, configuration)
        google = Gcloud(
            where_googles(configuration, environ),
            sleep=sleep,
            notice=terminal.info,
            send=lambda call: send(call, network_of(configuration())),
        ).quick(lambda: is_usual(configuration()))
        context = Context(
            spec=spec or NO_SETTINGS,
            google=google,
            dt=_dt_api(credentials, lambda: network_of(configuration()), terminal),
            test_permissions=test_permissions,
            read_time_series=Monitoring(google.api.authorized).time_series,
            send=lambda call: send(call, network_of(configuration())),
            post=post,
            staged=lambda: staged(files),
            terminal=terminal,
            flags=flags,
            report=report,
            sleep=sleep,
            changelog=changelog,
            environ=environ,
            folder=Path.cwd(),
            configuration=configuration,
        )
        if spec is None:
            init.ask_before(context)
            spec = read_spec(vars(flags), environ, Path.cwd())
        alerts = replace(spec.alerts, pages=runbook())
        spec = replace(spec, digest=digest(files), version=VERSION, alerts=alerts)
        return _run_verb(replace(context, spec=spec))


def _run_verb(context: Context) -> int:
    """Run the verb, and return the exit status.

    Raises:
        DeployError: the verb failed; if that is because the caller does not see the project, the error says so.

    """
    try:
        return VERBS[context.flags.verb].run(context)
    except DeployError as error:
        better = explained(error, context.google, context.spec.google_project)
        if better is error:
            raise
        raise better from None


def _settings(flags: argparse.Namespace, environ: Mapping[str, str], terminal: Terminal) -> Spec | None:
    """Return the settings; ``NO_SETTINGS`` if the verb needs none; None if the user wants ``init`` to ask for them.

    Raises:
        InvalidOptions: they are invalid, or mandatory ones are missing.

    """
    usage = USAGES[flags.verb]
    if not usage.needs_settings:
        return NO_SETTINGS
    try:
        return read_spec(vars(flags), environ, Path.cwd(), usage.mandatory)
    except SettingsMissing as missing:
        if usage.offers_init and not flags.yes and terminal.is_interactive and init.is_wanted(terminal, missing):
            return None
        raise


def _how_to_resume(flags: argparse.Namespace) -> str:
    """Return the command that finishes an interrupted verb."""
    is_resumable = flags.verb in USAGES and USAGES[flags.verb].is_resumable
    return f"; `{again(flags.verb, flags)}` finishes what was begun" if is_resumable else ""


def _credentials(environ: Mapping[str, str], terminal: Terminal, *, may_ask: bool = True) -> Credentials | None:
    """Return DT's credentials from the environment. A terminal asks for the missing ones, if it may."""
    found = {name: environ.get(name, "").strip(MARGIN) for name in VARIABLES}
    if not all(found.values()) and may_ask and sys.stdin.isatty():
        terminal.info("DT's service account (DT Studio, API Integrations > Service Accounts):")
        found = {name: value or _typed(name) for name, value in found.items()}
    key_id, secret, email = found.values()
    return Credentials(key_id, Secret(secret), email) if all(found.values()) else None


def _dt_api(credentials: Credentials | None, gcloud: Network, terminal: Terminal) -> DtApi:
    if credentials is None:
        return DtApi(None)
    transport = DisruptiveTransport(credentials, gcloud)
    return DtApi(transport, sleep=sleep, notice=terminal.info, hidden=(credentials.secret,))


def _typed(name: str) -> str:
    try:
        return getpass.getpass(f"{name}: ")
    except (EOFError, KeyboardInterrupt):  # Ctrl-D, Ctrl-C
        raise DeployError(f"{name} was not given, and nothing was changed", where="DT") from None


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
