"""The line of an event in the terminal: time, type, device and reading, and what is unusual."""

from dataclasses import replace

from deploy.live.clock import at_time
from deploy.live.lines import DIM, RED, YELLOW, Line, line
from deploy.live.message import Message
from deploy.live.readings import reading
from deploy.live.rejections import REJECTIONS, UNKNOWN, rejection
from deploy.live.repeats import Repeat, Repeats
from function.outcomes import BY_ERROR
from tests.deploy.live.builders import NOON, body, message


def line_of(found: Message, repeat: Repeat = "", *, is_screen: bool = True) -> Line:
    return line(found, reading(found), repeat, is_screen=is_screen)


def test_a_line_has_time_type_device_and_reading() -> None:
    shown = line_of(message(body(labels={"name": "Fridge 2"})))
    assert shown == Line(f"{at_time(NOON)}  temperature         Fridge 2              24.9 °C", "")


def test_an_event_that_comes_late_has_its_own_time_too() -> None:
    shown = line_of(message(at=NOON + 2520))
    assert shown.text.endswith(f"24.9 °C  (of {at_time(NOON)}, 42 min ago)")


def test_a_rejected_event_says_why_in_red() -> None:
    shown = line_of(message(b"oops", attributes={"reason": "malformed"}, rejected=True))
    assert shown.text.endswith("4 bytes, not a JSON object  rejected: malformed, its body is not valid JSON")
    assert shown.colour == RED
    assert line_of(message(b"oops", attributes={}, rejected=True)).text.endswith(f"no reason, {UNKNOWN.meaning}")


def test_what_is_odd_about_an_event_is_shown() -> None:
    odd = {"eventType": "temperature", "schemaViolation": "$.event.data.temperature.value", "origin": "replay"}
    shown = line_of(message(attributes=odd))
    assert shown.text.endswith("contradicts its type at $.event.data.temperature.value  by replay")
    assert shown.colour == YELLOW


def test_a_repeated_event_is_dimmed() -> None:
    assert line_of(message(), "event") == replace(line_of(message()), text=line_of(message(), "event").text, colour=DIM)
    assert line_of(message(), "message").text.endswith("again: the same message")


def test_only_a_terminal_gets_a_shortened_name() -> None:
    found = message(body(labels={"name": "x" * 50}))
    assert f"  {'x' * 19}…  " in line_of(found).text
    assert f"  {'x' * 50}  " in line_of(found, is_screen=False).text


def test_every_reason_that_the_function_gives_is_explained() -> None:
    assert {outcome.reason for outcome in BY_ERROR.values() if outcome.status == 200} == set(REJECTIONS)
    assert all(rejection(reason).meaning and rejection(reason).remedy for reason in REJECTIONS)


def test_ids_are_remembered_for_both_topics_apart_and_only_so_many() -> None:
    repeats = Repeats(remembered=2)
    assert repeats.of(message(number=1)) == ""
    assert repeats.of(message(number=1)) == "message"
    assert repeats.of(message(number=2)) == "event"
    assert repeats.of(message(number=1, rejected=True)) == ""
    assert repeats.of(message(number=3, attributes={})) == ""
    assert repeats.of(message(number=1, attributes={})) == "", "it was forgotten"
