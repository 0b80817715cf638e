"""The sandbox's environment as lines to paste or to source: one form for bash and zsh, one for fish.

The lines also unset all variables that could lead gcloud, DT's package or the deployment to the real clouds. Which of
these another terminal has is known only there, so the lines look for them by their prefixes.
"""

import shlex
from collections.abc import Iterable, Iterator, Mapping

from tests.emulators.clouds.clouds import KEPT_PREFIXES, UNSET, UNSET_PREFIXES
from tests.emulators.sandbox.shell import NAME

PATH = "PATH"
"""The one variable that is extended instead of replaced: its value here is the folder to put first."""

LEAVE = "this terminal is in the sandbox until you close it"
"""What a terminal says that gets these lines, because nothing can undo them."""


def for_bash(variables: Mapping[str, str]) -> str:
    """Return the lines for bash and zsh."""
    lines = [
        f'for name in $({_look()}); do unset "$name"; done',
        f"unset {' '.join(_names())}",
        *(f"export {name}={shlex.quote(value)}" for name, value in variables.items() if name != PATH),
    ]
    if PATH in variables:
        lines.append(f'export {PATH}={shlex.quote(variables[PATH])}:"${PATH}"')
    mark = f'PS1="{NAME} $PS1"; echo "{LEAVE}"'
    lines.append(f'case "${{PS1-}}" in ""|"{NAME}"*) ;; *) {mark} ;; esac')  # without PS1, it is no terminal
    return _joined(lines)


def for_fish(variables: Mapping[str, str]) -> str:
    """Return the lines for fish."""
    lines = [
        f"for name in ({_look()}); set -e $name; end",
        f"for name in {' '.join(_names())}; set -e $name; end",
        *(f"set -gx {name} {_quoted_for_fish(value)}" for name, value in variables.items() if name != PATH),
    ]
    if PATH in variables:
        lines.append(f"set -gx {PATH} {_quoted_for_fish(variables[PATH])} ${PATH}")
    lines += [
        "if status is-interactive; and functions -q fish_prompt; and not functions -q prompt_without_sandbox",
        "    functions -c fish_prompt prompt_without_sandbox",
        f"    function fish_prompt; echo -n '{NAME} '; prompt_without_sandbox; end",
        f"    echo '{LEAVE}'",
        "end",
    ]
    return _joined(lines)


def _look() -> str:
    """Return a command that prints the names of the variables with a prefix that leads elsewhere."""
    wanted, kept = "|".join(UNSET_PREFIXES), "|".join(KEPT_PREFIXES)
    return f"env | sed -nE '/^({kept})/d; s/^(({wanted})[A-Za-z0-9_]*)=.*/\\1/p'"


def _names() -> Iterator[str]:
    for name in UNSET:
        yield from (name, name.upper())


def _quoted_for_fish(value: str) -> str:
    """Return a value in single quotes, in which fish unescapes only the backslash and the quote."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _joined(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
