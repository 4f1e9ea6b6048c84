"""What of a wallet answers a query. Rules are named as OpenID4VP 1.0 numbers them."""

from __future__ import annotations

from typing import Any

import pytest

from ethr_did.credentials.credential import Credential, CredentialFormat
from ethr_did.credentials.dcql import Query
from ethr_did.credentials.dcql_selection import Answers, find_answers, is_in_force
from ethr_did.errors import InvalidQuery
from support.held import NOW, plain
from support.vectors import vectors


def answers(query: Any, **held: Credential) -> Answers:
    return find_answers(Query.from_dict(query), held, now=NOW)


def asks(*names: str, sets: Any = None, **members: Any) -> dict[str, Any]:
    """A query for credentials, each of the type that it is called."""
    made: dict[str, Any] = {
        "credentials": [
            {"id": one, "format": "dc+sd-jwt", "meta": {"vct_values": [one]}, **members}
            for one in names
        ]
    }
    return made if sets is None else {**made, "credential_sets": sets}


def of(name: str, claims: Any = None, **members: Any) -> Credential:
    """A credential of a type."""
    return plain(claims or {"a": 1}, types=(name,), **members)


def held_of(vector: dict[str, Any]) -> dict[str, Credential]:
    return {
        name: plain(
            one["claims"],
            types=tuple(one["types"]),
            format=CredentialFormat(one["format"]),
            subjects=("did:example:holder",),
        )
        for name, one in vector["wallet"].items()
    }


def refusal(found: Answers) -> InvalidQuery:
    with pytest.raises(InvalidQuery) as caught:
        found.needed()
    return caught.value


# -- the examples of the specification -----------------------------------------------------------


@vectors("dcql", "query")
def test_query_of_the_specification_is_answered(vector: dict[str, Any]) -> None:
    found = answers(vector["query"], **held_of(vector))
    if vector["shown"] is None:
        assert list(refusal(found).facts["missing"]) == vector["missing"]
        return
    assert list(found.needed()) == list(vector["shown"])
    for name, shown in vector["shown"].items():
        best = found.found[name][0]
        assert best.credential_id == shown["credential"]
        assert [list(path) for path in best.match.paths] == shown["paths"]
    assert list(found.optional()) == vector.get("optional", [])


# -- 6.4.2: credentials --------------------------------------------------------------------------


def test_all_credentials_are_asked_for_without_sets() -> None:
    found = answers(asks("a", "b"), x=of("a"), y=of("b"))
    assert found.needed() == ("a", "b")
    assert found.optional() == ()
    assert refusal(answers(asks("a", "b"), x=of("a"))).facts["missing"] == ("b",)


def test_every_required_set_is_answered() -> None:
    sets = [{"options": [["a"]]}, {"options": [["b"], ["c"]]}]
    found = answers(asks("a", "b", "c", sets=sets), x=of("a"), y=of("c"))
    assert found.needed() == ("a", "c")
    assert refusal(answers(asks("a", "b", "c", sets=sets), x=of("a"))).facts["missing"] == (
        "b",
        "c",
    )


def test_option_is_answered_whole_or_not_at_all() -> None:
    sets = [{"options": [["a", "b"], ["c"]]}]
    found = answers(asks("a", "b", "c", sets=sets), x=of("a"), y=of("c"))
    assert found.needed() == ("c",)


def test_what_no_set_names_is_not_asked_for() -> None:
    found = answers(asks("a", "b", sets=[{"options": [["a"]]}]), x=of("a"), y=of("b"))
    assert (found.needed(), found.optional()) == (("a",), ())


def test_optional_sets_are_told_apart() -> None:
    sets = [
        {"options": [["a"]]},
        {"options": [["b"], ["c"]], "required": False},
        {"options": [["a"]], "required": False},
        {"options": [["d"]], "required": False},
    ]
    found = answers(asks("a", "b", "c", "d", sets=sets), x=of("a"), y=of("c"))
    assert (found.needed(), found.optional()) == (("a",), ("c",))


def test_query_of_optional_sets_needs_nothing() -> None:
    sets = [{"options": [["a"]], "required": False}]
    assert answers(asks("a", sets=sets), x=of("a")).needed() == ()
    assert answers(asks("a", sets=sets)).needed() == ()


def test_credential_queries_are_answered_in_their_order() -> None:
    sets = [{"options": [["b"]]}, {"options": [["a"]]}]
    assert answers(asks("a", "b", sets=sets), x=of("a"), y=of("b")).needed() == ("a", "b")


def test_one_credential_may_answer_several_queries() -> None:
    query = asks("a")
    query["credentials"].append({**query["credentials"][0], "id": "again"})
    found = answers(query, x=of("a"))
    assert found.needed() == ("a", "again")


# -- which of several ----------------------------------------------------------------------------


def ids(found: Answers, name: str = "a") -> list[str]:
    return [one.credential_id for one in found.found[name]]


def test_credentials_that_are_valid_now_come_first() -> None:
    found = answers(
        asks("a"),
        old=of("a", valid_until=NOW - 1),
        early=of("a", valid_from=NOW + 1),
        good=of("a", valid_from=NOW, valid_until=NOW),
        also=of("a"),
    )
    assert ids(found) == ["good", "also", "old", "early"]


def test_then_those_come_that_have_what_is_wanted_most() -> None:
    claims = [{"id": "x", "path": ["x"]}, {"id": "a", "path": ["a"]}]
    found = answers(
        asks("a", claims=claims, claim_sets=[["x"], ["a"]]),
        second=of("a"),
        first=of("a", {"x": 1}),
    )
    assert ids(found) == ["first", "second"]


def test_option_with_credentials_that_are_valid_now_is_preferred() -> None:
    sets = [{"options": [["a"], ["b"]]}]
    query = asks("a", "b", sets=sets)
    assert answers(query, x=of("a", valid_until=NOW - 1), y=of("b")).needed() == ("b",)
    old = of("b", valid_until=NOW - 1)
    assert answers(query, x=of("a", valid_until=NOW - 1), y=old).needed() == ("a",)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, True),
        ({"valid_from": NOW}, True),
        ({"valid_from": NOW + 1}, False),
        ({"valid_until": NOW}, True),
        ({"valid_until": NOW - 1}, False),
    ],
)
def test_window_includes_both_ends(members: Any, expected: Any) -> None:
    assert is_in_force(plain(**members), NOW) is expected


# -- reasons -------------------------------------------------------------------------------------


def test_empty_wallet_is_told() -> None:
    error = refusal(answers(asks("a")))
    assert error.message == "nothing that is held answers 'a': no credential is held"
    assert "Nothing was shown" in error.hint


def test_reason_is_about_the_credentials_that_came_closest() -> None:
    query = asks("a", claims=[{"path": ["b"]}])
    found = answers(query, vc=of("a", format=CredentialFormat.VC_JWT), other=of("b"), near=of("a"))
    assert refusal(found).message == (
        "nothing that is held answers 'a': near: what is asked for is not in it: 'b'"
    )


def test_reason_names_a_format_of_which_nothing_is_held() -> None:
    query = {"credentials": [{"id": "mdl", "format": "mso_mdoc", "meta": {}}]}
    assert refusal(answers(query, x=of("a"))).message == (
        "nothing that is held answers 'mdl': no credential of the format 'mso_mdoc' is held"
    )


def test_long_reasons_are_cut() -> None:
    held = {f"c{number}": of("b") for number in range(9)}
    assert refusal(answers(asks("a"), **held)).message.endswith("; and 4 more")


def test_credential_that_nobody_can_sign_for_is_no_answer() -> None:
    found = answers(asks("a"), x=of("a", confirmation=None))
    assert "no holder signs for it" in refusal(found).message
    waived = asks("a", require_cryptographic_holder_binding=False)
    assert ids(answers(waived, x=of("a", confirmation=None))) == ["x"]
