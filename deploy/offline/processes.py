"""Programs started beside this one, which never outlive it."""

import random
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import IO

_CHANCE = random.SystemRandom()
"""No seed decides on it: two programs that have the same one would take the same ports."""

STOP_S = 12.0
"""Seconds to end in after SIGTERM; Cloud Run gives a function 10."""

_END_WITH_PARENT = """
import ctypes, os, signal, sys
PR_SET_PDEATHSIG = 1
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
os.execvp(sys.argv[1], sys.argv[1:])
"""


def start(command: Sequence[str], *, output: IO[bytes], environ: Mapping[str, str] | None = None) -> "Process":
    """Start a program in a process group of its own, so that Ctrl-C in the terminal is ours alone to handle.

    On Linux the kernel ends it with SIGTERM when this process is killed. Raises OSError.
    """
    apart: int = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)  # what Windows has instead
    launcher = [sys.executable, "-IS", "-c", _END_WITH_PARENT] if sys.platform == "linux" else []
    return subprocess.Popen(  # noqa: S603  # an argument list of our own, without a shell
        [*launcher, *command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=environ,
        process_group=0,
        creationflags=apart,
    )


def end(process: "Process") -> None:
    """End a program: politely, and when that is no use, for certain."""
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    """Find a port of the loopback address that nobody listens on.

    It is below those that systems give to whoever asks for any port, so that none is given away before it is used.
    """
    while not is_free(port := _CHANCE.randrange(15_000, 32_000)):
        pass
    return port


def is_free(port: int) -> bool:
    """Whether a port of the loopback address can be listened on."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


Process = subprocess.Popen[bytes]
