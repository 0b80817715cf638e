"""The project's version is written once, and CHANGELOG.md names it."""

import ast
import re
from pathlib import Path

from deploy.stages.source import source_files
from function.version import VERSION

ROOT = Path(__file__).parents[2]
RELEASE = r"\d+\.\d+\.\d+"


def test_the_version_is_three_numbers_that_fit_into_a_label() -> None:
    assert re.fullmatch(RELEASE, VERSION)


def test_the_version_can_be_read_with_nothing_installed() -> None:
    tree = ast.parse((ROOT / "function/version.py").read_text("utf-8"))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]


def test_the_version_is_uploaded_with_the_function() -> None:
    assert VERSION.encode() in source_files()["function/version.py"]


def test_no_other_module_contains_the_version() -> None:
    modules = [ROOT / "main.py", *(ROOT / "function").rglob("*.py"), *(ROOT / "deploy").rglob("*.py")]
    assert [path.name for path in modules if f'"{VERSION}"' in path.read_text("utf-8")] == ["version.py"]


def test_the_newest_release_in_the_changelog_is_this_version() -> None:
    headings = re.findall(r"^## \[?([^\]\s]+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert headings[0] in {"Unreleased", VERSION}
    released = [heading for heading in headings if re.fullmatch(RELEASE, heading)]
    assert released[:1] in ([], [VERSION])
