"""Output on a terminal: no unwanted colours, no progress line that cannot be erased, no lost answer."""

import io
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from deploy import __main__ as command
from deploy.cli.terminal import RED, Terminal
from deploy.steps import GcloudCall, ResourceId, create, keep
from tests.deploy.stage import Keyboard
from tests.emulators.demo import WIDE, _row_of

LONG = "the settings differ: " + ", ".join(f"NAME_{number} none -> value" for number in range(9))
STEPS = [
    create(ResourceId("topic", "t"), "not there", GcloudCall(("pubsub", "topics", "create", "t" * 90))),
    keep(ResourceId("function", "f"), LONG),
]
ROWS = [("ok", "function dt-pubsub", LONG)]


class Screen(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        """Return that it is one."""
        return True


def shown(environ: Mapping[str, str], columns: int | None = 200) -> str:
    """Return the output of a plan on a terminal."""
    out = Screen()
    Terminal(out, out, Keyboard(None), environ, lambda _: columns).plan(STEPS)
    return out.getvalue()


def test_output_on_a_terminal_is_coloured() -> None:
    assert "\033[32m" in shown({"TERM": "xterm"})
    assert "\033[32m" in shown({"TERM": "xterm", "NO_COLOR": ""})


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_color_and_a_dumb_terminal_turn_colours_off(environ: Mapping[str, str]) -> None:
    assert "\033" not in shown(environ)


def progress(environ: Mapping[str, str], columns: int, what: str) -> str:
    """Return the output of a progress display on a terminal."""
    err = Screen()
    with Terminal(io.StringIO(), err, Keyboard(None), environ, lambda _: columns).progress(what):
        time.sleep(1.2)
    return err.getvalue()


def test_a_terminal_that_cannot_erase_shows_progress_once() -> None:
    assert progress({"TERM": "dumb"}, 80, "reading") == "reading ...\n"


def test_progress_fits_one_row_and_shows_the_seconds() -> None:
    written = [line for line in progress({}, 40, "x" * 200).split("\r") if line.strip()]
    assert written
    assert all(len(line) < 40 for line in written)
    assert written[-1].endswith("... ... 1 s")


def test_long_rows_are_wrapped_with_an_indent() -> None:
    out = Screen()
    Terminal(out, out, Keyboard(None), {"NO_COLOR": "1"}, lambda _: 80).table(ROWS)
    first, *others = out.getvalue().splitlines()
    assert first.startswith("ok  function dt-pubsub  the settings differ")
    assert all(len(line) <= 80 for line in (first, *others))
    assert all(line.startswith(" " * len("ok  function dt-pubsub  ")) for line in others)
    assert " ".join(" ".join([first, *others]).split()) == " ".join(" ".join(ROWS[0]).split())


def test_reasons_are_wrapped_and_commands_are_not() -> None:
    lines = shown({"NO_COLOR": "1"}, 80).splitlines()
    assert all(len(line) <= 80 for line in lines if "gcloud" not in line)
    assert any(line.endswith("t" * 90) for line in lines)


@pytest.mark.parametrize("columns", [None, 20])
def test_in_a_file_or_a_tiny_window_a_row_is_not_wrapped(columns: int | None) -> None:
    out = Screen()
    Terminal(out, out, Keyboard(None), {}, lambda _: columns).table(ROWS)
    assert len(out.getvalue().splitlines()) == 1


def test_ctrl_d_at_a_question_is_a_no_on_a_line_of_its_own() -> None:
    err = io.StringIO()
    assert Terminal(io.StringIO(), err, Keyboard("")).confirm("sure?") is False
    assert err.getvalue() == "sure? [y/N] \n"


def test_ctrl_d_at_the_question_for_credentials_is_an_error_in_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def ctrl_d(_: str) -> str:
        raise EOFError

    for name in ("DT_SERVICE_ACCOUNT_KEY_ID", "DT_SERVICE_ACCOUNT_SECRET", "DT_SERVICE_ACCOUNT_EMAIL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("getpass.getpass", ctrl_d)
    monkeypatch.setattr("sys.stdin", Keyboard(""))

    place = ["--project=my-project", "--region=europe-west1", "--dt-project=c0md3pm0p7bet3vico8g"]
    assert command.main(["plan", *place]) == 1

    errors = capsys.readouterr().err
    assert "DT_SERVICE_ACCOUNT_KEY_ID was not given, and nothing was changed" in errors
    assert "report it" not in errors


def test_init_with_yes_does_not_ask_for_credentials_either(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def asked(prompt: str) -> str:
        raise AssertionError(prompt)

    for name in ("DT_SERVICE_ACCOUNT_KEY_ID", "DT_SERVICE_ACCOUNT_SECRET", "DT_SERVICE_ACCOUNT_EMAIL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("getpass.getpass", asked)
    monkeypatch.setattr("sys.stdin", Keyboard(""))

    assert command.main(["init", "--yes", f"--config={tmp_path / 'nowhere' / 'deploy.toml'}"]) == 1
    assert "there is no such folder" in capsys.readouterr().err


@pytest.mark.parametrize(("columns", "has_id"), [(80, False), (WIDE - 1, False), (WIDE, True)])
def test_the_readings_fit_into_80_columns(columns: int, has_id: bool) -> None:  # noqa: FBT001
    cells = ("objectPresentCount", "emu0011dr2b5vjs7396g", "x" * 25, "1" * 16)
    row = _row_of(columns)(*cells, "146 ms", "equal")
    assert len(row) <= columns
    assert ("1" * 16 in row) is has_id


def test_control_characters_in_names_of_a_cloud_are_not_printed() -> None:
    evil = "\033[2Jgone\n= keep    connector  is fine\r\u202e\x9b"
    out, err = Screen(), Screen()
    terminal = Terminal(out, err, Keyboard(None), {"NO_COLOR": "1"}, lambda _: None)
    terminal.plan([keep(ResourceId("function", "f"), evil)])
    terminal.table([("ok", "function f", evil)])
    terminal.info(evil)
    terminal.print(evil)
    assert not {"\033", "\r", "\u202e", "\x9b"} & set(out.getvalue() + err.getvalue())
    assert "\\x1b[2Jgone\\n= keep" in out.getvalue().splitlines()[0]
    assert err.getvalue().splitlines() == ["\\x1b[2Jgone", "= keep    connector  is fine\\r\\u202e\\x9b"]


def table(environ: Mapping[str, str], out: io.StringIO | None = None, columns: int | None = 200) -> str:
    """Return the output of a table with a red row and a name that is longer than its column."""
    out = Screen() if out is None else out
    rows = [("ok", "topic", "there"), ("SYSTEM_DISABLED", "connector in a project", "is off")]
    terminal = Terminal(out, out, Keyboard(None), environ, lambda _: columns)
    terminal.clear()
    terminal.print()
    terminal.table(rows, ["", RED], widest=(4, 8))
    return out.getvalue()


def test_a_longer_text_makes_a_column_of_a_table_no_wider_and_its_detail_begins_on_the_next_line() -> None:
    assert table({"NO_COLOR": "1"}, columns=80).splitlines()[-3:] == [
        "ok    topic     there",
        "SYSTEM_DISABLED  connector in a project",
        "                is off",
    ]


def test_columns_of_a_table_are_as_wide_as_their_texts_if_there_is_room_and_a_problem_is_red() -> None:
    for columns in (200, None):
        assert table({"NO_COLOR": "1"}, columns=columns).splitlines()[-2:] == [
            "ok               topic                   there",
            "SYSTEM_DISABLED  connector in a project  is off",
        ]
    assert table({}).splitlines()[-1] == "\033[31mSYSTEM_DISABLED  connector in a project  is off\033[0m"


def test_only_a_terminal_that_can_move_its_cursor_is_cleared() -> None:
    assert table({"NO_COLOR": "1"}).startswith("\033[H\033[2J\033[3J")
    assert "\033" not in table({"TERM": "dumb"})
    assert "\033" not in table({}, io.StringIO())
