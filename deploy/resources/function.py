"""The function: its source and its settings."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from deploy.errors import DeployError
from deploy.resources.by_hand import on_function, on_service, said
from deploy.resources.invokers import INVOKER, is_public, is_unchecked, run_service
from deploy.resources.memory import deployed_upload
from deploy.resources.resource import Facts, Reads, foreign, is_marked, label_changes, label_words
from deploy.spec import FUNCTION_DEFAULTS, SECRET_FOLDER, SOURCE_LABEL, VERSION_LABEL, Spec, amount, seconds
from deploy.steps import Argv, Change, GcloudCall, Step, create, delete, keep, update

ENTRY_POINT = "ingest"
ANOTHER_NAME = "python -m deploy up --name=ANOTHER-NAME"


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
    """The function that receives DT's requests; ``deployed`` is the upload that it was last deployed from, if known."""

    spec: Spec
    deployed: str = ""
    upon: ClassVar[str] = ""

    @property
    def title(self) -> str:
        """Say what it is."""
        return f"function {self.spec.name}"

    def reads(self) -> Reads:
        """Describe it, and the Cloud Run service of its name: beneath it, or somebody else's where it is not there."""
        yield "function", self._argv("describe")
        yield "service", run_service(self.spec, "describe")

    def removal_reads(self) -> Reads:
        """Describe it; where it is not there, what it left: a detached function's service stays open to everybody."""
        found = yield "function", self._argv("describe")
        if found is None:
            service = yield "service", run_service(self.spec, "describe")
            if service is not None and self._is_marked_service(service):
                yield "policy", run_service(self.spec, "get-iam-policy")

    def not_ours(self, facts: Facts) -> DeployError | None:
        """Return the error for a function, or a Cloud Run service without one, that is not this deployment's."""
        found, service = facts.get("function"), facts.get("service")
        if found is None:
            return None if service is None else self._not_ours_to_open(service)
        if found.get("environment") == "GEN_1":
            what = "already exists, as a 1st gen function, which cannot become this deployment's: it is left as it is"
            return DeployError(what, where=self.title, mend=[ANOTHER_NAME])
        if not is_marked(self.spec, found):
            adopt = GcloudCall(self._argv("deploy", "--source=.", f"--update-labels={self.spec.mark}"))
            return foreign(self.title, self.spec.mark, adopt.line())
        if service is not None and not self._is_of_functions(service):
            return self._not_ours_to_open(service, "and is not the function's")
        return None

    def plan(self, facts: Facts) -> tuple[Step, ...]:
        """Deploy it when it is missing, or its source, a setting or its state is not what it should be."""
        if error := self.not_ours(facts):
            raise error
        found = facts["function"]
        if found is None:
            call = GcloudCall(self._deploy({**FUNCTION_DEFAULTS, **self.spec.function}), uploads=True)
            return (create(self.title, "not there", call),)
        if changes := (*_changes_beneath(facts), *self._changes(found)):
            return (update(self.title, changes, GcloudCall(self._deploy(self._tuned(found)), uploads=True)),)
        by_hand = f"{self._set_elsewhere(found)}{said(on_service(facts['service']))}"
        return (keep(self.title, f"source and settings are as they should be{by_hand}"),)

    def removal(self, facts: Facts) -> tuple[Step, ...]:
        """Delete it, or take back what was granted on the service that it was detached from."""
        found = facts["function"]
        if found is None:
            return self._closed(facts)
        if self.not_ours(facts):
            return (keep(self.title, f"is not marked {self.spec.mark}"),)
        return (delete(self.title, f"marked {self.spec.mark}", GcloudCall(self._argv("delete"))),)

    def _is_of_functions(self, service: Facts) -> bool:
        """Return whether a service is a function's: one that was never deployed may bear the name of another's."""
        labels = service.get("metadata", {}).get("labels") or {}
        return labels.get("goog-managed-by") == "cloudfunctions" or self._is_marked_service(service)

    def _is_marked_service(self, service: Facts) -> bool:
        return is_marked(self.spec, service.get("metadata", {}))

    def _not_ours_to_open(self, service: Facts, whose: str = "without a function") -> DeployError:
        """Say whose a service is that no function of ours serves: to deploy over it Google refuses, to open it not."""
        what, mend = "it is not this deployment's, and is left as it is", ANOTHER_NAME
        if self._is_marked_service(service):
            what = "this deployment's function was detached from it"
            mend = GcloudCall(run_service(self.spec, "delete")).line()
        what = f"already exists in {self.spec.region}, {whose}: {what}"
        return DeployError(what, where=f"Cloud Run service {self.spec.name}", mend=[mend])

    def _closed(self, facts: Facts) -> tuple[Step, ...]:
        """Close the service of a function that was detached: it goes on serving, open as ``up`` had made it."""
        service = facts.get("service")
        if service is None:
            return (keep(self.title, "is not there"),)
        if not self._is_marked_service(service):
            return (keep(self.title, "is not there; the Cloud Run service of this name is not this deployment's"),)
        why, steps = "its function was detached: it stays, closed", []
        if is_public(facts):
            granted = ("--member=allUsers", f"--role={INVOKER}", "--condition=None")
            call = GcloudCall(run_service(self.spec, "remove-iam-policy-binding", *granted))
            steps.append(delete(f"public invocation of Cloud Run service {self.spec.name}", why, call))
        if is_unchecked(facts):
            call = GcloudCall(run_service(self.spec, "update", "--invoker-iam-check"))
            steps.append(delete(f"unchecked invocation of Cloud Run service {self.spec.name}", why, call))
        away = GcloudCall(run_service(self.spec, "delete")).line()
        return (*steps, keep(self.title, f"was detached from its Cloud Run service, which stays: {away} deletes it"))

    def _changes(self, found: Facts) -> tuple[Change, ...]:
        served, built = found.get("serviceConfig", {}), found.get("buildConfig", {})
        mounts, mounted = mounted_secrets(served), f"{SECRET_FOLDER}/{self.spec.secret}={self.spec.secret}:latest"
        pairs = (
            ("state", state_of(found), "ACTIVE"),
            ("source", self._source(found), self.spec.digest),
            ("version", version_of(found), self.spec.version),
            ("trigger", found.get("eventTrigger", {}).get("eventType", "HTTP"), "HTTP"),
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

    def _source(self, found: Facts) -> str | None:
        """Return the digest of what is deployed, which our label tells unless somebody else has deployed since."""
        upload = deployed_upload(found)
        if self.deployed and upload and upload != self.deployed:
            return f"another upload ({upload})"
        label: str | None = found["labels"].get(SOURCE_LABEL)
        return label

    def _set_elsewhere(self, found: Facts) -> str:
        default = {each: FUNCTION_DEFAULTS[each.name] for each in TUNABLES if each.name not in self.spec.function}
        other = [f"{each.name} {each.found(found)}" for each, usual in default.items() if each.differs(found, usual)]
        other += on_function(found, self.spec.environment)
        return f"; set elsewhere and left alone: {', '.join(other)}" if other else ""

    def _deploy(self, tuned: Mapping[str, str]) -> Argv:
        version = self.spec.version.replace(".", "-")
        labels = self.spec.all_labels | {SOURCE_LABEL: self.spec.digest, VERSION_LABEL: version}
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
    changes = []
    ingress = facts["service"].get("metadata", {}).get("annotations", {}).get("run.googleapis.com/ingress", "all")
    if ingress != "all":
        changes.append(Change("ingress of the Cloud Run service", ingress, "all"))
    if image := _image_of_others(facts):
        changes.append(Change("image of the Cloud Run service", image, "built from the source"))
    return tuple(changes)


def _image_of_others(facts: Facts) -> str:
    """Return the image that somebody gave to the service: a function's own lie in a repository of Cloud Functions.

    https://cloud.google.com/functions/docs/building#image_registry
    """
    containers = facts["service"].get("spec", {}).get("template", {}).get("spec", {}).get("containers") or [{}]
    image = str(containers[0].get("image", ""))
    built = facts["function"].get("buildConfig", {}).get("dockerRepository") or "gcf-artifacts"
    is_own = f"/{built.rpartition('/')[2]}/" in image
    return image if ("docker.pkg.dev/" in image or "gcr.io/" in image) and not is_own else ""


def state_of(function: Facts) -> str:
    """Give the function's state; a deployment that failed on top of a revision that serves is FAILED, too."""
    failed = any(each.get("severity") == "ERROR" for each in function.get("stateMessages", []))
    return "FAILED" if failed else str(function.get("state", "ACTIVE"))


def version_of(function: Facts) -> str | None:
    """Return the version that the function was deployed by, or None if it was deployed before there were versions."""
    label = (function.get("labels") or {}).get(VERSION_LABEL)
    return None if label is None else str(label).replace("-", ".")


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
