"""init: what it finds, asks, refuses and writes, with both clouds in memory."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from deploy.cli.parser import parse
from deploy.context import Context
from deploy.dt.calls import DtAnswer
from deploy.errors import Aborted, DeployError, DtFailed, GcloudFailed, InvalidOptions
from deploy.spec import NO_SETTINGS
from deploy.verbs import USAGES, init
from tests.deploy.fakes.dt import DT_PROJECT, SECOND
from tests.deploy.fakes.gcloud import PROJECT, REGION
from tests.deploy.stage import Stage

KEY = {
    "DT_SERVICE_ACCOUNT_KEY_ID": "k",
    "DT_SERVICE_ACCOUNT_SECRET": "s",
    "DT_SERVICE_ACCOUNT_EMAIL": "e@serviceaccount.d21s.com",
}
CONFIGURED = {"core": {"project": PROJECT}, "functions": {"region": REGION}}
ALL_GIVEN = (f"--project={PROJECT}", f"--region={REGION}", f"--dt-project={DT_PROJECT}", "--name=dt-pubsub")


@dataclass
class Newcomer:
    """A user in an empty folder. ``environ`` and ``configured``: variables, and gcloud's configuration."""

    stage: Stage
    folder: Path
    environ: Mapping[str, str] = field(default_factory=lambda: KEY)
    configured: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: CONFIGURED)
    has_key: bool = True

    def context(self, *flags: str, types: str | None = None) -> Context:
        """Return the context of ``init`` with these flags. ``types``: what is typed; None: there is no terminal."""
        built = self.stage.deployment(answer=types, credentials=self.has_key).context
        return replace(
            built,
            spec=NO_SETTINGS,
            flags=parse(["init", *flags], USAGES),
            environ=self.environ,
            folder=self.folder,
            configuration=lambda: self.configured,
        )

    def types(self, *lines: str, flags: tuple[str, ...] = ()) -> int:
        """Run ``init`` on a terminal, and type these lines, then Ctrl-D."""
        return init.run(self.context(*flags, types="".join(f"{line}\n" for line in lines)))

    def written(self, name: str = "deploy.toml") -> dict[str, Any]:
        """Return the settings in the file."""
        return tomllib.loads((self.folder / name).read_text("utf-8"))


@pytest.fixture
def newcomer(stage: Stage, tmp_path: Path) -> Newcomer:
    """A user with one Google project, one DT project, a DT key, and a configured gcloud."""
    stage.google.has_everything_on()
    return Newcomer(stage, tmp_path)


ENTER = ("", "", "", "")
FOUND = {"project": PROJECT, "region": REGION, "dt_projects": [DT_PROJECT]}


def test_enter_four_times_writes_what_was_found_and_shows_the_next_command(newcomer: Newcomer) -> None:
    assert newcomer.types(*ENTER) == 0
    assert newcomer.written() == FOUND
    assert newcomer.stage.shown == "wrote deploy.toml\nnext: python -m deploy up\n"


def test_init_changes_nothing_in_either_cloud(newcomer: Newcomer) -> None:
    newcomer.types(*ENTER)
    assert newcomer.stage.google.changes() == []
    assert {request.method for request in newcomer.stage.dt.asked} == {"GET"}


def test_with_all_flags_nothing_is_asked(newcomer: Newcomer) -> None:
    newcomer.types(flags=ALL_GIVEN)
    assert newcomer.written() == FOUND


def test_a_variable_answers_its_question_too_and_another_tools_variable_is_a_default(newcomer: Newcomer) -> None:
    newcomer.stage.google.projects["other-project"] = "Other"
    newcomer.environ = {**KEY, "DEPLOY_REGION": "us-central1", "GOOGLE_CLOUD_PROJECT": "other-project"}
    newcomer.types("", "", "")
    assert newcomer.written() == {**FOUND, "project": "other-project", "region": "us-central1"}


@pytest.mark.parametrize(
    ("flag", "says"),
    [
        ("--project=not-there-1", "not-there-1: does not exist, or you have no access to it"),
        ("--region=mars-north1", "mars-north1: has no functions"),
        ("--dt-project=b0000000000000000000", "not found"),
    ],
)
def test_a_flag_that_cannot_be_used_is_an_error_that_says_why(newcomer: Newcomer, flag: str, says: str) -> None:
    others = [given for given in ALL_GIVEN if given.partition("=")[0] != flag.partition("=")[0]]
    with pytest.raises(DeployError, match=says) as refused:
        newcomer.types(flags=(*others, flag))
    assert refused.value.where == flag.partition("=")[0]
    assert list(newcomer.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (("not-there-1", "1", "", "", ""), "does not exist, or you have no access to it"),
        (("Not An Id", "1", "", "", ""), "'Not An Id' is not the id of a Google Cloud project"),
        (("", "no", "", "", ""), "'no' is not a name of 6 to 30"),
        (("", "", "mars-north1", "", ""), "has no functions"),
        (("", "", "everywhere", "", ""), "'everywhere' is not a region"),
        (("", "", "", "b0000000000000000000", ""), "not found"),
        (("", "", "", "-", "1"), "docs/dt-studio.md shows where"),
    ],
)
def test_a_wrong_answer_is_refused_at_once_and_asked_again(
    newcomer: Newcomer, lines: tuple[str, ...], says: str
) -> None:
    newcomer.types(*lines)
    assert says in newcomer.stage.noted
    assert newcomer.written() == FOUND


def test_a_project_without_billing_is_refused_with_the_command_that_links_it(newcomer: Newcomer) -> None:
    newcomer.stage.google.is_billed = False
    with pytest.raises(Aborted):
        newcomer.types("1")
    assert "billing is off" in newcomer.stage.noted
    assert f"gcloud billing projects link {PROJECT}" in newcomer.stage.noted


def test_a_dt_role_that_is_too_low_is_refused_with_the_role_that_is_needed(newcomer: Newcomer) -> None:
    newcomer.stage.dt.permissions = ("dataconnector.read",)
    with pytest.raises(Aborted):
        newcomer.types(*ENTER)
    assert "the service account lacks dataconnector.create" in newcomer.stage.noted
    assert "give it the role Project Developer" in newcomer.stage.noted


def test_a_dt_project_that_may_not_be_read_is_refused_and_asked_for_again(newcomer: Newcomer) -> None:
    listed = {"name": f"projects/{DT_PROJECT}", "displayName": "Cold store", "organization": "organizations/o"}
    newcomer.stage.dt.stumbles += [DtAnswer(200, {"projects": [listed]}), DtAnswer(403, {"error": "permission denied"})]
    newcomer.types(*ENTER, "")
    assert "403 permission denied" in newcomer.stage.noted
    assert newcomer.written() == FOUND


def test_several_dt_projects_are_shown_with_their_names_and_can_be_chosen_together(newcomer: Newcomer) -> None:
    newcomer.stage.dt.connectors[SECOND] = []
    newcomer.types("", "", "", "1, 2")
    assert set(newcomer.written()["dt_projects"]) == {DT_PROJECT, SECOND}
    assert f"# {SECOND}: Building bsu\n" in (newcomer.folder / "deploy.toml").read_text("utf-8")


def test_dt_projects_of_two_organizations_are_told_apart_and_refused_together(newcomer: Newcomer) -> None:
    newcomer.stage.dt.connectors[SECOND] = []
    newcomer.stage.dt.organizations[SECOND] = "another"
    newcomer.types("", "", "", "1 2", DT_PROJECT)
    assert "Building bsu, Company ano" in newcomer.stage.noted
    assert "the projects belong to 2 organizations; make one deployment for each" in newcomer.stage.noted
    assert newcomer.written() == FOUND


def test_all_pages_of_dts_list_are_read(newcomer: Newcomer) -> None:
    newcomer.stage.dt.page_size = 1
    newcomer.stage.dt.connectors[SECOND] = []
    newcomer.types("", "", "", SECOND)
    assert newcomer.written()["dt_projects"] == [SECOND]


def test_a_list_of_hundreds_of_projects_is_filtered_by_a_part_of_a_name(newcomer: Newcomer) -> None:
    newcomer.stage.google.projects |= {f"lab-{number:04}": f"Laboratory {number}" for number in range(300)}
    newcomer.types("laboratory 277", "", "", "", "")
    assert "and 286 more: type a part of the name to see fewer" in newcomer.stage.noted
    assert newcomer.written()["project"] == "lab-0277"


def test_a_second_machine_takes_over_the_deployment_that_a_project_has(up: Stage, tmp_path: Path) -> None:
    up.dt.connectors[SECOND] = []
    newcomer = Newcomer(up, tmp_path, configured={"core": {"project": PROJECT}, "run": {"region": "us-central1"}})
    newcomer.types(*ENTER)
    assert f"dt-pubsub  is in {REGION} already; go on with it" in up.noted
    assert newcomer.written() == FOUND


def test_a_new_deployment_beside_an_existing_one_gets_the_name_that_is_typed(up: Stage, tmp_path: Path) -> None:
    newcomer = Newcomer(up, tmp_path)
    newcomer.types("", "site2-pubsub", "us-central1", "1")
    assert newcomer.written() == {**FOUND, "name": "site2-pubsub", "region": "us-central1"}


def test_a_list_that_is_refused_is_replaced_by_an_answer_in_free_text(newcomer: Newcomer) -> None:
    denied = "PERMISSION_DENIED: Permission denied."
    newcomer.stage.google.stumbles += [("projects list", denied), ("functions list", denied)]
    newcomer.stage.dt.stumbles.append(DtAnswer(403, {"error": "permission denied"}))
    newcomer.configured = {}
    newcomer.types(PROJECT, "", REGION, DT_PROJECT)
    for what in ("Google Cloud's projects", "the deployments", "DT's projects"):
        assert f"note: {what} could not be listed" in newcomer.stage.noted
    assert newcomer.written() == FOUND


def test_before_the_functions_api_is_on_the_known_regions_are_shown(newcomer: Newcomer) -> None:
    disabled = "PERMISSION_DENIED: SERVICE_DISABLED"
    newcomer.stage.google.stumbles += [("functions list", disabled), ("functions regions list", disabled)] * 2
    newcomer.types("", "", "africa-south1", "")
    assert newcomer.written()["region"] == "africa-south1"


def test_without_a_login_gcloud_is_not_asked_again_and_again(newcomer: Newcomer) -> None:
    newcomer.stage.google.is_logged_in = False
    with pytest.raises(GcloudFailed, match="gcloud auth login"):
        newcomer.types(*ENTER)


def test_an_account_without_a_project_is_told_how_to_make_one(newcomer: Newcomer) -> None:
    newcomer.stage.google.projects.clear()
    with pytest.raises(DeployError, match="sees no project") as refused:
        newcomer.types(*ENTER)
    assert refused.value.fix == ("gcloud projects create MY-PROJECT-ID", "gcloud auth login")


def test_a_service_account_without_a_project_is_told_where_to_give_it_a_role(newcomer: Newcomer) -> None:
    newcomer.stage.dt.connectors.clear()
    with pytest.raises(DeployError, match="has a role in no project") as refused:
        newcomer.types(*ENTER)
    assert "Project Developer" in refused.value.fix[0]
    assert "docs/dt-studio.md" in refused.value.fix[0]


def test_a_key_that_dt_refuses_ends_init(newcomer: Newcomer) -> None:
    newcomer.stage.dt.stumbles += [DtAnswer(401, {"error": "the service account's key was refused"})]
    with pytest.raises(DtFailed, match="check DT_SERVICE_ACCOUNT_KEY_ID"):
        newcomer.types(*ENTER)


def test_without_dts_key_a_project_is_typed_unchecked_and_the_key_is_explained(newcomer: Newcomer) -> None:
    newcomer.environ, newcomer.has_key = {}, False
    newcomer.types("", "", "", DT_PROJECT)
    assert "DT's projects can be neither listed nor checked" in newcomer.stage.noted
    assert newcomer.written() == FOUND


def test_a_key_that_was_typed_is_not_stored_and_its_variables_are_shown_as_placeholders(newcomer: Newcomer) -> None:
    newcomer.environ = {}
    newcomer.types(*ENTER)
    export = "export DT_SERVICE_ACCOUNT_KEY_ID=… DT_SERVICE_ACCOUNT_SECRET=… DT_SERVICE_ACCOUNT_EMAIL=…"
    assert (
        f"DT's key was not stored: set it in every shell in which the command runs\n  {export}" in newcomer.stage.shown
    )
    assert "DT_SERVICE_ACCOUNT" not in (newcomer.folder / "deploy.toml").read_text("utf-8")


def test_another_file_is_written_with_config_and_named_in_the_next_command(newcomer: Newcomer) -> None:
    newcomer.types(*ENTER, flags=("--config=site2.toml",))
    assert newcomer.written("site2.toml") == FOUND
    assert "next: python -m deploy up --config=site2.toml\n" in newcomer.stage.shown


def test_a_file_whose_name_has_a_blank_is_quoted_in_the_next_command(newcomer: Newcomer) -> None:
    newcomer.types(*ENTER, flags=("--config=site 2.toml",))
    assert "next: python -m deploy up '--config=site 2.toml'\n" in newcomer.stage.shown


def test_a_comma_alone_names_no_dt_project(newcomer: Newcomer) -> None:
    newcomer.environ = {**KEY, "DEPLOY_DT_PROJECTS": ","}
    newcomer.types("", "", "", ",", "1")
    assert "an answer is needed" in newcomer.stage.noted
    assert newcomer.written() == FOUND


def test_a_dt_project_that_is_given_twice_is_written_once(newcomer: Newcomer) -> None:
    newcomer.types(flags=(*ALL_GIVEN, f"--dt-project={DT_PROJECT}"))
    assert newcomer.written() == FOUND


def test_a_file_in_a_folder_that_does_not_exist_is_refused_before_any_question(newcomer: Newcomer) -> None:
    with pytest.raises(DeployError, match="there is no such folder"):
        newcomer.types(*ENTER, flags=("--config=nowhere/deploy.toml",))
    assert newcomer.stage.google.asked == []


TOO_LONG = f"{'x' * 250}.toml"
"""A valid name, beside which no temporary file can be made: not even root could write it."""


def test_a_folder_that_cannot_be_written_is_refused_before_any_question(newcomer: Newcomer) -> None:
    with pytest.raises(DeployError, match="cannot be written: File name too long") as refused:
        newcomer.types(*ENTER, flags=(f"--config={TOO_LONG}",))
    assert refused.value.fix == ("name a file in another folder with --config",)
    assert newcomer.stage.google.asked == []
    assert list(newcomer.folder.iterdir()) == []


def test_a_file_that_cannot_be_written_may_stay_as_it_is(newcomer: Newcomer) -> None:
    newcomer.types(*ENTER)
    (newcomer.folder / "deploy.toml").rename(newcomer.folder / TOO_LONG)
    newcomer.types(*ENTER, flags=(f"--config={TOO_LONG}",))
    assert f"note: {TOO_LONG} cannot be written: File name too long; it can only stay as it is" in newcomer.stage.noted
    assert f"{TOO_LONG} has these settings already" in newcomer.stage.shown


BEFORE = f'# mine\nproject = "{PROJECT}"\nregion = "us-central1"  # old\n[function]\nmin_instances = 1\n'


def test_an_existing_file_is_shown_as_a_difference_and_changed_only_after_a_yes(newcomer: Newcomer) -> None:
    (newcomer.folder / "deploy.toml").write_text(BEFORE, "utf-8")
    newcomer.types("", "", REGION, "", "y")
    assert '-region = "us-central1"  # old\n+region = "europe-west1"\n' in newcomer.stage.noted
    assert newcomer.written() == {**FOUND, "function": {"min_instances": 1}}
    assert (newcomer.folder / "deploy.toml").read_text("utf-8").startswith("# mine\n")


@pytest.mark.parametrize("last", [("n",), ("",), ()], ids=["no", "Enter", "Ctrl-D"])
def test_an_existing_file_stays_without_a_yes(newcomer: Newcomer, last: tuple[str, ...]) -> None:
    (newcomer.folder / "deploy.toml").write_text(BEFORE, "utf-8")
    with pytest.raises(Aborted, match=r"was not changed|nothing was changed"):
        newcomer.types("", "", "", "", *last)
    assert (newcomer.folder / "deploy.toml").read_text("utf-8") == BEFORE


def test_the_settings_of_an_existing_file_are_the_defaults_and_a_second_init_changes_nothing(
    newcomer: Newcomer,
) -> None:
    newcomer.types("", "site2-pubsub", "us-central1", "")
    before = (newcomer.folder / "deploy.toml").read_bytes()
    newcomer.types(*ENTER)
    assert (newcomer.folder / "deploy.toml").read_bytes() == before
    assert "deploy.toml has these settings already" in newcomer.stage.shown


@pytest.mark.parametrize("yes", [False, True])
def test_a_file_without_a_name_keeps_the_usual_name_beside_another_deployment(
    newcomer: Newcomer,
    yes: bool,  # noqa: FBT001
) -> None:
    assert newcomer.stage.deployment(name="site2-pubsub").up(verify=False) == 0
    text = f'project = "{PROJECT}"\nregion = "{REGION}"\ndt_projects = ["{DT_PROJECT}"]\n'
    (newcomer.folder / "deploy.toml").write_text(text, "utf-8")
    assert (init.run(newcomer.context("--yes")) if yes else newcomer.types(*ENTER)) == 0
    assert (newcomer.folder / "deploy.toml").read_text("utf-8") == text


def test_an_existing_file_with_an_error_is_left_alone_with_the_line_of_the_error(newcomer: Newcomer) -> None:
    (newcomer.folder / "deploy.toml").write_text(BEFORE + "memori = '1Gi'\n", "utf-8")
    with pytest.raises(InvalidOptions, match=r"deploy.toml, line 6: unknown key function.memori"):
        newcomer.types(*ENTER)


def test_a_file_that_another_program_writes_meanwhile_is_not_overwritten(newcomer: Newcomer) -> None:
    def write(_: object) -> None:
        (newcomer.folder / "deploy.toml").write_text(BEFORE, "utf-8")

    newcomer.stage.google.before = write
    with pytest.raises(Aborted, match="was changed meanwhile by another program"):
        newcomer.types(*ENTER)
    assert (newcomer.folder / "deploy.toml").read_text("utf-8") == BEFORE


@pytest.mark.parametrize("answered", range(4))
def test_ctrl_d_at_any_question_writes_nothing_and_says_so(newcomer: Newcomer, answered: int) -> None:
    with pytest.raises(Aborted, match="nothing was changed"):
        newcomer.types(*[""] * answered)
    assert list(newcomer.folder.iterdir()) == []


def test_ctrl_c_writes_nothing_and_says_so(newcomer: Newcomer) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    newcomer.stage.google.before = interrupt
    with pytest.raises(Aborted, match="interrupted, and nothing was changed"):
        newcomer.types(*ENTER)
    assert list(newcomer.folder.iterdir()) == []


def test_without_a_terminal_the_error_shows_the_flags_that_answer(newcomer: Newcomer) -> None:
    with pytest.raises(Aborted, match="not a terminal") as refused:
        init.run(newcomer.context())
    assert refused.value.fix == ("python -m deploy init --yes --project=ID --region=REGION --dt-project=ID",)
    assert newcomer.stage.google.asked == []


def test_yes_takes_what_is_clear_without_a_terminal(newcomer: Newcomer) -> None:
    assert init.run(newcomer.context("--yes")) == 0
    assert newcomer.written() == FOUND


def test_in_json_nothing_but_the_document_is_printed(newcomer: Newcomer) -> None:
    context = newcomer.context("--yes", "--json")
    assert init.run(context) == 0
    assert (newcomer.stage.shown, newcomer.written()) == ("", FOUND)


def test_yes_takes_over_the_only_deployment(up: Stage, tmp_path: Path) -> None:
    newcomer = Newcomer(up, tmp_path, configured={})
    assert init.run(newcomer.context("--yes")) == 0
    assert newcomer.written() == FOUND


def test_yes_names_everything_that_is_not_clear_at_once(newcomer: Newcomer) -> None:
    newcomer.configured = {}
    newcomer.stage.google.projects["other-project"] = "Other"
    newcomer.stage.dt.connectors[SECOND] = []
    with pytest.raises(InvalidOptions) as refused:
        init.run(newcomer.context("--yes"))
    flags = [fault.partition(" cannot be guessed")[0] for fault in refused.value.faults]
    assert flags == ["--project", "--region", "--dt-project"]
    assert "there are 2: cold-chain-prod (Cold chain), other-project (Other)" in refused.value.faults[0]
    assert list(newcomer.folder.iterdir()) == []


def test_yes_does_not_change_an_existing_file(newcomer: Newcomer) -> None:
    (newcomer.folder / "deploy.toml").write_text(BEFORE, "utf-8")
    with pytest.raises(Aborted, match=r"deploy\.toml has other settings, and was not changed"):
        init.run(newcomer.context("--yes", f"--region={REGION}"))
    assert (newcomer.folder / "deploy.toml").read_text("utf-8") == BEFORE
