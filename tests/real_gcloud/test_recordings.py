"""What is recorded in one pair of clouds is made again in another, with the names that things have there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.emulators.clients import all_on, ask, deploy
from tests.emulators.clouds import Clouds, clouds
from tests.emulators.clouds.google.estate import Estate
from tests.real_gcloud.recordings import Recording, recorded

HERE, THERE = "europe-west1", "europe-north1"


@pytest.fixture(scope="module")
def recording() -> Recording:
    """A function, and a request that was refused."""
    with clouds("embedded", estate=all_on(Estate())) as sky, recorded(sky) as made:
        assert "error" not in deploy(sky)
        assert ask(sky, "PUT", "https://pubsub.googleapis.com/v1/projects/demo-proj/topics/!", {}).status == 400
    return made


@pytest.fixture
def sky() -> Iterator[Clouds]:
    """Other clouds, empty."""
    with clouds("embedded", estate=all_on(Estate())) as other:
        yield other


@pytest.mark.parametrize("region", [HERE, THERE])
def test_a_function_is_made_again_in_any_region_and_answers(recording: Recording, sky: Clouds, region: str) -> None:
    recording.played(sky, {HERE: region})

    assert sky.left() == [f"projects/demo-proj/locations/{region}/functions/f"]
    service = sky.google.run.find(region, "f")
    assert service is not None
    assert service.revision is not None
    assert service.revision.port


def test_only_what_was_granted_is_made_again(recording: Recording) -> None:
    assert {exchange.answer.status for exchange in recording.exchanges} == {200}


def test_what_is_not_granted_again_is_an_error(recording: Recording, sky: Clouds) -> None:
    sky.google.estate.denied.add("cloudfunctions.functions.create")

    with pytest.raises(AssertionError, match="PERMISSION_DENIED"):
        recording.played(sky)


def test_a_recording_is_kept_for_other_processes(recording: Recording, tmp_path: Path) -> None:
    recording.save(tmp_path / "up")

    assert Recording.load(tmp_path / "up") == recording
