"""The page on the sandbox: its faults are those of the code, its tour is the one that tests/real_gcloud types."""

import os
import re
import subprocess
from pathlib import Path

from tests.emulators.sandbox.practice import PRACTICE
from tests.emulators.sandbox.sandbox import DT_PROJECT, PROJECT, REGION
from tests.emulators.sandbox.sensors import EVERY_S, KINDS
from tests.real_gcloud.test_sandbox import LOG, SHOWN, TOUR

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "sandbox.md").read_text("utf-8")


def test_the_page_lists_the_faults_of_the_code() -> None:
    rows = [
        tuple(cell.strip() for cell in line.strip("|").split("|")) for line in PAGE.splitlines() if line[:3] == "| `"
    ]

    assert rows == [(f"`{practice.name}`", practice.what, practice.shows) for practice in PRACTICE]


def test_every_fault_is_tried_with_the_real_gcloud_where_the_page_says_that_it_shows() -> None:
    assert [*SHOWN] == [practice.name for practice in PRACTICE]
    for practice in PRACTICE:
        verb, _, _ = SHOWN[practice.name]
        assert practice.shows.startswith(f"`{verb}`"), practice.name


def test_the_tour_is_the_one_that_is_tried_with_the_real_gcloud() -> None:
    tour = PAGE.partition("\n## A tour of ten minutes\n")[2].partition("\n## ")[0]
    lines = "".join(re.findall(r"```sh\n(.*?)```", tour, re.DOTALL)).splitlines()

    assert lines == ["make sandbox", *(line for line, _, _ in TOUR)]
    assert LOG in (DOCS / "log.md").read_text("utf-8")


def test_the_names_and_numbers_of_the_page_are_those_of_the_code() -> None:
    words = " ".join(PAGE.split())
    assert f"Google project `{PROJECT}`, region `{REGION}`, DT project `{DT_PROJECT}`" in words
    assert (
        f"{('four', 'five', 'six')[len(KINDS) - 4]} sensors report by themselves, one of them every {EVERY_S:g} s"
        in words
    )
    changelog = " ".join((DOCS.parent / "CHANGELOG.md").read_text("utf-8").split())
    assert f"begins one of {('ten', 'eleven', 'twelve')[len(PRACTICE) - 10]} faults" in changelog


def test_the_names_of_the_sandbox_are_those_of_the_other_pages() -> None:
    readme, by_hand = (DOCS.parent / "README.md").read_text("utf-8"), (DOCS / "by-hand.md").read_text("utf-8")
    assert f"change {PROJECT} and DT project {DT_PROJECT}?" in readme
    assert f"export PROJECT={PROJECT} REGION={REGION}\n" in by_hand
    assert f"DT_PROJECT={DT_PROJECT}\n" in by_hand


def test_make_fault_takes_its_name_only_from_the_command_line() -> None:
    environ = {**os.environ, "NAME": "name-of-this-machine"}  # WSL sets this variable
    for typed, passed_on in (((), ["fault"]), (("NAME=pubsub-down",), ["fault", '"$NAME"'])):
        done = subprocess.run(
            ["make", "-n", "fault", *typed],  # noqa: S607
            cwd=DOCS.parent,
            env=environ,
            capture_output=True,
            text=True,
            check=True,
        )
        (command,) = (line for line in done.stdout.splitlines() if "-m tests.emulators" in line)
        assert command.partition("tests.emulators")[2].split() == passed_on
