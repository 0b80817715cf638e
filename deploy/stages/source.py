"""Copies the uploaded files to a temporary folder: main.py, requirements.txt and function/; and their digest.

From the root of the repository, gcloud would upload all other files, too, or write a ``.gcloudignore`` there.

An installed package has the same files: function/ beside deploy/, as in a checkout, and the other two, with
CHANGELOG.md, in deploy/upload/, where pyproject.toml puts them. At the top of site-packages, another package's files
could replace them.
"""

import contextlib
import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGED = Path("deploy/upload")
"""The folder of an installed package that holds what a checkout has at its top. A checkout does not have it."""

_ROOT_FILES = ("main.py", "requirements.txt")
DIGEST_LETTERS = 40
"""Length of the digest; the value of a label has at most 63 characters."""


def source_files(root: Path = ROOT) -> dict[str, bytes]:
    """Return the content of each file that is deployed, by its path in the upload.

    These are all files of function/ except hidden ones and ``__pycache__``; ``.gcloudignore`` has the same rules. Line
    ends are LF, whatever git has written.
    """
    top = _top(root)
    below = sorted(path.relative_to(root) for path in (root / "function").rglob("*") if path.is_file())
    modules = [path for path in below if not any(part == "__pycache__" or part[0] == "." for part in path.parts)]
    found = {name: top / name for name in _ROOT_FILES} | {path.as_posix(): root / path for path in modules}
    return {path: _with_lf(file.read_bytes()) for path, file in found.items()}


def changelog(root: Path = ROOT) -> str:
    """Return CHANGELOG.md, which is not uploaded; an empty text if it is not here. An installed package has it, too."""
    try:
        return (_top(root) / "CHANGELOG.md").read_text("utf-8", "replace")
    except OSError:
        return ""


def runbook(root: Path = ROOT) -> dict[str, str]:
    """Return the text of each page of docs/runbook/ by its name, such as ``backlog``; an installed package has them."""
    pages = (_top(root) / "docs" / "runbook").glob("[a-z]*.md")
    return {page.stem: _with_lf(page.read_bytes()).decode("utf-8") for page in sorted(pages)}


def _top(root: Path) -> Path:
    packaged = root / PACKAGED
    return packaged if packaged.is_dir() else root


def _with_lf(content: bytes) -> bytes:
    return content if b"\0" in content else content.replace(b"\r\n", b"\n")


def digest(files: dict[str, bytes]) -> str:
    """Return a digest of all paths and contents."""
    sha256 = hashlib.sha256()
    for path, content in sorted(files.items()):
        sha256.update(f"{path}\0{len(content)}\0".encode() + content)
    return sha256.hexdigest()[:DIGEST_LETTERS]


@contextlib.contextmanager
def staged(files: dict[str, bytes]) -> Iterator[Path]:
    """Write the files to a temporary folder, and remove it when the context ends."""
    folder = Path(tempfile.mkdtemp(prefix="dt-pubsub-"))
    try:
        for path, content in files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
