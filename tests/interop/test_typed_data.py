"""Credentials with typed-data proofs of Veramo and ours: each verifies the other's; ethers agrees."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ethr_did.core.changes import AddDelegate
from ethr_did.core.erc1056 import encode_name
from ethr_did.core.keys import parse_address
from ethr_did.credentials.credential import CredentialFormat
from ethr_did.credentials.report import Verdict
from support.encounters import as_peer, codes, diploma, one

if TYPE_CHECKING:
    from ethr_did.chain.local import LocalAccount
    from support.encounters import Encounter

pytestmark = [pytest.mark.interop, pytest.mark.xdist_group("credential peers")]


def test_ethers_recovers_who_signed_our_typed_data(
    encounter: Encounter, alice: LocalAccount, bob: LocalAccount
) -> None:
    triangle = encounter.triangle
    signed = triangle.eip712(triangle.owner(alice), triangle.owner(bob).did)
    assert encounter.ask("recoverTyped", credential=signed) == alice.address
    changed = {**signed, "validUntil": "2099-01-01T00:00:00Z"}
    assert encounter.ask("recoverTyped", credential=changed) != alice.address


def test_veramo_verifies_our_typed_data(
    encounter: Encounter, alice: LocalAccount, bob: LocalAccount
) -> None:
    triangle = encounter.triangle
    signed = triangle.eip712(triangle.owner(alice), triangle.owner(bob).did)
    assert encounter.ask("verifyTyped", credential=signed) is True
    changed = {**signed, "validUntil": "2099-01-01T00:00:00Z"}
    assert encounter.ask("verifyTyped", credential=changed) is False


def test_we_verify_the_typed_data_of_veramo(
    encounter: Encounter, alice: LocalAccount, bob: LocalAccount
) -> None:
    triangle = encounter.triangle
    credential = diploma(triangle.owner(alice).did, triangle.owner(bob).did, now=triangle.now)
    signed = encounter.ask("issueTyped", credential=credential, **as_peer(alice))
    found = one(encounter.verified(signed))
    assert (found.verdict, found.format) == (Verdict.VALID, CredentialFormat.EIP712)
    assert found.claims == credential
    changed = {**signed, "expirationDate": "2099-01-01T00:00:00Z"}
    assert "bad_signature" in codes(encounter.verified(changed))


def test_veramo_takes_the_signature_of_another_account_than_the_proof_names(
    encounter: Encounter, alice: LocalAccount, bob: LocalAccount
) -> None:
    triangle = encounter.triangle
    delegate = AddDelegate(
        delegate_type=encode_name("veriKey"), delegate=parse_address(bob.address), validity=1000
    )
    triangle.office.change(alice, delegate)
    issuer = replace(triangle.owner(alice), key=triangle.owner(bob).key)
    signed = triangle.eip712(issuer, triangle.owner(bob).did)
    assert encounter.ask("verifyTyped", credential=signed) is True
    assert "bad_signature" in codes(encounter.verified(signed))


def test_veramo_does_not_sign_objects_in_the_subject(
    encounter: Encounter, alice: LocalAccount, bob: LocalAccount
) -> None:
    triangle = encounter.triangle
    credential = diploma(triangle.owner(alice).did, triangle.owner(bob).did, now=triangle.now)
    credential["credentialSubject"]["degree"] = {"name": "Law"}
    refusal = encounter.refusal("issueTyped", credential=credential, **as_peer(alice))
    assert 'unknown type "Degree"' in refusal
