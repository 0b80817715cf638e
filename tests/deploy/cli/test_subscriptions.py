"""``[[subscriptions]]`` of deploy.toml: what is read, and what is refused before anything is made."""

from pathlib import Path

import pytest

from deploy.cli.settings import read_spec
from deploy.errors import InvalidOptions
from deploy.spec import Spec, SubscriptionSettings

HEAD = """\
project = "my-project"
region = "europe-west1"
dt_projects = ["c0md3pm0p7bet3vico8g"]

"""
WHOLE = """\
[[subscriptions]]
name = "alarms"
filter = 'attributes.eventType = "temperature" AND NOT attributes:origin'
dead_letter = true
retention = "31d"
ack_deadline = "60s"
exactly_once = true
ordering = true

[[subscriptions]]
name = "to-service"
topic = "rejected"
push = "https://events.example.com/dt?site=oslo"
service_account = "pusher@my-project.iam.gserviceaccount.com"
audience = "events"
no_wrapper = true
dead_letter = "lost"

[settings]
ORDERING_KEY = "device"
CLOUDEVENTS = "true"
"""


def read(tmp_path: Path, text: str) -> Spec:
    (tmp_path / "deploy.toml").write_text(HEAD + text, "utf-8")
    return read_spec({}, {}, tmp_path)


def faults(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(InvalidOptions) as invalid:
        read(tmp_path, text)
    return list(invalid.value.faults)


def test_every_key_is_read_and_what_is_left_out_stays_as_it_is(tmp_path: Path) -> None:
    spec = read(tmp_path, WHOLE)
    alarms, to_service = spec.subscriptions
    assert alarms == SubscriptionSettings(
        "alarms",
        filter='attributes.eventType = "temperature" AND NOT attributes:origin',
        dead_letter="alarms-dead-letter",
        retention="31d",
        ack_deadline="60s",
        exactly_once=True,
        ordering=True,
    )
    assert to_service == SubscriptionSettings(
        "to-service",
        topic="rejected",
        push="https://events.example.com/dt?site=oslo",
        service_account="pusher@my-project.iam.gserviceaccount.com",
        audience="events",
        no_wrapper=True,
        dead_letter="lost",
    )
    assert spec.doubts == ()
    (plain,) = read(tmp_path, '[[subscriptions]]\nname = "plain"').subscriptions
    assert (plain.push, plain.filter, plain.dead_letter, plain.ordering) == (None, None, None, None)
    (reset,) = read(tmp_path, '[[subscriptions]]\nname = "plain"\npush = ""\ndead_letter = false').subscriptions
    assert (reset.push, reset.dead_letter) == ("", "")


ONE = '[[subscriptions]]\nname = "alarms"\n'
PUSH = f'{ONE}push = "https://example.com/in"\nservice_account = "a@p.iam.gserviceaccount.com"\n'


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("subscriptions = 3", "line 5: subscriptions: write each subscription as a table below [[subscriptions]]"),
        ('[subscriptions]\nname = "alarms"', "write each subscription as a table below [[subscriptions]]"),
        ("[[subscriptions]]\n", "line 5: subscription number 1: name: is missing"),
        ('[[subscriptions]]\nname = "a"', "line 6: subscription a: name: 'a' is not an id of 3 to 255 letters"),
        ('[[subscriptions]]\nname = "google-it"', "and not goog at the beginning"),
        ("[[subscriptions]]\nname = 7", "name: has to be a text, in quotes"),
        (f'{ONE}filtre = ""', "line 7: subscription alarms: filtre: unknown key; did you mean filter?"),
        (f"{ONE}{ONE}", "line 8: subscription alarms: name: is the name of an earlier one, too"),
        ('[[subscriptions]]\nname = "dt-events"', "is a subscription that the deployment makes itself"),
        ('[[subscriptions]]\nname = "dt-events-bigquery"', "is a subscription that the deployment makes itself"),
        ('[[subscriptions]]\nname = "dt-events-verify-1"', "is a subscription that the deployment makes itself"),
        (f'{ONE}dead_letter = "dt-rejected"', "dead_letter: is a topic that the deployment makes itself"),
        (
            f'{ONE}dead_letter = true\n[[subscriptions]]\nname = "alarms-dead-letter"',
            "name: is a dead-letter topic, which has a subscription of this name",
        ),
        (f"{ONE}dead_letter = 5", "dead_letter: has to be a text, in quotes"),
        (f'{ONE}topic = "rejectd"', "topic: has to be main or rejected; did you mean rejected?"),
        (f'{ONE}retention = "32d"', "retention: '32d' is not between 10m and 31d"),
        (f'{ONE}ack_deadline = "5s"', "ack_deadline: '5s' is not between 10s and 600s"),
        (f'{ONE}ack_deadline = "soon"', "ack_deadline: 'soon' is not a duration"),
        (f'{ONE}ordering = "yes"', "ordering: has to be true or false, without quotes"),
        (f"{ONE}no_wrapper = true", "no_wrapper: is for a push: set push to the URL"),
        (f'{ONE}push = "https://example.com/in"\naudience = "x"', "audience: is that of a token"),
        (f"{PUSH}exactly_once = true", "exactly_once: Pub/Sub has it for pull only"),
        (f'{ONE}push = "http://example.com/in"', "push: is not an https URL"),
        (f'{ONE}push = "https://[::1"', "push: is not an https URL"),
        (f'{ONE}push = "https://example.com/#in"', "push: has a part after #, which is never sent"),
        (
            f'{ONE}push = "https://e.com/"\nservice_account = "me"',
            "'me' is not the e-mail address of a service account",
        ),
        (f"{ONE}filter = 'attributes.eventtype = \"touch\"'", "line 7: subscription alarms: filter: no message has"),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_the_name_of_the_subscription(
    tmp_path: Path, text: str, fault: str
) -> None:
    (found,) = faults(tmp_path, text)
    assert found.startswith("deploy.toml")
    assert fault in found


@pytest.mark.parametrize("secret", ["https://me:hunter2@example.com/in", "https://example.com/in?access_token=hunter2"])
def test_a_secret_in_the_url_of_a_push_is_refused_and_not_shown(tmp_path: Path, secret: str) -> None:
    (found,) = faults(tmp_path, f'{ONE}push = "{secret}"')
    assert "no secret may be in these settings" in found
    assert "hunter2" not in found


def test_all_faults_of_all_subscriptions_are_listed_at_once(tmp_path: Path) -> None:
    found = faults(
        tmp_path, f'{ONE}retention = "1s"\ntopic = "x"\n\n[[subscriptions]]\nname = "b"\nlabels = 1\nregion = 2'
    )
    assert [line.partition(": ")[0] for line in found] == [
        f"deploy.toml, line {number}" for number in (8, 7, 12, 13, 11)
    ]


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        (f"{ONE}ordering = true", "line 7: subscription alarms: ordering: has no effect unless the function has"),
        (f'{ONE}topic = "rejected"\nordering = true', "has no effect: rejected messages have no ordering key"),
        (f"{PUSH}no_wrapper = true", "a push is a CloudEvents request only if the function has CLOUDEVENTS=true"),
        (f'{ONE}push = "https://example.com/in"', "without service_account the endpoint cannot know"),
        (f"{ONE}filter = 'attributes:ce-id'", "filter: messages have 'ce-id' only if the function has CLOUDEVENTS"),
    ],
)
def test_what_is_valid_but_odd_is_doubted(tmp_path: Path, text: str, doubt: str) -> None:
    (found,) = read(tmp_path, text).doubts
    assert doubt in found
