"""A page that stays open: the server starts again, the machine sleeps, the page is hidden, 10,000 events come."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from deploy.live.feed import Feed
from deploy.live.message import Message
from tests.deploy.live.web.client import Site, eventually, serving
from tests.pace import in_time
from tests.web.building import DEVICES, event, history
from tests.web.conftest import Open
from tests.web.opened import Opened

pytestmark = pytest.mark.web

FRIDGE = DEVICES[0]
BEAT_S = 0.3


def warm(celsius: float) -> Message:
    """Return the message of a temperature."""
    return event(FRIDGE, {"value": celsius}, time.time(), int(celsius))


@contextmanager
def tunnel(port: int) -> Iterator[tuple[int, threading.Event]]:
    """Pass connections on to a port, as ``ssh -L`` does; yield the own port, and an event that lets nothing through."""
    is_stuck = threading.Event()

    def copy(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                while is_stuck.is_set():
                    time.sleep(0.01)
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        source.close()

    def accept() -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", port))
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=copy, args=pair, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1], is_stuck
        is_stuck.clear()
        listener.shutdown(socket.SHUT_RDWR)


def test_a_page_says_when_the_command_has_ended_and_goes_on_with_the_next_run(open_page: Open) -> None:
    with serving(run="first", beat_s=BEAT_S) as site:
        opened = open_page(site)
        opened.publish(warm(1))
        port = site.page.server_port
    opened.waits_for_connection("lost since")
    assert "The command has not answered since" in opened.page.inner_text("#notice")
    assert opened.rows() == ["temperature · Fridge 1, kitchen · 1 °C"], "what came before stays"
    with serving(run="second", port=port, beat_s=BEAT_S) as site:
        opened.waits_for_connection("not allowed any more")
        assert "Open the address that it prints" in opened.page.inner_text("#notice")
        other = opened.page.context.new_page()  # the user opens the new address in the same browser
        other.goto(site.page.address)
        opened.waits_for_connection("live")
        site.feed.add(warm(2))
        opened.counted(2)
        assert opened.notes()[0].endswith(
            "the command was started again; events of the time between are not on this page"
        )
        assert not opened.page.locator("#notice").is_visible()


def test_a_short_loss_of_the_connection_loses_no_event_and_repeats_none(open_page: Open) -> None:
    with serving(beat_s=BEAT_S, write_s=5) as site:
        opened = open_page(site)
        opened.publish(warm(1), warm(2))
        opened.page.context.set_offline(True)
        opened.page.evaluate("() => fetch('/session').catch(() => {})")
        site.page.ending.set()  # the streams end
        opened.waits_for_connection("lost since")
        site.page.ending.clear()
        for celsius in (3, 4, 5):
            site.feed.add(warm(celsius))
        opened.page.context.set_offline(False)
        opened.waits_for_connection("live")
        opened.counted(5)
        assert [row.rpartition(" · ")[2] for row in opened.rows()] == ["5 °C", "4 °C", "3 °C", "2 °C", "1 °C"]


def test_a_page_left_overnight_says_that_it_slept_and_shows_what_it_missed(open_page: Open) -> None:
    with serving(Feed(max_messages=50), beat_s=BEAT_S) as site:
        opened = open_page(site)
        opened.publish(warm(1))
        opened.page.evaluate("() => { const now = Date.now; Date.now = () => now() + 9 * 3600 * 1000; }")
        opened.page.locator("#rows tr.note", has_text="because this computer slept").wait_for()
        for celsius in range(2, 91):
            site.feed.add(warm(celsius))
        opened.waits_for_connection("live")
        opened.page.wait_for_function("() => document.querySelector('#rows').innerText.includes('90 °C')")


def test_a_dead_connection_that_stays_open_is_noticed_by_its_silence(open_page: Open) -> None:
    with serving(beat_s=BEAT_S) as site:
        opened = open_page(site)
        with tunnel(site.page.server_port) as (port, is_stuck):
            opened.page.goto(site.page.address.replace(str(site.page.server_port), str(port)))
            opened.waits_for_connection("live")
            is_stuck.set()
            opened.waits_for_connection("lost since")
            is_stuck.clear()
            opened.waits_for_connection("live")
            opened.publish(warm(1))


def test_the_memory_of_the_page_is_bounded_by_bytes_too(opened: Opened) -> None:
    kept, dropped = opened.page.evaluate(
        """async () => { const { Bounded } = await import("/store.js"); const list = new Bounded(10000);
          const body = "x".repeat(60000); let dropped = 0;
          for (let number = 0; number < 2000; number += 1) dropped += list.push([{ number, body }]);
          return [list.items.map((item) => item.number), dropped]; }"""
    )
    assert kept == [*range(2000 - 1066, 2000)]
    assert dropped == 2000 - 1066


def test_a_page_that_nobody_sees_gives_its_connection_back_and_catches_up_when_it_is_seen(open_page: Open) -> None:
    with serving(beat_s=BEAT_S) as site:
        opened = open_page(site)
        opened.page.evaluate(
            """() => { Object.defineProperty(document, 'hidden', {value: true, configurable: true});
              document.dispatchEvent(new Event('visibilitychange')); }"""
        )
        assert eventually(lambda: site.page.open_streams == 0)
        opened.waits_for_connection("resting")
        for celsius in (1, 2, 3):
            site.feed.add(warm(celsius))
        opened.page.evaluate(
            """() => { Object.defineProperty(document, 'hidden', {value: false, configurable: true});
              document.dispatchEvent(new Event('visibilitychange')); }"""
        )
        opened.waits_for_connection("live")
        opened.counted(3)


def test_a_page_without_pubsub_says_since_when_and_why(opened: Opened) -> None:
    opened.site.connection.set("lost", "no route to pubsub.googleapis.com")
    opened.waits_for_connection("Pub/Sub lost since")
    assert opened.page.inner_text("#notice") == "no route to pubsub.googleapis.com"
    opened.site.connection.set("live")
    opened.page.wait_for_function("() => document.querySelector('#connection-text').textContent === 'live'")


def test_a_closed_page_ends_its_stream(site: Site, open_page: Open) -> None:
    opened = open_page(site)
    assert site.page.open_streams == 1
    opened.page.close()
    assert eventually(lambda: site.page.open_streams == 0)


def test_ten_thousand_events_do_not_slow_the_page_down(open_page: Open) -> None:
    with serving() as site:
        opened = open_page(site)
        messages = [*history(time.time(), 10_000)]
        opened.page.evaluate(
            """() => { window.longest = 0; let before = performance.now();
              const tick = () => { const now = performance.now();
                window.longest = Math.max(window.longest, now - before);
                before = now; setTimeout(tick, 0); }; tick(); }"""
        )
        began_at = time.monotonic()
        for message in messages:
            site.feed.add(message)
        opened.counted(10_000)
        in_time(time.monotonic() - began_at, 10, "until all have arrived")
        in_time(opened.page.evaluate("window.longest") / 1000, 0.5, "in which the page did not react")
        assert len(opened.rows()) == 100, "only a part of them is in the document"
        for act in ("Devices", "Counts", "Events"):
            clicked_at = time.monotonic()
            opened.view(act)
            opened.page.evaluate("() => new Promise(requestAnimationFrame)")
            in_time(time.monotonic() - clicked_at, 1, act)
        typed_at = time.monotonic()
        opened.page.fill("#filter", '"fridge 2"')
        assert "1,111 of 10,000 events match" in opened.page.inner_text("#shown")
        in_time(time.monotonic() - typed_at, 1, "to filter")
        opened.page.fill("#filter", "")
        opened.publish(*history(time.time(), 500))
        assert "500 older ones are gone" in opened.page.inner_text("#shown"), "memory is bounded"
