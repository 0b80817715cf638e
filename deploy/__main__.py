"""``python -m deploy VERB``: reads what is asked for, wires the rooms, and catches what leaves them."""

import argparse
import getpass
import io
import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import NoReturn

try:
    os.environ.pop("DT_CREDENTIALS_FILE", None)  # the package would read it when imported, sound or not; nobody uses it
    import requests

    from deploy.dt_transport import Credentials, DisruptiveTransport
except ModuleNotFoundError as missing:
    sys.exit(f"{missing.name} is not installed\n  mend it: pip install --require-hashes -r deploy/requirements.txt")

from deploy.asked import read_spec
from deploy.command_line import parser
from deploy.dt_api import DtApi
from deploy.errors import DeployError
from deploy.gcloud import Gcloud
from deploy.google_api import held_permissions, time_series
from deploy.parallel import sleep
from deploy.report import Report
from deploy.secret import Secret
from deploy.source import digest, source_files, staged
from deploy.terminal import Terminal
from deploy.verbs import FAILED, Deployment

_CREDENTIALS = ("DT_SERVICE_ACCOUNT_KEY_ID", "DT_SERVICE_ACCOUNT_SECRET", "DT_SERVICE_ACCOUNT_EMAIL")


RunVerb = Callable[[argparse.Namespace, Mapping[str, str], Terminal, Report], int]


def main(arguments: Sequence[str], run_verb: RunVerb | None = None) -> int:
    """Run a verb and give the exit status. This is the one place that catches everything."""
    _open_streams()
    terminal, report = Terminal(sys.stdout, sys.stderr, sys.stdin), Report()
    flags, status = argparse.Namespace(json=False, verb=""), FAILED
    try:
        flags = parser().parse_args(arguments)
        _be_interruptible()
        status = (run_verb or run)(flags, os.environ, terminal, report)
    except DeployError as error:
        report.error = error
    except OSError as error:  # a full disk, a pipe that nobody reads
        report.error = DeployError(str(error))
    except KeyboardInterrupt:
        begun = f"; `python -m deploy {flags.verb}` finishes what was begun" if flags.verb in {"up", "down"} else ""
        report.error = DeployError(f"interrupted{begun}")
    except Exception:  # noqa: BLE001  # the doorway
        report.error = DeployError(f"this should not happen; please report it\n{traceback.format_exc()}")
    return status if _told(terminal, report, in_json=flags.json) else FAILED


def run(flags: argparse.Namespace, environ: Mapping[str, str], terminal: Terminal, report: Report) -> int:
    """Wire the rooms and run the verb; what it comes to goes into ``report``, too.

    Raises:
        DeployError: it could not do its part.

    """
    files = source_files()
    spec = replace(read_spec(vars(flags), environ, Path.cwd()), digest=digest(files))
    credentials = _credentials(environ, terminal)
    deployment = Deployment(
        spec=spec,
        google=Gcloud(sleep=sleep, notice=terminal.note),
        dt=DtApi(DisruptiveTransport(credentials), sleep=sleep, notice=terminal.note) if credentials else None,
        held=held_permissions,
        measured=time_series,
        post=_post,
        staged=lambda: staged(files),
        terminal=terminal,
        report=report,
        in_json=flags.json,
        yes=flags.yes,
        sleep=sleep,
    )
    if flags.verb == "up":
        return deployment.up(verify=flags.verify)
    verbs = {"plan": deployment.plan, "verify": deployment.verify, "status": deployment.status}
    return verbs.get(flags.verb, deployment.down)()


def _credentials(environ: Mapping[str, str], terminal: Terminal) -> Credentials | None:
    """Take DT's credentials from the environment; what is missing is asked for on a terminal."""
    found = {name: environ.get(name, "") for name in _CREDENTIALS}
    if not all(found.values()) and sys.stdin.isatty():
        terminal.note("DT's service account (DT Studio, API Integrations > Service Accounts):")
        found = {name: value or getpass.getpass(f"{name}: ") for name, value in found.items()}
    key_id, secret, email = found.values()
    return Credentials(key_id, Secret(secret), email) if all(found.values()) else None


def _post(url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
    try:
        answer = requests.post(url, data=body, headers=dict(headers), timeout=30, allow_redirects=False)
    except requests.RequestException:
        return 0, ""
    return answer.status_code, answer.text


def _told(terminal: Terminal, report: Report, *, in_json: bool) -> bool:
    """Tell the error if there is one, and the report if it is wanted; whether that could be written."""
    if report.error:
        terminal.note(str(report.error))
    try:
        if in_json:
            terminal.as_json(report.as_json())
    except OSError as error:  # a full disk, a pipe that nobody reads
        terminal.note(str(error))
        return False
    return True


def _be_interruptible() -> None:
    """Take what ends a process, and a terminal that is closed, for Ctrl-C: what was made for a moment is removed."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell's background job ignores it
    signal.signal(signal.SIGTERM, _interrupt)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # which is what nohup does
        signal.signal(signal.SIGHUP, _interrupt)


def _open_streams() -> None:
    """Let streams that are closed lead nowhere, and let what a terminal has no letters for be written all the same."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115  # for good
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _give_up_what_cannot_be_written() -> None:
    """Keep Python from failing over it once more when it ends."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _interrupt(signum: int, frame: FrameType | None) -> NoReturn:
    del signum, frame
    raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    finally:
        _give_up_what_cannot_be_written()
