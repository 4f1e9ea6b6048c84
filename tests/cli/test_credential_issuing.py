"""``credential issue``, ``show``, ``revoke``, ``reissue``, ``key new`` and ``templates``."""

from __future__ import annotations

import io
import json
import shlex
import stat
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.credentials.batch_files import BatchReader
from ethr_did.credentials.credential import CredentialFormat
from ethr_did.credentials.deliveries import CredentialLines
from ethr_did.credentials.keys import KeyKind
from ethr_did.credentials.reading import read_credential
from ethr_did.credentials.templates import find_template
from ethr_did.status.store import StatusStore
from support.credential_office import HOLDER, NOW, PERSON, PERSONAL, an_issuer, key_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ethr_did.credentials.signing_keys import LocalKey
    from support.command_line import CommandLine, Outcome

KEY = key_of(seed="holder")
has_list = pytest.mark.usefixtures("lifecycle")


@pytest.fixture
def jwk(tmp_path: Path) -> Path:
    """The public key of a holder."""
    path = tmp_path / "holder.jwk"
    path.write_text(json.dumps(KEY.public.to_jwk()))
    return path


@pytest.fixture
def claims(tmp_path: Path) -> Path:
    """What a diploma says."""
    path = tmp_path / "claims.json"
    path.write_text(json.dumps(PERSON))
    return path


@pytest.fixture
def issue(ethr_did: CommandLine, did: str, claims: Path, jwk: Path) -> Callable[..., Outcome]:
    """Issues a diploma under a reference."""

    def run(reference: str, *options: object, of: str = did) -> Outcome:
        usual = ("--template", "diploma", "--claims", claims, "--holder-key", jwk)
        return ethr_did("credential", "issue", of, *usual, "--reference", reference, *options)

    return run


def verdict(ethr_did: CommandLine, path: Path, *options: object) -> str:
    found: str = ethr_did("credential", "verify", path, "--any-issuer", "--json", *options).json[
        "verdict"
    ]
    return found


# -- keys and templates --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["P-256", "Ed25519", "secp256k1"])
def test_a_new_key_says_how_it_is_published_and_then_signs(
    ethr_did: CommandLine, did: str, issue: Callable[..., Outcome], tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "issuer.jwk"
    made = ethr_did("credential", "key", "new", "--type", kind, "--out", path)
    assert (made.status, stat.S_IMODE(path.stat().st_mode)) == (0, 0o600)
    assert json.loads(path.read_text())["d"] not in made.out + made.err
    options = ("--no-status", "--signing-key", f"jwkfile:{path}")
    refused = issue("diploma-1", *options, "--json")
    assert (refused.status, refused.error["code"]) == (2, "invalid_key")
    line = made.out.strip().replace("DID", did)
    assert ethr_did(*shlex.split(line)[1:]).status == 0
    out = tmp_path / "diploma.sd-jwt"
    assert issue("diploma-1", *options, "--out", out).status == 0
    assert verdict(ethr_did, out) == "valid"
    again = ethr_did("credential", "key", "new", "--out", path)
    assert again.status == 6


def test_a_new_key_is_told_as_json(ethr_did: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "k.jwk"
    made = ethr_did("credential", "key", "new", "--out", path, "--json").json
    assert made["jwk"]["crv"] == "P-256"
    assert made["publish"].startswith("ethr-did key add DID Multikey 0x8024")
    assert "d" not in made["jwk"]


def test_templates_are_listed_and_printed_to_be_changed(
    ethr_did: CommandLine, issue: Callable[..., Outcome], tmp_path: Path
) -> None:
    assert "diploma" in ethr_did("credential", "templates").out
    names = [one["name"] for one in ethr_did("credential", "templates", "--json").json]
    assert {"identity", "age", "diploma", "student-card", "employment"} <= set(names)
    printed = ethr_did("credential", "templates", "diploma").json
    own = tmp_path / "own.json"
    own.write_text(json.dumps({**printed, "vct": "https://college.example/diploma"}))
    made = issue("d-1", "--no-status", "--template", own, "--json")
    assert read_credential(made.json["credential"]).types == ("https://college.example/diploma",)
    schema = ethr_did("credential", "templates", own, "--schema").json
    assert schema["properties"]["credentialSubject"]["properties"]["degree"]
    assert ethr_did("credential", "templates", "--schema").status == 2
    assert ethr_did("credential", "templates", "diplom").status == 3


# -- one -----------------------------------------------------------------------------------------


@has_list
@pytest.mark.parametrize("format_", ["sd-jwt", "jwt", "eip712"])
def test_a_credential_is_issued_verified_revoked_and_refused(
    ethr_did: CommandLine, did: str, claims: Path, tmp_path: Path, format_: str
) -> None:
    out = tmp_path / "diploma"
    holder = f"{HOLDER}#controller" if format_ == "sd-jwt" else HOLDER
    made = ethr_did(
        *("credential", "issue", did, "--template", "diploma", "--claims", claims),
        *("--subject", holder, "--format", format_, "--reference", "diploma-1"),
        *("--out", out, "--json"),
    )
    assert made.status == 0, made.err
    assert made.json["status"]["type"] == "EthereumStatusListEntry"
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert verdict(ethr_did, out, "--require-status") == "valid"
    done = ethr_did("credential", "revoke", "diploma-1")
    assert (done.status, done.out) == (0, "Revoked: diploma-1\n")
    assert verdict(ethr_did, out, "--require-status") == "invalid"
    again = ethr_did("credential", "revoke", out, "--json").json
    assert (again["reference"], again["onChain"]["changed"]) == ("diploma-1", 0)


def test_what_is_printed_is_the_credential_and_nothing_else(
    ethr_did: CommandLine, issue: Callable[..., Outcome], tmp_path: Path
) -> None:
    made = issue("diploma-1", "--no-status")
    assert "Issued under the reference diploma-1." in made.err
    path = tmp_path / "d.sd-jwt"
    path.write_text(made.out)
    assert verdict(ethr_did, path) == "valid"
    again = issue("diploma-1", "--no-status", "--json")
    assert (again.status, again.error["code"]) == (2, "invalid_option")
    assert "handed over already" in again.error["message"]


def test_claims_come_from_standard_input_too(ethr_did: CommandLine, did: str, jwk: Path) -> None:
    made = ethr_did(
        *("credential", "issue", did, "--template", "age", "--claims", "-", "--no-status"),
        *("--holder-key", jwk.read_text(), "--valid-days", 1, "--json"),
        stdin='{"birthdate": "1990-01-01"}',
    )
    claims = read_credential(made.json["credential"]).claims
    assert claims["age_equal_or_over"]["18"] is True
    assert claims["exp"] - claims["nbf"] == 86_401
    assert "status" not in made.json or made.json["status"] is None


def test_a_holders_key_is_named_as_wallets_name_it(
    issue: Callable[..., Outcome], tmp_path: Path
) -> None:
    told = tmp_path / "key.json"
    told.write_text(json.dumps({"id": "k", "publicKeyJwk": KEY.public.to_jwk()}))
    for number, named in enumerate((told, f"did:key:{KEY.public.to_multikey()}")):
        made = issue(f"d-{number}", "--no-status", "--holder-key", named, "--json")
        confirmation = read_credential(made.json["credential"]).confirmation
        assert confirmation == {"jwk": KEY.public.to_jwk()}


def test_times_are_given_with_their_zone(issue: Callable[..., Outcome]) -> None:
    window = (
        "--valid-from",
        "2026-01-01T00:00:00.5Z",
        "--valid-until",
        "2099-01-01T00:00:00+01:00",
    )
    made = issue("d-1", "--no-status", "--json", *window)
    found = read_credential(made.json["credential"])
    assert (found.valid_from, found.valid_until) == (1_767_225_601, 4_070_905_200)


def test_a_bearers_credential_is_asked_for(ethr_did: CommandLine, did: str, claims: Path) -> None:
    usual = ("credential", "issue", did, "--template", "diploma", "--claims", claims)
    assert "bound to one key" in ethr_did(*usual, "--no-status").err
    made = ethr_did(*usual, "--no-status", "--bearer", "--json").json
    assert read_credential(made["credential"]).confirmation is None


def test_faults_of_claims_are_told_at_once_and_no_claim_is(
    issue: Callable[..., Outcome], claims: Path
) -> None:
    claims.write_text(json.dumps({**PERSON, "degree": {"type": 7}, "birthdate": "Geheim"}))
    refused = issue("d-1", "--no-status", "--json")
    assert (refused.status, refused.error["code"]) == (2, "invalid_claims")
    assert refused.error["facts"]["faults"] == [
        "/birthdate: it is no date",
        "/degree: name is missing",
        "/degree/type: it is no string",
    ]
    assert "Geheim" not in refused.out + refused.err
    claims.write_text('{"name": Geheim}')
    refused = issue("d-1", "--no-status")
    assert (refused.status, "Geheim" in refused.err) == (2, False)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "Say what it says"),
        (["--claims", "x", "--batch", "y"], "Say what it says"),
        (["--claims", "x"], "Say what kind it is"),
        (["--claims", "x", "--template", "age", "--anchor"], "--anchor is a transaction"),
        (["--claims", "x", "--no-status", "--roll-over"], "--no-status does not go"),
        (["--claims", "x", "--valid-days", "1", "--valid-until", "x"], "say the same"),
        (["--batch", "x", "--template", "age"], "A batch needs a place"),
        (["--batch", "x", "--template", "age", "--out", "-"], "A batch needs a place"),
        (["--batch", "x", "--template", "age", "--reference", "a"], "each row names its reference"),
        (["--batch", "x", "--template", "age", "--valid-from", "a"], "each row names its times"),
        (["--batch", "nowhere", "--template", "age", "--out", "o.jsonl"], "cannot be read"),
        (["--claims", "nowhere", "--template", "age"], "cannot be read"),
        (["--claims", "-", "--template", "nowhere.json"], "cannot be read"),
    ],
)
def test_what_cannot_be_done_is_said(
    ethr_did: CommandLine, did: str, options: list[str], words: str
) -> None:
    done = ethr_did("credential", "issue", did, *options)
    assert (done.status, words in done.err) == (2, True), done.err


def test_without_a_key_nothing_is_signed(
    ethr_did: CommandLine, did: str, claims: Path, jwk: Path
) -> None:
    done = ethr_did(
        *("credential", "issue", did, "--template", "diploma", "--claims", claims),
        *("--holder-key", jwk, "--no-status"),
        ETHR_DID_SIGNER="",
    )
    assert (done.status, "--signing-key" in done.err) == (2, True)


# -- lists ---------------------------------------------------------------------------------------


def test_a_credential_has_a_status_unless_it_is_said_that_it_has_none(
    issue: Callable[..., Outcome],
    new_list: Callable[..., str],
) -> None:
    none = issue("d-1", "--json")
    assert (none.status, "--no-status" in none.error["hint"]) == (3, True)
    suspensions = new_list("--purpose", "suspension")
    assert issue("d-1", "--json").status == 3
    first = new_list()
    assert issue("d-1", "--json").json["status"]["listId"] == first
    second = new_list()
    several = issue("d-2", "--json")
    assert (several.status, "Choose one with --status-list" in several.out) == (2, True)
    made = issue("d-2", "--json", "--status-list", second)
    assert made.json["status"]["listId"] == second
    assert issue("d-3", "--json", "--status-list", suspensions).status == 0
    foreign = first[:-2] + ("00" if first[-2:] != "00" else "01")
    assert issue("d-4", "--json", "--status-list", foreign).status == 3


def test_lists_kept_off_chain_are_changed_in_the_database_and_then_published(
    ethr_did: CommandLine, issue: Callable[..., Outcome], new_list: Callable[..., str]
) -> None:
    new_list("--kind", "ietf", "--url", "https://lists.example/1")
    made = issue("d-1", "--json").json
    assert made["status"]["status_list"]["uri"] == "https://lists.example/1"
    done = ethr_did("credential", "revoke", "d-1", ETHR_DID_SIGNER="")
    assert (done.status, "ethr-did status publish" in done.err) == (0, True)


def test_what_is_final_is_asked_first(
    ethr_did: CommandLine, issue: Callable[..., Outcome], new_list: Callable[..., str]
) -> None:
    new_list("--terminal")
    issue("d-1")
    asked = ethr_did("credential", "revoke", "d-1")
    assert (asked.status, "This is final." in asked.err) == (2, True)
    assert ethr_did("credential", "revoke", "d-1", "--yes").status == 0


# -- batches -------------------------------------------------------------------------------------


TABLE = "reference,subject,family_name,given_name,institution,student_number,birthdate\n"


def rows(count: int) -> str:
    return TABLE + "".join(
        f"card-{number},{HOLDER}#controller,Mustermann-Geheim,Erika,University,{number},2007-01-31\n"
        for number in range(count)
    )


def batch(
    ethr_did: CommandLine, did: str, table: Path | str, out: Path, *options: object
) -> Outcome:
    usual = ("--template", "student-card", "--batch", table, "--out", out)
    return ethr_did("credential", "issue", did, *usual, *options)


@has_list
def test_a_batch_is_issued_once_however_often_it_is_asked_for(
    ethr_did: CommandLine, did: str, tmp_path: Path
) -> None:
    table, out = tmp_path / "cards.csv", tmp_path / "cards.jsonl"
    table.write_text(rows(3))
    assert batch(ethr_did, did, table, out, "--json").json == {
        "issued": 3,
        "skipped": 0,
        "out": str(out),
        "anchored": 0,
    }
    table.write_text(rows(101))
    more = batch(ethr_did, did, table, out)
    assert more.out == f"98 issued, 3 had been issued before: {out}\n"
    assert "is not written again" in more.err
    assert "100 of 101" in more.err
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [one["reference"] for one in lines] == [f"card-{number}" for number in range(101)]
    indexes = {
        read_credential(one["credential"]).claims["credentialStatus"]["statusListIndex"]
        for one in lines
    }
    assert len(indexes) == 101
    path = tmp_path / "one.sd-jwt"
    path.write_text(lines[7]["credential"])
    assert verdict(ethr_did, path, "--require-status") == "valid"


def test_what_an_interrupted_run_left_in_the_file_is_not_issued_again(
    ethr_did: CommandLine, did: str, tmp_path: Path
) -> None:
    path, out = tmp_path / "cards.csv", tmp_path / "cards.jsonl"
    path.write_text(rows(2))
    reader = BatchReader(template=find_template("student-card"), format=CredentialFormat.SD_JWT)
    request, _ = reader.read(io.BytesIO(path.read_bytes()), path.name, now=NOW)
    url = f"sqlite:///{tmp_path}/state/status.db"
    with StatusStore(url) as store, CredentialLines(out) as lines:
        issuer = an_issuer(store, did=did, key=key_of(), network=None)
        lines.deliver([issuer.issue(request, now=NOW)])  # and is killed
    done = batch(ethr_did, did, path, out, "--no-status", "--json")
    assert (done.json["issued"], done.json["skipped"]) == (1, 1)
    assert f"1 of an earlier run are in {out} already." in done.err
    assert len(out.read_text().splitlines()) == 2


@has_list
def test_a_batch_goes_into_a_folder_and_gets_proofs(
    ethr_did: CommandLine, did: str, tmp_path: Path
) -> None:
    out = tmp_path / "cards"
    done = batch(ethr_did, did, "-", out, "--anchor", "--json")
    assert done.status == 2  # nothing on standard input
    path = tmp_path / "cards.csv"
    path.write_text(rows(2))
    done = batch(ethr_did, did, path, out, "--anchor", "--json")
    assert (done.status, done.json["anchored"]) == (0, 2)
    names = sorted(one.name for one in out.iterdir())
    assert names == [
        "card-0.proof.json",
        "card-0.sd-jwt",
        "card-1.proof.json",
        "card-1.sd-jwt",
    ]
    proof = json.loads((out / "card-1.proof.json").read_text())
    assert (proof["type"], proof["position"]) == ("EthereumExistenceProof", 1)


def test_a_batch_of_lines_gets_its_proofs_beside_it(
    ethr_did: CommandLine, did: str, tmp_path: Path
) -> None:
    path, out = tmp_path / "cards.csv", tmp_path / "cards.jsonl"
    path.write_text(rows(2))
    done = batch(ethr_did, did, path, out, "--no-status", "--anchor")
    assert "cards.proofs.jsonl" in done.err
    lines = (tmp_path / "cards.proofs.jsonl").read_text().splitlines()
    assert [json.loads(line)["reference"] for line in lines] == ["card-0", "card-1"]
    again = batch(ethr_did, did, path, out, "--no-status", "--anchor", "--json")
    assert again.json == {"issued": 0, "skipped": 2, "out": str(out), "anchored": 2}
    assert (tmp_path / "cards.proofs.jsonl").read_text().splitlines() == lines


@has_list
def test_all_faults_of_a_batch_are_told_before_the_first_is_issued(
    ethr_did: CommandLine, did: str, tmp_path: Path
) -> None:
    path, out = tmp_path / "cards.csv", tmp_path / "cards.jsonl"
    path.write_text(rows(3).replace(",1,2007", ",,2007").replace(",2,2007-01-31", ",2,31.1.2007"))
    refused = batch(ethr_did, did, path, out, "--json")
    assert (refused.status, refused.error["code"]) == (2, "invalid_file")
    assert refused.error["facts"]["faults"] == [
        "cards.csv line 3: the whole: student_number is missing",
        "cards.csv line 4: /birthdate: it is no date",
    ]
    assert not out.exists()


@has_list
def test_nothing_about_anybody_is_in_database_or_journal(
    ethr_did: CommandLine, did: str, tmp_path: Path
) -> None:
    path, out = tmp_path / "cards.csv", tmp_path / "cards.jsonl"
    path.write_text(rows(3))
    batch(ethr_did, did, path, out, "--anchor")
    ethr_did("credential", "revoke", "card-1")
    state = tmp_path / "state"
    files = [one for one in state.rglob("*") if one.is_file()]
    assert files
    for one in files:
        content = one.read_bytes().lower()
        for personal in (*PERSONAL, bytes.fromhex(HOLDER[-40:]), HOLDER.encode()):
            assert personal.lower() not in content, one


# -- anchors and replacements --------------------------------------------------------------------


def test_an_anchor_comes_with_a_proof_that_outlives_the_key(
    ethr_did: CommandLine, did: str, issue: Callable[..., Outcome], tmp_path: Path
) -> None:
    key = tmp_path / "issuer.jwk"
    line = ethr_did("credential", "key", "new", "--out", key).out.strip().replace("DID", did)
    assert ethr_did(*shlex.split(line)[1:]).status == 0
    out = tmp_path / "diploma.sd-jwt"
    options = ("--no-status", "--signing-key", f"jwkfile:{key}", "--out", out, "--anchor")
    made = issue("d-1", *options, "--json")
    assert made.status == 0, made.err
    proof = tmp_path / "diploma.sd-jwt.proof.json"
    assert json.loads(proof.read_text()) == made.json["existenceProof"]
    assert ethr_did(*shlex.split(line.replace("key add", "key revoke"))[1:]).status == 0
    assert verdict(ethr_did, out) == "invalid"
    assert verdict(ethr_did, out, "--existence", proof) == "valid"


def test_a_credential_takes_the_place_of_one_that_was_lost(
    ethr_did: CommandLine,
    lifecycle: str,
    issue: Callable[..., Outcome],
    claims: Path,
    tmp_path: Path,
) -> None:
    old, new, phone = (tmp_path / name for name in ("old.sd-jwt", "new.sd-jwt", "phone.jwk"))
    assert issue("d-1", "--out", old).status == 0
    phone.write_text(json.dumps(key_of(seed="new phone").public.to_jwk()))
    usual = ("credential", "reissue", "d-1", "--claims", claims, "--holder-key", phone)
    done = ethr_did(*usual, "--out", new, "--json")
    assert done.status == 0, done.err
    assert (done.json["reference"], done.json["replaces"]) == ("d-1.2", "d-1")
    assert "d-1 is revoked." in done.err
    assert verdict(ethr_did, old) == "invalid"
    assert verdict(ethr_did, new, "--require-status") == "valid"
    assert done.json["status"]["listId"] == lifecycle
    again = ethr_did(*usual, "--out", new, "--json")
    assert again.json == {"reference": "d-1.2", "replaces": "d-1"}
    assert "was not revoked now" in again.err
    elsewhere = ethr_did(*usual, "--out", tmp_path / "other.sd-jwt")
    assert "Nothing was written" in elsewhere.err
    assert "Issued" not in elsewhere.err
    assert not (tmp_path / "other.sd-jwt").exists()


def test_a_replacement_is_printed_and_says_what_is_left_to_do(
    ethr_did: CommandLine,
    issue: Callable[..., Outcome],
    new_list: Callable[..., str],
    claims: Path,
    jwk: Path,
) -> None:
    new_list("--kind", "ietf", "--url", "https://lists.example/1")
    issue("d-1")
    usual = ("--claims", claims, "--holder-key", jwk)
    done = ethr_did("credential", "reissue", "d-1", *usual, "--new-reference", "d-9", "--json")
    assert (done.json["reference"], done.json["replaces"]) == ("d-9", "d-1")
    assert read_credential(done.json["credential"]).types == ("urn:ethr-did:vct:diploma:1",)
    assert "ethr-did status publish" in done.err
    plain = ethr_did("credential", "reissue", "d-9", *usual, "--format", "sd-jwt")
    assert read_credential(plain.out.strip()).claims["vct"] == "urn:ethr-did:vct:diploma:1"


def test_a_replacement_names_its_template_where_it_is_not_known(
    ethr_did: CommandLine, issue: Callable[..., Outcome], claims: Path, jwk: Path, tmp_path: Path
) -> None:
    printed = ethr_did("credential", "templates", "diploma").json
    own = tmp_path / "own.json"
    own.write_text(json.dumps({**printed, "vct": "https://college.example/diploma"}))
    issue("d-1", "--no-status", "--template", own)
    usual = ("credential", "reissue", "d-1", "--claims", claims, "--holder-key", jwk, "--no-status")
    refused = ethr_did(*usual)
    assert (refused.status, "name it with --template" in refused.err) == (2, True)
    assert ethr_did(*usual, "--template", own).status == 0
    assert ethr_did("credential", "reissue", "none", "--claims", claims).status == 3
    assert "--claims" in ethr_did("credential", "reissue", "d-1").err


# -- revoking ------------------------------------------------------------------------------------


def test_what_was_not_issued_here_is_revoked_elsewhere(
    ethr_did: CommandLine, did: str, issue: Callable[..., Outcome], tmp_path: Path
) -> None:
    assert ethr_did("credential", "revoke", "nothing", "--json").error["code"] == "not_found"
    out = tmp_path / "d.sd-jwt"
    issue("d-1", "--no-status", "--out", out)
    assert ethr_did("credential", "revoke", out, "--json").error["code"] == "invalid_status_entry"
    other = ethr_did(
        *("credential", "revoke", out, "--json"),
        ETHR_DID_STATE_DIR=str(tmp_path / "another"),
    )
    assert f"ethr-did status revoke {did}" in other.error["hint"]


@has_list
def test_references_of_several_issuers_are_told_apart(
    ethr_did: CommandLine, did: str, signers: dict[str, str], issue: Callable[..., Outcome]
) -> None:
    issue("d-1")
    bobs = signers[HOLDER.rpartition(":")[2]]
    made = issue("d-1", "--no-status", "--signer", bobs, of=HOLDER)
    assert made.status == 0, made.err
    assert "several issuers" in ethr_did("credential", "revoke", "d-1").err
    assert ethr_did("credential", "revoke", "d-1", "--issuer", did.lower()).status == 0


# -- showing -------------------------------------------------------------------------------------


def test_a_credential_is_shown_with_what_may_be_withheld_and_is_not_verified(
    ethr_did: CommandLine, did: str, issue: Callable[..., Outcome], lifecycle: str, tmp_path: Path
) -> None:
    out = tmp_path / "d.sd-jwt"
    issue("d-1", "--out", out)
    shown = ethr_did("credential", "show", out)
    assert shown.status == 0
    for words in (
        f"{did} (so it says)",
        "whoever has the key in cnf",
        "ListEntry",
        '"grade": "1.0"',
    ):
        assert words in shown.out
    for words in ("NOT VERIFIED", "  age_equal_or_over.18", "  degree.name"):
        assert words in shown.err
    found = ethr_did("credential", "show", out, "--json").json
    assert found["verified"] is False
    assert "birthdate" in found["disclosable"]
    assert found["status"][0]["listId"] == lifecycle


def forged(members: dict[str, Any]) -> str:
    """An SD-JWT VC or VC-JWT that nobody's key signed."""
    from ethr_did.credentials.jose import sign_token
    from ethr_did.credentials.keys import Algorithm

    key: LocalKey = key_of(KeyKind.ED25519)
    is_vc = "vct" not in members
    header = {
        "alg": Algorithm.EDDSA.value,
        "typ": "vc+jwt" if is_vc else "dc+sd-jwt",
        "kid": "did:web:x.example#1",
    }
    return sign_token(header, members, key) + ("" if is_vc else "~")


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({}, ["anybody", "none: nothing can revoke it"]),
        ({"cnf": {"kid": "did:web:h.example#k"}}, ["did:web:h.example#k"]),
        ({"credentialStatus": {"type": "Strange"}}, ["of an unknown kind"]),
    ],
)
def test_whatever_a_credential_says_is_shown(
    ethr_did: CommandLine, members: dict[str, Any], words: list[str]
) -> None:
    token = forged({"iss": "did:web:x.example", "vct": "x", **members})
    shown = ethr_did("credential", "show", "-", stdin=token)
    assert shown.status == 0
    assert all(word in shown.out for word in words)
    assert "withhold" not in shown.err


def test_a_vc_is_shown_and_a_presentation_is_not(ethr_did: CommandLine, tmp_path: Path) -> None:
    document = {
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "type": ["VerifiableCredential"],
        "issuer": "did:web:x.example",
        "credentialSubject": {"id": "did:web:h.example"},
    }
    shown = ethr_did("credential", "show", "-", stdin=forged(document))
    assert "did:web:h.example" in shown.out
    path = tmp_path / "vp.jwt"
    from ethr_did.credentials.vp_jwt import sign_vp_jwt

    path.write_text(
        sign_vp_jwt(
            [forged(document)],
            key_of(KeyKind.ED25519),
            holder="did:web:h.example",
            algorithm=key_of(KeyKind.ED25519).public.algorithms[0],
            method_id="did:web:h.example#k",
            nonce="n",
            audience="a",
            now=1_800_000_000,
        )
    )
    refused = ethr_did("credential", "show", path)
    assert (refused.status, "presentation verify" in refused.err) == (2, True)
