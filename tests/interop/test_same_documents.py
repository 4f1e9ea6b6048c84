"""One registry, two resolvers, the same documents: ours and npm's ethr-did-resolver 11.1.3.

``support.document_forms`` has the differences that are known; everything else fails here.
"""

from __future__ import annotations

import time
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from support.document_forms import from_peer, numbers_of
from support.histories import (
    ALGORITHMS,
    ENCODINGS,
    PURPOSES,
    STEP,
    Life,
    Move,
    Written,
    bytes32,
    describe,
    key_name,
    make_life,
    write,
)

if TYPE_CHECKING:
    from support.anvil import Anvil
    from support.peers import Meeting

pytestmark = pytest.mark.interop

LIVES = 20
"""Of each seed."""


def comparable(result: dict[str, Any]) -> dict[str, Any]:
    """A resolution result without what only one side says."""
    metadata = dict(result["didResolutionMetadata"])
    metadata.pop("readAt", None)
    return {**result, "didResolutionMetadata": metadata}


def in_our_form(result: dict[str, Any], numbers: dict[str, str] | None = None) -> dict[str, Any]:
    """The peer's result as we would have written it."""
    assert "error" not in result["didResolutionMetadata"], result["didResolutionMetadata"]
    return {**result, "didDocument": from_peer(result["didDocument"], numbers)}


@pytest.mark.parametrize("seed", range(3))
def test_any_history_resolves_to_the_same_document_at_every_version(
    anvil: Anvil, meeting: Meeting, seed: int
) -> None:
    random = Random(f"{seed} at {meeting.registry}")  # noqa: S311 - made-up lives
    lives = [make_life(random) for _ in range(LIVES)]
    written = write(anvil, meeting.registry, lives)
    # The block after each: in the very second of an expiry the two differ, see below.
    moments = [(f"?versionId={number + 1}", time_ + 1) for number, time_ in _blocks(written)]
    now = int(time.time())
    queries = [
        (life, meeting.did(life.identifier) + query, moment)
        for life in lives
        for query, moment in [*moments, ("", now)]
    ]
    dids = [did for _, did, _ in queries]
    ours, theirs = meeting.ours(*dids), meeting.theirs(*dids)
    for (life, did, moment), our, their in zip(queries, ours, theirs, strict=True):
        numbers = numbers_of(written.counted(life, until=moment), moment)
        assert comparable(our) == comparable(in_our_form(their, numbers)), (
            f"{did}\n{describe(life)}"
        )


def _blocks(written: Written) -> list[tuple[int, int]]:
    return list(zip(written.blocks, written.timestamps, strict=True))


def one_life(identity: str, *blocks: tuple[tuple[Any, ...], ...]) -> Life:
    """A life of an address whose owner never changes."""
    return Life(
        identity=identity,
        identifier=identity,
        blocks=tuple(
            tuple(Move(sender=identity, method=move[0], arguments=move[1:]) for move in moves)
            for moves in blocks
        ),
    )


FAR = 10**9
COMPRESSED = bytes.fromhex("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")


def fresh_identity(meeting: Meeting, number: int) -> str:
    return meeting.registry.lower()[:-4] + f"{number:04x}"


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_keys_of_every_algorithm_purpose_and_encoding_are_the_same(
    anvil: Anvil, meeting: Meeting, encoding: str | None
) -> None:
    names = [key_name(kind, purpose, encoding) for kind in ALGORITHMS for purpose in PURPOSES]
    identity = fresh_identity(meeting, 0x100 + ENCODINGS.index(encoding))
    keys = tuple(("setAttribute", name, _key(encoding), FAR) for name in names)
    write(anvil, meeting.registry, [one_life(identity, keys)])
    (our,), (their,) = (side(meeting.did(identity)) for side in (meeting.ours, meeting.theirs))
    assert comparable(our) == comparable(in_our_form(their))
    assert len(our["didDocument"]["verificationMethod"]) == _listed(encoding, len(names))


def _key(encoding: str | None) -> bytes:
    # What the peer takes for PEM must be text, and no text is a point of the curve.
    return b"-----BEGIN PUBLIC KEY-----" if encoding == "pem" else COMPRESSED


def _listed(encoding: str | None, names: int) -> int:
    not_keys = len(PURPOSES) - 1 if encoding == "pem" else 0
    return 1 + names - not_keys - (1 if encoding == "pem" else 0)


@pytest.mark.parametrize("accept", [None, "application/did+ld+json", "application/did+json"])
def test_both_give_the_representation_that_is_asked_for(
    anvil: Anvil, meeting: Meeting, accept: str | None
) -> None:
    identity = fresh_identity(meeting, 0x200)
    key = ("setAttribute", key_name("Ed25519", "veriKey", None), COMPRESSED[1:], FAR)
    write(anvil, meeting.registry, [one_life(identity, (key,))])
    did = meeting.did(identity)
    (our,), (their,) = meeting.ours(did, accept=accept), meeting.theirs(did, accept=accept)
    assert comparable(our) == comparable(in_our_form(their))


def test_chain_ids_and_addresses_in_any_spelling_are_taken_alike(meeting: Meeting) -> None:
    lower = "0x7e5f4552091a69125d5dfcb7b8c2659029395bdf"
    checksum = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
    upper = "0x" + lower[2:].upper()
    dids = [
        f"did:ethr:{network}:{identifier}"
        for network in ("dev", "0x7a69")
        for identifier in (lower, checksum, upper, "0x" + COMPRESSED.hex())
    ]
    for our, their in zip(meeting.ours(*dids), meeting.theirs(*dids), strict=True):
        assert comparable(our) == comparable(in_our_form(their))


# -- what differs, and how -----------------------------------------------------------------------


def test_in_the_second_of_its_end_the_peer_lists_an_entry_and_we_do_not(
    anvil: Anvil, meeting: Meeting
) -> None:
    identity = fresh_identity(meeting, 0x300)
    delegate = (bytes32(b"sigAuth"), "0x" + "d1" * 20)
    added, revoked = ("addDelegate", *delegate, FAR), ("revokeDelegate", *delegate)
    short = ("setAttribute", key_name("Ed25519", "enc", None), COMPRESSED[1:], STEP)
    written = write(anvil, meeting.registry, [one_life(identity, (added, short), (revoked,))])
    end = meeting.did(identity) + f"?versionId={written.blocks[1]}"
    (our,), (their,) = meeting.ours(end), meeting.theirs(end)
    assert _fragments(our["didDocument"]) == ["controller"]
    assert _fragments(their["didDocument"]) == ["controller", "delegate-3", "delegate-2"]
    assert our["didDocumentMetadata"] == their["didDocumentMetadata"]
    later = meeting.did(identity) + f"?versionId={written.blocks[1] + 1}"
    (our,), (their,) = meeting.ours(later), meeting.theirs(later)
    assert comparable(our) == comparable(in_our_form(their))


def test_of_a_revoked_encryption_key_the_peer_keeps_the_reference_and_we_do_not(
    anvil: Anvil, meeting: Meeting
) -> None:
    identity = fresh_identity(meeting, 0x304)
    key = (key_name("X25519", "enc", None), COMPRESSED[1:])
    moves = ("setAttribute", *key, FAR), ("revokeAttribute", *key)
    write(anvil, meeting.registry, [one_life(identity, moves)])
    (our,), (their,) = (side(meeting.did(identity)) for side in (meeting.ours, meeting.theirs))
    assert their["didDocument"]["keyAgreement"] == [meeting.did(identity) + "#delegate-1"]
    assert _fragments(their["didDocument"]) == ["controller"]
    assert "keyAgreement" not in our["didDocument"]
    assert comparable(our) == comparable(in_our_form(their))


def _fragments(document: dict[str, Any]) -> list[str]:
    return [method["id"].partition("#")[2] for method in document["verificationMethod"]]


def test_the_peer_s_numbers_move_when_an_unreadable_name_expires_and_ours_stay(
    anvil: Anvil, meeting: Meeting
) -> None:
    identity = fresh_identity(meeting, 0x301)
    unreadable = ("setAttribute", bytes32(b"did/pub/Ed-25519/veriKey"), COMPRESSED, STEP // 2)
    key = ("setAttribute", key_name("Ed25519", "veriKey", None), COMPRESSED[1:], FAR)
    written = write(anvil, meeting.registry, [one_life(identity, (unreadable, key), ())])
    dids = [meeting.did(identity) + f"?versionId={number}" for number in written.blocks]
    ours = [_fragments(result["didDocument"])[1] for result in meeting.ours(*dids)]
    theirs = [_fragments(result["didDocument"])[1] for result in meeting.theirs(*dids)]
    assert ours == ["delegate-2", "delegate-2"]
    assert theirs == ["delegate-1", "delegate-2"]


def test_the_key_of_a_public_key_did_comes_back_with_its_owner_on_both_sides(
    anvil: Anvil, meeting: Meeting
) -> None:
    random = Random(meeting.registry)  # noqa: S311 - made-up lives
    life = make_life(random, blocks=1)
    while len(life.identifier) == 42:
        life = make_life(random, blocks=1)
    other = "0x" + "e1" * 20
    away = Move(sender=life.identity, method="changeOwner", arguments=(other,))
    back = Move(sender=other, method="changeOwner", arguments=(life.identity,))
    life = Life(identity=life.identity, identifier=life.identifier, blocks=((away,), (back,)))
    written = write(anvil, meeting.registry, [life])
    dids = [f"{meeting.did(life.identifier)}?versionId={number}" for number in written.blocks]
    for side in (meeting.ours, meeting.theirs):
        found = [_fragments(result["didDocument"]) for result in side(*dids)]
        assert found == [["controller"], ["controller", "controllerKey"]]


def test_a_deactivated_identity_has_no_document_here_and_an_empty_one_there(
    anvil: Anvil, meeting: Meeting
) -> None:
    identity = fresh_identity(meeting, 0x302)
    given_up = ("changeOwner", "0x" + "00" * 20)
    key = ("setAttribute", key_name("Ed25519", "veriKey", None), COMPRESSED[1:], FAR)
    write(anvil, meeting.registry, [one_life(identity, (key,), (given_up,), (key,))])
    (our,), (their,) = (side(meeting.did(identity)) for side in (meeting.ours, meeting.theirs))
    assert our["didDocument"] is None
    assert their["didDocument"]["verificationMethod"] == []
    assert our["didDocumentMetadata"]["deactivated"] is True
    assert comparable(our) == comparable(in_our_form(their))


def test_a_pem_that_is_no_text_is_left_out_by_the_peer_and_hex_here(
    anvil: Anvil, meeting: Meeting
) -> None:
    identity = fresh_identity(meeting, 0x303)
    key = ("setAttribute", key_name("RSA", "veriKey", "pem"), b"\xff\xfe", FAR)
    write(anvil, meeting.registry, [one_life(identity, (key,))])
    (our,), (their,) = (side(meeting.did(identity)) for side in (meeting.ours, meeting.theirs))
    assert our["didDocument"]["verificationMethod"][1]["value"] == "fffe"
    assert _fragments(their["didDocument"]) == ["controller"]


ADDRESS = "0x7e5f4552091a69125d5dfcb7b8c2659029395bdf"


@pytest.mark.parametrize(
    ("did", "theirs", "ours"),
    [
        (f"did:ETHR:dev:{ADDRESS}", "invalidDid", "invalidDid"),
        (f"did:ethr:dev:{ADDRESS[2:]}", "invalidDid", "invalidDid"),
        (f"did:ethr:dev:0X{ADDRESS[2:]}", "invalidDid", "invalidDid"),
        (f"did:ethr:dev:0x04{COMPRESSED.hex()[2:] * 2}", "invalidDid", "invalidDid"),
        ("did:ethr:dev:0x7e5F4552091A69125d5DfCb7b8C2659029395Bdf", "notFound", "invalidDid"),
        (f"did:ethr:dev:0x{'02'.ljust(65, '0')}5", "notFound", "invalidDid"),
        (f"did:ethr:dev{ADDRESS}", "unknownNetwork", "invalidDid"),
        (f"did:ethr:1337:{ADDRESS}", "unknownNetwork", "internalError"),
        (f"did:ethr:nowhere:{ADDRESS}", "unknownNetwork", "internalError"),
        (f"did:ethr:dev:{ADDRESS}?versionId=99999999", "notFound", "notFound"),
        (f"did:key:{ADDRESS}", "unsupportedDidMethod", "methodNotSupported"),
    ],
)
def test_what_one_refuses_the_other_refuses_too_each_in_its_own_words(
    our_registry: Meeting, did: str, theirs: str, ours: str
) -> None:
    (our,), (their,) = our_registry.ours(did), our_registry.theirs(did)
    assert their["didResolutionMetadata"]["error"] == theirs
    assert our["didResolutionMetadata"]["errorName"] == ours
    assert our["didDocument"] is their["didDocument"] is None
