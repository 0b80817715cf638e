"""The service account that the function runs as: its description has the mark, because accounts have no labels."""

from deploy.resources.runtime_account import RuntimeAccount
from deploy.steps import Change, GcloudCall
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.stage import spec

EMAIL = f"dt-pubsub@{PROJECT}.iam.gserviceaccount.com"
ACCOUNT = RuntimeAccount(spec())
OURS = {"description": "anything at all (dt-pubsub=dt-pubsub), and more"}


def test_the_account_is_created_by_name_and_later_named_by_address() -> None:
    (made,) = ACCOUNT.plan({"account": None})
    name, description = "--display-name=dt-pubsub runtime", "Publishes the events of DT's sensors (dt-pubsub=dt-pubsub)"
    argv = ("iam", "service-accounts", "create", "dt-pubsub", name, f"--description={description}")
    assert made.call == GcloudCall((*argv, f"--project={PROJECT}"))
    assert ACCOUNT.describe == ("iam", "service-accounts", "describe", EMAIL, f"--project={PROJECT}")


def test_the_mark_is_added_to_an_account_by_its_description() -> None:
    assert ACCOUNT.title == "service account dt-pubsub"
    description = "--description=Publishes the events of DT's sensors (dt-pubsub=dt-pubsub)"
    assert ACCOUNT.adoption == ("iam", "service-accounts", "update", EMAIL, description, f"--project={PROJECT}")


def test_a_disabled_account_is_enabled_and_an_enabled_one_kept() -> None:
    (step,) = ACCOUNT.plan({"account": {**OURS, "disabled": True}})
    assert (step.id, step.changes) == (ACCOUNT.id, (Change("disabled", old=True, new=False),))
    assert step.call == GcloudCall(("iam", "service-accounts", "enable", EMAIL, f"--project={PROJECT}"))
    (step,) = ACCOUNT.plan({"account": OURS})
    assert (step.action, step.id, step.reason) == ("keep", ACCOUNT.id, "is there")


def test_an_account_is_deleted_by_its_address_and_nothing_else_is_lost_with_it() -> None:
    (step,) = ACCOUNT.removal({"account": OURS})
    assert (step.action, step.reason) == ("delete", "marked dt-pubsub=dt-pubsub")
    assert step.call == GcloudCall(("iam", "service-accounts", "delete", EMAIL, f"--project={PROJECT}"))


def test_the_mark_of_a_deployment_whose_name_is_longer_is_not_ours() -> None:
    assert not ACCOUNT.is_ours({"description": "(dt-pubsub=dt-pubsub-2)"})
    assert not ACCOUNT.is_ours({})
