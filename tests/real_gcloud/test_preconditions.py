"""Every missing precondition of ``up``, with the real gcloud: one line, one command, and nothing is changed."""

from collections.abc import Callable, Mapping

import pytest

from deploy.remedies import head_of
from tests.emulators.clients import all_on
from tests.emulators.clouds.dt.tenant import USER
from tests.emulators.clouds.google.estate import ALLOWED_MEMBERS, INVOKER_IAM_REQUIRED
from tests.real_gcloud.user import REAL_GCLOUD, User

pytestmark = REAL_GCLOUD

Spoil = Callable[[User], Mapping[str, str | None]]
"""Removes a precondition; returns the environment variables that change by that, or none."""


def another(**variables: str | None) -> Spoil:
    return lambda _: variables


def _expired(user: User) -> Mapping[str, str | None]:
    user.both_clouds.google.estate.token = "another-access-token"
    return {}


def _unbilled(user: User) -> Mapping[str, str | None]:
    user.both_clouds.google.estate.is_billed = False
    return {}


def _denied(user: User) -> Mapping[str, str | None]:
    user.both_clouds.google.estate.denied.add("pubsub.topics.create")
    return {}


def _with_apis_on(user: User) -> Mapping[str, str | None]:
    all_on(user.both_clouds.google.estate)
    return {"DEPLOY_REGION": "asia-east1"}


def _low(user: User) -> Mapping[str, str | None]:
    user.both_clouds.dt.tenant.roles[user.both_clouds.dt.tenant.project] = USER
    return {}


def _closed(user: User) -> Mapping[str, str | None]:
    user.both_clouds.google.estate.enabled.add("orgpolicy.googleapis.com")  # else the second one could not be checked
    user.both_clouds.google.estate.organization_policies |= {ALLOWED_MEMBERS, INVOKER_IAM_REQUIRED}
    return {}


def _public_only(user: User) -> Mapping[str, str | None]:
    user.both_clouds.google.estate.organization_policies.add(ALLOWED_MEMBERS)
    return {"DEPLOY_INVOCATION": "public"}


@pytest.mark.parametrize(
    ("spoil", "line", "fix"),
    [
        pytest.param(
            another(PATH="/nowhere"),
            "gcloud: not installed, or not in the path",
            "curl https://sdk.cloud.google.com | bash",
            id="no gcloud",
        ),
        pytest.param(
            another(CLOUDSDK_AUTH_ACCESS_TOKEN=None),
            "gcloud auth print-access-token: You do not currently have an active account selected.",
            "gcloud auth login",
            id="no login",
        ),
        pytest.param(_expired, "invalid authentication credentials", "gcloud auth login", id="an expired login"),
        pytest.param(
            another(DEPLOY_PROJECT="demo-proj-2"),
            "project demo-proj-2: does not exist, or you have no access to it",
            "gcloud projects list",
            id="no project",
        ),
        pytest.param(
            _unbilled,
            "project demo-proj: billing is off",
            "gcloud billing projects link demo-proj --billing-account=ACCOUNT",
            id="no billing",
        ),
        pytest.param(
            _denied,
            "project demo-proj: you lack pubsub.topics.create",
            "gcloud projects add-iam-policy-binding demo-proj --member=",
            id="no permission",
        ),
        pytest.param(
            another(DEPLOY_REGION="europe-west99"),
            "region europe-west99: is unknown, and the list of regions cannot be read while the API is disabled",
            "gcloud services enable cloudfunctions.googleapis.com --project=demo-proj",
            id="no such region",
        ),
        pytest.param(
            _with_apis_on,
            "region asia-east1: has no functions",
            "gcloud functions regions list --gen2 --project=demo-proj",
            id="no functions in the region",
        ),
        pytest.param(
            another(CLOUDSDK_API_ENDPOINT_OVERRIDES_PUBSUB="http://localhost:8085/"),
            "gcloud's api_endpoint_overrides: they send pubsub to http://localhost:8085/ instead of to Google",
            "export CLOUDSDK_API_ENDPOINT_OVERRIDES_PUBSUB=",
            id="an endpoint left from work with the emulator",
        ),
        pytest.param(
            another(REQUESTS_CA_BUNDLE=None, CURL_CA_BUNDLE=None, SSL_CERT_FILE=None),
            "is not trusted here: unable to get local issuer certificate",
            "export REQUESTS_CA_BUNDLE=",
            id="a proxy that ends TLS, whose authority is configured only in gcloud",
        ),
        pytest.param(
            another(https_proxy=None, http_proxy=None, HTTPS_PROXY=None, HTTP_PROXY=None),
            "cannot be resolved: there is no network or no DNS",
            "check the network; behind a proxy: export HTTPS_PROXY=http://PROXY:PORT",
            id="no network",
        ),
        pytest.param(
            another(DT_SERVICE_ACCOUNT_SECRET=None),
            "DT: no credentials",
            "export DT_SERVICE_ACCOUNT_KEY_ID=… DT_SERVICE_ACCOUNT_SECRET=… DT_SERVICE_ACCOUNT_EMAIL=…",
            id="no credentials of DT's",
        ),
        pytest.param(
            another(DT_SERVICE_ACCOUNT_SECRET="0123456789abcdef0123456789abcdef"),
            "the service account's key was refused",
            "check DT_SERVICE_ACCOUNT_KEY_ID, DT_SERVICE_ACCOUNT_SECRET and DT_SERVICE_ACCOUNT_EMAIL",
            id="wrong credentials of DT's",
        ),
        pytest.param(
            _low,
            "DT project ccol8iuk9smqiha4e8l0: the service account lacks dataconnector.create, dataconnector.delete,",
            "in DT Studio, API Integrations > Service Accounts: give it the role Project Developer in that project",
            id="too low a role at DT",
        ),
        pytest.param(
            another(DEPLOY_DT_PROJECTS="ccol8iuk9smqiha4e8l9"),
            "404 project ccol8iuk9smqiha4e8l9 not found",
            "check --dt-project: DT knows no such project or resource",
            id="no such project at DT",
        ),
        pytest.param(
            _closed,
            "public invocation: organization policies forbid both allUsers and disabling the invoker check",
            "gcloud org-policies reset run.managed.requireInvokerIam --project=demo-proj",
            id="no way to be called",
        ),
        pytest.param(
            _public_only,
            "public invocation: organization policy iam.allowedPolicyMemberDomains forbids allUsers",
            "python -m deploy up --invocation=unchecked",
            id="no public",
        ),
    ],
)
def test_a_missing_precondition_is_one_line_and_the_command_that_fixes_it_or_shows_more(
    user: User, spoil: Spoil, line: str, fix: str
) -> None:
    environ = {name: value for name, value in {**user.environ, **spoil(user)}.items() if value is not None}

    status, output = user.runs("up", "--yes", environ=environ)

    what, how, *_ = (printed for printed in output.splitlines() if not printed.endswith(" ..."))  # except for progress
    assert (status, line in what, how.startswith(f"  {head_of(fix)}: {fix}")) == (1, True, True), output
    assert user.changes() == []
    assert user.both_clouds.left() == []


def test_all_missing_preconditions_are_reported_at_once(user: User) -> None:
    _unbilled(user)
    _denied(user)
    _low(user)

    status, output = user.runs("up", "--yes")

    assert (status, output.count("fix:"), output.count("hint:"), user.changes()) == (1, 2, 2, []), output


def test_if_policy_forbids_all_users_up_turns_the_invoker_check_off_and_says_so_before_a_build(user: User) -> None:
    user.both_clouds.google.estate.organization_policies.add(ALLOWED_MEMBERS)

    status, output = user.runs("up", "--yes")

    assert (status, "came through DT's connector as message" in output) == (0, True), output
    asked = [request.path for request in user.both_clouds.log]
    assert _first(asked, ":getEffectiveOrgPolicy") < _first(asked, ":generateUploadUrl")
    assert user.both_clouds.log.entries(host="run.googleapis.com", path="*:setIamPolicy") == []
    user.finds_nothing_to_do()


def _first(paths: list[str], ending: str) -> int:
    return next(place for place, path in enumerate(paths) if path.endswith(ending))
