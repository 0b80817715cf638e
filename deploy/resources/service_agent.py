"""Pub/Sub's service agent: Google's own account, with which Pub/Sub acts in a project; and its roles.

Google makes it when it is needed for the first time, and names it by the project's number:
https://cloud.google.com/pubsub/docs/access-control#service-agents. No role can be granted to it before.
"""

from dataclasses import dataclass
from typing import ClassVar

from deploy.errors import DeployError
from deploy.resources.iam_binding import IamBinding
from deploy.resources.pubsub import PUBSUB, subscription_id, topic_id
from deploy.resources.resource import CommandGroup, Facts, Reads, Resource, is_granted
from deploy.spec import Spec
from deploy.steps import Argv, GcloudCall, ResourceId, Step, create, keep

AGENT = ResourceId("Pub/Sub's service agent")
PUBLISHER = "roles/pubsub.publisher"
SUBSCRIBER = "roles/pubsub.subscriber"


def service_agent(project_number: str) -> str:
    """Return the service agent of a project as a member of IAM policies."""
    return f"serviceAccount:service-{project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"


@dataclass(frozen=True, slots=True)
class ServiceAgent(Resource):
    """The account. No command tells whether it exists, but a role that it has on one of the ``topics`` does."""

    groups: ClassVar[tuple[CommandGroup, ...]] = (PUBSUB,)
    permissions: ClassVar[tuple[str, ...]] = (
        "pubsub.topics.getIamPolicy",
        "resourcemanager.projects.get",
        "serviceusage.services.enable",
    )
    key: ClassVar[str] = "project"

    topics: tuple[str, ...] = ()

    @property
    def id(self) -> ResourceId:
        """The id of the account."""
        return AGENT

    @property
    def describe(self) -> Argv:
        """The command that shows the project's number."""
        return ("projects", "describe", self.spec.google_project)

    def details(self, found: Facts) -> Reads:
        """Read the policies of the topics, which show whether the account exists."""
        del found
        for topic in self.topics:
            yield topic, ("pubsub", "topics", "get-iam-policy", topic, self.spec.project_flag)

    def removal_reads(self) -> Reads:
        """Read nothing, because the account is Google's, and stays."""
        yield from ()

    def number(self, facts: Facts) -> str:
        """Return the project's number. Raises ``DeployError`` if Google has not shown it."""
        if number := str((self.found(facts) or {}).get("projectNumber") or ""):
            return number
        what = f"the number of {self.spec.google_project} is not known, and the account's name contains it"
        raise DeployError(what, where=self.title, fix=[f"gcloud projects describe {self.spec.google_project}"])

    def plan(self, facts: Facts) -> tuple[Step, ...]:
        """Return the step that makes the account, unless it has a role already; it may exist without one."""
        member = service_agent(self.number(facts))
        if any(is_granted(facts.get(topic), PUBLISHER, member) for topic in self.topics):
            return (keep(self.id, "is there"),)
        argv = ("beta", "services", "identity", "create", f"--service={PUBSUB.service}", self.spec.project_flag)
        return (create(self.id, "may not be there yet", GcloudCall(argv)),)


@dataclass(frozen=True, slots=True)
class AgentBinding(IamBinding):
    """One role of the service agent on a topic or on a subscription. The spec has to have the project's number."""

    permissions: ClassVar[tuple[str, ...]] = (
        "pubsub.subscriptions.getIamPolicy",
        "pubsub.subscriptions.setIamPolicy",
        "pubsub.topics.getIamPolicy",
        "pubsub.topics.setIamPolicy",
    )

    @property
    def id(self) -> ResourceId:
        """The last word of the role, and the resource with the role."""
        return ResourceId(f"Pub/Sub as {self.role.rpartition('.')[2]} on {self.on.kind}", self.on.name)

    @property
    def grants_to(self) -> tuple[ResourceId, ...]:
        """No resource of this deployment, because the account is Google's."""
        return ()

    @property
    def after(self) -> tuple[ResourceId, ...]:
        """The topic or the subscription, and the account."""
        return (self.on, AGENT)

    @property
    def holder(self) -> str:
        """The account that gets the role, as a plan names it."""
        return str(AGENT)

    @property
    def member(self) -> str:
        """The account that gets the role, as IAM names it."""
        return service_agent(self.spec.project_number)


def agent_publishes_to(spec: Spec, topic: str) -> AgentBinding:
    """Return the binding that lets Pub/Sub publish to a topic."""
    return AgentBinding(spec, PUBLISHER, topic_id(topic), ("pubsub", "topics"))


def agent_acknowledges(spec: Spec, subscription: str) -> AgentBinding:
    """Return the binding that lets Pub/Sub acknowledge the messages of a subscription that it has moved elsewhere."""
    return AgentBinding(spec, SUBSCRIBER, subscription_id(subscription), ("pubsub", "subscriptions"))
