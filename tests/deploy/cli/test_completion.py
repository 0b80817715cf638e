"""In bash, zsh and fish, the Tab key completes verbs, flags and values."""

import contextlib
import os
import pty
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import shtab

from deploy import __main__ as command
from deploy.cli.completion import FILE, NAME, SHELLS
from deploy.cli.parser import parse
from deploy.errors import DeployError
from deploy.verbs import USAGES

STARTS = {
    "bash": ("bash", "--norc", "--noprofile", "-i"),
    "zsh": ("zsh", "-f", "-i"),
    "fish": ("fish", "--no-config"),
}
SET_UP = {
    "bash": 'eval "$(cat script)"',
    "zsh": 'autoload -Uz compinit; compinit -D; eval "$(cat script)"',
    "fish": "cat script | source",
}
"""How a shell reads a script, as ``completion --help`` says."""

INSTALLED_AT = {
    "bash": ".local/share/bash-completion/completions/dt-pubsub",
    "zsh": ".zfunc/_dt-pubsub",
    "fish": ".config/fish/completions/dt-pubsub.fish",
}
IN_A_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[2:])
"""
"""Makes standard input the terminal of the process, and becomes the shell."""

RECORDS = '#!/bin/sh\nprintf "%s\\n" "$*" >> "$RECORD"\n'
GIVE_UP_S = 120.0
COMPLETED = {
    "sta": "status",
    "completion fi": "completion fish",
    "--vers": "--version",
    "up --min": "up --min-instances",
    "up --project=abc --no-v": "up --project=abc --no-verify",
    "up --invocation unc": "up --invocation unchecked",
    "plan --event-type touch --event-type touchC": "plan --event-type touch --event-type touchCount",
    "verify --config settings.t": "verify --config settings.toml",
    "verify --mem": "verify --mem",  # this verb does not have the flag
}


class Shell:
    """An interactive shell in a terminal of its own, in which the command is a stand-in that records its arguments."""

    def __init__(self, program: str, folder: Path) -> None:
        self._record = folder / "record"
        self._record.touch()
        stand_in = folder / "bin" / NAME
        stand_in.parent.mkdir()
        stand_in.write_text(RECORDS, "utf-8")
        stand_in.chmod(0o755)
        environ = {
            "PATH": f"{stand_in.parent}:/usr/bin:/bin",
            "HOME": str(folder),
            "RECORD": str(self._record),
            "LANG": "C.UTF-8",
            "TERM": "xterm",
        }
        self._terminal, inner = pty.openpty()
        words = [sys.executable, "-c", IN_A_TERMINAL, program, *STARTS[Path(program).name]]
        self._process = subprocess.Popen(
            words, cwd=folder, env=environ, stdin=inner, stdout=inner, stderr=inner, start_new_session=True
        )
        os.close(inner)
        self._shown = b""

    def type(self, text: str) -> str:
        """Type a line; return the arguments with which the shell started the command."""
        before = self._record.read_text("utf-8")
        os.write(self._terminal, f"{text}\n".encode())
        give_up_at = time.monotonic() + GIVE_UP_S
        while (after := self._record.read_text("utf-8")) == before:
            assert time.monotonic() < give_up_at, self._shown
            self.show()
        return after.removeprefix(before).removesuffix("\n").rstrip()

    def show(self) -> bytes:
        """Read what the shell shows, and answer if it asks for the kind of the terminal."""
        if select.select([self._terminal], [], [], 0.05)[0]:
            shown = os.read(self._terminal, 65536)
            if b"\x1b[c" in shown or b"\x1b[0c" in shown:
                os.write(self._terminal, b"\x1b[?1;2c")
            self._shown += shown
        return self._shown

    def end(self) -> None:
        """End the shell."""
        with contextlib.suppress(OSError):
            os.write(self._terminal, b"exit\n")
            while True:  # until the shell has closed the terminal
                os.read(self._terminal, 65536)
        os.close(self._terminal)
        self._process.wait()


def script_of(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        command.main(["completion", shell])
    assert ended.value.code == 0
    return capsys.readouterr().out


@contextlib.contextmanager
def started(shell: str, folder: Path) -> Iterator[Shell]:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"NOT CHECKED: there is no {shell} here")
    running = Shell(program, folder)
    try:
        give_up_at = time.monotonic() + GIVE_UP_S
        while not running.show():  # the first prompt
            assert time.monotonic() < give_up_at
        yield running
    finally:
        running.end()


@pytest.mark.parametrize("shell", SHELLS)
def test_the_tab_key_completes_verbs_flags_values_and_files(
    shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "script").write_text(script_of(shell, capsys), "utf-8")
    (tmp_path / "settings.toml").touch()
    with started(shell, tmp_path) as running:
        assert running.type(f"{SET_UP[shell]}; {NAME} ready") == "ready"
        assert {typed: running.type(f"{NAME} {typed}\t") for typed in COMPLETED} == COMPLETED


def test_without_the_script_the_tab_key_completes_nothing(tmp_path: Path) -> None:
    with started("bash", tmp_path) as running:
        assert running.type(f"{NAME} sta\t") == "sta"


def test_zsh_loads_the_script_from_the_folder_that_help_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / INSTALLED_AT["zsh"]
    place.parent.mkdir()
    place.write_text(script_of("zsh", capsys), "utf-8")
    with started("zsh", tmp_path) as running:
        assert running.type(f"fpath+=~/.zfunc; autoload -Uz compinit; compinit -D; {NAME} ready") == "ready"
        assert running.type(f"{NAME} sta\t") == "status"


def test_help_says_where_the_script_goes_in_every_shell(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["completion", "--help"])
    shown = capsys.readouterr().out
    for shell, place in INSTALLED_AT.items():
        assert f"\n  dt-pubsub completion {shell} > ~/{place}\n" in shown


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["completion"], "required: SHELL"),
        (["completion", "bahs"], "did you mean bash?"),
        (["complete"], "completion?"),
    ],
)
def test_a_shell_that_is_missing_or_unknown_is_an_error_with_a_fix(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(words) == 1
    error, fix = capsys.readouterr().err.splitlines()
    assert message in error
    assert fix in {"  fix: python -m deploy completion --help", "  fix: python -m deploy --help"}


def test_files_are_completed_as_shtab_completes_them() -> None:
    assert {shell: shtab.FILE[shell] for shell in SHELLS} == FILE


def test_only_the_script_needs_shtab_and_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert parse(["plan"], USAGES).verb == "plan"
    with pytest.raises(
        DeployError, match="shtab is not installed, which makes the script\n  fix: python -m pip install"
    ):
        parse(["completion", "bash"], USAGES)
