"""Child processes, which never outlive this process, and free ports for them."""

import random
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from typing import IO

_RANDOM = random.SystemRandom()
"""Random numbers without a seed, because two programs with the same seed would choose the same ports."""

MOST_HELD = 128
"""The number of ports that a process holds: the last ones that it was given."""

_HELD: deque[int] = deque()
"""The file descriptors of the sockets that hold them."""

STOP_S = 12.0
"""Seconds that a process has to end after SIGTERM; Cloud Run gives a function 10."""

_END_WITH_PARENT = """
import ctypes, os, signal, sys
PR_SET_PDEATHSIG = 1
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
os.execvp(sys.argv[1], sys.argv[1:])
"""


def start(command: Sequence[str], *, output: IO[bytes], environ: Mapping[str, str] | None = None) -> "Process":
    """Start a program in its own process group, so that Ctrl-C in the terminal reaches this process alone.

    On Linux the kernel ends the program with SIGTERM if this process is killed. Raises ``OSError``.
    """
    windows_flags: int = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    launcher = [sys.executable, "-IS", "-c", _END_WITH_PARENT] if sys.platform == "linux" else []
    return subprocess.Popen(  # an argument list of our own, without a shell
        [*launcher, *command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=environ,
        process_group=0,
        creationflags=windows_flags,
    )


def end(process: "Process") -> None:
    """End a program with SIGTERM, and with SIGKILL if it still runs after ``STOP_S``."""
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    """Return a free port of the loopback address.

    It is below the range from which systems assign ports, so that no other process is assigned it before it is used.
    No other call returns it meanwhile, in this process or another, even while the program that uses it is restarted.
    """
    while not (is_free(port := _RANDOM.randrange(15_000, 32_000)) and _hold(port)):
        pass
    return port


def _hold(port: int) -> bool:
    """Hold a port with a UDP socket of its number, which ends with this process; return False if another holds it."""
    holder = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        holder.bind(("127.0.0.1", port))
    except OSError:
        holder.close()
        return False
    _HELD.append(holder.detach())
    if len(_HELD) > MOST_HELD:
        socket.close(_HELD.popleft())
    return True


def is_free(port: int) -> bool:
    """Whether a process can listen on this port of the loopback address."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


Process = subprocess.Popen[bytes]
