"""The registry of verbs, and rules for every verb."""

import contextlib
import importlib
import pkgutil

import pytest

from deploy import verbs
from deploy.cli.parser import parse
from deploy.errors import DeployError, DtFailed, GcloudFailed, NotProven, NotReady
from deploy.verbs import USAGES, VERBS, Verb
from deploy.verbs.exit_codes import FAILED, NOTHING_TO_DO
from tests.deploy.stage import Stage

NAMES = ["init", "plan", "up", "verify", "status", "list", "follow", "pause", "resume", "rotate"]
NAMES += ["audit", "replay", "backfill", "down"]
WITH_SETTINGS = [name for name in NAMES if USAGES[name].needs_settings]


def test_the_registry_has_every_verb_by_its_name() -> None:
    assert list(VERBS) == list(USAGES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_verb_that_is_typed_runs_the_function_of_its_own_file(name: str) -> None:
    verb, file = VERBS[parse([name], USAGES).verb], importlib.import_module(f"deploy.verbs.{name}")
    assert (verb.usage, verb.run) == (file.USAGE, file.run)
    assert verb.run.__module__ == file.__name__


def test_every_file_of_a_verb_is_in_the_registry() -> None:
    files = [importlib.import_module(f"deploy.verbs.{module.name}") for module in pkgutil.iter_modules(verbs.__path__)]
    of_verbs = {file.__name__.rpartition(".")[2] for file in files if hasattr(file, "USAGE") or hasattr(file, "run")}
    assert of_verbs == set(VERBS)


def test_there_is_no_verb_without_a_function_and_no_default() -> None:
    with pytest.raises(TypeError, match="run"):
        Verb(VERBS["plan"].usage)  # type: ignore[call-arg]  # this is what is refused
    with pytest.raises(KeyError):
        VERBS["renew"]


@pytest.mark.parametrize("name", NAMES)
def test_the_usage_of_every_verb_explains_exit_codes_0_and_1(name: str) -> None:
    assert {NOTHING_TO_DO, FAILED} <= set(VERBS[name].usage.exit_codes)


def test_only_init_needs_no_settings_and_only_up_offers_it() -> None:
    assert [name for name in NAMES if not USAGES[name].needs_settings] == ["init"]
    assert [name for name in NAMES if USAGES[name].offers_init] == ["up"]


KEYS = ["error", "steps", "changes", "done", "left", "verified", "status", "healthy", "health", "version", "next"]
KEYS += ["deployments", "upgrade", "cost", "undelivered", "followed", "firstContact", "rotation"]
KEYS += ["replayed", "backfill", "audited"]


@pytest.mark.parametrize("verb", WITH_SETTINGS)
def test_every_verb_prints_the_same_json_keys_and_nothing_else(up: Stage, verb: str) -> None:
    up.dt.emulator_is_allowed = False
    up.pubsub.retention["dt-events"] = "604800s"
    up.pubsub.has_subscription("dt-rejected")
    with contextlib.suppress(NotProven, DtFailed):
        getattr(up.deployment(in_json=True), verb)()
    assert list(up.in_json()) == KEYS


@pytest.mark.parametrize("verb", [verb for verb in WITH_SETTINGS if verb != "status"])
def test_no_verb_continues_without_a_login(stage: Stage, verb: str) -> None:
    stage.google.is_logged_in = False
    with pytest.raises((NotReady, GcloudFailed), match="gcloud auth login"):
        getattr(stage.deployment(), verb)()


def test_a_status_without_a_login_shows_what_dt_says_and_the_command_to_log_in(up: Stage) -> None:
    up.google.is_logged_in = False
    assert up.deployment().status() == FAILED
    assert "last 3 h: 9 delivered" in up.shown
    assert "fix: gcloud auth login" in up.shown


def test_no_verb_continues_without_dt_credentials(stage: Stage) -> None:
    with pytest.raises(DeployError, match="DT_SERVICE_ACCOUNT_KEY_ID"):
        stage.deployment(credentials=False).down()


@pytest.mark.parametrize("verb", ["verify", "down"])
def test_without_dt_credentials_no_gcloud_command_runs(stage: Stage, verb: str) -> None:
    with pytest.raises(DeployError, match="DT_SERVICE_ACCOUNT_KEY_ID"):
        stage.deployment(credentials=False).run(verb)
    assert stage.google.asked == []


@pytest.mark.parametrize("verb", ["plan", "up"])
def test_missing_dt_credentials_are_reported_together_with_the_other_failures(stage: Stage, verb: str) -> None:
    stage.google.is_billed = False
    with pytest.raises(NotReady) as refused:
        stage.deployment(credentials=False).run(verb)
    missing = "no credentials; docs/dt-studio.md shows where they are"
    assert [failure.what for failure in refused.value.failures] == [missing, "billing is off"]
