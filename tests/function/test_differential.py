"""Generated tokens for two independent verifiers, and seeded mutations for the function's own; both in a short form.

``python -m tests.prove differential fuzz`` runs the full form: 10,000 tokens and 100,000 mutations.
"""

from base64 import b64decode
from dataclasses import replace
from random import Random

import pytest

from function.signature import ORIGINS
from tests.function.builders import NOW, body, key_token, secret_token
from tests.prove import differential
from tests.prove.differential import EXPLAINED, REFERENCE, VERDICTS, Comparison, compare
from tests.prove.fuzz import FORGED, LONGEST_MS, SHORT, Finding, fuzzed, mutated
from tests.prove.reference import Decision, Reference
from tests.prove.tokens import BY_KEY, BY_SECRET, CHANGES, draft

BODY = body()


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return compare(differential.SHORT)


@pytest.fixture(scope="module")
def finding() -> Finding:
    return fuzzed(SHORT)


def test_the_two_verifiers_differ_only_for_known_reasons(comparison: Comparison) -> None:
    assert comparison.unexplained == []


def test_the_generated_tokens_reach_every_result_often(comparison: Comparison) -> None:
    assert set(comparison.verdicts) == {*VERDICTS.values(), "accepted", "expired"}
    assert comparison.verdicts["accepted"] > differential.SHORT / 8
    assert min(comparison.verdicts[verdict] for verdict in ("expired", "clock", "checksum")) > 5
    assert min(comparison.decisions["accepted", origin] for origin in ORIGINS) > 5


def test_every_change_and_every_reason_occurs() -> None:
    random = Random(differential.SEED)
    met = {name for _ in range(differential.SHORT) for name in draft(random).changes}
    assert met == set(CHANGES)
    assert set(EXPLAINED) <= met


class IgnoringOrigin(Reference):
    """A verifier that does not read the origin."""

    def decide(self, header: str, token: str, body: bytes, now: float) -> Decision:
        """Decide on one request."""
        return super().decide(header, token, body, now)[0], None


class ReadingOriginsOfAny(Reference):
    """A verifier that reads the origin in the token of either header."""

    def decide(self, header: str, token: str, body: bytes, now: float) -> Decision:
        """Decide on one request."""
        verdict, origin = super().decide(header, token, body, now)
        named = b64decode(token.split(".")[1] + "==", b"-_") if verdict == "accepted" else b""
        return verdict, origin or ("replay" if b'"origin": "replay"' in named else None)


WRONG = {
    "a second less": replace(REFERENCE, leeway_s=59),
    "a second more": replace(REFERENCE, leeway_s=61),
    "one secret alone": replace(REFERENCE, secrets=REFERENCE.secrets[:1]),
    "any origin": IgnoringOrigin(**vars(REFERENCE)),
    "an origin by the key": ReadingOriginsOfAny(**vars(REFERENCE)),
    "no keys": replace(REFERENCE, keys={}),
    "another issuer": replace(REFERENCE, issuer="https://identity.example.com"),
    "another organization": replace(REFERENCE, organization_id="another"),
}


@pytest.mark.parametrize("reference", WRONG.values(), ids=WRONG)
def test_a_second_verifier_that_differs_in_one_rule_is_detected(reference: Reference) -> None:
    assert compare(differential.SHORT, reference, is_first_enough=True).unexplained


@pytest.mark.parametrize("header", [BY_SECRET, BY_KEY])
def test_the_second_verifier_accepts_a_valid_token_and_distinguishes_the_rows(header: str) -> None:
    make = secret_token if header == BY_SECRET else key_token
    assert REFERENCE.decide(header, make(BODY), BODY, NOW) == ("accepted", None)
    assert REFERENCE.decide(header, make(BODY), BODY, NOW + 10_000) == ("expired", None)
    assert REFERENCE.decide(header, make(BODY), BODY, NOW - 61) == ("clock", None)
    assert REFERENCE.decide(header, make(BODY), b"", NOW) == ("checksum", None)
    assert REFERENCE.decide(header, make(BODY)[:-1], BODY, NOW) == ("signature", None)
    assert REFERENCE.decide(header, "", BODY, NOW) == ("unsigned", None)


def test_the_second_verifier_reads_an_origin_only_in_the_token_of_a_secret() -> None:
    assert REFERENCE.decide(BY_SECRET, secret_token(BODY, origin="replay"), BODY, NOW) == ("accepted", "replay")
    assert REFERENCE.decide(BY_SECRET, secret_token(BODY, origin="live"), BODY, NOW) == ("signature", None)
    assert REFERENCE.decide(BY_KEY, key_token(BODY, origin="live"), BODY, NOW) == ("accepted", None)


def test_mutations_raise_only_expected_errors(finding: Finding) -> None:
    assert finding.foreign == []


def test_no_mutated_token_is_accepted(finding: Finding) -> None:
    assert finding.outcomes[FORGED] == 0


def test_no_mutation_takes_long(finding: Finding) -> None:
    assert finding.slowest_ms < LONGEST_MS


def test_mutations_get_past_every_check(finding: Finding) -> None:
    for outcome in (
        "changed token refused",
        "origin taken",
        "origin refused",
        "origin ignored",
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
