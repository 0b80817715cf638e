"""Answers of BigQuery as Google does not document them: each is an error, and no crash."""

from typing import Any

import pytest

from deploy.errors import GcloudFailed
from deploy.google.access_token import AccessTokens
from deploy.google.bigquery import BigQuery
from deploy.google.calls import Answer
from tests.deploy.fakes.bigquery import FakeBigQuery
from tests.deploy.fakes.gcloud import PROJECT, FakeGcloud, gcloud_alone
from tests.function.fakes import FakeClock

JOB = {"jobId": "j", "location": "EU"}
ODD_ROWS: list[Any] = [7, ["x"], [None], [{"f": 7}], [{"f": [{}]}]]
ODD_TOKENS: list[Any] = [["x"], {"a": "b"}, 7]
ODD_JOBS: list[Any] = [None, "x", {}, {"jobId": 7}, {"jobId": "j", "location": ["x"]}]


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        *({"jobComplete": True, "rows": odd} for odd in ODD_ROWS),
        *({"jobComplete": True, "jobReference": JOB, "pageToken": odd} for odd in ODD_TOKENS),
        *({"jobReference": odd} for odd in ODD_JOBS),
    ],
    ids=str,
)
def test_an_answer_of_unexpected_form_is_an_error(body: Any) -> None:
    clock = FakeClock()
    tokens = AccessTokens(gcloud_alone(FakeGcloud()).read_text, clock)
    bigquery = BigQuery(PROJECT, tokens, FakeBigQuery(stumbles=[Answer(200, body)]), clock.advance)
    with pytest.raises(GcloudFailed, match="unexpected structure"):
        list(bigquery.rows("SELECT 1", {}))
