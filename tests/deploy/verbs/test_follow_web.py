"""``follow --web``: the page of a run shows what the terminal would show."""

import re
import socket

import pytest

from deploy.errors import InvalidOptions
from deploy.live.feed import Connection
from deploy.live.readings import reading
from deploy.live.web.opening import live_page
from deploy.live.web.options import PageOptions, has_browser
from deploy.verbs.exit_codes import NOTHING_TO_DO
from tests.deploy.live.builders import message
from tests.deploy.live.web.client import first_texts, serving
from tests.deploy.stage import Stage
from tests.deploy.verbs.test_follow import fridge, publishing


def address_in(text: str) -> str:
    """Return the address of a page that was printed."""
    (found,) = re.findall(r"http://127\.0\.0\.1:\d+/\?token=[\w-]+", text)
    return str(found)


def test_the_page_gets_every_event_and_the_terminal_only_what_a_run_says(stage: Stage) -> None:
    seen: list[str] = []

    def look() -> None:
        seen.extend(first_texts(address_in(stage.noted)))

    publishing(stage, lambda: fridge(stage, 1), look, lambda: fridge(stage, 2))

    assert stage.deployment().follow(web=True, no_open=True, count="2") == NOTHING_TO_DO

    assert seen == ["24.9 °C"]
    assert stage.shown == ""
    assert "(2 temperature); 0 rejected" in stage.noted
    assert "this address works once; only this machine can reach it" in stage.noted


def test_the_page_ends_with_the_run(stage: Stage) -> None:
    stage.deployment().follow(web=True, no_open=True, duration="5s")
    port = int(address_in(stage.noted).partition("/?")[0].rpartition(":")[2])
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), 1)


def test_invalid_flags_of_the_page_are_listed(stage: Stage) -> None:
    with pytest.raises(InvalidOptions) as refused:
        stage.deployment().follow(port="8090", host_name=["x"], no_open=True)
    assert refused.value.faults == ("--port: needs --web", "--host-name: needs --web", "--no-open: needs --web")
    for port in ("0", "65536", "http", "-1", "8e3"):
        with pytest.raises(InvalidOptions, match="is not a port"):
            stage.deployment().follow(web=True, port=port)


def test_a_browser_is_opened_only_if_it_is_wanted_and_the_machine_has_a_screen() -> None:
    assert has_browser({"DISPLAY": ":0"}, "linux")
    assert has_browser({"WAYLAND_DISPLAY": "wayland-0"}, "linux")
    assert has_browser({}, "darwin")
    assert has_browser({}, "win32")
    assert not has_browser({}, "linux")
    assert not has_browser({"SSH_CONNECTION": "1.2.3.4", "DISPLAY": ":0"}, "linux")
    assert not has_browser({"CLOUD_SHELL": "true", "DISPLAY": ":0"}, "linux")
    for opens in (True, False):
        opened: list[str] = []
        said: list[str] = []
        options = PageOptions(opens=opens)
        with live_page("x", Connection(lambda: 0), reading, options, said.append, opened.append) as add:
            add(message())
            assert opened == ([address_in(said[0])] if opens else [])
            assert first_texts(address_in(said[0])) == ["24.9 °C"]


def test_a_port_that_is_in_use_is_replaced_by_a_free_one_and_this_is_said() -> None:
    said: list[str] = []
    with serving() as other:
        options = PageOptions(other.page.server_port, opens=False)
        with live_page("x", Connection(lambda: 0), reading, options, said.append):
            pass
    assert said[0] == f"port {other.page.server_port} is in use: the page has another one"
    assert str(other.page.server_port) not in address_in(said[1])
