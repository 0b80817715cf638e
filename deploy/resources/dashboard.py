"""The dashboard of a deployment. Its id is fixed, and names the deployment."""

from dataclasses import dataclass
from typing import ClassVar

from deploy.resources.alert_definitions import dashboard_of
from deploy.resources.alerting import MONITORING, Alerting, Found, step_of
from deploy.resources.own_fields import differences, merged
from deploy.resources.resource import Facts
from deploy.spec import MARK, Spec, last_segment
from deploy.steps import Get, ResourceId, RestCall, Step

PART = "the page"


@dataclass(frozen=True, slots=True)
class Dashboard(Alerting):
    """One dashboard with the metrics of both ends of the function."""

    services: ClassVar[tuple[str, ...]] = (MONITORING,)
    permissions: ClassVar[tuple[str, ...]] = (
        "monitoring.dashboards.create",
        "monitoring.dashboards.delete",
        "monitoring.dashboards.list",
        "monitoring.dashboards.update",
    )
    key: ClassVar[str] = "dashboards"

    @property
    def id(self) -> ResourceId:
        """The id of the dashboard."""
        return ResourceId("dashboard", dashboard_id(self.spec))

    def part(self, name: str) -> ResourceId:
        """Return the id of the dashboard, which has no parts."""
        del name
        return self.id

    @property
    def listing(self) -> Get:
        """The request that lists the dashboards of the project."""
        return Get(f"https://{MONITORING}/v1/projects/{self.spec.google_project}/dashboards", "dashboards")

    def part_of(self, found: Found) -> str:
        """Return ``PART`` if the id of a dashboard names this deployment, else ""."""
        return PART if last_segment(str(found.get("name", ""))) == dashboard_id(self.spec) else ""

    def url_of(self, found: Found) -> str:
        """Return the URL of the dashboard."""
        del found
        return f"{self.listing.url}/{dashboard_id(self.spec)}"

    def plan_parts(self, facts: Facts) -> tuple[Step, ...]:
        """Return the step of the dashboard. A dashboard is replaced whole, so an update keeps its other fields."""
        found = dict(self.ours(facts)).get(PART)
        name = f"projects/{self.spec.google_project}/dashboards/{dashboard_id(self.spec)}"
        wanted = dashboard_of(self.spec)
        if found is None:
            call = RestCall("POST", self.listing.url, {"name": name, **wanted})
            return (step_of(self.id, (), call, is_there=False, kept=""),)
        call = RestCall("PATCH", self.url_of(found), merged(wanted, found))
        return (step_of(self.id, differences(wanted, found), call, is_there=True, kept="shows what it should"),)

    def surplus(self, facts: Facts) -> list[tuple[str, Found, str]]:
        """Return nothing: there can be only one dashboard of this id."""
        del facts
        return []


def dashboard_id(spec: Spec) -> str:
    """Return the id of a deployment's dashboard."""
    return f"{MARK}-{spec.name}"
