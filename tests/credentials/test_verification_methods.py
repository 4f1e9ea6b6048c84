"""Which key of a document a proof is checked with: one, by its id and for its purpose."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.credentials.keys import Algorithm, KeyKind, PublicKey
from ethr_did.credentials.verification_methods import (
    KeyMissing,
    Purpose,
    WrongPurpose,
    find_key,
    key_of,
    methods_for,
)
from ethr_did.errors import InvalidCredential
from support.offline import document_of, method_of, somebody

if TYPE_CHECKING:
    from ethr_did.core.document import DIDDocument, VerificationMethod

ADA = somebody("ada")
OTHER = replace(somebody("other"), did=ADA.did, method_id=f"{ADA.did}#other")
DOCUMENT = document_of(ADA)
ASSERTION, AUTHENTICATION = Purpose


@dataclass(frozen=True)
class Made:
    """A proof that was made with a key."""

    method_id: str | None = ADA.method_id
    key: PublicKey | None = None
    algorithm: Algorithm = Algorithm.ES256

    def check(self, key: PublicKey) -> None:
        """See ``Proof``."""
        if key != self.key:
            raise InvalidCredential("not that key")


def ids(document: DIDDocument, purpose: Purpose = ASSERTION) -> list[str]:
    return [one.id for one in methods_for(document, purpose)]


def method(fragment: str, **members: Any) -> VerificationMethod:
    """Another method of the same DID with a key of its own."""
    party = replace(somebody(fragment), did=ADA.did, method_id=f"{ADA.did}#{fragment}")
    return method_of(party, **members)


# -- purposes ------------------------------------------------------------------------------------


def test_methods_are_those_that_are_listed_for_the_purpose() -> None:
    both = (method("a"), method("b"))
    document = document_of(
        ADA,
        verification_method=both,
        assertion_method=(f"{ADA.did}#a",),
        authentication=(f"{ADA.did}#b", f"{ADA.did}#a"),
    )
    assert ids(document) == [f"{ADA.did}#a"]
    assert ids(document, AUTHENTICATION) == [f"{ADA.did}#b", f"{ADA.did}#a"]


def test_nothing_is_for_a_purpose_that_is_not_there() -> None:
    document = document_of(ADA, assertion_method=None, authentication=())
    assert ids(document) == ids(document, AUTHENTICATION) == []


def test_method_may_stand_in_the_list_itself() -> None:
    inside = method("inside")
    document = document_of(ADA, assertion_method=(inside, ADA.method_id))
    assert ids(document) == [inside.id, ADA.method_id]


def test_id_may_be_a_fragment_in_either_place() -> None:
    short = method("key", id="#key")
    for entry in ("#key", f"{ADA.did}#key"):
        document = document_of(ADA, verification_method=(short,), assertion_method=(entry,))
        assert ids(document) == ["#key"]
        found, _ = find_key(document, Made(f"{ADA.did}#key"), ASSERTION)
        assert found is short
    embedded = document_of(ADA, verification_method=(), assertion_method=(short,))
    assert find_key(embedded, Made(f"{ADA.did}#key"), ASSERTION)[0] is short


def test_list_that_names_what_is_not_there_lists_nothing() -> None:
    assert ids(document_of(ADA, assertion_method=("#nothing", "did:example:other#key"))) == []


def test_two_methods_of_one_id_are_no_use() -> None:
    twice = document_of(ADA, verification_method=(method("key"), method_of(OTHER, id="#key")))
    with pytest.raises(InvalidCredential, match="has 'did:example:ada#key' more than once"):
        ids(twice)
    listed = document_of(ADA, assertion_method=(ADA.method_id, method_of(OTHER, id="#key")))
    with pytest.raises(InvalidCredential, match="lists 'did:example:ada#key' twice"):
        find_key(listed, Made(), ASSERTION)


# -- a proof that names its key ------------------------------------------------------------------


def test_key_is_the_one_that_is_named() -> None:
    many = (method("a"), method_of(ADA), method("b"))
    document = document_of(
        ADA, verification_method=many, assertion_method=tuple(one.id for one in many)
    )
    found, key = find_key(document, Made(), ASSERTION)
    assert (found.id, key) == (ADA.method_id, ADA.key.public)


def test_key_that_is_not_there_is_missing() -> None:
    with pytest.raises(KeyMissing, match="has no 'did:example:ada#gone'") as caught:
        find_key(DOCUMENT, Made(f"{ADA.did}#gone"), ASSERTION)
    assert "removed, has expired, or was never there" in caught.value.hint


@pytest.mark.parametrize("purpose", Purpose)
def test_key_for_another_purpose_is_none_for_this(purpose: Purpose) -> None:
    name = {ASSERTION: "assertion_method", AUTHENTICATION: "authentication"}[purpose]
    document = document_of(ADA, **{name: ()})
    with pytest.raises(WrongPurpose, match=f"not for {purpose.value}") as caught:
        find_key(document, Made(), purpose)
    assert "published for something else" in caught.value.hint
    (other,) = set(Purpose) - {purpose}
    assert find_key(document, Made(), other)[1] == ADA.key.public


def test_key_that_stands_only_in_another_list_is_none_for_this() -> None:
    document = document_of(
        ADA, verification_method=(), assertion_method=(), key_agreement=(method_of(ADA),)
    )
    with pytest.raises(WrongPurpose):
        find_key(document, Made(), ASSERTION)


# -- a proof that names no key -------------------------------------------------------------------


def test_key_that_is_not_named_is_the_one_that_fits() -> None:
    many = tuple(method(name) for name in "abc")
    document = document_of(
        ADA, verification_method=many, assertion_method=tuple(one.id for one in many)
    )
    for one in many:
        key = PublicKey.from_method(one)
        assert find_key(document, Made(None, key), ASSERTION) == (one, key)
    with pytest.raises(KeyMissing, match="has signed this") as caught:
        find_key(document, Made(None, ADA.key.public), ASSERTION)
    assert "changed, or the key was removed" in caught.value.hint


def test_key_that_fits_is_for_the_purpose() -> None:
    document = document_of(ADA, assertion_method=())
    with pytest.raises(KeyMissing, match="for assertionMethod has signed this"):
        find_key(document, Made(None, ADA.key.public), ASSERTION)
    assert find_key(document, Made(None, ADA.key.public), AUTHENTICATION)[1] == ADA.key.public


def test_keys_that_cannot_be_used_are_passed_over() -> None:
    broken = method("broken", material={"publicKeyMultibase": "z"})
    foreign = method("foreign", controller="did:example:other")
    document = document_of(
        ADA,
        verification_method=(broken, foreign, method_of(ADA)),
        assertion_method=(broken.id, foreign.id, ADA.method_id),
    )
    assert find_key(document, Made(None, ADA.key.public), ASSERTION)[1] == ADA.key.public
    with pytest.raises(KeyMissing):
        find_key(document, Made(None, somebody("foreign").key.public), ASSERTION)


def test_not_more_than_64_keys_are_tried() -> None:
    account = somebody("account", KeyKind.ACCOUNT)
    others = tuple(
        method_of(account, id=f"{ADA.did}#{number}", controller=ADA.did) for number in range(64)
    )
    document = document_of(ADA, verification_method=(), assertion_method=(*others, method_of(ADA)))
    with pytest.raises(KeyMissing):
        find_key(document, Made(None, ADA.key.public), ASSERTION)
    document = document_of(
        ADA, verification_method=(), assertion_method=(*others[1:], method_of(ADA))
    )
    assert find_key(document, Made(None, ADA.key.public), ASSERTION)[1] == ADA.key.public


# -- the key of a method -------------------------------------------------------------------------


def test_key_is_controlled_by_the_did_itself() -> None:
    foreign = method("foreign", controller="did:example:other")
    with pytest.raises(InvalidCredential, match="is controlled by 'did:example:other'"):
        key_of(DOCUMENT, foreign)


def test_key_of_no_use_is_refused_with_its_reason() -> None:
    broken = method("broken", type="X25519KeyAgreementKey2020")
    document = document_of(ADA, verification_method=(broken,), assertion_method=(broken.id,))
    with pytest.raises(InvalidCredential, match="is not used for signatures") as caught:
        find_key(document, Made(broken.id), ASSERTION)
    assert not isinstance(caught.value, (KeyMissing, WrongPurpose))
