"""A file is replaced as a whole; tests/deploy/cli/test_settings_text.py has links, modes and a full disk."""

from pathlib import Path

import pytest

from deploy.files import replace_file, require_replaceable


def test_what_a_killed_command_left_behind_is_removed(tmp_path: Path) -> None:
    path, left = tmp_path / "a.json", tmp_path / ".a.json.new"
    left.write_text("half of it")
    replace_file(path, "whole")
    assert (path.read_text(), list(tmp_path.iterdir())) == ("whole", [path])


def test_the_text_is_on_the_disk_before_it_has_the_name_and_the_name_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, synced = tmp_path / "a.json", list[bool]()
    monkeypatch.setattr("os.fsync", lambda _: synced.append(path.exists()))
    replace_file(path, "whole")
    assert synced == [False, True]


def test_what_can_be_written_stays_as_it_is_and_what_cannot_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")
    require_replaceable(path)
    assert (path.read_text(), list(tmp_path.iterdir())) == ("old", [path])
    for wrong in (tmp_path, tmp_path / "none" / "a.json"):
        with pytest.raises(OSError, match=r"Is a directory|No such file"):
            require_replaceable(wrong)
