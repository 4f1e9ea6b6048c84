"""Credentials and presentations of npm's did-jwt-vc and ours: each verifies the other's.

docs/interop.md says what they do not verify, and why.
"""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.chain.local_signer import LocalSigner, Secret
from ethr_did.core.changes import add_key
from ethr_did.core.resolution import format_time
from ethr_did.credentials.credential import CredentialFormat
from ethr_did.credentials.keys import Algorithm, KeyKind
from ethr_did.credentials.policy import Policy
from ethr_did.credentials.report import Verdict
from ethr_did.credentials.signing_keys import AccountKey, LocalKey
from ethr_did.credentials.vc_jwt import sign_vc_jwt
from support.command_line import CommandLine
from support.encounters import CONTEXT_1, as_peer, codes, diploma, header_of, one, tampered
from support.peers import Meeting
from support.triangle import NONCE, SHOP, key_of_kind

if TYPE_CHECKING:
    from ethr_did.chain.local import LocalAccount
    from support.encounters import Encounter
    from support.peers import Peer

pytestmark = [pytest.mark.interop, pytest.mark.xdist_group("credential peers")]

TO_SHOP = Policy(nonce=NONCE, audience=SHOP)
ASSERTION = {"proofPurpose": "assertionMethod"}
REFUSED = {"bad_signature", "key_missing"}
AUTHENTICATION = {"proofPurpose": "authentication", "audience": SHOP}


def as_token_claims(credential: dict[str, Any]) -> dict[str, Any]:
    """The same as did-jwt-vc calls a JwtCredentialPayload, written out as its README has it."""
    kept = ("@context", "type", "credentialSubject")
    subject = {n: v for n, v in credential["credentialSubject"].items() if n != "id"}
    return {
        "sub": credential["credentialSubject"]["id"],
        "nbf": 1_767_225_600,
        "vc": {**{name: credential[name] for name in kept}, "credentialSubject": subject},
    }


def key_of(account: LocalAccount) -> bytes:
    """Its public key, compressed."""
    return LocalKey(KeyKind.SECP256K1, Secret(account.key)).public.data


# -- did-jwt-vc's are read here ------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["ES256K", "ES256K-R"])
@pytest.mark.parametrize("form", [dict, as_token_claims])
def test_we_verify_the_credentials_of_did_jwt_vc(
    encounter: Encounter, alice: LocalAccount, bob: LocalAccount, form: Any, algorithm: str
) -> None:
    triangle = encounter.triangle
    issuer, holder = triangle.owner(alice).did, triangle.owner(bob).did
    credential = diploma(issuer, holder, now=triangle.now)
    token = encounter.ask(
        "issueCredential", credential=form(credential), alg=algorithm, **as_peer(alice)
    )
    assert header_of(token) == {"alg": algorithm, "typ": "JWT"}
    found = one(encounter.verified(token))
    assert found.verdict is Verdict.VALID
    assert (found.format, found.issuer) == (CredentialFormat.VC_JWT_1, issuer)
    assert found.subjects == (holder,)
    assert found.claims is not None
    assert found.claims["credentialSubject"] == credential["credentialSubject"]


def test_we_verify_a_credential_of_an_identity_named_by_its_public_key(
    encounter: Encounter, alice: LocalAccount, bob: LocalAccount
) -> None:
    triangle = encounter.triangle
    public = f"0x{key_of(alice).hex()}"
    who = {**as_peer(alice), "identifier": public}
    did = f"did:ethr:{encounter.meeting.name}:{public}"
    credential = diploma(did, triangle.owner(bob).did, now=triangle.now)
    token = encounter.ask("issueCredential", credential=credential, alg="ES256K-R", **who)
    found = one(encounter.verified(token))
    assert (found.verdict, found.issuer) == (Verdict.VALID, did)


@pytest.fixture
def token(encounter: Encounter, alice: LocalAccount, bob: LocalAccount) -> str:
    """A credential that did-jwt-vc issued to bob."""
    triangle = encounter.triangle
    issuer, holder = triangle.owner(alice).did, triangle.owner(bob).did
    credential = diploma(issuer, holder, now=triangle.now)
    made: str = encounter.ask(
        "issueCredential", credential=credential, alg="ES256K-R", **as_peer(alice)
    )
    return made


def presentation(*tokens: str) -> dict[str, Any]:
    """As did-jwt-vc calls a JwtPresentationPayload."""
    members = {"@context": [CONTEXT_1], "type": ["VerifiablePresentation"]}
    return {"vp": {**members, "verifiableCredential": list(tokens)}}


def present(encounter: Encounter, account: LocalAccount, *tokens: str) -> str:
    made: str = encounter.ask(
        "presentCredentials",
        presentation=presentation(*tokens),
        challenge=NONCE,
        domain=SHOP,
        alg="ES256K-R",
        **as_peer(account),
    )
    return made


def test_we_verify_the_presentations_of_did_jwt_vc(
    encounter: Encounter, token: str, bob: LocalAccount
) -> None:
    shown = present(encounter, bob, token)
    report = encounter.verified(shown, TO_SHOP)
    assert report.is_valid
    assert report.holder == one(report).subjects[0]
    other = encounter.verified(shown, Policy(nonce="other", audience=NONCE))
    assert {"nonce_mismatch", "audience_mismatch"} <= codes(other)


def test_what_is_changed_in_them_is_not_valid(
    encounter: Encounter, token: str, bob: LocalAccount
) -> None:
    report = encounter.verified(tampered(token, jti="urn:uuid:0"))
    # No kid says which key it should be; the key that is recovered is nobody's.
    assert (report.verdict, codes(report) & REFUSED) == (Verdict.INVALID, {"key_missing"})
    shown = tampered(present(encounter, bob, token), nonce="other")
    report = encounter.verified(shown, Policy(nonce="other", audience=SHOP))
    assert (report.verdict, codes(report) & REFUSED) == (Verdict.INVALID, {"key_missing"})


def test_a_forged_credential_in_a_presentation_is_found_here_and_not_there(
    encounter: Encounter, token: str, bob: LocalAccount
) -> None:
    shown = present(encounter, bob, tampered(token, jti="urn:uuid:0"))
    assert encounter.ask("verifyPresentation", token=shown, challenge=NONCE, domain=SHOP)
    report = one(encounter.verified(shown, TO_SHOP))
    assert report.verdict is Verdict.INVALID


# -- did-jwt and did-jwt-vc read ours ------------------------------------------------------------


def test_did_jwt_verifies_our_credentials(
    encounter: Encounter, alice: LocalAccount, bob: LocalAccount
) -> None:
    triangle = encounter.triangle
    issuer = triangle.owner(alice)
    token = triangle.vc_jwt(issuer, triangle.owner(bob).did, iss=issuer.did)
    found = encounter.ask("verifyToken", token=token, **ASSERTION)
    assert found["signer"]["id"] == issuer.method_id
    assert found["payload"]["credentialSubject"]["id"] == triangle.owner(bob).did
    changed = tampered(token, validUntil="2099-01-01T00:00:00Z")
    assert "invalid_signature" in encounter.refusal("verifyToken", token=changed, **ASSERTION)


@pytest.mark.parametrize(
    ("kind", "name"), [(KeyKind.SECP256K1, "Secp256k1"), (KeyKind.ED25519, "Ed25519")]
)
def test_did_jwt_verifies_them_by_published_keys(
    encounter: Encounter, alice: LocalAccount, bob: LocalAccount, kind: KeyKind, name: str
) -> None:
    triangle = encounter.triangle
    key = key_of_kind(kind)
    triangle.office.change(alice, add_key(name, key.public.data))
    issuer = triangle.with_newest(alice, key)
    token = triangle.vc_jwt(issuer, triangle.owner(bob).did, iss=issuer.did)
    found = encounter.ask("verifyToken", token=token, **ASSERTION)
    assert found["signer"]["id"] == issuer.method_id


@pytest.mark.parametrize("kind", [KeyKind.SECP256K1, KeyKind.P256, KeyKind.ED25519])
def test_did_jwt_verifies_them_by_multikeys_in_our_documents_only(
    encounter: Encounter, alice: LocalAccount, bob: LocalAccount, kind: KeyKind
) -> None:
    triangle = encounter.triangle
    issuer = triangle.with_key(alice, kind)
    token = triangle.vc_jwt(issuer, triangle.owner(bob).did, iss=issuer.did)
    question = {"token": token, **ASSERTION}
    found = encounter.ask("verifyToken", documents=encounter.documents(issuer.did), **question)
    assert found["signer"]["id"] == issuer.method_id
    # ethr-did-resolver 11 takes the multicodec prefix for a part of the key.
    assert "no matching public key" in encounter.refusal("verifyToken", **question)


def test_did_jwt_verifies_our_presentations(
    encounter: Encounter, alice: LocalAccount, bob: LocalAccount
) -> None:
    triangle = encounter.triangle
    holder = triangle.owner(bob)
    shown = triangle.vp_jwt(holder, triangle.vc_jwt(triangle.owner(alice), holder.did))
    found = encounter.ask("verifyToken", token=shown, **AUTHENTICATION)
    assert found["signer"]["id"] == holder.method_id
    assert (found["payload"]["nonce"], found["payload"]["aud"]) == (NONCE, SHOP)
    elsewhere = {**AUTHENTICATION, "audience": "https://else.example"}
    assert "audience does not match" in encounter.refusal("verifyToken", token=shown, **elsewhere)


def test_did_jwt_does_not_look_for_the_issuer_where_the_data_model_2_has_it(
    encounter: Encounter, alice: LocalAccount, bob: LocalAccount
) -> None:
    triangle = encounter.triangle
    token = triangle.vc_jwt(triangle.owner(alice), triangle.owner(bob).did)
    refusal = encounter.refusal("verifyToken", token=token, **ASSERTION)
    assert refusal == "invalid_jwt: JWT iss or client_id are required"


def test_did_jwt_vc_verifies_the_signature_of_ours_and_does_not_know_their_data_model(
    encounter: Encounter, alice: LocalAccount, bob: LocalAccount
) -> None:
    triangle = encounter.triangle
    issuer, holder = triangle.owner(alice), triangle.owner(bob)
    token = triangle.vc_jwt(issuer, holder.did, iss=issuer.did)
    missing = f'schema_error: @context is missing default context "{CONTEXT_1}"'
    assert encounter.refusal("verifyCredential", token=token) == missing
    found = encounter.ask("verifyCredential", token=token, format=False)
    assert found["credentialSubject"]["id"] == holder.did
    changed = tampered(token, validUntil="2099-01-01T00:00:00Z")
    assert "invalid_signature" in encounter.refusal("verifyCredential", token=changed, format=False)
    shown = {"token": triangle.vp_jwt(holder, token), "challenge": NONCE, "domain": SHOP}
    assert encounter.refusal("verifyPresentation", **shown) == missing
    assert encounter.ask("verifyPresentation", **shown, format=False)["holder"] == holder.did
    other = {**shown, "challenge": "other", "format": False}
    assert "auth_error" in encounter.refusal("verifyPresentation", **other)


def test_did_jwt_vc_keeps_the_end_of_ours_only_if_it_is_a_claim_of_the_token(
    encounter: Encounter, alice: LocalAccount, bob: LocalAccount
) -> None:
    triangle = encounter.triangle
    issuer, past = triangle.owner(alice), triangle.now - 1000
    times = {"validFrom": format_time(past - 1), "validUntil": format_time(past)}
    token = triangle.vc_jwt(issuer, triangle.owner(bob).did, iss=issuer.did, **times)
    assert encounter.ask("verifyCredential", token=token, format=False)
    assert "expired" in codes(encounter.verified(token))
    token = triangle.vc_jwt(issuer, triangle.owner(bob).did, iss=issuer.did, exp=past)
    refusal = encounter.refusal("verifyCredential", token=token, format=False)
    assert "JWT has expired" in refusal
    assert "expired" in codes(encounter.verified(token))


# -- on our devnet -------------------------------------------------------------------------------


def test_on_our_devnet_each_verifies_the_other_s_credentials(
    credential_peers: Peer, tmp_path: Path
) -> None:
    command = CommandLine({"ETHR_DID_STATE_DIR": str(tmp_path / "state"), "HOME": str(tmp_path)})
    with command.spawn("devnet", "--port", "0", "--accounts", "2", "--json") as process:
        ready = process.read_json()
        meeting = Meeting(url=ready["url"], registry=ready["didRegistry"])
        university, student = (_account(one) for one in ready["accounts"])
        issuer, holder = (meeting.did(who["identifier"]) for who in (university, student))
        now = _time_of(ready["url"])
        question = {"network": meeting.question, "now": now, "alg": "ES256K-R"}
        token = credential_peers.ask(
            "issueCredential", credential=diploma(issuer, holder, now=now), **university, **question
        )
        shown = credential_peers.ask(
            "presentCredentials",
            presentation=presentation(token),
            challenge=NONCE,
            domain=SHOP,
            **student,
            **question,
        )
        (tmp_path / "shown").write_text(shown)
        options = ("--nonce", NONCE, "--audience", SHOP, "--any-issuer", "--json")
        exported = {"ETHR_DID_CONFIG": ready["config"]}
        outcome = command("verify", tmp_path / "shown", *options, **exported)
        assert (outcome.status, outcome.json["verdict"]) == (0, "valid")
        assert outcome.json["holder"] == holder
        ours = sign_vc_jwt(
            {**_two(diploma(issuer, holder, now=now)), "iss": issuer},
            AccountKey(LocalSigner.from_key(bytes.fromhex(university["key"][2:]))),
            algorithm=Algorithm.ES256K_R,
            method_id=f"{issuer}#controller",
        )
        found = credential_peers.ask("verifyToken", token=ours, **ASSERTION, **question)
        assert found["issuer"] == issuer
        process.end(signal.SIGINT)


def _account(account: dict[str, str]) -> dict[str, str]:
    key = Path(account["signer"].removeprefix("keyfile:")).read_text().strip()
    return {"identifier": account["address"], "key": f"0x{key.removeprefix('0x')}"}


def _time_of(url: str) -> int:
    from web3 import Web3

    return int(Web3(Web3.HTTPProvider(url)).eth.get_block("latest")["timestamp"])


def _two(credential: dict[str, Any]) -> dict[str, Any]:
    """The same in the Data Model 2.0."""
    left = {n: v for n, v in credential.items() if n not in ("issuanceDate", "expirationDate")}
    return {**left, "@context": ["https://www.w3.org/ns/credentials/v2"]}
