"""The reports of pip-audit, bandit and detect-secrets, read strictly: a skipped package was not checked."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.audit.finding import Finding, found

BANDIT_EXPLAINED = {
    ("*", "B404"): "programs are started in few places, with argument lists",
    ("*", "B603"): "argument lists without a shell; that none comes from outside is ruff's S603 to ask",
    ("deploy/google/quick_reads.py", "B105"): "the page token of a first page",
    ("deploy/google/read_requests.py", "B105"): "the address of Secret Manager",
    ("deploy/repair/arrived/held.py", "B608"): "SQL of the project's own words",
    ("deploy/repair/audit/ledger.py", "B608"): "SQL of the project's own words; what a user gives is bound to it",
    ("deploy/repair/audit/svg.py", "B406"): "only escapes text for XML, and reads none",
    ("tests/emulators/signing.py", "B105"): "the name of a header",
    ("tests/emulators/pubsub/paging.py", "B105"): "the beginning of a page token",
    ("function/direct_http.py", "B311"): "the id of a request in the log, as functions-framework makes it",
    ("function/retrying.py", "B311"): "chance that spreads retries; no secret hangs on it",
    ("deploy/dt/api.py", "B105"): "an OAuth2 token that is not there yet",
    ("deploy/google/gcloud_process.py", "B607"): "gcloud is whichever the user's path names",
    ("tests/emulators/clouds/dt/identity.py", "B105"): "the type of an OAuth2 token",
    ("deploy/resources/connector.py", "B105"): "a word for whose secret it is",
    ("deploy/spec.py", "B105"): "the folder that the secret is mounted in",
    ("deploy/commands.py", "B608"): "SQL that a user is shown; the settings' checks leave no quote in its names",
    ("deploy/bigquery/measurements.py", "B608"): "SQL of own words; Place checks the names",
    ("deploy/bigquery/series.py", "B608"): "SQL of own words; Place checks the names",
    ("deploy/bigquery/summaries.py", "B608"): "SQL of own words; Place checks the names",
}
"""Calls that bandit reports and that are safe, with the reason, by file and test."""


@dataclass(frozen=True)
class Ran:
    """The result of running a tool: exit status, or ``None`` if it did not start or end, and its two streams."""

    status: int | None
    output: str
    errors: str

    @property
    def last_error(self) -> str:
        """Return the last line of the error stream."""
        return (self.errors.strip().splitlines() or [f"exit status {self.status}"])[-1][:300]


def vulnerability_finding(ran: Ran, expected: int) -> Finding:
    """Read pip-audit's report. It has not checked what it skipped, although it says that nothing was found."""
    try:
        packages: list[dict[str, Any]] = json.loads(ran.output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return Finding("NOT CHECKED", f"pip-audit gave no report: {ran.last_error}")
    faults = [
        f"{package['name']} {package['version']}: {fault['id']}, fixed in {', '.join(fault['fix_versions']) or 'none'}"
        for package in packages
        for fault in package.get("vulns", ())
    ]
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    checked = len(packages) - len(skipped)
    if not faults and checked < expected:
        reasons = [package["skip_reason"] for package in packages if "skip_reason" in package][:1]
        return Finding("NOT CHECKED", f"pip-audit skipped {expected - checked} of {expected} packages", reasons)
    return found(faults, f"{checked} run-time packages have no known vulnerability")


def bandit_finding(ran: Ran) -> Finding:
    """Read bandit's report, without the calls that are explained."""
    try:
        report = json.loads(ran.output)
        results, errors = report["results"], report["errors"]
    except (ValueError, KeyError, TypeError):
        return Finding("NOT CHECKED", f"bandit gave no report: {ran.last_error}")
    open_results = [result for result in results if not _is_explained(result["filename"], result["test_id"])]
    lines = [
        f"{result['filename']}:{result['line_number']}: {result['test_id']} {result['issue_text']}"
        for result in open_results
    ]
    lines += [f"{error['filename']}: {error['reason']}" for error in errors]
    return found(lines, f"no insecure call, {len(results) - len(open_results)} explained")


def secrets_finding(runs: Iterable[Ran], known: Mapping[str, str]) -> Finding:
    """Read detect-secrets' reports, without text that is known to be no secret."""
    lines, explained = [], 0
    for ran in runs:
        try:
            results_of = json.loads(ran.output)["results"]
        except (ValueError, KeyError, TypeError):
            return Finding("NOT CHECKED", f"detect-secrets gave no report: {ran.last_error}")
        for name, result in ((name, result) for name, results in results_of.items() for result in results):
            explained += result["hashed_secret"] in known
            if result["hashed_secret"] not in known:
                place = f"{name}:{result['line_number']}: {result['type']}"
                lines.append(f"{place}; if it is none, say why in tests/known_secrets.txt: {result['hashed_secret']}")
    return found(lines, f"no secret in a tracked file, {explained} explained")


def known_secrets(text: str) -> dict[str, str]:
    """Read the file of texts that look like secrets and are none: a hash and the reason in each line."""
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#")]
    return {digest: why for digest, why in lines}  # noqa: C416  # dict() would not check that there is a reason


def _is_explained(filename: str, test: str) -> bool:
    return ("*", test) in BANDIT_EXPLAINED or (filename.removeprefix("./"), test) in BANDIT_EXPLAINED
