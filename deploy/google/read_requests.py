"""The requests that gcloud sends for read commands, as ``gcloud --log-http`` shows them. Pure.

gcloud prints the body of the answer as it is, and of a list its items.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from deploy.spec import MARK
from deploy.steps import Argv
from deploy.times import utc

DAY_S = 86_400
LONGEST_PAGE = 1000
"""Entries of the log in one answer: Google's limit."""


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """One request. ``items``: the field with the items of a list, empty for one resource.

    ``body``: of a POST, else None. ``label``: the value of the deployment's label that an item must have, empty for
    any. ``most``: items that are wanted at most, or None.
    """

    url: str
    items: str = ""
    body: Mapping[str, Any] | None = None
    label: str = ""
    most: int | None = None

    @property
    def is_policy(self) -> bool:
        """Whether the resource is an IAM policy."""
        return ":getIamPolicy" in self.url


_FUNCTIONS = "https://cloudfunctions.googleapis.com/v2/projects/{project}/locations"
_PUBSUB = "https://pubsub.googleapis.com/v1/projects/{project}"
_SECRET = "https://secretmanager.googleapis.com/v1/projects/{project}/secrets"  # noqa: S105  # an address
_SERVICE = "https://run.googleapis.com/v1/projects/{project}/locations/{region}/services/{name}"
_KNATIVE = "https://{region}-run.googleapis.com/apis/serving.knative.dev/v1/namespaces/{project}/services/{name}"
_POLICY = ":getIamPolicy?options.requestedPolicyVersion=3"
_ENTRIES = "https://logging.googleapis.com/v2/entries:list"

COMMANDS: tuple[tuple[str, str, str], ...] = (
    (
        "services list --enabled --project={project}",
        "https://serviceusage.googleapis.com/v1/projects/{project}/services?filter=state%3AENABLED&pageSize=200",
        "services",
    ),
    (
        "iam service-accounts describe {name} --project={project}",
        "https://iam.googleapis.com/v1/projects/-/serviceAccounts/{name}",
        "",
    ),
    ("pubsub topics describe {name} --project={project}", f"{_PUBSUB}/topics/{{name}}", ""),
    ("pubsub topics get-iam-policy {name} --project={project}", f"{_PUBSUB}/topics/{{name}}:getIamPolicy", ""),
    ("pubsub subscriptions describe {name} --project={project}", f"{_PUBSUB}/subscriptions/{{name}}", ""),
    (
        f"pubsub subscriptions list --filter=labels.{MARK}={{label}} --project={{project}}",
        f"{_PUBSUB}/subscriptions?pageSize=1000",
        "subscriptions",
    ),
    (
        "pubsub subscriptions get-iam-policy {name} --project={project}",
        f"{_PUBSUB}/subscriptions/{{name}}:getIamPolicy",
        "",
    ),
    ("projects describe {name}", "https://cloudresourcemanager.googleapis.com/v1/projects/{name}", ""),
    ("secrets describe {name} --project={project}", f"{_SECRET}/{{name}}", ""),
    ("secrets get-iam-policy {name} --project={project}", f"{_SECRET}/{{name}}{_POLICY}", ""),
    ("secrets versions list {name} --project={project}", f"{_SECRET}/{{name}}/versions?pageSize=1000", "versions"),
    (
        "secrets versions access {number} --secret={name} --project={project}",
        f"{_SECRET}/{{name}}/versions/{{number}}:access",
        "",
    ),
    (
        "functions describe {name} --gen2 --region={region} --project={project}",
        f"{_FUNCTIONS}/{{region}}/functions/{{name}}",
        "",
    ),
    (
        f"functions list --v2 --filter=labels.{MARK}={{label}} --project={{project}}",
        f"{_FUNCTIONS}/-/functions?pageSize=100",
        "functions",
    ),
    ("run services describe {name} --region={region} --project={project}", _KNATIVE, ""),
    ("run services get-iam-policy {name} --region={region} --project={project}", f"{_SERVICE}{_POLICY}", ""),
    ("logging read {filter} --freshness={days}d --limit={most} --project={project}", _ENTRIES, "entries"),
)
"""Read commands of this package, with the URL of each request, and the field with the items of a list."""


def request_of(argv: Argv, now: float) -> ReadRequest | None:
    """Return the request that gcloud sends for a command; None if it is not known here, so that gcloud has to run."""
    for command, url, items in COMMANDS:
        if (values := _values(command.split(), argv)) is not None:
            if "filter" in values:
                return _entries(values, now)
            quoted = {name: quote(value, safe="@") for name, value in values.items()}
            return ReadRequest(url.format(**quoted), items, label=values.get("label", ""))
    return None


def _values(command: list[str], argv: Argv) -> dict[str, str] | None:
    """Return the values of the placeholders; None if it is another command."""
    if len(command) != len(argv):
        return None
    values = {}
    for known, word in zip(command, argv, strict=True):
        before, brace, name = known.partition("{")
        name, _, after = name.partition("}")
        value = word.removeprefix(before).removesuffix(after)
        if f"{before}{value if brace else ''}{after}" != word or (brace and not value):
            return None
        if brace:
            values[name] = value
    return values


def _entries(values: Mapping[str, str], now: float) -> ReadRequest | None:
    if not (values["days"].isdecimal() and values["most"].isdecimal()):
        return None
    since, most = utc(now - int(values["days"]) * DAY_S), int(values["most"])
    body = {
        "resourceNames": [f"projects/{values['project']}"],
        "filter": f'timestamp>="{since}" AND {values["filter"]}',
        "orderBy": "timestamp desc",
        "pageSize": min(most, LONGEST_PAGE),
    }
    return ReadRequest(_ENTRIES, "entries", body, most=most)
