"""What an issuer remembers: once for each reference, together with the entry, and nobody's data."""

from __future__ import annotations

import random
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.core.keys import Address
from ethr_did.core.status_entry import ContractId
from ethr_did.core.status_list import Purpose
from ethr_did.credentials.anchoring import plan_anchor
from ethr_did.credentials.credential import CredentialFormat
from ethr_did.credentials.records import (
    Draft,
    IssuanceRecord,
    Records,
    RecordState,
    next_reference,
)
from ethr_did.errors import InvalidOption, NotFoundError, StoreError
from ethr_did.status.allocation import Allocator
from ethr_did.status.store import StatusStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ethr_did.status.stored import StoredList

ISSUER = "did:ethr:dev:0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
CONTRACT = ContractId(1, Address(b"\x0c" * 20))
NOW = 1_800_000_000
SECRET = b"Erika Mustermann, 1964-08-12"


def dice(seed: int = 0) -> Callable[[int], bytes]:
    """Chance that repeats itself."""
    return random.Random(seed).randbytes  # noqa: S311  # tests repeat


@pytest.fixture
def store(database_url: str) -> Iterator[StatusStore]:
    with StatusStore(database_url) as opened:
        yield opened


@pytest.fixture
def records(store: StatusStore) -> Records:
    return Records(store, random=dice())


@pytest.fixture
def statuses(store: StatusStore) -> StoredList:
    return a_list(store)


def a_list(store: StatusStore, capacity: int = 256, seed: int = 1) -> StoredList:
    return Allocator(store, random=dice(seed)).create_list(
        contract=CONTRACT,
        identity=Address(b"\xaa" * 20),
        purpose=Purpose.REVOCATION,
        now=NOW,
        capacity=capacity,
    )


def draft(reference: str = "card-1", content: bytes = SECRET, **members: Any) -> Draft:
    usual: dict[str, Any] = {
        "reference": reference,
        "format": CredentialFormat.SD_JWT,
        "type": "urn:x:card",
        "content": content,
        "valid_until": NOW + 7,
    }
    return Draft(**{**usual, **members})


def prepare(
    records: Records, *drafts: Draft, stored: StoredList | None = None, **options: Any
) -> list[IssuanceRecord]:
    return records.prepare(
        options.pop("issuer", ISSUER),
        drafts or [draft()],
        stored=stored,
        now=options.pop("now", NOW),
        **options,
    )


def signed(records: Records, *drafts: Draft, **options: Any) -> list[IssuanceRecord]:
    made = prepare(records, *drafts, **options)
    records.note_signed((one, bytes([place]) * 32) for place, one in enumerate(made, 1))
    return made


def entries(made: list[IssuanceRecord]) -> list[int | None]:
    return [one.allocation.index if one.allocation else None for one in made]


# -- on the way ----------------------------------------------------------------------------------


def test_a_record_says_what_was_asked_for_and_has_an_entry(
    records: Records, statuses: StoredList
) -> None:
    (made,) = prepare(records, stored=statuses)
    assert made == records.find("card-1")
    assert (made.state, made.format, made.type) == (
        RecordState.PREPARED,
        CredentialFormat.SD_JWT,
        "urn:x:card",
    )
    assert (made.issued_at, made.valid_until, made.digest) == (NOW, NOW + 7, None)
    assert made.allocation is not None
    assert made.allocation.reference == "card-1"
    assert made.to_dict()["status"] == made.allocation.entry.to_dict()
    assert "digest" not in made.to_dict()


def test_records_come_in_the_order_of_what_was_asked_for(
    records: Records, statuses: StoredList
) -> None:
    names = [f"r{number}" for number in (3, 1, 2)]
    made = prepare(records, *map(draft, names), stored=statuses)
    assert [one.reference for one in made] == names
    assert len(set(entries(made))) == 3
    found = records.find_many(ISSUER, [*names, "other"])
    assert {name: one.id for name, one in found.items()} == {one.reference: one.id for one in made}


def test_asking_again_gives_the_same_entry_and_takes_what_is_new(
    records: Records, statuses: StoredList
) -> None:
    (first,) = prepare(records, stored=statuses)
    (second,) = prepare(
        records,
        draft(content=b"other", type="urn:x:2", valid_until=None),
        stored=statuses,
        now=NOW + 1,
    )
    assert (second.id, entries([second])) == (first.id, entries([first]))
    assert (second.type, second.issued_at, second.valid_until) == ("urn:x:2", NOW + 1, None)
    assert second.seed != first.seed


def test_an_entry_that_was_handed_out_for_the_reference_before_is_taken(
    records: Records, store: StatusStore, statuses: StoredList
) -> None:
    (held,) = Allocator(store, random=dice()).allocate(statuses, now=NOW, references=["card-1"])
    assert entries(prepare(records, stored=statuses)) == [held.index]


def test_a_record_that_was_only_prepared_moves_to_another_list(
    records: Records, store: StatusStore, statuses: StoredList
) -> None:
    prepare(records, stored=statuses)
    other = a_list(store, seed=2)
    (moved,) = prepare(records, stored=other)
    assert moved.allocation is not None
    assert moved.allocation.list.id == other.id
    assert prepare(records)[0].allocation is None


def test_what_was_signed_can_be_signed_again_and_nothing_else(
    records: Records, statuses: StoredList
) -> None:
    (first,) = signed(records, stored=statuses)
    (again,) = prepare(records, stored=statuses, now=NOW + 99)
    assert (again.state, again.seed, again.issued_at) == (RecordState.SIGNED, first.seed, NOW)
    assert entries([again]) == entries([first])
    with pytest.raises(InvalidOption, match="another credential was signed under 'card-1'"):
        prepare(records, draft(content=b"other"), stored=statuses)


def test_all_contents_that_changed_are_named_and_nothing_is_done(
    records: Records, statuses: StoredList
) -> None:
    names = ["a", "b", "c"]
    signed(records, *map(draft, names), stored=statuses)
    changed = [draft("a"), draft("b", b"x"), draft("c", b"x"), draft("d")]
    with pytest.raises(InvalidOption, match="and 1 more") as caught:
        prepare(records, *changed, stored=statuses)
    assert caught.value.facts["references"] == ["b", "c"]
    with pytest.raises(NotFoundError):
        records.find("d")


def test_what_was_handed_over_stays_as_it_is(records: Records, statuses: StoredList) -> None:
    made = signed(records, stored=statuses)
    records.note_issued(made)
    (found,) = prepare(records, draft(content=b"other", type="urn:x:2"), stored=statuses)
    assert (found.state, found.seed, found.type) == (RecordState.ISSUED, None, "urn:x:card")
    records.note_issued(made)  # twice does no harm


def test_the_order_of_states_is_kept(records: Records) -> None:
    made = prepare(records)
    with pytest.raises(StoreError, match="is not signed, or revoked"):
        records.note_issued(made)
    records.note_signed([(made[0], bytes(32))])
    records.note_revoked(made[0], now=NOW)
    with pytest.raises(StoreError, match="is not signed, or revoked"):
        records.note_issued(made)
    (found,) = prepare(records)
    assert (found.state, found.revoked_at) == (RecordState.REVOKED, NOW)


def test_of_two_that_prepare_the_same_only_the_second_may_give_it_out(records: Records) -> None:
    first, second = prepare(records), prepare(records)
    with pytest.raises(StoreError, match="is issued by others too"):
        records.note_signed([(first[0], bytes(32))])
    records.note_signed([(second[0], bytes(32))])


def test_one_that_others_issue_too_stops_all_of_them(records: Records) -> None:
    made = prepare(records, draft("a"), draft("b"))
    prepare(records, draft("b"))
    with pytest.raises(StoreError):
        records.note_signed((one, bytes(32)) for one in made)
    assert records.find("a").digest is None


def test_a_full_list_stops_all_of_them_unless_a_new_one_may_follow(
    records: Records, store: StatusStore
) -> None:
    small = a_list(store, capacity=2)
    drafts = [draft(f"r{number}") for number in range(3)]
    with pytest.raises(StoreError, match="is full"):
        prepare(records, *drafts, stored=small)
    with pytest.raises(NotFoundError):
        records.find("r0")
    made = prepare(records, *drafts, stored=small, roll_over=True)
    assert len({one.allocation.list.id for one in made if one.allocation}) == 2


def test_threads_never_share_an_entry(database_url: str, statuses: StoredList) -> None:
    found: list[tuple[str, int | None]] = []
    barrier = threading.Barrier(4)

    def run(number: int) -> None:
        with StatusStore(database_url) as mine:
            barrier.wait()
            for step in range(5):
                drafts = [draft(f"{number}-{step}"), draft(f"shared-{step}")]
                made = prepare(Records(mine, random=dice(number)), *drafts, stored=statuses)
                found.extend(zip([one.reference for one in made], entries(made), strict=True))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 40
    assert len(set(found)) == 25
    assert len({entry for _, entry in found}) == 25


# -- afterwards ----------------------------------------------------------------------------------


def test_what_replaces_a_credential_is_named(records: Records) -> None:
    old, new = prepare(records, draft("card"), draft("card.2"))
    records.note_replaced(old, new)
    assert records.find("card").replaced_by == "card.2"
    assert records.find("card").to_dict()["replacedBy"] == "card.2"


@pytest.mark.parametrize("count", [1, 3])
def test_proofs_are_kept_once_and_shown_when_the_anchor_is_there(
    records: Records, count: int
) -> None:
    made = signed(records, *(draft(f"r{number}") for number in range(count)))
    digests = [bytes([place]) * 32 for place in range(1, count + 1)]
    held = [replace(one, digest=digest) for one, digest in zip(made, digests, strict=True)]
    plan = plan_anchor(digests, registry=CONTRACT, random=dice())
    records.keep_proofs(zip(held, plan.proofs, strict=True))
    found = records.find("r0")
    assert (found.proof, found.anchored_at) == (plan.proofs[0], None)
    assert "existenceProof" not in found.to_dict()
    with pytest.raises(StoreError, match="has an anchor already"):
        records.keep_proofs([(held[0], plan.proofs[0])])
    records.note_anchored(held, now=NOW)
    assert records.find("r0").to_dict()["existenceProof"] == plan.proofs[0].to_dict()


def test_a_proof_is_of_what_was_signed(records: Records) -> None:
    (made,) = signed(records)
    (proof,) = plan_anchor([bytes(32)], registry=CONTRACT, random=dice()).proofs
    with pytest.raises(StoreError):
        records.keep_proofs([(replace(made, digest=bytes(32)), proof)])


# -- looking up ----------------------------------------------------------------------------------


def test_a_reference_that_is_not_there_is_not_found(records: Records) -> None:
    with pytest.raises(NotFoundError, match="has no credential 'card-1'"):
        records.find("card-1")
    assert records.find_many(ISSUER, ["card-1"]) == {}
    assert records.find_digests([bytes(32)]) == []


def test_references_are_of_one_issuer_each(records: Records) -> None:
    (mine,) = prepare(records)
    (other,) = prepare(records, issuer="did:web:other.example")
    assert mine.id != other.id
    with pytest.raises(InvalidOption, match="several issuers") as caught:
        records.find("card-1")
    assert "did:web:other.example" in caught.value.hint
    assert records.find("card-1", issuer=ISSUER) == mine


def test_a_credential_is_found_by_its_digest(records: Records) -> None:
    (made,) = signed(records)
    (found,) = records.find_digests([bytes(32), b"\x01" * 32])
    assert found.id == made.id


@pytest.mark.parametrize(
    ("references", "message"),
    [
        ([], "nothing to issue"),
        ([""], "not a reference"),
        (["a\n"], "not a reference"),
        (["x" * 513], "not a reference"),
        (["a", "b", "a"], "given twice: 'a'"),
    ],
)
def test_what_is_no_reference_is_refused(
    records: Records, references: list[str], message: str
) -> None:
    with pytest.raises(InvalidOption, match=message):
        records.prepare(ISSUER, [draft(one) for one in references], stored=None, now=NOW)


def test_an_issuer_is_not_longer_than_its_place(records: Records) -> None:
    with pytest.raises(InvalidOption, match="is not kept"):
        prepare(records, issuer="did:x:" + "a" * 600)


@pytest.mark.parametrize(
    ("reference", "following"),
    [
        ("a", "a.2"),
        ("a.2", "a.3"),
        ("a.9", "a.10"),
        ("a.02", "a.02.2"),
        ("a.b", "a.b.2"),
        (".7", ".7.2"),
    ],
)
def test_what_takes_a_place_has_the_next_name(reference: str, following: str) -> None:
    assert next_reference(reference) == following


# -- what is not there ---------------------------------------------------------------------------


def test_seed_and_keyed_digest_are_gone_from_the_file_when_it_was_handed_over(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    with StatusStore(url) as store:
        records = Records(store, random=dice())
        made = signed(records, *(draft(f"r{number}") for number in range(20)))
        seeds = [one.seed for one in made if one.seed]
        assert any(seed in everything(tmp_path) for seed in seeds)
        records.note_issued(made[:19])
        records.note_revoked(made[19], now=NOW)
    left = everything(tmp_path)
    assert len(seeds) == 20
    assert not any(seed in left for seed in seeds)
    assert SECRET not in left


def everything(folder: Path) -> bytes:
    """The bytes of all files there."""
    return b"".join(path.read_bytes() for path in folder.iterdir())


def test_neither_seed_nor_content_is_in_a_representation(records: Records) -> None:
    (made,) = prepare(records)
    assert made.seed is not None
    assert repr(made.seed) not in repr(made)
    assert "Mustermann" not in repr(draft())
