"""Black box: events are answered even if the reader of the log stalls or ends."""

import contextlib
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from tests.blackbox.serving import ENTRY_POINTS, Function
from tests.blackbox.stage import SECRET, Stage, Surroundings, by_secret, surroundings

PATIENT = {"DT_SIGNATURE_SECRET": SECRET, "PUBLISH_TIMEOUT_SECONDS": "6.5"}

EVENTS = 400
"""Number of events whose log lines fill a pipe."""


class Piped(Function):
    """A function whose standard output is a pipe that is not read at first."""

    reader: int

    @contextlib.contextmanager
    def _outputs(self, home: Path) -> Iterator[tuple[BinaryIO, BinaryIO]]:
        self.reader, writer = os.pipe()
        with os.fdopen(writer, "wb") as output, (home / f"{self.port}.errors").open("wb") as errors:
            yield output, errors

    def read_lines(self) -> list[dict[str, object]]:
        """Read all lines until the process has ended."""
        with os.fdopen(self.reader, "rb") as output:
            return [json.loads(line) for line in output]


@pytest.fixture(scope="module")
def around(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surroundings]:
    with surroundings(tmp_path_factory.mktemp("log-reader")) as made:
        yield made


def answered(stage: Stage, count: int) -> set[tuple[int, str]]:
    answers = [stage.function.send(by_secret().headers, by_secret().body) for _ in range(count)]
    return {(answer.status, answer.json.get("error", "")) for answer in answers}


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
def test_a_stalled_log_reader_delays_no_answer_and_loses_no_line_that_fits_the_buffer(
    entry_point: str, around: Surroundings, tmp_path: Path
) -> None:
    with around.stage(entry_point, tmp_path, PATIENT, kind=Piped) as stage:
        assert answered(stage, EVENTS) == {(200, "")}

        function = stage.function
        assert isinstance(function, Piped)
        lines: list[dict[str, object]] = []
        reading = threading.Thread(target=lambda: lines.extend(function.read_lines()))
        reading.start()
        assert function.stop() == 0
        reading.join(60)

    assert sum(line["message"] == "delivered temperature of emu0001dr2b5vjs7396g" for line in lines) == EVENTS
    assert not [line for line in lines if "dropped" in line]


def test_events_are_answered_after_the_log_reader_has_ended(around: Surroundings, tmp_path: Path) -> None:
    with around.stage("ingest", tmp_path, PATIENT, kind=Piped) as stage:
        assert isinstance(stage.function, Piped)
        os.close(stage.function.reader)

        assert answered(stage, 5) == {(200, "")}


def test_the_execution_id_of_a_request_is_a_label_of_its_line_by_which_an_alert_knows_a_probe(
    around: Surroundings, tmp_path: Path
) -> None:
    settings = {**PATIENT, "LOG_EXECUTION_ID": "true"}
    with around.stage("ingest", tmp_path, settings, kind=Piped) as stage:
        function = stage.function
        assert isinstance(function, Piped)
        headers = [*by_secret().headers, ("Function-Execution-Id", "dt-pubsub-probe-1")]
        assert function.send(headers, b"another body").json == {"error": "checksum"}
        lines: list[dict[str, object]] = []
        reading = threading.Thread(target=lambda: lines.extend(function.read_lines()))
        reading.start()
        assert function.stop() == 0
        reading.join(60)

    (line,) = [line for line in lines if line.get("reason") == "checksum"]
    assert line["logging.googleapis.com/labels"] == {"execution_id": "dt-pubsub-probe-1"}
