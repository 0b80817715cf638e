"""``python -m deploy.offline run | serve | rehearse``: everything on this machine, without any account."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Exit status: 0 all went well, 1 a check failed or something did not start, 130 Ctrl-C, 129 or 143 another signal.
    """
    given = _parser().parse_args(arguments)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell's background job ignores it
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGHUP, _end)
    try:
        return _run(given)
    except KeyboardInterrupt:
        print("\nended; nothing is left running", file=sys.stderr)
        return 0 if given.verb == "serve" else 130
    except BrokenPipeError:  # whoever read our output has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _run(given: argparse.Namespace) -> int:
    # these take most of a second to import, and Ctrl-C is to be understood from the first moment
    from deploy.offline.clouds.rehearsal import rehearse  # noqa: PLC0415
    from deploy.offline.demo import run, serve  # noqa: PLC0415
    from deploy.offline.errors import OfflineError  # noqa: PLC0415

    try:
        if given.verb == "run":
            return 0 if run(given.pubsub, os.environ, _say) else 1
        if given.verb == "rehearse":
            return 0 if rehearse(given.pubsub, os.environ, _say) else 1
        serve(given.pubsub, os.environ, _say, port=given.port)
    except OfflineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _end(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
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


if __name__ == "__main__":
    sys.exit(main())
