"""The pytest hooks of all tests: one seed for a run, a report of late tests, and nothing left behind.

This module imports little, because a pytest run inside a test (``tests/inner.py``) loads it and has to start fast.
"""

from pathlib import Path

import pytest
from hypothesis import core

from tests import again, leftovers, pace
from tests.measured import MeasuredWhereItCounts

TESTS = Path(__file__).parent

LONGEST = (
    *("real_gcloud/test_faults.py", "real_gcloud/test_sandbox.py", "emulators/test_sandbox.py"),
    *("emulators/test_google.py", "emulators/test_workbench.py", "bench/test_bench.py", "repository/test_leftovers.py"),
    *("repository/test_workbench_page.py", "repository/test_again.py"),
    *("blackbox/test_production_path.py", "deploy/cli/test_doorway.py", "blackbox/test_decision_table.py"),
    *("deploy/resources/bigquery/test_up.py", "deploy/verbs/test_rotate.py", "blackbox/test_abuse.py"),
    *("deploy/test_parallel.py", "blackbox/test_ending.py", "blackbox/test_zero_loss.py"),
    *("blackbox/test_wsgi_hosts.py", "deploy/resources/bigquery/test_down.py", "blackbox/test_keys_under_load.py"),
    *("blackbox/test_pause.py", "emulators/test_run.py", "deploy/stages/test_interrupted.py"),
    *("blackbox/test_names_outage.py", "function/test_publishing.py", "blackbox/test_secrecy.py"),
)
"""Files that take more than 10 s. They begin first, so that the run does not wait for one of them at its end."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option ``--timed-again``."""
    parser.addoption(again.OPTION, action="store_true", help="repeat a test once if it was only late, and report it")


@pytest.hookimpl(trylast=True)  # the seed has been chosen by then
def pytest_configure(config: pytest.Config) -> None:
    """Use one seed for all randomness, and register the check that what the tests start ends with them."""
    if config.getoption("hypothesis_seed", None) is None:
        core.global_force_seed = config.getoption("randomly_seed", None)
    config.pluginmanager.register(pace.InTime())
    if config.getoption(again.OPTION):
        config.pluginmanager.register(again.TimedAgain())
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(leftovers.Worker())
    else:
        workers = bool(config.getoption("numprocesses", 0))
        config.pluginmanager.register(leftovers.Run(workers=workers))


@pytest.hookimpl(trylast=True)  # the order is shuffled by then; xdist gives files to the workers in this order
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Move the longest files to the front, and keep the order of the others."""
    places = {TESTS / path: place for place, path in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.hookimpl(trylast=True)  # pytest-cov of a worker begins to measure in this hook
def pytest_sessionstart(session: pytest.Session) -> None:
    """Print how to repeat this run, before anything can fail; measure coverage only where it counts."""
    if measurement := getattr(session.config.pluginmanager.getplugin("_cov"), "cov_controller", None):
        measured = MeasuredWhereItCounts(measurement)
        measured.begin(imports=not hasattr(session.config, "workerinput"))
        session.config.pluginmanager.register(measured)
    seed = session.config.getoption("randomly_seed", None)
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if seed is not None and terminal and not hasattr(session.config, "workerinput"):
        terminal.write_line(f"order of the tests and all randomness in them: --randomly-seed={seed}")
