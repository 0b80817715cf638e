"""``[[subscriptions]]`` of deploy.toml: what is read, and what is refused before anything is made."""

from pathlib import Path

import pytest

from deploy.cli.options import MAX_NAME
from deploy.cli.settings import read_spec
from deploy.errors import InvalidOptions
from deploy.spec import AUDIT_WORD, FOLLOW_WORD, PROOF_WORD, Spec, SubscriptionSettings

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


NO_ID = (
    "is not an id of 3 to 255 letters, digits and -._~+%, of which the first is a letter, and not goog at the beginning"
)
ITS_OWN = "is a subscription that the deployment makes itself: take another name"
ONE = '[[subscriptions]]\nname = "alarms"\n'
PUSH = f'{ONE}push = "https://example.com/in"\nservice_account = "a@p.iam.gserviceaccount.com"\n'


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("subscriptions = 3", "line 5: subscriptions: write each subscription as a table below [[subscriptions]]"),
        (
            '[subscriptions]\nname = "alarms"',
            "line 5: subscriptions: write each subscription as a table below [[subscriptions]]",
        ),
        ("[[subscriptions]]\n", "line 5: subscription number 1: name: is missing: it is the id of the subscription"),
        ('[[subscriptions]]\nname = "a"', f"line 6: subscription a: name: 'a' {NO_ID}"),
        ('[[subscriptions]]\nname = "google-it"', f"line 6: subscription google-it: name: 'google-it' {NO_ID}"),
        ("[[subscriptions]]\nname = 7", "line 6: subscription number 1: name: has to be a text, in quotes"),
        (f'{ONE}filtre = ""', "line 7: subscription alarms: filtre: unknown key; did you mean filter?"),
        (f'{ONE}"site: a" = 1', "line 7: subscription alarms: site: a: unknown key"),
        (f"{ONE}{ONE}", "line 8: subscription alarms: name: is the name of an earlier one, too"),
        ('[[subscriptions]]\nname = "dt-events"', f"line 6: subscription dt-events: name: {ITS_OWN}"),
        ('[[subscriptions]]\nname = "dt-events-bigquery"', f"line 6: subscription dt-events-bigquery: name: {ITS_OWN}"),
        ('[[subscriptions]]\nname = "dt-events-verify-1"', f"line 6: subscription dt-events-verify-1: name: {ITS_OWN}"),
        (
            f'{ONE}dead_letter = "dt-rejected"',
            f"line 7: subscription alarms: dead_letter: {ITS_OWN.replace('subscription', 'topic')}, or true",
        ),
        (
            f'{ONE}dead_letter = true\n[[subscriptions]]\nname = "alarms-dead-letter"',
            (
                "line 9: subscription alarms-dead-letter: name: is a dead-letter topic, which has a subscription of "
                "this name: take another name"
            ),
        ),
        (f"{ONE}dead_letter = 5", "line 7: subscription alarms: dead_letter: has to be a text, in quotes"),
        (
            f'{ONE}topic = "rejectd"',
            "line 7: subscription alarms: topic: has to be main or rejected; did you mean rejected?",
        ),
        (f'{ONE}retention = "32d"', "line 7: subscription alarms: retention: '32d' is not between 10m and 31d"),
        (f'{ONE}ack_deadline = "5s"', "line 7: subscription alarms: ack_deadline: '5s' is not between 10s and 600s"),
        (
            f'{ONE}ack_deadline = "soon"',
            "line 7: subscription alarms: ack_deadline: 'soon' is not a duration such as 600s, 12h or 7d",
        ),
        (f'{ONE}ordering = "yes"', "line 7: subscription alarms: ordering: has to be true or false, without quotes"),
        (f"{ONE}no_wrapper = true", "line 7: subscription alarms: no_wrapper: is for a push: set push to the URL"),
        (
            f'{ONE}push = "https://example.com/in"\naudience = "x"',
            "line 8: subscription alarms: audience: is that of a token: set service_account, too",
        ),
        (f"{PUSH}exactly_once = true", "line 9: subscription alarms: exactly_once: Pub/Sub has it for pull only"),
        (f'{ONE}push = "http://example.com/in"', "line 7: subscription alarms: push: is not an https URL"),
        (f'{ONE}push = "https://[::1"', "line 7: subscription alarms: push: is not an https URL"),
        (
            f'{ONE}push = "https://example.com/#in"',
            "line 7: subscription alarms: push: has a part after #, which is never sent",
        ),
        (
            f'{ONE}push = "https://e.com/"\nservice_account = "me"',
            "line 8: subscription alarms: service_account: 'me' is not the e-mail address of a service account",
        ),
        (
            f"{ONE}filter = 'attributes.eventtype = \"touch\"'",
            "line 7: subscription alarms: filter: no message has the attribute 'eventtype'; did you mean eventType?",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_the_name_of_the_subscription(
    tmp_path: Path, text: str, fault: str
) -> None:
    (found,) = faults(tmp_path, text)
    assert found.partition("\n")[0] == f"deploy.toml, {fault}"


@pytest.mark.parametrize("name", ["abc", "Alarms-2", "a._~+%-", "x" * 255])
def test_an_id_that_google_allows_is_taken(tmp_path: Path, name: str) -> None:
    (found,) = read(tmp_path, f'[[subscriptions]]\nname = "{name}"\ndead_letter = "z{name[1:]}"').subscriptions
    assert (found.name, found.dead_letter) == (name, f"z{name[1:]}")


@pytest.mark.parametrize("name", ["ab", "2alarms", "goog-alarms", "with space", "alärms", "a/b/c", "x" * 256])
def test_an_id_that_google_refuses_is_refused_for_a_subscription_and_for_a_topic(tmp_path: Path, name: str) -> None:
    shown = repr(name[:60])
    (found,) = faults(tmp_path, f'[[subscriptions]]\nname = "{name}"')
    assert found.endswith(f"name: {shown} {NO_ID}")
    (found,) = faults(tmp_path, f'{ONE}dead_letter = "{name}"')
    assert found == f"deploy.toml, line 7: subscription alarms: dead_letter: {shown} {NO_ID}"


def test_of_a_long_text_an_error_shows_only_the_beginning(tmp_path: Path) -> None:
    (found,) = faults(tmp_path, f'[[subscriptions]]\nname = "{"x" * 300}"')
    assert f"subscription {'x' * MAX_NAME}: name" in found
    (found,) = faults(tmp_path, f'{ONE}push = "https://e.com/"\nservice_account = "{"x" * 300}"')
    assert f"'{'x' * 60}' is not the e-mail address" in found


TEMPORARY = [
    f"{topic}-{word}-1" for topic in ("dt-events", "dt-rejected") for word in (PROOF_WORD, FOLLOW_WORD, AUDIT_WORD)
]


@pytest.mark.parametrize("name", ["dt-events", "dt-rejected", "dt-events-bigquery", "dt-events-unwritten", *TEMPORARY])
def test_the_name_of_a_subscription_that_the_deployment_makes_itself_is_refused(tmp_path: Path, name: str) -> None:
    (found,) = faults(tmp_path, f'[[subscriptions]]\nname = "{name}"')
    assert found == f"deploy.toml, line 6: subscription {name}: name: {ITS_OWN}"


@pytest.mark.parametrize("topic", ["dt-events", "dt-rejected", "dt-events-bigquery", "dt-events-unwritten"])
def test_a_topic_of_the_deployment_cannot_be_a_dead_letter_topic(tmp_path: Path, topic: str) -> None:
    (found,) = faults(tmp_path, f'{ONE}dead_letter = "{topic}"')
    assert found.endswith(f"dead_letter: {ITS_OWN.replace('subscription', 'topic')}, or true")


@pytest.mark.parametrize("duration", ["10s", "600s"])
def test_an_ack_deadline_is_from_10_to_600_seconds(tmp_path: Path, duration: str) -> None:
    assert read(tmp_path, f'{ONE}ack_deadline = "{duration}"').subscriptions[0].ack_deadline == duration


@pytest.mark.parametrize("duration", ["9s", "601s"])
def test_an_ack_deadline_that_pubsub_refuses_is_refused(tmp_path: Path, duration: str) -> None:
    (found,) = faults(tmp_path, f'{ONE}ack_deadline = "{duration}"')
    assert found.endswith(f"ack_deadline: {duration!r} is not between 10s and 600s")


@pytest.mark.parametrize("key", ["filter", "push", "service_account", "audience", "retention", "ack_deadline"])
def test_a_text_has_to_be_in_quotes(tmp_path: Path, key: str) -> None:
    (found,) = faults(tmp_path, f"{ONE}{key} = 5")
    assert found == f"deploy.toml, line 7: subscription alarms: {key}: has to be a text, in quotes"


@pytest.mark.parametrize("key", ["no_wrapper", "exactly_once", "ordering"])
def test_a_switch_is_true_or_false(tmp_path: Path, key: str) -> None:
    (found,) = faults(tmp_path, f"{ONE}{key} = 1")
    assert found.endswith(f"alarms: {key}: has to be true or false, without quotes")


@pytest.mark.parametrize("key", ["service_account", "audience", "no_wrapper"])
def test_a_setting_of_a_push_is_refused_without_one(tmp_path: Path, key: str) -> None:
    whole = {"service_account": '"a@p.iam.gserviceaccount.com"', "audience": '"x"', "no_wrapper": "true"}
    assert f"deploy.toml, line 7: subscription alarms: {key}: is for a push: set push to the URL" in faults(
        tmp_path, f"{ONE}{key} = {whole[key]}"
    )


@pytest.mark.parametrize(
    "url", ["https://", "https:///in", "ftp://e.com", "e.com", "https://e.com/a b", "https://é.com"]
)
def test_a_push_goes_to_a_host_by_https_and_nowhere_else(tmp_path: Path, url: str) -> None:
    (found,) = faults(tmp_path, f'{ONE}push = "{url}"')
    assert found == "deploy.toml, line 7: subscription alarms: push: is not an https URL"


NO_SECRET = "no secret may be in these settings; service_account proves that Pub/Sub pushes"
SECRETS = [
    *("access_token", "clientSecret", "KEY", "passwd", "password", "X-Signature", "sig", "Authorization", "code"),
]


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("https://me:hunter2@example.com/in", "a login"),
        *((f"https://example.com/in?site=1&{name}=hunter2", f"the parameter {name}") for name in SECRETS),
        ("https://example.com/in?token=", "the parameter token"),
        (f"https://example.com/in?{'token' * 20}=hunter2", f"the parameter {'token' * 12}"),
    ],
)
def test_a_secret_in_the_url_of_a_push_is_refused_and_not_shown(tmp_path: Path, url: str, part: str) -> None:
    (found,) = faults(tmp_path, f'{ONE}push = "{url}"')
    assert found == f"deploy.toml, line 7: subscription alarms: push: has {part}: {NO_SECRET}"


@pytest.mark.parametrize("query", ["site=oslo", "design=2", "signal=x"])
def test_a_parameter_of_the_url_of_a_push_that_is_no_secret_is_taken(tmp_path: Path, query: str) -> None:
    assert read(tmp_path, f'{PUSH}filter = ""'.replace("/in", f"/in?{query}")).subscriptions[0].push == (
        f"https://example.com/in?{query}"
    )


@pytest.mark.parametrize(("topic", "meant"), [('"mian"', "; did you mean main?"), ('"x"', ""), ("3", "")])
def test_a_topic_is_main_or_rejected(tmp_path: Path, topic: str, meant: str) -> None:
    (found,) = faults(tmp_path, f"{ONE}topic = {topic}")
    assert found.endswith(f"topic: has to be main or rejected{meant}")
    assert read(tmp_path, f'{ONE}topic = "main"').subscriptions[0].topic == "main"


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
        (
            f"{ONE}ordering = true",
            "line 7: subscription alarms: ordering: has no effect unless the function has ORDERING_KEY=device",
        ),
        (
            f'{ONE}topic = "rejected"\nordering = true',
            "line 8: subscription alarms: ordering: has no effect: rejected messages have no ordering key",
        ),
        (
            f"{PUSH}no_wrapper = true",
            (
                "line 9: subscription alarms: no_wrapper: a push is a CloudEvents request only if "
                "the function has CLOUDEVENTS=true"
            ),
        ),
        (
            f'{ONE}push = "https://example.com/in"',
            (
                "line 7: subscription alarms: push: without service_account the endpoint cannot know that "
                "Pub/Sub has sent a message"
            ),
        ),
        (
            f"{ONE}filter = 'attributes:ce-id'",
            "line 7: subscription alarms: filter: messages have 'ce-id' only if the function has CLOUDEVENTS=true",
        ),
    ],
)
def test_what_is_valid_but_odd_is_doubted(tmp_path: Path, text: str, doubt: str) -> None:
    assert read(tmp_path, text).doubts == (f"deploy.toml, {doubt}",)


def test_the_doubts_of_all_subscriptions_are_kept(tmp_path: Path) -> None:
    second = ONE.replace("alarms", "archive")
    doubts = read(tmp_path, f"{ONE}ordering = true\n{second}ordering = true").doubts
    assert [doubt.split(": ")[1] for doubt in doubts] == ["subscription alarms", "subscription archive"]


def test_a_setting_that_the_function_has_is_not_doubted(tmp_path: Path) -> None:
    settings = '[settings]\nORDERING_KEY = "device"\nCLOUDEVENTS = " True "\n'
    assert read(tmp_path, f"{PUSH}no_wrapper = true\nordering = true\n{settings}").doubts == ()
