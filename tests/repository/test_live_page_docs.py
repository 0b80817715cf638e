"""docs/live-page.md: its numbers, texts, flags and picture are those of the page and of the command."""

import re
from pathlib import Path

from deploy.live.web.curl import NOTE, SECRET, URL
from deploy.live.web.options import PORT
from deploy.verbs import VERBS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/live-page.md").read_text("utf-8")
ASSETS = ROOT / "deploy/live/web/assets"
PICTURE = ROOT / "docs/pictures/live-page.png"


def constant(file: str, name: str) -> int:
    """Return a number that a module of the page defines."""
    (found,) = re.findall(rf"{name} = ([\d_]+);", (ASSETS / file).read_text("utf-8"))
    return int(found)


def test_the_page_names_the_numbers_of_the_program() -> None:
    assert f"up to {constant('store.js', 'KEPT'):,} are kept" in PAGE
    assert f"up to {constant('store.js', 'WAITING'):,} events wait" in PAGE
    assert f"without it {PORT}, or a free one" in PAGE
    assert constant("store.js", "MINUTES") == 30


def test_the_table_of_states_has_the_texts_that_the_page_shows() -> None:
    shown = (ASSETS / "page.js").read_text("utf-8")
    states = re.findall(r"^\| `([^`-]+)` \| ", PAGE, re.MULTILINE)
    documented = [state.removesuffix(" 14:02:11") for state in states if not state.startswith(("python", "make"))]
    assert len(documented) == 5
    for state in documented:
        assert f'"{state}"' in shown or f"`{state} $" in shown, state


def test_the_flags_of_the_page_are_those_of_follow() -> None:
    flags = {flag.name for flag in VERBS["follow"].usage.flags}
    documented = {*re.findall(r"^\| `(--[a-z-]+)", PAGE, re.MULTILINE)}
    assert documented == {"--port", "--no-open", "--host-name"}
    assert documented < flags
    assert "--web" in flags


def test_the_variables_of_the_copied_command_are_set_by_the_page() -> None:
    assert {*re.findall(r"^export (\w+)=", PAGE, re.MULTILINE)} == {URL, SECRET}
    assert "docs/live-page.md" in NOTE


def test_the_picture_is_a_small_png_that_the_readme_shows() -> None:
    assert PICTURE.read_bytes().startswith(b"\x89PNG")
    assert PICTURE.stat().st_size < 150_000
    assert "(docs/pictures/live-page.png)" in (ROOT / "README.md").read_text("utf-8")
