"""Statuses in lists that no chain vouches for: read, kept, and those who cheat."""

from __future__ import annotations

import asyncio
import gzip
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.chain.networks import Networks
from ethr_did.core.base64url import decode_base64url, encode_base64url
from ethr_did.core.changes import revoked
from ethr_did.core.keys import Address
from ethr_did.core.list_documents import ACCEPT, DocumentForm
from ethr_did.core.resolution import format_time
from ethr_did.core.status_answer import Finality, Status, StatusKind
from ethr_did.core.status_entry import BitstringEntry, ContractId, ListEntry, StatusMessage
from ethr_did.core.status_list import Purpose
from ethr_did.credentials.eip712 import sign_eip712
from ethr_did.credentials.jose import sign_token
from ethr_did.credentials.keys import ALGORITHMS, Algorithm, KeyKind
from ethr_did.credentials.list_credentials import MAX_LIST_TOKEN, read_signed_list
from ethr_did.credentials.list_signing import Envelope
from ethr_did.credentials.policy import Policy
from ethr_did.credentials.questions import Fetch, Outside, Question, Resolve
from ethr_did.credentials.report import CheckName, Outcome, Report
from ethr_did.credentials.signed_lists import (
    MAX_AGE,
    SignedEntry,
    SignedLists,
    unanchored_entry,
)
from ethr_did.credentials.verification import Verifier
from ethr_did.did_methods import DIDResolver
from ethr_did.did_methods.resolved import ResolvedDID
from ethr_did.errors import ChainError, FetchError, InvalidStatusList, NodeUnreachable
from ethr_did.fetching import Fetched
from support.did_web import AsyncWeb
from support.issuing import FINAL
from support.signed_lists import (
    DAY,
    IETF,
    NOW,
    URL,
    W3C,
    Reading,
    credential,
    ietf_entry,
    key_party,
    signed,
    spoiled,
    unsigned,
    w3c_entry,
    web_party,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from ethr_did.chain.local import LocalAccount
    from ethr_did.core.list_documents import Unsigned
    from support.triangle import Party, Triangle

ENTRIES = {W3C: w3c_entry, IETF: ietf_entry}
every_form = pytest.mark.parametrize("form", DocumentForm)


@pytest.fixture
def reading() -> Reading:
    """Verifiers, and a web of which nothing is served yet."""
    return Reading()


@pytest.fixture
def issuer() -> Party:
    """Somebody without a chain."""
    return key_party(KeyKind.ED25519)


def why(status: Status) -> str:
    """Why a status is not known."""
    assert (status.kind, status.value) == (StatusKind.UNDETERMINED, None), status
    assert status.reason is not None
    return status.reason.message


def status_check(report: Report) -> tuple[Outcome, str]:
    """What the report says about the status."""
    (check,) = (one for one in report.all_checks if one.name is CheckName.STATUS)
    return check.outcome, check.message


# -- lists that are good -------------------------------------------------------------------------


@every_form
@pytest.mark.parametrize("kind", [KeyKind.SECP256K1, KeyKind.P256, KeyKind.ED25519])
def test_a_signed_list_says_valid_and_revoked(
    reading: Reading, kind: KeyKind, form: DocumentForm
) -> None:
    issuer = key_party(kind)
    reading.web.serve(URL, signed(issuer, unsigned(issuer.did, form, {9: 1})))
    good, bad = (credential(issuer, ENTRIES[form](index)) for index in (7, 9))
    assert reading.status(good) == Status(kind=StatusKind.VALID, value=0)
    assert reading.status(bad) == Status(kind=StatusKind.REVOKED, value=1)
    assert reading.web.accepted == [ACCEPT[form]] * 2
    assert reading.web.most == [MAX_LIST_TOKEN] * 2
    assert status_check(reading.verify(good))[0] is Outcome.PASSED
    assert status_check(reading.verify(bad)) == (Outcome.FAILED, "revoked")
    assert reading.verify(good).is_valid


def test_the_report_says_whose_word_it_is(reading: Reading, issuer: Party) -> None:
    reading.web.serve(URL, signed(issuer, unsigned(issuer.did)))
    report = reading.verify(credential(issuer, w3c_entry()))
    assert status_check(report) == (Outcome.PASSED, "valid, by a list that its issuer signed")
    (status,) = report.credentials[0].statuses
    assert (status.read_at, status.finality) == (None, Finality.UNKNOWN)


@pytest.mark.parametrize(
    ("value", "kind"),
    list(enumerate([StatusKind.VALID, StatusKind.REVOKED, StatusKind.SUSPENDED, StatusKind.OTHER])),
)
def test_an_ietf_list_says_how_wide_it_is(
    reading: Reading, issuer: Party, value: int, kind: StatusKind
) -> None:
    reading.web.serve(URL, signed(issuer, unsigned(issuer.did, IETF, {7: value}, bits=2)))
    assert reading.status(credential(issuer, ietf_entry())).kind is kind


def test_the_entry_says_how_wide_a_w3c_list_is(reading: Reading, issuer: Party) -> None:
    listed = unsigned(issuer.did, W3C, {7: 2}, bits=2, purpose=Purpose.MESSAGE)
    subject = {k: v for k, v in listed.claims["credentialSubject"].items() if k != "statusSize"}
    reading.web.serve(URL, signed(issuer, spoiled(listed, credentialSubject=subject)))
    words = tuple(StatusMessage(value=i, message=f"message {i}") for i in range(4))
    wide: dict[str, Any] = {"bits": 2, "purpose": Purpose.MESSAGE, "messages": words}
    found = reading.status(credential(issuer, w3c_entry(**wide)))
    assert (found.kind, found.value, found.message) == (StatusKind.OTHER, 2, "message 2")
    narrow = w3c_entry(index=14, purpose=Purpose.MESSAGE)
    assert reading.status(credential(issuer, narrow)).value == 1
    too_wide = w3c_entry(bits=4, purpose=Purpose.MESSAGE)
    assert "has 65536 entries" in why(reading.status(credential(issuer, too_wide)))


@pytest.mark.parametrize("purposes", ["suspension", ["revocation", "suspension"]])
def test_a_list_may_be_for_several_purposes(
    reading: Reading, issuer: Party, purposes: object
) -> None:
    listed = unsigned(issuer.did, W3C, {7: 1})
    subject = {**listed.claims["credentialSubject"], "statusPurpose": purposes}
    reading.web.serve(URL, signed(issuer, spoiled(listed, credentialSubject=subject)))
    entry = w3c_entry(purpose=Purpose.SUSPENSION)
    assert reading.status(credential(issuer, entry)).kind is StatusKind.SUSPENDED


def test_a_list_with_a_proof_inside_does_as_well(reading: Reading, issuer: Party) -> None:
    reading.web.serve(URL, signed(issuer, unsigned(issuer.did, W3C, {7: 1}), Envelope.PROOF))
    assert reading.status(credential(issuer, w3c_entry())).kind is StatusKind.REVOKED


@every_form
def test_issuers_on_the_web_have_lists_too(reading: Reading, form: DocumentForm) -> None:
    issuer = web_party(reading.web)
    reading.web.serve(URL, signed(issuer, unsigned(issuer.did, form)) + b"\n")
    assert reading.status(credential(issuer, ENTRIES[form]())).is_valid
    # The document of the issuer was resolved for the credential; the list needs no second look.
    assert reading.web.asked == ["https://university.example/.well-known/did.json", URL]


def test_an_ietf_list_without_an_issuer_is_that_of_its_key(reading: Reading, issuer: Party) -> None:
    listed = spoiled(unsigned(issuer.did, IETF), iss=None)
    header = {"alg": "EdDSA", "typ": "statuslist+jwt"}
    whole = sign_token({**header, "kid": issuer.method_id}, listed.claims, issuer.key)
    reading.web.serve(URL, whole.encode())
    assert reading.status(credential(issuer, ietf_entry())).is_valid
    kid = "#" + issuer.method_id.partition("#")[2]
    reading.web.serve(URL, sign_token({**header, "kid": kid}, listed.claims, issuer.key).encode())
    assert "issuer is not a DID" in why(reading.status(credential(issuer, ietf_entry())))


# -- on a chain ----------------------------------------------------------------------------------


@every_form
def test_an_issuer_on_the_chain_signs_with_the_owner_s_key(
    triangle: Triangle, alice: LocalAccount, form: DocumentForm
) -> None:
    owner, reading = triangle.owner(alice), Reading(now=triangle.now)
    times = {"valid_from": triangle.now, "valid_until": triangle.now + DAY}
    reading.web.serve(URL, signed(owner, unsigned(owner.did, form, {7: 1}, **times)))
    verifier = triangle.verifier(fetcher=reading.web)
    report = verifier.verify(credential(owner, ENTRIES[form]()))
    assert status_check(report) == (Outcome.FAILED, "revoked")


def test_a_list_with_an_ethereum_proof_is_read(triangle: Triangle, alice: LocalAccount) -> None:
    owner, reading = triangle.owner(alice), Reading()
    listed = unsigned(owner.did, valid_from=triangle.now, valid_until=triangle.now + DAY)
    proven = sign_eip712(
        listed.claims,
        owner.key,  # type: ignore[arg-type]  # of an account
        method_id=owner.method_id,
        now=triangle.now,
    )
    reading.web.serve(URL, proven)
    report = triangle.verifier(fetcher=reading.web).verify(credential(owner, w3c_entry()))
    assert status_check(report)[0] is Outcome.PASSED


def test_the_list_may_spell_the_issuer_otherwise(triangle: Triangle, alice: LocalAccount) -> None:
    owner, reading = triangle.owner(alice), Reading()
    spelled = f"did:ethr:{hex(triangle.office.network.chain_id)}:{alice.address.lower()}"
    other = replace(owner, did=spelled, method_id=f"{spelled}#controller")
    listed = unsigned(spelled, IETF, valid_from=triangle.now, valid_until=triangle.now + DAY)
    reading.web.serve(URL, signed(other, listed))
    report = triangle.verifier(fetcher=reading.web).verify(credential(owner, ietf_entry()))
    assert status_check(report)[0] is Outcome.PASSED


def test_a_key_that_was_removed_signs_no_lists(triangle: Triangle, alice: LocalAccount) -> None:
    from ethr_did.core.changes import add_key

    owner, reading = triangle.owner(alice), Reading()
    party = triangle.with_key(alice, KeyKind.ED25519)
    listed = unsigned(owner.did, valid_from=triangle.now, valid_until=triangle.now + DAY)
    reading.web.serve(URL, signed(party, listed))
    verifier = triangle.verifier(fetcher=reading.web)
    raw = credential(owner, w3c_entry())
    assert status_check(verifier.verify(raw))[0] is Outcome.PASSED
    published = add_key("Multikey", b"\xed\x01" + party.key.public.data)
    triangle.office.change(alice, revoked(published))
    # The list is still kept; its key is looked for each time.
    outcome, words = status_check(verifier.verify(raw))
    assert (outcome, "has no" in words) == (Outcome.UNDETERMINED, True)


def test_each_entry_is_asked_about_where_it_is(triangle: Triangle, alice: LocalAccount) -> None:
    owner, reading, office = triangle.owner(alice), Reading(), triangle.office
    registry = ContractId(office.network.chain_id, office.issuer(alice).reader.address)
    on_chain = ListEntry(registry=registry, list_id=FINAL, index=3).to_dict()
    listed = unsigned(owner.did, W3C, {8: 1}, valid_from=triangle.now, valid_until=None)
    reading.web.serve(URL, signed(owner, listed))
    entries = [w3c_entry(8), on_chain, {"type": "Unknown"}, w3c_entry(9)]
    report = triangle.verifier(fetcher=reading.web).verify(credential(owner, *entries))
    kinds = [status.kind.value for status in report.credentials[0].statuses]
    assert kinds == ["revoked", "valid", "undetermined", "valid"]
    assert report.credentials[0].statuses[1].read_at is not None


def test_a_list_that_is_anchored_is_no_matter_of_its_signature() -> None:
    from ethr_did.core.status_entry import Anchor
    from ethr_did.core.status_list import Flag
    from support.status_stage import list_id

    anchor = Anchor(
        registry=ContractId(1, Address(bytes(20))),
        list_id=list_id(flags=Flag.ANCHORED),
    )
    assert unanchored_entry(w3c_entry(anchor=anchor)) is None
    assert unanchored_entry({"type": "BitstringStatusListEntry"}) is None
    assert isinstance(unanchored_entry(w3c_entry()), BitstringEntry)


# -- when lists are fetched ----------------------------------------------------------------------


def test_many_credentials_fetch_a_list_once(reading: Reading, issuer: Party) -> None:
    reading.web.serve(URL, signed(issuer, unsigned(issuer.did, W3C, {9: 1})))
    raws = [credential(issuer, w3c_entry(index), w3c_entry(index + 1)) for index in range(5, 10)]
    verifier = reading.verifier()
    reports = verifier.verify_many(raws)
    assert [report.is_valid for report in reports] == [True, True, True, False, False]
    assert reading.web.asked == [URL]
    verifier.verify(raws[0])
    assert reading.web.asked == [URL]
    reading.verifier().verify(raws[0])
    assert reading.web.asked == [URL, URL]


def test_lists_are_fetched_a_few_at_a_time(reading: Reading, issuer: Party) -> None:
    urls = [f"https://lists.example/{number}" for number in range(19)]
    for url in urls:
        reading.web.serve(url, signed(issuer, unsigned(issuer.did, url=url)))
    web = AsyncWeb(reading.web)
    raw = credential(issuer, *(w3c_entry(url=url) for url in urls))
    assert asyncio.run(reading.async_verifier(web).verify(raw)).is_valid
    assert web.most_at_once == 8
    assert reading.web.asked == urls
    assert reading.verify(raw).is_valid


def test_of_one_address_both_kinds_of_list_may_be_served(reading: Reading, issuer: Party) -> None:
    reading.web.serve(URL, signed(issuer, unsigned(issuer.did, IETF)))
    raws = [credential(issuer, entry) for entry in (w3c_entry(), ietf_entry())]
    w3c, ietf = (
        report.credentials[0].statuses[0] for report in reading.verifier().verify_many(raws)
    )
    assert ("typ of the token" in why(w3c), ietf.is_valid) == (True, True)
    assert reading.web.accepted == [ACCEPT[W3C], ACCEPT[IETF]]


@pytest.mark.parametrize(
    ("ttl", "max_age", "kept"),
    [(600, 5, 600), (None, 400, 400), (None, None, 300), (1, None, 60), (30 * DAY, None, DAY)],
)
def test_a_list_is_kept_for_its_time(
    reading: Reading, issuer: Party, ttl: int | None, max_age: int | None, kept: int
) -> None:
    listed = unsigned(issuer.did, ttl=ttl, valid_until=NOW + 40 * DAY)
    reading.web.serve(URL, signed(issuer, listed), max_age=max_age)
    verifier, raw = reading.verifier(), credential(issuer, w3c_entry())
    for now, fetched in [(0, 1), (kept, 1), (kept + 1, 2)]:
        reading.now = NOW + now
        assert reading.status(raw, verifier=verifier).is_valid
        assert len(reading.web.asked) == fetched


def test_a_list_is_not_kept_beyond_its_end(reading: Reading, issuer: Party) -> None:
    reading.web.serve(URL, signed(issuer, unsigned(issuer.did, valid_until=NOW + 100)))
    verifier, raw = reading.verifier(), credential(issuer, w3c_entry())
    assert reading.status(raw, verifier=verifier).is_valid
    reading.web.serve(URL, signed(issuer, unsigned(issuer.did, W3C, {7: 1})))
    reading.now = NOW + 101
    assert reading.status(raw, verifier=verifier).kind is StatusKind.REVOKED


def test_when_a_kept_list_cannot_be_fetched_again_it_says_nothing(
    reading: Reading, issuer: Party
) -> None:
    reading.web.serve(URL, signed(issuer, unsigned(issuer.did)))
    verifier, raw = reading.verifier(), credential(issuer, w3c_entry())
    assert reading.status(raw, verifier=verifier).is_valid
    reading.web.fail(URL, status=500)
    assert reading.status(raw, verifier=verifier).is_valid
    reading.now += 901
    found = reading.status(raw, verifier=verifier)
    assert isinstance(found.reason, FetchError)
    assert "answered 500" in why(found)


def test_a_list_is_fetched_again_when_its_key_has_changed(reading: Reading) -> None:
    old = web_party(reading.web)
    reading.web.serve(URL, signed(old, unsigned(old.did)))
    verifier = reading.verifier()
    assert reading.status(credential(old, w3c_entry()), verifier=verifier).is_valid
    new = web_party(reading.web, seed="new")
    assert new.method_id == old.method_id
    raw = credential(new, w3c_entry())
    assert "not that of the key" in why(reading.status(raw, verifier=verifier))
    reading.web.serve(URL, signed(new, unsigned(new.did, W3C, {7: 1})))
    assert reading.status(raw, verifier=verifier).kind is StatusKind.REVOKED


def test_nobody_keeps_a_list_for_somebody_else(reading: Reading, issuer: Party) -> None:
    reading.web.serve(URL, signed(issuer, unsigned(issuer.did)))
    verifier, other = reading.verifier(), key_party(KeyKind.P256)
    assert reading.status(credential(issuer, w3c_entry()), verifier=verifier).is_valid
    found = reading.status(credential(other, w3c_entry()), verifier=verifier)
    assert "not by the issuer of the credential" in why(found)


def test_two_issuers_refer_to_one_list_and_one_of_them_has_signed_it(
    reading: Reading, issuer: Party
) -> None:
    reading.web.serve(URL, signed(issuer, unsigned(issuer.did)))
    raws = [credential(one, w3c_entry()) for one in (key_party(KeyKind.P256), issuer)]
    other, ours = (
        report.credentials[0].statuses[0] for report in reading.verifier().verify_many(raws)
    )
    assert ("not by whom it should be" in why(other), ours.is_valid) == (True, True)


# -- how old a list may be -----------------------------------------------------------------------


@every_form
def test_a_list_that_names_no_end_is_good_for_a_week(
    reading: Reading, issuer: Party, form: DocumentForm
) -> None:
    listed = unsigned(issuer.did, form, valid_from=NOW, valid_until=None)
    reading.web.serve(URL, signed(issuer, listed))
    raw = credential(issuer, ENTRIES[form]())
    reading.now = NOW + MAX_AGE
    assert reading.status(raw).is_valid
    reading.now = NOW + MAX_AGE + 1
    assert "was valid until" in why(reading.status(raw))
    patient = reading.verifier(lists=SignedLists(max_age=MAX_AGE + 1))
    assert reading.status(raw, verifier=patient).is_valid


def test_a_list_without_any_time_could_be_of_any_time(reading: Reading, issuer: Party) -> None:
    listed = spoiled(unsigned(issuer.did, valid_until=None), validFrom=None)
    reading.web.serve(URL, signed(issuer, listed))
    found = why(reading.status(credential(issuer, w3c_entry())))
    assert "neither since when nor until when" in found


@every_form
def test_a_list_that_has_expired_says_nothing(
    reading: Reading, issuer: Party, form: DocumentForm
) -> None:
    listed = unsigned(issuer.did, form, {7: 1}, valid_until=NOW - 1)
    reading.web.serve(URL, signed(issuer, listed))
    found = reading.status(credential(issuer, ENTRIES[form]()))
    assert f"valid until {NOW - 1}" in why(found)


@every_form
def test_a_list_of_tomorrow_says_nothing_yet(
    reading: Reading, issuer: Party, form: DocumentForm
) -> None:
    reading.web.serve(URL, signed(issuer, unsigned(issuer.did, form, valid_from=NOW + 61)))
    raw = credential(issuer, ENTRIES[form]())
    assert "not valid before" in why(reading.status(raw))
    assert reading.status(raw, Policy(leeway=61)).is_valid


@pytest.mark.parametrize(
    ("claims", "words"),
    [({"exp": NOW}, "was valid until"), ({"nbf": NOW + 100}, "not valid before")],
)
@every_form
def test_claims_of_the_token_narrow_its_time(
    reading: Reading, issuer: Party, form: DocumentForm, claims: dict[str, int], words: str
) -> None:
    listed = spoiled(unsigned(issuer.did, form), **claims)
    reading.web.serve(URL, signed(issuer, listed))
    assert words in why(reading.status(credential(issuer, ENTRIES[form]())))


def test_the_start_of_an_ietf_list_is_the_later_one(issuer: Party) -> None:
    listed = unsigned(issuer.did, IETF)
    for nbf, start in [(NOW - 100, NOW - 60), (NOW, NOW)]:
        found = read_signed_list(signed(issuer, spoiled(listed, nbf=nbf)), IETF)
        assert found.document.valid_from == start


# -- those who cheat -----------------------------------------------------------------------------


def a_token(
    party: Party, document: Unsigned, header: Mapping[str, Any] | None = None, **claims: Any
) -> bytes:
    """A token that says whatever one likes, with a good signature; None leaves a member out."""
    typ = "vc+jwt" if document.form is W3C else "statuslist+jwt"
    found = {"alg": party.algorithm.value, "typ": typ, "kid": party.method_id, **(header or {})}
    kept = {name: value for name, value in found.items() if value is not None}
    return sign_token(kept, spoiled(document, **claims).claims, party.key).encode()


def with_header(content: bytes, **members: Any) -> bytes:
    """A token with another header; its signature stays."""
    header, rest = content.decode().split(".", 1)
    found = {**json.loads(decode_base64url(header)), **members}
    return f"{encode_base64url(json.dumps(found).encode())}.{rest}".encode()


MALLORY = key_party(KeyKind.ED25519, "mallory")


def _subject(document: Unsigned, **members: Any) -> dict[str, Any]:
    return {**document.claims["credentialSubject"], **members}


ON_BOTH: dict[str, tuple[Any, str]] = {
    "a list of somebody else": (
        lambda _, doc: signed(MALLORY, unsigned(MALLORY.did, doc.form)),
        "not by the issuer of the credential",
    ),
    "signed with the key of somebody else": (
        lambda issuer, doc: signed(replace(issuer, key=MALLORY.key), doc),
        "not that of the key",
    ),
    "a key of another DID": (
        lambda _, doc: a_token(MALLORY, doc),
        "is not a key of",
    ),
    "a key that is not there": (
        lambda issuer, doc: a_token(issuer, doc, {"kid": f"{issuer.did}#other"}),
        "has no",
    ),
    "no key is named": (
        lambda issuer, doc: a_token(issuer, doc, {"kid": None}),
        "names no verification method",
    ),
    "alg none": (
        lambda issuer, doc: with_header(signed(issuer, doc), alg="none").rpartition(b".")[0] + b".",
        "alg 'none' is not accepted",
    ),
    "another algorithm": (
        lambda issuer, doc: with_header(signed(issuer, doc), alg="ES256"),
        "does not go with",
    ),
    "crit": (
        lambda issuer, doc: with_header(signed(issuer, doc), crit=["exp"]),
        "crit is not understood",
    ),
    "a key in the header": (
        lambda issuer, doc: a_token(issuer, doc, {"jwk": MALLORY.key.public.to_jwk()}),
        "jwk",
    ),
    "a token of another type": (
        lambda issuer, doc: a_token(issuer, doc, {"typ": "JWT"}),
        "typ of the token is 'jwt'",
    ),
    "no signature": (lambda _, doc: doc.payload, "cannot be believed"),
    "no list": (lambda *_: b"<html>", "not a token"),
    "not ASCII": (lambda issuer, doc: signed(issuer, doc) + "é".encode(), "base64url"),
    "not JSON": (lambda *_: b"{", "cannot be believed"),
    "a list of another address": (
        lambda issuer, doc: signed(issuer, unsigned(issuer.did, doc.form, url=URL + "2")),
        "the list is that of",
    ),
    "a list with a status of its own": (
        lambda issuer, doc: a_token(issuer, doc, status={"status_list": {}}),
        "a status of its own",
    ),
}
ON_W3C: dict[str, tuple[Any, str]] = {
    "a list for another purpose": (
        lambda issuer, doc: signed(issuer, unsigned(doc_issuer(doc), purpose=Purpose.SUSPENSION)),
        "is for suspension, not for revocation",
    ),
    "a list that does not say where it is": (
        lambda issuer, doc: a_token(issuer, doc, id=None),
        "does not say where it is served",
    ),
    "a list with few entries": (
        lambda issuer, doc: signed(
            issuer,
            spoiled(doc, credentialSubject=_subject(doc, encodedList=packed(bytes(1000)))),
        ),
        "has 8000 entries, and must have at least 131072",
    ),
    "a list of other width": (
        lambda issuer, doc: signed(
            issuer,
            spoiled(
                doc,
                credentialSubject=_subject(doc, statusSize=2, encodedList=packed(bytes(32_768))),
            ),
        ),
        "2 bits for each entry, not 1",
    ),
    "a list that grows": (
        lambda issuer, doc: signed(
            issuer,
            spoiled(doc, credentialSubject=_subject(doc, encodedList=packed(bytes(17 << 20)))),
        ),
        "more",
    ),
    "an SD-JWT in its place": (lambda issuer, doc: signed(issuer, doc) + b"~", "base64url"),
    "a credential that is no list": (
        lambda issuer, doc: a_token(issuer, doc, type=["VerifiableCredential"]),
        "does not name BitstringStatusListCredential",
    ),
    "a list of the older model": (
        lambda issuer, doc: a_token(
            issuer,
            doc,
            {"typ": "JWT"},
            iss=issuer.did,
            vc={
                "@context": ["https://www.w3.org/2018/credentials/v1"],
                "type": ["VerifiableCredential"],
                "issuanceDate": format_time(NOW),
                "credentialSubject": {"x": 1},
            },
        ),
        "Data Model 1.1",
    ),
    "a proof that was changed": (
        lambda issuer, doc: signed(issuer, doc, Envelope.PROOF).replace(b'"ttl":900', b'"ttl":901'),
        "was not made with the key",
    ),
}


def packed(data: bytes) -> str:
    """The encoded list of a W3C credential."""
    return "u" + encode_base64url(gzip.compress(data, mtime=0))


def doc_issuer(document: Unsigned) -> str:
    found: str = document.claims["issuer"]
    return found


@every_form
@pytest.mark.parametrize("name", ON_BOTH)
def test_a_list_that_is_not_what_it_should_be_says_nothing(
    reading: Reading, issuer: Party, form: DocumentForm, name: str
) -> None:
    make, words = ON_BOTH[name]
    reading.web.serve(URL, make(issuer, unsigned(issuer.did, form)))
    found = reading.status(credential(issuer, ENTRIES[form]()))
    assert words in why(found)
    assert isinstance(found.reason, InvalidStatusList)


@pytest.mark.parametrize("name", ON_W3C)
def test_a_w3c_list_that_is_not_what_it_should_be_says_nothing(
    reading: Reading, issuer: Party, name: str
) -> None:
    make, words = ON_W3C[name]
    reading.web.serve(URL, make(issuer, unsigned(issuer.did)))
    assert words in why(reading.status(credential(issuer, w3c_entry())))


@pytest.mark.parametrize("envelope", Envelope)
def test_a_key_for_authentication_signs_no_lists(reading: Reading, envelope: Envelope) -> None:
    issuer = web_party(reading.web, purposes=("authentication",))
    listed = signed(issuer, unsigned(issuer.did), envelope)
    entry = unanchored_entry(w3c_entry())
    assert entry is not None
    (document,) = DIDResolver(fetcher=reading.web).resolve_many([issuer.did])
    asked = SignedEntry(entry=entry, issuer=issuer.did)
    steps = SignedLists().read(
        [asked], Policy(), networks=Networks(), documents={issuer.did: document}, now=NOW
    )
    (status,) = drive(steps, Fetched(url=URL, content=listed))
    assert "not for assertionMethod" in why(status)


@every_form
def test_an_index_behind_the_end_is_no_status(
    reading: Reading, issuer: Party, form: DocumentForm
) -> None:
    reading.web.serve(URL, signed(issuer, unsigned(issuer.did, form)))
    raw = credential(issuer, ENTRIES[form](131_072))
    assert "131072" in why(reading.status(raw))


def test_a_list_may_hold_no_more_than_the_verifier_allows(reading: Reading, issuer: Party) -> None:
    reading.web.serve(URL, signed(issuer, unsigned(issuer.did, IETF)))
    small = reading.verifier(lists=SignedLists(most_bytes=1000))
    raw = credential(issuer, ietf_entry())
    assert "1000" in why(reading.status(raw, verifier=small))


def test_only_algorithms_that_are_accepted_sign_lists(reading: Reading, issuer: Party) -> None:
    reading.web.serve(URL, signed(issuer, unsigned(issuer.did)))
    entry = unanchored_entry(w3c_entry())
    assert entry is not None
    found = DIDResolver().resolve_many([issuer.did])
    steps = SignedLists().read(
        [SignedEntry(entry=entry, issuer=issuer.did)],
        Policy(algorithms=ALGORITHMS - {Algorithm.EDDSA}),
        networks=Networks(),
        documents=dict(zip([issuer.did], found, strict=True)),
        now=NOW,
    )
    (status,) = drive(steps, reading.web.fetch(URL, accept="*/*"))
    assert "signatures with EdDSA are not accepted here" in why(status)


@every_form
def test_no_byte_of_a_list_can_be_changed(
    reading: Reading, issuer: Party, form: DocumentForm
) -> None:
    content = signed(issuer, unsigned(issuer.did, form, {7: 1}))
    raw = credential(issuer, ENTRIES[form]())
    reading.web.serve(URL, content)
    assert reading.status(raw).value == 1
    for place in range(0, len(content), 7):
        changed = bytearray(content)
        changed[place] ^= 1
        reading.web.serve(URL, bytes(changed))
        assert reading.status(raw).kind is StatusKind.UNDETERMINED, place


# -- what is not asked ---------------------------------------------------------------------------


def test_the_list_of_a_forged_credential_is_not_fetched(reading: Reading, issuer: Party) -> None:
    forged = credential(issuer, w3c_entry())[:-8] + "AAAAAAAA"
    report = reading.verify(forged)
    assert status_check(report)[0] is Outcome.SKIPPED
    assert reading.web.asked == []


def test_nobody_is_resolved_whom_no_credential_is_from(reading: Reading, issuer: Party) -> None:
    stranger = web_party(reading.web, "stranger.example")
    reading.web.serve(URL, signed(stranger, unsigned(stranger.did)))
    found = reading.status(credential(issuer, w3c_entry()))
    assert "'did:web:stranger.example'" in why(found)
    assert reading.web.asked == [URL]


def test_a_verifier_that_fetches_nothing_does_not_know(issuer: Party) -> None:
    verifier = Verifier(Outside(dids=DIDResolver()), clock=lambda: NOW)
    outcome, words = status_check(verifier.verify(credential(issuer, w3c_entry())))
    assert (outcome, "fetches nothing" in words) == (Outcome.UNDETERMINED, True)


# -- who does not answer -------------------------------------------------------------------------


def drive(steps: Generator[Question, Any, list[Status]], *answers: Any) -> list[Status]:
    """What comes of it when each question has one thing to answer."""
    try:
        question = next(steps)
        for answer in answers:
            assert isinstance(question, (Fetch, Resolve))
            question = steps.send([answer])
    except StopIteration as done:
        found: list[Status] = done.value
        return found
    raise AssertionError(question)


def test_a_node_that_is_down_is_neither_a_yes_nor_a_no(issuer: Party) -> None:
    entry = unanchored_entry(w3c_entry())
    assert entry is not None
    asked = SignedEntry(entry=entry, issuer=issuer.did)
    steps = SignedLists().read([asked], Policy(), networks=Networks(), documents={}, now=NOW)
    content = signed(issuer, unsigned(issuer.did))
    down = ResolvedDID(did=issuer.did, error=NodeUnreachable("the node does not answer"))
    (status,) = drive(steps, Fetched(url=URL, content=content), down)
    assert isinstance(status.reason, ChainError)
    assert why(status) == "the node does not answer"


def test_an_issuer_who_gave_up_has_no_lists_any_more(issuer: Party) -> None:
    entry = unanchored_entry(w3c_entry())
    assert entry is not None
    gone = ResolvedDID(did=issuer.did, deactivated=True)
    steps = SignedLists().read(
        [SignedEntry(entry=entry, issuer=issuer.did)],
        Policy(),
        networks=Networks(),
        documents={issuer.did: gone},
        now=NOW,
    )
    content = signed(issuer, unsigned(issuer.did))
    (status,) = drive(steps, Fetched(url=URL, content=content))
    assert "was deactivated" in why(status)


def test_nothing_asked_nothing_done() -> None:
    steps = SignedLists().read([], Policy(), networks=Networks(), documents={}, now=NOW)
    assert drive(steps) == []
