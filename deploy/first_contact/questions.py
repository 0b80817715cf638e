"""The open questions that a report answers, and the field of the report that answers each. Pure.

docs/first-contact.md has the same list, and a test compares the two.
"""

from dataclasses import dataclass

RETRIED_STATUSES = (503, 401, 410)
"""The statuses with which the recorder refuses an emulated event: what DT should repeat, what it sees during a rotation
of the secret, and what could make a sender give up for good."""


@dataclass(frozen=True, slots=True)
class Question:
    """One open question. ``field``: the field of the report that answers it."""

    field: str
    text: str


QUESTIONS: tuple[Question, ...] = (
    Question("google.build.seconds", "Does Google build the deployed source, and how long does the build take?"),
    Question("google.deploy.seconds", "How long does the first deployment of a function take in all?"),
    Question("google.invoker.seconds", "How long until everyone may call a new service after the IAM binding?"),
    Question("google.secret.numberSeconds", "How long until a new version of a secret can be read by its number?"),
    Question("google.secret.latestSeconds", "How long until `latest` means the new version?"),
    Question("google.secret.listSeconds", "How long until the list of versions shows the new version?"),
    Question("google.secret.mountSeconds", "How long until a running function reads the new version in its mount?"),
    Question("google.redeploy.seconds", "How long does a deployment take that replaces another one?"),
    Question("google.rollout.seconds", "How long until the new revision answers?"),
    Question("google.rollback.seconds", "For how long does the newer revision still answer after a rollback?"),
    Question("google.log.seconds", "How long until a log line can be read?"),
    Question("google.pull.emptySeconds", "How long does Pub/Sub keep a pull open that has no message?"),
    Question("google.notFound", "Are the words with which Google calls a resource absent the expected ones?"),
    Question("dt.connector.listSeconds", "How long until DT lists a new connector?"),
    Question("dt.connector.secret", "Does DT show a connector's secret?"),
    Question("dt.connector.idleMetrics", "Which metrics does DT show for a connector without deliveries?"),
    Question("dt.connector.firstEvent", "How long until a new connector delivers events?"),
    Question("dt.error.members", "Which members does an error of DT's API have?"),
    Question("dt.history.seconds", "How long until DT's history has an event?"),
    Question("dt.request.contentType", "Which Content-Type does DT send?"),
    Question("dt.request.userAgent", "Which User-Agent does DT send?"),
    Question("dt.request.headers", "Which headers does DT send?"),
    Question("dt.request.networks", "From which networks does DT send?"),
    Question("dt.signature.secret", "What does X-Dt-Signature contain?"),
    Question("dt.signature.own", "Does DT send DT-Asymmetric-Signature, and what does it contain?"),
    Question("dt.retry.503", "After which pauses does DT repeat an event after 503, and is each attempt signed anew?"),
    Question("dt.retry.401", "Is 401, the answer to an unknown secret, repeated in the same way?"),
    Question("dt.retry.410", "Does 410 end the repetitions?"),
)
"""All questions, in the order of the report."""

FIELDS: tuple[str, ...] = tuple(question.field for question in QUESTIONS)
"""All fields of a report's answers."""
