"""What a user does on the live page: look, filter, pause, open an event, copy it; by mouse, by keyboard, on a phone."""

import json
import re
import time
from typing import Any

import pytest

from tests.deploy.live.builders import body, message
from tests.deploy.live.web.client import Site, serving
from tests.web.building import DEVICES, event, history, rejected
from tests.web.conftest import Open
from tests.web.opened import PHONE, Opened

pytestmark = pytest.mark.web

FRIDGE, OTHER_FRIDGE, FREEZER, OSLO, BERGEN, DOOR, DESK, *_ = DEVICES


def warm(celsius: float, number: int = 1, at: float | None = None) -> Any:
    return event(FRIDGE, {"value": celsius}, at or time.time(), number)


def clipboard(opened: Opened) -> str:
    return str(opened.page.evaluate("navigator.clipboard.readText()"))


def test_events_come_by_themselves_newest_first(opened: Opened) -> None:
    assert "No event yet" in opened.page.inner_text("#view-events")
    opened.publish(warm(4.1, 1))
    opened.publish(warm(4.2, 2), event(DOOR, {"state": "OPEN"}, time.time(), 3))
    opened.page.locator("#rows tr").nth(2).wait_for()
    assert opened.rows() == [
        "contact · Front door · open",
        "temperature · Fridge 1, kitchen · 4.2 °C",
        "temperature · Fridge 1, kitchen · 4.1 °C",
    ]
    assert (opened.number("#total"), opened.number("#rate"), opened.number("#rejected-total")) == (3, 3, 0)


def test_the_filter_keeps_events_that_have_all_words(opened: Opened) -> None:
    opened.publish(*history(time.time(), 45))
    opened.page.fill("#filter", "kitchen FRIDGE")
    assert len(opened.rows()) == 10
    assert all("kitchen" in row for row in opened.rows())
    assert "10 of 45 events match" in opened.page.inner_text("#shown")
    opened.page.fill("#filter", '"fridge 2"')
    assert {row.split(" · ")[1] for row in opened.rows()} == {"Fridge 2, kitchen"}
    opened.page.fill("#filter", FREEZER.id)
    assert {row.split(" · ")[1] for row in opened.rows()} == {"Freezer, cellar"}
    opened.page.fill("#filter", "no such thing")
    assert "No event matches" in opened.page.inner_text("#view-events")
    opened.page.fill("#filter", "")
    assert len(opened.rows()) == 45


def test_one_type_or_only_rejected_events_can_be_chosen(opened: Opened) -> None:
    opened.publish(*history(time.time(), 18), rejected("expired", body(), time.time(), 99))
    opened.page.select_option("#type", "co2")
    assert {row.split(" · ")[0] for row in opened.rows()} == {"co2"}
    opened.page.select_option("#type", "")
    opened.page.check("#only-rejected")
    (row,) = opened.rows()
    assert "rejected: expired" in row


def test_a_pause_freezes_the_page_receives_on_and_says_how_many_wait(opened: Opened) -> None:
    opened.publish(warm(1, 1))
    opened.page.get_by_role("button", name="Pause").click()
    opened.publish(*(warm(number, number) for number in range(2, 9)))
    opened.page.get_by_role("button", name="Paused, 7 wait").wait_for()
    assert len(opened.rows()) == 1
    opened.page.get_by_role("button", name="Paused, 7 wait").click()
    opened.page.get_by_role("button", name="Pause", exact=True).wait_for()
    assert len(opened.rows()) == 8
    assert opened.rows()[0].endswith("8 °C")


def test_the_buffer_of_a_pause_is_bounded_and_what_it_drops_is_counted_and_marked(opened: Opened) -> None:
    opened.page.keyboard.press("p")
    opened.publish(*(warm(number, number) for number in range(1, 5301)))
    opened.page.get_by_role("button", name="Paused, 5,000 wait, 300 dropped").wait_for()
    opened.page.keyboard.press("p")
    assert opened.number("#total") == 5300
    assert opened.rows()[0].endswith("5,300 °C")
    assert len(opened.rows()) == 100
    opened.page.get_by_role("button", name="Show older events").click()
    assert len(opened.rows()) == 200
    opened.page.fill("#filter", "no such event")
    assert "300 events that waited are left out here" in opened.notes()[0]


def test_an_event_shows_its_reading_its_attributes_and_its_body(opened: Opened) -> None:
    opened.publish(event(BERGEN, {"temperature": 27.0, "relativeHumidity": 17}, time.time(), 5))
    opened.page.locator("#rows tr").click()
    dialog = opened.page.locator("#detail")
    assert dialog.locator("h2").inner_text() == "27 °C, 17 % RH"
    for text in ("Meeting room Bergen", BERGEN.id, "17954149000005", "eventType"):
        assert text in dialog.inner_text()
    shown = dialog.locator("pre").inner_text()
    assert '\n      "humidity": {\n        "temperature": 27.0,\n' in shown, "no number is rewritten"
    dialog.get_by_role("button", name="Raw").click()
    raw = dialog.locator("pre").inner_text()
    assert raw.startswith('{"event":{"eventId":')
    assert json.loads(raw) == json.loads(shown)


def test_a_rejected_event_shows_its_reason_and_what_to_do(opened: Opened) -> None:
    opened.publish(rejected("foreign_project", body(), time.time(), 1))
    opened.page.locator("#rows tr").click()
    advice = opened.page.inner_text("#detail .advice")
    assert "Rejected: foreign_project. Its DT project is not in DT_PROJECT_IDS." in advice
    assert "What to do: Add the project to DT_PROJECT_IDS" in advice
    assert opened.number("#rejected-total") == 1


def test_a_body_that_is_no_text_is_shown_in_base64_and_saved_as_it_is(opened: Opened) -> None:
    opened.publish(rejected("malformed", b"\x00\xff<b>", time.time(), 1))
    opened.page.locator("#rows tr").click()
    assert "not UTF-8, shown in base64" in opened.page.inner_text("#detail")
    assert opened.page.inner_text("#detail pre") == "AP88Yj4="
    with opened.page.expect_download() as saved:
        opened.page.get_by_role("link", name="Save the bytes").click()
    assert saved.value.suggested_filename == "event-17954149000001.body"
    assert saved.value.path().read_bytes() == b"\x00\xff<b>"


def test_a_long_body_is_cut_and_the_page_says_so(opened: Opened) -> None:
    opened.publish(message(body(labels={"text": "ä" * 100_000})))
    opened.page.locator("#rows tr").click()
    assert "only the beginning is shown" in opened.page.inner_text("#detail")
    opened.publish(warm(1))


def test_an_event_is_copied_as_the_document_that_follow_prints(site: Site, open_page: Open) -> None:
    opened = open_page(site, permissions=["clipboard-read", "clipboard-write"])
    opened.publish(event(OSLO, {"ppm": 526.0}, time.time(), 3))
    opened.page.locator("#rows tr").click()
    opened.page.get_by_role("button", name="Copy as JSON").click()
    opened.page.locator("#copied", has_text="JSON copied").wait_for()
    text = clipboard(opened)
    assert '"ppm": 526.0' in text
    document = json.loads(text)
    assert (document["messageId"], document["topic"], document["reading"]["text"]) == (
        "17954149000003",
        "events",
        "526 ppm",
    )


def test_an_event_is_copied_as_a_curl_command_without_the_secret(site: Site, open_page: Open) -> None:
    opened = open_page(site, permissions=["clipboard-read", "clipboard-write"])
    opened.publish(event(OSLO, {"ppm": 526}, time.time(), 3))
    opened.page.locator("#rows tr").click()
    opened.page.get_by_role("button", name="Copy as curl").click()
    opened.page.locator("#copied", has_text="subscribers get it a second time").wait_for()
    text = clipboard(opened)
    assert 'curl -i "$FUNCTION_URL" -H @-' in text


def test_a_browser_that_does_not_let_the_page_copy_shows_the_text(opened: Opened) -> None:
    opened.publish(warm(1))
    opened.page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('not allowed')) }")
    opened.page.locator("#rows tr").click()
    opened.page.get_by_role("button", name="Copy as JSON").click()
    area = opened.page.get_by_role("textbox", name="The text, to copy by hand")
    assert json.loads(area.input_value())["messageId"] == "17954149000001"
    assert opened.page.evaluate("getSelection().toString().length || document.activeElement.selectionEnd") > 0


# ---- keyboard


def test_everything_is_reached_by_the_keyboard(opened: Opened) -> None:
    page = opened.page
    opened.publish(*(warm(number, number) for number in range(1, 5)))
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.inner_text("#detail h2") == "3 °C"
    assert page.evaluate("document.activeElement.id") == "detail-title", "a screen reader goes on in the event"
    page.keyboard.press("Escape")
    assert not page.locator("#detail").is_visible()
    assert page.evaluate("document.activeElement.closest('tr').innerText").endswith("3 °C")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    assert page.inner_text("#detail h2") == "1 °C"
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("2 p")
    assert page.input_value("#filter") == "2 p", "letters in a field are letters"
    assert page.get_by_role("button", name="Pause", exact=True).is_visible()


def test_a_closed_event_takes_no_focus_from_where_the_user_has_gone_since(opened: Opened) -> None:
    opened.publish(warm(1, 1), warm(2, 2))
    opened.page.locator("#rows tr").first.click()
    goes_on = """() => new Promise((done) => {
        document.querySelector("#detail .close").click();
        document.getElementById("filter").focus();
        setTimeout(() => done(document.activeElement.id), 100);
    })"""
    assert opened.page.evaluate(goes_on) == "filter"


def test_one_tab_stop_leads_to_the_table_whatever_its_length(opened: Opened) -> None:
    opened.publish(*(warm(number, number) for number in range(1, 60)))
    assert opened.page.locator('#rows button[tabindex="0"]').count() == 1
    assert opened.page.locator("#rows button").count() == 59


def test_new_events_move_neither_the_focus_nor_the_open_event(opened: Opened) -> None:
    page = opened.page
    opened.publish(warm(1, 1))
    page.locator("#rows tr").click()
    opened.publish(*(warm(number, number) for number in range(2, 40)))
    page.wait_for_function("() => document.querySelectorAll('#rows tr').length === 39")
    assert page.evaluate("document.activeElement.closest('tr').innerText").endswith("1 °C")
    assert page.inner_text("#detail h2") == "1 °C"
    page.keyboard.press("ArrowUp")
    assert page.inner_text("#detail h2") == "2 °C", "the arrows go through the events while one is open"


# ---- devices and counts


def test_each_device_has_a_plot_and_the_same_values_in_a_table_beside_it(opened: Opened) -> None:
    now = time.time()
    opened.publish(*(event(OSLO, {"ppm": 500 + back}, now - 60 * (6 - back), back) for back in range(6)))
    opened.publish(event(BERGEN, {"temperature": 21.5, "relativeHumidity": 40}, now, 50))
    opened.view("Devices")
    card = opened.page.get_by_role("article", name="Meeting room Oslo")
    assert card.get_by_role("img").get_attribute("aria-label") == "CO2 from 500 ppm to 505 ppm, 6 values"
    assert card.locator("tbody td:last-child").all_inner_texts() == ["505", "504", "503", "502", "501", "500"]
    assert card.locator("strong").inner_text() == "505 ppm"
    other = opened.page.get_by_role("article", name="Meeting room Bergen")
    assert other.locator("strong").all_inner_texts() == ["21.5 °C", "40 %"]


def test_a_plot_has_all_samples_in_their_order_and_each_only_once(opened: Opened) -> None:
    now = time.time()
    samples = [{"value": 4 + back, "sampleTime": f"2026-11-02T12:0{9 - back}:00Z"} for back in range(5)]
    opened.publish(*(event(FRIDGE, {"value": 4, "samples": samples[:length]}, now, length) for length in (3, 5, 4)))
    opened.view("Devices")
    values = opened.page.locator("article tbody td:last-child").all_inner_texts()
    assert values == ["4", "5", "6", "7", "8"]


def test_states_are_a_band_with_a_legend_and_a_table(opened: Opened) -> None:
    now = time.time()
    states = ("OPEN", "OPEN", "CLOSED", "OPEN")
    opened.publish(*(event(DOOR, {"state": state}, now - 40 + 10 * at, at) for at, state in enumerate(states)))
    opened.view("Devices")
    card = opened.page.get_by_role("article", name="Front door")
    assert card.get_by_role("img").get_attribute("aria-label") == "contact: 2 changes, now open"
    assert card.locator("rect").count() == 3
    assert card.locator(".legend li").all_inner_texts() == ["open", "closed"]
    assert card.locator("tbody td:last-child").all_inner_texts() == ["open", "closed", "open", "open"]


def test_devices_are_filtered_and_shown_in_parts(opened: Opened) -> None:
    now = time.time()
    opened.publish(
        *(
            message(
                body(device=f"d{number:03}", labels={"name": f"Fridge {number}"}), at=now, number=number, attributes={}
            )
            for number in range(1, 31)
        )
    )
    opened.view("Devices")
    assert opened.page.locator("article").count() == 12
    names = opened.page.locator("article h3").all_inner_texts()
    assert names[:3] == ["Fridge 1", "Fridge 2", "Fridge 3"], "in the order of their numbers"
    opened.page.get_by_role("button", name="Show more devices").click()
    assert opened.page.locator("article").count() == 24
    opened.page.fill("#filter", "fridge 29")
    assert opened.page.locator("article h3").all_inner_texts() == ["Fridge 29"]


def test_the_counts_are_per_type_and_per_minute(opened: Opened) -> None:
    now = time.time()
    opened.publish(*history(now, 90), rejected("malformed", b"x", now, 999))
    opened.view("Counts")
    rows = [re.split(r"\s+", row) for row in opened.page.locator("#per-type tbody tr").all_inner_texts()]
    assert ["temperature", "30", "–"] in [row[:3] for row in rows]
    assert ["unknown", "1", "1"] in [row[:3] for row in rows]
    minutes = opened.page.locator("#per-minute tbody td:last-child").all_inner_texts()
    assert 85 <= sum(map(int, minutes)) <= 91, "30 minutes are shown"
    assert opened.page.locator("#per-minute").get_by_role("img").is_visible()


# ---- phone, dark, screen reader


def test_on_a_phone_nothing_is_wider_than_the_screen_and_an_event_covers_the_page(site: Site, open_page: Open) -> None:
    opened = open_page(site, viewport=PHONE, has_touch=True, is_mobile=True)
    opened.publish(*history(time.time(), 60), message(body(labels={"name": "x" * 300}), attributes={}))
    for view in ("Devices", "Counts", "Events"):
        opened.view(view)
        opened.page.wait_for_timeout(300)
        assert opened.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"], view
    opened.page.locator("#rows tr").nth(4).tap()
    box = opened.page.locator("#detail").bounding_box()
    assert box
    assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, PHONE["width"], PHONE["height"])
    opened.page.get_by_role("button", name="Close the event").tap()
    assert not opened.page.locator("#detail").is_visible()


@pytest.mark.parametrize(("scheme", "size"), [("light", "desk"), ("dark", "phone")])
def test_axe_finds_no_barrier_in_any_view(site: Site, open_page: Open, scheme: str, size: str) -> None:
    opened = open_page(site, color_scheme=scheme, **({"viewport": PHONE} if size == "phone" else {}))
    now = time.time()
    opened.publish(*history(now, 10), rejected("expired", body(), now, 99))
    found = opened.violations()
    opened.page.locator("#rows tr").first.click()
    found += opened.violations()
    opened.page.keyboard.press("Escape")
    opened.page.keyboard.press("p")
    opened.view("Devices")
    found += opened.violations()
    opened.view("Counts")
    found += opened.violations()
    assert found == []


def test_dark_is_dark_and_light_is_light(site: Site, open_page: Open) -> None:
    colours = {}
    for scheme in ("light", "dark"):
        opened = open_page(site, color_scheme=scheme)
        colour = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
        colours[scheme] = sum(map(int, re.findall(r"\d+", colour)[:3]))
    assert colours["light"] > 600
    assert colours["dark"] < 200


def test_only_changes_of_the_connection_are_read_aloud(opened: Opened) -> None:
    live = opened.page.locator("[role=status], [role=alert], [aria-live]")
    assert sorted(element.get_attribute("id") or "" for element in live.all()) == ["connection", "notice", "said"]


def test_a_page_that_is_opened_later_begins_with_what_the_command_has_kept(open_page: Open) -> None:
    with serving() as site:
        for number in range(1, 4):
            site.feed.add(warm(number, number))
        opened = open_page(site)
        opened.counted(3)
        opened.page.reload()
        opened.counted(3)
        assert opened.notes() == []
