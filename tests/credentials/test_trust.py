"""Whose credentials a verifier accepts: what it has to find out, and what it concludes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.chain.networks import Network, Networks
from ethr_did.core.changes import deactivate
from ethr_did.core.keys import Address
from ethr_did.core.resolution import ReadAt
from ethr_did.credentials.accreditations import (
    AuthorityHistory,
    accredit,
    accreditation_type,
    withdraw,
)
from ethr_did.credentials.keys import Algorithm, KeyKind
from ethr_did.credentials.report import Outcome
from ethr_did.credentials.signed_trust_lists import (
    SignedTrustList,
    read_signed_trust_list,
    sign_trust_list,
)
from ethr_did.credentials.trust import (
    AuthorityReading,
    OnChainAuthority,
    TrustNeeds,
    TrustPolicy,
    TrustQuestion,
    TrustSource,
    TrustState,
    TrustVerdict,
    UnreadSource,
    judge,
)
from ethr_did.credentials.trust_lists import TrustEntry, TrustList
from ethr_did.credentials.vc_jwt import read_vc_jwt
from ethr_did.did_methods.key import resolve_key
from ethr_did.errors import (
    ChainError,
    DeactivatedError,
    EthrDIDError,
    FetchError,
    InvalidCredential,
    InvalidDID,
    InvalidTrustList,
    NodeUnreachable,
    NotFoundError,
    UnknownNetwork,
    UnsupportedMethod,
)
from support.events import BOB, CAROL, IDENTITY, ZERO, Story, time_of
from support.triangle import key_of_kind

if TYPE_CHECKING:
    from ethr_did.chain.local import LocalAccount
    from support.issuing import Office
    from support.triangle import Triangle

NOW = 1_800_000_000
DAY = 86_400
DIPLOMA, CARD = "DiplomaCredential", "LibraryCard"
UNI = "did:web:uni.example"
KEY = key_of_kind(KeyKind.ED25519)
SIGNER = f"did:key:{KEY.public.to_multikey()}"
DEV = Network(name="dev", chain_id=31337, did_registry="0x03d5003bf0e79C5F5223588F347ebA39AfbC3818")
NETWORKS = Networks([DEV])
AUTHORITY = OnChainAuthority.parse(f"did:ethr:dev:0x{IDENTITY.hex()}")
ISSUER = f"did:ethr:dev:0x{BOB.hex()}"


def asked(*types: str, issuer: str = UNI) -> TrustQuestion:
    return TrustQuestion(issuer=issuer, types=types or (DIPLOMA,))


def trust_list(*types: str, issuer: str = UNI, **more: Any) -> TrustList:
    entry = TrustEntry(issuer=issuer, types=types or (DIPLOMA,))
    return TrustList(entries=(entry,), **more)


def signed(issuer: str = UNI) -> SignedTrustList:
    """A list of the signer's with a university, good until ten seconds from now."""
    inner = replace(trust_list(issuer=issuer), issuer=SIGNER)
    token = sign_trust_list(
        inner,
        KEY,
        algorithm=Algorithm.EDDSA,
        method_id=f"{SIGNER}#{KEY.public.to_multikey()}",
        issued_at=NOW - 10,
        expires_at=NOW + 10,
    )
    return read_signed_trust_list(token, signer=SIGNER, networks=NETWORKS)


def policy_of(*sources: TrustSource) -> TrustPolicy:
    return TrustPolicy(sources=sources, networks=NETWORKS)


def history(story: Story, *, time: int = NOW) -> AuthorityHistory:
    head = ReadAt(chain_id=31337, block_number=99, block_hash=bytes(32), block_timestamp=time)
    return AuthorityHistory(authority=IDENTITY, events=tuple(story.events), read_at=head)


def verdict_of(
    *sources: TrustSource,
    question: TrustQuestion | None = None,
    proof: EthrDIDError | None = None,
    found: AuthorityHistory | EthrDIDError | None = None,
    now: int = NOW,
    at: int | None = None,
) -> TrustVerdict:
    """What is concluded where everything that is needed was found out."""
    policy, credential = policy_of(*sources), question or asked()
    needs, state = policy.needs([credential], now=now, at=at), TrustState(now=now)
    for one in needs.proofs:
        state = state.with_proof(one, proof)
    for reading in needs.readings:
        assert found is not None
        result = found if isinstance(found, EthrDIDError) else {IDENTITY: found}
        state = state.with_reading(reading, result)
    return judge(policy, state, credential, at=at)


ACCREDITED = Story().delegate(accreditation_type(DIPLOMA), BOB, valid_to=NOW + DAY)
FROM_ISSUER = asked(issuer=ISSUER)


# -- policies ------------------------------------------------------------------------------------


def test_a_policy_has_a_source() -> None:
    with pytest.raises(InvalidTrustList, match="would accept nobody"):
        TrustPolicy(sources=())


def test_an_authority_is_on_a_network_that_is_known() -> None:
    with pytest.raises(UnknownNetwork):
        policy_of(OnChainAuthority.parse(AUTHORITY.did.text.replace("dev", "devv")))
    with pytest.raises(UnsupportedMethod):
        OnChainAuthority.parse("did:web:authority.example")


# -- one source ----------------------------------------------------------------------------------


def test_a_local_list_needs_nothing_from_outside() -> None:
    assert policy_of(trust_list()).needs([asked()], now=NOW) == TrustNeeds()
    found = verdict_of(trust_list())
    assert (found.outcome, found.code) == (Outcome.PASSED, "issuer_trusted")
    assert "(trust list)" in found.message


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (trust_list(issuer="did:web:mill.example"), "issuer_not_trusted"),
        (trust_list(CARD), "issuer_not_trusted_for_type"),
        (trust_list(valid_until=NOW - 1), "trust_list_expired"),
    ],
)
def test_a_list_that_does_not_trust_the_issuer_says_no(source: TrustList, code: str) -> None:
    found = verdict_of(source)
    assert (found.outcome, found.code) == (Outcome.FAILED, code)


def test_a_credential_can_be_judged_itself(triangle: Triangle, alice: LocalAccount) -> None:
    credential = read_vc_jwt(triangle.vc_jwt(triangle.owner(alice), None))
    policy = policy_of(trust_list(issuer=credential.issuer))
    state = TrustState(now=NOW)
    assert judge(policy, state, credential).outcome is Outcome.PASSED
    assert judge(policy_of(trust_list()), state, credential).outcome is Outcome.FAILED


# -- signed lists --------------------------------------------------------------------------------


def test_a_signed_list_counts_once_its_signature_is_checked() -> None:
    source = signed()
    policy = policy_of(source)
    needs = policy.needs([asked()], now=NOW)
    assert needs == TrustNeeds(proofs=(source,))
    needs.proofs[0].check_signature(resolve_key(SIGNER))
    unchecked = judge(policy, TrustState(now=NOW), asked())
    assert (unchecked.outcome, unchecked.code) == (Outcome.UNDETERMINED, "trust_not_read")
    assert "was not checked" in unchecked.message
    found = verdict_of(source)
    assert (found.outcome, found.decisions[0].source) == (Outcome.PASSED, source.label)


@pytest.mark.parametrize(
    "error", [InvalidCredential("x"), DeactivatedError("x"), NotFoundError("x"), InvalidDID("x")]
)
def test_a_list_that_is_not_its_signer_s_says_no(error: EthrDIDError) -> None:
    found = verdict_of(signed(), proof=error)
    assert (found.outcome, found.code) == (Outcome.FAILED, "trust_list_not_genuine")


@pytest.mark.parametrize(
    "error", [NodeUnreachable("x"), FetchError("x"), UnknownNetwork("x"), UnsupportedMethod("x")]
)
def test_a_signature_that_cannot_be_checked_leaves_it_open(error: EthrDIDError) -> None:
    found = verdict_of(signed(), proof=error)
    assert (found.outcome, found.code) == (Outcome.UNDETERMINED, "trust_not_read")


def test_the_signature_of_a_list_that_says_no_does_not_matter() -> None:
    source = signed()
    assert policy_of(source).needs([asked(CARD)], now=NOW) == TrustNeeds()
    assert verdict_of(source, question=asked(CARD)).code == "issuer_not_trusted_for_type"


def test_a_signed_list_that_has_ended_says_no() -> None:
    source = signed()
    assert verdict_of(source, now=NOW + 9).outcome is Outcome.PASSED
    assert policy_of(source).needs([asked()], now=NOW + 10) == TrustNeeds()
    found = verdict_of(source, now=NOW + 10)
    assert (found.outcome, found.code) == (Outcome.FAILED, "trust_list_expired")


def test_a_list_must_be_good_now_also_for_an_issuer_of_the_past() -> None:
    assert verdict_of(signed(), now=NOW + 10, at=NOW).code == "trust_list_expired"


# -- authorities ---------------------------------------------------------------------------------


def test_an_authority_is_read_and_believed() -> None:
    needs = policy_of(AUTHORITY).needs([FROM_ISSUER], now=NOW)
    assert needs == TrustNeeds(readings=(AuthorityReading(network=DEV, authorities=(IDENTITY,)),))
    found = verdict_of(AUTHORITY, question=FROM_ISSUER, found=history(ACCREDITED))
    assert (found.outcome, found.code) == (Outcome.PASSED, "issuer_trusted")
    assert found.to_dict() == {
        "outcome": "passed",
        "code": "issuer_trusted",
        "message": f"{found.decisions[0].message} ({AUTHORITY.label})",
        "sources": [found.decisions[0].to_dict()],
    }
    assert found.to_dict()["sources"][0]["readAt"]["blockNumber"] == 99


def test_an_authority_that_says_no_is_a_no() -> None:
    question = asked(CARD, issuer=ISSUER)
    found = verdict_of(AUTHORITY, question=question, found=history(ACCREDITED))
    assert (found.outcome, found.code) == (Outcome.FAILED, "issuer_not_trusted")
    given_up = Story().delegate(accreditation_type(DIPLOMA), BOB).owner(ZERO)
    found = verdict_of(AUTHORITY, question=FROM_ISSUER, found=history(given_up))
    assert (found.outcome, found.code) == (Outcome.FAILED, "trust_authority_deactivated")


def test_an_authority_that_cannot_be_read_leaves_it_open() -> None:
    found = verdict_of(AUTHORITY, question=FROM_ISSUER, found=NodeUnreachable("no answer"))
    assert (found.outcome, found.code) == (Outcome.UNDETERMINED, "trust_not_read")
    assert "no answer" in found.message
    unread = judge(policy_of(AUTHORITY), TrustState(now=NOW), FROM_ISSUER)
    assert unread.outcome is Outcome.UNDETERMINED
    assert "was not read" in unread.message


def test_the_error_of_one_authority_is_its_own() -> None:
    other = OnChainAuthority.parse(f"did:ethr:dev:0x{CAROL.hex()}")
    policy = policy_of(other, AUTHORITY)
    (reading,) = policy.needs([FROM_ISSUER], now=NOW).readings
    assert reading.authorities == (CAROL, IDENTITY)
    found: dict[Address, AuthorityHistory | ChainError] = {
        CAROL: NodeUnreachable("x"),
        IDENTITY: history(ACCREDITED),
    }
    verdict = judge(policy, TrustState(now=NOW).with_reading(reading, found), FROM_ISSUER)
    assert [one.reason.name for one in verdict.decisions] == ["NOT_READ", "TRUSTED"]
    assert verdict.outcome is Outcome.PASSED


@pytest.mark.parametrize(
    "issuer",
    [UNI, f"did:ethr:0x{BOB.hex()}", f"did:ethr:sepolia:0x{BOB.hex()}", "did:ethr:dev:0x12"],
)
def test_an_issuer_of_another_network_is_not_asked_about(issuer: str) -> None:
    question = asked(issuer=issuer)
    assert policy_of(AUTHORITY).needs([question], now=NOW) == TrustNeeds()
    found = verdict_of(AUTHORITY, question=question)
    assert (found.outcome, found.code) == (Outcome.FAILED, "issuer_not_trusted")


def test_an_issuer_is_accredited_in_every_spelling() -> None:
    question = asked(issuer=f"did:ethr:0x7A69:0x{BOB.hex()}")
    found = verdict_of(AUTHORITY, question=question, found=history(ACCREDITED))
    assert found.outcome is Outcome.PASSED


def test_a_slow_clock_hides_no_withdrawal() -> None:
    block = 2_000_000
    story = Story().delegate(accreditation_type(DIPLOMA), BOB, valid_to=time_of(block) + DAY)
    story.at(block).delegate(accreditation_type(DIPLOMA), BOB, valid_to=time_of(block))
    found = history(story, time=time_of(block))
    slow = verdict_of(AUTHORITY, question=FROM_ISSUER, found=found, now=time_of(block) - 60)
    assert slow.code == "issuer_no_longer_trusted"
    past = verdict_of(
        AUTHORITY, question=FROM_ISSUER, found=found, now=NOW * 2, at=time_of(block) - 60
    )
    assert past.outcome is Outcome.PASSED


def test_a_fast_clock_lets_accreditations_expire() -> None:
    found = history(ACCREDITED, time=NOW)
    late = verdict_of(AUTHORITY, question=FROM_ISSUER, found=found, now=NOW + DAY)
    assert late.code == "issuer_no_longer_trusted"


# -- several sources -----------------------------------------------------------------------------


def test_any_source_that_trusts_is_enough() -> None:
    found = verdict_of(
        trust_list(CARD), trust_list(), UnreadSource(label="x", error=FetchError(""))
    )
    assert found.outcome is Outcome.PASSED
    assert [one.reason.name for one in found.decisions] == ["WRONG_TYPE", "TRUSTED", "NOT_READ"]


def test_a_no_is_open_while_a_source_is_not_read() -> None:
    missing = UnreadSource(label="partners.jwt", error=FetchError("no such server"))
    found = verdict_of(trust_list(CARD), missing)
    assert (found.outcome, found.code) == (Outcome.UNDETERMINED, "trust_not_read")
    assert found.message == "no such server (partners.jwt)"


def test_of_several_noes_the_one_that_came_closest_is_told() -> None:
    found = verdict_of(trust_list(issuer="did:web:a.example"), trust_list(CARD, name="Own"))
    assert found.code == "issuer_not_trusted_for_type"
    assert "is not in the list (trust list);" in found.message
    assert "(trust list 'Own')" in found.message


def test_types_of_two_sources_do_not_add_up() -> None:
    question = asked(DIPLOMA, CARD)
    assert verdict_of(trust_list(DIPLOMA), trust_list(CARD), question=question).outcome is (
        Outcome.FAILED
    )


def test_nothing_is_asked_where_a_local_list_says_yes() -> None:
    policy = policy_of(AUTHORITY, signed(issuer=ISSUER), trust_list(issuer=ISSUER))
    assert policy.needs([FROM_ISSUER], now=NOW) == TrustNeeds()
    assert judge(policy, TrustState(now=NOW), FROM_ISSUER).outcome is Outcome.PASSED


def test_a_local_list_that_has_ended_settles_nothing() -> None:
    policy = policy_of(AUTHORITY, trust_list(issuer=ISSUER, valid_until=NOW - 1))
    assert policy.needs([FROM_ISSUER], now=NOW, at=NOW - 5).readings


def test_the_needs_of_several_credentials_are_put_together() -> None:
    source, sepolia = signed(), OnChainAuthority.parse(f"did:ethr:sepolia:0x{IDENTITY.hex()}")
    policy = policy_of(source, AUTHORITY, sepolia, AUTHORITY)
    there = asked(issuer=ISSUER.replace("dev", "sepolia"))
    needs = policy.needs([asked(), FROM_ISSUER, asked(), there], now=NOW)
    assert needs.proofs == (source,)
    assert [(one.network.name, one.authorities) for one in needs.readings] == [
        ("dev", (IDENTITY,)),
        ("sepolia", (IDENTITY,)),
    ]


# -- on a real chain -----------------------------------------------------------------------------


def chain_verdict(
    office: Office, authority: LocalAccount, issuer: LocalAccount, *, at: int | None = None
) -> TrustVerdict:
    source = OnChainAuthority(did=office.did(authority))
    policy = TrustPolicy(sources=(source,), networks=Networks([office.network]))
    question = asked("VerifiableCredential", DIPLOMA, issuer=office.did(issuer).text)
    now = office.chain.head.timestamp
    state = TrustState(now=now)
    for reading in policy.needs([question], now=now, at=at).readings:
        state = state.with_reading(reading, office.door.agree(reading.steps))
    return judge(policy, state, question, at=at)


def test_an_accreditation_is_made_and_withdrawn_on_a_real_chain(
    office: Office, alice: LocalAccount, bob: LocalAccount
) -> None:
    issuer = Address(bob.address_bytes)
    assert chain_verdict(office, alice, bob).code == "issuer_not_trusted"
    office.change(alice, accredit(issuer, DIPLOMA, validity=DAY))
    assert chain_verdict(office, alice, bob).outcome is Outcome.PASSED
    then = office.chain.head.timestamp
    office.pass_time(10)
    office.change(alice, withdraw(issuer, DIPLOMA))
    assert chain_verdict(office, alice, bob).code == "issuer_no_longer_trusted"
    assert chain_verdict(office, alice, bob, at=then).outcome is Outcome.PASSED
    office.change(alice, deactivate())
    assert chain_verdict(office, alice, bob).code == "trust_authority_deactivated"
