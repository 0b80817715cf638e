"""The pages of a deployment in Google Cloud's console and in DT Studio, as URLs. Pure.

Sources of the forms:

* the function: gcloud prints ``https://console.cloud.google.com/functions/details/REGION/NAME?project=PROJECT`` after
  ``gcloud functions deploy``; the console itself adds ``env=gen2``;
* the log: https://cloud.google.com/logging/docs/view/building-queries (the query is one encoded part of the path);
* topics and subscriptions: the addresses that the console shows, as many public repositories quote them;
* DT Studio: public repositories link ``https://studio.disruptive-technologies.com/projects/PROJECT``. The address of
  the page of a Data Connector could not be established, so the link leads to the project, and ``then`` says where to
  click.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from deploy.spec import Spec

CONSOLE = "https://console.cloud.google.com"
STUDIO = "https://studio.disruptive-technologies.com"


@dataclass(frozen=True, slots=True)
class Link:
    """One page: what it shows, in words, and its URL. ``then``: where to click on the page; often empty."""

    what: str
    url: str
    then: str = ""

    def as_json(self) -> dict[str, str]:
        """Return the link as ``--json`` prints it."""
        return {"what": self.what, "url": self.url, "then": self.then}


def links(spec: Spec, connectors: Mapping[str, Sequence[str]]) -> tuple[Link, ...]:
    """Return the pages of the function, its log, both topics, both subscriptions, each DT project, and others.

    There is a dashboard if there are alerts, and a dataset if events are stored in BigQuery.

    ``connectors``: by DT project, the display names of this deployment's connectors.
    """
    query = f'resource.type="cloud_run_revision" AND resource.labels.service_name="{spec.name}"'
    pubsub = [
        Link(f"{kind} {name}", _console(spec, f"cloudpubsub/{kind}/detail/{_part(name)}"))
        for name in (spec.topic, spec.rejected_topic)
        for kind in ("topic", "subscription")
    ]
    return (
        Link("function", _console(spec, f"functions/details/{_part(spec.region)}/{_part(spec.name)}", "env=gen2")),
        Link("its log", _console(spec, f"logs/query;query={_part(query)}")),
        *pubsub,
        *(
            Link(f"connector in {project}", f"{STUDIO}/projects/{_part(project)}", _in_studio(names))
            for project, names in connectors.items()
        ),
        *(
            [Link("dashboard", _console(spec, f"monitoring/dashboards/builder/{_part(spec.dashboard)}"))]
            * spec.alerts.are_on
        ),
        *([_dataset(spec)] if spec.bigquery.is_on else []),
    )


def _dataset(spec: Spec) -> Link:
    dataset = str(spec.bigquery.dataset)
    place = (f"p={_part(spec.google_project)}", f"d={_part(dataset)}", "page=dataset")
    return Link(f"dataset {dataset}", _console(spec, "bigquery", *place))


def _console(spec: Spec, path: str, *parameters: str) -> str:
    return f"{CONSOLE}/{path}?{'&'.join((*parameters, f'project={_part(spec.google_project)}'))}"


def _in_studio(names: Sequence[str]) -> str:
    return " > ".join(("API Integrations", "Data Connectors", *([" and ".join(names)] if names else [])))


def _part(text: str) -> str:
    """Encode one part of a URL. A colon, as in ``example.com:project``, is encoded, too."""
    return quote(text, safe="")
