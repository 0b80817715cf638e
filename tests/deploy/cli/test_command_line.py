"""The command line, the terminal and the uploaded files."""

import argparse
import contextlib
import errno
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from deploy import __main__ as command
from deploy import wiring
from deploy.cli import completion
from deploy.cli.options import ASKED, OPTIONS, Option
from deploy.cli.parser import build_parser, parse
from deploy.cli.settings import read_spec
from deploy.cli.terminal import Terminal
from deploy.errors import DeployError, NotInstalled, SettingsMissing
from deploy.report import Report
from deploy.spec import DT_STUDIO
from deploy.stages.source import ROOT, digest, source_files, staged
from deploy.steps import ConnectorCall, GcloudCall, ResourceId, create
from deploy.verbs import USAGES, VERBS
from function.version import VERSION
from tests.deploy.stage import Keyboard
from tests.forks import Forks


class Full(io.StringIO):
    """A stream that cannot be written to."""

    def write(self, text: str) -> int:
        """Raise an error."""
        del text
        raise OSError(errno.ENOSPC, "No space left on device")


class Screen(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        """Return that it is one."""
        return True


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty current folder, and an environment without settings."""
    monkeypatch.chdir(tmp_path)
    for name in ("GOOGLE_CLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_missing_options_are_listed_with_exit_status_1(nowhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["plan"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "--project is missing (or DEPLOY_PROJECT, or project in deploy.toml)" in printed.err


@pytest.mark.parametrize("dt_project", ["", "projects/c0md3pm0p7bet3vico8g", "https://studio.example/projects/x", "-"])
def test_a_missing_or_malformed_dt_project_points_to_the_page_that_shows_where_it_is(
    dt_project: str, nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [f"--dt-project={dt_project}"] if dt_project else []
    assert command.main(["plan", "--project=my-project", "--region=europe-west1", *given]) == 1
    assert f"; {DT_STUDIO} shows where " in capsys.readouterr().err
    assert (ROOT / DT_STUDIO).exists()


@pytest.mark.parametrize("verb", [name for name in VERBS if USAGES[name].needs_settings])
def test_missing_settings_are_an_error_that_names_init_off_a_terminal(
    verb: str, nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main([verb]) == 1
    assert "\n  fix: python -m deploy init\n" in capsys.readouterr().err


def test_init_is_not_named_if_it_would_not_help(nowhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["up", "--region=mars"]) == 1
    assert "init" not in capsys.readouterr().err


def run_on_a_terminal(typed: str, *words: str) -> tuple[str, DeployError]:
    """Run a verb without settings on a terminal; return what was shown there, and the error."""
    err = io.StringIO()
    terminal = Terminal(io.StringIO(), err, Keyboard(typed))
    with pytest.raises(DeployError) as ended:
        command.run(parse(words, USAGES), {}, terminal, Report())
    return err.getvalue(), ended.value


def test_up_without_settings_offers_init_on_a_terminal_and_a_no_is_the_usual_error(nowhere: Path) -> None:
    shown, error = run_on_a_terminal("n\n", "up")
    assert shown == "There are no settings yet. Run init now? [Y/n] "
    assert isinstance(error, SettingsMissing)
    assert len(error.faults) == 3


def test_the_offer_names_what_is_missing_if_there_are_some_settings(nowhere: Path) -> None:
    shown, _ = run_on_a_terminal("n\n", "up", "--project=my-project", "--region=us-east1")
    assert shown == "There is no --dt-project yet. Run init now? [Y/n] "


def test_a_missing_package_is_reported_before_init_asks_anything(nowhere: Path, mocker: MockerFixture) -> None:
    mocker.patch("deploy.__main__._load_verbs", side_effect=NotInstalled("requests is not installed", []))
    shown, error = run_on_a_terminal("y\n", "up")
    assert (shown, type(error)) == ("", NotInstalled)


def test_ctrl_d_at_the_offer_changes_nothing(nowhere: Path) -> None:
    _, error = run_on_a_terminal("", "up")
    assert "nothing was changed" in error.what
    assert list(nowhere.iterdir()) == []


@pytest.mark.parametrize("words", [["plan"], ["down"], ["up", "--yes"]], ids=" ".join)
def test_init_is_offered_by_up_alone_and_not_if_nothing_may_be_asked(words: list[str], nowhere: Path) -> None:
    shown, error = run_on_a_terminal("y\n", *words)
    assert (shown, type(error)) == ("", SettingsMissing)


def help_of(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as ended:
        command.main([*words, "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


WITHOUT_DT = {"list", "follow", "replay"}
"""The verbs that look at a Google project, at its topics or at a function, and need no DT project."""


@pytest.mark.parametrize("verb", sorted(set(VERBS) - WITHOUT_DT - {"audit"}))  # audit reads topics, and no function
def test_every_verb_has_flags_for_the_deployment_and_for_json(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    message = help_of(capsys, verb)
    assert all(flag in message for flag in ("--config", "--json", *(option.flag for option in ASKED)))


def test_list_has_only_the_flags_that_it_needs_and_list_and_follow_need_only_the_project() -> None:
    assert USAGES["list"].flag_names == ("--config", "--json", "--project")
    assert [name for name, usage in USAGES.items() if usage.mandatory == {"project"}] == ["list", "follow"]


def test_replay_needs_project_and_region() -> None:
    assert USAGES["replay"].mandatory == {"project", "region"}
    assert {"--project", "--region", "--name"} <= set(USAGES["replay"].flag_names)


def test_list_follow_and_replay_work_without_a_login_at_dt_and_follow_uses_one_if_there_is_one() -> None:
    assert {name for name, usage in USAGES.items() if not usage.reaches_dt} == WITHOUT_DT
    assert [name for name, usage in USAGES.items() if usage.may_reach_dt] == ["follow"]


def test_list_reads_a_deploy_toml_that_names_only_the_project(nowhere: Path) -> None:
    (nowhere / "deploy.toml").write_text('project = "my-project"\n', "utf-8")
    spec = read_spec(vars(parse(["list"], USAGES)), {}, nowhere, USAGES["list"].mandatory)
    assert (spec.google_project, spec.region, spec.dt_projects) == ("my-project", "", ())


@pytest.mark.parametrize("verb", ["plan", "up"])
def test_verbs_that_can_change_a_setting_have_a_flag_for_every_setting(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    message = help_of(capsys, verb)
    assert [option.flag for option in OPTIONS if f"{option.flag} " not in message] == []


def test_only_verbs_that_ask_have_the_flag_yes() -> None:
    assert [name for name, usage in USAGES.items() if "--yes" in usage.flag_names] == [
        *("init", "up", "verify", "pause", "resume", "rotate", "down")
    ]


def test_the_help_of_status_says_that_it_compares_settings_and_has_no_flags_for_sizes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    message = help_of(capsys, "status")
    assert "The other settings, from deploy.toml and the environment, are compared with" in message
    assert "--memory" not in message
    assert "does not use the other settings" in help_of(capsys, "down")


def test_the_help_of_init_says_that_it_asks_for_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    message = " ".join(help_of(capsys, "init").split())
    assert "such as europe-west1 (asked for) [DEPLOY_REGION]" in message
    assert "required" not in message
    assert "such as europe-west1 (required) [DEPLOY_REGION]" in " ".join(help_of(capsys, "plan").split())


def test_without_a_verb_all_verbs_are_shown_with_what_to_type_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    lines = printed.err.splitlines()
    assert [line.split()[0] for line in lines if re.match(r"  \w", line)] == list(VERBS)
    assert "to begin:             python -m deploy init" in lines
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("verb", ["verify", "down", "status"])
def test_the_help_of_a_verb_that_needs_few_settings_fits_one_screen(
    verb: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = help_of(capsys, verb).splitlines()
    assert 24 <= len(lines) <= 40
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("words", [["--json", "plan"], ["--yes", "up"], ["--project=my-project", "down"]], ids=" ".join)
def test_a_flag_before_the_verb_is_refused_with_where_it_goes(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    flag, verb = words[0].partition("=")[0], words[1]
    assert command.main(words) == 1
    assert (
        capsys.readouterr().err == f"error: {flag}: flags come after the verb\n  fix: python -m deploy {verb} {flag}\n"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["down", "--memory=1Gi"], "--memory is not a flag of down, but of plan and up"),
        (["verify", "--set", "LOG_LEVEL=DEBUG"], "--set is not a flag of verify, but of plan and up"),
        (["plan", "--yes"], "--yes is not a flag of plan, but of init, up, verify, pause, resume, rotate and down"),
        (["down", "--no-verify"], "--no-verify is not a flag of down, but of up and resume"),
        (
            ["plan", "--yes", "--no-verify"],
            (
                "--yes is not a flag of plan, but of init, up, verify, pause, resume, rotate and down; "
                "--no-verify is not a flag of plan, but of up and resume"
            ),
        ),
    ],
)
def test_a_flag_of_another_verb_is_refused_with_the_verbs_that_have_it(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(words) == 1
    assert capsys.readouterr().err == f"error: {message}\n  fix: python -m deploy {words[0]} --help\n"


@pytest.mark.parametrize("verb", list(VERBS))
def test_settings_that_a_verb_has_no_flag_for_are_taken_from_file_and_environment(verb: str, nowhere: Path) -> None:
    Path("deploy.toml").write_text(
        'project = "cold-chain-prod"\nregion = "europe-west1"\ndt_projects = ["c0md3pm0p7bet3vico8g"]\n'
        'labels = {team = "cold-chain"}\n[function]\nmemory = "1Gi"\n',
        "utf-8",
    )
    spec = read_spec(vars(parse([verb], USAGES)), {"DEPLOY_RETENTION": "3d"}, nowhere)
    assert (spec.function, spec.retention, spec.labels) == ({"memory": "1Gi"}, "3d", {"team": "cold-chain"})


def test_the_verbs_that_can_be_typed_are_those_that_have_a_function() -> None:
    (verbs,) = (action for action in build_parser(USAGES)._actions if action.dest == "verb")  # noqa: SLF001  # argparse shows it nowhere else
    assert set(verbs.choices or ()) == {*VERBS, completion.VERB}


def test_the_version_is_printed_without_a_verb_or_any_setting(
    nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["--version"])
    assert (ended.value.code, capsys.readouterr().out) == (0, f"dt-pubsub {VERSION}\n")


@pytest.mark.parametrize("words", [["destroy"], ["up", "--fast"], ["up", "--project"]])
def test_an_invalid_command_line_ends_with_1_because_2_means_changes(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(words) == 1
    assert "fix: python -m deploy" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["destroy", "--json"], ["up", "--json", "--fast"], ["--json"], ["up", "--json", "--project"]]
)
def test_wrong_flags_are_reported_in_json_with_the_json_flag(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(words) == 1
    assert json.loads(capsys.readouterr().out)["error"]["fix"][0].startswith("python -m deploy")


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["staus"], "status"),
        (["up", "--memmory=1Gi"], "--memory"),
        (["plan", "--dt-projects=x"], "--dt-project"),
        (["plan", "--projct", "x"], "--project"),
        (["--vesion", "plan"], "--version"),
        (["STATUS"], "status"),
    ],
)
def test_a_mistyped_verb_or_flag_gets_a_suggestion(
    words: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(words) == 1
    assert f"; did you mean {meant}?" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["qqqq", "--qqqq"])
def test_a_word_that_is_like_no_other_gets_no_suggestion(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["plan", word]) == 1
    assert "did you mean" not in capsys.readouterr().err


@pytest.mark.parametrize("words", [["up", "--project"], ["plan", "--config"]], ids=" ".join)
def test_a_flag_without_its_value_is_refused_with_a_command_that_exists(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(words) == 1
    assert capsys.readouterr().err == (
        f"error: argument {words[1]}: expected one argument\n  fix: python -m deploy {words[0]} --help\n"
    )


def test_an_abbreviated_flag_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["down", "--ye"]) == 1
    assert "unrecognized arguments: --ye; did you mean --yes?" in capsys.readouterr().err


@pytest.fixture(scope="module")
def shown_by_up_help() -> str:
    with contextlib.redirect_stdout(io.StringIO()) as shown, pytest.raises(SystemExit):
        command.main(["up", "--help"])
    return shown.getvalue()


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.flag)
def test_help_shows_every_flag_with_its_default_and_its_variable(option: Option, shown_by_up_help: str) -> None:
    shown = " ".join(shown_by_up_help.split())
    assert f"{option.flag} {option.metavar}" in shown
    default = "(required)" if option.default == "required" else f"(default: {option.default})"
    assert f"{default} [{option.variable}" in shown


def test_help_shows_every_verb_with_its_exit_statuses_examples_and_the_environment(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["--help"])
    shown = capsys.readouterr().out
    assert ended.value.code == 0
    assert all(len([line for line in shown.splitlines() if line.strip().startswith(f"{verb} ")]) == 2 for verb in VERBS)
    assert "DT_SERVICE_ACCOUNT_KEY_ID" in shown
    assert max(len(line) for line in shown.splitlines()) <= 120


def test_the_examples_of_the_help_are_valid(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["--help"])
    examples = re.findall(r"^  python -m deploy ([^#\n]+)", capsys.readouterr().out, re.MULTILINE)
    assert len(examples) == 9
    for example in examples:
        parse(example.split(), USAGES)


def test_white_space_around_credentials_is_ignored() -> None:
    environ = {
        "DT_SERVICE_ACCOUNT_KEY_ID": "\ufeffkey\r\n",
        "DT_SERVICE_ACCOUNT_SECRET": " secret ",
        "DT_SERVICE_ACCOUNT_EMAIL": "a@b\n",
    }
    read = wiring.read_credentials(environ, Terminal(io.StringIO(), io.StringIO(), io.StringIO()))
    assert read is not None
    assert (read.key_id, read.secret.reveal(), read.email) == ("key", "secret", "a@b")


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    """A process that has imported what no package is needed for; its forks import the rest."""
    with Forks("deploy.cli.parser", "deploy.verbs") as made:
        yield made


@pytest.mark.parametrize("text", ["no JSON", '{"serviceAccount": {}}', None])
def test_a_credentials_file_of_the_package_is_not_read(tmp_path: Path, forks: Forks, text: str | None) -> None:
    file, shown = tmp_path / "credentials.json", tmp_path / "shown"
    if text is not None:
        file.write_text(text, "utf-8")
    environ = {**os.environ, "DT_CREDENTIALS_FILE": str(file), "PATH": str(tmp_path)}  # without a gcloud
    status = forks.begin(("deploy", "follow", "--project=my-project", "--count=none"), {2: shown}, environ).wait()
    assert status == 1
    assert shown.read_text("utf-8").startswith("error: invalid options:\n  --count: 'none' is not a number from 1 on\n")


def test_an_unexpected_error_is_caught_with_a_request_to_report_it(capsys: pytest.CaptureFixture[str]) -> None:
    def unexpected(flags: argparse.Namespace, environ: object, terminal: Terminal, report: Report) -> int:
        raise ZeroDivisionError

    assert command.main(["plan", "--json"], unexpected) == 1
    printed = capsys.readouterr()
    assert "please report it" in printed.err
    assert "please report it" in json.loads(printed.out)["error"]["what"]


@pytest.mark.parametrize("verb", [name for name in VERBS if USAGES[name].needs_settings])
def test_an_error_before_the_verb_begins_is_one_json_document_too(
    verb: str, nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main([verb, "--json"]) == 1
    printed = capsys.readouterr().out
    shown = json.loads(printed)
    assert list(shown) == list(Report().as_json())
    assert "--project is missing" in shown["error"]["what"]
    assert (len(printed.splitlines()) == 1) is USAGES[verb].prints_json_lines


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_closing_the_terminal_ends_a_verb_as_ctrl_c_does(
    number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    def ended(*_: object) -> int:
        os.kill(os.getpid(), number)
        time.sleep(10)
        return 0

    assert command.main(["up"], ended) == 1
    assert "interrupted" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("plan", "error: interrupted\n"),
        ("verify", "error: interrupted\n"),
        ("up", "error: interrupted; `python -m deploy up` finishes what was begun\n"),
        ("pause", "error: interrupted; `python -m deploy pause` finishes what was begun\n"),
        ("resume", "error: interrupted; `python -m deploy resume` finishes what was begun\n"),
        ("down", "error: interrupted; `python -m deploy down` finishes what was begun\n"),
        ("up --rollback", "error: interrupted; `python -m deploy up --rollback` finishes what was begun\n"),
        ("up --rollback=r-1", "error: interrupted; `python -m deploy up --rollback=r-1` finishes what was begun\n"),
        ("resume --all", "error: interrupted; `python -m deploy resume --all` finishes what was begun\n"),
    ],
)
def test_an_interrupted_changing_verb_says_how_to_finish(
    words: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    assert command.main(words.split(), interrupted) == 1
    assert capsys.readouterr().err == shown


def test_a_verb_under_nohup_ignores_the_hangup_signal() -> None:
    def shown(*_: object) -> int:
        os.kill(os.getpid(), signal.SIGHUP)
        return 0

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert command.main(["plan"], shown) == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_json_document_that_cannot_be_written_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Path("/dev/full").open("w", encoding="utf-8", buffering=1) as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert command.main(["plan", "--json"], lambda *_: 0) == 1
        monkeypatch.undo()
        with contextlib.suppress(OSError):
            full.close()
    assert "No space left" in capsys.readouterr().err


def test_ctrl_c_is_reported_in_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(flags: argparse.Namespace, environ: object, terminal: Terminal, report: Report) -> int:
        report.steps = [STEP]
        raise KeyboardInterrupt

    assert command.main(["up", "--json"], interrupted) == 1
    shown = json.loads(capsys.readouterr().out)
    assert (shown["error"]["what"][:11], shown["changes"], shown["done"]) == ("interrupted", 1, None)


def test_only_files_of_the_function_are_uploaded() -> None:
    files = source_files()
    assert {"main.py", "requirements.txt", "function/receiver.py"} <= set(files)
    assert {Path(path).parts[0] for path in files} == {"main.py", "requirements.txt", "function"}
    with staged(files) as folder:
        laid_out = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        assert laid_out == set(files)
        assert (folder / "main.py").read_bytes() == (ROOT / "main.py").read_bytes()
    assert not folder.exists()


def test_the_digest_depends_only_on_contents_and_paths() -> None:
    files = {"a": b"1", "b": b"2"}
    others = [{"a": b"1"}, {"a": b"12", "b": b""}, {"b": b"1", "a": b"2"}, {"a": b"1", "c": b"2"}]
    assert digest(files) == digest(dict(reversed(files.items())))
    assert len({digest(contents) for contents in [files, *others]}) == 5
    assert digest(files).isalnum()


STEP = create(ResourceId("topic", "t"), "not there", GcloudCall(("pubsub", "topics", "create", "it's")))


def test_a_plan_is_coloured_only_on_a_terminal() -> None:
    plain, screen = io.StringIO(), Screen()
    for out in (plain, screen):
        Terminal(out, out, Keyboard(None)).plan([STEP])
    assert plain.getvalue().splitlines()[0] == "+ create  topic t  not there"
    assert """gcloud pubsub topics create 'it'"'"'s'""" in plain.getvalue()
    assert "\033[32m" in screen.getvalue()


def test_progress_is_shown_step_by_step() -> None:
    off, screen = io.StringIO(), Screen()
    for err in (off, screen):
        terminal = Terminal(io.StringIO(), err, Keyboard(None))
        with terminal.working([STEP], "some minutes"):
            terminal.done(STEP, 0.01)
    assert off.getvalue() == "  create topic t (some minutes) ...\n  create topic t: done in 0.0 s\n"
    assert "done in 0.0 s" in screen.getvalue()


def test_a_failed_step_is_not_shown_as_done() -> None:
    err = io.StringIO()
    with pytest.raises(ZeroDivisionError), Terminal(io.StringIO(), err, Keyboard(None)).working([STEP]):
        raise ZeroDivisionError
    assert "done" not in err.getvalue()


@pytest.mark.parametrize(
    ("answer", "agreed"), [("y\n", True), ("YES\n", True), ("\n", False), ("no\n", False), (None, None)]
)
def test_only_an_explicit_yes_confirms(answer: str | None, agreed: bool | None) -> None:  # noqa: FBT001
    assert Terminal(io.StringIO(), io.StringIO(), Keyboard(answer)).confirm("?") is agreed


def test_a_call_of_dts_api_is_shown_without_secret() -> None:
    call = ConnectorCall("POST", "p", fields={"status": "ACTIVE"}, sends_url=True, sends_secret=True)
    assert call.line() == (
        'POST https://api.disruptive-technologies.com/v2/projects/p/dataconnectors {"status": "ACTIVE", '
        '"httpConfig": {"url": "<the function\'s URL>", "signatureSecret": "<the secret>"}}'
    )


def test_steps_are_carried_out_even_if_progress_cannot_be_shown() -> None:
    terminal = Terminal(io.StringIO(), Full(), Keyboard("y\n"))
    with terminal.working([STEP]), terminal.progress("something"):
        terminal.info("on the way")
    terminal.done(STEP, 1.0)
    assert terminal.confirm("?")


def test_a_result_that_cannot_be_printed_is_an_error_in_one_line(
    nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def shows(flags: argparse.Namespace, environ: object, terminal: Terminal, report: Report) -> int:
        Terminal(Full(), Full(), Keyboard(None)).print("a result")
        return 0

    assert command.main(["plan"], shows) == 1
    assert capsys.readouterr().err == "error: [Errno 28] No space left on device\n"


def test_a_full_temporary_folder_is_an_error_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def stages(flags: argparse.Namespace, environ: object, terminal: Terminal, report: Report) -> int:
        with staged({"a": b"", "a/b": b""}):
            return 0

    assert command.main(["plan"], stages) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_json_is_printed_in_ascii() -> None:
    out = io.StringIO()
    Terminal(out, out, Keyboard(None)).as_json({"what": "é → …"})
    assert out.getvalue().isascii()
    assert json.loads(out.getvalue()) == {"what": "é → …"}


WRITES = """
import argparse, sys
from deploy.__main__ import main
def run_verb(flags, environ, terminal, report):
    assert not sys.stdin.isatty() and terminal.confirm("?") is None
    terminal.info("é → …")
    terminal.print("é → …")
    return 0
raise SystemExit(main(["plan"], run_verb))
"""


@pytest.mark.parametrize("closing", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", ""])
def test_closed_streams_and_limited_encodings_are_no_failure(closing: str) -> None:
    environ = {**os.environ, "PYTHONIOENCODING": "ascii"}
    line = ["sh", "-c", f'exec "$0" -c "$1" {closing}', sys.executable, WRITES]
    done = subprocess.run(line, cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
