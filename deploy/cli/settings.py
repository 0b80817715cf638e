"""Reads the settings into a ``Spec``: flags override the environment, which overrides deploy.toml; lists all errors."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.cli.options import BY_PLACE, MANDATORY, NO_ADDRESS, NO_DATASET, OPTIONS, PLACES, Option, refusal_of
from deploy.cli.settings_file import SettingsFile, read_settings_file
from deploy.cli.subscriptions import read_subscriptions
from deploy.errors import InvalidOptions, SettingsMissing
from deploy.spec import (
    ALERT_DEFAULTS,
    DT_STUDIO,
    FUNCTION_DEFAULTS,
    INVOCATION_DEFAULT,
    OWN_LABELS,
    Alerts,
    CostSettings,
    Spec,
    Warehouse,
    amount,
)
from function.errors import SettingsError
from function.settings import Settings

DERIVED = (
    "PUBSUB_TOPIC",
    "PUBSUB_REJECTED_TOPIC",
    "DT_SIGNATURE_SECRET_FILE",
    "DT_SIGNATURE_SECRET",
    "LOG_EXECUTION_ID",
)
"""Settings of the function that the deployment sets itself."""

DT_CREDENTIALS = "DT_SERVICE_ACCOUNT_"
"""The prefix of the variables with the DT login."""

RESERVED = ("FUNCTION_TARGET", "FUNCTION_SIGNATURE_TYPE", "K_SERVICE", "K_REVISION", "K_CONFIGURATION", "PORT")
"""Variables that Google sets: https://cloud.google.com/functions/docs/configuring/env-var#reserved_names."""

MARGIN = " \t\r\n\ufeff"
"""Characters that copying may leave around the value of a variable."""

LEAST_MEMORY = "512Mi"
"""The least memory of an instance that is billed for all its time: https://cloud.google.com/run/docs/configuring/billing-settings."""

_USUAL = ("GOOGLE_CLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT")
"""Variables that name the Google Cloud project for other tools, too."""

_HINTS = {"dt_projects": f"; {DT_STUDIO} shows where the id is"}
"""What an error adds if a setting is missing."""


@dataclass(frozen=True, slots=True)
class _Setting:
    """A value, and where it was found: a flag, a variable, or a line of deploy.toml."""

    value: Any
    where: str


@dataclass(frozen=True, slots=True)
class Known:
    """The settings that are known before ``init`` asks, by place; all are valid. ``sources``: where each was found."""

    values: Mapping[str, Any]
    sources: Mapping[str, str]

    def is_fixed(self, place: str) -> bool:
        """Return whether a setting has a flag or a variable that overrides deploy.toml, so that it is not asked for."""
        option = BY_PLACE[place]
        return self.sources.get(place) in {option.flag, option.variable}


def read_spec(
    flags: Mapping[str, Any], environ: Mapping[str, str], folder: Path, mandatory: Collection[str] = MANDATORY
) -> Spec:
    """Read the settings. ``mandatory``: the places of those that must be set.

    Raises:
        SettingsMissing: mandatory settings are missing, and all others are valid.
        InvalidOptions: with all errors.

    """
    file = read_settings_file(flags.get("config"), folder, PLACES)
    settings, values, faults = _found(flags, environ, file)
    missing = [
        f"{option.flag} is missing (or {option.variable}, or {option.place} in deploy.toml)"
        + _HINTS.get(option.place, "")
        for option in OPTIONS
        if option.place in mandatory and not values.get(option.place)
    ]
    spec = read_subscriptions(file, _spec(values), faults)
    faults += [*missing, *_contradictions(spec, _Places(settings, file))]
    if faults:
        raise SettingsMissing(faults) if faults == missing else InvalidOptions(faults)
    return spec


def read_known(flags: Mapping[str, Any], environ: Mapping[str, str], file: SettingsFile) -> Known:
    """Return the settings that are known already. None of them is mandatory.

    Raises:
        InvalidOptions: with all errors.

    """
    settings, values, faults = _found(flags, environ, file)
    faults += _contradictions(read_subscriptions(file, _spec(values), faults), _Places(settings, file))
    if faults:
        raise InvalidOptions(faults)
    if {"region", "dt_projects"} & file.values.keys():  # a deployment of the usual name, if the file has no other
        values.setdefault("name", BY_PLACE["name"].default)
    return Known(values, {place: found.where for place, found in settings.items()})


def _found(
    flags: Mapping[str, Any], environ: Mapping[str, str], file: SettingsFile
) -> tuple[dict[str, _Setting], dict[str, Any], list[str]]:
    """Return the settings that were found, their values, and what is wrong with them."""
    faults = list(file.unknown(PLACES))
    settings = {option.place: found for option in OPTIONS if (found := _lookup(option, flags, environ, file))}
    values: dict[str, Any] = {}
    for option in OPTIONS:
        if (found := settings.get(option.place)) and (words := _as_strings(option, found, faults)) is not None:
            values[option.place] = _checked(option, words, found.where, faults)
    return settings, values, faults


def _lookup(
    option: Option, flags: Mapping[str, Any], environ: Mapping[str, str], file: SettingsFile
) -> _Setting | None:
    """Return the value of the flag, else of the variable, else of the file. An empty variable counts as unset."""
    if (value := flags.get(option.place)) is not None:
        return _Setting(value, option.flag)
    if text := environ.get(option.variable, "").strip(MARGIN):
        return _Setting(_split(option, text) if option.many else text, option.variable)
    if option.place in file.values:
        return _Setting(file.values[option.place], file.where(option.place))
    if option.place == "project":
        return next((_Setting(text, name) for name in _USUAL if (text := environ.get(name, "").strip(MARGIN))), None)
    return None


def _split(option: Option, text: str) -> list[str]:
    """Split the text of a variable at its commas. In pairs, a comma separates only if another ``NAME=`` follows."""
    between = r",(?=\s*[A-Za-z][A-Za-z0-9_-]*=)" if option.pairs else ","
    return [word.strip(MARGIN) for word in re.split(between, text) if word.strip(MARGIN)]


def _as_strings(option: Option, setting: _Setting, faults: list[str]) -> list[str] | None:
    """Return the values as text, or None if deploy.toml has a list or a table instead of text."""
    value = setting.value
    values = value if option.many and isinstance(value, list) else [value]
    pairs = value if option.pairs and isinstance(value, Mapping) else {}
    if pairs:
        values = [f"{key}={_comma_separated(inner)}" for key, inner in pairs.items()]
    if any(isinstance(inner, list | Mapping) for inner in (*values, *map(_comma_separated, pairs.values()))):
        faults.append(f"{setting.where}: has a list or a table where text is required")
        return None
    return [_text(value) for value in values]


def _comma_separated(value: Any) -> Any:
    """Return a list of plain values as text, separated by commas. A nested list or a table is returned unchanged."""
    if isinstance(value, list) and not any(isinstance(inner, list | Mapping) for inner in value):
        return ",".join(map(_text, value))
    return value if isinstance(value, list | Mapping) else _text(value)


def _text(value: Any) -> str:
    """Return a value as text, with TOML's ``true`` and ``false`` in lower case."""
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
        settings=_function_settings(found),
        labels=found.get("labels", {}),
        connector_name=found.get("connector.display_name"),
        event_types=found.get("connector.events"),
        connector_labels=found.get("connector.labels"),
        alerts=_alerts(found),
        bigquery=_warehouse(found),
        cost=_cost(found),
    )


OF_LOGS = {"cost.log_level": "LOG_LEVEL", "cost.log_delivered": "LOG_DELIVERED"}
"""Settings of the function that have an option of their own, because they decide what the logs cost."""


def _function_settings(found: Mapping[str, Any]) -> dict[str, str]:
    """Return the function's settings, without those that their own option refuses: its error is listed already."""
    valid = (place for place in OF_LOGS if place in found and not refusal_of(place, found[place]))
    return {**{OF_LOGS[place]: found[place] for place in valid}, **found.get("settings", {})}


def _cost(found: Mapping[str, Any]) -> CostSettings:
    sensors = found.get("cost.sensors", "")
    return CostSettings(
        profile=found.get("cost.profile"),
        sensors=int(sensors) if sensors.isdecimal() else None,
        request_logs=found.get("cost.request_logs"),
        billing=found.get("cost.billing"),
    )


def _warehouse(found: Mapping[str, Any]) -> Warehouse:
    dataset = found.get("bigquery.dataset")
    return Warehouse("" if dataset == NO_DATASET else dataset, found.get("bigquery.location", ""))


def _alerts(found: Mapping[str, Any]) -> Alerts:
    emails = found.get("alerts.emails")
    written = {name: found.get(f"alerts.{name}", "") for name in ALERT_DEFAULTS}
    return Alerts(
        emails=None if emails is None else tuple(dict.fromkeys(email for email in emails if email != NO_ADDRESS)),
        channels=tuple(dict.fromkeys(found.get("alerts.channels", ()))),
        thresholds={name: int(text) for name, text in written.items() if text.isdecimal()},
        runbook_url=found.get("alerts.runbook_url", ""),
    )


@dataclass(frozen=True, slots=True)
class _Places:
    """The places in which the values were found."""

    settings: Mapping[str, _Setting]
    file: SettingsFile

    def where(self, *places: str, key: str = "") -> str:
        """Return where the first of these places that is set was found. ``key``: the entry, if the place is a table."""
        place = next((place for place in places if place in self.settings), places[0])
        found = self.settings.get(place)
        if found is None:
            return next(option.flag for option in OPTIONS if option.place == place)
        in_file = key and found.where == self.file.where(place)
        return self.file.where(f"{place}.{key}") if in_file else found.where


def _contradictions(spec: Spec, places: _Places) -> Iterable[str]:
    for place, reserved, given in (("settings", DERIVED, spec.settings), ("labels", OWN_LABELS, spec.labels)):
        taken = (name for name in reserved if name in given)
        yield from (f"{places.where(place, key=name)}: {name} is set by the deployment itself" for name in taken)
    for name in spec.settings:
        if reason := _not_for_the_function(name):
            yield f"{places.where('settings', key=name)}: {name} {reason}"
    if spec.google_project:
        yield from _check_function_settings(spec, places)
    sizes = {**FUNCTION_DEFAULTS, **spec.function}
    if _is_number(sizes["cpu"]) and float(sizes["cpu"]) < 1 and sizes["concurrency"] != "1":
        where = places.where("function.cpu", "function.concurrency")
        yield f"{where}: less than one processor requires --concurrency=1; set that, or at least --cpu=1"
    yield from _check_cost(spec, places, sizes)
    yield from _check_alerts(spec, places)
    if spec.bigquery.location and not spec.bigquery.is_on:
        yield f"{places.where('bigquery.location')}: there is no dataset: set --bigquery"
    if _is_less(sizes["max_instances"], sizes["min_instances"]):
        where = places.where("function.max_instances", "function.min_instances")
        yield f"{where}: max_instances is lower than min_instances"


def _check_cost(spec: Spec, places: _Places, sizes: Mapping[str, str]) -> Iterable[str]:
    """Return the errors of settings that are set twice, and of sizes that Cloud Run does not bill by instance."""
    for place, name in OF_LOGS.items():
        if place in places.settings and spec.settings.get(name) != _text(places.settings[place].value):
            yield f"{places.where(place)}: {name} is set, too, in {places.where('settings', key=name)}: leave one out"
    if spec.cost.billing == "instance":
        if _is_number(sizes["cpu"]) and float(sizes["cpu"]) < 1:
            yield f"{places.where('cost.billing')}: billing by instance requires at least --cpu=1"
        if _is_amount(sizes["memory"]) and amount(sizes["memory"]) < amount(LEAST_MEMORY):
            yield f"{places.where('cost.billing')}: billing by instance requires at least --memory={LEAST_MEMORY}"


def _not_for_the_function(name: str) -> str:
    """Return why the function cannot have a variable of this name; an empty text if it can."""
    if name.startswith(DT_CREDENTIALS):
        return "is for this command only: the function needs no DT login; set it in this shell's environment"
    if name in RESERVED or name.startswith("X_GOOGLE_"):
        return "is reserved by Google Cloud"
    return ""


def _check_function_settings(spec: Spec, places: _Places) -> Iterable[str]:
    """Return the errors of the function's own validation, which also reports misspelt names."""
    try:
        Settings.from_environ(spec.environment)
    except SettingsError as error:
        for fault in error.faults:
            name = next((name for name in spec.settings if fault.startswith(f"{name}:")), "")
            yield f"{places.where('settings', key=name)}: {fault}"


def _check_alerts(spec: Spec, places: _Places) -> Iterable[str]:
    """Return an error for a setting of alerts if there are none, and for channels of other projects."""
    if not spec.alerts.are_planned:
        for place in places.settings:
            if place.startswith("alerts."):
                yield f"{places.where(place)}: no address gets alerts: set --alert-email or --alert-channel"
    for channel in spec.alerts.channels:
        project = channel.removeprefix("projects/").partition("/")[0]
        if spec.google_project and project != spec.google_project and not project.isdecimal():
            yield f"{places.where('alerts.channels')}: {channel[:100]} is not of the project {spec.google_project}"


def _is_number(text: str) -> bool:
    return re.fullmatch(r"\d+(\.\d+)?", text) is not None


def _is_amount(text: str) -> bool:
    try:
        return amount(text) >= 0
    except ValueError:
        return False


def _is_less(text: str, other: str) -> bool:
    return text.isdigit() and other.isdigit() and int(text) < int(other)
