"""Every command in the documentation can be pasted into bash, zsh and fish, and does the same in each shell.

A pasted line is read by an interactive shell. There zsh takes ``#`` for a word and splits no variable; fish has neither
here-documents nor ``NAME=value`` on a line of its own. The programs that the commands start are stand-ins that record
their arguments.
"""

import ast
import json
import re
import shutil
import subprocess
import sys
import threading
from base64 import b64decode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deploy.commands import verb_on
from deploy.next_steps import next_steps
from deploy.spec import Spec
from tests.deploy.stage import Stage, spec

pytestmark = pytest.mark.tools

ROOT = Path(__file__).parents[2]
PAGES = [
    path
    for folder in (ROOT, ROOT / "docs", ROOT / "docs" / "runbook", ROOT / "docs" / "examples")
    for path in sorted(folder.glob("*.md"))
    if "```sh" in path.read_text("utf-8")
]
SHELLS = {
    "bash": ("bash", "--norc", "--noprofile"),
    "zsh": ("zsh", "-f", "-i"),
    "fish": ("fish", "--no-config"),
}
PROGRAMS = (
    *("gcloud", "curl", "openssl", "python", "python3", "make", "sleep", "git", "pipx", "dt-pubsub"),
    *(".venv/bin/python", ".dt-pubsub/bin/python", ".dt-pubsub/bin/dt-pubsub"),
    *("gunicorn", "beam-env/bin/python", "plot-env/bin/python"),
)
COMPLAINT = re.compile(
    r"not found|parse error|syntax error|no matches|[Uu]nsupported|Unknown command|expected", re.MULTILINE
)
STAND_IN = """#!/bin/sh
record=$(printf '%s\\037' "${0##*/}" "$@")
printf '%s\\036' "$record" >> "$RECORD"
echo answer
"""

every_shell = pytest.mark.parametrize("shell", SHELLS)


def blocks(page: Path) -> str:
    """Return all shell commands of a page, one after the other."""
    return "\n".join(re.findall(r"```sh\n(.*?)```", page.read_text("utf-8"), re.DOTALL))


def pasted(shell: str, text: str, folder: Path, gcloud: str = STAND_IN) -> list[tuple[str, ...]]:
    """Paste a text into a shell; return the sorted list of programs that it started, with their arguments.

    ``gcloud``: its stand-in.
    """
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"NOT CHECKED: there is no {shell} here")
    record, bins = folder / shell, folder / "bin"
    for name in PROGRAMS:
        stand_in = folder / name if "/" in name else bins / name
        stand_in.parent.mkdir(parents=True, exist_ok=True)
        stand_in.write_text(gcloud if name == "gcloud" else STAND_IN, "utf-8")
        stand_in.chmod(0o755)
    environ = {
        "PATH": f"{bins}:/usr/bin:/bin",
        "HOME": str(folder),
        "RECORD": str(record),
        "LANG": "C.UTF-8",
        "TERM": "dumb",
    }
    line = [program, *SHELLS[shell][1:]]
    done = subprocess.run(line, input=text, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    assert not COMPLAINT.search(done.stderr), done.stderr
    records = record.read_text("utf-8").replace(str(folder), "~").split("\036")[:-1]
    return sorted(tuple(entry.split("\037")[:-1]) for entry in records)


@every_shell
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_of_a_page_do_the_same_in_every_shell(page: Path, shell: str, tmp_path: Path) -> None:
    text = blocks(page)
    started = pasted(shell, text, tmp_path)
    assert started == pasted("bash", text, tmp_path / "again")
    assert len(started) >= len(
        re.findall(r"^(?:gcloud|make|python|openssl|printf|pipx|dt-pubsub|git|\.venv)", text, re.MULTILINE)
    )


@every_shell
def test_the_commands_of_a_plan_do_the_same_in_every_shell(shell: str, tmp_path: Path) -> None:
    stage = Stage()
    stage.deployment().plan()
    lines = [line.strip() for line in stage.shown.splitlines() if re.match(r" +(gcloud|openssl) ", line)]
    assert len(lines) > 8
    text = "\n".join(lines) + "\n"
    assert pasted(shell, text, tmp_path) == pasted("bash", text, tmp_path / "again")


NAMES = {"dt-pubsub": "cold-chain-prod", "site2-pubsub": "example.com:cold-chain-prod"}


@every_shell
@pytest.mark.parametrize("name", NAMES)
def test_the_commands_shown_after_up_do_the_same_in_every_shell(shell: str, name: str, tmp_path: Path) -> None:
    ours = spec(name=name, google_project=NAMES[name], connector_name="Fridges of Bob's [2]")
    steps = next_steps(ours, {})
    text = f"{steps.read}\n{steps.watch}\n{steps.remove}\n{verb_on('plan', ours, ours.dt_projects)}\n"
    started = pasted(shell, text, tmp_path)
    assert len(started) == 4
    assert started == pasted("bash", text, tmp_path / "again")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_documented_command_has_a_comment(page: Path) -> None:
    for line in blocks(page).splitlines():
        assert not re.search(r"(?:^|\s)#\s", line), line


def commented_commands(path: Path) -> Iterator[str]:
    """Find strings of a module that contain a command followed by a comment; ``X`` replaces values in f-strings."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        parts = node.values if isinstance(node, ast.JoinedStr) else [node]
        words = [part.value if isinstance(part, ast.Constant) else "X" for part in parts]
        if all(isinstance(word, str) for word in words):
            yield from re.findall(r"^.*\S {2,}# .*$", "".join(map(str, words)), re.MULTILINE)


def test_no_printed_command_has_a_comment() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {line}"
        for path in [*(ROOT / "deploy").rglob("*.py"), ROOT / "main.py", *(ROOT / "function").rglob("*.py")]
        for line in commented_commands(path)
        if path.name not in {"secret_text.py", "settings_text.py"}  # a regular expression and TOML, with comments
    ]
    assert found == []


def test_a_command_with_a_comment_is_found(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("LINE = f'python -m deploy {verb}    # does the rest'\nCOLOUR = '#fff'\n", "utf-8")
    assert len([*commented_commands(module)]) == 1


@pytest.mark.parametrize("line", ["gcloud a    # b", 'export F="--a --b"\ngcloud $F', "export A=/b/c\ngcloud $A:h"])
def test_a_command_that_zsh_reads_differently_is_found(line: str, tmp_path: Path) -> None:
    assert pasted("zsh", f"{line}\n", tmp_path) != pasted("bash", f"{line}\n", tmp_path / "again")


@pytest.mark.parametrize("line", ["gcloud --x=?y", "# two topics, each with one\ngcloud a"])
def test_a_command_that_zsh_refuses_is_found(line: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"not found|no matches"):
        pasted("zsh", f"{line}\n", tmp_path)


@pytest.mark.parametrize("line", ["A=b\ngcloud $A", "gcloud <<END\na\nEND", "gcloud --x=$ABSENT"])
def test_a_command_that_fish_reads_differently_is_found(line: str, tmp_path: Path) -> None:
    try:
        started = pasted("fish", f"{line}\n", tmp_path)
    except (AssertionError, FileNotFoundError):  # the shell complained, and started nothing
        started = []
    assert started != pasted("bash", f"{line}\n", tmp_path / "again")


class Dt(BaseHTTPRequestHandler):
    """A stand-in for DT's API that returns what it was sent."""

    def do_POST(self) -> None:
        """Answer with the login and the body, which contains the secret."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        login = b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode()
        answer = json.dumps({"login": login, "sent": json.loads(body)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is the base's
        """Log nothing."""


@pytest.mark.skipif(shutil.which("curl") is None, reason="NOT CHECKED: there is no curl here")
def test_the_documented_command_makes_a_valid_connector_and_hides_its_secret(tmp_path: Path) -> None:
    (command,) = (block for block in blocks(ROOT / "docs/by-hand.md").split("\n\n") if "HTTP_PUSH" in block)
    gcloud = tmp_path / "gcloud"
    gcloud.write_text("#!/bin/sh\necho s3cret-of-dt\n", "utf-8")
    gcloud.chmod(0o755)
    with ThreadingHTTPServer(("127.0.0.1", 0), Dt) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        environ = {
            "PATH": f"{tmp_path}:{Path(sys.executable).parent}:/usr/bin:/bin",
            "API": f"http://127.0.0.1:{server.server_port}",
            "URL": 'https://example.com/a?b="c"',
            "PROJECT": "cold-chain-prod",
            "DT_PROJECT": "p",
            "DT_SERVICE_ACCOUNT_KEY_ID": "key",
            "DT_SERVICE_ACCOUNT_SECRET": 'a"b\\c',
        }
        line = ["bash", "-c", command]
        done = subprocess.run(line, env=environ, capture_output=True, text=True, check=False)
        server.shutdown()

    received = json.loads(done.stdout)
    assert received["login"] == 'key:a"b\\c'
    assert received["sent"]["httpConfig"] == {"url": environ["URL"], "signatureSecret": "…"}
    assert (received["sent"]["type"], received["sent"]["status"]) == ("HTTP_PUSH", "ACTIVE")
    ours = Spec("cold-chain-prod", "europe-west1")
    assert received["sent"]["displayName"] == ours.default_connector_name, "python -m deploy recognizes it"
