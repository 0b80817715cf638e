"""The rooms of the offline clouds: small, annotated, and on their maps."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

CLOUDS = Path(__file__).parents[1] / "deploy" / "offline" / "clouds"
ROOMS = sorted(CLOUDS.rglob("*.py"))
every_room = pytest.mark.parametrize("room", ROOMS, ids=lambda room: str(room.relative_to(CLOUDS)))


def functions(room: Path) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(ast.parse(room.read_text("utf-8"))) if isinstance(node, ast.FunctionDef))


def names_of_modules(room: Path) -> set[str]:
    tree = ast.walk(ast.parse(room.read_text("utf-8")))
    return {node.module or "" for node in tree if isinstance(node, ast.ImportFrom)}


@every_room
def test_a_function_has_at_most_40_lines(room: Path) -> None:
    assert [each.name for each in functions(room) if (each.end_lineno or 0) - each.lineno >= 40] == []


@every_room
def test_every_room_is_on_the_map_of_its_folder(room: Path) -> None:
    assert room.stem == "__init__" or f"\n{room.stem} " in (room.parent / "__init__.py").read_text("utf-8")


@every_room
def test_neither_cloud_knows_the_other_or_the_product(room: Path) -> None:
    modules, side = names_of_modules(room), room.parent.name
    other = {"google": "deploy.offline.clouds.dt", "dt": "deploy.offline.clouds.google"}.get(side, "-")
    assert not [name for name in modules if name.startswith((other, "function."))]
    assert not [name for name in modules if name.startswith("deploy.") and not name.startswith("deploy.offline")]
