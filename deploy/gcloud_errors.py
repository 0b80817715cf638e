"""What gcloud's words on standard error mean. Pure.

gcloud's errors begin with ``ERROR: (gcloud.some.command)``, then Google's status in one of several dresses.
"""

import re
import shlex

from deploy.errors import Code, GcloudFailed
from deploy.permissions import allow_unchecked, grant
from deploy.steps import Argv

_BY_STATUS: dict[str, Code] = {
    "400": "OTHER",
    "401": "UNAUTHENTICATED",
    "403": "PERMISSION_DENIED",
    "404": "NOT_FOUND",
    "409": "ABORTED",
    "429": "RESOURCE_EXHAUSTED",
    "503": "UNAVAILABLE",
}
_NAMED: tuple[Code, ...] = (
    *("NOT_FOUND", "ALREADY_EXISTS", "ABORTED", "RESOURCE_EXHAUSTED", "PERMISSION_DENIED"),
    *("UNAUTHENTICATED", "UNAVAILABLE"),
)
_TELLING: tuple[tuple[Code, str], ...] = (
    ("ACCOUNT_LAG", r"[Ss]ervice ?[Aa]ccount \S+ (?:of type \S+ )?(?:does not exist|was not found)"),
    ("ACCOUNT_LAG", r"Identity Pool does not exist|Permission denied on secret"),
    ("ACCOUNT_LAG", r"actAs' on service account \S+\.iam\.gserviceaccount\.com"),
    ("SERVICE_DISABLED", r"SERVICE_DISABLED|has not been used in project|API \[\S+\] not enabled|it is disabled"),
    ("PUBLIC_FORBIDDEN", r"permitted customer|allowedPolicyMember|constraints/iam\.(?:managed\.)?allowedPolicyMember"),
    ("CHECK_FORCED", r"run\.managed\.requireInvokerIam"),
    (
        "UNAUTHENTICATED",
        r"gcloud auth |invalid_grant|Reauthentication|not currently have an active account|invalid authentication cred",
    ),
    ("ALREADY_EXISTS", r"already exists"),
    ("ABORTED", r"concurrent policy changes|unable to queue the operation|operation in progress"),
    ("ABORTED", r"(?i:etag mismatch|etag\b.{0,99} did not match)"),
    ("PERMISSION_DENIED", r"does not have permission to access|not authorized to perform"),
    ("NOT_FOUND", r"Cannot find service|could not be found|Resource not found"),
)
"""Sentences that say more than their status does, looked for in this order."""


def explain(argv: Argv, stderr: str) -> GcloudFailed:
    """Read why a command failed, and what mends it."""
    sentence = _sentence(stderr)
    code = code_of(sentence)
    if code in {"UNAUTHENTICATED", "PERMISSION_DENIED"}:
        sentence = sentence.splitlines()[0]
    line = shlex.join(("gcloud", *(word for word in argv if not word.startswith("--format"))))
    return GcloudFailed(code, sentence, where=line, mend=_mend(code, argv, sentence, line))


def code_of(sentence: str) -> Code:
    """Give the code of what stands behind ``ERROR: (gcloud...)``."""
    for code, pattern in _TELLING:
        if re.search(pattern, sentence):
            return code
    for name in _NAMED:
        if re.match(rf"(?:\w+: )?{name}\b", sentence) or re.search(rf"status=\[\d+\], code=\[{name}\]", sentence):
            return name
    if found := re.search(r"(?:status=\[|HTTPError |Error |status code )(\d{3})\b", sentence):
        return _BY_STATUS.get(found[1], "OTHER")
    return "OTHER"


def _sentence(stderr: str) -> str:
    """Take the reason out: of commands on several things, the last line only says that one of them failed."""
    error = re.search(r"ERROR: \(gcloud[^)]*\) (.*)", stderr, re.DOTALL) or re.search(r"ERROR: (.*)", stderr, re.DOTALL)
    text = (error[1] if error else stderr).strip()
    if text.startswith("Failed to ") and (each := re.search(r"ERROR: (Failed to \w+ .*)", stderr)):
        text = each[1]
    text = re.split(r"\n- '@type'|\nGoogle developers console|\n- detail", text)[0]
    return re.sub(r" This command is authenticated.*", "", text) or "failed without a word"


def _mend(code: Code, argv: Argv, sentence: str, line: str) -> list[str]:
    project = next((word.partition("=")[2] for word in argv if word.startswith("--project=")), "PROJECT")
    if code == "UNAUTHENTICATED":
        return ["gcloud auth login"]
    if code == "SERVICE_DISABLED":
        service = re.search(r"[a-z]+\.googleapis\.com", sentence)
        return [f"gcloud services enable {service[0] if service else 'SERVICE'} --project={project}"]
    if code == "PERMISSION_DENIED" or "actAs" in sentence:
        return [grant(project)]
    if code == "PUBLIC_FORBIDDEN":
        return ["python -m deploy up --invocation=unchecked"]
    if code == "CHECK_FORCED":
        return [allow_unchecked(project)]
    return [line]
