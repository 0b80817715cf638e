"""The documentation of the deploy command agrees with the code."""

import re
import shlex
from pathlib import Path

import pytest

from deploy.cli.options import OPTIONS
from deploy.cli.parser import parse
from deploy.resources.iam_binding import publisher_on, secret_accessor
from deploy.spec import FUNCTION_DEFAULTS, RETENTION_DEFAULTS, SMALL_SIZES
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


def test_every_option_has_a_row_with_its_flag_and_variable() -> None:
    for option in OPTIONS:
        flag, variable, _ = ROWS[option.place]
        assert option.flag in flag
        assert option.variable in variable


def test_the_documented_defaults_are_those_of_the_code() -> None:
    documented = {place.removeprefix("function."): cells[2].strip("`") for place, cells in ROWS.items()}
    for name, large in FUNCTION_DEFAULTS.items():
        expected = f"{SMALL_SIZES[name]}`, with the profile large `{large}" if name in SMALL_SIZES else large
        assert documented[name] == expected
    assert (documented["retention"], documented["rejected_retention"]) == tuple(RETENTION_DEFAULTS.values())


def test_the_documentation_names_exactly_the_existing_verbs() -> None:
    documented = {
        verb for path in DOCS.glob("*.md") for verb in re.findall(r"python -m deploy (\w+)", path.read_text("utf-8"))
    }
    assert documented == set(VERBS)


def commands(text: str) -> list[str]:
    """Return the words behind each ``python -m deploy`` of a text, as far as they are a verb and flags.

    In a module this is ``{PROGRAM}``. In documentation it can be ``dt-pubsub``, which is also a name of other things.
    """
    command = r"(?:python -m deploy|\{PROGRAM\}|(?:^|(?<=`))dt-pubsub(?! deployer))"
    return re.findall(
        rf"{command} ([a-z]+(?: bash| zsh| fish)?(?: --[\w-]+(?:=(?:'[^']*'|[^\s`'\"|;),]+))?)*)", text, re.MULTILINE
    )


PAGES = [
    *ROOT.glob("*.md"),
    *DOCS.glob("*.md"),
    *DOCS.glob("runbook/*.md"),
    ROOT / "Makefile",
    *(ROOT / "deploy").rglob("*.py"),
]
COMMANDS = sorted({command for path in PAGES for command in commands(path.read_text("utf-8"))})


@pytest.mark.parametrize("command", COMMANDS)
def test_every_documented_command_is_valid(command: str) -> None:
    try:
        assert parse(shlex.split(command), USAGES).verb == command.partition(" ")[0]
    except SystemExit as ended:  # after --help, or a completion script
        assert ended.code == 0  # noqa: PT017  # most commands do not end the process


def test_the_documented_commands_are_found() -> None:
    assert {"plan", "down", "up --yes --json", "up --invocation=unchecked", "completion bash"} <= set(COMMANDS)


def test_the_documented_roles_of_the_runtime_account_are_those_of_the_code() -> None:
    text = (DOCS / "deployer.md").read_text("utf-8")
    assert publisher_on(spec(), "t").role in text
    assert secret_accessor(spec()).role in text
