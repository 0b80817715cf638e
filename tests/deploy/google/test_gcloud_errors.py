"""Errors of gcloud and DT: each kind has a code and a fix, which is never the command that failed."""

# ruff: noqa: E501  # the messages are quoted unchanged

import re
import shlex

import pytest

from deploy.dt import api as dt_api
from deploy.errors import Code
from deploy.google.gcloud_errors import explain, is_absent, unreachable_regions
from deploy.google.known_errors import TABLE
from deploy.steps import Argv

P, R = "--project=cold-chain-prod", "--region=europe-west1"
TOPIC = ("pubsub", "topics", "describe", "dt-events", P)
DELETE = ("pubsub", "subscriptions", "delete", "dt-events", P)
SECRET = ("secrets", "describe", "dt-signature", P)
ACCESS = ("secrets", "versions", "access", "latest", "--secret=dt-signature", P)
FUNCTION = ("functions", "describe", "dt-pubsub", "--gen2", R, P)
DEPLOY = ("functions", "deploy", "dt-pubsub", "--gen2", "--source=.", R, P)
SERVICE = ("run", "services", "describe", "dt-pubsub", R, P)
ACCOUNT = ("iam", "service-accounts", "describe", "dt@cold-chain-prod.iam.gserviceaccount.com", P)
OPERATION = "OperationError: code=3, message="
DEPLOYER = "projects/cold-chain-prod/roles/dtPubsubDeployer"
GRANT = "gcloud projects add-iam-policy-binding"
BUILDER = "--role=roles/cloudbuild.builds.builder --condition=None"
QUOTAS = "https://console.cloud.google.com/iam-admin/quotas?project=cold-chain-prod"

Row = tuple[Code, Argv, str, str]

ROWS: tuple[Row, ...] = (
    (
        "GARBLED",
        TOPIC,
        'gcloud crashed (InvalidDataFromServerError): Error decoding response "{"name": "pro" as type Topic: Unterminated',
        "https://status.cloud.google.com/",
    ),
    ("CRASHED", TOPIC, "gcloud crashed (ValueError): Duplicate stage key", "gcloud components update"),
    ("OLD_GCLOUD", SERVICE, "unrecognized arguments: --no-invoker-iam-check \n\nTo search", "gcloud components update"),
    ("OLD_GCLOUD", SERVICE, "Invalid choice: 'get-default-service-account'.", "gcloud components update"),
    (
        "IMPERSONATION",
        TOPIC,
        "NOT_FOUND: Failed to impersonate [ci@p.iam.gserviceaccount.com]. Make sure the account that's trying to",
        "gcloud config unset auth/impersonate_service_account",
    ),
    (
        "PERIMETER",
        FUNCTION,
        (
            "ResponseError: status=[403], code=[Ok], message=[Request is prohibited by organization's policy. "
            "vpcServiceControlsUniqueIdentifier: abc123]"
        ),
        "have an administrator of VPC Service Controls admit you and this network to the service perimeter",
    ),
    (
        "PERIMETER",
        DELETE,
        (
            "Failed to delete subscription [x]: Request is prohibited by organization's policy. "
            "vpcServiceControlsUniqueIdentifier: abc."
        ),
        "have an administrator of VPC Service Controls admit you and this network to the service perimeter",
    ),
    ("ENDPOINT", TOPIC, "HTTPError 404: <!DOCTYPE html>\n<html lang=en><title>Error 404", "gcloud config list"),
    ("ENDPOINT", TOPIC, "NOT_FOUND: Method not found.", "gcloud config list"),
    ("PROXY", TOPIC, "HTTPSConnectionPool: ProxyError('Cannot connect to proxy.')", "gcloud config list proxy"),
    (
        "CERTIFICATE",
        TOPIC,
        "HTTPSConnectionPool(host='x'): SSLError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed')",
        "gcloud config set core/custom_ca_certs_file FILE",
    ),
    (
        "CLOCK",
        TOPIC,
        (
            "There was a problem refreshing your current auth tokens: ('invalid_grant: Invalid JWT: Token must be a "
            "short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.'"
        ),
        "sudo timedatectl set-ntp true",
    ),
    (
        "TERMS",
        TOPIC,
        "PERMISSION_DENIED: Callers must accept Terms of Service",
        "accept the terms of service: https://console.cloud.google.com/?project=cold-chain-prod",
    ),
    (
        "BILLING",
        ("services", "enable", "run.googleapis.com", P),
        "FAILED_PRECONDITION: Billing account for project '1' is not found. Billing must be enabled for activation",
        "gcloud billing projects link cold-chain-prod --billing-account=ACCOUNT",
    ),
    (
        "BILLING",
        SECRET,
        "PERMISSION_DENIED: This API method requires billing to be enabled. Please enable billing on project #1",
        "gcloud billing projects link cold-chain-prod --billing-account=ACCOUNT",
    ),
    (
        "PROJECT",
        TOPIC,
        "PERMISSION_DENIED: Project cold-chain-prod has been deleted.",
        "gcloud projects undelete cold-chain-prod",
    ),
    (
        "PROJECT",
        TOPIC,
        "FAILED_PRECONDITION: Project 'projects/1' is pending deletion.",
        "gcloud projects undelete cold-chain-prod",
    ),
    (
        "PROJECT",
        TOPIC,
        "NOT_FOUND: Requested project not found or user does not have access to it (project=cold-chain-prod).",
        "gcloud projects list",
    ),
    (
        "QUOTA_PROJECT",
        TOPIC,
        "PERMISSION_DENIED: Caller does not have required permission to use project other-1. Grant the caller the",
        "gcloud config unset billing/quota_project",
    ),
    (
        "SERVICE_DISABLED",
        SECRET,
        (
            "PERMISSION_DENIED: Secret Manager API has not been used in project 987 before or it is disabled. Enable it by "
            "visiting https://console.developers.google.com/apis/api/secretmanager.googleapis.com/overview?project=987 then"
        ),
        "gcloud services enable secretmanager.googleapis.com --project=987",
    ),
    (
        "SERVICE_DISABLED",
        SERVICE,
        "API [run.googleapis.com] not enabled on project [cold-chain-prod]. Would you like to enable and retry",
        "gcloud services enable run.googleapis.com --project=cold-chain-prod",
    ),
    ("SERVICE_DISABLED", SECRET, "PERMISSION_DENIED: SERVICE_DISABLED", "gcloud services enable SERVICE"),
    (
        "BUILD_ACCOUNT",
        DEPLOY,
        (
            f"{OPERATION}Build failed with status: FAILURE and message: failed to Fetch: failed to download archive gs://x: "
            "Access to bucket gcf-v2-sources-1-europe-west1 denied. You must grant Storage Object Viewer permission to "
            "1-compute@developer.gserviceaccount.com. If you are using VPC Service Controls, you must also grant it access"
        ),
        f"{GRANT} cold-chain-prod --member=serviceAccount:1-compute@developer.gserviceaccount.com {BUILDER}",
    ),
    (
        "BUILD_ACCOUNT",
        DEPLOY,
        f"{OPERATION}Build failed: 1-compute@developer.gserviceaccount.com does not have storage.objects.get access to",
        f"{GRANT} cold-chain-prod --member=serviceAccount:1-compute@developer.gserviceaccount.com {BUILDER}",
    ),
    (
        "BUILD_ACCOUNT",
        (*DEPLOY, "--build-service-account=projects/cold-chain-prod/serviceAccounts/b@c.iam.gserviceaccount.com"),
        (
            f"{OPERATION}Build failed with status: FAILURE. Could not build the function due to a missing permission on the "
            "build service account. If you didn't revoke that permission explicitly, this could be caused by a change"
        ),
        f"{GRANT} cold-chain-prod --member=serviceAccount:b@c.iam.gserviceaccount.com {BUILDER}",
    ),
    (
        "BUILD_ACCOUNT",
        DEPLOY,
        f'{OPERATION}Build failed: denied: Permission "artifactregistry.repositories.uploadArtifacts" denied on resource',
        f"{GRANT} cold-chain-prod --member=serviceAccount:BUILD-ACCOUNT {BUILDER}",
    ),
    (
        "IMAGE",
        DEPLOY,
        (
            f"{OPERATION}Google Cloud Run Service Agent service-1@serverless-robot-prod.iam.gserviceaccount.com must have "
            "permission to read the image, europe-west1-docker.pkg.dev/p/gcf-artifacts/x. Ensure that the provided"
        ),
        f"{GRANT} cold-chain-prod --member=serviceAccount:service-1@serverless-robot-prod.iam.gserviceaccount.com",
    ),
    (
        "START",
        DEPLOY,
        f"{OPERATION}Could not create or update Cloud Run service dt-pubsub, Container Healthcheck failed. Revision",
        f"gcloud functions logs read dt-pubsub --gen2 {R} {P} --limit=50",
    ),
    (
        "BUILD",
        DEPLOY,
        (
            f"{OPERATION}Build failed with status: FAILURE and message: No matching distribution. For more details see the "
            "logs at https://console.cloud.google.com/cloud-build/builds;region=europe-west1/9e1f-7c?project=1."
        ),
        f"gcloud builds log 9e1f-7c {R} {P}",
    ),
    ("BUILD", DEPLOY, f"{OPERATION}Build failed with status: FAILURE", f"gcloud builds list {R} {P} --limit=1"),
    (
        "KMS_KEY",
        ("pubsub", "topics", "create", "dt-events", P),
        (
            "Failed to create topic [x]: Cloud Pub/Sub did not have the necessary permissions configured to support this "
            "operation. Please verify that the service account service-1@gcp-sa-pubsub.iam.gserviceaccount.com was granted "
            "the Cloud KMS CryptoKey Encrypter/Decrypter role for projects/p/locations/l/keyRings/r/cryptoKeys/k."
        ),
        (
            "gcloud kms keys add-iam-policy-binding projects/p/locations/l/keyRings/r/cryptoKeys/k "
            "--member=serviceAccount:service-1@gcp-sa-pubsub.iam.gserviceaccount.com"
        ),
    ),
    ("KMS_KEY", SECRET, "FAILED_PRECONDITION: KMS key is disabled", "gcloud kms keys list"),
    (
        "METRIC_LAG",
        ("monitoring", "POST", P),
        (
            'NOT_FOUND: Cannot find metric(s) that match type = "logging.googleapis.com/user/dt-pubsub/fridges/rejected". '
            "If a metric was created recently, it could take up to 10 minutes to become available."
        ),
        "in ten minutes: python -m deploy up",
    ),
    (
        "ACCOUNT_LAG",
        DEPLOY,
        (
            "ResponseError: status=[403], code=[Ok], message=[missing permission 'iam.serviceaccounts.actAs' on service "
            "account dt@p.iam.gserviceaccount.com.]"
        ),
        f"{GRANT} cold-chain-prod --member=user:YOU --role={DEPLOYER} --condition=None",
    ),
    (
        "ACCOUNT_LAG",
        TOPIC,
        "INVALID_ARGUMENT: Service account dt@p.iam.gserviceaccount.com does not exist.",
        f"gcloud iam service-accounts list {P}",
    ),
    (
        "ACCOUNT_LAG",
        DEPLOY,
        f"{OPERATION}Permission denied on secret: projects/1/secrets/dt-signature/versions/latest for Revision service",
        f"gcloud secrets get-iam-policy dt-signature {P}",
    ),
    (
        "LOCATIONS",
        SECRET,
        "FAILED_PRECONDITION: Constraint constraints/gcp.resourceLocations violated for [orgpolicy:projects/1] attempting",
        f"gcloud resource-manager org-policies describe gcp.resourceLocations --effective {P}",
    ),
    (
        "PUBLIC_FORBIDDEN",
        SERVICE,
        "FAILED_PRECONDITION: One or more users named in the policy do not belong to a permitted customer.",
        "python -m deploy up --invocation=unchecked",
    ),
    (
        "CHECK_FORCED",
        SERVICE,
        "FAILED_PRECONDITION: Denied by org policy: ['constraints/run.managed.requireInvokerIam'].",
        f"gcloud org-policies reset run.managed.requireInvokerIam {P}",
    ),
    (
        "POLICY",
        ACCOUNT,
        "FAILED_PRECONDITION: Service account creation is not allowed: constraints/iam.disableServiceAccountCreation.",
        f"gcloud resource-manager org-policies describe iam.disableServiceAccountCreation --effective {P}",
    ),
    (
        "POLICY",
        ACCOUNT,
        "FAILED_PRECONDITION: Key creation is not allowed: constraints/iam.disableServiceAccountKeyCreation",
        f"gcloud resource-manager org-policies describe iam.disableServiceAccountKeyCreation --effective {P}",
    ),
    (
        "REGION",
        DEPLOY,
        "ResponseError: status=[403], code=[Ok], message=[Permission denied on 'locations/europe-west99' (or it may not",
        f"gcloud functions regions list --gen2 {P}",
    ),
    (
        "QUOTA",
        DEPLOY,
        f"{OPERATION}Max instances must be set to 10 or fewer in order to set the requested total CPU.",
        QUOTAS,
    ),
    ("QUOTA", DEPLOY, f"{OPERATION}Quota exceeded for total allowable CPU per project per region.", QUOTAS),
    (
        "RESOURCE_EXHAUSTED",
        DELETE,
        "Failed to delete subscription [x]: Quota exceeded for quota metric 'Administrator operations' and limit 'Admin",
        QUOTAS,
    ),
    ("RESOURCE_EXHAUSTED", FUNCTION, "ResponseError: status=[429], code=[Ok], message=[slow down]", QUOTAS),
    (
        "RESOURCE_EXHAUSTED",
        ("services", "list", "--enabled", P),
        (
            "HttpError accessing <https://serviceusage.googleapis.com/v1/projects/p/services?alt=json>: response: "
            '<{\'content-length\': \'92\', \'status\': 429}>, content <{"error": {"code": 429, "message": "slow down"}}>'
        ),
        QUOTAS,
    ),
    ("UNAUTHENTICATED", TOPIC, "Reauthentication required.\nPlease run:\n  $ gcloud auth login", "gcloud auth login"),
    (
        "UNAUTHENTICATED",
        TOPIC,
        "There was a problem refreshing your current auth tokens: ('invalid_grant: reauth related error (invalid_rapt)'",
        "gcloud auth login",
    ),
    (
        "ALREADY_EXISTS",
        DEPLOY,
        (
            "ResponseError: status=[409], code=[Ok], message=[Could not create Cloud Run service dt-pubsub. A Cloud Run "
            "service with this name already exists. Please redeploy the function with a different name.]"
        ),
        "python -m deploy up --name=ANOTHER-NAME",
    ),
    (
        "ABORTED",
        DEPLOY,
        "ResponseError: status=[409], code=[Ok], message=[unable to queue the operation]",
        "wait until the other change has ended: python -m deploy status",
    ),
    (
        "PERMISSION_DENIED",
        DELETE,
        "Failed to delete subscription [x]: User not authorized to perform this action.",
        f"{GRANT} cold-chain-prod --member=user:YOU --role={DEPLOYER} --condition=None",
    ),
    (
        "NETWORK",
        TOPIC,
        "('Connection aborted.', RemoteDisconnected('Remote end closed connection without response'))",
        "check this machine's network: curl https://pubsub.googleapis.com/",
    ),
    ("ELSEWHERE", TOPIC, "NOT_FOUND: Resource not found (resource=another).", "gcloud config list"),
    ("ELSEWHERE", TOPIC, "NOT_FOUND: Requested entity was not found.", "gcloud config list"),
    ("UNAVAILABLE", TOPIC, "UNAVAILABLE: The service is currently unavailable.", "https://status.cloud.google.com/"),
    ("UNAVAILABLE", FUNCTION, "ResponseError: status=[503], code=[Ok], message=[]", "https://status.cloud.google.com/"),
    (
        "UNWORDED",
        DELETE,
        "Failed to delete subscription [projects/p/subscriptions/s]: made to fail with 429.",
        "https://status.cloud.google.com/",
    ),
    ("OTHER", DEPLOY, f"{OPERATION}never heard of", "https://cloud.google.com/functions/docs/troubleshooting"),
)

ABSENT = (
    (ACCOUNT, "NOT_FOUND: Unknown service account: projects/-/serviceAccounts/dt@cold-chain-prod.iam.gserviceaccount.com."),
    (ACCOUNT, "NOT_FOUND: Unknown service account"),
    (ACCOUNT, "NOT_FOUND: Service account projects/p/serviceAccounts/dt@cold-chain-prod.iam.gserviceaccount.com does not exist"),
    (TOPIC, "NOT_FOUND: Resource not found (resource=dt-events)."),
    (DELETE, "Failed to delete subscription [projects/p/subscriptions/dt-events]: Resource not found (resource=dt-events)."),
    (SECRET, "NOT_FOUND: Secret [projects/1/secrets/dt-signature] not found."),
    (ACCESS, "NOT_FOUND: Secret [projects/1/secrets/dt-signature] not found or has no versions."),
    (ACCESS, "NOT_FOUND: Secret Version [projects/1/secrets/dt-signature/versions/3] not found."),
    (
        FUNCTION,
        ("ResponseError: status=[404], code=[Ok], message=[Resource "
        "'projects/p/locations/europe-west1/functions/dt-pubsub' was not found]"),
    ),
    (SERVICE, "Cannot find service [dt-pubsub]"),
    (SERVICE, "NOT_FOUND: Resource 'dt-pubsub' of kind 'SERVICE' in region 'europe-west1' in project 'p' does not exist."),
)  # fmt: skip


@pytest.mark.parametrize(("code", "argv", "sentence", "remedy"), ROWS)
def test_every_kind_of_error_has_its_code_and_its_fix(code: Code, argv: Argv, sentence: str, remedy: str) -> None:
    error = explain(argv, f"ERROR: (gcloud.{argv[0]}) {sentence}\n")
    assert (error.code, error.fix[0].startswith(remedy)) == (code, True), error.fix


@pytest.mark.parametrize(("code", "argv", "sentence", "remedy"), ROWS)
def test_the_fix_is_never_the_failed_command(code: Code, argv: Argv, sentence: str, remedy: str) -> None:
    del code, remedy
    error = explain(argv, f"ERROR: (gcloud.{argv[0]}) {sentence}\n")
    assert shlex.join(("gcloud", *argv)) not in error.fix
    assert not [line for line in error.fix if "#" in line or "{" in line]


def test_the_samples_cover_every_row_of_gclouds_table() -> None:
    sentences = [(code, sentence) for code, _, sentence, _ in ROWS] + [("NOT_FOUND", line) for _, line in ABSENT]
    unused = [kind for kind in TABLE if not any(re.search(kind.pattern, sentence) for code, sentence in sentences)]
    assert unused == []
    assert {kind.code for kind in TABLE} - {code for code, _ in sentences} == set()


@pytest.mark.parametrize(("argv", "sentence"), ABSENT)
def test_a_resource_counts_as_missing_only_if_the_message_names_it(argv: Argv, sentence: str) -> None:
    assert (
        explain(argv, f"ERROR: (gcloud.x) {sentence} This command is authenticated as you@example.com").code
        == "NOT_FOUND"
    )
    others = [other for other, _ in ABSENT if other[0] != argv[0]]
    assert not [other for other in others if is_absent(other, sentence)]


@pytest.mark.parametrize(("argv", "sentence"), ABSENT)
def test_a_message_about_a_longer_name_does_not_mean_that_the_resource_is_missing(argv: Argv, sentence: str) -> None:
    name = argv[-2].removeprefix("--secret=") if argv is ACCESS else argv[3 if argv[1] != "describe" else 2]
    longer = sentence.replace(name, f"{name}-2")
    assert longer == sentence or not is_absent(argv, longer)


REFUSALS = (
    (0, "the clock of this machine is 300 s ahead of DT's", "sudo timedatectl set-ntp true"),
    (0, "no usable answer (ReadTimeout)", dt_api.AGAIN),
    (400, "400 unsupported event type", "python -m deploy up --event-type="),
    (400, "400 invalid argument", "https://developer.disruptive-technologies.com/docs/error-codes"),
    (401, "401 the login was refused: the clock of this machine is 300 s ahead of DT's", "sudo timedatectl set-ntp true"),
    (401, "401 the service account's key was refused", dt_api.CREDENTIALS),
    (403, "403 permission denied", dt_api.ROLE),
    (404, "404 not found", "check --dt-project"),
    (409, "409 conflict", "another change of the same resource is under way"),
    (429, "429 too many requests", dt_api.AGAIN),
    (503, "503 unavailable", dt_api.AGAIN),
)  # fmt: skip


@pytest.mark.parametrize(("status", "sentence", "remedy"), REFUSALS)
def test_every_refusal_of_dt_has_its_fix(status: int, sentence: str, remedy: str) -> None:
    assert dt_api.remedy(status, sentence).startswith(remedy)


def test_the_samples_cover_every_row_of_dts_table() -> None:
    remedies = {dt_api.remedy(status, sentence) for status, sentence, _ in REFUSALS}
    assert {kind.remedy for kind in dt_api.TABLE} <= remedies


def test_a_refusal_with_an_empty_message_is_shown_completely() -> None:
    words = 'ERROR: (gcloud.pubsub.topics.create) HttpError accessing <https://pubsub>: {"message": "", "code": 429}'
    assert explain(("pubsub", "topics", "create", "t"), words).what.startswith("HttpError accessing")


OF_FUNCTIONS = "WARNING: The following regions were fully or partially unreachable for query: europe-west1, us-east1\nThis could be due to permission setup."
OF_SERVICES = (
    "WARNING: The following Cloud Run regions did not respond: europe-west1, us-east1. List results may be incomplete."
)
BY_FULL_NAME = "unreachable for query: projects/p/locations/europe-west1, projects/p/locations/us-east1\nThis"


@pytest.mark.parametrize("warning", [OF_FUNCTIONS, OF_SERVICES, BY_FULL_NAME])
def test_the_regions_that_gcloud_could_not_read_are_those_of_its_warning(warning: str) -> None:
    assert unreachable_regions(warning) == ("europe-west1", "us-east1")


@pytest.mark.parametrize("stderr", ["", "Listed 0 items.", "WARNING: the server did not respond in time"])
def test_other_output_names_no_region(stderr: str) -> None:
    assert unreachable_regions(stderr) == ()
