"""``status delegate``: keys that may write statuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ethr_did.chain.local import LocalAccount, LocalChain
    from support.command_line import CommandLine

LIST = "0x0104010011" + "5a" * 27


def listed(ethr_did: CommandLine, did: str, *options: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = ethr_did(
        "status", "delegate", "list", did, "--json", *options
    ).json["delegates"]
    return found


@pytest.mark.parametrize(
    ("options", "authority", "words"),
    [
        ([], "all_lists", "credStatus"),
        (["--revocation-only"], "revocation_only", "credRevoke"),
        (["--list", LIST], "one_list", f"credStatus of list {LIST}"),
    ],
)
def test_a_status_key_is_granted_listed_and_revoked(
    *,
    ethr_did: CommandLine,
    did: str,
    bob: LocalAccount,
    options: list[str],
    authority: str,
    words: str,
) -> None:
    named = [option for option in options if option != "--revocation-only"]
    made = ethr_did("status", "delegate", "add", did, bob.address, *options)
    assert (made.status, made.out.startswith("Mined in block ")) == (0, True)
    (key,) = listed(ethr_did, did, *named)
    assert (key["delegate"], key["authority"]) == (bob.address, authority)
    assert (key["valid"], key["survived"]) == (True, False)
    shown = ethr_did("status", "delegate", "list", did, *named)
    assert words in shown.out
    assert "one status key as of block" in shown.err
    assert ethr_did("status", "delegate", "revoke", did, bob.address, *options).status == 0
    assert listed(ethr_did, did, *named)[0]["valid"] is False
    assert ethr_did("status", "delegate", "list", did, *named).out == ""
    assert "ended" in ethr_did("status", "delegate", "list", did, "--all", *named).out


def test_a_key_for_a_list_that_is_not_known_is_shown_by_its_hash(
    ethr_did: CommandLine, did: str, bob: LocalAccount
) -> None:
    assert ethr_did("status", "delegate", "add", did, bob.address, "--list", LIST).status == 0
    (key,) = listed(ethr_did, did)
    assert (key["authority"], key["listId"]) == (None, None)
    assert "perhaps of a list" in ethr_did("status", "delegate", "list", did).out


def test_keys_that_an_earlier_owner_granted_are_offered_for_revocation(
    *,
    ethr_did: CommandLine,
    did: str,
    bob: LocalAccount,
    carol: LocalAccount,
    mallory: LocalAccount,
    signers: dict[str, str],
) -> None:
    new_owner = ["--signer", signers[carol.address]]
    ethr_did("status", "delegate", "add", did, bob.address)
    ethr_did("status", "delegate", "add", did, mallory.address, "--revocation-only")
    assert ethr_did("owner", "change", did, carol.address, "--yes").status == 0
    ethr_did("status", "delegate", "add", did, bob.address, "--revocation-only", *new_owner)
    shown = ethr_did("status", "delegate", "list", did)
    assert shown.out.count("an earlier owner") == 2
    assert f"ethr-did status delegate revoke {did} --survivors" in shown.err
    revoke = ("status", "delegate", "revoke", did, "--survivors", *new_owner)
    assert "add --yes" in ethr_did(*revoke).err
    plan = ethr_did(*revoke, "--dry-run", "--json").json
    assert len(plan["transactions"]) == 1
    done = ethr_did(*revoke, "--yes", "--json")
    assert (done.status, len(done.json)) == (0, 1)
    left = [key for key in listed(ethr_did, did) if key["valid"]]
    assert [(key["delegate"], key["authority"]) for key in left] == [
        (bob.address, "revocation_only")
    ]
    again = ethr_did(*revoke, "--json")
    assert (again.status, again.json) == (0, [])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["add", "DID", "0x12"], "40 hexadecimal digits"),
        (["add", "DID", "BOB", "--list", "0x01"], "0x and 64 hexadecimal digits"),
        (["add", "DID", "BOB", "--list", "0x" + "02" * 32], "layout 2 is not known"),
        (["add", "DID", "BOB", "--list", LIST, "--revocation-only"], "leave --list away"),
        (["add", "DID", "BOB", "--validity", "1y"], "At most 90 days, unless it is forced"),
        (["revoke", "DID"], "--survivors"),
        (["revoke", "DID", "BOB", "--survivors"], "--survivors stands alone"),
        (["ad", "DID", "BOB"], "Did you mean 'add'?"),
    ],
)
def test_wrong_input_is_told_and_nothing_is_sent(
    *,
    ethr_did: CommandLine,
    did: str,
    bob: LocalAccount,
    chain: LocalChain,
    arguments: list[str],
    words: str,
) -> None:
    head = chain.head.number
    names = {"DID": did, "BOB": bob.address}
    given = ["status", "delegate", *(names.get(word, word) for word in arguments)]
    done = ethr_did(*given)
    assert (done.status, done.out) == (2, "")
    assert words in done.err
    assert ethr_did(*given, "--json").error["message"]
    assert chain.head.number == head


def test_a_long_validity_has_to_be_forced(
    ethr_did: CommandLine, did: str, bob: LocalAccount
) -> None:
    command = ("status", "delegate", "add", did, bob.address, "--validity", "1y", "--dry-run")
    assert ethr_did(*command, "--force", "--json").status == 0


def test_a_dead_node_is_no_empty_list(ethr_did: CommandLine, alice: LocalAccount) -> None:
    done = ethr_did("status", "delegate", "list", f"did:ethr:dead:{alice.address}")
    assert (done.status, done.out) == (4, "")
