"""The text of deploy.toml as ``init`` writes it: a new one, or one in which only what was asked for changes. Pure."""

import difflib
import json
import tomllib
from collections.abc import Mapping, Sequence

from deploy.cli.options import BY_PLACE, PLACES
from deploy.cli.settings_file import lines_of, parse_settings, split_lines
from deploy.errors import DeployError
from deploy.program import PROGRAM

Answers = Mapping[str, str | tuple[str, ...]]
"""Values by place, which are text or a list of texts."""

DEFAULT_NAME = BY_PLACE["name"].default

_HEAD = f"""\
# Settings of this deployment, which `{PROGRAM}` reads in this folder.
# Written by `{PROGRAM} init`, which can change them; so can you.
# A flag or a variable DEPLOY_... overrides a line. Keep no secrets here: DT's
# key comes from the environment, or is asked for. All settings: `{PROGRAM} up --help`
"""
_OTHERS = """\
# Whatever is left out gets its default when it is made, and keeps its value
# later. Two examples, an instance that is always ready, and labels of devices
# as attributes of messages:
# [function]
# min_instances = 1
# [settings]
# LABEL_ATTRIBUTES = "room"
"""
_ABOUT = {
    "project": "The Google Cloud project of topics, secret and function.",
    "region": "The region of the function.",
    "dt_projects": "The DT projects whose events are sent.",
    "name": "The name of the deployment; another name is another deployment.",
}


def new_text(answers: Answers, titles: Mapping[str, str]) -> str:
    """Return the text of a new file. ``titles``: the names of DT projects by id, for a comment."""
    parts = [_HEAD]
    for place, value in answers.items():
        comments = [_ABOUT[place], *(f"{word}: {titles[word]}" for word in value if word in titles)]
        is_usual = (place, value) == ("name", DEFAULT_NAME)
        lines = [*(f"# {comment}" for comment in comments), f"{'# ' if is_usual else ''}{place} = {_toml(value)}"]
        parts.append("\n".join(lines) + "\n")
    return "\n".join([*parts, _OTHERS])


def edited(text: str, answers: Answers, name: str) -> str:
    """Return the text of a file with these answers; everything else stays as it is, to the byte.

    Raises:
        DeployError: the file is written in a way that cannot be edited like this.

    """
    before = _values(text, name)
    wanted = {place: value for place, value in answers.items() if _differs(before.get(place), place, value)}
    lines = split_lines(text)
    for place, value in wanted.items():
        first, end = _place_of(lines, place)
        ending = "\r\n" if "\r\n" in text else "\n"
        if first and not lines[first - 1].endswith("\n"):
            lines[first - 1] += ending
        lines[first:end] = [f"{place} = {_toml(value)}{ending}"]
    after = "".join(lines)
    expected = before | {place: _plain(value) for place, value in wanted.items()}
    if _values_or_none(after, name) != expected:
        listed = ", ".join(f"{place} = {_toml(value)}" for place, value in wanted.items())
        what = f"is written in a way that cannot be changed here; nothing was changed. It needs: {listed}"
        raise DeployError(what, where=name, fix=["change it by hand, or name another file with --config"])
    return after


def difference(before: str, after: str, name: str) -> str:
    """Return the changed lines of a file with those around them; an empty text if nothing changes."""
    pair = (before.splitlines(), after.splitlines())
    return "\n".join(difflib.unified_diff(*pair, name, f"{name} (new)", lineterm=""))


def _differs(found: object, place: str, value: str | tuple[str, ...]) -> bool:
    """Return whether a file needs another value. The usual name is not written into a file that has none."""
    if found is None:
        return (place, value) != ("name", DEFAULT_NAME)
    return ([found] if isinstance(found, str) and not isinstance(value, str) else found) != _plain(value)


def _place_of(lines: Sequence[str], place: str) -> tuple[int, int]:
    """Return the first line of a setting and the line after its end; the same line twice if it has to be inserted."""
    known = lines_of("".join(lines))
    if place not in known:
        first = _end_of_settings(lines, known)
        return first, first
    first = known[place] - 1
    return first, next((end for end in range(first + 1, len(lines) + 1) if _is_toml(lines[first:end])), first + 1)


def _end_of_settings(lines: Sequence[str], known: Mapping[str, int]) -> int:
    """Return the line after the last setting of ``init``; the first line if there are none."""
    there = [_place_of(lines, place)[1] for place in _ABOUT if place in known]
    return max(there, default=0)


def _is_toml(lines: Sequence[str]) -> bool:
    try:
        tomllib.loads("".join(lines))
    except tomllib.TOMLDecodeError:
        return False
    return True


def _values(text: str, name: str) -> dict[str, object]:
    return dict(parse_settings(text, name, PLACES).values)


def _values_or_none(text: str, name: str) -> dict[str, object] | None:
    return _values(text, name) if _is_toml([text]) else None


def _plain(value: str | tuple[str, ...]) -> str | list[str]:
    return value if isinstance(value, str) else list(value)


def _toml(value: str | tuple[str, ...]) -> str:
    return json.dumps(_plain(value))
