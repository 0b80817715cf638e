"""What is asked for: flags before environment before deploy.toml, read into a ``Spec``; every fault at once."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.cli.options import OPTIONS, Option
from deploy.cli.settings_file import SettingsFile, read_settings_file
from deploy.errors import InvalidOptions
from deploy.spec import FUNCTION_DEFAULTS, INVOCATION_DEFAULT, OWN_LABELS, Spec
from function.errors import SettingsError
from function.settings import Settings

DERIVED = (
    "PUBSUB_TOPIC",
    "PUBSUB_REJECTED_TOPIC",
    "DT_SIGNATURE_SECRET_FILE",
    "DT_SIGNATURE_SECRET",
    "LOG_EXECUTION_ID",
)
"""Settings of the function that a deployment decides by itself."""

DT_CREDENTIALS = "DT_SERVICE_ACCOUNT_"
"""What the names of the variables with DT's login begin with."""

RESERVED = ("FUNCTION_TARGET", "FUNCTION_SIGNATURE_TYPE", "K_SERVICE", "K_REVISION", "K_CONFIGURATION", "PORT")
"""Variables that Google sets: https://cloud.google.com/functions/docs/configuring/env-var#reserved_names."""

MARGIN = " \t\r\n\ufeff"
"""What copying leaves around a variable's text."""

_USUAL = ("GOOGLE_CLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT")
"""Variables that name the Google Cloud project for other tools, too."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A value that is asked for, and where: a flag, a variable, or a line of deploy.toml."""

    value: Any
    where: str


def read_spec(flags: Mapping[str, Any], environ: Mapping[str, str], folder: Path) -> Spec:
    """Read what is asked for.

    Raises:
        InvalidOptions: with every fault there is.

    """
    places = {option.place for option in OPTIONS}
    file = read_settings_file(flags.get("config"), folder, places)
    faults = list(file.unknown(places))
    asked = {option.place: found for option in OPTIONS if (found := _first(option, flags, environ, file))}
    values: dict[str, Any] = {}
    for option in OPTIONS:
        if (found := asked.get(option.place)) and (words := _worded(option, found, faults)) is not None:
            values[option.place] = _checked(option, words, found.where, faults)
    faults += [
        f"{option.flag} is missing (or {option.variable}, or {option.place} in deploy.toml)"
        for option in OPTIONS
        if option.place in {"project", "region", "dt_projects"} and not values.get(option.place)
    ]
    spec = _spec(values)
    faults += _contradictions(spec, _Places(asked, file))
    if faults:
        raise InvalidOptions(faults)
    return spec


def _first(option: Option, flags: Mapping[str, Any], environ: Mapping[str, str], file: SettingsFile) -> _Asked | None:
    """Return the flag's value, else the variable's, else the file's. An empty variable counts as unset."""
    if (flagged := flags.get(option.place)) is not None:
        return _Asked(flagged, option.flag)
    if text := environ.get(option.variable, "").strip(MARGIN):
        return _Asked(_split(option, text) if option.many else text, option.variable)
    if option.place in file.values:
        return _Asked(file.values[option.place], file.where(option.place))
    if option.place == "project":
        return next((_Asked(text, name) for name in _USUAL if (text := environ.get(name, "").strip(MARGIN))), None)
    return None


def _split(option: Option, text: str) -> list[str]:
    """Return the values of a variable: between commas; of pairs, between commas that another NAME= follows."""
    between = r",(?=\s*[A-Za-z][A-Za-z0-9_-]*=)" if option.pairs else ","
    return [word.strip(MARGIN) for word in re.split(between, text) if word.strip(MARGIN)]


def _worded(option: Option, asked: _Asked, faults: list[str]) -> list[str] | None:
    """Return each value as text, or None where deploy.toml has a list or a table in its place."""
    value = asked.value
    values = value if option.many and isinstance(value, list) else [value]
    pairs = value if option.pairs and isinstance(value, Mapping) else {}
    if pairs:
        values = [f"{key}={_joined(held)}" for key, held in pairs.items()]
    if any(isinstance(held, list | Mapping) for held in (*values, *map(_joined, pairs.values()))):
        faults.append(f"{asked.where}: holds a list or a table where text is wanted")
        return None
    return [_text(held) for held in values]


def _joined(value: Any) -> Any:
    """Write a list of plain values as the function's settings take it; leave anything else as it is."""
    if isinstance(value, list) and not any(isinstance(held, list | Mapping) for held in value):
        return ",".join(map(_text, value))
    return value if isinstance(value, list | Mapping) else _text(value)


def _text(value: Any) -> str:
    """Write TOML's true and false as the settings spell them."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _checked(option: Option, words: list[str], where: str, faults: list[str]) -> Any:
    for word in words:
        try:
            option.check(word)
        except ValueError as error:
            faults.append(f"{where}: {error}")
    if option.pairs:
        return {key: rest for key, _, rest in (word.partition("=") for word in words)}
    return tuple(words) if option.many else words[0]


def _spec(found: Mapping[str, Any]) -> Spec:
    function = {name: found[f"function.{name}"] for name in FUNCTION_DEFAULTS if f"function.{name}" in found}
    return Spec(
        google_project=found.get("project") or "",
        region=found.get("region", ""),
        name=found.get("name", "dt-pubsub"),
        dt_projects=tuple(dict.fromkeys(found.get("dt_projects", ()))),
        invocation=found.get("invocation", INVOCATION_DEFAULT),
        build_account=found.get("build_service_account"),
        retention=found.get("retention"),
        rejected_retention=found.get("rejected_retention"),
        function=function,
        settings=found.get("settings", {}),
        labels=found.get("labels", {}),
        connector_name=found.get("connector.display_name"),
        event_types=found.get("connector.events"),
        connector_labels=found.get("connector.labels"),
    )


@dataclass(frozen=True, slots=True)
class _Places:
    """Where each value was found."""

    asked: Mapping[str, _Asked]
    file: SettingsFile

    def where(self, *places: str, key: str = "") -> str:
        """Return where the first of these places that is asked for was found; ``key``: of a table's entries."""
        place = next((place for place in places if place in self.asked), places[0])
        found = self.asked.get(place)
        if found is None:
            return next(option.flag for option in OPTIONS if option.place == place)
        in_file = key and found.where == self.file.where(place)
        return self.file.where(f"{place}.{key}") if in_file else found.where


def _contradictions(spec: Spec, places: _Places) -> Iterable[str]:
    for place, decided, named in (("settings", DERIVED, spec.settings), ("labels", OWN_LABELS, spec.labels)):
        taken = (name for name in decided if name in named)
        yield from (f"{places.where(place, key=name)}: {name} is decided by the deployment" for name in taken)
    for name in spec.settings:
        if reason := _not_for_the_function(name):
            yield f"{places.where('settings', key=name)}: {name} {reason}"
    if spec.google_project:
        yield from _of_settings(spec, places)
    sizes = {**FUNCTION_DEFAULTS, **spec.function}
    if _is_number(sizes["cpu"]) and float(sizes["cpu"]) < 1 and sizes["concurrency"] != "1":
        where = places.where("function.cpu", "function.concurrency")
        yield f"{where}: less than one processor takes one request at a time; ask for --concurrency=1 or a whole --cpu"
    if _less(sizes["max_instances"], sizes["min_instances"]):
        where = places.where("function.max_instances", "function.min_instances")
        yield f"{where}: max_instances is lower than min_instances"


def _not_for_the_function(name: str) -> str:
    """Return why a variable cannot be one of the function's; an empty text if it can."""
    if name.startswith(DT_CREDENTIALS):
        return "is for this command alone: the function needs no login of DT's; set it in this shell's environment"
    if name in RESERVED or name.startswith("X_GOOGLE_"):
        return "is reserved by Google Cloud"
    return ""


def _of_settings(spec: Spec, places: _Places) -> Iterable[str]:
    """Return the errors of the function's own validation, which knows misspelt names, too."""
    try:
        Settings.from_environ(spec.environment)
    except SettingsError as error:
        for fault in error.faults:
            name = next((name for name in spec.settings if fault.startswith(f"{name}:")), "")
            yield f"{places.where('settings', key=name)}: {fault}"


def _is_number(text: str) -> bool:
    return re.fullmatch(r"\d+(\.\d+)?", text) is not None


def _less(most: str, least: str) -> bool:
    return most.isdigit() and least.isdigit() and int(most) < int(least)
