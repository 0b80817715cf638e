"""The reference: DT's page on Google Cloud Functions for the check, Google's publisher sample for the rest."""

import os

import flask
import functions_framework
from google.cloud import pubsub_v1  # type: ignore[import-untyped]

from tests.bench.variants.check import is_genuine

publisher = pubsub_v1.PublisherClient()


@functions_framework.http
def reference(request: flask.Request) -> flask.typing.ResponseReturnValue:
    """Check, publish, wait."""
    if not is_genuine(request):
        return "Could not verify request.", 400
    future = publisher.publish(os.environ["PUBSUB_TOPIC"], request.get_data())
    return {"messageId": future.result()}
