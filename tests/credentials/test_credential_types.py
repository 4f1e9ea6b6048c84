"""Kinds of credentials that an issuer may be trusted for."""

from __future__ import annotations

import pytest

from ethr_did.credentials.credential_types import ANY_TYPE, check_type, not_covered, type_fault
from ethr_did.errors import InvalidTrustList

VC = "VerifiableCredential"


@pytest.mark.parametrize("kind", ["DiplomaCredential", "https://vct.example/id", "*", "Zeugnis Ä"])
def test_types_and_vcts_are_kinds(kind: str) -> None:
    assert check_type(kind) == kind


@pytest.mark.parametrize("kind", ["", " a", "a ", "a\nb", "x" * 1025, None, 1, ["a"], VC, "\udcff"])
def test_nobody_is_trusted_for_what_is_no_kind(kind: object) -> None:
    assert type_fault(kind)
    with pytest.raises(InvalidTrustList):
        check_type(kind)


@pytest.mark.parametrize(
    ("types", "accepted", "missing"),
    [
        ((VC, "A"), {"A"}, ()),
        (("A",), {"A", "B"}, ()),
        ((VC, "A", "B"), {"A"}, ("B",)),
        ((VC, "A"), {"a"}, ("A",)),
        ((VC, "A"), set(), ("A",)),
        ((VC,), {"A"}, (VC,)),
        ((VC,), {VC}, (VC,)),
        ((), {"A"}, (VC,)),
        ((VC, "A", "B"), {ANY_TYPE}, ()),
        ((VC,), {ANY_TYPE}, ()),
        ((VC, ANY_TYPE), {"A"}, (ANY_TYPE,)),
    ],
)
def test_an_issuer_is_trusted_for_every_kind_or_not_at_all(
    types: tuple[str, ...], accepted: set[str], missing: tuple[str, ...]
) -> None:
    assert not_covered(types, accepted) == missing
