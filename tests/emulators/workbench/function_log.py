"""The function's log while it grows: new lines for the terminal, and the fields of the line of a request."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MOST_LINES = 1000
"""The lines of this many requests are remembered."""

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line. ``fields``: its JSON object, or none if it is other text. ``request``: the id of its request, or ''."""

    text: str
    fields: Fields
    request: str

    def readable(self) -> str:
        """Return the line as ``gcloud functions logs read`` shows it. Text that is not the function's is unchanged."""
        if not {"severity", "message"} <= self.fields.keys():
            return self.text
        stack = f"\n{self.fields['stack_trace']}" if "stack_trace" in self.fields else ""
        return f"{str(self.fields['severity'])[:1]}  {self.fields['message']}{stack}"


class FunctionLog:
    """Reads a file that the function appends to."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._rest = b""
        self._by_request: dict[str, LogLine] = {}

    def new_lines(self) -> list[LogLine]:
        """Return the complete lines that came since the last call."""
        *complete, self._rest = (self._rest + self._file.read()).split(b"\n")
        lines = [_line(line) for line in complete]
        self._by_request |= {line.request: line for line in lines if line.request}
        while len(self._by_request) > MOST_LINES:
            del self._by_request[next(iter(self._by_request))]
        return lines

    def of_request(self, request: str) -> Fields:
        """Return the fields of the line of this request, if it has been read; otherwise no fields."""
        line = self._by_request.get(request)
        return line.fields if line else {}

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _line(data: bytes) -> LogLine:
    fields = _fields(data)
    labels = fields.get("logging.googleapis.com/labels")
    request = str(labels.get("execution_id", "")) if isinstance(labels, dict) and "status" in fields else ""
    return LogLine(data.decode("utf-8", "replace"), fields, request)


def _fields(line: bytes) -> Fields:
    try:
        read = json.loads(line)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}
