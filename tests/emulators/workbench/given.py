"""The settings of the workbench's function: those of the environment, and the workbench's own for the others."""

from collections.abc import Mapping
from dataclasses import dataclass

from function.settings_names import meant_setting

PROJECT = "offline"
DEFAULT_TOPICS = {
    "PUBSUB_TOPIC": f"projects/{PROJECT}/topics/events",
    "PUBSUB_REJECTED_TOPIC": f"projects/{PROJECT}/topics/rejected",
}
SECRET = "DT_SIGNATURE_SECRET"  # the name of a setting
OF_PUBSUB = "PUBSUB_EMULATOR_HOST"
"""This setting chooses the Pub/Sub: see ``backend``."""

SETTINGS = (
    *DEFAULT_TOPICS,
    SECRET,
    "DT_SIGNATURE_SECRET_FILE",
    "DT_ORGANIZATION_ID",
    "DT_ISSUER",
    "DT_PROJECT_IDS",
    "LABEL_ATTRIBUTES",
    "ORDERING_KEY",
    "CLOUDEVENTS",
    "MAX_BODY_BYTES",
    "PUBLISH_TIMEOUT_SECONDS",
    "CLOCK_LEEWAY_SECONDS",
    "LOG_LEVEL",
    "LOG_DELIVERED",
    "GOOGLE_CLOUD_PROJECT",
)
"""The settings that the function gets from the environment, in the order of docs/reference.md."""

_OF_OTHERS = {"DT_PROJECT"}
"""Variables that resemble a setting, but that docs/by-hand.md sets for its own commands."""


@dataclass(frozen=True, slots=True)
class Given:
    """``from_environ``: settings of the environment, and misspelt ones, which the function refuses."""

    from_environ: Mapping[str, str]
    own_secret: str

    @classmethod
    def of(cls, environ: Mapping[str, str], own_secret: str) -> "Given":
        """Return the settings of environment variables. A blank variable counts as unset.

        ``own_secret``: the secret if the environment has none.
        """
        known = (*SETTINGS, OF_PUBSUB)
        settings = {name: environ[name] for name in SETTINGS if environ.get(name, "").strip()}
        others = sorted(environ.keys() - {*known} - _OF_OTHERS)
        return cls({**settings, **{name: environ[name] for name in others if meant_setting(name, known)}}, own_secret)

    @property
    def secret(self) -> str:
        """The secret that signs requests: the newest one of the environment, or the workbench's own."""
        lines = self.from_environ.get(SECRET, self.own_secret).strip().splitlines()
        return lines[0].strip().strip("\ufeff")

    def settings(self, host: str) -> dict[str, str]:
        """Return all settings of the function that publishes to the Pub/Sub at this address."""
        return {**DEFAULT_TOPICS, SECRET: self.own_secret, **self.from_environ, OF_PUBSUB: host}

    def topic(self, name: str) -> str:
        """Return the full name of the topic of this setting."""
        text = self.from_environ.get(name, DEFAULT_TOPICS[name]).strip()
        project = self.from_environ.get("GOOGLE_CLOUD_PROJECT", "").strip()
        return text if text.startswith("projects/") else f"projects/{project}/topics/{text}"

    def shown(self) -> str:
        """Return the settings of the environment as text, without the secret."""
        shown = [f"{name}={value}" for name, value in self.from_environ.items() if name != SECRET]
        return f"{' '.join(shown)}, from the environment" if shown else "none in the environment"
