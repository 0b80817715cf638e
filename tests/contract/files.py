"""The generated files: path below docs/ -> text. Pure."""

import json
from typing import Any

from tests.contract.asyncapi import document
from tests.contract.examples import examples
from tests.contract.schemas import schemas


def generated() -> dict[str, str]:
    """Return the text of every file that ``make schema`` writes, by its path below docs/."""
    bodies = examples()
    made = schemas({event_type: [*named.values()] for event_type, named in bodies.items()})
    titles = {event_type: made[event_type]["description"] for event_type in bodies}
    return {
        **{f"schema/{name}.json": _text(schema) for name, schema in made.items()},
        **{
            f"schema/examples/{event_type}.{name}.json": _text(body)
            for event_type, named in bodies.items()
            for name, body in named.items()
        },
        "asyncapi.json": _text(document(bodies, titles)),
    }


def _text(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
