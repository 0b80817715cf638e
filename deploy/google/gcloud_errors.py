"""Recognizes gcloud's error messages, and names the fix of each. Pure.

gcloud's errors begin with ``ERROR: (gcloud.some.command)``, followed by Google's status in one of several formats.
"""

import re
import shlex
from collections.abc import Mapping

from deploy.errors import Code, GcloudFailed
from deploy.google.known_errors import BY_CODE, BY_STATUS, DOCUMENTED, NAMED, REFUSALS, STATUS, TABLE, Kind
from deploy.resources.catalog import command_groups
from deploy.spec import last_segment
from deploy.steps import Argv


def explain(argv: Argv, stderr: str) -> GcloudFailed:
    """Return the error of a failed command, with its reason and remedy."""
    message = _message(stderr)
    kind = kind_of(argv, message)
    line = shlex.join(("gcloud", *(word for word in argv if not word.startswith("--format"))))
    return GcloudFailed(kind.code, _shown(argv, kind.code, message), where=line, fix=kind.remedy)


def _shown(argv: Argv, code: Code, message: str) -> str:
    """Return the part of a message that helps the user and cannot have a secret in it."""
    if may_quote_a_secret(argv) and not re.match(rf"(?:{'|'.join(REFUSALS)}): ", message):
        return "failed; its message is not shown, because it may quote the secret"
    if code in {"UNAUTHENTICATED", "PERMISSION_DENIED"}:
        return message.splitlines()[0]
    if code == "ENDPOINT":
        return f"{message.partition('<')[0].strip(' :[=')} (not an answer of this API)"
    quoted = re.match(r'HttpError accessing .*"message": "(.*?)(?<!\\)"', message, re.DOTALL)
    return quoted[1] if quoted and quoted[1].strip() else message


def kind_of(argv: Argv, message: str) -> Kind:
    """Return the kind of a message (the text after ``ERROR: (gcloud...)``), with its remedy for this command."""
    if is_absent(argv, message):
        return Kind("NOT_FOUND", "", BY_CODE["NOT_FOUND"])
    for kind in TABLE:
        if match := re.search(kind.pattern, message):
            return _filled(kind, argv, match.groupdict()) if kind.code != "NOT_FOUND" else _by_code("ELSEWHERE", argv)
    code = _code_of_status(message)
    return _by_code("ELSEWHERE" if code == "NOT_FOUND" else code, argv)


def is_absent(argv: Argv, message: str) -> bool:
    """Return whether the message says that the resource named by the command does not exist."""
    if re.search(r"Failed to impersonate|<(?:!DOCTYPE|html)", message):
        return False
    name = re.escape(_name(argv))
    return any(
        re.search(group.absent.format(name=name), message) is not None
        for group in command_groups()
        if group.absent and argv[: len(group.words)] == group.words
    )


def may_quote_a_secret(argv: Argv) -> bool:
    """Return whether gcloud may quote a secret if this command fails, because the command reads a secret."""
    return argv[:3] == ("secrets", "versions", "access")


def _code_of_status(message: str) -> Code:
    for name in NAMED:
        if re.match(rf"(?:\w+: )?{name}\b", message) or re.search(rf"status=\[\d+\], code=\[{name}\]", message):
            return name
    if status := re.search(r"(?:status=\[|HTTPError |Error |status code |'status': )(\d{3})\b", message):
        return BY_STATUS.get(status[1], "OTHER")
    return "UNWORDED" if re.match(r"Failed to \w+ \w+ \[", message) else "OTHER"


def _by_code(code: Code, argv: Argv) -> Kind:
    documented = (DOCUMENTED.get(argv[0], STATUS),)
    return _filled(Kind(code, "", BY_CODE.get(code, documented)), argv, {})


def _filled(kind: Kind, argv: Argv, groups: Mapping[str, str | None]) -> Kind:
    """Return the kind with the placeholders of its remedy replaced."""
    values = {"project": _flag(argv, "project"), "region": _flag(argv, "region"), "name": _name(argv), "group": argv[0]}
    values |= {"account": _build_account(argv)} if kind.code == "BUILD_ACCOUNT" else {}
    values |= {name: value for name, value in groups.items() if value}
    return Kind(kind.code, kind.pattern, tuple(line.format_map(_Placeholders(values)) for line in kind.remedy))


class _Placeholders(dict[str, str]):
    """Values by placeholder; an unknown one becomes a word in capitals for the user to fill in."""

    def __missing__(self, name: str) -> str:
        return name.upper()


def _flag(argv: Argv, flag: str) -> str:
    values = (word.partition("=")[2] for word in argv if word.startswith(f"--{flag}="))
    return next(values, flag.upper())


def _build_account(argv: Argv) -> str:
    return last_segment(_flag(argv, "build-service-account")).replace("BUILD-SERVICE-ACCOUNT", "BUILD-ACCOUNT")


def _name(argv: Argv) -> str:
    """Return the name of the resource that a command names: its last argument, or the secret of a version."""
    words = [word for word in argv if not word.startswith("--")]
    return next((word.partition("=")[2] for word in argv if word.startswith("--secret=")), words[-1])


def _message(stderr: str) -> str:
    """Return the reason in gcloud's output. If a command changes several resources, the last line has no reason."""
    error = re.search(r"ERROR: \(gcloud[^)]*\) (.*)", stderr, re.DOTALL) or re.search(r"ERROR: (.*)", stderr, re.DOTALL)
    text = (error[1] if error else stderr).strip()
    if text.startswith("Failed to ") and (first := re.search(r"ERROR: (Failed to \w+ .*)", stderr)):
        text = first[1]
    text = re.split(r"\n- '@type'|\nGoogle developers console|\n- detail", text)[0]
    return re.sub(r" This command is authenticated.*", "", text) or "failed without an error message"


def unreachable_regions(stderr: str) -> tuple[str, ...]:
    """Return the regions that a list command could not read. gcloud warns of them on standard error, and succeeds.

    ``gcloud functions list`` has them after ``unreachable for query:``, and ``gcloud run services list`` after
    ``did not respond:``.
    """
    found = re.search(r"(?:unreachable\s+for query|did not respond):\s+([\w/-]+(?:,\s*[\w/-]+)*)", stderr)
    return tuple(map(last_segment, re.split(r",\s*", found[1]))) if found else ()
