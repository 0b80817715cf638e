"""The pages of a deployment: their addresses are complete, and every part is encoded."""

from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from deploy.links import links
from tests.deploy.fakes.dt import DT_PROJECT
from tests.deploy.fakes.gcloud import PROJECT, REGION
from tests.deploy.stage import spec

CONSOLE = "https://console.cloud.google.com"
PUBSUB = f"{CONSOLE}/cloudpubsub"


def test_the_pages_are_function_log_topics_subscriptions_and_each_dt_project() -> None:
    found = links(spec(), {DT_PROJECT: ["Google Pub/Sub p/n"], "second": []})
    query = "resource.type%3D%22cloud_run_revision%22%20AND%20resource.labels.service_name%3D%22dt-pubsub%22"
    assert [(link.what, link.url) for link in found] == [
        ("function", f"{CONSOLE}/functions/details/{REGION}/dt-pubsub?env=gen2&project={PROJECT}"),
        ("its log", f"{CONSOLE}/logs/query;query={query}?project={PROJECT}"),
        ("topic dt-events", f"{PUBSUB}/topic/detail/dt-events?project={PROJECT}"),
        ("subscription dt-events", f"{PUBSUB}/subscription/detail/dt-events?project={PROJECT}"),
        ("topic dt-rejected", f"{PUBSUB}/topic/detail/dt-rejected?project={PROJECT}"),
        ("subscription dt-rejected", f"{PUBSUB}/subscription/detail/dt-rejected?project={PROJECT}"),
        (
            f"connector in {DT_PROJECT}",
            f"https://studio.disruptive-technologies.com/projects/{DT_PROJECT}",
        ),
        (
            "connector in second",
            "https://studio.disruptive-technologies.com/projects/second",
        ),
    ]


def test_a_link_to_dt_studio_says_where_to_click_because_it_leads_to_the_project_only() -> None:
    found = links(spec(), {DT_PROJECT: ["Google Pub/Sub p/n"], "second": []})
    menu = "API Integrations > Data Connectors"
    assert [link.then for link in found if link.then] == [f"{menu} > Google Pub/Sub p/n", menu]


def test_a_project_of_a_domain_is_encoded() -> None:
    found = links(spec(google_project="example.com:cold-chain"), {})
    assert {parse_qs(urlsplit(link.url).query)["project"][0] for link in found} == {"example.com:cold-chain"}
    assert all(link.url.endswith("project=example.com%3Acold-chain") for link in found)


@pytest.mark.parametrize("name", ["dt-pubsub", "site2-pubsub", "a-very-long-name-of-30-letters"])
def test_the_log_is_that_of_the_functions_service(name: str) -> None:
    log = links(spec(name=name), {})[1].url
    query = unquote(urlsplit(log).path.partition(";query=")[2])
    assert query == f'resource.type="cloud_run_revision" AND resource.labels.service_name="{name}"'


def test_an_id_from_dt_cannot_change_the_address() -> None:
    assert links(spec(), {"a/../b?c#d": []})[-1].url.endswith("/projects/a%2F..%2Fb%3Fc%23d")
