"""What the documents say of the deploy is so."""

import re
import shlex
from pathlib import Path

import pytest

from deploy.cli.options import OPTIONS
from deploy.cli.parser import parse
from deploy.resources.accounts import may_publish, may_read_secret
from deploy.spec import FUNCTION_DEFAULTS, RETENTION_DEFAULTS
from deploy.verbs import USAGES, VERBS
from tests.deploy.stage import spec

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
OPERATIONS = (DOCS / "operations.md").read_text("utf-8")
ROWS = {
    cells[0].strip("`"): cells[1:]
    for line in OPERATIONS.splitlines()
    if (cells := [cell.strip() for cell in line.strip("|").split(" | ")]) and len(cells) == 4
}


def test_every_option_has_its_row_with_flag_and_variable() -> None:
    for option in OPTIONS:
        flag, variable, _ = ROWS[option.place]
        assert option.flag in flag
        assert option.variable in variable


def test_the_defaults_told_are_those_in_force() -> None:
    told = {place.removeprefix("function."): cells[2].strip("`") for place, cells in ROWS.items()}
    assert {name: told[name] for name in FUNCTION_DEFAULTS} == dict(FUNCTION_DEFAULTS)
    assert (told["retention"], told["rejected_retention"]) == tuple(RETENTION_DEFAULTS.values())


def test_every_verb_is_told_and_none_that_there_is_not() -> None:
    told = {
        verb for path in DOCS.glob("*.md") for verb in re.findall(r"python -m deploy (\w+)", path.read_text("utf-8"))
    }
    assert told == set(VERBS)


def commands(text: str) -> list[str]:
    """Return the words behind each ``python -m deploy`` of a text, as far as they are a verb and flags."""
    return re.findall(r"python -m deploy ([a-z]+(?: --[\w-]+(?:=(?:'[^']*'|[^\s`'\"|;),]+))?)*)", text)


PAGES = [*ROOT.glob("*.md"), *DOCS.glob("*.md"), ROOT / "Makefile", *(ROOT / "deploy").rglob("*.py")]
COMMANDS = sorted({command for path in PAGES for command in commands(path.read_text("utf-8"))})


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_that_is_told_can_be_typed(command: str) -> None:
    assert parse(shlex.split(command), USAGES).verb == command.partition(" ")[0]


def test_the_commands_that_are_told_are_found() -> None:
    assert {"plan", "down", "up --yes --json", "up --invocation=unchecked"} <= set(COMMANDS)


def test_the_runtime_accounts_roles_are_those_told() -> None:
    text = (DOCS / "deployer.md").read_text("utf-8")
    assert may_publish(spec(), "t").role in text
    assert may_read_secret(spec()).role in text
