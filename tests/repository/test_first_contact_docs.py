"""docs/first-contact.md lists exactly the questions that a report answers, and describes its file as it is."""

import json
import re
from pathlib import Path

from deploy.first_contact.document import FORMAT, FORMAT_VERSION, Document
from deploy.first_contact.findings import Attempt, retries_of
from deploy.first_contact.questions import FIELDS, QUESTIONS, RETRIED_STATUSES
from deploy.first_contact.recorder.main import REFUSES_FOR_S
from deploy.first_contact.run import COST, MINUTES
from deploy.resources.first_contact import ABANDONED_AFTER_S, connector_name
from deploy.spec import CONTACT_MARK
from deploy.verbs import USAGES
from tests.deploy.stage import spec

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "first-contact.md").read_text("utf-8")


def section(heading: str) -> str:
    return PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def rows(heading: str) -> list[list[str]]:
    lines = [line for line in section(heading).splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[1:]]


def test_the_list_of_open_questions_is_that_of_the_report() -> None:
    assert rows("The open questions") == [[question.text, f"`{question.field}`"] for question in QUESTIONS]
    assert len(set(FIELDS)) == len(FIELDS)


def test_the_example_of_the_file_has_its_shape() -> None:
    (example,) = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))
    document = Document(Path("x"), "1.0.0", lambda: 0.0, lambda _: None)
    assert list(example) == list(document.as_json())
    assert (example["format"], example["formatVersion"]) == (FORMAT, FORMAT_VERSION)
    assert {*example["answers"], *example["missing"]} <= {*FIELDS}
    retry = retries_of([Attempt(1.0, 503, "e", "b")], 503, 1.0)
    assert list(example["answers"]["dt.retry.503"]) == list(retry or {})


def test_the_exit_statuses_are_those_of_verify() -> None:
    assert [int(row[0]) for row in rows("Make a report")] == sorted(USAGES["verify"].exit_codes)


def test_the_page_says_what_is_made_and_what_it_costs() -> None:
    assert f"`{CONTACT_MARK}=NAME`" in PAGE
    assert connector_name(spec(google_project="PROJECT", name="NAME"), 7).removesuffix("7") + "…" in PAGE
    assert COST in PAGE
    assert MINUTES == 12, "the page says about ten minutes"
    assert (ABANDONED_AFTER_S, REFUSES_FOR_S) == (7200.0, 1800.0), "the page says two hours, and half an hour"
    assert f"with {RETRIED_STATUSES[0]}, {RETRIED_STATUSES[1]} and {RETRIED_STATUSES[2]}" in PAGE


def test_the_readme_leads_to_the_open_questions() -> None:
    assert "(docs/first-contact.md)" in (ROOT / "README.md").read_text("utf-8")
