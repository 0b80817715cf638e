"""DT's answers as no documentation describes them: each is an error of DT's, whichever list is read."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from deploy.dt.api import DtApi
from deploy.dt.calls import DtAnswer
from deploy.dt.connectors import Connectors
from deploy.dt.devices import Devices, names, newest_reports
from deploy.dt.history import History
from deploy.dt.limiter import Limiter
from deploy.dt.sensors import count_sensors
from deploy.errors import DtUnanswered
from tests.deploy.fakes.dt import DT_PROJECT, FakeDt
from tests.deploy.stage import spec
from tests.function.fakes import FakeClock

Read = Callable[[DtApi], object]


def _history(api: DtApi) -> History:
    clock = FakeClock()
    return History(api, Limiter(clock, clock.advance))


def _answer(body: dict[str, Any]) -> DtAnswer:
    return DtAnswer(200, body, text=json.dumps(body))


PAGED: dict[str, tuple[str, Read]] = {
    "projects": ("projects", lambda api: api.projects()),
    "connectors": ("dataConnectors", lambda api: Connectors(api).list(DT_PROJECT)),
    "devices of proofs": ("devices", lambda api: Devices(api, spec()).of_proofs(DT_PROJECT)),
    "names": ("devices", lambda api: names(api, DT_PROJECT)),
    "sensors": ("devices", lambda api: count_sensors(api, [DT_PROJECT])),
    "devices": ("devices", lambda api: list(_history(api).devices(DT_PROJECT))),
    "events": ("events", lambda api: list(_history(api).events(DT_PROJECT, "d1", 0, 60))),
}
"""How each list is read, and the name that it has in DT's answer."""

ITEMS = [[["x"]], ["x"], [7], [None], [{"name": 7}]]
PARSED = ["connectors", "devices of proofs", "names", "sensors", "devices"]
"""The lists whose items this package reads."""


@pytest.mark.parametrize("what", PAGED)
@pytest.mark.parametrize("token", [["x"], {"a": "b"}, 7, True])
def test_a_page_token_that_is_no_text_is_an_error_of_dt(what: str, token: Any) -> None:
    key, read = PAGED[what]
    dt = FakeDt(before=lambda _: _answer({key: [], "nextPageToken": token}))
    with pytest.raises(DtUnanswered):
        read(DtApi(dt, sleep=lambda _: None))


@pytest.mark.parametrize("what", PAGED)
@pytest.mark.parametrize("items", ["x", 7, {"a": "b"}])
def test_a_list_that_is_none_is_an_error_of_dt(what: str, items: Any) -> None:
    key, read = PAGED[what]
    dt = FakeDt(before=lambda _: _answer({key: items}))
    with pytest.raises(DtUnanswered):
        read(DtApi(dt, sleep=lambda _: None))


@pytest.mark.parametrize("what", PARSED)
@pytest.mark.parametrize("items", ITEMS, ids=str)
def test_an_item_of_unexpected_form_is_an_error_of_dt(what: str, items: Any) -> None:
    key, read = PAGED[what]
    dt = FakeDt(before=lambda _: _answer({key: items}))
    with pytest.raises(DtUnanswered):
        read(DtApi(dt, sleep=lambda _: None))


@pytest.mark.parametrize("devices", ["x", 7, ["x"], [7], [{"reported": ["x"]}]])
def test_newest_reports_of_unexpected_form_are_an_error_of_dt(devices: Any) -> None:
    dt = FakeDt(before=lambda _: _answer({"devices": devices}))
    with pytest.raises(DtUnanswered):
        newest_reports(DtApi(dt), DT_PROJECT)


@pytest.mark.parametrize("organization", [None, 7, ["x"]])
def test_an_organization_that_is_no_text_is_an_error_of_dt(organization: Any) -> None:
    dt = FakeDt(before=lambda _: _answer({"organization": organization}))
    with pytest.raises(DtUnanswered):
        DtApi(dt).organization(DT_PROJECT)
