"""What is asked for: flags before environment before deploy.toml, read into a ``Spec``; every fault at once."""

import argparse
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.errors import OptionsUnsound
from deploy.spec import DEFAULT_SENSORS, FUNCTION_DEFAULTS, Spec, bytes_of, seconds
from function.config import Settings
from function.errors import SettingsError

INVOCATIONS = ("auto", "public", "unchecked")
ENVIRONMENT_PREFIX = "DEPLOY_"
DERIVED = (
    "PUBSUB_TOPIC",
    "PUBSUB_REJECTED_TOPIC",
    "DT_SIGNATURE_SECRET_FILE",
    "DT_SIGNATURE_SECRET",
    "LOG_EXECUTION_ID",
)
"""Settings of the function that a deployment decides by itself."""

Check = Callable[[str], object]


def _matches(pattern: str, what: str) -> Check:
    def check(text: str) -> None:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"{text!r} is not {what}")

    return check


def _retention(text: str) -> None:
    if not 600 <= seconds(text) <= 31 * 86400:
        raise ValueError(f"{text!r} is not between 10m and 31d")


def _request_timeout(text: str) -> None:
    if not 10 <= seconds(text) <= 3600:
        raise ValueError(f"{text!r} is not between 10s and 3600s")


def _one_of(*words: str) -> Check:
    return _matches("|".join(words), f"one of {', '.join(words)}")


_LABEL = _matches(r"[a-z][a-z0-9_-]{0,62}=[a-z0-9_-]{0,63}", "a label such as team=cold-chain")
_SETTING = _matches(r"[A-Z][A-Z0-9_]*=.*", "a setting such as LOG_LEVEL=DEBUG")
_COUNT = _matches(r"\d{1,4}", "a number")


@dataclass(frozen=True, slots=True)
class Option:
    """One thing that can be asked for: ``place`` is where deploy.toml has it, and names its variable, too."""

    place: str
    flag: str
    check: Check
    help: str
    many: bool = False
    pairs: bool = False

    @property
    def variable(self) -> str:
        """The environment variable: ``DEPLOY_`` and the place, in capitals."""
        return ENVIRONMENT_PREFIX + self.place.replace(".", "_").upper()


OPTIONS = (
    Option(
        "project",
        "--project",
        _matches(r"(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]", "the id of a Google Cloud project"),
        "Google Cloud project",
    ),
    Option("region", "--region", _matches(r"[a-z]+-[a-z]+\d{1,2}", "a region such as europe-west1"), "its region"),
    Option(
        "name",
        "--name",
        _matches(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", "a name of 6 to 30 of a-z, 0-9 and -"),
        "name of the function and the deployment (dt-pubsub)",
    ),
    Option(
        "dt_projects",
        "--dt-project",
        _matches(r"[A-Za-z0-9_-]+", "the id of a DT project"),
        "DT project; may be repeated",
        many=True,
    ),
    Option("invocation", "--invocation", _one_of(*INVOCATIONS), "how all may call the function (auto)"),
    Option("retention", "--retention", _retention, "how long the subscription on events keeps them (7d)"),
    Option("rejected_retention", "--rejected-retention", _retention, "the same for rejected events (31d)"),
    Option("function.runtime", "--runtime", _matches(r"python3\d\d", "a runtime such as python313"), "(python313)"),
    Option("function.memory", "--memory", bytes_of, "of an instance (512Mi)"),
    Option("function.cpu", "--cpu", float, "of an instance (1)"),
    Option("function.concurrency", "--concurrency", _COUNT, "requests at a time in an instance (80)"),
    Option("function.timeout", "--timeout", _request_timeout, "of a request (15s)"),
    Option("function.min_instances", "--min-instances", _COUNT, "kept when nothing comes (0)"),
    Option("function.max_instances", "--max-instances", _COUNT, "at most (5)"),
    Option("settings", "--set", _SETTING, "setting of the function, NAME=VALUE; repeatable", many=True, pairs=True),
    Option("labels", "--label", _LABEL, "label of every resource, key=value; repeatable", many=True, pairs=True),
    Option("connector.display_name", "--connector-name", _matches(r".{1,100}", "a display name"), "display name"),
    Option("connector.events", "--event-type", _matches(r"[A-Za-z0-9]+", "an event type"), "(all)", many=True),
    Option("connector.labels", "--connector-label", _matches(r"\S{1,100}", "a label key"), "device label", many=True),
)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Give a parser a flag for every option."""
    parser.epilog = f"The function's sizes are for up to {DEFAULT_SENSORS:,} sensors. For more: docs/scaling.md."
    parser.add_argument("--config", metavar="FILE", help="settings file (deploy.toml, if there is one)")
    for option in OPTIONS:
        action = "append" if option.many else "store"
        metavar = option.flag.lstrip("-").replace("-", "_").upper()
        parser.add_argument(option.flag, dest=option.place, action=action, metavar=metavar, help=option.help)


def read_spec(flags: Mapping[str, Any], environ: Mapping[str, str], folder: Path) -> Spec:
    """Read what is asked for.

    Raises:
        OptionsUnsound: with every fault there is.

    """
    faults: list[str] = []
    filed = _flattened(_load(flags.get("config"), folder), faults)
    found: dict[str, Any] = {}
    for option in OPTIONS:
        if (value := _first(option, flags, environ, filed)) is not None:
            found[option.place] = _checked(option, value, faults)
    found.setdefault("project", environ.get("GOOGLE_CLOUD_PROJECT") or environ.get("CLOUDSDK_CORE_PROJECT"))
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
    except (OSError, ValueError) as error:
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
    """Give the flag's value, else the variable's, else the file's."""
    if (flagged := flags.get(option.place)) is not None:
        return flagged
    if option.variable in environ:
        text = environ[option.variable]
        return [word.strip() for word in text.split(",") if word.strip()] if option.many else text
    value = filed.get(option.place)
    return [f"{key}={each}" for key, each in value.items()] if isinstance(value, Mapping) else value


def _checked(option: Option, value: Any, faults: list[str]) -> Any:
    words = [str(word) for word in value] if isinstance(value, list) else [str(value)]
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
    if spec.google_project:
        try:
            Settings.from_environ(spec.environment)
        except SettingsError as error:
            yield from (f"--set: {line.strip()}" for line in str(error).splitlines() if line.strip())
    sizes = {**FUNCTION_DEFAULTS, **spec.function}
    if _is_number(sizes["cpu"]) and float(sizes["cpu"]) < 1 and sizes["concurrency"] != "1":
        yield "--concurrency: more than 1 needs a whole --cpu"
    if _less(sizes["max_instances"], sizes["min_instances"]):
        yield "--max-instances: fewer than --min-instances"


def _is_number(text: str) -> bool:
    return re.fullmatch(r"\d+(\.\d+)?", text) is not None


def _less(most: str, least: str) -> bool:
    return most.isdigit() and least.isdigit() and int(most) < int(least)


def places(options: Sequence[Option] = OPTIONS) -> tuple[str, ...]:
    """Give what deploy.toml may hold."""
    return tuple(option.place for option in options)
