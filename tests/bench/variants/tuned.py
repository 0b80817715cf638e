"""The reference with the settings that the libraries' pages suggest: no wait for a batch, and a limit for every wait.

``contestants`` sets its ``THREADS``: as many as Cloud Run sends requests at a time.
"""

import os

import flask
import functions_framework
from google.cloud import pubsub_v1  # type: ignore[import-untyped]

from tests.bench.variants.check import is_genuine

ANSWER_S = 8.0
"""Seconds; DT gives up after 10."""

publisher = pubsub_v1.PublisherClient(batch_settings=pubsub_v1.types.BatchSettings(max_latency=0))


@functions_framework.http
def tuned(request: flask.Request) -> flask.typing.ResponseReturnValue:
    """Check, publish without delay, wait for a while."""
    if not is_genuine(request):
        return "Could not verify request.", 400
    future = publisher.publish(os.environ["PUBSUB_TOPIC"], request.get_data())
    return {"messageId": future.result(timeout=ANSWER_S)}
