"""Files that are replaced as a whole: whenever this is interrupted, there is the old text or the new one."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def replace_file(path: Path, text: str) -> None:
    """Write a text to a file, so that it is on the disk as a whole or not at all, also after the machine has crashed.

    A link stays a link, and an existing file keeps its mode.

    Raises:
        OSError: it cannot be written; what was there stays.

    """
    target = path.resolve()
    with _new_beside(target) as new:
        with new.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, new)
        new.replace(target)
    _sync_folder(target.parent)


def require_replaceable(path: Path) -> None:
    """Require that a file can be written, by the first step of ``replace_file``. Nothing stays.

    Raises:
        OSError: it cannot, for example because there is no such folder, or because it is read-only.

    """
    with _new_beside(path.resolve()) as new:
        new.open("x", encoding="utf-8").close()
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))


@contextmanager
def _new_beside(target: Path) -> Iterator[Path]:
    """Yield the path of a new file in the folder of another one, and remove it at the end.

    Its name is always the same, so that one which a killed command has left behind is removed by the next one.
    """
    new = target.with_name(f".{target.name}.new")
    new.unlink(missing_ok=True)
    try:
        yield new
    finally:
        new.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Write a folder to the disk, which has the new name. Windows cannot open a folder, some disks cannot sync one."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
