"""The names of the counts. Pure."""

MANY = 64
"""Connections of the counts under load."""

YARDSTICK = f"empty function, {MANY} connections: instructions"
"""It runs none of this project's code, so it changes only with the interpreter and the packages."""

ROOMS = "function/ alone: instructions"
ALLOCATIONS = "function/ alone: allocations"


def instructions(connections: int) -> str:
    """Return the name of the instructions of the whole process at so many connections."""
    return f"whole process, {_connections(connections)}: instructions"


def system_calls(connections: int) -> str:
    """Return the name of the system calls of the whole process at so many connections."""
    return f"whole process, {_connections(connections)}: system calls"


def steady_calls(connections: int) -> str:
    """Return the name of the same without ``futex``: how often threads wait for each other depends on chance."""
    return f"{system_calls(connections)} without futex"


def _connections(count: int) -> str:
    return "1 connection" if count == 1 else f"{count} connections"
