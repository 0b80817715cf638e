"""What several test files share: the two Pub/Subs, and somebody who deploys."""

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
    """Add the one option of these tests."""
    parser.addoption(again.OPTION, action="store_true", help="try a failed promise about time once more, and say so")


@pytest.hookimpl(trylast=True)  # the seed has been chosen by then
def pytest_configure(config: pytest.Config) -> None:
    """Let one seed decide on all chance, and watch over what the tests start: it ends with them."""
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
    """Say how to repeat this run, before anything of it can go wrong."""
    seed = session.config.getoption("randomly_seed", None)
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if seed is not None and terminal and not hasattr(session.config, "workerinput"):
        terminal.write_line(f"the order of the tests, and all chance in them: --randomly-seed={seed}")


@pytest.fixture(scope="session")
def emulator_host() -> Iterator[str]:
    """Google's emulator, one for the whole session: a project of its own keeps a test apart."""
    try:
        with emulator(os.environ) as host:
            yield host
    except EmulatorNotFound as reason:
        pytest.skip(str(reason))


@pytest.fixture
def embedded() -> Iterator[EmbeddedPubSub]:
    """An embedded Pub/Sub for this test alone."""
    with EmbeddedPubSub() as pubsub:
        yield pubsub


@pytest.fixture
def user(tmp_path: Path) -> Iterator[User]:
    """Somebody with the real gcloud, new to both clouds."""
    with user_of(tmp_path) as somebody:
        yield somebody
