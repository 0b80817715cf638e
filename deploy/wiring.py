"""Builds the context of a verb, and runs the verb: the one module that imports what sends calls to both clouds.

So it alone needs the packages ``requests`` and ``disruptive``. All help, and every error that ends a command before its
verb runs, need neither.
"""

import argparse
import getpass
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from deploy.cli.settings import MARGIN, read_spec
from deploy.cli.terminal import Terminal
from deploy.cli.usage import Usage
from deploy.context import Context
from deploy.dt.api import VARIABLES, DtApi
from deploy.dt.calls import Credentials
from deploy.dt.transport import DisruptiveTransport, Network
from deploy.errors import DeployError
from deploy.function_https import post
from deploy.google.gcloud import Gcloud
from deploy.google.gcloud_config import is_usual, network_of, read_configuration, where_googles, with_account
from deploy.google.https import send
from deploy.google.monitoring import Monitoring
from deploy.google.project import explained
from deploy.google.rest import test_permissions
from deploy.parallel import begun, sleep
from deploy.report import Report
from deploy.secret import Secret
from deploy.spec import NO_SETTINGS, Spec
from deploy.stages.source import changelog, digest, runbook, source_files, staged
from deploy.verbs import VERBS, init
from function.version import VERSION


def run(
    spec: Spec | None, flags: argparse.Namespace, environ: Mapping[str, str], terminal: Terminal, report: Report
) -> int:
    """Build the context and run the verb, which also writes its results into ``report``; return the exit status.

    ``spec``: the settings; None if ``init`` asks for them first.

    Raises:
        DeployError: the verb failed.

    """
    files = source_files()
    credentials = _credentials_for(VERBS[flags.verb].usage, flags, environ, terminal)
    with begun(read_configuration) as configuration:  # in a thread, while the verb already calls DT
        terminal.filled = lambda text: with_account(text, configuration)
        google = Gcloud(
            where_googles(configuration, environ),
            send=lambda call: send(call, network_of(configuration())),
            sleep=sleep,
            notice=terminal.info,
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


def _credentials_for(
    usage: Usage, flags: argparse.Namespace, environ: Mapping[str, str], terminal: Terminal
) -> Credentials | None:
    """Return DT's credentials, if the verb calls DT and there are any."""
    may_ask = usage.reaches_dt and (usage.needs_settings or not flags.yes)  # --yes of init asks nothing at all
    reaches_dt = usage.reaches_dt or usage.may_reach_dt
    return read_credentials(environ, terminal, may_ask=may_ask) if reaches_dt else None


def read_credentials(environ: Mapping[str, str], terminal: Terminal, *, may_ask: bool = True) -> Credentials | None:
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
