"""The architecture's rules, read off the source: who may import what, and how much a room may hold."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = sorted((ROOT / "function").rglob("*.py"))
DOORWAYS = {"receiver.py": "receive", "background.py": "run", "doors.py": "read"}
"""Where the web framework, another thread and a server's own kinds of error meet ours."""
PURE = {
    *(
        "config.py",
        "setting_values.py",
        "setting_names.py",
        "secret_text.py",
        "errors.py",
        "event.py",
        "event_types.py",
        "schema.py",
        "exchange.py",
        "message.py",
        "outcomes.py",
    ),
    *("signature.py", "strict_json.py", "verifier.py"),
}
WORLDLY = {
    *("asyncio", "os", "time", "socket", "threading", "subprocess", "random", "select", "ssl", "sys", "tempfile"),
    *("http", "urllib.request", "requests", "httpx", "io", "shutil", "logging"),
}
every_room = pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)


def tree(room: Path) -> ast.Module:
    return ast.parse(room.read_text("utf-8"))


def imports(room: Path) -> set[str]:
    """Give every module that a room imports, with the packages it is in."""
    names: list[str] = []
    for node in ast.walk(tree(room)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [
                f"{'.' * node.level}{node.module or ''}",
                *(f"{node.module}.{alias.name}" for alias in node.names),
            ]
    return {".".join(name.split(".")[:length]) for name in names for length in range(1, 4)}


def importers(*modules: str) -> set[str]:
    return {room.name for room in ROOMS if imports(room) & set(modules)}


def functions_in(node: ast.AST) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [each for each in ast.walk(node) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]


def functions(room: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return functions_in(tree(room))


def test_the_function_imports_nothing_of_deploy_or_the_tests() -> None:
    assert importers("deploy", "tests", "main") == set()
    assert not imports(ROOT / "main.py") & {"deploy", "tests"}


def test_only_one_room_knows_googles_client_and_one_its_credentials() -> None:
    assert importers("google.pubsub_v1", "google.api_core", "grpc") == {"pubsub.py"}
    assert importers("google.auth") == {"credentials.py"}
    assert importers("google", "grpc") == {"pubsub.py", "credentials.py"}


def test_only_the_key_source_knows_a_jwt_library() -> None:
    assert importers("jwt", "cryptography") == {"key_source.py"}


def test_only_keys_and_access_tokens_are_fetched() -> None:
    assert importers("urllib.request") == {"key_source.py"}
    assert importers("http") == {"key_source.py", "credentials.py"}
    assert importers("requests", "httpx") == set()


def test_only_the_doors_know_a_web_framework() -> None:
    assert importers("flask", "starlette", "functions_framework", "werkzeug") == {"doors.py"}
    assert importers("uvicorn", "gunicorn") == {"bounded_http.py"}


@pytest.mark.parametrize("name", sorted(PURE))
def test_a_pure_room_touches_nothing(name: str) -> None:
    room = ROOT / "function" / name
    assert not imports(room) & WORLDLY
    called = {ast.unparse(node.func) for node in ast.walk(tree(room)) if isinstance(node, ast.Call)}
    assert not called & {"open", "print", "input", "exec", "eval", "__import__"}


def test_pure_rooms_use_no_room_that_is_not() -> None:
    rooms = {f"function.{room.stem}" for room in ROOMS if room.name not in PURE and room.stem != "__init__"}
    assert {name: found for name in PURE if (found := imports(ROOT / "function" / name) & rooms)} == {}


def test_everything_is_imported_by_its_full_name_at_the_top() -> None:
    for room in ROOMS:
        for node in ast.walk(tree(room)):
            assert not (isinstance(node, ast.ImportFrom) and node.level), room.name
        for function in functions(room):
            inner = [node for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom)]
            assert inner == [], f"{room.name}: {function.name}"


def own_statements(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.AST]:
    """Give what stands in a function, and not in one within it."""
    inner = [node for node in functions_in(function) if node is not function]
    within = {id(node) for other in inner for node in ast.walk(other)}
    return (node for node in ast.walk(function) if id(node) not in within)


def catches_everything(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return bool({ast.unparse(error) for error in caught} & {"Exception", "BaseException"})


def test_everything_is_caught_at_the_doorways_alone() -> None:
    found = {
        (room.name, function.name)
        for room in ROOMS
        for function in functions(room)
        for node in own_statements(function)
        if isinstance(node, ast.ExceptHandler) and catches_everything(node)
    }
    assert found == set(DOORWAYS.items())
    suppressed = [ast.unparse(node) for room in ROOMS for node in ast.walk(tree(room)) if isinstance(node, ast.Call)]
    assert not [call for call in suppressed if call.startswith("contextlib.suppress(") and "(Exception" in call]


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


def test_the_constant_time_comparison_stands_in_signature_alone_once_for_each() -> None:
    calls = {room.name: room.read_text("utf-8").count("compare_digest(") for room in ROOMS}
    assert {name: count for name, count in calls.items() if count} == {"signature.py": 2}


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count a function's lines from ``def`` to its end, without its docstring."""
    lines = (function.end_lineno or 0) - function.lineno + 1
    first = function.body[0]
    is_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return lines - ((first.end_lineno or 0) - first.lineno + 1 if is_docstring else 0)


@every_room
def test_a_function_has_at_most_40_lines(room: Path) -> None:
    long = {function.name: code_lines(function) for function in functions(room) if code_lines(function) > 40}
    assert {name for name in long if (room.name, name) != ("config.py", "from_environ")} == set()
    assert max(long.values(), default=0) <= 60


@every_room
def test_every_room_is_on_the_map(room: Path) -> None:
    map_of_rooms = (ROOT / "function" / "__init__.py").read_text("utf-8")
    assert room.stem == "__init__" or f"\n``{room.stem}``" in map_of_rooms


def test_the_map_names_no_room_that_is_not_there() -> None:
    lines = (ROOT / "function" / "__init__.py").read_text("utf-8").splitlines()
    mapped = {line.split("``")[1] for line in lines if line.startswith("``") and not line.startswith("``main.py``")}
    assert mapped <= {room.stem for room in ROOMS}


def test_every_function_is_annotated_and_every_public_one_has_a_sentence() -> None:
    for room in ROOMS:
        for function in functions(room):
            assert function.returns is not None, f"{room.name}: {function.name}"
        for node in tree(room).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name[0] != "_":
                assert ast.get_docstring(node), f"{room.name}: {node.name}"
