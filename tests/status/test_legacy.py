"""The two older registries, read only: what they miss is not missed here."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from eth_hash.auto import keccak
from eth_keys.datatypes import PrivateKey, Signature

from ethr_did.core.changes import AddDelegate, ChangeOwner, SetAttribute
from ethr_did.core.keys import Address, parse_address
from ethr_did.core.status_answer import FinalityPolicy, Status, StatusKind
from ethr_did.core.status_entry import ContractId, Registry2019Entry, Registry2022Entry
from ethr_did.errors import (
    DeactivatedError,
    InvalidInput,
    InvalidOption,
    InvalidStatusEntry,
    RegistryMissing,
    StatusUndetermined,
)
from ethr_did.status import legacy
from ethr_did.status.legacy import digests_of
from ethr_did.status.reading import StatusQuestion, StatusReader
from support.older_registries import (
    ORDER,
    base64url,
    change_status,
    create_2019,
    create_2022,
    flipped,
    make_token,
    revoke_token,
    signature_of,
    with_signature,
)
from support.status_stage import DAY, LIST

if TYPE_CHECKING:
    from ethr_did.chain.local import LocalAccount
    from support.status_stage import StatusStage

LIST_2022, KEY = b"\x0a" * 32, b"\x0b" * 32


class Old:
    """A registry of 2019 and a token that names it."""

    def __init__(self, stage: StatusStage, issuer: LocalAccount) -> None:
        self.stage = stage
        self.issuer = issuer
        self.registry = create_2019(stage)
        self.entry = Registry2019Entry(network="dev", registry=self.registry)

    def token(self, *, algorithm: str = "ES256K", **more: Any) -> str:
        claims = {
            "iss": self.stage.did(self.issuer).text,
            "vc": {"credentialStatus": self.entry.to_dict()},
            **more,
        }
        return make_token(self.issuer, claims, algorithm=algorithm)

    def reader(self, **options: Any) -> StatusReader:
        trusted = [ContractId(31337, self.registry)]
        return self.stage.reader(legacy_registries=trusted, **options)

    def status(self, token: str | None, **options: Any) -> Status:
        return self.reader().read_status(
            self.entry, self.stage.did(self.issuer), token=token, **options
        )


@pytest.fixture
def old(stage: StatusStage, alice: LocalAccount) -> Old:
    return Old(stage, alice)


# -- EthrStatusRegistry2019 ----------------------------------------------------------------------


def test_token_is_valid_until_its_issuer_revokes_it(
    stage: StatusStage, old: Old, alice: LocalAccount
) -> None:
    token = old.token()
    assert old.status(token).is_valid
    block = revoke_token(stage, old.registry, alice, token)
    status = old.status(token)
    assert (status.kind, status.changed_block, status.terminal) == (
        StatusKind.REVOKED,
        block,
        True,
    )


@pytest.mark.parametrize("algorithm", ["ES256K", "ES256K-R"])
@pytest.mark.parametrize("revoked_first", [True, False])
def test_flipped_signature_does_not_evade_a_revocation(
    stage: StatusStage,
    old: Old,
    alice: LocalAccount,
    algorithm: str,
    revoked_first: bool,  # noqa: FBT001 - parametrised
) -> None:
    """The peer answers "not revoked" for the other form of the same token."""
    original = old.token(algorithm=algorithm)
    other = flipped(original)
    _check_verifies(other, alice)
    assert other != original
    revoked, presented = (original, other) if revoked_first else (other, original)
    revoke_token(stage, old.registry, alice, revoked)
    assert old.status(presented).kind is StatusKind.REVOKED


def _check_verifies(token: str, account: LocalAccount) -> None:
    """Raises unless a verifier that does not insist on the lower s would take the token."""
    data, signed = signature_of(token), token.rpartition(".")[0]
    r, s = int.from_bytes(data[:32]), int.from_bytes(data[32:64])
    found = {
        Signature(vrs=(v, r, min(s, ORDER - s))).recover_public_key_from_msg_hash(
            sha256(signed.encode()).digest()
        )
        for v in (0, 1)
    }
    assert PrivateKey(account.key).public_key in found


@pytest.mark.parametrize("recovery", [0, 1])
def test_recovery_byte_that_is_left_out_does_not_evade_a_revocation(
    stage: StatusStage, old: Old, alice: LocalAccount, recovery: int
) -> None:
    """did-jwt takes ES256K-R with 64 and with 65 bytes of signature."""
    token = old.token(algorithm="ES256K-R")
    short = with_signature(token, signature_of(token)[:64])
    long = with_signature(token, signature_of(token)[:64] + bytes([recovery]))
    revoke_token(stage, old.registry, alice, long)
    assert old.status(short).kind is StatusKind.REVOKED
    assert old.status(flipped(short)).kind is StatusKind.REVOKED


def test_long_form_of_a_token_revoked_in_its_short_form(
    stage: StatusStage, old: Old, alice: LocalAccount
) -> None:
    token = old.token(algorithm="ES256K-R")
    short = with_signature(token, signature_of(token)[:64])
    revoke_token(stage, old.registry, alice, short)
    assert old.status(token).kind is StatusKind.REVOKED


@pytest.mark.parametrize(
    "change",
    [
        lambda token: token[:-1] + chr(ord(token[-1]) + 1),  # spare bits
        lambda token: token + "=",
        lambda token: token + "==",
        lambda token: token + "\n",
        lambda token: " " + token,
        lambda token: token.replace(".", ". ", 1),
        lambda token: token + ".",
        lambda token: token.rpartition(".")[0] + ".",
        lambda token: token.rpartition(".")[0],
        lambda token: token[:-1],
        lambda token: "a" * legacy.MAX_TOKEN + token,
        lambda _: "",
    ],
)
def test_other_spellings_of_the_text_are_refused(old: Old, change: Any) -> None:
    token = with_signature(old.token(), bytes(31) + b"\x01" + bytes(31) + b"\x01")
    assert old.status(token).is_valid
    status = old.status(change(token))
    assert status.kind is StatusKind.UNDETERMINED
    assert isinstance(status.reason, InvalidInput)


@pytest.mark.parametrize(
    ("algorithm", "signature"),
    [
        ("none", b"\x01" * 64),
        ("HS256", b"\x01" * 32),
        ("ES256K", b"\x01" * 65),
        ("ES256K-R", b"\x01" * 66),
        ("ES256K", b"\xff" * 64),
        ("ES256K", bytes(64)),
        ("ES512", b"\x01" * 132),
        (None, b"\x01" * 64),
    ],
)
def test_signature_whose_other_forms_are_not_known_is_refused(
    old: Old, algorithm: str | None, signature: bytes
) -> None:
    token = with_signature(old.token(algorithm=algorithm), signature)  # type: ignore[arg-type]
    assert old.status(token).kind is StatusKind.UNDETERMINED


@pytest.mark.parametrize(("algorithm", "forms"), [("ES256", 2), ("EdDSA", 1), ("ES256K-R", 6)])
def test_every_form_of_a_signature_is_asked_for(
    old: Old, alice: LocalAccount, algorithm: str, forms: int
) -> None:
    token = old.token(algorithm=algorithm)
    digests = digests_of(token, old.entry, parse_address(alice.address))
    assert digests[0] == keccak(token.encode())
    assert len(set(digests)) == len(digests) == forms


def test_unknown_recovery_byte_is_one_more_form(old: Old, alice: LocalAccount) -> None:
    token = old.token(algorithm="ES256K-R")
    odd = with_signature(token, signature_of(token)[:64] + b"\x1b")
    digests = digests_of(odd, old.entry, parse_address(alice.address))
    assert digests[0] == keccak(odd.encode())
    assert len(digests) == 7


def test_token_must_be_the_one_with_this_entry(
    stage: StatusStage, old: Old, bob: LocalAccount
) -> None:
    other = Registry2019Entry(network="dev", registry=Address(b"\x77" * 20)).to_dict()
    for token in (
        old.token(vc={"credentialStatus": other}),
        old.token(vc={}),
        old.token(iss=stage.did(bob).text),
        old.token(iss="did:web:example.com"),
        make_token(bob, {"vc": {"credentialStatus": old.entry.to_dict()}}),
    ):
        assert old.status(token).kind is StatusKind.UNDETERMINED


def test_entry_may_stand_beside_others_in_the_token(old: Old) -> None:
    members = [{"type": "Unknown"}, old.entry.to_dict()]
    assert old.status(old.token(vc={"credentialStatus": members})).is_valid


@pytest.mark.parametrize("part", [b"[]", b"7", b"nonsense", b'{"a":1,"a":2}', b"\xff"])
def test_token_without_readable_claims_is_refused(old: Old, part: bytes) -> None:
    head, body, signature = old.token().split(".")
    broken = base64url(part)
    assert old.status(f"{head}.{broken}.{signature}").kind is StatusKind.UNDETERMINED
    assert old.status(f"{broken}.{body}.{signature}").kind is StatusKind.UNDETERMINED


def test_stranger_cannot_revoke(stage: StatusStage, old: Old, mallory: LocalAccount) -> None:
    token = old.token()
    revoke_token(stage, old.registry, mallory, token)
    assert old.status(token).is_valid


def test_former_owner_s_revocation_goes_on_counting(
    stage: StatusStage, old: Old, alice: LocalAccount, bob: LocalAccount, carol: LocalAccount
) -> None:
    """With the peers it stops counting when the owner changes."""
    token, other = old.token(), old.token(sub="did:example:2")
    stage.change_owner(alice, bob)
    revoke_token(stage, old.registry, bob, token)
    stage.change_owner(alice, carol, by=bob)
    assert old.status(token).kind is StatusKind.REVOKED
    revoke_token(stage, old.registry, carol, other)
    assert old.status(other).kind is StatusKind.REVOKED


@pytest.mark.parametrize("kind", [b"veriKey", b"sigAuth", b"other"])
def test_delegate_s_revocation_counts_also_when_it_has_ended(
    stage: StatusStage, old: Old, alice: LocalAccount, bob: LocalAccount, kind: bytes
) -> None:
    delegate = AddDelegate(
        delegate_type=kind.ljust(32, b"\0"), delegate=parse_address(bob.address), validity=1
    )
    stage.change(alice, delegate)
    token = old.token()
    revoke_token(stage, old.registry, bob, token)
    stage.chain.advance(DAY)
    stage.mine()
    assert old.status(token).kind is StatusKind.REVOKED


def test_revocation_by_a_key_of_the_document_counts(
    stage: StatusStage, old: Old, alice: LocalAccount, bob: LocalAccount
) -> None:
    name = b"did/pub/Secp256k1/veriKey/hex".ljust(32, b"\0")
    key = PrivateKey(bob.key).public_key
    for value in (b"no key", key.to_compressed_bytes()):
        stage.change(alice, SetAttribute(name=name, value=value, validity=DAY))
    stage.change(
        alice,
        SetAttribute(name=b"did/svc/Hub".ljust(32, b"\0"), value=b"https://x", validity=DAY),
    )
    token = old.token()
    revoke_token(stage, old.registry, bob, token)
    assert old.status(token).kind is StatusKind.REVOKED


def test_status_at_an_earlier_block_or_time(
    stage: StatusStage, old: Old, alice: LocalAccount
) -> None:
    token = old.token()
    before, moment = stage.mine(), stage.now
    stage.chain.advance(100)
    block = revoke_token(stage, old.registry, alice, token)
    assert old.status(token, at_block=before).is_valid
    assert old.status(token, at_block=block).kind is StatusKind.REVOKED
    assert old.status(token, at_time=moment).is_valid
    assert old.status(token, at_time=stage.now - 1).is_valid
    assert old.status(token, at_time=stage.now).kind is StatusKind.REVOKED


def test_block_of_a_revocation_that_the_node_does_not_know_is_undetermined(
    stage: StatusStage, old: Old, alice: LocalAccount
) -> None:
    token = old.token()
    block = revoke_token(stage, old.registry, alice, token)
    stage.mine()
    stage.node.rewrite["eth_getBlockByNumber"] = lambda params, found: (
        None if params[0] == hex(block) else found
    )
    assert old.status(token, at_time=stage.now).kind is StatusKind.UNDETERMINED


def test_revocation_after_the_issuer_gave_up_does_not_count(
    stage: StatusStage, old: Old, alice: LocalAccount
) -> None:
    token, other = old.token(), old.token(sub="did:example:2")
    revoke_token(stage, old.registry, alice, token)
    given_up = stage.deactivate(alice)
    revoke_token(stage, old.registry, alice, other)
    assert old.status(token).kind is StatusKind.REVOKED
    status = old.status(other)
    assert (status.kind, status.issuer_deactivated) == (StatusKind.VALID, given_up)


def test_revocation_in_the_block_in_which_the_issuer_gave_up_counts(
    stage: StatusStage, old: Old, alice: LocalAccount
) -> None:
    """The contract does not say in which order: the doubt is the holder's."""
    token = old.token()
    stage.mine()
    with stage.one_block():
        revoke_token(stage, old.registry, alice, token)
        stage.set_status(alice, LIST, 1)  # an event before the one that counts
        stage.deactivate(alice)
        stage.mine()
    assert old.status(token).kind is StatusKind.REVOKED


def test_revocation_that_is_not_final_is_pending(
    stage: StatusStage, old: Old, alice: LocalAccount
) -> None:
    token = old.token()
    stage.node.final = stage.head
    revoke_token(stage, old.registry, alice, token)
    assert old.status(token).kind is StatusKind.REVOKED
    assert old.status(token, policy=FinalityPolicy.FINALIZED).is_valid
    stage.node.final = None
    assert old.status(token).kind is StatusKind.REVOKED
    assert not old.status(old.token(sub="did:example:2")).is_valid


def test_registry_that_the_verifier_does_not_list_is_not_asked(
    stage: StatusStage, old: Old, alice: LocalAccount
) -> None:
    status = stage.reader().read_status(old.entry, stage.did(alice), token=old.token())
    assert isinstance(status.reason, StatusUndetermined)
    assert stage.node.rounds == 0


def test_token_itself_is_needed(old: Old) -> None:
    assert isinstance(old.status(None).reason, StatusUndetermined)


@pytest.mark.parametrize("named", ["", "0x7a69"])
def test_network_of_the_entry_may_be_left_out_or_in_hex(
    stage: StatusStage, old: Old, alice: LocalAccount, named: str
) -> None:
    old.entry = Registry2019Entry(network=named, registry=old.registry)
    token = old.token()
    revoke_token(stage, old.registry, alice, token)
    assert old.status(token).kind is StatusKind.REVOKED


@pytest.mark.parametrize("named", ["mainnet", "rinkeby", "0x1"])
def test_registry_on_another_network_than_the_issuer_is_undetermined(old: Old, named: str) -> None:
    old.entry = Registry2019Entry(network=named, registry=old.registry)
    assert old.status(old.token()).kind is StatusKind.UNDETERMINED


def test_address_without_a_registry_is_undetermined(
    stage: StatusStage, old: Old, alice: LocalAccount
) -> None:
    nobody = Address(b"\x77" * 20)
    old.entry = Registry2019Entry(network="dev", registry=nobody)
    reader = stage.reader(legacy_registries=[ContractId(31337, nobody)])
    status = reader.read_status(old.entry, stage.did(alice), token=old.token())
    assert isinstance(status.reason, RegistryMissing)


def test_issuer_with_too_many_writers_is_undetermined(
    stage: StatusStage,
    old: Old,
    alice: LocalAccount,
    bob: LocalAccount,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(legacy, "MAX_WRITERS", 1)
    token = old.token()
    assert old.status(token).is_valid
    stage.change_owner(alice, bob)
    assert isinstance(old.status(token).reason, StatusUndetermined)


def test_old_and_new_entries_are_read_together(
    stage: StatusStage, old: Old, alice: LocalAccount
) -> None:
    token = old.token()
    revoke_token(stage, old.registry, alice, token)
    did = stage.did(alice)
    questions = [
        StatusQuestion(entry=stage.entry(LIST, 1), issuer=did),
        StatusQuestion(entry=old.entry, issuer=did, token=token),
    ]
    found = old.reader().read_statuses(questions)
    assert [one.kind.value for one in found] == ["valid", "revoked"]
    assert stage.node.rounds == 2  # who may have revoked is known after the first


# -- EthrRevocationRegistry2022 ------------------------------------------------------------------


class Newer:
    """A registry of ERC-5539."""

    def __init__(self, stage: StatusStage, issuer: LocalAccount) -> None:
        self.stage = stage
        self.issuer = issuer
        self.registry = ContractId(31337, create_2022(stage))

    def entry(self, namespace: LocalAccount) -> Registry2022Entry:
        return Registry2022Entry(
            registry=self.registry,
            namespace=parse_address(namespace.address),
            list_id=LIST_2022,
            key=KEY,
        )

    def change(self, namespace: LocalAccount, *, revoked: bool = True) -> int:
        return change_status(
            self.stage, self.registry.address, namespace, LIST_2022, KEY, revoked=revoked
        )

    def status(self, namespace: LocalAccount | None = None, **options: Any) -> Status:
        reader = self.stage.reader(legacy_registries=[self.registry])
        entry = self.entry(namespace or self.issuer)
        return reader.read_status(entry, self.stage.did(self.issuer), **options)


@pytest.fixture
def newer(stage: StatusStage, alice: LocalAccount) -> Newer:
    return Newer(stage, alice)


def test_key_is_revoked_and_not_again(newer: Newer, alice: LocalAccount) -> None:
    assert newer.status().is_valid
    newer.change(alice)
    status = newer.status()
    assert (status.kind, status.changed_block, status.terminal) == (
        StatusKind.REVOKED,
        None,
        False,
    )
    newer.change(alice, revoked=False)
    assert newer.status().is_valid


def test_reinstatement_counts_when_it_is_final(
    stage: StatusStage, newer: Newer, alice: LocalAccount
) -> None:
    newer.change(alice)
    stage.node.final = stage.head
    newer.change(alice, revoked=False)
    assert newer.status().kind is StatusKind.REVOKED


def test_entry_is_read_from_its_json(newer: Newer, alice: LocalAccount) -> None:
    newer.change(alice)
    entry = json.loads(json.dumps(newer.entry(alice).to_dict()))
    reader = newer.stage.reader(legacy_registries=[newer.registry])
    status = reader.read_status(entry, newer.stage.did(alice))
    assert status.kind is StatusKind.REVOKED


def test_namespace_of_somebody_else_is_no_answer(newer: Newer, mallory: LocalAccount) -> None:
    status = newer.status(mallory)
    assert isinstance(status.reason, InvalidStatusEntry)


def test_namespace_of_an_owner_is_the_issuer_s(
    stage: StatusStage, newer: Newer, alice: LocalAccount, bob: LocalAccount, carol: LocalAccount
) -> None:
    assert not newer.status(bob).is_valid
    stage.change_owner(alice, bob)
    newer.change(bob)
    assert newer.status(bob).kind is StatusKind.REVOKED
    stage.change(alice, ChangeOwner(owner=parse_address(carol.address)), by=bob)
    assert newer.status(bob).kind is StatusKind.REVOKED
    assert newer.status(carol).is_valid


def test_past_is_asked_for_at_its_block(
    stage: StatusStage, newer: Newer, alice: LocalAccount
) -> None:
    before = stage.mine()
    block = newer.change(alice)
    assert newer.status(at_block=before).is_valid
    assert newer.status(at_block=block).kind is StatusKind.REVOKED
    assert isinstance(newer.status(at_time=stage.now).reason, InvalidOption)


def test_not_revoked_by_an_issuer_who_gave_up_is_undetermined(
    stage: StatusStage, newer: Newer, alice: LocalAccount
) -> None:
    newer.change(alice)
    stage.deactivate(alice)
    assert newer.status().kind is StatusKind.REVOKED
    newer.change(alice, revoked=False)  # by the key that regained control
    assert isinstance(newer.status().reason, DeactivatedError)


@pytest.mark.parametrize("answer", ["0x", "0x" + "00" * 31 + "02", "0x" + "00" * 64])
def test_answer_that_is_neither_yes_nor_no_is_undetermined(
    stage: StatusStage, newer: Newer, answer: str
) -> None:
    registry = "0x" + newer.registry.address.hex()
    stage.node.rewrite["eth_call"] = lambda params, result: (
        answer if params[0].get("to") == registry else result
    )
    assert newer.status().kind is StatusKind.UNDETERMINED
