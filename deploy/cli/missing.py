"""What a command shows if the packages that it needs are not installed for the Python that runs it.

It uses nothing but Python's own library. A clone usually has the packages in ``.venv``, and is run with another Python.
"""

import os
import shlex
import sys
from pathlib import Path

INSTALL = "-m pip install --no-deps --require-hashes"
"""Without ``--no-deps``, a pip before 23.3 may refuse a list with hashes as soon as a newer release exists."""

OURS = {"deploy", "function", "tests"}
"""The packages of this repository, which no installation can add."""

VENV = ".venv"
"""The environment that ``make run`` makes, in the folder of the clone."""

_PYTHON = Path("Scripts/python.exe" if os.name == "nt" else "bin/python")
_PACKAGES = "Lib/site-packages" if os.name == "nt" else "lib/python*/site-packages"


def not_installed(missing: ModuleNotFoundError, *locks: str, python: str = "") -> tuple[str, list[str]]:
    """Return which package of these lists is missing, and the commands that help.

    It raises the error again if the module is our own. ``python``: the command that starts this Python in the user's
    shell, if the packages have to be installed for it.
    """
    name = (missing.name or "").partition(".")[0]
    if name in OURS:
        raise missing
    flags = " ".join(f"-r {lock}" for lock in locks)
    fixes = [f"{python} {INSTALL} {flags}"] if python else _fixes(name, flags)
    return f"{name} is not installed for {sys.executable}", fixes


def _fixes(name: str, flags: str) -> list[str]:
    """Return the commands that help: with the environment of the clone, if this Python belongs to no other one."""
    python = Path(VENV) / _PYTHON
    if (Path(sys.executable).parents[1] / "pyvenv.cfg").exists():  # also right under python -S
        return [f"python {INSTALL} {flags}"]
    if not python.exists():
        return [f"{Path(sys.executable).name} -m venv {VENV}", f"{python} {INSTALL} {flags}"]
    if any(Path(VENV).glob(f"{_PACKAGES}/{name}")):
        return [shlex.join((str(python), *sys.orig_argv[1:]))]
    return [f"{python} {INSTALL} {flags}"]
