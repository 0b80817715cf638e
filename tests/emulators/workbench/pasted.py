"""The commands that the workbench prints, to be pasted into another terminal."""

import shlex
from collections.abc import Mapping
from pathlib import Path

PORT = 8080
"""The port of a workbench if none is given."""

SUBSCRIBER = Path(__file__).with_name("subscriber.py")


def subscriber_lines(host: str, topic: str, python: str, *, is_windows: bool = False) -> list[str]:
    """Return three lines that start a subscriber. The subscription has the name of its topic.

    ``host``: the address of the Pub/Sub. ``topic``: the full name of a topic. The lines are for bash, zsh and fish, or
    on Windows for PowerShell.
    """
    _, project, _, topic_id = topic.split("/")
    names = {"PROJECT": project, "TOPIC": topic_id, "SUBSCRIPTION": topic_id}
    exports = ({"PUBSUB_EMULATOR_HOST": host}, names)
    if is_windows:
        command = f"& {_power_quoted(python)} {_power_quoted(str(SUBSCRIBER))}"
        name = '"projects/$env:PROJECT/subscriptions/$env:SUBSCRIPTION"'
        return [*(_power_exported(values) for values in exports), f"{command} {name}"]
    command = shlex.join([python, str(SUBSCRIBER)])
    return [*(_exported(values) for values in exports), f'{command} "projects/$PROJECT/subscriptions/$SUBSCRIPTION"']


def send_command(port: int, *, is_windows: bool = False) -> str:
    """Return the command that sends an event to the workbench on this port."""
    if is_windows:
        return f"python -m tests.emulators send --type co2{'' if port == PORT else f' --port {port}'}"
    return f"make send TYPE=co2{'' if port == PORT else f' PORT={port}'}"


def curl(url: str, body: bytes, headers: Mapping[str, str]) -> str:
    """Return the curl command that posts a body."""
    flags = [flag for name, value in headers.items() for flag in ("-H", f"{name}: {value}")]
    return shlex.join(["curl", "-i", url, *flags, "--data-binary", body.decode()])


def _exported(values: Mapping[str, str]) -> str:
    return "export " + " ".join(f"{name}={shlex.quote(value)}" for name, value in values.items())


def _power_exported(values: Mapping[str, str]) -> str:
    return "; ".join(f"$env:{name} = {_power_quoted(value)}" for name, value in values.items())


def _power_quoted(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"
