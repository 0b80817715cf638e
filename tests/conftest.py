"""Fixtures of several test files: the two Pub/Subs, and a user who deploys."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import core

from deploy.offline.emulator import emulator
from deploy.offline.errors import EmulatorNotFound
from deploy.offline.pubsub import EmbeddedPubSub
from tests import again, leftovers
from tests.real_gcloud.user import User, user_of


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option of these tests."""
    parser.addoption(again.OPTION, action="store_true", help="try a failed promise about time once more, and say so")


@pytest.hookimpl(trylast=True)  # pytest-randomly has chosen the seed by then
def pytest_configure(config: pytest.Config) -> None:
    """Seed all randomness with one seed, and watch for processes and files that the tests leave behind."""
    if config.getoption("hypothesis_seed", None) is None:
        core.global_force_seed = config.getoption("randomly_seed", None)
    if config.getoption(again.OPTION):
        config.pluginmanager.register(again.TimedAgain())
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(leftovers.Worker())
    else:
        workers = bool(config.getoption("numprocesses", 0))
        config.pluginmanager.register(leftovers.Run(workers=workers))


def pytest_sessionstart(session: pytest.Session) -> None:
    """Print how to repeat this run, before any test runs."""
    seed = session.config.getoption("randomly_seed", None)
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if seed is not None and terminal and not hasattr(session.config, "workerinput"):
        terminal.write_line(f"order of the tests and all randomness in them: --randomly-seed={seed}")


@pytest.fixture(scope="session")
def emulator_host() -> Iterator[str]:
    """Start Google's emulator once for the whole session; each test uses a project of its own."""
    try:
        with emulator(os.environ) as host:
            yield host
    except EmulatorNotFound as reason:
        pytest.skip(str(reason))


@pytest.fixture
def embedded() -> Iterator[EmbeddedPubSub]:
    """Start an embedded Pub/Sub for one test."""
    with EmbeddedPubSub() as pubsub:
        yield pubsub


@pytest.fixture
def user(tmp_path: Path) -> Iterator[User]:
    """Return a user with the real gcloud, for whom both clouds are still empty."""
    with user_of(tmp_path) as new_user:
        yield new_user
