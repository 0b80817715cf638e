"""docs/repair.md shows what ``audit`` prints and draws, and names its flags, its columns and its limits."""

import io
import re

import pytest

from deploy.cli.terminal import Terminal
from deploy.repair.arrived import drain, held, places
from deploy.repair.arrived import table as bigquery_table
from deploy.repair.audit.findings import Findings, cell_as_json, table
from deploy.repair.audit.svg import svg
from deploy.stages.source import ROOT
from deploy.verbs.audit import FLAGS, PICTURES
from tests.deploy.repair.audit.audited_day import NAMES, WINDOW, cells, picture, summed

PAGE = (ROOT / "docs" / "repair.md").read_text("utf-8")
SECTION = PAGE[PAGE.index("## Prove that nothing is missing") :]
SECTION = SECTION[: (re.search(r"\n## (?!Prove)", SECTION) or re.search(r"\Z", SECTION)).start()]  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["audit.svg"])
def test_the_picture_is_what_audit_draws_of_the_example(name: str) -> None:
    assert (ROOT / "docs" / "pictures" / name).read_bytes() == svg(picture()), "make heat-map makes it"


def test_the_table_is_what_audit_prints_of_the_example() -> None:
    out = io.StringIO()
    terminal = Terminal(out, io.StringIO(), io.StringIO())
    rows, _ = table(sorted(cells(), key=lambda cell: (cell.name, cell.hour)), 40)
    terminal.grid(rows)
    findings = Findings(WINDOW, "topic dt-events", WINDOW.end, len(NAMES), summed(cells()))
    for line in findings.lines():
        terminal.print(line)
    for line in findings.fixes("--from=2026-11-02T00:00:00Z --to=2026-11-03T00:00:00Z"):
        terminal.print(f"  fix: {line}")
    assert out.getvalue() in SECTION


def test_the_flags_on_the_page_are_those_of_the_verb() -> None:
    rows = [line for line in SECTION.splitlines() if line.startswith("| `--")]
    named = {flag for row in rows for flag in re.findall(r"`(--[a-z-]+)", row.split(" | ")[0])}
    assert named == {*(flag.name for flag in FLAGS), "--json"}
    assert all(f"`{end}`" in SECTION for end in PICTURES)


def test_the_lines_of_json_on_the_page_are_those_that_are_printed() -> None:
    (first,) = {key for cell in cells() for key in cell_as_json(cell)}
    assert f"(`{first}`)" in SECTION
    assert "`missing` or `rejected`" in SECTION


def test_the_limits_on_the_page_are_those_of_the_code() -> None:
    assert f"nothing new has come for {drain.QUIET_S:.0f} s longer" in SECTION
    assert f"come again within {held.HOLD_S // 60} minutes" in SECTION
    assert (places.YOUNG_S, places.YOUNG_IN_TABLE_S) == (60, 300)
    assert "younger than a minute (with a table five)" in SECTION


def test_the_columns_of_the_table_on_the_page_are_those_of_the_query() -> None:
    row = next(line for line in SECTION.splitlines() if "`--table=" in line)
    documented = set(re.findall(r"`(\w+_\w+)`", row))
    assert documented == set(re.findall(r"\b((?:event|project|device|publish)_\w+)", bigquery_table.QUERY))
