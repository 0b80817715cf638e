"""The names of devices, which come from DT if events have none."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from deploy.errors import DtFailed
from deploy.live.names import AGAIN_S, Names
from deploy.live.readings import reading
from tests.deploy.live.builders import DEVICE, body, message
from tests.function.fakes import FakeClock

ATTRIBUTES = {"deviceId": DEVICE, "projectId": "p"}


class World:
    """Lists of devices, and a pool that has done its work at the end of each step."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.lists: dict[str, Mapping[str, str]] = {"p": {DEVICE: "Cold room"}}
        self.asked: list[str] = []
        self.said: list[str] = []
        self.names = Names(self.read, self.clock, self.said.append)

    def read(self, project: str) -> Mapping[str, str]:
        """Return the names of a project."""
        self.asked.append(project)
        if project not in self.lists:
            raise DtFailed(403, "permission denied", where="DT")
        return self.lists[project]

    def name(self, data: bytes | None = None, attributes: Mapping[str, str] = ATTRIBUTES) -> str:
        """Return the name of the device of a message, after everything that was begun is done."""
        found = message(data, attributes=attributes)
        with ThreadPoolExecutor(1) as pool:
            self.names.start(pool, ())
            self.names.named(reading(found), found)
        return self.names.named(reading(found), found).device_name


def test_an_unknown_device_makes_the_list_of_its_project_be_read_once() -> None:
    world = World()
    assert world.name() == "Cold room"
    assert world.name(attributes={**ATTRIBUTES, "deviceId": "new"}) == "new"
    assert world.asked == ["p"]


def test_after_a_while_the_list_is_read_again_for_a_device_that_is_new() -> None:
    world = World()
    world.name()
    world.lists["p"] = {"new": "Door"}
    world.clock.advance(AGAIN_S + 1)
    assert world.name(attributes={**ATTRIBUTES, "deviceId": "new"}) == "Door"
    assert world.name() == "Cold room"


def test_the_name_in_an_event_is_preferred() -> None:
    world = World()
    assert world.name(body(labels={"name": "Fridge 2"})) == "Fridge 2"
    assert world.asked == []


def test_a_refused_list_is_reported_once_and_devices_keep_their_ids() -> None:
    world = World()
    world.lists = {}
    assert world.name() == DEVICE
    assert world.name() == DEVICE
    assert world.said == ["devices of DT project p are shown by their ids: DT: permission denied"]


def test_the_projects_of_the_settings_are_read_at_the_start() -> None:
    world = World()
    with ThreadPoolExecutor(1) as pool:
        world.names.start(pool, ("p",))
    assert world.asked == ["p"]


def test_without_a_project_or_a_login_nothing_is_read() -> None:
    world = World()
    assert world.name(attributes={"deviceId": DEVICE}) == DEVICE
    world.names = Names(None, world.clock)
    assert world.name() == DEVICE
    assert world.asked == []
