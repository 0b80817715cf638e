"""Long-running operations, by full name."""

import threading
from typing import Any

from deploy.offline.clouds.exchange import Json
from deploy.offline.clouds.google.problems import Problem, not_found


class Operations:
    """Operations of one API; they are kept for good."""

    def __init__(self) -> None:
        self._operations: dict[str, Json] = {}
        self._lock = threading.Lock()

    def start(self, name: str, metadata: Json) -> Json:
        """Begin one that is not done."""
        with self._lock:
            self._operations[name] = {"name": name, "metadata": metadata, "done": False}
            return dict(self._operations[name])

    def note(self, name: str, **metadata: Any) -> None:
        """Change what is said of one on its way."""
        with self._lock:
            before = self._operations[name]
            self._operations[name] = {**before, "metadata": {**before["metadata"], **metadata}}

    def end(self, name: str, outcome: Json | Problem) -> None:
        """End one, with its result or an error."""
        told = {"error": outcome.of_operation()} if isinstance(outcome, Problem) else {"response": outcome}
        with self._lock:
            self._operations[name] = {**self._operations[name], "done": True, **told}

    def done(self, name: str, response: Json, metadata: Json | None = None) -> Json:
        """Begin one and end it at once."""
        self.start(name, metadata or {})
        self.end(name, response)
        return self.get(name)

    def get(self, name: str) -> Json:
        """Give one as it is now."""
        with self._lock:
            if name not in self._operations:
                raise not_found(f"Operation {name} not found.")
            return dict(self._operations[name])
