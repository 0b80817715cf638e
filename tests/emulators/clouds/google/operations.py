"""Long-running operations, by full name."""

import threading
from typing import Any

from tests.emulators.clouds.exchange import Json
from tests.emulators.clouds.google.problems import Problem, not_found


class Operations:
    """The operations of one API. They are never removed."""

    def __init__(self) -> None:
        self._operations: dict[str, Json] = {}
        self._lock = threading.Lock()

    def start(self, name: str, metadata: Json) -> Json:
        """Begin an operation, and return it."""
        with self._lock:
            self._operations[name] = {"name": name, "metadata": metadata, "done": False}
            return dict(self._operations[name])

    def note(self, name: str, **metadata: Any) -> None:
        """Change the metadata of an operation."""
        with self._lock:
            before = self._operations[name]
            self._operations[name] = {**before, "metadata": {**before["metadata"], **metadata}}

    def end(self, name: str, outcome: Json | Problem) -> None:
        """End an operation with its response or an error."""
        result = {"error": outcome.of_operation()} if isinstance(outcome, Problem) else {"response": outcome}
        with self._lock:
            self._operations[name] = {**self._operations[name], "done": True, **result}

    def done(self, name: str, response: Json, metadata: Json | None = None) -> Json:
        """Begin an operation, end it at once, and return it."""
        self.start(name, metadata or {})
        self.end(name, response)
        return self.get(name)

    def get(self, name: str) -> Json:
        """Return an operation in its current state."""
        with self._lock:
            if name not in self._operations:
                raise not_found(f"Operation {name} not found.")
            return dict(self._operations[name])
