"""What hostile event text and hostile sites cannot do."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.deploy.live.builders import message
from tests.deploy.live.web.client import Site
from tests.web.building import DEVICES, event, rejected
from tests.web.conftest import Open
from tests.web.opened import Opened

pytestmark = pytest.mark.web

NAMES = (
    '<img src=x onerror="window.hacked = 1">',
    "<script>window.hacked = 1</script>",
    '"><svg onload=window.hacked=1>',
    "javascript:window.hacked=1",
    "{{constructor.constructor('window.hacked=1')()}}",
    "\u202etxt.exe \u2066x",
    "Z" + "\u0335\u0321\u0322" * 200,
    "long " * 3000,
    "line\nbreak\ttab \u0000 \u2028",
)


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_hostile_text_is_only_shown(opened: Opened, name: str) -> None:
    hostile = json.dumps(
        {
            "event": {
                "eventId": name,
                "targetName": f"projects/p/devices/{name}",
                "eventType": name,
                "data": {name: {"state": name, "value": 1}},
                "timestamp": name,
            },
            "labels": {"name": name},
        }
    ).encode()
    attributes = {"eventId": name, "deviceId": name, "eventType": name, f"label.{name}": name, "schemaViolation": name}
    opened.publish(message(hostile, attributes=attributes))
    opened.publish(message(hostile, attributes={**attributes, "reason": name}, rejected=True))
    page = opened.page
    page.locator("#rows tr").first.click()
    page.locator("#detail").get_by_role("button", name="Raw").click()
    page.keyboard.press("Escape")
    opened.view("Devices")
    opened.view("Counts")
    page.wait_for_timeout(200)
    assert page.evaluate("window.hacked") is None
    assert page.evaluate("document.querySelectorAll('#main img, #main script, #main iframe, #main object').length") == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_browser_itself_refuses_html_in_the_page(opened: Opened) -> None:
    said = opened.page.evaluate(
        """() => { try { document.body.insertAdjacentHTML('beforeend', '<b>x</b>'); return 'written'; }
          catch (error) { return error.name; } }"""
    )
    assert said == "TypeError"
    opened.errors.clear()


def test_a_name_that_turns_the_direction_of_text_leaves_the_rest_of_its_row_alone(opened: Opened) -> None:
    device = DEVICES[0]
    turned = type(device)(device.id, "\u202eevil", device.event_type)
    opened.publish(event(turned, {"value": 4.5}, time.time(), 1))
    cells = opened.page.locator("#rows td").all()
    boxes = [box for box in (cell.bounding_box() for cell in cells) if box]
    assert [box["x"] for box in boxes] == sorted(box["x"] for box in boxes)
    assert all(cell.locator("bdi, time").count() for cell in cells), "each text is isolated"


@contextmanager
def another_site(html: str) -> Iterator[str]:
    """Serve a page on another port of this machine, which is another origin, and yield its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_another_site_in_the_same_browser_reads_nothing_and_cannot_frame_the_page(site: Site, open_page: Open) -> None:
    opened = open_page(site)
    opened.publish(rejected("malformed", b"secret of a customer", time.time(), 1))
    target = f"http://127.0.0.1:{site.page.server_port}"
    attack = f"""<iframe src="{target}/"></iframe>
      <script src="{target}/page.js" type="module" onload="window.ran = 1"></script>
      <script>
      window.heard = [];
      for (const path of ["/", "/body?number=1", "/curl?number=1", "/json?number=1", "/session"])
        for (const mode of ["cors", "no-cors"])
          fetch("{target}" + path, {{mode, credentials: "include"}}).then(
            async (answer) => heard.push([path, mode, answer.status, await answer.text()]),
            () => heard.push([path, mode, "refused", ""]));
      const stream = new EventSource("{target}/events", {{withCredentials: true}});
      stream.onmessage = stream.onopen = () => heard.push(["stream"]);
      </script>"""
    for host in ("127.0.0.1", "localhost"):
        with another_site(attack) as address:
            other = opened.page.context.new_page()
            other.goto(address.replace("127.0.0.1", host))
            other.wait_for_function("() => heard.length >= 10")
            other.wait_for_timeout(300)
            heard = other.evaluate("heard")
            frame = other.frames[1]
            assert not [found for found in heard if found[0] == "stream"]
            assert not [found for found in heard if "customer" in found[3] or found[2] == 200], heard
            assert other.evaluate("window.ran") is None
            assert "Live events" not in frame.content()
            other.close()
    assert site.page.open_streams == 1


def test_a_name_that_is_rebound_to_this_machine_gets_nothing(site: Site, open_page: Open) -> None:
    opened = open_page(site)
    context = opened.page.context
    browser = context.browser
    assert browser
    other = browser.new_context().new_page()
    answer = other.goto(f"http://rebound.localhost:{site.page.server_port}/?token={site.page.access.token}")
    assert answer
    assert answer.status == 421
    assert "rebound" not in other.evaluate("document.cookie")
    other.context.close()


def test_the_token_leaves_the_address_bar_and_the_history(site: Site, open_page: Open) -> None:
    opened = open_page(site)
    assert "token" not in opened.page.url
    assert opened.page.evaluate("document.referrer") == ""
    assert opened.page.evaluate("document.cookie") == "", "scripts do not see the cookie"
    assert "token" not in opened.page.content()
    opened.page.go_back()
    assert "token" not in opened.page.url


def test_the_page_asks_only_its_own_server(site: Site, open_page: Open) -> None:
    opened = open_page(site)
    asked: list[str] = []
    opened.page.on("request", lambda request: asked.append(request.url))
    opened.page.reload()
    opened.waits_for_connection("live")
    opened.publish(event(DEVICES[0], {"value": 1}, time.time(), 1))
    assert len(asked) >= 8
    assert all(url.startswith(f"http://127.0.0.1:{site.page.server_port}/") for url in asked)
