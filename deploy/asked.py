"""What is asked for: flags before environment before deploy.toml, read into a ``Spec``; every fault at once."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from deploy.errors import OptionsUnsound
from deploy.options import OPTIONS, Option
from deploy.spec import FUNCTION_DEFAULTS, OWN_LABELS, Spec
from function.config import Settings
from function.errors import SettingsError

DERIVED = (
    "PUBSUB_TOPIC",
    "PUBSUB_REJECTED_TOPIC",
    "DT_SIGNATURE_SECRET_FILE",
    "DT_SIGNATURE_SECRET",
    "LOG_EXECUTION_ID",
)
"""Settings of the function that a deployment decides by itself."""


def read_spec(flags: Mapping[str, Any], environ: Mapping[str, str], folder: Path) -> Spec:
    """Read what is asked for.

    Raises:
        OptionsUnsound: with every fault there is.

    """
    faults: list[str] = []
    filed = _flattened(_load(flags.get("config"), folder), faults)
    found: dict[str, Any] = {}
    for option in OPTIONS:
        value = _first(option, flags, environ, filed)
        if value is not None and (words := _worded(option, value, faults)) is not None:
            found[option.place] = _checked(option, words, faults)
    faults += [
        f"{option.flag} is missing (or {option.variable}, or {option.place} in deploy.toml)"
        for option in OPTIONS
        if option.place in {"project", "region", "dt_projects"} and not found.get(option.place)
    ]
    spec = _spec(found)
    faults += _contradictions(spec)
    if faults:
        raise OptionsUnsound(faults)
    return spec


def _load(named: str | None, folder: Path) -> Mapping[str, Any]:
    path = Path(named) if named else folder / "deploy.toml"
    if not named and not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise OptionsUnsound([f"{path}: {error.strerror}"]) from None
    except ValueError as error:
        raise OptionsUnsound([f"{path}: {error}"]) from None


def _flattened(loaded: Mapping[str, Any], faults: list[str]) -> dict[str, Any]:
    known = {option.place: option for option in OPTIONS}
    flat: dict[str, Any] = {}
    for key, value in loaded.items():
        if isinstance(value, Mapping) and key not in known:
            flat |= {f"{key}.{inner}": each for inner, each in value.items()}
        else:
            flat[key] = value
    faults += [f"deploy.toml: nothing is called {key}" for key in flat if key not in known]
    return flat


def _first(option: Option, flags: Mapping[str, Any], environ: Mapping[str, str], filed: Mapping[str, Any]) -> Any:
    """Give the flag's value, else the variable's, else the file's; a variable without a value is as good as none."""
    if (flagged := flags.get(option.place)) is not None:
        return flagged
    if text := environ.get(option.variable):
        return [word.strip() for word in text.split(",") if word.strip()] if option.many else text
    if option.place in filed:
        return filed[option.place]
    usual = environ.get("GOOGLE_CLOUD_PROJECT") or environ.get("CLOUDSDK_CORE_PROJECT")
    return usual or None if option.place == "project" else None


def _worded(option: Option, value: Any, faults: list[str]) -> list[str] | None:
    """Give each value as text, or None where deploy.toml has a list or a table in its place."""
    values = value if option.many and isinstance(value, list) else [value]
    if option.pairs and isinstance(value, Mapping):
        values = [f"{key}={_joined(each)}" for key, each in value.items()]
    if any(isinstance(each, list | Mapping) for each in values):
        faults.append(f"deploy.toml: {option.place} holds a list or a table where text is wanted")
        return None
    return [str(each) for each in values]


def _joined(value: Any) -> Any:
    """Write a list as the function's settings take it."""
    return ",".join(map(str, value)) if isinstance(value, list) else value


def _checked(option: Option, words: list[str], faults: list[str]) -> Any:
    for word in words:
        try:
            option.check(word)
        except ValueError as error:
            faults.append(f"{option.flag}: {error}")
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
        invocation=found.get("invocation", "auto"),
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


def _contradictions(spec: Spec) -> Iterable[str]:
    yield from (f"--set: {name} is decided by the deployment" for name in DERIVED if name in spec.settings)
    yield from (f"--label: {name} is decided by the deployment" for name in OWN_LABELS if name in spec.labels)
    if spec.google_project:
        yield from _of_settings(spec)
    sizes = {**FUNCTION_DEFAULTS, **spec.function}
    if _is_number(sizes["cpu"]) and float(sizes["cpu"]) < 1 and sizes["concurrency"] != "1":
        yield "--concurrency: more than 1 needs a whole --cpu"
    if _less(sizes["max_instances"], sizes["min_instances"]):
        yield "--max-instances: fewer than --min-instances"


def _of_settings(spec: Spec) -> Iterable[str]:
    """What the function would say of its settings, and which of them it would pass over, for a slip of the pen."""
    environ = _Noting(spec.environment)
    try:
        Settings.from_environ(environ)
    except SettingsError as error:
        yield from (f"--set: {line.strip()}" for line in str(error).splitlines() if line.strip())
    for name in spec.settings.keys() - environ.noted:
        for meant in get_close_matches(name, environ.noted, 1, cutoff=0.85):
            yield f"--set: nothing is called {name}; {meant} is"


class _Noting(Mapping[str, str]):
    """An environment that notes what is looked up in it."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.noted: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.noted.add(name)
        return self._environ[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._environ)

    def __len__(self) -> int:
        return len(self._environ)


def _is_number(text: str) -> bool:
    return re.fullmatch(r"\d+(\.\d+)?", text) is not None


def _less(most: str, least: str) -> bool:
    return most.isdigit() and least.isdigit() and int(most) < int(least)
