"""EthereumEip712Signature2021: vectors, round trips, refusals, attacks."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ethr_did.chain.local_signer import LocalSigner, Secret
from ethr_did.core.keys import parse_address
from ethr_did.core.signed_message import typed_digest
from ethr_did.core.strict_json import read_json
from ethr_did.credentials.canonical_json import canonical_json
from ethr_did.credentials.credential import CredentialFormat
from ethr_did.credentials.eip712 import (
    DEFAULT_DOMAIN,
    MAX_TYPED,
    TypedDataProof,
    read_eip712,
    read_typed_data_proof,
    sign_eip712,
    typed_data,
)
from ethr_did.credentials.keys import Algorithm, KeyKind, PublicKey
from ethr_did.credentials.signing_keys import AccountKey, LocalKey
from ethr_did.credentials.typed_documents import generate_types
from ethr_did.errors import InvalidCredential, InvalidInput, SignerError
from support.signed_documents import (
    CREATED,
    DELETE,
    NOW,
    Path,
    changed,
    document,
    mutations,
    typed_objects,
)
from support.vectors import load_vectors

SECRET = bytes(31) + b"\1"
ACCOUNT = AccountKey(LocalSigner.from_key(SECRET))
POINT = LocalKey(KeyKind.SECP256K1, Secret(SECRET))
ISSUER = "did:ethr:0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
METHOD = f"{ISSUER}#controller"
DOCUMENT = document(ISSUER)
SIGNED = sign_eip712(DOCUMENT, ACCOUNT, method_id=METHOD, now=NOW)
VECTORS = {vector["id"]: vector for vector in load_vectors("eip712_credentials")}
every_vector = pytest.mark.parametrize("vector", VECTORS.values(), ids=list(VECTORS))
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def account_of(vector: dict[str, Any]) -> PublicKey:
    return PublicKey(KeyKind.ACCOUNT, parse_address(vector["address"]))


def is_good(signed: Any) -> bool:
    """Whether a document is read and its proof the key's; every refusal has the right class."""
    try:
        read_eip712(signed).proof.check(ACCOUNT.public)
    except InvalidCredential:
        return False
    return True


def resigned(
    proof: dict[str, Any], made: dict[str, Any] = DOCUMENT, domain: Any = DEFAULT_DOMAIN
) -> dict[str, Any]:
    """A credential whose proof, such as it is, was made with the right key."""
    message = {**made, "proof": proof}
    types = generate_types(message, "Document")
    data = typed_data(message, types, domain=domain, primary_type="Document")
    value = f"0x{ACCOUNT.sign_typed_data(data).hex()}"
    shape = {"domain": domain, "types": types, "primaryType": "Document"}
    return {**made, "proof": {**proof, "proofValue": value, "eip712": shape}}


OPTIONS = {
    name: value for name, value in SIGNED["proof"].items() if name not in ("proofValue", "eip712")
}


# -- vectors -------------------------------------------------------------------------------------


@every_vector
def test_published_signature_is_verified(vector: dict[str, Any]) -> None:
    proof = TypedDataProof(
        method_id=vector["verificationMethod"],
        typed_data=vector["typedData"],
        signature=bytes.fromhex(vector["signature"][2:]),
    )
    assert typed_digest(proof.typed_data).hex() == vector["digest"][2:]
    proof.check(account_of(vector))


@pytest.mark.parametrize(
    "vector",
    [vector for vector in VECTORS.values() if vector.get("deterministic")],
    ids=lambda vector: vector["id"],
)
def test_published_signature_is_made_again(vector: dict[str, Any]) -> None:
    key = AccountKey(LocalSigner.from_key(bytes.fromhex(vector["privateKey"][2:])))
    assert key.sign_typed_data(vector["typedData"]).hex() == vector["signature"][2:]


@pytest.mark.parametrize("name", ["basic-types-generated", "nested-types-uri"])
def test_published_typed_data_follows_from_the_document_and_the_domain(name: str) -> None:
    # The proofs of these two do not say what was signed: types are generated, the domain is given.
    vector = VECTORS[name]
    proof = dict(vector["credential"]["proof"])
    for member in ("proofValue", "eip712"):
        proof.pop(member, None)
    message = {**vector["credential"], "proof": proof}
    types = generate_types(message, "Document")
    domain = vector["inputOptions"]["domain"]
    made = typed_data(message, types, domain=domain, primary_type="Document")
    assert made == vector["typedData"]


READ = ("nested-types-given", "nested-types-embedded", "credential-with-salt", "did-ethr-stamp")


@pytest.mark.parametrize("name", READ)
def test_published_document_that_says_what_was_signed_is_read(name: str) -> None:
    vector = VECTORS[name]
    parts, proof = read_typed_data_proof(vector["credential"])
    assert proof.typed_data == vector["typedData"]
    assert proof.method_id == vector["verificationMethod"]
    assert {**parts.document, "proof": parts.proof} == vector["credential"]
    proof.check(account_of(vector))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("basic-types-generated", "does not say once what was signed"),
        ("nested-types-uri", "the types are somewhere else, and are not fetched"),
        ("draft-basic-unbound-proof", "not covered by the signature: 'proof'"),
        ("draft-nested-unbound-proof", "not covered by the signature: 'proof'"),
        ("draft-nested-no-domain", "does not say once what was signed"),
        ("unsigned-members", "not covered by the signature: 'credentialSchema'"),
    ],
)
def test_published_document_that_leaves_something_open_is_refused(name: str, words: str) -> None:
    assert {name} | {*READ} <= VECTORS.keys()
    with pytest.raises(InvalidCredential, match=words):
        read_typed_data_proof(VECTORS[name]["credential"])


@pytest.mark.parametrize(
    ("name", "issuer", "window"),
    [
        ("credential-with-salt", "did:example:aaaabbbb", (1_262_373_804, None)),
        (
            "did-ethr-stamp",
            "did:ethr:0xd6fc34345bc8c8e5659a35bed9629d5558d48c4e",
            (1_694_658_354, 1_702_437_953),
        ),
    ],
)
def test_published_credential_of_the_data_model_1_1_is_read(
    name: str, issuer: str, window: tuple[int, int | None]
) -> None:
    found = read_eip712(VECTORS[name]["credential"])
    found.proof.check(account_of(VECTORS[name]))
    assert found.issuer == issuer
    assert (found.valid_from, found.valid_until) == window


# -- round trip ----------------------------------------------------------------------------------


def test_signed_credential_says_what_was_signed() -> None:
    found = read_eip712(SIGNED)
    assert found.format is CredentialFormat.EIP712
    assert found.claims == DOCUMENT
    assert found.raw == SIGNED
    assert found.issuer == ISSUER
    assert found.subjects == ("did:example:student",)
    assert found.types == ("VerifiableCredential", "DegreeCredential")
    assert (found.valid_from, found.valid_until) == (NOW, 1_798_761_600)
    assert found.issued_at == NOW
    assert found.secured == canonical_json(SIGNED)
    assert found.proof.method_id == METHOD
    assert found.proof.algorithm is Algorithm.ES256K_R


@pytest.mark.parametrize("key", [ACCOUNT, POINT])
def test_account_and_point_make_and_verify_the_same(key: AccountKey | LocalKey) -> None:
    assert sign_eip712(DOCUMENT, key, method_id=METHOD, now=NOW) == SIGNED
    read_eip712(SIGNED).proof.check(key.public)


def test_proof_says_what_was_signed() -> None:
    proof = copy.deepcopy(SIGNED["proof"])
    assert len(proof.pop("proofValue")) == 2 + 2 * 65
    shape = proof.pop("eip712")
    assert shape["domain"] == {"name": "EthereumEip712Signature2021"}
    assert shape["primaryType"] == "VerifiableCredential"
    assert shape["types"].pop("EIP712Domain") == [{"name": "name", "type": "string"}]
    made = generate_types({**DOCUMENT, "proof": proof}, "VerifiableCredential")
    assert shape["types"] == made
    assert proof == {
        "@context": "https://w3id.org/security/suites/eip712sig-2021/v1",
        "type": "EthereumEip712Signature2021",
        "created": CREATED,
        "verificationMethod": METHOD,
        "proofPurpose": "assertionMethod",
    }


@settings(max_examples=25, deadline=None)
@given(typed_objects())
def test_whatever_is_signed_is_verified(subject: dict[str, Any]) -> None:
    made = document(ISSUER, credentialSubject={"id": "did:example:1", **subject})
    signed = sign_eip712(made, ACCOUNT, method_id=METHOD, now=NOW)
    found = read_eip712(read_json(json.dumps(signed, sort_keys=True).encode()))
    found.proof.check(ACCOUNT.public)
    assert found.claims == made


def test_names_of_earlier_drafts_are_read() -> None:
    proof = dict(SIGNED["proof"])
    shape = dict(proof.pop("eip712"))
    shape["messageSchema"] = shape.pop("types")
    assert is_good({**SIGNED, "proof": {**proof, "eip712": shape}})
    assert is_good({**SIGNED, "proof": {**proof, "eip712Domain": shape}})


def test_type_of_the_domain_need_not_be_written_out() -> None:
    assert is_good(changed(SIGNED, ("proof", "eip712", "types", "EIP712Domain"), DELETE))


@pytest.mark.parametrize(
    "domain",
    [
        {"version": "1"},
        {"chainId": 1, "name": "VerifiableCredential", "version": "1"},
        {
            "verifyingContract": "0xD8393a735e8b7B6E199db9A537cf27C61Aa74954",
            "salt": "0x" + "0a" * 32,
        },
    ],
)
def test_domain_of_the_signer_is_taken(domain: dict[str, Any]) -> None:
    assert is_good(resigned(OPTIONS, domain=domain))


def test_structs_in_lists_are_read() -> None:
    made = document(ISSUER, evidence=[{"id": "urn:1", "levels": [[1], []]}, {"id": "urn:2"}])
    made["evidence"][1]["levels"] = [[]]
    types = generate_types({**DOCUMENT, "proof": OPTIONS}, "Document")
    types["Document"] = [*types["Document"], {"name": "evidence", "type": "Evidence[]"}]
    types["Evidence"] = [{"name": "levels", "type": "int8[][]"}, {"name": "id", "type": "string"}]
    data = typed_data(
        {**made, "proof": OPTIONS}, types, domain=DEFAULT_DOMAIN, primary_type="Document"
    )
    value = f"0x{ACCOUNT.sign_typed_data(data).hex()}"
    shape = {"domain": dict(DEFAULT_DOMAIN), "types": types, "primaryType": "Document"}
    signed = {**made, "proof": {**OPTIONS, "proofValue": value, "eip712": shape}}
    assert is_good(signed)
    assert not is_good(changed(signed, ("evidence", 1, "levels"), []))


def test_expiry_of_the_proof_narrows_the_window() -> None:
    found = read_eip712(resigned({**OPTIONS, "expires": "2026-06-01T00:00:00Z"}))
    found.proof.check(ACCOUNT.public)
    assert found.valid_until == 1_780_272_000


# -- what is refused -----------------------------------------------------------------------------

SHAPE = SIGNED["proof"]["eip712"]
VALUE = SIGNED["proof"]["proofValue"]
HIGH_S = f"0x{VALUE[2:66]}{ORDER - int(VALUE[66:130], 16):064x}{0x37 - int(VALUE[130:], 16):x}"


@pytest.mark.parametrize(
    ("path", "new", "words"),
    [
        (("proof",), DELETE, "no proof that is an object"),
        (("proof",), [SIGNED["proof"]], "a list of 1 proofs"),
        (("proof", "type"), "EthereumEip712Signature2022", "type of the proof is"),
        (("proof", "proofPurpose"), "authentication", "proofPurpose is 'authentication', not"),
        (("proof", "verificationMethod"), "#controller", "not a whole DID URL"),
        (("proof", "verificationMethod"), "did:ethr:0x1#controller", "is not a key of"),
        (("proof", "created"), "yesterday", "created of the proof is not a time"),
        (("proof", "domain"), "shop.example", "good for certain readers .* only: domain"),
        (("proof", "cryptosuite"), "x", "a member that is not known: 'cryptosuite'"),
        (("proof", "ethereumAddress"), None, "a member that is not known: 'ethereumAddress'"),
        (("proof", "proofValue"), DELETE, "proofValue of the proof is not a text"),
        (("proof", "proofValue"), VALUE[2:], "proofValue is not a signature"),
        (("proof", "proofValue"), VALUE.upper(), "proofValue is not a signature"),
        (("proof", "proofValue"), "0x" + VALUE[2:].upper(), "proofValue is not a signature"),
        (("proof", "proofValue"), VALUE[:-2] + "00", "proofValue is not a signature"),
        (("proof", "proofValue"), VALUE[:-2] + "1d", "proofValue is not a signature"),
        (("proof", "proofValue"), VALUE + "00", "proofValue is not a signature"),
        (("proof", "proofValue"), HIGH_S, "proofValue has the high s"),
        (("proof", "eip712"), DELETE, "does not say once what was signed"),
        (("proof", "eip712"), [SHAPE], "does not say once what was signed"),
        (("proof", "eip712Domain"), SHAPE, "does not say once what was signed"),
        (("proof", "eip712", "types"), DELETE, "is not domain, types and primaryType"),
        (("proof", "eip712", "domain"), DELETE, "is not domain, types and primaryType"),
        (("proof", "eip712", "primaryType"), DELETE, "is not domain, types and primaryType"),
        (("proof", "eip712", "messageSchema"), {}, "is not domain, types and primaryType"),
        (("proof", "eip712", "note"), "x", "is not domain, types and primaryType"),
        (("proof", "eip712", "types"), "https://x.example", "somewhere else, and are not fetched"),
        (("proof", "eip712", "types"), None, "not an object of at most 256 structs"),
        (("proof", "eip712", "types", "EIP712Domain"), [], "is not the type of the domain"),
        (
            ("proof", "eip712", "types", "EIP712Domain"),
            [{"name": "name", "type": "bytes"}],
            "is not the type of the domain",
        ),
        (("proof", "eip712", "domain"), {}, "not one of EIP-712"),
        (("proof", "eip712", "domain"), "x", "not one of EIP-712: 'x'"),
        (("proof", "eip712", "domain", "url"), "x", "not one of EIP-712"),
        (("proof", "eip712", "domain", "name"), 1, "name of the domain is 1"),
        (("proof", "eip712", "domain", "version"), 1, "version of the domain is 1"),
        (("proof", "eip712", "domain", "chainId"), "1", "chainId of the domain is '1'"),
        (("proof", "eip712", "domain", "chainId"), True, "chainId of the domain is True"),
        (("proof", "eip712", "domain", "chainId"), -1, "chainId of the domain is -1"),
        (
            ("proof", "eip712", "domain", "verifyingContract"),
            "0xd8393a735e8b7b6e199db9a537cf27c61aa74954",
            "verifyingContract of the domain is",
        ),
        (("proof", "eip712", "domain", "verifyingContract"), 1, "verifyingContract of the domain"),
        (("proof", "eip712", "domain", "salt"), "0x00", "salt of the domain is '0x00'"),
        (("proof", "eip712", "domain", "salt"), "0x" + "AA" * 32, "salt of the domain is"),
        (("proof", "eip712", "domain", "salt"), 0, "salt of the domain is 0"),
        (("credentialSubject", "n"), "x" * MAX_TYPED, "the document: .* at most 131072 are read"),
        (("credentialSubject", "n"), 2**53, "the document: a number in it is not below"),
        (("validFrom",), "yesterday", "validFrom is not a time"),
    ],
)
def test_broken_rule_is_named(path: Path, new: object, words: str) -> None:
    with pytest.raises(InvalidCredential, match=words):
        read_eip712(changed(SIGNED, path, new))


@pytest.mark.parametrize(
    ("members", "method", "words"),
    [
        ({"proof": {}}, METHOD, "has a proof already"),
        ({"issuer": "did:example:other"}, METHOD, "is not a key of"),
        ({}, "#controller", "not a whole DID URL"),
        ({"type": "Something"}, METHOD, "type does not name VerifiableCredential"),
        ({"evidence": [{"id": "urn:1"}]}, METHOD, r"'evidence\[0\]': an object in a list has no"),
        ({"note": 2**53}, METHOD, "a number in it is not below"),
        ({"note": "x" * MAX_TYPED}, METHOD, "at most 131072 are read"),
        ({"two words": "x"}, METHOD, "not a name that can be signed: 'two words'"),
        ({"issuer": {"id": ISSUER, "proof": {"x": 1}}}, METHOD, "a second struct with the name"),
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
        sign_eip712(document(ISSUER, **members), ACCOUNT, method_id=method, now=NOW)


def test_what_would_be_too_long_with_its_types_is_not_given_out() -> None:
    subject = {f"member{place}": 1 for place in range(1000)}
    made = document(ISSUER, credentialSubject={**subject, "note": "x" * 80_000})
    with pytest.raises(InvalidCredential, match="at most 131072 are read"):
        sign_eip712(made, ACCOUNT, method_id=METHOD, now=NOW)


@pytest.mark.parametrize("kind", [KeyKind.ED25519, KeyKind.P256])
def test_keys_on_other_curves_sign_and_verify_nothing(kind: KeyKind) -> None:
    key = LocalKey(kind, Secret(SECRET))
    with pytest.raises(SignerError, match="do not sign EIP-712 typed data"):
        sign_eip712(DOCUMENT, key, method_id=METHOD, now=NOW)
    with pytest.raises(InvalidCredential, match="does not go with a"):
        read_eip712(SIGNED).proof.check(key.public)


# -- attacks -------------------------------------------------------------------------------------


def test_other_account_does_not_verify() -> None:
    other = PublicKey(KeyKind.ACCOUNT, bytes(20))
    with pytest.raises(InvalidCredential, match="not made with the key"):
        read_eip712(SIGNED).proof.check(other)


@pytest.mark.parametrize("path", [("admin",), ("credentialSubject", "admin"), ("issuer", "admin")])
def test_member_that_encoders_would_leave_out_is_refused(path: Path) -> None:
    made = changed(SIGNED, path, True)
    data = read_eip712(SIGNED).proof.typed_data  # type: ignore[attr-defined]  # of this format
    message = {name: value for name, value in made.items() if name != "proof"}
    message["proof"] = data["message"]["proof"]
    assert typed_digest({**data, "message": message}) == typed_digest(data)
    with pytest.raises(InvalidCredential, match="not covered by the signature"):
        read_eip712(made)


@pytest.mark.parametrize(
    ("path", "new"),
    [
        (("credentialSubject", "degree", "credits"), "180"),
        (("credentialSubject", "degree", "credits"), "0xb4"),
        (("credentialSubject", "degree", "honours"), "true"),
        (("credentialSubject", "degree", "honours"), 1),
    ],
)
def test_value_that_encoders_would_take_for_the_signed_one_is_refused(
    path: Path, new: object
) -> None:
    made = changed(SIGNED, path, new)
    data = read_eip712(SIGNED).proof.typed_data  # type: ignore[attr-defined]  # of this format
    message = changed(data["message"], path, new)
    assert typed_digest({**data, "message": message}) == typed_digest(data)
    with pytest.raises(InvalidCredential, match="is not a value of its type"):
        read_eip712(made)


def test_type_that_is_added_is_refused() -> None:
    with pytest.raises(InvalidCredential, match="a type is not used: 'Admin'"):
        read_eip712(changed(SIGNED, ("proof", "eip712", "types", "Admin"), []))


def test_member_taken_out_of_document_and_types_does_not_verify() -> None:
    made = changed(SIGNED, ("validUntil",), DELETE)
    fields = made["proof"]["eip712"]["types"]["VerifiableCredential"]
    fields[:] = [one for one in fields if one["name"] != "validUntil"]
    with pytest.raises(InvalidCredential, match="not made with the key"):
        read_eip712(made).proof.check(ACCOUNT.public)


def test_no_changed_member_verifies() -> None:
    found = list(mutations(SIGNED))
    good = [path for path, made in found if is_good(made)]
    # It follows from the domain, which is there; see above.
    assert good == [("proof", "eip712", "types", "EIP712Domain")]
    assert len(found) > 400


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_no_changed_byte_verifies(data: st.DataObject) -> None:
    text = bytearray(json.dumps(SIGNED, ensure_ascii=False).encode())
    place = data.draw(st.integers(0, len(text) - 1))
    text[place] ^= data.draw(st.integers(1, 255))
    try:
        value = read_json(bytes(text))
    except InvalidInput:
        return
    assert value == SIGNED or not is_good(value)


def test_proof_of_another_credential_does_not_verify() -> None:
    other = sign_eip712(document(ISSUER, id="urn:2"), ACCOUNT, method_id=METHOD, now=NOW)
    assert not is_good({**SIGNED, "proof": other["proof"]})


def test_work_for_a_hostile_document_is_bounded() -> None:
    # Structs in structs, each hashed with the types of all those within it.
    wide = {f"m{place}": 1 for place in range(900)}
    inner: dict[str, Any] = wide
    for level in range(25):
        inner = {f"level{level}": inner}
    made = document(ISSUER, credentialSubject=inner)
    signed = sign_eip712(made, ACCOUNT, method_id=METHOD, now=NOW)
    assert is_good(signed)
