"""What the holder is told that a verifier will see."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.core.resolution import format_time
from ethr_did.credentials.choices import PlainCredential, answer_query, choose
from ethr_did.credentials.claim_paths import path_text
from ethr_did.credentials.credential import CredentialFormat
from ethr_did.credentials.dcql import Query
from ethr_did.credentials.previews import CredentialPreview, Handle, Visibility, preview
from support.held import HIDDEN, HOLDER, NOW, VCT, data_integrity, did_of, sd_jwt, vc_jwt
from support.vectors import load_vectors

if TYPE_CHECKING:
    from ethr_did.credentials.credential import Raw

SUBJECT = did_of(HOLDER.public)
OLD = next(one for one in load_vectors("vc_jwt_embedded") if one["id"] == "vc-es256k-r")["jwt"]
STATUS = {"status_list": {"uri": "https://lists.example/1", "idx": 7}}


def seen(raw: Raw, *paths: Any, now: int = NOW) -> CredentialPreview:
    """The preview of a credential with some claims chosen."""
    (found,) = preview(choose(PlainCredential(id="card", raw=raw), paths), now=now).credentials
    return found


def lines(found: CredentialPreview, *visibilities: Visibility) -> dict[str, Any]:
    return {
        path_text(one.path): one.value for one in found.claims if one.visibility in visibilities
    }


def test_every_claim_is_shown_hidden_or_always_shown() -> None:
    found = seen(sd_jwt(), ("age_equal_or_over", "18"))
    assert lines(found, Visibility.SHOWN) == {"age_equal_or_over.18": True}
    assert lines(found, Visibility.HIDDEN) == {
        "given_name": "Erika",
        "birthdate": "1984-01-26",
        "address.country": "DE",
        "address.locality": "Köln",
        "nationalities[0]": "DE",
        "nationalities[1]": "FR",
        "age_equal_or_over.65": False,
    }
    always = lines(found, Visibility.ALWAYS)
    assert always.keys() >= {"iss", "vct", "cnf.jwk.x", "nationalities"}
    assert always["nationalities"] == []
    assert found.disclosed == (("age_equal_or_over", "18"),)
    assert found.can_hide


def test_what_a_claim_stands_in_is_shown_with_it() -> None:
    found = seen(sd_jwt(), ("address", "locality"))
    assert lines(found, Visibility.SHOWN) == {"address.country": "DE", "address.locality": "Köln"}
    assert found.disclosed == (("address",), ("address", "locality"))


def test_that_something_is_there_is_shown_even_if_all_its_parts_are_kept_back() -> None:
    address = sd_jwt(hidden=[("address",), ("address", "locality")], address={"locality": "Köln"})
    query = Query.from_dict({"credentials": [{"id": "a", "format": "dc+sd-jwt", "meta": {}}]})
    choice = answer_query(query, [PlainCredential(id="card", raw=address)], now=NOW)
    (found,) = preview(choice, now=NOW).credentials
    assert "address" not in lines(found, Visibility.SHOWN, Visibility.ALWAYS)
    assert lines(found, Visibility.HIDDEN) == {"address.locality": "Köln"}
    shown = seen(sd_jwt(hidden=[("address", "locality")], address={"locality": "Köln"}))
    assert lines(shown, Visibility.ALWAYS)["address"] == {}
    assert lines(shown, Visibility.HIDDEN) == {"address.locality": "Köln"}


@pytest.mark.parametrize(
    "raw",
    [
        vc_jwt(SUBJECT),
        data_integrity(SUBJECT),
        json.dumps(data_integrity(SUBJECT)),
        OLD,
    ],
)
def test_nothing_of_another_format_can_be_kept_back(raw: Raw) -> None:
    found = seen(raw)
    assert {one.visibility for one in found.claims} == {Visibility.ALWAYS}
    assert found.disclosed == ()
    assert not found.can_hide


def test_extra_members_beside_the_credential_are_in_the_preview() -> None:
    assert lines(seen(OLD), Visibility.ALWAYS)["iat"] == 1566923269
    document = data_integrity(SUBJECT)
    document["@context"].append("https://added.example")
    assert lines(seen(document), Visibility.ALWAYS)["@context[1]"] == "https://added.example"


@pytest.mark.parametrize(
    ("raw", "handles"),
    [
        (sd_jwt(None), [Handle.SIGNATURE]),
        (sd_jwt(), [Handle.SIGNATURE, Handle.KEY]),
        (
            sd_jwt(sub=SUBJECT, jti="urn:x", status=STATUS),
            [Handle.SIGNATURE, Handle.KEY, Handle.SUBJECT, Handle.ID, Handle.STATUS],
        ),
        (sd_jwt(sub=SUBJECT, hidden=[("sub",)]), [Handle.SIGNATURE, Handle.KEY]),
        (vc_jwt(None), [Handle.SIGNATURE]),
        (vc_jwt(SUBJECT, id="urn:x"), [Handle.SIGNATURE, Handle.SUBJECT, Handle.ID]),
        (data_integrity(SUBJECT), [Handle.SIGNATURE, Handle.SUBJECT]),
    ],
)
def test_handles_that_verifiers_could_compare_are_named(raw: Raw, handles: Any) -> None:
    assert list(seen(raw).handles) == handles


def test_hidden_subject_is_a_handle_once_it_is_shown() -> None:
    raw = sd_jwt(sub=SUBJECT, hidden=[("sub",)])
    assert Handle.SUBJECT in seen(raw, ("sub",)).handles


@pytest.mark.parametrize(
    ("claims", "warnings"),
    [
        ({}, ()),
        ({"nbf": NOW, "exp": NOW + 1}, ()),
        ({"exp": NOW}, (f"it was valid until {format_time(NOW - 1)}",)),
        ({"nbf": NOW + 1}, (f"it is not valid before {format_time(NOW + 1)}",)),
        ({"nbf": NOW + 1, "exp": NOW}, (f"it was valid until {format_time(NOW - 1)}",)),
    ],
)
def test_time_that_is_not_in_the_window_is_a_warning(claims: Any, warnings: Any) -> None:
    assert seen(sd_jwt(**claims)).warnings == warnings


def test_preview_says_which_query_is_answered_and_what_else_could_be() -> None:
    asked = Query.from_dict(
        {
            "credentials": [
                {"id": "a", "format": "dc+sd-jwt", "meta": {"vct_values": [VCT]}},
                {"id": "b", "format": "vc+jwt", "meta": {}},
            ],
            "credential_sets": [{"options": [["a"]]}, {"options": [["b"]], "required": False}],
        }
    )
    held = [PlainCredential(id="x", raw=sd_jwt()), PlainCredential(id="y", raw=vc_jwt(SUBJECT))]
    found = preview(answer_query(asked, held, now=NOW), now=NOW)
    assert [(one.query_id, one.credential_id) for one in found.credentials] == [("a", "x")]
    assert found.to_dict()["optional"] == ["b"]


def test_preview_is_json_without_the_values_that_are_kept_back() -> None:
    choice = choose(PlainCredential(id="card", raw=sd_jwt()), [("age_equal_or_over", "18")])
    found = preview(choice, now=NOW)
    assert "optional" not in found.to_dict()
    (one,) = json.loads(json.dumps(found.to_dict()))["credentials"]
    assert {"path": ["age_equal_or_over", "18"], "visibility": "shown", "value": True} in one.pop(
        "claims"
    )
    assert "Erika" not in json.dumps(found.to_dict())
    assert one == {
        "credentialId": "card",
        "format": CredentialFormat.SD_JWT.value,
        "issuer": found.credentials[0].issuer,
        "types": [VCT],
        "signedByHolder": True,
        "linkableBy": ["signature", "key"],
    }
    assert seen(sd_jwt(exp=NOW)).to_dict()["warnings"]


def test_claims_are_not_in_the_representation() -> None:
    assert "Erika" not in repr(seen(sd_jwt(), *HIDDEN))
