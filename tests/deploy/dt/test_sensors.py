"""How many sensors DT projects have: by the lists of their devices, or by DT's own count."""

import threading
from concurrent.futures import CancelledError
from typing import Any

import pytest

from deploy.dt.api import DtApi
from deploy.dt.calls import DtAnswer, DtRequest
from deploy.dt.sensors import PAGES, SensorCount, count_sensors
from deploy.errors import DeployError, DtFailed
from deploy.parallel import worker_pool
from tests.deploy.fakes.dt import DT_PROJECT, SECOND, FakeDt
from tests.function.fakes import FakeClock


@pytest.fixture
def dt() -> FakeDt:
    """DT with two projects, and pages of two devices."""
    return FakeDt(connectors={DT_PROJECT: [], SECOND: []}, page_size=2)


def test_the_sensors_of_all_projects_are_counted_through_all_pages(dt: FakeDt) -> None:
    for number in range(5):
        dt.has_device(f"s{number}")
    dt.has_device("t1", SECOND)
    assert count_sensors(DtApi(dt), [DT_PROJECT]) == SensorCount((DT_PROJECT,), 5)
    assert count_sensors(DtApi(dt), [DT_PROJECT, SECOND]) == SensorCount((DT_PROJECT, SECOND), 6)


def test_a_cloud_connector_is_no_sensor_and_an_emulated_sensor_is_one(dt: FakeDt) -> None:
    dt.has_device("s1")
    dt.has_device("g1", type="ccon")
    dt.has_device("emu1", type="touch")
    assert count_sensors(DtApi(dt), [DT_PROJECT]) == SensorCount((DT_PROJECT,), 2, emulated=1)


def test_a_project_without_devices_has_no_sensors(dt: FakeDt) -> None:
    assert count_sensors(DtApi(dt), [DT_PROJECT]) == SensorCount((DT_PROJECT,), 0)


def test_of_a_long_list_only_the_first_pages_are_read_and_dt_is_asked_for_its_own_count(dt: FakeDt) -> None:
    dt.sensor_counts = {DT_PROJECT: 1_234}
    for number in range(2 * PAGES + 7):
        dt.has_device(f"s{number:02}")
    assert count_sensors(DtApi(dt), [DT_PROJECT]) == SensorCount((DT_PROJECT,), 1_234)
    project = f"/projects/{DT_PROJECT}"
    assert [request.path for request in dt.asked] == [f"{project}/devices"] * PAGES + [project]


def test_a_long_list_of_one_project_leaves_the_list_of_another_counted(dt: FakeDt) -> None:
    dt.sensor_counts = {DT_PROJECT: 1_234, SECOND: 6}
    for number in range(2 * PAGES):
        dt.has_device(f"s{number:02}")
    dt.has_device("emu1", SECOND)
    found = count_sensors(DtApi(dt), [DT_PROJECT, SECOND])
    assert found == SensorCount((DT_PROJECT, SECOND), 1_235, emulated=1)
    assert len(dt.asked) <= PAGES + 1


@pytest.mark.parametrize("count", [PAGES, PAGES + 1, 2 * PAGES])
def test_the_first_page_of_every_project_is_read_however_many_there_are(dt: FakeDt, count: int) -> None:
    projects = tuple(f"project{number:02}" for number in range(count))
    for number, project in enumerate(projects):
        dt.connectors[project] = []
        dt.has_device(f"emu{number}", project)
    assert count_sensors(DtApi(dt), projects) == SensorCount(projects, count, emulated=count)
    assert len(dt.asked) == count


def test_a_list_that_fills_the_pages_exactly_is_counted(dt: FakeDt) -> None:
    for number in range(2 * PAGES):
        dt.has_device(f"s{number:02}")
    assert count_sensors(DtApi(dt), [DT_PROJECT]).sensors == 2 * PAGES


def test_a_long_list_of_a_project_that_dt_has_not_counted_is_an_error(dt: FakeDt) -> None:
    for number in range(2 * PAGES + 1):
        dt.has_device(f"s{number:02}")
    with pytest.raises(DtFailed, match=f"/projects/{DT_PROJECT}: does not say how many sensors"):
        count_sensors(DtApi(dt), [DT_PROJECT])


@pytest.mark.parametrize("status", [403, 429, 503])
def test_a_refusal_is_not_waited_for(dt: FakeDt, status: int) -> None:
    clock = FakeClock()
    began = clock()
    dt.before = lambda _: DtAnswer(status, {"error": "no"})
    with pytest.raises(DtFailed):
        count_sensors(DtApi(dt, sleep=clock.advance), [DT_PROJECT])
    assert (len(dt.asked), clock() - began) == (1, 0)


@pytest.mark.parametrize("body", [{}, {"devices": None}, {"devices": ["d1"]}, {"devices": [{"type": "touch"}]}])
def test_an_answer_of_another_structure_is_an_error(dt: FakeDt, body: dict[str, Any]) -> None:
    def answer(_: DtRequest) -> DtAnswer:
        return DtAnswer(200, body)

    dt.before = answer
    with pytest.raises(DtFailed):
        count_sensors(DtApi(dt), [DT_PROJECT])


@pytest.mark.parametrize("count", [None, "7", 7.5, [7]])
def test_a_count_of_dt_that_is_no_whole_number_is_an_error(dt: FakeDt, count: Any) -> None:
    dt.sensor_counts = {DT_PROJECT: count}
    for number in range(2 * PAGES + 1):
        dt.has_device(f"s{number:02}")
    with pytest.raises(DtFailed, match="does not say how many sensors"):
        count_sensors(DtApi(dt), [DT_PROJECT])


def test_a_cancelled_count_reads_no_further_page(dt: FakeDt) -> None:
    is_asked, may_answer = threading.Event(), threading.Event()

    def wait(_: DtRequest) -> None:
        is_asked.set()
        may_answer.wait(10)

    dt.before = wait
    for number in range(2 * PAGES):
        dt.has_device(f"s{number:02}")
    with worker_pool(is_optional=True) as pool:
        counting = pool.submit(count_sensors, DtApi(dt), [DT_PROJECT])
        assert is_asked.wait(10)
    may_answer.set()
    assert isinstance(counting.exception(10), CancelledError)
    assert len(dt.asked) == 1


def test_without_credentials_nothing_is_counted() -> None:
    with pytest.raises(DeployError, match="no credentials"):
        count_sensors(DtApi(None), [DT_PROJECT])
