"""The capacity model: its formulas, its limits, and the figures in docs/scaling.md and the deploy command."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.cli.parser import parse
from deploy.costs.bill import AS_DEPLOYED, Choices, Usage, bill
from deploy.costs.month import MONTH_S
from deploy.costs.prices import ENTRIES, PRICES, Entries
from deploy.costs.sensors import SENSORS
from deploy.next_steps import COST
from deploy.profiles import SMALL
from deploy.spec import DEFAULT_SENSORS, FUNCTION_DEFAULTS, SMALL_SENSORS, amount
from deploy.verbs import USAGES
from tests.bench.capacity import Load, Measured, OneAtATime, Sizing, defaults, reached_at, size
from tests.bench.cloud import QUOTAS
from tests.bench.errors import BenchError
from tests.bench.messages import mean_message_bytes
from tests.bench.queueing import Instance, Overloaded
from tests.bench.scaling import fitted
from tests.bench.scaling_tables import FIGURES, PAGE, PAGES, TABLES, measured, rendered

MILLISECOND = Measured(
    cpu_s=0.001,
    waking_s=0.0,
    publish_s=0.025,
    start_s=2.0,
    memory_bytes=100 * 2**20,
    message_bytes=764,
    log_bytes=300,
    answer_bytes=200,
)
"""An event of one millisecond, and a message that is billed as 800 bytes."""

NO_BYTES = {"secret_accesses": 0.0, "message_bytes": 0.0, "log_bytes": 0.0, "answer_bytes": 0.0}
COUNTS = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
sensors = st.integers(1, 10**8)


def sizing(count: int, choices: Choices = AS_DEPLOYED, **changes: Any) -> Sizing:
    return size(Load(count), replace(MILLISECOND, **changes), choices)


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FIGURES.read_text("utf-8"))
    return found


# How long an event waits


def test_the_mean_wait_is_that_of_the_textbook() -> None:
    half_busy = Instance(cpu_s=0.001, publish_s=0.0, variability=0)
    assert half_busy.mean_wait_s(500) == pytest.approx(0.0005)  # M/D/1: half a service time at half load
    assert replace(half_busy, variability=1).mean_wait_s(500) == pytest.approx(0.001)  # M/M/1: a whole service time


def test_the_wait_of_exponential_services_is_distributed_as_in_the_textbook() -> None:
    busy, cpu_s = 0.8, 0.001
    found = Instance(cpu_s, 0.0, variability=1).wait_s(busy / cpu_s, 0.99)
    assert busy * math.exp(-(1 - busy) / cpu_s * found) == pytest.approx(0.01)


def test_the_wait_of_equal_services_is_near_crommelins_exact_result() -> None:
    busy, cpu_s = 0.8, 0.001
    approximate = Instance(cpu_s, 0.0, variability=0).wait_s(busy / cpu_s, 0.99)
    assert _waits_longer(approximate, busy, cpu_s) == pytest.approx(0.01, rel=0.25)


def _waits_longer(wait_s: float, busy: float, cpu_s: float) -> float:
    """Crommelin's P(W > t) of M/D/1, from 1932."""
    rate = busy / cpu_s
    terms = (
        math.exp(rate * (wait_s - k * cpu_s)) * (-rate * (wait_s - k * cpu_s)) ** k / math.factorial(k)
        for k in range(int(wait_s / cpu_s) + 1)
    )
    return 1 - (1 - busy) * math.fsum(terms)


def test_an_event_that_finds_the_cpu_idle_waits_only_for_pubsub() -> None:
    assert Instance(0.001, 0.025).response_s(200, 0.5) == pytest.approx(0.026)


def test_the_number_of_events_in_flight_follows_littles_law() -> None:
    assert Instance(0.001, 0.025).in_flight(500) == pytest.approx(500 * (0.001 + 0.026))


def test_an_event_that_finds_the_cpu_idle_costs_the_time_to_wake_it() -> None:
    instance = Instance(cpu_s=0.001, publish_s=0.0, waking_s=0.001)
    assert instance.work_s(0.0) == 0.002
    assert instance.work_s(1.0) == 0.001
    busy = instance.utilisation(500)
    assert busy == pytest.approx(500 * (0.001 + (1 - busy) * 0.001))
    assert instance.per_s_at(busy) == pytest.approx(500)
    assert instance.utilisation(1000) == pytest.approx(1)


@given(st.floats(0.01, 0.98), st.floats(0.5, 0.999))
def test_no_event_waits_less_under_a_higher_load(busy: float, share: float) -> None:
    instance = Instance(0.001, 0.025)
    assert instance.wait_s(busy / 0.001, share) <= instance.wait_s((busy + 0.01) / 0.001, share)


@pytest.mark.parametrize(("concurrency", "most"), [(1000, 1000), (13, 500), (1, 1 / 0.026)])
def test_the_cpu_or_concurrency_limits_the_events_per_second(concurrency: int, most: float) -> None:
    instance = Instance(0.001, 0.025, concurrency=concurrency)
    assert instance.most_per_s == pytest.approx(most)
    with pytest.raises(Overloaded):
        instance.mean_wait_s(most)


# From sensors to events and instances


def test_a_sensor_sends_a_reading_and_its_network_events_with_every_heartbeat() -> None:
    calm = replace(SENSORS, triggered_per_day=0)
    assert Load(900, calm).mean_per_s == pytest.approx(3)
    assert Load(900, replace(calm, network_events=0)).mean_per_s == pytest.approx(1)
    touched = Load(86_400, replace(SENSORS, heartbeat_s=math.inf, triggered_per_day=1, network_events=0))
    assert touched.mean_per_s == pytest.approx(1)


@pytest.mark.parametrize(("count", "returning"), [(10, 10), (1_000, 100), (100_000, 100), (10_000_000, 10_000)])
def test_a_burst_is_the_sensors_of_one_gateway_or_one_sensor_in_a_thousand(count: int, returning: int) -> None:
    load = Load(count)
    assert load.returning == returning
    assert load.burst_per_s - load.mean_per_s == pytest.approx(6 * math.sqrt(load.mean_per_s) + 3 * returning)


def test_cloud_run_adds_an_instance_at_sixty_percent_of_the_cpu_or_at_its_own_limit() -> None:
    assert sizing(1).instance_per_s == pytest.approx(600)
    assert sizing(1, cpu_s=0.0005).instance_per_s == QUOTAS.requests_per_s
    assert sizing(1, cpu_s=0.01).instance_per_s == pytest.approx(60)


@given(sensors, sensors)
def test_more_sensors_never_need_less(one: int, other: int) -> None:
    fewer, more = sizing(min(one, other)), sizing(max(one, other))
    assert fewer.mean_instances <= fewer.burst_instances <= more.burst_instances
    assert fewer.max_instances <= more.max_instances
    assert fewer.min_instances <= more.min_instances <= more.mean_instances
    assert fewer.cost.total <= more.cost.total


@given(sensors, st.floats(0.0002, 0.02))
def test_a_slower_function_never_needs_less(count: int, cpu_s: float) -> None:
    faster, slower = sizing(count, cpu_s=cpu_s), sizing(count, cpu_s=2 * cpu_s)
    assert faster.burst_instances <= slower.burst_instances
    assert faster.cost.instances <= slower.cost.instances + 0.01


@given(sensors)
def test_the_allowed_instances_are_enough_for_twice_the_burst(count: int) -> None:
    assert sizing(count).max_instances >= 2 * sizing(count).burst_instances


@pytest.mark.parametrize(("count", "concurrency"), [(1_000, 80), (100_000, 80), (1_000_000, 250)])
def test_concurrency_is_enough_for_the_mean_load_while_pubsub_takes_a_second(count: int, concurrency: int) -> None:
    sized = sizing(count)
    assert sized.concurrency * sized.max_instances >= sized.load.mean_per_s
    assert sized.concurrency == concurrency  # 4 and 368 events a second in 5 instances, 3,681 in 25


def test_concurrency_is_enough_for_a_cpu_at_its_target() -> None:
    assert sizing(1, publish_s=0.1).concurrency == 250  # 600 events/s for 101 ms are 61, and 60 % of 101 places
    assert sizing(1, publish_s=0.9).concurrency == QUOTAS.concurrency


def test_memory_is_at_least_twice_the_measured_memory_plus_ten_of_the_largest_bodies() -> None:
    assert sizing(1).memory_mib == 512  # 200 MiB, and 257 for 3 times 10 bodies of 9 MB
    assert sizing(1, memory_bytes=128 * 2**20).memory_mib == 1024


def test_a_burst_is_published_by_all_allowed_instances_together() -> None:
    sized = sizing(1_000)
    assert sized.drained_s(10_000) == pytest.approx(10_000 / (5 * 1000 - sized.load.mean_per_s))


# Dollars


def test_the_cost_of_a_thousand_sensors_equals_a_calculation_by_hand() -> None:
    sized = sizing(1_000)
    events = 1_000 * 3 * (1 / 900 + 10 / 86_400) * MONTH_S
    assert events == pytest.approx(9_672_500)
    busy_s = (1 - math.exp(-1_000 * 3 * (1 / 900 + 10 / 86_400) * 0.1)) * MONTH_S
    cost = sized.cost
    assert cost.requests == pytest.approx((events - 2e6) * 0.4e-6)
    assert cost.instances == pytest.approx((busy_s - 180_000) * 24e-6 + max(0, busy_s / 2 - 360_000) * 2.5e-6)
    assert cost.pubsub == pytest.approx((events * 1800 / 2**30 - 10) / 1024 * 40)
    assert cost.logs == 0  # 15.3 GB of entries of 1,700 bytes
    assert cost.egress == pytest.approx((events * 200 / 2**30 - 1) * 0.12)
    assert cost.total == pytest.approx(
        cost.requests + cost.instances + cost.pubsub + cost.logs + cost.egress + cost.secrets
    )


def test_a_log_entry_is_billed_with_its_envelope() -> None:
    sized = sizing(1_000_000)
    gib = sized.events_per_month * (300 + 400 + 1000) / 2**30
    assert sized.cost.logs == pytest.approx((gib - 50) * 0.5)
    assert sizing(1_000_000, Choices(log_events=False, log_requests=False)).cost.logs == 0
    free = Entries(envelope_bytes=0, request_bytes=0)
    assert size(Load(1_000), MILLISECOND, entries=free).cost.logs == 0


def test_publishing_a_small_message_costs_as_much_as_a_thousand_bytes() -> None:
    small, large = (sizing(10**6, Choices(subscriptions=0), message_bytes=per_s) for per_s in (100, 900))
    assert small.cost.pubsub == pytest.approx(large.cost.pubsub)
    larger = sizing(10**6, Choices(subscriptions=0), message_bytes=1964)
    assert larger.cost.pubsub == pytest.approx(2 * large.cost.pubsub, rel=0.01)


def test_billing_by_instance_charges_for_seconds_and_not_for_requests() -> None:
    sized = sizing(1_000, Choices(billed_by_instance=True))
    assert sized.cost.requests == 0
    assert sized.cost.instances == pytest.approx((MONTH_S - 240_000) * 18e-6 + (MONTH_S / 2 - 450_000) * 2e-6)


def test_an_idle_minimum_instance_costs_ten_dollars_and_a_busy_one_nothing_more() -> None:
    usage = Usage(events=0, busy_s=0, all_s=MONTH_S, kept_s=MONTH_S, **NO_BYTES)
    assert bill(usage, AS_DEPLOYED, PRICES, ENTRIES).total == pytest.approx(9.86, abs=0.01)  # docs/scaling.md: 10
    busy = replace(usage, busy_s=MONTH_S)
    assert bill(busy, AS_DEPLOYED, PRICES, ENTRIES) == bill(replace(busy, kept_s=0), AS_DEPLOYED, PRICES, ENTRIES)


@pytest.mark.parametrize(("count", "is_cheaper"), [(1_000, False), (10_000, True), (1_000_000, True)])
def test_billing_by_instance_is_cheaper_from_ten_thousand_sensors(count: int, is_cheaper: bool) -> None:  # noqa: FBT001
    by_instance = sizing(count, Choices(billed_by_instance=True))
    assert (by_instance.cost.total < sizing(count).cost.total) is is_cheaper


def test_batches_of_messages_would_save_less_than_a_tenth_of_the_cost_of_pubsub() -> None:
    message = mean_message_bytes() + PRICES.pubsub_overhead_bytes
    assert (PRICES.pubsub_least_bytes - message) / (PRICES.pubsub_least_bytes + message) < 0.1


@pytest.mark.parametrize("count", COUNTS)
def test_every_saving_lowers_the_cost(count: int) -> None:
    as_deployed = sizing(count).cost.total
    assert sizing(count, Choices(log_events=False)).cost.total <= as_deployed
    assert sizing(count, Choices(log_requests=False)).cost.total <= as_deployed
    assert size(Load(count, replace(SENSORS, network_events=0)), MILLISECOND).cost.total < as_deployed


# Limits


def test_the_most_used_limit_comes_first() -> None:
    sized = sizing(10_000_000)
    used = [limit.used for limit in sized.limits]
    assert used == sorted(used, reverse=True)
    assert [limit.name.split()[0] for limit in sized.limits][:3] == ["`max_instances`", "instances", "Pub/Sub,"]


def test_a_limit_is_reached_at_the_number_of_sensors_that_uses_it_up() -> None:
    sized = sizing(1)
    for limit in sized.limits:
        at = reached_at(limit.name, sized)
        before, after = (
            next(other.used for other in sizing(count).limits if other.name == limit.name)
            for count in (int(at * 0.9), int(at * 1.1))
        )
        assert before <= 1 < after, limit.name


def test_pubsubs_quota_counts_bytes_of_messages() -> None:
    sized = sizing(10_000_000)
    used = next(limit.used for limit in sized.limits if limit.name == "Pub/Sub, small region")
    assert used == pytest.approx(sized.load.burst_per_s * 800 / 50e6)
    assert PRICES.pubsub_overhead_bytes == 36  # the other 764 are the message's


# docs/scaling.md and the defaults


def test_the_tables_of_the_pages_are_those_of_the_model(figures: dict[str, Any]) -> None:
    texts = [page.read_text("utf-8") for page in PAGES]
    assert [rendered(text, figures) for text in texts] == texts, "python -m tests.bench.scaling --render"
    assert all(f"<!-- {name} -->" in "".join(texts) for name in TABLES)


def test_the_page_for_a_decision_is_short() -> None:
    assert len(PAGE.read_text("utf-8").splitlines()) <= 120


def test_the_model_meets_every_goal_of_the_cost(figures: dict[str, Any]) -> None:
    goals = TABLES["goals"](figures)
    assert len(goals) == 5
    assert not [line for line in goals if "not met" in line]


def test_the_cost_page_has_the_same_prices_as_the_scaling_page() -> None:
    table = PAGE.read_text("utf-8").partition("<!-- sensors -->")[2].partition("<!-- end -->")[0]
    cost = {row.split("|")[1].strip(): row.split("|")[8].strip() for row in table.splitlines() if row.startswith("| ")}
    costs, thousand = (PAGE.parent / "cost.md").read_text("utf-8"), f"{float(cost['1 k']):.0f}"
    assert f"about ${thousand} a month, and 100,000 sensors about ${cost['100 k']}" in costs
    assert (
        f"${thousand} a month for a thousand sensors, and with the profile large ${cost['100 k']} for 100,000" in COST
    )


def test_the_sizes_of_the_small_profile_are_what_the_model_recommends(figures: dict[str, Any]) -> None:
    few = OneAtATime(Load(SMALL_SENSORS), measured(figures))
    assert SMALL.sizes["max_instances"] == str(few.max_instances)
    assert amount(SMALL.sizes["memory"]) == few.memory_mib * 2**20
    assert few.cpu_of_100_ms * 4 < float(SMALL.sizes["cpu"]), "Cloud Run's first generation may take several times"
    assert few.response_s * 2 < PRICES.billed_s


def test_an_instance_that_answers_one_request_at_a_time_is_billed_for_each() -> None:
    choices = Choices(cpu=0.2, memory_gib=0.25, is_shared=False)
    events = Load(1_000).mean_per_s * MONTH_S
    cost = sizing(1_000, choices).cost
    assert cost.instances == pytest.approx((events * 0.1 * 0.2 - 180_000) * 24e-6)
    assert cost.requests == pytest.approx((events - 2e6) * 0.4e-6)


def test_the_deploy_commands_defaults_are_what_the_model_recommends(figures: dict[str, Any]) -> None:
    recommended = defaults(measured(figures))
    assert FUNCTION_DEFAULTS["concurrency"] == str(recommended.concurrency)
    assert FUNCTION_DEFAULTS["min_instances"] == str(recommended.min_instances)
    assert FUNCTION_DEFAULTS["max_instances"] == str(recommended.max_instances)
    assert FUNCTION_DEFAULTS["timeout"] == f"{recommended.timeout_s}s"
    assert amount(FUNCTION_DEFAULTS["memory"]) == recommended.memory_mib * 2**20
    assert FUNCTION_DEFAULTS["cpu"] == "1"


def test_the_defaults_are_enough_for_their_sensors_while_pubsub_takes_a_second(figures: dict[str, Any]) -> None:
    recommended = defaults(measured(figures))
    instance = replace(recommended.measured.instance, publish_s=1.0, concurrency=recommended.concurrency)
    assert recommended.max_instances * instance.most_per_s > recommended.load.mean_per_s


def test_the_deploy_command_says_for_how_many_sensors_its_defaults_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["up", "--help"], USAGES)
    shown = " ".join(capsys.readouterr().out.split())
    assert f"up to {SMALL_SENSORS:,} sensors, or {DEFAULT_SENSORS:,} with the profile large: docs/scaling.md" in shown


def test_the_model_bills_the_message_that_the_function_makes(figures: dict[str, Any]) -> None:
    assert measured(figures).message_bytes == pytest.approx(mean_message_bytes())


def test_a_cold_start_is_shorter_than_dts_timeout(figures: dict[str, Any]) -> None:
    assert measured(figures).start_s < QUOTAS.attempt_s / 2


def test_the_cost_of_waking_the_cpu_is_fitted_to_the_cpu_time_at_every_load() -> None:
    instance = Instance(cpu_s=0.001, publish_s=0.0, waking_s=0.0005)
    points = [{"per_s": per_s, "cpu_s": instance.work_s(instance.utilisation(per_s))} for per_s in (200, 500, 900)]
    assert fitted(points) == pytest.approx((0.0005, 0.001))


def test_a_run_that_other_programs_disturbed_is_refused() -> None:
    with pytest.raises(BenchError, match="measure again"):
        fitted([{"per_s": 20, "cpu_s": 0.005}, {"per_s": 1000, "cpu_s": 0.0005}])
    assert fitted([{"per_s": 100, "cpu_s": 0.001}, {"per_s": 500, "cpu_s": 0.0012}]) == pytest.approx((0, 0.0011))


def test_the_measured_times_confirm_the_model_up_to_sixty_percent(figures: dict[str, Any]) -> None:
    instance = measured(figures).instance
    used = [point for point in figures["points"] if point["per_s"] * point["cpu_s"] <= QUOTAS.target]
    assert len(used) >= 2
    for point in used:
        per_s = point["per_s"]
        assert per_s == pytest.approx(point["share"] * figures["capacity_per_s"], rel=0.1)
        assert instance.response_s(per_s, 0.5) == pytest.approx(point["p50_s"], rel=0.1)
        assert instance.response_s(per_s, 0.99) == pytest.approx(point["p99_s"], rel=0.3)


def test_the_measured_cpu_time_confirms_the_model_at_every_load(figures: dict[str, Any]) -> None:
    instance = measured(figures).instance
    for point in figures["points"]:
        assert instance.utilisation(point["per_s"]) == pytest.approx(point["per_s"] * point["cpu_s"], abs=0.1)
