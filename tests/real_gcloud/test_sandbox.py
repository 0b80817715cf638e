"""The commands that a user types in ``make sandbox``, with the real gcloud; and what an operator sees of each fault."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import cycle
from pathlib import Path

from tests.blackbox.serving import eventually
from tests.emulators.clouds.dt.cloud import DT
from tests.emulators.clouds.dt.tenant import Tenant
from tests.emulators.sandbox.command import PULL
from tests.emulators.sandbox.practice import NONE, PRACTICE, Practising
from tests.emulators.sandbox.sensors import Sensors
from tests.emulators.test_run import command, read_until
from tests.emulators.test_sandbox import exported
from tests.real_gcloud.user import ROOT, THOROUGH, User

pytestmark = THOROUGH

README = (ROOT / "README.md").read_text("utf-8")
BY_HAND = (ROOT / "docs" / "by-hand.md").read_text("utf-8")
LOG = "gcloud functions logs read dt-pubsub --gen2 --project=my-project --region=europe-west1 --limit=50"
TYPED_AS = (
    (r"make fault(?: NAME=)?", f"{sys.executable} -m tests.emulators fault "),
    (r"python -m deploy (up|down|pause)", r"python -m deploy \1 --yes"),
)
PATIENCE_S = 1200.0
"""For all that is pasted at once, on a machine that others use, too."""

FAULT_SHOWS_S = 15.0
"""Seconds after which a sensor has reported, and its event was delivered or not."""

SHOWN: Mapping[str, tuple[str, set[int], str]] = {
    "pubsub-down": ("status", {3}, r"^failing +connector in .*publish: .*UNAVAILABLE"),
    "pubsub-slow": ("status", {0, 3}, r"connector in .* p99 [1-9]\.\d+s"),
    "function-down": ("status", {3}, r"^failing +connector in"),
    "wrong-secret-in-dt": ("verify", {1}, r"has another secret than the function"),
    "connector-disabled-by-dt": ("status", {3}, r"SYSTEM_DISABLED"),
    "dt-api-429": ("status", {1}, r"^unreadable +connector in .*429"),
    "dt-api-down": ("status", {1}, r"^unreadable +connector in .*503"),
    "google-api-503": ("status", {1}, r"^unreadable +function dt-pubsub and 2 more +gcloud .*503"),
    "permission-missing": ("plan", {1}, r"you lack cloudfunctions\.functions\.get\n  fix: gcloud projects"),
    "publisher-role-missing": ("status", {3}, r"^missing +publisher on topic"),
    "rejected-events": ("status", {3}, r"^rejected +rejected: (expired|no_envelope)"),
}
"""The verb by which an operator sees each fault, its exit status, and what it says.

On a very busy machine some events are put off while Pub/Sub is slow.
"""


@contextlib.contextmanager
def sandboxed(folder: Path) -> Iterator[Path]:
    """Start a sandbox for a user whose own gcloud configuration must not be read; give the sandbox's folder."""
    poison = folder / "home" / ".config" / "gcloud"
    (poison / "configurations").mkdir(parents=True)
    (poison / "configurations" / "config_default").write_text("[core]\nproject = poison\n[proxy]\ntype = poison\n")
    (poison / "active_config").write_text("default")
    before = contents(poison)
    (folder / "tmp").mkdir()
    environ = {"HOME": str(folder / "home"), "CLOUDSDK_CONFIG": str(poison), "TMPDIR": str(folder / "tmp")}
    with command("sandbox", **environ, SHELL="/bin/bash") as process:
        variables = exported(read_until(process, "running until Ctrl-C"))
        yield Path(variables["DT_PUBSUB_SANDBOX"])
        process.terminate()
        process.communicate(timeout=60)
    assert contents(poison) == before
    assert [*(folder / "tmp").iterdir()] == []


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def typed(sandbox: Path, line: str, shell: str = "bash") -> tuple[int, str]:
    """Type a line in a new terminal, after the exports of the sandbox; give its exit status and output."""
    program = shutil.which(shell) or shutil.which("bash") or ""
    file = "exports.fish" if program.endswith("fish") else "exports.sh"
    for made, typed_as in TYPED_AS:
        line = re.sub(made, typed_as, line)  # make would install; and nobody is there to confirm
    text = f"source {sandbox / file}\n{line}\n"
    environ = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(sandbox.parent.parent / "home"), "LANG": "C.UTF-8"}
    with subprocess.Popen(
        [program],
        env=environ,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            said, _ = process.communicate(text, timeout=PATIENCE_S)
        finally:
            with contextlib.suppress(ProcessLookupError):  # it has ended
                os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, said


TOUR = (
    ("python -m deploy plan", 2, "14 to create, 1 to update"),
    ("python -m deploy up", 0, "came through DT's connector as message"),
    ("python -m deploy status", 0, r"last 3 h: \d\d? delivered, 0 failed attempts"),
    (PULL, 0, r"^temperature\t\w+\t\{\"event\":"),
    (LOG, 0, "delivered temperature of"),
    ("make fault", 0, "no fault is on"),
    ("make fault NAME=pubsub-down", 0, "^on: pubsub-down$"),
    ("python -m deploy status", 3, "^failing +connector in"),
    ("make fault NAME=none", 0, "^no fault is on$"),
    ("python -m deploy status", 0, "last 3 h: .* 0 failed attempts"),
    ("python -m deploy pause", 0, "paused, also for"),
    ("python -m deploy resume", 0, "came through DT's connector as message"),
    ("python -m deploy up --set=LOG_LEVEL=DEBUG", 0, "LOG_LEVEL none -> DEBUG"),
    ("python -m deploy up --rollback", 0, "answers all requests until the next"),
    ("python -m deploy up", 0, "function dt-pubsub, traffic.* rolled back"),
    ("python -m deploy down", 0, "0 to update, 1 to keep, 9 to delete"),
)
"""The commands of the page's tour, each with its exit status and what it prints."""


def test_the_tour_can_be_typed_in_every_shell_and_events_arrive_by_themselves(tmp_path: Path) -> None:
    with sandboxed(tmp_path) as sandbox:
        for (line, expected, pattern), shell in zip(TOUR, cycle(("bash", "zsh", "fish")), strict=False):
            if line == "make fault":
                assert "{'temperature':" in read_by_a_subscriber(sandbox, tmp_path, "temperature")
            status, said = typed(sandbox, line, shell)
            assert (status, bool(re.search(pattern, said, re.MULTILINE))) == (expected, True), (line, said)
            if "NAME=" in line:
                time.sleep(FAULT_SHOWS_S)


def read_by_a_subscriber(sandbox: Path, folder: Path, event_type: str) -> str:
    """Run the README's subscriber as it stands; return the first line that it prints of an event of this type."""
    (program,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (folder / "subscriber.py").write_text(program, "utf-8")
    line = f"source {sandbox}/exports.sh; exec {sys.executable} {folder}/subscriber.py"
    with subprocess.Popen([shutil.which("bash") or "bash", "-c", line], stdout=subprocess.PIPE, text=True) as process:
        try:
            return next(shown for shown in process.stdout or () if f" {event_type} " in shown)
        finally:
            process.kill()


def test_the_commands_of_deploying_by_hand_can_be_pasted_from_the_first_to_the_last(tmp_path: Path) -> None:
    page = "".join(re.findall(r"```sh\n(.*?)```", BY_HAND, re.DOTALL))
    page = page.replace("DT_ORGANIZATION_ID=…", f"DT_ORGANIZATION_ID={Tenant().organization}")
    page = re.sub(r"^export DT_SERVICE_ACCOUNT_KEY_ID=.*\n", "", page, flags=re.MULTILINE)  # the sandbox has set these
    head, _, rest = page.partition("export CONNECTOR=…\n")
    middle, _, tail = rest.partition("export DEVICE=…\n")
    with sandboxed(tmp_path) as sandbox:
        said = pasted(sandbox, head)
        assert '"displayName": "Google Pub/Sub my-project/dt-pubsub"' in said, said
        connector = f"export CONNECTOR={found(r'dataconnectors/([0-9a-v]{20})', said)}\n"
        said = pasted(sandbox, exports_of(head) + connector + middle)
        assert '"successCount": ' in said, said
        device = f"export DEVICE={found(r'/devices/(emu[0-9a-v]{20})', said)}\n"
        said = pasted(sandbox, exports_of(head + middle) + connector + device + tail)
        assert re.search(r"^\W*\w+\t\w+\t\{\"event\":", said, re.MULTILINE), said
        status, said = typed(sandbox, "python -m deploy status")
        assert (status, "nothing is deployed" in said) == (3, True), said


def pasted(sandbox: Path, lines: str) -> str:
    """Paste lines into a terminal; return what it shows. No command may fail."""
    status, said = typed(sandbox, lines)
    assert (status, "ERROR: (gcloud" in said, '"error"' in said) == (0, False, False), said
    return said


def exports_of(lines: str) -> str:
    """Return the lines that set variables, which another terminal needs again."""
    return "".join(line for line in lines.splitlines(keepends=True) if line.startswith("export "))


def found(pattern: str, said: str) -> str:
    """Return what matches in an output, as a user copies it."""
    matches = re.findall(pattern, said)
    assert matches, said
    return str(matches[-1])


def test_an_operator_sees_every_fault_and_that_it_has_ended(owner: User) -> None:
    assert [practice.name for practice in PRACTICE] == [*SHOWN]
    practising, dt = Practising(owner.both_clouds), owner.both_clouds.dt
    with Sensors(dt, every_s=0.5):
        assert eventually(lambda: any(attempt.is_success for attempt in dt.deliveries.attempts))
        for name, (verb, expected, pattern) in SHOWN.items():
            practising.switch(name)
            if name != "connector-disabled-by-dt":
                assert eventually(partial(has_sent, dt, len(dt.deliveries.attempts) + 4))
            status, said = owner.runs(verb)
            assert (status in expected, bool(re.search(pattern, said, re.MULTILINE))) == (True, True), (name, said)
            practising.switch(NONE)
        assert eventually(lambda: dt.deliveries.pending() < 3)
    assert dt.deliveries.wait()
    status, said = owner.runs("status")
    assert (status, re.search(r"^(failing|missing|unreadable|behind)", said, re.MULTILINE)) == (3, None), said
    status, said = owner.runs("replay")
    assert status == 3, said
    assert re.search(r"^\d+ messages? of \d+ on the main topic$", said, re.MULTILINE), said
    assert re.search(r"^\d+ messages? refused: no_envelope; still on the rejected topic$", said, re.MULTILINE), said
    status, said = owner.runs("replay", "--reason=expired")
    assert (status, "nothing that was asked for is on the rejected topic" in said) == (0, True), said


def has_sent(dt: DT, attempts: int) -> bool:
    """Return whether DT has tried to deliver that often."""
    return len(dt.deliveries.attempts) >= attempts
