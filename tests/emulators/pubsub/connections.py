"""Cuts one TCP connection of this process, as a network failure would.

gRPC cannot close a single connection of a server. But the connection's socket is among the file descriptors of this
process and can be found by its two ports. Shutting it down ends the connection for both sides, and every call on it.
"""

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from tests.emulators.errors import OfflineError


def cut(server_port: int, peer: str) -> None:
    """Shut down the connection to ``server_port`` with this ``peer``, in gRPC's form: ``ipv4:127.0.0.1:40000``."""
    client_port = int(peer.rpartition(":")[2])
    for connection in _own_sockets():
        with connection:
            if _ports(connection) == (server_port, client_port):
                connection.shutdown(socket.SHUT_RDWR)
                return
    raise OfflineError(f"no connection from {peer} to port {server_port} to cut")


def _own_sockets() -> Iterator[socket.socket]:
    for descriptor in [int(path.name) for path in Path("/dev/fd").iterdir()]:
        with contextlib.suppress(OSError):
            yield _duplicate(descriptor)


def _duplicate(descriptor: int) -> socket.socket:
    duplicate = os.dup(descriptor)
    try:
        return socket.socket(fileno=duplicate)
    except OSError:
        os.close(duplicate)
        raise


def _ports(connection: socket.socket) -> tuple[int, int] | None:
    """Return the local and the remote port of a TCP connection, or None for another socket."""
    if connection.family not in {socket.AF_INET, socket.AF_INET6}:
        return None
    try:
        return connection.getsockname()[1], connection.getpeername()[1]
    except OSError:
        return None
