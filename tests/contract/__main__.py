"""``python -m tests.contract``: write docs/schema/ and docs/asyncapi.json, remove old files; write transforms.json."""

import sys
from pathlib import Path

from deploy.bigquery.transform import FILE, transforms_text
from tests.contract.files import generated

DOCS = Path(__file__).parents[2] / "docs"


def write(docs: Path) -> int:
    """Write all files below ``docs``, and return how many there are."""
    files = generated()
    for path in (docs / "schema").rglob("*.json"):
        if path.relative_to(docs).as_posix() not in files:
            path.unlink()
    for name, text in files.items():
        path = docs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8", newline="\n")
    return len(files)


if __name__ == "__main__":
    Path(FILE).write_text(transforms_text(), "utf-8", newline="\n")
    sys.stdout.write(f"{write(DOCS)} files written: docs/schema/ and docs/asyncapi.json; and {Path(FILE).name}\n")
