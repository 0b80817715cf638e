"""Installed packages are pinned, hashed, not too old and under permissive licences, and reports are read strictly.

``make audit`` runs the tools; these tests check how their reports are read.
"""

import email.message
import json
from importlib import metadata
from pathlib import Path
from typing import cast

import pytest

from tests.audit.__main__ import BESIDE, KNOWN_SECRETS, PINNED, ROOT, RUNTIME, main
from tests.audit.finding import Finding
from tests.audit.reports import Ran, bandit_finding, known_secrets, secrets_finding, vulnerability_finding
from tests.audit.requirements import (
    LICENCE_EXCEPTIONS,
    licence_finding,
    licences,
    missing,
    outdated,
    pinned,
    pinned_finding,
    pins,
    unlicensed,
    unpinned,
)
from tests.locks import completed

LOCKED = (*PINNED, *BESIDE)
LOCKS = {path.with_suffix(".in"): path for path in (*LOCKED, ROOT / "deploy/requirements.txt")}
"""Locks by the file with their requirements."""
HASH = "--hash=sha256:" + "0" * 64


@pytest.mark.parametrize("path", LOCKED, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_every_requirement_is_one_version_with_hashes(path: Path) -> None:
    assert unpinned(path.read_text()) == []
    assert len(pins(path.read_text())) > 40


@pytest.mark.parametrize("path", LOCKED, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_no_version_is_below_its_floor(path: Path) -> None:
    assert outdated(pins(path.read_text())) == []


@pytest.mark.parametrize("path", LOCKED, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_the_requirements_name_no_package_index(path: Path) -> None:
    assert "://" not in path.read_text()


def test_what_the_browser_tests_install_is_pinned_with_hashes_and_agrees_with_the_other_tests() -> None:
    lock = (ROOT / "tests/web/requirements.txt").read_text("utf-8")
    assert unpinned(lock) == []
    assert {"playwright", "axe-playwright-python"} <= set(pins(lock))
    others = pins((ROOT / "tests/requirements.txt").read_text("utf-8"))
    assert {name: others.get(name, version) for name, version in pins(lock).items()} == pins(lock)


@pytest.mark.parametrize("name", ["beam", "plot"])
def test_what_an_example_installs_is_pinned_with_hashes(name: str) -> None:
    lock = (ROOT / "docs/examples" / name / "requirements.txt").read_text("utf-8")
    assert unpinned(lock) == []
    assert "://" not in lock
    assert completed(lock) == lock
    asked = (ROOT / "docs/examples" / name / "requirements.in").read_text("utf-8").splitlines()
    assert {line.split()[0].partition("[")[0] for line in asked if line[0] not in "#-"} <= set(pins(lock))


def test_what_the_offline_clouds_install_is_pinned_with_hashes_and_agrees_with_the_tests() -> None:
    lock = (ROOT / "tests/emulators/requirements.txt").read_text("utf-8")
    assert unpinned(lock) == []
    assert set(pins(lock)) == {"duckdb", "mini-racer", "sqlglot"}
    assert pins(lock).items() <= pins((ROOT / "tests/requirements.txt").read_text("utf-8")).items()


def test_the_tests_run_with_the_deployed_packages() -> None:
    deployed, tested, audited = (pins(path.read_text()) for path in PINNED)
    assert deployed.items() <= tested.items() <= audited.items()
    installed = {name: metadata.version(name) for name in deployed}
    assert installed == deployed


def test_every_requirement_is_pinned() -> None:
    asked = [line.split()[0] for line in RUNTIME.with_suffix(".in").read_text().splitlines() if line[0] != "#"]
    assert {name.partition(">=")[0].partition("[")[0].lower() for name in asked} <= set(pins(RUNTIME.read_text()))


every_lock = pytest.mark.parametrize("path", LOCKS.values(), ids=lambda path: f"{path.parent.name}-{path.name}")


@every_lock
def test_a_lock_names_every_dependency_of_its_packages_with_its_extras(path: Path) -> None:
    assert missing(path.read_text("utf-8"), [package.metadata for package in metadata.distributions()]) == []


@pytest.mark.parametrize("wanted", LOCKS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_lock_names_every_requirement_with_its_extras(wanted: Path) -> None:
    lock = LOCKS[wanted].read_text("utf-8")
    lines = [line.split()[0] for line in wanted.read_text("utf-8").splitlines() if line[0] not in "#-"]
    package = email.message.Message()
    package["Name"] = "pytest" if "pytest==" in lock else next(iter(pinned(lock)))
    for line in lines:
        package["Requires-Dist"] = line

    assert missing(lock, [cast("metadata.PackageMetadata", package)]) == []


@every_lock
def test_a_package_pinned_with_an_extra_is_pinned_without_it_too(path: Path) -> None:
    lock = path.read_text("utf-8")
    assert completed(lock) == lock


def test_a_completed_lock_names_every_package_with_and_without_its_extra() -> None:
    pin = f"==1 ; os_name == 'nt' \\\n    {HASH}\n"
    lock = f"# uv\na[x]{pin}    # via b\nb==2 {HASH}\n"
    both = f"# uv\na{pin}a[x]{pin}    # via b\nb==2 {HASH}\n"
    assert completed(lock) == both
    assert unpinned(both) == []
    assert pinned(both) == {"a": ("1", frozenset({"x"})), "b": ("2", frozenset())}


def test_a_dependency_that_is_not_in_the_lock_is_named() -> None:
    package = email.message.Message()
    package["Name"] = "Asks"
    for line in ("a[x]>=1", "b", "c; extra == 'more'", "d; python_version < '3'", "e; extra == 'had'"):
        package["Requires-Dist"] = line
    lock = f"a==1 {HASH}\nasks==1 {HASH}\nasks[had]==1 {HASH}\nb==1 {HASH}\n"

    found = missing(lock, [cast("metadata.PackageMetadata", package)])

    assert found == ["asks: a[x]>=1", "asks: e; extra == 'had'"]
    assert missing(f"a==1 {HASH}\n", [cast("metadata.PackageMetadata", package)]) == []


def test_the_benchmark_has_all_deployed_packages() -> None:
    assert pins(RUNTIME.read_text()).items() <= pins(BESIDE[0].read_text()).items()


@pytest.mark.parametrize(
    "line",
    [
        "flask==3.1.3",
        f"flask {HASH}",
        f"flask>=3.1.3 {HASH}",
        f"flask==3.1.3 {HASH}0",
        f"flask==3.1.3 {HASH[:-1]}",
        "flask==3.1.3 --hash=md5:" + "0" * 32,
        "flask @ https://example.com/flask.whl",
        "-e .",
        "--extra-index-url https://example.com/simple",
        "-r other.txt",
    ],
)
def test_a_requirement_that_is_not_pinned_and_hashed_is_named(line: str) -> None:
    assert unpinned(f"idna==3.20 {HASH}\n{line}\n") == [line.split(maxsplit=1)[0]]


def test_a_requirement_for_some_platforms_may_have_several_hashes_over_several_lines() -> None:
    first = "cffi==2.1.1 ; platform_python_implementation != 'PyPy'"
    text = f"{first} \\\n    {HASH} \\\n    {HASH}\n    # via cryptography\n"
    assert unpinned(text) == []
    assert pins(text) == {"cffi": "2.1.1"}


def test_versions_below_their_floor_and_the_forbidden_one_are_named() -> None:
    sound = pins(RUNTIME.read_text())
    assert outdated({**sound, "pyjwt": "2.15.0"}) == ["pyjwt 2.15.0: 2.15.1 at least"]
    assert outdated({**sound, "pyjwt": "2.9.0"}) == ["pyjwt 2.9.0: 2.15.1 at least"]
    assert len(outdated({**sound, "grpcio": "1.78.1"})) == 2
    assert len(outdated({})) == 4


def test_the_result_about_the_requirements_names_those_that_fail() -> None:
    assert pinned_finding({"x": RUNTIME.read_text()}).verdict == "holds"
    finding = pinned_finding({"x": RUNTIME.read_text() + "flask\n"})
    assert finding == Finding("FAILS", "1 found", ["x: flask"])


def test_every_run_time_package_has_a_permissive_licence() -> None:
    finding = licence_finding(pins(RUNTIME.read_text()))
    assert (finding.verdict, finding.lines) == ("holds", ())


@pytest.mark.parametrize(
    ("named", "is_taken"),
    [
        (["MIT"], True),
        (["Apache-2.0", "BSD-3-Clause"], True),
        (["GPL-3.0-only"], False),
        (["MIT", "GPL-3.0-only"], False),
        (["Mozilla Public License 2.0 (MPL 2.0)"], False),
        (["UNKNOWN"], False),
        ([], False),
    ],
)
def test_a_licence_that_is_not_on_the_list_is_named(named: list[str], *, is_taken: bool) -> None:
    assert (unlicensed([("x", named)]) == []) is is_taken


def test_a_licence_exception_holds_only_for_its_package() -> None:
    assert unlicensed([("certifi", [LICENCE_EXCEPTIONS["certifi"]])]) == []
    assert unlicensed([("certifi", ["GPL-3.0-only"])]) == ["certifi: GPL-3.0-only"]


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"License-Expression": "Apache-2.0 OR MIT"}, ["Apache-2.0", "MIT"]),
        ({"License-Expression": "MIT", "License": "GPL", "Classifier": "License :: OSI Approved :: GPL"}, ["MIT"]),
        ({"License": "see file", "Classifier": "License :: OSI Approved :: BSD License"}, ["BSD License"]),
        ({"License": "Apache 2.0", "Classifier": "Topic :: Internet"}, ["Apache 2.0"]),
        ({"Classifier": "Topic :: Internet"}, []),
    ],
)
def test_a_licence_is_read_from_the_best_source(fields: dict[str, str], named: list[str]) -> None:
    package = email.message.Message()
    for name, value in fields.items():
        package[name] = value
    assert licences(cast("metadata.PackageMetadata", package)) == named


def test_a_package_that_is_not_installed_is_reported_as_not_checked() -> None:
    finding = licence_finding(["idna", "no-such-package"])
    assert finding == Finding("NOT CHECKED", "1 packages", ["no-such-package: not installed here"])


REPORTED = {"name": "flask", "version": "3.1.3", "vulns": []}
SKIPPED = {"name": "pyjwt", "skip_reason": "not found"}
VULNERABLE = {"name": "h11", "version": "0.1", "vulns": [{"id": "CVE-1", "fix_versions": ["0.2"]}]}


def audited(*packages: object, expected: int | None = None) -> Finding:
    report = Ran(0, json.dumps({"dependencies": packages}), "No known vulnerabilities found")
    return vulnerability_finding(report, len(packages) if expected is None else expected)


def test_the_check_holds_if_all_packages_were_looked_up_without_a_vulnerability() -> None:
    assert audited(REPORTED).verdict == "holds"


def test_a_skipped_package_was_not_checked_although_nothing_was_found() -> None:
    assert audited(REPORTED, SKIPPED) == Finding("NOT CHECKED", "pip-audit skipped 1 of 2 packages", ["not found"])


def test_a_package_that_the_report_does_not_name_was_not_checked() -> None:
    assert audited(REPORTED, expected=2).verdict == "NOT CHECKED"
    assert audited(expected=43).verdict == "NOT CHECKED"


def test_a_vulnerability_fails_even_if_other_packages_were_skipped() -> None:
    finding = audited(REPORTED, SKIPPED, VULNERABLE)
    assert finding == Finding("FAILS", "1 found", ["h11 0.1: CVE-1, fixed in 0.2"])


FAILED = {
    "did not start": Ran(1, "", "/bin/python: No module named pip_audit\n"),
    "did not end": Ran(None, "", "did not end within 180 s"),
    "no network": Ran(1, "", "Traceback ...\nConnectionError: unreachable"),
    "another report": Ran(0, "[]", ""),
    "a report of nothing": Ran(0, "{}", ""),
}


@pytest.mark.parametrize("ran", FAILED.values(), ids=FAILED)
def test_a_tool_without_a_report_has_checked_nothing(ran: Ran) -> None:
    for finding in (vulnerability_finding(ran, 43), bandit_finding(ran), secrets_finding([ran], {})):
        assert finding.verdict == "NOT CHECKED"
        assert finding.sentence.endswith(ran.last_error)


def called(filename: str, test: str, *errors: object) -> Finding:
    result = {"filename": filename, "test_id": test, "line_number": 7, "issue_text": "why"}
    return bandit_finding(Ran(1, json.dumps({"results": [result], "errors": errors}), ""))


def test_an_insecure_call_fails_unless_it_is_explained() -> None:
    assert called("function/log.py", "B602") == Finding("FAILS", "1 found", ["function/log.py:7: B602 why"])
    assert called("./function/retrying.py", "B311").verdict == "holds"
    assert called("function/log.py", "B311").verdict == "FAILS"
    assert called("function/log.py", "B603").verdict == "holds"


def test_a_file_that_bandit_cannot_read_fails() -> None:
    assert called("function/log.py", "B603", {"filename": "x.py", "reason": "syntax error"}).verdict == "FAILS"


def test_a_text_like_a_secret_fails_unless_it_is_known_to_be_none() -> None:
    result = {"hashed_secret": "abc", "line_number": 7, "type": "Private Key"}
    ran = Ran(0, json.dumps({"results": {"main.py": [result]}}), "")
    assert secrets_finding([ran, ran], {"abc": "why"}).verdict == "holds"
    finding = secrets_finding([ran], {})
    assert (finding.verdict, len(finding.lines)) == ("FAILS", 1)
    assert finding.lines[0].startswith("main.py:7: Private Key; ")


def test_every_known_text_has_its_reason() -> None:
    known = known_secrets(KNOWN_SECRETS.read_text())
    assert known
    assert all(len(digest) == 40 and len(why) > 10 for digest, why in known.items())
    with pytest.raises(ValueError, match="not enough values"):
        known_secrets("f3bbbd66a63d4bf1747940578ec3d0103530e21d\n")


def test_the_audit_fails_on_a_fault_and_reports_checks_that_could_not_be_made(
    capsys: pytest.CaptureFixture[str],
) -> None:
    holds, unchecked = Finding("holds", "well"), Finding("NOT CHECKED", "offline", ["because"])
    assert main({"a": lambda: holds, "b": lambda: unchecked}) == 0
    assert capsys.readouterr().out.endswith("NOT CHECKED: offline\n                   because\naudit NOT CHECKED: b\n")
    assert main({"a": lambda: holds, "c": lambda: Finding("FAILS", "1 found", ["x"])}) == 1
    assert "audit FAILS: c" in capsys.readouterr().out
