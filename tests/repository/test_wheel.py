"""The package ``dt-pubsub``: what is in it, and that the installed command does the same as ``python -m deploy`` here.

The tests marked ``installs`` fetch packages from the index, as pip and pipx do for a user.
"""

import email
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from deploy.stages.source import changelog, digest, runbook, source_files
from deploy.verbs import VERBS
from function.version import VERSION
from tests.audit.requirements import pins
from tests.emulators.clouds import Clouds, clouds
from tests.texts import texts

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
WHEEL = f"dt_pubsub-{VERSION}-py3-none-any.whl"
SDIST = f"dt_pubsub-{VERSION}.tar.gz"
HELPS = [(), *((verb,) for verb in (*VERBS, "completion"))]
PATIENCE_S = 900
STAGES = """
import sys
from deploy.stages.source import source_files, staged
with staged(source_files()) as folder:
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        print(path.relative_to(folder).as_posix(), path.read_bytes().hex())
"""
"""A program that prints every staged file, which is what gcloud uploads."""

Done = subprocess.CompletedProcess[str]
Test = Callable[..., None]


def run(line: Sequence[str | Path], folder: Path, environ: Mapping[str, str] | None = None) -> Done:
    """Run a program in a folder; return its output and its exit status."""
    words = [str(word) for word in line]
    return subprocess.run(
        words, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )


def must(done: Done) -> str:
    """Return the output of a program that has to end with 0."""
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(source: Path, folder: Path, *options: str) -> Path:
    """Build packages as ``make wheel`` does; return their folder."""
    must(run([sys.executable, "-m", "hatchling", "build", "-d", folder, *options], source))
    return folder


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source archive of this checkout."""
    return build(ROOT, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def unpacked(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked source archive."""
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(built / SDIST) as archive:
        archive.extractall(folder, filter="data")
    return folder / SDIST.removesuffix(".tar.gz")


@pytest.fixture(scope="module")
def site(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what pip writes to site-packages."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(built / WHEEL) as archive:
        archive.extractall(folder)  # noqa: S202  # our own archive
    return folder


def test_the_wheel_has_two_packages_and_nothing_else_at_the_top(site: Path) -> None:
    assert {path.name for path in site.iterdir()} == {"deploy", "function", f"dt_pubsub-{VERSION}.dist-info"}


def test_the_wheel_has_every_module_of_the_checkout_unchanged(site: Path) -> None:
    for package in ("deploy", "function"):
        here = {path.relative_to(ROOT): path.read_bytes() for path in (ROOT / package).rglob("*.py")}
        there = {path.relative_to(site): path.read_bytes() for path in (site / package).rglob("*.py")}
        there = {path: code for path, code in there.items() if path.parts[:2] != ("deploy", "upload")}
        assert there == here


def test_the_wheel_has_every_file_of_the_live_page_unchanged(site: Path) -> None:
    assets = "deploy/live/web/assets"
    here = {path.name: path.read_bytes() for path in (ROOT / assets).iterdir()}
    assert {path.name: path.read_bytes() for path in (site / assets).iterdir()} == here
    assert {"index.html", "page.css", "page.js"} < set(here)


def test_the_wheel_has_the_javascript_that_writes_to_bigquery_unchanged(site: Path) -> None:
    for file in ("deploy/bigquery/transform.js", "deploy/bigquery/transforms.json"):
        assert (site / file).read_bytes() == (ROOT / file).read_bytes()


def test_an_installed_command_uploads_the_same_files_byte_for_byte(site: Path) -> None:
    assert source_files(site) == source_files()
    assert digest(source_files(site)) == digest(source_files())


def test_an_installed_command_has_the_changelog(site: Path) -> None:
    assert changelog(site) == changelog() != ""


def test_an_installed_command_has_the_runbook_for_the_texts_of_alerts(site: Path) -> None:
    assert runbook(site) == runbook() != {}


NAMED = """
from deploy.cli.options import BY_PLACE
from deploy.next_steps import COST
from deploy.spec import DT_STUDIO
print(DT_STUDIO, COST.partition("(")[2].rstrip(")"), BY_PLACE["settings"].default.removeprefix("those of "), sep="\\n")
"""
"""Prints pages that an error, the end of up, and help name."""


def test_an_installed_command_names_pages_that_it_has(site: Path, tmp_path: Path) -> None:
    environ = {**os.environ, "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}
    shown = must(run([sys.executable, "-c", NAMED], tmp_path, environ)).split()
    assert [Path(path).relative_to(site / "deploy" / "upload" / "docs").name for path in shown] == [
        *("dt-studio.md", "cost.md", "reference.md")
    ]
    for path in shown:
        assert Path(path).read_bytes() == (ROOT / "docs" / Path(path).name).read_bytes()


def test_no_text_of_the_command_names_a_page_by_a_path_that_an_installed_one_does_not_have() -> None:
    for path in sorted((ROOT / "deploy").rglob("*.py")):
        if path.name != "pages.py":
            assert [text for text in texts(path) if re.search(r"(?<![\w./-])docs/", text)] == [], path


def test_every_page_that_the_command_names_exists() -> None:
    named = [
        name
        for path in (ROOT / "deploy").rglob("*.py")
        for name in re.findall(r"""\bpage\(["']([\w/.-]+)["']""", path.read_text("utf-8"))
    ]
    assert {"cost.md", "dt-studio.md", "reference.md", "scaling.md"} <= set(named)
    assert [name for name in named if not (ROOT / "docs" / name).is_file()] == []


def test_files_that_another_package_puts_beside_it_are_neither_uploaded_nor_shown(site: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(site, tmp_path / "site")
    for name in ("main.py", "requirements.txt", "CHANGELOG.md"):
        (copy / name).write_text("another package's", "utf-8")
    assert source_files(copy) == source_files()
    assert changelog(copy) == changelog() != ""


def test_the_same_source_gives_the_same_wheel_also_from_the_source_archive(
    built: Path, unpacked: Path, tmp_path: Path
) -> None:
    again = build(unpacked, tmp_path, "-t", "wheel")
    assert (again / WHEEL).read_bytes() == (built / WHEEL).read_bytes()


def test_caches_and_hidden_files_are_not_packed(unpacked: Path, tmp_path: Path, site: Path) -> None:
    source = shutil.copytree(unpacked, tmp_path / "source")
    for name in ("deploy/.secret", "function/.coverage", "function/__pycache__/event.cpython-311.pyc", "deploy.toml"):
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).touch()
    with zipfile.ZipFile(build(source, tmp_path / "dist", "-t", "wheel") / WHEEL) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    assert names == {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}


def requirements(path: Path) -> dict[str, str]:
    """Return the oldest allowed version of each package of a file with requirements."""
    lines = [line.partition("#")[0].strip() for line in path.read_text("utf-8").splitlines()]
    return dict(re.findall(r"^([\w-]+)>=([\d.]+)$", "\n".join(lines), re.MULTILINE))


def test_the_wheel_requires_what_deploy_requires_up_to_the_next_major_version(site: Path) -> None:
    (text,) = site.glob("*.dist-info/METADATA")
    wanted = requirements(ROOT / "deploy/requirements.in")
    found = email.message_from_string(text.read_text("utf-8"))
    required = {name: f"<{int(oldest.split('.')[0]) + 1},>={oldest}" for name, oldest in wanted.items()}
    assert {line.name: str(line.specifier) for line in map(Requirement, found.get_all("Requires-Dist", []))} == required
    locked = pins((ROOT / "deploy/requirements.txt").read_text("utf-8"))
    assert all(Requirement(f"{name}{versions}").specifier.contains(locked[name]) for name, versions in required.items())
    assert (found["Name"], found["Version"], found["Requires-Python"]) == ("dt-pubsub", VERSION, ">=3.11")


def test_the_build_uses_the_versions_that_the_tests_pin_with_hashes() -> None:
    locked = pins((ROOT / "tests/requirements.txt").read_text("utf-8"))
    named = dict(line.split("==") for line in PROJECT["build-system"]["requires"])
    assert named == {name: locked[name] for name in named}
    needed = [Requirement(line) for line in metadata.requires("hatchling") or []]
    applying = {line.name for line in needed if not line.marker or line.marker.evaluate()}
    assert named.keys() == {"hatchling", *applying}


def test_the_documented_wheel_is_the_one_that_is_built() -> None:
    assert set(re.findall(r"dist/(\S+\.whl)", (ROOT / "docs/install.md").read_text("utf-8"))) == {WHEEL}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment with an empty home folder; pip's own settings stay."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_CERT_"))}
    return {**kept, "PATH": "/usr/bin:/bin", "HOME": str(tmp_path_factory.mktemp("home")), "LANG": "C.UTF-8"}


@pytest.fixture(scope="module")
def installed(built: Path, home: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs of an environment in which only the wheel and what it requires is installed."""
    folder = tmp_path_factory.mktemp("installed")
    must(run([sys.executable, "-m", "venv", folder], folder, home))
    must(run([folder / "bin/python", "-m", "pip", "install", "-q", built / WHEEL], folder, home))
    return folder / "bin"


def takes_minutes(test: Test) -> Test:
    """Mark a test that installs packages from the index."""
    marked: Test = pytest.mark.installs(pytest.mark.timeout(1800)(test))
    return marked


@takes_minutes
def test_it_says_its_version(installed: Path, home: Mapping[str, str], tmp_path: Path) -> None:
    for line in ([installed / "dt-pubsub"], [installed / "python", "-m", "deploy"]):
        assert must(run([*line, "--version"], tmp_path, home)) == f"dt-pubsub {VERSION}\n"


def with_pages_of_the_checkout(text: str) -> str:
    """Return a text with the pages' paths as a checkout prints them; the installed command has pages of its own."""
    return re.sub(r"/\S+/deploy/upload/docs/", "docs/", text)


@takes_minutes
def test_the_help_of_every_verb_is_that_of_the_checkout_under_its_own_name(
    installed: Path, home: Mapping[str, str], tmp_path: Path
) -> None:
    wide = {**home, "COLUMNS": "1000"}  # a page's path is longer there, so that lines would end elsewhere
    for words in HELPS:
        shown = must(run([installed / "dt-pubsub", *words, "--help"], tmp_path, wide))
        here = must(run([sys.executable, "-m", "deploy", *words, "--help"], ROOT, wide))
        assert "python -m deploy" not in shown
        assert with_pages_of_the_checkout(shown) == here.replace("python -m deploy", "dt-pubsub")


@takes_minutes
def test_a_mistake_is_answered_with_a_command_that_exists(
    installed: Path, home: Mapping[str, str], tmp_path: Path
) -> None:
    done = run([installed / "dt-pubsub", "staus"], tmp_path, home)
    error, fix = done.stderr.splitlines()
    assert done.returncode == 1
    assert error.endswith("; did you mean status?")
    assert fix == "  fix: dt-pubsub --help"


@takes_minutes
def test_it_uploads_the_files_of_the_checkout(installed: Path, home: Mapping[str, str], tmp_path: Path) -> None:
    staged = must(run([installed / "python", "-I", "-c", STAGES], tmp_path, home))
    expected = [f"{path} {content.hex()}" for path, content in sorted(source_files().items())]
    assert sorted(staged.splitlines()) == sorted(expected)


@takes_minutes
@pytest.mark.skipif(shutil.which("gcloud") is None, reason="NOT CHECKED: there is no gcloud here")
def test_its_plan_is_that_of_the_checkout(installed: Path, home: Mapping[str, str], tmp_path: Path) -> None:
    with clouds("embedded", environ={**os.environ, **home, "PATH": os.environ["PATH"]}) as both:
        plans = [
            plan(both, [installed / "dt-pubsub"], tmp_path),
            plan(both, [sys.executable, "-m", "deploy"], ROOT),
        ]
    assert with_pages_of_the_checkout(plans[0]) == plans[1]
    assert f"dt-pubsub-source={digest(source_files())}" in plans[0]


@takes_minutes
def test_without_its_packages_it_shows_the_command_that_installs_the_lock(
    built: Path, home: Mapping[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "an environment"
    must(run([sys.executable, "-m", "venv", folder], tmp_path, home))
    python, command = folder / "bin/python", folder / "bin/dt-pubsub"
    must(run([python, "-m", "pip", "install", "-q", "--no-deps", built / WHEEL], tmp_path, home))
    assert must(run([command, "--version"], tmp_path, home)) == f"dt-pubsub {VERSION}\n"
    asked = [str(command), "list", "--project=my-project"]
    done = run(asked, tmp_path, home)
    error, fix = done.stderr.splitlines()
    assert (done.returncode, error) == (1, f"error: disruptive is not installed for {python}")
    must(run(["sh", "-c", fix.removeprefix("  fix: ")], tmp_path, home))
    assert "is not installed for" not in run(asked, tmp_path, home).stderr
    listed = must(run([python, "-m", "pip", "list", "--format=freeze"], tmp_path, home)).split()
    locked = pins((ROOT / "deploy/requirements.txt").read_text("utf-8"))
    assert {f"{name}=={version}" for name, version in locked.items()} <= set(listed)


def plan(both: Clouds, command: Sequence[str | Path], folder: Path) -> str:
    """Return what ``plan`` prints for two empty clouds."""
    where = {"DEPLOY_PROJECT": both.google.estate.project, "DEPLOY_DT_PROJECTS": both.dt.tenant.project}
    done = run([*command, "plan", "--region=europe-west1"], folder, {**both.environ, **where})
    assert done.returncode == 2, done.stdout + done.stderr
    return done.stdout


def program(path: Path, line: str) -> None:
    """Write a program in the shell's language."""
    path.write_text(f"#!/bin/sh\n{line}\n", "utf-8")
    path.chmod(0o755)


@takes_minutes
def test_every_documented_command_of_an_installation_works(
    unpacked: Path, home: Mapping[str, str], tmp_path: Path
) -> None:
    bins, own = tmp_path / "bin", tmp_path / "home"
    for folder in (bins, own):
        folder.mkdir()
    program(bins / "pipx", f'exec "{sys.executable}" -m pipx "$@"')
    program(bins / "make", f'exec "{sys.executable}" -m hatchling build')  # make wheel
    program(bins / "python3", f'exec "{sys.executable}" "$@"')
    program(bins / "git", "exit 0")
    page = (ROOT / "docs/install.md").read_text("utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    *before, removal = blocks
    environ = {
        **home,
        "HOME": str(own),
        "PATH": f"{bins}:{own}/.local/bin:/usr/bin:/bin",
        "PIPX_DEFAULT_BACKEND": "pip",
    }
    source = shutil.copytree(unpacked, tmp_path / "clone")

    typed = re.sub(
        r"^dt-pubsub (init|up)$", r"dt-pubsub \1 --help", "".join(before), flags=re.MULTILINE
    )  # no clouds here

    shown = must(run(["bash", "-e", "-c", typed], source, environ))

    assert len(re.findall(rf"^dt-pubsub {VERSION}$", shown, re.MULTILINE)) == page.count("dt-pubsub --version") == 2
    assert all(f"usage: dt-pubsub {verb} [flags]" in shown for verb in ("init", "up"))
    completion = own / ".local/share/bash-completion/completions/dt-pubsub"
    assert "status" in completion.read_text("utf-8")
    assert (own / ".local/bin/dt-pubsub").exists()
    must(run(["bash", "-e", "-c", removal], source, environ))
    assert not (own / ".local/bin/dt-pubsub").exists()
    assert not completion.exists()
