"""``make sandbox`` keeps both clouds up, with a shell in them. ``make fault`` lists and switches its faults."""

import contextlib
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from deploy.commands import read_events
from deploy.spec import Spec
from tests.emulators.errors import SandboxRefused
from tests.emulators.sandbox import control, shell
from tests.emulators.sandbox.practice import NONE, PRACTICE, Practising
from tests.emulators.sandbox.sandbox import DT_PROJECT, EXPORTS_FISH, EXPORTS_SH, PROJECT, REGION, Sandbox, sandbox
from tests.emulators.sandbox.sensors import EVERY_S, KINDS, Sensors

Say = Callable[[str], object]

PULL = read_events(Spec(PROJECT, REGION), 10)
WAITING = "running until Ctrl-C"


def keep_up(environ: Mapping[str, str], say: Say, *, has_shell: bool) -> bool:
    """Keep both clouds up, with a shell until it is left, or else until a signal comes. Raises ``OfflineError``."""
    say("starting both clouds ...")
    with contextlib.ExitStack() as stack:
        box = stack.enter_context(sandbox("embedded", environ, say))  # the embedded Pub/Sub shows faults
        stack.enter_context(Sensors(box.clouds.dt, on_turn=box.clouds.google.log_entries.collect))  # for their times
        stack.enter_context(control.controlled(Practising(box.clouds), box.folder))
        command = shell.program(environ)
        for line in _welcome(box, command, has_shell=has_shell):
            say(line)
        if has_shell:
            shell.visit(command, shell.environ_of(box.environ))
        else:
            while not threading.Event().wait(0.5):  # without a timeout, no signal would end the wait
                pass
    say("the sandbox has ended; nothing is left running")
    return True


def _welcome(box: Sandbox, command: str, *, has_shell: bool) -> list[str]:
    is_fish = Path(command).name == "fish"
    file = EXPORTS_FISH if is_fish else EXPORTS_SH
    other = EXPORTS_SH if is_fish else EXPORTS_FISH
    lines = [
        f"Google     project {PROJECT}, region {REGION}",
        f"DT         project {DT_PROJECT}; one of {len(KINDS)} sensors reports every {EVERY_S:g} s",
        "Both clouds are stand-ins on this machine, and your own gcloud configuration is not used.",
        "",
        "try        python -m deploy up              deploys and verifies; about a minute",
        "           python -m deploy status",
        f"           {PULL}",
        "           make fault                       lists faults to practise with",
        "tour       docs/sandbox.md",
    ]
    if has_shell:
        elsewhere = f"elsewhere  source {box.folder / file}    brings another terminal into it, until you close it"
        return [*lines, elsewhere, "end        exit", ""]
    names = "fish" if other == EXPORTS_FISH else "bash, zsh"
    return [
        *lines,
        "elsewhere  one of these lines brings another terminal into it, until you close it",
        f"           source {box.folder / file}",
        f"           source {box.folder / other}    ({names})",
        "",
        (box.folder / file).read_text("utf-8"),
        WAITING,
    ]


def fault(environ: Mapping[str, str], say: Say, name: str | None) -> bool:
    """List the faults, or switch one of a running sandbox. Raises ``SandboxRefused``."""
    if name is not None:
        _say_on(control.switch(control.find(environ), name), say)
        return True
    try:
        on = control.switch(control.find(environ), None)
    except SandboxRefused as refused:
        on = []
        say(f"{refused}\n")
    for practice in PRACTICE:
        say(f"{'*' if practice.name in on else ' '} {practice.name:<25} {practice.what}")
        say(f"  {'':<25} {practice.shows.replace('`', '')}")
    say(f"\nmake fault NAME={PRACTICE[0].name} begins one; make fault NAME={NONE} ends all")
    _say_on(on, say)
    return True


def _say_on(on: list[str], say: Say) -> None:
    say(f"on: {', '.join(on)}" if on else "no fault is on")
