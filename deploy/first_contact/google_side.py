"""The measurements on Google's side. Each notes its answers in the document; an error ends only that measurement."""

import re
from collections.abc import Callable
from dataclasses import replace
from json import JSONDecodeError, loads
from typing import Any

from deploy.errors import DeployError, GcloudFailed
from deploy.first_contact.document import Document
from deploy.first_contact.recorder.main import digest
from deploy.first_contact.site import POLL_S, Site, has_item
from deploy.first_contact.temporaries import Temporaries
from deploy.google.builds import build_seconds
from deploy.resources.function import Function
from deploy.resources.invokers import run_service
from deploy.resources.pubsub import Subscription, Topic
from deploy.resources.runtime_account import RuntimeAccount
from deploy.resources.signature_secret import SignatureSecret
from deploy.secret import Secret
from deploy.spec import last_segment
from deploy.steps import Argv, Query

VISIBLE_S = 180.0
"""Seconds to wait until a change is visible."""

OPEN_S = 300.0
"""Seconds to wait until everyone may call the recorder: https://cloud.google.com/iam/docs/access-change-propagation."""

SETTLED_S = 30.0
"""Seconds without an answer of the newer revision after which a rollback is complete."""

_REVISION = re.compile(r"[a-z][a-z0-9-]{0,62}")

SECOND = "2"
"""The number of the version that is added to the secret."""


def measure_reads(site: Site, document: Document, absent: str) -> None:
    """Make the measurements that need no temporary function. ``absent``: a name that no resource has."""
    with document.answering("google.notFound"):
        document.answer("google.notFound", _words_of_absence(site, absent))
    with document.answering("google.build.seconds"):
        document.answer("google.build.seconds", _build_seconds(site))
    with document.answering("google.pull.emptySeconds"), site.fixtures.subscription(absent) as subscription:
        pull = ("pubsub", "subscriptions", "pull", subscription, "--auto-ack", "--limit=1", site.spec.project_flag)
        document.answer("google.pull.emptySeconds", site.took(lambda: site.google.read(pull)))


def measure_opening(site: Site, document: Document, temporaries: Temporaries, url: str) -> None:
    """Let everyone call the recorder, and measure how long that takes."""
    temporaries.open()
    found = site.watch({"google.invoker.seconds": lambda: bool(state_of(site, url, temporaries.name))}, OPEN_S)
    note(document, ("google.invoker.seconds",), found, OPEN_S)
    if not found:
        raise DeployError(f"the temporary function cannot be called after {OPEN_S:.0f} s", where=url)


def measure_secret(site: Site, document: Document, temporaries: Temporaries, url: str, content: Secret) -> None:
    """Add a version to the secret, and measure when it is visible in each of four ways."""
    name, flag = temporaries.name, site.spec.project_flag
    wanted = digest(name, content.reveal())
    temporaries.add_version(content)

    def access(version: str) -> Argv:
        return ("secrets", "versions", "access", version, f"--secret={name}", flag)

    def is_shown(version: str) -> bool:
        return last_segment(str((site.google.read(access(version)) or {}).get("name", ""))) == SECOND

    checks: dict[str, Callable[[], bool]] = {
        "google.secret.mountSeconds": lambda: state_of(site, url, name).get("mounted") == wanted,
        "google.secret.numberSeconds": lambda: is_shown(SECOND),
        "google.secret.latestSeconds": lambda: is_shown("latest"),
        "google.secret.listSeconds": lambda: has_item(
            site.google.read(("secrets", "versions", "list", name, flag)), SECOND
        ),
    }
    note(document, tuple(checks), site.watch(checks, VISIBLE_S), VISIBLE_S)


def measure_rollback(site: Site, document: Document, temporaries: Temporaries, url: str) -> None:
    """Deploy the recorder again, go back to its first revision, and measure which revision answers."""
    name, spec = temporaries.name, replace(site.spec, name=temporaries.name)
    first = str(state_of(site, url, name).get("revision", ""))
    if not _REVISION.fullmatch(first):
        raise DeployError("does not say which of its revisions answers", where="the temporary function")

    def is_newer() -> bool:
        return str(state_of(site, url, name).get("revision", first)) != first

    document.answer("google.redeploy.seconds", site.took(temporaries.deploy))
    if site.deployed.is_unchecked:  # a deployment may switch the check of callers on
        temporaries.open()
    found = site.watch({"google.rollout.seconds": is_newer}, VISIBLE_S)
    note(document, ("google.rollout.seconds",), found, VISIBLE_S)
    if not found:
        raise DeployError("its new revision does not answer", where="the temporary function")
    site.google.change(run_service(spec, "update-traffic", f"--to-revisions={first}=100"))
    document.answer("google.rollback.seconds", _last_true(site, is_newer))


def _last_true(site: Site, check: Callable[[], bool]) -> float:
    """Return after how many seconds a check was true for the last time before it was false for ``SETTLED_S``."""
    began_at, last_s = site.now(), 0.0
    while (passed_s := site.now() - began_at) < min(last_s + SETTLED_S, VISIBLE_S):
        if check():
            last_s = passed_s
        site.sleep(POLL_S)
    return round(last_s, 1)


def note(document: Document, fields: tuple[str, ...], found: dict[str, float], limit_s: float) -> None:
    """Note the answers that were found, and that the others did not come in time."""
    for name, seconds in found.items():
        document.answer(name, seconds)
    document.lack([name for name in fields if name not in found], f"not within {limit_s:.0f} s")


def state_of(site: Site, url: str, name: str) -> dict[str, Any]:
    """Return the state of the recorder; empty if it did not answer itself."""
    status, text, _ = site.post(url, b"", {})
    try:
        state = loads(text) if status == 200 else {}
    except JSONDecodeError:
        return {}
    return state if isinstance(state, dict) and state.get("recorder") == name else {}


def _words_of_absence(site: Site, absent: str) -> dict[str, bool]:
    """Return for each kind of resource whether Google's answer about an absent one is understood as such."""
    spec = replace(site.spec, name=absent)
    asked: dict[str, Query] = {
        "topic": Topic(spec, spec.topic).describe,
        "subscription": Subscription(spec, spec.topic, None, "7d").describe,
        "secret": SignatureSecret(spec).describe,
        "function": Function(spec).describe,
        "service": run_service(spec, "describe"),
        "serviceAccount": RuntimeAccount(spec).describe,
    }
    return {kind: _is_understood(site, query) for kind, query in asked.items()}


def _is_understood(site: Site, query: Query) -> bool:
    try:
        return site.google.read(query) is None
    except GcloudFailed as error:
        site.notice(f"Google's words about an absent resource are not known here: {error}")
        return False


def _build_seconds(site: Site) -> float:
    """Return how long the last build of the deployed function took, from Cloud Build."""
    return round(build_seconds(site.google, site.spec, site.deployed.build), 1)
