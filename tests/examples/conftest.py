"""What the tests of the examples share: one Pub/Sub, in which each test has a project of its own."""

from collections.abc import Iterator

import pytest

from tests.emulators.pubsub import EmbeddedPubSub


@pytest.fixture(scope="session")
def pubsub() -> Iterator[EmbeddedPubSub]:
    """One embedded Pub/Sub for all examples."""
    with EmbeddedPubSub() as embedded:
        yield embedded
