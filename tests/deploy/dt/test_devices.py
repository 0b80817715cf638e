"""Devices that DT emulates for a proof: found by their labels, and removed once."""

import pytest

from deploy.dt.api import DtApi
from deploy.dt.calls import DtAnswer
from deploy.dt.devices import Device, Devices, since
from deploy.errors import DtFailed
from deploy.steps import DeviceRemoval
from tests.deploy.fakes.dt import DT_PROJECT, FakeDt
from tests.deploy.stage import spec


@pytest.fixture
def dt() -> FakeDt:
    return FakeDt()


@pytest.fixture
def devices(dt: FakeDt) -> Devices:
    return Devices(DtApi(dt, sleep=lambda _: None), spec())


def test_a_device_is_found_again_by_deployment_and_google_project(devices: Devices, dt: FakeDt) -> None:
    made = devices.make(DT_PROJECT, "touch", 1_790_000_000.5)
    dt.devices["emu-other"] = {
        "name": f"projects/{DT_PROJECT}/devices/emu-other",
        "labels": {"dt-pubsub": "dt-pubsub", "dt-pubsub-project": "another"},
    }
    assert devices.of_proofs(DT_PROJECT) == (Device(made, 1_790_000_000),)


def test_a_device_of_a_report_says_so(devices: Devices) -> None:
    made = devices.make(DT_PROJECT, "touch", 7, {"dt-pubsub-contact": "first-contact-1-503"})
    assert devices.of_proofs(DT_PROJECT) == (Device(made, 7, "first-contact-1-503"),)


def test_a_removal_deletes_the_device_and_one_that_is_gone_counts_as_removed(devices: Devices, dt: FakeDt) -> None:
    removal = DeviceRemoval(DT_PROJECT, devices.make(DT_PROJECT, "touch", 0))
    devices.carry_out(removal)
    assert dt.devices == {}
    assert (dt.asked[-1].method, dt.asked[-1].emulator) == ("DELETE", True)
    dt.stumbles = [DtAnswer(404, {"error": "not found"})]
    devices.carry_out(removal)


def test_a_removal_that_is_refused_is_an_error(devices: Devices, dt: FakeDt) -> None:
    removal = DeviceRemoval(DT_PROJECT, devices.make(DT_PROJECT, "touch", 0))
    dt.removes_devices = False
    with pytest.raises(DtFailed, match="403"):
        devices.carry_out(removal)


def test_a_device_without_a_valid_time_label_counts_as_abandoned() -> None:
    assert since({"dt-pubsub-since": "yesterday"}) == since({}) == 0
