"""Further subscriptions with the real gcloud: made, found as they should be, and an event is on one of them."""

from base64 import b64encode

from tests.emulators.clients import ask
from tests.real_gcloud.user import REAL_GCLOUD, User

pytestmark = REAL_GCLOUD
SETTINGS = """\
[[subscriptions]]
name = "touches"
filter = 'attributes.eventType = "touch" AND NOT attributes:origin'
dead_letter = true
ack_deadline = "60s"
retention = "31d"

[[subscriptions]]
name = "to-service"
push = "https://127.0.0.1:9/events"
service_account = "pusher@my-project.iam.gserviceaccount.com"
no_wrapper = true
"""


def test_up_makes_a_pulled_and_a_pushed_subscription_and_an_event_is_on_the_first(owner: User) -> None:
    config = owner.folder / "deploy.toml"
    config.write_text(SETTINGS, "utf-8")
    status, output = owner.runs("up", "--yes", "--no-verify", f"--config={config}")
    assert (status, "nothing is left to do" in output) == (0, True), output
    assert "a push is a CloudEvents request only if the function has CLOUDEVENTS=true" in output
    status, output = owner.runs("plan", f"--config={config}")
    assert (status, "nothing to do: everything is as it should be" in output) == (0, True), output

    pubsub = f"https://pubsub.googleapis.com/v1/projects/{owner.both_clouds.google.estate.project}"
    for event_type in ("temperature", "touch"):
        message = {"data": b64encode(event_type.encode()).decode(), "attributes": {"eventType": event_type}}
        body = {"messages": [message]}
        assert ask(owner.both_clouds, "POST", f"{pubsub}/topics/dt-events:publish", body).status == 200
    pulled = ask(owner.both_clouds, "POST", f"{pubsub}/subscriptions/touches:pull", {"maxMessages": 9}).json
    assert [found["message"]["attributes"] for found in pulled["receivedMessages"]] == [{"eventType": "touch"}]
    for path in ("topics/touches-dead-letter", "subscriptions/touches"):
        policy = ask(owner.both_clouds, "GET", f"{pubsub}/{path}:getIamPolicy").json
        (member,) = policy["bindings"][0]["members"]
        assert member.startswith("serviceAccount:service-")
    assert owner.both_clouds.log.not_played() == []
