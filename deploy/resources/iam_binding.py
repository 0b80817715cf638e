"""The roles of the function's service account: publisher on each topic, accessor of the secret, and nothing else."""

from dataclasses import dataclass
from typing import ClassVar

from deploy.resources.pubsub import topic_id
from deploy.resources.resource import Facts, Resource
from deploy.resources.runtime_account import RuntimeAccount
from deploy.resources.signature_secret import SignatureSecret
from deploy.spec import Spec
from deploy.steps import Argv, GcloudCall, ResourceId, Step, create, keep


@dataclass(frozen=True, slots=True)
class IamBinding(Resource):
    """One role of the runtime account on one topic or on the secret.

    ``group``: gcloud's command group of what it is ``on``.
    """

    permissions: ClassVar[tuple[str, ...]] = (
        "pubsub.topics.getIamPolicy",
        "pubsub.topics.setIamPolicy",
        "secretmanager.secrets.getIamPolicy",
        "secretmanager.secrets.setIamPolicy",
    )
    key: ClassVar[str] = "policy"

    role: str
    on: ResourceId
    group: Argv
    flags: Argv = ()

    @property
    def id(self) -> ResourceId:
        """The role's last word, and what it is on."""
        return ResourceId(f"{self.role.rpartition('.')[2]} on {self.on.kind}", self.on.name)

    @property
    def parent(self) -> ResourceId:
        """What it is on."""
        return self.on

    @property
    def grants_to(self) -> tuple[ResourceId, ...]:
        """The runtime account."""
        return (RuntimeAccount(self.spec).id,)

    @property
    def describe(self) -> Argv:
        """The command that reads the policy of what it is on."""
        return (*self.group, "get-iam-policy", self.on.name, self.spec.project_flag)

    def plan(self, facts: Facts) -> tuple[Step, ...]:
        """Grant it if it is not granted."""
        if self._is_granted(facts):
            return (keep(self.id, f"{self.spec.name} has it"),)
        granted = (f"--member={self._member}", f"--role={self.role}", *self.flags)
        argv = (*self.group, "add-iam-policy-binding", self.on.name, *granted, self.spec.project_flag)
        return (create(self.id, "not granted", GcloudCall(argv)),)

    @property
    def _member(self) -> str:
        return f"serviceAccount:{self.spec.runtime_account}"

    def _is_granted(self, facts: Facts) -> bool:
        """Return whether the policy has it, without a condition."""
        bindings = (self.found(facts) or {}).get("bindings", [])
        return any(
            binding.get("role") == self.role
            and self._member in binding.get("members", [])
            and not binding.get("condition")
            for binding in bindings
        )


def publisher_on(spec: Spec, topic: str) -> IamBinding:
    """Return the binding that lets the function publish to a topic."""
    return IamBinding(spec, "roles/pubsub.publisher", topic_id(topic), ("pubsub", "topics"))


def secret_accessor(spec: Spec) -> IamBinding:
    """Return the binding that lets the function read the signature secret."""
    role = "roles/secretmanager.secretAccessor"
    return IamBinding(spec, role, SignatureSecret(spec).id, ("secrets",), ("--condition=None",))
