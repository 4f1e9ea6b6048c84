"""Attacks on verifiers, each of which succeeds where a check is left out.

| attack | what a naive verifier does | test |
|---|---|---|
| key rotated | takes the old owner's signature, from a cached or first document | ``test_key_rotated…`` |
| delegate expired | takes a key whose time is over | ``test_delegate_expired…`` |
| wrong purpose | looks for a key anywhere in the document | ``test_wrong_purpose…`` |
| kid confusion | takes any key of the document, or one of another DID | ``test_kid_…`` |
| algorithm swap | lets the token choose the algorithm | ``test_algorithm_…`` |
| cnf mismatch | does not compare the holder's key | ``test_cnf_mismatch…`` |
| replayed nonce, wrong audience | does not compare them | ``test_replayed_nonce…``, … |
| extra, duplicated, reserved disclosure | as the usual library | ``test_disclosure_…`` |
| expired, not yet valid | looks at one of two windows | ``test_expired…``, … |
| inner credential forged | verifies the envelope only | ``test_inner_credential_forged…`` |
| status of another issuer | believes the entry about whose list it is | ``test_status_of_another…`` |
| trust list expired | believes it for ever | ``test_trust.py`` |
| unknown network, node down | "not found", hence anything | ``test_unknown_network…``, … |
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.core.base64url import decode_base64url, encode_base64url
from ethr_did.core.changes import add_key, deactivate, revoked
from ethr_did.core.keys import Address
from ethr_did.core.resolution import format_time
from ethr_did.core.status_calls import set_keys_call
from ethr_did.core.status_entry import ContractId, ListEntry
from ethr_did.core.status_list import Authority
from ethr_did.credentials.anchoring import plan_anchor
from ethr_did.credentials.concealing import conceal
from ethr_did.credentials.credential import CredentialFormat
from ethr_did.credentials.dcql import Query
from ethr_did.credentials.disclosures import Disclosure, HashName
from ethr_did.credentials.jose import sign_token
from ethr_did.credentials.keys import Algorithm, KeyKind
from ethr_did.credentials.policy import HolderRule, Policy
from ethr_did.credentials.reading import read_credential
from ethr_did.credentials.report import CheckName, Outcome, Report, Verdict
from ethr_did.credentials.vc_jwt import sign_vc_jwt
from support.issuing import FINAL
from support.triangle import DIPLOMA, NONCE, SHOP, VCT, Chance, key_of_kind

if TYPE_CHECKING:
    from ethr_did.chain.local import LocalAccount
    from ethr_did.credentials.anchoring import ExistenceProof
    from support.triangle import Party, Triangle

AT_THE_SHOP = Policy(nonce=NONCE, audience=SHOP)


def failed(report: Report) -> set[tuple[CheckName, str]]:
    """The checks that failed, with their codes; the verdict says the same."""
    found = {(c.name, c.code) for c in report.all_checks if c.outcome is Outcome.FAILED}
    assert (report.verdict is Verdict.INVALID) == bool(found)
    return found


def unknown(report: Report) -> set[tuple[CheckName, str]]:
    """The checks that are undetermined, of a report whose verdict that is."""
    assert report.verdict is Verdict.UNDETERMINED, report.to_dict()
    return {(c.name, c.code) for c in report.all_checks if c.outcome is Outcome.UNDETERMINED}


def changed(token: str, **members: Any) -> str:
    """A token with other header members; its signature stays."""
    header, payload, signature = token.split(".")
    found = {**json.loads(decode_base64url(header)), **members}
    return ".".join([encode_base64url(json.dumps(found).encode()), payload, signature])


def anchored(
    triangle: Triangle, account: LocalAccount, *credentials: Any
) -> tuple[ExistenceProof, ...]:
    """Proofs that credentials exist, anchored by the issuer's owner now."""
    issuer = triangle.office.issuer(account)
    plan = plan_anchor(
        [read_credential(one).digest for one in credentials],
        registry=issuer.registry,
        random=Chance("anchor"),
    )
    issuer.apply([plan.wish], triangle.office.sender(account))
    return plan.proofs


# -- keys ----------------------------------------------------------------------------------------


def test_key_rotated_is_no_key(
    triangle: Triangle, alice: LocalAccount, bob: LocalAccount, carol: LocalAccount
) -> None:
    token = triangle.vc_jwt(triangle.owner(alice), triangle.owner(bob).did)
    assert triangle.verifier().verify(token).is_valid
    triangle.office.give(alice, Address(carol.address_bytes))
    assert failed(triangle.verifier().verify(token)) == {(CheckName.SIGNATURE, "bad_signature")}


def test_key_revoked_is_no_key(triangle: Triangle, alice: LocalAccount, bob: LocalAccount) -> None:
    issuer = triangle.with_key(alice, KeyKind.SECP256K1)
    token = triangle.vc_jwt(issuer, triangle.owner(bob).did)
    assert triangle.verifier().verify(token).is_valid
    revoke_key(triangle, alice, issuer)
    assert failed(triangle.verifier().verify(token)) == {(CheckName.KEY, "key_missing")}


def revoke_key(triangle: Triangle, account: LocalAccount, party: Party) -> None:
    """Takes a key out of the document again."""
    prefix = {KeyKind.SECP256K1: b"\xe7\x01", KeyKind.P256: b"\x80\x24"}[party.key.public.kind]
    added = add_key("Multikey", prefix + party.key.public.data)
    triangle.office.change(account, revoked(added))


def test_delegate_expired_is_no_key(
    triangle: Triangle, alice: LocalAccount, bob: LocalAccount
) -> None:
    issuer = triangle.with_key(alice, KeyKind.P256, validity=600)
    token = triangle.vc_jwt(issuer, triangle.owner(bob).did)
    assert triangle.verifier().verify(token).is_valid
    triangle.office.pass_time(600)
    assert failed(triangle.verifier().verify(token)) == {(CheckName.KEY, "key_missing")}


def test_wrong_purpose_is_no_key(
    triangle: Triangle, alice: LocalAccount, bob: LocalAccount
) -> None:
    # A key for assertions signs no presentation.
    holder = triangle.with_key(bob, KeyKind.P256, purpose="veriKey")
    token = triangle.vc_jwt(triangle.owner(alice), holder.did)
    report = triangle.verifier().verify(triangle.vp_jwt(holder, token), AT_THE_SHOP)
    assert failed(report) == {(CheckName.KEY, "wrong_purpose")}
    # One for both does.
    both = triangle.with_key(bob, KeyKind.SECP256K1, purpose="sigAuth")
    assert triangle.verifier().verify(triangle.vp_jwt(both, token), AT_THE_SHOP).is_valid


def test_encryption_key_signs_nothing(
    triangle: Triangle, alice: LocalAccount, bob: LocalAccount
) -> None:
    issuer = triangle.with_key(alice, KeyKind.SECP256K1, purpose="enc")
    token = triangle.vc_jwt(issuer, triangle.owner(bob).did)
    assert failed(triangle.verifier().verify(token)) == {(CheckName.KEY, "wrong_purpose")}


def test_kid_of_another_did_is_refused(
    triangle: Triangle, alice: LocalAccount, mallory: LocalAccount
) -> None:
    issuer, thief = triangle.owner(alice), triangle.owner(mallory)
    header = {"alg": "ES256K-R", "typ": "vc+jwt", "kid": thief.method_id}
    token = sign_token(header, triangle.document(issuer, thief.did), thief.key)
    assert failed(triangle.verifier().verify(token)) == {(CheckName.FORMAT, "malformed")}


def test_kid_selects_one_key_and_no_other(
    triangle: Triangle, alice: LocalAccount, bob: LocalAccount
) -> None:
    # Both keys are in the document; the token names the one that has not signed it.
    owner, other = triangle.owner(alice), triangle.with_key(alice, KeyKind.SECP256K1)
    confused = replace(owner, key=other.key)
    token = triangle.vc_jwt(confused, triangle.owner(bob).did)
    assert failed(triangle.verifier().verify(token)) == {(CheckName.SIGNATURE, "bad_signature")}


@pytest.mark.parametrize("kid", [None, "", "#", "controller", 7])
def test_kid_that_names_nothing_is_refused(
    triangle: Triangle, alice: LocalAccount, kid: object
) -> None:
    issuer = triangle.owner(alice)
    header = {"alg": "ES256K-R", "typ": "vc+jwt", **({} if kid is None else {"kid": kid})}
    parts = [json.dumps(one).encode() for one in (header, triangle.document(issuer, None))]
    token = ".".join(map(encode_base64url, [*parts, bytes(3)]))
    assert failed(triangle.verifier().verify(token)) == {(CheckName.FORMAT, "malformed")}


# -- algorithms ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "HS256", "RS256", "ES384", "es256k", None, 1]
)
def test_algorithm_outside_the_list_is_refused(
    triangle: Triangle, alice: LocalAccount, algorithm: object
) -> None:
    token = changed(triangle.vc_jwt(triangle.owner(alice), None), alg=algorithm)
    assert failed(triangle.verifier().verify(token)) == {(CheckName.FORMAT, "malformed")}
    bare = token.rpartition(".")[0] + "."
    assert failed(triangle.verifier().verify(bare)) == {(CheckName.FORMAT, "malformed")}


def test_algorithm_is_that_of_the_key(
    triangle: Triangle, alice: LocalAccount, bob: LocalAccount
) -> None:
    issuer = triangle.with_key(alice, KeyKind.P256)
    secp = key_of_kind(KeyKind.SECP256K1)
    swapped = replace(issuer, key=secp, algorithm=Algorithm.ES256K)
    token = triangle.vc_jwt(swapped, triangle.owner(bob).did)
    assert failed(triangle.verifier().verify(token)) == {(CheckName.SIGNATURE, "bad_signature")}


def test_algorithm_that_the_policy_refuses_is_refused(
    triangle: Triangle, alice: LocalAccount
) -> None:
    token = triangle.vc_jwt(triangle.owner(alice), None)
    policy = Policy(algorithms=frozenset({Algorithm.ES256}))
    report = triangle.verifier().verify(token, policy)
    assert failed(report) == {(CheckName.FORMAT, "algorithm_refused")}


def test_format_that_the_policy_refuses_is_refused(triangle: Triangle, alice: LocalAccount) -> None:
    token = triangle.vc_jwt(triangle.owner(alice), None)
    policy = Policy(formats=frozenset({CredentialFormat.SD_JWT}))
    report = triangle.verifier().verify(token, policy)
    assert failed(report) == {(CheckName.FORMAT, "format_refused")}


@pytest.mark.parametrize("member", ["jwk", "jku", "x5c", "x5u", "crit"])
def test_header_that_brings_its_own_key_is_refused(
    triangle: Triangle, alice: LocalAccount, member: str
) -> None:
    token = changed(triangle.vc_jwt(triangle.owner(alice), None), **{member: ["exp"]})
    assert failed(triangle.verifier().verify(token)) == {(CheckName.FORMAT, "malformed")}


# -- presentations -------------------------------------------------------------------------------


def test_cnf_mismatch_is_found_out(triangle: Triangle, alice: LocalAccount) -> None:
    issuer = triangle.with_key(alice, KeyKind.P256)
    holder, thief = key_of_kind(KeyKind.P256, "holder"), key_of_kind(KeyKind.P256, "thief")
    credential = triangle.sd_jwt(issuer, holder.public)
    shown = triangle.shown(credential, thief)
    report = triangle.verifier().verify(shown, AT_THE_SHOP)
    assert failed(report) == {(CheckName.SIGNATURE, "bad_signature")}
    assert triangle.verifier().verify(triangle.shown(credential, holder), AT_THE_SHOP).is_valid


def test_somebody_else_s_credential_is_found_out(
    triangle: Triangle, alice: LocalAccount, bob: LocalAccount, mallory: LocalAccount
) -> None:
    stolen = triangle.vc_jwt(triangle.owner(alice), triangle.owner(bob).did)
    shown = triangle.vp_jwt(triangle.owner(mallory), stolen)
    report = triangle.verifier().verify(shown, AT_THE_SHOP)
    assert failed(report) == {(CheckName.HOLDER, "holder_mismatch")}
    anybody = replace(AT_THE_SHOP, holder=HolderRule.ANYBODY)
    assert triangle.verifier().verify(shown, anybody).is_valid


def test_credential_of_nobody_is_not_its_presenter_s(
    triangle: Triangle, alice: LocalAccount, bob: LocalAccount
) -> None:
    bearer = triangle.vc_jwt(triangle.owner(alice), None)
    report = triangle.verifier().verify(triangle.vp_jwt(triangle.owner(bob), bearer), AT_THE_SHOP)
    assert failed(report) == {(CheckName.HOLDER, "holder_mismatch")}


def test_credential_that_nobody_presents_is_refused_on_request(
    triangle: Triangle, alice: LocalAccount
) -> None:
    token = triangle.vc_jwt(triangle.owner(alice), None)
    report = triangle.verifier().verify(token, Policy(holder=HolderRule.PRESENTED))
    assert failed(report) == {(CheckName.HOLDER, "not_presented")}


@pytest.mark.parametrize("form", ["vp", "sd-jwt"])
def test_replayed_nonce_is_found_out(
    triangle: Triangle, alice: LocalAccount, bob: LocalAccount, form: str
) -> None:
    shown = presented(triangle, alice, bob, form)
    other = replace(AT_THE_SHOP, nonce="another one")
    assert failed(triangle.verifier().verify(shown, other)) == {(CheckName.NONCE, "nonce_mismatch")}


@pytest.mark.parametrize("form", ["vp", "sd-jwt"])
def test_wrong_audience_is_found_out(
    triangle: Triangle, alice: LocalAccount, bob: LocalAccount, form: str
) -> None:
    shown = presented(triangle, alice, bob, form)
    other = replace(AT_THE_SHOP, audience="https://bank.example")
    assert failed(triangle.verifier().verify(shown, other)) == {
        (CheckName.AUDIENCE, "audience_mismatch")
    }


@pytest.mark.parametrize("form", ["vp", "sd-jwt"])
def test_nothing_to_compare_with_is_no_yes(
    triangle: Triangle, alice: LocalAccount, bob: LocalAccount, form: str
) -> None:
    shown = presented(triangle, alice, bob, form)
    assert unknown(triangle.verifier().verify(shown)) == {
        (CheckName.NONCE, "nonce_unknown"),
        (CheckName.AUDIENCE, "audience_unknown"),
    }
    assert triangle.verifier().verify(shown, Policy(unbound=True)).is_valid


@pytest.mark.parametrize("form", ["vp", "sd-jwt"])
def test_presentation_of_yesterday_is_too_old(
    triangle: Triangle, alice: LocalAccount, bob: LocalAccount, form: str
) -> None:
    shown = presented(triangle, alice, bob, form)
    late = triangle.verifier(clock=lambda: triangle.now + 3600)
    assert {name for name, _ in failed(late.verify(shown, AT_THE_SHOP))} == {CheckName.VALIDITY}
    early = triangle.verifier(clock=lambda: triangle.now - 3600)
    found = {name for name, _ in failed(early.verify(shown, AT_THE_SHOP))}
    assert found == {CheckName.VALIDITY}


def presented(triangle: Triangle, alice: LocalAccount, bob: LocalAccount, form: str) -> str:
    """A presentation that is good."""
    if form == "vp":
        holder = triangle.owner(bob)
        return triangle.vp_jwt(holder, triangle.vc_jwt(triangle.owner(alice), holder.did))
    key = key_of_kind(KeyKind.P256, "holder")
    credential = triangle.sd_jwt(triangle.owner(alice), key.public)
    return triangle.shown(credential, key, ("given_name",))


def test_inner_credential_forged_is_found_out(
    triangle: Triangle, alice: LocalAccount, bob: LocalAccount, mallory: LocalAccount
) -> None:
    # The envelope is good, and one of two credentials.
    holder = triangle.owner(bob)
    good = triangle.vc_jwt(triangle.owner(alice), holder.did)
    forger = replace(triangle.owner(alice), key=triangle.owner(mallory).key)
    forged = triangle.vc_jwt(forger, holder.did)
    report = triangle.verifier().verify(triangle.vp_jwt(holder, good, forged), AT_THE_SHOP)
    assert failed(report) == {(CheckName.SIGNATURE, "bad_signature")}
    assert [one.verdict for one in report.credentials] == [Verdict.VALID, Verdict.INVALID]


def test_unreadable_credential_spoils_the_presentation(
    triangle: Triangle, alice: LocalAccount, bob: LocalAccount
) -> None:
    holder = triangle.owner(bob)
    good = triangle.vc_jwt(triangle.owner(alice), holder.did)
    report = triangle.verifier().verify(triangle.vp_jwt(holder, good, "e30.e30.e30"), AT_THE_SHOP)
    assert failed(report) == {(CheckName.FORMAT, "malformed")}


# -- disclosures ---------------------------------------------------------------------------------


def test_disclosure_that_nothing_refers_to_is_refused(
    triangle: Triangle, alice: LocalAccount
) -> None:
    credential = triangle.sd_jwt(triangle.owner(alice), None)
    extra = Disclosure.build("admin", salt=bytes(16), name="role").encoded
    report = triangle.verifier().verify(f"{credential}{extra}~")
    assert failed(report) == {(CheckName.FORMAT, "malformed")}


def test_disclosure_that_is_there_twice_is_refused(triangle: Triangle, alice: LocalAccount) -> None:
    credential = triangle.sd_jwt(triangle.owner(alice), None)
    again = credential.split("~")[1]
    report = triangle.verifier().verify(f"{credential}{again}~")
    assert failed(report) == {(CheckName.FORMAT, "malformed")}


@pytest.mark.parametrize("name", ["_sd", "...", "_sd_alg"])
def test_disclosure_of_a_reserved_name_is_refused(
    triangle: Triangle, alice: LocalAccount, name: str
) -> None:
    issuer = triangle.owner(alice)
    text = encode_base64url(json.dumps(["c2FsdHNhbHRzYWx0c2FsdA", name, []]).encode())
    payload = {
        **triangle.person(issuer),
        "_sd": [HashName.SHA_256.digest(text.encode())],
        "_sd_alg": "sha-256",
    }
    header = {"alg": "ES256K-R", "typ": "dc+sd-jwt", "kid": issuer.method_id}
    token = sign_token(header, payload, issuer.key)
    report = triangle.verifier().verify(f"{token}~{text}~")
    assert failed(report) == {(CheckName.FORMAT, "malformed")}


def test_disclosure_taken_away_after_signing_is_found_out(
    triangle: Triangle, alice: LocalAccount
) -> None:
    key = key_of_kind(KeyKind.P256, "holder")
    credential = triangle.sd_jwt(triangle.owner(alice), key.public)
    shown = triangle.shown(credential, key, ("given_name",), ("birthdate",))
    parts = shown.split("~")
    less = "~".join([parts[0], *parts[2:]])
    assert failed(triangle.verifier().verify(less, AT_THE_SHOP)) == {
        (CheckName.FORMAT, "malformed")
    }


def test_claim_that_every_verifier_needs_cannot_be_hidden(
    triangle: Triangle, alice: LocalAccount
) -> None:
    # Signed by an issuer whose software lets it: the status would be the holder's to show.
    issuer = triangle.owner(alice)
    claims = triangle.person(issuer, status={"status_list": {"idx": 1, "uri": "https://a.example"}})
    payload, made = conceal(claims, [("status",)], random=Chance())
    header = {"alg": "ES256K-R", "typ": "dc+sd-jwt", "kid": issuer.method_id}
    text = "~".join([sign_token(header, payload, issuer.key), made[0].encoded, ""])
    assert failed(triangle.verifier().verify(text)) == {(CheckName.FORMAT, "malformed")}


# -- time ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("member", ["validUntil", "exp"])
def test_expired_credential_is_refused(
    triangle: Triangle, alice: LocalAccount, member: str
) -> None:
    end = triangle.now + 1000
    value = {"validUntil": format_time(end), "exp": end + 1}[member]
    token = triangle.vc_jwt(triangle.owner(alice), None, **{member: value})
    leeway = Policy().leeway
    in_time = triangle.verifier(clock=lambda: end + leeway)
    assert in_time.verify(token).is_valid
    late = triangle.verifier(clock=lambda: end + leeway + 1)
    assert failed(late.verify(token)) == {(CheckName.VALIDITY, "expired")}


@pytest.mark.parametrize("member", ["validFrom", "nbf"])
def test_credential_of_the_future_is_refused(
    triangle: Triangle, alice: LocalAccount, member: str
) -> None:
    start = triangle.now + 1000
    value = {"validFrom": format_time(start), "nbf": start}[member]
    token = triangle.vc_jwt(triangle.owner(alice), None, **{member: value})
    report = triangle.verifier().verify(token)
    assert failed(report) == {(CheckName.VALIDITY, "not_yet_valid")}
    later = triangle.verifier(clock=lambda: start - Policy().leeway)
    assert later.verify(token).is_valid


def test_old_credential_is_refused_on_request(triangle: Triangle, alice: LocalAccount) -> None:
    token = triangle.vc_jwt(triangle.owner(alice), None)
    late = triangle.verifier(clock=lambda: triangle.now + 500)
    assert late.verify(token, Policy(max_age=500)).is_valid
    assert failed(late.verify(token, Policy(max_age=100))) == {(CheckName.AGE, "too_old")}


def test_required_claim_must_be_shown(triangle: Triangle, alice: LocalAccount) -> None:
    key = key_of_kind(KeyKind.P256, "holder")
    credential = triangle.sd_jwt(triangle.owner(alice), key.public)
    shown = triangle.shown(credential, key, ("given_name",))
    policy = replace(AT_THE_SHOP, required=(("age_equal_or_over", "18"),))
    assert failed(triangle.verifier().verify(shown, policy)) == {
        (CheckName.CLAIMS, "claims_missing")
    }
    shown = triangle.shown(credential, key, ("age_equal_or_over", "18"))
    assert triangle.verifier().verify(shown, policy).is_valid


# -- status --------------------------------------------------------------------------------------


def entry_of(triangle: Triangle, account: LocalAccount, index: int = 7) -> ListEntry:
    """An entry in a list of an issuer."""
    return ListEntry(registry=triangle.office.issuer(account).registry, list_id=FINAL, index=index)


def test_revoked_credential_is_refused(
    triangle: Triangle, alice: LocalAccount, bob: LocalAccount
) -> None:
    entry = entry_of(triangle, alice)
    holder = triangle.owner(bob)
    token = triangle.vc_jwt(triangle.owner(alice), holder.did, credentialStatus=entry.to_dict())
    assert triangle.verifier().verify(token).is_valid
    triangle.office.issuer(alice).revoke([entry], triangle.office.sender(alice))
    report = triangle.verifier().verify(token)
    assert failed(report) == {(CheckName.STATUS, "status_revoked")}
    shown = triangle.verifier().verify(triangle.vp_jwt(holder, token), AT_THE_SHOP)
    assert failed(shown) == {(CheckName.STATUS, "status_revoked")}


def test_status_of_another_issuer_is_not_its_own(
    triangle: Triangle, alice: LocalAccount, mallory: LocalAccount
) -> None:
    # Whoever is revoked points at a list where he is not: it is read under his issuer all the same.
    entry = entry_of(triangle, alice)
    token = triangle.vc_jwt(triangle.owner(alice), None, credentialStatus=entry.to_dict())
    mallorys = triangle.office.issuer(mallory)
    mallorys.revoke([entry], triangle.office.sender(mallory))
    assert triangle.verifier().verify(token).is_valid


def test_status_in_a_foreign_contract_is_not_believed(
    triangle: Triangle, alice: LocalAccount
) -> None:
    entry = replace(
        entry_of(triangle, alice),
        registry=ContractId(triangle.office.network.chain_id, Address(bytes([7]) * 20)),
    )
    token = triangle.vc_jwt(triangle.owner(alice), None, credentialStatus=entry.to_dict())
    assert triangle.verifier().verify(token).verdict is Verdict.UNDETERMINED


def test_one_of_several_statuses_is_enough_to_refuse(
    triangle: Triangle, alice: LocalAccount
) -> None:
    entries = [entry_of(triangle, alice, index) for index in (1, 2, 3)]
    token = triangle.vc_jwt(
        triangle.owner(alice), None, credentialStatus=[one.to_dict() for one in entries]
    )
    triangle.office.issuer(alice).revoke([entries[1]], triangle.office.sender(alice))
    assert failed(triangle.verifier().verify(token)) == {(CheckName.STATUS, "status_revoked")}


def test_status_of_an_unknown_kind_is_no_yes(triangle: Triangle, alice: LocalAccount) -> None:
    token = triangle.vc_jwt(
        triangle.owner(alice), None, credentialStatus={"type": "TrustMeList", "id": "https://a"}
    )
    assert triangle.verifier().verify(token).verdict is Verdict.UNDETERMINED


def test_credential_without_a_status_is_refused_on_request(
    triangle: Triangle, alice: LocalAccount
) -> None:
    token = triangle.vc_jwt(triangle.owner(alice), None)
    report = triangle.verifier().verify(token, Policy(require_status=True))
    assert failed(report) == {(CheckName.STATUS, "no_status")}


def test_status_is_not_asked_for_a_forged_credential(
    triangle: Triangle, alice: LocalAccount, mallory: LocalAccount
) -> None:
    # Its address is the forger's: asking would tell him who verifies what.
    forger = replace(triangle.owner(alice), key=triangle.owner(mallory).key)
    status = {
        "type": "BitstringStatusListEntry",
        "statusPurpose": "revocation",
        "statusListIndex": "1",
        "statusListCredential": "https://mallory.example/1",
    }
    token = triangle.vc_jwt(forger, None, credentialStatus=status)
    report = triangle.verifier().verify(token)
    assert failed(report) == {(CheckName.SIGNATURE, "bad_signature")}
    (check,) = [one for one in report.all_checks if one.name is CheckName.STATUS]
    assert (check.outcome, check.code) == (Outcome.SKIPPED, "not_asked")


# -- answers to queries ---------------------------------------------------------------------------


def asking(*vcts: str) -> Policy:
    """The policy of a shop that asks for a credential of each kind."""
    credentials = [
        {
            "id": f"q{number}",
            "format": "dc+sd-jwt",
            "meta": {"vct_values": [vct]},
            "claims": [{"path": ["given_name"]}],
        }
        for number, vct in enumerate(vcts)
    ]
    return replace(AT_THE_SHOP, query=Query.from_dict({"credentials": credentials}))


def test_bad_credential_spoils_the_answer_to_a_query(
    triangle: Triangle, alice: LocalAccount
) -> None:
    # Whatever is wrong with one credential of one presentation of several is wrong with the whole.
    entry = entry_of(triangle, alice)
    key = key_of_kind(KeyKind.P256, "holder")
    good = triangle.sd_jwt(triangle.owner(alice), key.public)
    other = triangle.sd_jwt(
        triangle.owner(alice), key.public, vct="urn:other", credentialStatus=entry.to_dict()
    )
    response = {
        "q0": [triangle.shown(good, key, ("given_name",))],
        "q1": [triangle.shown(other, key, ("given_name",))],
    }
    policy = asking(VCT, "urn:other")
    assert triangle.verifier().verify_response(response, policy).is_valid
    triangle.office.issuer(alice).revoke([entry], triangle.office.sender(alice))
    report = triangle.verifier().verify_response(response, policy)
    assert failed(report) == {(CheckName.STATUS, "status_revoked")}
    assert report.to_dict()["valid"] is False


def test_presentation_that_is_replayed_spoils_the_answer_to_a_query(
    triangle: Triangle, alice: LocalAccount
) -> None:
    key = key_of_kind(KeyKind.P256, "holder")
    credential = triangle.sd_jwt(triangle.owner(alice), key.public)
    old = {"q0": [triangle.shown(credential, key, ("given_name",), nonce="of yesterday")]}
    report = triangle.verifier().verify_response(old, asking(VCT))
    assert failed(report) == {(CheckName.NONCE, "nonce_mismatch")}


def test_answer_that_lacks_something_is_none(triangle: Triangle, alice: LocalAccount) -> None:
    key = key_of_kind(KeyKind.P256, "holder")
    credential = triangle.sd_jwt(triangle.owner(alice), key.public)
    less = {"q0": [triangle.shown(credential, key, ("birthdate",))]}
    report = triangle.verifier().verify_response(less, asking(VCT))
    assert failed(report) == {(CheckName.QUERY, "claims_missing")}
    half = {"q0": [triangle.shown(credential, key, ("given_name",))]}
    report = triangle.verifier().verify_response(half, asking(VCT, "urn:other"))
    assert failed(report) == {(CheckName.QUERY, "query_not_answered")}


def test_credential_without_its_holder_answers_no_query(
    triangle: Triangle, alice: LocalAccount
) -> None:
    key = key_of_kind(KeyKind.P256, "holder")
    stolen = triangle.sd_jwt(triangle.owner(alice), key.public)
    report = triangle.verifier().verify_response({"q0": [stolen]}, asking(VCT))
    assert {name for name, _ in failed(report)} == {CheckName.QUERY}


@pytest.mark.parametrize("response", [b"", b"{}", b"[]", b'{"q0": []}', b'{"q0": ["x"]}', {}])
def test_answer_that_is_none_is_invalid(triangle: Triangle, response: Any) -> None:
    report = triangle.verifier().verify_response(response, asking(VCT))
    assert report.verdict is Verdict.INVALID


# -- what cannot be found out --------------------------------------------------------------------


def test_unknown_network_is_no_answer(triangle: Triangle, alice: LocalAccount) -> None:
    issuer = triangle.owner(alice)
    elsewhere = issuer.did.replace(":dev:", ":elsewhere:")
    foreign = replace(issuer, did=elsewhere, method_id=f"{elsewhere}#controller")
    report = triangle.verifier().verify(triangle.vc_jwt(foreign, None))
    assert unknown(report) == {(CheckName.KEY, "unknown_network")}


def test_node_that_is_down_is_no_answer(
    triangle: Triangle, alice: LocalAccount, bob: LocalAccount
) -> None:
    holder = triangle.owner(bob)
    token = triangle.vc_jwt(triangle.owner(alice), holder.did)
    dead = replace(triangle.office.network, provider=None, rpc_url="http://127.0.0.1:1")
    verifier = triangle.verifier(network=dead)
    assert unknown(verifier.verify(token)) == {(CheckName.KEY, "node_unreachable")}
    report = verifier.verify(triangle.vp_jwt(holder, token), AT_THE_SHOP)
    assert unknown(report) == {(CheckName.KEY, "node_unreachable")}


def test_method_that_is_not_known_is_no_answer(triangle: Triangle, alice: LocalAccount) -> None:
    issuer = triangle.owner(alice)
    foreign = replace(issuer, did="did:example:1", method_id="did:example:1#key-1")
    report = triangle.verifier().verify(triangle.vc_jwt(foreign, None))
    assert unknown(report) == {(CheckName.KEY, "unsupported_method")}


def test_nobody_to_ask_about_statuses_is_no_yes(triangle: Triangle, alice: LocalAccount) -> None:
    token = triangle.vc_jwt(
        triangle.owner(alice), None, credentialStatus=entry_of(triangle, alice).to_dict()
    )
    report = triangle.verifier(statuses=None).verify(token)
    assert unknown(report) == {(CheckName.STATUS, "status_undetermined")}


# -- existence before the key went ---------------------------------------------------------------


def test_credential_anchored_before_its_key_went_still_counts(
    triangle: Triangle, alice: LocalAccount, bob: LocalAccount
) -> None:
    issuer = triangle.with_key(alice, KeyKind.P256)
    token = triangle.vc_jwt(issuer, triangle.owner(bob).did)
    proofs = anchored(triangle, alice, token)
    at = triangle.office.chain.head.number
    revoke_key(triangle, alice, issuer)
    assert failed(triangle.verifier().verify(token)) == {(CheckName.KEY, "key_missing")}
    report = triangle.verifier().verify(token, proofs=proofs)
    assert report.is_valid, report.to_dict()
    key = next(one for one in report.all_checks if one.name is CheckName.KEY)
    assert key.facts["existence"]["blockNumber"] == at
    assert "key_missing" not in key.code


def test_credential_anchored_before_the_owner_changed_still_counts(
    triangle: Triangle, alice: LocalAccount, carol: LocalAccount
) -> None:
    # The new owner's key has the same name, #controller.
    tokens = [triangle.vc_jwt(triangle.owner(alice), None, id=f"urn:{n}") for n in range(3)]
    proofs = anchored(triangle, alice, *tokens)
    triangle.office.give(alice, Address(carol.address_bytes))
    assert all(triangle.verifier().verify(one, proofs=proofs).is_valid for one in tokens)
    other = triangle.vc_jwt(triangle.owner(alice), None, id="urn:other")
    report = triangle.verifier().verify(other, proofs=proofs)
    assert failed(report) == {(CheckName.SIGNATURE, "bad_signature")}


def test_credential_anchored_after_its_key_went_does_not_count(
    triangle: Triangle, alice: LocalAccount
) -> None:
    issuer = triangle.with_key(alice, KeyKind.P256)
    token = triangle.vc_jwt(issuer, None)
    revoke_key(triangle, alice, issuer)
    proofs = anchored(triangle, alice, token)
    report = triangle.verifier().verify(token, proofs=proofs)
    assert failed(report) == {(CheckName.KEY, "key_missing")}


def test_anchor_of_somebody_else_does_not_count(
    triangle: Triangle, alice: LocalAccount, mallory: LocalAccount
) -> None:
    issuer = triangle.with_key(alice, KeyKind.P256)
    token = triangle.vc_jwt(issuer, None)
    proofs = anchored(triangle, mallory, token)
    revoke_key(triangle, alice, issuer)
    report = triangle.verifier().verify(token, proofs=proofs)
    assert failed(report) == {(CheckName.KEY, "key_missing")}


def test_credential_of_a_deactivated_issuer_counts_only_if_it_was_anchored(
    triangle: Triangle, alice: LocalAccount
) -> None:
    token = triangle.vc_jwt(triangle.owner(alice), None)
    proofs = anchored(triangle, alice, token)
    triangle.office.change(alice, deactivate())
    report = triangle.verifier().verify(token)
    assert failed(report) == {(CheckName.KEY, "issuer_deactivated")}
    assert triangle.verifier().verify(token, proofs=proofs).is_valid


def test_issuer_that_came_back_on_chain_cannot_issue(
    triangle: Triangle, alice: LocalAccount
) -> None:
    # After owner 0x0 the first key rules the contract again. What it says does not count.
    triangle.office.change(alice, deactivate())
    token = triangle.vc_jwt(triangle.owner(alice), None)
    proofs = anchored_in_spite(triangle, alice, token)
    report = triangle.verifier().verify(token, proofs=proofs)
    assert failed(report) == {(CheckName.KEY, "issuer_deactivated")}


def anchored_in_spite(
    triangle: Triangle, account: LocalAccount, credential: Any
) -> tuple[ExistenceProof, ...]:
    """As ``anchored``, by a call that our own client would refuse to make."""
    issuer = triangle.office.issuer(account)
    plan = plan_anchor(
        [read_credential(credential).digest], registry=issuer.registry, random=Chance()
    )
    call = set_keys_call(
        Address(account.address_bytes),
        Authority.OWNER,
        plan.wish.value,
        [plan.key],
        [],
    )
    triangle.office.call(account, call)
    return plan.proofs


# -- whole tokens --------------------------------------------------------------------------------


def test_credential_is_no_presentation_and_the_other_way_round(
    triangle: Triangle, alice: LocalAccount, bob: LocalAccount
) -> None:
    holder = triangle.owner(bob)
    token = triangle.vc_jwt(triangle.owner(alice), holder.did)
    vp = triangle.vp_jwt(holder, token)
    as_credential = triangle.verifier().verify(changed(vp, typ="vc+jwt"), AT_THE_SHOP)
    assert failed(as_credential)
    assert failed(triangle.verifier().verify(changed(token, typ="vp+jwt"), AT_THE_SHOP))
    # A presentation as one of the credentials of another.
    nested = triangle.vp_jwt(holder, vp)
    assert failed(triangle.verifier().verify(nested, AT_THE_SHOP)) == {
        (CheckName.FORMAT, "malformed")
    }


def test_signature_of_the_older_kind_is_no_door_for_new_credentials(
    triangle: Triangle, alice: LocalAccount
) -> None:
    # The same token with the high s: a second token for one credential.
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    issuer = triangle.with_key(alice, KeyKind.SECP256K1)
    head, _, signature = triangle.vc_jwt(issuer, None).rpartition(".")
    raw = decode_base64url(signature)
    high = raw[:32] + (order - int.from_bytes(raw[32:])).to_bytes(32)
    report = triangle.verifier().verify(f"{head}.{encode_base64url(high)}")
    assert failed(report) == {(CheckName.SIGNATURE, "bad_signature")}


def test_context_of_another_version_is_refused(triangle: Triangle, alice: LocalAccount) -> None:
    issuer = triangle.owner(alice)
    document = {
        **triangle.document(issuer, None),
        "@context": ["https://www.w3.org/2018/credentials/v1"],
        "issuanceDate": "2026-01-01T00:00:00Z",
    }
    header = {"alg": "ES256K-R", "typ": "vc+jwt", "kid": issuer.method_id}
    token = sign_token(header, document, issuer.key)
    assert failed(triangle.verifier().verify(token)) == {(CheckName.FORMAT, "malformed")}


def test_type_cannot_be_left_out(triangle: Triangle, alice: LocalAccount) -> None:
    issuer = triangle.owner(alice)
    document = {**triangle.document(issuer, None), "type": [DIPLOMA]}
    header = {"alg": "ES256K-R", "typ": "vc+jwt", "kid": issuer.method_id}
    token = sign_token(header, document, issuer.key)
    assert failed(triangle.verifier().verify(token)) == {(CheckName.FORMAT, "malformed")}
    assert sign_vc_jwt(triangle.document(issuer, None), issuer.key, **issuer.signing)
