"""SD-JWT VCs of npm's @sd-jwt libraries and ours: each issues, shows and verifies the other's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.core.bitstring import BitOrder, Bitstring
from ethr_did.core.list_documents import DocumentForm, ListTerms, build_document
from ethr_did.credentials.disclosures import Disclosure
from ethr_did.credentials.keys import KeyKind
from ethr_did.credentials.list_signing import ListSigner
from ethr_did.credentials.policy import Policy
from ethr_did.credentials.report import CheckName, Verdict
from ethr_did.credentials.sd_jwt_vc import read_sd_jwt_vc
from support.encounters import KeyPair, Shelf, tampered
from support.triangle import NONCE, SHOP

if TYPE_CHECKING:
    from ethr_did.chain.local import LocalAccount
    from support.encounters import Encounter
    from support.triangle import Party

pytestmark = [pytest.mark.interop, pytest.mark.xdist_group("credential peers")]

ISSUER, HOLDER = (KeyPair.of(KeyKind.P256, name) for name in ("issuer", "holder"))
TO_SHOP = Policy(nonce=NONCE, audience=SHOP)
LIST = "https://lists.example/1"

DEEP = {"a": {"b": {"c": 1, "d": ["x", ["y", "z"], {"e": "f"}]}}}
FRAME = {
    "_sd": ["given_name", "birthdate", "address", "deep"],
    "_sd_decoy": 3,
    "address": {"_sd": ["locality", "country"], "_sd_decoy": 2},
    "nationalities": {"_sd": [0, 1], "_sd_decoy": 2},
    "age_equal_or_over": {"_sd": ["18", "65"]},
    "deep": {
        "a": {
            "_sd": ["b"],
            "b": {"_sd": ["c"], "d": {"_sd": [0, 1, 2], "1": {"_sd": [0]}, "2": {"_sd": ["e"]}}},
        }
    },
}
"""Which claims the peer conceals: of objects, of arrays, within each other, with decoys."""


@pytest.fixture
def issuer(encounter: Encounter, alice: LocalAccount) -> Party:
    """Alice, who has published a key that both sides have."""
    encounter.triangle.publish_key(alice, ISSUER.key.public)
    return encounter.triangle.with_newest(alice, ISSUER.key)


def issued(encounter: Encounter, issuer: Party, **claims: Any) -> tuple[str, dict[str, Any]]:
    """A credential by the peer, and what it says."""
    known = encounter.triangle.person(issuer, cnf={"jwk": HOLDER.jwk}, deep=DEEP, **claims)
    header = {"kid": issuer.method_id}
    token: str = encounter.ask(
        "issueDisclosable", claims=known, frame=FRAME, header=header, secret=ISSUER.secret
    )
    return token, known


def shown_by_peer(encounter: Encounter, token: str, frame: dict[str, Any]) -> str:
    """A presentation by the peer to the shop."""
    binding = {"iat": encounter.triangle.now, "aud": SHOP, "nonce": NONCE}
    shown: str = encounter.ask(
        "discloseSome", token=token, frame=frame, kb=binding, holderSecret=HOLDER.secret
    )
    return shown


def verdict(encounter: Encounter, token: str, policy: Policy = TO_SHOP) -> Verdict:
    return encounter.triangle.verifier().verify(token, policy).verdict


def claims_of(token: str) -> dict[str, Any]:
    return dict(read_sd_jwt_vc(token).credential.claims)


# -- issued there --------------------------------------------------------------------------------


def test_we_read_and_verify_what_the_peer_issues(encounter: Encounter, issuer: Party) -> None:
    token, claims = issued(encounter, issuer)
    assert verdict(encounter, token, Policy()) is Verdict.VALID
    theirs = encounter.ask("verifyDisclosed", token=token, jwk=ISSUER.jwk)
    assert claims_of(token) == theirs["payload"] == claims
    (jwt, *rest) = token.split("~")
    changed = "~".join([tampered(jwt, vct="https://credentials.example/king"), *rest])
    assert verdict(encounter, changed, Policy()) is Verdict.INVALID


def test_what_we_show_of_it_the_peer_verifies(encounter: Encounter, issuer: Party) -> None:
    token, _ = issued(encounter, issuer)
    deep = ("deep", "a", "b", "d")
    paths = (("address", "locality"), ("nationalities", 1), (*deep, 1, 0), (*deep, 2, "e"))
    shown = encounter.triangle.shown(token, HOLDER.key, *paths)
    found = encounter.ask("verifyDisclosed", token=shown, jwk=ISSUER.jwk, nonce=NONCE)
    assert found["payload"] == claims_of(shown)
    assert found["payload"]["address"] == {"locality": "Köln"}
    assert found["payload"]["nationalities"] == ["FR"]
    assert found["payload"]["deep"] == {"a": {"b": {"d": [["y", "z"], {"e": "f"}]}}}
    assert found["payload"]["age_equal_or_over"] == {}
    assert found["kb"]["payload"]["aud"] == SHOP
    assert verdict(encounter, shown) is Verdict.VALID


# -- issued here ---------------------------------------------------------------------------------


def test_the_peer_reads_and_verifies_what_we_issue(encounter: Encounter, issuer: Party) -> None:
    token = encounter.triangle.sd_jwt(issuer, HOLDER.key.public)
    found = encounter.ask("verifyDisclosed", token=token, jwk=ISSUER.jwk)
    expected = encounter.triangle.person(issuer, cnf={"jwk": HOLDER.jwk})
    assert found["payload"] == claims_of(token) == expected
    assert found["header"] == {"alg": "ES256", "kid": issuer.method_id, "typ": "dc+sd-jwt"}
    (jwt, *rest) = token.split("~")
    changed = "~".join([tampered(jwt, vct="https://credentials.example/king"), *rest])
    refusal = encounter.refusal("verifyDisclosed", token=changed, jwk=ISSUER.jwk)
    assert refusal == "Verify Error: Invalid JWT Signature"


@pytest.mark.parametrize(
    ("frame", "seen"),
    [
        ({}, {"nationalities": [], "age_equal_or_over": {}}),
        (
            {"age_equal_or_over": {"18": True}, "nationalities": {"1": True}},
            {"nationalities": ["FR"], "age_equal_or_over": {"18": True}},
        ),
        (
            {"given_name": True, "address": {"locality": True}},
            {
                "given_name": "Erika",
                "address": {"locality": "Köln", "country": "DE"},
                "nationalities": [],
                "age_equal_or_over": {},
            },
        ),
    ],
)
def test_what_the_peer_shows_of_ours_we_verify(
    encounter: Encounter, issuer: Party, frame: dict[str, Any], seen: dict[str, Any]
) -> None:
    token = encounter.triangle.sd_jwt(issuer, HOLDER.key.public)
    shown = shown_by_peer(encounter, token, frame)
    always = {"iss", "vct", "iat", "exp", "cnf"}
    assert {n: v for n, v in claims_of(shown).items() if n not in always} == seen
    assert verdict(encounter, shown) is Verdict.VALID
    assert verdict(encounter, shown, Policy(nonce="other", audience=SHOP)) is Verdict.INVALID
    assert verdict(encounter, shown, Policy(nonce=NONCE, audience="else")) is Verdict.INVALID
    theirs = encounter.ask("verifyDisclosed", token=shown, jwk=ISSUER.jwk, nonce=NONCE)
    assert theirs["payload"] == claims_of(shown)


def test_what_is_added_after_the_holder_signed_both_refuse(
    encounter: Encounter, issuer: Party
) -> None:
    triangle = encounter.triangle
    token = triangle.sd_jwt(issuer, HOLDER.key.public)
    shown = triangle.shown(token, HOLDER.key, ("given_name",))
    (hidden,) = set(triangle.shown(token, HOLDER.key, ("birthdate",)).split("~")[1:-1])
    more = shown.replace("~", f"~{hidden}~", 1)
    question = {"token": more, "jwk": ISSUER.jwk, "nonce": NONCE}
    refusal = encounter.refusal("verifyDisclosed", **question)
    assert refusal == "Invalid sd_hash in Key Binding JWT"
    assert verdict(encounter, more) is Verdict.INVALID


# -- where they differ ---------------------------------------------------------------------------


def test_the_peer_spoils_its_key_binding_where_an_object_is_between_two_disclosures(
    encounter: Encounter, issuer: Party
) -> None:
    token, _ = issued(encounter, issuer)
    shown = shown_by_peer(encounter, token, {"deep": {"a": {"b": True}}})
    refusal = encounter.refusal("verifyDisclosed", token=shown, jwk=ISSUER.jwk, nonce=NONCE)
    assert refusal == "Invalid sd_hash in Key Binding JWT"
    assert verdict(encounter, shown) is Verdict.INVALID


def extra(token: str) -> str:
    """A disclosure that no digest refers to."""
    made = Disclosure.build("Max", salt=bytes(16), name="family_name")
    return f"{token}{made.encoded}~"


def doubled(token: str) -> str:
    """A disclosure twice."""
    return f"{token}{token.split('~')[1]}~"


@pytest.mark.parametrize("spoil", [extra, doubled])
def test_the_peer_takes_disclosures_that_rfc_9901_has_refused(
    encounter: Encounter, issuer: Party, spoil: Any
) -> None:
    token = spoil(encounter.triangle.sd_jwt(issuer, HOLDER.key.public))
    assert encounter.ask("verifyDisclosed", token=token, jwk=ISSUER.jwk)
    assert verdict(encounter, token) is Verdict.INVALID


def test_the_peer_does_not_compare_the_audience(encounter: Encounter, issuer: Party) -> None:
    token = encounter.triangle.sd_jwt(issuer, HOLDER.key.public)
    elsewhere = encounter.triangle.shown(token, HOLDER.key, audience="https://else.example")
    assert encounter.ask("verifyDisclosed", token=elsewhere, jwk=ISSUER.jwk, nonce=NONCE)
    assert verdict(encounter, elsewhere) is Verdict.INVALID


# -- status lists --------------------------------------------------------------------------------


def with_status(encounter: Encounter, issuer: Party, index: int) -> str:
    status = {"status_list": {"idx": index, "uri": LIST}}
    return encounter.triangle.sd_jwt(issuer, HOLDER.key.public, status=status)


def test_the_peer_finds_a_status_in_our_signed_list(encounter: Encounter, issuer: Party) -> None:
    statuses = Bitstring.of_values({7: 1}, bits=1, capacity=1024, order=BitOrder.LSB_FIRST)
    terms = ListTerms(url=LIST, issuer=issuer.did, valid_from=encounter.triangle.now)
    signer = ListSigner(key=issuer.key, method_id=issuer.method_id, algorithm=issuer.algorithm)
    served = signer(build_document(statuses, terms, DocumentForm.IETF))
    question = {"jwk": ISSUER.jwk, "statusList": served.content.decode()}
    good, revoked = (with_status(encounter, issuer, index) for index in (6, 7))
    assert encounter.ask("verifyDisclosed", token=good, **question)
    refusal = encounter.refusal("verifyDisclosed", token=revoked, **question)
    assert refusal == "Status is not valid"


def test_we_find_a_status_in_the_signed_list_of_the_peer(
    encounter: Encounter, issuer: Party
) -> None:
    triangle = encounter.triangle
    claims = {"iss": issuer.did, "sub": LIST, "iat": triangle.now, "exp": triangle.now + 3600}
    listed = encounter.ask(
        "issueStatusList",
        bits=2,
        entries=1024,
        values=[[7, 1]],
        claims=claims,
        kid=issuer.method_id,
        secret=ISSUER.secret,
    )
    verifier = triangle.verifier(fetcher=Shelf(listed))
    reports = verifier.verify_many([with_status(encounter, issuer, index) for index in (6, 7)])
    assert [report.verdict for report in reports] == [Verdict.VALID, Verdict.INVALID]
    (failed,) = (check for check in reports[1].all_checks if check.outcome.value == "failed")
    assert failed.name is CheckName.STATUS
    forged = triangle.verifier(fetcher=Shelf(tampered(listed, ttl=1)))
    report = forged.verify(with_status(encounter, issuer, 6))
    assert report.verdict is Verdict.UNDETERMINED
