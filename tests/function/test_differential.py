"""Generated tokens before two independent verifiers, and seeded mutations before nobody but ours; the short forms.

``python -m tests.prove differential fuzz`` runs the full ones: 10,000 tokens and 100,000 mutations.
"""

from dataclasses import replace
from random import Random

import pytest

from tests.function.builders import NOW, body, key_token, secret_token
from tests.prove import differential
from tests.prove.differential import EXPLAINED, REFERENCE, VERDICTS, Comparison, compare
from tests.prove.fuzz import FORGED, LONGEST_MS, SHORT, Finding, fuzzed, mutated
from tests.prove.reference import Reference
from tests.prove.tokens import BY_KEY, BY_SECRET, CHANGES, draft

BODY = body()


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return compare(differential.SHORT)


@pytest.fixture(scope="module")
def finding() -> Finding:
    return fuzzed(SHORT)


def test_no_verdict_of_ours_is_another_than_the_second_verifiers_without_a_reason(comparison: Comparison) -> None:
    assert comparison.unexplained == []


def test_the_generated_tokens_reach_every_verdict_often(comparison: Comparison) -> None:
    assert set(comparison.verdicts) == {*VERDICTS.values(), "accepted", "expired"}
    assert comparison.verdicts["accepted"] > differential.SHORT / 8
    assert min(comparison.verdicts[verdict] for verdict in ("expired", "clock", "checksum")) > 5


def test_every_change_and_every_reason_is_met_with() -> None:
    random = Random(differential.SEED)
    met = {name for _ in range(differential.SHORT) for name in draft(random).changes}
    assert met == set(CHANGES)
    assert set(EXPLAINED) <= met


WRONG = {
    "a second less": replace(REFERENCE, leeway_s=59),
    "a second more": replace(REFERENCE, leeway_s=61),
    "one secret alone": replace(REFERENCE, secrets=REFERENCE.secrets[:1]),
    "no keys": replace(REFERENCE, keys={}),
    "another issuer": replace(REFERENCE, issuer="https://identity.example.com"),
    "another organization": replace(REFERENCE, organization_id="another"),
}


@pytest.mark.parametrize("reference", WRONG.values(), ids=WRONG)
def test_a_second_verifier_that_differs_in_one_rule_is_found_out(reference: Reference) -> None:
    assert compare(differential.SHORT, reference).unexplained


@pytest.mark.parametrize("header", [BY_SECRET, BY_KEY])
def test_the_second_verifier_takes_a_sound_token_and_tells_the_rows_apart(header: str) -> None:
    make = secret_token if header == BY_SECRET else key_token
    assert REFERENCE.verdict(header, make(BODY), BODY, NOW) == "accepted"
    assert REFERENCE.verdict(header, make(BODY), BODY, NOW + 10_000) == "expired"
    assert REFERENCE.verdict(header, make(BODY), BODY, NOW - 61) == "clock"
    assert REFERENCE.verdict(header, make(BODY), b"", NOW) == "checksum"
    assert REFERENCE.verdict(header, make(BODY)[:-1], BODY, NOW) == "signature"
    assert REFERENCE.verdict(header, "", BODY, NOW) == "unsigned"


def test_mutations_bring_out_no_exception_but_our_own(finding: Finding) -> None:
    assert finding.foreign == []


def test_no_mutated_token_is_taken(finding: Finding) -> None:
    assert finding.outcomes[FORGED] == 0


def test_no_mutation_takes_long(finding: Finding) -> None:
    assert finding.slowest_ms < LONGEST_MS


def test_mutations_reach_behind_every_door(finding: Finding) -> None:
    for outcome in (
        "changed token refused",
        "signed claims taken",
        "signed claims refused",
        "body passed on",
        "body kept",
    ):
        assert finding.outcomes[outcome] > 50, outcome


def test_mutations_are_the_same_from_the_same_seed_and_mostly_change_something() -> None:
    made = [mutated(BODY, Random(seed)) for seed in range(100)]
    assert made == [mutated(BODY, Random(seed)) for seed in range(100)]
    assert sum(content != BODY for content in made) > 90
