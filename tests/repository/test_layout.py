"""Rules of the source that no linter checks. ``make lint`` checks the rules about imports in pyproject.toml."""

import ast
import functools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FUNCTION = sorted((ROOT / "function").rglob("*.py"))
DEPLOY = sorted((ROOT / "deploy").rglob("*.py"))
PRODUCT = [*FUNCTION, *DEPLOY]
EMULATORS = sorted(path for path in (ROOT / "tests" / "emulators").rglob("*.py") if not path.name.startswith("test_"))

CATCH_ALL = {
    ("function/receiver.py", "receive"),
    ("function/threads.py", "run"),
    ("function/adapters.py", "read"),
    ("function/batching.py", "_flush"),
    ("deploy/__main__.py", "main"),
}
"""Functions that may catch every error: at the edge of a request, a thread, a server, a batch and a command."""

PURE = (
    "secret_text",
    "errors",
    "event",
    "event_types",
    "schema",
    "http",
    "message",
    "outcomes",
    "settings",
    "signature",
)

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
DEFINITION = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def short(module: Path) -> str:
    return module.relative_to(ROOT).as_posix()


@functools.cache
def tree(module: Path) -> ast.Module:
    return ast.parse(module.read_text("utf-8"))


@functools.cache
def functions(node: ast.AST) -> tuple[FunctionNode, ...]:
    """Return all functions in a node, itself included. Only statements are searched, which is quicker than a walk."""
    found = [node] if isinstance(node, FunctionNode) else []
    parts = [part for name in ("body", "orelse", "finalbody", "handlers", "cases") for part in getattr(node, name, ())]
    return (*found, *(function for part in parts for function in functions(part)))


def handlers(module: Path) -> Iterator[tuple[str, ast.ExceptHandler]]:
    """Return the handlers of errors in a module, with the name of the innermost function around each of them."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.ExceptHandler):
            around = [
                found for found in functions(tree(module)) if found.lineno <= node.lineno <= (found.end_lineno or 0)
            ]
            yield max(around, key=lambda found: found.lineno).name if around else "", node


def catches_everything(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return bool({ast.unparse(error) for error in caught} & {"Exception", "BaseException"})


def code_lines(function: FunctionNode) -> int:
    """Return the number of a function's lines from ``def`` to its end, without its docstring."""
    lines = (function.end_lineno or 0) - function.lineno + 1
    first = function.body[0]
    is_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return lines - ((first.end_lineno or 0) - first.lineno + 1 if is_docstring else 0)


def test_only_the_listed_functions_catch_every_error() -> None:
    found = {
        (short(module), function)
        for module in PRODUCT
        for function, handler in handlers(module)
        if catches_everything(handler)
    }
    assert found == CATCH_ALL
    calls = [ast.unparse(node) for module in FUNCTION for node in ast.walk(tree(module)) if isinstance(node, ast.Call)]
    assert not [call for call in calls if call.startswith("contextlib.suppress(") and "(Exception" in call]


@pytest.mark.parametrize("name", PURE)
def test_pure_modules_neither_open_files_nor_print(name: str) -> None:
    module = ROOT / "function" / f"{name}.py"
    called = {ast.unparse(node.func) for node in ast.walk(tree(module)) if isinstance(node, ast.Call)}
    assert not called & {"open", "print", "input", "exec", "eval", "__import__"}


SECRETIVE = ("signature", "digest", "checksum", "secret", "mac")


def is_secretive(node: ast.AST) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return any(word in name.lower() for word in SECRETIVE)


@pytest.mark.parametrize("name", ["signature.py", "verifier.py", "secret_source.py", "receiver.py", "message.py"])
def test_signatures_checksums_and_secrets_are_only_compared_in_constant_time(name: str) -> None:
    for node in ast.walk(tree(ROOT / "function" / name)):
        if isinstance(node, ast.Compare) and any(isinstance(op, ast.Eq | ast.NotEq | ast.In) for op in node.ops):
            sides = [node.left, *node.comparators]
            assert not [side for side in sides if is_secretive(side)], ast.unparse(node)


def test_only_signature_compares_in_constant_time_once_for_each_header() -> None:
    calls = {module.name: module.read_text("utf-8").count("compare_digest(") for module in FUNCTION}
    assert {name: count for name, count in calls.items() if count} == {"signature.py": 2}


@pytest.mark.parametrize("folder", ["function", "deploy", pytest.param("tests", marks=pytest.mark.tools)])
def test_a_function_has_at_most_40_lines(folder: str) -> None:
    modules = [path for path in (ROOT / folder).rglob("*.py") if ".build" not in path.parts]
    long = {(short(path), node.name) for path in modules for node in functions(tree(path)) if code_lines(node) > 40}
    assert long == set()


def test_the_list_in_its_package_names_every_module() -> None:
    assert [short(module) for module in [*PRODUCT, *EMULATORS] if not is_listed(module)] == []


def is_listed(module: Path) -> bool:
    """Return whether the package of a module, or of a package, names it in its list; the two products have none."""
    name = module.parent.name if module.stem == "__init__" else module.stem
    folder = module.parent.parent if module.stem == "__init__" else module.parent
    if folder in (ROOT, ROOT / "tests"):
        return True
    lines = (folder / "__init__.py").read_text("utf-8").splitlines()
    return any(line.startswith(f"``{name}`` ") for line in lines)


@pytest.mark.parametrize(
    "package",
    [
        *(
            "function",
            "deploy",
            *(
                f"deploy/{name}"
                for name in ("bigquery", "cli", "dt", "google", "proof", "repair", "resources", "stages")
            ),
            *(f"deploy/repair/{name}" for name in ("arrived", "audit", "backfill", "replay")),
        ),
        *(short(module.parent) for module in EMULATORS if module.stem == "__init__"),
    ],
)
def test_the_list_in_a_package_names_only_existing_modules(package: str) -> None:
    lines = (ROOT / package / "__init__.py").read_text("utf-8").splitlines()
    for name in (line.split("``")[1] for line in lines if line.startswith("``") and not line.startswith("``main.py``")):
        assert (ROOT / package / f"{name}.py").exists() or (ROOT / package / name / "__init__.py").exists(), name


def test_a_public_function_is_annotated_and_has_a_docstring() -> None:
    wrong = []
    for module in [*PRODUCT, *EMULATORS]:
        public = [node for node in tree(module).body if isinstance(node, DEFINITION) and node.name[0] != "_"]
        names = ["the module"] if not ast.get_docstring(tree(module)) else []
        names += [node.name for node in public if not ast.get_docstring(node)]
        names += [function.name for function in functions(tree(module)) if function.returns is None]
        wrong += [f"{short(module)}: {name}" for name in names]
    assert wrong == []


def test_the_import_contracts_find_a_forbidden_import(tmp_path: Path) -> None:
    for package in ("function", "deploy"):
        (tmp_path / package).symlink_to(ROOT / package)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "__init__.py").touch()
    (tmp_path / "tests" / "emulators").symlink_to(ROOT / "tests" / "emulators")
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text("utf-8"), "utf-8")
    (tmp_path / "function").unlink()
    (tmp_path / "function").mkdir()
    for module in FUNCTION:
        (tmp_path / "function" / module.name).write_bytes(module.read_bytes())
    with (tmp_path / "function" / "event.py").open("a", encoding="utf-8") as event:
        event.write("\nimport deploy.spec\nimport socket\n")
    check = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run([sys.executable, "-c", check], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout
    assert "function.event -> deploy.spec" in done.stdout
    assert "function.event -> socket" in done.stdout
