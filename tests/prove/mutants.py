"""``python -m tests.prove.mutants [--of PACKAGE] [ROOM ...]``: change code, one bit at a time, and run the tests.

mutmut makes and runs the mutants in a copy of the project; of what and with which tests, ``pyproject.toml`` says:
``[tool.mutmut]`` for function/, ``[tool.mutmut-deploy]`` for the rooms of deploy/ that decide.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
LEFT_BEHIND = (".git", ".venv*", "__pycache__", ".*_cache", ".hypothesis", ".coverage*", "mutants")
ENOUGH = 0.95
ENOUGH_OF_DEPLOY = 0.85
NOTICED = ("killed", "timeout")
"""A mutant that never ends is noticed, too; it is shown, since on a busy machine it may only have been slow."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print every mutant that no test failed on, and the score; exit status 1 if it is below ``ENOUGH``."""
    asked = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = Path(folder) / ROOT.name
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*LEFT_BEHIND))
        print("making mutants and running the tests on each: this takes some minutes", flush=True)
        configure(copy / "pyproject.toml", asked.of)
        patterns = [f"{asked.of}*.{room}.*" for room in asked.rooms]  # ``deploy.resources.function.*``, too
        ended = _mutmut(copy, "run", "--max-children", str(asked.processes), *patterns)
        states = {name: state for name, state in _states(copy) if not asked.rooms or _room(name) in asked.rooms}
        if not set(states.values()) - {"not checked"}:
            print(f"mutmut ran no mutants:\n{ended.stdout[-2000:]}{ended.stderr[-2000:]}")
            return 1
        for name in sorted(name for name, state in states.items() if state != "killed"):
            print(f"{states[name]}: {name}\n{_difference(copy, name)}", flush=True)
    return _told(states, ENOUGH_OF_DEPLOY if asked.of == "deploy" else ENOUGH)


def configure(settings: Path, package: str) -> None:
    """Let mutmut find the table of the package that is asked for in the place where it looks: it knows one alone."""
    if package != "function":
        text = settings.read_text("utf-8").replace("[tool.mutmut]", "[tool.mutmut-function]")
        settings.write_text(text.replace(f"[tool.mutmut-{package}]", "[tool.mutmut]"), "utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.prove.mutants", description="mutation testing")
    parser.add_argument("--of", choices=["function", "deploy"], default="function", help="the package (%(default)s)")
    parser.add_argument("rooms", nargs="*", metavar="ROOM", help="such as signature; all of them if none is named")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 2, help="at the same time (%(default)s)")
    return parser


def _told(states: dict[str, str], enough: float = ENOUGH) -> int:
    totals = Counter(_room(name) for name in states)
    noticed = Counter(_room(name) for name, state in states.items() if state in NOTICED)
    for room, total in sorted(totals.items()):
        print(f"{room:<14} {noticed[room]:>4} of {total:>4} noticed, {noticed[room] / total:.1%}")
    score = noticed.total() / len(states)
    verdict = "holds" if score >= enough else "FAILS"
    print(f"mutants: {noticed.total()} of {len(states)} noticed, {score:.1%} (at least {enough:.0%}): {verdict}")
    return 0 if score >= enough else 1


def _room(name: str) -> str:
    """Return the module that a mutant is of, without its packages: ``deploy.resources.function.…`` is of function."""
    return name.split(".")[-2]


def _states(copy: Path) -> Iterator[tuple[str, str]]:
    """Each mutant's name, and what became of it."""
    for line in _mutmut(copy, "results", "--all", "true").stdout.splitlines():
        name, _, state = line.strip().partition(": ")
        if state:
            yield name, state


def _difference(copy: Path, name: str) -> str:
    lines = _mutmut(copy, "show", name).stdout.splitlines()
    return "\n".join(f"    {line}" for line in lines if line[:1] in {"+", "-"} and line[:3] not in {"+++", "---"})


def _mutmut(copy: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "mutmut", *arguments]
    return subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    sys.exit(main())
