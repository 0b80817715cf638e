"""The routines and models of datasets. A deployment makes none, so they are only listed, and go with their dataset.

https://cloud.google.com/bigquery/docs/reference/rest/v2/routines/list and …/v2/models/list
"""

from tests.emulators.clouds.exchange import Json, Request
from tests.emulators.clouds.google.bigquery.catalog import Catalog, page_of

_SHOWN: dict[str, Json] = {
    "routine": {"etag": "made", "routineType": "SCALAR_FUNCTION", "language": "SQL"},
    "model": {"modelType": "ARIMA_PLUS"},
}
"""What a list shows of a routine or a model, beside its reference and its times."""


class Extras:
    """The routines and models of the project."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def add(self, kind: str, dataset: str, name: str) -> None:
        """Put a routine or a model into a dataset, as somebody else does. ``kind``: ``routine`` or ``model``."""
        self._catalog.dataset(dataset)
        reference = {"projectId": self._catalog.estate.project, "datasetId": dataset, f"{kind}Id": name}
        times = {"creationTime": "1700000000000", "lastModifiedTime": "1700000000000"}
        self._catalog.extras[kind, dataset, name] = {f"{kind}Reference": reference, **_SHOWN[kind], **times}

    def routines(self, request: Request, project: str, dataset: str) -> Json:
        """Return one page of the routines of a dataset."""
        del project
        return self._page("routine", dataset, request)

    def models(self, request: Request, project: str, dataset: str) -> Json:
        """Return one page of the models of a dataset."""
        del project
        return self._page("model", dataset, request)

    def _page(self, kind: str, dataset: str, request: Request) -> Json:
        self._catalog.dataset(dataset)
        items = [self._catalog.extras[key] for key in self._catalog.extras_of(dataset) if key[0] == kind]
        shown, more = page_of(items, request)
        return {**({f"{kind}s": shown} if shown else {}), **more}
