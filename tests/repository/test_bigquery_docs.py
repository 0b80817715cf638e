"""docs/bigquery.md: its tables are those of the code, its queries run, and its costs are those of the price list."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from deploy.bigquery.blueprint import ATTEMPTS, RETENTION, VIEWS
from deploy.bigquery.table import COLUMNS
from deploy.bigquery.transform import CODE
from deploy.commands import read_unwritten
from deploy.costs.month import MONTH_S
from deploy.costs.warehouse import ROW_PER_MESSAGE, WAREHOUSE_PRICES, warehouse_bill
from deploy.next_steps import BIGQUERY_BEYOND, BIGQUERY_COST
from deploy.resources.bigquery.table_role import ROLE
from deploy.resources.catalog import resources
from deploy.spec import Spec
from deploy.spec import Warehouse as InBigQuery
from tests.bench.capacity import Load
from tests.deploy.bigquery.engines import Warehouse, body, row, samples

PAGE = (Path(__file__).parents[2] / "docs" / "bigquery.md").read_text("utf-8")
BODIES = (Path(__file__).parents[1] / "contract" / "bodies.jsonl").read_text("utf-8").splitlines()
QUERIES = re.findall(r"^(\w[^\n]*):\n\n```sql\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL)

RESULTS: dict[str, list[tuple[Any, ...]]] = {
    "The newest temperature of each device": [
        ("d1", "Fridge 2", "2026-11-03T00:05:00Z", "9.5"),
        ("d2", None, "2026-11-02T12:00:00Z", "6"),
    ],
    "Devices that were not heard for a day": [("d2", None, "2026-11-02T12:00:00Z")],
    "Mean temperature by hour": [
        ("d1", "2026-11-02T23:00:00Z", 3.0),
        ("d1", "2026-11-03T00:00:00Z", 9.0),
        ("d2", "2026-11-02T12:00:00Z", 6.0),
    ],
    "Samples of a fridge above 8 °C, by day": [
        ("d1", "2026-11-02", 0, 2),
        ("d1", "2026-11-03", 2, 2),
        ("d2", "2026-11-02", 0, 1),
    ],
    "The longest times that a door was open, in minutes": [
        ("d1", "2026-11-02T08:00:00Z", "2026-11-02T09:30:00Z", 90.0)
    ],
    "Hours in which a desk was occupied, by day": [("d1", "2026-11-01", 2.0, 1), ("d1", "2026-11-02", 1.0, 0)],
    "Touches by day": [("d1", "2026-11-02", 5)],
    "Messages that are no events": [("000001", "not an event")],
}
"""What each query returns at ``NOW`` for the rows below, worked out by hand."""

NOW = "TIMESTAMP '2026-11-03 12:30:00+00'"


@pytest.fixture(scope="module")
def warehouse() -> Warehouse:
    values = ((9.5, "03T00:05"), (8.5, "03T00:00"), (4.0, "02T23:55"), (2.0, "02T23:50"))
    of_fridge = samples(*((value, f"2026-11-{time}:00Z") for value, time in values))
    fridge = body(
        "temperature", "2026-11-03T00:05:00Z", {"value": 9.5, "samples": of_fridge}, labels={"name": "Fridge 2"}
    )
    made = Warehouse()
    made.write(
        "not an event",
        fridge,
        fridge,
        body("temperature", "2026-11-02T12:00:00Z", {"value": 6}, device="d2"),
        body("contact", "2026-11-02T08:00:00Z", {"state": "OPEN"}),
        body("contact", "2026-11-02T09:30:00Z", {"state": "CLOSED"}),
        body("deskOccupancy", "2026-11-01T22:00:00Z", {"state": "OCCUPIED"}),
        body("deskOccupancy", "2026-11-02T01:00:00Z", {"state": "NOT_OCCUPIED"}),
        body("touchCount", "2026-11-02T10:00:00Z", {"total": 100}),
        body("touchCount", "2026-11-02T11:00:00Z", {"total": 105}),
    )
    return made


@pytest.mark.parametrize(("title", "sql"), QUERIES, ids=[title for title, _ in QUERIES])
def test_each_query_returns_what_it_says(title: str, sql: str, warehouse: Warehouse) -> None:
    expected = RESULTS[title.partition(". ")[0]]
    at_that_time = sql.replace("CURRENT_TIMESTAMP()", NOW)
    assert warehouse.query(re.sub(r"`my-project\.sensors\.(\w+)`", r"@\1", at_that_time)) == expected


def test_every_query_of_the_page_is_tested() -> None:
    assert len(QUERIES) == PAGE.count("```sql") == len(RESULTS)


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_the_tables_name_every_column_and_every_view() -> None:
    rows = [line.split("|")[1:3] for line in section("The table").splitlines() if line.startswith("| `")]
    listed = [
        pair
        for names, kinds in rows
        for pair in zip(re.findall(r"`(\w+)`", names), re.findall(r"\w+", kinds), strict=True)
    ]
    assert listed == [(column.name, column.kind) for column in COLUMNS]
    views = [line.split("|")[1] for line in section("The views").splitlines() if line.startswith("| `")]
    assert sorted(re.findall(r"`(\w+)`", " ".join(views))) == sorted(view.name for view in VIEWS)


def test_the_limits_are_those_of_the_code() -> None:
    (units,) = re.findall(r"MAX_UNITS = (\d+);", CODE)
    (levels,) = re.findall(r"MAX_LEVELS = (\d+);", CODE)
    assert f"longer than {int(units):,} characters" in PAGE
    assert f"nested deeper than {levels} levels" in PAGE
    assert f"after {ATTEMPTS}\nattempts" in PAGE
    assert f"for up to {int(RETENTION.removesuffix('s')) // 86_400} days" in PAGE


def test_the_costs_are_those_of_the_price_list() -> None:
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section("Cost").splitlines()[5:8]]
    expected = []
    for sensors in (1_000, 10_000, 100_000):
        cost = warehouse_bill(Load(sensors).mean_per_s * MONTH_S)
        dollars = [f"${value:.2f}" for value in (cost.written, cost.transformed, cost.stored)]
        expected.append([f"{sensors:,}", *dollars, f"up to {cost.full_read_gib:,.0f} GiB"])
    assert rows == expected
    prices = WAREHOUSE_PRICES
    for text in (
        f"${prices.export_tib} per TiB that the subscription writes",
        f"${prices.transform_tib} per TiB that its JavaScript",
        f"${prices.storage_gib} per GiB and month of stored rows beyond {prices.storage_gib_free} GiB",
        f"${prices.query_tib} per TiB\nthat queries read beyond {prices.query_tib_free} TiB",
    ):
        assert text in PAGE


def test_a_row_takes_about_twice_the_bytes_of_its_message() -> None:
    messages = sum(len(text.encode()) for text in BODIES)
    rows = sum(len(json.dumps(row(text), ensure_ascii=False).encode()) for text in BODIES)
    assert rows / messages == pytest.approx(ROW_PER_MESSAGE, rel=0.1)


def test_the_cost_at_the_end_of_up_is_that_of_the_page() -> None:
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section("Cost").splitlines()[5:8]]
    amounts = {row[0]: [float(cell.strip("$")) for cell in row[1:4]] for row in rows}
    small, large = amounts["1,000"], amounts["100,000"]
    assert (
        f"${small[0] + small[1]:.2f} a month more for a thousand sensors, and ${large[0] + large[1]:.0f}"
        in BIGQUERY_COST
    )
    assert f"what is stored after a year, ${small[2]:.2f} and ${large[2]:.0f} a month" in BIGQUERY_COST
    stored = f"after a year is ${small[2]:.2f} a month for a thousand sensors and ${large[2]:.0f} for 100,000"
    assert stored in BIGQUERY_BEYOND
    for text in (BIGQUERY_COST, BIGQUERY_BEYOND):
        assert f"beyond {WAREHOUSE_PRICES.query_tib_free} TiB a month" in text


def test_the_page_lists_what_the_flag_makes() -> None:
    listed = section("What the flag makes")
    without = {resource.id for resource in resources(Spec("my-project", "europe-west1"))}
    for resource in resources(Spec("my-project", "europe-west1", bigquery=InBigQuery("sensors"))):
        if resource.id in without or not resource.id.name:
            continue
        assert resource.id.name.rpartition(".")[2] in listed or resource.id.name in listed
    assert f"{len(VIEWS)} views" in listed
    assert ROLE in listed
    assert "CloudPubSubDeadLetterSourceDeliveryErrorMessage" in read_unwritten(Spec("my-project", "europe-west1"))


def test_the_first_query_of_the_page_names_a_view_and_its_columns() -> None:
    query = PAGE.partition("bq query --use_legacy_sql=false '")[2].partition("'")[0]
    view = next(view for view in VIEWS if f".{view.name}`" in query)
    assert set(re.findall(r"SELECT (.*?) FROM", query)[0].split(", ")) <= {column.name for column in view.columns}
