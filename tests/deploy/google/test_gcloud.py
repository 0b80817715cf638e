"""gcloud as a subprocess: its errors, temporary failures, and the environment of its children."""

import json
import os
import re
import signal
import stat
import subprocess
from base64 import b64encode
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from deploy.dt.api import DtApi
from deploy.dt.calls import DtAnswer
from deploy.errors import Code, DtFailed, GcloudFailed
from deploy.google.gcloud import DEPLOY_S
from deploy.google.gcloud_errors import explain
from deploy.google.gcloud_process import Finished, run_gcloud
from deploy.secret import Secret, new_secret
from deploy.steps import Argv
from tests.deploy.fakes.dt import FakeDt
from tests.deploy.fakes.gcloud import gcloud_alone
from tests.function.fakes import FakeClock
from tests.leftovers import interrupting

LAG = "ERROR: (gcloud.x) INVALID_ARGUMENT: Service account dt@p.iam.gserviceaccount.com does not exist."
WORDS: list[tuple[Code, str]] = [
    ("NOT_FOUND", "ERROR: (gcloud.pubsub.topics.describe) NOT_FOUND: Resource not found (resource=t)."),
    (
        "NOT_FOUND",
        (
            "ERROR: (gcloud.functions.describe) ResponseError: status=[404], code=[Ok], "
            "message=[Resource 'projects/p/locations/europe-west1/functions/dt-pubsub' was not found]"
        ),
    ),
    ("NOT_FOUND", "ERROR: (gcloud.run.services.describe) Cannot find service [dt-pubsub]"),
    (
        "ALREADY_EXISTS",
        "ERROR: (gcloud.secrets.create) Resource in projects [p] … conflict: s already exists",
    ),
    (
        "ALREADY_EXISTS",
        "ERROR: Failed to create topic [t].\nERROR: (gcloud.pubsub.topics.create) Topic already exists",
    ),
    (
        "NOT_FOUND",
        (
            "ERROR: Failed to delete topic [projects/p/topics/t]: Resource not found (resource=t). This command is …\n"
            "ERROR: (gcloud.pubsub.topics.delete) Failed to delete the following: [t]."
        ),
    ),
    (
        "ALREADY_EXISTS",
        (
            "ERROR: Failed to create topic [projects/p/topics/t]: Resource already exists (resource=t).\n"
            "ERROR: (gcloud.pubsub.topics.create) Failed to create the following: [t]."
        ),
    ),
    (
        "PERMISSION_DENIED",
        (
            "ERROR: Failed to create topic [projects/p/topics/t]: User not authorized to perform this action.\n"
            "ERROR: (gcloud.pubsub.topics.create) Failed to create the following: [t]."
        ),
    ),
    ("ABORTED", "ERROR: (gcloud.x) ABORTED: There were concurrent policy changes. Please retry"),
    (
        "ABORTED",
        "ERROR: (gcloud.x) ResponseError: status=[409], code=[Ok], message=[unable to queue the operation]",
    ),
    ("RESOURCE_EXHAUSTED", "ERROR: (gcloud.x) RESOURCE_EXHAUSTED: Quota exceeded"),
    (
        "RESOURCE_EXHAUSTED",
        "ERROR: (gcloud.functions.deploy) ResponseError: status=[429], code=[Too Many Requests], message=[]",
    ),
    ("PERMISSION_DENIED", "ERROR: (gcloud.x) PERMISSION_DENIED: Permission 'a.b.get' denied (or it may not exist)."),
    (
        "SERVICE_DISABLED",
        "ERROR: (gcloud.x) PERMISSION_DENIED: Secret Manager API has not been used in project 1 before",
    ),
    ("ACCOUNT_LAG", LAG),
    ("ACCOUNT_LAG", f'ERROR: Policy modification failed. For a binding with condition, run "gcloud …".\n{LAG}'),
    (
        "ACCOUNT_LAG",
        "ERROR: (gcloud.functions.deploy) OperationError: code=3, message=Permission denied on secret: projects/1/x",
    ),
    (
        "PUBLIC_FORBIDDEN",
        "ERROR: (gcloud.x) FAILED_PRECONDITION: One or more users in the policy do not belong to a permitted customer.",
    ),
    (
        "CHECK_FORCED",
        "ERROR: (gcloud.x) FAILED_PRECONDITION: Denied by org policy: ['constraints/run.managed.requireInvokerIam'].",
    ),
    (
        "UNAUTHENTICATED",
        "ERROR: (gcloud.x) You do not currently have an active account selected.\nPlease run:\n  $ gcloud auth login",
    ),
    (
        "UNAUTHENTICATED",
        "ERROR: (gcloud.x) There was a problem refreshing your current auth tokens: invalid_grant: Bad Request",
    ),
    ("BUILD", "ERROR: (gcloud.functions.deploy) OperationError: code=3, message=Build failed with status: FAILURE."),
    (
        "ACCOUNT_LAG",
        (
            "ERROR: (gcloud.functions.deploy) ResponseError: status=[403], code=[Ok], message=[Caller me@x.com is "
            "missing permission 'iam.serviceaccounts.actAs' on service account dt@p.iam.gserviceaccount.com. Grant …]"
        ),
    ),
    (
        "PERMISSION_DENIED",
        (
            "ERROR: (gcloud.functions.deploy) ResponseError: status=[403], code=[Ok], message=[Caller me@x.com is "
            "missing permission 'iam.serviceaccounts.actAs' on service account 1@developer.gserviceaccount.com.]"
        ),
    ),
    ("ABORTED", "ERROR: (gcloud.x) INVALID_ARGUMENT: The request's ETag 'B1A' did not match the policy's ETag 'B1B'."),
    ("ABORTED", "ERROR: (gcloud.x) FAILED_PRECONDITION: etag mismatch"),
    ("BUILD", "ERROR: (gcloud.functions.deploy) OperationError: code=3, message=Build failed: No module named 'etag'"),
    ("OTHER", "Traceback"),
    ("OTHER", ""),
]


class Scripted:  # a ``Run``
    """A fake gcloud with prepared answers, one for each call."""

    def __init__(self, *answers: Finished) -> None:
        self.answers = list(answers)
        self.heard: list[tuple[Argv, str | None]] = []

    def __call__(self, argv: Argv, *, stdin: str | None, folder: Path | None, timeout_s: float) -> Finished:
        """Return the next answer."""
        del folder, timeout_s
        self.heard.append((argv, stdin))
        return self.answers.pop(0)


def fails(stderr: str) -> Finished:
    return Finished(1, "", stderr)


@pytest.mark.parametrize(("code", "stderr"), WORDS)
def test_every_error_of_gcloud_is_classified(code: Code, stderr: str) -> None:
    error = explain((*_words_of(stderr), "--project=p", "--format=json"), stderr)
    assert error.code == code
    assert error.fix
    assert "--format" not in str(error)


def _words_of(stderr: str) -> Argv:
    """Return the words of the failed command, and the name of its resource."""
    found = re.search(r"\(gcloud\.([\w.-]+)\)", stderr)
    words = tuple(found[1].split(".")) if found else ("x",)
    return (*words, "dt-pubsub" if words[0] in {"functions", "run"} else "t")


def test_only_not_found_means_absent() -> None:
    missing, denied = (
        next(text for code, text in WORDS if code == wanted) for wanted in ("NOT_FOUND", "PERMISSION_DENIED")
    )
    assert gcloud_alone(Scripted(fails(missing))).read(("pubsub", "topics", "describe", "t")) is None
    with pytest.raises(GcloudFailed):
        gcloud_alone(Scripted(fails(denied))).read(("x",))


@pytest.mark.parametrize("code", ["ABORTED", "RESOURCE_EXHAUSTED", "ACCOUNT_LAG", "SERVICE_DISABLED"])
def test_a_change_retries_temporary_errors_and_passes_the_secret_every_time(code: Code) -> None:
    passing = next(text for kind, text in WORDS if kind == code)
    run, clock = Scripted(fails(passing), fails(passing), Finished(0, "{}", "")), FakeClock(0)
    gcloud_alone(run, sleep=clock.advance).change(("x",), stdin=Secret("s"))
    assert clock.seconds == 3
    assert [stdin for _, stdin in run.heard] == ["s", "s", "s"]


def test_a_lasting_error_ends_the_retries() -> None:
    run, clock = Scripted(*[fails(LAG)] * 9), FakeClock(0)
    with pytest.raises(GcloudFailed, match="does not exist"):
        gcloud_alone(run, sleep=clock.advance).change(("x",))
    assert clock.seconds == 90


def test_a_deployment_waits_for_an_earlier_one_as_long_as_a_build_takes(tmp_path: Path) -> None:
    busy = next(text for _, text in WORDS if "unable to queue" in text)
    run, clock = Scripted(*[fails(busy)] * 65, Finished(0, "{}", "")), FakeClock(0)
    gcloud_alone(run, sleep=clock.advance).change(("functions", "deploy"), folder=tmp_path)
    assert clock.seconds == DEPLOY_S


def test_a_failed_build_is_not_repeated() -> None:
    run = Scripted(fails("ERROR: (gcloud.functions.deploy) OperationError: code=3, message=Build failed"))
    with pytest.raises(GcloudFailed, match="Build failed"):
        gcloud_alone(run).change(("functions", "deploy"))


def test_an_answer_that_is_not_json_is_an_error() -> None:
    with pytest.raises(GcloudFailed, match="other than JSON"):
        gcloud_alone(Scripted(Finished(0, "hello", ""))).read(("x",))


@pytest.mark.parametrize("answer", ["", "null", "[]", '"x"'])
def test_a_description_of_unexpected_form_is_an_error(answer: str) -> None:
    with pytest.raises(GcloudFailed, match="its answer has an unexpected structure"):
        gcloud_alone(Scripted(Finished(0, answer, ""))).read(("pubsub", "topics", "describe", "t"))


@pytest.mark.parametrize("answer", ["", "{}", "[1]"])
def test_a_list_of_unexpected_form_is_an_error(answer: str) -> None:
    with pytest.raises(GcloudFailed, match="its answer has an unexpected structure"):
        gcloud_alone(Scripted(Finished(0, answer, ""))).read(("services", "list", "--enabled"))


def test_a_change_without_output_succeeds() -> None:
    assert gcloud_alone(Scripted(Finished(0, "", ""))).change(("services", "enable")) == {}


def test_a_missing_act_as_permission_is_reported_with_the_command_that_grants_it() -> None:
    sentence = next(text for code, text in WORDS if code == "ACCOUNT_LAG" and "actAs" in text)
    error = explain(("functions", "deploy", "--project=p"), sentence)
    assert "gcloud projects add-iam-policy-binding p" in error.fix[0]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A search path with only the programs of the test."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def installed(path: Path, script: str) -> None:
    (path / "gcloud").write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    (path / "gcloud").chmod(stat.S_IRWXU)


def test_a_child_process_gets_none_of_dts_credentials(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DT_SERVICE_ACCOUNT_SECRET", "do-not-tell")
    installed(path, "env")
    done = run_gcloud(("x",), stdin=None, folder=None, timeout_s=60)
    assert "do-not-tell" not in done.stdout
    assert "CLOUDSDK_CORE_DISABLE_PROMPTS=1" in done.stdout
    assert "CLOUDSDK_CORE_LOG_HTTP=false" in done.stdout


def test_a_users_gcloud_settings_do_not_change_the_form_of_answers(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    properties = {"CORE_VERBOSITY": "none", "CORE_USER_OUTPUT_ENABLED": "false", "RUN_PLATFORM": "gke"}
    for name, value in {**properties, "CORE_SHOW_STRUCTURED_LOGS": "always"}.items():
        monkeypatch.setenv(f"CLOUDSDK_{name}", value)
    installed(path, "env")
    environment = run_gcloud(("x",), stdin=None, folder=None, timeout_s=60).stdout.splitlines()
    assert {
        "CLOUDSDK_CORE_VERBOSITY=warning",
        "CLOUDSDK_CORE_USER_OUTPUT_ENABLED=true",
        "CLOUDSDK_CORE_SHOW_STRUCTURED_LOGS=never",
        "CLOUDSDK_RUN_PLATFORM=managed",
    } <= set(environment)


def test_a_secret_is_passed_on_standard_input(path: Path) -> None:
    installed(path, "cat")
    assert run_gcloud(("x",), stdin="from here", folder=None, timeout_s=60).stdout == "from here"


def test_without_a_secret_there_is_no_standard_input(path: Path) -> None:
    installed(path, "cat; pwd")
    done = run_gcloud(("x",), stdin=None, folder=path, timeout_s=60)
    assert Path(done.stdout.strip()).samefile(path)


def test_a_missing_gcloud_is_reported_with_how_to_install_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(os.environ, "PATH", str(tmp_path))
    with pytest.raises(GcloudFailed, match=r"curl https://sdk\.cloud\.google\.com"):
        run_gcloud(("x",), stdin=None, folder=None, timeout_s=60)


def test_a_gcloud_that_cannot_be_started_is_reported_in_one_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(path, "true")
    (path / "gcloud").chmod(stat.S_IRUSR)
    monkeypatch.setenv("PATH", str(path))
    with pytest.raises(GcloudFailed, match="gcloud: cannot be started: Permission denied"):
        run_gcloud(("x",), stdin=None, folder=None, timeout_s=60)


def test_a_command_that_hangs_is_ended(path: Path) -> None:
    installed(path, "exec sleep 30")
    with pytest.raises(GcloudFailed, match="did not end within 0 s"):
        run_gcloud(("x",), stdin="a secret", folder=None, timeout_s=0.2)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_comes_while_a_command_is_started_leaves_nothing_of_it(
    path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    started: list[subprocess.Popen[str]] = []

    class Interrupted(subprocess.Popen[str]):
        def __init__(self, *args: Any, **how: Any) -> None:
            super().__init__(*args, **how)
            started.append(self)
            if len(started) == 1:  # and not as well while it is ended
                signal.raise_signal(number)

    installed(path, "trap '' INT; exec sleep 300")
    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    with interrupting(number), pytest.raises(KeyboardInterrupt):
        run_gcloud(("x",), stdin=None, folder=None, timeout_s=60)
    ended = started[0].poll()
    started[0].kill()
    assert ended is not None


@pytest.mark.parametrize("written", [lambda text: text, lambda text: b64encode(text.encode()).decode()])
def test_a_secret_that_gcloud_quotes_when_it_fails_is_not_shown(written: Callable[[str], str]) -> None:
    secret, notices = new_secret(), list[str]()
    failing = fails(f"ERROR: (gcloud.x) ABORTED: invalid payload: '{written(secret.reveal())}', sorry")
    with pytest.raises(GcloudFailed) as failed:
        gcloud_alone(Scripted(*[failing] * 9), sleep=lambda _: None, notice=notices.append).change(("x",), stdin=secret)
    assert str(failed.value).startswith("gcloud x: ABORTED: invalid payload: '***', sorry")
    assert written(secret.reveal())[:8] not in f"{failed.value} {notices}"


ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)[1:-1])[1:-1],
    "repr": lambda text: repr(text)[1:-1],
    "percent": lambda text: quote(text, safe=""),
    "percent, all of it": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "hexadecimal": lambda text: text.encode().hex(),
    "HEXADECIMAL": lambda text: text.encode().hex().upper(),
    "escaped": lambda text: "".join(f"\\x{byte:02x}" for byte in text.encode()),
    "escaped for JSON": lambda text: "".join(f"\\u{byte:04x}" for byte in text.encode()),
    "HTML": lambda text: "".join(f"&#{byte};" for byte in text.encode()),
    **{f"base64 after {shift}": partial(lambda shift, text: _in_base64(text, shift), shift) for shift in range(3)},
    **{
        f"base64url after {shift}": partial(lambda shift, text: _in_base64(text, shift, b"-_"), shift)
        for shift in range(3)
    },
    "base64 in a URL": lambda text: quote(_in_base64(text, 1), safe=""),
}
SECRETS = (
    new_secret().reveal(),
    "?>~?>~?>~?>~?>~?>~?>~?>~?>~?>~?>~?>~",  # many characters that the two alphabets of base64 write differently
    'with "quotes", \\ and an \u00e9, and long enough to be one',
)


def _in_base64(text: str, shift: int, others: bytes = b"+/") -> str:
    """Return the letters that encode only the text, if this many bytes come before it and one after it."""
    written = b64encode(b"x" * shift + text.encode() + b"\n", altchars=others).decode()
    return written[(0, 2, 3)[shift] : 4 * ((shift + len(text.encode())) // 3)]


@pytest.mark.parametrize("secret", SECRETS, ids=["digits", "marks", "quotes"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_secret_is_hidden_in_every_encoding(encoding: str, secret: str) -> None:
    written = ENCODINGS[encoding](secret)
    for first in (0, 1, len(written) // 3):
        shown = Secret(secret).hidden_in(f"before [{written[first:]}] after")
        assert shown == "before [***] after"


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_incomplete_answer_that_gcloud_quotes_is_not_shown(encoding: str) -> None:
    secret, noted = new_secret().reveal(), list[str]()
    written = ENCODINGS[encoding](secret)
    crash = (
        'ERROR: gcloud crashed (InvalidDataFromServerError): Error decoding response "{"payload": {"data": '
        f'"{written[:50]}" as type AccessSecretVersionResponse: Unterminated string starting at: line 1 column 66'
    )
    access = ("secrets", "versions", "access", "latest", "--secret=dt-signature")
    with pytest.raises(GcloudFailed) as failed:
        gcloud_alone(Scripted(*[fails(crash)] * 9), sleep=lambda _: None, notice=noted.append).read_text(access)
    assert failed.value.code == "GARBLED"
    assert written[8:20] not in f"{failed.value} {noted}"
    assert "its message is not shown, because it may quote the secret" in str(failed.value)


def test_a_request_whose_answer_was_incomplete_is_repeated() -> None:
    crash = "ERROR: gcloud crashed (InvalidDataFromServerError): Error decoding response"
    run = Scripted(fails(crash), Finished(0, "text", ""))
    assert gcloud_alone(run, sleep=lambda _: None).read_text(("secrets", "versions", "access", "latest")) == "text"


def test_credentials_that_dt_quotes_are_not_shown() -> None:
    secret = new_secret()
    transport = FakeDt(stumbles=[DtAnswer(400, {"error": f"bad assertion, signed with {secret.reveal()}"})])
    with pytest.raises(DtFailed) as failed:
        DtApi(transport, hidden=(secret,)).call("GET", "/projects/p")
    assert "signed with ***" in str(failed.value)


@pytest.mark.parametrize("verb", ["create", "delete"])
def test_a_rate_limit_error_without_a_status_is_retried(verb: str) -> None:
    refused = fails(
        f"ERROR: Failed to {verb} topic [projects/p/topics/t]: made to fail with 429.\n"
        f"ERROR: (gcloud.pubsub.topics.{verb}) Failed to {verb} the following: [t]."
    )
    run, clock = Scripted(refused, refused, Finished(0, "{}", "")), FakeClock(0)
    gcloud_alone(run, sleep=clock.advance).change(("pubsub", "topics", verb, "t"))
    assert clock.seconds == 3


def test_an_error_without_a_reason_is_retried_only_briefly() -> None:
    run, clock = Scripted(*[fails("ERROR: Failed to delete topic [t]: never heard of.")] * 9), FakeClock(0)
    with pytest.raises(GcloudFailed, match="never heard of"):
        gcloud_alone(run, sleep=clock.advance).change(("pubsub", "topics", "delete", "t"))
    assert clock.seconds == 7


@pytest.mark.parametrize("kept", [slice(None), slice(20), slice(30, 50), slice(-9, None)])
def test_a_part_of_a_secret_is_hidden_as_well(kept: slice) -> None:
    secret = new_secret()
    assert secret.hidden_in(f"before {secret.reveal()[kept]} after") == "before *** after"


@pytest.mark.parametrize("text", ["", "nothing of it", "DT, POST /projects/p/dataconnectors: 400 invalid argument"])
def test_text_without_a_secret_is_shown_unchanged(text: str) -> None:
    assert new_secret().hidden_in(text) == text
    assert Secret("").hidden_in(text) == text


def test_a_secret_with_quotes_is_hidden_in_json_too() -> None:
    secret = Secret('in "quotes" and \\ more')
    assert secret.hidden_in(json.dumps({"signatureSecret": secret.reveal()})) == '{"signatureSecret": "***"}'


def test_secrets_are_hidden_in_every_representation() -> None:
    secret = new_secret()
    assert len(secret.reveal()) == 64
    assert secret.reveal() not in f"{secret} {secret!r} {[secret]}"
    assert secret.equals(secret.reveal())
    assert not secret.equals("another")


@pytest.mark.parametrize("answer", ["{}", "[1]", "no JSON"])
def test_a_list_that_is_not_a_list_of_objects_is_an_error(answer: str) -> None:
    run = lambda *_, **__: Finished(0, answer, "")  # noqa: E731
    with pytest.raises(GcloudFailed, match=r"structure|JSON"):
        gcloud_alone(run).list_all(("functions", "list"))


def test_a_list_without_output_is_empty() -> None:
    listed = gcloud_alone(lambda *_, **__: Finished(0, "", "")).list_all(("functions", "list"))
    assert (listed.items, listed.unreachable) == ([], ())
