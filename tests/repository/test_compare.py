"""docs/compare.md: its figures of this project are those of the pages that measure them, and every way has a source."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "compare.md").read_text("utf-8")
PERFORMANCE = "".join(page.read_text("utf-8") for page in sorted(DOCS.glob("performance*.md"))).partition(
    " Broker: emulator\n"
)[2]
SCALING = (DOCS / "scaling.md").read_text("utf-8").partition("<!-- cost -->\n")[2].partition("<!-- end -->")[0]
TOLERANCE = 0.1
"""A new measurement may change a figure by this share before the page has to be written again."""


def cell(table: str, row: str, column: int) -> str:
    """Return a cell of the first table below a title in performance.md. ``column``: from 1, without the row's name."""
    rows = PERFORMANCE.partition(f"| {table}")[2]
    (found,) = re.findall(rf"^\| {re.escape(row)} \|(.*)\|$", rows.partition("\n\n")[0], re.MULTILINE)
    return str(found.split("|")[column - 1]).strip()


def number(text: str) -> float:
    """Return the first number of a text."""
    (found, *_) = re.findall(r"[\d,]+(?:\.\d+)?", text)
    return float(found.replace(",", ""))


MEASURED = {
    "events a second, 64 connections": ("requests/s", 3),
    "p50 with 1 connection, ms": ("p50 / p99, ms", 1),
    "CPU per event, 64 connections, µs": ("CPU per event, µs", 3),
    "start to the first 2xx, ms": (" |", 1),
    "memory with 256 connections, MiB": (" |", 2),
    "Pub/Sub gone: the sender sees": (" |", 3),
}


@pytest.mark.parametrize("row", MEASURED)
def test_the_figures_are_those_that_were_measured(row: str) -> None:
    table, column = MEASURED[row]
    (shown,) = re.findall(rf"^\| {re.escape(row)} \|(.*)\|$", PAGE, re.MULTILINE)
    for text, variant in zip(shown.split("|"), ("reference", "ingest"), strict=True):
        measured = cell(table, variant, column)
        ours, theirs = (re.findall(r"[\d,]+(?:\.\d+)?", value) for value in (text, measured))
        last = -1 if "after" in measured else 0
        assert number(ours[last]) == pytest.approx(number(theirs[last]), rel=TOLERANCE), measured
        assert ("no answer" in text) == ("no answer" in measured)


def test_the_figures_of_the_tuned_function_are_those_that_were_measured() -> None:
    (events, p50) = re.findall(r"answers ([\d,]+) events a second, with a p50 of ([\d.]+) ms", PAGE)[0]
    assert number(events) == pytest.approx(number(cell("requests/s", "reference, tuned", 3)), rel=TOLERANCE)
    assert number(p50) == pytest.approx(number(cell("p50 / p99, ms", "reference, tuned", 1)), rel=TOLERANCE)


@pytest.mark.parametrize(("sensors", "row"), [("1,000", "1 k"), ("100,000", "100 k")])
def test_the_costs_are_those_of_the_model(sensors: str, row: str) -> None:
    head = [name.strip() for name in SCALING.splitlines()[0].split("|")]
    (line,) = [line for line in SCALING.splitlines() if line.startswith(f"| {row} |")]
    costs = dict(zip(head, (value.strip() for value in line.split("|")), strict=True))
    (shown,) = re.findall(rf"^\| cost a month, {sensors} sensors \|(.*)\|$", PAGE, re.MULTILINE)
    of_dt, total, of_it = (number(found) for found in re.findall(r"\$([\d,.]+\d)", shown))
    assert of_dt == of_it == pytest.approx(number(costs["Pub/Sub"]), rel=TOLERANCE)
    assert total == pytest.approx(number(costs["total"]), rel=TOLERANCE)


def test_every_other_way_has_its_source() -> None:
    ways, sources = PAGE.partition("\n## Other ways\n")[2].split("\n## Sources\n")
    named = [re.sub(r"[\[\]]|\(.*?\)", "", line.split("|")[1]) for line in ways.splitlines() if "(#sources)" in line]
    assert len(named) == 9
    for name in named:
        assert name.strip().split(",")[0].removesuffix(" of AWS").split()[0] in sources, name
    rows = [line for line in sources.splitlines() if line.startswith("| ")][2:]
    assert all("https://" in row and re.search(r"stored copy|\d{4}", row.split("|")[3]) for row in rows)


def test_the_rows_that_decide_are_rows_of_the_table() -> None:
    table, advice = PAGE.partition("\n## DT's own connector\n")[2].split("\n**Take DT's own connector**")
    named = re.findall(r"(?<!\*)\*([a-z][a-z, -]+)\*(?!\*)", advice.partition("\n\n")[0])
    assert len(named) == 6
    for name in named:
        assert f"\n| {name}" in table, name


def test_the_programs_that_were_run_are_named_at_the_top() -> None:
    (named,) = re.findall(r"programs were run, ([\w-]+) and ([\w-]+)\.", PAGE)
    run = [line.split("|")[1].strip() for line in PAGE.splitlines() if line.startswith("| ") and "was run" in line]
    assert sorted(named) == sorted(run)
