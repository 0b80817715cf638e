"""``pytest --timed-again``: a test of a promise about time that fails is tried once more, and the run says so.

A machine that others use may be late once. It cannot lose an event, let a forged one through or write a secret to a
log: what counts such things is never tried again, because a second try would hide the first. So only a test with the
mark ``timed`` has a second try, and the mark belongs to tests that promise nothing but time.
"""

from collections.abc import Sequence

import pytest
from _pytest.runner import runtestprotocol

OPTION = "--timed-again"
MARK = "timed"
PROPERTY = "tried again"


class TimedAgain:
    """A plugin of pytest, in each worker and in the run itself."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Run a test that promises time, and once more if it fails; all others are left to pytest."""
        if item.get_closest_marker(MARK) is None:
            return None
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in _reports(item, nextitem):
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what was tried again, and why."""
        tried = [report for reports in terminalreporter.stats.values() for report in reports if _was_tried(report)]
        if tried:
            terminalreporter.section("promises about time that were tried once more", yellow=True)
        for report in tried:
            terminalreporter.line(
                f"{report.nodeid}: {report.outcome} then; first: {dict(report.user_properties)[PROPERTY]}"
            )


def _reports(item: pytest.Item, nextitem: pytest.Item | None) -> Sequence[pytest.TestReport]:
    first = runtestprotocol(item, log=False, nextitem=nextitem)
    failed = [report for report in first if report.failed]
    if [report.when for report in failed] != ["call"]:  # what cannot be set up or leaves something is no matter of time
        return first
    item.user_properties.append((PROPERTY, _cause(failed[0])))
    return runtestprotocol(item, log=False, nextitem=nextitem)


def _cause(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    return " ".join(str(getattr(crash, "message", report.longrepr)).split())


def _was_tried(report: object) -> bool:
    return isinstance(report, pytest.TestReport) and report.when == "call" and PROPERTY in dict(report.user_properties)
