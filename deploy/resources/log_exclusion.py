"""The exclusion of Cloud Run's own log entries of answers 2xx, of this function only, in the sink ``_Default``.

It is made, changed and deleted by ``projects.exclusions``, whose methods act on one exclusion of that sink:
https://cloud.google.com/logging/docs/reference/v2/rest/v2/projects.exclusions. ``gcloud logging sinks update`` sends
the whole list of exclusions that it has read before, so that it could undo what somebody else changes meanwhile.
No alert depends on these entries: metrics such as ``run.googleapis.com/request_count`` are not made of logs.
"""

from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote

from deploy.errors import Unusable
from deploy.resources.alerting import LOGGING, Alerting, Found, step_of
from deploy.resources.own_fields import differences
from deploy.resources.resource import Facts, owner_in_description
from deploy.steps import Get, ResourceId, RestCall, Step


@dataclass(frozen=True, slots=True)
class LogExclusion(Alerting):
    """The exclusion ``dt-pubsub-NAME-requests``. It has no labels: its name and its description name the owner."""

    services: ClassVar[tuple[str, ...]] = (LOGGING,)
    permissions: ClassVar[tuple[str, ...]] = (
        "logging.exclusions.create",
        "logging.exclusions.delete",
        "logging.exclusions.list",
        "logging.exclusions.update",
    )
    key: ClassVar[str] = "exclusions"

    @property
    def id(self) -> ResourceId:
        """The id of all exclusions of a deployment, of which there is one."""
        return ResourceId("log exclusions", one="log exclusion")

    @property
    def is_planned(self) -> bool:
        """Whether a setting says which entries are kept."""
        return self.spec.cost.request_logs is not None

    @property
    def listing(self) -> Get:
        """The request that lists the exclusions of the project's sink ``_Default``."""
        return Get(f"https://{LOGGING}/v2/projects/{self.spec.google_project}/exclusions", "exclusions")

    @property
    def body(self) -> dict[str, Any]:
        """The fields of the exclusion that this deployment sets."""
        place = f'resource.labels.service_name="{self.spec.name}" resource.labels.location="{self.spec.region}"'
        answered = "httpRequest.status>=200 httpRequest.status<300"
        return {
            "description": f"Cloud Run's entries of answers 2xx of {self.spec.name} ({self.spec.mark})",
            "filter": f'resource.type="cloud_run_revision" {place} log_id("run.googleapis.com/requests") {answered}',
            "disabled": False,
        }

    def part_of(self, found: Found) -> str:
        """Return the name of the exclusion, if its description names this deployment, too."""
        is_ours = found.get("name") == self.spec.log_exclusion and owner_in_description(found) == self.spec.name
        return self.spec.log_exclusion if is_ours else ""

    def url_of(self, found: Found) -> str:
        """Return the URL of an exclusion."""
        return f"{self.listing.url}/{quote(str(found['name']), safe='')}"

    def plan(self, facts: Facts) -> tuple[Step, ...]:
        """Return the step to the exclusion that the setting asks for, or the one that removes it."""
        return self.removal(facts) if self.spec.cost.request_logs == "all" else self.plan_parts(facts)

    def plan_parts(self, facts: Facts) -> tuple[Step, ...]:
        """Return the step that makes the exclusion, updates it, or keeps it.

        Raises:
            Unusable: its name is taken by an exclusion that is not this deployment's.

        """
        part, ours = self.part(self.spec.log_exclusion), dict(self.ours(facts)).get(self.spec.log_exclusion)
        if ours is not None:
            mask = ",".join(sorted(self.body))
            call = RestCall("PATCH", f"{self.url_of(ours)}?updateMask={mask}", self.body, self._gcloud("update"))
            kept = "leaves Cloud Run's entries of answers 2xx out of the log"
            return (step_of(part, differences(self.body, ours), call, is_there=True, kept=kept),)
        if any(found.get("name") == self.spec.log_exclusion for found in self.found(facts) or []):
            what = f"exists, but its description does not name this deployment: ({self.spec.mark})"
            raise Unusable(
                what, where=str(part), fix=[" ".join(self._gcloud_words(f"--remove-exclusions={part.part}"))]
            )
        body = {"name": self.spec.log_exclusion, **self.body}
        call = RestCall("POST", self.listing.url, body, self._gcloud("add"))
        return (step_of(part, (), call, is_there=False, kept=""),)

    def delete(self, part: str, found: Found, why: str, facts: Facts) -> Step:
        """Return the step that deletes the exclusion."""
        step = Alerting.delete(self, part, found, why, facts)  # super() fails in a dataclass with slots
        by_hand = self._gcloud_words(f"--remove-exclusions={part}")
        return Step(step.action, step.id, step.reason, (), RestCall("DELETE", self.url_of(found), by_hand=by_hand))

    def _gcloud(self, verb: str) -> tuple[str, ...]:
        fields = {"name": self.spec.log_exclusion, **self.body}
        words = ",".join(f"{key}={value}" for key, value in fields.items() if key != "disabled")
        return self._gcloud_words(f"--{verb}-exclusion={words}")

    def _gcloud_words(self, flag: str) -> tuple[str, ...]:
        return ("gcloud", "logging", "sinks", "update", "_Default", self.spec.project_flag, flag)
