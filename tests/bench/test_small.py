"""An instance of the profile ``small`` is measured as it is deployed, with a quota that holds, or not at all."""

import json
import re
import subprocess
import sys

import pytest

from deploy.costs.prices import PRICES
from tests.bench import measure
from tests.bench.__main__ import is_untrue
from tests.bench.brokers import ROOT, Broker
from tests.bench.cloud import QUOTAS
from tests.bench.contestants import Environments
from tests.bench.small import SHORT, small

pytestmark = [pytest.mark.tools, pytest.mark.timeout(280)]  # it starts programs with a fifth of a core

NO_BROKER = Broker("none", "127.0.0.1:1", lambda: "", lambda _: [])


def test_without_a_quota_nothing_is_measured() -> None:
    found = small(Environments(), NO_BROKER, (), SHORT, lambda _: None)
    assert found == {"not_measured": "CPU quota not possible: none can be set, or none holds a busy loop"}


def test_the_short_form_runs_everything_with_a_fifth_of_a_core_and_saves_nothing() -> None:
    pages = [ROOT / "docs" / name for name in ("performance.md", "performance-figures.md", "performance.json")]
    before = [page.read_bytes() for page in pages]
    command = [sys.executable, "-m", "tests.bench", "small", "--short"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=270, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "One instance with 0.2 of a core, one request at a time; rounds: 1." in ended.stdout
    start_s = float(re.findall(r"limited from the beginning, s \| ([\d.]+)", ended.stdout)[0])
    assert start_s > 1.0  # as it needs more than 0.2 s of CPU
    assert re.search(r"\| events/s, one at a time \| [1-9][\d.]* \|", ended.stdout)
    assert re.search(r"\| 9,000,000 \| [\d.]+ \| [1-9]\d+", ended.stdout)
    assert ": 0 lost, 0 never answered," in ended.stdout
    assert [page.read_bytes() for page in pages] == before


def test_a_lost_event_ends_the_benchmark_with_an_error() -> None:
    assert is_untrue({"small": {"burst": {"lost": 1}}})
    assert not is_untrue({"small": {"burst": {"lost": 0}}})
    assert not is_untrue({"small": {"not_measured": "…"}})


def test_the_price_of_a_boosted_start_follows_from_the_price_list() -> None:
    start_s = json.loads((ROOT / "docs/scaling.json").read_text("utf-8"))["measured"]["start_s"]
    dollars = QUOTAS.boosted_cpu * (start_s + QUOTAS.boosted_s) * PRICES.cpu_s
    assert f"costs up to ${dollars:.4f} more" in (ROOT / "docs/cost.md").read_text("utf-8")


def test_a_peak_stays_when_the_memory_has_been_freed() -> None:
    program = "data = bytes(b'x' * 80_000_000); del data; print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        assert measure.peak_bytes(process.pid) > 80_000_000 > measure.memory_bytes(process.pid)
        process.communicate(b"\n")
    assert measure.peak_bytes(process.pid) == 0
