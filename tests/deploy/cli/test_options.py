"""Options: a flag overrides a variable, a variable overrides deploy.toml, and all errors are listed at once."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from deploy.cli.options import EVENT_TYPES, OPTIONS, Option, refusal_of
from deploy.cli.parser import parse
from deploy.cli.settings import read_spec
from deploy.errors import DeployError, InvalidOptions
from deploy.resources.function import env_words
from deploy.spec import Alerts, CostSettings, Spec, Warehouse, amount
from deploy.times import seconds
from deploy.verbs import USAGES
from function import schema

WHOLE = """
project = "from-the-file"
region = "europe-west1"
dt_projects = ["c0md3pm0p7bet3vico8g"]
retention = "3d"

[function]
memory = "1Gi"
min_instances = 1

[settings]
LABEL_ATTRIBUTES = "room,floor"

[labels]
team = "cold-chain"

[connector]
display_name = "Cold chain"
events = ["temperature"]
labels = ["room", "floor"]
"""
REQUIRED = {"project": "a-project", "region": "europe-west1", "dt_projects": ["c0md3pm0p7bet3vico8g"]}


def read(
    tmp_path: Path, text: str = WHOLE, flags: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None
) -> Spec:
    (tmp_path / "deploy.toml").write_text(text, "utf-8")
    return read_spec(flags or {}, environ or {}, tmp_path)


def faults(tmp_path: Path, **how: Any) -> str:
    with pytest.raises(InvalidOptions) as invalid:
        read(tmp_path, **how)
    return str(invalid.value)


EVERY_OPTION = """
project = "cold-chain"
region = "europe-west1"
dt_projects = ["c0md3pm0p7bet3vico8g", "bsuu3fmh1p7g00c9m8og", "c0md3pm0p7bet3vico8g"]
name = "fridges"
retention = "3d"
rejected_retention = "4d"
invocation = "public"
build_service_account = "builder@cold-chain.iam.gserviceaccount.com"

[function]
runtime = "python312"
memory = "1Gi"
cpu = 2
concurrency = 90
timeout = "20s"
min_instances = 1
max_instances = 9

[settings]
LOG_LEVEL = "DEBUG"

[labels]
team = "cold-chain"

[connector]
display_name = "Cold chain"
events = ["temperature", "touch"]
labels = ["room", "floor"]

[bigquery]
dataset = "sensors"
location = "EU"

[cost]
profile = "large"
sensors = 25000
request_logs = "errors"
log_level = "DEBUG"
log_delivered = 50
billing = "instance"

[alerts]
emails = ["ops@example.com", "night@example.com", "ops@example.com"]
channels = ["projects/cold-chain/notificationChannels/123"]
no_events_hours = 6
server_error_percent = 10
unauthorized_percent = 40
unread_hours = 2
unread_messages = 5000
memory_percent = 80
runbook_url = "https://wiki.example.com/runbook"
"""


EVERY_ALERT = Alerts(
    emails=("ops@example.com", "night@example.com"),
    channels=("projects/cold-chain/notificationChannels/123",),
    thresholds={
        "no_events_hours": 6,
        "server_error_percent": 10,
        "unauthorized_percent": 40,
        "unread_hours": 2,
        "unread_messages": 5000,
        "memory_percent": 80,
    },
    runbook_url="https://wiki.example.com/runbook",
)


def test_deploy_toml_can_set_every_option(tmp_path: Path) -> None:
    assert read(tmp_path, EVERY_OPTION) == Spec(
        google_project="cold-chain",
        region="europe-west1",
        dt_projects=("c0md3pm0p7bet3vico8g", "bsuu3fmh1p7g00c9m8og"),
        name="fridges",
        retention="3d",
        rejected_retention="4d",
        invocation="public",
        build_account="builder@cold-chain.iam.gserviceaccount.com",
        function={
            "runtime": "python312",
            "memory": "1Gi",
            "cpu": "2",
            "concurrency": "90",
            "timeout": "20s",
            "min_instances": "1",
            "max_instances": "9",
        },
        settings={"LOG_LEVEL": "DEBUG", "LOG_DELIVERED": "50"},
        labels={"team": "cold-chain"},
        connector_name="Cold chain",
        event_types=("temperature", "touch"),
        connector_labels=("room", "floor"),
        bigquery=Warehouse("sensors", "EU"),
        alerts=EVERY_ALERT,
        cost=CostSettings(profile="large", sensors=25_000, request_logs="errors", billing="instance"),
    )
    assert all(option.place.rpartition(".")[2] in EVERY_OPTION for option in OPTIONS)


def test_an_option_that_deploy_toml_leaves_out_has_no_value(tmp_path: Path) -> None:
    assert read(tmp_path) == Spec(
        google_project="from-the-file",
        region="europe-west1",
        dt_projects=("c0md3pm0p7bet3vico8g",),
        invocation="auto",
        retention="3d",
        function={"memory": "1Gi", "min_instances": "1"},
        settings={"LABEL_ATTRIBUTES": "room,floor"},
        labels={"team": "cold-chain"},
        connector_name="Cold chain",
        event_types=("temperature",),
        connector_labels=("room", "floor"),
    )


def test_a_variable_overrides_the_file_and_a_flag_overrides_both(tmp_path: Path) -> None:
    variables = {"DEPLOY_PROJECT": "from-a-variable", "DEPLOY_DT_PROJECTS": "one, two", "DEPLOY_FUNCTION_MEMORY": "2Gi"}
    assert read(tmp_path, environ=variables).google_project == "from-a-variable"
    assert read(tmp_path, environ=variables).dt_projects == ("one", "two")
    assert read(tmp_path, environ=variables).function["memory"] == "2Gi"
    assert read(tmp_path, flags={"project": "from-a-flag"}, environ=variables).google_project == "from-a-flag"


def test_google_cloud_project_names_the_project_if_nothing_else_does(tmp_path: Path) -> None:
    text = WHOLE.replace('project = "from-the-file"', "")
    assert (
        read(tmp_path, text=text, environ={"GOOGLE_CLOUD_PROJECT": "the-usual-one"}).google_project == "the-usual-one"
    )


def test_an_empty_list_counts_as_a_value(tmp_path: Path) -> None:
    assert read(tmp_path, text=WHOLE.replace('["temperature"]', "[]")).event_types == ()
    assert read(tmp_path, text=WHOLE.replace('events = ["temperature"]', "")).event_types is None


def test_all_errors_are_listed_at_once(tmp_path: Path) -> None:
    message = faults(
        tmp_path,
        text='projekt = "x"\n[function]\nmemory = "lots"\n[settings]\nPUBSUB_TOPIC = "x"\nORDERING_KEY = "sideways"',
        flags={"region": "Europe"},
    )
    for fault in (
        "projekt",
        "'lots'",
        "PUBSUB_TOPIC is set by the deployment",
        "'Europe'",
        "--project is missing",
        "--dt-project is",
    ):
        assert fault in message, fault


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("retention", "40d"),
        ("retention", "soon"),
        ("function.timeout", "2h"),
        ("function.cpu", "many"),
        ("function.concurrency", "-1"),
        ("name", "x"),
        ("name", "Dt-Pubsub"),
        ("invocation", "private"),
        ("labels", ["Team=x"]),
        ("settings", ["LOG_LEVEL=LOUD"]),
        ("settings", ["nonsense"]),
        ("function.concurrency", "1001"),
        ("dt_projects", ["a/b"]),
        ("connector.labels", [""]),
    ],
)
def test_invalid_values_are_refused(tmp_path: Path, place: str, value: Any) -> None:
    assert faults(tmp_path, flags={place: value})


@pytest.mark.parametrize(
    ("place", "lowest", "highest", "beyond", "message"),
    [
        ("function.timeout", "10s", "1h", ("9s", "3601s"), "is not between 10s and 3600s"),
        ("retention", "10m", "31d", ("599s", "2678401s"), "is not between 10m and 31d"),
        ("rejected_retention", "600", "744h", ("0", "32d"), "is not between 10m and 31d"),
        ("function.concurrency", "1", "1000", ("0", "1001"), "is not a number from 1 to 1000"),
        ("function.max_instances", "1", "9999", ("0", "10000"), "is not a number from 1 to 9999"),
        ("function.min_instances", "0", "5", ("-1", "10000"), "is not a number from 0 to 9999"),
    ],
)
def test_values_at_the_limits_are_accepted_and_values_beyond_are_refused_by_name(
    tmp_path: Path, place: str, lowest: str, highest: str, beyond: tuple[str, str], message: str
) -> None:
    for value in (lowest, highest):
        assert read(tmp_path, "", flags={**REQUIRED, place: value}).google_project == "a-project"
    for value in beyond:
        assert f"{value!r} {message}" in faults(tmp_path, text="", flags={**REQUIRED, place: value})


@pytest.mark.parametrize(
    ("place", "highest"),
    [
        ("cost.sensors", "100,000,000"),
        ("cost.log_delivered", "1,000,000"),
        ("alerts.no_events_hours", "23"),
        ("alerts.server_error_percent", "99"),
        ("alerts.unauthorized_percent", "99"),
        ("alerts.unread_hours", "744"),
        ("alerts.unread_messages", "999,999,999"),
        ("alerts.memory_percent", "99"),
    ],
)
def test_a_number_from_1_to_its_limit_is_accepted_and_the_next_one_is_refused_with_both(
    place: str, highest: str
) -> None:
    limit = int(highest.replace(",", ""))
    assert [refusal_of(place, str(number)) for number in (1, limit)] == ["", ""]
    for number in (0, limit + 1):
        assert (
            refusal_of(place, str(number)) == f"'{number}' is not a whole number from 1 to {highest}, in digits alone"
        )


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("invocation", "private", "--invocation: 'private' is not one of auto, public, unchecked"),
        ("region", "Europe", "--region: 'Europe' is not a region such as europe-west1"),
        ("name", "x", "--name: 'x' is not a name of 6 to 30 of a-z, 0-9 and -"),
        ("function.runtime", "python3", "--runtime: 'python3' is not a runtime such as python313"),
        ("function.cpu", "many", "--cpu: 'many' is not a number of processors such as 1 or 0.5"),
        ("labels", ["Team=x"], "--label: 'Team=x' is not a label such as team=cold-chain"),
        ("build_service_account", "me", "--build-service-account: 'me' is not the e-mail address of a service account"),
        ("connector.labels", ["a b"], "--connector-label: 'a b' is not a label key"),
        ("connector.events", ["heat"], "--event-type: 'heat' is not one of touch, temperature, objectPresent, "),
        ("connector.events", ["heat"], "ethernetStatus, cellularStatus; for a newer type, select all types"),
        ("connector.display_name", "", "--connector-name: '' is not a display name of 1 to 100 printable characters"),
        ("connector.display_name", "x" * 101, f"'{'x' * 100}' is not a display name of 1 to 100 printable characters"),
        ("settings", ["nonsense"], "--set: a text without = is not NAME=VALUE, such as LOG_LEVEL=DEBUG"),
        ("settings", ["log_level=x=y"], "--set: log_level is not NAME=VALUE, such as LOG_LEVEL=DEBUG"),
        ("settings", [f"a{'b' * 200}=x"], f"--set: a{'b' * 99} is not NAME=VALUE"),
        ("settings", ["A=\n"], "--set: the value of A has a line break or another character that is not printable"),
    ],
)
def test_the_error_of_an_invalid_value_shows_flag_value_and_what_is_valid(
    tmp_path: Path, place: str, value: Any, message: str
) -> None:
    assert message in faults(tmp_path, flags={place: value})


@pytest.mark.parametrize(
    ("place", "values"),
    [
        ("connector.display_name", ["x", "x" * 100, "Kühlhaus 2"]),
        ("project", ["a-proj", "example.com:cold-chain"]),
        ("name", ["dt-pub", "dt-pubsub-of-the-cold-chain-01"]),
        ("region", ["us-east1", "northamerica-northeast2", "europe-west12"]),
        ("function.cpu", ["0.08", "1", "8"]),
        ("build_service_account", ["1-compute@developer.gserviceaccount.com", "b@cold-chain.iam.gserviceaccount.com"]),
        ("settings", [["A_1=b=c"], ["A="]]),
        ("labels", [["team="], [f"a{'b' * 62}={'c' * 63}"]]),
        ("connector.labels", [["x" * 100], ["Room"]]),
    ],
)
def test_every_valid_form_of_a_value_is_accepted(tmp_path: Path, place: str, values: list[Any]) -> None:
    for value in values:
        given = {**REQUIRED, "function.concurrency": "1", place: value}
        assert read(tmp_path, "", flags=given).region in ("europe-west1", value)


def test_the_value_of_a_setting_begins_at_the_first_equals_sign(tmp_path: Path) -> None:
    assert read(tmp_path, flags={"settings": ["GRPC_TRACE=a=b"]}).settings == {"GRPC_TRACE": "a=b"}


@pytest.mark.parametrize(
    ("reader", "text", "message"),
    [
        (amount, "1Pi", "'1Pi' is not an amount such as 512Mi or 0.5"),
        (seconds, "1w", "'1w' is not a duration such as 600s, 12h or 7d"),
    ],
)
def test_an_invalid_amount_or_duration_is_refused_with_examples(
    reader: Callable[[str], object], text: str, message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        reader(text)


def test_a_concurrency_above_one_needs_a_whole_cpu(tmp_path: Path) -> None:
    fault = "--cpu: less than one processor requires --concurrency=1; set that, or at least --cpu=1"
    assert fault in faults(tmp_path, flags={"function.cpu": "0.5"})
    assert read(tmp_path, flags={"function.cpu": "0.5", "function.concurrency": "1"}).function["cpu"] == "0.5"


def test_max_instances_below_min_instances_is_refused(tmp_path: Path) -> None:
    assert "--max-instances" in faults(tmp_path, flags={"function.max_instances": "1", "function.min_instances": "2"})


def test_min_instances_above_the_default_maximum_are_refused_where_they_are_set(tmp_path: Path) -> None:
    text = WHOLE.replace("min_instances = 1", "min_instances = 6")
    assert "line 9: function.min_instances: max_instances is lower than min_instances" in faults(tmp_path, text=text)


@pytest.mark.parametrize("missing", ["--project", "--region", "--dt-project"])
def test_an_option_without_a_default_must_be_set(tmp_path: Path, missing: str) -> None:
    (option,) = (option for option in OPTIONS if option.flag == missing)
    fault = f"{missing} is missing (or {option.variable}, or {option.place} in deploy.toml)"
    given = {place: value for place, value in REQUIRED.items() if place != option.place}
    message = faults(tmp_path, text="", flags=given)
    assert f"\n  {fault}" in message
    assert message.count(" is missing ") == 1


def test_a_named_settings_file_must_exist(tmp_path: Path) -> None:
    assert "other.toml: No such file or directory" in faults(tmp_path, flags={"config": str(tmp_path / "other.toml")})


def test_an_invalid_toml_file_is_refused(tmp_path: Path) -> None:
    assert "deploy.toml" in faults(tmp_path, text="project: x")


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.flag)
def test_every_option_is_a_flag_of_up_and_repeatable_if_it_has_many_values(option: Option) -> None:
    flags = vars(parse(["up", f"{option.flag}=one", f"{option.flag}=two"], USAGES))
    assert flags[option.place] == (["one", "two"] if option.many else "two")


OF_KIND = {
    "ID": "cold-chain",
    "REGION": "europe-west1",
    "NAME": "python313",
    "KEY=VALUE": "team=cold-chain",
    "TIME": "600s",
    "SIZE": "512Mi",
    "COUNT": "1",
    "HOW": "auto",
    "EMAIL": "builder@cold-chain.iam.gserviceaccount.com",
    "NAME=VALUE": "LOG_LEVEL=DEBUG",
    "TYPE": "touch",
    "KEY": "room",
    "ADDRESS": "ops@example.com",
    "CHANNEL": "projects/cold-chain/notificationChannels/123",
    "HOURS": "3",
    "PERCENT": "50",
    "MESSAGES": "1000",
    "PROFILE": "large",
    "WHICH": "errors",
    "LEVEL": "WARNING",
    "N": "100",
    "BY": "instance",
    "URL": "https://wiki.example.com/runbook",
    "DATASET": "sensors",
    "PLACE": "europe-west1",
}


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.flag)
def test_the_help_of_an_option_names_the_kind_of_its_value_and_valid_examples(option: Option) -> None:
    examples = re.findall(r"such as (\S+)", option.help)
    for value in (OF_KIND[option.metavar], *examples):
        option.check(value)


def test_the_help_of_an_option_says_its_default_its_variable_and_whether_it_is_repeatable() -> None:
    of_place = {option.place: option for option in OPTIONS}
    region, labels, cpu = of_place["region"], of_place["labels"], of_place["function.cpu"]
    assert region.help_text() == f"{region.help} (required) [DEPLOY_REGION]"
    assert cpu.help_text() == f"{cpu.help} (default: 0.2, with the profile large 1) [DEPLOY_FUNCTION_CPU]"
    assert labels.help_text() == f"{labels.help}, repeatable (default: none) [DEPLOY_LABELS, separated by commas]"
    assert region.help_text(is_asked=True) == f"{region.help} (asked for) [DEPLOY_REGION]"
    assert cpu.help_text(is_asked=True) == cpu.help_text()


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.flag)
def test_the_help_of_an_option_is_a_phrase_of_one_form(option: Option) -> None:
    names = ("BigQuery ", "Cloud Run's ", "DT ", "Google Cloud ", "Python ")
    words = option.help.removeprefix(next((name for name in names if option.help.startswith(name)), ""))
    assert re.fullmatch(r"[a-z].*[^.\s]", words), "it begins with a small letter, and has no full stop"


def test_an_answer_is_refused_for_the_reason_for_which_the_option_would_be() -> None:
    assert refusal_of("name", "fridges") == ""
    assert refusal_of("cost.sensors", "0") == "'0' is not a whole number from 1 to 100,000,000, in digits alone"


IDENTITY = ["--project", "--region", "--dt-project", "--name", "--connector-name"]


@pytest.mark.parametrize(
    ("verb", "flags"),
    [
        *((verb, IDENTITY) for verb in ("verify", "down", "pause", "rotate", "backfill")),
        ("status", [*IDENTITY, "--sensors"]),
        ("init", IDENTITY[:-1]),
        ("replay", ["--project", "--region", "--name"]),
        ("audit", ["--project", "--dt-project", "--name"]),
    ],
)
def test_a_verb_that_compares_no_settings_takes_only_the_options_that_identify_what_it_works_on(
    verb: str, flags: list[str]
) -> None:
    taken = vars(parse([verb], USAGES))
    assert [option.flag for option in OPTIONS if option.place in taken] == flags


def test_list_takes_only_the_project() -> None:
    assert vars(parse(["list", "--project=x"], USAGES))["project"] == "x"
    with pytest.raises(DeployError, match="--region"):
        parse(["list", "--region=x"], USAGES)


def test_no_option_has_the_flag_or_variable_of_another() -> None:
    assert len({option.flag for option in OPTIONS}) == len({option.variable for option in OPTIONS}) == len(OPTIONS)


def test_durations_and_amounts_of_memory_are_compared_by_value() -> None:
    assert seconds("7d") == seconds("168h") == seconds("604800") == seconds("604800s")
    assert amount("1Gi") == amount("1024Mi") != amount("1G") == amount("1000M")


@pytest.mark.parametrize("size", ["512", "0.5Gi", "0Mi", "512MB", "1Ti", "512mi", "-1Gi"])
def test_memory_is_passed_in_a_form_that_gcloud_understands(tmp_path: Path, size: str) -> None:
    assert f"{size!r} is not" in faults(tmp_path, flags={"function.memory": size})


@pytest.mark.parametrize("place", ["cpu", "concurrency", "max_instances"])
@pytest.mark.parametrize("size", ["0", "-1", "nan", "1e3", "inf", ""])
def test_an_impossible_size_is_refused_before_the_deployment(tmp_path: Path, place: str, size: str) -> None:
    assert f"{size!r} is not" in faults(tmp_path, flags={f"function.{place}": size})


def test_zero_minimum_instances_is_a_valid_value(tmp_path: Path) -> None:
    assert read(tmp_path, flags={"function.min_instances": "0"}).function["min_instances"] == "0"


def test_sizes_are_compared_by_value_in_every_notation_of_google() -> None:
    assert amount("1000m") == amount("1") == 1
    assert amount("1Ti") == amount("1024Gi") == amount("1099511627776")


@pytest.mark.parametrize(
    "label",
    [
        "dt-pubsub=x",
        "dt-pubsub-billing=x",
        "dt-pubsub-writes-since=x",
        "dt-pubsub-source=x",
        "dt-pubsub-version=1",
        "dt-pubsub-verify=x",
        "deployment-tool=x",
    ],
)
def test_a_label_that_the_deployment_sets_itself_is_refused(tmp_path: Path, label: str) -> None:
    assert f"--label: {label[:-2]} is set by the deployment itself" in faults(tmp_path, flags={"labels": [label]})


def test_a_list_as_the_value_of_a_setting_is_joined_by_commas(tmp_path: Path) -> None:
    text = WHOLE.replace('"room,floor"', '["room", "floor"]')
    assert read(tmp_path, text=text) == read(tmp_path)


@pytest.mark.parametrize(
    "line",
    ["project = []", 'region = ["europe-west1", "us-central1"]', 'retention = { days = "3" }', "dt_projects = [[]]"],
)
def test_a_value_of_the_wrong_type_in_deploy_toml_is_an_error(tmp_path: Path, line: str) -> None:
    kept = "\n".join(row for row in WHOLE.splitlines() if not row.startswith(line.split(" ", maxsplit=1)[0]))
    place = line.partition(" ")[0]
    assert f"deploy.toml, line 1: {place}: has a list or a table" in faults(tmp_path, text=f"{line}\n{kept}")


def test_an_event_type_that_dt_does_not_have_is_refused(tmp_path: Path) -> None:
    assert "'nosuchEvent' is not" in faults(tmp_path, flags={"connector.events": ["temperature", "nosuchEvent"]})


def test_the_valid_event_types_are_those_of_the_function() -> None:
    assert tuple(schema.EVENT_TYPES) == EVENT_TYPES


def test_an_empty_variable_counts_as_unset(tmp_path: Path) -> None:
    empty = {option.variable: "" for option in OPTIONS}
    assert read(tmp_path, environ=empty) == read(tmp_path)


def test_google_cloud_project_is_checked_like_any_other_variable(tmp_path: Path) -> None:
    text = WHOLE.replace('project = "from-the-file"', "")
    fault = "GOOGLE_CLOUD_PROJECT: 'No Project' is not the id of a Google Cloud project"
    assert fault in faults(tmp_path, text=text, environ={"GOOGLE_CLOUD_PROJECT": "No Project"})


def test_the_account_of_a_domain_scoped_project_has_googles_form() -> None:
    account = Spec("example.com:cold-chain", "europe-west1").runtime_account
    assert account == "dt-pubsub@cold-chain.example.com.iam.gserviceaccount.com"


@pytest.mark.parametrize("value", ["a", "a,b", "a,b;c|d~e#f", ",;|~#~0~", "~0"])
def test_gcloud_parses_the_variables_correctly_for_any_value_of_a_setting(value: str) -> None:
    pairs = {"FOO": value, "BAR": f"{value}~", "LAST": value}
    separator, words = ",", env_words(pairs)
    if words.startswith("^"):
        separator, words = words[1:].split("^", 1)
    assert dict(pair.split("=", 1) for pair in words.split(separator)) == pairs


@pytest.mark.parametrize(("slip", "meant"), [("LOG_LEVLE", "LOG_LEVEL"), ("DT_PROJECT_ID", "DT_PROJECT_IDS")])
def test_a_misspelt_setting_of_the_function_is_refused_with_a_suggestion(tmp_path: Path, slip: str, meant: str) -> None:
    message = faults(tmp_path, flags={"settings": [f"{slip}=abc"]})
    assert f"--set: {slip}: unknown, did you mean {meant}?" in message


def test_an_unknown_setting_is_passed_on(tmp_path: Path) -> None:
    assert read(tmp_path, flags={"settings": ["GRPC_VERBOSITY=DEBUG"]}).settings == {"GRPC_VERBOSITY": "DEBUG"}


MISTAKEN = """\
# what is wanted
projekt = "demo"
region = "Europe"
dt_projects = [
  "c0md3pm0p7bet3vico8g",
]

[function]
memory = "lots"
memmory = "1Gi"
min_instances = 3
max_instances = 2

[ "settings" ]
LOG_LEVL = "INFO"
ORDERING_KEY = "sideways"

[conector]
events = ["temperature"]
"""


@pytest.mark.parametrize(
    "fault",
    [
        "deploy.toml, line 2: unknown key projekt; did you mean project?",
        "deploy.toml, line 3: region: 'Europe' is not a region",
        "deploy.toml, line 9: function.memory: 'lots' is not an amount of memory",
        "deploy.toml, line 10: unknown key function.memmory; did you mean function.memory?",
        "deploy.toml, line 12: function.max_instances: max_instances is lower than min_instances",
        "deploy.toml, line 15: settings.LOG_LEVL: LOG_LEVL: unknown, did you mean LOG_LEVEL?",
        "deploy.toml, line 16: settings.ORDERING_KEY: ORDERING_KEY",
        "deploy.toml, line 19: unknown key conector.events; did you mean connector.events?",
    ],
)
def test_an_error_in_deploy_toml_names_file_line_and_key(tmp_path: Path, fault: str) -> None:
    assert fault in faults(tmp_path, text=MISTAKEN, environ={"DEPLOY_PROJECT": "demo-proj"})


@pytest.mark.parametrize(
    ("flags", "fault"),
    [
        ({"connector.events": ["temprature"]}, "--event-type: 'temprature' is not one of touch, "),
        ({"connector.events": ["temprature"]}, "; for a newer type, select all types; did you mean temperature?"),
        ({"connector.events": ["CO2"]}, "; did you mean co2?"),
        (
            {"invocation": "publik"},
            "--invocation: 'publik' is not one of auto, public, unchecked; did you mean public?",
        ),
    ],
)
def test_a_mistyped_value_of_a_closed_set_gets_a_suggestion(
    tmp_path: Path, flags: Mapping[str, Any], fault: str
) -> None:
    assert fault in faults(tmp_path, flags=flags)


def test_a_value_that_is_like_no_other_gets_no_suggestion(tmp_path: Path) -> None:
    assert "did you mean" not in faults(tmp_path, flags={"invocation": "qqqq"})


def test_an_error_in_another_settings_file_names_that_file(tmp_path: Path) -> None:
    other = tmp_path / "site2.toml"
    other.write_text('region = "Europe"', "utf-8")
    assert f"{other}, line 1: region: 'Europe' is not" in faults(tmp_path, flags={"config": str(other)})


def test_a_key_in_the_wrong_table_is_reported_with_the_right_one(tmp_path: Path) -> None:
    assert "unknown key memory; did you mean function.memory?" in faults(tmp_path, text='memory = "1Gi"')


def test_an_unknown_key_that_resembles_none_is_reported_without_a_suggestion(tmp_path: Path) -> None:
    message = faults(tmp_path, text=f"zzz = 1\n{WHOLE}")
    assert message.splitlines() == ["invalid options:", "  deploy.toml, line 1: unknown key zzz"]


TAKEN = """\
[labels]
deployment-tool = "x"
[settings]
PUBSUB_TOPIC = "x"
DT_SIGNATURE_SECRET = "x"
K_SERVICE = "x"
X_GOOGLE_WORKER = "x"
DT_SERVICE_ACCOUNT_KEY_ID = "x"
"""


@pytest.mark.parametrize(
    "fault",
    [
        "line 2: labels.deployment-tool: deployment-tool is set by the deployment itself",
        "line 4: settings.PUBSUB_TOPIC: PUBSUB_TOPIC is set by the deployment itself",
        "line 5: settings.DT_SIGNATURE_SECRET: DT_SIGNATURE_SECRET is set by the deployment itself",
        "line 6: settings.K_SERVICE: K_SERVICE is reserved by Google Cloud",
        "line 7: settings.X_GOOGLE_WORKER: X_GOOGLE_WORKER is reserved by Google Cloud",
        "line 8: settings.DT_SERVICE_ACCOUNT_KEY_ID: DT_SERVICE_ACCOUNT_KEY_ID is for this command only",
    ],
)
def test_a_name_in_deploy_toml_that_a_user_cannot_set_is_refused_with_its_line(tmp_path: Path, fault: str) -> None:
    assert f"deploy.toml, {fault}" in faults(tmp_path, text=TAKEN, flags=REQUIRED)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('function . memory = "lots"', "deploy.toml, line 1: function.memory"),
        ('"function"."memory" = "lots"', "deploy.toml, line 1: function.memory"),
        ("# a comment\n'function'.memory = 'lots'", "deploy.toml, line 2: function.memory"),
        ('function = { memory = "lots" }', "deploy.toml, line 1: function.memory"),
        ('\n [ function ] # sizes\n  "memory" = "lots"', "deploy.toml, line 3: function.memory"),
        ('"functio\\u006e".memory = "lots"', "deploy.toml: function.memory"),
    ],
    ids=["blanks", "quotes", "a comment", "an inline table", "a header with a comment", "an escape"],
)
def test_a_key_in_any_notation_of_toml_is_found_again_for_an_error(tmp_path: Path, text: str, where: str) -> None:
    assert f"{where}: 'lots' is not an amount" in faults(tmp_path, text=text)


def test_an_error_in_a_variable_names_the_variable(tmp_path: Path) -> None:
    assert "DEPLOY_REGION: 'Europe' is not" in faults(tmp_path, environ={"DEPLOY_REGION": "Europe"})


def test_an_invalid_setting_in_a_variable_names_the_variable(tmp_path: Path) -> None:
    assert "DEPLOY_SETTINGS: LOG_LEVEL" in faults(tmp_path, environ={"DEPLOY_SETTINGS": "LOG_LEVEL=LOUD"})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_deploy_toml_can_have_the_encoding_and_line_ends_of_windows(tmp_path: Path, encoding: str) -> None:
    marked = ("\ufeff" if encoding[-2:] in {"le", "be"} else "") + WHOLE.replace("\n", "\r\n")
    (tmp_path / "deploy.toml").write_bytes(marked.encode(encoding))
    assert read_spec({}, {}, tmp_path) == read(tmp_path)


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "deploy.toml").write_bytes(b'project = "caf\xe9"')
    with pytest.raises(InvalidOptions, match=r"deploy\.toml: is not UTF-8 text; save it as UTF-8"):
        read_spec({}, {}, tmp_path)


def test_a_file_that_is_not_toml_is_named_with_the_place(tmp_path: Path) -> None:
    assert "deploy.toml: " in faults(tmp_path, text="project = demo")
    assert "(at line 1, column 11)" in faults(tmp_path, text="project = demo")


@pytest.mark.parametrize("margin", [" ", "\n", "\r\n", "\ufeff", "\t "])
def test_white_space_around_a_variable_is_ignored(tmp_path: Path, margin: str) -> None:
    environ = {"DEPLOY_PROJECT": f"{margin}demo-proj{margin}", "DEPLOY_DT_PROJECTS": f"{margin}one,{margin}two{margin}"}
    spec = read(tmp_path, environ=environ)
    assert (spec.google_project, spec.dt_projects) == ("demo-proj", ("one", "two"))
    usual = {"GOOGLE_CLOUD_PROJECT": margin, "CLOUDSDK_CORE_PROJECT": f"{margin}core-proj{margin}"}
    assert (
        read(tmp_path, text=WHOLE.replace('project = "from-the-file"', ""), environ=usual).google_project == "core-proj"
    )


def test_a_variable_can_contain_settings_with_commas_in_their_values(tmp_path: Path) -> None:
    text = "LABEL_ATTRIBUTES=room,floor, LOG_LEVEL=DEBUG,DT_PROJECT_IDS=one,two"
    assert read(tmp_path, environ={"DEPLOY_SETTINGS": text}).settings == {
        "LABEL_ATTRIBUTES": "room,floor",
        "LOG_LEVEL": "DEBUG",
        "DT_PROJECT_IDS": "one,two",
    }


def test_every_example_of_deploy_toml_can_be_written_as_variables(tmp_path: Path) -> None:
    said_by_variables = {
        "DEPLOY_PROJECT": "from-the-file",
        "DEPLOY_REGION": "europe-west1",
        "DEPLOY_DT_PROJECTS": "c0md3pm0p7bet3vico8g",
        "DEPLOY_RETENTION": "3d",
        "DEPLOY_FUNCTION_MEMORY": "1Gi",
        "DEPLOY_FUNCTION_MIN_INSTANCES": "1",
        "DEPLOY_SETTINGS": "LABEL_ATTRIBUTES=room,floor",
        "DEPLOY_LABELS": "team=cold-chain",
        "DEPLOY_CONNECTOR_DISPLAY_NAME": "Cold chain",
        "DEPLOY_CONNECTOR_EVENTS": "temperature",
        "DEPLOY_CONNECTOR_LABELS": "room,floor",
    }
    assert read(tmp_path, text="", environ=said_by_variables) == read(tmp_path)


def test_true_in_deploy_toml_becomes_the_functions_true(tmp_path: Path) -> None:
    text = WHOLE.replace('LABEL_ATTRIBUTES = "room,floor"', "CLOUDEVENTS = true")
    assert read(tmp_path, text=text).settings == {"CLOUDEVENTS": "true"}


def test_a_misspelt_setting_is_one_error(tmp_path: Path) -> None:
    assert faults(tmp_path, flags={"settings": ["LOG_LEVLE=INFO"]}).count("LOG_LEVLE") == 1


TOLD_TO_NOBODY = "0123456789abcdef-of-a-secret"


@pytest.mark.parametrize(
    "setting",
    [
        *(f"dt_signature_secret={TOLD_TO_NOBODY}", f"DT_SIGNATURE_SECRET={TOLD_TO_NOBODY}\n{TOLD_TO_NOBODY}"),
        *(TOLD_TO_NOBODY, f"DT_SERVICE_ACCOUNT_SECRET={TOLD_TO_NOBODY}"),
    ],
)
def test_an_error_never_quotes_the_value_of_a_setting_that_can_be_a_secret(tmp_path: Path, setting: str) -> None:
    assert TOLD_TO_NOBODY not in faults(tmp_path, flags={"settings": [setting]})


@pytest.mark.parametrize("name", ["DT_SERVICE_ACCOUNT_SECRET", "DT_SERVICE_ACCOUNT_KEY_ID", "DT_SERVICE_ACCOUNT_EMAIL"])
def test_the_login_of_dt_never_becomes_a_variable_of_the_function(tmp_path: Path, name: str) -> None:
    assert f"--set: {name} is for this command only" in faults(tmp_path, flags={"settings": [f"{name}=x"]})


@pytest.mark.parametrize("name", sorted(Spec("a-project", "europe-west1").environment))
def test_a_variable_that_the_deployment_sets_is_refused(tmp_path: Path, name: str) -> None:
    assert f"--set: {name} is set by the deployment itself" in faults(tmp_path, flags={"settings": [f"{name}=x"]})


@pytest.mark.parametrize("name", ["PORT", "K_SERVICE", "FUNCTION_TARGET", "X_GOOGLE_WORKER"])
def test_a_variable_that_google_sets_is_refused_before_anything_is_made(tmp_path: Path, name: str) -> None:
    assert f"--set: {name} is reserved by Google Cloud" in faults(tmp_path, flags={"settings": [f"{name}=x"]})


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('settings = {NAME = "a\\u0000b"}', "deploy.toml, line 1: settings: the value of NAME has a line break or"),
        ('settings = {NAME = "a\\u001b[2Jb"}', "deploy.toml, line 1: settings: the value of NAME has a line break or"),
        ('connector.display_name = "a\\u001bb"', "deploy.toml, line 1: connector.display_name: 'a\\x1bb' is not"),
        ('settings = {NAME = {a = "b"}}', "deploy.toml, line 1: settings: has a list or a table"),
        ('settings = {NAME = [["a"], ["b"]]}', "deploy.toml, line 1: settings: has a list or a table"),
        ('[[function]]\nmemory = "1Gi"', "deploy.toml, line 1: unknown key function"),
        ('dt_projects = ["-"]', "deploy.toml, line 1: dt_projects: '-' is not the id of a DT project"),
        (f"x = {'[' * 5000}{']' * 5000}", "deploy.toml: has lists or tables nested too deeply"),
    ],
    ids=["NUL", "escape", "escape in a name", "table", "lists", "array of tables", "all DT projects", "deep"],
)
def test_values_that_would_fail_during_the_deployment_are_errors_in_deploy_toml(
    tmp_path: Path, line: str, fault: str
) -> None:
    assert fault in faults(tmp_path, text=line)


def test_a_deploy_toml_that_is_a_broken_link_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "deploy.toml").symlink_to(tmp_path / "gone.toml")
    with pytest.raises(InvalidOptions, match=r"deploy\.toml: No such file"):
        read_spec({}, {}, tmp_path)


@pytest.mark.parametrize("place", [option.place for option in OPTIONS if option.place.startswith("alerts.")])
def test_a_setting_of_alerts_without_anybody_to_tell_is_an_error(tmp_path: Path, place: str) -> None:
    if place in {"alerts.emails", "alerts.channels"}:
        return
    value = "https://wiki.example.com" if place.endswith("_url") else "9"
    assert "no address gets alerts: set --alert-email or --alert-channel" in faults(tmp_path, flags={place: value})


def test_none_instead_of_a_dataset_ends_the_storage_and_no_setting_leaves_it_alone(tmp_path: Path) -> None:
    assert not read(tmp_path).bigquery.is_planned
    assert read(tmp_path, flags={"bigquery.dataset": "none"}).bigquery.is_removed
    assert read(tmp_path, environ={"DEPLOY_BIGQUERY_DATASET": "sensors"}).bigquery == Warehouse("sensors")


def test_a_location_without_a_dataset_is_an_error(tmp_path: Path) -> None:
    assert "there is no dataset: set --bigquery" in faults(tmp_path, flags={"bigquery.location": "EU"})


@pytest.mark.parametrize(
    ("place", "value"), [("dataset", "my-data"), ("dataset", "p.d"), ("location", "europe west"), ("location", "EU-1")]
)
def test_a_dataset_or_location_that_bigquery_would_refuse_is_an_error(tmp_path: Path, place: str, value: str) -> None:
    given = {"bigquery.dataset": "sensors", f"bigquery.{place}": value}
    assert repr(value) in faults(tmp_path, flags=given)


def test_none_instead_of_an_address_or_an_empty_list_means_no_alerts(tmp_path: Path) -> None:
    assert read(tmp_path).alerts == Alerts()
    assert not read(tmp_path).alerts.are_planned
    assert read(tmp_path, flags={"alerts.emails": ["none"]}).alerts.are_removed
    empty = WHOLE + "[alerts]\nemails = []\nunread_hours = 2\n"
    assert read(tmp_path, text=empty).alerts.are_removed
    variables = {"DEPLOY_ALERTS_EMAILS": "ops@example.com,night@example.com"}
    assert read(tmp_path, text=empty, environ=variables).alerts.emails == ("ops@example.com", "night@example.com")


def test_an_alert_channel_of_another_project_is_an_error(tmp_path: Path) -> None:
    channel = "projects/another/notificationChannels/1"
    assert f"{channel} is not of the project from-the-file" in faults(tmp_path, flags={"alerts.channels": [channel]})
    assert read(tmp_path, flags={"alerts.channels": ["projects/123/notificationChannels/1"]}).alerts.are_on


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("alerts.emails", ["ops"]),
        ("alerts.emails", ["ops@localhost"]),
        ("alerts.channels", ["123"]),
        ("alerts.no_events_hours", "0"),
        ("alerts.no_events_hours", "24"),
        ("alerts.unread_messages", "1.5"),
        ("alerts.memory_percent", "100"),
        ("alerts.runbook_url", "http://wiki.example.com"),
    ],
)
def test_an_invalid_setting_of_alerts_is_refused(tmp_path: Path, place: str, text: Any) -> None:
    flags = {"alerts.emails": ["ops@example.com"], place: text}
    word = text[0] if isinstance(text, list) else text
    assert repr(word) in faults(tmp_path, flags=flags)


LEAST = 'project = "my-project"\nregion = "europe-west1"\ndt_projects = ["c0md3pm0p7bet3vico8g"]\n'
SET_TWICE = """
[settings]
LOG_DELIVERED = 10
[cost]
log_delivered = 100
"""


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        (SET_TWICE, "cost.log_delivered: LOG_DELIVERED is set, too, in deploy.toml, line"),
        ("[cost]\nbilling = 'instance'\n[function]\ncpu = 0.5\nconcurrency = 1\n", "requires at least --cpu=1"),
        ("[cost]\nbilling = 'instance'\n[function]\nmemory = '256Mi'\n", "requires at least --memory=512Mi"),
        ("[cost]\nprofile = 'medium'\n", "'medium' is not one of small, large"),
        ("[cost]\nsensors = 0\n", "'0' is not a whole number from 1 to 100,000,000, in digits alone"),
    ],
)
def test_settings_of_the_cost_that_contradict_others_are_refused(tmp_path: Path, more: str, fault: str) -> None:
    assert fault in faults(tmp_path, text=f"{LEAST}{more}")


@pytest.mark.parametrize(("name", "value"), [("log_delivered", "0"), ("log_level", "loud")])
def test_a_wrong_setting_of_the_log_is_one_error_although_two_parsers_know_it(
    tmp_path: Path, name: str, value: str
) -> None:
    assert faults(tmp_path, text=f"{LEAST}[cost]\n{name} = '{value}'\n").count(f"{value!r} is not ") == 1


def test_a_setting_of_the_log_may_be_written_twice_with_the_same_value(tmp_path: Path) -> None:
    same = SET_TWICE.replace("100", "10")
    assert read(tmp_path, f"{LEAST}{same}").settings == {"LOG_DELIVERED": "10"}
