"""Presentations: what a holder chose, signed for one verifier, and accepted by it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.chain.local_signer import LocalSigner, Secret
from ethr_did.credentials.choices import Choice, PlainCredential, answer_query, choose
from ethr_did.credentials.credential import PresentationFormat
from ethr_did.credentials.dcql import Query
from ethr_did.credentials.dcql_response import read_vp_token
from ethr_did.credentials.jose import parse_token
from ethr_did.credentials.keys import Algorithm, KeyKind
from ethr_did.credentials.policy import Policy
from ethr_did.credentials.presenting import AsyncPresenter, KeyRing, Presenter
from ethr_did.credentials.questions import Outside
from ethr_did.credentials.reading import read_credential, read_presentation
from ethr_did.credentials.signing_keys import AccountKey, LocalKey
from ethr_did.credentials.verification import Verifier
from ethr_did.did_methods import AsyncDIDResolver, DIDResolver, ResolvedDID
from ethr_did.errors import (
    DeactivatedError,
    FetchError,
    InvalidCredential,
    InvalidOption,
    NotFoundError,
    SignerError,
    UnsupportedMethod,
)
from support.held import HOLDER, NOW, data_integrity, did_of, method_of, sd_jwt, vc_jwt
from support.triangle import key_of_kind
from support.vectors import load_vectors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ethr_did.chain.local import LocalAccount
    from ethr_did.credentials.credential import Raw
    from ethr_did.credentials.report import Report
    from ethr_did.credentials.signing_keys import SigningKey
    from support.triangle import Triangle

NONCE, SHOP = "n-0S6_WzA2Mj", "https://shop.example"
OTHER = key_of_kind(KeyKind.P256, "somebody else")
SUBJECT = did_of(HOLDER.public)
KINDS = (KeyKind.SECP256K1, KeyKind.P256, KeyKind.ED25519)
POLICY = Policy(nonce=NONCE, audience=SHOP)


class Documents:
    """A ``ResolvesDIDs``: what did:key says, but for DIDs that were named."""

    def __init__(self, holder: Any = None, **named: Any) -> None:
        found = named if holder is None else {"did:example:holder": holder}
        self._named: Mapping[str, ResolvedDID] = {
            did: ResolvedDID(did=did, **members) for did, members in found.items()
        }
        self.asked: list[Sequence[str]] = []

    def resolve_many(
        self, dids: Sequence[str], *, version_id: int | None = None
    ) -> list[ResolvedDID]:
        """See ``ResolvesDIDs``."""
        self.asked.append(dids)
        others = DIDResolver()
        return [self._named.get(did) or others.resolve(did, version_id=version_id) for did in dids]


def document(**members: Any) -> dict[str, Any]:
    """What resolving the holder gives: its document, changed."""
    return {"document": replace(DIDResolver().resolve(SUBJECT).require_document(), **members)}


def chosen(raw: Raw, *paths: Any) -> Choice:
    return choose(PlainCredential(id="card", raw=raw), paths)


def present(choice: Choice, *keys: SigningKey, dids: Any = None, **options: Any) -> Any:
    """What is handed over: the presentation, or the VP token."""
    options = {"nonce": NONCE, "audience": SHOP, "now": NOW, **options}
    presenter = Presenter(DIDResolver() if dids is None else dids)
    return presenter.present(choice, keys=KeyRing(keys or (HOLDER,)), **options)


def verified(presentation: Any, dids: Any = None, policy: Policy = POLICY) -> Report:
    """What the shop makes of it."""
    outside = Outside(dids=DIDResolver() if dids is None else dids)
    return Verifier(outside, clock=lambda: NOW).verify(presentation, policy)


def header(token: str) -> dict[str, Any]:
    return dict(parse_token(token).header)


# -- SD-JWT VCs ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_sd_jwt_is_presented_with_the_key_in_cnf(kind: KeyKind) -> None:
    key = key_of_kind(kind)
    made = present(chosen(sd_jwt(key.public), ("age_equal_or_over", "18")), OTHER, key).text
    report = verified(made).check()
    assert report.presentation is PresentationFormat.SD_JWT_KB
    claims = report.credentials[0].claims
    assert claims is not None
    assert claims["age_equal_or_over"] == {"18": True}
    assert {"given_name", "birthdate", "address"} & claims.keys() == set()


def test_account_signs_for_a_key_on_its_curve() -> None:
    secret = bytes(31) + b"\x07"
    key = AccountKey(LocalSigner.from_key(secret))
    public = LocalKey(KeyKind.SECP256K1, Secret(secret)).public
    made = present(chosen(sd_jwt(public)), key).text
    assert header(made.rpartition("~")[2])["alg"] == Algorithm.ES256K
    assert verified(made).is_valid


def test_presentation_is_for_one_verifier_and_one_question() -> None:
    made = present(chosen(sd_jwt())).text
    found = read_presentation(made)
    assert (found.nonce, found.audience, found.issued_at) == (NONCE, (SHOP,), NOW)
    assert not verified(made, policy=Policy(nonce="another", audience=SHOP)).is_valid
    assert not verified(made, policy=Policy(nonce=NONCE, audience="https://else.example")).is_valid


def test_key_of_a_did_that_cnf_names_signs() -> None:
    raw = sd_jwt(None, cnf={"kid": method_of(HOLDER.public)})
    made = present(chosen(raw))
    assert verified(made.text).check().holder == SUBJECT


def test_no_document_is_looked_up_for_a_key_in_cnf() -> None:
    dids = Documents()
    present(chosen(sd_jwt(sub=SUBJECT)), dids=dids)
    assert dids.asked == []


def test_sd_jwt_without_cnf_is_shown_as_it_is() -> None:
    made = present(chosen(sd_jwt(None), ("given_name",)), nonce=None, audience=None).text
    assert made.endswith("~")
    assert read_credential(made).claims["given_name"] == "Erika"


# -- other credentials ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("make", [vc_jwt, data_integrity])
def test_credential_is_presented_by_its_subject(make: Any, kind: KeyKind) -> None:
    key = key_of_kind(kind)
    made = present(chosen(make(did_of(key.public))), key)
    report = verified(made.text).check()
    assert (report.presentation, report.holder) == (PresentationFormat.VP_JWT, did_of(key.public))
    assert header(made.text) == {
        "alg": key.public.algorithms[0],
        "typ": "vp+jwt",
        "kid": method_of(key.public),
    }


def test_credential_that_was_held_as_text_is_presented_as_an_object() -> None:
    document = data_integrity(SUBJECT)
    made = present(chosen(json.dumps(document, indent=2))).text
    assert read_presentation(made).credentials == (document,)


def test_credential_of_the_older_data_model_is_presented_in_the_newer_form() -> None:
    vector = next(one for one in load_vectors("vc_jwt_embedded") if one["id"] == "vc-es256k-r")
    dids = Documents(**{vector["payload"]["sub"]: document()})
    made = present(chosen(vector["jwt"]), dids=dids)
    found = read_presentation(made.text)
    assert (found.format, found.credentials) == (PresentationFormat.VP_JWT, (vector["jwt"],))


def test_subject_that_is_no_did_presents_nothing() -> None:
    subjects = [{"id": "urn:x"}, {"id": did_of(OTHER.public)}, {"id": SUBJECT}]
    dids = Documents()
    made = present(chosen(vc_jwt(None, credentialSubject=subjects)), dids=dids)
    assert verified(made.text).check().holder == SUBJECT
    assert dids.asked == [(did_of(OTHER.public), SUBJECT)]


def test_documents_of_some_subjects_only_are_looked_up() -> None:
    subjects = [{"id": f"did:example:{number}"} for number in range(20)]
    dids = Documents()
    with pytest.raises(UnsupportedMethod):
        present(chosen(vc_jwt(None, credentialSubject=subjects)), dids=dids)
    assert [len(one) for one in dids.asked] == [16]


def test_holder_that_cnf_names_presents_and_not_the_subject() -> None:
    raw = vc_jwt(did_of(OTHER.public), cnf={"kid": method_of(HOLDER.public)})
    assert verified(present(chosen(raw), OTHER, HOLDER).text).check().holder == SUBJECT


def test_method_that_cnf_names_signs_and_no_other() -> None:
    raw = vc_jwt(None, cnf={"kid": f"{SUBJECT}#another"})
    with pytest.raises(SignerError, match="no such key is held"):
        present(chosen(raw))


@pytest.mark.parametrize("subject", [None, SUBJECT, did_of(OTHER.public), "did:example:offline"])
def test_key_in_cnf_presents_for_a_did_that_has_it(subject: str | None) -> None:
    raw = vc_jwt(subject, cnf={"jwk": HOLDER.public.to_jwk()})
    dids = Documents(**{"did:example:offline": {"error": FetchError("cannot be reached")}})
    made = present(chosen(raw), OTHER, HOLDER, dids=dids)
    assert verified(made.text).check().holder == SUBJECT


def test_each_of_many_credentials_is_presented_by_itself() -> None:
    query = Query.from_dict(
        {
            "credentials": [
                {"id": "degree", "format": "jwt_vc_json", "meta": {}},
                {"id": "person", "format": "dc+sd-jwt", "meta": {}, "multiple": True},
                {"id": "proof", "format": "ldp_vc", "meta": {}},
            ]
        }
    )
    raws: list[Raw] = [sd_jwt(), sd_jwt(seed="2"), vc_jwt(SUBJECT), data_integrity(SUBJECT)]
    wallet = [PlainCredential(id=str(number), raw=raw) for number, raw in enumerate(raws)]
    dids = Documents()
    made = present(answer_query(query, wallet, now=NOW, with_all=True), dids=dids)
    found = read_vp_token(made.text.encode())
    assert {name: len(one) for name, one in found.items()} == {
        "degree": 1,
        "person": 2,
        "proof": 1,
    }
    assert list(found) == ["degree", "person", "proof"]
    assert all(verified(one).is_valid for each in found.values() for one in each)
    assert dids.asked == [(SUBJECT,)]
    assert [part.credential_id for part in made.parts] == ["2", "0", "1", "3"]


# -- without the holder --------------------------------------------------------------------------


def waiving(name: str) -> Query:
    return Query.from_dict(
        {
            "credentials": [
                {
                    "id": "any",
                    "format": name,
                    "meta": {},
                    "require_cryptographic_holder_binding": False,
                }
            ]
        }
    )


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("jwt_vc_json", vc_jwt(SUBJECT)),
        ("ldp_vc", data_integrity(SUBJECT)),
        ("dc+sd-jwt", sd_jwt(hidden=[])),
    ],
)
def test_credential_is_shown_as_it_is_where_nobody_has_to_sign(name: str, raw: Raw) -> None:
    held = [PlainCredential(id="card", raw=raw)]
    dids = Documents()
    choice = answer_query(waiving(name), held, now=NOW)
    made = present(choice, dids=dids, nonce=None, audience=None)
    assert made.vp_token == {"any": [raw]}
    assert dids.asked == []


def test_object_that_is_shown_as_it_is_is_json() -> None:
    document = data_integrity(SUBJECT)
    held = [PlainCredential(id="card", raw=document)]
    made = present(answer_query(waiving("ldp_vc"), held, now=NOW))
    assert json.loads(made.text) == {"any": [document]}


# -- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize("raw", [sd_jwt(), vc_jwt(SUBJECT)])
@pytest.mark.parametrize("name", ["nonce", "audience"])
@pytest.mark.parametrize("value", [None, "", "a\nb", "x" * 4097])
def test_nothing_is_signed_without_nonce_and_audience(raw: Raw, name: str, value: Any) -> None:
    dids = Documents()
    with pytest.raises(InvalidOption, match=f"a presentation is made for one {name}") as caught:
        present(chosen(raw), dids=dids, **{name: value})
    assert caught.value.facts["option"] == name
    assert dids.asked == []


@pytest.mark.parametrize(
    "raw", [sd_jwt(), vc_jwt(SUBJECT), vc_jwt(None, cnf={"jwk": HOLDER.public.to_jwk()})]
)
def test_key_of_somebody_else_does_not_sign(raw: Raw) -> None:
    with pytest.raises(SignerError, match=r"is bound to .*, and no such key is held") as caught:
        present(chosen(raw), OTHER)
    assert caught.value.facts["credential_id"] == "card"


def test_credential_of_nobody_is_not_presented() -> None:
    with pytest.raises(InvalidCredential, match="names no holder"):
        present(chosen(vc_jwt(None)))


@pytest.mark.parametrize("cnf", [{}, {"jwk": {"kty": "RSA"}}, {"kid": "key"}, {"jwe": "x"}])
@pytest.mark.parametrize("make", [sd_jwt, vc_jwt])
def test_cnf_that_names_no_key_is_refused(make: Any, cnf: Any) -> None:
    with pytest.raises(InvalidCredential):
        present(chosen(make(None, cnf=cnf)))


class Liar:
    """A ``HoldsKeys`` that gives a key that was not asked for."""

    def __init__(self, key: LocalKey) -> None:
        self._key = key

    def find(self, _public: Any) -> LocalKey:
        return self._key


@pytest.mark.parametrize("kind", KINDS)
def test_key_that_is_another_one_does_not_sign(kind: KeyKind) -> None:
    presenter = Presenter(DIDResolver())
    options: dict[str, Any] = {"nonce": NONCE, "audience": SHOP, "now": NOW}
    with pytest.raises(SignerError, match="is another one"):
        presenter.present(chosen(sd_jwt()), keys=Liar(key_of_kind(kind, "x")), **options)


@pytest.mark.parametrize(
    ("members", "error"),
    [
        ({"error": FetchError("cannot be reached")}, FetchError),
        ({"error": NotFoundError("is not there")}, NotFoundError),
        ({"deactivated": True}, DeactivatedError),
    ],
)
def test_document_that_is_missing_is_the_reason(members: Any, error: Any) -> None:
    with pytest.raises(error):
        present(chosen(vc_jwt("did:example:holder")), dids=Documents(holder=members))


@pytest.mark.parametrize(
    "found",
    [
        document(authentication=None),
        document(authentication=()),
        document(authentication=("#nowhere",)),
    ],
)
def test_key_must_be_there_for_authentication(found: Any) -> None:
    with pytest.raises(SignerError, match="no such key is held"):
        present(chosen(vc_jwt("did:example:holder")), dids=Documents(holder=found))


def test_document_that_is_of_no_use_has_no_key() -> None:
    (method,) = DIDResolver().resolve(SUBJECT).require_document().verification_method
    foreign = replace(method, controller="did:example:somebody")
    for found in (
        document(verification_method=(method, method)),
        document(verification_method=(foreign,)),
    ):
        with pytest.raises(SignerError, match="no such key is held"):
            present(chosen(vc_jwt("did:example:holder")), dids=Documents(holder=found))


def test_relative_id_of_a_method_is_made_absolute() -> None:
    (method,) = DIDResolver().resolve(SUBJECT).require_document().verification_method
    relative = replace(method, id="#key")
    dids = Documents(holder=document(verification_method=(relative,), authentication=("#key",)))
    made = present(chosen(vc_jwt("did:example:holder")), dids=dids)
    assert header(made.text)["kid"] == f"{SUBJECT}#key"


# -- what is not told ----------------------------------------------------------------------------


def test_presentation_is_not_in_the_representation() -> None:
    made = present(chosen(sd_jwt(), ("given_name",)))
    assert made.parts[0].presentation not in repr(made)


async def test_awaited_presenter_makes_the_same() -> None:
    presenter = AsyncPresenter(AsyncDIDResolver())
    options: dict[str, Any] = {"keys": KeyRing([HOLDER]), "now": NOW}
    made = await presenter.present(chosen(vc_jwt(SUBJECT)), nonce=NONCE, audience=SHOP, **options)
    assert verified(made.text).is_valid
    with pytest.raises(InvalidOption):
        await presenter.present(chosen(vc_jwt(SUBJECT)), **options)


# -- on a chain ----------------------------------------------------------------------------------


def test_identities_on_chain_issue_present_and_verify(
    triangle: Triangle, alice: LocalAccount, bob: LocalAccount
) -> None:
    issuer, holder = triangle.owner(alice), triangle.owner(bob)
    dids = DIDResolver(ethr=triangle.resolver())
    for raw in (triangle.vc_jwt(issuer, holder.did), triangle.eip712(issuer, holder.did)):
        made = present(chosen(raw), holder.key, dids=dids, now=triangle.now)
        report = triangle.verifier().verify(made.text, POLICY).check()
        assert report.holder == holder.did
        assert header(made.text)["kid"] == f"{holder.did}#controller"
