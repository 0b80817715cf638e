"""The pages of the documentation that help and errors name: their paths, as a user can open them.

In a clone it is the path from its folder, in which the command runs. An installed package has the pages in
deploy/upload/docs/, where pyproject.toml puts them.
"""

from pathlib import Path

_INSTALLED = Path(__file__).parent / "upload" / "docs"


def page(name: str, installed: Path = _INSTALLED) -> str:
    """Return the path of a page, such as ``cost.md``. ``installed``: the folder of an installed package's pages."""
    return str(installed / name) if installed.is_dir() else f"docs/{name}"
