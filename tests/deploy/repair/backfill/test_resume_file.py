"""The file in which a backfill remembers what is done."""

import json
from pathlib import Path
from typing import Any

import pytest

from deploy.errors import DeployError
from deploy.repair.backfill.place import Place
from deploy.repair.backfill.resume_file import ResumeFile, read_resume_file, require_writable

ASKED = {"project": "p", "from": "2h"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "resume.json"


def saved(path: Path) -> dict[str, Any]:
    """Save the places of two devices, and return the document."""
    file = ResumeFile(path, ASKED)
    file.note("projects/p/devices/a", Place(5, {"e": 3}, is_finished=True))
    file.note("projects/p/devices/b", Place())
    file.save()
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def test_what_was_saved_is_read_again(path: Path) -> None:
    saved(path)
    places = {"projects/p/devices/a": Place(5, {"e": 3}, is_finished=True), "projects/p/devices/b": Place()}
    read = read_resume_file(path)
    assert read is not None
    assert (read.asked, read.places, read.is_finished) == (ASKED, places, False)
    read.finish()
    read.save()
    again = read_resume_file(path)
    assert again is not None
    assert (again.places, again.is_finished) == (places, True)
    assert list(path.parent.iterdir()) == [path]


def test_without_a_file_nothing_is_done_and_without_a_name_nothing_is_written(path: Path) -> None:
    assert read_resume_file(path) is None
    file = ResumeFile(None, ASKED)
    file.note("a", Place(1))
    file.save()
    assert file.place_of("a") == Place(1)
    assert list(path.parent.iterdir()) == []


def test_an_end_while_the_file_is_written_leaves_the_earlier_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = saved(path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    file = ResumeFile(path, ASKED)
    file.note("a", Place(1))
    with pytest.raises(DeployError, match="cannot be written: No space left"):
        file.save()
    assert json.loads(path.read_text()) == before


def test_what_could_not_be_saved_is_saved_later(path: Path) -> None:
    file = ResumeFile(path / "none" / "resume.json", ASKED)
    file.note("a", Place(1))
    for _ in range(2):
        with pytest.raises(DeployError, match="cannot be written"):
            file.save()
    file.path = path
    file.save()
    read = read_resume_file(path)
    assert read is not None
    assert read.places == {"a": Place(1)}


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"format": "other"}, "is not a file that backfill has written"),
        ({"version": 1}, "was written by another version"),
        ({"devices": {"a": {"sentTo": "x", "missing": {}, "finished": True}}}, "something has changed it"),
        ({"devices": {"a": {"sentTo": 5, "missing": {"e": "x"}, "finished": True}}}, "something has changed it"),
        ({"devices": {"a": {"sentTo": 5, "missing": {}, "finished": "yes"}}}, "something has changed it"),
        ({"devices": {"a": {}}}, "something has changed it"),
        ({"devices": []}, "something has changed it"),
        ({"asked": 5}, "something has changed it"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_refused(path: Path, changes: dict[str, Any], fault: str) -> None:
    path.write_text(json.dumps({**saved(path), **changes}))
    with pytest.raises(DeployError, match=fault) as refused:
        read_resume_file(path)
    assert refused.value.fix
    assert str(path) in str(refused.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00"])
def test_a_file_of_something_else_is_refused(path: Path, text: str) -> None:
    path.write_text(text)
    with pytest.raises(DeployError) as refused:
        read_resume_file(path)
    assert refused.value.what == "is not a file that backfill has written"  # and nothing of the parser


def test_a_folder_is_no_resume_file(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="cannot be read: Is a directory"):
        read_resume_file(tmp_path)
    with pytest.raises(DeployError, match="cannot be written: Is a directory"):
        require_writable(tmp_path)
