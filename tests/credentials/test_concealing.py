"""Claims made selectively disclosable: what the payload shows, and what it does not."""

from __future__ import annotations

import base64
import itertools
import json
import random
import secrets
from typing import Any

import pytest

from ethr_did.core.strict_json import MAX_DEPTH, read_json, write_json
from ethr_did.credentials.concealing import conceal, filled_to, no_decoys
from ethr_did.credentials.disclosures import Disclosure, HashName
from ethr_did.credentials.sd_jwt import process
from ethr_did.errors import InvalidCredential, InvalidInput
from support.vectors import vectors

CLAIMS: dict[str, Any] = {
    "iss": "did:example:1",
    "birthdate": "1990-01-01",
    "address": {"street": "Heidestraße 17", "country": "DE"},
    "nationalities": ["DE", "AT", "FR"],
    "degrees": [{"type": "BSc", "grade": 2}, {"type": "MSc", "grade": 1}],
    "none": [],
}


def concealed(*paths: Any, **options: Any) -> tuple[dict[str, Any], tuple[Disclosure, ...]]:
    return conceal(CLAIMS, paths, **{"random": secrets.token_bytes, **options})


def disclosed(payload: dict[str, Any], made: tuple[Disclosure, ...]) -> Any:
    """The claims, with everything disclosed."""
    return process(payload, [one.encoded for one in made]).claims


def without_decoys(payload: Any, decoys: list[str]) -> Any:
    if isinstance(payload, dict):
        left = {name: without_decoys(value, decoys) for name, value in payload.items()}
        if "_sd" in left:
            left["_sd"] = [one for one in left["_sd"] if one not in decoys]
        return left
    return payload


# -- what is concealed ---------------------------------------------------------------------------


def test_member_leaves_a_digest() -> None:
    payload, (made,) = concealed(("birthdate",))
    rest = {name: value for name, value in CLAIMS.items() if name != "birthdate"}
    assert payload == {**rest, "_sd": [made.digest()], "_sd_alg": "sha-256"}
    assert (made.name, made.value) == ("birthdate", "1990-01-01")


def test_element_leaves_a_digest_in_its_place() -> None:
    payload, (made,) = concealed(("nationalities", 1))
    assert payload["nationalities"] == ["DE", {"...": made.digest()}, "FR"]
    assert (made.name, made.value) == (None, "AT")


def test_every_element_is_a_disclosure_of_its_own() -> None:
    payload, made = concealed(("nationalities", None))
    assert [one.value for one in made] == ["DE", "AT", "FR"]
    assert payload["nationalities"] == [{"...": one.digest()} for one in made]


def test_member_of_every_element_is_a_disclosure_of_its_own() -> None:
    payload, made = concealed(("degrees", None, "grade"))
    assert [(one.name, one.value) for one in made] == [("grade", 2), ("grade", 1)]
    assert payload["degrees"][1] == {"type": "MSc", "_sd": [made[1].digest()]}


def test_what_is_in_a_concealed_claim_is_concealed_in_its_disclosure() -> None:
    payload, (address, street) = concealed(("address", "street"), ("address",))
    assert payload["_sd"] == [address.digest()]
    assert address.value == {"country": "DE", "_sd": [street.digest()]}
    assert disclosed(payload, (address, street)) == CLAIMS


def test_paths_may_overlap() -> None:
    payload, made = concealed(
        ("nationalities", None), ("nationalities", 0), ("nationalities", None)
    )
    assert len(made) == 3
    assert disclosed(payload, made) == CLAIMS


def test_elements_of_an_empty_array_are_nothing_to_conceal() -> None:
    payload, made = concealed(("none", None), ("none", None, "type"))
    assert payload == {**CLAIMS, "_sd_alg": "sha-256"}
    assert made == ()


def test_claims_are_not_changed() -> None:
    before = json.loads(json.dumps(CLAIMS))
    payload, _ = concealed(("address", "street"), ("nationalities", 0))
    payload["nationalities"].append("US")
    assert before == CLAIMS


@pytest.mark.parametrize("name", list(HashName))
def test_digests_are_of_the_function_that_the_payload_names(name: HashName) -> None:
    payload, made = concealed(("birthdate",), ("nationalities", None), hash_name=name)
    assert payload["_sd_alg"] == name.value
    assert payload["_sd"] == [made[0].digest(name)]
    assert disclosed(payload, made) == CLAIMS


def test_order_of_digests_tells_nothing() -> None:
    names = [f"claim {number}" for number in range(20)]
    claims = dict.fromkeys(names, 1)
    payload, made = conceal(claims, [(name,) for name in names], random=secrets.token_bytes)
    assert payload["_sd"] == sorted(one.digest() for one in made)
    assert payload["_sd"] != [one.digest() for one in made]


def test_salts_are_random_and_each_used_once() -> None:
    drawn: list[bytes] = []

    def draw(count: int) -> bytes:
        drawn.append(secrets.token_bytes(count))
        return drawn[-1]

    _, made = concealed(("nationalities", None), ("address",), ("address", "street"), random=draw)
    assert {len(one) for one in drawn} == {16}
    salts = {base64.urlsafe_b64encode(one).rstrip(b"=").decode() for one in drawn}
    assert {one.salt for one in made} == salts
    assert len(salts) == 5


@pytest.mark.parametrize("decoys", [no_decoys, filled_to(2)])
def test_chance_that_repeats_itself_is_refused(decoys: Any) -> None:
    with pytest.raises(InvalidInput, match="the same bytes twice"):
        concealed(("nationalities", None), random=bytes, decoys=decoys)


def test_chance_that_gives_too_little_is_refused() -> None:
    with pytest.raises(InvalidInput, match="16 bytes or more, not 8"):
        concealed(("birthdate",), random=lambda _: bytes(8))


# -- decoys --------------------------------------------------------------------------------------


def test_decoys_hide_how_many_members_there_are() -> None:
    payload, made = concealed(("birthdate",), ("address", "street"), decoys=filled_to(4))
    assert len(payload["_sd"]) == len(payload["address"]["_sd"]) == 4
    assert payload["_sd"] == sorted(payload["_sd"])
    assert {len(one) for one in payload["_sd"]} == {43}
    assert disclosed(payload, made) == CLAIMS


def test_decoys_hide_how_many_elements_there_are() -> None:
    payload, made = concealed(("nationalities", None), decoys=filled_to(5))
    found = payload["nationalities"]
    assert len(found) == 5
    assert all(set(one) == {"..."} for one in found)
    assert disclosed(payload, made) == CLAIMS


def test_decoys_are_anywhere_among_the_elements() -> None:
    chance = random.Random(1)  # noqa: S311 - the same every time
    places = set()
    for _ in range(200):
        payload, made = concealed(
            ("nationalities", 0), random=chance.randbytes, decoys=filled_to(2)
        )
        digests = [one.get("...") for one in payload["nationalities"] if isinstance(one, dict)]
        real = digests.index(made[0].digest())
        texts = [one for one in payload["nationalities"] if isinstance(one, str)]
        assert texts == ["AT", "FR"]
        decoy = {"...": digests[1 - real]}
        places.add(payload["nationalities"].index(decoy))
    assert places == {0, 1, 2, 3}


def test_decoys_are_as_many_as_asked_for_at_each_level() -> None:
    asked = {}

    def count(level: Any, digests: int) -> int:
        asked[level] = digests
        return 1

    payload, made = concealed(("degrees", None, "grade"), ("birthdate",), decoys=count)
    assert asked == {
        (): 1,
        ("address",): 0,
        ("nationalities",): 0,
        ("degrees",): 0,
        ("degrees", 0): 1,
        ("degrees", 1): 1,
        ("none",): 0,
    }
    assert len(payload["none"]) == 1
    assert len(payload["address"]["_sd"]) == 1
    assert disclosed(payload, made) == CLAIMS


def test_decoys_are_of_the_same_function() -> None:
    payload, _ = concealed(
        ("birthdate",), decoys=lambda level, _: 3 * (not level), hash_name=HashName.SHA_512
    )
    assert {len(one) for one in payload["_sd"]} == {86}


def test_level_without_digests_is_not_filled() -> None:
    payload, _ = concealed(("birthdate",), decoys=filled_to(8))
    assert "_sd" not in payload["address"]
    assert payload["none"] == []


# -- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", [("nobody",), ("address", "zip"), ("nationalities", 3), ("address", None), ()]
)
def test_path_that_leads_nowhere_is_refused(path: tuple[Any, ...]) -> None:
    with pytest.raises(InvalidInput, match=r"there is no|no path of|at least one step"):
        concealed(("birthdate",), path)


@pytest.mark.parametrize("path", [("iss",), ("address",), ("address", "street")])
def test_claim_that_must_be_seen_is_not_concealed(path: tuple[Any, ...]) -> None:
    with pytest.raises(InvalidInput, match="may not be concealed"):
        concealed(path, never={"iss", "address"})


def test_names_that_must_be_seen_may_be_concealed_below_the_top() -> None:
    _, (made,) = concealed(("address", "country"), never={"country"})
    assert made.value == "DE"


@pytest.mark.parametrize("name", ["_sd", "...", "_sd_alg"])
@pytest.mark.parametrize("paths", [[], [("a",)]], ids=["shown", "concealed"])
def test_reserved_name_is_refused_at_any_level(name: str, paths: list[tuple[str]]) -> None:
    every: tuple[dict[str, Any], ...] = (
        {"a": 1, name: "x"},
        {"a": {name: []}},
        {"a": [[{name: {}}]]},
    )
    for claims in every:
        with pytest.raises(InvalidCredential, match=f"may not be called {name}"):
            conceal(claims, paths, random=secrets.token_bytes)


@pytest.mark.parametrize("value", [(1, 2), {1}, b"x", object()])
@pytest.mark.parametrize("paths", [[], [("a",)]], ids=["shown", "concealed"])
def test_what_is_no_json_is_refused(value: object, paths: list[tuple[str]]) -> None:
    every: tuple[dict[str, Any], ...] = ({"a": value}, {"a": [value]})
    for claims in every:
        with pytest.raises(InvalidCredential, match="is no JSON"):
            conceal(claims, paths, random=secrets.token_bytes)


def test_name_that_is_no_text_is_refused() -> None:
    claims: Any = {"a": {1: "x", "1": "y"}}
    with pytest.raises(InvalidCredential, match="the name of a claim is not a text: 1"):
        conceal(claims, [], random=secrets.token_bytes)


def test_number_that_is_none_is_refused_where_it_is_concealed() -> None:
    with pytest.raises(InvalidCredential, match="cannot be written as JSON"):
        conceal({"a": float("nan")}, [("a",)], random=secrets.token_bytes)


def _nested(levels: int) -> dict[str, Any]:
    value: Any = [1]
    for number in range(levels - 2):
        value = [value] if number % 2 else {"a": value}
    return {"a": value}


def test_deepest_claims_can_be_read_again() -> None:
    claims = _nested(MAX_DEPTH - 2)
    paths = [("a",)]
    innermost: tuple[Any, ...] = ()
    value: Any = claims
    while isinstance(value, (dict, list)):
        innermost += ("a",) if isinstance(value, dict) else (0,)
        value = value[innermost[-1]]
    for chosen in (paths, [innermost], [innermost[:2], innermost], []):
        payload, made = conceal(
            claims, chosen, random=secrets.token_bytes, decoys=lambda _level, _digests: 1
        )
        assert disclosed(read_json(write_json(payload)), made) == claims


@pytest.mark.parametrize("levels", [MAX_DEPTH - 1, MAX_DEPTH, 2000])
def test_claims_nested_too_deep_are_refused(levels: int) -> None:
    with pytest.raises(InvalidCredential, match="deeper than 30 levels"):
        conceal(_nested(levels), [], random=secrets.token_bytes)


# -- what others make ----------------------------------------------------------------------------


@vectors("sd_jwt_rfc9901")
def test_payloads_of_the_rfc_are_made_again_with_its_salts(vector: dict[str, Any]) -> None:
    texts = [one["disclosure"] for one in vector["disclosures"]]
    found = process(vector["payload"], texts)
    salt_at = {path: Disclosure.parse(text).salt for text, path in found.places.items()}

    # Once to see in which order salts are drawn, once with those of the RFC.
    numbers = itertools.count()
    paths = list(salt_at)
    payload, made = conceal(found.claims, paths, random=lambda size: next(numbers).to_bytes(size))
    places = process(payload, [one.encoded for one in made]).places
    drawn = sorted(made, key=lambda one: base64.urlsafe_b64decode(one.salt + "=="))
    salts = iter([base64.urlsafe_b64decode(salt_at[places[one.encoded]] + "==") for one in drawn])

    payload, made = conceal(
        found.claims,
        paths,
        random=lambda _: next(salts),
        write=lambda value: json.dumps(value).encode(),
    )
    assert payload == without_decoys(vector["payload"], vector["decoys"])
    assert {one.encoded for one in made} == set(texts)
