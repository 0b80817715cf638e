"""What gcloud's words on standard error mean, and what helps. Pure.

gcloud's errors begin with ``ERROR: (gcloud.some.command)``, then Google's status in one of several dresses.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from deploy.errors import Code, GcloudFailed
from deploy.google.permissions import allow_unchecked, grant, let_build
from deploy.resources.catalog import command_groups
from deploy.spec import last_segment
from deploy.steps import Argv


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of error: the sentences that tell it, and the lines that help.

    ``{project}``, ``{region}``, ``{name}`` and ``{group}`` in a line are those of the command that failed. A named
    group of the pattern stands for itself, and goes before them.
    """

    code: Code
    pattern: str
    remedy: tuple[str, ...]


STATUS = "https://status.cloud.google.com/"
_QUOTAS = "https://console.cloud.google.com/iam-admin/quotas?project={project}"
_POLICY = "gcloud resource-manager org-policies describe {constraint} --effective --project={project}"
_LET_BUILD = let_build("{project}", "{account}")
_LOG_IN = "gcloud auth login"
_NAMED: tuple[Code, ...] = (
    *("NOT_FOUND", "ALREADY_EXISTS", "ABORTED", "RESOURCE_EXHAUSTED", "PERMISSION_DENIED"),
    *("UNAUTHENTICATED", "UNAVAILABLE"),
)
_REFUSALS = (*_NAMED, "FAILED_PRECONDITION", "INVALID_ARGUMENT", "INTERNAL", "DEADLINE_EXCEEDED")
"""Words with which Google itself begins to say no; in none of these sentences does it quote what it keeps."""

_BY_STATUS: Mapping[str, Code] = {
    "401": "UNAUTHENTICATED",
    "403": "PERMISSION_DENIED",
    "404": "NOT_FOUND",
    "409": "ABORTED",
    "429": "RESOURCE_EXHAUSTED",
    "503": "UNAVAILABLE",
}

TABLE: tuple[Kind, ...] = (
    Kind("GARBLED", r"InvalidDataFromServerError|Error decoding response", (STATUS,)),
    Kind("CRASHED", r"gcloud crashed \(", ("gcloud components update", "gcloud info --run-diagnostics")),
    Kind("OLD_GCLOUD", r"unrecognized arguments?:|Invalid choice:", ("gcloud components update",)),
    Kind(
        "IMPERSONATION",
        r"Failed to impersonate \[(?P<account>[^\]]+)\]",
        (
            "gcloud config unset auth/impersonate_service_account",
            (
                "gcloud iam service-accounts add-iam-policy-binding {account} --member=user:YOU "
                "--role=roles/iam.serviceAccountTokenCreator"
            ),
        ),
    ),
    Kind(
        "PERIMETER",
        r"vpcServiceControlsUniqueIdentifier|VPC_SERVICE_CONTROLS|SECURITY_POLICY_VIOLATED",
        (
            (
                "have an administrator of VPC Service Controls admit you and this network to the service perimeter: "
                "https://cloud.google.com/vpc-service-controls/docs/troubleshooting"
            ),
        ),
    ),
    Kind(
        "ENDPOINT",
        r"(?s)(?:404|not found).{0,200}<(?:!DOCTYPE|html)|Method not found",
        ("gcloud config list", "gcloud config unset api_endpoint_overrides/{group}"),
    ),
    Kind(
        "PROXY",
        r"ProxyError|Tunnel connection failed|407 Proxy",
        ("gcloud config list proxy", "gcloud config set proxy/address HOST"),
    ),
    Kind(
        "CERTIFICATE",
        r"CERTIFICATE_VERIFY_FAILED|certificate verify failed|SSLError",
        ("gcloud config set core/custom_ca_certs_file FILE",),
    ),
    Kind("CLOCK", r"reasonable timeframe|Check your iat and exp", ("sudo timedatectl set-ntp true",)),
    Kind(
        "TERMS",
        r"(?i:terms of service|TOS_NOT_ACCEPTED|TOS_VIOLATION)",
        ("accept the terms of service: https://console.cloud.google.com/?project={project}",),
    ),
    Kind(
        "BILLING",
        r"BILLING_DISABLED|[Bb]illing (?:account|to be enabled|must be enabled|is disabled|has not been enabled)",
        ("gcloud billing projects link {project} --billing-account=ACCOUNT",),
    ),
    Kind(
        "PROJECT",
        r"pending deletion|scheduled for deletion|DELETE_REQUESTED|Project \S+ has been deleted|CONSUMER_INVALID",
        ("gcloud projects undelete {project}",),
    ),
    Kind(
        "PROJECT",
        r"(?:Projects|Namespaces) instance \[[^\]]+\] not found|[Rr]equested project not found|Unknown project",
        ("gcloud projects list",),
    ),
    Kind(
        "QUOTA_PROJECT",
        r"USER_PROJECT_DENIED|required permission to use project (?P<project>[\w:.-]*\w)",
        (
            "gcloud config unset billing/quota_project",
            (
                "gcloud projects add-iam-policy-binding {project} --member=user:YOU "
                "--role=roles/serviceusage.serviceUsageConsumer --condition=None"
            ),
        ),
    ),
    Kind(
        "SERVICE_DISABLED",
        r"has not been used in project (?P<project>[\w:.-]+)(?s:.*?)(?P<service>[a-z]+\.googleapis\.com)/overview",
        ("gcloud services enable {service} --project={project}",),
    ),
    Kind(
        "SERVICE_DISABLED",
        r"API \[(?P<service>[a-z]+\.googleapis\.com)\] not enabled on project \[(?P<project>[^\]]+)\]",
        ("gcloud services enable {service} --project={project}",),
    ),
    Kind(
        "SERVICE_DISABLED",
        r"SERVICE_DISABLED|has not been used in project|API \[\S+\] not enabled|it is disabled",
        ("gcloud services enable {service} --project={project}",),
    ),
    Kind(
        "BUILD_ACCOUNT",
        r"grant Storage Object Viewer permission to (?P<account>\S+@\S+\.com)",
        (_LET_BUILD,),
    ),
    Kind(
        "BUILD_ACCOUNT",
        r"(?P<account>[\w-]+@[\w.-]+\.com) does not have storage\.objects\.get access",
        (_LET_BUILD,),
    ),
    Kind(
        "BUILD_ACCOUNT",
        r"missing permission on the build service account|artifactregistry\.repositories\.\w+Artifacts"
        r"|running this build does not have permission",
        (_LET_BUILD,),
    ),
    Kind(
        "IMAGE",
        r"(?P<account>service-\d+@[\w.-]+\.com) must have permission to read the image",
        (
            (
                "gcloud projects add-iam-policy-binding {project} --member=serviceAccount:{account} "
                "--role=roles/run.serviceAgent --condition=None"
            ),
        ),
    ),
    Kind(
        "START",
        r"Container Healthcheck failed|container failed to start|failed to start and listen",
        ("gcloud functions logs read {name} --gen2 --region={region} --project={project} --limit=50",),
    ),
    Kind(
        "BUILD",
        r"Build failed(?s:.*?)/cloud-build/builds;region=(?P<region>[\w-]+)/(?P<build>[\w-]+)",
        ("gcloud builds log {build} --region={region} --project={project}",),
    ),
    Kind("BUILD", r"Build failed", ("gcloud builds list --region={region} --project={project} --limit=1",)),
    Kind(
        "KMS_KEY",
        r"service account (?P<account>\S+@\S+\.com)(?s:.*?)(?P<key>projects/\S+/cryptoKeys/[\w-]+)",
        (
            (
                "gcloud kms keys add-iam-policy-binding {key} --member=serviceAccount:{account} "
                "--role=roles/cloudkms.cryptoKeyEncrypterDecrypter"
            ),
        ),
    ),
    Kind(
        "KMS_KEY",
        r"KMS|CryptoKey|cryptoKeys/",
        ("gcloud kms keys list --keyring=KEYRING --location={region} --project={project}",),
    ),
    Kind("ACCOUNT_LAG", r"actAs' on service account \S+\.iam\.gserviceaccount\.com", (grant("{project}"),)),
    Kind(
        "ACCOUNT_LAG",
        r"[Ss]ervice ?[Aa]ccount \S+ (?:of type \S+ )?(?:does not exist|was not found)|Identity Pool does not exist",
        ("gcloud iam service-accounts list --project={project}",),
    ),
    Kind(
        "ACCOUNT_LAG",
        r"Permission denied on secret(?:: projects/[^/]+/secrets/(?P<secret>[\w-]+))?",
        ("gcloud secrets get-iam-policy {secret} --project={project}",),
    ),
    Kind(
        "LOCATIONS",
        r"(?P<constraint>gcp\.resourceLocations)",
        (_POLICY, "python -m deploy up --region=ONE-THAT-IS-ALLOWED"),
    ),
    Kind(
        "PUBLIC_FORBIDDEN",
        r"permitted customer|allowedPolicyMember",
        ("python -m deploy up --invocation=unchecked",),
    ),
    Kind("CHECK_FORCED", r"run\.managed\.requireInvokerIam", (allow_unchecked("{project}"),)),
    Kind("POLICY", r"constraints/(?P<constraint>[\w.]+\w)", (_POLICY,)),
    Kind(
        "REGION",
        r"Location \S+ is not (?:found|supported)|[Uu]nsupported (?:location|region)|on 'locations/[\w-]+' \(or it may",
        ("gcloud functions regions list --gen2 --project={project}",),
    ),
    Kind(
        "QUOTA",
        r"(?:Cpu|Mem)AllocPerProjectRegion|Max instances must be set to|total allowable (?:CPU|memory)"
        r"|[Qq]uota limit '\w+' has been exceeded|Maximum number of .{1,60} reached",
        (_QUOTAS, "python -m deploy up --max-instances=FEWER"),
    ),
    Kind(
        "RESOURCE_EXHAUSTED",
        r"RATE_LIMIT_EXCEEDED|Quota exceeded for quota|Resource has been exhausted|(?i:rate limit|too many requests)",
        (_QUOTAS,),
    ),
    Kind(
        "UNAUTHENTICATED",
        r"gcloud auth |invalid_grant|Reauth|invalid_rapt|rapt_required|not currently have an active account"
        r"|invalid authentication cred",
        (_LOG_IN,),
    ),
    Kind("ALREADY_EXISTS", r"already exists", ("python -m deploy up --name=ANOTHER-NAME",)),
    Kind(
        "ABORTED",
        r"concurrent policy changes|unable to queue the operation|operation in progress"
        r"|(?i:etag mismatch|etag\b.{0,99} did not match)",
        ("wait until the other change has ended: python -m deploy status",),
    ),
    Kind("PERMISSION_DENIED", r"does not have permission to access|not authorized to perform", (grant("{project}"),)),
    Kind(
        "NETWORK",
        r"Connection (?:refused|reset|aborted)|RemoteDisconnected|closed connection without response"
        r"|Name or service not known|name resolution|Unable to find the server|Network is unreachable"
        r"|Max retries exceeded",
        ("check this machine's network: curl https://pubsub.googleapis.com/",),
    ),
    Kind("NOT_FOUND", r"Cannot find service|could not be found|Resource not found", ()),
)
"""Every kind that is known, looked for in this order: a sentence says more than the status that it comes with."""

_BY_CODE: Mapping[Code, tuple[str, ...]] = {
    "PERMISSION_DENIED": (grant("{project}"),),
    "UNAUTHENTICATED": (_LOG_IN,),
    "RESOURCE_EXHAUSTED": (_QUOTAS,),
    "ABORTED": ("wait until the other change has ended: python -m deploy status",),
    "ALREADY_EXISTS": ("python -m deploy up --name=ANOTHER-NAME",),
    "NOT_FOUND": ("python -m deploy plan",),
    "ELSEWHERE": ("gcloud config list", "gcloud projects describe {project}"),
    "UNAVAILABLE": (STATUS,),
    "TIMEOUT": (STATUS,),
    "UNWORDED": (STATUS, _QUOTAS),
}
"""What helps where only a status tells the kind."""

_DOCUMENTED = {
    "functions": "https://cloud.google.com/functions/docs/troubleshooting",
    "iam": "https://cloud.google.com/iam/docs/troubleshooting-access",
    "pubsub": "https://cloud.google.com/pubsub/docs/troubleshooting",
    "run": "https://cloud.google.com/run/docs/troubleshooting",
    "secrets": "https://cloud.google.com/secret-manager/docs/troubleshooting",
}
"""Where Google describes the errors of a group of commands: all that can be said of one that is not known here."""


def explain(argv: Argv, stderr: str) -> GcloudFailed:
    """Read why a command failed, and what helps."""
    sentence = _sentence(stderr)
    kind = kind_of(argv, sentence)
    sentence = _shown(argv, kind.code, sentence)
    line = shlex.join(("gcloud", *(word for word in argv if not word.startswith("--format"))))
    return GcloudFailed(kind.code, sentence, where=line, mend=kind.remedy)


def _shown(argv: Argv, code: Code, sentence: str) -> str:
    """Return what may be shown of a sentence, and is worth it."""
    if may_quote_a_secret(argv) and not re.match(rf"(?:{'|'.join(_REFUSALS)}): ", sentence):
        return "failed with words that are not shown, because they may quote the secret"
    if code in {"UNAUTHENTICATED", "PERMISSION_DENIED"}:
        return sentence.splitlines()[0]
    if code == "ENDPOINT":
        return f"{sentence.partition('<')[0].strip(' :[=')} (not an answer of this API)"
    message = re.match(r'HttpError accessing .*"message": "(.*?)(?<!\\)"', sentence, re.DOTALL)
    return message[1] if message and message[1].strip() else sentence


def kind_of(argv: Argv, sentence: str) -> Kind:
    """Return the kind of what stands behind ``ERROR: (gcloud...)``, its remedy filled in for this command."""
    if is_absent(argv, sentence):
        return Kind("NOT_FOUND", "", _BY_CODE["NOT_FOUND"])
    for kind in TABLE:
        if found := re.search(kind.pattern, sentence):
            return _filled(kind, argv, found.groupdict()) if kind.code != "NOT_FOUND" else _by_code("ELSEWHERE", argv)
    code = _code_of_status(sentence)
    return _by_code("ELSEWHERE" if code == "NOT_FOUND" else code, argv)


def is_absent(argv: Argv, sentence: str) -> bool:
    """Return whether the sentence says that the very resource that the command names is not there."""
    if re.search(r"Failed to impersonate|<(?:!DOCTYPE|html)", sentence):
        return False
    name = re.escape(_name(argv))
    return any(
        re.search(group.absent.format(name=name), sentence) is not None
        for group in command_groups()
        if group.absent and argv[: len(group.words)] == group.words
    )


def may_quote_a_secret(argv: Argv) -> bool:
    """Whether gcloud may quote a secret when this command fails: a secret is what it reads."""
    return argv[:3] == ("secrets", "versions", "access")


def _code_of_status(sentence: str) -> Code:
    for name in _NAMED:
        if re.match(rf"(?:\w+: )?{name}\b", sentence) or re.search(rf"status=\[\d+\], code=\[{name}\]", sentence):
            return name
    if found := re.search(r"(?:status=\[|HTTPError |Error |status code |'status': )(\d{3})\b", sentence):
        return _BY_STATUS.get(found[1], "OTHER")
    return "UNWORDED" if re.match(r"Failed to \w+ \w+ \[", sentence) else "OTHER"


def _by_code(code: Code, argv: Argv) -> Kind:
    documented = (_DOCUMENTED.get(argv[0], STATUS),)
    return _filled(Kind(code, "", _BY_CODE.get(code, documented)), argv, {})


def _filled(kind: Kind, argv: Argv, found: Mapping[str, str | None]) -> Kind:
    words = {"project": _flag(argv, "project"), "region": _flag(argv, "region"), "name": _name(argv), "group": argv[0]}
    words |= {"account": _build_account(argv)} if kind.code == "BUILD_ACCOUNT" else {}
    words |= {word: value for word, value in found.items() if value}
    return Kind(kind.code, kind.pattern, tuple(line.format_map(_Words(words)) for line in kind.remedy))


class _Words(dict[str, str]):
    """What stands in a line; a word that is not known stays for the reader to fill in."""

    def __missing__(self, word: str) -> str:
        return word.upper()


def _flag(argv: Argv, flag: str) -> str:
    given = (word.partition("=")[2] for word in argv if word.startswith(f"--{flag}="))
    return next(given, flag.upper())


def _build_account(argv: Argv) -> str:
    return last_segment(_flag(argv, "build-service-account")).replace("BUILD-SERVICE-ACCOUNT", "BUILD-ACCOUNT")


def _name(argv: Argv) -> str:
    """Return the name of the resource that a command is about: its last word, or the secret of a version."""
    words = [word for word in argv if not word.startswith("--")]
    return next((word.partition("=")[2] for word in argv if word.startswith("--secret=")), words[-1])


def _sentence(stderr: str) -> str:
    """Take the reason out: of commands on several things, the last line only says that one of them failed."""
    error = re.search(r"ERROR: \(gcloud[^)]*\) (.*)", stderr, re.DOTALL) or re.search(r"ERROR: (.*)", stderr, re.DOTALL)
    text = (error[1] if error else stderr).strip()
    if text.startswith("Failed to ") and (first := re.search(r"ERROR: (Failed to \w+ .*)", stderr)):
        text = first[1]
    text = re.split(r"\n- '@type'|\nGoogle developers console|\n- detail", text)[0]
    return re.sub(r" This command is authenticated.*", "", text) or "failed without a word"
