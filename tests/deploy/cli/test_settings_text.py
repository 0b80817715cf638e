"""The text of deploy.toml that init writes, and the file itself."""

import os
import stat
import sys
import tomllib
from pathlib import Path

import pytest

from deploy.cli.settings import read_spec
from deploy.cli.settings_file import write_settings_file
from deploy.cli.settings_text import Answers, difference, edited, new_text
from deploy.errors import DeployError, InvalidOptions

ANSWERS: Answers = {
    "project": "my-project",
    "region": "us-east1",
    "dt_projects": ("c0md3pm0p7bet3vico8g",),
    "name": "dt-pubsub",
}
WRITTEN_BY_HAND = """\
# The cold chain.
region = 'europe-west1'  # near the users
"dt_projects" = [
  "aaaaaaaaaaaaaaaaaaaa",  # old building
  "bbbbbbbbbbbbbbbbbbbb",
]
retention = "3d"

[function]
min_instances = 1  # no cold start

[labels]
name = "not the name of the deployment"
"""


def test_a_new_file_is_read_as_what_was_answered(tmp_path: Path) -> None:
    (tmp_path / "deploy.toml").write_text(new_text(ANSWERS, {}), "utf-8")
    spec = read_spec({}, {}, tmp_path)
    assert (spec.google_project, spec.region, spec.dt_projects, spec.name) == tuple(ANSWERS.values())


def test_a_new_file_has_only_what_differs_and_explains_every_line() -> None:
    text = new_text(ANSWERS, {"c0md3pm0p7bet3vico8g": "Cold store"})
    assert list(tomllib.loads(text)) == ["project", "region", "dt_projects"]
    assert "# c0md3pm0p7bet3vico8g: Cold store\n" in text
    assert '# name = "dt-pubsub"\n' in text
    assert max(map(len, text.splitlines())) <= 100
    assert tomllib.loads(new_text({**ANSWERS, "name": "site2-pubsub"}, {}))["name"] == "site2-pubsub"


WHOLE = """\
# Settings of this deployment, which `python -m deploy` reads in this folder.
# Written by `python -m deploy init`, which can change them; so can you.
# A flag or a variable DEPLOY_... overrides a line. Keep no secrets here: DT's
# key comes from the environment, or is asked for. All settings: `python -m deploy up --help`

# The Google Cloud project of topics, secret and function.
project = "my-project"

# The region of the function.
region = "us-east1"

# The DT projects whose events are sent.
# c0md3pm0p7bet3vico8g: Cold store
dt_projects = ["c0md3pm0p7bet3vico8g"]

# The name of the deployment; another name is another deployment.
# name = "dt-pubsub"

# Whatever is left out gets its default when it is made, and keeps its value
# later. Two examples, an instance that is always ready, and labels of devices
# as attributes of messages:
# [function]
# min_instances = 1
# [settings]
# LABEL_ATTRIBUTES = "room"
"""


def test_the_whole_text_of_a_new_file() -> None:
    assert new_text(ANSWERS, {"c0md3pm0p7bet3vico8g": "Cold store", "another": "Not asked for"}) == WHOLE


@pytest.mark.parametrize(
    "line", ["project = 'my-project'", 'dt_projects = [ "c0md3pm0p7bet3vico8g" ]', "region = 'us-east1' # near"]
)
def test_a_line_that_says_the_same_in_another_way_stays(line: str) -> None:
    assert f"{line}\n" in edited(f"{line}\n", ANSWERS, "deploy.toml")


def test_a_setting_is_inserted_after_a_last_line_without_an_end() -> None:
    wanted = {"region": "us-east1", "project": "my-project"}
    assert edited('# ours\nregion = "us-east1"', wanted, "deploy.toml") == (
        '# ours\nregion = "us-east1"\nproject = "my-project"\n'
    )


def test_a_list_of_several_lines_at_the_end_is_replaced_whole() -> None:
    before = 'region = "us-east1"\ndt_projects = [\n  "old",\n]\n'
    wanted: Answers = {"region": "us-east1", "dt_projects": ("c0md3pm0p7bet3vico8g",)}
    assert edited(before, wanted, "deploy.toml") == 'region = "us-east1"\ndt_projects = ["c0md3pm0p7bet3vico8g"]\n'


def test_a_file_that_cannot_be_read_is_named() -> None:
    with pytest.raises(InvalidOptions, match=r"site2\.toml: "):
        edited("no toml", ANSWERS, "site2.toml")


def test_the_examples_in_a_new_file_are_valid_settings(tmp_path: Path) -> None:
    head, examples = new_text(ANSWERS, {}).split("attributes of messages:\n")
    lines = [line.removeprefix("# ") for line in examples.splitlines()]
    (tmp_path / "deploy.toml").write_text("\n".join([head + "attributes of messages:", *lines]), "utf-8")
    spec = read_spec({}, {}, tmp_path)
    assert (spec.function, spec.settings) == ({"min_instances": "1"}, {"LABEL_ATTRIBUTES": "room"})


def test_an_existing_file_keeps_every_byte_that_was_not_asked_for() -> None:
    after = edited(WRITTEN_BY_HAND, ANSWERS, "deploy.toml")
    assert after == WRITTEN_BY_HAND.replace(
        "region = 'europe-west1'  # near the users\n", 'region = "us-east1"\n'
    ).replace(
        WRITTEN_BY_HAND[WRITTEN_BY_HAND.index('"dt_projects"') : WRITTEN_BY_HAND.index("retention")],
        'dt_projects = ["c0md3pm0p7bet3vico8g"]\nproject = "my-project"\n',
    )


def test_a_file_that_has_the_answers_already_does_not_change() -> None:
    once = edited(WRITTEN_BY_HAND, ANSWERS, "deploy.toml")
    assert edited(once, ANSWERS, "deploy.toml") == once
    assert difference(once, once, "deploy.toml") == ""
    single = 'project = "my-project"\nregion = "us-east1"\ndt_projects = "c0md3pm0p7bet3vico8g"\n'
    assert edited(single, ANSWERS, "deploy.toml") == single


@pytest.mark.parametrize("before", ["", "# nothing yet", "[labels]\nteam = 'x'\n", "retention='3d'\r\n[labels]\r\n"])
def test_missing_settings_are_inserted_before_every_table(before: str) -> None:
    after = edited(before, ANSWERS, "deploy.toml")
    assert {place: tomllib.loads(after)[place] for place in ("project", "region")} == {
        "project": "my-project",
        "region": "us-east1",
    }
    assert tomllib.loads(before).items() <= tomllib.loads(after).items()
    assert ("\r\n" in before) == ("\r\n" in after) == ("\n" not in after.replace("\r\n", ""))


@pytest.mark.parametrize("separator", ["\u2028", "\u0085"])
def test_only_a_line_feed_ends_a_line(separator: str) -> None:
    before = f'# copied{separator}project = "other-project"\nregion = "us-east1"\n'
    after = edited(before, ANSWERS, "deploy.toml")
    assert after.startswith(before)
    assert tomllib.loads(after)["project"] == "my-project"


def test_a_file_that_cannot_be_edited_is_refused_with_what_it_needs() -> None:
    strange = 'retention = """\nregion = "x"\n3d"""\n'
    wanted = {"region": "us-east1", "project": "my-project"}
    with pytest.raises(DeployError) as refused:
        edited(strange, wanted, "deploy.toml")
    assert refused.value.what == (
        "is written in a way that cannot be changed here; nothing was changed. It needs: "
        'region = "us-east1", project = "my-project"'
    )
    assert refused.value.where == "deploy.toml"
    assert refused.value.fix == ("change it by hand, or name another file with --config",)


def test_the_difference_shows_the_changed_lines() -> None:
    shown = difference(WRITTEN_BY_HAND, edited(WRITTEN_BY_HAND, ANSWERS, "deploy.toml"), "deploy.toml").splitlines()
    assert shown[:2] == ["--- deploy.toml", "+++ deploy.toml (new)"]
    assert shown[2].startswith("@@ -1,")
    assert "" not in shown[:4]
    assert "-region = 'europe-west1'  # near the users" in shown
    assert '+region = "us-east1"' in shown
    assert not [line for line in shown if "min_instances" in line and line.startswith(("+", "-"))]


def test_a_file_is_written_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "deploy.toml"
    write_settings_file(path, "project = 'ä'\r\n")
    assert path.read_bytes() == "project = 'ä'\r\n".encode()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes, and needs a right to make links")
def test_a_link_stays_a_link_and_an_existing_file_keeps_its_mode(tmp_path: Path) -> None:
    real, link = tmp_path / "real.toml", tmp_path / "deploy.toml"
    real.write_text("old", "utf-8")
    real.chmod(0o640)
    link.symlink_to(real)
    write_settings_file(link, "new")
    assert (link.is_symlink(), real.read_text("utf-8"), stat.S_IMODE(real.stat().st_mode)) == (True, "new", 0o640)


def test_a_file_that_cannot_be_written_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "deploy.toml"
    path.write_text("old", "utf-8")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DeployError, match="cannot be written: No space left on device"):
        write_settings_file(path, "new")
    assert (path.read_text("utf-8"), list(tmp_path.iterdir())) == ("old", [path])
