"""Issuing: what is checked before, what is signed, that nothing is done twice, and what is kept."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.chain.local_signer import LocalSigner
from ethr_did.core.changes import add_key, deactivate, revoked
from ethr_did.core.document import DIDDocument, VerificationMethod
from ethr_did.core.resolution import format_time
from ethr_did.core.status_answer import StatusKind
from ethr_did.core.status_entry import entries_of
from ethr_did.core.status_list import Purpose
from ethr_did.credentials.composing import UNDEFINED_TERMS
from ethr_did.credentials.credential import Credential, CredentialFormat
from ethr_did.credentials.data_model import CONTEXT_2
from ethr_did.credentials.issuer_keys import find_signing_method
from ethr_did.credentials.issuing import CredentialIssuer
from ethr_did.credentials.keys import Algorithm, KeyKind, PublicKey
from ethr_did.credentials.policy import Policy
from ethr_did.credentials.reading import read_credential
from ethr_did.credentials.records import RecordState
from ethr_did.credentials.report import Verdict
from ethr_did.credentials.sd_jwt_vc import read_sd_jwt_vc
from ethr_did.credentials.signing_keys import AccountKey, LocalKey
from ethr_did.credentials.templates import Template, find_template
from ethr_did.did_methods import DIDResolver, ResolvedDID
from ethr_did.errors import (
    DeactivatedError,
    InvalidClaims,
    InvalidConfiguration,
    InvalidCredential,
    InvalidInput,
    InvalidKey,
    InvalidOption,
    InvalidStatusEntry,
    InvalidValidity,
    NodeUnreachable,
    NotAuthorized,
    NotFoundError,
    SignerError,
    StoreError,
)
from ethr_did.status.reading import StatusReader
from ethr_did.status.store import StatusStore
from ethr_did.status.stored import ListForm
from support.credential_office import (
    DID,
    HOLDER,
    NETWORK,
    NOW,
    PERSON,
    PERSONAL,
    Documents,
    a_list,
    a_request,
    an_issuer,
    key_of,
)
from support.triangle import NONCE, SHOP, Chance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from ethr_did.chain.local import LocalAccount
    from ethr_did.credentials.issued import Issued
    from support.triangle import Triangle

JWT, SD, EIP, DI = (
    CredentialFormat.VC_JWT,
    CredentialFormat.SD_JWT,
    CredentialFormat.EIP712,
    CredentialFormat.DATA_INTEGRITY,
)
KEYS = {JWT: KeyKind.SECP256K1, SD: KeyKind.P256, EIP: KeyKind.SECP256K1, DI: KeyKind.ED25519}
every_format = pytest.mark.parametrize("format_", KEYS, ids=lambda one: one.value)
DAY = 86_400


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StatusStore]:
    with StatusStore(f"sqlite:///{tmp_path}/status.db") as opened:
        yield opened


def issuer_for(
    format_: CredentialFormat, store: StatusStore | None = None, **options: Any
) -> CredentialIssuer:
    return an_issuer(store, key=key_of(KEYS[format_]), **options)


def read(made: Issued) -> Credential:
    return read_credential(made.raw)


# -- what is signed ------------------------------------------------------------------------------


@every_format
def test_each_format_says_what_was_asked_for_and_is_signed_with_the_key(
    store: StatusStore, format_: CredentialFormat
) -> None:
    statuses = a_list(store)
    issuer = issuer_for(format_, store, statuses=statuses)
    made = issuer.issue(a_request(format=format_), now=NOW)
    found = read(made)
    assert (found.format, found.issuer, found.digest) == (format_, DID, made.digest)
    assert (found.valid_from, found.valid_until) == (NOW, NOW + 3650 * DAY)
    assert found.subjects == (HOLDER,)
    assert found.proof.method_id == f"{DID}#key-1"
    found.proof.check(key_of(KEYS[format_]).public)
    assert made.entry is not None
    (entry,) = entries_of({"credentialStatus": list(found.status)})
    assert entry == made.entry
    assert made.record is not None
    assert made.record.allocation is not None
    assert made.record.allocation.entry == made.entry


def test_a_vc_names_its_types_and_the_context_of_terms_that_no_other_defines() -> None:
    template = replace(
        find_template("diploma"), schema_id="https://u.example/s", contexts=("https://u.example/c",)
    )
    made = issuer_for(JWT).issue(a_request(format=JWT, template=template), now=NOW)
    claims = read(made).claims
    assert claims["@context"] == [CONTEXT_2, "https://u.example/c", UNDEFINED_TERMS]
    assert claims["type"] == ["VerifiableCredential", "DiplomaCredential"]
    assert claims["credentialSchema"] == {"id": "https://u.example/s", "type": "JsonSchema"}
    assert claims["iat"] == NOW
    # did-jwt, for one, looks at these, and not at issuer and validUntil.
    assert claims["iss"] == claims["issuer"]
    assert format_time(claims["nbf"]) == claims["validFrom"]
    assert format_time(claims["exp"] - 1) == claims["validUntil"]
    assert claims["credentialSubject"]["age_equal_or_over"]["21"] is True
    assert claims["cnf"] == {"jwk": key_of(seed="holder").public.to_jwk()}


def test_an_sd_jwt_shows_what_every_verifier_needs_and_hides_the_rest(store: StatusStore) -> None:
    issuer = an_issuer(store, statuses=a_list(store))
    made = issuer.issue(a_request(subject=f"{HOLDER}#controller", holder_key=None), now=NOW)
    parts = read_sd_jwt_vc(str(made.raw))
    assert set(parts.payload) == {
        *("iss", "iat", "nbf", "exp", "vct", "sub", "cnf", "credentialStatus"),
        *("age_equal_or_over", "_sd", "_sd_alg"),
    }
    assert parts.payload["cnf"] == {"kid": f"{HOLDER}#controller"}
    assert parts.payload["sub"] == HOLDER
    assert set(parts.payload["age_equal_or_over"]) == {"_sd"}
    assert len(parts.payload["age_equal_or_over"]["_sd"]) % 4 == 0
    claims = parts.credential.claims
    assert {name: claims[name] for name in PERSON} == PERSON


def test_an_sd_jwt_has_an_ietf_status_where_its_draft_has_it(store: StatusStore) -> None:
    issuer = an_issuer(store, statuses=a_list(store, form=ListForm.TOKEN))
    made = issuer.issue(a_request(), now=NOW)
    assert made.entry is not None
    assert read(made).claims["status"] == made.entry.to_dict()
    assert "credentialStatus" not in read(made).claims


def test_a_w3c_list_is_named_in_every_format(store: StatusStore) -> None:
    issuer = an_issuer(store, statuses=a_list(store, form=ListForm.BITSTRING))
    made = issuer.issue(a_request(), now=NOW)
    assert read(made).claims["credentialStatus"]["type"] == "BitstringStatusListEntry"


@pytest.mark.parametrize("format_", [JWT, EIP, DI])
def test_a_vc_has_no_place_for_an_ietf_status(
    store: StatusStore, format_: CredentialFormat
) -> None:
    issuer = issuer_for(format_, store, statuses=a_list(store, form=ListForm.TOKEN))
    with pytest.raises(InvalidOption, match="has no place for an IETF status list"):
        issuer.issue(a_request(format=format_), now=NOW)


@every_format
def test_without_a_database_nothing_is_remembered(format_: CredentialFormat) -> None:
    issuer = issuer_for(format_, network=None)
    made = issuer.issue(a_request(format=format_), now=NOW)
    assert (made.record, made.entry, read(made).status) == (None, None, ())
    assert issuer.confirm(made.raw) == 0
    with pytest.raises(InvalidConfiguration, match="without a database"):
        issuer.find("diploma-1")


def test_two_credentials_have_different_salts() -> None:
    issuer = an_issuer()
    made = [issuer.issue(a_request(None), now=NOW) for _ in range(2)]
    one, other = (set(str(found.raw).split("~")[1:-1]) for found in made)
    assert not one & other
    assert [found.reference for found in made] == ["", ""]


# -- holders -------------------------------------------------------------------------------------


@pytest.mark.parametrize("format_", [JWT, EIP, DI])
def test_anybody_may_show_a_bearers_credential(format_: CredentialFormat) -> None:
    request = a_request(format=format_, subject=None, holder_key=None, bearer=True)
    found = read(issuer_for(format_).issue(request, now=NOW))
    assert (found.subjects, found.confirmation) == ((), None)


def test_an_sd_jwt_for_bearers_has_no_key() -> None:
    request = a_request(holder_key=None, bearer=True)
    found = read(an_issuer().issue(request, now=NOW))
    assert (found.subjects, found.confirmation) == ((HOLDER,), None)


@pytest.mark.parametrize(
    ("members", "kind", "message"),
    [
        ({"holder_key": None}, InvalidOption, "bound to one key"),
        ({"holder_key": None, "subject": None}, InvalidOption, "bound to one key"),
        ({"subject": f"{HOLDER}#controller"}, InvalidOption, "bound to one key"),
        ({"bearer": True}, InvalidOption, "bound to no key"),
        ({"bearer": True, "holder_key": None, "subject": f"{HOLDER}#c"}, InvalidOption, "no key"),
        (
            {"format": JWT, "subject": None, "holder_key": None},
            InvalidOption,
            "bound to its holder",
        ),
        ({"format": EIP, "subject": None}, InvalidOption, "bound to its holder"),
        ({"format": DI, "holder_key": key_of().public}, InvalidOption, "bound to its holder"),
        ({"subject": "Erika"}, InvalidCredential, "the subject is not a DID"),
        ({"format": CredentialFormat.VC_JWT_1}, InvalidOption, "are read only"),
        (
            {"holder_key": PublicKey(KeyKind.ACCOUNT, bytes(20))},
            InvalidKey,
            "of an account no key is known",
        ),
    ],
)
def test_holders_and_formats_go_together_or_are_refused(
    members: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        a_request(**members)


def test_a_request_shows_no_claim_and_no_holder() -> None:
    shown = repr(a_request())
    assert not any(one.decode() in shown for one in PERSONAL)


# -- checks before -------------------------------------------------------------------------------


def test_claims_are_checked_before_anything_is_signed_or_kept(store: StatusStore) -> None:
    issuer = an_issuer(store, statuses=a_list(store))
    with pytest.raises(InvalidClaims, match="/degree: name is missing"):
        issuer.issue(a_request(claims={**PERSON, "degree": {"type": "x"}}), now=NOW)
    with pytest.raises(NotFoundError):
        issuer.find("diploma-1")


@pytest.mark.parametrize(
    ("members", "window"),
    [
        ({"valid_days": 1}, (NOW, NOW + DAY)),
        ({"valid_from": NOW + 5, "valid_days": 1}, (NOW + 5, NOW + 5 + DAY)),
        ({"valid_from": NOW - 5, "valid_until": NOW}, (NOW - 5, NOW)),
    ],
)
def test_the_window_is_as_it_was_asked_for(
    members: dict[str, Any], window: tuple[int, int]
) -> None:
    found = read(an_issuer().issue(a_request(**members), now=NOW))
    assert (found.valid_from, found.valid_until) == window


@pytest.mark.parametrize(
    "members",
    [
        {"valid_until": NOW - 1},
        {"valid_from": NOW + 2, "valid_until": NOW + 1},
        {"valid_from": -1, "valid_until": NOW + 1},
        {"valid_until": NOW + 101 * 366 * DAY},
    ],
)
def test_a_window_that_cannot_be_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(InvalidValidity, match="a credential cannot be valid from"):
        an_issuer().issue(a_request(**members), now=NOW)


def test_it_must_be_said_how_long_it_is_valid() -> None:
    template = replace(find_template("diploma"), valid_days=None)
    with pytest.raises(InvalidValidity, match="not said how long"):
        an_issuer().issue(a_request(template=template), now=NOW)


@pytest.mark.parametrize(
    ("format_", "kind"), [(EIP, KeyKind.P256), (EIP, KeyKind.ED25519), (DI, KeyKind.SECP256K1)]
)
def test_a_format_takes_the_keys_of_its_readers(format_: CredentialFormat, kind: KeyKind) -> None:
    with pytest.raises(InvalidOption, match=f"a {kind.value} key does not sign"):
        an_issuer(key=key_of(kind)).issue(a_request(format=format_), now=NOW)


def test_claims_that_are_no_json_are_refused(store: StatusStore) -> None:
    template = Template.read(
        json.dumps(
            {
                "name": "any",
                "title": "Any",
                "types": ["AnyCredential"],
                "vct": "https://any.example",
                "validDays": 1,
                "schema": {"type": "object"},
            }
        ).encode()
    )
    for claims in ({"x": object()}, {"x": float("nan")}):
        with pytest.raises(InvalidInput) as caught:
            an_issuer(store).issue(a_request(template=template, claims=claims), now=NOW)
        assert "object" not in caught.value.message
    with pytest.raises(InvalidCredential, match="the claims are no JSON"):
        _ = a_request(template=template, claims={"x": {1: object()}}).content


# -- keys ----------------------------------------------------------------------------------------


def test_a_key_that_is_not_in_the_document_signs_nothing(store: StatusStore) -> None:
    documents = Documents([key_of(seed="another")])
    with pytest.raises(InvalidKey, match="is not in assertionMethod"):
        an_issuer(store, dids=documents).issue(a_request(), now=NOW)
    with pytest.raises(NotFoundError):
        an_issuer(store).find("diploma-1")


@pytest.mark.parametrize(
    ("resolved", "kind"),
    [
        (ResolvedDID(did=DID, deactivated=True), DeactivatedError),
        (ResolvedDID(did=DID, error=NodeUnreachable("no answer")), NodeUnreachable),
        (ResolvedDID(did=DID, error=NotFoundError("none")), NotFoundError),
    ],
)
def test_an_issuer_whose_document_is_not_there_signs_nothing(
    resolved: ResolvedDID, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        an_issuer(dids=Documents(result=resolved)).issue(a_request(), now=NOW)


def document(
    *methods: tuple[str, LocalKey | PublicKey | str], listed: Sequence[str]
) -> DIDDocument:
    made = []
    for name, key in methods:
        material: dict[str, Any]
        if isinstance(key, str):
            kind, material = "X25519KeyAgreementKey2020", {"publicKeyMultibase": key}
        elif isinstance(key, PublicKey):
            account = f"eip155:31337:{key}"
            kind, material = "EcdsaSecp256k1RecoveryMethod2020", {"blockchainAccountId": account}
        else:
            kind, material = "Multikey", {"publicKeyMultibase": key.public.to_multikey()}
        made.append(VerificationMethod(id=name, type=kind, controller=DID, material=material))
    return DIDDocument(id=DID, verification_method=tuple(made), assertion_method=tuple(listed))


def test_a_key_for_something_else_signs_nothing() -> None:
    found = document(("#a", key_of()), listed=[])
    with pytest.raises(InvalidKey, match="not in assertionMethod"):
        find_signing_method(found, key_of().public)


def test_the_method_with_exactly_the_key_goes_before_the_one_with_its_account() -> None:
    key = key_of(KeyKind.SECP256K1)
    account = PublicKey(KeyKind.ACCOUNT, key.public.address or b"")
    found = document(
        ("#x", "z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc"),
        ("#controller", account),
        (f"{DID}#key", key),
        ("#twin", key),
        listed=["#x", "#controller", "#key", "#twin"],
    )
    assert find_signing_method(found, key.public).id == f"{DID}#key"
    assert find_signing_method(found, key.public).algorithm is Algorithm.ES256K
    assert find_signing_method(found, account).id == f"{DID}#controller"
    assert find_signing_method(found, account).algorithm is Algorithm.ES256K_R
    chosen = find_signing_method(found, key.public, method_id="#twin")
    assert (chosen.id, chosen.issuer) == (f"{DID}#twin", DID)
    with pytest.raises(InvalidKey, match="#other'"):
        find_signing_method(found, key.public, method_id=f"{DID}#other")


class Forger:
    """A signer that uses another key than it says."""

    def __init__(self, says: LocalKey, uses: LocalKey) -> None:
        self.public = says.public
        self._uses = uses

    def sign(self, algorithm: Algorithm, data: bytes) -> bytes:
        return self._uses.sign(algorithm, data)


def test_what_a_signer_signed_with_another_key_is_not_given_out(store: StatusStore) -> None:
    forger = Forger(key_of(), key_of(seed="another"))
    issuer = an_issuer(store, key=forger, dids=Documents([key_of()]))
    with pytest.raises(SignerError, match="does not fit the key"):
        issuer.issue(a_request(), now=NOW)
    assert issuer.find("diploma-1").state is RecordState.PREPARED


# -- lists ---------------------------------------------------------------------------------------


def test_a_list_is_the_issuers_and_of_its_network(store: StatusStore) -> None:
    for other in (
        a_list(store, address=HOLDER.rpartition(":")[2]),
        a_list(store, network=replace(NETWORK, chain_id=1), seed="2"),
    ):
        with pytest.raises(InvalidOption, match="another issuer's, or on another chain"):
            an_issuer(store, statuses=other)
    mine = a_list(store, seed="3")
    with pytest.raises(InvalidOption, match="there is none"):
        an_issuer(None, statuses=mine)
    with pytest.raises(InvalidConfiguration, match="need the network"):
        an_issuer(store, statuses=mine, network=None)
    with pytest.raises(InvalidOption, match="of did:ethr identities"):
        an_issuer(store, statuses=mine, did="did:web:issuer.example")


def test_a_full_list_issues_nothing_unless_another_may_follow(store: StatusStore) -> None:
    small = a_list(store, capacity=1)
    issuer = an_issuer(store, statuses=small)
    issuer.issue(a_request("a"), now=NOW)
    with pytest.raises(StoreError, match="is full"):
        issuer.issue(a_request("b"), now=NOW)
    rolling = an_issuer(store, statuses=small, roll_over=True)
    made = rolling.issue(a_request("b"), now=NOW)
    assert made.record is not None
    assert made.record.allocation is not None
    assert made.record.allocation.list.id != small.id


# -- once ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("format_", [JWT, SD, EIP, DI])
def test_what_was_not_confirmed_is_signed_again_as_it_was(
    store: StatusStore, format_: CredentialFormat
) -> None:
    key = key_of(KeyKind.ED25519 if format_ in (SD, DI) else KeyKind.SECP256K1)
    statuses = a_list(store)
    first, again = (
        an_issuer(store, key=key, statuses=statuses, chance=chance).issue(
            a_request(format=format_), now=now
        )
        for chance, now in (("1", NOW), ("2", NOW + 9 * DAY))
    )
    assert (again.raw, again.digest, again.entry) == (first.raw, first.digest, first.entry)


def test_another_content_is_refused_once_it_was_signed(store: StatusStore) -> None:
    issuer = an_issuer(store)
    issuer.issue(a_request(), now=NOW)
    for members in ({"claims": {**PERSON, "grade": "2.0"}}, {"valid_days": 7}, {"subject": None}):
        with pytest.raises(InvalidOption, match="another credential was signed"):
            issuer.issue(a_request(**members), now=NOW)


def test_what_was_handed_over_is_not_signed_again(store: StatusStore) -> None:
    issuer = an_issuer(store)
    made = issuer.issue(a_request(), now=NOW)
    assert issuer.confirm(made.raw) == 1
    assert issuer.confirm(made.raw) == 0
    assert issuer.find("diploma-1").state is RecordState.ISSUED
    with pytest.raises(InvalidOption, match="was handed over already"):
        issuer.issue(a_request(), now=NOW)


def test_credentials_of_others_are_passed_over_when_they_are_confirmed(store: StatusStore) -> None:
    made = an_issuer().issue(a_request(), now=NOW)
    assert an_issuer(store).confirm(made.raw) == 0
    with pytest.raises(InvalidCredential):
        an_issuer(store).confirm("not a credential")


def test_a_credential_without_a_reference_gets_a_random_one(store: StatusStore) -> None:
    issuer = an_issuer(store)
    made = issuer.issue(a_request(None), now=NOW)
    assert len(made.reference) == 32
    assert issuer.find(made.reference).digest == made.digest


def test_a_did_is_the_same_in_any_case(store: StatusStore) -> None:
    issuer = an_issuer(store, did=DID.lower())
    made = issuer.issue(a_request(), now=NOW)
    issuer.confirm(made.raw)
    assert issuer.find("diploma-1").issuer == DID
    with pytest.raises(InvalidOption, match="handed over already"):
        an_issuer(store).issue(a_request(), now=NOW)


# -- batches -------------------------------------------------------------------------------------


def batch(count: int) -> list[Any]:
    return [a_request(f"card-{number}") for number in range(count)]


def deliver_to(out: list[Issued]) -> Callable[[Sequence[Issued]], object]:
    return out.extend


def test_a_batch_is_issued_in_parts_and_tells_how_far_it_is(store: StatusStore) -> None:
    documents = Documents([key_of()])
    issuer = an_issuer(store, statuses=a_list(store), dids=documents)
    out: list[Issued] = []
    told: list[tuple[int, int]] = []
    report = issuer.issue_many(
        batch(5),
        clock=lambda: NOW,
        deliver=deliver_to(out),
        on_progress=lambda one: told.append((one.done, one.total)),
        at_once=2,
    )
    assert told == [(2, 5), (4, 5), (5, 5)]
    assert (report.issued, report.skipped, len(out)) == (5, 0, 5)
    assert report.references == tuple(one.reference for one in out)
    assert len({one.entry for one in out}) == 5
    assert len(documents.asked) == 3
    assert {issuer.find(one.reference).state for one in out} == {RecordState.ISSUED}


def test_a_batch_done_again_issues_what_is_left(store: StatusStore) -> None:
    issuer = an_issuer(store, statuses=a_list(store))
    first: list[Issued] = []

    def give_up(part: Sequence[Issued]) -> None:
        if first:
            raise RuntimeError
        first.extend(part)

    with pytest.raises(RuntimeError):
        issuer.issue_many(batch(5), clock=lambda: NOW, deliver=give_up, at_once=2)
    second: list[Issued] = []
    report = issuer.issue_many(batch(5), clock=lambda: NOW, deliver=deliver_to(second))
    assert (report.issued, report.skipped) == (3, 2)
    found = [*first, *second]
    assert [one.reference for one in found] == [f"card-{number}" for number in range(5)]
    assert len({one.entry for one in found}) == 5


def test_a_batch_needs_references(store: StatusStore) -> None:
    with pytest.raises(InvalidOption, match="has no reference"):
        an_issuer(store).issue_many([a_request(None)], clock=lambda: NOW, deliver=print)


def test_a_key_that_is_taken_away_meanwhile_ends_a_batch(store: StatusStore) -> None:
    documents = Documents([key_of()])
    issuer = an_issuer(store, dids=documents)
    out: list[Issued] = []

    def deliver(part: Sequence[Issued]) -> None:
        out.extend(part)
        documents.keys = ()

    with pytest.raises(InvalidKey):
        issuer.issue_many(batch(4), clock=lambda: NOW, deliver=deliver, at_once=2)
    assert len(out) == 2


# -- what is kept --------------------------------------------------------------------------------


@every_format
def test_nothing_about_anybody_is_in_the_database(
    tmp_path: Path, format_: CredentialFormat
) -> None:
    with StatusStore(f"sqlite:///{tmp_path}/status.db") as store:
        issuer = issuer_for(format_, store, statuses=a_list(store))
        made = issuer.issue(a_request(format=format_), now=NOW)
        during = everything(tmp_path)
        issuer.confirm(made.raw)
    for left in (during, everything(tmp_path)):
        for personal in (*PERSONAL, bytes.fromhex(HOLDER[-40:])):
            assert personal not in left
            assert personal.lower() not in left.lower()
    assert made.record is not None
    assert made.record.seed is not None
    assert made.record.seed in during
    assert made.record.seed not in everything(tmp_path)


def everything(folder: Path) -> bytes:
    """The bytes of all files there."""
    return b"".join(path.read_bytes() for path in folder.iterdir())


def test_results_show_no_credential(store: StatusStore) -> None:
    made = an_issuer(store).issue(a_request(), now=NOW)
    assert str(made.raw)[:40] not in repr(made)
    assert made.record is not None
    assert repr(made.record.seed) not in repr(made)


# -- on a chain ----------------------------------------------------------------------------------


def real_issuer(
    triangle: Triangle, account: LocalAccount, key: Any, store: StatusStore, **options: Any
) -> CredentialIssuer:
    office = triangle.office
    return CredentialIssuer(
        office.did(account).text,
        key,
        DIDResolver(ethr=triangle.resolver()),
        random=Chance("real"),
        store=store,
        network=office.network,
        chain=office.door,
        **options,
    )


def real_list(triangle: Triangle, account: LocalAccount, store: StatusStore, **options: Any) -> Any:
    return a_list(store, network=triangle.office.network, address=account.address, **options)


@every_format
def test_verifiers_accept_what_is_issued_until_it_is_revoked(
    triangle: Triangle,
    store: StatusStore,
    alice: LocalAccount,
    bob: LocalAccount,
    format_: CredentialFormat,
) -> None:
    party = triangle.with_key(alice, KEYS[format_])
    statuses = real_list(triangle, alice, store)
    issuer = real_issuer(triangle, alice, party.key, store, statuses=statuses)
    holder = triangle.owner(bob)
    made = issuer.issue(
        a_request(format=format_, subject=holder.did, holder_key=None)
        if format_ is not SD
        else a_request(subject=None),
        now=triangle.now,
    )
    issuer.confirm(made.raw)
    policy = Policy(require_status=True)
    assert triangle.verifier().verify(made.raw, policy).verdict is Verdict.VALID
    revoked_ = issuer.revoke("diploma-1", triangle.office.sender(alice), now=triangle.now)
    assert revoked_.report is not None
    assert (revoked_.report.changed, revoked_.to_publish) == (1, False)
    assert triangle.verifier().verify(made.raw, policy).verdict is Verdict.INVALID
    assert issuer.find("diploma-1").state is RecordState.REVOKED
    with pytest.raises(InvalidOption, match="was revoked already"):
        issuer.issue(a_request(format=format_, subject=holder.did), now=triangle.now)


def test_over_eighteen_and_a_degree_are_shown_without_birthdate_and_grade(
    triangle: Triangle, store: StatusStore, alice: LocalAccount
) -> None:
    party = triangle.with_key(alice, KeyKind.P256)
    issuer = real_issuer(
        triangle, alice, party.key, store, statuses=real_list(triangle, alice, store)
    )
    made = issuer.issue(a_request(subject=None), now=triangle.now)
    shown = triangle.shown(
        str(made.raw),
        key_of(seed="holder"),
        ("age_equal_or_over", "18"),
        ("degree", "type"),
        ("degree", "name"),
    )
    policy = Policy(nonce=NONCE, audience=SHOP, required=(("age_equal_or_over", "18"),))
    assert triangle.verifier().verify(shown, policy).verdict is Verdict.VALID
    claims = read_sd_jwt_vc(shown).credential.claims
    assert claims["age_equal_or_over"] == {"18": True}
    assert claims["degree"] == PERSON["degree"]
    assert not {"birthdate", "grade", "family_name"} & set(claims)


def test_an_owner_signs_with_its_account(
    triangle: Triangle, store: StatusStore, alice: LocalAccount
) -> None:
    key = AccountKey(LocalSigner.from_key(alice.key))
    issuer = real_issuer(triangle, alice, key, store)
    for format_ in (JWT, SD, EIP):
        made = issuer.issue(a_request(format_.value, format=format_), now=triangle.now)
        assert read(made).proof.method_id == f"{issuer.did}#controller"
        assert triangle.verifier().verify(made.raw).verdict is Verdict.VALID


def test_a_key_that_was_revoked_or_is_for_something_else_signs_nothing(
    triangle: Triangle, store: StatusStore, alice: LocalAccount, mallory: LocalAccount
) -> None:
    party = triangle.with_key(alice, KeyKind.P256)
    issuer = real_issuer(triangle, alice, party.key, store)
    issuer.issue(a_request("1"), now=triangle.now)
    added = add_key("Multikey", b"\x80\x24" + party.key.public.data)
    triangle.office.change(alice, revoked(added))
    with pytest.raises(InvalidKey, match="not in assertionMethod"):
        issuer.issue(a_request("2"), now=triangle.now)
    triangle.publish_key(alice, party.key.public, purpose="enc")
    with pytest.raises(InvalidKey, match="not in assertionMethod"):
        issuer.issue(a_request("2"), now=triangle.now)
    foreign = real_issuer(triangle, alice, AccountKey(LocalSigner.from_key(mallory.key)), store)
    with pytest.raises(InvalidKey):
        foreign.issue(a_request("2"), now=triangle.now)


def test_who_gave_up_its_identity_issues_revokes_and_anchors_nothing(
    triangle: Triangle, store: StatusStore, alice: LocalAccount
) -> None:
    key = AccountKey(LocalSigner.from_key(alice.key))
    issuer = real_issuer(triangle, alice, key, store, statuses=real_list(triangle, alice, store))
    made = issuer.issue(a_request("1"), now=triangle.now)
    issuer.confirm(made.raw)
    triangle.office.change(alice, deactivate())
    sender = triangle.office.sender(alice)
    with pytest.raises(DeactivatedError):
        issuer.issue(a_request("2"), now=triangle.now)
    with pytest.raises(DeactivatedError):
        issuer.revoke("1", sender, now=triangle.now)
    with pytest.raises(DeactivatedError):
        issuer.anchor(["1"], sender, now=triangle.now)
    assert issuer.find("1").state is RecordState.ISSUED


def test_nobody_else_revokes(
    triangle: Triangle, store: StatusStore, alice: LocalAccount, mallory: LocalAccount
) -> None:
    key = AccountKey(LocalSigner.from_key(alice.key))
    issuer = real_issuer(triangle, alice, key, store, statuses=real_list(triangle, alice, store))
    issuer.issue(a_request(), now=triangle.now)
    with pytest.raises(NotAuthorized):
        issuer.revoke("diploma-1", triangle.office.sender(mallory), now=triangle.now)


# -- afterwards ----------------------------------------------------------------------------------


def test_what_is_kept_off_chain_is_revoked_in_the_database_and_has_to_be_published(
    store: StatusStore,
) -> None:
    statuses = a_list(store, form=ListForm.BITSTRING)
    issuer = an_issuer(store, statuses=statuses)
    made = issuer.issue(a_request(), now=NOW)
    done = issuer.revoke("diploma-1", None, now=NOW + 1)
    assert (done.report, done.to_publish) == (None, True)
    assert made.record is not None
    assert made.record.allocation is not None
    assert store.values_of(statuses) == {made.record.allocation.index: 1}
    assert issuer.find("diploma-1").revoked_at == NOW + 1


def test_what_cannot_be_revoked_says_so(store: StatusStore) -> None:
    plain = an_issuer(store)
    plain.issue(a_request("1"), now=NOW)
    with pytest.raises(InvalidStatusEntry, match="issued without a status"):
        plain.revoke("1", None, now=NOW)
    suspending = an_issuer(store, statuses=a_list(store, purpose=Purpose.SUSPENSION))
    suspending.issue(a_request("2"), now=NOW)
    with pytest.raises(InvalidStatusEntry):
        suspending.revoke("2", None, now=NOW)
    on_chain = an_issuer(store, statuses=a_list(store, seed="2"))
    on_chain.issue(a_request("3"), now=NOW)
    with pytest.raises(InvalidOption, match="somebody has to send"):
        on_chain.revoke("3", None, now=NOW)
    with pytest.raises(NotFoundError):
        on_chain.revoke("4", None, now=NOW)


def test_a_credential_in_the_place_of_another_revokes_it_when_it_was_handed_over(
    store: StatusStore,
) -> None:
    issuer = an_issuer(store, statuses=a_list(store, form=ListForm.BITSTRING))
    issuer.confirm(issuer.issue(a_request(), now=NOW).raw)
    request = a_request(None, holder_key=key_of(seed="new phone").public)
    out: list[Issued] = []
    seen: list[RecordState] = []

    def deliver(one: Issued) -> None:
        out.append(one)
        seen.append(issuer.find("diploma-1").state)

    done = issuer.reissue("diploma-1", request, None, now=NOW, deliver=deliver)
    assert (done.reference, seen) == ("diploma-1.2", [RecordState.ISSUED])
    assert done.issued is out[0]
    assert done.revocation is not None
    old, new = issuer.find("diploma-1"), issuer.find("diploma-1.2")
    assert (old.state, old.replaced_by) == (RecordState.REVOKED, "diploma-1.2")
    assert (new.state, new.replaced_by) == (RecordState.ISSUED, None)
    assert old.allocation != new.allocation


@pytest.mark.parametrize("stop", ["signed", "delivered"])
def test_a_replacement_that_was_interrupted_goes_on(store: StatusStore, stop: str) -> None:
    issuer = an_issuer(
        store, key=key_of(KeyKind.ED25519), statuses=a_list(store, form=ListForm.BITSTRING)
    )
    issuer.confirm(issuer.issue(a_request(), now=NOW).raw)
    request = a_request(None, holder_key=key_of(seed="new phone").public)
    out: list[Issued] = []

    def give_up(one: Issued) -> None:
        out.append(one)
        if stop == "delivered":
            issuer.confirm(one.raw)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        issuer.reissue("diploma-1", request, None, now=NOW, deliver=give_up)
    assert issuer.find("diploma-1").state is RecordState.ISSUED
    done = issuer.reissue("diploma-1", request, None, now=NOW + 5, deliver=out.append)
    assert issuer.find("diploma-1").state is RecordState.REVOKED
    assert done.reference == "diploma-1.2"
    assert len({str(one.raw) for one in out}) == 1
    assert (done.issued is None) is (stop == "delivered")
    again = issuer.reissue("diploma-1", request, None, now=NOW + 6, deliver=out.append)
    assert (again.issued, again.revocation) == (None, None)
    with pytest.raises(InvalidOption, match="was replaced by"):
        issuer.reissue(
            "diploma-1", replace(request, reference="x"), None, now=NOW, deliver=out.append
        )


def test_what_has_no_status_can_be_replaced_but_not_revoked(store: StatusStore) -> None:
    issuer = an_issuer(store)
    issuer.confirm(issuer.issue(a_request(), now=NOW).raw)
    request = a_request("next")
    done = issuer.reissue("diploma-1", request, None, now=NOW, deliver=lambda _: None)
    assert (done.reference, done.revocation) == ("next", None)


# -- anchors -------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 3])
def test_an_anchor_proves_what_was_issued_before_a_key_was_removed(
    triangle: Triangle, store: StatusStore, alice: LocalAccount, count: int
) -> None:
    office = triangle.office
    party = triangle.with_key(alice, KeyKind.P256)
    issuer = real_issuer(triangle, alice, party.key, store)
    out: list[Issued] = []
    requests = [a_request(f"card-{number}", subject=None) for number in range(count)]
    issuer.issue_many(requests, clock=lambda: triangle.now, deliver=out.extend)
    sender = office.sender(alice)
    proofs = issuer.anchor([one.reference for one in out], sender, now=triangle.now)
    block = office.chain.head.number
    assert len(proofs) == count
    assert issuer.anchor([one.reference for one in out], sender, now=triangle.now) == proofs
    assert office.chain.head.number == block
    assert issuer.find("card-0").to_dict()["existenceProof"] == proofs["card-0"].to_dict()
    office.change(alice, revoked(add_key("Multikey", b"\x80\x24" + party.key.public.data)))
    verifier = triangle.verifier()
    for one in out:
        assert verifier.verify(one.raw).verdict is Verdict.INVALID
        with_proof = verifier.verify(one.raw, proofs=[proofs[one.reference]])
        assert with_proof.verdict is Verdict.VALID


def test_an_anchor_that_was_interrupted_is_the_same_when_it_is_done_again(
    triangle: Triangle, store: StatusStore, alice: LocalAccount, mallory: LocalAccount
) -> None:
    key = AccountKey(LocalSigner.from_key(alice.key))
    issuer = real_issuer(triangle, alice, key, store)
    issuer.confirm(issuer.issue(a_request("a"), now=triangle.now).raw)
    with pytest.raises(NotAuthorized):
        issuer.anchor(["a"], triangle.office.sender(mallory), now=triangle.now)
    kept = issuer.find("a").proof
    assert kept is not None
    issuer.confirm(issuer.issue(a_request("b"), now=triangle.now).raw)
    proofs = issuer.anchor(["a", "b"], triangle.office.sender(alice), now=triangle.now)
    assert proofs["a"] == kept
    assert proofs["b"].place is None


def test_only_what_was_handed_over_is_anchored(
    triangle: Triangle, store: StatusStore, alice: LocalAccount
) -> None:
    issuer = real_issuer(triangle, alice, AccountKey(LocalSigner.from_key(alice.key)), store)
    issuer.issue(a_request("a"), now=triangle.now)
    sender = triangle.office.sender(alice)
    with pytest.raises(InvalidOption, match="was not handed over yet"):
        issuer.anchor(["a"], sender, now=triangle.now)
    with pytest.raises(NotFoundError, match="has no credential 'b'"):
        issuer.anchor(["b"], sender, now=triangle.now)


def test_statuses_are_read_from_where_the_credential_says(
    triangle: Triangle, store: StatusStore, alice: LocalAccount
) -> None:
    key = AccountKey(LocalSigner.from_key(alice.key))
    statuses = real_list(triangle, alice, store, purpose=Purpose.LIFECYCLE)
    issuer = real_issuer(triangle, alice, key, store, statuses=statuses)
    made = issuer.issue(a_request(), now=triangle.now)
    reader = StatusReader([triangle.office.network], retries=0)
    (status,) = reader.read_credential(read(made).claims)
    assert status.kind is StatusKind.VALID
