"""Free ports: no two programs are given the same one, even if neither of them listens yet."""

import socket
import subprocess
import sys
from pathlib import Path

from pytest_mock import MockerFixture

from tests.emulators import processes
from tests.emulators.processes import MOST_HELD, free_port

ROOT = Path(__file__).parents[2]


def test_two_programs_that_have_not_begun_to_listen_have_different_ports(mocker: MockerFixture) -> None:
    first, second = free_port(), free_port()
    forget()
    mocker.patch.object(processes, "_RANDOM").randrange.side_effect = [first, first, second]
    assert [free_port(), free_port()] == [first, second]


def test_another_process_cannot_have_a_port_that_this_one_was_given() -> None:
    asks = f"from tests.emulators import processes; print(processes._hold({free_port()}))"
    asked = subprocess.run([sys.executable, "-c", asks], cwd=ROOT, capture_output=True, text=True, check=True)
    assert asked.stdout == "False\n"


def test_a_program_can_listen_on_the_port_that_it_was_given_and_again_after_its_end() -> None:
    port = free_port()
    for _ in range(2):
        socket.create_server(("127.0.0.1", port)).close()


def test_only_the_last_ports_are_held(mocker: MockerFixture) -> None:
    first = free_port()
    for _ in range(MOST_HELD):
        free_port()
    mocker.patch.object(processes, "_RANDOM").randrange.side_effect = [first]
    assert free_port() == first


def forget() -> None:
    """Let go of all ports."""
    while processes._HELD:  # noqa: SLF001
        socket.close(processes._HELD.popleft())  # noqa: SLF001
