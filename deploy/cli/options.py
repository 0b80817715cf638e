"""All options: the flag, the variable and the deploy.toml key of each, and the check of its values. Pure."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal

from deploy.cli.spelling import suggestion
from deploy.pages import page
from deploy.spec import (
    ALERT_DEFAULTS,
    DT_PROJECT_ID,
    DT_STUDIO,
    FUNCTION_DEFAULTS,
    INVOCATION_DEFAULT,
    PROFILES,
    RETENTION_DEFAULTS,
    SMALL_SENSORS,
    SMALL_SIZES,
)
from deploy.times import seconds

INVOCATIONS = ("auto", "public", "unchecked")
REQUEST_LOGS = ("errors", "all")
BILLINGS = ("request", "instance")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
"""The levels of ``function.settings``, copied for the same reason as ``EVENT_TYPES``."""
ENVIRONMENT_PREFIX = "DEPLOY_"
REQUIRED = "required"
NO_ADDRESS = "none"
"""The value instead of an e-mail address if there are to be no alerts."""
NO_DATASET = "none"
"""The value instead of a dataset if the events are not to be stored in BigQuery, or no longer."""

MAX_NAME = 100
"""Maximum characters of a name. An error message shows at most this part of an invalid one."""

EVENT_TYPES = (
    *("touch", "temperature", "objectPresent", "humidity", "objectPresentCount", "touchCount", "waterPresent", "co2"),
    *("pressure", "motion", "deskOccupancy", "contact", "probeWireStatus", "networkStatus", "batteryStatus"),
    *("labelsChanged", "connectionStatus", "ethernetStatus", "cellularStatus"),
)
"""The event types of ``function.schema``, copied because a deployer has not installed the packages of that module."""

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


def _display_name(text: str) -> None:
    if not 1 <= len(text) <= MAX_NAME or not text.isprintable():
        raise ValueError(f"{text[:MAX_NAME]!r} is not a display name of 1 to {MAX_NAME} printable characters")


def _setting(text: str) -> None:
    """Check a setting. The error shows only its name, because the value may be a secret."""
    name, equals, value = text.partition("=")
    if not equals or not re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
        raise ValueError(
            f"{name[:MAX_NAME] if equals else 'a text without ='} is not NAME=VALUE, such as LOG_LEVEL=DEBUG"
        )
    if not value.isprintable():
        raise ValueError(f"the value of {name} has a line break or another character that is not printable")


def _one_of(words: Collection[str], advice: str = "") -> Check:
    def check(text: str) -> None:
        if text not in words:
            hint = suggestion([text[:MAX_NAME]], words)
            raise ValueError(f"{text[:MAX_NAME]!r} is not one of {', '.join(words)}{advice}{hint}")

    return check


_LABEL = _matches(r"[a-z][a-z0-9_-]{0,62}=[a-z0-9_-]{0,63}", "a label such as team=cold-chain")
_COUNT = _matches(r"[1-9]\d{0,3}", "a number from 1 to 9999")
_COUNT_OR_NONE = _matches(r"\d{1,4}", "a number from 0 to 9999")
_CONCURRENCY = _matches(r"[1-9]\d{0,2}|1000", "a number from 1 to 1000")
_MEMORY = _matches(r"[1-9]\d*(k|Ki|M|Mi|G|Gi)", "an amount of memory such as 512Mi or 1Gi")
_CPU = _matches(r"(?=.*[1-9])\d+(\.\d+)?", "a number of processors such as 1 or 0.5")


def _number(lowest: int, highest: int) -> Check:
    def check(text: str) -> None:
        if not re.fullmatch(r"\d{1,9}", text) or not lowest <= int(text) <= highest:
            raise ValueError(
                f"{text[:MAX_NAME]!r} is not a whole number from {lowest:,} to {highest:,}, in digits alone"
            )

    return check


Group = Literal["where", "messages", "function", "connector", "bigquery", "cost", "alerts"]


@dataclass(frozen=True, slots=True)
class Option:
    """One option. ``place``: its key in deploy.toml, from which the name of its variable is made, too.

    ``default``: the value of a new resource if the option is not set, in words. ``many``: it has several values.
    ``pairs``: its values are ``NAME=VALUE``. ``choices``: all values, if there are few, for completion in a shell.
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
    choices: tuple[str, ...] = ()

    @property
    def variable(self) -> str:
        """The name of its environment variable: ``DEPLOY_`` and the place, in capitals."""
        return ENVIRONMENT_PREFIX + self.place.replace(".", "_").upper()

    def help_text(self, *, is_asked: bool = False) -> str:
        """Return its line in ``--help``: its meaning, default and variable. ``is_asked``: the verb asks for it."""
        repeatable = ", repeatable" if self.many else ""
        several = ", separated by commas" if self.many else ""
        default = f"default: {self.default}" if self.default != REQUIRED else REQUIRED
        default = default.replace(REQUIRED, "asked for") if is_asked else default
        return f"{self.help}{repeatable} ({default}) [{self.variable}{several}]"


def _of_function(name: str, metavar: str, what: str, check: Check) -> Option:
    flag = f"--{name.replace('_', '-')}"
    default = FUNCTION_DEFAULTS[name]
    if name in SMALL_SIZES:
        default = f"{SMALL_SIZES[name]}, with the profile large {default}"
    return Option(f"function.{name}", flag, metavar, "function", what, default, check)


def _of_alerts(name: str, what: str, check: Check) -> Option:
    flag, metavar = f"--alert-{name.replace('_', '-')}", name.rpartition("_")[2].upper()
    return Option(f"alerts.{name}", flag, metavar, "alerts", what, str(ALERT_DEFAULTS[name]), check)


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
        *("dt_projects", "--dt-project", "ID", "where", "DT project whose events are sent", REQUIRED),
        _matches(DT_PROJECT_ID, f"the id of a DT project; {DT_STUDIO} shows where it is"),
        many=True,
    ),
    Option(
        *("name", "--name", "NAME", "where", "name of the deployment and of its function", "dt-pubsub"),
        _matches(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", "a name of 6 to 30 of a-z, 0-9 and -"),
    ),
    Option(
        *("labels", "--label", "KEY=VALUE", "where", "label of every resource on Google Cloud", "none"),
        _LABEL,
        many=True,
        pairs=True,
    ),
    Option(
        *("retention", "--retention", "TIME", "messages", "how long unread events are kept, 10m to 31d"),
        RETENTION_DEFAULTS["events"],
        _retention,
    ),
    Option(
        *(
            "rejected_retention",
            "--rejected-retention",
            "TIME",
            "messages",
            "how long unread rejected events are kept, 10m to 31d",
        ),
        RETENTION_DEFAULTS["rejected"],
        _retention,
    ),
    _of_function("runtime", "NAME", "Python version", _matches(r"python3\d\d", "a runtime such as python313")),
    _of_function("memory", "SIZE", "memory of an instance", _MEMORY),
    _of_function("cpu", "COUNT", "processors of an instance", _CPU),
    _of_function("concurrency", "COUNT", "concurrent requests of an instance", _CONCURRENCY),
    _of_function("timeout", "TIME", "maximum time for a request, 10s to 3600s", _request_timeout),
    _of_function(
        "min_instances", "COUNT", "instances kept ready; with 1, the first event needs no cold start", _COUNT_OR_NONE
    ),
    _of_function("max_instances", "COUNT", "maximum number of instances", _COUNT),
    Option(
        *(
            "invocation",
            "--invocation",
            "HOW",
            "function",
            "public: allUsers may call; unchecked: Cloud Run checks no caller",
        ),
        f"{INVOCATION_DEFAULT}: public, or unchecked if organization policy forbids that",
        _one_of(INVOCATIONS),
        choices=INVOCATIONS,
    ),
    Option(
        *("build_service_account", "--build-service-account", "EMAIL", "function", "account that builds the function"),
        "the project's default account",
        _matches(r"[a-z0-9-]+@[a-z0-9.-]+\.gserviceaccount\.com", "the e-mail address of a service account"),
    ),
    Option(
        *("settings", "--set", "NAME=VALUE", "function", "setting of the function, such as LOG_LEVEL=DEBUG"),
        f"those of {page('reference.md')}",
        _setting,
        many=True,
        pairs=True,
    ),
    Option(
        *("connector.display_name", "--connector-name", "NAME", "connector", "name of the connector in DT Studio"),
        "Google Pub/Sub PROJECT/NAME",
        _display_name,
    ),
    Option(
        *("connector.events", "--event-type", "TYPE", "connector", "type of event that DT sends", "all"),
        _one_of(EVENT_TYPES, "; for a newer type, select all types"),
        many=True,
        choices=EVENT_TYPES,
    ),
    Option(
        *("connector.labels", "--connector-label", "KEY", "connector", "device label that DT sends with an event"),
        "those of LABEL_ATTRIBUTES",
        _matches(r"\S{1,100}", "a label key"),
        many=True,
    ),
    Option(
        *("bigquery.dataset", "--bigquery", "DATASET", "bigquery", "BigQuery dataset in which all events are stored"),
        NO_DATASET,
        _matches(r"[A-Za-z0-9_]{1,1024}", f"the id of a dataset of letters, digits and _, or {NO_DATASET}"),
    ),
    Option(
        *("bigquery.location", "--bigquery-location", "PLACE", "bigquery", "where a new dataset is made, such as EU"),
        "the function's region",
        _matches(r"[A-Za-z]+(?:-[a-z]+\d{1,2})?", "a region such as europe-west1, or EU or US"),
    ),
    Option(
        *("cost.profile", "--profile", "PROFILE", "cost", f"small, for up to {SMALL_SENSORS:,} sensors, or large"),
        "small for a new deployment; an existing one keeps what it has",
        _one_of(PROFILES),
        choices=PROFILES,
    ),
    Option(
        *("cost.sensors", "--sensors", "COUNT", "cost", "number of sensors, for the cost of a month"),
        "the measured rate of events, or the sensors that DT has",
        _number(1, 100_000_000),
    ),
    Option(
        *("cost.request_logs", "--request-logs", "WHICH", "cost", "Cloud Run's log entries: errors, or all, with 2xx"),
        "that of the profile",
        _one_of(REQUEST_LOGS),
        choices=REQUEST_LOGS,
    ),
    Option(
        *("cost.log_level", "--log-level", "LEVEL", "cost", "the function's LOG_LEVEL"),
        "INFO",
        _one_of(LOG_LEVELS),
        choices=LOG_LEVELS,
    ),
    Option(
        *("cost.log_delivered", "--log-delivered", "N", "cost", "one of N delivered events has a line: LOG_DELIVERED"),
        "that of the profile",
        _number(1, 1_000_000),
    ),
    Option(
        *("cost.billing", "--billing", "BY", "cost", "whether Cloud Run bills by request, or by instance"),
        "that of the profile",
        _one_of(BILLINGS),
        choices=BILLINGS,
    ),
    Option(
        *("alerts.emails", "--alert-email", "ADDRESS", "alerts", "e-mail address that gets the alerts"),
        NO_ADDRESS,
        _matches(r"none|[^@\s,]{1,64}@[^@\s,]+\.[^@\s,.]+", f"an e-mail address, or {NO_ADDRESS}"),
        many=True,
    ),
    Option(
        *("alerts.channels", "--alert-channel", "CHANNEL", "alerts", "notification channel that exists already"),
        "none",
        _matches(r"projects/[^/\s]+/notificationChannels/\w+", "projects/PROJECT/notificationChannels/ID"),
        many=True,
    ),
    _of_alerts("no_events_hours", "hours without any event from DT, 1 to 23", _number(1, 23)),
    _of_alerts("server_error_percent", "share of answers 5xx in half an hour", _number(1, 99)),
    _of_alerts("unauthorized_percent", "share of answers 401 in half an hour", _number(1, 99)),
    _of_alerts("unread_hours", "age of the oldest unread event in hours", _number(1, 24 * 31)),
    _of_alerts("unread_messages", "number of unread events", _number(1, 999_999_999)),
    _of_alerts("memory_percent", "share of an instance's memory", _number(1, 99)),
    Option(
        *(
            "alerts.runbook_url",
            "--alert-runbook-url",
            "URL",
            "alerts",
            "where the pages of the runbook are published",
        ),
        "nowhere: the alerts have their text",
        _matches(r"https://[^\s\"'<>]{1,400}", "an https URL"),
    ),
)

MANDATORY = frozenset({"project", "region", "dt_projects"})
"""The settings that a verb cannot do without, if it uses them at all."""

_IDENTITY = {"project", "region", "dt_projects", "name", "connector.display_name"}

WHICH_DEPLOYMENT = tuple(option for option in OPTIONS if option.place in _IDENTITY)
"""The options that identify a deployment. A verb that neither creates nor compares resources needs only these."""

OF_COST = tuple(option for option in OPTIONS if option.group == "cost")
"""The options of the profile and the cost. A new deployment gets its sizes by them, so that a second try needs them."""

SENSORS = next(option for option in OPTIONS if option.place == "cost.sensors")
"""The option with the number of sensors."""

WHICH_PROJECT = tuple(option for option in OPTIONS if option.place == "project")
"""The option of a verb that looks at a whole Google project."""

WHICH_TOPICS = tuple(option for option in OPTIONS if option.place in {"project", "name"})
"""The options of a verb that only reads the topics of one deployment."""

WHICH_FUNCTION = tuple(option for option in OPTIONS if option.place in {"project", "region", "name"})
"""The options of a verb that sends something to the function, and needs nothing of DT."""

WHICH_HISTORY = tuple(option for option in OPTIONS if option.place in {"project", "name", "dt_projects"})
"""The options of a verb that compares DT's history with the topics of one deployment."""

ASKED = tuple(option for option in WHICH_DEPLOYMENT if option.place != "connector.display_name")
"""The options that ``init`` asks for."""

SUBSCRIPTIONS = "subscriptions"
"""The key of the tables in deploy.toml that describe further subscriptions. They have no flag and no variable."""

BY_PLACE = {option.place: option for option in OPTIONS}
"""All options by their key in deploy.toml."""

PLACES = frozenset({*BY_PLACE, SUBSCRIPTIONS})
"""All keys of deploy.toml; some are tables."""


def refusal_of(place: str, text: str) -> str:
    """Return why an option cannot have this value; an empty text if it can."""
    try:
        BY_PLACE[place].check(text)
    except ValueError as error:
        return str(error)
    return ""
