"""The JavaScript that subscriptions and topics run on messages, in V8: https://cloud.google.com/pubsub/docs/smts/udfs-overview.

Needs the package mini-racer. The texts of refusals are from memory. A function gets only what ECMAScript has.
"""

import atexit
import importlib
import json
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from tests.emulators.clouds.exchange import Json
from tests.emulators.clouds.google.problems import Problem, invalid

LONGEST_RUN_S = 5.0
"""How long a function may take for a message. Pub/Sub gives it 0.5 s; a busy machine needs longer for the same work."""


class TransformFailed(Exception):
    """A function threw, took too long, or returned something else than a message."""


def check(transforms: Sequence[Json]) -> None:
    """Refuse transforms whose code is no JavaScript, or does not have their function. Raises ``Problem``."""
    for transform in transforms:
        udf = transform.get("javascriptUdf") or {}
        try:
            _engine().define(udf.get("functionName", ""), udf.get("code", ""))
        except TransformFailed as error:
            raise invalid(f"Invalid JavaScript UDF: {error}") from error


def transformed(transforms: Sequence[Json], message: Json, metadata: Mapping[str, str]) -> Json | None:
    """Return a message after all transforms that are on, or None if one of them filters it out.

    ``message``: ``data`` as text, and ``attributes``. Raises ``TransformFailed``.
    """
    for transform in transforms:
        if transform.get("disabled"):
            continue
        udf = transform["javascriptUdf"]
        result = _engine().run(udf["functionName"], udf["code"], message, metadata)
        if result is None:
            return None
        message = _checked(result)
    return message


def _checked(result: Any) -> Json:
    if not isinstance(result, dict) or not isinstance(result.get("data"), str):
        raise TransformFailed("The UDF has to return null, or an object with data of type string.")
    attributes = result.get("attributes") or {}
    if not isinstance(attributes, dict) or not all(isinstance(value, str) for value in attributes.values()):
        raise TransformFailed("The attributes that the UDF returned have to be an object of strings.")
    return {"data": result["data"], "attributes": attributes}


class _Engine:
    """One V8. A function is defined once, in a scope of its own."""

    def __init__(self, racer: Any) -> None:
        self._racer = racer
        self._v8 = racer.MiniRacer()
        self._v8.eval("var defined = [];")
        self._places: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()
        atexit.register(self._v8.close)  # because its own end can hang after that of the interpreter

    def define(self, name: str, code: str) -> int:
        """Return the place of a function, which is defined if it is new. Raises ``TransformFailed``."""
        with self._lock:
            if (name, code) not in self._places:
                if not name.isidentifier() and not name.replace("$", "_").isidentifier():
                    raise TransformFailed(f"{name!r} cannot be the name of a function.")
                last = f"return typeof {name} === 'function' ? {name} : null;"
                found = self._eval(f"defined.push((function () {{ {code}\n{last} }})())")
                if self._eval(f"defined[{found - 1}] === null"):
                    raise TransformFailed(f"The code does not have the function {name}.")
                self._places[name, code] = found - 1
            return self._places[name, code]

    def run(self, name: str, code: str, message: Json, metadata: Mapping[str, str]) -> Any:
        """Return what a function returns for a message. Raises ``TransformFailed``."""
        place = self.define(name, code)
        with self._lock:
            call = f"JSON.stringify(defined[{place}]({json.dumps(message)}, {json.dumps(dict(metadata))}))"
            result = self._eval(call)
        return json.loads(result) if isinstance(result, str) else result

    def _eval(self, code: str) -> Any:
        try:
            return self._v8.eval(code, timeout_sec=LONGEST_RUN_S)
        except self._racer.JSEvalException as error:
            raise TransformFailed(str(error).strip().partition("\n")[0]) from error


@cache
def _engine() -> _Engine:
    try:
        return _Engine(importlib.import_module("py_mini_racer"))
    except ModuleNotFoundError as error:
        raise Problem("UNIMPLEMENTED", "Message transforms are only played with the package mini-racer.") from error
