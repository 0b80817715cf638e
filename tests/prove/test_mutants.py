"""Mutation testing: what is changed, which part of it a name selects, and which scores are enough."""

import ast
import tomllib
from pathlib import Path

import pytest

from tests.prove.mutant_kinds import Mutant, changed_constants, path_of
from tests.prove.mutant_runs import Timings
from tests.prove.mutants import ROOT, main, parts, print_score

FUNCTION, DEPLOY, REPAIR = parts()
EVERY_MODULE = [path_of(path.relative_to(ROOT)) for path in sorted((ROOT / "function").glob("*.py"))]
MODULE = '''
from re import compile

WORD = compile("left alone")
LIMIT_S = 90


class Topic:
    at = "events"

    @property
    def title(self) -> "str":
        """A docstring, which is left alone."""
        return f"topic {self.at}"

    @classmethod
    def named(cls) -> str:
        return "mutmut changes this one"

    def plan(self) -> str:
        return "and this one"
'''


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def selected(*names: str) -> list[str]:
    return [path_of(file) for part in parts() for file in part.files(names)]


def test_every_module_of_the_function_is_mutated() -> None:
    assert selected("function") == EVERY_MODULE
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mutmut"]
    assert not {"only_mutate", "do_not_mutate", "do_not_mutate_patterns"} & settings.keys()


def test_every_module_and_test_that_is_named_exists() -> None:
    assert all(Path(module).is_dir() or Path(f"{module}.py").is_file() for part in parts() for module in part.modules)
    assert all(Path(test).exists() for part in parts() for test in part.tests)


def test_the_function_must_reach_95_percent_and_the_deploy_command_85() -> None:
    assert (FUNCTION.at_least, DEPLOY.at_least, REPAIR.at_least) == (0.95, 0.85, 0.85)


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("deploy/stages/plan", ["deploy/stages/plan"]),
        ("function/signature", ["function/signature"]),
        ("signature", ["function/signature"]),
        ("deploy/repair/backfill", ["deploy/repair/backfill/body", "deploy/repair/backfill/place"]),
        ("settings", ["function/settings"]),
    ],
)
def test_a_module_is_named_by_its_path_a_folder_or_its_name_in_the_function(name: str, first: list[str]) -> None:
    assert selected(name) == first


def test_all_modules_are_mutated_if_none_is_named() -> None:
    assert selected() == [*selected("function"), *selected("deploy")]


def test_a_name_that_selects_nothing_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["function/signature", "deploy/nosuch"])
    assert ended.value.code == 2
    assert "no module that is mutated: deploy/nosuch" in capsys.readouterr().err


def test_constants_that_mutmut_leaves_alone_are_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("topic.py").write_text(MODULE, "utf-8")
    mutants = changed_constants(Path("topic.py"))
    assert [mutant.difference.strip() for mutant in mutants] == [
        "90 -> 180",
        "'events' -> 'XXeventsXX'",
        "'topic ' -> 'XXtopic XX'",
    ]
    assert all(ast.parse(mutant.source) for mutant in mutants)


def test_the_tests_of_a_mutant_are_those_that_call_the_changed_function_its_own_first() -> None:
    own, verb, other = "tests/deploy/stages/test_plan.py::a", "tests/deploy/verbs/test_up.py::b", "tests/x.py::c"
    timings = Timings({own: 2.0, verb: 1.0, other: 0.5}, {"deploy.stages.plan.x_plan": {own, verb}})
    assert timings.of(Mutant("deploy/stages/plan", "deploy.stages.plan.x_plan__mutmut_1", "")) == [own, verb]
    assert timings.of(Mutant("deploy/stages/plan", "deploy.stages.plan line 1, 'a'", "", "A = 'XXaXX'")) == [own, verb]
    assert timings.of(Mutant("deploy/stages/plan", "deploy.stages.plan.x__left__mutmut_1", "")) == []


def test_a_function_that_only_an_import_calls_is_changed_before_the_import() -> None:
    own = "tests/deploy/cli/test_options.py::a"
    timings = Timings({own: 1.0}, {"deploy.cli.options.x__setting": {own}}, {"deploy.cli.options.x__matches"})
    early = Mutant("deploy/cli/options", "deploy.cli.options.x__matches__mutmut_1", "")
    late = Mutant("deploy/cli/options", "deploy.cli.options.x__setting__mutmut_1", "")
    assert (timings.precedes_import(early), timings.of(early)) == (True, [own])
    assert (timings.precedes_import(late), timings.of(late)) == (False, [own])


@pytest.mark.parametrize(("survivors", "verdict"), [(15, 0), (16, 1)])
def test_a_score_below_that_of_its_part_fails(survivors: int, verdict: int, capsys: pytest.CaptureFixture[str]) -> None:
    mutants = {str(number): Mutant("deploy/spec", str(number), "") for number in range(100)}
    states = {name: "survived" if int(name) < survivors else "killed" for name in mutants}
    assert print_score(mutants, states, {"deploy/spec": 0.85}, 1.0) == verdict
    assert ("FAILS" in capsys.readouterr().out) is bool(verdict)
