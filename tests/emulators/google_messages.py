"""Reads message types out of the clients that Google generates for gcloud, and writes them as a JSON Schema.

``python -m tests.emulators.google_messages`` writes ``clouds/google/message_types.json`` anew. The types are read
from the source of the clients, without importing it: gcloud's own packages are not those of this repository.
"""

import ast
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

STORED = Path(__file__).parent / "clouds" / "google" / "message_types.json"
ROOTS = {
    "AlertPolicy": "monitoring/v3/monitoring_v3_messages.py",
    "NotificationChannel": "monitoring/v3/monitoring_v3_messages.py",
    "Dashboard": "monitoring/v1/monitoring_v1_messages.py",
    "LogMetric": "logging/v2/logging_v2_messages.py",
    "Dataset": "bigquery/v2/bigquery_v2_messages.py",
    "Table": "bigquery/v2/bigquery_v2_messages.py",
    "QueryRequest": "bigquery/v2/bigquery_v2_messages.py",
    "JobConfigurationQuery": "bigquery/v2/bigquery_v2_messages.py",
}
"""The types that are stored, and where gcloud has them."""

_PLAIN = {"StringField": "string", "BooleanField": "boolean", "BytesField": "string", "FloatField": "number"}


def clients_folder() -> Path | None:
    """Return the folder with the clients of the installed gcloud; None if there is none."""
    gcloud = shutil.which("gcloud")
    if gcloud is None:
        return None
    sdk = Path(gcloud).resolve().parents[1]
    folder = sdk / "lib" / "googlecloudsdk" / "generated_clients" / "apis"
    return folder if folder.is_dir() else None


def schema_of(folder: Path) -> dict[str, Any]:
    """Return the JSON Schema of all stored types and of the types that they use."""
    kinds: dict[str, Any] = {}
    for root, path in ROOTS.items():
        api = Path(path).stem.removesuffix("_messages")  # two APIs have types of one name
        classes = _classes(ast.parse((folder / path).read_text("utf-8")))
        for name in _reachable(root, classes):
            kinds[f"{api}.{name}"] = _message(classes[name], classes, api)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": dict(sorted(kinds.items()))}


def _classes(module: ast.Module) -> dict[str, ast.ClassDef]:
    """Return the types by name, and those within others that are messages: their names are used in no other type."""
    outer = [node for node in module.body if isinstance(node, ast.ClassDef)]
    inner = [line for node in outer for line in node.body if isinstance(line, ast.ClassDef) and _is_entry(line)]
    return {node.name: node for node in (*inner, *outer)}


def _is_entry(node: ast.ClassDef) -> bool:
    return node.name.endswith("Entry")


def _reachable(root: str, classes: Mapping[str, ast.ClassDef]) -> list[str]:
    names, place = [root], 0
    while place < len(names):
        for _, call in _fields(classes[names[place]]):
            of = _type_name(call)
            if of in classes and of not in names and call.func.attr == "MessageField":  # type: ignore[attr-defined]
                names.append(of)
        place += 1
    return names


def _fields(node: ast.ClassDef) -> Iterator[tuple[str, ast.Call]]:
    for line in node.body:
        if isinstance(line, ast.Assign) and isinstance(line.value, ast.Call) and isinstance(line.targets[0], ast.Name):
            yield line.targets[0].id.rstrip("_"), line.value


def _type_name(call: ast.Call) -> str:
    first = call.args[0] if call.args else None
    return str(first.value) if isinstance(first, ast.Constant) else ""


def _message(node: ast.ClassDef, classes: Mapping[str, ast.ClassDef], api: str) -> dict[str, Any]:
    inner = {line.name: line for line in node.body if isinstance(line, ast.ClassDef)}
    properties = {name: _field(call, {**classes, **inner}, api) for name, call in _fields(node)}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _field(call: ast.Call, classes: Mapping[str, ast.ClassDef], api: str) -> dict[str, Any]:
    keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    one = _one(call, keywords.get("variant", ""), classes, api)
    return {"type": "array", "items": one} if keywords.get("repeated") == "True" else one


def _one(call: ast.Call, variant: str, classes: Mapping[str, ast.ClassDef], api: str) -> dict[str, Any]:
    kind, of = ast.unparse(call.func).rpartition(".")[2], _type_name(call)
    if kind == "EnumField":
        return {"enum": [name for name, _ in _enum(classes[of])]}
    if kind == "MessageField" and of in classes:
        is_map = any(isinstance(line, ast.ClassDef) and line.name == "AdditionalProperty" for line in classes[of].body)
        return {"type": "object"} if is_map else {"$ref": f"#/$defs/{api}.{of}"}
    if kind == "IntegerField":
        return {"type": "integer"} if "32" in variant else {"type": ["integer", "string"]}
    return {"type": _PLAIN[kind]} if kind in _PLAIN else {}


def _enum(node: ast.ClassDef) -> Iterator[tuple[str, int]]:
    for line in node.body:
        if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name):
            yield line.targets[0].id, ast.literal_eval(line.value)


if __name__ == "__main__":
    found = clients_folder()
    if found is None:
        raise SystemExit("there is no gcloud here")
    STORED.write_text(json.dumps(schema_of(found), indent=1) + "\n", "utf-8")
