"""A run of tests that leaves a process, socket or file behind fails, removes it, and reports it."""

import os
import signal
from pathlib import Path

import pytest

from tests.blackbox.serving import eventually
from tests.inner import begin, ids, run
from tests.leftovers import Family, Program

pytestmark = pytest.mark.tools

ROOT_PROGRAM = Program(pid=100, parent=1, group=100, session=90, began=5)
IMPORTS = "import os, signal, socket, subprocess, sys, tempfile, time\nkept = []\n"
SLEEPS = "[sys.executable, '-c', 'import time; time.sleep(600)']"


def child(pid: int, parent: int = 100, *, group: int = 100, session: int = 90, began: int = 10) -> Program:
    return Program(pid, parent, group, session, began)


def family(*looks: list[Program]) -> list[int]:
    """Return the ids of the processes that belong to the run in the last of these looks."""
    members = Family(ROOT_PROGRAM)
    return [program.pid for program in [members.look([ROOT_PROGRAM, *look]) for look in looks][-1]]


def test_children_and_their_children_belong_to_the_run() -> None:
    assert family([child(101), child(102, 101), child(103, 1), child(104, 102)]) == [101, 102, 104]


def test_an_orphan_that_was_seen_before_belongs_to_the_run() -> None:
    assert family([child(101), child(102, 101)], [child(102, 1)]) == [102]


def test_an_orphan_in_a_group_or_session_of_the_run_belongs_to_it() -> None:
    leader = child(101, group=101, session=101)
    assert family([leader], [child(102, 1, group=101, session=101)]) == [102]
    assert family([leader], [child(103, 1, group=103, session=101)]) == [103]


def test_other_processes_in_the_runs_own_group_and_session_do_not_belong_to_it() -> None:
    assert family([child(101)], [child(102, 1)]) == []


def test_a_reused_id_does_not_belong_to_the_run() -> None:
    leader = child(101, group=101, session=101)
    stranger = child(101, 1, group=101, session=101, began=99)
    assert family([leader], [], [stranger, child(102, 101, group=101, session=101)]) == []


def leaves(folder: Path, what: str, *options: str) -> str:
    """Return the output of a run whose test passes and leaves something behind."""
    status, output = run(folder, f"{IMPORTS}\ndef test_it():\n    {what}\n", *options)
    assert (status, "1 passed" in output) == (1, True), output
    return output


def has_ended(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"


@pytest.mark.parametrize("workers", ["-n0", "-n1"])
def test_a_process_that_outlives_its_parent_fails_the_run_and_is_killed(tmp_path: Path, workers: str) -> None:
    orphan = f"subprocess.run(['sh', '-c', 'setsid \"$@\" & sleep 0.3', 'sh', *{SLEEPS}])"
    (pid,) = ids(leaves(tmp_path, orphan, workers), "process ")
    assert eventually(lambda: has_ended(pid))


def test_a_process_with_an_empty_environment_fails_the_run_and_is_killed(tmp_path: Path) -> None:
    apart = f"kept.append(subprocess.Popen({SLEEPS}, env={{}}, start_new_session=True))"
    (pid,) = ids(leaves(tmp_path, apart, "-n0"), "\nprocess ")
    assert eventually(lambda: has_ended(pid))


@pytest.mark.parametrize("workers", ["-n0", "-n1"])
def test_a_listening_socket_fails_the_run(tmp_path: Path, workers: str) -> None:
    output = leaves(tmp_path, "kept.append(socket.create_server(('127.0.0.1', 0)))", workers)
    assert "listening socket of process" in output


def test_a_temporary_folder_fails_the_run_and_is_removed(tmp_path: Path) -> None:
    output = leaves(tmp_path, "print('made', tempfile.mkdtemp(prefix='stays-'))", "-n0", "-s")
    assert "temporary file or folder: stays-" in output
    assert not Path(output.partition("made ")[2].split()[0]).parent.exists()


def test_a_run_that_leaves_nothing_behind_reports_nothing(tmp_path: Path) -> None:
    status, output = run(tmp_path, f"{IMPORTS}\ndef test_it():\n    subprocess.run(['true'])\n", "-n0")
    assert (status, "left behind" in output) == (0, False), output


@pytest.mark.parametrize("workers", ["-n0", "-n1"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_an_interrupted_run_tears_down_its_fixtures(tmp_path: Path, number: signal.Signals, workers: str) -> None:
    source = f"""{IMPORTS}
import pathlib, pytest

@pytest.fixture
def program():
    process = subprocess.Popen({SLEEPS}, env={{}}, start_new_session=True)
    yield process
    process.kill()
    process.wait()
    pathlib.Path('taken down').touch()

def test_it(program):
    pathlib.Path('pid').write_text(str(program.pid))
    time.sleep(600)
"""
    file = tmp_path / "pid"
    with begin(tmp_path, source, workers) as process:
        assert eventually(lambda: file.is_file() and file.read_text("ascii"), 240)
        os.kill(process.pid, number)
        process.communicate(timeout=240)
    assert process.returncode == pytest.ExitCode.INTERRUPTED
    assert has_ended(int(file.read_text("ascii")))
    assert (tmp_path / "taken down").exists()


def test_the_tests_run_without_xdist_too(tmp_path: Path) -> None:
    status, said = run(tmp_path, "def test_it():\n    pass\n", "-p", "no:xdist")

    assert (status, said.count("1 passed")) == (0, 1), said
