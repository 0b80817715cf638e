"""``python -m tests.prove.mutants [MODULE ...]``: change the code bit by bit, and see whether a test notices.

``[[tool.mutants]]`` of ``pyproject.toml`` names the modules and their tests. mutmut makes the mutants of functions,
``mutant_kinds`` those of constants; ``mutant_runs`` runs the tests on each. A mutant that no test can notice, because
it means the same, counts as not noticed.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import pickle
import random
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from tests.prove.mutant_kinds import Mutant, changed_constants, changed_functions, path_of

ROOT = Path(__file__).parents[2]
LEFT_BEHIND = (".git", ".venv*", "__pycache__", ".*_cache", ".hypothesis", ".coverage*", "mutants", ".build")
NOTICED = ("killed", "timeout")
"""A mutant that never ends is noticed, too; it is shown, since on a busy machine it may only have been slow."""

EXAMPLES = "5"
"""With how many examples a property is tried: the same ones for every mutant, so that two runs find the same."""


@dataclass(frozen=True)
class Part:
    """Modules or folders of them, the tests that run them, and the share of mutants to notice in each module."""

    modules: Sequence[str]
    tests: Sequence[str]
    at_least: float

    def files(self, named: Sequence[str]) -> list[Path]:
        """Return the files of all its modules, or of those named by their path, a folder, or the name in function/."""
        found = [file for module in self.modules for file in _files(module)]
        return [file for file in found if not named or _names(file) & {*named}]


def parts() -> list[Part]:
    """Return the parts that pyproject.toml names."""
    return [Part(**part) for part in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mutants"]]


def _files(module: str) -> list[Path]:
    return sorted(Path(module).glob("*.py")) or [Path(f"{module}.py")]


def _names(file: Path) -> set[str]:
    """Return the names that select a module: its path, its folders, and in function/ its name alone."""
    path = path_of(file)
    return {path, path.removeprefix("function/"), *(folder.as_posix() for folder in file.parents)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print every mutant that no test failed on, and the scores; exit status 1 if one of them is too low."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if unknown := {*options.modules}.difference(*(_names(file) for part in parts() for file in part.files(()))):
        parser.error(f"no module that is mutated: {', '.join(sorted(unknown))}")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = Path(folder) / ROOT.name
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*LEFT_BEHIND))
        os.chdir(copy)  # where mutmut looks for its settings
        made = [(part, list(_mutants(part.files(options.modules), options.processes))) for part in parts()]
        mutants = {mutant.name: mutant for _, some in made for mutant in some}
        print(f"running the tests on {len(mutants)} mutants: this takes some minutes", flush=True)
        reports = (_states(some, options.tests or part.tests, options.processes) for part, some in made if some)
        states, failing = _watched(mutants, chain.from_iterable(reports))
    at_least = {mutant.module: part.at_least for part, some in made for mutant in some}
    verdict = print_score(mutants, states, at_least, time.monotonic() - began)
    if len(states) < len(mutants) or failing:
        print(f"FAILS: {len(states)} of {len(mutants)} mutants were tried, {failing} tests fail without any mutant")
        return 1
    return verdict


def _watched(mutants: dict[str, Mutant], reports: Iterable[tuple[str, str]]) -> tuple[dict[str, str], int]:
    """Print survivors as they are reported. Return the mutants' states, and the number of tests that fail anyway."""
    states: dict[str, str] = {}
    failing = 0
    with contextlib.suppress(KeyboardInterrupt):
        for name, state in reports:
            if name not in mutants:
                failing += 1
                print(f"{state}: {name}", flush=True)
                continue
            states[name] = state
            if state != "killed":
                print(f"{state}: {name}\n{mutants[name].difference}", flush=True)
            if len(states) % 100 == 0:
                print(f"{len(states)} of {len(mutants)} mutants tried", flush=True)
    return states, failing


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.prove.mutants", description="mutation testing")
    modules = "such as deploy/stages/plan, deploy/resources, deploy, or signature in function/; all if none is named"
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=modules)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 2, help="at the same time (%(default)s)")
    parser.add_argument("--tests", nargs="+", help="test files in place of those that pyproject.toml names")
    return parser


def _mutants(files: Sequence[Path], processes: int) -> Iterator[Mutant]:
    """Return the mutants of these modules; write those of functions into them."""
    with multiprocessing.Pool(processes) as pool:
        made = pool.map(changed_functions, files, chunksize=1)
    for file, (changed, mutants) in zip(files, made, strict=True):
        yield from changed_constants(file)
        if mutants:  # a module without functions stays as its tests know it
            file.write_text(changed)
        yield from mutants


def _states(mutants: Sequence[Mutant], tests: Sequence[str], processes: int) -> Iterator[tuple[str, str]]:
    plan = Path("plan").resolve()
    order = random.Random(0).sample(mutants, len(mutants))  # what has been seen by any time is of all modules
    plan.write_bytes(pickle.dumps((order, tests)))
    command = [sys.executable, "-m", "tests.prove.mutant_runs", str(plan), str(processes)]
    environ = {**os.environ, "EXAMPLES": EXAMPLES, "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as running:
        for line in running.stdout or ():
            name, state = json.loads(line)
            yield name, state


def print_score(
    mutants: Mapping[str, Mutant], states: Mapping[str, str], at_least: Mapping[str, float], seconds: float
) -> int:
    """Print the score of each module. Return 0 if all of them are high enough, else 1."""
    totals = Counter(mutants[name].module for name in states)
    noticed = Counter(mutants[name].module for name, state in states.items() if state in NOTICED)
    for module, total in sorted(totals.items()):
        score = noticed[module] / total
        verdict = "" if score >= at_least[module] else f" FAILS: less than {at_least[module]:.0%}"
        print(f"{module:<34} {noticed[module]:>4} of {total:>4} noticed, {score:.1%}{verdict}")
    holds = bool(states) and all(noticed[module] >= at_least[module] * total for module, total in totals.items())
    print(f"mutants: {noticed.total()} of {len(states)} noticed in {seconds:.0f} s, ", end="")
    print(f"{noticed.total() / max(len(states), 1):.1%}: {'holds' if holds else 'FAILS'}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
