"""``python -m tests.prove.mutants [MODULE ...]``: mutation testing of function/.

mutmut makes the mutants of functions, ``mutant_kinds`` those of constants; ``mutant_runs`` runs the tests that
``pyproject.toml`` names on each. A mutant that no test can detect, because it is equivalent, counts as not detected.
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
KILLED = ("killed", "timeout")
"""States that count as detected. A mutant that never ends is shown as well, because the machine may have been slow."""

EXAMPLES = "5"
"""Number of examples of a property test: the same ones for every mutant, so that two runs have the same result."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print every mutant that no test detected, and the score; return 1 if it is below ``ENOUGH``."""
    options = _parser().parse_args(arguments)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = Path(folder) / ROOT.name
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*LEFT_BEHIND))
        mutants = {mutant.name: mutant for mutant in _mutants(copy, options.modules, options.processes)}
        print(f"running the tests on {len(mutants)} mutants: this takes some minutes", flush=True)
        states, failing = _follow(mutants, _states(copy, list(mutants.values()), options))
    verdict = _print_score(mutants, states, time.monotonic() - began)
    if len(states) < len(mutants) or failing:
        print(f"FAILS: {len(states)} of {len(mutants)} mutants were tried, {failing} tests fail without any mutant")
        return 1
    return verdict


def _follow(mutants: dict[str, Mutant], reported: Iterable[tuple[str, str]]) -> tuple[dict[str, str], int]:
    """Print undetected mutants as they come; return the state of each mutant, and how many tests fail anyway."""
    states: dict[str, str] = {}
    failing = 0
    with contextlib.suppress(KeyboardInterrupt):
        for name, state in reported:
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
    os.chdir(copy)  # because mutmut looks for its settings there
    files = [file for file in sorted(Path("function").glob("*.py")) if not modules or file.stem in modules]
    with multiprocessing.Pool(processes) as pool:
        made = pool.map(changed_functions, files, chunksize=1)
    for file, (changed, mutants) in zip(files, made, strict=True):
        yield from changed_constants(file)
        file.write_text(changed)
        yield from mutants


def _states(copy: Path, mutants: Sequence[Mutant], options: argparse.Namespace) -> Iterator[tuple[str, str]]:
    settings = tomllib.loads((copy / "pyproject.toml").read_text())["tool"]["mutmut"]
    plan = copy / "plan"
    order = random.Random(0).sample(mutants, len(mutants))  # so that at any time mutants of all modules have been tried
    plan.write_bytes(pickle.dumps((order, options.tests or settings["pytest_add_cli_args_test_selection"])))
    command = [sys.executable, "-m", "tests.prove.mutant_runs", str(plan), str(options.processes)]
    environ = {**os.environ, "EXAMPLES": EXAMPLES, "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(command, cwd=copy, env=environ, stdout=subprocess.PIPE, text=True) as running:
        for line in running.stdout or ():
            name, state = json.loads(line)
            yield name, state


def _print_score(mutants: dict[str, Mutant], states: dict[str, str], seconds: float) -> int:
    totals = Counter(mutants[name].module for name in states)
    killed = Counter(mutants[name].module for name, state in states.items() if state in KILLED)
    for module, total in sorted(totals.items()):
        print(f"{module:<14} {killed[module]:>4} of {total:>4} killed, {killed[module] / total:.1%}")
    score = killed.total() / max(len(states), 1)
    verdict = "holds" if score >= ENOUGH else "FAILS"
    print(f"mutants: {killed.total()} of {len(states)} killed in {seconds:.0f} s, {score:.1%} ", end="")
    print(f"(at least {ENOUGH:.0%}): {verdict}")
    return 0 if score >= ENOUGH else 1


if __name__ == "__main__":
    sys.exit(main())
