"""``python -m tests.prove.mutants [MODULE ...]``: change function/ bit by bit, and see whether a test notices.

mutmut makes the mutants of functions, ``mutant_kinds`` those of constants; ``mutant_runs`` runs the tests that
``pyproject.toml`` names on each. A mutant that no test can notice, because it means the same, counts as not noticed.
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
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tests.prove.mutant_kinds import Mutant, changed_constants, changed_functions

ROOT = Path(__file__).parents[2]
LEFT_BEHIND = (".git", ".venv*", "__pycache__", ".*_cache", ".hypothesis", ".coverage*", "mutants", ".build")
ENOUGH = 0.95
NOTICED = ("killed", "timeout")
"""A mutant that never ends is noticed, too; it is shown, since on a busy machine it may only have been slow."""

EXAMPLES = "5"
"""With how many examples a property is tried: the same ones for every mutant, so that two runs find the same."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print every mutant that no test failed on, and the scores; exit status 1 if one of them is below ``ENOUGH``."""
    options = _parser().parse_args(arguments)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = Path(folder) / ROOT.name
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*LEFT_BEHIND))
        mutants = {mutant.name: mutant for mutant in _mutants(copy, options.modules, options.processes)}
        print(f"running the tests on {len(mutants)} mutants: this takes some minutes", flush=True)
        states, failing = _watched(mutants, _states(copy, list(mutants.values()), options))
    verdict = _print_score(mutants, states, time.monotonic() - began)
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
    parser = argparse.ArgumentParser(prog="python -m tests.prove.mutants", description="mutation testing of function/")
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="such as signature; all of them if none is named")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 2, help="at the same time (%(default)s)")
    parser.add_argument("--tests", nargs="+", help="test files in place of those that pyproject.toml names")
    return parser


def _mutants(copy: Path, modules: Sequence[str], processes: int) -> Iterator[Mutant]:
    """Return the mutants of these modules, or of all; write those of functions into the copy."""
    os.chdir(copy)  # where mutmut looks for its settings
    files = [file for file in sorted(Path("function").glob("*.py")) if not modules or file.stem in modules]
    with multiprocessing.Pool(processes) as pool:
        made = pool.map(changed_functions, files, chunksize=1)
    for file, (changed, mutants) in zip(files, made, strict=True):
        yield from changed_constants(file)
        if mutants:  # a module without functions stays as its tests know it
            file.write_text(changed)
        yield from mutants


def _states(copy: Path, mutants: Sequence[Mutant], options: argparse.Namespace) -> Iterator[tuple[str, str]]:
    settings = tomllib.loads((copy / "pyproject.toml").read_text())["tool"]["mutmut"]
    plan = copy / "plan"
    order = random.Random(0).sample(mutants, len(mutants))  # what has been seen by any time is of all modules
    plan.write_bytes(pickle.dumps((order, options.tests or settings["pytest_add_cli_args_test_selection"])))
    command = [sys.executable, "-m", "tests.prove.mutant_runs", str(plan), str(options.processes)]
    environ = {**os.environ, "EXAMPLES": EXAMPLES, "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(command, cwd=copy, env=environ, stdout=subprocess.PIPE, text=True) as running:
        for line in running.stdout or ():
            name, state = json.loads(line)
            yield name, state


def _print_score(mutants: dict[str, Mutant], states: dict[str, str], seconds: float) -> int:
    totals = Counter(mutants[name].module for name in states)
    noticed = Counter(mutants[name].module for name, state in states.items() if state in NOTICED)
    for module, total in sorted(totals.items()):
        print(f"{module:<14} {noticed[module]:>4} of {total:>4} noticed, {noticed[module] / total:.1%}")
    score = noticed.total() / max(len(states), 1)
    holds = score >= ENOUGH and all(noticed[module] >= ENOUGH * total for module, total in totals.items())
    print(f"mutants: {noticed.total()} of {len(states)} noticed in {seconds:.0f} s, {score:.1%} ", end="")
    print(f"(at least {ENOUGH:.0%} in each module): {'holds' if holds else 'FAILS'}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
