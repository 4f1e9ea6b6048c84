"""What was pasted: recognised, or refused with what to do next."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.errors import EthrDIDError
from ethr_did.service.pages.submissions import (
    PastedCredential,
    PastedDID,
    PastedStatus,
    read_submission,
)
from support.fake_chain import Person

if TYPE_CHECKING:
    from ethr_did.chain.local import LocalAccount
    from support.triangle import Triangle

ENTRY = {"status_list": {"idx": 7, "uri": "https://lists.example/1"}}
DID = Person.named("alice").did


def refusal(text: str) -> str:
    with pytest.raises(EthrDIDError) as caught:
        read_submission(text)
    assert caught.value.hint
    return caught.value.message


@pytest.mark.parametrize("text", [DID, f"  {DID}\n", f"\ufeff{DID}", f"{DID}?versionId=7"])
def test_what_begins_with_did_is_a_did(text: str) -> None:
    assert read_submission(text) == PastedDID(text=text.strip().strip("\ufeff"))


def test_tokens_are_credentials_also_with_breaks_in_them(
    triangle: Triangle, alice: LocalAccount
) -> None:
    token = triangle.vc_jwt(triangle.owner(alice), None)
    broken = "\n".join(token[i : i + 64] for i in range(0, len(token), 64))
    for text in (token, broken, json.dumps(token)):
        assert read_submission(text) == PastedCredential(raw=token)


def test_an_object_with_a_proof_is_a_credential(triangle: Triangle, alice: LocalAccount) -> None:
    document = triangle.eip712(triangle.owner(alice), None)
    assert read_submission(json.dumps(document, indent=4)) == PastedCredential(raw=document)


def test_a_status_entry_is_one_and_does_not_say_whose() -> None:
    found = read_submission(json.dumps(ENTRY))
    assert found == PastedStatus(members=(ENTRY,), issuer=None)


def test_a_status_entry_is_that_of_the_issuer_who_is_given() -> None:
    found = read_submission(json.dumps(ENTRY), f" {DID} ")
    assert found == PastedStatus(members=(ENTRY,), issuer=DID)


def test_a_credential_without_a_proof_has_a_status_of_who_is_named() -> None:
    claims = {"vct": "https://x.example", "iss": DID, "status": ENTRY}
    found = read_submission(json.dumps(claims))
    assert found == PastedStatus(members=(ENTRY,), issuer=DID, is_unsigned=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the field was empty"),
        (" \n\t", "the field was empty"),
        ("lorem ipsum", "this is neither a DID nor a credential"),
        (Person.named("alice").account, "this is an address or a public key, not a DID"),
        ("[1, 2]", "this is a list, not a credential"),
        ('{"a": 1, "a": 2}', "this is not JSON as it is read here"),
        ('{"a": ', "this is not JSON as it is read here"),
        ("[" * 500, "this is not JSON as it is read here"),
        ('{"id": "did:x:1", "verificationMethod": []}', "this is a DID document"),
        ("{}", "the credential has no proof"),
        ("x" * 2_000_000, "2,000,000 characters are more than any credential"),
    ],
)
def test_everything_else_is_refused_with_what_to_do_next(text: str, message: str) -> None:
    assert refusal(text).startswith(message)


@pytest.mark.parametrize(
    "text",
    [
        "eyJ.eyJ.abc",
        "a.b.c",
        "...",
        '"a.b.c"',
        '{"type": "StatusList2021Entry", "statusListIndex": "1"}',
        '{"type": "EthrStatusRegistry2019", "id": "x"}',
        '{"status_list": 7}',
        '{"proof": {"type": "DataIntegrityProof"}}',
        '{"proof": 7, "credentialStatus": []}',
        '{"credentialStatus": {"type": "x"}}',
    ],
)
def test_what_breaks_its_format_is_refused(text: str) -> None:
    with pytest.raises(EthrDIDError):
        read_submission(text)


def test_refusals_of_broken_json_do_not_repeat_it() -> None:
    text: Any = '{"given_name": "Erika", "given_name": "Max"}'
    assert "Erika" not in refusal(text)
