"""``python -m tests.emulators VERB``: the whole path on this machine, without any account."""

import argparse
import contextlib
import math
import os
import sys
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from types import FrameType

from deploy.cli.doorway import Parser, columns_of, end, on_end, open_streams
from deploy.cli.missing import not_installed
from deploy.errors import NotInstalled
from tests.emulators.workbench.pasted import PORT


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit status.

    0: success. 1: a check failed, or a program did not start. 130: Ctrl-C (0 for ``serve`` and ``sandbox``). 129 or
    143: another signal.
    """
    open_streams()
    given = argparse.Namespace(verb="")
    try:
        given = _parsed(_parser(), arguments)
        on_end(_end)
        return _run(given)
    except KeyboardInterrupt:
        _print_error("\nended; nothing is left running")
        return 0 if given.verb in {"serve", "sandbox"} else 130
    except BrokenPipeError:  # the reader of our output has closed it
        return 1
    except OSError as error:  # such as a full disk
        _print_error(f"error: {error}")
        return 1


def _parsed(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    given = parser.parse_args(arguments)
    if given.verb == "send" and given.as_is and not given.file:
        parser.error("argument --as-is: needs --file")
    return given


def _run(given: argparse.Namespace) -> int:
    try:
        run_verb, expected_error = _loaded(given)
    except ModuleNotFoundError as missing:
        _print_error(NotInstalled(*not_installed(missing, *_LOCKS[given.verb])).printed())
        return 1
    try:
        return 0 if run_verb() else 1
    except expected_error as error:
        _print_error(f"error: {error}")
        return 1


_LOCKS = {
    "run": ("requirements.txt",),
    "serve": ("requirements.txt",),
    "send": ("requirements.txt",),
    "sign": ("requirements.txt",),
    "rehearse": ("requirements.txt", "deploy/requirements.txt"),
    "sandbox": ("requirements.txt", "deploy/requirements.txt"),
    "fault": ("requirements.txt", "deploy/requirements.txt"),
}
"""The requirements that have to be installed for a verb."""


def _loaded(given: argparse.Namespace) -> tuple[Callable[[], bool], type[Exception]]:
    """Return the function that runs the verb, and the base class of its expected errors.

    The imports are here because they take most of a second, in which Ctrl-C has to work as well, and because
    ``rehearse`` needs more packages than the other verbs.
    """
    from tests.emulators.errors import OfflineError  # noqa: PLC0415

    if given.verb == "rehearse":
        from tests.emulators.clouds.rehearsal import rehearse  # noqa: PLC0415

        return lambda: rehearse(given.pubsub, os.environ, _print), OfflineError
    if given.verb in {"sandbox", "fault"}:
        return _loaded_sandbox(given), OfflineError
    if given.verb != "run":
        return _loaded_workbench(given), OfflineError
    from tests.emulators.demo import WIDE, run  # noqa: PLC0415

    columns = columns_of(sys.stdout) or WIDE
    return lambda: run(given.pubsub, os.environ, _print, columns=columns), OfflineError


def _loaded_sandbox(given: argparse.Namespace) -> Callable[[], bool]:
    from tests.emulators.sandbox.command import fault, keep_up  # noqa: PLC0415

    if given.verb == "fault":
        return lambda: fault(os.environ, _print, given.name)
    is_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    return lambda: keep_up(os.environ, _print, has_shell=is_terminal and given.shell)


def _loaded_workbench(given: argparse.Namespace) -> Callable[[], bool]:
    from tests.emulators.workbench.table import Table  # noqa: PLC0415

    is_plain = not sys.stdout.isatty() or os.environ.get("TERM") == "dumb" or bool(os.environ.get("NO_COLOR"))
    table = Table(columns_of(sys.stdout), is_coloured=not is_plain)
    if given.verb == "serve":
        from tests.emulators.workbench import serve  # noqa: PLC0415

        options = serve.Options(given.pubsub, given.port, given.log)
        return lambda: serve.serve(options, os.environ, _print, table)
    from tests.emulators.workbench import fresh, send  # noqa: PLC0415

    if given.verb == "sign":
        return lambda: send.sign(_secret(given.port), given.file, _print)

    def send_events() -> bool:
        makes = [fresh.of_file(given.file, as_is=given.as_is)] if given.file else fresh.of_type(given.type)
        return send.send(given.port, send.Wanted(makes, given.count, given.rate), _print, table)

    return send_events


def _secret(port: int) -> Callable[[], str]:
    """Return what reads the secret: of the function deployed in this terminal's sandbox, else of the workbench."""
    from tests.emulators.sandbox.control import VARIABLE  # noqa: PLC0415
    from tests.emulators.sandbox.deployed_secret import deployed_secret  # noqa: PLC0415
    from tests.emulators.workbench import state  # noqa: PLC0415

    return deployed_secret if os.environ.get(VARIABLE) else lambda: state.read(port).secret


def _end(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m tests.emulators", description="The function, its deployment and a Pub/Sub on this machine."
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    run_parser = verbs.add_parser("run", help="send one signed event of each type and check it, then end")
    serve_parser = verbs.add_parser(
        "serve",
        help="keep the function and a Pub/Sub running, and show each request",
        description="Keep the function and a Pub/Sub running, show each request with its answer, and start the "
        "function again when its source changes. Settings of the function are read from the environment.",
    )
    serve_parser.add_argument("--port", type=_port, default=PORT, help=f"the function's port (default: {PORT})")
    serve_parser.add_argument("--log", action="store_true", help="show the function's log as well")
    rehearse_parser = verbs.add_parser(
        "rehearse", help="deploy to stand-ins for both clouds, verify, and remove everything"
    )
    sandbox_parser = verbs.add_parser(
        "sandbox", help="keep stand-ins for both clouds up, with a shell in which every documented command can be typed"
    )
    sandbox_parser.add_argument(
        "--no-shell", dest="shell", action="store_false", help="print the environment as exports, and wait for Ctrl-C"
    )
    fault_parser = verbs.add_parser("fault", help="list the faults of a sandbox, or begin one")
    fault_parser.add_argument("name", nargs="?", help="the fault to begin; none: end all")
    for verb in (run_parser, serve_parser, rehearse_parser):
        verb.add_argument(
            "--pubsub",
            choices=("auto", "emulator", "embedded"),
            default="auto",
            help="Google's emulator, or the embedded stand-in; auto: the emulator if it is installed (default: auto)",
        )
    _add_send(verbs)
    _add_sign(verbs)
    return parser


def _add_send(verbs: "argparse._SubParsersAction[Parser]") -> None:
    parser = verbs.add_parser(
        "send",
        help="send signed events to the function that serve keeps running",
        description="Send signed events to the function that serve keeps running on this port, and show each answer. "
        "Each event has a new id and the current time. Exit status 0: every answer was 200.",
    )
    parser.add_argument("--port", type=_port, default=PORT, help=f"the port of serve (default: {PORT})")
    body = parser.add_mutually_exclusive_group()
    body.add_argument(
        "--type",
        type=_event_type,
        default="temperature",
        help="an event type of DT's, such as co2, or all (default: temperature)",
    )
    body.add_argument("--file", type=Path, help="a file with the body of a request, which becomes a new event")
    parser.add_argument("--as-is", action="store_true", help="send the bytes of --file unchanged")
    parser.add_argument("--rate", type=_positive(float), help="events a second, until Ctrl-C or --count")
    parser.add_argument("--count", type=_positive(int), help="how many events to send (default: one of each type)")


def _add_sign(verbs: "argparse._SubParsersAction[Parser]") -> None:
    parser = verbs.add_parser(
        "sign",
        help="print the headers that sign a file, for curl",
        description="Print the headers that sign the bytes of a file for the function that serve keeps running, or in "
        "a sandbox for the deployed one. curl reads them: python -m tests.emulators sign --file body.json > headers "
        f"&& curl -i http://127.0.0.1:{PORT}/ -H @headers --data-binary @body.json",
    )
    parser.add_argument("--port", type=_port, default=PORT, help=f"the port of serve (default: {PORT})")
    parser.add_argument("--file", type=Path, required=True, help="the file with the body of the request")


def _event_type(text: str) -> str:
    from tests.emulators.events import SAMPLES  # noqa: PLC0415  # only send needs it

    if text not in {*SAMPLES, "all"}:
        near = get_close_matches(text, [*SAMPLES, "all"], 1)
        hint = f": did you mean {near[0]}?" if near else ""
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(SAMPLES)}, all{hint}")
    return text


def _positive(kind: Callable[[str], float]) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = 0
        if not 0 < value < math.inf:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number over 0")
        return value

    return parse


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65_536:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port, 1 to 65535")
    return int(text)


def _print(line: str) -> None:
    print(line, flush=True)


def _print_error(line: str) -> None:
    """Write to standard error. If that fails, only the exit status reports the error."""
    with contextlib.suppress(OSError):
        print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    end(main)
