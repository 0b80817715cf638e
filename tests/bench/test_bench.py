"""The benchmark measures correctly: it counts right answers only, and compares the figures with the goals."""

import asyncio
import base64
import hashlib
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import flask
import grpc
import jwt
import pytest
from google.pubsub_v1 import types

from function.event import parse_body, read_envelope
from tests.audit.requirements import pins
from tests.bench import measure
from tests.bench.answers import is_whole, message_id
from tests.bench.bare import publish_for
from tests.bench.brokers import ROOT, Broker, distant
from tests.bench.compare import Acknowledged, Plan, require_enough, send
from tests.bench.contestants import CONTESTANTS, EMPTY, EMPTY_HERE, NODE, OURS, PEERS, REFERENCE, TUNED, Environments
from tests.bench.counts.names import YARDSTICK, instructions, system_calls
from tests.bench.errors import BenchError
from tests.bench.figures import median, percentile
from tests.bench.goals import GOALS, growth_mib, slowest_beside_peers
from tests.bench.imports import by_package
from tests.bench.report import BEGIN, END, goal_lines, markdown, number, put
from tests.bench.requests import SECRET, prepare, prepare_large
from tests.bench.results import Comparison, points_of
from tests.bench.server import Server, serving
from tests.bench.small import BODIES
from tests.bench.stages import CPU, STEPS
from tests.bench.variants.check import is_genuine
from tests.pace import in_time

pytestmark = [pytest.mark.tools, pytest.mark.timeout(180)]  # the tests start programs while other tests run

HERE = Environments(Path(sys.executable), Path(sys.executable))
"""The interpreters of all variants but Node.js: the packages of the tests are enough for them."""
BRIEF = Plan(seconds=0.4, warm_up_s=0.1, connections=(4,))


# requests


def test_a_library_verifies_every_request_and_every_request_has_its_own_body() -> None:
    prepared = prepare(40, run="r", now=time.time())
    bodies = set()
    for request in prepared:
        head, _, body = request.wire.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        claims = jwt.decode(headers["X-Dt-Signature"], SECRET, algorithms=["HS256"])
        assert claims["checksum_sha256"] == hashlib.sha256(body).hexdigest() == request.sha256
        assert claims["checksum"] == hashlib.sha1(body, usedforsecurity=False).hexdigest()
        assert int(headers["Content-Length"]) == len(body)
        assert json.loads(body)["event"]["eventId"] == claims["jti"]
        bodies.add(body)
    assert len(bodies) == 40
    assert len({json.loads(body)["event"]["eventType"] for body in bodies}) == 19


@pytest.mark.parametrize("size", BODIES)
def test_a_large_request_is_signed_and_is_an_event_that_the_function_accepts(size: int) -> None:
    request = prepare_large(size, run="r", now=time.time())
    head, _, body = request.wire.partition(b"\r\n\r\n")
    claims = jwt.decode(str(re.findall(rb"X-Dt-Signature: (\S+)", head)[0], "ascii"), SECRET, algorithms=["HS256"])
    assert len(body) == size
    assert claims["checksum_sha256"] == hashlib.sha256(body).hexdigest() == request.sha256
    assert read_envelope(parse_body(body)).event_id == claims["jti"]


# the sender


@pytest.mark.parametrize(
    ("answer", "whole"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", True),
        (b"HTTP/1.1 200 OK\r\ncontent-length:2\r\nServer: x\r\n\r\n{}", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", True),
    ],
)
def test_an_answer_is_complete_by_its_length_or_by_its_last_chunk(answer: bytes, *, whole: bool) -> None:
    assert is_whole(answer) is whole


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (b'HTTP/1.1 200 OK\r\n\r\n{"messageId": "7"}', "7"),
        (b'HTTP/1.1 200 OK\r\n\r\n{"messageId": ""}', None),
        (b'HTTP/1.1 200 OK\r\n\r\n{"messageId": 7}', None),
        (b"HTTP/1.1 200 OK\r\n\r\n[]", None),
        (b"HTTP/1.1 200 OK\r\n\r\nOK", None),
        (b'HTTP/1.1 503 Service Unavailable\r\n\r\n{"messageId": "7"}', None),
        (b'HTTP/1.1 204 No Content\r\n\r\n{"messageId": "7"}', None),
    ],
)
def test_an_answer_without_200_or_a_message_id_is_wrong(answer: bytes, found: str | None) -> None:
    assert message_id(answer, has_id=True) == found


class HalfWrongServer(BaseHTTPRequestHandler):
    """Answers every fourth request 503, every fourth 200 without a message id, and the others correctly."""

    protocol_version = "HTTP/1.1"
    seen = 0

    def do_POST(self) -> None:
        """Answer."""
        self.rfile.read(int(self.headers["Content-Length"]))
        number = HalfWrongServer.seen = HalfWrongServer.seen + 1
        body = b"{}" if number % 4 == 1 else b'{"messageId": "%d"}' % number
        self.send_response(503 if number % 4 == 0 else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def half_wrong_server() -> Iterator[Server]:
    HalfWrongServer.seen = 0
    with ThreadingHTTPServer(("127.0.0.1", 0), HalfWrongServer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Server(OURS, server.server_port, 0, "", Path(), 0.0)
        server.shutdown()


def test_the_sender_counts_right_and_wrong_answers_separately(half_wrong_server: Server) -> None:
    with Acknowledged() as answered:
        figures = send(half_wrong_server, replace(BRIEF, seconds=20.0, count=100), 1, answered.path)
        answered.take(figures)
        assert (figures["right"], figures["wrong"], answered.count) == (50, 50, 50)
        assert HalfWrongServer.seen == 100
        assert figures["wrong_answers"]["HTTP/1.1 200 OK b'{}'"] == 25
        assert answered.missing([]) == 50


def test_a_sender_that_runs_out_of_requests_reports_it_and_its_run_does_not_count(
    half_wrong_server: Server, tmp_path: Path
) -> None:
    short = send(half_wrong_server, replace(BRIEF, seconds=20.0, count=5), 1, tmp_path / "acknowledged")
    with pytest.raises(BenchError, match="ran out"):
        require_enough(short, "x")
    require_enough(send(half_wrong_server, replace(BRIEF, count=5_000), 1, tmp_path / "acknowledged"), "x")


def test_an_answer_counts_only_if_the_broker_has_its_message(tmp_path: Path) -> None:
    with Acknowledged() as answered:
        answered.path.write_text("1 aa\n2 bb\n3 cc\n")
        answered.take({"right": 3})
        assert answered.missing(["1 aa", "2 bb", "3 cc", "4 dd"]) == 0
        assert answered.missing(["1 aa", "2 other bytes"]) == 2
        answered.take({"right": 3})  # the same message cannot stand for two answers
        assert answered.missing(["1 aa", "2 bb", "3 cc"]) == 3


# the distant broker


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with distant() as broker:
        yield broker


def test_the_distant_broker_acknowledges_after_its_delay_and_keeps_the_messages(broker: Broker) -> None:
    broker.messages("")
    data = [b"a", b"b" * 100_000, b""]
    with grpc.insecure_channel(broker.host) as channel:
        publish: grpc.UnaryUnaryMultiCallable[Any, Any] = channel.unary_unary(
            "/google.pubsub.v1.Publisher/Publish", types.PublishRequest.serialize, types.PublishResponse.deserialize
        )
        began_at = time.perf_counter()
        request = types.PublishRequest(topic="t", messages=[types.PubsubMessage(data=content) for content in data])
        ids = publish(request, timeout=5).message_ids
        assert time.perf_counter() - began_at >= 0.024
    assert len(set(ids)) == 3
    expected = [f"{name} {hashlib.sha256(content).hexdigest()}" for name, content in zip(ids, data, strict=True)]
    assert broker.messages("") == expected
    assert broker.messages("") == []


def test_a_bare_publish_to_the_distant_broker_takes_as_long_as_its_delay(broker: Broker) -> None:
    took_ms = asyncio.run(publish_for(0.5, broker.host, "projects/bench/topics/t"))
    assert median(took_ms) > 24
    in_time(median(took_ms) / 1000, 0.2)


# variants


@pytest.mark.parametrize("variant", [OURS, REFERENCE, TUNED], ids=lambda variant: variant.name)
def test_the_broker_has_a_message_for_every_answer_of_a_variant(variant: Any, broker: Broker) -> None:
    broker.messages("")
    with serving(variant, HERE, broker) as server, Acknowledged() as answered:
        figures = send(server, BRIEF, 4, answered.path)
        answered.take(figures)
        assert (figures["wrong"], figures["wrong_answers"]) == (0, {})
        assert figures["right"] > 4
        assert figures["cpu_us"] > 0
        assert figures["memory_mib"] > 10
        assert answered.missing(broker.messages(server.topic)) == 0
        assert measure.tree(server.pid)[0] == server.pid
    assert server.start_s > 0.05


def test_the_reference_refuses_a_request_that_dt_has_not_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DT_SIGNATURE_SECRET", SECRET)
    (request,) = prepare(1, run="r", now=time.time())
    head, _, body = request.wire.partition(b"\r\n\r\n")
    token = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])["X-Dt-Signature"]
    changed = base64.urlsafe_b64encode(b"\0" * 32).rstrip(b"=").decode()
    forged = token.rpartition(".")[0] + "." + changed

    def is_taken(data: bytes, **headers: str) -> bool:
        with flask.Flask("x").test_request_context(method="POST", data=data, headers=headers):
            return is_genuine(flask.request)

    assert is_taken(body, **{"X-Dt-Signature": token})
    assert not is_taken(body + b" ", **{"X-Dt-Signature": token})
    assert not is_taken(body, **{"X-Dt-Signature": forged})
    assert not is_taken(body)


def test_a_variant_without_its_environment_is_not_started() -> None:
    assert NODE.command(HERE, 1) is None
    assert REFERENCE.command(Environments(Path(sys.executable)), 1) is None
    assert NODE.command(Environments(node=ROOT), 1) is None


def test_every_variant_has_one_serving_process_and_its_peers_are_known() -> None:
    assert all("WORKERS" not in variant.settings for variant in CONTESTANTS)
    assert all(peer in CONTESTANTS for peer in PEERS)
    assert len({variant.name for variant in CONTESTANTS}) == len(CONTESTANTS)


def test_the_lock_of_the_nodejs_variant_has_hashes_and_names_no_registry() -> None:
    lock = json.loads((ROOT / "tests/bench/variants/node/package-lock.json").read_text("utf-8"))
    packages = [package for name, package in lock["packages"].items() if name]
    assert len(packages) > 100
    assert all(package["integrity"].startswith("sha512-") and "resolved" not in package for package in packages)


def test_the_other_variants_run_without_packages_that_would_make_them_faster() -> None:
    plain = pins((ROOT / "tests/bench/plain.txt").read_text("utf-8"))
    deployed = pins((ROOT / "requirements.txt").read_text("utf-8"))
    assert not {"uvloop", "httptools", "msgspec"} & plain.keys()
    shared = plain.keys() & deployed.keys()
    assert len(shared) > 30
    assert {name: plain[name] for name in shared} == {name: deployed[name] for name in shared}


# figures, goals, report


def results(**changed: float) -> dict[str, Any]:
    """Return results in which every goal is met, except for the changes: metric of ``ingest`` -> factor."""
    better = {"p50_ms": 20.0, "p99_ms": 20.0, "requests_s": 1 / 20, "cpu_us": 3.0, "memory_mib": 1.0}
    runs: list[tuple[str, str, int, dict[str, float]]] = []
    for broker in ("emulator", "25 ms"):
        for connections in (1, 16, 64, 256):
            ours = {name: 100.0 * changed.get(name, 1.0) for name in better} | {"wrong": 0}
            runs.append((OURS.name, broker, connections, ours))
            runs += [
                (peer.name, broker, connections, {name: 100.0 * factor for name, factor in better.items()})
                for peer in PEERS
            ]
            runs += [(empty.name, "", connections, dict.fromkeys(better, 100.0)) for empty in (EMPTY, EMPTY_HERE)]
        runs += [(peer.name, broker, 0, {"start_ms": 100.0, "right": 5, "missing": 0}) for peer in PEERS]
        runs.append((OURS.name, broker, 0, {"start_ms": 70.0, "right": 5, "missing": 0}))
        runs.append(("bare publish", broker, 1, {"p50_ms": 90.0}))
    runs.append((EMPTY.name, "", 0, {"start_ms": 50.0, "right": 5, "missing": 0}))
    outage = {OURS.name: {"status": 503, "seconds": 4.01}, REFERENCE.name: {"status": 0, "seconds": 20.0}}
    return {
        "compare": {"machine": "A machine.", "not_measured": [], "points": points_of(runs), "outage": outage},
        "share": {"verify": 30.0, "decide": 10.0, "message": 10.0, "whole receiver": 90.0},
        "imports": {OURS.name: {"function": 10.0, "grpc": 30.0}, REFERENCE.name: {"grpc": 31.0}},
        "counts": {
            "machine": "Another machine.",
            "counts": {YARDSTICK: 300_000.0, instructions(64): 600_000.0, system_calls(64): 2.4, system_calls(1): 15.9},
            "calls": {system_calls(1): {"epoll_wait": 9.0, "brk": 0.001}},
        },
        "memory": {"steps": [[50_000, 90.0], [100_000, 90.5], [1_000_000, 90.25]]},
        "small": small_results(),
    }


def small_results() -> dict[str, Any]:
    """Return what an instance of the profile ``small`` does in two rounds, in which it meets its goals."""
    figures = {"start_s": 3.0, "boosted_start_s": 0.7, "p50_ms": 30.0, "p99_ms": 45.0, "requests_s": 33.0}
    burst = {"per_s": 66.0, "seconds": 12.0, "attempt_s": 10.0, "events": 792, "longest_s": 14.5}
    return {
        "machine": "A fifth of a machine.",
        "quota": {"name": "a cgroup", "cores": 0.2, "busy_loop": 0.201},
        "rounds": [{**figures, "cpu_us": 1900.0, "peak_mib": 103.0}, {**figures, "cpu_us": 1700.0, "peak_mib": 104.0}],
        "bodies": [{"bytes": 262_144, "longest_s": 0.15, "peak_mib": 105.0}, {**LARGEST, "peak_mib": 160.0}],
        "burst": {**burst, "unanswered": 0, "lost": 0, "refused": 96, "twice": 77},
    }


LARGEST = {"bytes": 9_000_000, "longest_s": 1.15}


def test_every_goal_has_exactly_one_bound() -> None:
    assert len(GOALS) == 19
    assert all((goal.at_most is None) != (goal.at_least is None) for goal in GOALS)
    assert len({goal.sentence for goal in GOALS}) == len(GOALS)


def test_good_figures_meet_every_goal_and_missing_figures_meet_no_goal() -> None:
    assert [goal.sentence for goal in GOALS if goal.is_met(results()) is not True] == []
    assert {goal.is_met({}) for goal in GOALS} == {None}


@pytest.mark.parametrize(
    ("changed", "missed"),
    [({"p50_ms": 100.0}, 2), ({"requests_s": 0.01}, 5), ({"cpu_us": 2.1}, 2)],
    ids=["slow", "few", "costly"],
)
def test_bad_figures_miss_their_goals(changed: dict[str, float], missed: int) -> None:
    assert [goal.is_met(results(**changed)) for goal in GOALS].count(False) == missed


def test_a_share_or_a_growth_over_its_bound_is_a_missed_goal() -> None:
    worse = results()
    worse["share"]["verify"] = 41.0
    worse["memory"]["steps"][1][1] = 93.0
    assert [goal.is_met(worse) for goal in GOALS].count(False) == 2
    assert growth_mib(worse) == [3.0]
    assert growth_mib({"memory": {"steps": worse["memory"]["steps"][:2]}}) == []


def test_an_instance_that_is_late_large_slow_or_loses_events_misses_its_goals() -> None:
    worse = results()
    worse["small"]["rounds"] = [{**figures, "start_s": 10.1, "requests_s": 9.3} for figures in worse["small"]["rounds"]]
    worse["small"]["bodies"][1]["peak_mib"] = 256.1
    worse["small"]["burst"]["lost"] = 1
    missed = [goal.sentence for goal in GOALS if goal.is_met(worse) is False]
    assert missed == [goal.sentence for goal in GOALS if goal.sentence.startswith("`small`")]
    assert len(missed) == 4


def test_an_event_that_is_never_answered_counts_as_lost() -> None:
    worse = results()
    worse["small"]["burst"]["unanswered"] = 1
    assert [goal.is_met(worse) for goal in GOALS].count(False) == 1


def test_each_instance_has_to_answer_its_share_of_a_burst_of_the_most_sensors() -> None:
    (goal,) = [goal for goal in GOALS if "one at a time" in goal.sentence]
    assert goal.at_least == pytest.approx(373.2 / 40, abs=0.01)
    assert "a burst of 10,000 sensors has 373/s for 40 instances" in goal.sentence


def test_the_goal_about_all_peers_is_not_measured_if_one_peer_was_not() -> None:
    fewer = results()
    fewer["compare"]["points"] = [point for point in fewer["compare"]["points"] if point["variant"] != NODE.name]
    assert slowest_beside_peers(fewer) == []


@pytest.mark.parametrize(
    ("ours", "verdict"),
    [
        ([70.0] * 5, "met in 5 of 5"),
        ([80.0] * 5, "**not met** in 5 of 5"),
        ([70.0, 70.0, 80.0, 70.0, 70.0], "undecided: met in 4 of 5"),
    ],
)
def test_a_verdict_is_given_only_if_all_rounds_agree(ours: list[float], verdict: str) -> None:
    runs = [(OURS.name, "emulator", 0, {"start_ms": value}) for value in ours]
    runs += [(REFERENCE.name, "emulator", 0, {"start_ms": 100.0})] * 5
    (line,) = [line for line in goal_lines({"compare": {"points": points_of(runs)}}) if line[0].startswith("start")]
    assert line[3] == verdict
    assert line[2].endswith(f"({min(ours) / 100:.3f} to {max(ours) / 100:.3f})")


def test_a_ratio_is_the_median_of_the_rounds_ratios() -> None:
    rounds = [(10.0, 1.0), (20.0, 10.0), (30.0, 10.0)]
    runs = [(name, "b", 1, {"requests_s": pair[index]}) for pair in rounds for index, name in enumerate("xy")]
    comparison = Comparison({"compare": {"points": points_of(runs)}})
    assert comparison.figure("requests_s", "x", "b", 1) == 20.0
    assert comparison.ratio("requests_s", "x", "y", "b", 1) == 3.0
    assert comparison.ratio("requests_s", "x", "z", "b", 1) is None


def test_a_round_without_a_figure_is_left_out_of_its_median() -> None:
    runs = [("x", "b", 1, {"p50_ms": value, "requests_s": 0.0}) for value in (float("nan"), 1.0, 3.0)]
    (point,) = points_of(runs)
    assert point["median"] == {"p50_ms": 2.0, "requests_s": 0.0}
    assert point["rounds"][0] == {"requests_s": 0.0}
    assert points_of(runs[:1])[0]["median"] == {"requests_s": 0.0}


def test_percentiles_and_medians() -> None:
    values = [float(number) for number in range(100, 0, -1)]
    assert (percentile(values, 50), percentile(values, 99), percentile(values, 100)) == (51.0, 100.0, 100.0)
    assert percentile([], 50) != percentile([], 50)
    assert median([]) != median([])


def test_the_report_shows_every_figure_and_every_goal() -> None:
    text = markdown(results())
    assert text.count("| met |") + text.count("| met in 2 of 2 |") == len(GOALS)
    assert "Timings: A machine." in text
    assert "| whole process, 64 connections: instructions | 600,000 |" in text
    assert "whole process, 1 connection: system calls: 9.00 `epoll_wait`.\n" in text
    assert "| ingest | 100 / 100 |" in text
    assert "503 after 4.01 s" in text
    assert "no answer after 20.0 s" in text
    assert "| 1,000,000 | 90.2 |" in text
    assert "| sum | 50.0 |" in text
    assert "45 answers checked: 0 wrong, 0 without their message." in text
    assert "Limited by a cgroup: a busy loop got 0.201 of a core." in text
    assert "| CPU per event, µs | 1,800 | 1,700 | 1,900 |" in text
    assert "| 9,000,000 | 1.15 | 160 |" in text
    assert "792 in all: 0 lost, 0 never answered, 96 attempts without an answer after 10 s and sent again" in text


def test_the_report_shows_wrong_answers_and_missing_messages() -> None:
    wrong = results()
    wrong["compare"]["points"][0]["sum"]["wrong"] = 3
    assert "3 wrong, 0 without their message; ingest at 1 on emulator: {'wrong': 3}." in markdown(wrong)


def test_the_report_says_why_an_instance_with_a_quota_was_not_measured() -> None:
    text = markdown({"small": {"machine": "A machine.", "not_measured": "CPU quota not possible: none can be set"}})
    assert "### The profile `small`\n\nNOT MEASURED: CPU quota not possible: none can be set" in text
    assert "| met |" not in text


def test_cpu_time_that_belongs_to_no_step_is_shown_as_the_rest() -> None:
    text = markdown(
        {"stages": {"1": {"verify": 60.0, "reply": 40.0, CPU: 900.0}, "64": {"verify": 30.0, "reply": 0, CPU: 250.0}}}
    )
    assert "| verify | 60.0 | 30.0 |" in text
    assert "the rest | 800 | 220 |" in text


def test_the_report_of_one_section_says_that_the_others_were_not_measured() -> None:
    text = markdown({"share": results()["share"]})
    assert "### Own share" in text
    assert "### Compared" not in text
    assert [verdict for *_, verdict in goal_lines({})] == ["not measured"] * len(GOALS)


@pytest.mark.parametrize(
    ("value", "text"), [(1234.5, "1,234"), (99.94, "99.9"), (2.345, "2.35"), (None, "–"), (float("nan"), "–")]
)
def test_figures_are_written_with_their_significant_digits(value: float | None, text: str) -> None:
    assert number(value) == text


def test_the_report_replaces_only_the_text_between_its_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", "utf-8")
    put("new", page)
    put("newer", page)
    assert page.read_text("utf-8") == f"before\n{BEGIN}\n\nnewer\n\n{END}\nafter\n"
    page.write_text("no marks", "utf-8")
    with pytest.raises(BenchError, match="marks"):
        put("new", page)


def test_the_page_has_the_marks() -> None:
    for name in ("performance.md", "performance-figures.md"):
        page = (ROOT / "docs" / name).read_text("utf-8")
        assert page.count(BEGIN) == page.count(END) == 1


def test_the_page_for_a_person_who_decides_has_at_most_120_lines() -> None:
    assert len((ROOT / "docs/performance.md").read_text("utf-8").splitlines()) <= 120


def test_imports_are_added_up_by_package() -> None:
    account = (
        "import time: self [us] | cumulative | imported package\n"
        "import time:       100 |        100 |   grpc._channel\n"
        "import time:       200 |        300 | grpc\n"
        '{"severity": "INFO"}\n'
        "import time:        50 |         50 |     google.api_core.retry\n"
    )
    assert by_package(account) == pytest.approx({"grpc": 0.3, "google.api_core": 0.05})


def test_the_short_form_of_the_command_measures_and_saves_nothing() -> None:
    page = (ROOT / "docs/performance.md").read_bytes()
    command = [
        sys.executable,
        "-m",
        "tests.bench",
        "compare",
        "share",
        "stages",
        "--short",
        f"--plain={sys.executable}",
    ]
    command += [f"--only={name}" for name in ("ingest", "Node.js", "empty")]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "NOT MEASURED: Node.js: no node" in ended.stdout
    assert "0 wrong, 0 without their message." in ended.stdout
    assert "own share: verify, decide, message" in ended.stdout
    for step in STEPS.values():
        assert re.search(rf"\| {step} \| [1-9][\d.]* \|", ended.stdout)
    assert (ROOT / "docs/performance.md").read_bytes() == page
