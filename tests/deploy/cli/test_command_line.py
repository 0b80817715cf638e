"""The command line, the terminal and what is uploaded."""

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
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from deploy import __main__ as command
from deploy.cli.options import OPTIONS, Option
from deploy.cli.parser import VERBS, parser
from deploy.cli.terminal import Terminal
from deploy.report import Report
from deploy.stages.source import ROOT, digest, source_files, staged
from deploy.steps import ConnectorCall, GcloudCall, ResourceId, create
from deploy.verbs import Deployment
from function.version import VERSION
from tests.deploy.stage import Keyboard


class Full(io.StringIO):
    """Something that cannot be written to."""

    def write(self, text: str) -> int:
        """Refuse."""
        del text
        raise OSError(errno.ENOSPC, "No space left on device")


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        """Whether it is one."""
        return True


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty folder, and nothing in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in ("GOOGLE_CLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_what_is_missing_is_told_with_exit_status_1(nowhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["plan"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "--project is missing (or DEPLOY_PROJECT, or project in deploy.toml)" in printed.err


@pytest.mark.parametrize("verb", list(VERBS))
def test_every_verb_has_every_option_and_json_and_yes(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main([verb, "--help"])
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    assert all(flag in printed for flag in ("--json", "--yes", "--project", "--dt-project", "--min-instances"))


class Asked:
    """A deployment that notes which verb it is asked for."""

    def __init__(self) -> None:
        self.verbs: list[str] = []

    def __getattr__(self, verb: str) -> Callable[..., int]:
        def noted(**_: bool) -> int:
            self.verbs.append(verb)
            return 0

        return noted


@pytest.mark.parametrize("verb", list(VERBS))
def test_every_verb_runs_its_own_function_and_nothing_else(verb: str) -> None:
    asked = Asked()
    assert VERBS[verb].run(cast("Deployment", asked), parser().parse_args([verb])) == 0
    assert asked.verbs == [verb]


def test_the_verbs_that_can_be_typed_are_those_that_have_a_function() -> None:
    (verbs,) = (action for action in parser()._actions if action.dest == "verb")  # noqa: SLF001  # argparse shows it nowhere else
    assert set(verbs.choices or ()) == set(VERBS)


@pytest.mark.parametrize(("words", "proven"), [(["up"], True), (["up", "--no-verify"], False)])
def test_up_proves_what_it_made_unless_told_not_to(words: list[str], proven: bool) -> None:  # noqa: FBT001
    told: list[bool] = []

    class Up:
        def up(self, *, verify: bool) -> int:
            told.append(verify)
            return 0

    VERBS["up"].run(cast("Deployment", Up()), parser().parse_args(words))
    assert told == [proven]


def test_the_version_is_told_without_a_verb_or_any_setting(nowhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["--version"])
    assert (ended.value.code, capsys.readouterr().out) == (0, f"dt-pubsub {VERSION}\n")


@pytest.mark.parametrize("words", [["destroy"], ["up", "--fast"], [], ["up", "--project"]])
def test_what_cannot_be_read_ends_with_1_as_2_means_changes(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(words) == 1
    assert "mend it: python -m deploy" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["destroy", "--json"], ["up", "--json", "--fast"], ["--json"], ["up", "--json", "--project"]]
)
def test_wrong_flags_are_told_in_json_where_json_is_asked_for(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(words) == 1
    assert json.loads(capsys.readouterr().out)["error"]["mend"][0].startswith("python -m deploy")


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["staus"], "status"),
        (["up", "--memmory=1Gi"], "--memory"),
        (["plan", "--dt-projects=x"], "--dt-project"),
    ],
)
def test_a_mistyped_verb_or_flag_is_answered_with_the_one_that_was_meant(
    words: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(words) == 1
    assert f"; did you mean {meant}?" in capsys.readouterr().err


def test_the_beginning_of_a_flag_is_not_taken_for_the_flag(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["down", "--ye"]) == 1
    assert "unrecognized arguments: --ye; did you mean --yes?" in capsys.readouterr().err


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.flag)
def test_help_tells_of_every_flag_its_default_and_its_variable(
    option: Option, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        command.main(["up", "--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert f"{option.flag} {option.metavar}" in told
    default = "(required)" if option.default == "required" else f"(default: {option.default})"
    assert f"{default} [{option.variable}" in told


def test_help_shows_every_verb_with_its_exit_statuses_examples_and_the_environment(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["--help"])
    told = capsys.readouterr().out
    assert ended.value.code == 0
    assert all(len([line for line in told.splitlines() if line.strip().startswith(f"{verb} ")]) == 2 for verb in VERBS)
    assert "DT_SERVICE_ACCOUNT_KEY_ID" in told
    assert max(len(line) for line in told.splitlines()) <= 120


def test_the_examples_of_the_help_can_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["--help"])
    examples = re.findall(r"^  python -m deploy ([^#\n]+)", capsys.readouterr().out, re.MULTILINE)
    assert len(examples) == 5
    for example in examples:
        parser().parse_args(example.split())


def test_white_space_around_credentials_does_not_count() -> None:
    environ = {
        "DT_SERVICE_ACCOUNT_KEY_ID": "\ufeffkey\r\n",
        "DT_SERVICE_ACCOUNT_SECRET": " secret ",
        "DT_SERVICE_ACCOUNT_EMAIL": "a@b\n",
    }
    read = command._credentials(environ, Terminal(io.StringIO(), io.StringIO(), io.StringIO()))  # noqa: SLF001
    assert read is not None
    assert (read.key_id, read.secret.reveal(), read.email) == ("key", "secret", "a@b")


@pytest.mark.parametrize("text", ["no JSON", "{}", None])
def test_a_credentials_file_of_the_package_is_not_read(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "credentials.json"
    if text is not None:
        file.write_text(text, "utf-8")
    environ = {**os.environ, "DT_CREDENTIALS_FILE": str(file)}
    asked = [sys.executable, "-m", "deploy", "plan", "--help"]
    done = subprocess.run(asked, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_nobody_foresaw_is_caught_at_the_door(capsys: pytest.CaptureFixture[str]) -> None:
    def unforeseen(flags: argparse.Namespace, environ: object, terminal: Terminal, report: Report) -> int:
        raise ZeroDivisionError

    assert command.main(["plan", "--json"], unforeseen) == 1
    printed = capsys.readouterr()
    assert "please report it" in printed.err
    assert "please report it" in json.loads(printed.out)["error"]["what"]


@pytest.mark.parametrize("verb", list(VERBS))
def test_what_fails_before_it_begins_is_one_json_document_too(
    verb: str, nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main([verb, "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert list(told) == ["error", "steps", "changes", "done", "left", "verified", "status", "healthy", "version"]
    assert "--project is missing" in told["error"]["what"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_terminal_that_is_closed_ends_it_as_ctrl_c_does(
    number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    def ended(*_: object) -> int:
        os.kill(os.getpid(), number)
        time.sleep(10)
        return 0

    assert command.main(["up"], ended) == 1
    assert "interrupted" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("verb", "told"),
    [
        ("plan", "interrupted\n"),
        ("verify", "interrupted\n"),
        ("up", "interrupted; `python -m deploy up` finishes what was begun\n"),
        ("down", "interrupted; `python -m deploy down` finishes what was begun\n"),
    ],
)
def test_who_interrupts_is_told_how_to_finish_what_changes_something(
    verb: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    assert command.main([verb], interrupted) == 1
    assert capsys.readouterr().err == told


def test_what_is_told_not_to_hang_up_does_not() -> None:
    def told(*_: object) -> int:
        os.kill(os.getpid(), signal.SIGHUP)
        return 0

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert command.main(["plan"], told) == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_document_that_cannot_be_written_is_told_and_is_no_success(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Path("/dev/full").open("w", encoding="utf-8", buffering=1) as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert command.main(["plan", "--json"], lambda *_: 0) == 1
        monkeypatch.undo()
        with contextlib.suppress(OSError):
            full.close()
    assert "No space left" in capsys.readouterr().err


def test_ctrl_c_is_told_in_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(flags: argparse.Namespace, environ: object, terminal: Terminal, report: Report) -> int:
        report.steps = [STEP]
        raise KeyboardInterrupt

    assert command.main(["up", "--json"], interrupted) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["error"]["what"][:11], told["changes"], told["done"]) == ("interrupted", 1, None)


def test_only_what_runs_is_uploaded() -> None:
    files = source_files()
    assert {"main.py", "requirements.txt", "function/receiver.py"} <= set(files)
    assert {Path(path).parts[0] for path in files} == {"main.py", "requirements.txt", "function"}
    with staged(files) as folder:
        laid_out = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        assert laid_out == set(files)
        assert (folder / "main.py").read_bytes() == (ROOT / "main.py").read_bytes()
    assert not folder.exists()


def test_the_digest_changes_with_a_content_a_path_and_nothing_else() -> None:
    files = {"a": b"1", "b": b"2"}
    others = [{"a": b"1"}, {"a": b"12", "b": b""}, {"b": b"1", "a": b"2"}, {"a": b"1", "c": b"2"}]
    assert digest(files) == digest(dict(reversed(files.items())))
    assert len({digest(each) for each in [files, *others]}) == 5
    assert digest(files).isalnum()


STEP = create(ResourceId("topic", "t"), "not there", GcloudCall(("pubsub", "topics", "create", "it's")))


def test_a_plan_is_plain_text_off_a_terminal_and_coloured_on_one() -> None:
    plain, screen = io.StringIO(), Screen()
    for out in (plain, screen):
        Terminal(out, out, Keyboard(None)).table([STEP])
    assert plain.getvalue().splitlines()[0] == "+ create  topic t  not there"
    assert """gcloud pubsub topics create 'it'"'"'s'""" in plain.getvalue()
    assert "\033[32m" in screen.getvalue()


def test_progress_is_shown_step_by_step() -> None:
    off, screen = io.StringIO(), Screen()
    for err in (off, screen):
        with Terminal(io.StringIO(), err, Keyboard(None)).step(STEP):
            pass
    assert off.getvalue() == "  create topic t ...\n  create topic t: done in 0.0 s\n"
    assert "done in 0.0 s" in screen.getvalue()


def test_a_step_that_fails_is_not_told_as_done() -> None:
    err = io.StringIO()
    with pytest.raises(ZeroDivisionError), Terminal(io.StringIO(), err, Keyboard(None)).step(STEP):
        raise ZeroDivisionError
    assert "done" not in err.getvalue()


@pytest.mark.parametrize(
    ("answer", "agreed"), [("y\n", True), ("YES\n", True), ("\n", False), ("no\n", False), (None, None)]
)
def test_agreement_is_said_and_never_assumed(answer: str | None, agreed: bool | None) -> None:  # noqa: FBT001
    assert Terminal(io.StringIO(), io.StringIO(), Keyboard(answer)).agrees("?") is agreed


def test_a_call_of_dts_api_is_shown_without_secret() -> None:
    call = ConnectorCall("POST", "p", fields={"status": "ACTIVE"}, sends_url=True, sends_secret=True)
    assert call.line() == (
        'POST https://api.disruptive-technologies.com/v2/projects/p/dataconnectors {"status": "ACTIVE", '
        '"httpConfig": {"url": "<the function\'s URL>", "signatureSecret": "<the secret>"}}'
    )


def test_progress_that_cannot_be_shown_keeps_nothing_from_being_done() -> None:
    terminal = Terminal(io.StringIO(), Full(), Keyboard("y\n"))
    with terminal.step(STEP), terminal.busy("something"):
        terminal.note("on the way")
    assert terminal.agrees("?")


def test_a_result_that_cannot_be_printed_is_a_failure_told_in_a_line(
    nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def shows(flags: argparse.Namespace, environ: object, terminal: Terminal, report: Report) -> int:
        Terminal(Full(), Full(), Keyboard(None)).say("a result")
        return 0

    assert command.main(["plan"], shows) == 1
    assert capsys.readouterr().err == "[Errno 28] No space left on device\n"


def test_a_temporary_folder_that_is_full_is_told_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    def stages(flags: argparse.Namespace, environ: object, terminal: Terminal, report: Report) -> int:
        with staged({"a": b"", "a/b": b""}):
            return 0

    assert command.main(["plan"], stages) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_json_has_no_letters_that_a_terminal_may_not_have() -> None:
    out = io.StringIO()
    Terminal(out, out, Keyboard(None)).as_json({"what": "é → …"})
    assert out.getvalue().isascii()
    assert json.loads(out.getvalue()) == {"what": "é → …"}


WRITES = """
import argparse, sys
from deploy.__main__ import main
def run_verb(flags, environ, terminal, report):
    assert not sys.stdin.isatty() and terminal.agrees("?") is None
    terminal.note("é → …")
    terminal.say("é → …")
    return 0
raise SystemExit(main(["plan"], run_verb))
"""


@pytest.mark.parametrize("closing", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", ""])
def test_streams_that_are_closed_or_know_few_letters_are_no_failure(closing: str) -> None:
    environ = {**os.environ, "PYTHONIOENCODING": "ascii"}
    line = ["sh", "-c", f'exec "$0" -c "$1" {closing}', sys.executable, WRITES]
    done = subprocess.run(line, cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("words", ["--help", "plan"])
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_ends_with_1_and_without_a_traceback(nowhere: Path, words: str) -> None:
    line = ["sh", "-c", f'exec "$0" -m deploy {words} > /dev/full 2> {nowhere}/told', sys.executable]
    done = subprocess.run(line, cwd=ROOT, stdin=subprocess.DEVNULL, check=False)
    told = (nowhere / "told").read_text("utf-8")
    assert done.returncode in {0, 1}, told
    assert "Traceback" not in told
    assert "Exception ignored" not in told
