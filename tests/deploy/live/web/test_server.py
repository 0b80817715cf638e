"""The server of the live page: who may see it, what it answers, and what its streams send."""

import contextlib
import json
import socket
import time
from collections.abc import Iterator

import pytest

from deploy.live.feed import Feed
from deploy.live.web.routes import ASSETS
from deploy.live.web.server import MAX_STREAMS
from tests.deploy.live.builders import body, message
from tests.deploy.live.web.client import Frames, Site, eventually, serving
from tests.pace import in_time


@pytest.fixture
def site() -> Iterator[Site]:
    """A page that a browser with the address has opened."""
    with serving() as started:
        started.enter()
        yield started


def test_the_address_gives_a_cookie_that_scripts_and_other_sites_do_not_get(site: Site) -> None:
    with serving() as other:
        answer = other.enter()
    assert answer.status == 200
    flags = {flag.strip() for flag in (answer.headers["Set-Cookie"] or "").split(";")[1:]}
    assert flags == {"Path=/", "HttpOnly", "SameSite=Strict"}
    assert b'content="0; url=/"' in answer.body


def test_the_address_works_once(site: Site) -> None:
    first = site.page.address
    with serving() as other:
        used = other.page.address
        assert other.enter().status == 200
        assert other.page.address != used
        again = other.get(used.partition(str(other.page.server_port))[2], {"Cookie": ""})
    assert again.status == 403
    assert again.headers["Set-Cookie"] is None
    assert first == site.page.address


def test_a_browser_that_is_in_already_may_open_its_address_again() -> None:
    with serving() as site:
        path = site.page.address.partition(str(site.page.server_port))[2]
        site.enter()
        assert site.get(path).status == 200
        assert site.get("/").status == 200


def test_without_the_cookie_nothing_is_shown_and_the_terminal_gets_a_new_address(site: Site) -> None:
    for path in ("/", "/events", "/body?number=1", "/curl?number=1", "/page.js", "/session", "/none", "/?token=wrong"):
        for cookie in ("", "dt-live=1", f"dt-live-{site.page.server_port}=wrong", 'a="\\', "=;=;"):
            answer = site.get(path, {"Cookie": cookie})
            assert answer.status == 403, (path, cookie)
            assert b"Open the address that the terminal shows" in answer.body
    assert len(site.said) == 1, "the terminal is not flooded"
    assert site.page.address in site.said[0]


@pytest.mark.parametrize("foreign", ['prefs={"theme":"dark"}', "flag", "a=b c", 'a="\\', "=;="])
def test_a_cookie_of_another_port_of_this_machine_does_not_lock_the_page(site: Site, foreign: str) -> None:
    assert site.get("/", {"Cookie": f"{foreign}; {site.cookie}"}).status == 200
    assert site.get("/", {"Cookie": f"{site.cookie}; {foreign}"}).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.example@127.0.0.1.x",
        "",
        "[::1",
        "192.0.2.1",
    ],
)
def test_another_host_name_is_refused_so_that_no_site_can_rebind_its_name(site: Site, host: str) -> None:
    answer = site.get("/", {"Host": host})
    assert answer.status == 421
    assert b"--host-name" in answer.body


def test_two_hosts_in_one_request_are_refused(site: Site) -> None:
    assert site.get("/", {"Host": "127.0.0.1\nevil.example"}).status == 421


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "LOCALHOST:1", "127.0.0.1:9000", "[::1]:8090", "localhost."]
)
def test_every_name_of_this_machine_is_accepted_on_any_port_because_tunnels_change_it(site: Site, host: str) -> None:
    assert site.get("/", {"Host": host}).status == 200


def test_a_host_name_can_be_allowed() -> None:
    with serving(host_names=("Shell.example",)) as site:
        site.enter()
        assert site.get("/", {"Host": "shell.example"}).status == 200
        assert site.get("/", {"Host": "x.shell.example"}).status == 421


@pytest.mark.parametrize("fetch_site", ["cross-site", "same-site", "anything"])
@pytest.mark.parametrize("mode", ["cors", "no-cors", "websocket", ""])
def test_another_site_or_port_may_not_read_the_page(site: Site, fetch_site: str, mode: str) -> None:
    headers = {"Sec-Fetch-Site": fetch_site, "Sec-Fetch-Mode": mode}
    for path in ("/events", "/page.js", "/body?number=1", "/curl?number=1"):
        assert site.get(path, headers).status == 403
    assert site.get("/", {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate"}).status == 200


def test_the_address_can_be_a_link_in_another_page_such_as_a_terminal_in_the_browser() -> None:
    with serving() as site:
        path = site.page.address.partition(str(site.page.server_port))[2]
        answer = site.get(path, {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"})
        assert answer.status == 200
        assert answer.headers["Set-Cookie"]


@pytest.mark.parametrize("path", ["/", "/page.js", "/none", "/body?number=x", "/?token=wrong"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_every_answer_has_the_headers_that_keep_a_page_safe(site: Site, path: str, method: str) -> None:
    answer = site.get(path, method=method)
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store, no-transform"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD", "BREW"])
def test_only_get_is_allowed(site: Site, method: str) -> None:
    answer = site.get("/", method=method)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET")


def test_the_files_of_the_page_load_nothing_from_elsewhere(site: Site) -> None:
    assert {"/index.html", "/page.js", "/page.css", "/icon.svg"} <= set(ASSETS)
    for path, text in ASSETS.items():
        assert site.get(path).body == text
        addresses = text.replace(b"http://www.w3.org/2000/svg", b"")
        assert b"http:" not in addresses, path
        assert b"https:" not in addresses, path
    assert site.get("/").headers["Content-Type"] == "text/html; charset=utf-8"
    assert site.get("/page.js").headers["Content-Type"] == "text/javascript; charset=utf-8"


@pytest.mark.parametrize(
    "path", ["/../access.py", "/%2e%2e/access.py", "//evil.example/", "/page.py", "/assets/page.js"]
)
def test_nothing_else_of_the_machine_is_served(site: Site, path: str) -> None:
    assert site.get(path).status in {400, 404}


def test_the_bytes_of_an_event_are_served_as_they_are_and_never_shown_by_the_browser(site: Site) -> None:
    hostile = b"<script>alert(1)</script>\xff\x00"
    number = site.feed.add(message(hostile, attributes={}, rejected=True))
    answer = site.get(f"/body?number={number}")
    assert answer.body == hostile
    assert (answer.headers["Content-Type"] or "").startswith("application/octet-stream")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="event-1.body"'


@pytest.mark.parametrize(
    ("number", "status"), [("", 400), ("-1", 400), ("x", 400), ("9" * 400, 400), ("0", 410), ("2", 410)]
)
@pytest.mark.parametrize("path", ["/body", "/curl"])
def test_an_event_that_is_not_kept_is_refused(site: Site, path: str, number: str, status: int) -> None:
    site.feed.add(message())
    assert site.get(f"{path}?number={number}").status == status


def test_an_event_that_made_room_for_newer_ones_is_gone() -> None:
    with serving(Feed(max_messages=2)) as site:
        site.enter()
        for number in (1, 2, 3):
            site.feed.add(message(number=number))
        assert site.get("/curl?number=1").status == 410
        assert site.get("/curl?number=2").status == 200


# ---- the stream


def test_a_stream_begins_with_what_it_is_and_then_has_every_message(site: Site) -> None:
    site.feed.add(message(number=7))
    with site.stream() as frames:
        assert frames.next() == {"retry": "1000"}
        assert frames.first("hello")[0] == {
            "run": "run1",
            "title": "subscription dt-events of my-project",
            "note": "",
            "beatMs": 100.0,
        }
        (found,), frame_id = frames.first("events")
        assert (found["number"], found["id"], found["text"], frame_id) == (1, "7", "24.9 °C", "run1-1")
        site.feed.add(message(number=8))
        assert frames.numbers(2) == [2]
    assert b"text/event-stream" in frames.head
    assert b"X-Accel-Buffering: no" in frames.head


def test_a_page_that_comes_back_gets_what_it_has_missed(site: Site) -> None:
    for number in range(1, 6):
        site.feed.add(message(number=number))
    with site.stream() as frames:
        assert frames.numbers(5) == [1, 2, 3, 4, 5]
    for number in (6, 7):
        site.feed.add(message(number=number))
    with site.stream("run1-5") as frames:
        assert frames.numbers(7) == [6, 7]
        assert not [frame for frame in frames.seen if frame.get("event") == "gap"]


def test_messages_that_are_no_longer_kept_are_shown_as_a_gap() -> None:
    with serving(Feed(max_messages=3)) as site:
        site.enter()
        for number in range(1, 11):
            site.feed.add(message(number=number))
        with site.stream("run1-2") as frames:
            assert frames.first("gap") == ({"lost": 5}, "run1-7")
            assert frames.numbers(10) == [8, 9, 10]


@pytest.mark.parametrize(
    "last_id", ["run0-2", "2", "run1-", "run1-x", "run1-²", "run1--2", "nonsense", "run1-" + "9" * 99]
)
def test_an_id_of_another_run_or_none_at_all_gets_everything_that_is_kept(site: Site, last_id: str) -> None:
    for number in (1, 2, 3):
        site.feed.add(message(number=number))
    with site.stream(last_id) as frames:
        assert frames.numbers(3) == [1, 2, 3]


def test_a_page_can_name_its_last_event_in_the_address_too(site: Site) -> None:
    for number in (1, 2, 3):
        site.feed.add(message(number=number))
    with socket.create_connection(("127.0.0.1", site.page.server_port), 20) as link:
        link.sendall(f"GET /events?last=run1-2 HTTP/1.1\r\nHost: localhost\r\nCookie: {site.cookie}\r\n\r\n".encode())
        with link.makefile("rb") as file:
            assert Frames(file).numbers(3) == [3]


def test_a_silent_stream_tells_the_state_again_and_again(site: Site) -> None:
    with site.stream() as frames:
        assert frames.first("state")[0]["state"] == "live"
        site.connection.set("lost", "no answer from Pub/Sub")
        while (state := frames.first("state")[0])["state"] == "live":
            pass
        assert (state["state"], state["detail"]) == ("lost", "no answer from Pub/Sub")
        frames.first("state")


def test_a_new_state_is_sent_to_the_page_at_once() -> None:
    with serving(beat_s=60) as site:
        site.enter()
        with site.stream() as frames:
            frames.first("state")
            began_at = time.monotonic()
            site.connection.set("lost")
            assert frames.first("state")[0]["state"] == "lost"
            in_time(time.monotonic() - began_at, 3)


def test_a_closed_tab_is_noticed_without_a_new_event() -> None:
    with serving(beat_s=60) as site:
        site.enter()
        with site.stream() as frames:
            frames.first("state")
            assert site.page.open_streams == 1
        assert eventually(lambda: site.page.open_streams == 0)


def test_many_tabs_each_get_every_message(site: Site) -> None:
    with contextlib.ExitStack() as stack:
        tabs = [stack.enter_context(site.stream()) for _ in range(20)]
        for number in range(1, 51):
            site.feed.add(message(number=number))
        for tab in tabs:
            assert tab.numbers(50) == [*range(1, 51)]
        assert site.page.open_streams == 20
        assert site.get("/").status == 200


def test_too_many_tabs_are_refused_and_the_next_one_is_served_again(site: Site) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(MAX_STREAMS):
            stack.enter_context(site.stream()).next()
        assert site.get("/events").status == 503
        assert site.get("/").status == 200
    assert eventually(lambda: site.page.open_streams == 0)
    with site.stream() as frames:
        frames.first("hello")


def test_a_slow_browser_is_cut_off_and_delays_neither_the_feed_nor_other_tabs() -> None:
    with serving(write_s=1.5) as site:
        site.enter()
        with site.stream() as slow, site.stream() as quick:
            slow.next()
            for number in range(1, 2001):
                site.feed.add(message(body(labels={"text": "x" * 8000}), number=number))
            assert quick.numbers(2000)[-1] == 2000
            assert eventually(lambda: site.page.open_streams == 1)


def test_a_flood_is_sent_in_few_frames(site: Site) -> None:
    with site.stream() as frames:
        frames.first("state")
        for number in range(1, 2001):
            site.feed.add(message(number=number))
        assert frames.numbers(2000) == [*range(1, 2001)]
    assert len([frame for frame in frames.seen if frame.get("event") == "events"]) < 200


def test_the_streams_end_with_the_server() -> None:
    with serving(beat_s=60) as site:
        site.enter()
        with contextlib.ExitStack() as stack:
            frames = stack.enter_context(site.stream())
            frames.first("state")
            site.page.ending.set()
            with pytest.raises(EOFError):
                frames.next()


def test_an_event_is_sent_as_ascii_on_one_line_whatever_it_contains(site: Site) -> None:
    names = ["line\nbreak\r\n\ndata: x", "\u2028\u2029", "\ud800", "🌡 Kühlraum", "</script>"]
    for name in names:
        data = json.dumps({"event": {"eventId": "e", "eventType": "touch"}, "labels": {"name": name}}).encode()
        site.feed.add(message(data, attributes={"label.name": name.encode(errors="replace").decode()}))
    with site.stream() as frames:
        found, _ = frames.first("events")
    assert [event["name"] for event in found] == [name.strip() for name in names]
