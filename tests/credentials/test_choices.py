"""What a holder decides to show: by naming it, or by a verifier's query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.credentials.choices import Choice, PlainCredential, answer_query, choose
from ethr_did.credentials.credential import CredentialFormat
from ethr_did.credentials.dcql import Query
from ethr_did.credentials.disclosures import Disclosure
from ethr_did.credentials.sd_jwt_vc import add_key_binding, read_sd_jwt_vc
from ethr_did.errors import InvalidCredential, InvalidInput, InvalidQuery
from support.held import HOLDER, NOW, VCT, data_integrity, did_of, sd_jwt, vc_jwt

if TYPE_CHECKING:
    from ethr_did.credentials.credential import Raw

SUBJECT = did_of(HOLDER.public)
CARD = sd_jwt()


def held(raw: Raw, name: str = "card") -> PlainCredential:
    return PlainCredential(id=name, raw=raw)


def names(choice: Choice) -> list[list[Any]]:
    """Names of members and values of elements that are disclosed, credential by credential."""
    read = ([Disclosure.parse(one) for one in part.disclosures] for part in choice.parts)
    return [sorted(one.name or one.value for one in each) for each in read]


def adult(**members: Any) -> dict[str, Any]:
    return {
        "id": "adult",
        "format": "dc+sd-jwt",
        "meta": {"vct_values": [VCT]},
        "claims": [{"path": ["age_equal_or_over", "18"], "values": [True]}],
        **members,
    }


def degree(**members: Any) -> dict[str, Any]:
    return {"id": "degree", "format": "jwt_vc_json", "meta": {}, **members}


def query(*credentials: Any, **members: Any) -> Query:
    return Query.from_dict({"credentials": list(credentials), **members})


# -- by name -------------------------------------------------------------------------------------


def test_nothing_is_disclosed_that_is_not_named() -> None:
    choice = choose(held(CARD))
    assert names(choice) == [[]]
    assert choice.parts[0].shown == read_sd_jwt_vc(CARD.split("~", maxsplit=1)[0] + "~").sd_jwt


@pytest.mark.parametrize(
    ("paths", "disclosed"),
    [
        ([("given_name",)], ["given_name"]),
        ([("age_equal_or_over", "18")], ["18"]),
        ([("age_equal_or_over",)], ["18", "65"]),
        ([("address", "country")], ["address"]),
        ([("address", "locality")], ["address", "locality"]),
        ([("address",)], ["address", "locality"]),
        ([("nationalities", 1)], ["FR"]),
        ([("nationalities", None)], ["DE", "FR"]),
        ([("given_name",), ("given_name",), ("vct",)], ["given_name"]),
    ],
)
def test_claims_are_disclosed_with_what_is_in_them_and_what_they_are_in(
    paths: Any, disclosed: Any
) -> None:
    assert names(choose(held(CARD), paths)) == [disclosed]


@pytest.mark.parametrize("raw", [CARD, vc_jwt(SUBJECT)])
def test_claim_that_is_not_there_is_refused(raw: Raw) -> None:
    with pytest.raises(InvalidInput, match="there is no 'family_name'"):
        choose(held(raw), [("family_name",)])


def test_elements_of_an_empty_array_are_not_there() -> None:
    with pytest.raises(InvalidInput, match="no array there has elements"):
        choose(held(sd_jwt(titles=[])), [("titles", None)])


def test_holder_signs_for_an_sd_jwt_with_a_key_only() -> None:
    assert choose(held(CARD)).parts[0].is_bound
    assert not choose(held(sd_jwt(None))).parts[0].is_bound


@pytest.mark.parametrize("raw", [vc_jwt(SUBJECT), data_integrity(SUBJECT), vc_jwt(None)])
def test_holder_signs_for_every_other_credential(raw: Raw) -> None:
    (part,) = choose(held(raw), [("credentialSubject", "degree")]).parts
    assert part.is_bound
    assert (part.disclosures, part.shown) == ((), None)


def test_presentation_is_no_credential() -> None:
    options: dict[str, Any] = {"nonce": "n", "audience": "a", "now": NOW}
    presented = add_key_binding(
        read_sd_jwt_vc(CARD).sd_jwt, HOLDER, algorithm=HOLDER.public.algorithms[0], **options
    )
    with pytest.raises(InvalidCredential, match="'card' is a presentation"):
        choose(held(presented))


def test_what_cannot_be_read_is_refused() -> None:
    with pytest.raises(InvalidCredential):
        choose(held("nonsense"))


# -- by a query ----------------------------------------------------------------------------------


def answered(asked: Query, *raws: Raw, **options: Any) -> Choice:
    wallet = [held(raw, f"c{number}") for number, raw in enumerate(raws)]
    return answer_query(asked, wallet, now=NOW, **options)


def chosen(choice: Choice) -> list[tuple[str | None, str]]:
    return [(part.query_id, part.credential_id) for part in choice.parts]


def test_adult_is_shown_without_a_birthdate() -> None:
    asked = query(adult())
    choice = answered(asked, vc_jwt(SUBJECT), CARD)
    assert chosen(choice) == [("adult", "c1")]
    assert names(choice) == [["18"]]
    assert choice.query is asked


def test_claim_that_is_asked_for_is_shown_with_its_parts() -> None:
    choice = answered(query(adult(claims=[{"path": ["address"]}])), CARD)
    assert names(choice) == [["address", "locality"]]


def test_minor_has_nothing_to_show() -> None:
    with pytest.raises(InvalidQuery, match=r"'age_equal_or_over\.18' with one of the values"):
        answered(query(adult()), sd_jwt(age_equal_or_over={"18": False, "65": False}))


def test_each_query_has_its_credential_in_its_order() -> None:
    asked = query(degree(), adult())
    assert chosen(answered(asked, CARD, vc_jwt(SUBJECT))) == [("degree", "c1"), ("adult", "c0")]


def test_same_credential_for_two_queries_shows_each_what_it_asks_for() -> None:
    asked = query(adult(), adult(id="name", claims=[{"path": ["given_name"]}]))
    choice = answered(asked, CARD)
    assert chosen(choice) == [("adult", "c0"), ("name", "c0")]
    assert names(choice) == [["18"], ["given_name"]]


def test_one_credential_is_shown_even_where_several_may_be() -> None:
    several = query(adult(multiple=True))
    assert chosen(answered(several, CARD, sd_jwt(seed="2"))) == [("adult", "c0")]
    both = answered(several, CARD, sd_jwt(seed="2"), with_all=True)
    assert chosen(both) == [("adult", "c0"), ("adult", "c1")]
    one = answered(query(adult()), CARD, sd_jwt(seed="2"), with_all=True)
    assert chosen(one) == [("adult", "c0")]


def test_what_the_verifier_does_not_need_is_shown_on_demand() -> None:
    sets = [{"options": [["adult"]]}, {"options": [["degree"]], "required": False}]
    asked = query(adult(), degree(), credential_sets=sets)
    least = answered(asked, CARD, vc_jwt(SUBJECT))
    assert (chosen(least), least.optional) == ([("adult", "c0")], ("degree",))
    most = answered(asked, CARD, vc_jwt(SUBJECT), with_optional=True)
    assert (chosen(most), most.optional) == ([("adult", "c0"), ("degree", "c1")], ())


def test_query_that_needs_nothing_is_not_answered_with_nothing() -> None:
    asked = query(adult(), credential_sets=[{"options": [["adult"]], "required": False}])
    with pytest.raises(InvalidQuery, match="requires nothing") as caught:
        answered(asked, CARD)
    assert caught.value.hint == "What could be shown: adult."
    with pytest.raises(InvalidQuery, match="requires nothing") as caught:
        answered(asked, vc_jwt(SUBJECT), with_optional=True)
    assert caught.value.hint == "What could be shown: nothing."


def test_query_may_waive_the_holders_signature() -> None:
    asked = query(adult(require_cryptographic_holder_binding=False))
    (part,) = answered(asked, CARD).parts
    assert not part.is_bound
    assert answered(query(adult()), CARD).parts[0].is_bound


def test_what_cannot_be_read_is_no_hindrance() -> None:
    assert chosen(answered(query(adult()), "nonsense", CARD)) == [("adult", "c1")]
    with pytest.raises(InvalidQuery, match="; 1 that are held could not be read: 'c0'") as caught:
        answered(query(adult()), "nonsense")
    assert caught.value.facts["missing"] == ("adult",)


def test_credentials_of_a_wallet_are_held(wallet_card: Any) -> None:
    choice = answer_query(query(adult()), [wallet_card], now=NOW)
    assert choice.parts[0].credential_id == wallet_card.id
    assert choice.parts[0].credential.format is CredentialFormat.SD_JWT


@pytest.fixture
def wallet_card() -> Any:
    """The card as a wallet keeps it."""
    from ethr_did.wallet.held import new_credential

    return new_credential(
        CARD,
        taken=[],
        format_name="dc+sd-jwt",
        label="",
        key_id=None,
        now=NOW,
        issuer="",
        types=[],
        anchors=[],
    )
