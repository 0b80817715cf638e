"""What several test files share: the two Pub/Subs."""

import os
from collections.abc import Iterator

import pytest

from deploy.offline.emulator import emulator
from deploy.offline.errors import EmulatorNotFound
from deploy.offline.pubsub import EmbeddedPubSub


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
