"""A fake gcloud that keeps one Google Cloud project in memory: later commands see what earlier ones made."""

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deploy.google.calls import Answer
from deploy.google.gcloud import Gcloud
from deploy.google.gcloud_process import Finished, Run
from deploy.resources.catalog import services
from deploy.spec import PROOF_MARK
from deploy.steps import Argv

PROJECT = "cold-chain-prod"
REGION = "europe-west1"
VERSION_MADE = "2026-11-01T06:00:00.123456Z"
NUMBER = "123456789012"
BUILD_ACCOUNT = f"{NUMBER}-compute@developer.gserviceaccount.com"
SERVICE_AGENT = f"service-{NUMBER}@gcp-sa-pubsub.iam.gserviceaccount.com"
URL = "https://dt-pubsub-abcdef-ew.a.run.app"
BUILT = {"startTime": "2026-11-01T06:00:00.5Z", "finishTime": "2026-11-01T06:01:31.7Z"}
"""The times of each build."""


_PAYLOADS = {"jsonPayload", "textPayload"}
OF_THE_PROJECT = {
    "auth",
    "config",
    "projects",
    "billing",
    "builds",
    "logging",
    "services",
    "resource-manager",
    "org-policies",
}
_ABSENT = {
    "topics": "NOT_FOUND: Resource not found (resource={name}).",
    "subscriptions": "NOT_FOUND: Resource not found (resource={name}).",
    "service-accounts": (
        f"NOT_FOUND: Unknown service account: projects/-/serviceAccounts/{{name}}@{PROJECT}.iam.gserviceaccount.com."
    ),
    "secrets": "NOT_FOUND: Secret [projects/1/secrets/{name}] not found.",
    "functions": (
        "ResponseError: status=[404], code=[Ok], "
        f"message=[Resource 'projects/{PROJECT}/locations/{REGION}/functions/{{name}}' was not found]"
    ),
    "run": "Cannot find service [{name}]",
    "run services": "NOT_FOUND: Resource '{name}' of kind 'SERVICE' in region 'europe-west1' does not exist.",
}
"""The message of the real gcloud for a missing resource."""


def gcloud_alone(run: Run, **how: Any) -> Gcloud:
    """Return gcloud by its commands alone: no call of Google's REST APIs is answered."""
    return Gcloud(run, send=lambda _: Answer(0, why="there is no way but gcloud's"), **how)


class _Failure(Exception):
    pass


Refused = _Failure
"""An error of Google's with which a command ends; ``before`` can raise it."""


@dataclass
class Command:
    """A parsed command: ``words`` before the flags, and the flags."""

    argv: Argv
    words: tuple[str, ...]
    flags: Mapping[str, str]

    @classmethod
    def read(cls, argv: Argv) -> "Command":
        """Parse a command."""
        flags = {word[2:].partition("=")[0]: word.partition("=")[2] for word in argv if word.startswith("--")}
        return cls(argv, tuple(word for word in argv if not word.startswith("--")), flags)

    def pairs(self, flag: str) -> dict[str, str]:
        """Return the ``key=value`` pairs of a flag."""
        text = self.flags.get(flag, "")
        separator = ","
        if text.startswith("^"):
            separator, text = text[1:].split("^", 1)
        return dict(pair.split("=", 1) for pair in text.split(separator) if pair)


@dataclass
class FakeGcloud:
    """One project. ``stumbles`` are errors with which the next commands that begin with these words fail.

    ``broken`` are errors of all such commands. ``lost`` are commands whose answer is lost once: Google has begun,
    gcloud repeats the request, and gets the answer that the resource exists. ``build_looks`` is how often a function
    is still shown as being built. ``build_role`` is the role of the build account on the project. ``last_build`` is the
    function's last build. ``newest_version`` is the state of the newest version of each secret; lists show no version
    after ``lists_versions_until``.
    ``projects`` are the projects that the account sees, by id, with their names; only ``PROJECT`` has resources.
    ``before`` and ``after`` are called with each command. ``warnings``: what commands print on standard error.
    ``gone`` are the numbers of the versions of secrets that are not enabled, with their states.
    ``revisions`` are those of the function, the oldest first;
    ``throttled``: Cloud Run bills the function by request.
    ``traffic`` is the share of the requests that each gets. ``tokens``: the access tokens, of which a forced renewal
    uses up the first; ``expiry``: when the first one expires. ``now``: the time, so that a log has a beginning.
    """

    services: set[str] = field(default_factory=set)
    things: dict[tuple[str, str], Any] = field(default_factory=dict)
    policies: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    versions: dict[str, list[str]] = field(default_factory=dict)
    messages: list[dict[str, Any]] = field(default_factory=list)
    organization_policy: dict[str, Any] = field(default_factory=dict)
    managed_policy: dict[str, Any] = field(default_factory=dict)
    check_is_forced: bool = False
    is_logged_in: bool = True
    is_billed: bool = True
    log: list[dict[str, Any]] = field(default_factory=list)
    build_role: str = "roles/editor"
    last_build: dict[str, str] = field(default_factory=lambda: dict(BUILT))
    exists: bool = True
    unchecked: bool = False
    throttled: bool = True
    newest_version: str = "ENABLED"
    gone: dict[int, str] = field(default_factory=dict)
    lists_versions_until: int = 10**6
    stumbles: list[tuple[str, str]] = field(default_factory=list)
    broken: str = ""
    lost: list[str] = field(default_factory=list)
    projects: dict[str, str] = field(default_factory=lambda: {PROJECT: "Cold chain"})
    build_looks: int = 0
    warnings: dict[str, str] = field(default_factory=dict)
    before: Callable[[Argv], None] = lambda _: None
    after: Callable[[Argv], None] = lambda _: None
    now: Callable[[], float] | None = None
    asked: list[Argv] = field(default_factory=list)
    uploaded: list[list[str]] = field(default_factory=list)
    revisions: list[dict[str, Any]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=lambda: ["an-access-token"])
    expiry: str | None = None
    has_service_agent: bool = False
    traffic: list[dict[str, Any]] = field(default_factory=lambda: [{"latestRevision": True, "percent": 100}])

    def __call__(self, argv: Argv, *, stdin: str | None, folder: Path | None, timeout_s: float) -> Finished:
        """Run one command."""
        del timeout_s
        self.asked.append(argv)
        command = Command.read(argv)
        try:
            self.before(argv)
            self._stumble(command)
            answer = self._answer(command, stdin, folder)
            self._lose(command)
        except _Failure as failure:
            group = command.words[: 2 if command.words[0] == "logging" else 3]  # its third word is a filter
            return Finished(1, "", f"ERROR: (gcloud.{'.'.join(group)}) {failure}")
        self.after(argv)
        printed = self.warnings.get(" ".join(command.words), "progress goes here\n")
        return Finished(0, answer if isinstance(answer, str) else json.dumps(answer), printed)

    def _lose(self, command: Command) -> None:
        """Lose the answer to a command that has begun, if it is in ``lost``."""
        line = " ".join(command.words)
        if line not in self.lost:
            return
        self.lost.remove(line)
        if command.words[0] == "secrets":
            self.versions[command.words[2]].clear()  # because the second request of a real gcloud would have made it
        if command.words[0] == "functions":
            self.build_looks = 3
        raise _Failure(f"Resource in projects [{PROJECT}] is the subject of a conflict: {line} already exists.")

    def changes(self) -> list[str]:
        """Return the commands that changed something, as lines."""
        verbs = {"create", "update", "delete", "enable", "deploy", "add", "add-iam-policy-binding"}
        verbs |= {"remove-iam-policy-binding", "update-traffic", "destroy", "disable"}
        return [" ".join(argv) for argv in self.asked if verbs & set(argv[:4])]

    def has_everything_on(self) -> None:
        """Enable all APIs."""
        self.services = set(services(exclusion=True))

    def knows_account(self, email: str) -> bool:
        """Return whether an account exists."""
        return email != SERVICE_AGENT or self.has_service_agent

    def _stumble(self, command: Command) -> None:
        if self.broken:
            raise _Failure(self.broken)
        line = " ".join(command.words)
        for place, (words, sentence) in enumerate(self.stumbles):
            if line.startswith(words):
                del self.stumbles[place]
                raise _Failure(sentence)

    def _answer(self, command: Command, stdin: str | None, folder: Path | None) -> Any:
        if not self.is_logged_in:
            raise _Failure("You do not currently have an active account selected.\nPlease run:\n  $ gcloud auth login")
        group = command.words[0]
        if group in {
            "auth",
            "config",
            "projects",
            "billing",
            "builds",
            "logging",
            "resource-manager",
            "org-policies",
            "services",
            "beta",
        }:
            if "force-auth-refresh" in command.flags and len(self.tokens) > 1:
                del self.tokens[0]
            return self._project(command)
        if group == "run":
            return self._run(command)
        if group == "secrets":
            return self._secrets(command, stdin)
        if command.words == ("beta", "services", "identity", "create"):
            self.has_service_agent = True
            return {"email": SERVICE_AGENT}
        if group == "functions":
            return self._functions(command, folder)
        return self._plain(command)

    def _project(self, command: Command) -> Any:
        if command.words[0] == "services" and not self.exists:
            raise _Failure("PERMISSION_DENIED: Permission denied to list services for consumer container [projects/1]")
        if command.words[:2] == ("services", "enable"):
            self.services |= set(command.words[2:])
        if command.words[0] == "services":
            return [{"config": {"name": name}} for name in sorted(self.services)]
        if command.words[:2] == ("projects", "list"):
            return [{"projectId": project, "name": name} for project, name in self.projects.items()]
        if command.words[:2] == ("projects", "describe") and command.words[2] not in self.projects:
            unknown = f"projects instance [{command.words[2]}]"
            raise _Failure(f"[you@example.com] does not have permission to access {unknown} (or it may not exist)")
        if command.words[0] == "projects" and not self.exists:
            raise _Failure(f"Projects instance [{PROJECT}] not found: Requested entity was not found.")
        if command.words[0] == "logging":
            return self._logged(command)
        answers: dict[str, Any] = {
            "auth": "an-access-token\n",
            "config": {"credential": {"access_token": self.tokens[0], "token_expiry": self.expiry}},
            "projects": {
                "projectId": PROJECT,
                "projectNumber": NUMBER,
                "lifecycleState": "ACTIVE",
                "bindings": [self._builder()],
            },
            "builds": {"serviceAccountEmail": f"projects/{PROJECT}/serviceAccounts/{BUILD_ACCOUNT}", **self.last_build},
            "billing": {"billingEnabled": self.is_billed},
            "resource-manager": {"constraint": "…", **self.organization_policy},
            "beta": {"email": "service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"},
            "org-policies": {"spec": {"rules": [self._rule(command.words)]}},
        }
        return answers[command.words[0]]

    def _logged(self, command: Command) -> list[dict[str, Any]]:
        """Return the entries of the log, the newest first, that some terms of the filter let through.

        The other terms of a filter are not played here, but in ``tests/emulators/clouds/google/log_entries.py``.
        """
        entries = [
            line if _PAYLOADS & line.keys() else {"timestamp": line.get("timestamp", VERSION_MADE), "jsonPayload": line}
            for line in self.log
        ]
        wanted = command.words[2]
        if "jsonPayload.reason:*" in wanted:
            has_reason = "NOT jsonPayload.reason:*" not in wanted
            entries = [entry for entry in entries if bool(entry["jsonPayload"].get("reason")) is has_reason]
        if "jsonPayload.secretIndex>=1" in wanted:
            entries = [entry for entry in entries if entry["jsonPayload"].get("secretIndex")]
        for is_wanted, origin in (("NOT jsonPayload.origin:*", None), ('jsonPayload.origin="backfill"', "backfill")):
            if is_wanted in wanted:
                entries = [entry for entry in entries if entry["jsonPayload"].get("origin") == origin]
        if event := wanted.partition('jsonPayload.eventId="')[2].partition('"')[0]:
            entries = [entry for entry in entries if entry["jsonPayload"].get("eventId") == event]
        if self.now and (freshness := command.flags["freshness"]):
            unit = {"s": 1, "h": 3600, "d": 86400}[freshness[-1]]
            oldest = datetime.fromtimestamp(self.now() - int(freshness[:-1]) * unit, UTC)
            entries = [entry for entry in entries if datetime.fromisoformat(entry["timestamp"]) >= oldest]
        entries.sort(key=lambda entry: str(entry.get("timestamp")), reverse=True)
        return entries[: int(command.flags["limit"])]

    def _builder(self) -> dict[str, Any]:
        return {"role": self.build_role, "members": [f"serviceAccount:{BUILD_ACCOUNT}"]}

    def _rule(self, words: tuple[str, ...]) -> dict[str, Any]:
        is_of_members = words[2:] == ("iam.managed.allowedPolicyMembers",)
        return self.managed_policy if is_of_members else {"enforce": self.check_is_forced}

    def _plain(self, command: Command) -> Any:
        """Topics, subscriptions and service accounts."""
        kind, verb = command.words[1], command.words[2]
        name = command.words[3].partition("@")[0] if len(command.words) > 3 else ""
        if verb.startswith("list"):
            return self._listed(kind, verb, name, of_proofs=PROOF_MARK in command.flags.get("filter", ""))
        if verb == "pull":
            device = self.things[kind, name]["filter"].rpartition("= ")[2].strip('"')
            return [message for message in self.messages if message["message"]["attributes"].get("deviceId") == device]
        if verb in {"get-iam-policy", "add-iam-policy-binding"}:
            self._must_be(kind, name)
            return self._policy(f"{kind} {name}", command)
        if verb == "create":
            self._must_be_new(kind, name)
            self.things[kind, name] = self._made(kind, name, command)
        found = self._must_be(kind, name)
        if verb == "update":
            found.setdefault("labels", {}).update(command.pairs("update-labels"))
            found |= self._lasting(command) | self._of_bigquery(command)
        if verb == "enable":
            found["disabled"] = False
        if verb == "delete":
            del self.things[kind, name]
        return found

    def _listed(self, kind: str, verb: str, topic: str, *, of_proofs: bool = False) -> list[Any]:
        """Return all of a kind, only the subscriptions of proofs, or the names of those of a topic."""
        if verb == "list":
            found = [thing for (group, _), thing in self.things.items() if group == kind]
            return [thing for thing in found if re.search("verify|follow", thing["name"])] if of_proofs else found
        there = [thing for (group, _), thing in self.things.items() if group == "subscriptions"]
        return [thing["name"] for thing in there if thing["topic"].endswith(f"/{topic}")]

    def _made(self, kind: str, name: str, command: Command) -> dict[str, Any]:
        made: dict[str, Any] = {"name": f"projects/{PROJECT}/{kind}/{name}", "labels": command.pairs("labels")}
        if kind == "subscriptions":
            made |= {"topic": f"projects/{PROJECT}/topics/{command.flags['topic']}", **self._lasting(command)}
            made |= {"filter": command.flags.get("message-filter", "")}
            made |= {"enableMessageOrdering": True} if "enable-message-ordering" in command.flags else {}
            made |= self._of_bigquery(command)
        if kind == "service-accounts":
            made = {"email": f"{name}@{PROJECT}.iam.gserviceaccount.com", "description": command.flags["description"]}
        return made

    @staticmethod
    def _of_bigquery(command: Command) -> dict[str, Any]:
        """Return the settings that the flags of a BigQuery subscription make; those left out of it become false."""
        flags, made = command.flags, dict[str, Any]()
        if table := flags.get("bigquery-table"):
            made["bigqueryConfig"] = {"table": table, "state": "ACTIVE"}
            switches = {"use-table-schema": "useTableSchema", "write-metadata": "writeMetadata"}
            switches["drop-unknown-fields"] = "dropUnknownFields"
            made["bigqueryConfig"] |= {member: True for flag, member in switches.items() if flag in flags}
            made["state"] = "ACTIVE"
        if file := flags.get("message-transforms-file"):
            made["messageTransforms"] = json.loads(Path(file).read_text("utf-8"))
        return made

    @staticmethod
    def _lasting(command: Command) -> dict[str, Any]:
        lasting: dict[str, Any] = {}
        if days := command.flags.get("message-retention-duration", "").removesuffix("d"):
            in_s = days if days.endswith("s") else "600s"
            lasting["messageRetentionDuration"] = f"{int(days) * 86400}s" if days.isdigit() else in_s
        if period := command.flags.get("expiration-period"):
            lasting["expirationPolicy"] = {} if period == "never" else {"ttl": "86400s"}
        return {**lasting, **delivery(command.flags)}

    def _secrets(self, command: Command, stdin: str | None) -> Any:
        if command.words[1] == "versions":
            return self._versions(command, stdin)
        if command.words[1] == "list":
            return self._listed("secrets", "list", "")
        verb, name = command.words[1], command.words[2]
        if verb == "create":
            self._must_be_new("secrets", name)
            annotations = command.pairs("set-annotations")
            full_name = f"projects/1/secrets/{name}"
            self.things["secrets", name] = {
                "name": full_name,
                "etag": '"1"',
                "labels": command.pairs("labels"),
                "annotations": annotations,
            }
            self.versions[name] = [stdin] if stdin else []
        found = self._must_be("secrets", name)
        if verb in {"get-iam-policy", "add-iam-policy-binding"}:
            return self._policy(f"secrets {name}", command)
        if verb == "update":
            if (etag := command.flags.get("etag", found["etag"])) != found["etag"]:
                raise _Failure(f"FAILED_PRECONDITION: The etag {etag} does not match the current one {found['etag']}.")
            found["etag"] = f'"{int(found["etag"].strip(chr(34))) + 1}"'
            found["labels"].update(command.pairs("update-labels"))
            found["annotations"] = command.pairs("update-annotations") or found["annotations"]
        if verb == "delete":
            del self.things["secrets", name]
            del self.versions[name]
        return found

    def _versions(self, command: Command, stdin: str | None) -> Any:
        verb = command.words[2]
        name = command.flags.get("secret") or command.words[3]
        self._must_be("secrets", name)
        if verb == "add":
            self.versions[name].append(stdin or "")
            self.newest_version = "ENABLED"
            return {"name": f"projects/1/secrets/{name}/versions/{len(self.versions[name])}"}
        if verb == "access":
            if not self.versions[name]:
                raise _Failure(f"NOT_FOUND: Secret [projects/1/secrets/{name}] not found or has no versions.")
            number = len(self.versions[name]) if command.words[3] == "latest" else int(command.words[3])
            version = f"projects/1/secrets/{name}/versions/{number}"
            if number > len(self.versions[name]):
                raise _Failure(f"NOT_FOUND: Secret Version [{version}] not found.")
            if (state := self.state_of(name, number)) != "ENABLED":
                raise _Failure(f"FAILED_PRECONDITION: Secret Version [{version}] is in {state} state.")
            data = urlsafe_b64encode(self.versions[name][number - 1].encode("utf-8", "surrogateescape")).decode()
            return {"name": version, "payload": {"data": data}}
        if verb in {"destroy", "disable"}:
            self.gone[int(command.words[3])] = {"destroy": "DESTROYED", "disable": "DISABLED"}[verb]
            return {"name": f"projects/1/secrets/{name}/versions/{command.words[3]}"}
        newest = len(self.versions.get(name, ()))
        return [
            {
                "name": f"projects/1/secrets/{name}/versions/{number}",
                "state": self.state_of(name, number),
                "createTime": VERSION_MADE,
            }
            for number in range(newest, 0, -1)
            if number <= self.lists_versions_until
        ]

    def state_of(self, secret: str, number: int) -> str:
        """Return the state of a version of a secret."""
        is_newest = number == len(self.versions[secret])
        return self.newest_version if is_newest else self.gone.get(number, "ENABLED")

    def _functions(self, command: Command, folder: Path | None) -> Any:
        if command.words[1] == "regions":
            return [{"locationId": region} for region in (REGION, "us-central1")]
        if command.words[1] == "list":
            return [thing for (group, _), thing in self.things.items() if group.startswith("functions")]
        verb, name = command.words[1], command.words[2]
        if (elsewhere := (f"functions in {command.flags['region']}", name)) in self.things:
            return self.things.pop(elsewhere) if verb == "delete" else self.things[elsewhere]
        if verb in {"deploy", "delete"} and self._is_building():
            raise _Failure("ResponseError: status=[409], code=[Ok], message=[unable to queue the operation]")
        if verb == "deploy":
            self._must_be_new("run", name)
            assert folder is not None
            self.uploaded.append(sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*")))
            found = self.things.setdefault(("functions", name), new_function(name))
            _deployed(found, command)
            found["buildConfig"]["source"] = {"storageSource": {"generation": str(1_790_000_000 + len(self.uploaded))}}
            found["buildConfig"]["build"] = f"projects/1/locations/{REGION}/builds/b{len(self.uploaded)}"
            self.revisions.append(new_revision(name, len(self.revisions) + 1, found["serviceConfig"]))
        found = self._must_be("functions", name)
        if account := command.flags.get("build-service-account"):
            found["buildConfig"]["serviceAccount"] = account
        if verb == "delete":
            del self.things["functions", name]
        return {**found, "state": "DEPLOYING"} if verb == "describe" and self._is_building() else found

    def _is_building(self) -> bool:
        self.build_looks = max(self.build_looks - 1, 0)
        return self.build_looks > 0

    def _run(self, command: Command) -> Any:
        if command.words[:3] == ("run", "revisions", "list"):
            return self.revisions[::-1]
        verb, name = command.words[2], command.words[-1]
        if verb == "list":
            return self._services()
        if not {("functions", name), ("run", name)} & set(self.things):
            raise _Failure(_ABSENT["run" if verb == "describe" else "run services"].format(name=name))
        if verb == "update-traffic":
            return self._route(command)
        if verb == "update":
            self.unchecked = _switched(command, "no-invoker-iam-check", "invoker-iam-check", self.unchecked)
            self.throttled = _switched(command, "cpu-throttling", "no-cpu-throttling", self.throttled)
        if verb in {"describe", "update"}:
            annotation = {"run.googleapis.com/invoker-iam-disabled": "true"} if self.unchecked else {}
            labels = self.things.get(("run", name), {"labels": {"goog-managed-by": "cloudfunctions"}})["labels"]
            ready = [revision["metadata"]["name"] for revision in self.revisions if is_ready(revision)]
            created = self.revisions[-1]["metadata"]["name"] if self.revisions else ""
            return {
                "metadata": {"annotations": annotation, "labels": labels},
                "spec": {"traffic": self.traffic, "template": self._template(name)},
                "status": {
                    "latestReadyRevisionName": ready[-1] if ready else "",
                    "latestCreatedRevisionName": created,
                },
            }
        return self._policy(f"run {name}", command)

    def _template(self, name: str) -> dict[str, Any]:
        served = self.things.get(("functions", name), {}).get("serviceConfig", {})
        container = {"resources": {"limits": {"cpu": served.get("availableCpu", "1")}}}
        annotations = {"run.googleapis.com/cpu-throttling": str(self.throttled).lower()}
        return {"metadata": {"annotations": annotations}, "spec": {"containers": [container]}}

    def _services(self) -> list[Any]:
        """Return the services of the functions, which have their labels, and those of detached functions."""
        return [
            {
                "metadata": {
                    "name": name,
                    "labels": {**thing["labels"], "cloud.googleapis.com/location": REGION},
                }
            }
            for (group, name), thing in self.things.items()
            if group in {"functions", "run"}
        ]

    def _route(self, command: Command) -> list[dict[str, Any]]:
        """Change the traffic, and return it: gcloud prints a list."""
        name, _, percent = command.flags.get("to-revisions", "").partition("=")
        if command.words[-1].startswith("first-contact-"):  # a function of its own
            return [{"revisionName": name, "percent": int(percent)}]
        self.traffic = [{"latestRevision": True, "percent": 100}]
        if name:
            assert name in {revision["metadata"]["name"] for revision in self.revisions}
            self.traffic = [{"revisionName": name, "percent": int(percent)}]
        return self.traffic

    def _policy(self, of: str, command: Command) -> Any:
        bindings = self.policies.setdefault(of, [])
        if "remove-iam-policy-binding" in command.words:
            self.policies[of] = [binding for binding in bindings if command.flags["member"] not in binding["members"]]
        elif "member" in command.flags:
            bindings.append({"role": command.flags["role"], "members": [command.flags["member"]]})
        return {"bindings": bindings, "etag": "BwX"}

    def _must_be(self, kind: str, name: str) -> Any:
        if (kind, name) not in self.things:
            raise _Failure(_ABSENT[kind].format(name=name))
        return self.things[kind, name]

    def _must_be_new(self, kind: str, name: str) -> None:
        if (kind, name) in self.things:
            raise _Failure(f"Resource in projects [{PROJECT}] is the subject of a conflict: {name} already exists.")


def delivery(flags: Mapping[str, str]) -> dict[str, Any]:
    """Return how a subscription delivers, in the format of Google's answers; only what the flags of a command say."""
    made: dict[str, Any] = {}
    if deadline := flags.get("ack-deadline"):
        made["ackDeadlineSeconds"] = int(deadline)
    if "enable-exactly-once-delivery" in flags or "no-enable-exactly-once-delivery" in flags:
        made["enableExactlyOnceDelivery"] = "enable-exactly-once-delivery" in flags
    if topic := flags.get("dead-letter-topic"):
        attempts = int(flags["max-delivery-attempts"])
        made["deadLetterPolicy"] = {
            "deadLetterTopic": f"projects/{PROJECT}/topics/{topic}",
            "maxDeliveryAttempts": attempts,
        }
        made["retryPolicy"] = {"minimumBackoff": flags["min-retry-delay"], "maximumBackoff": flags["max-retry-delay"]}
    if "clear-dead-letter-policy" in flags:
        made["deadLetterPolicy"] = {}
    if (url := flags.get("push-endpoint")) is not None:
        account = flags.get("push-auth-service-account")
        token = {"serviceAccountEmail": account, "audience": flags.get("push-auth-token-audience", url)}
        bare = {"writeMetadata": "push-no-wrapper-write-metadata" in flags}
        made["pushConfig"] = {
            **({"pushEndpoint": url} if url else {}),
            **({"oidcToken": token} if account else {}),
            **({"noWrapper": bare} if "push-no-wrapper" in flags else {}),
        }
    return made


def _switched(command: Command, on: str, off: str, now: bool) -> bool:  # noqa: FBT001  # the state before
    """Return the state of a switch after a command with the flag that sets it, or without."""
    return (now or on in command.flags) and off not in command.flags


def new_function(name: str = "dt-pubsub", region: str = REGION) -> dict[str, Any]:
    """Return a function as it is before its first deployment."""
    uri = URL.replace("dt-pubsub-", f"{name}-")
    served = {"uri": uri, "environmentVariables": {}, "ingressSettings": "ALLOW_ALL"}
    place = f"projects/{PROJECT}/locations/{region}/functions/{name}"
    build = {"build": f"projects/1/locations/{region}/builds/0f1e2d3c-4b5a"}
    return {"name": place, "state": "ACTIVE", "labels": {}, "buildConfig": build, "serviceConfig": served}


def new_revision(service: str, number: int, served: dict[str, Any], *, ready: bool = True) -> dict[str, Any]:
    """Return a revision in the format of Knative, with the settings of the function's service."""
    volumes = [
        {
            "name": "secret",
            "secret": {
                "secretName": volume["secret"],
                "items": [{"key": part["version"], "path": part["path"]} for part in volume["versions"]],
            },
        }
        for volume in served.get("secretVolumes", [])
    ]
    variables = [{"name": name, "value": value} for name, value in served["environmentVariables"].items()]
    return {
        "metadata": {"name": f"{service}-{number:05}-abc", "creationTimestamp": f"2026-11-{number:02}T08:13:15.1Z"},
        "spec": {"containers": [{"env": variables}], "volumes": volumes},
        "status": {"conditions": [{"type": "Ready", "status": str(ready)}]},
    }


def is_ready(revision: dict[str, Any]) -> bool:
    """Return whether a revision has started."""
    return any(part["type"] == "Ready" and part["status"] == "True" for part in revision["status"]["conditions"])


def _deployed(function: dict[str, Any], command: Command) -> None:
    served, flags = function["serviceConfig"], command.flags
    function["labels"] |= command.pairs("update-labels")
    function["state"] = "ACTIVE"
    function["buildConfig"] |= {"runtime": flags["runtime"], "entryPoint": flags["entry-point"]}
    served["serviceAccountEmail"] = flags["service-account"]
    served["environmentVariables"] |= command.pairs("update-env-vars")
    settings = {
        "memory": ("availableMemory", str),
        "cpu": ("availableCpu", str),
        "timeout": ("timeoutSeconds", lambda text: int(text.rstrip("s"))),
        "concurrency": ("maxInstanceRequestConcurrency", int),
        "min-instances": ("minInstanceCount", int),
        "max-instances": ("maxInstanceCount", int),
    }
    served |= {key: read(flags[flag]) for flag, (key, read) in settings.items() if flag in flags}  # type: ignore[operator]
    for path, version in command.pairs("update-secrets").items():
        mount, _, file = path.rpartition("/")
        secret, _, number = version.partition(":")
        volume = {"mountPath": mount, "secret": secret, "versions": [{"path": file, "version": number}]}
        served["secretVolumes"] = [volume]
