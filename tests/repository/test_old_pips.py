"""Every version of pip can install every lock, today and after any release.

A pip before 23.3 (Debian 12, Python 3.11.7, 3.12.1) looks at the newest release of a package that another one requires
with an extra, unless the lock names the package with that extra, and then refuses it as not hashed. Two measures
prevent that, each of them alone: the locks name the extras, and this project's commands use ``--no-deps``. Google's
build does not use it, and has a pip of its own, so requirements.txt has to work because of the extras.
"""

import functools
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import pytest

from tests.audit.__main__ import BESIDE, PINNED, ROOT, RUNTIME
from tests.audit.requirements import pinned
from tests.install import OPTIONS
from tests.wheels import make_wheel, sha256

LOCKS = (*PINNED, *BESIDE, ROOT / "deploy/requirements.txt")
OLD_PIPS = ("22.3", "23.0.1", "23.2.1") if sys.version_info < (3, 12) else ("23.2.1",)
"""Older versions do not run on Python 3.12."""

NEWEST = ""
GOOGLES_BUILD = ("--upgrade", "--upgrade-strategy=only-if-needed", "--force-reinstall", "--no-compile")
"""Options that GoogleCloudPlatform/buildpacks, pkg/python, passes to pip beside the file."""

WITH_EXTRAS = ROOT / "tests/requirements.txt"
"""The lock with the most extras; it is enough for the versions of pip between the oldest and the newest."""

FIRST_AND_LAST = (OLD_PIPS[0], NEWEST)
PAIRS = [
    *((pip, lock) for lock in LOCKS for pip in FIRST_AND_LAST),
    *((pip, WITH_EXTRAS) for pip in OLD_PIPS[1:]),
]
BUILDS = [*((pip, RUNTIME) for pip in (*OLD_PIPS, NEWEST)), *((pip, WITH_EXTRAS) for pip in FIRST_AND_LAST)]
"""Google's build installs the deployed lock, with a pip of its own."""


def newer(version: str) -> str:
    """Return a release of the same major version that does not exist yet."""
    return f"{version.partition('.')[0]}.9999.0"


def make_newer_releases(folder: Path, lock: str) -> None:
    """Make a newer release of every package of a lock."""
    for name, (version, extras) in pinned(lock).items():
        make_wheel(folder, name, newer(version), extras={*extras, "grpc", "toml", "crypto", "filecache"})


def dry_run(pip: Sequence[str], lock: Path, folders: Sequence[Path], *options: str) -> subprocess.CompletedProcess[str]:
    """Let pip resolve what it would install from only these folders."""
    places = [word for folder in folders for word in ("--find-links", str(folder))]
    line = [*pip, "install", "--isolated", "--dry-run", "--ignore-installed", "--no-index", *places, *options]
    environ = {**os.environ, "PIP_CONFIG_FILE": os.devnull}
    return subprocess.run(
        [*line, "-r", str(lock)], env=environ, capture_output=True, text=True, check=False, timeout=300
    )


@pytest.fixture
def copied(tmp_path: Path) -> tuple[Path, Path]:
    """Return the deployed lock with empty packages, and the folder with these and newer ones."""
    text, folder = RUNTIME.read_text("utf-8"), tmp_path / "wheels"
    folder.mkdir()
    lines = []
    for name, (version, extras) in pinned(text).items():
        try:
            installed = metadata.metadata(name)
        except metadata.PackageNotFoundError:  # for another system
            continue
        has, requires = installed.get_all("Provides-Extra", []), installed.get_all("Requires-Dist", [])
        made = make_wheel(folder, name, version, extras=has, requires=requires)
        pin = f"=={version} --hash=sha256:{sha256(made)}\n"
        lines += [f"{name}{pin}", *(f"{name}[{extra}]{pin}" for extra in extras)]
    make_newer_releases(folder, text)
    lock = tmp_path / "requirements.txt"
    lock.write_text("".join(lines), "utf-8")
    return lock, folder


@pytest.mark.installs
@pytest.mark.parametrize("options", [OPTIONS, GOOGLES_BUILD], ids=["ours", "Google's"])
def test_the_installed_pip_installs_the_lock_after_new_releases_of_all_packages(
    copied: tuple[Path, Path], options: Sequence[str]
) -> None:
    lock, folder = copied
    done = dry_run([sys.executable, "-m", "pip"], lock, [folder], *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ".9999.0" not in done.stdout.rpartition("Would install")[2]


@functools.cache
def downloaded(folder: Path) -> Path:
    """Download the versions of pip and all files of all locks, once."""
    fetch = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps", "-d"]
    for pip in (*OLD_PIPS, NEWEST):
        asked = f"pip=={pip}" if pip else "pip"
        subprocess.run([*fetch, str(folder / f"pip{pip}"), asked], check=True, timeout=300)
    for lock in LOCKS:
        subprocess.run([*fetch, str(folder / "wheels"), "--require-hashes", "-r", str(lock)], check=True, timeout=900)
        (folder / "newer").mkdir(exist_ok=True)
        make_newer_releases(folder / "newer", lock.read_text("utf-8"))
    return folder


@pytest.fixture(scope="module")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with the downloaded files."""
    return downloaded(tmp_path_factory.mktemp("index"))


def runs(folder: Path, pip: str) -> list[str]:
    """Return the command of a pip that runs straight from its wheel."""
    (wheel,) = (folder / f"pip{pip}").glob("*.whl")
    return [sys.executable, f"{wheel}/pip"]


def named(pair: tuple[str, Path]) -> str:
    pip, lock = pair
    return f"pip {pip or 'newest'}-{lock.parent.name}-{lock.stem}"


@pytest.mark.installs
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("pair", PAIRS, ids=named)
def test_every_pip_installs_every_lock_with_the_options_of_make(pair: tuple[str, Path], fetched: Path) -> None:
    pip, lock = pair
    done = dry_run(runs(fetched, pip), lock, [fetched / "wheels", fetched / "newer"], *OPTIONS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ".9999.0" not in done.stdout.rpartition("Would install")[2]


@pytest.mark.installs
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("pair", BUILDS, ids=named)
def test_every_pip_installs_the_deployed_lock_with_the_options_of_googles_build(
    pair: tuple[str, Path], fetched: Path
) -> None:
    pip, lock = pair
    done = dry_run(runs(fetched, pip), lock, [fetched / "wheels", fetched / "newer"], *GOOGLES_BUILD)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ".9999.0" not in done.stdout.rpartition("Would install")[2]
