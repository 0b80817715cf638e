"""Which commands mend something, which only show more, and what is advice in words."""

import pytest

from deploy.errors import DeployError
from deploy.remedies import again_in, head_of

MENDS = (
    "python -m deploy up",
    "python -m deploy resume --all",
    "python -m deploy replay",
    "gcloud services enable x.googleapis.com --project=p",
    "gcloud pubsub topics delete dt-events --project=p",
    "gcloud pubsub subscriptions pull dt-events --auto-ack --project=p",
    "gcloud projects add-iam-policy-binding p --member=user:YOU --role=roles/x.list",
)
ADVISES = (
    "try again in a minute",
    "wait until the other change has ended: python -m deploy status",
    "gcloud's login, on this user's machine",
    "pass --yes",
)
SHOWS = (
    "python -m deploy plan",
    "python -m deploy replay --dry-run",
    "python -m deploy status",
    "python -m deploy list --project=p",
    "gcloud functions logs read dt-pubsub --gen2 --project=p --limit=50",
    "gcloud logging read 'severity>=ERROR' --project=p",
    "gcloud builds log 1a2b --region=r --project=p",
    "gcloud secrets get-iam-policy s --project=p",
    "gcloud config list proxy",
    "gcloud info --run-diagnostics",
    "https://status.cloud.google.com/",
)


@pytest.mark.parametrize(
    ("line", "head"),
    [(line, head) for lines, head in ((MENDS, "fix"), (SHOWS, "look at"), (ADVISES, "hint")) for line in lines],
)
def test_what_is_called_a_fix_can_be_pasted_and_changes_something(line: str, head: str) -> None:
    assert head_of(line) == head


def test_an_error_says_of_each_command_which_it_is() -> None:
    error = DeployError("is broken", where="it", fix=["python -m deploy up", "python -m deploy plan"])
    assert str(error) == "it: is broken\n  fix: python -m deploy up\n  look at: python -m deploy plan"


@pytest.mark.parametrize(
    ("what", "notice"),
    [
        (
            "it could take up to 10 minutes to become available. Please try again soon.",
            "it could take up to 10 minutes to become available; again in 5 s",
        ),
        ("Quota exceeded.\nmore", "Quota exceeded; again in 5 s"),
        ("503", "503; again in 5 s"),
    ],
)
def test_another_attempt_is_announced_in_one_sentence(what: str, notice: str) -> None:
    assert again_in(what, 5.0) == notice
