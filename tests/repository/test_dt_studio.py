"""docs/dt-studio.md: its table of permissions is what the verbs call, its commands work, its pictures are complete."""

import contextlib
import copy
import io
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from xml.etree import ElementTree as ET

import disruptive
import pytest

from deploy.dt.calls import DtRequest
from deploy.errors import NotProven
from deploy.google.permissions import DT_PERMISSIONS
from deploy.resources.connector import PAUSED
from deploy.spec import MARK, PROJECT_MARK
from deploy.verbs import VERBS
from tests.deploy.fakes.dt import DT_PROJECT
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.stage import Stage
from tests.emulators.clouds.dt.connectors import Connectors
from tests.emulators.clouds.dt.devices import Devices
from tests.emulators.clouds.dt.tenant import DEVELOPER, PERMISSIONS, USER
from tests.repository.test_readme import table

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "dt-studio.md").read_text("utf-8")
PICTURES = sorted((DOCS / "pictures").glob("dt-*.svg"))
SVG = "{http://www.w3.org/2000/svg}"
ROUTES = {
    False: [*Connectors().routes(), *Devices().routes()],
    True: Devices().emulator_routes(),
}
"""The routes of DT's API with their permissions, by whether they are the emulator's."""
ROLES = {"Project User": PERMISSIONS[USER], "Project Developer": PERMISSIONS[DEVELOPER]}
"""The permissions of each role, lowest role first."""
WIDTHS = {"": 7.8, "title": 10.0, "code": 7.9, "note": 7.2, "label": 6.8, "here": 8.4, "white": 8.4}
"""The mean width of a character in pixels by the class of a text, in a wide font (DejaVu Sans)."""


def permission(request: DtRequest) -> str:
    """Return the permission that a call needs; empty for the call that lists one's own permissions."""
    if re.fullmatch(r"/projects/[^/]+(/permissions)?", request.path):
        return "" if request.path.endswith("/permissions") else "project.read"
    return next(
        route.permission for route in ROUTES[request.emulator] if route.match(request.method, "/v2" + request.path)
    )


def run(stage: Stage, verb: str, **flags: bool | None) -> None:
    """Run a verb. Its proof fails because no event comes, after it has made all its calls of DT's API."""
    with contextlib.suppress(NotProven):
        stage.deployment().run(verb, **flags)


def used(stage: Stage) -> set[str]:
    """Return the permissions of all calls since the last time, and forget these calls."""
    permissions = {permission(request) for request in stage.dt.asked} - {""}
    stage.dt.asked.clear()
    return permissions


def permissions_of_up(stage: Stage) -> set[str]:
    """Return what ``up --no-verify`` needs to create a connector, to correct one, and to remove a second one."""
    run(stage, "up", verify=False)
    connectors = stage.dt.connectors[DT_PROJECT]
    connectors[0]["status"] = "SYSTEM_DISABLED"
    run(stage, "up", verify=False)
    connectors.append({**copy.deepcopy(connectors[0]), "name": f"{connectors[0]['name'][:-1]}z"})
    run(stage, "up", verify=False)
    assert len(connectors) == 1
    return used(stage)


def permissions_of_down(stage: Stage) -> set[str]:
    """Return what ``down`` needs to remove the connector, and a device that an interrupted proof left."""
    labels = {MARK: "dt-pubsub", PROJECT_MARK: PROJECT}
    stage.dt.devices["emu1"] = {"name": f"projects/{DT_PROJECT}/devices/emu1", "labels": labels}
    run(stage, "down", delete_data=None)
    assert stage.dt.devices == {}
    return used(stage)


def test_the_table_lists_exactly_the_permissions_that_each_command_uses() -> None:
    stage = Stage()
    run(stage, "plan")
    found = {"plan": used(stage), "up --no-verify": permissions_of_up(stage)}
    for verb, flags in (("verify", {}), ("status", {"links": False}), ("pause", {})):
        run(stage, verb, **flags)
        found[verb] = used(stage)
    run(stage, "resume", all=False, verify=False)
    assert used(stage) == found["pause"]
    stage.deployment().follow(duration="1s")
    found["follow"] = used(stage)
    stage.dt.has_device("d1")
    stage.deployment().backfill(dry_run=True)
    found["backfill"] = used(stage)
    stage.dt.devices.clear()
    found["down"] = permissions_of_down(stage)
    again = Stage()
    run(again, "up", verify=True)
    of_up = used(again)

    listed = table(PAGE, "DT's permissions")
    rows = {name: row[1:] for row in listed for name in re.findall(r"`python -m deploy ([^`]+)`", row[0])}
    assert set(VERBS) - {"list", "replay"} <= set(rows), "they read nothing at DT"
    assert of_up <= found["up --no-verify"] | found["verify"], "the row of up refers to those two"
    for command, permissions in found.items():
        assert set(re.findall(r"`(\w+\.\w+)`", rows[command][0])) == permissions, command
        needed = permissions | (set(DT_PERMISSIONS) if command == "plan" else set())
        assert rows[command][1] == next(role for role, held in ROLES.items() if needed <= set(held)), command


def test_the_states_are_those_that_the_deployment_knows() -> None:
    assert [row[0].strip("`") for row in table(PAGE, "5. Data Connector")] == ["ACTIVE", PAUSED, "SYSTEM_DISABLED"]


def python_commands() -> list[str]:
    """Return the Python code of the page's commands."""
    return re.findall(r"^python -c '(.*?)'$", PAGE, re.DOTALL | re.MULTILINE)


class ToldByDt(BaseHTTPRequestHandler):
    """DT's API with one project, for a login with a token."""

    project: ClassVar[dict[str, Any]] = {
        "name": f"projects/{DT_PROJECT}",
        "displayName": "Cold store",
        "inventory": False,
        "organization": "organizations/b8ntihoaplm0028st07g",
        "organizationDisplayName": "Demo company",
        "sensorCount": 1,
        "cloudConnectorCount": 1,
    }
    lists: ClassVar[dict[str, dict[str, Any]]] = {
        "/v2/projects": {"projects": [project]},
        f"/v2/projects/{DT_PROJECT}/permissions": {"permissions": list(DT_PERMISSIONS)},
    }

    def do_GET(self) -> None:
        """Answer with a list, which has one page."""
        assert self.headers["Authorization"] == "Bearer a-token"
        answer = json.dumps({**self.lists[self.path.partition("?")[0]], "nextPageToken": ""}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is the base's
        """Log nothing."""


class Login:
    """A login at DT that has its token already."""

    def get_token(self) -> str:
        """Return the token."""
        return "Bearer a-token"


def test_the_documented_commands_print_the_projects_and_the_permissions(monkeypatch: pytest.MonkeyPatch) -> None:
    printed = io.StringIO()
    with ThreadingHTTPServer(("127.0.0.1", 0), ToldByDt) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(disruptive, "base_url", f"http://127.0.0.1:{server.server_port}/v2")
        monkeypatch.setattr(disruptive, "default_auth", Login())
        with contextlib.redirect_stdout(printed):
            for code in python_commands():
                exec(compile(code, "docs/dt-studio.md", "exec"), {})  # noqa: S102  # the documentation's own code
        server.shutdown()
    assert printed.getvalue().splitlines() == [f"{DT_PROJECT} Cold store", *DT_PERMISSIONS]


every_picture = pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.stem)


def drawing(picture: Path) -> ET.Element:
    """Return the root of a picture of this repository."""
    return ET.fromstring(picture.read_text("utf-8"))  # noqa: S314  # the repository's own file


@every_picture
def test_a_picture_is_on_the_page_and_says_that_it_is_a_sketch(picture: Path) -> None:
    assert re.search(rf"!\[Sketch: [^\]]+\]\(pictures/{picture.name}\)", PAGE)
    shown = " ".join(drawing(picture).itertext())
    assert "Sketch, not a screenshot" in shown


@every_picture
def test_a_picture_can_be_read_on_a_dark_page_and_loads_nothing(picture: Path) -> None:
    root = drawing(picture)
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    background = root.find(f"{SVG}rect")
    assert background is not None
    assert (float(background.attrib["width"]), float(background.attrib["height"])) == (width - 1, height - 1)
    assert re.search(rf"\.{background.attrib['class']} {{ fill: #ffffff;", picture.read_text("utf-8"))
    assert root.find(f"{SVG}title") is not None
    assert root.find(f"{SVG}desc") is not None
    assert not re.search(r"href|<script|<image|url\((?!#)|@import", picture.read_text("utf-8"))


def edges(text: ET.Element) -> tuple[float, float]:
    """Return where a text begins and ends, in pixels, in a wide font."""
    x, classes = float(text.attrib["x"]), set(text.attrib.get("class", "").split())
    width = max(WIDTHS[name] for name in classes - {"middle"} or {""}) * len(text.text or "")
    return (x - width / 2, x + width / 2) if "middle" in classes else (x, x + width)


@every_picture
def test_no_text_of_a_picture_reaches_beyond_its_edge_or_its_field(picture: Path) -> None:
    root = drawing(picture)
    boxes = [[float(box.attrib[name]) for name in ("x", "y", "width", "height")] for box in root.iter(f"{SVG}rect")]
    for text in root.iter(f"{SVG}text"):
        x, y = float(text.attrib["x"]), float(text.attrib["y"])
        around = [box for box in boxes if box[0] <= x <= box[0] + box[2] and box[1] <= y <= box[1] + box[3]]
        left, _, width, _ = min(around, key=lambda box: box[2] * box[3])
        begin, end = edges(text)
        assert left <= begin, text.text
        assert end <= left + width, text.text
