"""``status publish``, ``anchor`` and ``verify-list``; lists served over https."""

from __future__ import annotations

import json
import re
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from ethr_did.core.list_documents import DocumentForm
from ethr_did.credentials.credential import CredentialFormat
from ethr_did.credentials.keys import KeyKind, PublicKey
from ethr_did.credentials.list_credentials import read_signed_list
from ethr_did.credentials.reading import read_credential
from ethr_did.credentials.signing_keys import new_key_file
from support.web_server import Authority, WebServer, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ethr_did.chain.local import LocalAccount, LocalChain
    from support.command_line import CommandLine


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Signs the certificate of the web server."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def web(authority: Authority) -> Iterator[WebServer]:
    """The issuer's web server."""
    with WebServer(tls=authority.serving("localhost")) as server:
        yield server


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """The root of its documents."""
    return tmp_path / "lists"


@pytest.fixture
def url(web: WebServer) -> str:
    """Where a list is served."""
    return f"https://localhost:{web.port}/1/current"


@pytest.fixture
def fetching(authority: Authority) -> tuple[str, ...]:
    """The options by which verifiers reach the server."""
    return ("--allow-private-fetch", "--ca-file", str(authority.ca_file))


@pytest.fixture
def listed(new_list: Callable[..., str], url: str) -> str:
    """A W3C list of alice's."""
    return new_list("--kind", "w3c", "--url", url)


@pytest.fixture
def anchored(ethr_did: CommandLine, did: str, listed: str, tmp_path: Path) -> Path:
    """A file with an entry of that list."""
    path = tmp_path / "anchored.json"
    path.write_text(ethr_did("status", "allocate", did, "--list", listed).out)
    return path


def serve(web: WebServer, out: Path) -> None:
    """Serves what is in the folder now."""
    for path in (path for path in out.rglob("*") if path.is_file()):
        web.on("/" + str(path.relative_to(out)), whole(path.read_bytes()))


def published(ethr_did: CommandLine, did: str, out: Path, *options: str) -> dict[str, Any]:
    done = ethr_did("status", "publish", did, "--out", out, "--json", *options)
    assert done.status == 0, done.err
    found: dict[str, Any] = done.json
    return found


def test_a_list_is_published_changed_and_published_again(
    *,
    ethr_did: CommandLine,
    did: str,
    listed: str,
    anchored: Path,
    web: WebServer,
    out: Path,
    fetching: tuple[str, ...],
) -> None:
    check = ("status", "check", anchored, "--issuer", did, *fetching, "--json")
    unpublished = ethr_did(*check)
    assert (unpublished.status, unpublished.json["status"]) == (4, "undetermined")
    (first,) = published(ethr_did, did, out)["published"]
    assert (first["version"], first["file"]) == (1, str(out / "1" / "current"))
    serve(web, out)
    assert ethr_did(*check).json["status"] == "valid"
    planned = ethr_did("status", "revoke", did, anchored, "--dry-run")
    assert (planned.status, "would change in the database" in planned.err) == (0, True)
    changed = ethr_did("status", "revoke", did, anchored)
    assert (changed.status, changed.out) == (0, "")
    assert f"ethr-did status publish {did}" in changed.err
    assert ethr_did(*check).json["status"] == "valid"
    (second,) = published(ethr_did, did, out)["published"]
    assert (second["version"], second["listId"]) == (2, listed)
    assert (out / "1" / second["contentDigest"][2:]).exists()
    serve(web, out)
    revoked = ethr_did(*check)
    assert (revoked.status, revoked.json["status"]) == (10, "revoked")
    nothing = published(ethr_did, did, out)
    assert (nothing["published"], nothing["upToDate"]) == ([], [listed])


def test_an_old_version_is_refused_whoever_serves_it(
    *,
    ethr_did: CommandLine,
    did: str,
    anchored: Path,
    web: WebServer,
    out: Path,
    url: str,
    fetching: tuple[str, ...],
) -> None:
    published(ethr_did, did, out)
    old = (out / "1" / "current").read_bytes()
    ethr_did("status", "revoke", did, anchored)
    (newest,) = published(ethr_did, did, out)["published"]
    web.on(urlsplit(url).path, whole(old))
    web.on(f"/1/{newest['contentDigest'][2:]}", whole(b"", status=404))
    done = ethr_did("status", "check", anchored, "--issuer", did, *fetching)
    assert (done.status, "undetermined" in done.out) == (4, True)
    report = ethr_did("status", "verify-list", url, *fetching)
    assert report.status == 2
    assert re.search(r"^digest +STATUS_VERIFICATION_ERROR", report.out, re.MULTILINE)
    assert report.err == "The list is not good.\n"


def test_a_list_of_the_ietf_is_published_too(
    *,
    ethr_did: CommandLine,
    did: str,
    new_list: Callable[..., str],
    web: WebServer,
    out: Path,
    fetching: tuple[str, ...],
) -> None:
    url = f"https://localhost:{web.port}/2/current"
    list_id = new_list("--kind", "ietf", "--bits", "2", "--purpose", "lifecycle", "--url", url)
    entry = ethr_did("status", "allocate", did, "--list", list_id).out
    assert ethr_did("status", "suspend", did, entry, "--json").json["offChain"] == [
        {"listId": list_id, "changed": 1}
    ]
    published(ethr_did, did, out)
    serve(web, out)
    done = ethr_did("status", "check", entry, "--issuer", did, *fetching, "--json")
    assert (done.status, done.json["status"]) == (10, "suspended")
    shown = ethr_did("status", "list", "show", list_id, "--json").json
    assert (shown["counts"], shown["version"]["version"]) == ({"0": 131_071, "2": 1}, 1)
    assert "version 1 in block" in ethr_did("status", "list", "show", list_id).out


def test_a_dry_run_shows_what_would_be_published(
    ethr_did: CommandLine, did: str, listed: str, out: Path, chain: LocalChain
) -> None:
    head = chain.head.number
    shown = ethr_did("status", "publish", did, "--out", out, "--dry-run")
    assert re.search(rf"^{listed}  1 +first +0 ", shown.out, re.MULTILINE)
    assert "Nothing was sent or written." in shown.err
    plan = ethr_did("status", "publish", did, "--out", out, "--dry-run", "--json").json
    assert plan["publications"][0]["listId"] == listed
    assert (chain.head.number, out.exists()) == (head, False)


def test_without_lists_there_is_nothing_to_publish(
    ethr_did: CommandLine, did: str, lifecycle: str, chain: LocalChain
) -> None:
    head = chain.head.number
    done = ethr_did("status", "publish", did)
    assert (done.status, done.out) == (0, "")
    assert ethr_did("status", "publish", did, "--dry-run").status == 0
    on_chain = ethr_did("status", "publish", did, lifecycle, "--json")
    assert (on_chain.status, on_chain.error["code"]) == (3, "not_found")
    assert chain.head.number == head


def test_only_those_publish_who_may(
    *,
    ethr_did: CommandLine,
    did: str,
    listed: str,
    bob: LocalAccount,
    signers: dict[str, str],
    out: Path,
) -> None:
    with_bob = ("--out", str(out), "--signer", signers[bob.address])
    refused = ethr_did("status", "publish", did, *with_bob, "--json")
    assert (refused.status, refused.error["code"]) == (5, "not_authorized")
    ethr_did("status", "delegate", "add", did, bob.address, "--list", listed)
    assert "credStatus of list " + listed in ethr_did("status", "delegate", "list", did).out
    assert ethr_did("status", "publish", did, *with_bob).status == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["0x12"], "64 hexadecimal digits"),
        (["--validity", "1w"], "m, h, d or y"),
        (["--validity", "10"], "120 seconds or more"),
        (["--ttl", "30d"], "kept for no longer"),
        (["--proof", "data-integrity"], "add --signing-key"),
    ],
)
def test_what_cannot_be_published_is_told(
    ethr_did: CommandLine, did: str, listed: str, options: list[str], words: str
) -> None:
    _ = listed
    done = ethr_did("status", "publish", did, *options)
    assert (done.status, done.out) == (2, "")
    assert words in done.err


# -- signed --------------------------------------------------------------------------------------


def test_lists_are_signed_with_the_owner_s_key(
    *,
    ethr_did: CommandLine,
    did: str,
    alice: LocalAccount,
    signers: dict[str, str],
    new_list: Callable[..., str],
    web: WebServer,
    out: Path,
    fetching: tuple[str, ...],
) -> None:
    urls = {form: f"https://localhost:{web.port}/{form}/current" for form in DocumentForm}
    entries = {}
    for form, url in urls.items():
        list_id = new_list("--kind", form.value, "--url", url)
        entries[form] = ethr_did("status", "allocate", did, "--list", list_id).out
    published(ethr_did, did, out, "--signing-key", signers[alice.address])
    serve(web, out)
    for form in DocumentForm:
        found = read_signed_list((out / form.value / "current").read_bytes(), form)
        found.proof.check(PublicKey(KeyKind.ACCOUNT, alice.address_bytes))
        assert (found.signer, found.proof.method_id) == (did, f"{did}#controller")
        done = ethr_did("status", "check", entries[form], "--issuer", did, *fetching, "--json")
        assert (done.status, done.json["status"]) == (0, "valid")


def test_lists_are_signed_with_a_key_of_the_document(
    *, ethr_did: CommandLine, did: str, listed: str, out: Path, tmp_path: Path
) -> None:
    path = tmp_path / "key.jwk"
    key = new_key_file(path, KeyKind.ED25519, random=secrets.token_bytes)
    options = ("--signing-key", f"jwkfile:{path}", "--proof", "data-integrity")
    early = ethr_did("status", "publish", did, "--out", out, *options, "--json")
    assert (early.status, early.error["code"]) == (2, "invalid_key")
    assert not out.exists()
    added = ethr_did("key", "add", did, "Ed25519", "0x" + key.data.hex())
    assert added.status == 0, added.err
    plan = ethr_did("status", "publish", did, "--out", out, *options, "--dry-run", "--json")
    assert plan.json["publications"][0]["listId"] == listed
    published(ethr_did, did, out, *options)
    credential = read_credential((out / "1" / "current").read_bytes())
    assert credential.format is CredentialFormat.DATA_INTEGRITY
    credential.proof.check(key)


def test_the_key_of_somebody_else_signs_no_lists(
    *,
    ethr_did: CommandLine,
    did: str,
    listed: str,
    bob: LocalAccount,
    signers: dict[str, str],
    chain: LocalChain,
) -> None:
    head = chain.head.number
    for more in ((), ("--dry-run",)):
        options = ("--signing-key", signers[bob.address], *more)
        done = ethr_did("status", "publish", did, listed, *options, "--json")
        assert (done.status, done.error["code"]) == (2, "invalid_key")
        assert "is not in assertionMethod of" in done.error["message"]
    assert chain.head.number == head


# -- signed elsewhere ----------------------------------------------------------------------------


def test_what_was_signed_elsewhere_is_anchored_once(
    *,
    ethr_did: CommandLine,
    did: str,
    listed: str,
    out: Path,
    tmp_path: Path,
    chain: LocalChain,
) -> None:
    draft = ethr_did("status", "anchor", did, listed, "--draft").json
    signed = tmp_path / "signed.json"
    signed.write_text(json.dumps({**draft, "proof": {"type": "DataIntegrityProof"}}))
    anchor = ("status", "anchor", did, listed, signed, "--out", out, "--json")
    (made,) = ethr_did(*anchor).json["published"]
    assert made["version"] == 1
    assert (out / "1" / "current").read_bytes() == signed.read_bytes()
    head = chain.head.number
    again = ethr_did(*anchor)
    assert (again.status, again.json["published"]) == (0, [])
    assert "the current version already" in again.err
    assert chain.head.number == head


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"id": "https://elsewhere.example/1"}, "it is that of https://elsewhere.example/1"),
        ({"issuer": "did:ethr:0x12"}, "it is issued by did:ethr:0x12"),
        ({"validUntil": "2020-01-01T00:00:00Z"}, "was valid until"),
        ({"type": ["Other"]}, "does not name BitstringStatusListCredential"),
    ],
)
def test_a_file_that_is_not_the_next_version_is_not_anchored(
    *,
    ethr_did: CommandLine,
    did: str,
    listed: str,
    chain: LocalChain,
    change: dict[str, Any],
    words: str,
) -> None:
    draft = ethr_did("status", "anchor", did, listed, "--draft").json
    head = chain.head.number
    text = json.dumps({**draft, **change})
    done = ethr_did("status", "anchor", did, listed, "-", stdin=text)
    assert (done.status, done.out) == (2, "")
    assert words in done.err
    assert chain.head.number == head


def test_a_file_with_old_statuses_is_not_anchored(
    ethr_did: CommandLine, did: str, listed: str, anchored: Path
) -> None:
    draft = ethr_did("status", "anchor", did, listed, "--draft").out
    ethr_did("status", "revoke", did, anchored)
    done = ethr_did("status", "anchor", did, listed, "-", "--json", stdin=draft)
    assert (done.status, done.error["code"]) == (2, "invalid_status_list")
    assert "its statuses are others" in done.error["message"]


def test_a_file_or_a_draft_but_not_both(ethr_did: CommandLine, did: str, listed: str) -> None:
    for options in ([], ["-", "--draft"]):
        done = ethr_did("status", "anchor", did, listed, *options)
        assert (done.status, "--draft" in done.err) == (2, True)


# -- verifying -----------------------------------------------------------------------------------


def test_a_list_is_compared_from_a_file_and_from_its_address(
    *,
    ethr_did: CommandLine,
    did: str,
    listed: str,
    web: WebServer,
    out: Path,
    url: str,
    fetching: tuple[str, ...],
) -> None:
    published(ethr_did, did, out)
    serve(web, out)
    named = ("--list", listed, "--issuer", did)
    for source, options in ((url, fetching), (out / "1" / "current", named)):
        done = ethr_did("status", "verify-list", source, *options)
        assert (done.status, done.err) == (0, "The list is good.\n")
        assert re.search(r"^version +1$", done.out, re.MULTILINE)
    report = ethr_did("status", "verify-list", url, *fetching, *named, "--json").json
    assert report["good"] is True
    assert report["counts"] == {"0": 131_072}


def test_a_list_from_private_addresses_is_fetched_only_if_that_is_allowed(
    ethr_did: CommandLine, did: str, listed: str, url: str
) -> None:
    named = ("--list", listed, "--issuer", did)
    done = ethr_did("status", "verify-list", url, *named, "--json")
    assert (done.status, done.error["code"]) == (4, "fetch_error")
    assert done.error["facts"]["reason"] == "forbidden"


def test_a_list_that_was_never_published_is_not_good(
    ethr_did: CommandLine, did: str, listed: str, tmp_path: Path
) -> None:
    path = tmp_path / "list.json"
    path.write_text(ethr_did("status", "anchor", did, listed, "--draft").out)
    done = ethr_did("status", "verify-list", path, "--list", listed, "--issuer", did)
    assert done.status == 4
    assert re.search(r"^published  (?!good)", done.out, re.MULTILINE)


def test_which_list_is_meant_has_to_be_known(
    ethr_did: CommandLine, tmp_path: Path, alice: LocalAccount
) -> None:
    path = tmp_path / "list.json"
    path.write_text("{}")
    done = ethr_did("status", "verify-list", path, "--json")
    assert (done.status, done.error["code"]) == (2, "usage")
    dead = ("--list", "0x0100000411" + "5a" * 27, "--issuer", f"did:ethr:dead:{alice.address}")
    unknown = ethr_did("status", "verify-list", path, *dead, "--json")
    assert (unknown.status, unknown.error["code"]) == (4, "node_unreachable")


def test_a_list_that_is_good_for_long_enough_is_published_only_by_force(
    ethr_did: CommandLine, did: str, listed: str, out: Path
) -> None:
    published(ethr_did, did, out)
    again = published(ethr_did, did, out, "--validity", "1h")
    assert again["upToDate"] == [listed]
    forced = published(ethr_did, did, out, "--force")
    assert forced["published"][0]["version"] == 2
