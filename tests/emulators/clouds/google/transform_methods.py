"""The methods that try transforms before they are used: ``gcloud pubsub message-transforms validate`` and ``test``."""

import base64
from collections.abc import Callable
from typing import Any

from tests.emulators.clouds.exchange import Json, Request, Route
from tests.emulators.clouds.google import transforms
from tests.emulators.clouds.google.collection import checked
from tests.emulators.clouds.google.estate import Estate
from tests.emulators.clouds.google.problems import invalid
from tests.emulators.clouds.google.strict import ANY, strict
from tests.emulators.pubsub import limits

_TRANSFORM: Json = {"disabled": None, "enabled": None, "javascriptUdf": {"functionName": None, "code": None}}
_TESTED: Json = {"message": ANY, "messageTransforms": {"messageTransforms": None}, "subscription": None, "topic": None}


class TransformMethods:
    """``transforms_of``: returns the transforms of a topic or subscription. Raises ``Problem`` if it does not exist."""

    def __init__(self, estate: Estate, transforms_of: Callable[[str], list[Json]]) -> None:
        self._estate = estate
        self._transforms_of = transforms_of

    def routes(self) -> list[Route]:
        """Return the routes of the methods."""
        validate, test = (
            f"/v1/projects/{{project}}:{verb}" for verb in ("validateMessageTransform", "testMessageTransforms")
        )
        return [
            strict(Route("POST", validate, self._validate), (), {"messageTransform": _TRANSFORM}),
            strict(Route("POST", test, self._test), (), _TESTED),
        ]

    def _validate(self, request: Request, project: str) -> Json:
        self._estate.check_project(project)
        _check([request.json().get("messageTransform") or {}])
        return {}

    def _test(self, request: Request, project: str) -> Json:
        """Return what becomes of a message after each transform, until one filters it out or fails."""
        self._estate.check_project(project)
        body = request.json()
        wanted: list[Json] = (body.get("messageTransforms") or {}).get("messageTransforms") or []
        if name := body.get("subscription") or body.get("topic"):
            wanted = self._transforms_of(name)
        if not wanted:
            raise invalid("Message transforms to test have to be given.")
        _check(wanted)
        sent = body.get("message") or {}
        text = base64.b64decode(sent.get("data", "")).decode(errors="replace")
        message: Json | None = {"data": text, "attributes": sent.get("attributes") or {}}
        results: list[Json] = []
        for transform in wanted:
            if message is None:
                break
            result, message = _after(transform, message)
            results.append(result)
        return {"transformedMessages": results}


def _check(wanted: list[Json]) -> None:
    checked(limits.check_transforms, [(one.get("javascriptUdf") or {}).get("code", "") for one in wanted])
    transforms.check(wanted)


def _after(transform: Json, message: Json) -> tuple[Json, Json | None]:
    """Return what the answer says of one transform, and the message after it."""
    try:
        changed = transforms.transformed([transform], message, {})
    except transforms.TransformFailed as error:
        return {"failedMessage": {"error": {"code": 3, "message": str(error)}}}, None
    if changed is None:
        return {"filteredMessage": {}}, None
    shown: dict[str, Any] = {**changed, "data": base64.b64encode(changed["data"].encode()).decode()}
    return {"transformedMessage": shown}, changed
