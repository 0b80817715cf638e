"""What is uploaded: main.py, requirements.txt and function/, copied to a folder of their own, and their digest.

gcloud would upload everything else, too, or write a ``.gcloudignore`` into the clone.
"""

import contextlib
import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_BESIDE = (Path("main.py"), Path("requirements.txt"))
DIGEST_LETTERS = 40
"""A label's value has room for 63."""


def source_files(root: Path = ROOT) -> dict[str, bytes]:
    """Return the content of each file that is deployed, by its path in the upload.

    That is all of function/, whatever lies in it, but for hidden files and what Python keeps beside its modules.
    ``.gcloudignore`` says the same. Line ends are LF, however git has laid the clone out.
    """
    below = sorted(path.relative_to(root) for path in (root / "function").rglob("*") if path.is_file())
    rooms = [path for path in below if not any(part == "__pycache__" or part[0] == "." for part in path.parts)]
    return {path.as_posix(): _with_lf((root / path).read_bytes()) for path in (*_BESIDE, *rooms)}


def _with_lf(content: bytes) -> bytes:
    return content if b"\0" in content else content.replace(b"\r\n", b"\n")


def digest(files: dict[str, bytes]) -> str:
    """Return what changes if and only if a path or a content does."""
    sha256 = hashlib.sha256()
    for path, content in sorted(files.items()):
        sha256.update(f"{path}\0{len(content)}\0".encode() + content)
    return sha256.hexdigest()[:DIGEST_LETTERS]


@contextlib.contextmanager
def staged(files: dict[str, bytes]) -> Iterator[Path]:
    """Lay the files out in a temporary folder, which is removed on leaving."""
    folder = Path(tempfile.mkdtemp(prefix="dt-pubsub-"))
    try:
        for path, content in files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
