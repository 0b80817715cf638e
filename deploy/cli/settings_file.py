"""Reads deploy.toml: the values by their place, and their lines, so that an error can name the line; and writes it."""

import codecs
import contextlib
import re
import tomllib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.cli.spelling import suggestion
from deploy.errors import DeployError, InvalidOptions
from deploy.files import replace_file, require_replaceable

USUAL_NAME = "deploy.toml"

_MARKED_ENCODINGS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks that editors and shells of Windows write, and the encodings that they mark."""

_HEADER = re.compile(r"\s*\[{1,2}\s*([^\[\]]+?)\s*\]{1,2}\s*(?:#.*)?")
_KEY = re.compile(r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """The settings of one file. ``values`` and ``lines``: by place, such as ``function.memory``; lines count from 1."""

    name: str = USUAL_NAME
    values: Mapping[str, Any] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)

    def where(self, place: str) -> str:
        """Return file, line and key of a place, with which an error begins."""
        return f"{self.line(place)}: {place}"

    def line(self, place: str) -> str:
        """Return file and line of a place, else of its table; the file alone if neither has a line."""
        table = place.rpartition(".")[0]
        number = self.lines.get(place) or self.lines.get(table) or self.lines.get(table.partition("[")[0])
        return f"{self.name}, line {number}" if number else self.name

    def unknown(self, known: Collection[str]) -> Iterator[str]:
        """Return an error for each key that is not a known place."""
        for place in self.values:
            if place not in known:
                in_a_table = [name for name in known if name.endswith(f".{place}")]
                hint = suggestion([place], known) or suggestion(in_a_table[:1], known)
                yield f"{self.line(place)}: unknown key {place}{hint}"


def read_settings_file(named: str | None, folder: Path, tables: Collection[str]) -> SettingsFile:
    """Return the settings of the named file, else of deploy.toml in the folder; no settings if that does not exist.

    ``tables``: places whose value is a table, such as ``labels``.

    Raises:
        InvalidOptions: the file cannot be read, is not text, or is not TOML.

    """
    path = Path(named) if named else folder / USUAL_NAME
    if not named and not (path.exists() or path.is_symlink()):
        return SettingsFile()
    name = named or USUAL_NAME
    return parse_settings(file_text(path, name), name, tables)


def parse_settings(text: str, name: str, tables: Collection[str]) -> SettingsFile:
    """Return the settings in the text of a file of this name. Raises ``InvalidOptions`` if it is not TOML."""
    try:
        loaded = tomllib.loads(text)
    except ValueError as error:
        raise InvalidOptions([f"{name}: {error}"]) from None
    except RecursionError:
        raise InvalidOptions([f"{name}: has lists or tables nested too deeply"]) from None
    return SettingsFile(name, _flattened(loaded, tables), lines_of(text))


def write_settings_file(path: Path, text: str) -> None:
    """Write a settings file whole, or leave what was there. A link stays, and an existing file keeps its mode.

    Raises:
        DeployError: it cannot be written.

    """
    with _explaining(path):
        replace_file(path, text)


def require_writable(path: Path) -> None:
    """Require that a settings file can be written. Nothing stays.

    Raises:
        DeployError: it cannot be written, for example because its folder is read-only.

    """
    with _explaining(path):
        require_replaceable(path)


@contextlib.contextmanager
def _explaining(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what = f"cannot be written: {error.strerror}"
        raise DeployError(what, where=str(path), fix=["name a file in another folder with --config"]) from None


def file_text(path: Path, name: str) -> str:
    """Return the text of a settings file. Raises ``InvalidOptions`` if it cannot be read or is not text."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InvalidOptions([f"{name}: {error.strerror}"]) from None
    encoding = next((encoding for mark, encoding in _MARKED_ENCODINGS if raw.startswith(mark)), "utf-8")
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        raise InvalidOptions([f"{name}: is not UTF-8 text; save it as UTF-8"]) from None


def _flattened(loaded: Mapping[str, Any], tables: Collection[str]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in loaded.items():
        if isinstance(value, Mapping) and key not in tables:
            flat |= {f"{key}.{inner_key}": inner for inner_key, inner in value.items()}
        else:
            flat[key] = value
    return flat


def split_lines(text: str) -> list[str]:
    """Return the lines of a TOML text with their ends. Only LF ends a line; ``str.splitlines`` knows more ends."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def lines_of(text: str) -> dict[str, int]:
    """Return the line of each key and table. A line of a multi-line string may be taken for a key.

    Tables of an array have their number, from 0: ``subscriptions[1].name``.
    """
    lines: dict[str, int] = {}
    seen: Counter[str] = Counter()
    table = ""
    for number, line in enumerate(map(str.rstrip, split_lines(text)), 1):
        if header := _HEADER.fullmatch(line):
            table = _plain(header[1])
            lines.setdefault(table, number)
            if line.lstrip().startswith("[["):
                seen[table] += 1
                table = f"{table}[{seen[table] - 1}]"
                lines[table] = number
        elif key := _KEY.match(line):
            lines.setdefault(f"{table}.{_plain(key[1])}".lstrip("."), number)
    return lines


def _plain(key: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in key.split("."))
