"""The uploaded files: all of function/, with the same bytes and the same digest from every checkout."""

import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.stages.source import ROOT, digest, source_files, staged
from tests.repository.gcloud_lint import GCLOUD

GIT = shutil.which("git") or ""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A copy of the deployed files, and of the files that decide which these are."""
    for name in ("main.py", "requirements.txt", ".gcloudignore"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "function", tmp_path / "function", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_a_checkout_with_crlf_is_the_same_source_and_is_uploaded_with_lf(clone: Path) -> None:
    for path in [*clone.glob("*.*"), *clone.rglob("function/*.py")]:
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))

    files = source_files(clone)

    assert files == source_files()
    assert digest(files) == digest(source_files())
    with staged(files) as folder:
        assert b"\r" not in (folder / "function/receiver.py").read_bytes()


def test_git_checks_out_every_text_file_with_lf() -> None:
    listed = [GIT, "ls-files", "--eol"]
    lines = subprocess.run(listed, cwd=ROOT, capture_output=True, encoding="utf-8", check=True).stdout.splitlines()
    attributes = {line.split("\t")[1]: line.split()[:3] for line in lines}
    assert len(attributes) > 100
    assert all(words[0] in {"i/lf", "i/none", "i/-text"} for words in attributes.values())
    assert all("attr/text=auto" in words or "attr/-text" in words for words in attributes.values())


@pytest.fixture
def grown(clone: Path) -> Path:
    """The clone with a package, data and files to be left out under function/."""
    for name in ("extra/__init__.py", "extra/deeper/helper.py", "extra/table.json"):
        path = clone / "function" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n", "utf-8")
    for name in ("__pycache__/a.pyc", "extra/__pycache__/b.pyc", ".a.py.swp", "extra/.DS_Store"):
        path = clone / "function" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\0")
    return clone


def test_all_files_of_function_are_uploaded_except_hidden_and_generated_ones(grown: Path) -> None:
    added = set(source_files(grown)) - set(source_files())
    assert added == {"function/extra/__init__.py", "function/extra/deeper/helper.py", "function/extra/table.json"}
    with staged(source_files(grown)) as folder:
        assert (folder / "function/extra/deeper/helper.py").is_file()


def test_every_file_of_function_in_git_is_deployed() -> None:
    listed = [GIT, "ls-files", "function", "main.py", "requirements.txt"]
    tracked = subprocess.run(listed, cwd=ROOT, capture_output=True, encoding="utf-8", check=True).stdout.split()
    assert set(tracked) <= set(source_files())


@pytest.mark.timeout(120)
@pytest.mark.real_gcloud
@pytest.mark.skipif(not GCLOUD, reason="no gcloud on this machine")
def test_a_plain_gcloud_deploy_uploads_the_same_files(grown: Path) -> None:
    listed = subprocess.run(
        [GCLOUD, "meta", "list-files-for-upload"],
        env={"PATH": "/usr/bin:/bin", "CLOUDSDK_CONFIG": str(grown.parent / "config"), "HOME": str(grown.parent)},
        cwd=grown,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert set(listed.stdout.split()) == set(source_files(grown))
