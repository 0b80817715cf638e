"""settings: the values that each setting accepts, and that no secret is ever shown."""

import dataclasses
from pathlib import Path

import pytest

from function.errors import SettingsError
from function.settings import PRODUCTION_ISSUER, Settings
from function.settings_parsers import trusted_url
from tests.function.builders import OLD_SECRET, REJECTED_TOPIC, SECRET, TOPIC, environ, known_settings, settings


def faults(**changes: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        settings(**changes)
    return caught.value.faults


def test_settings_that_are_not_set_have_their_defaults() -> None:
    assert settings() == Settings(
        topic=TOPIC,
        rejected_topic=REJECTED_TOPIC,
        secrets=(SECRET.encode(),),
        secret_file=None,
        organization_id=None,
        issuer=PRODUCTION_ISSUER,
        project_ids=None,
        label_attributes=(),
        order_by_device=False,
        cloud_events=False,
        max_body_bytes=262_144,
        publish_timeout_s=4.0,
        clock_leeway_s=60,
        log_level="INFO",
        log_delivered=1,
        emulator_host=None,
        google_project="demo",
    )


VALID = [
    ("PUBSUB_TOPIC", "projects/p-1/topics/abc", "topic", "projects/p-1/topics/abc"),
    ("PUBSUB_TOPIC", "projects/example.com:p/topics/A-b_c.d~e+f%g", "topic", None),
    ("PUBSUB_TOPIC", "projects/p/topics/" + "t" * 255, "topic", None),
    ("PUBSUB_REJECTED_TOPIC", " projects/p/topics/kept ", "rejected_topic", "projects/p/topics/kept"),
    ("DT_SIGNATURE_SECRET", f"{SECRET}\n{OLD_SECRET}\n", "secrets", (SECRET.encode(), OLD_SECRET.encode())),
    ("DT_SIGNATURE_SECRET", "x" * 31 + "y", "secrets", (b"x" * 31 + b"y",)),
    ("DT_SIGNATURE_SECRET_FILE", "/secrets/dt", "secret_file", Path("/secrets/dt")),
    ("DT_ORGANIZATION_ID", "b9i0", "organization_id", "b9i0"),
    ("DT_ORGANIZATION_ID", "organizations/b9i0", "organization_id", "b9i0"),
    ("DT_ORGANIZATION_ID", "A.z_Z-9", "organization_id", "A.z_Z-9"),
    ("DT_PROJECT_IDS", "A_z-Z9", "project_ids", frozenset({"A_z-Z9"})),
    ("GOOGLE_CLOUD_PROJECT", "Example.com:p-1_Z", "google_project", "Example.com:p-1_Z"),
    ("PUBSUB_EMULATOR_HOST", "h:0", "emulator_host", "h:0"),
    ("PUBSUB_EMULATOR_HOST", "h:65535", "emulator_host", "h:65535"),
    ("DT_ISSUER", "https://identity.example.com/dc", "issuer", "https://identity.example.com/dc"),
    ("DT_ISSUER", "http://127.0.0.1:8080/dc", "issuer", "http://127.0.0.1:8080/dc"),
    ("DT_ISSUER", "http://[::1]:8080", "issuer", "http://[::1]:8080"),
    ("DT_ISSUER", "http://localhost", "issuer", "http://localhost"),
    ("DT_ISSUER", "https://identity.example.com:1/dc", "issuer", "https://identity.example.com:1/dc"),
    ("DT_ISSUER", "http://127.0.0.2/dc", "issuer", "http://127.0.0.2/dc"),
    ("PUBSUB_EMULATOR_HOST", "[::1]:8085", "emulator_host", "[::1]:8085"),
    ("DT_PROJECT_IDS", "a, b,,a ", "project_ids", frozenset({"a", "b"})),
    ("DT_PROJECT_IDS", "projects/a,b", "project_ids", frozenset({"a", "b"})),
    ("LABEL_ATTRIBUTES", "room, floor,room", "label_attributes", ("room", "floor")),
    ("ORDERING_KEY", "device", "order_by_device", True),
    ("ORDERING_KEY", "None", "order_by_device", False),
    ("CLOUDEVENTS", "TRUE", "cloud_events", True),
    ("CLOUDEVENTS", "false", "cloud_events", False),
    ("MAX_BODY_BYTES", "1", "max_body_bytes", 1),
    ("MAX_BODY_BYTES", "9000000", "max_body_bytes", 9_000_000),
    ("PUBLISH_TIMEOUT_SECONDS", "0.1", "publish_timeout_s", 0.1),
    ("PUBLISH_TIMEOUT_SECONDS", "6.5", "publish_timeout_s", 6.5),
    ("CLOCK_LEEWAY_SECONDS", "0", "clock_leeway_s", 0),
    ("CLOCK_LEEWAY_SECONDS", "3600", "clock_leeway_s", 3600),
    ("LOG_LEVEL", "debug", "log_level", "DEBUG"),
    ("LOG_LEVEL", "CRITICAL", "log_level", "CRITICAL"),
    ("LOG_DELIVERED", "1", "log_delivered", 1),
    ("LOG_DELIVERED", "1000000", "log_delivered", 1_000_000),
    ("PUBSUB_EMULATOR_HOST", "localhost:8085", "emulator_host", "localhost:8085"),
    ("GOOGLE_CLOUD_PROJECT", "other", "google_project", "other"),
]


@pytest.mark.parametrize(("name", "text", "field", "value"), VALID)
def test_a_valid_value_is_accepted(name: str, text: str, field: str, value: object) -> None:
    assert getattr(settings(**{name: text}), field) == (text if value is None else value)


INVALID = [
    *[("DT_PROJECT_IDS", text) for text in ("projects/", "a b", "projects/a/devices/b")],
    *[("DT_ISSUER", text) for text in ("https://:canary@h/", "https://h:99999/", "https://h:x/", "https://h /x")],
    ("DT_ISSUER", "https://[::1"),
    *[("DT_ISSUER", f"https://h/x{mark}") for mark in ('"', ",", ";", "\\", ">", "\\n")],
    *[("PUBSUB_EMULATOR_HOST", text) for text in ('"h:1', "h\u200bh:1", "h:1,h:2", "\u202eh:1")],
    *[("PUBSUB_EMULATOR_HOST", text) for text in ("not a host", "http://127.0.0.1:80", "127.0.0.1:99999", "host")],
    ("GOOGLE_CLOUD_PROJECT", "a b"),
    *[("MAX_BODY_BYTES", text) for text in ("1_000", "\u0663\u0660\u0660", "1.5", "+5")],
    *[("LOG_DELIVERED", text) for text in ("0", "1000001", "1%", "0.5", "all")],
    ("DT_PROJECT_IDS", " , "),
    ("LABEL_ATTRIBUTES", ","),
    ("LABEL_ATTRIBUTES", "room,flo\x00or"),
    ("LABEL_ATTRIBUTES", "room,flo\u200bor"),
    *[
        ("PUBSUB_TOPIC", text)
        for text in (
            "events",  # no GOOGLE_CLOUD_PROJECT
            "projects/p",
            "projects/p/topics/",
            "projects/p/topics/ab",
            "projects/p/topics/" + "t" * 256,
            "projects/p/topics/1abc",
            "projects/p/topics/google-events",
            "projects/p/topics/a b c",
            "projects/p/topics/a/b/c",
            "projects//topics/events",
            "projects/a b/topics/events",
            "projects/p/subscriptions/events",
            "topics/events",
            "projects/p/topics/event\u00f8",
        )
    ],
    ("PUBSUB_REJECTED_TOPIC", "projects/p/topics/xy"),
    ("DT_SIGNATURE_SECRET", "x" * 30 + "y"),
    ("DT_SIGNATURE_SECRET", SECRET + "\nshort"),
    ("DT_ORGANIZATION_ID", "organizations/"),
    ("DT_ORGANIZATION_ID", "a/b"),
    ("DT_ORGANIZATION_ID", "a b"),
    *[
        ("DT_ISSUER", text)
        for text in (
            "identity.example.com",
            "http://identity.example.com",
            "http://127.0.0.1.example.com",
            "http://localhost@example.com/",
            "https://user:hunter2@example.com/",
            "https://example.com/?a=b",
            "https://example.com/#a",
            "https://",
            "https:///path",
            "https://example.com:0/",
            "ftp://example.com",
            "file:///etc/passwd",
            "https://exämple.com",
            "https://[::1",
        )
    ],
    ("ORDERING_KEY", "event"),
    ("CLOUDEVENTS", "yes"),
    ("MAX_BODY_BYTES", "0"),
    ("MAX_BODY_BYTES", "9000001"),
    ("MAX_BODY_BYTES", "1e3"),
    ("MAX_BODY_BYTES", "256K"),
    ("PUBLISH_TIMEOUT_SECONDS", "0.09"),
    ("PUBLISH_TIMEOUT_SECONDS", "6.51"),
    ("PUBLISH_TIMEOUT_SECONDS", "nan"),
    ("PUBLISH_TIMEOUT_SECONDS", "inf"),
    ("CLOCK_LEEWAY_SECONDS", "-1"),
    ("CLOCK_LEEWAY_SECONDS", "3601"),
    ("CLOCK_LEEWAY_SECONDS", "0.5"),
    ("LOG_LEVEL", "WARN"),
]


@pytest.mark.parametrize(("name", "text"), INVALID)
def test_the_fault_of_an_invalid_value_names_its_setting(name: str, text: str) -> None:
    assert [fault.partition(":")[0] for fault in faults(**{name: text})] == [name]


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("PUBSUB_TOPIC", "events", "'events' needs GOOGLE_CLOUD_PROJECT, or the form projects/P/topics/T"),
        ("PUBSUB_TOPIC", "e", "'e' is neither projects/P/topics/T nor a topic id of 3 to 255 characters"),
        ("DT_ORGANIZATION_ID", "a b", "'a b' is not the id of a DT organization"),
        ("DT_PROJECT_IDS", "p,projects/a b", "'a b' is not the id of a DT project"),
        ("DT_ISSUER", "ftp://h", "not a plain https URL (http is for loopback addresses only)"),
        ("DT_ISSUER", "https://[::1", "not a plain https URL (http is for loopback addresses only)"),
        ("LABEL_ATTRIBUTES", ",", "',' is an empty list"),
        ("LABEL_ATTRIBUTES", "a\u200bb", r"'a\u200bb' contains invisible characters"),
        ("LOG_LEVEL", "loud", "'loud' is not one of DEBUG, INFO, WARNING, ERROR, CRITICAL"),
        ("ORDERING_KEY", "'device'", "is in quotes: remove them"),
        ("ORDERING_KEY", "event", "'event' is not one of none, device"),
        ("CLOUDEVENTS", "yes", "'yes' is not one of false, true"),
        ("MAX_BODY_BYTES", "0", "'0' is not a number from 1 to 9000000"),
        ("MAX_BODY_BYTES", "1.5", "'1.5' is not a number from 1 to 9000000"),
        ("PUBSUB_EMULATOR_HOST", "host", "'host' is not host:port"),
        ("PUBSUB_EMULATOR_HOST", "h:65536", "'h:65536' is not host:port"),
        ("GOOGLE_CLOUD_PROJECT", "a b", "'a b' is not the id of a Google Cloud project"),
    ],
)
def test_a_fault_says_what_is_wrong_and_what_is_allowed(name: str, text: str, fault: str) -> None:
    assert faults(**{name: text}) == (f"{name}: {fault}",)


def test_the_fault_of_a_missing_value_says_what_is_required() -> None:
    assert faults(PUBSUB_TOPIC="") == ("PUBSUB_TOPIC: required",)
    assert faults(PUBSUB_REJECTED_TOPIC=TOPIC) == ("PUBSUB_REJECTED_TOPIC: must not be the same topic as PUBSUB_TOPIC",)
    schemes = "DT_SIGNATURE_SECRET, DT_SIGNATURE_SECRET_FILE, DT_ORGANIZATION_ID"
    assert faults(DT_SIGNATURE_SECRET="") == (f"one of {schemes} is required to verify events",)


def test_a_topic_id_belongs_to_the_project_of_google_cloud_project() -> None:
    made = settings(PUBSUB_TOPIC="events", PUBSUB_REJECTED_TOPIC="rejected", GOOGLE_CLOUD_PROJECT="p-1")
    assert (made.topic, made.rejected_topic) == ("projects/p-1/topics/events", "projects/p-1/topics/rejected")
    assert made.google_project == "p-1"


def test_the_project_of_traces_is_that_of_the_main_topic_unless_it_is_set() -> None:
    assert settings(PUBSUB_TOPIC="projects/p-9/topics/events").google_project == "p-9"


def test_two_missing_topics_are_not_reported_as_the_same_topic() -> None:
    assert faults(PUBSUB_TOPIC="", PUBSUB_REJECTED_TOPIC="") == (
        "PUBSUB_TOPIC: required",
        "PUBSUB_REJECTED_TOPIC: required",
    )


def test_both_topics_must_not_be_the_same() -> None:
    assert faults(PUBSUB_REJECTED_TOPIC=TOPIC) == ("PUBSUB_REJECTED_TOPIC: must not be the same topic as PUBSUB_TOPIC",)


@pytest.mark.parametrize("name", ["PUBSUB_TOPIC", "PUBSUB_REJECTED_TOPIC"])
@pytest.mark.parametrize("blank", ["", " ", "\n"])
def test_a_blank_topic_is_reported_once_as_required(name: str, blank: str) -> None:
    assert faults(**{name: blank}) == (f"{name}: required",)


@pytest.mark.parametrize("blank", ["", " \n\n"])
def test_without_any_scheme_the_process_refuses_to_start(blank: str) -> None:
    (fault,) = faults(DT_SIGNATURE_SECRET=blank)
    assert fault.startswith("one of DT_SIGNATURE_SECRET, DT_SIGNATURE_SECRET_FILE, DT_ORGANIZATION_ID is required")


@pytest.mark.parametrize("name", ["DT_SIGNATURE_SECRET_FILE", "DT_ORGANIZATION_ID"])
def test_any_one_scheme_is_enough(name: str) -> None:
    assert settings(DT_SIGNATURE_SECRET="", **{name: "value"}).secrets == ()


def test_all_faults_are_reported_at_once() -> None:
    invalid = {name: text for name, text in reversed(INVALID) if name != "PUBSUB_REJECTED_TOPIC"}
    named = {fault.partition(":")[0] for fault in faults(PUBSUB_REJECTED_TOPIC="", **invalid)}
    assert named == {"PUBSUB_REJECTED_TOPIC", *invalid}


def test_the_error_lists_every_fault_on_a_line_of_its_own() -> None:
    error = SettingsError(["A: one", "B: two"])
    assert str(error).splitlines() == ["the settings are invalid:", "  - A: one", "  - B: two"]


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings().topic = "projects/p/topics/other"  # type: ignore[misc]


def test_no_repr_and_no_text_contains_a_secret_or_the_path_of_the_secret_file() -> None:
    made = settings(DT_SIGNATURE_SECRET_FILE="/mount/of/the/file")
    for shown in (repr(made), str(made), f"{made}"):
        assert SECRET not in shown
        assert "/mount" not in shown


@pytest.mark.parametrize("weak", ["hunter2-is-weak", SECRET + "\nhunter2-is-weak"])
def test_no_fault_contains_a_secret(weak: str) -> None:
    text = repr(faults(DT_SIGNATURE_SECRET=weak, LOG_LEVEL="?"))
    assert "hunter2" not in text
    assert SECRET not in text


def test_no_fault_contains_the_password_of_a_url() -> None:
    assert "hunter2" not in repr(faults(DT_ISSUER="https://user:hunter2@example.com/"))


def test_the_fault_of_a_weak_secret_has_its_line_number() -> None:
    (fault,) = faults(DT_SIGNATURE_SECRET=f"{SECRET}\n\nshort")
    assert fault == "DT_SIGNATURE_SECRET: line 3 has 5 bytes: at least 32 are needed"


@pytest.mark.parametrize(
    "text",
    [
        f"\n  {SECRET}\t\r\n\r\n{OLD_SECRET}",
        f"\ufeff{SECRET}\r\n{OLD_SECRET}\r\n",
    ],
)
def test_secrets_are_one_a_line_newest_first_with_any_line_endings(text: str) -> None:
    assert settings(DT_SIGNATURE_SECRET=text).secrets == (SECRET.encode(), OLD_SECRET.encode())


def test_every_refused_line_of_the_secrets_is_reported() -> None:
    (fault,) = faults(DT_SIGNATURE_SECRET=f"changeme\n{SECRET}\n'{OLD_SECRET}'\n")
    first, second = "line 1 is a placeholder: replace it by the secret", "line 3 is in quotes: remove them"
    assert fault == f"DT_SIGNATURE_SECRET: {first}; {second}"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ((b"\xff" * 32).decode("utf-8", "surrogateescape"), "line 1 is not UTF-8"),
        (f'"{SECRET}"', "is in quotes: remove them"),
        (f"{SECRET}\\n{OLD_SECRET}", r"line 1 contains a literal \n: start a new line instead"),
        (f"{SECRET},{OLD_SECRET}", "line 1 contains several secrets: put each on its own line"),
        ("${SIGNATURE_SECRET_OF_OUR_CONNECTOR}", "line 1 is a placeholder: replace it by the secret"),
    ],
)
def test_the_fault_of_an_invalid_secret_says_what_is_wrong(text: str, fault: str) -> None:
    assert faults(DT_SIGNATURE_SECRET=text) == (f"DT_SIGNATURE_SECRET: {fault}",)


@pytest.mark.parametrize("margin", ["\ufeff", "\r\n", " \t", "\u200b\u00a0", "\ufeff \r\n"])
@pytest.mark.parametrize(("name", "text", "field", "value"), VALID)
def test_an_editors_additions_around_a_value_are_ignored(
    name: str, text: str, field: str, value: object, margin: str
) -> None:
    test_a_valid_value_is_accepted(name, f"{margin}{text}{margin}", field, text if value is None else value)


def test_carriage_returns_inside_a_list_are_ignored() -> None:
    assert settings(LABEL_ATTRIBUTES="room,\r\nfloor\r\n").label_attributes == ("room", "floor")
    assert settings(DT_PROJECT_IDS="a,\r\nb").project_ids == frozenset({"a", "b"})


@pytest.mark.parametrize("margin", ["\ufeff", "\u200b", "\r\n"])
def test_a_variable_with_only_white_space_or_invisible_characters_counts_as_unset(margin: str) -> None:
    assert settings(**dict.fromkeys({row[0] for row in VALID} - environ().keys(), margin)) == settings()


@pytest.mark.parametrize("quote", ['"', "'"])
@pytest.mark.parametrize("name", sorted(known_settings()))
def test_the_fault_of_a_value_in_quotes_names_the_setting(name: str, quote: str) -> None:
    text = {setting: text for setting, text, *_ in VALID}[name]
    assert f"{name}: is in quotes: remove them" in faults(**{name: f"{quote}{text}{quote}"})


NEAR_MISSES = {
    "DT_PROJECT_ID": "DT_PROJECT_IDS",
    "DT_SIGNATURE_SECRETS": "DT_SIGNATURE_SECRET",
    "LABEL_ATTRIBUTE": "LABEL_ATTRIBUTES",
    "PUBSUB_TOPICS": "PUBSUB_TOPIC",
    "MAX_BODY_BYTE": "MAX_BODY_BYTES",
    "clock_leeway_seconds": "CLOCK_LEEWAY_SECONDS",
}


@pytest.mark.parametrize("value", ["", "value"])
@pytest.mark.parametrize("name", NEAR_MISSES)
def test_a_misspelt_setting_is_refused_even_if_it_is_empty(name: str, value: str) -> None:
    assert faults(**{name: value}) == (f"{name}: unknown, did you mean {NEAR_MISSES[name]}?",)


def test_all_misspelt_settings_are_reported_with_the_other_faults_and_without_values() -> None:
    found = faults(LOG_LEVEL="loud", **dict.fromkeys(NEAR_MISSES, "hunter2"))
    assert found[0].startswith("LOG_LEVEL: ")
    assert [fault.partition(":")[0] for fault in found[1:]] == sorted(NEAR_MISSES)
    assert "hunter2" not in repr(found)


def test_a_url_is_returned_unchanged() -> None:
    assert trusted_url(PRODUCTION_ISSUER) == PRODUCTION_ISSUER


def test_other_environment_variables_are_ignored() -> None:
    assert Settings.from_environ(environ(PATH="/bin", K_SERVICE="ingest")) == settings()


def test_a_topic_id_is_checked_even_if_its_project_is_missing() -> None:
    with pytest.raises(SettingsError, match="nor a topic id of 3 to 255 characters"):
        settings(PUBSUB_TOPIC="goog1")
