"""``make sandbox`` and ``make fault``, without gcloud: ``real_gcloud/test_sandbox.py`` has what needs the real one."""

import contextlib
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.blackbox.serving import eventually
from tests.emulators.clients import all_on, ask
from tests.emulators.clouds import Clouds, clouds
from tests.emulators.clouds.dt.connectors import Counts
from tests.emulators.clouds.google.estate import Estate
from tests.emulators.clouds.google.pubsub import PUBLISHER
from tests.emulators.errors import SandboxRefused
from tests.emulators.sandbox import control, exports
from tests.emulators.sandbox.practice import DENIED, FLAWS, NONE, PRACTICE, SLOW_S, Practising
from tests.emulators.sandbox.sensors import KINDS, MOST_PENDING, Sensors
from tests.emulators.test_run import ROOT, command, is_listening, read_until

pytestmark = pytest.mark.tools

SHELLS = ("bash", "zsh", "fish")
TOPIC = "projects/demo-proj/topics/dt-events"
PUBSUB, DT_API = "https://pubsub.googleapis.com/v1", "https://api.disruptive-technologies.com/v2"
POISON = {
    "CLOUDSDK_ACTIVE_CONFIG_NAME": "poison",
    "CLOUDSDK_PYTHON_ARGS": "-S",
    "DEPLOY_NAME": "poison",
    "DT_CREDENTIALS_FILE": "poison",
    "NO_PROXY": "*",
    "GOOGLE_APPLICATION_CREDENTIALS": "poison",
}


@pytest.fixture
def sky() -> Iterator[Clouds]:
    """Return both clouds with a topic to which a service account may publish, and a Data Connector."""
    with clouds("embedded", estate=all_on(Estate(account_lag_s=0))) as both:
        ask(both, "PUT", f"{PUBSUB}/{TOPIC}", {})
        accounts = "https://iam.googleapis.com/v1/projects/demo-proj/serviceAccounts"
        ask(both, "POST", accounts, {"accountId": "dt-pubsub"})
        member = "serviceAccount:dt-pubsub@demo-proj.iam.gserviceaccount.com"
        bindings = [{"role": PUBLISHER, "members": [member]}, {"role": "roles/viewer", "members": ["user:a@b.example"]}]
        assert ask(both, "POST", f"{PUBSUB}/{TOPIC}:setIamPolicy", {"policy": {"bindings": bindings}}).status == 200
        push = {"url": "https://a.run.app", "signatureSecret": "right" * 8}
        both.dt.connectors.add(both.dt.tenant.project, {"httpConfig": push})
        yield both


def state(sky: Clouds) -> dict[str, Any]:
    """Return what the faults change: settings of both clouds, and the answers to a request of each kind."""
    began_at = time.monotonic()
    with grpc.insecure_channel(sky.backend.host) as channel:
        publish: Any = channel.unary_unary("/google.pubsub.v1.Publisher/Publish")
        try:
            publish(b"\n" + bytes([len(TOPIC)]) + TOPIC.encode() + b"\x12\x03\n\x01x", timeout=30)
            published = "OK"
        except grpc.RpcError as error:
            published = str(error.code())
    return {
        "publish": (published, time.monotonic() - began_at > SLOW_S * 0.9),
        "answers": [
            ask(sky, "GET", url).status for url in (f"{PUBSUB}/{TOPIC}", f"{DT_API}/projects", "https://a.run.app")
        ],
        "connectors": sky.dt.connectors.of(sky.dt.tenant.project),
        "policy": sorted(sky.google.policies.get(TOPIC)["bindings"], key=str),
        "denied": set(sky.google.estate.denied),
        "flaws": [sky.dt.deliveries.flaw() for _ in FLAWS],
    }


@pytest.mark.parametrize("name", [practice.name for practice in PRACTICE])
def test_every_fault_changes_something_and_none_restores_it(sky: Clouds, name: str) -> None:
    practising, before = Practising(sky), state(sky)

    assert practising.switch(name) == [name]
    assert state(sky) != before
    assert practising.switch(NONE) == []
    assert state(sky) == before


def test_faults_of_different_places_add_up_and_of_one_place_the_newer_one_counts(sky: Clouds) -> None:
    practising = Practising(sky)

    practising.switch("pubsub-down")
    assert practising.switch("dt-api-429") == ["pubsub-down", "dt-api-429"]
    assert practising.switch("dt-api-down") == ["pubsub-down", "dt-api-down"]
    assert practising.switch("dt-api-down") == ["pubsub-down", "dt-api-down"], "it is on already"
    assert ask(sky, "GET", f"{DT_API}/projects").status == 503
    practising.switch(NONE)
    assert ask(sky, "GET", f"{DT_API}/projects").status == 401


def test_what_the_operator_repaired_meanwhile_stays_as_it_is(sky: Clouds) -> None:
    practising, (connector,) = Practising(sky), sky.dt.connectors.of(sky.dt.tenant.project)
    for name in ("wrong-secret-in-dt", "connector-disabled-by-dt", "publisher-role-missing"):
        practising.switch(name)
    sky.dt.connectors.change(connector["name"], {"httpConfig": {"signatureSecret": "newer" * 8}, "status": "ACTIVE"})
    policy = {"bindings": [{"role": PUBLISHER, "members": ["user:newer@b.example"]}]}
    sky.google.policies.replace(TOPIC, {"policy": policy})

    practising.switch(NONE)

    (repaired,) = sky.dt.connectors.of(sky.dt.tenant.project)
    assert (repaired["httpConfig"]["signatureSecret"], repaired["status"]) == ("newer" * 8, "ACTIVE")
    assert sky.google.policies.get(TOPIC)["bindings"] == policy["bindings"]


@pytest.mark.parametrize("name", ["wrong-secret-in-dt", "connector-disabled-by-dt", "publisher-role-missing"])
def test_a_fault_that_needs_a_deployment_says_so(name: str) -> None:
    with clouds("embedded") as empty, pytest.raises(SandboxRefused, match=r"yet\n  fix: python -m deploy up"):
        Practising(empty).switch(name)


def test_after_none_dt_sends_at_once_and_forgets_its_failures(sky: Clouds) -> None:
    practising, dt = Practising(sky), sky.dt
    (connector,) = dt.connectors.of(dt.tenant.project)
    dt.deliveries.first_pause_s = 3600.0
    sensor = dt.devices.create(dt.tenant.project, "touch", {}, "100102")
    dt.devices.publish(sensor["name"], "touch", {})
    assert eventually(lambda: dt.connectors.counts(connector["name"]).metrics()["metrics"]["errorCount"] == 1)

    practising.switch(NONE)

    assert eventually(lambda: len(dt.deliveries.attempts) == 2)


def test_a_failure_that_began_before_it_was_forgiven_is_not_counted() -> None:
    now = [10.0]
    counts = Counts(clock=lambda: now[0])
    counts.add(0.1)
    counts.add(None)
    counts.forgive()
    now[0] = 12.0
    counts.add(None, 9.0)
    counts.add(None, 11.0)
    metrics = counts.metrics()["metrics"]
    assert (metrics["successCount"], metrics["errorCount"]) == (1, 1)


def test_sensors_report_in_turn_until_too_many_events_wait(sky: Clouds) -> None:
    turns: list[int] = []
    with Sensors(sky.dt, every_s=0.01, on_turn=lambda: turns.append(sky.dt.deliveries.pending())):
        assert eventually(lambda: len(turns) > MOST_PENDING + 20)
    reported = {event["eventType"] for _, event in sky.dt.devices.latest(sky.dt.tenant.project)}
    assert reported == {kind.event_type for kind in KINDS}
    assert max(turns) == MOST_PENDING


def sourced(shell: str, lines: str, environ: dict[str, str]) -> dict[str, str]:
    """Return the environment after these lines were pasted into a shell."""
    if shutil.which(shell) is None:
        pytest.skip(f"NOT CHECKED: there is no {shell} here")
    started = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **environ}
    done = subprocess.run([shell], input=f"{lines}env -0\n", env=started, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return dict(line.split("=", 1) for line in done.stdout.split("\0") if "=" in line)


@pytest.mark.parametrize("shell", SHELLS)
def test_the_exports_set_the_sandbox_and_unset_what_leads_elsewhere(shell: str) -> None:
    variables = {"DEPLOY_PROJECT": "my-project", "ODD": "a 'b' \"c\" $HOME \\ \\' `d` *", "PATH": "/a venv/bin"}
    lines = exports.for_fish(variables) if shell == "fish" else exports.for_bash(variables)

    found = sourced(shell, lines, POISON)

    assert {name: found.get(name) for name in ("DEPLOY_PROJECT", "ODD")} == {
        name: variables[name] for name in ("DEPLOY_PROJECT", "ODD")
    }
    assert found["PATH"] == f"/a venv/bin:{os.environ['PATH']}"
    assert POISON.keys() & found.keys() == {"CLOUDSDK_PYTHON_ARGS"}, "it says how gcloud is run"


@pytest.mark.parametrize("shell", SHELLS)
def test_a_terminal_that_gets_the_exports_says_once_that_it_is_in_the_sandbox_and_how_to_leave(
    shell: str, tmp_path: Path
) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"NOT CHECKED: there is no {shell} here")
    lines = exports.for_fish({}) if shell == "fish" else exports.for_bash({})
    typed = {
        "fish": f"function fish_prompt; echo -n 'mine> '; end\n{lines}{lines}fish_prompt",
        "other": f"PS1='mine> '\n{lines}{lines}printf '%s' \"$PS1\"",
    }
    arguments = ["-i", "-c", typed["fish"]] if shell == "fish" else ["-c", typed["other"]]
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8", "TERM": "dumb"}
    done = subprocess.run([shell, *arguments], env=environ, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == f"{exports.LEAVE}\n(sandbox) mine> "


@pytest.fixture
def bins(tmp_path: Path) -> Path:
    """Return a folder with a stand-in for gcloud."""
    folder = tmp_path / "bins"
    folder.mkdir()
    (folder / "gcloud").write_text("#!/bin/sh\nexit 0\n", "utf-8")
    (folder / "gcloud").chmod(0o755)
    return folder


@contextlib.contextmanager
def sandboxed(bins: Path) -> Iterator[tuple["subprocess.Popen[str]", list[str]]]:
    """Start a sandbox without a terminal, and give it with what it prints."""
    (bins.parent / "tmp").mkdir(exist_ok=True)
    environ = {"PATH": f"{bins}:{os.environ['PATH']}", "TMPDIR": str(bins.parent / "tmp"), "SHELL": "/bin/bash"}
    with command("sandbox", **environ) as process:
        yield process, read_until(process, "running until Ctrl-C")


def exported(lines: list[str]) -> dict[str, str]:
    """Return the variables that a sandbox has printed as exports."""
    return dict(line.removeprefix("export ").split("=", 1) for line in lines if line.startswith("export "))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_sandbox_prints_its_exports_and_leaves_nothing_behind(bins: Path, number: signal.Signals) -> None:
    with sandboxed(bins) as (process, lines):
        variables = exported(lines)
        folder = Path(variables[control.VARIABLE])
        written = (folder / "exports.sh").read_text("utf-8")
        assert written in "\n".join([*lines, ""])
        assert "set -gx DEPLOY_PROJECT 'my-project'" in (folder / "exports.fish").read_text("utf-8")
        ports = [int(variables[name].rpartition(":")[2]) for name in ("https_proxy", "PUBSUB_EMULATOR_HOST")]
        assert all(map(is_listening, ports))
        process.send_signal(number)
        process.communicate(timeout=60)

    assert process.returncode == (0 if number == signal.SIGINT else 128 + number)
    assert not any(map(is_listening, ports))
    assert [*(bins.parent / "tmp").iterdir()] == []


def test_without_gcloud_a_sandbox_says_where_to_get_it(tmp_path: Path) -> None:
    with command("sandbox", PATH=str(tmp_path)) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert re.search(r"error: gcloud is not installed.*\n  fix: https://", errors)


def fault(*arguments: str, **environ: str) -> tuple[int, str]:
    """Run ``python -m tests.emulators fault``; give its exit status and output."""
    with command("fault", *arguments, **environ) as process:
        output, errors = process.communicate(timeout=60)
        return process.returncode, output + errors


def test_faults_are_listed_and_switched_from_another_terminal_also_of_two_sandboxes(bins: Path) -> None:
    temporary = {"TMPDIR": str(bins.parent / "tmp"), control.VARIABLE: ""}
    with sandboxed(bins) as (_, lines):
        one = exported(lines)[control.VARIABLE]
        assert fault("pubsub-down", **temporary) == (0, "on: pubsub-down\n")
        with sandboxed(bins) as (_, others):
            two = exported(others)[control.VARIABLE]
            status, said = fault("pubsub-slow", **temporary)
            assert (status, "2 sandboxes are running" in said, f"fix: export {control.VARIABLE}=" in said) == (
                1,
                True,
                True,
            )
            assert fault("pubsub-slow", **{control.VARIABLE: two}) == (0, "on: pubsub-slow\n")
            status, said = fault(**{control.VARIABLE: one})
        assert (status, said.splitlines()[-1]) == (0, "on: pubsub-down")
        assert re.findall(r"^[ *] (\S+) ", said, re.MULTILINE) == [practice.name for practice in PRACTICE]
        assert re.findall(r"^\* (\S+) ", said, re.MULTILINE) == ["pubsub-down"]
        assert fault("nonsense", **temporary) == (1, "error: no fault is called 'nonsense'\n  fix: make fault\n")
        assert fault("pubsub-dwon", **temporary) == (
            1,
            "error: no fault is called 'pubsub-dwon'; did you mean pubsub-down?\n  fix: make fault\n",
        )
        assert fault("none", **temporary) == (0, "no fault is on\n")


def test_a_port_of_another_sandbox_switches_nothing(sky: Clouds, tmp_path: Path) -> None:
    """The port of a sandbox that was killed may belong to another one by now."""
    ours, killed = tmp_path / "ours", tmp_path / "killed"
    for folder in (ours, killed):
        folder.mkdir()
    with control.controlled(Practising(sky), ours):
        written = json.loads((ours / control.PORT_FILE).read_text("utf-8"))
        (killed / control.PORT_FILE).write_text(json.dumps({**written, "token": "of the other"}), "utf-8")

        with pytest.raises(SandboxRefused, match="this is another sandbox"):
            control.switch(killed, "dt-api-429")
        assert control.switch(ours, None) == []
    with pytest.raises(SandboxRefused, match="is not running"):
        control.switch(ours, None)


def test_without_a_sandbox_the_faults_are_listed_but_none_can_begin(tmp_path: Path) -> None:
    temporary = {"TMPDIR": str(tmp_path), control.VARIABLE: ""}
    (tmp_path / f"{control.PREFIX}ended").mkdir()

    status, said = fault(**temporary)
    assert (status, "no sandbox is running\n  fix: make sandbox\n" in said, DENIED in said) == (0, True, True)
    assert fault("pubsub-down", **temporary) == (1, "error: no sandbox is running\n  fix: make sandbox\n")


ON_THE_TERMINAL = """
import fcntl, runpy, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
sys.argv[1:] = ["sandbox"]
runpy.run_module("tests.emulators", run_name="__main__")
"""
"""Makes the terminal the controlling one of the new session, as a terminal window does."""


@contextlib.contextmanager
def terminal(bins: Path, shell: str, **more: str) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    """Start a sandbox on a terminal of its own."""
    (bins.parent / "tmp").mkdir()
    environ = {**os.environ, "PATH": f"{bins}:{os.environ['PATH']}", "TMPDIR": str(bins.parent / "tmp"), "TERM": "dumb"}
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", ON_THE_TERMINAL],
        cwd=ROOT,
        env={**environ, "SHELL": shutil.which(shell) or shell, **more},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield process, ours
    finally:
        os.close(ours)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()
        process.wait()


def until(ours: int, text: str) -> str:
    """Read what the terminal shows, up to a text or its end."""
    shown, give_up_at = "", time.monotonic() + 60
    while text not in shown and time.monotonic() < give_up_at:
        if select.select([ours], [], [], 0.5)[0]:
            try:
                shown += os.read(ours, 65_536).decode("utf-8", "replace")
            except OSError:  # the terminal has no other side any more
                break
    return shown


@pytest.mark.parametrize("shell", SHELLS)
def test_on_a_terminal_a_sandbox_is_a_shell_with_its_own_prompt_and_home(bins: Path, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"NOT CHECKED: there is no {shell} here")
    users = bins.parent / "home"
    (users / ".config/fish").mkdir(parents=True)
    for name in (".bashrc", ".zshrc", ".zshenv", ".config/fish/config.fish"):
        (users / name).write_text("export DEPLOY_PROJECT=poison\n", "utf-8")
    with terminal(bins, shell, HOME=str(users), MAKEFLAGS="n", **POISON) as (process, ours):
        welcome = until(ours, "(sandbox)")
        assert "try        python -m deploy up" in welcome
        assert "brings another terminal into it, until you close it" in welcome
        os.write(ours, b"echo at $DEPLOY_PROJECT $DEPLOY_NAME$MAKEFLAGS $HOME end\n")
        shown = until(ours, "home end\r\n")
        os.write(ours, b"\x03")
        assert process.poll() is None, "Ctrl-C at the prompt ended the sandbox"
        os.write(ours, b"\nexit\n")
        assert "the sandbox has ended; nothing is left running" in until(ours, "left running")
        assert process.wait(30) == 0
    assert re.search(rf"at my-project +{bins.parent / 'tmp' / control.PREFIX}\w+/home end", shown), shown
    assert [*(bins.parent / "tmp").iterdir()] == []


def test_a_closed_terminal_ends_the_shell_and_the_sandbox(bins: Path) -> None:
    with terminal(bins, "bash") as (process, ours):
        until(ours, "(sandbox)")
    assert process.returncode == 128 + signal.SIGHUP
    assert [*(bins.parent / "tmp").iterdir()] == []
