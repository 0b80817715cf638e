"""Black box: the process lists invalid settings, and does not start with them."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.blackbox.serving import Exit, Function
from tests.blackbox.stage import BODY, by_secret

VALID = {
    "PUBSUB_TOPIC": "projects/p/topics/events",
    "PUBSUB_REJECTED_TOPIC": "projects/p/topics/rejected",
    "PUBSUB_EMULATOR_HOST": "127.0.0.1:9",
    "DT_SIGNATURE_SECRET": "canary-of-a-secret-that-is-long-enough",
}
INVALID = {
    "PUBSUB_TOPIC": "projects/p/subscriptions/events",
    "PUBSUB_REJECTED_TOPIC": "rejected",
    "DT_SIGNATURE_SECRET": "canary-of-a-weak-one",
    "DT_ORGANIZATION_ID": "an organization/",
    "DT_ISSUER": "http://issuer.example",
    "ORDERING_KEY": "project",
    "CLOUDEVENTS": "perhaps",
    "MAX_BODY_BYTES": "-1",
    "PUBLISH_TIMEOUT_SECONDS": "soon",
    "CLOCK_LEEWAY_SECONDS": "1e9",
    "LOG_LEVEL": "LOUD",
}
SCHEMES = ("DT_SIGNATURE_SECRET", "DT_SIGNATURE_SECRET_FILE", "DT_ORGANIZATION_ID")
FAULTS: dict[str, tuple[dict[str, str], set[str]]] = {
    "everything at once": (INVALID, set(INVALID)),
    "nothing but blanks": (
        dict.fromkeys(VALID, " "),
        {"PUBSUB_TOPIC", "PUBSUB_REJECTED_TOPIC", *SCHEMES},
    ),
    "one topic for both": ({"PUBSUB_REJECTED_TOPIC": VALID["PUBSUB_TOPIC"]}, {"PUBSUB_REJECTED_TOPIC"}),
    "a second secret of 31 bytes": (
        {"DT_SIGNATURE_SECRET": f"{VALID['DT_SIGNATURE_SECRET']}\n{'canary':x<31}"},
        {"DT_SIGNATURE_SECRET"},
    ),
    "credentials in the issuer": ({"DT_ISSUER": "https://user:canary@issuer.example"}, {"DT_ISSUER"}),
    "http on another host": ({"DT_ISSUER": "http://127.0.0.1.example/canary"}, {"DT_ISSUER"}),
}
NEAR_MISSES = {"DT_PROJECT_ID": "", "LABEL_ATTRIBUTE": "canary", "pubsub_topic": "canary"}
FAULTS["near misses"] = (NEAR_MISSES, set(NEAR_MISSES))
FAULTS["quotes"] = (
    {name: f'"{VALID[name]}"' for name in VALID},
    set(VALID),
)
NAMES = {*NEAR_MISSES, *INVALID, *VALID, "DT_SIGNATURE_SECRET_FILE", "DT_PROJECT_IDS", "LABEL_ATTRIBUTES"}


def ended(environ: Mapping[str, str], home: Path) -> Exit:
    return Function("ingest", environ, home).exit()


def named(output: str) -> set[str]:
    """Return the variables that the error lines begin with, and those of which one is required."""
    faults = [line.removeprefix("  - ") for line in output.splitlines() if line.startswith("  - ")]
    named_first = {fault.partition(":")[0] for fault in faults}
    required = " ".join(fault for fault in faults if fault.startswith("one of "))
    return named_first & NAMES | {name for name in SCHEMES if name in required}


@pytest.fixture(scope="module")
def exits(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Exit]:
    """Start all of these functions, two at a time, and return how they ended."""
    homes = {name: tmp_path_factory.mktemp("home") for name in FAULTS}
    with ThreadPoolExecutor(2) as pool:
        results = pool.map(lambda name: ended({**VALID, **FAULTS[name][0]}, homes[name]), FAULTS)
    return dict(zip(FAULTS, results, strict=True))


@pytest.mark.parametrize("case", FAULTS)
def test_invalid_settings_end_the_process_with_status_1_and_are_all_named(exits: dict[str, Exit], case: str) -> None:
    assert exits[case].code == 1
    assert named(exits[case].output) == FAULTS[case][1]
    assert "Traceback" not in exits[case].output


@pytest.mark.parametrize("case", [case for case in FAULTS if "http on" not in case])
def test_errors_about_settings_contain_no_secret(exits: dict[str, Exit], case: str) -> None:
    assert "canary" not in exits[case].output


def test_a_weak_secret_in_the_file_is_listed_with_the_other_errors(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("canary\n")

    invalid = {"DT_SIGNATURE_SECRET_FILE": str(file), "PUBSUB_TOPIC": "", "LOG_LEVEL": "LOUD"}

    end = ended({**VALID, **invalid}, tmp_path)

    assert end.code == 1
    assert named(end.output) == set(invalid)
    assert "canary" not in end.output


@pytest.mark.parametrize("content", [b"\n \n", b"canary\xff" * 8], ids=["blank", "not UTF-8"])
def test_a_secret_file_without_readable_text_does_not_prevent_the_start(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    settings = {**VALID, "DT_SIGNATURE_SECRET": "", "DT_SIGNATURE_SECRET_FILE": str(file)}

    with Function("ingest", {name: value for name, value in settings.items() if value}, tmp_path) as function:
        answer = function.send(by_secret().headers, BODY)
        severities = {line["severity"] for line in function.lines()}

    assert (answer.status, answer.json) == (503, {"error": "keys"})
    assert severities == {"CRITICAL"}
    assert "canary" not in function.output()


def test_a_weak_line_beside_a_usable_secret_is_only_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(f"canary\r\n{VALID['DT_SIGNATURE_SECRET']}\r\n".encode("utf-8-sig"))
    settings = {**VALID, "DT_SIGNATURE_SECRET_FILE": str(file)}
    del settings["DT_SIGNATURE_SECRET"]

    with Function("ingest", settings, tmp_path) as function:
        answer = function.send(by_secret(b"not JSON", secret=VALID["DT_SIGNATURE_SECRET"]).headers, b"another body")
        logged = [(line["severity"], line["message"]) for line in function.lines() if "status" not in line]

    assert (answer.status, answer.json) == (401, {"error": "checksum"})
    assert logged == [
        ("WARNING", "the secret file is used without some of its lines: line 1 has 6 bytes: at least 32 are needed")
    ]
    assert "canary" not in function.output()
