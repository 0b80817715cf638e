"""Google's APIs: enabled at once if they are missing, and never disabled."""

from deploy.resources.services import Services, services_on
from deploy.steps import GcloudCall
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.stage import spec

BY_CONFIG, BY_NAME = {"config": {"name": "a.googleapis.com"}}, {"name": "projects/1/services/b.googleapis.com"}
SERVICES = Services(spec(), ("a.googleapis.com", "b.googleapis.com", "c.googleapis.com"))


def test_an_api_is_recognized_in_both_formats_of_gclouds_list() -> None:
    assert services_on({"enabled": [BY_CONFIG, BY_NAME]}) == {"a.googleapis.com", "b.googleapis.com"}
    assert services_on({"enabled": None}) == services_on({}) == frozenset()


def test_all_disabled_apis_are_enabled_with_one_command() -> None:
    (step,) = SERVICES.plan({"enabled": [BY_NAME]})
    assert (step.action, step.resource, step.reason) == ("create", "APIs", "off: a.googleapis.com, c.googleapis.com")
    argv = ("services", "enable", "a.googleapis.com", "c.googleapis.com", f"--project={PROJECT}")
    assert step.call == GcloudCall(argv)


def test_enabled_apis_are_kept_even_by_a_removal() -> None:
    (kept,) = SERVICES.plan({"enabled": [BY_CONFIG, BY_NAME, {"config": {"name": "c.googleapis.com"}}]})
    assert (kept.action, kept.id, kept.reason) == ("keep", SERVICES.id, "all 3 are enabled")
    (left,) = SERVICES.removal({"enabled": [BY_CONFIG]})
    assert (left.action, left.id, left.reason) == ("keep", SERVICES.id, "stay enabled: others may need them")


def test_the_enabled_apis_of_the_project_are_listed() -> None:
    assert SERVICES.describe == ("services", "list", "--enabled", f"--project={PROJECT}")
