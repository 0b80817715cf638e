"""The reader of the recorder's lines does not trust them, and tells the variants of DT's repetitions apart."""

import json
from typing import Any

import pytest

from deploy.first_contact.findings import Redaction, headers_of, read_attempts, retries_of, signature_of
from deploy.first_contact.recorder.main import OTHER, SECRET_HEADER
from deploy.secret import Secret

NAME = "first-contact-0a1b2c3d"
DIGEST = "0123456789abcdef"
HIDDEN = Redaction((Secret("c0md3pm0p7bet3vico8g"),))


def line(at: Any = 1.0, token: str = DIGEST, **changes: Any) -> dict[str, Any]:
    printed = {
        "readable": True,
        "token": token,
        "algorithm": "HS256",
        "members": ["alg", "typ"],
        "claims": ["iat"],
        "iat": 1,
        "exp": 3601,
        "jti": token,
        "subject": "",
        "is_issued_by_dt": False,
        "matches_body": True,
    }
    whole = {
        "recorder": NAME,
        "at": at,
        "case": 503,
        "event": DIGEST,
        "body": DIGEST,
        "source": "34.88.0.0/16",
        "headers": {"content-type": "application/json"},
        "tokens": {SECRET_HEADER: printed},
        **changes,
    }
    return {"jsonPayload": whole}


def test_lines_are_read_in_the_order_of_arrival() -> None:
    assert [attempt.at for attempt in read_attempts([line(3.0), line(1.0), line(2.0)], NAME, HIDDEN)] == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"textPayload": "x"},
        {"jsonPayload": "x"},
        {"jsonPayload": {"recorder": NAME}},
        line(recorder="first-contact-ffffffff"),
        line(at="now"),
        line(at=None),
        line(case="x"),
        line(event="Fridge 2"),
        line(body=["x"]),
        line(source="the shop"),
        line(headers=["x"]),
        line(tokens={SECRET_HEADER: {"token": "the whole token"}}),
        line(tokens={SECRET_HEADER: "x"}),
        line(tokens=None),
        line(token="Fridge 2"),
    ],
    ids=range(16),
)
def test_a_line_of_another_form_is_left_out(entry: dict[str, Any]) -> None:
    assert read_attempts([entry], NAME, HIDDEN) == []


def test_every_text_of_a_line_is_redacted_again() -> None:
    project = "c0md3pm0p7bet3vico8g"
    headers = {"content-type": f"text/{project}", "user-agent": "Fridge 2", f"x-{project}": "1 characters", "a b": "x"}
    entry = line(headers=headers)
    token = entry["jsonPayload"]["tokens"][SECRET_HEADER]
    token |= {"algorithm": project, "members": [project, "alg"], "claims": ["Fridge 2", project.upper()]}
    attempts = read_attempts([entry], NAME, HIDDEN)
    text = json.dumps([headers_of(attempts), signature_of(attempts, SECRET_HEADER, NAME, "")])
    assert project not in text.lower()
    assert "Fridge" not in text
    assert signature_of(attempts, SECRET_HEADER, NAME, "")["members"] == [OTHER, "alg"]


def test_one_attempt_cannot_tell_whether_a_signature_changes() -> None:
    found = retries_of(read_attempts([line()], NAME, HIDDEN), 503, 480.0)
    assert found is not None
    assert (found["attempts"], found["pausesSeconds"], found["watchedSeconds"]) == (1, [], 480)
    assert {found[name] for name in ("signedAnew", "newIat", "newJti", "ownSignatureAnew", "sameBody")} == {None}
    assert retries_of([], 503, 480.0) is None


@pytest.mark.parametrize(("tokens", "anew"), [(["0" * 16, "1" * 16], True), (["0" * 16, "0" * 16], False)])
def test_a_token_that_is_made_anew_is_told_from_one_that_is_sent_again(tokens: list[str], *, anew: bool) -> None:
    entries = [line(float(place), token) for place, token in enumerate(tokens)]
    found = retries_of(read_attempts(entries, NAME, HIDDEN), 503, 60.0)
    assert found is not None
    assert (found["signedAnew"], found["newJti"], found["newIat"]) == (anew, anew, False)
    assert found["pausesSeconds"] == [1.0]


def test_events_are_not_mixed_and_the_one_with_most_attempts_counts() -> None:
    entries = [line(1.0, event="a" * 16), line(2.0), line(3.0), line(9.0, event="a" * 16), line(11.0, event="a" * 16)]
    found = retries_of(read_attempts(entries, NAME, HIDDEN), 503, 60.0)
    assert found is not None
    assert found["pausesSeconds"] == [8.0, 2.0]


def test_a_body_that_changes_is_noticed() -> None:
    found = retries_of(read_attempts([line(1.0), line(2.0, body="f" * 16)], NAME, HIDDEN), 503, 60.0)
    assert found is not None
    assert found["sameBody"] is False
