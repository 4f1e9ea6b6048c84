"""Publishing lists kept off chain: on a real chain, with other publishers, strangers and crashes."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.chain.fees import FeeRules
from ethr_did.chain.transactions import Intent, Waiting
from ethr_did.core.keys import parse_address, to_checksum_address
from ethr_did.core.list_checks import Expected, check_document, read_document
from ethr_did.core.list_documents import DocumentForm, Served, form_of
from ethr_did.core.status_calls import NO_HEADER
from ethr_did.core.status_events import LOCATED_TOPIC
from ethr_did.core.status_list import Authority
from ethr_did.errors import (
    DeactivatedError,
    FeeTooHigh,
    InvalidConfiguration,
    InvalidOption,
    InvalidStatusList,
    NotAuthorized,
    NotFoundError,
    Reverted,
    SignerError,
    StatusConflict,
    StoreError,
    TransactionPending,
)
from ethr_did.status.allocation import Allocator
from ethr_did.status.drafts import Why
from ethr_did.status.issuing import StatusIssuer
from ethr_did.status.list_files import ListFiles
from ethr_did.status.publishing import DEFAULT_VALIDITY
from ethr_did.status.store import StatusStore
from ethr_did.status.stored import ListForm, StoredList, VersionState
from support.writing import make_sender

if TYPE_CHECKING:
    from ethr_did.chain.local import LocalAccount, LocalServer
    from ethr_did.chain.receipts import Receipt
    from ethr_did.chain.signer import Signer
    from ethr_did.chain.transactions import Progress, Sender
    from ethr_did.core.bitstring import Bitstring
    from ethr_did.core.list_documents import Unsigned
    from ethr_did.core.status_calls import Header
    from support.press import Press

DAY = 86_400
IMPATIENT = Waiting(timeout=0.3, poll=0.05)
TESTS = Path(__file__).parent.parent


def current(press: Press, stored: StoredList) -> Bitstring:
    """The statuses in the file that is served."""
    content = press.files.current(stored.url)
    assert content is not None
    form = form_of(stored.list_id)
    return check_document(
        read_document(content, form),
        Expected(now=press.stage.now, url=stored.url, bits=stored.list_id.bits),
    )


def head_of(press: Press, issuer: LocalAccount, stored: StoredList) -> Header:
    """The current header, from the chain alone."""
    publisher = press.publisher(issuer)
    steps = publisher._reader.read({stored.list_id: []}, actor=publisher.identity)
    found: Header = publisher._chain.run(steps).headers[stored.list_id]
    return found


def transactions(press: Press) -> int:
    """Transactions that were mined so far."""
    return sum(len(block.transactions) for block in press.stage.chain.ledger.blocks)


def other_database(press: Press, stored: StoredList, name: str = "other") -> StatusStore:
    """A database of somebody else's, with the same list and no status in it."""
    store = StatusStore(f"sqlite:///{press.root}/{name}.db")
    Allocator(store, random=secrets.token_bytes).adopt_list(
        stored.list_id,
        contract=stored.contract,
        identity=stored.identity,
        now=press.stage.now,
        form=stored.form,
        url=stored.url,
    )
    return store


# -- versions ------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [ListForm.BITSTRING, ListForm.TOKEN])
def test_first_version_is_on_chain_and_served(
    press: Press, alice: LocalAccount, form: ListForm
) -> None:
    stored = press.new_list(alice, form=form)
    press.set(stored, {7: 1, 131_071: 1})
    report = press.publisher(alice).publish(sender=press.sender(alice))
    (published,) = report.published
    content = press.files.current(stored.url)
    header = head_of(press, alice, stored)
    assert content is not None
    assert header.version == published.version.version == 1
    assert header.content_digest == sha256(content).digest()
    assert 0 <= header.published_at + DEFAULT_VALIDITY - header.valid_until < 60
    assert published.version.header == header
    assert {i for i, value in enumerate(current(press, stored).values()) if value} == {7, 131_071}
    assert len(report.receipts) == 1


def test_list_that_did_not_change_is_not_published_again(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice)
    press.publish(alice)
    before = transactions(press)
    report = press.publisher(alice).publish(sender=press.sender(alice))
    assert (report.published, report.up_to_date) == ((), (stored.list_id,))
    assert transactions(press) == before


def test_changed_status_is_a_new_version_and_the_old_one_stays(
    press: Press, alice: LocalAccount
) -> None:
    stored = press.new_list(alice)
    first = press.publish(alice)
    old = press.files.current(stored.url)
    press.set(stored, {7: 1})
    second = press.publish(alice)
    assert (second.version, current(press, stored).value_at(7)) == (2, 1)
    folder = press.files.path_of(stored.url).parent
    assert (folder / first.content_digest.hex()).read_bytes() == old
    assert (folder / second.content_digest.hex()).read_bytes() == press.files.current(stored.url)
    assert [v.version for v in press.store.versions(stored)] == [1, 2]


def test_status_that_was_changed_back_needs_no_version(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice)
    press.publish(alice)
    press.set(stored, {7: 1})
    press.set(stored, {7: 0})
    assert press.publisher(alice).publish(sender=press.sender(alice)).published == ()


def test_several_lists_are_one_transaction(press: Press, alice: LocalAccount) -> None:
    lists = [press.new_list(alice, f"{number}/current") for number in range(3)]
    press.set(lists[1], {5: 1})
    report = press.publisher(alice).publish(sender=press.sender(alice))
    assert len(report.receipts) == 1
    assert {one.stored.list_id for one in report.published} == {one.list_id for one in lists}
    assert [current(press, one).value_at(5) for one in lists] == [0, 1, 0]


def test_only_the_lists_that_are_named_are_published(press: Press, alice: LocalAccount) -> None:
    one, other = press.new_list(alice, "1/current"), press.new_list(alice, "2/current")
    press.publisher(alice).publish([one.list_id], sender=press.sender(alice))
    assert press.files.current(one.url) is not None
    assert press.files.current(other.url) is None


def test_list_without_a_place_for_versions_is_published(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice, "lists/1.json")
    press.publish(alice)
    assert press.files.current(stored.url) is not None
    assert [path.name for path in press.files.path_of(stored.url).parent.iterdir()] == ["1.json"]
    assert press.read(alice, stored, 7).is_valid


def test_lists_on_chain_and_of_others_are_none_of_them(
    press: Press, alice: LocalAccount, bob: LocalAccount
) -> None:
    theirs = press.new_list(bob)
    publisher = press.publisher(alice)
    assert publisher.lists() == ()
    assert publisher.publish(sender=press.sender(alice)).published == ()
    with pytest.raises(NotFoundError, match="none of the lists kept off chain"):
        publisher.publish([theirs.list_id], sender=press.sender(alice))


def test_signature_is_part_of_what_is_anchored(press: Press, alice: LocalAccount) -> None:
    def sign(document: Unsigned, /) -> Served:
        proof = {"type": "DataIntegrityProof"}
        content = json.dumps({**document.claims, "proof": proof}).encode()
        return Served(content=content, media_type="application/vc")

    stored = press.new_list(alice)
    press.publisher(alice, sign=sign).publish(sender=press.sender(alice))
    content = press.files.current(stored.url)
    assert content is not None
    assert read_document(content, DocumentForm.W3C).is_signed
    assert head_of(press, alice, stored).content_digest == sha256(content).digest()
    assert press.read(alice, stored, 3).is_valid


# -- before anything is sent ---------------------------------------------------------------------


def test_plan_says_what_would_happen_and_does_nothing(press: Press, alice: LocalAccount) -> None:
    stored, other = press.new_list(alice), press.new_list(alice, "2/current")
    press.publisher(alice).publish([other.list_id], sender=press.sender(alice))
    press.set(stored, {1: 1, 2: 1})
    before = transactions(press)
    plan = press.publisher(alice).plan(sender=press.sender(alice))
    (draft,) = plan.drafts
    assert (draft.why, draft.version.version, draft.counts) == (Why.FIRST, 1, ((1, 2),))
    assert draft.authority is Authority.OWNER
    assert plan.up_to_date == (other.list_id,)
    assert 20_000 < plan.quote.items[0].estimated_gas < 70_000
    assert transactions(press) == before
    assert press.store.versions(stored) == ()
    assert press.files.current(stored.url) is None
    said = plan.to_dict()
    assert said["publications"][0]["counts"] == {"1": 2}
    assert said["publications"][0]["why"] == "first"
    json.dumps(said)


def test_report_is_json(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice)
    said = press.publisher(alice).publish(sender=press.sender(alice)).to_dict()
    json.dumps(said)
    assert said["published"][0]["listId"] == stored.list_id.text
    assert said["published"][0]["url"] == stored.url
    assert said["gasUsed"] > 40_000


def test_network_without_an_anchor_registry_has_no_publisher(
    press: Press, alice: LocalAccount
) -> None:
    press.stage.network = replace(press.stage.network, anchor_registry=None)
    with pytest.raises(InvalidConfiguration, match="no anchor_registry"):
        press.publisher(alice)


def test_registry_for_other_identities_is_refused(press: Press, alice: LocalAccount) -> None:
    press.new_list(alice)
    registry = to_checksum_address(press.stage.statuses)
    press.stage.network = replace(press.stage.network, did_registry=registry)
    with pytest.raises(InvalidConfiguration, match="asks the DID registry"):
        # The history is read first; a contract that is no DID registry has none.
        press.publisher(alice)._reader._check_trusted(parse_address(alice.address))


@pytest.mark.parametrize(("validity", "ttl"), [(119, 10), (DAY, 0), (DAY, DAY + 1)])
def test_times_that_make_no_sense_are_refused(
    press: Press, alice: LocalAccount, validity: int, ttl: int
) -> None:
    with pytest.raises(InvalidOption, match="good for 120 seconds or more"):
        press.publisher(alice, validity=validity, ttl=ttl)


# -- files ---------------------------------------------------------------------------------------


def test_version_is_there_before_it_is_sent_and_current_after_it_is_mined(
    press: Press, alice: LocalAccount
) -> None:
    stored = press.new_list(alice)
    press.publish(alice)
    old = press.files.current(stored.url)
    press.set(stored, {7: 1})
    seen: dict[str, tuple[int, bool]] = {}

    def look(progress: Progress) -> None:
        files = list(press.files.path_of(stored.url).parent.iterdir())
        seen[progress.stage] = (len(files), press.files.current(stored.url) == old)

    press.publisher(alice).publish(sender=press.sender(alice, on_progress=look))
    assert seen["signed"] == seen["sent"] == (3, True)
    assert press.files.current(stored.url) != old


def test_version_that_fails_leaves_what_is_served(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice)
    press.publish(alice)
    old = press.files.current(stored.url)
    press.set(stored, {7: 1})
    sender = press.sender(alice)
    sender.rules = replace(sender.rules, cap_per_gas=1)
    with pytest.raises(FeeTooHigh):
        press.publisher(alice).publish(sender=sender)
    assert press.files.current(stored.url) == old
    assert press.read(alice, stored, 7).is_valid


def test_refusal_that_is_no_race_is_an_error(press: Press, alice: LocalAccount) -> None:
    press.new_list(alice)
    early = press.stage.now - 30 * DAY
    with pytest.raises(Reverted, match="ListExpired"):
        press.publisher(alice, clock=lambda: early).publish(sender=press.sender(alice))


def test_folder_that_cannot_be_written_stops_the_publication(
    press: Press, alice: LocalAccount
) -> None:
    stored = press.new_list(alice)
    press.files.folder.write_text("a file")
    before = transactions(press)
    with pytest.raises(StoreError, match="cannot be written"):
        press.publish(alice)
    assert transactions(press) == before
    with pytest.raises(StoreError, match="cannot be read"):
        press.files.current(stored.url)


def test_address_that_no_file_can_have_stops_the_publication(
    press: Press, alice: LocalAccount
) -> None:
    press.new_list(alice, "list?id=1")
    before = transactions(press)
    with pytest.raises(InvalidStatusList, match="no file can be served"):
        press.publish(alice)
    assert transactions(press) == before


def test_name_that_the_disk_does_not_take_is_an_error(press: Press, alice: LocalAccount) -> None:
    press.new_list(alice, "x" * 250)
    with pytest.raises(StoreError, match="cannot be written"):
        press.publish(alice)


def test_version_that_was_damaged_on_disk_is_written_again(
    press: Press, alice: LocalAccount
) -> None:
    stored = press.new_list(alice)
    header = press.publish(alice)
    path = press.files.path_of(stored.url).parent / header.content_digest.hex()
    path.write_bytes(b"")
    press.publisher(alice).settle()
    assert path.read_bytes() == press.files.current(stored.url)


@pytest.mark.parametrize(
    "url",
    [
        "https://lists.example/",
        "https://lists.example/a/../b",
        "https://lists.example/.well-known",
        "https://lists.example/1?a=b",
        "https://lists.example/%2e%2e/b",
        "https://lists.example//b",
        "https://lists.example/1/",
        "ftp://lists.example/1",
    ],
)
def test_address_that_no_file_can_have_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(InvalidStatusList, match="no file can be served"):
        ListFiles(tmp_path).path_of(url)


def test_file_of_an_address_is_inside_the_folder(tmp_path: Path) -> None:
    files = ListFiles(tmp_path)
    assert files.path_of("https://a.example:8443/x/1~b/current") == tmp_path / "x/1~b/current"


# -- time ----------------------------------------------------------------------------------------


def test_heartbeat_publishes_what_has_less_than_half_of_its_time_left(
    press: Press, alice: LocalAccount
) -> None:
    stored, silent = press.new_list(alice), press.new_list(alice, "2/current")
    publisher = press.publisher(alice, validity=DAY)
    publisher.publish([stored.list_id], sender=press.sender(alice))
    press.pass_time(DAY // 2 - 60)
    assert publisher.heartbeat(sender=press.sender(alice)).published == ()
    press.pass_time(120)
    (published,) = publisher.heartbeat(sender=press.sender(alice)).published
    assert published.stored.list_id == stored.list_id
    assert published.version.valid_until > press.stage.now + DAY - 60
    assert press.store.versions(silent) == ()
    first, second = press.store.versions(stored)
    assert first.bitmap_root == second.bitmap_root
    assert first.content_digest != second.content_digest


def test_publish_looks_at_the_time_as_well(press: Press, alice: LocalAccount) -> None:
    press.new_list(alice)
    publisher = press.publisher(alice, validity=DAY)
    publisher.publish(sender=press.sender(alice))
    press.pass_time(DAY // 2 + 60)
    (draft,) = publisher.plan(sender=press.sender(alice)).drafts
    assert draft.why is Why.HEARTBEAT


def test_list_whose_time_has_run_out_is_published_again(press: Press, alice: LocalAccount) -> None:
    press.new_list(alice)
    publisher = press.publisher(alice, validity=DAY)
    publisher.publish(sender=press.sender(alice))
    press.pass_time(3 * DAY)
    assert publisher.publish(sender=press.sender(alice)).published[0].version.version == 2


def test_force_publishes_what_needs_nothing(press: Press, alice: LocalAccount) -> None:
    press.new_list(alice)
    press.publish(alice)
    press.pass_time(5)
    plan = press.publisher(alice).plan(sender=press.sender(alice), force=True)
    assert plan.drafts[0].why is Why.FORCED
    assert press.publish(alice, force=True).version == 2


# -- who may publish -----------------------------------------------------------------------------


@pytest.mark.parametrize("authority", [Authority.ALL_LISTS, Authority.ONE_LIST])
def test_status_key_publishes(
    press: Press, alice: LocalAccount, bob: LocalAccount, authority: Authority
) -> None:
    stored = press.new_list(alice)
    listed = stored.list_id if authority is Authority.ONE_LIST else None
    press.stage.add_delegate(alice, bob, authority, listed)
    plan = press.publisher(alice).plan(sender=press.sender(bob))
    assert plan.drafts[0].authority is authority
    press.publisher(alice).publish(sender=press.sender(bob))
    assert press.read(alice, stored, 1).is_valid


def test_key_for_revocations_does_not_publish(
    press: Press, alice: LocalAccount, bob: LocalAccount
) -> None:
    press.new_list(alice)
    press.stage.add_delegate(alice, bob, Authority.REVOCATION_ONLY)
    with pytest.raises(NotAuthorized, match="no right to publish"):
        press.publisher(alice).publish(sender=press.sender(bob))


def test_stranger_does_not_publish(
    press: Press, alice: LocalAccount, mallory: LocalAccount
) -> None:
    stored = press.new_list(alice)
    with pytest.raises(NotAuthorized, match="no right to publish"):
        press.publisher(alice).publish(sender=press.sender(mallory))
    assert press.store.versions(stored) == ()
    with pytest.raises(NotAuthorized):
        press.publisher(alice).locate(stored.list_id, sender=press.sender(mallory))


def test_list_of_the_owner_alone_is_published_by_no_key(
    press: Press, alice: LocalAccount, bob: LocalAccount
) -> None:
    press.new_list(alice, owner_only=True)
    press.stage.add_delegate(alice, bob, Authority.ALL_LISTS)
    with pytest.raises(NotAuthorized, match="no right to publish"):
        press.publisher(alice).publish(sender=press.sender(bob))
    assert press.publish(alice).version == 1


def test_list_goes_on_under_the_next_owner(
    press: Press, alice: LocalAccount, bob: LocalAccount
) -> None:
    stored = press.new_list(alice)
    press.publish(alice)
    press.stage.change_owner(alice, bob)
    press.set(stored, {7: 1})
    with pytest.raises(NotAuthorized):
        press.publish(alice)
    press.publisher(alice).publish(sender=press.sender(bob))
    assert press.read(alice, stored, 7).kind == "revoked"


def test_identity_that_was_given_up_publishes_nothing(press: Press, alice: LocalAccount) -> None:
    press.new_list(alice)
    press.stage.deactivate(alice)
    with pytest.raises(DeactivatedError, match="was deactivated in block"):
        press.publish(alice)


# -- other publishers ----------------------------------------------------------------------------


def test_publisher_with_the_same_database_in_between_does_no_harm(
    press: Press, alice: LocalAccount, bob: LocalAccount
) -> None:
    stored = press.new_list(alice)
    press.stage.add_delegate(alice, bob, Authority.ALL_LISTS)
    press.set(stored, {1: 1})

    def meanwhile() -> None:
        press.set(stored, {2: 1})
        other = press.publisher(alice, chain=press.stage.network.chain(retries=0))
        other.publish(sender=press.sender(bob))

    press.stage.node.after_round[1] = meanwhile
    report = press.publisher(alice).publish(sender=press.sender(alice))
    assert head_of(press, alice, stored).version == 1
    # Its version holds both changes: nothing is left to be published.
    assert report.published == ()
    assert [current(press, stored).value_at(i) for i in (1, 2, 3)] == [1, 1, 0]


def test_change_after_the_other_s_version_is_a_version_of_its_own(
    press: Press, alice: LocalAccount, bob: LocalAccount
) -> None:
    stored = press.new_list(alice)
    press.stage.add_delegate(alice, bob, Authority.ALL_LISTS)

    def meanwhile() -> None:
        other = press.publisher(alice, chain=press.stage.network.chain(retries=0))
        other.publish(sender=press.sender(bob))
        press.set(stored, {2: 1})

    press.stage.node.after_round[1] = meanwhile
    press.publisher(alice).publish(sender=press.sender(alice))
    assert head_of(press, alice, stored).version == 2
    assert current(press, stored).value_at(2) == 1


def test_race_that_is_lost_again_and_again_is_a_conflict(
    press: Press, alice: LocalAccount, bob: LocalAccount
) -> None:
    stored = press.new_list(alice)
    press.stage.add_delegate(alice, bob, Authority.ALL_LISTS)
    turn = iter(range(1, 100))

    def meanwhile() -> None:
        other = press.publisher(alice, chain=press.stage.network.chain(retries=0))
        other.publish(sender=press.sender(bob), force=True)
        press.set(stored, {next(turn): 1})
        press.stage.node.after_round[press.stage.node.rounds + 1] = meanwhile

    press.stage.node.after_round[1] = meanwhile
    with pytest.raises(StatusConflict, match="5 times in a row"):
        press.publisher(alice).publish(sender=press.sender(alice))


def test_version_from_another_database_is_a_conflict(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice)
    press.publish(alice)
    with other_database(press, stored) as store:
        (theirs,) = store.lists()
        store.set_values(theirs, {99: 1})
        files = ListFiles(press.root / "elsewhere")
        with pytest.raises(StatusConflict):
            # It does not know the first version either, whose statuses are not its own.
            press.publisher(alice, store=store, files=files).publish(sender=press.sender(alice))
        press.publisher(alice, store=store, files=files).publish(
            sender=press.sender(alice), overwrite=True
        )
    press.set(stored, {7: 1})
    with pytest.raises(StatusConflict, match="published from elsewhere") as caught:
        press.publish(alice)
    assert caught.value.facts["version"] == 2
    assert press.publish(alice, overwrite=True).version == 3


def test_version_from_elsewhere_with_the_same_statuses_is_none(
    press: Press, alice: LocalAccount
) -> None:
    stored = press.new_list(alice)
    press.set(stored, {7: 1})
    press.publish(alice)
    with other_database(press, stored) as store:
        (theirs,) = store.lists()
        store.set_values(theirs, {7: 1})
        files = ListFiles(press.root / "elsewhere")
        publisher = press.publisher(alice, store=store, files=files)
        assert publisher.publish(sender=press.sender(alice)).up_to_date == (stored.list_id,)
        press.pass_time(5)
        publisher.publish(sender=press.sender(alice), force=True)
    # The heartbeat of the other one says what we said: we go on from there.
    press.set(stored, {8: 1})
    assert press.publish(alice).version == 3


# -- relayed -------------------------------------------------------------------------------------


def test_publication_is_signed_here_and_submitted_there(
    press: Press, alice: LocalAccount, relayer: LocalAccount
) -> None:
    stored = press.new_list(alice)
    press.set(stored, {7: 1})
    publisher = press.publisher(alice)
    (message,) = publisher.sign_relay(press.sender(alice).signer)
    assert press.files.current(stored.url) is None
    assert publisher.settle() == ()
    issuer = StatusIssuer(press.stage.network, press.stage.did(alice))
    issuer.submit(message, press.sender(relayer))
    (published,) = publisher.settle()
    assert published.version.version == 1
    assert press.read(alice, stored, 7).kind == "revoked"
    assert publisher.settle() == ()


def test_signed_publication_cannot_be_submitted_twice(
    press: Press, alice: LocalAccount, relayer: LocalAccount
) -> None:
    press.new_list(alice)
    (message,) = press.publisher(alice).sign_relay(press.sender(alice).signer)
    for tag in ("1", "2"):
        intent = Intent(to=message.contract, data=message.call(), purpose="submit", tag=tag)
        if tag == "1":
            press.sender(relayer).send(intent)
        else:
            with pytest.raises(Reverted, match="StaleHeader"):
                press.sender(relayer).send(intent)


def test_message_that_is_signed_again_is_about_the_same_version(
    press: Press, alice: LocalAccount
) -> None:
    press.new_list(alice)
    signer = press.sender(alice).signer
    (first,) = press.publisher(alice).sign_relay(signer, deadline=int(press.clock()) + 10_000)
    press.pass_time(30)
    (second,) = press.publisher(alice).sign_relay(signer, deadline=first.deadline)
    assert first == second


def test_message_is_signed_by_whom_it_says(
    press: Press, alice: LocalAccount, bob: LocalAccount
) -> None:
    press.new_list(alice)

    class Confused:
        """Signs with the key of somebody else."""

        address = press.sender(alice).address

        def sign_typed_data(self, data: Any) -> bytes:
            return press.sender(bob).signer.sign_typed_data(data)

    confused: Signer = Confused()  # type: ignore[assignment]
    with pytest.raises(SignerError, match="not one of"):
        press.publisher(alice).sign_relay(confused)


# -- where a list is -----------------------------------------------------------------------------


def test_address_of_a_list_is_said_on_chain(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice)
    press.publisher(alice).locate(stored.list_id, sender=press.sender(alice))
    (log,) = press.stage.chain.ledger.blocks[-1].transactions[0].logs
    assert log.topics[0] == LOCATED_TOPIC
    assert stored.url.encode() in log.data


# -- crashes -------------------------------------------------------------------------------------


class Died(BaseException):
    """In place of a crash."""


class Mortal:
    """A sender whose process dies before or after one of its steps."""

    def __init__(self, sender: Sender, *, before: str = "", after: str = "") -> None:
        self._sender = sender
        self._before, self._after = before, after

    def submit(self, intents: Any) -> Any:
        return self._step("submit", intents)

    def wait(self, tx_hash: bytes) -> Receipt:
        receipt: Receipt = self._step("wait", tx_hash)
        return receipt

    def _step(self, name: str, argument: Any) -> Any:
        if name == self._before:
            raise Died
        done = getattr(self._sender, name)(argument)
        if name == self._after:
            raise Died
        return done

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sender, name)


@pytest.mark.parametrize(
    "crash",
    [{"before": "submit"}, {"after": "submit"}, {"before": "wait"}, {"after": "wait"}],
    ids=["prepared", "sent", "noted", "mined"],
)
def test_nothing_is_published_twice_after_a_crash(
    press: Press, alice: LocalAccount, crash: dict[str, str]
) -> None:
    stored = press.new_list(alice)
    press.set(stored, {7: 1})
    with pytest.raises(Died):
        press.publisher(alice).publish(sender=Mortal(press.sender(alice), **crash))  # type: ignore[arg-type]
    press.pass_time(30)
    report = press.publisher(alice).publish(sender=press.sender(alice))
    assert head_of(press, alice, stored).version == 1
    assert [one.version.version for one in report.published] == [1]
    (version,) = press.store.versions(stored)
    assert version.state is VersionState.CONFIRMED
    assert version.header == head_of(press, alice, stored)
    assert press.read(alice, stored, 7).kind == "revoked"


def test_file_is_put_right_after_a_crash_before_it_was_changed(
    press: Press, alice: LocalAccount
) -> None:
    stored = press.new_list(alice)
    press.publish(alice)
    old = press.files.current(stored.url)
    press.set(stored, {7: 1})
    press.publish(alice)
    path = press.files.path_of(stored.url)
    assert old is not None
    path.write_bytes(old)
    assert press.publisher(alice).settle() == ()
    assert current(press, stored).value_at(7) == 1


def test_statuses_that_changed_after_the_crash_are_in_the_next_version(
    press: Press, alice: LocalAccount
) -> None:
    stored = press.new_list(alice)
    with pytest.raises(Died):
        press.publisher(alice).publish(sender=Mortal(press.sender(alice), after="submit"))  # type: ignore[arg-type]
    press.set(stored, {7: 1})
    report = press.publisher(alice).publish(sender=press.sender(alice))
    assert [one.version.version for one in report.published] == [1, 2]
    assert current(press, stored).value_at(7) == 1


def test_transaction_that_came_too_late_is_no_fault_of_the_next_run(
    press: Press, alice: LocalAccount, bob: LocalAccount
) -> None:
    stored = press.new_list(alice)
    press.stage.add_delegate(alice, bob, Authority.ALL_LISTS)
    with press.stage.one_block():
        with pytest.raises(TransactionPending):
            # Dearer, so that it comes first.
            press.publisher(alice).publish(
                sender=press.sender(
                    bob, rules=FeeRules(max_priority_fee_per_gas=10**10), waiting=IMPATIENT
                )
            )
        press.set(stored, {7: 1})
        with pytest.raises(TransactionPending):
            press.publisher(alice).publish(sender=press.sender(alice, waiting=IMPATIENT))
        press.stage.mine()
    report = press.publisher(alice).publish(sender=press.sender(alice))
    assert head_of(press, alice, stored).version == 2
    assert [one.version.version for one in report.published] == [1, 2]
    assert press.publisher(alice).settle(sender=press.sender(alice)) == ()


def test_transaction_that_is_still_waiting_is_waited_for(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice)
    with press.stage.one_block():
        with pytest.raises(TransactionPending):
            press.publisher(alice).publish(sender=press.sender(alice, waiting=IMPATIENT))
        press.set(stored, {7: 1})
        with pytest.raises(TransactionPending):
            press.publisher(alice).publish(sender=press.sender(alice, waiting=IMPATIENT))
        press.stage.mine()
    assert press.publish(alice).version == 2
    assert len(press.store.versions(stored)) == 2


@pytest.mark.parametrize("die_at", ["signed", "sent", "mined"])
def test_process_that_is_killed_leaves_nothing_half_done(
    press: Press, alice: LocalAccount, server: LocalServer, die_at: str
) -> None:
    stored = press.new_list(alice)
    press.set(stored, {7: 1})
    network = press.stage.network
    plan = {
        "die_at": die_at,
        "url": server.url,
        "key": alice.key.hex(),
        "journal": str(press.root),
        "database": f"sqlite:///{press.root}/issuer.db",
        "folder": str(press.files.folder),
        "did": press.stage.did(alice).text,
        "now": int(press.clock()),
        "network": {
            "name": network.name,
            "chain_id": network.chain_id,
            "did_registry": network.did_registry,
            "anchor_registry": network.anchor_registry,
            "rpc_url": server.url,
        },
    }
    killed = subprocess.run(
        [sys.executable, "-m", "support.crashing_publisher", json.dumps(plan)],
        cwd=TESTS,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    # Its journal knows nothing of the one in this process: it is the same folder.
    report = press.publisher(alice).publish(
        sender=make_sender(press.stage.chain.provider, alice.key, press.root)
    )
    assert [one.version.version for one in report.published] == [1]
    assert head_of(press, alice, stored).version == 1
    assert head_of(press, alice, stored) != NO_HEADER
    assert press.read(alice, stored, 7).kind == "revoked"
