"""What several test files share: the two Pub/Subs, and new_user who deploys; and the hooks of these tests."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.emulators.emulator import emulator
from tests.emulators.errors import EmulatorNotFound
from tests.emulators.pubsub import EmbeddedPubSub
from tests.hooks import pytest_addoption, pytest_collection_modifyitems, pytest_configure, pytest_sessionstart
from tests.real_gcloud.recordings import Recording, recorded
from tests.real_gcloud.user import User, user_of

__all__ = ["pytest_addoption", "pytest_collection_modifyitems", "pytest_configure", "pytest_sessionstart"]


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


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Recording:
    """Everything that a real ``up`` asked for; one worker runs it, and all of them use it."""
    own = tmp_path_factory.getbasetemp()
    shared = own if worker_id == "master" else own.parent
    file = shared / "up.recorded"
    with (shared / "up.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            with user_of(tmp_path_factory.mktemp("recorded")) as new_user, recorded(new_user.both_clouds) as made:
                new_user.brings_up()
            made.save(file)
    return Recording.load(file)


@pytest.fixture
def owner(user: User, recording: Recording) -> User:
    """A user with the real gcloud, for whom everything is up already."""
    recording.played(user.both_clouds)
    return user
