"""The observed state of both clouds, as one value. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from deploy.resources.bigquery.subscription import bigquery_subscription
from deploy.resources.catalog import unlisted_of
from deploy.resources.connector import Connector, owned_by
from deploy.resources.function import Function, billing_set_on, function_url, version_of
from deploy.resources.memory import Memory, deployed_upload, read_memory
from deploy.resources.resource import Facts, Resource
from deploy.resources.service_agent import AGENT, ServiceAgent
from deploy.resources.signature_secret import READ, SignatureSecret
from deploy.secret import Secret
from deploy.spec import Spec, last_segment
from deploy.steps import ResourceId

UnfinishedDeployment = Literal["", "building", "unrecorded"]
"""What another command has not finished: the build of the function, or the record of its upload."""


@dataclass(frozen=True, slots=True)
class Observed:
    """The facts of each of Google's resources, the connectors of each DT project, and the enabled secrets.

    ``devices``: the emulated devices that proofs left in each DT project, read only for a removal. ``closed``: DT's
    answers for the projects that DT does not show. If such a project is named, only a removal continues.
    """

    facts: Mapping[ResourceId, Facts]
    connectors: Mapping[str, Sequence[Connector]] = field(default_factory=dict)
    secrets: tuple[Secret, ...] = ()
    devices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    closed: Mapping[str, str] = field(default_factory=dict)

    @property
    def project_number(self) -> str:
        """The number of the Google project; empty if no resource needs it."""
        return str((self.facts.get(AGENT, {}).get(ServiceAgent.key) or {}).get("projectNumber") or "")

    def of(self, resource: Resource) -> Facts:
        """Return the facts of a resource; empty if it was not read."""
        return self.facts.get(resource.id, {})

    def url(self, spec: Spec) -> str:
        """Return the URL of this deployment's function; empty if there is none."""
        return "" if self._is_foreign(spec) else function_url(self.of(Function(spec)))

    def foreign_url(self, spec: Spec) -> str:
        """Return the URL of a function of the same name that is not this deployment's; empty if there is none."""
        return function_url(self.of(Function(spec))) if self._is_foreign(spec) else ""

    def version(self, spec: Spec) -> str | None:
        """Return the version of the deployed function; None if there is no function, or if it has no version."""
        return version_of(self.of(Function(spec)).get("function") or {})

    def with_billing(self, spec: Spec) -> Spec:
        """Return the spec with the billing that an earlier run has set, unless the settings say another.

        Without it, a run that was ended between the deployment and the billing would not be finished by the next, and
        a deployment that resets the billing would go unnoticed.
        """
        if spec.cost.billing is not None or self._is_foreign(spec):
            return spec
        billing = billing_set_on(self.of(Function(spec)).get(Function.key) or {})
        return replace(spec, cost=replace(spec.cost, billing=billing))

    def unfinished_deployment(self, spec: Spec) -> UnfinishedDeployment:
        """Return what another command that deploys the function has not finished yet; empty if there is none.

        After each build, an ``up`` needs some seconds to record the upload.
        """
        found = self.of(Function(spec)).get(Function.key) or {}
        if found.get("state") == "DEPLOYING":
            return "building"
        upload = deployed_upload(found)
        return "unrecorded" if upload and upload != self.memory(spec).deployed else ""

    def memory(self, spec: Spec) -> Memory:
        """Return the memory of the deployment."""
        return read_memory(spec, self.of(SignatureSecret(spec)))

    def secret_version(self, spec: Spec) -> int:
        """Return the number of the secret version that was read; 0 if none was."""
        version = self.of(SignatureSecret(spec)).get(READ)
        return version.number if version else 0

    def unnamed(self, spec: Spec) -> tuple[str, ...]:
        """Return the remembered DT projects that are no longer named, if connectors may be left in them."""
        others = [project for project in self.memory(spec).dt_projects if project not in spec.dt_projects]
        return tuple(project for project in others if project in self.closed or self.owned_in(project, spec))

    def owned_in(self, project: str, spec: Spec) -> tuple[Connector, ...]:
        """Return this deployment's connectors in a DT project."""
        return owned_by(spec, self.connectors.get(project, ()), self.url(spec))

    def _is_foreign(self, spec: Spec) -> bool:
        function = Function(spec)
        return function.not_ours(self.of(function)) is not None


def written_by(spec: Spec, observed: Observed) -> Facts | None:
    """Return the description of this deployment's subscription that writes to BigQuery; None if it was not found.

    If the settings do not name it, it is among the subscriptions that they do not name.
    """
    subscription, unlisted = bigquery_subscription(spec), unlisted_of(spec, "subscription")
    listed: Sequence[Facts] = unlisted.found(observed.of(unlisted)) or []
    there = [found for found in listed if last_segment(str(found.get("name", ""))) == subscription.name]
    found = subscription.found(observed.of(subscription)) or next(iter(there), None)
    return found if found is not None and subscription.is_ours(found) else None
