"""docs/examples/README.md: it names every example, and its commands are right."""

import re
from pathlib import Path

import grpc
import pytest
from google.pubsub_v1 import SubscriberClient
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from tests.audit.requirements import pins
from tests.emulators.pubsub import EmbeddedPubSub
from tests.examples.loading import EXAMPLES
from tests.repository.gcloud_lint import GCLOUD, refused
from tests.repository.test_subscriptions_docs import settings_of

PAGE = (EXAMPLES / "README.md").read_text("utf-8")
COMMANDS = "".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)).splitlines()
(PYTHON,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_every_example_has_a_row_and_a_section() -> None:
    rows = re.findall(r"^\| \[([\w./-]+)\]\(\1\) \|.*\]\(#(\w+)\)", PAGE, re.MULTILINE)
    kept = {path.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.rglob("*") if path.suffix in {".py", ".json"}}
    assert {file for file, _ in rows} == {file for file in kept if not file.startswith("ci/")}
    assert all(f"\n## {title}\n" in PAGE.lower() for _, title in rows)


def test_every_file_that_a_command_names_is_there() -> None:
    named = {word.partition("=")[2] or word for line in COMMANDS for word in line.split() if "docs/examples/" in word}
    assert len(named) > 4
    assert all((EXAMPLES.parents[1] / name).exists() for name in named)


def test_a_program_begins_with_the_command_that_runs_it() -> None:
    for file in EXAMPLES.glob("*/*.py"):
        if file.parent.name != "ci":
            head = file.read_text("utf-8").split('"""')[1]
            assert re.search(r"\n    (python |AUDIENCE=)", head), file


def test_beam_has_as_many_packages_as_the_page_says() -> None:
    count = len(pins((EXAMPLES / "beam" / "requirements.txt").read_text("utf-8")))
    assert int(re.findall(r"large \((\d+) packages", PAGE)[0]) == pytest.approx(count, abs=5)


def test_the_push_subscription_has_the_audience_and_the_account_that_the_endpoint_expects(tmp_path: Path) -> None:
    (recipe,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (pushed,) = settings_of(recipe, tmp_path).subscriptions
    ((audience, sender),) = re.findall(r"^export AUDIENCE=(\S+) SENDER=(\S+)$", "\n".join(COMMANDS), re.MULTILINE)
    assert (pushed.audience or pushed.push, pushed.service_account) == (audience, sender)


@pytest.mark.real_gcloud
@pytest.mark.skipif(not GCLOUD, reason="no gcloud on this machine")
def test_gcloud_knows_the_commands(tmp_path: Path) -> None:
    listed = [line for line in COMMANDS if line.startswith("gcloud ")]
    assert listed
    assert refused(listed, tmp_path) == []


def test_the_push_subscription_for_the_workbench_can_be_made(
    pubsub: EmbeddedPubSub, monkeypatch: pytest.MonkeyPatch
) -> None:
    pubsub.create_topic("projects/offline/topics/events")
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", pubsub.host)
    exec(compile(PYTHON, "README.md", "exec"), {})  # noqa: S102  # the page's own code
    with grpc.insecure_channel(pubsub.host) as channel:
        subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
        made = subscriber.get_subscription(subscription="projects/offline/subscriptions/push")
        subscriber.delete_subscription(subscription=made.name)
    assert made.push_config.push_endpoint == "http://127.0.0.1:8090/events"
