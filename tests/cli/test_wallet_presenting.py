"""``ethr-did wallet present``: what the holder is told, asked, and what is handed over."""

from __future__ import annotations

import json
import stat
import time
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.chain.secret_files import write_new_file
from ethr_did.credentials.dcql_response import read_vp_token
from ethr_did.credentials.keys import KeyKind
from ethr_did.credentials.policy import Policy
from ethr_did.credentials.questions import Outside
from ethr_did.credentials.reading import read_credential, read_presentation
from ethr_did.credentials.verification import Verifier
from ethr_did.did_methods import DIDResolver
from support.command_line import CommandLine
from support.held import VCT, did_of
from support.wallets import NOW, PASSWORD, make_wallet, sd_jwt, vc_jwt

if TYPE_CHECKING:
    from pathlib import Path

    from support.command_line import Outcome

FOR = ("--nonce", "n-0S6_WzA2Mj", "--audience", "https://shop.example")
POLICY = Policy(nonce=FOR[1], audience=FOR[3])
ADULT: dict[str, Any] = {
    "id": "adult",
    "format": "dc+sd-jwt",
    "meta": {"vct_values": [VCT]},
    "claims": [{"path": ["age_equal_or_over", "18"], "values": [True]}],
}
DEGREE: dict[str, Any] = {"id": "degree", "format": "jwt_vc_json", "meta": {}}


@pytest.fixture
def password(tmp_path: Path) -> Path:
    """A file with the password."""
    path = tmp_path / "password"
    write_new_file(path, PASSWORD.encode())
    return path


@pytest.fixture
def holder(tmp_path: Path, password: Path) -> CommandLine:
    """The command line of somebody with a card, a second card, and a diploma."""
    with make_wallet(tmp_path / "state" / "wallet.json") as wallet:
        key = wallet.add_key(KeyKind.P256, label="mine", now=NOW).public
        cnf = {"jwk": key.to_jwk()}
        held = {
            "card": sd_jwt(cnf=cnf, exp=int(time.time()) + 900, iat=1),
            "old": sd_jwt(cnf=cnf, exp=2, iat=1),
            "diploma": vc_jwt(did_of(key)),
            "free": sd_jwt(vct="free", note="x" * 99, exp=int(time.time()) + 900, iat=1),
        }
        for label, raw in held.items():
            wallet.add_credential(raw, format_name="", label=label, now=NOW)
    return CommandLine(
        {"ETHR_DID_STATE_DIR": str(tmp_path / "state"), "WALLET_PASSWORD": str(password)}
    )


def present(holder: CommandLine, *options: Any, **more: Any) -> Outcome:
    password = holder.environment["WALLET_PASSWORD"]
    return holder("wallet", "present", *options, "--password-file", password, **more)


@pytest.fixture
def request_file(tmp_path: Path) -> Path:
    """A file for a query."""
    return tmp_path / "request.json"


def ask(path: Path, *credentials: Any, **members: Any) -> tuple[str, Path]:
    """The option for a query."""
    path.write_text(json.dumps({"credentials": list(credentials), **members}))
    return "--query", path


def is_good(presentation: Any) -> bool:
    """Whether the shop accepts it, its time and status aside."""
    verifier = Verifier(Outside(dids=DIDResolver()))
    return verifier.verify(presentation, POLICY).is_valid


# -- by name -------------------------------------------------------------------------------------


def test_named_claims_are_presented(holder: CommandLine) -> None:
    made = present(
        holder, "--credential", "card", "--disclose", "age_equal_or_over.18", *FOR, "--yes"
    )
    assert made.status == 0, made.err
    token = made.out.strip()
    assert is_good(token)
    claims = read_credential(token).claims
    assert claims["age_equal_or_over"] == {"18": True, "65": False}
    assert "birthdate" not in claims


def test_holder_is_told_what_is_seen_before(holder: CommandLine) -> None:
    made = present(holder, "--credential", "card", "--disclose", "birthdate", *FOR, "--yes")
    rows = {line.split()[0]: line for line in made.err.splitlines() if line.strip()}
    assert rows["birthdate"].split()[1:] == ["1984-01-26", "shown"]
    assert rows["given_name"].split()[1:] == ["Erika", "kept", "back"]
    assert rows["vct"].split()[2:] == ["always", "shown"]
    assert "the issuer's signature, the holder's key" in made.err
    assert "birthdate" not in made.out


def test_diploma_is_presented_whole(holder: CommandLine) -> None:
    made = present(holder, "--credential", "diploma", *FOR, "--yes")
    assert is_good(made.out.strip())
    assert "Nothing of it can be kept back." in made.err


def test_credential_without_a_holder_needs_nobody_to_sign(holder: CommandLine) -> None:
    made = present(holder, "--credential", "free", "--yes")
    assert made.status == 0, made.err
    assert made.out.strip().endswith("~")
    assert "You do not sign for it" in made.err


def test_expired_credential_is_shown_with_a_warning(holder: CommandLine) -> None:
    made = present(holder, "--credential", "old", *FOR, "--yes")
    assert made.status == 0, made.err
    assert "Warning: it was valid until 1970-01-01T00:00:01Z." in made.err


def test_long_values_are_cut(holder: CommandLine) -> None:
    made = present(holder, "--credential", "free", "--dry-run")
    assert "…" in made.out


# -- by a query ----------------------------------------------------------------------------------


def test_query_is_answered_and_verified(holder: CommandLine, request_file: Path) -> None:
    query = ask(request_file, ADULT, DEGREE)
    made = present(holder, *query, *FOR, "--yes")
    assert made.status == 0, made.err
    found = read_vp_token(made.out.encode())
    assert list(found) == ["adult", "degree"]
    assert all(is_good(one) for each in found.values() for one in each)
    assert "asked for as  adult" in made.err


def test_query_of_standard_input_is_answered(holder: CommandLine) -> None:
    query = json.dumps({"credentials": [DEGREE]})
    made = present(holder, "--query", "-", *FOR, "--yes", stdin=query)
    assert list(made.json) == ["degree"]


def test_only_named_credentials_are_considered(holder: CommandLine, request_file: Path) -> None:
    query = ask(request_file, {**ADULT, "multiple": True})
    one = present(holder, *query, *FOR, "--yes").json["adult"]
    assert len(one) == 1
    both = ("--credential", "card", "--credential", "old")
    assert len(present(holder, *query, *both, *FOR, "--yes").json["adult"]) == 2
    made = present(holder, *query, "--credential", "diploma", *FOR, "--yes", "--json")
    assert made.status == 2
    assert made.error["code"] == "invalid_query"


def test_what_the_verifier_would_like_is_told(holder: CommandLine, request_file: Path) -> None:
    sets = [{"options": [["adult"]]}, {"options": [["degree"]], "required": False}]
    query = ask(request_file, ADULT, DEGREE, credential_sets=sets)
    least = present(holder, *query, *FOR, "--yes")
    assert list(least.json) == ["adult"]
    assert "would like it: degree. Show it: --with-optional" in least.err
    assert list(present(holder, *query, "--with-optional", *FOR, "--yes").json) == [
        "adult",
        "degree",
    ]


def test_query_that_nothing_answers_says_why(holder: CommandLine, request_file: Path) -> None:
    query = ask(request_file, {**ADULT, "claims": [{"path": ["family_name"]}]})
    made = present(holder, *query, *FOR, "--yes")
    assert (made.status, made.out) == (2, "")
    assert "what is asked for is not in it: 'family_name'" in made.err


# -- for programs --------------------------------------------------------------------------------


def test_presentation_is_json_with_what_it_shows(holder: CommandLine) -> None:
    options = ("--credential", "card", "--disclose", "given_name", *FOR, "--yes", "--json")
    made = present(holder, *options)
    assert made.err == ""
    assert is_good(made.json["presentation"])
    (seen,) = made.json["preview"]["credentials"]
    shown = [one["value"] for one in seen["claims"] if one["visibility"] == "shown"]
    assert shown == ["Erika"]


def test_answer_to_a_query_is_json_with_what_it_shows(
    holder: CommandLine, request_file: Path
) -> None:
    made = present(holder, *ask(request_file, ADULT), *FOR, "--yes", "--json")
    assert set(made.json) == {"vp_token", "preview"}
    assert is_good(made.json["vp_token"]["adult"][0])


def test_presentation_is_written_for_its_owner_only(holder: CommandLine, tmp_path: Path) -> None:
    out = tmp_path / "shown.txt"
    options = ("--credential", "card", *FOR, "--yes", "--out", out)
    made = present(holder, *options)
    assert (made.status, made.out) == (0, f"{out}\n")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert is_good(out.read_text().strip())
    again = present(holder, *options, "--json")
    assert (again.status, again.error["code"]) == (2, "invalid_file")
    other = present(holder, *options[:-1], tmp_path / "other.txt", "--json")
    assert other.json["out"] == str(tmp_path / "other.txt")
    assert "presentation" not in other.json
    nowhere = present(holder, *options[:-1], tmp_path / "no" / "file", "--json")
    assert nowhere.error["code"] == "invalid_file"


# -- asked first ---------------------------------------------------------------------------------


def test_dry_run_signs_nothing(holder: CommandLine, request_file: Path) -> None:
    made = present(holder, *ask(request_file, ADULT), "--dry-run")
    assert made.status == 0, made.err
    assert "kept back" in made.out
    assert "eyJ" not in made.out
    found = present(holder, "--credential", "card", "--dry-run", "--json").json
    assert list(found) == ["credentials"]


def test_nothing_is_shown_in_a_pipe_without_yes(holder: CommandLine) -> None:
    made = present(holder, "--credential", "card", *FOR)
    assert (made.status, made.out) == (2, "")
    assert "There is no terminal to ask at: add --yes" in made.err


@pytest.mark.parametrize(
    ("answer", "status", "words"), [("y", 0, "eyJ"), ("n", 130, "nothing was shown")]
)
def test_holder_is_asked_on_a_terminal(
    holder: CommandLine, answer: str, status: int, words: str
) -> None:
    password = holder.environment["WALLET_PASSWORD"]
    made = holder.typed(
        *("wallet", "present", "--credential", "card", *FOR, "--password-file", password),
        answers=[("Show this to https://shop.example?", f"{answer}\n")],
        columns=200,
    )
    assert made.status == status, made.out
    assert words in made.out
    assert made.out.index("kept back") < made.out.index("Show this to")
    assert ("eyJ" in made.out) is (status == 0)


# -- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize("missing", [FOR[:2], FOR[2:], ()])
def test_nonce_and_audience_are_missed_before_anybody_is_asked(
    holder: CommandLine, missing: tuple[str, ...]
) -> None:
    made = present(holder, "--credential", "card", *missing, "--json")
    assert (made.status, made.error["code"]) == (2, "invalid_option")


def test_command_needs_a_query_or_one_credential(holder: CommandLine, request_file: Path) -> None:
    query = ask(request_file, ADULT)
    for options in (
        (),
        ("--credential", "card", "--credential", "old"),
        (*query, "--disclose", "birthdate"),
    ):
        made = present(holder, *options, *FOR, "--yes")
        assert made.status == 2
        assert "--query" in made.err


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--credential", "nobody"), "not_found"),
        (("--credential", "card", "--disclose", "family_name"), "invalid_input"),
        (("--credential", "card", "--disclose", "a..b"), "invalid_input"),
    ],
)
def test_what_is_not_there_is_refused(
    holder: CommandLine, options: tuple[str, ...], code: str
) -> None:
    assert present(holder, *options, *FOR, "--yes", "--json").error["code"] == code


def test_query_that_is_none_is_refused(holder: CommandLine, request_file: Path) -> None:
    request_file.write_text("{}")
    made = present(holder, "--query", request_file, *FOR, "--yes", "--json")
    assert made.error["code"] == "invalid_query"


def test_key_that_is_not_in_the_wallet_is_missed(holder: CommandLine, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    password = holder.environment["WALLET_PASSWORD"]
    card = holder("wallet", "show", "card", "--raw", "--password-file", password).out
    with make_wallet(other) as wallet:
        wallet.add_credential(card, format_name="", label="card", now=NOW)
    made = present(holder, "--wallet", other, "--credential", "card", *FOR, "--yes", "--json")
    assert (made.status, made.error["code"]) == (6, "signer_error")


def test_presentation_is_for_the_verifier_that_is_named(holder: CommandLine) -> None:
    token = present(holder, "--credential", "card", *FOR, "--yes").out.strip()
    found = read_presentation(token)
    assert (found.nonce, found.audience) == (FOR[1], (FOR[3],))


def test_shop_verifies_what_the_holder_answered(
    holder: CommandLine, request_file: Path, tmp_path: Path
) -> None:
    query = ask(request_file, ADULT, DEGREE)
    out = tmp_path / "response.json"
    assert present(holder, *query, *FOR, "--yes", "--out", out).status == 0
    options = (*query, *FOR, "--any-issuer", "--json")
    found = holder("presentation", "verify", out, *options)
    assert (found.status, found.json["valid"]) == (0, True), found.out
    asked = ask(request_file, {**ADULT, "claims": [{"path": ["birthdate"]}]}, DEGREE)
    more = holder("presentation", "verify", out, *asked, *FOR, "--any-issuer", "--json")
    assert (more.status, more.json["valid"]) == (10, False)
