"""Compare the function's decisions on generated tokens with a second verifier's; every difference has a reason."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from random import Random

from joserfc.jwk import ECKey, OctKey

from function.errors import ChecksumMismatch, ClockBehind, ProofError, SignatureInvalid, Unsigned
from function.verifier import OrganizationScheme, Scheme, SecretScheme, Verifier
from tests.function.builders import ISSUER, KEY_ID, OLD_SECRET, ORGANIZATION_ID, SECRET, jwk, prove
from tests.function.fakes import FakeClock, FakeKeys, FakeSecrets
from tests.prove.reference import Decision, Reference, Verdict
from tests.prove.report import Row, Say
from tests.prove.tokens import Draft, draft

SEED = 20_260_101
SHORT, FULL = 1_500, 10_000

REFERENCE = Reference(
    secrets=[OctKey.import_key(SECRET), OctKey.import_key(OLD_SECRET)],
    keys={KEY_ID: ECKey.import_key(jwk())},
    issuer=ISSUER,
    organization_id=ORGANIZATION_ID,
)

VERDICTS: Mapping[type[ProofError], Verdict] = {
    Unsigned: "unsigned",
    SignatureInvalid: "signature",
    ChecksumMismatch: "checksum",
    ClockBehind: "clock",
}

EXPLAINED: Mapping[str, str] = {
    "typ or cty no text": "joserfc refuses it; neither means anything to us, and their maker is proven",
    "JSON that is beyond Unicode or doubles": "msgspec refuses it; RFC 8259 allows it, and the claim is not read",
}
"""By change: why the reference refuses a token that the function reads. The opposite never occurs."""


@dataclass
class Comparison:
    """The result: how often the function decided in each way, and the drafts on which the two differ."""

    decisions: Counter[Decision] = field(default_factory=Counter)
    explained: Counter[str] = field(default_factory=Counter)
    unexplained: list[str] = field(default_factory=list)

    @property
    def verdicts(self) -> Counter[Verdict]:
        """How often the function came to each verdict, of any origin."""
        counted: Counter[Verdict] = Counter()
        for (verdict, _), times in self.decisions.items():
            counted[verdict] += times
        return counted

    def add(self, made: Draft, ours: Decision, theirs: Decision) -> None:
        """Count a draft."""
        self.decisions[ours] += 1
        if ours == theirs:
            return
        reasons = [name for name in made.changes if name in EXPLAINED]
        if reasons and theirs[0] == "signature":
            self.explained[reasons[0]] += 1
        else:
            self.unexplained.append(f"{ours}, reference: {theirs}; {made.header_name} with {made.changes}")


def compare(count: int, reference: Reference = REFERENCE, *, is_first_enough: bool = False) -> Comparison:
    """Let both verifiers decide on this many tokens, or up to the first difference that is not explained."""
    random = Random(SEED)
    return asyncio.run(_compared((draft(random) for _ in range(count)), reference, is_first_enough=is_first_enough))


async def _compared(drafts: Iterable[Draft], reference: Reference, *, is_first_enough: bool) -> Comparison:
    clock = FakeClock()
    secrets = FakeSecrets(SECRET, OLD_SECRET)
    schemes: list[Scheme] = [SecretScheme(secrets), OrganizationScheme(ORGANIZATION_ID, ISSUER, FakeKeys())]
    verifier = Verifier(schemes, now=clock, leeway_s=60)
    comparison = Comparison()
    for made in drafts:
        clock.seconds, token = made.now, made.token
        theirs = reference.decide(made.header_name, token, made.body, made.now)
        comparison.add(made, await _ours(verifier, made.header_name, token, made.body), theirs)
        if comparison.unexplained and is_first_enough:
            break
    return comparison


async def _ours(verifier: Verifier, header_name: str, token: str, body: bytes) -> Decision:
    try:
        verified = await prove(verifier, {header_name: [token]}, body)
    except ProofError as error:
        return VERDICTS[type(error)], None
    return "expired" if verified.expired else "accepted", verified.origin


def differential(short: bool, say: Say) -> list[Row]:  # noqa: FBT001  # as every section
    """Measure whether the function decides as an independent verifier does."""
    count = SHORT if short else FULL
    comparison = compare(count)
    say(f"verdicts: {dict(comparison.verdicts.most_common())}")
    by_origin = {f"{verdict}, {origin}": times for (verdict, origin), times in comparison.decisions.items() if origin}
    say(f"of an operator: {by_origin}")
    for name, times in comparison.explained.items():
        say(f"{times} explained ({name}): {EXPLAINED[name]}")
    for line in comparison.unexplained[:20]:
        say(f"UNEXPLAINED: {line}")
    explained = sum(comparison.explained.values())
    measured = f"{len(comparison.unexplained)} of {count:,} unexplained, {explained} explained"
    return [Row("the function decides as a second verifier does (joserfc)", measured, not comparison.unexplained)]
