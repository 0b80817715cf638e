"""Black box: no secret, token or body is in any output or answer, and Cloud Logging can read every line."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.blackbox.decision_table import ROWS, SEALED, Row
from tests.blackbox.serving import ENTRY_POINTS, Answer, Headers, eventually, variant
from tests.blackbox.stage import BODY, KNOWN, Stage, by_secret, surroundings

TRACE, SPAN = "0123456789abcdef0123456789abcdef", "00000000000000ff"
W3C = ("traceparent", f"00-{TRACE}-{SPAN}-01")
NO_SAMPLING = "import function.sampling\nfunction.sampling.SAMPLE_S = 0\n"
PART_CHARACTERS = 12, 100
"""Shorter parts of a token are no secret; of longer ones this much could appear, because fields are cut."""


@dataclass(frozen=True)
class Driven:
    """A stage after every row of the table was sent, and the answers."""

    stage: Stage
    replies: list[tuple[Row, Answer]]


@pytest.fixture(scope="module", params=ENTRY_POINTS)
def driven(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driven]:
    """Send every row to a function that logs every line."""
    home: Path = tmp_path_factory.mktemp(request.param)
    with surroundings(home) as around:
        settings = {**around.every_scheme, "PUBLISH_TIMEOUT_SECONDS": "0.2", "LOG_EXECUTION_ID": "true"}
        with around.stage(request.param, home, settings, variant(home, NO_SAMPLING)) as stage:
            yield Driven(stage, [(row, drive(stage, row)) for row in ROWS])


def drive(stage: Stage, row: Row) -> Answer:
    for fault, topic in ((row.main, stage.topic), (row.rejected, stage.rejected_topic)):
        if fault:
            stage.pubsub.set_fault(fault.on(topic))
    try:
        return stage.send(row.make(stage)).answer
    finally:
        stage.pubsub.clear_faults()


def parts(tokens: list[str]) -> set[str]:
    """Return the parts of tokens."""
    least, most = PART_CHARACTERS
    return {part[:most] for token in tokens for part in token.split(".") if len(part) >= least}


def test_no_secret_token_or_body_is_in_the_output(driven: Driven) -> None:
    output = driven.stage.function.output()

    assert len(output) > 10_000
    assert [sealed for sealed in SEALED if sealed in output] == []
    assert [part for part in parts(driven.stage.tokens) if part in output] == []


def test_no_secret_token_or_body_is_in_an_answer(driven: Driven) -> None:
    for row, answer in driven.replies:
        said = f"{answer.headers} {answer.body.decode()}"
        assert not any(sealed in said for sealed in (*SEALED, *KNOWN.values(), "Traceback")), row
        assert not any(part in said for part in parts(driven.stage.tokens)), row


def test_every_line_is_json_with_a_severity_and_a_message(driven: Driven) -> None:
    for line in driven.stage.function.lines():
        assert line["severity"] in {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}
        assert line["message"]
        assert "\n" not in line["message"]


def test_no_expected_outcome_logs_a_stack_trace(driven: Driven) -> None:
    output = driven.stage.function.output()

    assert "stack_trace" not in output
    assert "Traceback" not in output


def test_every_row_has_logged_its_reason(driven: Driven) -> None:
    said = {line.get("reason", "") for line in driven.stage.function.lines()}

    assert said == {row.reason for row in ROWS}


def test_every_row_has_its_log_line(driven: Driven) -> None:
    reasons = [line.get("reason") for line in driven.stage.function.lines()]

    assert reasons.count("signature") >= len([row for row in ROWS if row.number == 5])


def line_with(stage: Stage, *headers: tuple[str, str]) -> dict[str, Any]:
    before = len(stage.function.lines())
    assert stage.function.send([*by_secret().headers, *headers], BODY).status == 200
    (line,) = eventually(lambda: stage.function.lines()[before:])
    return line


TRACES: list[tuple[str, Headers, str | None, str | None]] = [
    ("traceparent", [W3C], TRACE, SPAN),
    ("X-Cloud-Trace-Context", [("X-Cloud-Trace-Context", f"{TRACE}/255;o=1")], TRACE, SPAN),
    ("X-Cloud-Trace-Context without a span", [("X-Cloud-Trace-Context", TRACE)], TRACE, None),
    ("both", [W3C, ("X-Cloud-Trace-Context", f"{'f' * 32}/1;o=1")], TRACE, SPAN),
    (
        "a traceparent that is none",
        [("traceparent", "00-0-0-00"), ("X-Cloud-Trace-Context", f"{TRACE}/255")],
        TRACE,
        SPAN,
    ),
    ("largest span", [("X-Cloud-Trace-Context", f"{TRACE}/18446744073709551615")], TRACE, "f" * 16),
    ("a span beyond 64 bits", [("X-Cloud-Trace-Context", f"{TRACE}/99999999999999999999")], TRACE, None),
    ("traceparent of zeros", [("traceparent", f"00-{'0' * 32}-{SPAN}-01")], None, None),
    ("traceparent without a span", [("traceparent", f"00-{TRACE}-{'0' * 16}-01")], None, None),
    ("traceparent of version ff", [("traceparent", f"ff-{TRACE}-{SPAN}-01")], None, None),
    ("none", [], None, None),
]


@pytest.mark.parametrize(("headers", "trace", "span"), [row[1:] for row in TRACES], ids=[row[0] for row in TRACES])
def test_a_log_line_has_the_trace_and_span_of_its_request(
    driven: Driven, headers: Headers, trace: str | None, span: str | None
) -> None:
    line = line_with(driven.stage, *headers)

    assert line.get("logging.googleapis.com/trace") == (f"projects/p/traces/{trace}" if trace else None)
    assert line.get("logging.googleapis.com/spanId") == span
    assert line["severity"] == "INFO"


def test_an_event_whose_body_is_one_long_id_does_not_write_it_into_the_log(driven: Driven) -> None:
    stage = driven.stage
    long = by_secret(BODY.replace(KNOWN["eventId"].encode(), b"i" * 100_000))

    outcome = stage.send(long)

    (line,) = stage.function.lines_of(outcome.trace)
    assert outcome.answer.status == 200
    assert len(str(line)) < 10_000
