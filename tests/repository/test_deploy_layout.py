"""The architecture's rules of ``deploy/``, read off the source: who may import what, and how much a room may hold."""

import ast
from pathlib import Path

import pytest

from tests.test_layout import catches_everything, code_lines, functions, imports, tree

DEPLOY = Path(__file__).parents[1] / "deploy"
ROOMS = sorted([*DEPLOY.glob("*.py"), *(DEPLOY / "resources").glob("*.py")])
PURE = {
    *("spec.py", "steps.py", "plan.py", "permissions.py", "gcloud_errors.py", "errors.py", "secret.py"),
    *("proof.py", "report.py", "status.py", "options.py", "regions.py", "pubsub_filter.py", "unread.py"),
    *(
        "resource.py",
        "services.py",
        "pubsub.py",
        "accounts.py",
        "signature_secret.py",
        "function.py",
        "invocation.py",
        "connector.py",
    ),
}
WORLDLY = {"os", "subprocess", "requests", "disruptive", "time", "sys", "pathlib", "tempfile", "threading", "socket"}
every_room = pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)


def importers(*modules: str) -> set[str]:
    return {room.name for room in ROOMS if imports(room) & set(modules)}


def test_one_room_runs_programs_one_knows_disruptive_and_none_the_stand_ins() -> None:
    assert importers("subprocess") == {"gcloud.py"}
    assert importers("disruptive") == {"dt_transport.py"}
    assert importers("deploy.offline", "tests") == set()


def test_pure_rooms_touch_nothing_and_use_no_room_that_does() -> None:
    rooms = {f"deploy.{room.stem}" for room in DEPLOY.glob("*.py") if room.name not in PURE}
    for room in ROOMS:
        if room.name in PURE:
            assert not imports(room) & (WORLDLY | rooms), room.name


def test_everything_is_caught_at_the_one_door_alone() -> None:
    found = {
        (room.name, function.name)
        for room in ROOMS
        for function in functions(room)
        for node in ast.walk(function)
        if isinstance(node, ast.ExceptHandler) and catches_everything(node)
    }
    assert found == {("__main__.py", "main")}


@every_room
def test_a_function_has_at_most_40_lines(room: Path) -> None:
    assert {function.name for function in functions(room) if code_lines(function) > 40} == set()


@every_room
def test_a_room_is_on_the_map_and_says_what_it_is(room: Path) -> None:
    assert ast.get_docstring(tree(room))
    name = room.stem if room.parent == DEPLOY else "resources"
    assert room.stem == "__init__" or f"``{name}``" in (DEPLOY / "__init__.py").read_text("utf-8")
