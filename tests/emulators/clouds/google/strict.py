"""Refuses unknown fields and query parameters, as Google's front ends do before an API gets a request.

The messages are those of Google's JSON transcoder: https://google.aip.dev/127 and the system parameters on
https://cloud.google.com/apis/docs/system-parameters.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from tests.emulators.clouds.exchange import Json, Request, Route
from tests.emulators.clouds.google.problems import invalid

SYSTEM_PARAMETERS = frozenset(
    {
        *("$.xgafv", "$alt", "$prettyPrint", "access_token", "alt", "callback", "fields", "key", "oauth_token"),
        *("prettyPrint", "quotaUser", "uploadType", "upload_protocol"),
    }
)
ANY: Mapping[str, Any] = {}
"""The fields of an object that may have any fields, such as labels."""
POLICY: Json = {"policy": {"version": None, "bindings": None, "etag": None, "auditConfigs": None}, "updateMask": None}
PAGED = ("pageSize", "pageToken", "filter")


def strict(route: Route, parameters: Iterable[str] = (), fields: Mapping[str, Any] | None = None) -> Route:
    """Return a route that refuses other query parameters than these, and other fields of the body than these.

    ``fields``: the known fields by name, each with the fields of its own object, or with None if it is no object. If
    ``fields`` is None, the body is not checked.
    """
    known = SYSTEM_PARAMETERS | set(parameters)

    def checked(request: Request, **parts: str) -> Any:
        check_parameters(request, known)
        if fields is not None:
            check_fields(request.json(), fields)
        return route.handler(request, **parts)

    return replace(route, handler=checked)


def check_parameters(request: Request, known: Iterable[str]) -> None:
    """Refuse unknown query parameters."""
    for name in sorted(request.query.keys() - set(known)):
        if not name.startswith("options."):  # parameters of getIamPolicy
            raise invalid(
                f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter. '
                f"Field '{name}' could not be found in request message."
            )


def check_fields(body: Json, fields: Mapping[str, Any], place: str = "") -> None:
    """Refuse unknown fields, at any depth."""
    for name, value in body.items():
        if name not in fields:
            where = f" at '{place}'" if place else ""
            raise invalid(f'Invalid JSON payload received. Unknown name "{name}"{where}: Cannot find field.')
        inner = fields[name]
        if inner and value is not None:
            if not isinstance(value, dict):
                path = f"{place}.{name}".lstrip(".")
                raise invalid(f"Invalid value at '{path}' (type.googleapis.com/google.protobuf.Struct), {value!r}")
            check_fields(value, inner, f"{place}.{name}".lstrip("."))


Handler = Callable[..., Any]
