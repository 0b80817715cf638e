"""Calls of Pub/Sub's API: by gcloud's token, repeated where that is safe, and explained where it helps."""

from collections.abc import Callable

import pytest

from deploy.errors import GcloudFailed
from deploy.google.access_token import RENEW_S, AccessTokens
from deploy.google.calls import Answer, Call
from deploy.google.pubsub_api import PubSubApi, PubSubFailed
from tests.deploy.fakes.gcloud import PROJECT, FakeGcloud, gcloud_alone
from tests.deploy.fakes.pubsub import FakePubSub, refusal
from tests.function.fakes import FakeClock

SETTINGS = {"topic": "dt-events"}


class World:
    """Pub/Sub in memory, and a gcloud with a login."""

    def __init__(self) -> None:
        self.clock = FakeClock(1_793_620_800.0)
        self.gcloud, self.pubsub = FakeGcloud(), FakePubSub(self.clock)
        self.slept: list[float] = []
        self.tokens = AccessTokens(gcloud_alone(self.gcloud).read_text, self.clock)
        self.api = PubSubApi(PROJECT, self.tokens, self.pubsub, self.slept.append)


@pytest.fixture
def world() -> World:
    return World()


def failing(times: int, answer: Answer) -> Callable[[Call], Answer | None]:
    """Return this answer so many times, and then none."""
    left = [answer] * times
    return lambda _: left.pop() if left else None


def test_a_message_is_pulled_as_it_was_published(world: World) -> None:
    world.api.create("one", SETTINGS)
    world.pubsub.publish(b"\xff\x00", {"a": "b"})
    (pulled,) = world.api.pull("one")
    assert (pulled.message_id, pulled.data, pulled.attributes) == ("1", b"\xff\x00", {"a": "b"})
    assert (pulled.ack_id, pulled.published_at) == ("ack-1", world.clock())
    assert world.api.pull("one") == []


def test_gcloud_is_asked_once_for_a_token_that_does_not_expire_soon(world: World) -> None:
    for _ in range(3):
        world.api.create("one", SETTINGS)
    (asked,) = world.gcloud.asked
    assert asked == ("config", "config-helper", "--format=json(credential)", "--min-expiry=10m")


def test_a_token_is_renewed_before_it_expires(world: World) -> None:
    world.gcloud.expiry = "2026-11-02T13:00:00Z"
    world.tokens.get()
    world.clock.advance(3600 - RENEW_S - 1)
    world.tokens.get()
    assert len(world.gcloud.asked) == 1
    world.clock.advance(2)
    world.tokens.get()
    assert len(world.gcloud.asked) == 2


def test_a_token_that_is_refused_is_renewed_once(world: World) -> None:
    world.gcloud.tokens, world.pubsub.tokens = ["old", "new"], {"new"}
    world.api.create("one", SETTINGS)
    assert [asked[-1] for asked in world.gcloud.asked] == ["--min-expiry=10m", "--force-auth-refresh"]

    world.pubsub.tokens = set()
    with pytest.raises(PubSubFailed, match=r"(?s)401 .*gcloud auth login"):
        world.api.create("two", SETTINGS)


def test_a_token_that_another_thread_has_renewed_already_is_not_renewed_again(world: World) -> None:
    world.gcloud.tokens = ["old", "new"]
    old = world.tokens.get()
    world.tokens.refused(old)
    world.tokens.refused(old)
    assert len(world.gcloud.asked) == 2


@pytest.mark.parametrize(
    "answer", ["", "{}", '{"credential": null}', '{"credential": {"access_token": "x", "token_expiry": 5}}']
)
def test_an_answer_of_gcloud_that_has_no_token_is_an_error(answer: str) -> None:
    with pytest.raises(GcloudFailed, match="unexpected structure"):
        AccessTokens(lambda _: answer, FakeClock()).get()


def test_a_failure_that_may_pass_is_waited_for(world: World) -> None:
    world.pubsub.answers = failing(3, Answer(0, why="no answer"))
    world.api.create("one", SETTINGS)
    assert world.slept == [0.5, 1.0, 2.0]
    assert world.pubsub.left() == ["one"]


def test_a_failure_that_does_not_pass_is_an_error_with_its_reason(world: World) -> None:
    world.pubsub.answers = lambda _: Answer(0, why="no connection", fix="check the network")
    with pytest.raises(PubSubFailed, match="Pub/Sub, one: no connection\n  hint: check the network") as failed:
        world.api.create("one", SETTINGS)
    assert failed.value.status == 0


def test_a_refusal_is_not_repeated_and_names_the_permission(world: World) -> None:
    world.pubsub.answers = lambda _: refusal(403, "User not authorized to perform this action.")
    with pytest.raises(PubSubFailed, match=r"(?s)403 User not authorized.*add-iam-policy-binding"):
        world.api.create("one", SETTINGS)
    assert world.slept == []


def test_an_api_that_is_off_is_an_error_with_the_command_that_enables_it(world: World) -> None:
    world.pubsub.answers = lambda _: Answer(
        403, {"error": {"message": "off", "details": [{"reason": "SERVICE_DISABLED"}]}}
    )
    with pytest.raises(PubSubFailed, match=r"gcloud services enable pubsub\.googleapis\.com --project=cold-chain-prod"):
        world.api.create("one", SETTINGS)


def test_a_user_who_may_not_charge_the_projects_quota_goes_on_without_it(world: World) -> None:
    denied = Answer(403, {"error": {"message": "no", "details": [{"reason": "USER_PROJECT_DENIED"}]}})
    charged: list[bool] = []

    def answer(call: Call) -> Answer | None:
        charged.append("X-Goog-User-Project" in call.headers)
        return denied if charged[-1] else None

    world.pubsub.answers = answer
    world.api.create("one", SETTINGS)
    world.api.pull("one")
    assert charged == [True, False, False]


def test_a_subscription_that_exists_already_was_made_by_an_attempt_before(world: World) -> None:
    world.api.create("one", SETTINGS)
    world.api.create("one", SETTINGS)
    assert world.pubsub.left() == ["one"]


def test_a_subscription_that_is_gone_counts_as_deleted(world: World) -> None:
    world.api.create("one", SETTINGS)
    assert world.api.delete("one")
    assert not world.api.delete("one")


def test_all_pages_of_a_list_are_read(world: World) -> None:
    pages = [{"subscriptions": [{"name": "b"}]}, {"nextPageToken": "t", "subscriptions": [{"name": "a"}]}]
    asked: list[str] = []

    def answer(call: Call) -> Answer:
        asked.append(call.params.get("pageToken", ""))
        return Answer(200, pages.pop())

    world.pubsub.answers = answer
    assert [found["name"] for found in world.api.subscriptions()] == ["a", "b"]
    assert asked == ["", "t"]


@pytest.mark.parametrize(
    "body",
    [
        *({"subscriptions": odd} for odd in ("x", 7, ["x"], [None], {"a": "b"})),
        *({"nextPageToken": odd} for odd in (["x"], {"a": "b"}, 7, "the same again and again")),
    ],
    ids=str,
)
def test_a_page_of_unexpected_form_is_an_error(world: World, body: dict[str, object]) -> None:
    world.pubsub.answers = lambda _: Answer(200, body)
    with pytest.raises(PubSubFailed, match="unexpected structure"):
        list(world.api.subscriptions())


@pytest.mark.parametrize("body", [None, [], "x"])
def test_an_answer_that_is_no_json_object_is_an_error(world: World, body: object) -> None:
    world.pubsub.answers = lambda _: Answer(200, body)
    with pytest.raises(PubSubFailed):
        world.api.get("one")


def test_a_message_without_an_id_is_an_error_and_no_crash(world: World) -> None:
    world.pubsub.answers = lambda _: Answer(200, {"receivedMessages": [{"ackId": "a", "message": {}}]})
    with pytest.raises(PubSubFailed, match="unexpected structure"):
        world.api.pull("one")
