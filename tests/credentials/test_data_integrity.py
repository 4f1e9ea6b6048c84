"""Data Integrity proofs over canonical JSON: vectors, round trips, refusals, attacks."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ethr_did.chain.local_signer import LocalSigner, Secret
from ethr_did.core.keys import format_multibase, parse_multibase
from ethr_did.core.strict_json import read_json
from ethr_did.credentials.canonical_json import canonical_json
from ethr_did.credentials.credential import CredentialFormat
from ethr_did.credentials.data_integrity import (
    read_data_integrity,
    read_integrity_proof,
    sign_data_integrity,
)
from ethr_did.credentials.keys import Algorithm, KeyKind, PublicKey
from ethr_did.credentials.signing_keys import AccountKey, LocalKey
from ethr_did.errors import InvalidCredential, InvalidInput, InvalidKey
from support.signed_documents import (
    CONTEXT,
    CREATED,
    DELETE,
    NOW,
    Path,
    changed,
    document,
    json_values,
    mutations,
)
from support.vectors import load_vectors, vectors

ISSUER = "did:example:university"
METHOD = f"{ISSUER}#key-1"
ED25519 = LocalKey(KeyKind.ED25519, Secret(bytes(31) + b"\1"))
P256 = LocalKey(KeyKind.P256, Secret(bytes(31) + b"\1"))
SECP256K1 = LocalKey(KeyKind.SECP256K1, Secret(bytes(31) + b"\1"))
KEYS = {"eddsa-jcs-2022": ED25519, "ecdsa-jcs-2019": P256}
every_suite = pytest.mark.parametrize("suite", KEYS)


def signed_by(key: LocalKey, **members: Any) -> dict[str, Any]:
    return sign_data_integrity(document(ISSUER, **members), key, method_id=METHOD, now=NOW)


SIGNED = {suite: signed_by(key) for suite, key in KEYS.items()}
ED_SIGNED = SIGNED["eddsa-jcs-2022"]


DOCUMENT = document(ISSUER)


def is_good(signed: Any, key: LocalKey) -> bool:
    """Whether a document is read and its proof the key's; every refusal has the right class."""
    try:
        read_data_integrity(signed).proof.check(key.public)
    except InvalidCredential:
        return False
    return True


def resigned(proof: dict[str, Any], made: dict[str, Any] = DOCUMENT) -> dict[str, Any]:
    """A credential whose proof, such as it is, was made with the right key."""
    hashes = (sha256(canonical_json(one)).digest() for one in (proof, made))
    value = format_multibase(ED25519.sign(Algorithm.EDDSA, b"".join(hashes)))
    return {**made, "proof": {**proof, "proofValue": value}}


CONFIG = {name: value for name, value in ED_SIGNED["proof"].items() if name != "proofValue"}


# -- vectors -------------------------------------------------------------------------------------


@vectors("data_integrity_jcs")
def test_published_proof_is_verified(vector: dict[str, Any]) -> None:
    if vector["curve"] == "P-384":
        with pytest.raises(InvalidCredential, match="a signature on P-384"):
            read_integrity_proof(vector["signed"])
        return
    parts, proof = read_integrity_proof(vector["signed"])
    assert parts.document == vector["document"]
    assert canonical_json(dict(parts.document)).decode() == vector["canonicalDocument"]
    assert canonical_json(vector["proofConfig"]).decode() == vector["canonicalProofConfig"]
    assert proof.message.hex() == vector["hashData"]
    assert proof.message.hex() == vector["proofHash"] + vector["documentHash"]
    assert proof.signature.hex() == vector["signature"]
    proof.check(PublicKey.from_multikey(vector["publicKeyMultibase"]))


@pytest.mark.parametrize(
    "vector", load_vectors("data_integrity_jcs", "eddsa-jcs-2022"), ids=lambda vector: vector["id"]
)
def test_published_ed25519_proof_is_made_again(vector: dict[str, Any]) -> None:
    key = LocalKey(KeyKind.ED25519, Secret(parse_multibase(vector["secretKeyMultibase"])[2:]))
    _, proof = read_integrity_proof(vector["signed"])
    value = format_multibase(key.sign(Algorithm.EDDSA, proof.message))
    assert value == vector["signed"]["proof"]["proofValue"]


def test_published_proof_is_that_of_the_whole_way() -> None:
    # The example of the specification, with an issuer and a method that are a DID's.
    (vector, *_) = load_vectors("data_integrity_jcs", "eddsa-jcs-2022")
    key = LocalKey(KeyKind.ED25519, Secret(parse_multibase(vector["secretKeyMultibase"])[2:]))
    method = vector["proofConfig"]["verificationMethod"]
    issuer = method.partition("#")[0]
    made = sign_data_integrity(
        {**vector["document"], "issuer": issuer}, key, method_id=method, now=1_677_281_798
    )
    proof = {name: value for name, value in made["proof"].items() if name != "proofValue"}
    assert proof == vector["proofConfig"]


# -- round trip ----------------------------------------------------------------------------------


@every_suite
def test_signed_credential_says_what_was_signed(suite: str) -> None:
    found = read_data_integrity(SIGNED[suite])
    assert found.format is CredentialFormat.DATA_INTEGRITY
    assert found.claims == DOCUMENT
    assert found.raw == SIGNED[suite]
    assert found.issuer == ISSUER
    assert found.subjects == ("did:example:student",)
    assert found.types == ("VerifiableCredential", "DegreeCredential")
    assert (found.valid_from, found.valid_until) == (NOW, 1_798_761_600)
    assert found.issued_at == NOW
    assert found.secured == canonical_json(SIGNED[suite])
    assert found.proof.method_id == METHOD
    assert found.proof.algorithm is KEYS[suite].public.algorithms[0]
    found.proof.check(KEYS[suite].public)


@every_suite
def test_suite_follows_from_the_key(suite: str) -> None:
    proof = dict(SIGNED[suite]["proof"])
    assert len(parse_multibase(proof.pop("proofValue"))) == 64
    assert proof == {
        "@context": DOCUMENT["@context"],
        "type": "DataIntegrityProof",
        "cryptosuite": suite,
        "created": CREATED,
        "verificationMethod": METHOD,
        "proofPurpose": "assertionMethod",
    }


@every_suite
@settings(max_examples=30, deadline=None)
@given(subject=st.dictionaries(st.text("abc", max_size=3), json_values, min_size=1, max_size=4))
def test_whatever_is_signed_is_verified(suite: str, subject: dict[str, Any]) -> None:
    made = signed_by(KEYS[suite], credentialSubject=subject)
    found = read_data_integrity(json.loads(json.dumps(made)))
    found.proof.check(KEYS[suite].public)
    assert found.claims["credentialSubject"] == subject


def test_order_and_spelling_do_not_matter() -> None:
    text = json.dumps(ED_SIGNED, sort_keys=True, indent=3).replace("180", "1.8e2")
    found = read_data_integrity(read_json(text.encode()))
    found.proof.check(ED25519.public)
    assert found.secured == read_data_integrity(ED_SIGNED).secured


def test_credential_of_the_data_model_1_1_is_read() -> None:
    made = {
        **{name: value for name, value in DOCUMENT.items() if not name.startswith("valid")},
        "@context": ["https://www.w3.org/2018/credentials/v1"],
        "issuanceDate": CREATED,
    }
    proof = {name: value for name, value in CONFIG.items() if name != "@context"}
    assert is_good(resigned(proof, made), ED25519)


# -- window --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expires", "until"),
    [
        ("2026-06-01T00:00:00Z", 1_780_272_000),
        ("2026-06-01T02:00:00.9+02:00", 1_780_272_000),
        ("2030-01-01T00:00:00Z", 1_798_761_600),
    ],
)
def test_expiry_of_the_proof_narrows_the_window(expires: str, until: int) -> None:
    found = read_data_integrity(resigned({**CONFIG, "expires": expires}))
    found.proof.check(ED25519.public)
    assert (found.valid_from, found.valid_until) == (NOW, until)


def test_proof_need_not_say_when_it_was_made() -> None:
    config = {name: value for name, value in CONFIG.items() if name != "created"}
    made = changed(DOCUMENT, ("validUntil",), DELETE)
    found = read_data_integrity({**made, "proof": {**config, "proofValue": "z" + "2" * 88}})
    assert found.issued_at is None
    assert found.valid_until is None


def test_known_members_may_be_there() -> None:
    assert is_good(resigned({**CONFIG, "id": "urn:proof:1", "nonce": "n"}), ED25519)


# -- @context ------------------------------------------------------------------------------------


def test_context_that_is_not_signed_is_cut_off() -> None:
    terms = [CONTEXT, "https://university.example/terms"]
    longer = {**ED_SIGNED, "@context": [*terms, "https://elsewhere.example"]}
    found = read_data_integrity(longer)
    found.proof.check(ED25519.public)
    assert found.claims == DOCUMENT
    assert found.secured == read_data_integrity(ED_SIGNED).secured


def test_single_context_is_a_list_of_one() -> None:
    proof = {**CONFIG, "@context": CONTEXT}
    made = resigned(proof, {**DOCUMENT, "@context": CONTEXT})
    assert is_good(made, ED25519)
    found = read_data_integrity({**made, "@context": [CONTEXT, "https://elsewhere.example"]})
    found.proof.check(ED25519.public)
    assert found.claims["@context"] == CONTEXT


@pytest.mark.parametrize(
    "context",
    [
        [CONTEXT],
        CONTEXT,
        [CONTEXT, "https://elsewhere.example", "https://university.example/terms"],
        [CONTEXT, {"terms": "https://university.example/terms"}],
    ],
)
def test_other_context_than_the_signed_is_refused(context: object) -> None:
    with pytest.raises(InvalidCredential, match="@context does not begin with that of its proof"):
        read_data_integrity({**ED_SIGNED, "@context": context})


# -- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "new", "words"),
    [
        (("proof",), DELETE, "no proof that is an object"),
        (("proof",), "proof", "no proof that is an object"),
        (("proof",), [ED_SIGNED["proof"]], "a list of 1 proofs"),
        (("proof",), [ED_SIGNED["proof"]] * 2, "a list of 2 proofs"),
        (("proof", "type"), DELETE, "type of the proof is None, not DataIntegrityProof"),
        (("proof", "type"), "Ed25519Signature2020", "type of the proof is 'Ed25519Signature2020'"),
        (("proof", "type"), ["DataIntegrityProof"], "type of the proof is"),
        (("proof", "cryptosuite"), DELETE, "cryptosuite None is not accepted"),
        (("proof", "cryptosuite"), "eddsa-rdfc-2022", "cryptosuite 'eddsa-rdfc-2022' is not"),
        (("proof", "cryptosuite"), "eddsa-jcs-2023", "is not accepted"),
        (("proof", "cryptosuite"), ["eddsa-jcs-2022"], "is not accepted"),
        (("proof", "proofPurpose"), "authentication", "proofPurpose is 'authentication', not"),
        (("proof", "proofPurpose"), DELETE, "proofPurpose is None, not assertionMethod"),
        (("proof", "verificationMethod"), DELETE, "verificationMethod of the proof is not a text"),
        (("proof", "verificationMethod"), {"id": METHOD}, "is not a text"),
        (("proof", "verificationMethod"), "", "is not a text"),
        (("proof", "verificationMethod"), METHOD + "x" * 4096, "is not a text"),
        (("proof", "verificationMethod"), "#key-1", "not a whole DID URL: '#key-1'"),
        (("proof", "verificationMethod"), ISSUER, "verificationMethod .* names no verification"),
        (("proof", "verificationMethod"), "did:example:other#key-1", "is not a key of"),
        (("proof", "verificationMethod"), f"{ISSUER}?x=1#key-1", "is not a key of"),
        (("proof", "created"), "2026-01-01T00:00:00", "created of the proof is not a time"),
        (("proof", "created"), NOW, "created of the proof is not a time"),
        (("proof", "created"), None, "created of the proof is not a time"),
        (("proof", "expires"), "2026-01-01", "expires of the proof is not a time"),
        (("proof", "domain"), "shop.example", "good for certain readers .* only: domain"),
        (("proof", "challenge"), "c", "good for certain readers .* only: challenge"),
        (("proof", "previousProof"), "urn:1", "after another proof only: previousProof"),
        (("proof", "jws"), "x", "a member that is not known: 'jws'"),
        (("proof", "proofValue"), DELETE, "proofValue of the proof is not a text"),
        (("proof", "proofValue"), "uAAAA", "proofValue is not multibase"),
        (("proof", "proofValue"), "z2222", "proofValue has 3 bytes, not 64"),
        (("issuer",), "https://vc.example/issuers/5678", "issuer is not a DID"),
        (("issuer",), "did:example:other", "is not a key of 'did:example:other'"),
        (("credentialSubject", "n"), 2**53, "the document: a number in it is not below"),
        (("credentialSubject", "n"), 1e300, "the document: a number in it is not below"),
        (("credentialSubject", "n"), "\ud800", "the document: a text in it is not Unicode"),
        (("credentialSubject", "n"), "x" * (1 << 20), "the document: .* at most 1048576 are read"),
    ],
)
def test_broken_rule_is_named(path: Path, new: object, words: str) -> None:
    with pytest.raises(InvalidCredential, match=words):
        read_data_integrity(changed(ED_SIGNED, path, new))


@pytest.mark.parametrize(
    ("members", "method", "words"),
    [
        ({"proof": {}}, METHOD, "has a proof already"),
        ({"issuer": "did:example:other"}, METHOD, "is not a key of"),
        ({}, "#key-1", "not a whole DID URL"),
        ({"type": "Something"}, METHOD, "type does not name VerifiableCredential"),
        ({"credentialSubject": {"n": 2**53}}, METHOD, "a number in it is not below"),
        (
            {"@context": "https://www.w3.org/2018/credentials/v1", "issuanceDate": CREATED},
            METHOD,
            "1.1 are read, and not issued",
        ),
    ],
)
def test_what_would_not_be_read_is_not_signed(
    members: dict[str, Any], method: str, words: str
) -> None:
    with pytest.raises(InvalidCredential, match=words):
        sign_data_integrity(document(ISSUER, **members), ED25519, method_id=method, now=NOW)


@pytest.mark.parametrize("key", [SECP256K1, AccountKey(LocalSigner.from_key(bytes(31) + b"\1"))])
def test_ethereum_keys_have_no_suite(key: LocalKey | AccountKey) -> None:
    with pytest.raises(InvalidKey, match="makes no Data Integrity proof"):
        sign_data_integrity(DOCUMENT, key, method_id=METHOD, now=NOW)


# -- attacks -------------------------------------------------------------------------------------


@every_suite
@pytest.mark.parametrize("other", [ED25519, P256, SECP256K1])
def test_key_of_another_curve_does_not_verify(suite: str, other: LocalKey) -> None:
    if other is KEYS[suite]:
        return
    with pytest.raises(InvalidCredential, match="does not go with a"):
        read_data_integrity(SIGNED[suite]).proof.check(other.public)


@every_suite
def test_other_key_of_the_curve_does_not_verify(suite: str) -> None:
    other = LocalKey(KEYS[suite].public.kind, Secret(bytes(31) + b"\2"))
    with pytest.raises(InvalidCredential, match="not made with the key"):
        read_data_integrity(SIGNED[suite]).proof.check(other.public)


def test_suite_cannot_be_swapped() -> None:
    swapped = changed(ED_SIGNED, ("proof", "cryptosuite"), "ecdsa-jcs-2019")
    assert not is_good(swapped, ED25519)
    assert not is_good(swapped, P256)


@every_suite
def test_no_changed_member_verifies(suite: str) -> None:
    found = list(mutations(SIGNED[suite]))
    good = [path for path, made in found if is_good(made, KEYS[suite])]
    # One more @context is not signed, and not read either; see above.
    assert good == [("@context", 2)]
    assert len(found) > 150


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_changed_byte_verifies(data: st.DataObject) -> None:
    text = bytearray(json.dumps(ED_SIGNED, ensure_ascii=False).encode())
    place = data.draw(st.integers(0, len(text) - 1))
    text[place] ^= data.draw(st.integers(1, 255))
    try:
        value = read_json(bytes(text))
    except InvalidInput:
        return
    assert value == ED_SIGNED or not is_good(value, ED25519)


def test_proof_of_another_credential_does_not_verify() -> None:
    other = signed_by(ED25519, id="urn:uuid:2")
    assert not is_good({**ED_SIGNED, "proof": other["proof"]}, ED25519)
