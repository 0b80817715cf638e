"""The documentation of the deploy command agrees with the code."""

import re
from pathlib import Path

from deploy.cli.options import OPTIONS
from deploy.cli.parser import VERBS
from deploy.resources.accounts import may_publish, may_read_secret
from deploy.spec import FUNCTION_DEFAULTS, RETENTION_DEFAULTS
from tests.deploy.stage import spec

DOCS = Path(__file__).parents[2] / "docs"
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
    assert {name: documented[name] for name in FUNCTION_DEFAULTS} == dict(FUNCTION_DEFAULTS)
    assert (documented["retention"], documented["rejected_retention"]) == tuple(RETENTION_DEFAULTS.values())


def test_the_documentation_names_exactly_the_existing_verbs() -> None:
    documented = {
        verb for path in DOCS.glob("*.md") for verb in re.findall(r"python -m deploy (\w+)", path.read_text("utf-8"))
    }
    assert documented == set(VERBS)


def test_the_documented_roles_of_the_runtime_account_are_those_of_the_code() -> None:
    text = (DOCS / "deployer.md").read_text("utf-8")
    assert may_publish(spec(), "t").role in text
    assert may_read_secret(spec()).role in text
