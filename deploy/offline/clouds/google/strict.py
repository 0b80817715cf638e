"""What Google's front ends refuse before an API sees it: fields and query parameters that it does not have.

Sentences as Google's JSON transcoder has them: https://google.aip.dev/127 and the system parameters on
https://cloud.google.com/apis/docs/system-parameters.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from deploy.offline.clouds.exchange import Json, Request, Route
from deploy.offline.clouds.google.problems import invalid

SYSTEM_PARAMETERS = frozenset(
    {
        *("$.xgafv", "$alt", "$prettyPrint", "access_token", "alt", "callback", "fields", "key", "oauth_token"),
        *("prettyPrint", "quotaUser", "uploadType", "upload_protocol"),
    }
)
ANY: Mapping[str, Any] = {}
"""The fields of an object that may have any, such as labels."""
POLICY: Json = {"policy": {"version": None, "bindings": None, "etag": None, "auditConfigs": None}, "updateMask": None}
PAGED = ("pageSize", "pageToken", "filter")


def strict(route: Route, parameters: Iterable[str] = (), fields: Mapping[str, Any] | None = None) -> Route:
    """Let a route refuse what is not among these query parameters and these fields of the body.

    ``fields``: the value of a name is the fields of that object, or None for what is no object; None for no check.
    """
    known = SYSTEM_PARAMETERS | set(parameters)

    def checked(request: Request, **parts: str) -> Any:
        check_parameters(request, known)
        if fields is not None:
            check_fields(request.json(), fields)
        return route.handler(request, **parts)

    return replace(route, handler=checked)


def check_parameters(request: Request, known: Iterable[str]) -> None:
    """Refuse a query parameter that is not known."""
    for name in sorted(request.query.keys() - set(known)):
        if not name.startswith("options."):  # of getIamPolicy
            raise invalid(
                f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter. '
                f"Field '{name}' could not be found in request message."
            )


def check_fields(asked: Json, fields: Mapping[str, Any], place: str = "") -> None:
    """Refuse a field that is not known, at any depth."""
    for name, value in asked.items():
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
