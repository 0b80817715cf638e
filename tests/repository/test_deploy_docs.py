"""What the documents say of the deploy is so."""

import re
from pathlib import Path

from deploy.cli.options import OPTIONS
from deploy.cli.parser import VERBS
from deploy.resources.iam_binding import publisher_on, secret_accessor
from deploy.spec import FUNCTION_DEFAULTS, RETENTION_DEFAULTS
from tests.deploy.stage import spec

DOCS = Path(__file__).parents[2] / "docs"
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


def test_the_runtime_accounts_roles_are_those_told() -> None:
    text = (DOCS / "deployer.md").read_text("utf-8")
    assert publisher_on(spec(), "t").role in text
    assert secret_accessor(spec()).role in text
