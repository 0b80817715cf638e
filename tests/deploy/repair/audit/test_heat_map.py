"""The heat map of an audit: what it shows, and that both kinds of files show it."""

import re
import struct
import xml.etree.ElementTree as ET
import zlib

import pytest

from deploy.repair.arrived.arrivals import Window
from deploy.repair.audit.counts import HOUR_S, Cell, Counts
from deploy.repair.audit.heat_map import COLOURS, MAX_COLUMNS, MAX_ROWS, Rectangle, Text, grid_of, heat_map, state_of
from deploy.repair.audit.png import png
from deploy.repair.audit.svg import svg
from tests.deploy.repair.audit.audited_day import START, picture

NAMESPACE = "{http://www.w3.org/2000/svg}"


def cell(counts: Counts, device: str = "a", hour: int = 0, name: str = "") -> Cell:
    return Cell("p", device, name, START + hour * HOUR_S, counts)


def tiles(cells: list[Cell], hours: int) -> list[str]:
    """Return the colours of the tiles of one device."""
    drawn = heat_map(Window(START, START + hours * HOUR_S), [cell(Counts())], cells, Counts())
    return [shape.colour for shape in drawn.shapes if isinstance(shape, Rectangle) and shape.width != 14]


@pytest.mark.parametrize(
    ("counts", "state"),
    [
        (Counts(), "none"),
        (Counts(4, 4), "complete"),
        (Counts(4, 4, double=2), "complete"),
        (Counts(4, 3, young=1), "young"),
        (Counts(4, 2, rejected=1, young=1), "rejected"),
        (Counts(4, 1, missing=1, rejected=1, young=1), "some"),
        (Counts(4, 0, missing=4), "all"),
    ],
)
def test_the_worst_of_an_hour_counts(counts: Counts, state: str) -> None:
    assert state_of(counts) == state


def test_every_hour_has_a_tile_and_one_without_events_is_pale() -> None:
    assert tiles([cell(Counts(1, 1), hour=1)], hours=3) == [COLOURS["none"], COLOURS["complete"], COLOURS["none"]]


def test_of_a_long_window_several_hours_share_a_tile_and_none_is_lost() -> None:
    cells = [cell(Counts(1, 1), hour=2 * MAX_COLUMNS - 2), cell(Counts(1, missing=1), hour=2 * MAX_COLUMNS - 1)]
    found = tiles(cells, hours=2 * MAX_COLUMNS)
    assert (len(found), found[-1]) == (MAX_COLUMNS, COLOURS["some"])


def test_a_window_that_begins_within_an_hour_has_a_tile_for_it() -> None:
    grid = grid_of(Window(START + 60, START + HOUR_S + 60))
    assert (grid.start, grid.columns) == (START, 2)


def test_of_many_devices_those_with_gaps_are_shown_and_the_rest_is_counted() -> None:
    devices = [cell(Counts(1, missing=1), f"d{number}") for number in range(MAX_ROWS + 5)]
    drawn = heat_map(Window(START, START + HOUR_S), devices, [], Counts(1, missing=1))
    texts = [shape.text for shape in drawn.shapes if isinstance(shape, Text)]
    assert "and 5 devices more" in texts
    assert sum(text.startswith("d") for text in texts) == MAX_ROWS


def test_an_svg_says_in_words_what_the_colours_say() -> None:
    root = ET.fromstring(svg(picture()))  # noqa: S314  # it was just made
    assert root.findtext(f"{NAMESPACE}title") == "552 events of DT's: 11 missing, 3 only rejected"
    assert "Fridge 2: 8 missing; Meeting room: 3 missing" in (root.findtext(f"{NAMESPACE}desc") or "")
    titles = [title.text for title in root.iter(f"{NAMESPACE}title")]
    assert "Fridge 2, 2026-11-02 09:00: 0 of 4 arrived, all missing" in titles
    assert "Roof, 2026-11-02 23:00: 3 of 4 arrived, too young" in titles


def test_a_devices_name_cannot_add_anything_to_an_svg() -> None:
    evil = cell(Counts(1, missing=1), name="<script>'\"&\x00\ud800")
    drawn = svg(heat_map(Window(START, START + HOUR_S), [evil], [evil], Counts(1, missing=1)))
    root = ET.fromstring(drawn)  # noqa: S314  # it was just made
    assert {element.tag.removeprefix(NAMESPACE) for element in root.iter()} == {"svg", "title", "desc", "rect", "text"}


def test_a_png_has_the_colours_of_the_tiles_at_their_places() -> None:
    drawn = picture()
    file = png(drawn)
    assert file.startswith(b"\x89PNG\r\n\x1a\n")
    chunks, place = {}, 8
    while place < len(file):
        (length,) = struct.unpack(">I", file[place : place + 4])
        kind, data = file[place + 4 : place + 8], file[place + 8 : place + 8 + length]
        assert struct.unpack(">I", file[place + 8 + length : place + 12 + length]) == (zlib.crc32(kind + data),)
        chunks[kind], place = data, place + 12 + length
    assert struct.unpack(">2I", chunks[b"IHDR"][:8]) == (drawn.width, drawn.height)
    pixels, colours = zlib.decompress(chunks[b"IDAT"]), chunks[b"PLTE"].hex()
    for shape in drawn.shapes:
        if isinstance(shape, Rectangle):
            index = pixels[shape.y * (drawn.width + 1) + 1 + shape.x]
            assert f"#{colours[6 * index : 6 * index + 6]}" == shape.colour


def test_no_text_of_the_example_reaches_into_the_tiles_or_out_of_the_picture() -> None:
    drawn = picture()
    first_tile = min(shape.x for shape in drawn.shapes if isinstance(shape, Rectangle) and shape.height > 12)
    for shape in drawn.shapes:
        if isinstance(shape, Text) and re.fullmatch(r"Fridge 2|Meeting room|Freezer", shape.text):
            assert shape.x + 7 * len(shape.text) < first_tile
        assert 0 <= shape.x < drawn.width
        assert 0 <= shape.y <= drawn.height
