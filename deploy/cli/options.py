"""What can be asked for: each thing's flag, environment variable and place in deploy.toml, and what is sound. Pure."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from deploy.spec import DT_PROJECT_ID, FUNCTION_DEFAULTS, INVOCATION_DEFAULT, RETENTION_DEFAULTS, seconds

INVOCATIONS = ("auto", "public", "unchecked")
ENVIRONMENT_PREFIX = "DEPLOY_"
REQUIRED = "required"
MOST_OF_A_NAME = 100
"""Characters of a name that is refused which are shown."""

EVENT_TYPES = (
    *("touch", "temperature", "objectPresent", "humidity", "objectPresentCount", "touchCount", "waterPresent", "co2"),
    *("pressure", "motion", "deskOccupancy", "contact", "probeWireStatus", "networkStatus", "batteryStatus"),
    *("labelsChanged", "connectionStatus", "ethernetStatus", "cellularStatus"),
)
"""Those of ``function.schema``, by name: whoever deploys has not installed what that room needs."""

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


def _event_type(text: str) -> None:
    if text not in EVENT_TYPES:
        raise ValueError(f"{text!r} is not one of {', '.join(EVENT_TYPES)}; for a newer one, ask for all")


def _display_name(text: str) -> None:
    if not 1 <= len(text) <= MOST_OF_A_NAME or not text.isprintable():
        raise ValueError(
            f"{text[:MOST_OF_A_NAME]!r} is not a display name of 1 to {MOST_OF_A_NAME} printable characters"
        )


def _setting(text: str) -> None:
    """Check a setting; of one that is refused only the name is shown, because the value may be a secret."""
    name, equals, value = text.partition("=")
    if not equals or not re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
        raise ValueError(
            f"{name[:MOST_OF_A_NAME] if equals else 'a text without ='} is not NAME=VALUE, such as LOG_LEVEL=DEBUG"
        )
    if not value.isprintable():
        raise ValueError(f"the value of {name} has a line break or another character that is not printable")


def _one_of(*words: str) -> Check:
    return _matches("|".join(words), f"one of {', '.join(words)}")


_LABEL = _matches(r"[a-z][a-z0-9_-]{0,62}=[a-z0-9_-]{0,63}", "a label such as team=cold-chain")
_COUNT = _matches(r"[1-9]\d{0,3}", "a number from 1 on")
_COUNT_OR_NONE = _matches(r"\d{1,4}", "a number from 0 on")
_CONCURRENCY = _matches(r"[1-9]\d{0,2}|1000", "a number from 1 to 1000")
_MEMORY = _matches(r"[1-9]\d*(k|Ki|M|Mi|G|Gi)", "an amount of memory such as 512Mi or 1Gi")
_CPU = _matches(r"(?=.*[1-9])\d+(\.\d+)?", "a number of processors such as 1 or 0.5")


Group = Literal["where", "messages", "function", "connector"]


@dataclass(frozen=True, slots=True)
class Option:
    """One thing that can be asked for: ``place`` is where deploy.toml has it, and names its variable, too.

    ``default`` says in words what holds where nobody mentions it, when the thing is made.
    """

    place: str
    flag: str
    metavar: str
    group: Group
    help: str
    default: str
    check: Check
    many: bool = False
    pairs: bool = False

    @property
    def variable(self) -> str:
        """The environment variable: ``DEPLOY_`` and the place, in capitals."""
        return ENVIRONMENT_PREFIX + self.place.replace(".", "_").upper()

    @property
    def help_text(self) -> str:
        """What it is, its default and its variable, as ``--help`` shows it."""
        repeatable = ", repeatable" if self.many else ""
        several = ", separated by commas" if self.many else ""
        default = f"default: {self.default}" if self.default != REQUIRED else REQUIRED
        return f"{self.help}{repeatable} ({default}) [{self.variable}{several}]"


def _of_function(name: str, metavar: str, what: str, check: Check) -> Option:
    flag = f"--{name.replace('_', '-')}"
    return Option(f"function.{name}", flag, metavar, "function", what, FUNCTION_DEFAULTS[name], check)


OPTIONS = (
    Option(
        *("project", "--project", "ID", "where", "Google Cloud project", "GOOGLE_CLOUD_PROJECT, else it is required"),
        _matches(r"(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]", "the id of a Google Cloud project"),
    ),
    Option(
        *("region", "--region", "REGION", "where", "where the function runs, such as europe-west1", REQUIRED),
        _matches(r"[a-z]+-[a-z]+\d{1,2}", "a region such as europe-west1"),
    ),
    Option(
        *("dt_projects", "--dt-project", "ID", "where", "DT project whose events are wanted", REQUIRED),
        _matches(DT_PROJECT_ID, "the id of a DT project"),
        many=True,
    ),
    Option(
        *("name", "--name", "NAME", "where", "this deployment's name, and the function's", "dt-pubsub"),
        _matches(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", "a name of 6 to 30 of a-z, 0-9 and -"),
    ),
    Option(
        *("labels", "--label", "KEY=VALUE", "where", "label of every resource on Google Cloud", "none"),
        _LABEL,
        many=True,
        pairs=True,
    ),
    Option(
        *("retention", "--retention", "TIME", "messages", "how long events wait for whoever reads them, 10m to 31d"),
        RETENTION_DEFAULTS["events"],
        _retention,
    ),
    Option(
        *("rejected_retention", "--rejected-retention", "TIME", "messages", "the same for rejected events"),
        RETENTION_DEFAULTS["rejected"],
        _retention,
    ),
    _of_function("runtime", "NAME", "Python that it runs on", _matches(r"python3\d\d", "a runtime such as python313")),
    _of_function("memory", "SIZE", "memory of an instance", _MEMORY),
    _of_function("cpu", "COUNT", "processors of an instance", _CPU),
    _of_function("concurrency", "COUNT", "requests at a time in an instance", _CONCURRENCY),
    _of_function("timeout", "TIME", "longest time for a request, 10s to 3600s", _request_timeout),
    _of_function(
        "min_instances", "COUNT", "instances kept ready; 1 spares the first event a cold start", _COUNT_OR_NONE
    ),
    _of_function("max_instances", "COUNT", "most instances", _COUNT),
    Option(
        *(
            "invocation",
            "--invocation",
            "HOW",
            "function",
            "public: granted to allUsers; unchecked: Cloud Run asks nobody",
        ),
        f"{INVOCATION_DEFAULT}: public, or unchecked where organization policy forbids it",
        _one_of(*INVOCATIONS),
    ),
    Option(
        *("build_service_account", "--build-service-account", "EMAIL", "function", "account that builds the function"),
        "the project's default one",
        _matches(r"[a-z0-9-]+@[a-z0-9.-]+\.gserviceaccount\.com", "the e-mail address of a service account"),
    ),
    Option(
        *("settings", "--set", "NAME=VALUE", "function", "setting of the function, such as LOG_LEVEL=DEBUG"),
        "those of docs/reference.md",
        _setting,
        many=True,
        pairs=True,
    ),
    Option(
        *("connector.display_name", "--connector-name", "NAME", "connector", "its name in DT Studio"),
        "Google Pub/Sub PROJECT/NAME",
        _display_name,
    ),
    Option(
        *("connector.events", "--event-type", "TYPE", "connector", "type of event that is sent", "all"),
        _event_type,
        many=True,
    ),
    Option(
        *("connector.labels", "--connector-label", "KEY", "connector", "label of devices that is sent along"),
        "those of LABEL_ATTRIBUTES",
        _matches(r"\S{1,100}", "a label key"),
        many=True,
    ),
)

_IDENTITY = {"project", "region", "dt_projects", "name", "connector.display_name"}

WHICH_DEPLOYMENT = tuple(option for option in OPTIONS if option.place in _IDENTITY)
"""Those that say which deployment is meant: all that a verb needs that neither makes nor compares anything."""
