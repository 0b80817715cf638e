"""The error of a request without an answer names the cause (certificate, proxy, name, connection) and the fix."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from deploy.dt.api import DtApi
from deploy.dt.calls import DtAnswer, DtRequest
from deploy.errors import DeployError, DtUnanswered, DtUnreachable
from deploy.google.gcloud import READ_S
from deploy.google.gcloud_config import network_of, read_configuration, require_googles_endpoints, where_googles
from deploy.google.gcloud_process import Finished, Run
from deploy.network import DIRECT, GcloudNetwork
from deploy.no_answer import NoAnswer, explain_no_answer
from deploy.spec import CostSettings
from deploy.steps import Argv
from tests.deploy.fakes.gcloud import gcloud_alone
from tests.deploy.stage import Stage
from tests.emulators.clouds.authority import Authority
from tests.function.fakes import FakeClock

UNREACHABLE = DtAnswer(0, {"error": "no connection to DT"}, fix="check the network", is_unreachable=True)


def failure(url: str, timeout_s: float = 5.0) -> Exception:
    """Return the error that ``requests`` raises for this URL."""
    with requests.Session() as session, pytest.raises(requests.RequestException) as raised:
        session.get(url, timeout=timeout_s)
    return raised.value


@pytest.fixture(autouse=True)
def _without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@contextmanager
def listener() -> Iterator[socket.socket]:
    """A server that accepts connections and sends nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def closed_port() -> int:
    with listener() as server:
        return int(server.getsockname()[1])


def why(error: Exception, gcloud: GcloudNetwork = DIRECT) -> NoAnswer:
    return explain_no_answer(error, "api.example", gcloud)


def test_a_name_that_cannot_be_resolved_is_reported_as_that() -> None:
    answer = why(failure("https://nosuch.invalid/"))
    assert answer.what == "the name api.example cannot be resolved: there is no network or no DNS"
    assert answer.is_unreachable


def test_a_refused_connection_is_reported_as_that() -> None:
    answer = why(failure(f"https://127.0.0.1:{closed_port()}/"))
    assert (answer.what, answer.is_unreachable) == ("no connection to api.example", True)


def test_a_proxy_that_does_not_connect_is_reported_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{closed_port()}")
    answer = why(failure("https://api.example/"))
    assert answer == NoAnswer(
        "the proxy in HTTPS_PROXY did not connect to api.example", "check HTTPS_PROXY and NO_PROXY", is_unreachable=True
    )


@pytest.fixture
def untrusted(tmp_path: Path) -> Iterator[str]:
    """Return the URL of a server with a certificate of an authority that is not trusted."""
    context = Authority(tmp_path).server_context("localhost")

    def shakes_hands(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection, contextlib.suppress(OSError):
            context.wrap_socket(connection, server_side=True)

    with listener() as server:
        answering = threading.Thread(target=shakes_hands, args=(server,))
        answering.start()
        yield f"https://localhost:{server.getsockname()[1]}/"
        answering.join()


def test_an_untrusted_certificate_is_reported_with_the_ca_file_of_gcloud(untrusted: str) -> None:
    answer = why(failure(untrusted), GcloudNetwork(ca_file="/etc/company-ca.pem"))
    assert answer.what.startswith("the certificate that answered for api.example is not trusted here: ")
    assert answer.fix == "export REQUESTS_CA_BUNDLE=/etc/company-ca.pem"
    assert answer.is_unreachable


def test_a_server_that_does_not_answer_in_time_is_not_called_unreachable() -> None:
    with listener() as server:
        answer = why(failure(f"http://127.0.0.1:{server.getsockname()[1]}/", timeout_s=0.05))
    assert (answer.what, answer.is_unreachable) == ("no answer from api.example in time", False)


def test_a_proxy_that_only_gcloud_knows_is_named() -> None:
    answer = why(failure("https://nosuch.invalid/"), GcloudNetwork(proxy="http://proxy.example:3128"))
    assert answer.fix == "export HTTPS_PROXY=http://proxy.example:3128"


def test_a_request_is_not_repeated_if_dt_was_never_reached(clock: FakeClock) -> None:
    asked: list[DtRequest] = []

    def transport(request: DtRequest) -> DtAnswer:
        asked.append(request)
        return UNREACHABLE

    with pytest.raises(DtUnreachable, match="no connection to DT\n  hint: check the network"):
        DtApi(transport, sleep=clock.advance).call("GET", "/projects/p")
    assert len(asked) == 1


def test_a_request_is_repeated_if_dt_was_reached_before(clock: FakeClock) -> None:
    answers = iter([DtAnswer(200, {}), UNREACHABLE, DtAnswer(200, {"is": "back"})])
    api = DtApi(lambda _: next(answers), sleep=clock.advance)
    api.call("GET", "/projects/p")
    assert api.call("GET", "/projects/p") == {"is": "back"}


def test_a_failed_login_is_repeated_even_before_a_post(clock: FakeClock) -> None:
    answers = iter([DtAnswer(503, {"error": "could not log in"}, was_sent=False), DtAnswer(200, {"made": "once"})])
    assert DtApi(lambda _: next(answers), sleep=clock.advance).call("POST", "/projects/p/dataconnectors") == {
        "made": "once"
    }


def test_a_post_that_may_have_been_carried_out_is_not_repeated(clock: FakeClock) -> None:
    answers = iter([DtAnswer(503, {"error": "overloaded"})])
    with pytest.raises(DtUnanswered):
        DtApi(lambda _: next(answers), sleep=clock.advance).call("POST", "/projects/p/dataconnectors")


def test_if_dt_is_unreachable_no_further_checks_run_at_google() -> None:
    stage = Stage()
    stage.dt.stumbles = [UNREACHABLE]
    with pytest.raises(DtUnreachable):
        stage.deployment(cost=CostSettings(sensors=1_000)).plan()  # a set number, so that DT is asked for nothing else
    assert stage.google.asked == []


def configured(text: str, returncode: int = 0) -> Run:
    """Return a function that runs a gcloud whose ``config list`` prints this."""

    def run(argv: Argv, *, stdin: str | None, folder: Path | None, timeout_s: float) -> Finished:
        del stdin, folder, timeout_s
        assert argv == ("config", "list", "--format=json")
        return Finished(returncode, text, "" if text else "ERROR: (gcloud.config.list) UNAVAILABLE: so it is")

    return run


def overriding(url: str) -> dict[str, dict[str, str]]:
    return {"api_endpoint_overrides": {"pubsub": url}}


@pytest.mark.parametrize(
    "url", ["http://localhost:8085/", "https://evil-googleapis.com/", "https://googleapis.com.example/", "localhost:1"]
)
def test_an_endpoint_override_outside_of_google_is_refused(url: str) -> None:
    with pytest.raises(DeployError, match=r"pubsub to .* instead of to Google") as refused:
        require_googles_endpoints(overriding(url), {})
    assert refused.value.fix == ("gcloud config unset api_endpoint_overrides/pubsub",)


def test_the_fix_of_an_endpoint_in_the_environment_changes_the_environment() -> None:
    environ = {"CLOUDSDK_API_ENDPOINT_OVERRIDES_PUBSUB": "http://localhost:8085/"}
    with pytest.raises(DeployError) as refused:
        require_googles_endpoints(overriding("http://localhost:8085/"), environ)
    assert refused.value.fix == ("export CLOUDSDK_API_ENDPOINT_OVERRIDES_PUBSUB=",)


@pytest.mark.parametrize("url", ["https://europe-west1-pubsub.googleapis.com/", "https://pubsub.p.googleapis.com/", ""])
def test_an_endpoint_override_within_google_is_accepted(url: str) -> None:
    require_googles_endpoints(overriding(url), {})


def test_no_command_runs_with_an_endpoint_outside_of_google() -> None:
    def run(argv: Argv, *, stdin: str | None, folder: Path | None, timeout_s: float) -> Finished:
        raise AssertionError(argv, stdin, folder, timeout_s)

    google = gcloud_alone(where_googles(lambda: overriding("http://localhost:8085/"), {}, run))
    with pytest.raises(DeployError, match=r"pubsub to http://localhost:8085/ instead of to Google"):
        google.read(("services", "list"))
    with pytest.raises(DeployError, match=r"pubsub to http://localhost:8085/ instead of to Google"):
        google.change(("pubsub", "topics", "create", "t"))


def test_a_command_runs_unchanged_with_endpoints_of_google() -> None:
    google = gcloud_alone(where_googles(dict, {}, lambda argv, **how: Finished(0, f"{argv} {how}", "")))
    how = {"stdin": None, "folder": None, "timeout_s": READ_S}
    assert google.read_text(("auth", "print-access-token")) == f"{('auth', 'print-access-token')} {how}"


def test_gclouds_proxy_and_certificates_are_read_from_its_configuration() -> None:
    proxy = '{"type": "http", "address": "10.0.0.1", "port": "3128"}'
    text = f'{{"core": {{"custom_ca_certs_file": "/ca.pem"}}, "proxy": {proxy}}}'
    assert network_of(read_configuration(configured(text))) == GcloudNetwork("http://10.0.0.1:3128", "/ca.pem")


@pytest.mark.parametrize("text", ["", "{}", "[]", "no JSON"])
@pytest.mark.parametrize("returncode", [0, 1])
def test_an_empty_configuration_changes_nothing(text: str, returncode: int) -> None:
    configuration = read_configuration(configured(text, returncode))
    require_googles_endpoints(configuration, {})
    assert network_of(configuration) == DIRECT
