"""Authentic bodies that are made to take long: none blocks the event loop, whatever its size.

The tests measure the thread's time, take the least of several runs, and have limits for a slow machine. The bodies that
the limits of the parser refuse took 7 to 32 s.
"""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from function.errors import EventError
from function.event import MAX_DEPTH, MAX_MARKS, NOTHING, parse_body, read_envelope, require_envelope
from function.message import event_message
from function.settings import LARGEST_BODY_BYTES
from tests.function.builders import body, settings, verified

USUAL = 262_144
HELD_S = 0.05
SETTINGS = settings()
ROOM = 4
"""The machine may be this many times as slow as usual."""


def filled(value: bytes, size: int, end: bytes = b"") -> bytes:
    """Return an event whose data are as many of these values as fit."""
    start, close = body()[:-1] + b',"more":[', (b"," + end if end else b"") + b"]}"
    return start + ((value + b",") * ((size - len(start) - len(close)) // (len(value) + 1)))[:-1] + close


def text(letters: bytes, size: int) -> bytes:
    """Return an event whose type is as long as fits."""
    whole = b'{"event":{"eventId":"e","targetName":"projects/p","eventType":"%s"}}'
    return whole % (letters * ((size - len(whole)) // len(letters)))


SHAPES: dict[str, Callable[[int], bytes]] = {
    "empty lists": lambda size: filled(b"[]", size),
    "empty objects": lambda size: filled(b"{}", size),
    "small objects": lambda size: filled(b'{"":0}', size),
    "integers": lambda size: filled(b"1", size),
    "integers and half a surrogate pair": lambda size: filled(b"1", size, rb'"\ud800"'),
    "lists and half a surrogate pair": lambda size: filled(b"[]", size, rb'"\ud800"'),
    "texts": lambda size: filled(b'""', size),
    "lists just not too deep": lambda size: filled(b"[" * (MAX_DEPTH - 2) + b"]" * (MAX_DEPTH - 2), size),
    "levels without an end": lambda size: b'{"a":' * (size // 5),
    "closed levels": lambda size: b'{"a":' + b"[" * (size // 2 - 3) + b"]" * (size // 2 - 3) + b"}",
    "integers of 3,999 digits": lambda size: filled(b"1" * 3_999, size),
    "one integer": lambda size: filled(b"1" * (size - 1_000), size),
    "numbers beyond a double": lambda size: filled(b"1e400", size),
    "the largest numbers": lambda size: filled(b"1.7976931348623158e308", size),
    "the smallest numbers": lambda size: filled(b"2.2250738585072011e-308", size),
    "numbers of many digits": lambda size: filled(b"9007199254740993." + b"0" * 280 + b"1", size),
    "an exponent of many digits": lambda size: filled(b"1e" + b"0" * (size - 1_000) + b"1", size),
    "numbers with fractions": lambda size: filled(b"21.5", min(size, 400_000)),
    "texts of escapes among lists": lambda size: filled(b"[]", 1_000, b'"%s"' % (rb"\"" * (size // 2 - 1_000))),
    "labels": lambda size: b'{"labels":{' + b",".join(b'"%d":"x"' % n for n in range(size // 13)) + b"}}",
    "a long type": lambda size: text(b"x", size),
    "a long type beyond ASCII": lambda size: text("é".encode(), size),
    "escapes": lambda size: text(rb"\u00e9", size),
    "escapes and half a surrogate pair": lambda size: text(rb"\u00e9", size)[:-3] + rb'\ud800"}}',
    "slashes": lambda size: b'{"event":{"targetName":"projects' + b"/" * (size - 40) + b'"}}',
}


def read(content: bytes) -> None:
    envelope = NOTHING
    with contextlib.suppress(EventError):
        envelope = read_envelope(parse_body(content))
        require_envelope(envelope)
    event_message(verified(content), envelope, None, SETTINGS)


@contextmanager
def untraced() -> Iterator[None]:
    """Measure without coverage's tracer, because it makes every line several times slower."""
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(tracer)


@pytest.mark.timed
@pytest.mark.parametrize("size", [USUAL, LARGEST_BODY_BYTES], ids=["default limit", "highest limit"])
@pytest.mark.parametrize("shape", SHAPES)
def test_reading_an_event_of_any_shape_blocks_the_event_loop_only_briefly(shape: str, size: int) -> None:
    content = SHAPES[shape](size)
    took: list[float] = []
    with untraced():
        for _ in range(5):
            began_at = time.thread_time()
            read(content)
            took.append(time.thread_time() - began_at)
            if took[-1] < HELD_S:
                break
    assert min(took) < HELD_S * ROOM


@pytest.mark.parametrize("mark", [b"[]", b"{}", b"1"])
def test_an_event_with_too_many_values_is_malformed_and_one_with_fewer_is_not(mark: bytes) -> None:
    def with_marks(count: int) -> bytes:
        start = b'{"more":['
        per_value = 1 + (mark != b"1")
        values = (count - 2 + 1) // per_value
        return start + b",".join([mark] * values) + b"]}"

    parse_body(with_marks(MAX_MARKS))
    with pytest.raises(EventError, match="more than 100000 commas"):
        parse_body(with_marks(MAX_MARKS + 10))
