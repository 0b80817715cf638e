"""What is changed in a module: its functions by mutmut, and the constants around them by this module.

mutmut changes functions only, and no properties. A limit of 90 seconds that could as well be 900 stands outside of
them.
"""

import ast
import difflib
import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_SEPARATOR = "__mutmut_"
_UNCHANGED = {"TypeVar", "compile"}
"""Calls whose texts are left alone: a name for type checkers, and patterns, which another text would only break."""

_CHANGED_BY_MUTMUT = ("", "staticmethod", "classmethod")
"""The decorators of the functions that mutmut changes."""


@dataclass(frozen=True)
class Mutant:
    """One change. ``source`` is the whole changed module of a constant; a function's is in `changed_functions`.

    ``module``: its path without the suffix, such as ``deploy/stages/plan``.
    """

    module: str
    name: str
    difference: str
    source: str = ""

    @property
    def function(self) -> str:
        """The mangled name of the changed function, as mutmut's trampolines report it; empty for a constant."""
        return "" if self.source else self.name.partition(_SEPARATOR)[0]

    @property
    def file(self) -> Path:
        """The file of the module, in the folder of the project."""
        return Path(f"{self.module}.py")

    @property
    def tests(self) -> str:
        """The file of the module's own tests."""
        return str(Path("tests", self.module).with_name(f"test_{self.file.name}"))


def path_of(file: Path) -> str:
    """Return the name of a module in the reports: its path without the suffix."""
    return file.with_suffix("").as_posix()


def dotted(module: str) -> str:
    """Return the name by which a module is imported."""
    return module.replace("/", ".")


def changed_functions(file: Path) -> tuple[str, list[Mutant]]:
    """Return a module's text that has all its functions' mutants in it, and the mutants, by which they are chosen."""
    mutation = importlib.import_module("mutmut.mutation.file_mutation")  # in the environment of `make mutate` alone
    made = mutation.mutate_file_contents(str(file), file.read_text())
    lines = made.code.splitlines()
    bodies = {
        node.name: lines[node.lineno : node.end_lineno]
        for node in ast.walk(ast.parse(made.code))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    mutants = [
        Mutant(path_of(file), f"{dotted(path_of(file))}.{name}", _difference(bodies[_original(name)], bodies[name]))
        for name in made.mutant_names
    ]
    return made.code, mutants


def _original(name: str) -> str:
    return f"{name.partition(_SEPARATOR)[0]}{_SEPARATOR}orig"


def _difference(before: Sequence[str], after: Sequence[str]) -> str:
    lines = difflib.unified_diff(before, after, n=0, lineterm="")
    return "\n".join(f"    {line}" for line in lines if line[:3] not in {"---", "+++"} and line[:1] != "@")


def changed_constants(file: Path) -> list[Mutant]:
    """Return a mutant for each constant that mutmut leaves alone: a number doubled, a text longer, a boolean turned."""
    source = file.read_text()
    return [_constant_mutant(path_of(file), source, node) for node in _constants(ast.parse(source))]


def _constants(node: ast.AST) -> Iterator[ast.Constant]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Constant) and isinstance(child.value, bool | int | float | str | bytes):
            yield child
        elif isinstance(child, ast.ClassDef | ast.FunctionDef) and not _is_left_alone(child):
            for statement in child.body:
                yield from _constants(ast.Module([statement], []))
        elif not _is_left_alone(child):
            yield from _constants(child)


def _is_left_alone(node: ast.AST) -> bool:
    """Whether there is nothing to change: functions that are mutmut's, docstrings, and texts without an effect."""
    if isinstance(node, ast.Call):
        return getattr(node.func, "id", getattr(node.func, "attr", "")) in _UNCHANGED
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return " ".join(map(ast.unparse, node.decorator_list)) in _CHANGED_BY_MUTMUT
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return is_text or isinstance(node, ast.Import | ast.ImportFrom)


def _constant_mutant(module: str, source: str, node: ast.Constant) -> Mutant:
    lines = source.encode().splitlines(keepends=True)
    start = sum(map(len, lines[: node.lineno - 1])) + node.col_offset
    end = sum(map(len, lines[: (node.end_lineno or 0) - 1])) + (node.end_col_offset or 0)
    raw = source.encode()
    changed = (raw[:start] + repr(_changed(node.value)).encode() + raw[end:]).decode()
    name = f"{dotted(module)} line {node.lineno}, {node.value!r}"
    return Mutant(module, name, f"    {node.value!r} -> {_changed(node.value)!r}", changed)


def _changed(value: object) -> object:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return 2 * value or 1
    return b"XX" + value + b"XX" if isinstance(value, bytes) else f"XX{value}XX"
