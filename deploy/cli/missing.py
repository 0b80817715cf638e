"""What a command shows if the packages that it needs are not installed for the Python that runs it.

It uses nothing but Python's own library. A clone usually has the packages in ``.venv``, and is run with another Python.
"""

import ast
import os
import re
import shlex
import sys
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path

INSTALL = "-m pip install --no-deps --require-hashes"
"""Without ``--no-deps``, a pip before 23.3 may refuse a list with hashes as soon as a newer release exists."""

OURS = {"deploy", "function", "tests"}
"""The packages of this repository, which no installation can add."""

VENV = ".venv"
"""The environment that ``make run`` makes, in the folder of the clone."""

_PYTHON = Path("Scripts/python.exe" if os.name == "nt" else "bin/python")
_PACKAGES = "Lib/site-packages" if os.name == "nt" else "lib/python*/site-packages"


def not_installed(missing: ModuleNotFoundError, *locks: str, python: str = "") -> str:
    """Return the message for a missing package of these lists; raise the error again if the module is our own.

    ``python``: the command that starts this Python in the user's shell, if the packages have to be installed for it.
    """
    name = (missing.name or "").partition(".")[0]
    if name in OURS:
        raise missing
    flags = " ".join(f"-r {lock}" for lock in locks)
    fixes = [f"{python} {INSTALL} {flags}"] if python else _fixes(name, flags)
    return "\n".join((f"error: {name} is not installed for {sys.executable}", *(f"  fix: {line}" for line in fixes)))


def bare_help(program: str, folder: Path) -> str:
    """Return the verbs in short, from the docstrings of their files in this folder: that needs no package."""
    docstrings = (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "" for path in sorted(folder.glob("*.py")))
    found = (re.match(r"``([a-z]+)``: (.+)\.$", text, re.MULTILINE) for text in docstrings)
    verbs = listed((verb[1], verb[2].replace("``", "")) for verb in found if verb)
    return f"usage: {program} VERB [flags]\n\n{verbs}\n\n{program} VERB --help shows the flags of a verb."


def listed(verbs: Iterable[tuple[str, str]]) -> str:
    """Return names and summaries of verbs as a list that fits 80 columns."""
    rows = (textwrap.fill(f"  {name:<8} {summary}", 80, subsequent_indent=" " * 11) for name, summary in verbs)
    return "\n".join(rows)


def wants_help(words: Sequence[str]) -> bool:
    """Return whether a command line only asks for help."""
    return not words or bool({"-h", "--help"} & set(words))


def is_help_of_all(words: Sequence[str]) -> bool:
    """Return whether a command line asks for the list of verbs, which needs no package, and for nothing else."""
    return list(words) in (["-h"], ["--help"])


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
