"""DCQL queries: what is read, and what is refused. Rules are named as OpenID4VP 1.0 numbers them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ethr_did.core.strict_json import MAX_DEPTH
from ethr_did.credentials.credential import CredentialFormat
from ethr_did.credentials.dcql import (
    FORMATS,
    MAX_CREDENTIALS,
    MAX_QUERY,
    AuthorityQuery,
    ClaimQuery,
    CredentialQuery,
    Query,
    SetQuery,
)
from ethr_did.credentials.query_parts import MAX_TEXT, MAX_VALUES
from ethr_did.errors import InvalidQuery
from support.vectors import vectors

DELETE = object()


def credential(**members: Any) -> dict[str, Any]:
    """A credential query as JSON."""
    found = {"id": "pid", "format": "dc+sd-jwt", "meta": {}, **members}
    return {name: value for name, value in found.items() if value is not DELETE}


def query(*credentials: Any, **members: Any) -> dict[str, Any]:
    return {"credentials": list(credentials) or [credential()], **members}


def claims(*found: Any, **members: Any) -> dict[str, Any]:
    """A query for claims."""
    return query(credential(claims=list(found), **members))


def refused(value: object) -> str:
    with pytest.raises(InvalidQuery) as caught:
        Query.from_dict(value)
    return caught.value.message


# -- the examples of the specification -----------------------------------------------------------


@vectors("dcql", "query")
def test_query_of_the_specification_is_read_and_written_again(vector: dict[str, Any]) -> None:
    found = Query.from_dict(vector["query"])
    assert Query.from_dict(found.to_dict()) == found
    assert [one.id for one in found.credentials] == [
        one["id"] for one in vector["query"]["credentials"]
    ]


@vectors("dcql", "query")
def test_query_of_the_specification_says_nothing_else_when_it_is_written(
    vector: dict[str, Any],
) -> None:
    written = Query.from_dict(vector["query"]).to_dict()
    for one in vector["query"]["credentials"]:
        one["meta"].pop("doctype_value", None)  # of a format that is not held here
    assert written == vector["query"]


# -- 6: the query --------------------------------------------------------------------------------


def test_query_is_a_value() -> None:
    found = Query.parse(
        json.dumps(
            query(
                credential(
                    multiple=True,
                    meta={"vct_values": ["a", "b"]},
                    trusted_authorities=[{"type": "aki", "values": ["x"]}],
                    require_cryptographic_holder_binding=False,
                    claims=[{"id": "c", "path": ["a", 0, None], "values": ["x", 1, True]}],
                    claim_sets=[["c"]],
                ),
                credential(
                    id="vc", format="jwt_vc_json", meta={"type_values": [["A", "B"], ["C"]]}
                ),
                credential_sets=[{"options": [["pid"], ["vc"]], "required": False}],
            )
        ).encode()
    )
    assert found == Query(
        credentials=(
            CredentialQuery(
                id="pid",
                format="dc+sd-jwt",
                multiple=True,
                vct_values=("a", "b"),
                trusted_authorities=(AuthorityQuery(type="aki", values=("x",)),),
                holder_binding=False,
                claims=(ClaimQuery(id="c", path=("a", 0, None), values=("x", 1, True)),),
                claim_sets=(("c",),),
            ),
            CredentialQuery(id="vc", format="jwt_vc_json", type_values=(("A", "B"), ("C",))),
        ),
        sets=(SetQuery(options=(("pid",), ("vc",)), required=False),),
    )
    assert Query.from_dict(found.to_dict()) == found


def test_what_is_not_said_has_the_defaults_of_the_specification() -> None:
    (found,) = Query.from_dict(query()).credentials
    assert found == CredentialQuery(id="pid", format="dc+sd-jwt", multiple=False)
    assert found.holder_binding
    assert not Query.from_dict(query()).sets


def test_unknown_members_are_ignored_everywhere() -> None:
    value = query(
        credential(
            x=1,
            meta={"x": 1, "vct_values": ["a"]},
            claims=[{"path": ["a"], "x": 1}],
            trusted_authorities=[{"type": "t", "values": ["v"], "x": 1}],
        ),
        credential_sets=[{"options": [["pid"]], "x": 1}],
        x=1,
    )
    assert "x" not in json.dumps(Query.from_dict(value).to_dict())


@pytest.mark.parametrize("value", [None, [], "{}", 1, True])
def test_query_is_an_object(value: object) -> None:
    assert "the query is not an object" in refused(value)


@pytest.mark.parametrize("value", [DELETE, None, {}, "pid", []])
def test_credentials_are_a_non_empty_array(value: object) -> None:
    made = {} if value is DELETE else {"credentials": value}
    assert "credentials" in refused(made)


def test_query_without_credentials_cannot_be_made() -> None:
    with pytest.raises(InvalidQuery, match="asks for no credential"):
        Query(credentials=())


@pytest.mark.parametrize("data", [b"", b"{", b'{"credentials": [], "credentials": []}', b"[NaN]"])
def test_text_that_is_not_strict_json_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidQuery, match="the query is not JSON"):
        Query.parse(data)


def test_long_text_is_refused_before_it_is_read() -> None:
    with pytest.raises(InvalidQuery, match=f"{MAX_QUERY} are the most"):
        Query.parse(b" " * (MAX_QUERY + 1))


def test_query_finds_its_parts_by_id() -> None:
    found = Query.from_dict(query())
    assert found.find("pid") is found.credentials[0]
    assert found.find("nobody") is None


# -- 6.1: credential queries ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["id", "format", "meta"])
def test_member_that_is_required_is_missed(name: str) -> None:
    words = refused(query(credential(**{name: DELETE})))
    assert words.startswith(f"element 0 of credentials of the query has no {name}")


@pytest.mark.parametrize("value", ["", "a b", "ä", "a.b", "x" * 129, "a\n", 1, None, ["a"]])
def test_id_that_is_none_is_refused(value: object) -> None:
    assert "credentials of the query" in refused(query(credential(id=value)))


@pytest.mark.parametrize("value", ["a", "A-1_b", "0", "-", "x" * 128])
def test_id_is_letters_digits_underscores_and_hyphens(value: str) -> None:
    assert Query.from_dict(query(credential(id=value))).credentials[0].id == value


def test_id_is_there_once() -> None:
    assert "the credential 'pid' is there twice" in refused(query(credential(), credential()))


@pytest.mark.parametrize("value", ["", 1, None, ["dc+sd-jwt"], "x" * (MAX_TEXT + 1)])
def test_format_is_a_text(value: object) -> None:
    assert "format of element 0" in refused(query(credential(format=value)))


def test_formats_that_are_known_are_mapped() -> None:
    assert {name: sorted(FORMATS[name]) for name in FORMATS} == {
        "dc+sd-jwt": [CredentialFormat.SD_JWT],
        "jwt_vc_json": [CredentialFormat.VC_JWT_1, CredentialFormat.VC_JWT],
        "vc+jwt": [CredentialFormat.VC_JWT],
        "ldp_vc": [CredentialFormat.DATA_INTEGRITY, CredentialFormat.EIP712],
    }


@pytest.mark.parametrize("value", [None, [], "x", 1])
def test_meta_is_an_object(value: object) -> None:
    assert "meta of element 0" in refused(query(credential(meta=value)))


@pytest.mark.parametrize("value", [None, [], "x", [""], [1], [["x"]], ["x"] * (MAX_VALUES + 1)])
def test_types_of_sd_jwts_are_texts(value: object) -> None:
    assert "vct_values of meta" in refused(query(credential(meta={"vct_values": value})))


@pytest.mark.parametrize("value", [None, [], "x", ["x"], [[]], [["x"], []], [[1]]])
def test_types_of_w3c_credentials_are_sets_of_texts(value: object) -> None:
    assert "type_values of meta" in refused(query(credential(meta={"type_values": value})))


@pytest.mark.parametrize("name", ["multiple", "require_cryptographic_holder_binding"])
@pytest.mark.parametrize("value", [None, 0, 1, "true", []])
def test_what_is_true_or_false_is_nothing_else(name: str, value: object) -> None:
    words = refused(query(credential(**{name: value})))
    assert f"{name} of element 0 of credentials of the query is neither true nor false" in words


# -- 6.1.1: trusted authorities ------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        ["aki"],
        [{}],
        [{"type": "aki"}],
        [{"values": ["x"]}],
        [{"type": 1, "values": ["x"]}],
        [{"type": "aki", "values": []}],
        [{"type": "aki", "values": "x"}],
        [{"type": "aki", "values": [1]}],
    ],
)
def test_trusted_authorities_have_a_type_and_values(value: object) -> None:
    assert "trusted_authorities" in refused(query(credential(trusted_authorities=value)))


def test_unknown_type_of_authority_is_no_fault_of_the_query() -> None:
    made = credential(trusted_authorities=[{"type": "star_sign", "values": ["leo"]}])
    (found,) = Query.from_dict(query(made)).credentials
    assert found.trusted_authorities[0].type == "star_sign"


# -- 6.2: credential sets ------------------------------------------------------------------------


@pytest.mark.parametrize("value", [None, [], {}, ["pid"]])
def test_credential_sets_are_a_non_empty_array_of_objects(value: object) -> None:
    assert "credential_sets" in refused(query(credential_sets=value))


@pytest.mark.parametrize("value", [DELETE, None, [], ["pid"], [[]], [["pid"], []], [[1]]])
def test_options_are_non_empty_arrays_of_ids(value: object) -> None:
    made = {} if value is DELETE else {"options": value}
    assert "options" in refused(query(credential_sets=[made]))


def test_option_names_credentials_that_are_there() -> None:
    words = refused(query(credential_sets=[{"options": [["pid"], ["mdl"]]}]))
    assert words == "the query: there is no credential 'mdl'"


@pytest.mark.parametrize("value", [None, 1, "false"])
def test_required_is_true_or_false(value: object) -> None:
    made = {"options": [["pid"]], "required": value}
    assert "required of element 0 of credential_sets" in refused(query(credential_sets=[made]))


# -- 6.3: claims ---------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [None, [], {}, ["path"]])
def test_claims_are_a_non_empty_array_of_objects(value: object) -> None:
    assert "claims of element 0" in refused(query(credential(claims=value)))


@pytest.mark.parametrize(
    "value",
    [DELETE, None, [], "name", [-1], [True], [1.0], [["a"]], [{}], [""], ["x" * (MAX_TEXT + 1)]],
)
def test_path_that_is_none_is_refused(value: object) -> None:
    assert "element 0 of claims" in refused(claims({} if value is DELETE else {"path": value}))


def test_path_longer_than_any_credential_is_deep_is_refused() -> None:
    assert Query.from_dict(claims({"path": ["a"] * MAX_DEPTH}))
    assert f"{MAX_DEPTH + 1} steps" in refused(claims({"path": ["a"] * (MAX_DEPTH + 1)}))


def test_path_has_names_indexes_and_wildcards() -> None:
    (found,) = Query.from_dict(claims({"path": ["a", 0, None, "0"]})).credentials[0].claims
    assert found.path == ("a", 0, None, "0")


@pytest.mark.parametrize("value", [None, [], "x", [None], [1.5], [["x"]], [{}]])
def test_values_are_texts_whole_numbers_and_booleans(value: object) -> None:
    assert "element 0 of claims" in refused(claims({"path": ["a"], "values": value}))


def test_empty_text_is_a_value() -> None:
    (found,) = Query.from_dict(claims({"path": ["a"], "values": [""]})).credentials[0].claims
    assert found.values == ("",)


@pytest.mark.parametrize("value", ["", "a b", 1, None])
def test_id_of_a_claim_is_an_id(value: object) -> None:
    assert "element 0 of claims" in refused(claims({"path": ["a"], "id": value}))


def test_id_of_a_claim_is_there_once() -> None:
    words = refused(claims({"path": ["a"], "id": "x"}, {"path": ["b"], "id": "x"}))
    assert "the claim 'x' is there twice" in words


def test_same_id_of_a_claim_in_two_credentials_is_good() -> None:
    one = {"claims": [{"id": "x", "path": ["a"]}]}
    assert Query.from_dict(query(credential(**one), credential(id="other", **one)))


# -- 6.1 and 6.4.1: claim sets -------------------------------------------------------------------


def test_claims_need_ids_where_there_are_claim_sets() -> None:
    words = refused(claims({"path": ["a"], "id": "x"}, {"path": ["b"]}, claim_sets=[["x"]]))
    assert "not claims that have an id each" in words


def test_claim_sets_need_claims() -> None:
    assert "not claims that have an id each" in refused(query(credential(claim_sets=[["x"]])))


@pytest.mark.parametrize("value", [None, [], "x", ["x"], [[1]], [[""]]])
def test_claim_sets_are_a_non_empty_array_of_arrays(value: object) -> None:
    assert "claim_sets" in refused(claims({"path": ["a"], "id": "x"}, claim_sets=value))


def test_claim_set_names_claims_that_are_there() -> None:
    words = refused(claims({"path": ["a"], "id": "x"}, claim_sets=[["x"], ["y"]]))
    assert words.endswith("there is no claim 'y'")


def test_claim_set_may_ask_for_nothing() -> None:
    found = Query.from_dict(claims({"path": ["a"], "id": "x"}, claim_sets=[["x"], []]))
    assert [len(option) for option in found.credentials[0].options] == [1, 0]


def test_claim_that_is_asked_for_twice_is_asked_for_once() -> None:
    found = Query.from_dict(
        claims({"path": ["a"], "values": ["x"]}, {"path": ["b"]}, {"path": ["a"], "values": ["y"]})
    )
    (option,) = found.credentials[0].options
    assert [(one.path, one.values) for one in option] == [(("a",), ("x",)), (("b",), ())]


def test_options_follow_the_claim_sets() -> None:
    made = [{"path": [name], "id": name} for name in "abc"]
    found = Query.from_dict(claims(*made, claim_sets=[["c", "a"], ["b"]]))
    paths = [[one.path for one in option] for option in found.credentials[0].options]
    assert paths == [[("c",), ("a",)], [("b",)]]


# -- bounds --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        query(*(credential(id=f"c{n}") for n in range(MAX_CREDENTIALS + 1))),
        query(credential_sets=[{"options": [["pid"]]}] * (MAX_CREDENTIALS + 1)),
        query(credential_sets=[{"options": [["pid"]] * (MAX_CREDENTIALS + 1)}]),
        query(credential_sets=[{"options": [["pid"] * (MAX_VALUES + 1)]}]),
        query(credential(meta={"type_values": [["x"]] * (MAX_CREDENTIALS + 1)})),
        claims(*[{"path": ["a"]}] * (MAX_VALUES + 1)),
        claims({"path": ["a"], "values": ["x"] * (MAX_VALUES + 1)}),
        claims({"path": ["a"], "values": ["x" * (MAX_TEXT + 1)]}),
    ],
)
def test_everything_is_bounded(value: Any) -> None:
    assert len(refused(value)) < 400


def test_fault_says_where_it_is() -> None:
    made = claims({"path": ["a"]}, {"path": ["b", -1]})
    assert refused(made) == (
        "element 1 of claims of element 0 of credentials of the query: -1 is no step of a path"
    )
