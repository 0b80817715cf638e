"""``python -m tests.audit``: check the code and its requirements; exit status 1 if a check fails.

A check that could not be made has not passed: it is reported as NOT CHECKED with the reason, also in the last line.
"""

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.audit.finding import Finding
from tests.audit.reports import Ran, bandit_finding, known_secrets, secrets_finding, vulnerability_finding
from tests.audit.requirements import licence_finding, pinned_finding, pins

ROOT = Path(__file__).parents[2]
RUNTIME = ROOT / "requirements.txt"
PINNED = (RUNTIME, ROOT / "tests/requirements.txt", ROOT / "tests/tools.txt")
"""Locks, each with all packages of the one before it."""
BESIDE = (ROOT / "tests/bench/requirements.txt", ROOT / "tests/bench/plain.txt")
"""Locks of environments of their own."""
KNOWN_SECRETS = ROOT / "tests/known_secrets.txt"
PRODUCT = ("main.py", "function", "deploy")
TOOL_S = 180.0
"""Seconds after which a tool is ended."""


def _run(module: str, *arguments: str) -> Ran:
    command = [sys.executable, "-m", module, *arguments]
    try:
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=TOOL_S, check=False)
    except subprocess.TimeoutExpired:
        return Ran(None, "", f"{module} did not end within {TOOL_S:g} s")
    return Ran(ended.returncode, ended.stdout, ended.stderr)


def _requirements() -> Finding:
    return pinned_finding({str(path.relative_to(ROOT)): path.read_text() for path in (*PINNED, *BESIDE)})


def _licences() -> Finding:
    return licence_finding(pins(RUNTIME.read_text()))


def _vulnerabilities() -> Finding:
    options = ("--require-hashes", "--disable-pip", "--progress-spinner", "off", "--timeout", "10", "--format", "json")
    return vulnerability_finding(_run("pip_audit", "-r", str(RUNTIME), *options), len(pins(RUNTIME.read_text())))


def _bandit() -> Finding:
    return bandit_finding(_run("bandit", "-q", "-f", "json", "-r", *PRODUCT))


def _secrets() -> Finding:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S607
    files = [name for name in listed.stdout.splitlines() if ROOT / name != KNOWN_SECRETS]
    if not files:
        return Finding("NOT CHECKED", "git lists no files here")
    tests = [name for name in files if name.startswith("tests/")]
    others = [name for name in files if not name.startswith("tests/")]
    runs = [
        _run("detect_secrets", "scan", *others),
        # the tests name secrets everywhere, so in tests only text in the form of a secret counts
        _run("detect_secrets", "scan", "--disable-plugin", "KeywordDetector", *tests),
    ]
    return secrets_finding(runs, known_secrets(KNOWN_SECRETS.read_text()))


CHECKS: Mapping[str, Callable[[], Finding]] = {
    "requirements": _requirements,
    "licences": _licences,
    "vulnerabilities": _vulnerabilities,
    "insecure calls": _bandit,
    "secrets": _secrets,
}


def main(checks: Mapping[str, Callable[[], Finding]] = CHECKS) -> int:
    """Make all checks; return 1 if one fails. A check that could not be made is reported, and does not fail."""
    findings = {name: check() for name, check in checks.items()}
    for name, finding in findings.items():
        print(f"{name:<16} {finding.verdict}: {finding.sentence}")
        for line in finding.lines:
            print(f"{'':<16}   {line}")
    for verdict in ("FAILS", "NOT CHECKED"):
        if named := [name for name, finding in findings.items() if finding.verdict == verdict]:
            print(f"audit {verdict}: {', '.join(named)}")
    return 1 if any(finding.verdict == "FAILS" for finding in findings.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
