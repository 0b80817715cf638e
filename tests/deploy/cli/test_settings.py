"""What ``init`` knows before it asks, and where an error says that a wrong setting was found."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from deploy.cli.options import PLACES
from deploy.cli.settings import Known, read_known, read_spec
from deploy.cli.settings_file import parse_settings, require_writable, write_settings_file
from deploy.errors import DeployError, InvalidOptions, SettingsMissing

GIVEN = {"project": "a-project", "region": "europe-west1", "dt_projects": ["c0md3pm0p7bet3vico8g"]}


def known(text: str = "", flags: Mapping[str, Any] | None = None, **environ: str) -> Known:
    return read_known(flags or {}, environ, parse_settings(text, "deploy.toml", PLACES))


def faults(folder: Path, text: str = "", **more: Any) -> list[str]:
    """Return the errors of settings that are complete otherwise."""
    (folder / "deploy.toml").write_text(text, "utf-8")
    with pytest.raises(InvalidOptions) as refused:
        read_spec({**GIVEN, **more}, {}, folder)
    return list(refused.value.faults)


def test_before_init_asks_it_knows_what_a_flag_a_variable_or_the_file_says_and_where_it_was_found() -> None:
    found = known('retention = "3d"', {"project": "a-project"}, DEPLOY_REGION="europe-west1")
    assert found.values == {"project": "a-project", "region": "europe-west1", "retention": "3d"}
    assert found.sources == {
        "project": "--project",
        "region": "DEPLOY_REGION",
        "retention": "deploy.toml, line 1: retention",
    }
    assert [found.is_fixed(place) for place in ("project", "region", "retention", "name")] == [True, True, False, False]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('region = "europe-west1"', "dt-pubsub"),
        ('dt_projects = ["c0md3pm0p7bet3vico8g"]', "dt-pubsub"),
        ('region = "europe-west1"\nname = "fridges"', "fridges"),
        ('project = "a-project"', None),
        ("", None),
    ],
)
def test_a_file_of_a_deployment_without_a_name_is_one_of_the_usual_name(text: str, name: str | None) -> None:
    assert known(text).values.get("name") == name


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("filtre = 1", "deploy.toml, line 1: unknown key filtre"),
        ("subscriptions = 1", "deploy.toml, line 1: subscriptions: write each subscription as a table below"),
        ('[settings]\nPORT = "1"', "deploy.toml, line 2: settings.PORT: PORT is reserved by Google Cloud"),
        ('region = "mars"', "deploy.toml, line 1: region: 'mars' is not"),
    ],
)
def test_what_is_wrong_with_the_file_is_an_error_before_init_asks(text: str, fault: str) -> None:
    with pytest.raises(InvalidOptions) as refused:
        known(text)
    assert refused.value.faults[0].startswith(fault)


def test_a_mandatory_setting_is_missing_with_the_three_ways_to_set_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsMissing) as missing:
        read_spec({}, {}, tmp_path)
    assert list(missing.value.faults) == [
        "--project is missing (or DEPLOY_PROJECT, or project in deploy.toml)",
        "--region is missing (or DEPLOY_REGION, or region in deploy.toml)",
        (
            "--dt-project is missing (or DEPLOY_DT_PROJECTS, or dt_projects in deploy.toml); "
            "docs/dt-studio.md shows where the id is"
        ),
    ]
    with pytest.raises(InvalidOptions) as invalid:
        read_spec({"retention": "1y"}, {}, tmp_path)
    assert not isinstance(invalid.value, SettingsMissing)
    assert len(invalid.value.faults) == 4


CONCURRENCY = "less than one processor requires --concurrency=1; set that, or at least --cpu=1"
LOWER = "max_instances is lower than min_instances"


@pytest.mark.parametrize(
    ("text", "flags", "fault"),
    [
        ("[function]\ncpu = 0.5", {}, f"deploy.toml, line 2: function.cpu: {CONCURRENCY}"),
        ("", {"function.cpu": "0.99"}, f"--cpu: {CONCURRENCY}"),
        (
            "[function]\nmax_instances = 1\nmin_instances = 2",
            {},
            f"deploy.toml, line 2: function.max_instances: {LOWER}",
        ),
        ("", {"function.min_instances": "1000"}, f"--min-instances: {LOWER}"),
        (
            '[bigquery]\nlocation = "EU"',
            {},
            "deploy.toml, line 2: bigquery.location: there is no dataset: set --bigquery",
        ),
        (
            '[alerts]\nrunbook_url = "https://example.com/"',
            {},
            "deploy.toml, line 2: alerts.runbook_url: no address gets alerts: set --alert-email or --alert-channel",
        ),
        (
            '[labels]\nteam = "x"\ndt-pubsub = "y"',
            {},
            "deploy.toml, line 3: labels.dt-pubsub: dt-pubsub is set by the deployment itself",
        ),
        (
            '[settings]\nDT_SERVICE_ACCOUNT_EMAIL = "x"',
            {},
            (
                "deploy.toml, line 2: settings.DT_SERVICE_ACCOUNT_EMAIL: DT_SERVICE_ACCOUNT_EMAIL is for this command "
                "only: the function needs no DT login; set it in this shell's environment"
            ),
        ),
        (
            "[function]\ncpu = 0.9\nconcurrency = 1",
            {"cost.billing": "instance"},
            "--billing: billing by instance requires at least --cpu=1",
        ),
        (
            '[cost]\nlog_level = "INFO"\n[settings]\nLOG_LEVEL = "DEBUG"',
            {},
            (
                "deploy.toml, line 2: cost.log_level: LOG_LEVEL is set, too, in deploy.toml, line 4: "
                "settings.LOG_LEVEL: leave one out"
            ),
        ),
    ],
)
def test_settings_that_contradict_each_other_are_an_error_that_names_the_one_that_was_set(
    tmp_path: Path, text: str, flags: dict[str, Any], fault: str
) -> None:
    assert faults(tmp_path, text, **flags) == [fault]


@pytest.mark.parametrize(
    "flags",
    [
        {"cost.billing": "instance", "function.cpu": "1", "function.memory": "512Mi"},
        {"function.cpu": "1", "function.concurrency": "80"},
        {"function.min_instances": "2", "function.max_instances": "2"},
    ],
)
def test_settings_that_just_fit_together_are_taken(tmp_path: Path, flags: dict[str, str]) -> None:
    assert read_spec({**GIVEN, **flags}, {}, tmp_path).google_project == "a-project"


def test_a_variable_with_pairs_has_a_comma_between_them_and_in_their_values() -> None:
    assert known(DEPLOY_LABELS="team=cold-chain, room=b").values["labels"] == {"team": "cold-chain", "room": "b"}
    settings = {"LOG_LEVEL": "INFO", "LABEL_ATTRIBUTES": "room,floor", "B2": "3,"}
    assert known(DEPLOY_SETTINGS=" LOG_LEVEL=INFO, LABEL_ATTRIBUTES=room,floor ,B2=3,").values["settings"] == settings


def test_a_file_that_cannot_be_written_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "no-such-folder" / "deploy.toml"
    with pytest.raises(DeployError) as refused:
        write_settings_file(path, "")
    with pytest.raises(DeployError) as foreseen:
        require_writable(path)
    for error in (refused.value, foreseen.value):
        assert error.where == str(path)
        assert error.what == "cannot be written: No such file or directory"
        assert error.fix == ("name a file in another folder with --config",)


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("function.cpu", "deploy.toml, line 2"),
        ("function.memory", "deploy.toml, line 1"),
        ("subscriptions[1].name", "deploy.toml, line 5"),
        ("subscriptions[0].name", "deploy.toml, line 4"),
        ("subscriptions[7].name", "deploy.toml, line 3"),
        ("region", "deploy.toml"),
    ],
)
def test_a_place_has_its_line_else_that_of_its_table_and_else_none(place: str, line: str) -> None:
    text = "[function]\ncpu = 1\n[[subscriptions]]\nname = 'a'\n[[subscriptions]]\ntopic = 'main'\n"
    file = parse_settings(text, "deploy.toml", PLACES)
    assert (file.line(place), file.where(place)) == (line, f"{line}: {place}")
