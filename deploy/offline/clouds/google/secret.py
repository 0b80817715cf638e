"""One secret with its versions. ``latest`` is the newest version, in force or not, as in Secret Manager."""

from dataclasses import dataclass, field

from deploy.offline.clouds.exchange import Json
from deploy.offline.clouds.google.estate import timestamp
from deploy.offline.clouds.google.problems import not_found, precondition


@dataclass
class Version:
    """One value; ``state`` is ENABLED, DISABLED or DESTROYED."""

    number: int
    data: bytes = field(repr=False)
    state: str = "ENABLED"
    created_at: str = field(default_factory=timestamp)


@dataclass
class Secret:
    """A secret: its settings as the API gives them, and its versions, oldest first."""

    settings: Json
    versions: list[Version] = field(default_factory=list)

    def name_of(self, version: int | str) -> str:
        """Give the full name of a version."""
        return f"{self.settings['name']}/versions/{version}"

    def add(self, data: bytes) -> Version:
        """Add the newest version."""
        self.versions.append(Version(len(self.versions) + 1, data))
        return self.versions[-1]

    def version(self, asked: str) -> Version:
        """Find a version by its number, or ``latest``; raises ``Problem``."""
        wanted = str(len(self.versions)) if asked == "latest" else asked
        for each in self.versions:
            if str(each.number) == wanted:
                return each
        raise not_found(f"Secret Version [{self.name_of(asked)}] not found.")

    def readable(self, asked: str) -> Version:
        """Find a version that is in force; raises ``Problem``."""
        found = self.version(asked)
        if found.state != "ENABLED":
            raise precondition(f"Secret Version [{self.name_of(found.number)}] is in {found.state} state.")
        return found
