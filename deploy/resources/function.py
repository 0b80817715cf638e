"""The function: its source and its settings."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from deploy.resources.resource import Facts, Reads, foreign, label_changes, label_words
from deploy.spec import FUNCTION_DEFAULTS, MARK, SECRET_FOLDER, SOURCE_LABEL, Spec, amount, seconds
from deploy.steps import Argv, Change, GcloudCall, Step, create, delete, keep, update

ENTRY_POINT = "ingest"


@dataclass(frozen=True, slots=True)
class Tunable:
    """A setting that may be left to others: it is compared only where deploy.toml, a flag or a variable mentions it."""

    name: str
    flag: str
    find: Callable[[Facts], Any]
    read: Callable[[str], Any]

    def found(self, function: Facts) -> str | None:
        """Give it as Google tells it."""
        value = self.find(function)
        return None if value is None else str(value)

    def differs(self, function: Facts, wanted: str) -> bool:
        """Whether it is another one, however it is written; what cannot be read is."""
        found = self.found(function)
        try:
            return found is None or self.read(found) != self.read(wanted)
        except ValueError:
            return True


def _served(key: str, default: object = None) -> Callable[[Facts], Any]:
    return lambda function: function.get("serviceConfig", {}).get(key, default)


TUNABLES = (
    Tunable("runtime", "--runtime", lambda function: function.get("buildConfig", {}).get("runtime"), str),
    Tunable("memory", "--memory", _served("availableMemory"), amount),
    Tunable("cpu", "--cpu", _served("availableCpu"), amount),
    Tunable("concurrency", "--concurrency", _served("maxInstanceRequestConcurrency", 1), int),
    Tunable("timeout", "--timeout", _served("timeoutSeconds"), seconds),
    Tunable("min_instances", "--min-instances", _served("minInstanceCount", 0), int),
    Tunable("max_instances", "--max-instances", _served("maxInstanceCount", 100), int),
)


@dataclass(frozen=True, slots=True)
class Function:
    """The function that receives DT's requests."""

    spec: Spec
    upon: ClassVar[str] = ""

    @property
    def title(self) -> str:
        """Say what it is."""
        return f"function {self.spec.name}"

    def reads(self) -> Reads:
        """Describe it, and the Cloud Run service beneath it, which others can delete or close."""
        found = yield "function", self._argv("describe")
        if found is not None:
            yield "service", ("run", "services", "describe", self.spec.name, *self._place)

    def plan(self, facts: Facts) -> tuple[Step, ...]:
        """Deploy it when it is missing, or its source, a setting or its state is not what it should be."""
        found = facts["function"]
        if found is None:
            call = GcloudCall(self._deploy({**FUNCTION_DEFAULTS, **self.spec.function}), uploads=True)
            return (create(self.title, "not there", call),)
        if found.get("labels", {}).get(MARK) != self.spec.name:
            adopt = GcloudCall(self._argv("deploy", "--source=.", f"--update-labels={self.spec.mark}"))
            raise foreign(self.title, self.spec.mark, adopt.line())
        if changes := (*_changes_beneath(facts), *self._changes(found)):
            return (update(self.title, changes, GcloudCall(self._deploy(self._tuned(found)), uploads=True)),)
        return (keep(self.title, f"source and settings are as they should be{self._set_elsewhere(found)}"),)

    def removal(self, facts: Facts) -> tuple[Step, ...]:
        """Delete it."""
        found = facts["function"]
        if found is None:
            return (keep(self.title, "is not there"),)
        if found.get("labels", {}).get(MARK) != self.spec.name:
            return (keep(self.title, f"is not marked {self.spec.mark}"),)
        return (delete(self.title, f"marked {self.spec.mark}", GcloudCall(self._argv("delete"))),)

    def _changes(self, found: Facts) -> tuple[Change, ...]:
        served, built = found.get("serviceConfig", {}), found.get("buildConfig", {})
        mounts, mounted = mounted_secrets(served), f"{SECRET_FOLDER}/{self.spec.secret}={self.spec.secret}:latest"
        pairs = (
            ("state", state_of(found), "ACTIVE"),
            ("source", found["labels"].get(SOURCE_LABEL), self.spec.digest),
            ("entry point", built.get("entryPoint"), ENTRY_POINT),
            ("service account", served.get("serviceAccountEmail"), self.spec.runtime_account),
            *self._built_by(built),
            ("ingress", served.get("ingressSettings", "ALLOW_ALL"), "ALLOW_ALL"),
            ("secret file", mounted if mounted in mounts else next(iter(mounts), None), mounted),
        )
        variables, there = self.spec.environment, served.get("environmentVariables", {})
        return (
            *(Change(name, old, new) for name, old, new in pairs if old != new),
            *(
                Change(each.name, each.found(found), wanted)
                for each in TUNABLES
                if (wanted := self.spec.function.get(each.name)) and each.differs(found, wanted)
            ),
            *(Change(name, there.get(name), new) for name, new in sorted(variables.items()) if there.get(name) != new),
            *label_changes(self.spec.all_labels, found.get("labels")),
        )

    def _built_by(self, built: Facts) -> tuple[tuple[str, str | None, str], ...]:
        wanted = self.spec.build_account
        found = str(built.get("serviceAccount", "")).rpartition("/")[2] or None
        return (("build service account", found, wanted),) if wanted else ()

    def _tuned(self, found: Facts) -> Mapping[str, str]:
        """Give what an update says: what was asked for, and what gcloud wants said beside it."""
        wanted = dict(self.spec.function)
        wanted.setdefault("runtime", _tunable("runtime").found(found) or FUNCTION_DEFAULTS["runtime"])
        if "cpu" in wanted:
            wanted.setdefault("memory", _tunable("memory").found(found) or FUNCTION_DEFAULTS["memory"])
        return wanted

    def _set_elsewhere(self, found: Facts) -> str:
        default = {each: FUNCTION_DEFAULTS[each.name] for each in TUNABLES if each.name not in self.spec.function}
        other = [f"{each.name} {each.found(found)}" for each, usual in default.items() if each.differs(found, usual)]
        return f"; set elsewhere and left alone: {', '.join(other)}" if other else ""

    def _deploy(self, tuned: Mapping[str, str]) -> Argv:
        labels = self.spec.all_labels | {SOURCE_LABEL: self.spec.digest}
        return self._argv(
            "deploy",
            "--source=.",
            f"--entry-point={ENTRY_POINT}",
            "--trigger-http",
            "--ingress-settings=all",
            f"--service-account={self.spec.runtime_account}",
            *([f"--build-service-account={name}"] if (name := self.spec.build_account_name) else []),
            *(f"{each.flag}={tuned[each.name]}" for each in TUNABLES if each.name in tuned),
            f"--update-secrets={SECRET_FOLDER}/{self.spec.secret}={self.spec.secret}:latest",
            f"--update-env-vars={env_words(self.spec.environment)}",
            f"--update-labels={label_words(labels)}",
        )

    def _argv(self, verb: str, *flags: str) -> Argv:
        return ("functions", verb, self.spec.name, "--gen2", *flags, *self._place)

    @property
    def _place(self) -> Argv:
        return (f"--region={self.spec.region}", f"--project={self.spec.google_project}")


def _changes_beneath(facts: Facts) -> tuple[Change, ...]:
    """Compare the Cloud Run service, which the function's own description does not tell of."""
    if facts["service"] is None:
        return (Change("Cloud Run service", "gone", "there"),)
    ingress = facts["service"].get("metadata", {}).get("annotations", {}).get("run.googleapis.com/ingress", "all")
    return (Change("ingress of the Cloud Run service", ingress, "all"),) if ingress != "all" else ()


def state_of(function: Facts) -> str:
    """Give the function's state; a deployment that failed on top of a revision that serves is FAILED, too."""
    failed = any(each.get("severity") == "ERROR" for each in function.get("stateMessages", []))
    return "FAILED" if failed else str(function.get("state", "ACTIVE"))


def function_url(facts: Facts) -> str:
    """Give the URL that the function answers on, or nothing while there is none."""
    found = facts.get("function") or {}
    return str(found.get("serviceConfig", {}).get("uri") or found.get("url") or "")


def mounted_secrets(served: Facts) -> list[str]:
    """Give the mounted secrets, as gcloud's flag takes them."""
    return [
        f"{volume.get('mountPath', '').rstrip('/')}/{str(version.get('path', '')).lstrip('/')}"
        f"={volume.get('secret')}:{version.get('version')}"
        for volume in served.get("secretVolumes", [])
        for version in volume.get("versions", [{"path": volume.get("secret"), "version": "latest"}])
    ]


def env_words(variables: Mapping[str, str]) -> str:
    """Give variables as gcloud's flag takes them; with a separator of their own when a value has a comma."""
    pairs = [f"{name}={value}" for name, value in sorted(variables.items())]
    marks = itertools.chain(",;|~#", (f"~{number}~" for number in itertools.count()))
    separator = next(mark for mark in marks if mark.join(pairs).split(mark) == pairs)
    return ",".join(pairs) if separator == "," else f"^{separator}^{separator.join(pairs)}"


def _tunable(name: str) -> Tunable:
    return next(each for each in TUNABLES if each.name == name)
