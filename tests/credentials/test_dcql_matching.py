"""Whether a credential answers a query for one. Rules are named as OpenID4VP 1.0 numbers them."""

from __future__ import annotations

from typing import Any

import pytest

from ethr_did.credentials.claim_paths import value_at
from ethr_did.credentials.credential import CredentialFormat
from ethr_did.credentials.dcql import CredentialQuery, Query
from ethr_did.credentials.dcql_matching import Match, Mismatch, Shortfall, can_be_bound, match
from support.held import HOLDER, PERSON, VCT, plain
from support.vectors import vectors

VC_TYPES = ("VerifiableCredential", "DiplomaCredential")
W3C = [one for one in CredentialFormat if one is not CredentialFormat.SD_JWT]


def asked(*claims: Any, **members: Any) -> CredentialQuery:
    """A query for one credential, with claims given by their paths or whole."""
    found = {"id": "q", "format": "dc+sd-jwt", "meta": {}, **members}
    if claims:
        found["claims"] = [one if isinstance(one, dict) else {"path": one} for one in claims]
    (read,) = Query.from_dict({"credentials": [found]}).credentials
    return read


def paths(query: CredentialQuery, claims: Any = PERSON, **options: Any) -> list[Any] | None:
    """The paths that match; None if there is no match."""
    outcome = match(query, plain(claims), **{"is_bound": True, **options})
    return list(outcome.paths) if isinstance(outcome, Match) else None


def reason(query: CredentialQuery, **members: Any) -> tuple[Shortfall, str]:
    outcome = match(query, plain(**members), is_bound=True)
    assert isinstance(outcome, Mismatch)
    return outcome.reason, outcome.message


# -- 6.1: format and meta ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "formats"),
    [
        ("dc+sd-jwt", {CredentialFormat.SD_JWT}),
        ("jwt_vc_json", {CredentialFormat.VC_JWT, CredentialFormat.VC_JWT_1}),
        ("vc+jwt", {CredentialFormat.VC_JWT}),
        ("ldp_vc", {CredentialFormat.EIP712, CredentialFormat.DATA_INTEGRITY}),
        ("mso_mdoc", set()),
        ("DC+SD-JWT", set()),
        ("vc+sd-jwt", set()),
    ],
)
def test_name_of_a_format_means_its_formats(name: str, formats: set[CredentialFormat]) -> None:
    query = asked(format=name)
    found = {
        one
        for one in CredentialFormat
        if isinstance(match(query, plain(format=one), is_bound=True), Match)
    }
    assert found == formats


def test_other_format_is_the_first_reason() -> None:
    query = asked(["nobody"], format="mso_mdoc", meta={"vct_values": ["other"]})
    assert reason(query) == (Shortfall.FORMAT, "its format is dc+sd-jwt, not 'mso_mdoc'")


def test_one_of_the_types_of_an_sd_jwt_is_enough() -> None:
    assert paths(asked(meta={"vct_values": ["other", VCT]})) == []
    outcome = match(
        asked(meta={"vct_values": ["parent"]}), plain(types=(VCT, "parent")), is_bound=True
    )
    assert isinstance(outcome, Match)


def test_sd_jwt_of_another_type_is_no_match() -> None:
    found, words = reason(asked(meta={"vct_values": ["other"]}))
    assert found is Shortfall.TYPE
    assert words == f"its type is '{VCT}', which is not asked for"


def test_types_for_other_formats_say_nothing() -> None:
    assert paths(asked(meta={"type_values": [["other"]]})) == []
    query = asked(format="vc+jwt", meta={"vct_values": ["other"]})
    vc = plain(format=CredentialFormat.VC_JWT, types=VC_TYPES)
    assert isinstance(match(query, vc, is_bound=True), Match)


@pytest.mark.parametrize(
    ("values", "matches"),
    [
        ([["DiplomaCredential"]], True),
        ([["VerifiableCredential"]], True),
        ([["https://www.w3.org/2018/credentials#VerifiableCredential"]], True),
        ([["DiplomaCredential", "VerifiableCredential"]], True),
        ([["other"], ["DiplomaCredential"]], True),
        ([["DiplomaCredential", "other"]], False),
        ([["https://example.org/examples#DiplomaCredential"]], False),
        ([["diplomacredential"]], False),
    ],
)
@pytest.mark.parametrize("form", W3C)
def test_w3c_credential_has_all_types_of_one_set(
    values: Any, matches: Any, form: CredentialFormat
) -> None:
    name = {"vc+jwt": "vc+jwt", "jwt_vc": "jwt_vc_json"}.get(form.value, "ldp_vc")
    query = asked(format=name, meta={"type_values": values})
    outcome = match(query, plain(format=form, types=VC_TYPES), is_bound=True)
    assert isinstance(outcome, Match) is matches


# -- 6.1.1: trusted authorities ------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["aki", "etsi_tl", "openid_federation", "did", "star_sign"])
def test_no_authority_certifies_a_did(kind: str) -> None:
    query = asked(trusted_authorities=[{"type": kind, "values": ["did:example:issuer"]}])
    assert reason(query) == (
        Shortfall.AUTHORITY,
        f"its issuer is a DID, and is asked for by '{kind}'",
    )


def test_issuer_is_asked_for_by_the_value_of_its_claim() -> None:
    query = asked({"path": ["iss"], "values": ["did:example:issuer"]})
    assert paths(query, {"iss": "did:example:issuer"}) == [("iss",)]
    assert paths(query, {"iss": "did:example:other"}) is None


# -- 6.1: holder binding -------------------------------------------------------------------------


def test_holder_binding_is_asked_for_unless_it_is_waived() -> None:
    outcome = match(asked(), plain(), is_bound=False)
    assert isinstance(outcome, Mismatch)
    assert outcome.reason is Shortfall.BINDING
    waived = asked(require_cryptographic_holder_binding=False)
    assert isinstance(match(waived, plain(), is_bound=False), Match)
    assert isinstance(match(waived, plain(), is_bound=True), Match)


JWK = HOLDER.public.to_jwk()


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"confirmation": {"jwk": JWK}}, True),
        ({"confirmation": {"kid": "did:example:holder#key"}}, True),
        ({"confirmation": {"kid": "key"}}, False),
        ({"confirmation": {}}, False),
        ({"confirmation": {"jwk": {"kty": "RSA"}}}, False),
        ({"confirmation": None}, False),
        ({"confirmation": None, "subjects": ("did:example:holder",)}, False),
    ],
)
def test_sd_jwt_can_be_bound_by_a_good_cnf_only(members: Any, expected: Any) -> None:
    assert can_be_bound(plain(**members)) is expected


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"subjects": ("did:example:holder",)}, True),
        ({"subjects": ("urn:x", "did:example:holder")}, True),
        ({"subjects": ("urn:x",)}, False),
        ({"subjects": ()}, False),
        ({"subjects": (), "confirmation": {"jwk": JWK}}, True),
        ({"subjects": ("did:example:holder",), "confirmation": {}}, False),
    ],
)
@pytest.mark.parametrize("form", W3C)
def test_w3c_credential_can_be_bound_by_its_subject(
    members: Any, expected: Any, form: CredentialFormat
) -> None:
    assert can_be_bound(plain(format=form, **{"confirmation": None, **members})) is expected


# -- 7.1.1: paths --------------------------------------------------------------------------------


@vectors("dcql", "path")
def test_path_of_the_specification_selects_what_it_says(vector: dict[str, Any]) -> None:
    found = paths(asked(vector["path"]), vector["claims"])
    assert found is not None
    assert [value_at(vector["claims"], path) for path in found] == vector["selected"]


@pytest.mark.parametrize(
    "path",
    [
        ["nobody"],
        ["given_name", "first"],  # a name leads from objects only
        ["nationalities", "0"],
        ["given_name", None],  # null leads from arrays only
        ["address", None],
        ["given_name", 0],  # an index leads from arrays only
        ["address", 0],
        ["nationalities", 2],
        ["nationalities", None, "x"],
        ["none", None],  # nothing is selected in the end
        ["none", None, "x"],
    ],
)
def test_path_that_selects_nothing_is_a_claim_that_is_not_there(path: list[Any]) -> None:
    assert paths(asked(path), {**PERSON, "none": []}) is None


def test_path_is_wrong_if_it_does_not_lead_on_from_one_of_the_elements() -> None:
    claims = {"mixed": [{"a": 1}, "text"], "gaps": [{"a": 1}, {"b": 2}]}
    assert paths(asked(["mixed", None, "a"]), claims) is None
    assert paths(asked(["gaps", None, "a"]), claims) == [("gaps", 0, "a")]


def test_paths_that_meet_are_there_once() -> None:
    found = paths(asked(["nationalities", None], ["nationalities", 1], ["given_name"]))
    assert found == [("nationalities", 0), ("nationalities", 1), ("given_name",)]


# -- 6.3: values ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "wanted", "matches"),
    [
        ("x", ["x"], True),
        ("x", ["y", "x"], True),
        ("x", ["X"], False),
        ("1", [1], False),
        (1, ["1"], False),
        (1, [1], True),
        (1, [True], False),
        (True, [1], False),
        (True, [True], True),
        (False, [0], False),
        (False, [True, False], True),
        (1.0, [1], False),
        (None, ["x", 0, False], False),
        ({"a": 1}, ["x"], False),
        (["x"], ["x"], False),
        ("", [""], True),
    ],
)
def test_value_matches_in_type_and_value(value: Any, wanted: Any, matches: Any) -> None:
    found = paths(asked({"path": ["claim"], "values": wanted}), {"claim": value})
    assert (found is not None) is matches


def test_of_several_elements_those_with_one_of_the_values_are_left() -> None:
    query = asked({"path": ["nationalities", None], "values": ["FR", "IT"]})
    assert paths(query) == [("nationalities", 1)]
    assert paths(asked({"path": ["nationalities", None], "values": ["IT"]})) is None


# -- 6.4.1: claims and their alternatives --------------------------------------------------------


def test_no_claims_ask_for_none() -> None:
    assert paths(asked()) == []


def test_all_claims_are_wanted_without_alternatives() -> None:
    assert paths(asked(["given_name"], ["birthdate"])) == [("given_name",), ("birthdate",)]
    assert paths(asked(["given_name"], ["nobody"])) is None


def test_first_alternative_that_is_whole_counts() -> None:
    claims = [
        {"id": "all", "path": ["nobody"]},
        {"id": "adult", "path": ["age_equal_or_over", "18"], "values": [True]},
        {"id": "birth", "path": ["birthdate"]},
    ]
    query = asked(*claims, claim_sets=[["all"], ["adult"], ["birth"]])
    outcome = match(query, plain(), is_bound=True)
    assert outcome == Match(paths=(("age_equal_or_over", "18"),), option=1)
    minor = {**PERSON, "age_equal_or_over": {"18": False}}
    assert paths(query, minor) == [("birthdate",)]


def test_reason_names_claims_and_no_values() -> None:
    claims = [
        {"id": "a", "path": ["nobody"]},
        {"id": "b", "path": ["given_name"], "values": ["Otto"]},
    ]
    found, words = reason(asked(*claims, claim_sets=[["a", "b"], ["b"]]))
    assert found is Shortfall.CLAIMS
    assert words == (
        "what is asked for is not in it: 'nobody', 'given_name' with one of the values; "
        "or 'given_name' with one of the values"
    )


def test_long_path_is_cut_in_reasons() -> None:
    assert len(reason(asked(["x" * 1000]))[1]) < 200


# -- what a verifier is shown --------------------------------------------------------------------


def test_element_whose_neighbours_were_kept_back_is_found() -> None:
    query = asked(["nationalities", 1])
    assert paths(query, {"nationalities": ["FR"]}, is_shown=True) == [("nationalities", 0)]
    assert paths(query, {"nationalities": ["FR"]}) is None


def test_element_is_not_found_behind_the_index_that_is_asked_for() -> None:
    query = asked({"path": ["nationalities", 0], "values": ["FR"]})
    assert paths(query, PERSON, is_shown=True) is None


def test_only_of_an_sd_jwt_can_elements_be_kept_back() -> None:
    query = asked(["list", 1], format="vc+jwt")
    shown = plain({"list": ["x"]}, format=CredentialFormat.VC_JWT, types=VC_TYPES)
    assert isinstance(match(query, shown, is_bound=True, is_shown=True), Mismatch)
