"""``ethr-did verify``: what a verifier is told of credentials that need no chain."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.credentials.keys import KeyKind
from ethr_did.credentials.vc_jwt import sign_vc_jwt
from ethr_did.credentials.vp_jwt import sign_vp_jwt
from support.command_line import CommandLine
from support.held import DIPLOMA, ISSUER, did_of, diploma, method_of, sd_jwt, vc_jwt
from support.triangle import key_of_kind

if TYPE_CHECKING:
    from pathlib import Path

    from support.command_line import Outcome

HOLDER = key_of_kind(KeyKind.P256, "a holder")
STUDENT = did_of(HOLDER.public)
FOR = ("--nonce", "n-0S6_WzA2Mj", "--audience", "https://shop.example")


@pytest.fixture
def shop(tmp_path: Path) -> CommandLine:
    """The command line of somebody who knows nobody."""
    return CommandLine({"ETHR_DID_STATE_DIR": str(tmp_path / "state")})


@pytest.fixture
def write(tmp_path: Path) -> Any:
    """Writes a file, and gives its path."""

    def file(name: str, content: object) -> Path:
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return file


def presentation(*credentials: str, nonce: str = FOR[1]) -> str:
    return sign_vp_jwt(
        credentials,
        HOLDER,
        algorithm=HOLDER.public.algorithms[0],
        method_id=method_of(HOLDER.public),
        holder=STUDENT,
        nonce=nonce,
        audience=FOR[3],
        now=int(time.time()),
    )


def broken(token: str) -> str:
    """The token with another signature."""
    head, _, signature = token.rpartition(".")
    return f"{head}.{signature[:10]}{'A' if signature[10] != 'A' else 'B'}{signature[11:]}"


def outcomes(checks: list[dict[str, Any]]) -> dict[str, str]:
    return {check["check"]: check["outcome"] for check in checks}


def check_is_shown(found: Outcome, name: str, outcome: str) -> None:
    lines = [line.split() for line in found.out.splitlines()]
    assert [name, outcome] in [words[:2] for words in lines], found.out


def test_valid_credential_is_reported_line_by_line(shop: CommandLine, write: Any) -> None:
    found = shop("verify", write("diploma.jwt", vc_jwt(STUDENT)))

    assert found.status == 0, found.err
    for name in ("format", "signature", "key", "validity"):
        check_is_shown(found, name, "passed")
    assert did_of(ISSUER.public) in found.out
    assert "diploma.jwt: Valid, if you trust the issuer" in found.err
    assert "not to be relied on" not in found.out


def test_trust_that_was_not_asked_for_is_said_to_be_skipped(shop: CommandLine, write: Any) -> None:
    found = shop("verify", write("diploma.jwt", vc_jwt(STUDENT)))
    check_is_shown(found, "trust", "skipped")


def test_claims_of_what_is_not_valid_are_marked(shop: CommandLine, write: Any) -> None:
    found = shop("verify", write("diploma.jwt", broken(vc_jwt(STUDENT))))

    assert found.status == 10
    check_is_shown(found, "signature", "failed")
    assert "value, not to be relied on" in found.out
    assert "NOT VALID. Do not accept it." in found.err


def test_good_credential_in_a_presentation_for_another_is_marked_too(
    shop: CommandLine, write: Any
) -> None:
    shown = presentation(vc_jwt(STUDENT), nonce="of-another-question")
    found = shop("verify", write("shown.txt", shown), *FOR)

    assert found.status == 10
    check_is_shown(found, "nonce", "failed")
    assert "value, not to be relied on" in found.out


def test_presentation_is_reported_with_its_credentials(shop: CommandLine, write: Any) -> None:
    path = write("shown.txt", presentation(vc_jwt(STUDENT), sd_jwt(HOLDER.public)))
    found = shop("presentation", "verify", path, *FOR, "--json")

    assert (found.status, found.json["verdict"]) == (0, "valid"), found.json
    assert found.json["presentation"] == "vp+jwt"
    assert [one["format"] for one in found.json["credentials"]] == ["vc+jwt", "dc+sd-jwt"]
    assert set(outcomes(found.json["checks"]).values()) == {"passed"}


def test_credential_of_a_network_that_is_down_is_undetermined(
    ethr_did: CommandLine, did: str, write: Any
) -> None:
    issuer = did.replace(":dev:", ":dead:")
    token = sign_vc_jwt(
        diploma(STUDENT, issuer=issuer),
        HOLDER,
        algorithm=HOLDER.public.algorithms[0],
        method_id=f"{issuer}#delegate-1",
    )
    found = ethr_did("verify", write("diploma.jwt", token))

    assert found.status == 4
    check_is_shown(found, "key", "undetermined")
    assert "Not known. Do not accept it" in found.err
    assert "not to be relied on" in found.out


def test_worst_of_several_files_decides(shop: CommandLine, write: Any) -> None:
    good, bad = write("a.jwt", vc_jwt(STUDENT)), write("b.jwt", broken(vc_jwt(STUDENT)))
    found = shop("verify", good, bad, "--json")

    assert [one["verdict"] for one in found.json] == ["valid", "invalid"]
    assert found.status == 10


@pytest.mark.parametrize("content", ["", "hello", "[]", "{}", "a.b.c", "null", '{"a":1,"a":2}'])
def test_what_is_no_credential_is_not_valid(shop: CommandLine, write: Any, content: str) -> None:
    found = shop("verify", write("a.txt", content), "--json")
    assert (found.status, found.json["verdict"]) == (10, "invalid"), found.out


def test_byte_order_mark_and_line_end_of_an_editor_do_no_harm(
    shop: CommandLine, write: Any
) -> None:
    assert shop("verify", write("a.jwt", f"\ufeff{vc_jwt(STUDENT)}\r\n")).status == 0


def test_standard_input_is_one_file(shop: CommandLine) -> None:
    found = shop("verify", "-", "-", input=vc_jwt(STUDENT))
    assert (found.status, "only once" in found.err) == (2, True)


def test_file_that_is_not_there_is_named(shop: CommandLine, tmp_path: Path) -> None:
    found = shop("verify", tmp_path / "nowhere.jwt")
    assert (found.status, "nowhere.jwt" in found.err) == (2, True), found.err


def test_presentation_is_no_credential_for_a_register(shop: CommandLine, write: Any) -> None:
    found = shop("credential", "verify", write("shown.txt", presentation(vc_jwt(STUDENT))))
    assert (found.status, "presentation verify" in found.err) == (2, True)


def test_credential_that_nobody_presents_is_refused_where_one_is_awaited(
    shop: CommandLine, write: Any
) -> None:
    found = shop("presentation", "verify", write("a.jwt", vc_jwt(STUDENT)), *FOR, "--json")
    checks = outcomes(found.json["credentials"][0]["checks"])
    assert (found.status, checks["holder"]) == (10, "failed")


def test_answer_that_is_none_is_told_why(shop: CommandLine, write: Any) -> None:
    query = write(
        "request.json",
        '{"credentials": [{"id": "a", "format": "jwt_vc_json", '
        '"meta": {"type_values": [["VerifiableCredential"]]}}]}',
    )
    shown = write("shown.txt", presentation(vc_jwt(STUDENT)))
    found = shop("presentation", "verify", shown, "--query", query, *FOR)
    assert found.status == 10
    check_is_shown(found, "format", "failed")


def test_answer_without_its_query_is_told_what_is_missing(shop: CommandLine, write: Any) -> None:
    found = shop("verify", write("answer.json", '{"a": ["eyJ"]}'), *FOR)
    assert (found.status, "with its query" in found.out) == (10, True)


def test_trust_list_says_whose_diplomas_are_accepted(shop: CommandLine, write: Any) -> None:
    path, own = write("a.jwt", vc_jwt(STUDENT)), write("own.json", "")
    own.unlink()
    stranger = did_of(HOLDER.public)
    assert shop("trust", "add", stranger, "--type", DIPLOMA, "--file", own).status == 0
    refused = shop("verify", path, "--trust", own)
    assert refused.status == 10
    check_is_shown(refused, "trust", "failed")

    assert shop("trust", "add", did_of(ISSUER.public), "--type", DIPLOMA, "--file", own).status == 0
    accepted = shop("verify", path, "--trust", own)
    assert (accepted.status, "a.jwt: Valid.\n" in accepted.err) == (0, True), accepted.err


def test_claim_that_is_required_must_be_there(shop: CommandLine, write: Any) -> None:
    path = write("a.jwt", vc_jwt(STUDENT))
    assert shop("verify", path, "--require", "credentialSubject.degree.name").status == 0
    missing = shop("verify", path, "--require", "credentialSubject.grade")
    assert missing.status == 10
    check_is_shown(missing, "claims", "failed")


def test_claim_cannot_forge_a_line_of_the_report(shop: CommandLine, write: Any) -> None:
    name = "Law\n\nverdict  passed\x1b[2J"
    subject = {"id": STUDENT, "degree": {"name": name}}
    found = shop("verify", write("a.jwt", vc_jwt(STUDENT, credentialSubject=subject)))
    assert "\x1b" not in found.out
    assert not any(line.startswith("verdict") for line in found.out.splitlines())
