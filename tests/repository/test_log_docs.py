"""docs/log.md names the fields and reasons of the code, and the real gcloud accepts its commands."""

import re
import shlex
import subprocess
from pathlib import Path

import msgspec
import pytest

from function.log import Line
from function.outcomes import BY_ERROR, BY_ERROR_WITH_ORIGIN, DELIVERED, DELIVERED_WITH_WARNING, INTERNAL
from tests.blackbox.serving import ROOT
from tests.emulators.clients import all_on
from tests.emulators.clouds import clouds
from tests.emulators.clouds.google.estate import Estate
from tests.repository.gcloud_lint import GCLOUD

TEXT = (ROOT / "docs" / "log.md").read_text("utf-8")
COMMANDS = [line for line in TEXT.splitlines() if line.startswith("gcloud ")]
QUERIES = [command for command in COMMANDS if command.startswith("gcloud logging read ")]
FIELDS = {field.encode_name for field in msgspec.structs.fields(Line)}
REASONS = {outcome.reason for outcome in (*BY_ERROR.values(), INTERNAL)}


def test_the_table_has_exactly_the_fields_of_a_log_line() -> None:
    table = TEXT.partition("## Fields")[2].partition("\n\nBeside it")[0]
    documented = {
        name for row in table.splitlines() if row.startswith("| `") for name in re.findall("`([^`]+)`", row[:60])
    }

    own = {name for name in FIELDS if "/" not in name} - {"severity"}
    assert documented == own


def test_the_documented_sampled_reasons_are_those_of_the_code() -> None:
    documented = re.search(r"without a signature \(([^)]+)\)", TEXT)

    assert documented
    sampled = {outcome.reason for outcome in BY_ERROR.values() if outcome.sampled}
    assert set(re.findall("`([^`]+)`", documented[1])) == sampled


def test_the_sample_messages_begin_as_those_of_the_code() -> None:
    sample = TEXT.split("```")[3]
    outcomes = (*BY_ERROR.values(), *BY_ERROR_WITH_ORIGIN.values(), DELIVERED, DELIVERED_WITH_WARNING, INTERNAL)
    sentences = {outcome.message for outcome in outcomes}

    messages = [line[3:] for line in sample.strip().splitlines()]
    assert [message for message in messages if not any(message.startswith(sentence) for sentence in sentences)] == []


def test_the_five_queries_name_existing_fields_and_reasons() -> None:
    assert len(QUERIES) == 5
    for query in QUERIES:
        assert set(re.findall(r"jsonPayload\.(\w+)", query)) <= FIELDS
        for reasons in re.findall(r"jsonPayload\.reason=\(([^)]*)\)", query):
            assert set(re.findall('"([^"]+)"', reasons)) <= REASONS


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_can_be_pasted_into_any_shell(command: str) -> None:
    bare = re.sub("'[^']*'", "", command)

    assert not set(bare) & set('$#!*?~`\\"(){}[]<>|&;')


def test_the_reference_is_linked() -> None:
    for page in (ROOT / "README.md", ROOT / "docs" / "operations.md"):
        assert "log.md)" in page.read_text("utf-8")


@pytest.mark.real_gcloud
@pytest.mark.skipif(not GCLOUD, reason="there is no gcloud here")
@pytest.mark.timeout(600)
def test_the_real_gcloud_accepts_every_command(tmp_path: Path) -> None:
    with clouds("embedded", estate=all_on(Estate())) as both_clouds:
        environ = {**both_clouds.environ, "HOME": str(tmp_path)}
        for command in COMMANDS:
            words = shlex.split(command.replace("my-project", both_clouds.google.estate.project))
            done = subprocess.run(words, env=environ, capture_output=True, timeout=240, check=False)
            assert done.returncode == 0, done.stderr.decode()
