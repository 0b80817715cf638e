"""init as its users run it: on a real terminal, with the real gcloud, and then the verb that it names."""

import os
import pty
import re
import select
import subprocess
import sys
import time
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.real_gcloud.user import PATIENCE_S, ROOT, THOROUGH, User

pytestmark = THOROUGH

IN_A_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "deploy", *sys.argv[1:]])
"""
"""Makes standard input the terminal of the process, so that Ctrl-C reaches it, and becomes the command."""

CTRL_C, CTRL_D = "\x03", "\x04"


class Screen:
    """A verb that runs in a terminal of its own. ``shown``: all that the terminal showed, without what was typed."""

    def __init__(self, folder: Path, environ: Mapping[str, str], *arguments: str) -> None:
        self._terminal, inner = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-c", IN_A_TERMINAL, *arguments],
            cwd=folder,
            env={**environ, "PYTHONPATH": str(ROOT)},
            stdin=inner,
            stdout=inner,
            stderr=inner,
            start_new_session=True,
        )
        os.close(inner)
        self.shown = ""

    def type(self, prompt: str, text: str) -> None:
        """Wait for a prompt at the end of what is shown, and type a text."""
        give_up_at = time.monotonic() + PATIENCE_S
        while not self.shown.endswith(prompt):
            if time.monotonic() > give_up_at or not self._read():
                self._process.kill()
                pytest.fail(f"it did not ask {prompt!r}: {self.shown}")
        os.write(self._terminal, text.encode())
        self.shown += "\n"  # so that the same prompt is waited for again

    def ended(self) -> int:
        """Wait for the end; return the exit status."""
        give_up_at = time.monotonic() + PATIENCE_S
        while self._read():
            assert time.monotonic() < give_up_at, self.shown
        os.close(self._terminal)
        return self._process.wait(PATIENCE_S)

    def _read(self) -> bool:
        """Read for a moment what is shown; return False at its end."""
        if not select.select([self._terminal], [], [], 0.1)[0]:
            return True
        try:
            text = os.read(self._terminal, 65536).decode("utf-8", "replace")
        except OSError:  # the last process has closed the terminal
            return False
        self.shown += text.replace("\r\n", "\n")
        return bool(text)


def without_settings(user: User, *, key: bool = True) -> dict[str, str]:
    """Return the environment of a user who has set nothing but, if wanted, DT's key."""
    dropped = ("DEPLOY_",) if key else ("DEPLOY_", "DT_")
    return {name: value for name, value in user.environ.items() if not name.startswith(dropped)}


def folder_of(user: User) -> Path:
    """Return an empty folder to work in."""
    folder = user.folder / "work"
    folder.mkdir()
    return folder


def test_init_on_a_terminal_asks_for_the_key_finds_the_rest_and_writes_what_the_next_command_reads(user: User) -> None:
    folder, tenant, project = folder_of(user), user.both_clouds.dt.tenant, user.both_clouds.google.estate.project
    screen = Screen(folder, without_settings(user, key=False), "init")
    screen.type("DT_SERVICE_ACCOUNT_KEY_ID: ", f"{tenant.key_id}\n")
    screen.type("DT_SERVICE_ACCOUNT_SECRET: ", f"{tenant.secret}\n")
    screen.type("DT_SERVICE_ACCOUNT_EMAIL: ", f"{tenant.email}\n")
    screen.type(f"number, id or part of a name [{project}]: ", "\n")
    screen.type("your answer [dt-pubsub]: ", "\n")
    screen.type("number, id or part of a name [europe-west1]: ", "mars-north1\n")
    screen.type("number, id or part of a name [europe-west1]: ", "us-east\n")
    screen.type("number, id or part of a name [europe-west1]: ", "us-east1\n")
    screen.type(f"numbers or ids, separated by commas [{tenant.project}]: ", "1\n")
    assert screen.ended() == 0, screen.shown

    assert "region mars-north1: is unknown" in screen.shown
    assert "wrote deploy.toml\n" in screen.shown
    assert "next: python -m deploy up\n" in screen.shown
    assert tenant.secret not in screen.shown
    written = (folder / "deploy.toml").read_text("utf-8")
    settings = {"project": project, "region": "us-east1", "dt_projects": [tenant.project]}
    assert (tomllib.loads(written), tenant.secret in written) == (settings, False)
    assert user.changes() == []
    assert user.both_clouds.log.not_played() == []


def test_up_without_settings_offers_init_and_goes_on_with_what_it_wrote(user: User) -> None:
    folder = folder_of(user)
    screen = Screen(folder, without_settings(user), "up")
    screen.type("There is no --region and no --dt-project yet. Run init now? [Y/n] ", "\n")
    for _ in range(4):
        screen.type("]: ", "\n")
    screen.type("[y/N] ", "n\n")
    assert screen.ended() == 1, screen.shown
    assert "wrote deploy.toml\n" in screen.shown
    assert re.search(r"^\d+ to create", screen.shown, re.MULTILINE), screen.shown
    assert "next:" not in screen.shown
    assert user.changes() == []


def test_ctrl_c_and_ctrl_d_leave_no_file_and_say_that_nothing_was_changed(user: User) -> None:
    folder = folder_of(user)
    for key in (CTRL_C, CTRL_D):
        screen = Screen(folder, without_settings(user), "init")
        screen.type("]: ", "\n")
        screen.type("]: ", key)
        assert (screen.ended(), "nothing was changed" in screen.shown) == (1, True), screen.shown
    assert list(folder.iterdir()) == []


def test_yes_without_a_terminal_takes_over_the_deployment_of_a_colleague(owner: User) -> None:
    folder, file = folder_of(owner), owner.folder / "work" / "deploy.toml"
    environ = {**without_settings(owner), "PYTHONPATH": str(ROOT)}
    status, printed = owner.runs("init", "--yes", source=folder, environ=environ)
    assert (status, tomllib.loads(file.read_text("utf-8"))) == (
        0,
        {
            "project": owner.both_clouds.google.estate.project,
            "region": "europe-west1",
            "dt_projects": [owner.both_clouds.dt.tenant.project],
        },
    ), printed
    status, printed = owner.runs("plan", source=folder, environ=environ)
    assert (status, "nothing to do: everything is as it should be" in printed) == (0, True), printed
