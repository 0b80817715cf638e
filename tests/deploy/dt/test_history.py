"""DT's devices, and the history of their events: a page at a time, as DT wrote them."""

import json
from datetime import datetime
from itertools import islice

import pytest

from deploy.dt.api import DtApi
from deploy.dt.calls import DtAnswer, DtRequest
from deploy.dt.history import History, HistoryDevice, HistoryEvent
from deploy.dt.limiter import Limiter
from deploy.errors import DtFailed, DtUnanswered
from tests.deploy.fakes.dt import DT_PROJECT, FakeDt
from tests.deploy.fakes.history import page_of
from tests.function.fakes import FakeClock

DEVICE = "bchonod7rihjtvdmd2vg"
START = datetime.fromisoformat("2026-11-02T08:00:00Z").timestamp()
END = START + 3600


@pytest.fixture
def dt() -> FakeDt:
    return FakeDt()


def history_of(dt: FakeDt, clock: FakeClock | None = None) -> History:
    clock = clock or FakeClock()
    return History(DtApi(dt, sleep=clock.advance), Limiter(clock, clock.advance))


def events(dt: FakeDt, *types: str) -> list[HistoryEvent]:
    return list(history_of(dt).events(DT_PROJECT, DEVICE, START, END, types))


def test_events_come_newest_first_from_all_pages(dt: FakeDt) -> None:
    dt.histories.page_size = 2
    ids = [dt.histories.add(DEVICE, f"2026-11-02T08:0{minute}:00Z", project=DT_PROJECT) for minute in range(5)]
    assert [event.event_id for event in events(dt)] == ids[::-1]
    assert [request.params.get("pageToken") for request in dt.asked] == [None, "2", "4"]


def test_the_next_page_is_read_only_when_it_is_needed(dt: FakeDt) -> None:
    dt.histories.page_size = 2
    for minute in range(5):
        dt.histories.add(DEVICE, f"2026-11-02T08:0{minute}:00Z", project=DT_PROJECT)
    stream = history_of(dt).events(DT_PROJECT, DEVICE, START, END)
    assert dt.asked == []
    assert len(list(islice(stream, 2))) == 2
    assert len(dt.asked) == 1


def test_dt_chooses_by_time_and_type_and_pages_are_as_long_as_it_allows(dt: FakeDt) -> None:
    dt.histories.add(DEVICE, "2026-11-02T07:59:59Z", project=DT_PROJECT)
    dt.histories.add(DEVICE, "2026-11-02T08:30:00Z", "temperature", project=DT_PROJECT)
    wanted = dt.histories.add(DEVICE, "2026-11-02T08:30:00Z", "touch", project=DT_PROJECT)
    assert [event.event_id for event in events(dt, "touch", "humidity")] == [wanted]
    assert dt.asked[0].params == {
        "startTime": "2026-11-02T08:00:00.000Z",
        "endTime": "2026-11-02T09:00:00.000Z",
        "page_size": "1000",
        "eventTypes": ["touch", "humidity"],
    }


def test_an_event_keeps_its_numbers_as_dt_wrote_them(dt: FakeDt) -> None:
    dt.histories.add(
        DEVICE, "2026-11-02T08:30:00Z", "temperature", '{"value":27.0, "long":12345678901234567890}', project=DT_PROJECT
    )
    (event,) = events(dt)
    assert (event.event_type, event.timestamp) == ("temperature", "2026-11-02T08:30:00Z")
    assert '"data":{"temperature":{"value":27.0,"long":12345678901234567890}}' in event.raw


@pytest.mark.parametrize("item", ["7", "null", "{}", '{"eventId":[5],"eventType":null}'])
def test_an_item_that_is_no_event_is_returned_too_so_that_it_can_be_counted(dt: FakeDt, item: str) -> None:
    dt.stumbles = [page_of([item])]
    assert events(dt) == [HistoryEvent("", "", "", item)]


@pytest.mark.parametrize("key", ["eventId", "eventType", "timestamp"])
def test_a_text_with_half_a_surrogate_pair_counts_as_left_out_and_the_event_stays(dt: FakeDt, key: str) -> None:
    item = f'{{"{key}":"\\ud800x"}}'
    dt.stumbles = [page_of([item])]
    assert events(dt) == [HistoryEvent("", "", "", item)]


NO_LISTS = ("{}", '{"message":"down"}', '{"events":null,"devices":null}', '{"events":{},"devices":{}}')


@pytest.mark.parametrize("text", NO_LISTS)
def test_a_success_without_the_list_is_no_end_of_it_but_read_again(dt: FakeDt, text: str) -> None:
    made = dt.histories.add(DEVICE, "2026-11-02T08:30:00Z", project=DT_PROJECT)
    dt.has_device(DEVICE)
    nothing = DtAnswer(200, json.loads(text), text=text)
    dt.stumbles = [nothing]
    assert [event.event_id for event in events(dt)] == [made]
    dt.stumbles = [nothing]
    assert [device.id for device in history_of(dt).devices(DT_PROJECT)] == [DEVICE]
    dt.before = lambda _: nothing
    with pytest.raises(DtUnanswered, match="its answer has no list 'events'"):
        events(dt)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 0])
def test_a_page_that_fails_for_a_moment_is_read_again(dt: FakeDt, status: int) -> None:
    made = dt.histories.add(DEVICE, "2026-11-02T08:30:00Z", project=DT_PROJECT)
    dt.stumbles = [DtAnswer(status, {}, "3")]
    assert [event.event_id for event in events(dt)] == [made]


def test_dts_wish_to_wait_holds_all_calls(dt: FakeDt) -> None:
    clock = FakeClock()
    began_at = clock()
    dt.stumbles = [DtAnswer(429, {}, "30")]
    list(history_of(dt, clock).events(DT_PROJECT, DEVICE, START, END))
    assert clock() - began_at >= 30


def test_a_wish_to_wait_for_hours_is_an_error_with_the_time_and_nothing_sleeps_for_it(dt: FakeDt) -> None:
    clock = FakeClock()
    began_at, history = clock(), history_of(dt, clock)
    dt.stumbles = [DtAnswer(429, {"error": "slow down"}, "86400")]
    with pytest.raises(DtFailed, match="429 slow down; DT wants the next call in 24 h 0 min"):
        list(history.events(DT_PROJECT, DEVICE, START, END))
    list(history.events(DT_PROJECT, DEVICE, START, END))
    assert clock() - began_at <= 300


def test_a_project_that_dt_goes_on_to_refuse_is_an_error(dt: FakeDt) -> None:
    with pytest.raises(DtFailed) as refused:
        list(history_of(dt).events("unknown", DEVICE, START, END))
    assert refused.value.status == 404


def test_page_tokens_that_lead_in_a_circle_are_an_error(dt: FakeDt) -> None:
    dt.before = lambda _: page_of(['{"eventId":"a"}'], "again")
    with pytest.raises(DtUnanswered, match="repeat without end"):
        events(dt)
    assert len(dt.asked) == 2


def test_devices_come_a_page_at_a_time_with_todays_labels(dt: FakeDt) -> None:
    dt.page_size = 2
    for number in range(3):
        dt.has_device(f"d{number}", labels={"name": f"Door {number}"}, productNumber="100114", type="contact")
    dt.has_device("of-another", project="another")
    stream = history_of(dt).devices(DT_PROJECT)
    assert next(stream) == HistoryDevice(DT_PROJECT, "d0", "contact", "100114", {"name": "Door 0"})
    assert len(dt.asked) == 1
    assert [device.id for device in stream] == ["d1", "d2"]


def test_an_emulated_device_has_no_product_number(dt: FakeDt) -> None:
    dt.devices["emu1"] = {"name": f"projects/{DT_PROJECT}/devices/emu1", "type": "touch", "labels": None}
    device = history_of(dt).device(DT_PROJECT, "emu1")
    assert (device.product_number, device.labels, device.name) == ("", {}, f"projects/{DT_PROJECT}/devices/emu1")


@pytest.mark.parametrize(
    ("counts", "count"), [({"sensorCount": 3, "cloudConnectorCount": 2}, 5), ({"sensorCount": 3}, 3), ({}, None)]
)
def test_dt_says_about_how_many_devices_a_project_has(dt: FakeDt, counts: dict[str, int], count: int | None) -> None:
    dt.before = lambda _: DtAnswer(200, counts)
    assert history_of(dt).device_count(DT_PROJECT) == count


def test_without_credentials_the_error_says_how_to_set_them() -> None:
    with pytest.raises(Exception, match="DT_SERVICE_ACCOUNT_KEY_ID"):
        list(History(DtApi(None)).devices(DT_PROJECT))


def test_no_window_has_more_calls_than_dt_allows(dt: FakeDt) -> None:
    clock, begun = FakeClock(), list[float]()

    def note(_: DtRequest) -> None:
        begun.append(clock())

    dt.histories.page_size, dt.before = 1, note
    for minute in range(50):
        dt.histories.add(DEVICE, f"2026-11-02T08:{minute:02}:00Z", project=DT_PROJECT)
    list(history_of(dt, clock).events(DT_PROJECT, DEVICE, START, END))
    assert max(sum(at <= other < at + 5 for other in begun) for at in begun) == 20
