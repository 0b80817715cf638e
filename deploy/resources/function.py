"""The function: its source and its settings."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from deploy.errors import DeployError
from deploy.profiles import usual_sizes
from deploy.program import PROGRAM
from deploy.resources.by_hand import as_suffix, on_function, on_service, variables_of
from deploy.resources.invokers import INVOKER, RUN, is_public, is_unchecked, run_service
from deploy.resources.marked import Marked
from deploy.resources.memory import deployed_upload
from deploy.resources.resource import CommandGroup, Facts, Reads, is_marked, label_changes, label_words
from deploy.resources.traffic import back_to_newest, list_revisions
from deploy.spec import (
    BILLING_LABEL,
    FUNCTION_DEFAULTS,
    SECRET_FOLDER,
    SOURCE_LABEL,
    VERSION_LABEL,
    amount,
    last_segment,
)
from deploy.steps import Action, Argv, Change, GcloudCall, ResourceId, Step, delete, keep, update
from deploy.times import seconds

ENTRY_POINT = "ingest"
ANOTHER_NAME = f"{PROGRAM} up --name=ANOTHER-NAME"


@dataclass(frozen=True, slots=True)
class OptionalSetting:
    """A setting that is compared only if deploy.toml, a flag or a variable has it; otherwise it is left alone.

    ``find`` returns its value from the function's description; ``read`` parses a value, so that 1Gi equals 1024Mi.
    """

    name: str
    flag: str
    find: Callable[[Facts], Any]
    read: Callable[[str], Any]

    def found(self, function: Facts) -> str | None:
        """Return its value in Google's notation; None if it is absent."""
        value = self.find(function)
        return None if value is None else str(value)

    def differs(self, function: Facts, wanted: str) -> bool:
        """Return whether it differs from the wanted value. A value that cannot be parsed differs."""
        found = self.found(function)
        try:
            return found is None or self.read(found) != self.read(wanted)
        except ValueError:
            return True


def _served(key: str, default: object = None) -> Callable[[Facts], Any]:
    return lambda function: function.get("serviceConfig", {}).get(key, default)


OPTIONAL_SETTINGS = (
    OptionalSetting("runtime", "--runtime", lambda function: function.get("buildConfig", {}).get("runtime"), str),
    OptionalSetting("memory", "--memory", _served("availableMemory"), amount),
    OptionalSetting("cpu", "--cpu", _served("availableCpu"), amount),
    OptionalSetting("concurrency", "--concurrency", _served("maxInstanceRequestConcurrency", 1), int),
    OptionalSetting("timeout", "--timeout", _served("timeoutSeconds"), seconds),
    OptionalSetting("min_instances", "--min-instances", _served("minInstanceCount", 0), int),
    OptionalSetting("max_instances", "--max-instances", _served("maxInstanceCount", 100), int),
)


UNSET_MEANS = {"LOG_DELIVERED": "1"}
"""Variables that a profile sets, with their defaults: a function without the variable does the same."""

QUIET_LEVELS = frozenset({"WARNING", "ERROR", "CRITICAL"})
"""Values of ``LOG_LEVEL`` with which a delivered event has no line."""

FUNCTIONS = CommandGroup(
    ("functions",),
    "cloudfunctions.googleapis.com",
    r"Resource '?projects/[^/\s]+/locations/[^/\s]+/functions/{name}'? was not found",
)
BUILDS = CommandGroup(("builds",), "cloudbuild.googleapis.com")
ARTIFACTS = CommandGroup(("artifacts",), "artifactregistry.googleapis.com")


@dataclass(frozen=True, slots=True)
class Function(Marked):
    """The function that receives DT's requests. ``deployed``: the upload of the last deployment, if known.

    ``gcloud functions deploy`` overwrites an existing function, so it is read again also before it is created.
    """

    groups: ClassVar[tuple[CommandGroup, ...]] = (FUNCTIONS, RUN, BUILDS, ARTIFACTS)
    permissions: ClassVar[tuple[str, ...]] = (
        "artifactregistry.repositories.get",
        "cloudbuild.builds.get",
        "cloudfunctions.functions.create",
        "cloudfunctions.functions.delete",
        "cloudfunctions.functions.get",
        "cloudfunctions.functions.sourceCodeSet",
        "cloudfunctions.functions.update",
        "cloudfunctions.operations.get",
        "run.revisions.list",
        "run.services.get",
        "run.services.getIamPolicy",
        "run.services.setIamPolicy",
        "run.services.update",
    )
    key: ClassVar[str] = "function"
    overwrites: ClassVar[bool] = True

    deployed: str = ""

    @property
    def id(self) -> ResourceId:
        """The id of the function."""
        return ResourceId("function", self.spec.name)

    @property
    def adoption(self) -> Argv:
        """The command that deploys it with the mark, because gcloud has no command that only adds a label."""
        return self.command("deploy", "--source=.", f"--update-labels={self.spec.mark}")

    def details(self, found: Any) -> Reads:
        """Describe the Cloud Run service of the same name, which may exist without a function, and not be ours."""
        del found
        yield "service", run_service(self.spec, "describe")

    def removal_details(self, found: Any) -> Reads:
        """Read the service that a detached function has left, which anyone can still call."""
        if found is None:
            service = yield "service", run_service(self.spec, "describe")
            if service is not None and self._is_marked_service(service):
                yield "policy", run_service(self.spec, "get-iam-policy")

    def rollback_reads(self) -> Reads:
        """Describe the service, and list its revisions."""
        yield "service", run_service(self.spec, "describe")
        yield "revisions", list_revisions(self.spec)

    def ownership_reads(self, action: Action) -> Reads:
        """Return the commands for the function and, unless it is deleted, its service, which a deployment changes."""
        yield self.key, self.describe
        if action != "delete":
            yield from self.details(None)

    def not_ours(self, facts: Facts) -> DeployError | None:
        """Return the error for a function, or a Cloud Run service without one, that is not this deployment's."""
        found, service = self.found(facts), facts.get("service")
        if found is None:
            return None if service is None else self._foreign_service(service)
        if found.get("environment") == "GEN_1":
            what = "already exists, as a 1st gen function, which cannot become this deployment's: it is left as it is"
            return DeployError(what, where=self.title, fix=[ANOTHER_NAME])
        if error := Marked.not_ours(self, facts):  # super() fails in a dataclass with slots
            return error
        if service is not None and not self._is_of_functions(service):
            return self._foreign_service(service, "and is not the function's")
        return None

    def creation(self, facts: Facts) -> GcloudCall:
        """Return the call that deploys it for the first time."""
        del facts
        return GcloudCall(self._deploy({**FUNCTION_DEFAULTS, **self.spec.function}), needs_source=True)

    def changed(self, facts: Facts) -> tuple[Step, ...]:
        """Return the steps that deploy it again if its source, a setting or its state differs, and end a rollback."""
        return (self._deployed_again(facts), *back_to_newest(self.spec, self.id, facts["service"]))

    def _deployed_again(self, facts: Facts) -> Step:
        found = self.found(facts)
        if changes := (*_service_changes(facts), *self._changes(found)):
            return update(self.id, changes, GcloudCall(self._deploy(self._update_settings(found)), needs_source=True))
        by_hand = f"{self._left_alone(found)}{as_suffix(on_service(facts['service']))}"
        return keep(self.id, f"source and settings are as they should be{by_hand}")

    def removal_of_traces(self, facts: Facts) -> tuple[Step, ...]:
        """Return the steps that close the service of a detached function, which anyone can still call."""
        service = facts.get("service")
        if service is None:
            return (keep(self.id, "is not there"),)
        if not self._is_marked_service(service):
            return (keep(self.id, "is not there; the Cloud Run service of this name is not this deployment's"),)
        away = GcloudCall(run_service(self.spec, "delete")).line()
        stays = keep(self.id, f"was detached from its Cloud Run service, which stays: {away} deletes it")
        return (*self._closed(facts), stays)

    def command(self, verb: str, *flags: str) -> Argv:
        """Return a gcloud command on the function."""
        place = (f"--region={self.spec.region}", self.spec.project_flag)
        return ("functions", verb, self.spec.name, "--gen2", *flags, *place)

    def _is_of_functions(self, service: Facts) -> bool:
        """Return whether a service belongs to a function: a failed deployment may have the name of another service."""
        labels = service.get("metadata", {}).get("labels") or {}
        return labels.get("goog-managed-by") == "cloudfunctions" or self._is_marked_service(service)

    def _is_marked_service(self, service: Facts) -> bool:
        return is_marked(self.spec, service.get("metadata", {}))

    def _foreign_service(self, service: Facts, owner: str = "without a function") -> DeployError:
        """Return the error for a service without our function. A deployment would fail, but open the service."""
        what, fix = "it is not this deployment's, and is left as it is", ANOTHER_NAME
        if self._is_marked_service(service):
            what = "this deployment's function was detached from it"
            fix = GcloudCall(run_service(self.spec, "delete")).line()
        what = f"already exists in {self.spec.region}, {owner}: {what}"
        return DeployError(what, where=f"Cloud Run service {self.spec.name}", fix=[fix])

    def _closed(self, facts: Facts) -> list[Step]:
        why, steps = "its function was detached: it stays, closed", []
        if is_public(facts):
            granted = ("--member=allUsers", f"--role={INVOKER}", "--condition=None")
            call = GcloudCall(run_service(self.spec, "remove-iam-policy-binding", *granted))
            steps.append(delete(ResourceId("public invocation of Cloud Run service", self.spec.name), why, call))
        if is_unchecked(facts):
            call = GcloudCall(run_service(self.spec, "update", "--invoker-iam-check"))
            steps.append(delete(ResourceId("unchecked invocation of Cloud Run service", self.spec.name), why, call))
        return steps

    def _changes(self, found: Facts) -> tuple[Change, ...]:
        served, built = found.get("serviceConfig", {}), found.get("buildConfig", {})
        mounts, mounted = mounted_secrets(served), f"{SECRET_FOLDER}/{self.spec.secret}={self.spec.secret}:latest"
        pairs = (
            ("state", state_of(found), "ACTIVE"),
            ("source", self.source(found), self.spec.digest),
            ("version", version_of(found), self.spec.version),
            ("trigger", found.get("eventTrigger", {}).get("eventType", "HTTP"), "HTTP"),
            ("entry point", built.get("entryPoint"), ENTRY_POINT),
            ("service account", served.get("serviceAccountEmail"), self.spec.runtime_account),
            *self._built_by(built),
            ("ingress", served.get("ingressSettings", "ALLOW_ALL"), "ALLOW_ALL"),
            ("secret file", mounted if mounted in mounts else next(iter(mounts), None), mounted),
        )
        variables, there = self.spec.environment, served.get("environmentVariables") or {}
        return (
            *(Change(name, old, new) for name, old, new in pairs if old != new),
            *(
                Change(setting.name, setting.found(found), wanted)
                for setting in OPTIONAL_SETTINGS
                if (wanted := self.spec.function.get(setting.name)) and setting.differs(found, wanted)
            ),
            *(
                Change(name, there.get(name), new)
                for name, new in sorted(variables.items())
                if there.get(name, UNSET_MEANS.get(name)) != new
            ),
            *label_changes(self._labels_beside(found), found.get("labels")),
        )

    def _labels_beside(self, found: Facts) -> dict[str, str]:
        """Return the labels to compare. A function that no run has labelled with its billing is billed by request."""
        is_usual = self.spec.cost.billing == "request" and billing_set_on(found) is None
        return {name: value for name, value in self._labels.items() if not (is_usual and name == BILLING_LABEL)}

    @property
    def _labels(self) -> dict[str, str]:
        """The labels that a plan compares. The one of the billing is known before the billing itself can be set."""
        billing = self.spec.cost.billing
        return self.spec.all_labels | ({BILLING_LABEL: billing} if billing else {})

    def _built_by(self, built: Facts) -> tuple[tuple[str, str | None, str], ...]:
        wanted = self.spec.build_account
        found = last_segment(str(built.get("serviceAccount", ""))) or None
        return (("build service account", found, wanted),) if wanted else ()

    def _update_settings(self, found: Facts) -> Mapping[str, str]:
        """Return the settings of an update: those of the spec, and those that gcloud requires with them."""
        wanted = dict(self.spec.function)
        wanted.setdefault("runtime", _optional_setting("runtime").found(found) or FUNCTION_DEFAULTS["runtime"])
        if "cpu" in wanted:
            wanted.setdefault("memory", _optional_setting("memory").found(found) or FUNCTION_DEFAULTS["memory"])
        return wanted

    def source(self, found: Facts) -> str | None:
        """Return the digest of the deployed source from its label, or a text that another tool has deployed since."""
        upload = deployed_upload(found)
        if self.deployed and upload and upload != self.deployed:
            return f"another upload ({upload})"
        label: str | None = found["labels"].get(SOURCE_LABEL)
        return label

    def _left_alone(self, found: Facts) -> str:
        """Return the settings of the function that are not in the spec, in words.

        Sizes and variables may be from an earlier ``up``; that looks the same as a change by hand.
        """
        omitted = [setting for setting in OPTIONAL_SETTINGS if setting.name not in self.spec.function]
        usual = usual_sizes(_optional_setting("cpu").found(found))
        sizes = [
            f"{setting.name} {setting.found(found)}"
            for setting in omitted
            if setting.differs(found, usual[setting.name])
        ]
        kept = [*sizes, *variables_of(found, self.spec.environment)]
        parts = (("not in these settings", kept), ("set elsewhere", on_function(found)))
        return "".join(f"; {why} and left alone: {', '.join(phrases)}" for why, phrases in parts if phrases)

    def _deploy(self, settings: Mapping[str, str]) -> Argv:
        version = self.spec.version.replace(".", "-")
        labels = self._labels | {SOURCE_LABEL: self.spec.digest, VERSION_LABEL: version}
        return self.command(
            "deploy",
            "--source=.",
            f"--entry-point={ENTRY_POINT}",
            "--trigger-http",
            "--ingress-settings=all",
            f"--service-account={self.spec.runtime_account}",
            *([f"--build-service-account={name}"] if (name := self.spec.build_account_name) else []),
            *(f"{setting.flag}={settings[setting.name]}" for setting in OPTIONAL_SETTINGS if setting.name in settings),
            f"--update-secrets={SECRET_FOLDER}/{self.spec.secret}={self.spec.secret}:latest",
            f"--update-env-vars={env_words(self.spec.environment)}",
            f"--update-labels={label_words(labels)}",
        )


def _service_changes(facts: Facts) -> tuple[Change, ...]:
    """Return the changes of the function's Cloud Run service that the function's description does not show."""
    if facts["service"] is None:
        return (Change("Cloud Run service", "gone", "there"),)
    changes = []
    ingress = facts["service"].get("metadata", {}).get("annotations", {}).get("run.googleapis.com/ingress", "all")
    if ingress != "all":
        changes.append(Change("ingress of the Cloud Run service", ingress, "all"))
    if image := _foreign_image(facts):
        changes.append(Change("image of the Cloud Run service", image, "built from the source"))
    return tuple(changes)


def _foreign_image(facts: Facts) -> str:
    """Return the image of the service if it is not from the function's own repository; else an empty text.

    https://cloud.google.com/functions/docs/building#image_registry
    """
    containers = facts["service"].get("spec", {}).get("template", {}).get("spec", {}).get("containers") or [{}]
    image = str(containers[0].get("image", ""))
    built = facts["function"].get("buildConfig", {}).get("dockerRepository") or "gcf-artifacts"
    is_own = f"/{last_segment(built)}/" in image
    return image if ("docker.pkg.dev/" in image or "gcr.io/" in image) and not is_own else ""


def state_of(function: Facts) -> str:
    """Return the function's state. It is also FAILED if a deployment failed but an older revision still serves."""
    failed = any(message.get("severity") == "ERROR" for message in function.get("stateMessages", []))
    return "FAILED" if failed else str(function.get("state", "ACTIVE"))


def version_of(function: Facts) -> str | None:
    """Return the version of the deployed function; None if it has no label with a version."""
    label = (function.get("labels") or {}).get(VERSION_LABEL)
    return None if label is None else str(label).replace("-", ".")


def billing_set_on(function: Facts) -> str | None:
    """Return how an earlier run has set that Cloud Run bills the function; None if none has set it."""
    label = (function.get("labels") or {}).get(BILLING_LABEL)
    return label if label in {"request", "instance"} else None


def function_url(facts: Facts) -> str:
    """Return the URL of the function; empty if it has none yet."""
    found = facts.get("function") or {}
    return str(found.get("serviceConfig", {}).get("uri") or found.get("url") or "")


def log_level(found: Facts) -> str:
    """Return the ``LOG_LEVEL`` that a function was deployed with, in upper case; empty if it has the default."""
    served = found.get("serviceConfig") or {}
    return str((served.get("environmentVariables") or {}).get("LOG_LEVEL", "")).upper()


def mounted_secrets(served: Facts) -> list[str]:
    """Return the mounted secrets in the format of gcloud's flag."""
    return [
        f"{volume.get('mountPath', '').rstrip('/')}/{str(version.get('path', '')).lstrip('/')}"
        f"={volume.get('secret')}:{version.get('version')}"
        for volume in served.get("secretVolumes", [])
        for version in volume.get("versions", [{"path": volume.get("secret"), "version": "latest"}])
    ]


def env_words(variables: Mapping[str, str]) -> str:
    """Return variables in the format of gcloud's flag, with another separator if a value contains a comma."""
    pairs = [f"{name}={value}" for name, value in sorted(variables.items())]
    marks = itertools.chain(",;|~#", (f"~{number}~" for number in itertools.count()))
    separator = next(mark for mark in marks if mark.join(pairs).split(mark) == pairs)
    return ",".join(pairs) if separator == "," else f"^{separator}^{separator.join(pairs)}"


def _optional_setting(name: str) -> OptionalSetting:
    return next(setting for setting in OPTIONAL_SETTINGS if setting.name == name)
