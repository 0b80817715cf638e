"""Completion in the user's shell: prints a script that knows all verbs, flags and closed sets of values.

shtab makes the script from the parser. A script is static, so that completing a word starts no Python. All other
commands, and all help, work without shtab.
"""

import argparse
import importlib
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from deploy.cli.missing import INSTALL
from deploy.errors import DeployError
from deploy.program import INSTALLED, MODULE, PROGRAM

VERB = "completion"
SHELLS = ("bash", "zsh", "fish")
NAME = INSTALLED if PROGRAM == MODULE else PROGRAM
"""The command that is completed. A shell completes commands by their first word, and that of a module is python."""

SUMMARY = "print the script that completes verbs and flags in a shell"
HOW_TO = f"""\
To complete in every new shell, run once, or again after an update:

bash, with its package bash-completion:
  mkdir -p ~/.local/share/bash-completion/completions
  {NAME} {VERB} bash > ~/.local/share/bash-completion/completions/{NAME}

zsh, in which ~/.zshrc has fpath+=~/.zfunc before its line compinit:
  mkdir -p ~/.zfunc
  {NAME} {VERB} zsh > ~/.zfunc/_{NAME}

fish:
  mkdir -p ~/.config/fish/completions
  {NAME} {VERB} fish > ~/.config/fish/completions/{NAME}.fish

To complete in this shell only:
  eval "$({NAME} {VERB} bash)"
  eval "$({NAME} {VERB} zsh)"
  {NAME} {VERB} fish | source

Values of flags are completed after a blank: --event-type TYPE. A value after =
is completed in fish only.

exit status: 0: printed   1: error"""

FILE = {"bash": "_shtab_compgen_files", "zsh": "_files", "fish": "(__fish_complete_path (commandline -ct))"}
"""The attribute ``complete`` of an argument whose value is the path of a file: shtab's own, for these shells."""


def print_script(build: Callable[[str], argparse.ArgumentParser]) -> type[argparse.Action]:
    """Return an action that prints the script of the named shell, and ends the process, as ``--help`` does.

    ``build``: returns the parser for a command of this name.
    """

    class PrintScript(argparse.Action):
        """The action of the argument that names the shell."""

        def __call__(
            self,
            parser: argparse.ArgumentParser,
            namespace: argparse.Namespace,
            values: Any,
            option_string: str | None = None,
        ) -> NoReturn:
            """Print the script."""
            del namespace, option_string
            try:
                shtab = importlib.import_module("shtab")  # only here, so that all help works without it
            except ModuleNotFoundError:
                lock = Path(__file__).parents[1] / "requirements.txt"
                fix = f"python {INSTALL} -r {shlex.quote(str(lock))}"
                raise DeployError("shtab is not installed, which makes the script", fix=[fix]) from None
            print(shtab.complete(build(NAME), values))
            parser.exit()

    return PrintScript
