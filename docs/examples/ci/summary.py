"""Print a report of ``python -m deploy … --json`` as Markdown: ``python summary.py REPORT.json``.

It prints names and reasons. It prints no commands and no values of settings, because a summary has more readers than a
log. A report never contains a secret.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

SIGNS = {"create": "+", "update": "~", "delete": "-"}


def summary(report: Mapping[str, Any]) -> str:
    """Return the Markdown of a report. All texts are in a code block, so that no name in it acts as Markdown."""
    body = [*_steps(report), *_results(report), *_error(report)]
    lines = [line for text in body for line in text.splitlines()]
    return "\n".join([f"### dt-pubsub: {_head(report)}", "", *(f"    {line}" for line in lines), ""])


def _head(report: Mapping[str, Any]) -> str:
    if report["error"]:
        return "failed"
    if not report["changes"]:
        return "nothing to change"
    count = f"{report['changes']} {'change' if report['changes'] == 1 else 'changes'}"
    return f"{count} made" if report["done"] else f"{count} planned"


def _steps(report: Mapping[str, Any]) -> Iterator[str]:
    for step in report["steps"] or []:
        if step["action"] in SIGNS:
            settings = ", ".join(change["setting"] for change in step["changes"])
            yield f"{SIGNS[step['action']]} {step['action']}  {step['resource']}  {settings or step['reason']}"


def _results(report: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"done      {resource}" for resource in report["done"] or [])
    yield from (f"left      {step['resource']}" for step in report["left"] or [])
    yield from (f"verified  DT project {proof['dtProject']}" for proof in report["verified"] or [])


def _error(report: Mapping[str, Any]) -> Iterator[str]:
    if error := report["error"]:
        yield f"error: {error['where']}: {error['what']}" if error["where"] else f"error: {error['what']}"
        yield from (f"{head}: {line}" for head in ("fix", "hint") for line in error.get(head, ()))
        yield from (f"look at: {line}" for line in error["lookAt"])


if __name__ == "__main__":
    sys.stdout.write(summary(json.loads(Path(sys.argv[1]).read_text("utf-8"))))
