"""The role of Pub/Sub's service agent on the table, which Pub/Sub needs before it accepts the subscription.

https://cloud.google.com/pubsub/docs/bigquery#assign_bigquery_service_account. The role is on this table alone, so that
Pub/Sub cannot write to others of the dataset.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from deploy.resources.bigquery.dataset import Dataset
from deploy.resources.bigquery.event_table import EventTable
from deploy.resources.resource import Facts, is_granted
from deploy.resources.service_agent import AGENT, service_agent
from deploy.steps import Get, ResourceId, RestCall, Step, create, keep

ROLE = "roles/bigquery.dataEditor"
POLICY_VERSION = 3
"""The version of policies with conditions, which are kept."""


@dataclass(frozen=True, slots=True)
class TableRole(EventTable):
    """The binding in the table's IAM policy. The spec has to have the project's number."""

    permissions: ClassVar[tuple[str, ...]] = ("bigquery.tables.getIamPolicy", "bigquery.tables.setIamPolicy")
    key: ClassVar[str] = "policy"

    @property
    def id(self) -> ResourceId:
        """The id of the binding."""
        return ResourceId("Pub/Sub as dataEditor on table", EventTable(self.spec).id.name)

    @property
    def parent(self) -> ResourceId:
        """The dataset, with which the table and its policy are deleted."""
        return Dataset(self.spec).id

    @property
    def after(self) -> tuple[ResourceId, ...]:
        """The table, and the account."""
        return (EventTable(self.spec).id, AGENT)

    @property
    def describe(self) -> Get:
        """The request that reads the policy."""
        return Get(f"{self.url}:getIamPolicy", body={"options": {"requestedPolicyVersion": POLICY_VERSION}})

    def not_ours(self, facts: Facts) -> None:
        """Return nothing: the table shows the owner."""
        del facts

    def plan(self, facts: Facts) -> tuple[Step, ...]:
        """Return the step that grants the role, or keeps it."""
        member = service_agent(self.spec.project_number)
        policy = self.found(facts) or {}
        if is_granted(policy, ROLE, member):
            return (keep(self.id, f"{AGENT} has it"),)
        by_hand = self.bq(
            "add-iam-policy-binding", "--table=true", f"--member={member}", f"--role={ROLE}", self.bq_table
        )
        call = RestCall("POST", f"{self.url}:setIamPolicy", {"policy": _with_binding(policy, member)}, by_hand)
        return (create(self.id, "not granted", call),)


def _with_binding(policy: Facts, member: str) -> dict[str, Any]:
    """Return the policy with the role. Its etag makes Google refuse it if another command has changed the policy."""
    others = policy.get("bindings", [])
    return {**policy, "version": POLICY_VERSION, "bindings": [*others, {"role": ROLE, "members": [member]}]}
