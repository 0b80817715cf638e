"""``pytest --timed-again``: repeat a test that was too late once, and report that.

A busy machine can make a test late once. It cannot make the function lose an event, accept a forged one or write a
secret to a log, so a test that counts such things is never repeated, because a second try would hide the first. Two
kinds of tests are repeated: a test that fails as ``pace.Late``, because everything else in it was right, and a test
with the mark ``timed``, which belongs to tests that promise nothing but time.
"""

from collections.abc import Generator, Sequence

import pytest
from _pytest.runner import runtestprotocol

from tests.pace import Late

OPTION = "--timed-again"
MARK = "timed"
PROPERTY = "tried again"
LATE = "late"


class TimedAgain:
    """A pytest plugin, in each worker and in the main process."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """Run a test, and once more if it breaks a promise about time."""
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in _reports(item, nextitem):
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Mark the report of a failure that is a matter of time."""
        report = yield
        error = call.excinfo
        if error is not None and (error.errisinstance(Late) or item.get_closest_marker(MARK)):
            report.user_properties.append((LATE, True))
        return report

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Report which tests were repeated, and why."""
        tried = [report for reports in terminalreporter.stats.values() for report in reports if _was_tried(report)]
        if tried:
            terminalreporter.section("promises about time that were tested a second time", yellow=True)
        for report in tried:
            terminalreporter.line(
                f"{report.nodeid}: {report.outcome} the second time; first: {dict(report.user_properties)[PROPERTY]}"
            )


def _reports(item: pytest.Item, nextitem: pytest.Item | None) -> Sequence[pytest.TestReport]:
    first = runtestprotocol(item, log=False, nextitem=nextitem)
    failed = [report for report in first if report.failed]
    late = [report for report in failed if LATE in dict(report.user_properties)]
    # an error in setup or teardown does not depend on time
    if [report.when for report in late] != ["call"] or late != failed:
        return first
    item.user_properties.append((PROPERTY, _cause(failed[0])))
    item.session._setupstate.teardown_exact(None)  # noqa: SLF001  # fixtures of the whole file measure again
    return runtestprotocol(item, log=False, nextitem=nextitem)


def _cause(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    return " ".join(str(getattr(crash, "message", report.longrepr)).split())


def _was_tried(report: object) -> bool:
    return isinstance(report, pytest.TestReport) and report.when == "call" and PROPERTY in dict(report.user_properties)
