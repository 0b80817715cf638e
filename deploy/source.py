"""What is uploaded: main.py, requirements.txt and function/, copied to a folder of their own, and their digest.

gcloud would upload everything else, too, or write a ``.gcloudignore`` into the clone.
"""

import contextlib
import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DIGEST_LETTERS = 40
"""A label's value has room for 63."""


def source_files(root: Path = ROOT) -> dict[str, bytes]:
    """Give the content of each file that is deployed, by its path in the upload."""
    paths = [root / "main.py", root / "requirements.txt", *sorted((root / "function").glob("*.py"))]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


def digest(files: dict[str, bytes]) -> str:
    """Give what changes if and only if a path or a content does."""
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
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(content)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
