"""What several test files share: the two Pub/Subs, and somebody who deploys."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.offline.emulator import emulator
from deploy.offline.errors import EmulatorNotFound
from deploy.offline.pubsub import EmbeddedPubSub
from tests import again, leftovers
from tests.users import User, user_of


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the one option of these tests."""
    parser.addoption(again.OPTION, action="store_true", help="try a failed promise about time once more, and say so")


def pytest_configure(config: pytest.Config) -> None:
    """Watch over what the tests start: it ends with them."""
    if config.getoption(again.OPTION):
        config.pluginmanager.register(again.TimedAgain())
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(leftovers.Worker())
    else:
        workers = bool(config.getoption("numprocesses", 0))
        config.pluginmanager.register(leftovers.Run(workers=workers))


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
