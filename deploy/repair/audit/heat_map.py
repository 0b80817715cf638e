"""The heat map of an audit: devices by hours, as rectangles and texts on a plane. Pure.

A tile's colour is not its only sign: a tile with missing or rejected events shows their number, and every tile that is
not complete has a text that programs read out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from deploy.repair.arrived.arrivals import Window
from deploy.repair.audit.counts import HOUR_S, Cell, Counts
from deploy.times import utc

MAX_COLUMNS = 168
"""Hours of a week. Of a longer window, several hours share a column."""

MAX_ROWS = 60
"""Devices that are shown: first those with the most gaps."""

State = Literal["none", "complete", "young", "rejected", "some", "all"]

COLOURS: dict[State, str] = {
    "none": "#f3f4f6",
    "complete": "#9ecae1",
    "young": "#dadaeb",
    "rejected": "#7b5aa6",
    "some": "#c2570c",
    "all": "#7f2704",
}
LEGEND: dict[State, str] = {
    "none": "no events",
    "complete": "complete",
    "young": "too young",
    "rejected": "only rejected",
    "some": "some missing",
    "all": "all missing",
}
INK, PALE, PAPER = "#1f2933", "#5b6770", "#ffffff"

LEFT, TOP, ROW, GAP = 156, 62, 18, 1
WIDEST, NARROWEST, ROOM = 26, 5, 720
"""Sizes in pixels: width of a tile, and of all tiles together."""

NUMBERED = 17
"""A tile of this width has room for a number of three digits."""

MAX_NAME = 20
LEGEND_STEP = 118


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A filled rectangle. ``title``: what it means, in words; may be empty."""

    x: int
    y: int
    width: int
    height: int
    colour: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text whose left lower corner, or the middle of its lower edge, is at x and y."""

    x: int
    y: int
    text: str
    colour: str = INK
    size: int = 11
    is_centred: bool = False


@dataclass(frozen=True)
class Picture:
    """A picture. ``description``: what it shows, in words, also the gaps."""

    width: int
    height: int
    title: str
    description: str
    shapes: Sequence[Rectangle | Text]


@dataclass(frozen=True)
class Grid:
    """The columns of a heat map: each is ``hours`` long, and the first begins at ``start``."""

    start: int
    hours: int
    columns: int

    @property
    def tile(self) -> int:
        """The width of a tile in pixels."""
        return max(NARROWEST, min(WIDEST, ROOM // self.columns))

    def column(self, at: int) -> int:
        """Return the column of a time."""
        return (at - self.start) // (self.hours * HOUR_S)


def grid_of(window: Window) -> Grid:
    """Return the columns of a window."""
    start = int(window.start) // HOUR_S * HOUR_S
    hours = max(1, -(-(int(window.end) - start) // HOUR_S))
    together = -(-hours // MAX_COLUMNS)
    return Grid(start, together, -(-hours // together))


def shown_devices(devices: Sequence[Cell]) -> Sequence[Cell]:
    """Return the devices that are shown: those with gaps are first in the ledger's list."""
    return devices[:MAX_ROWS]


def heat_map(window: Window, devices: Sequence[Cell], cells: Iterable[Cell], totals: Counts) -> Picture:
    """Return the picture. ``devices``: all, those with gaps first; ``cells``: those of the shown devices."""
    grid, shown = grid_of(window), shown_devices(devices)
    tiles = _tiles(grid, cells)
    shapes: list[Rectangle | Text] = [Text(12, 22, _headline(totals), size=15), Text(12, 40, window.text(), PALE)]
    shapes += _axis(grid)
    for place, device in enumerate(shown):
        y = TOP + place * ROW
        shapes.append(Text(12, y + ROW - 5, _short(device.name or device.device)))
        for column in range(grid.columns):
            counts = tiles.get((device.project, device.device, column), Counts())
            shapes += _tile(grid, column, y, counts, device)
    bottom = TOP + len(shown) * ROW
    if len(devices) > len(shown):
        shapes.append(Text(12, bottom + 14, f"and {len(devices) - len(shown):,} devices more", PALE))
        bottom += ROW
    shapes += _legend(bottom + 12)
    width = max(LEFT + grid.columns * (grid.tile + GAP) + 12, 12 + LEGEND_STEP * len(LEGEND))
    return Picture(width, bottom + 40, _headline(totals), _described(window, totals, devices), shapes)


def state_of(counts: Counts) -> State:
    """Return how a tile is coloured: the worst of what it has counts."""
    if not counts.dt:
        return "none"
    if counts.missing:
        return "all" if counts.missing == counts.dt else "some"
    return "rejected" if counts.rejected else "young" if counts.young else "complete"


def _tiles(grid: Grid, cells: Iterable[Cell]) -> dict[tuple[str, str, int], Counts]:
    """Return the counts of each device and column."""
    tiles: dict[tuple[str, str, int], Counts] = {}
    for cell in cells:
        place = (cell.project, cell.device, grid.column(cell.hour))
        tiles[place] = _sum(tiles.get(place, Counts()), cell.counts)
    return tiles


def _sum(one: Counts, other: Counts) -> Counts:
    both: dict[str, Any] = {name: value + other.as_json()[name] for name, value in one.as_json().items()}
    return replace(one, **both)


def _tile(grid: Grid, column: int, y: int, counts: Counts, device: Cell) -> list[Rectangle | Text]:
    x, state = LEFT + column * (grid.tile + GAP), state_of(counts)
    title = ""
    if state not in {"none", "complete"}:
        hour = utc(grid.start + column * grid.hours * HOUR_S)[:16].replace("T", " ")
        title = f"{device.name or device.device}, {hour}: {counts.main} of {counts.dt} arrived, {LEGEND[state]}"
    shapes: list[Rectangle | Text] = [Rectangle(x, y, grid.tile, ROW - GAP, COLOURS[state], title)]
    lacking = counts.missing or counts.rejected
    if lacking and grid.tile >= NUMBERED:
        number = str(lacking) if lacking < 1000 else "…"
        shapes.append(Text(x + grid.tile // 2, y + ROW - 6, number, PAPER, 10, is_centred=True))
    return shapes


def _axis(grid: Grid) -> list[Rectangle | Text]:
    """Return a time above about every eighth part of the columns: the hour, and at the first the date."""
    step = max(1, -(-grid.columns * 44 // max(1, grid.columns * (grid.tile + GAP))))
    is_long = grid.columns * grid.hours > 48
    texts: list[Rectangle | Text] = []
    for column in range(0, grid.columns, step):
        at = utc(grid.start + column * grid.hours * HOUR_S)
        texts.append(Text(LEFT + column * (grid.tile + GAP), TOP - 6, at[5:10] if is_long else at[11:16], PALE, 10))
    return texts


def _legend(y: int) -> list[Rectangle | Text]:
    shapes: list[Rectangle | Text] = []
    for place, (state, words) in enumerate(LEGEND.items()):
        x = 12 + place * LEGEND_STEP
        shapes += [Rectangle(x, y, 14, 12, COLOURS[state]), Text(x + 20, y + 10, words, PALE)]
    return shapes


def _headline(totals: Counts) -> str:
    if not totals.missing and not totals.rejected:
        return f"{totals.dt:,} events of DT's: nothing is missing"
    return f"{totals.dt:,} events of DT's: {totals.missing:,} missing, {totals.rejected:,} only rejected"


def _described(window: Window, totals: Counts, devices: Sequence[Cell]) -> str:
    worst = [cell for cell in devices if cell.counts.missing or cell.counts.rejected][:10]
    gaps = "; ".join(f"{one.name or one.device}: {one.counts.missing} missing" for one in worst)
    return f"Devices by hours, {window.text()}. {_headline(totals)}. {gaps}".strip()


def _short(name: str) -> str:
    return name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 1]}…"
