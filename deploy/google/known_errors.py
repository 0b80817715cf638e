"""The known errors of gcloud, and the commands or advice that help, as data. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from deploy.errors import Code
from deploy.google.permissions import allow_unchecked, grant_role, grants, let_build
from deploy.program import PROGRAM
from deploy.remedies import CLOCK, LOGIN


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of error: a pattern of its messages, and the commands or advice that help.

    ``{project}``, ``{region}``, ``{name}`` and ``{group}`` in a remedy are replaced by those of the failed command. A
    named group of the pattern fills the placeholder of its name, and takes precedence over them.
    """

    code: Code
    pattern: str
    remedy: tuple[str, ...]


STATUS = "https://status.cloud.google.com/"
_QUOTAS = "https://console.cloud.google.com/iam-admin/quotas?project={project}"
_POLICY = "gcloud resource-manager org-policies describe {constraint} --effective --project={project}"
_LET_BUILD = let_build("{project}", "{account}")
_LOG_IN = "gcloud auth login"
NAMED: tuple[Code, ...] = (
    *("NOT_FOUND", "ALREADY_EXISTS", "ABORTED", "RESOURCE_EXHAUSTED", "PERMISSION_DENIED"),
    *("UNAUTHENTICATED", "UNAVAILABLE"),
)
REFUSALS = (*NAMED, "FAILED_PRECONDITION", "INVALID_ARGUMENT", "INTERNAL", "DEADLINE_EXCEEDED")
"""Statuses with which Google's own refusals begin. These messages never quote a stored secret."""

BY_STATUS: Mapping[str, Code] = {
    "401": "UNAUTHENTICATED",
    "403": "PERMISSION_DENIED",
    "404": "NOT_FOUND",
    "409": "ABORTED",
    "429": "RESOURCE_EXHAUSTED",
    "503": "UNAVAILABLE",
}

TABLE: tuple[Kind, ...] = (
    Kind("METRIC_LAG", r"Cannot find metric\(s\) that match", (f"in ten minutes: {PROGRAM} up",)),
    Kind("GARBLED", r"InvalidDataFromServerError|Error decoding response", (STATUS,)),
    Kind("CRASHED", r"gcloud crashed \(", ("gcloud components update", "gcloud info --run-diagnostics")),
    Kind("OLD_GCLOUD", r"unrecognized arguments?:|Invalid choice:", ("gcloud components update",)),
    Kind(
        "IMPERSONATION",
        r"Failed to impersonate \[(?P<account>[^\]]+)\]",
        (
            "gcloud config unset auth/impersonate_service_account",
            (
                f"gcloud iam service-accounts add-iam-policy-binding {{account}} --member={LOGIN} "
                "--role=roles/iam.serviceAccountTokenCreator --condition=None"
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
    Kind("CLOCK", r"reasonable timeframe|Check your iat and exp", (CLOCK,)),
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
        r"pending deletion|scheduled for deletion|DELETE_REQUESTED|Project \S+ has been deleted",
        ("gcloud projects undelete {project}",),
    ),
    Kind(
        "PROJECT",
        r"(?:Projects|Namespaces) instance \[[^\]]+\] not found|[Rr]equested project not found|Unknown project|"
        r"CONSUMER_INVALID",
        ("gcloud projects list",),
    ),
    Kind(
        "QUOTA_PROJECT",
        r"USER_PROJECT_DENIED|required permission to use project (?P<project>[\w:.-]*\w)",
        (
            "gcloud config unset billing/quota_project",
            grant_role("{project}", "roles/serviceusage.serviceUsageConsumer"),
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
    Kind("ACCOUNT_LAG", r"actAs' on service account \S+\.iam\.gserviceaccount\.com", grants("{project}")),
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
        (_POLICY, f"{PROGRAM} up --region=ONE-THAT-IS-ALLOWED"),
    ),
    Kind(
        "PUBLIC_FORBIDDEN",
        r"permitted customer|allowedPolicyMember",
        (f"{PROGRAM} up --invocation=unchecked",),
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
        (_QUOTAS, f"{PROGRAM} up --max-instances=FEWER"),
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
    Kind("ALREADY_EXISTS", r"already exists", (f"{PROGRAM} up --name=ANOTHER-NAME",)),
    Kind(
        "ABORTED",
        r"concurrent policy changes|unable to queue the operation|operation in progress"
        r"|(?i:etag mismatch|etag\b.{0,99} did not match)",
        (f"wait until the other change has ended: {PROGRAM} status",),
    ),
    Kind("PERMISSION_DENIED", r"does not have permission to access|not authorized to perform", grants("{project}")),
    Kind(
        "NETWORK",
        r"Connection (?:refused|reset|aborted)|RemoteDisconnected|closed connection without response"
        r"|Name or service not known|name resolution|Unable to find the server|Network is unreachable"
        r"|Max retries exceeded",
        ("check this machine's network: curl https://pubsub.googleapis.com/",),
    ),
    Kind("NOT_FOUND", r"Cannot find service|could not be found|Resource not found", ()),
)
"""All known kinds; the first one that matches counts. A message is more precise than its status, so it comes first."""

BY_CODE: Mapping[Code, tuple[str, ...]] = {
    "PERMISSION_DENIED": grants("{project}"),
    "UNAUTHENTICATED": (_LOG_IN,),
    "RESOURCE_EXHAUSTED": (_QUOTAS,),
    "ABORTED": (f"wait until the other change has ended: {PROGRAM} status",),
    "ALREADY_EXISTS": (f"{PROGRAM} up --name=ANOTHER-NAME",),
    "NOT_FOUND": (f"{PROGRAM} plan",),
    "ELSEWHERE": ("gcloud config list", "gcloud projects describe {project}"),
    "UNAVAILABLE": (STATUS,),
    "TIMEOUT": (STATUS,),
    "UNWORDED": (STATUS, _QUOTAS),
}
"""Remedies for errors that only their status identifies."""

DOCUMENTED = {
    "functions": "https://cloud.google.com/functions/docs/troubleshooting",
    "iam": "https://cloud.google.com/iam/docs/troubleshooting-access",
    "pubsub": "https://cloud.google.com/pubsub/docs/troubleshooting",
    "run": "https://cloud.google.com/run/docs/troubleshooting",
    "secrets": "https://cloud.google.com/secret-manager/docs/troubleshooting",
}
"""Google's troubleshooting pages by command group: the remedy for an error that is not known here."""
