"""A shell in the sandbox. Its start-up files lie in the sandbox's own home, so that the user's do not lead it away."""

import contextlib
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

NAME = "(sandbox)"
"""What every prompt begins with."""

_FILES = {
    ".bashrc": f"PS1='{NAME} \\W \\$ '\n",
    ".zshrc": f"PROMPT='{NAME} %1~ %# '\n",
    ".config/fish/config.fish": (
        f"set -g fish_greeting\nfunction fish_prompt\n    echo -n '{NAME} '(prompt_pwd)' > '\nend\n"
    ),
}
"""The start-up files of the shells, by their places in the home."""

_FOLDERS = (".local/share/fish/generated_completions", ".cache/fish/generated_completions", "run")
"""Without the first two, fish starts to write completions for every manual page. ``run`` is for temporary files."""

_OF_THE_USER = (
    *("ZDOTDIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "BASH_ENV", "ENV"),
    *(
        "PROMPT_COMMAND",
        "HISTFILE",
        "MAKEFLAGS",
        "MFLAGS",
        "MAKELEVEL",
        "MAKEOVERRIDES",
        "MAKE_TERMOUT",
        "MAKE_TERMERR",
    ),
)
"""Variables that would lead a shell to the user's files, or a ``make`` in it to the options of the one outside."""

END_S = 5.0
"""Seconds that a shell has to end after SIGHUP."""


def furnish(home: Path) -> None:
    """Write the start-up files of bash, zsh and fish."""
    for folder in _FOLDERS:
        (home / folder).mkdir(parents=True)
    for place, text in _FILES.items():
        file = home / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")


def environ_of(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a shell."""
    kept = {name: value for name, value in environ.items() if name not in _OF_THE_USER}
    own = {"PS1": f"{NAME} $ "}  # for shells without a start-up file of theirs
    return {**kept, **own, **dict.fromkeys(("TMPDIR", "XDG_RUNTIME_DIR"), f"{environ['HOME']}/run")}


def program(environ: Mapping[str, str]) -> str:
    """Return the user's shell, or ``sh`` if ``SHELL`` names none."""
    return shutil.which(environ.get("SHELL") or "sh", path=environ.get("PATH", "")) or "/bin/sh"


def visit(command: str, environ: Mapping[str, str]) -> None:
    """Run a shell until the user leaves it. If this process is to end before, the shell is ended first.

    Ctrl-C is the shell's own business: this process ignores it meanwhile.
    """
    before = signal.signal(signal.SIGINT, lambda *_: None)  # SIG_IGN would be inherited
    try:
        process = subprocess.Popen([command], env=dict(environ))
        try:
            process.wait()
        finally:
            _end(process)
    finally:
        signal.signal(signal.SIGINT, before)


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGHUP)  # an interactive shell ignores SIGTERM
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(END_S)
    process.kill()
    process.wait()
