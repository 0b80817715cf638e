"""Black box: with ``LOG_DELIVERED`` the lines count every delivered event, also when Cloud Run ends an instance."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.blackbox.serving import ENTRY_POINTS, Function, eventually
from tests.blackbox.stage import BODY, SECRET, Surroundings, by_secret, surroundings

ONE_OF = 100
SAMPLED = {"DT_SIGNATURE_SECRET": SECRET, "LOG_DELIVERED": f"{ONE_OF}"}
OF_A_SENSOR = BODY.replace(b"emu0", b"b5rj")
EVENTS = 7


class Killable(Function):
    """A function that can be killed without a SIGTERM, as if it were out of memory."""

    def kill(self) -> None:
        """End all its processes at once."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


@pytest.fixture(scope="module")
def around(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surroundings]:
    with surroundings(tmp_path_factory.mktemp("delivered-lines")) as made:
        yield made


def counted(function: Function) -> list[int]:
    return [line["delivered"] for line in function.lines() if "delivered" in line]


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
def test_an_instance_that_cloud_run_ends_has_counted_every_delivered_event(
    entry_point: str, around: Surroundings, tmp_path: Path
) -> None:
    with around.stage(entry_point, tmp_path, SAMPLED) as stage:
        for _ in range(EVENTS):
            assert stage.function.send(by_secret(OF_A_SENSOR).headers, OF_A_SENSOR).status == 200
        assert stage.function.send(by_secret(b"{}").headers, b"{}").status == 200
        assert counted(stage.function) == [1]
        assert [line["reason"] for line in stage.function.lines() if "reason" in line] == ["no_envelope"]
        stage.function.stop()
        assert counted(stage.function) == [1, EVENTS - 1]


def test_an_instance_that_is_killed_has_left_out_less_than_one_line_counts(
    around: Surroundings, tmp_path: Path
) -> None:
    with around.stage("ingest", tmp_path, SAMPLED, kind=Killable) as stage:
        assert isinstance(stage.function, Killable)
        for _ in range(EVENTS):
            assert stage.function.send(by_secret(OF_A_SENSOR).headers, OF_A_SENSOR).status == 200
        eventually(lambda: counted(stage.function))
        stage.function.kill()
        assert EVENTS - ONE_OF < sum(counted(stage.function)) < EVENTS
