"""The hooks of these tests: one seed decides, promises about time are told apart, and nothing is left behind.

They import little: a run within a test (``tests/inner.py``) has them, too, and is to begin soon.
"""

from pathlib import Path

import pytest
from hypothesis import core

from tests import again, leftovers, pace

TESTS = Path(__file__).parent

LONGEST = (
    "real_gcloud/test_faults.py",
    *("blackbox/test_production_path.py", "emulators/test_google.py", "bench/test_bench.py"),
    *("blackbox/test_decision_table.py", "deploy/test_parallel.py", "blackbox/test_ending.py"),
    *("repository/test_leftovers.py", "blackbox/test_zero_loss.py", "deploy/cli/test_doorway.py"),
    *("blackbox/test_wsgi_hosts.py", "blackbox/test_abuse.py", "blackbox/test_keys_under_load.py"),
    *(
        "blackbox/test_pause.py",
        "emulators/test_run.py",
        "emulators/test_workbench.py",
        "repository/test_workbench_page.py",
        "blackbox/test_names_outage.py",
        "repository/test_again.py",
    ),
    *("function/test_publishing.py", "blackbox/test_secrecy.py"),
)
"""Files that take more than 10 s, what waits beside what works. They begin first: a run ends with its last file."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the one option of these tests."""
    parser.addoption(again.OPTION, action="store_true", help="try a failed promise about time once more, and say so")


@pytest.hookimpl(trylast=True)  # the seed has been chosen by then
def pytest_configure(config: pytest.Config) -> None:
    """Let one seed decide on all chance, and watch over what the tests start: it ends with them."""
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


@pytest.hookimpl(trylast=True)  # the order is chance's by then; each file is given to one worker, in this order
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the longest files begin first, and leave the order of all else as it is."""
    places = {TESTS / path: place for place, path in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


def pytest_sessionstart(session: pytest.Session) -> None:
    """Say how to repeat this run, before anything of it can go wrong."""
    seed = session.config.getoption("randomly_seed", None)
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if seed is not None and terminal and not hasattr(session.config, "workerinput"):
        terminal.write_line(f"order of the tests and all randomness in them: --randomly-seed={seed}")
