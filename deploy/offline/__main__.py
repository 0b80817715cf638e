"""``python -m deploy.offline run | serve | rehearse``: everything on this machine, without any account."""

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from types import FrameType

from deploy.cli.doorway import Parser, columns_of, end, not_installed, on_end, open_streams


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Exit status: 0 all went well, 1 a check failed or something did not start, 130 Ctrl-C, 129 or 143 another signal.
    """
    open_streams()
    given = argparse.Namespace(verb="")
    try:
        given = _parser().parse_args(arguments)
        on_end(_end)
        return _run(given)
    except KeyboardInterrupt:
        _tell("\nended; nothing is left running")
        return 0 if given.verb == "serve" else 130
    except BrokenPipeError:  # the reader of our output has left
        return 1
    except OSError as error:  # a full disk
        _tell(f"error: {error}")
        return 1


def _run(given: argparse.Namespace) -> int:
    try:
        act, expected = _loaded(given)
    except ModuleNotFoundError as missing:
        _tell(not_installed(missing, *_LOCKS[given.verb]))
        return 1
    try:
        return 0 if act() else 1
    except expected as error:
        _tell(f"error: {error}")
        return 1


_LOCKS = {
    "run": ("requirements.txt",),
    "serve": ("requirements.txt",),
    "rehearse": ("requirements.txt", "deploy/requirements.txt"),
}
"""What each verb needs installed."""


def _loaded(given: argparse.Namespace) -> tuple[Callable[[], bool], type[Exception]]:
    """Return what the verb does, and the errors that it may end with.

    The imports take most of a second, and Ctrl-C is to be understood from the first moment. ``rehearse`` needs more
    packages than the others do.
    """
    from deploy.offline.errors import OfflineError  # noqa: PLC0415

    if given.verb == "rehearse":
        from deploy.offline.clouds.rehearsal import rehearse  # noqa: PLC0415

        return lambda: rehearse(given.pubsub, os.environ, _say), OfflineError
    from deploy.offline.demo import WIDE, run, serve  # noqa: PLC0415

    columns = columns_of(sys.stdout) or WIDE
    if given.verb == "run":
        return lambda: run(given.pubsub, os.environ, _say, columns=columns), OfflineError
    return lambda: serve(given.pubsub, os.environ, _say, port=given.port, columns=columns), OfflineError


def _end(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m deploy.offline", description="The function, its deployment and a Pub/Sub on this machine."
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    run_parser = verbs.add_parser("run", help="send one signed event of each type, check each, and end")
    serve_parser = verbs.add_parser("serve", help="keep both up, print a signed curl, show every event that arrives")
    serve_parser.add_argument("--port", type=_port, default=8080, help="the function's port (default: 8080)")
    rehearse_parser = verbs.add_parser("rehearse", help="deploy to stand-ins for both clouds, prove it, remove it")
    for verb in (run_parser, serve_parser, rehearse_parser):
        verb.add_argument(
            "--pubsub",
            choices=("auto", "emulator", "embedded"),
            default="auto",
            help="Google's emulator, the embedded stand-in, or whichever is there (default: auto)",
        )
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65_536:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port, 1 to 65535")
    return int(text)


def _say(line: str) -> None:
    print(line, flush=True)


def _tell(line: str) -> None:
    """Write to standard error; if that cannot be written, the exit status has to do."""
    with contextlib.suppress(OSError):
        print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    end(main)
