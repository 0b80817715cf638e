"""One run: makes the temporary resources, measures, notes every answer at once, and removes everything again."""

from contextlib import ExitStack

from deploy.first_contact.document import Document
from deploy.first_contact.dt_side import WATCH_S, Retries, measure_connector
from deploy.first_contact.google_side import measure_opening, measure_reads, measure_rollback, measure_secret
from deploy.first_contact.questions import QUESTIONS, RETRIED_STATUSES
from deploy.first_contact.site import Site
from deploy.first_contact.temporaries import Temporaries, new_name
from deploy.secret import new_secret

MINUTES = 12
MAX_MINUTES = 30
COST = "$0.05"
"""An upper bound: two builds of three minutes at $0.006 a minute, a secret, and requests: docs/first-contact.md."""

_SECRET = tuple(question.field for question in QUESTIONS if question.field.startswith("google.secret."))
_ROLLBACK = ("google.redeploy.seconds", "google.rollout.seconds", "google.rollback.seconds")


def explanation(site: Site, real_devices: int) -> str:
    """Return the text about a run: its temporary resources, its duration and its cost."""
    copied = (
        f"no device of that project sends {site.event_type} events"
        if not real_devices
        else f"{real_devices} devices of that project send {site.event_type} events, which DT also copies to the "
        "temporary function; it answers 200 and keeps nothing of them"
    )
    count = len(RETRIED_STATUSES)
    lines = [
        "For the report these temporary resources are made, and removed before it ends:",
        f"  Google project {site.spec.google_project}: a function (built twice), a secret and a subscription",
        f"  DT project {site.project}: a Data Connector for {site.event_type} events, and {count} emulated devices",
        f"This takes about {MINUTES} minutes, {MAX_MINUTES} at most, and costs less than {COST}.",
        "The deployment's own function and connectors are not changed: no real event is refused or delayed.",
        f"{copied[0].upper()}{copied[1:]}.",
        "Your subscribers receive the emulated events, whose device ids begin with emu.",
    ]
    return "\n".join(lines)


def carry_out(site: Site, document: Document) -> None:
    """Measure everything. An error ends only the measurements that depend on it."""
    temporaries = Temporaries(site, new_name(), int(site.now()), document.left_over.append)
    try:
        with site.progress("removing what killed runs have left"):
            temporaries.sweep()
        with site.progress("reading from Google"):
            measure_reads(site, document, f"absent-{temporaries.name[-8:]}")
        with document.answering(*_all_but_reads()):
            _with_recorder(site, document, temporaries)
        document.is_finished = True
    finally:
        document.save()


def _with_recorder(site: Site, document: Document, temporaries: Temporaries) -> None:
    with ExitStack() as stack:
        with site.progress("creating the temporary secret"):
            stack.enter_context(temporaries.secret(new_secret()))
        with site.progress("building and deploying the temporary function, which takes minutes"):
            began_at = site.now()
            url = stack.enter_context(temporaries.recorder())
        document.answer("google.deploy.seconds", round(site.now() - began_at, 1))
        with site.progress("waiting until the temporary function can be called"):
            measure_opening(site, document, temporaries, url)
        signature_secret = new_secret()
        with site.progress("creating the temporary connector"):
            connector = stack.enter_context(temporaries.connector(url, signature_secret))
            measure_connector(site, document, connector, signature_secret)
        devices = {status: stack.enter_context(temporaries.device(status)) for status in RETRIED_STATUSES}
        retries = Retries(site, document, temporaries.name, devices)
        with site.progress("publishing events, and waiting until DT delivers them"):
            retries.begin()
        with site.progress("waiting until a new version of the secret is visible"), document.answering(*_SECRET):
            measure_secret(site, document, temporaries, url, new_secret())
        with site.progress("deploying the temporary function again, and going back"), document.answering(*_ROLLBACK):
            measure_rollback(site, document, temporaries, url)
        with site.progress(f"watching how DT repeats refused events, for up to {WATCH_S / 60:.0f} minutes"):
            retries.finish()


def _all_but_reads() -> list[str]:
    reads = {"google.notFound", "google.build.seconds", "google.pull.emptySeconds"}
    return [question.field for question in QUESTIONS if question.field not in reads]


def rows_of(document: Document) -> list[tuple[str, str, str]]:
    """Return the rows of the summary: whether a question is answered, its field, and the answer or what is missing."""
    rows = []
    for question in QUESTIONS:
        is_there = question.field in document.answers
        value = document.answers[question.field] if is_there else document.missing[question.field]
        rows.append(("answered" if is_there else "missing", question.field, _short(value)))
    return rows


def _short(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_short(part)}" for key, part in value.items())
    if isinstance(value, list):
        return "[" + ", ".join(_short(part) for part in value) + "]"
    words = {True: "yes", False: "no", None: "unknown"}
    return words[value] if value is None or isinstance(value, bool) else str(value)
