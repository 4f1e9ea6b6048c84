"""What a verifier demands: the stricter choice where nothing is said."""

from __future__ import annotations

from typing import Any

import pytest

from ethr_did.core.status_answer import FinalityPolicy
from ethr_did.credentials.credential import CredentialFormat
from ethr_did.credentials.keys import Algorithm
from ethr_did.credentials.policy import LEEWAY, HolderRule, Policy
from ethr_did.errors import InvalidOption


def test_what_is_not_said_is_the_stricter_choice() -> None:
    policy = Policy()
    assert not policy.unbound
    assert policy.holder is HolderRule.BOUND
    assert policy.finality is FinalityPolicy.STRICTEST
    assert policy.leeway == LEEWAY == 60
    assert policy.max_presentation_age == 300
    assert not policy.fetch_schemas
    assert policy.algorithms == frozenset(Algorithm)
    assert policy.formats == frozenset(CredentialFormat)


@pytest.mark.parametrize("name", ["leeway", "max_presentation_age", "max_age"])
def test_number_of_seconds_is_one(name: str) -> None:
    for value in (-1, True, False, 1.5, "5"):
        given: dict[str, Any] = {name: value}
        with pytest.raises(InvalidOption, match=f"{name} is {value!r}") as caught:
            Policy(**given)
        assert caught.value.hint == "Give seconds, 0 or more."
    nothing: dict[str, Any] = {name: 0}
    assert getattr(Policy(**nothing), name) == 0


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [("holder", "presented", "HolderRule"), ("finality", "strictest", "FinalityPolicy")],
)
def test_rule_is_a_member_and_not_its_text(name: str, value: str, kind: str) -> None:
    given: dict[str, Any] = {name: value}
    with pytest.raises(InvalidOption, match=f"{name} is '{value}'") as caught:
        Policy(**given)
    assert caught.value.hint == f"Give a member of {kind}."


def test_credential_alone_is_refused_where_a_presentation_is_awaited() -> None:
    assert not Policy().is_presented
    assert Policy(nonce="n").is_presented
    assert Policy(audience="a").is_presented
    assert Policy(holder=HolderRule.PRESENTED).is_presented
    assert not Policy(nonce="n", holder=HolderRule.ANYBODY).is_presented


@pytest.mark.parametrize("name", ["algorithms", "formats"])
def test_something_is_accepted(name: str) -> None:
    given: dict[str, Any] = {name: frozenset()}
    with pytest.raises(InvalidOption, match=f"no {name} are accepted") as caught:
        Policy(**given)
    assert caught.value.hint == "Name one, or leave it out."
