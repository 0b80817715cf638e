"""Who may use a dataset or table: the access entries of datasets, and the IAM policies of tables and the project.

https://cloud.google.com/bigquery/docs/access-control. The basic roles of a dataset are the names of IAM roles:
https://cloud.google.com/bigquery/docs/access-control-basic-roles#dataset-basic-roles
"""

import re
import time
from collections.abc import Callable

from tests.emulators.clouds.exchange import Json
from tests.emulators.clouds.google.bigquery.catalog import Catalog
from tests.emulators.clouds.google.bigquery.problems import invalid
from tests.emulators.clouds.google.policies import Policies

WRITERS = ("roles/bigquery.dataEditor", "roles/bigquery.dataOwner", "roles/bigquery.admin")
"""The roles with bigquery.tables.get and bigquery.tables.updateData."""

BASIC = {
    "WRITER": "roles/bigquery.dataEditor",
    "OWNER": "roles/bigquery.dataOwner",
    "READER": "roles/bigquery.dataViewer",
}
_SHORT = {role: name for name, role in BASIC.items()}
_ROLE = re.compile(r"roles/bigquery\.[A-Za-z]+|(projects|organizations)/[^/]+/roles/\w+")
_MEMBERS = ("userByEmail", "groupByEmail", "domain", "specialGroup", "iamMember")
_OTHER = ("view", "routine", "dataset")


def checked(entries: list[Json]) -> list[Json]:
    """Return access entries as BigQuery returns them. Raises ``BigQueryProblem``."""
    return [_checked(entry) for entry in entries]


def _checked(entry: Json) -> Json:
    if any(entry.get(kind) for kind in _OTHER):
        return entry
    given = [kind for kind in _MEMBERS if entry.get(kind)]
    if len(given) != 1:
        raise invalid(
            "Each access entry needs exactly one of userByEmail, groupByEmail, domain, specialGroup, iamMember."
        )
    role = entry.get("role", "")
    if role not in BASIC and not _ROLE.fullmatch(role):
        raise invalid(f"Invalid value for: {role} is not a valid value")
    kind, member = given[0], entry[given[0]]
    if kind == "iamMember" and member.partition(":")[0] in {"user", "serviceAccount"}:
        kind, member = "userByEmail", member.partition(":")[2]
    return {
        **{name: value for name, value in entry.items() if name not in given},
        "role": _SHORT.get(role, role),
        kind: member,
    }


def resource_of(project: str, dataset: str, table: str) -> str:
    """Return the name under which a table's IAM policy is kept."""
    return f"projects/{project}/datasets/{dataset}/tables/{table}"


class Access:
    """Answers who may write into a table. ``knows_account``: whether a service account exists."""

    def __init__(
        self,
        catalog: Catalog,
        policies: Policies,
        knows_account: Callable[[str], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._catalog = catalog
        self._policies = policies
        self._knows_account = knows_account
        self._clock = clock
        self._given_at: dict[tuple[str, str, str], float] = {}

    def check_entries(self, dataset: str, before: list[Json], after: list[Json]) -> None:
        """Refuse new entries of service accounts that do not exist; note when the others were given."""
        new = [entry for entry in after if entry not in before and entry.get("userByEmail")]
        for entry in new:
            email = entry["userByEmail"]
            if email.endswith(".gserviceaccount.com") and not self._knows_account(email):
                raise invalid(f"IAM setPolicy failed for Dataset {dataset}: Service account {email} does not exist.")
        self._given_at |= {(dataset, entry["userByEmail"], entry["role"]): self._clock() for entry in new}

    def may_write(self, email: str, dataset: str, table: str) -> bool:
        """Whether a service account may write into a table."""
        resource = resource_of(self._catalog.estate.project, dataset, table)
        if any(self._policies.grants(resource, role, f"serviceAccount:{email}") for role in WRITERS):
            return True
        entries = self._catalog.datasets.get(dataset, {}).get("access", [])
        roles = [entry["role"] for entry in entries if entry.get("userByEmail") == email]
        return any(BASIC.get(role, role) in WRITERS and self._is_in_force(dataset, email, role) for role in roles)

    def _is_in_force(self, dataset: str, email: str, role: str) -> bool:
        return self._clock() >= self._given_at.get((dataset, email, role), 0.0) + self._catalog.estate.iam_lag_s
