"""``python -m tests.emulators VERB``: the whole path on this machine, without any account."""

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from types import FrameType

from deploy.cli.doorway import Parser, columns_of, end, not_installed, on_end, open_streams


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit status.

    0: success. 1: a check failed, or a program did not start. 130: Ctrl-C (0 for ``serve`` and ``sandbox``). 129 or
    143: another signal.
    """
    open_streams()
    given = argparse.Namespace(verb="")
    try:
        given = _parser().parse_args(arguments)
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


def _run(given: argparse.Namespace) -> int:
    try:
        run_verb, expected_error = _loaded(given)
    except ModuleNotFoundError as missing:
        _print_error(not_installed(missing, *_LOCKS[given.verb]))
        return 1
    try:
        return 0 if run_verb() else 1
    except expected_error as error:
        _print_error(f"error: {error}")
        return 1


_LOCKS = {
    "run": ("requirements.txt",),
    "serve": ("requirements.txt",),
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
        from tests.emulators.sandbox.command import fault, keep_up  # noqa: PLC0415

        if given.verb == "fault":
            return lambda: fault(os.environ, _print, given.name), OfflineError
        is_terminal = sys.stdin.isatty() and sys.stdout.isatty()
        return lambda: keep_up(os.environ, _print, has_shell=is_terminal and given.shell), OfflineError
    from tests.emulators.demo import WIDE, run, serve  # noqa: PLC0415

    columns = columns_of(sys.stdout) or WIDE
    if given.verb == "run":
        return lambda: run(given.pubsub, os.environ, _print, columns=columns), OfflineError
    return lambda: serve(given.pubsub, os.environ, _print, port=given.port, columns=columns), OfflineError


def _end(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m tests.emulators", description="The function, its deployment and a Pub/Sub on this machine."
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    run_parser = verbs.add_parser("run", help="send one signed event of each type and check it, then end")
    serve_parser = verbs.add_parser(
        "serve", help="keep running, print a signed curl command, show every event that arrives"
    )
    serve_parser.add_argument("--port", type=_port, default=8080, help="the function's port (default: 8080)")
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
    return parser


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
