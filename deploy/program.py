"""The name of this command, as the user started it. Every text that shows a command begins with it."""

import re
import sys
from pathlib import PurePath

INSTALLED = "dt-pubsub"
"""The name of the installed command, and of the distribution."""

MODULE = "python -m deploy"
"""The name in a checkout, where nothing is installed."""


def name_of(argv0: str) -> str:
    """Return the name to show. ``argv0``: the path of the program that runs, as in ``sys.argv[0]``.

    A name that begins with dt-pubsub is shown as it is, because pipx can add a suffix: ``dt-pubsub@2``. Windows adds
    ``.exe`` or ``-script.py``.
    """
    name = re.sub(r"(-script\.pyw?|\.exe)$", "", PurePath(argv0).name)
    return name if re.fullmatch(rf"{INSTALLED}[\w.@-]*", name) else MODULE


PROGRAM = name_of(sys.argv[0])
"""The name of this process's command."""

UP = f"{PROGRAM} up"
"""The command that fixes most of what a deployment can lack."""
