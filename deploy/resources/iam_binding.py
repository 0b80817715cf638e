"""The roles of the function's service account: publisher on both topics, and accessor of the secret."""

from dataclasses import dataclass
from typing import ClassVar

from deploy.resources.pubsub import topic_id
from deploy.resources.resource import Facts, Resource, is_granted
from deploy.resources.runtime_account import RuntimeAccount
from deploy.resources.signature_secret import SignatureSecret
from deploy.spec import Spec
from deploy.steps import Argv, GcloudCall, ResourceId, Step, create, keep


@dataclass(frozen=True, slots=True)
class IamBinding(Resource):
    """One role of the runtime account on one topic or on the secret.

    ``on``: the topic or the secret. ``group``: the gcloud command group of ``on``.
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
        """The last word of the role, and the resource with the role."""
        return ResourceId(f"{self.role.rpartition('.')[2]} on {self.on.kind}", self.on.name)

    @property
    def parent(self) -> ResourceId:
        """The topic or the secret."""
        return self.on

    @property
    def grants_to(self) -> tuple[ResourceId, ...]:
        """The runtime account."""
        return (RuntimeAccount(self.spec).id,)

    @property
    def holder(self) -> str:
        """The account that gets the role, as a plan names it."""
        return self.spec.name

    @property
    def member(self) -> str:
        """The account that gets the role, as IAM names it."""
        return f"serviceAccount:{self.spec.runtime_account}"

    @property
    def describe(self) -> Argv:
        """The command that reads the policy of the topic or the secret."""
        return (*self.group, "get-iam-policy", self.on.name, self.spec.project_flag)

    def plan(self, facts: Facts) -> tuple[Step, ...]:
        """Return the step that grants the role, or keeps it."""
        if is_granted(self.found(facts), self.role, self.member):
            return (keep(self.id, f"{self.holder} has it"),)
        granted = (f"--member={self.member}", f"--role={self.role}", *self.flags)
        argv = (*self.group, "add-iam-policy-binding", self.on.name, *granted, self.spec.project_flag)
        return (create(self.id, "not granted", GcloudCall(argv)),)


def publisher_on(spec: Spec, topic: str) -> IamBinding:
    """Return the binding that lets the function publish to a topic."""
    return IamBinding(spec, "roles/pubsub.publisher", topic_id(topic), ("pubsub", "topics"))


def secret_accessor(spec: Spec) -> IamBinding:
    """Return the binding that lets the function read the signature secret."""
    role = "roles/secretmanager.secretAccessor"
    return IamBinding(spec, role, SignatureSecret(spec).id, ("secrets",), ("--condition=None",))
