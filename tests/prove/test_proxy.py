"""The TCP proxy of the measurements: what a client sees of each fault."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.pace import in_time
from tests.prove.proxy import Proxy

pytestmark = pytest.mark.tools


@pytest.fixture
def echo() -> Iterator[str]:
    """Start a server that answers each chunk with the same chunk."""

    def answer(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while chunk := connection.recv(1024):
                connection.sendall(chunk)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=answer, args=listener.accept()[:1], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.fixture
def proxy(echo: str) -> Iterator[Proxy]:
    with Proxy(echo) as made:
        yield made


@contextlib.contextmanager
def connected(proxy: Proxy, *, timeout_s: float = 30) -> Iterator[socket.socket]:
    host, _, port = proxy.host.partition(":")
    with socket.create_connection((host, int(port)), timeout=timeout_s) as connection:
        yield connection


def echoes(connection: socket.socket) -> bool:
    connection.sendall(b"x")
    return connection.recv(1) == b"x"


def test_without_a_fault_everything_passes(proxy: Proxy) -> None:
    with connected(proxy) as connection:
        assert echoes(connection)
        assert proxy.connections == 1


def test_the_refuse_fault_closes_the_port_and_resets_connections_until_it_ends(proxy: Proxy) -> None:
    with connected(proxy) as connection:
        assert echoes(connection)
        proxy.show("refuse")
        with pytest.raises(ConnectionError):
            echoes(connection)
    with pytest.raises(ConnectionRefusedError):
        connected(proxy).__enter__()
    proxy.show("none")
    with connected(proxy) as connection:
        assert echoes(connection)


def test_the_reset_fault_accepts_a_connection_and_resets_it(proxy: Proxy) -> None:
    proxy.show("reset")
    with pytest.raises(ConnectionResetError), connected(proxy) as connection:
        connection.recv(1)


def test_the_half_open_fault_accepts_a_connection_and_never_answers(proxy: Proxy) -> None:
    proxy.show("half-open")
    with connected(proxy, timeout_s=0.3) as connection, pytest.raises(TimeoutError):
        echoes(connection)


def test_the_black_hole_fault_delivers_held_data_when_it_ends(proxy: Proxy) -> None:
    with connected(proxy) as connection:
        assert echoes(connection)
        proxy.show("black hole")
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            echoes(connection)
        connection.settimeout(30)
        proxy.show("none")
        assert connection.recv(1) == b"x"


def test_cut_resets_existing_connections_and_new_ones_work(proxy: Proxy) -> None:
    with connected(proxy) as connection:
        assert echoes(connection)
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    with connected(proxy) as connection:
        assert echoes(connection)


def test_a_stranded_connection_stays_open_and_carries_nothing_while_new_ones_work(proxy: Proxy) -> None:
    with connected(proxy) as old:
        assert echoes(old)
        old.settimeout(0.3)
        proxy.strand()
        time.sleep(0.05)
        with pytest.raises(TimeoutError):
            echoes(old)
        with connected(proxy) as later:
            assert echoes(later)


def test_the_delay_applies_in_both_directions(proxy: Proxy) -> None:
    proxy.delay_s = 0.1
    with connected(proxy) as connection:
        began_at = time.monotonic()
        assert echoes(connection)
    assert time.monotonic() - began_at >= 0.2


def test_the_greeting_delays_only_new_connections(proxy: Proxy) -> None:
    with connected(proxy) as connection:
        assert echoes(connection)
        proxy.greeting_s = 0.1
        began_at = time.monotonic()
        assert echoes(connection)
        in_time(time.monotonic() - began_at, 0.1)
    with connected(proxy) as connection:
        began_at = time.monotonic()
        assert echoes(connection)
        assert time.monotonic() - began_at >= 0.1
