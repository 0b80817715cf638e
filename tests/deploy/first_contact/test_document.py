"""The file of a report is valid at every moment, complete only when everything is answered, and overwrites nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from deploy.errors import DeployError, DtFailed, GcloudFailed
from deploy.first_contact.document import NOT_REACHED, Document, reason_of
from deploy.first_contact.questions import FIELDS


def new(folder: Path) -> Document:
    return Document(folder / "report.json", "1.0.0", lambda: 1_795_000_000.0, lambda _: None)


def read(document: Document) -> Any:
    return json.loads(document.path.read_text("utf-8"))


def test_a_file_that_was_only_begun_names_everything_as_missing(tmp_path: Path) -> None:
    document = new(tmp_path)
    document.begin()
    assert read(document)["missing"] == dict.fromkeys(FIELDS, NOT_REACHED)
    assert (read(document)["finished"], read(document)["complete"]) == (False, False)


def test_every_answer_is_in_the_file_at_once_and_leaves_no_other_file(tmp_path: Path) -> None:
    document = new(tmp_path)
    document.begin()
    document.answer(FIELDS[0], 1.5)
    assert read(document)["answers"] == {FIELDS[0]: 1.5}
    assert FIELDS[0] not in read(document)["missing"]
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_a_report_is_complete_only_if_it_is_finished_and_nothing_is_missing(tmp_path: Path) -> None:
    document = new(tmp_path)
    document.begin()
    for name in FIELDS:
        assert document.is_complete is False
        document.answer(name, 1)
    assert document.is_complete is False
    document.is_finished = True
    assert document.is_complete is True


def test_an_answer_and_the_first_reason_stay(tmp_path: Path) -> None:
    document = new(tmp_path)
    document.begin()
    document.answer(FIELDS[0], 1)
    document.lack(FIELDS[:2], "first")
    document.lack(FIELDS[:3], "second")
    assert document.answers == {FIELDS[0]: 1}
    assert [document.missing[name] for name in FIELDS[1:4]] == ["first", "second", NOT_REACHED]


def test_a_field_that_no_question_has_is_a_defect(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        new(tmp_path).answer("google.bill", 1)


def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    document = new(tmp_path)
    document.path.write_text("mine", "utf-8")
    with pytest.raises(DeployError, match="not overwritten"):
        document.begin()
    assert document.path.read_text("utf-8") == "mine"


def test_a_folder_that_is_gone_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    document = new(tmp_path / "gone")
    with pytest.raises(DeployError, match=r"report\.json: cannot be written"):
        document.begin()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (GcloudFailed("POLICY", "you@example.com may not", where="gcloud"), "Google: POLICY"),
        (DtFailed(403, "c0md3pm0p7bet3vico8g is closed", where="DT"), "DT: 403"),
        (DtFailed(0, "no answer from 10.0.0.1", where="DT"), "DT: no answer"),
        (DeployError("Fridge 2", where="cold-chain-prod"), "failed"),
    ],
)
def test_a_reason_is_a_code_and_quotes_nothing(error: DeployError, reason: str) -> None:
    assert reason_of(error) == reason
