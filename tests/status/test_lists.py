"""Lists kept off chain as verifiers read them: a real chain, a real web server, and those who cheat."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import tracemalloc
import zlib
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ethr_did.core.bitstring import BitOrder, Bitstring
from ethr_did.core.list_documents import DocumentForm, ListTerms, build_document, order_of
from ethr_did.core.status_answer import Finality, FinalityPolicy, StatusKind
from ethr_did.core.status_calls import NO_HEADER
from ethr_did.core.status_entry import BitstringEntry, StatusMessage, TokenEntry
from ethr_did.core.status_list import Purpose
from ethr_did.core.status_tree import tree_root
from ethr_did.errors import (
    ChainError,
    FetchError,
    InvalidStatusEntry,
    InvalidStatusList,
    NodeInconsistent,
    StatusUndetermined,
    StoreError,
)
from ethr_did.fetching import AsyncFetcher, FetchRules
from ethr_did.status.list_reports import read_anchored_list
from ethr_did.status.lists import MAX_TTL, MIN_TTL, AsyncAnchoredListReader
from ethr_did.status.reading import AsyncStatusReader, StatusQuestion
from ethr_did.status.seen import SeenFile
from ethr_did.status.stored import ListForm
from support.press import HOST, at_loopback
from support.web_server import dripping, head, redirect, whole

if TYPE_CHECKING:
    from ethr_did.chain.local import LocalAccount
    from ethr_did.core.status_answer import Status
    from ethr_did.core.status_calls import Header
    from ethr_did.fetching import Fetched
    from ethr_did.status.stored import StoredList
    from ethr_did.status.verdicts import AnchoredList
    from support.press import Press

DAY = 86_400
W3C, IETF = ListForm.BITSTRING, ListForm.TOKEN
every_form = pytest.mark.parametrize("form", [W3C, IETF])


def reason_of(status: Status, kind: type[Exception] = InvalidStatusList) -> str:
    """Why a status is not known."""
    assert status.kind is StatusKind.UNDETERMINED
    assert not status.is_valid
    assert isinstance(status.reason, kind), status.reason
    return status.reason.message


def zeros(stored: StoredList) -> Bitstring:
    """A list in which everything is valid."""
    list_id = stored.list_id
    order = order_of(DocumentForm(stored.form.value))
    return Bitstring.empty(list_id.capacity, bits=list_id.bits, order=order)


def claims_of(press: Press, issuer: LocalAccount, stored: StoredList, **terms: Any) -> Any:
    """The claims of an honest document in which everything is valid; a copy to spoil."""
    made = build_document(
        zeros(stored),
        ListTerms(
            **{
                "url": stored.url,
                "issuer": press.stage.did(issuer).text,
                "valid_from": press.stage.now,
                "valid_until": press.stage.now + DAY,
                "purpose": stored.list_id.purpose,
                **terms,
            }
        ),
        DocumentForm(stored.form.value),
    )
    return json.loads(made.payload)


def anchor(
    press: Press,
    issuer: LocalAccount,
    stored: StoredList,
    content: bytes,
    *,
    statuses: Bitstring | None = None,
    previous: Header = NO_HEADER,
    **more: Any,
) -> Header:
    """The header of whatever an issuer anchors and serves."""
    press.files.make_current(stored.url, content)
    data = (statuses or zeros(stored)).data
    return press.stage.publish(
        issuer,
        stored.list_id,
        previous,
        digest=sha256(content).digest(),
        root=tree_root(data, stored.list_id.leaf_count),
        **more,
    )


def forget_versions(press: Press, stored: StoredList) -> None:
    """Only the current version is served any more."""
    path = press.files.path_of(stored.url)
    for file in path.parent.iterdir():
        if file != path:
            file.unlink()


# -- what is read --------------------------------------------------------------------------------


@every_form
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_what_was_published_is_read(
    press: Press, alice: LocalAccount, form: ListForm, bits: int
) -> None:
    purpose = Purpose.REVOCATION if bits == 1 else Purpose.LIFECYCLE
    stored = press.new_list(alice, form=form, bits=bits, purpose=purpose)

    @settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.dictionaries(st.integers(0, 131_071), st.integers(0, (1 << bits) - 1), max_size=9))
    def check(values: dict[int, int]) -> None:
        before = press.store.values_of(stored)
        press.set(stored, {**dict.fromkeys(before, 0), **values})
        press.publisher(alice).publish(sender=press.sender(alice), force=True)
        indexes = sorted({*values, *before, 0, 131_071})
        statuses = press.reader().read_statuses(
            StatusQuestion(entry=stored.entry(index), issuer=press.stage.did(alice))
            for index in indexes
        )
        assert [status.value for status in statuses] == [values.get(i, 0) for i in indexes]

    check()


def test_value_means_what_the_issuer_says(press: Press, alice: LocalAccount) -> None:
    messages = [StatusMessage(value=n, message=f"meaning {n}") for n in range(4)]
    stored = press.new_list(alice, bits=2, purpose=Purpose.LIFECYCLE, messages=messages)
    press.set(stored, {1: 1, 2: 2, 3: 3})
    press.publish(alice)
    reader = press.reader()
    found = [press.read(alice, stored, index, reader) for index in range(4)]
    assert [status.kind for status in found] == ["valid", "revoked", "suspended", "other"]
    assert [status.message for status in found] == [f"meaning {n}" for n in range(4)]
    assert found[0].read_at is not None
    assert found[0].read_at.number == press.stage.head


def test_revocation_in_a_terminal_list_is_for_ever(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice, terminal=True)
    press.set(stored, {1: 1})
    press.publish(alice)
    reader = press.reader()
    assert press.read(alice, stored, 1, reader).terminal
    assert not press.read(alice, stored, 2, reader).terminal


def test_status_that_is_final_is_said_to_be(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice)
    press.publish(alice)
    assert press.read(alice, stored, 1).finality is Finality.FINAL


def test_entries_of_one_list_cost_one_fetch_and_one_round_trip(
    press: Press, alice: LocalAccount
) -> None:
    stored = press.new_list(alice)
    press.set(stored, {3: 1})
    press.publish(alice)
    did = press.stage.did(alice)
    rounds = press.stage.node.rounds
    statuses = press.reader().read_statuses(
        StatusQuestion(entry=stored.entry(index), issuer=did) for index in range(5)
    )
    assert [status.value for status in statuses] == [0, 0, 0, 1, 0]
    assert press.server.connections == 1
    assert press.stage.node.rounds == rounds + 1


@every_form
def test_media_type_of_the_form_is_asked_for(
    press: Press, alice: LocalAccount, form: ListForm
) -> None:
    stored = press.new_list(alice, form=form)
    press.publish(alice)
    press.read(alice, stored, 1)
    wanted = b"application/vc+jwt" if form is W3C else b"application/statuslist+jwt"
    assert wanted in press.server.asked[0]


async def test_awaited_reader_reads_the_same(press: Press, alice: LocalAccount) -> None:
    stored, other = press.new_list(alice), press.new_list(alice, "2/current", form=IETF)
    withheld = press.new_list(alice, "3/current")
    press.set(stored, {3: 1})
    press.publish(alice)
    press.files.path_of(withheld.url).unlink()
    rules = FetchRules(allow_private=True, ca_file=press.authority.ca_file)
    lists = AsyncAnchoredListReader(
        AsyncFetcher(rules, resolve=at_loopback), seen=press.seen, clock=press.clock
    )
    did = press.stage.did(alice)
    entries = [stored.entry(3), other.entry(3), stored.entry(4), withheld.entry(3)]
    async with AsyncStatusReader([press.stage.asked()], retries=0, lists=lists) as reader:
        found = await reader.read_statuses(
            StatusQuestion(entry=entry, issuer=did) for entry in entries
        )
    assert [status.kind for status in found] == ["revoked", "valid", "valid", "undetermined"]
    assert press.server.connections == 3


def test_list_served_without_beside_versions_is_read(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice, "list.json")
    press.set(stored, {3: 1})
    press.publish(alice)
    assert press.read(alice, stored, 3).kind == "revoked"


# -- what is kept --------------------------------------------------------------------------------


@pytest.mark.parametrize(("ttl", "kept"), [(10, MIN_TTL), (600, 600), (30 * DAY, MAX_TTL)])
def test_list_is_kept_as_long_as_it_says_within_bounds(
    press: Press, alice: LocalAccount, ttl: int, kept: int
) -> None:
    stored = press.new_list(alice)
    press.publisher(alice, ttl=ttl, validity=60 * DAY).publish(sender=press.sender(alice))
    reader = press.reader()
    press.read(alice, stored, 1, reader)
    press.pass_time(kept - 5)
    press.read(alice, stored, 1, reader)
    assert press.server.connections == 1
    press.pass_time(10)
    press.read(alice, stored, 1, reader)
    assert press.server.connections == 2


def test_server_says_how_long_where_the_list_does_not(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice, form=IETF)
    content = json.dumps(claims_of(press, alice, stored)).encode()
    anchor(press, alice, stored, content)
    press.server.on("/1/current", whole(content, cache_control="max-age=1000"))
    reader = press.reader()
    press.read(alice, stored, 1, reader)
    press.pass_time(900)
    press.read(alice, stored, 1, reader)
    assert press.server.connections == 1


def test_new_version_is_seen_at_once_whatever_is_kept(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice)
    press.publish(alice)
    reader = press.reader()
    assert press.read(alice, stored, 7, reader).is_valid
    press.set(stored, {7: 1})
    press.publish(alice)
    assert press.read(alice, stored, 7, reader).kind == "revoked"


def test_no_more_is_kept_than_fits(press: Press, alice: LocalAccount) -> None:
    lists = press.lists()
    lists._shelf._most = 20_000  # room for one list
    one, other = press.new_list(alice), press.new_list(alice, "2/current")
    press.publish(alice)
    reader = press.reader(lists=lists)
    for stored in (one, other, other, one):
        assert press.read(alice, stored, 1, reader).is_valid
    assert press.server.connections == 3


# -- publications on their way -------------------------------------------------------------------


def test_version_that_came_between_reading_and_fetching_does_no_harm(
    press: Press, alice: LocalAccount
) -> None:
    stored = press.new_list(alice)
    press.publish(alice)
    fetcher = press.fetcher()

    class Late:
        """Fetches after something has happened."""

        def fetch(self, url: str, *, accept: str, most: int | None = None) -> Fetched:
            if press.store.values_of(stored) == {}:
                press.set(stored, {7: 1})
                press.publish(alice)
            return fetcher.fetch(url, accept=accept, most=most)

    status = press.read(alice, stored, 7, press.reader(lists=press.lists(fetcher=Late())))
    assert status.is_valid
    assert press.server.connections == 2


def test_old_version_in_the_way_is_passed_by(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice)
    press.publish(alice)
    old = press.files.current(stored.url)
    press.set(stored, {7: 1})
    press.publish(alice)
    assert old is not None
    press.server.on("/1/current", whole(old))
    assert press.read(alice, stored, 7).kind == "revoked"


def test_address_without_versions_is_asked_twice(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice, "list")
    press.publish(alice)
    old = press.files.current(stored.url)
    press.set(stored, {7: 1})
    press.publish(alice)
    new = press.files.current(stored.url)
    assert old is not None
    assert new is not None
    answers = iter([old, new])
    press.server.when("/list", lambda _: [whole(next(answers))])
    assert press.read(alice, stored, 7).kind == "revoked"


# -- finality ------------------------------------------------------------------------------------


def two_versions(
    press: Press, issuer: LocalAccount, before: dict[int, int], after: dict[int, int], **rules: Any
) -> StoredList:
    """A list with a final version and a newer one."""
    stored = press.new_list(issuer, **rules)
    press.set(stored, before)
    press.publish(issuer)
    press.stage.node.final = press.stage.head
    press.stage.mine()
    press.set(stored, after)
    press.pass_time(5)
    press.publish(issuer, force=True)
    return stored


def test_revocation_counts_at_once(press: Press, alice: LocalAccount) -> None:
    stored = two_versions(press, alice, {}, {7: 1})
    status = press.read(alice, stored, 7)
    assert (status.kind, status.finality) == ("revoked", Finality.PENDING)
    assert press.server.connections == 1
    press.stage.node.final = -1
    assert press.read(alice, stored, 7).finality is Finality.FINAL
    press.stage.node.final = None
    assert press.read(alice, stored, 7).finality is Finality.UNKNOWN


def test_answer_names_the_version_that_it_is_of(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice)
    press.publish(alice)
    press.set(stored, {7: 1})
    header = press.publish(alice)
    press.pass_time(5)
    for index in (7, 8):
        status = press.read(alice, stored, index)
        assert status.list_version == header.version == 2
        assert (status.changed_block, status.changed_at) == (
            header.block_number,
            header.published_at,
        )
        # Entry 8 never changed: nobody asks for its earlier versions.
        assert not status.since_exact
        assert status.to_dict()["listVersion"] == 2


def test_reinstatement_counts_when_it_is_final(press: Press, alice: LocalAccount) -> None:
    stored = two_versions(press, alice, {7: 1}, {7: 0})
    assert press.read(alice, stored, 7).kind == "revoked"
    latest = press.read(alice, stored, 7, policy=FinalityPolicy.LATEST)
    assert (latest.kind, latest.finality) == ("valid", Finality.PENDING)
    assert press.read(alice, stored, 7, policy=FinalityPolicy.FINALIZED).kind == "revoked"
    press.stage.node.final = -1
    assert press.read(alice, stored, 7).kind == "valid"


def test_without_the_final_version_nothing_positive_is_known(
    press: Press, alice: LocalAccount
) -> None:
    stored = two_versions(press, alice, {7: 1}, {7: 0})
    forget_versions(press, stored)
    status = press.read(alice, stored, 7)
    assert reason_of(status, FetchError)
    # Nor about an entry that did not change: nobody can tell.
    assert press.read(alice, stored, 8).kind == "undetermined"


def test_address_that_knows_no_versions_says_nothing_positive_until_then(
    press: Press, alice: LocalAccount
) -> None:
    stored = two_versions(press, alice, {7: 1}, {7: 0}, path="list")
    assert "not the current one" in reason_of(press.read(alice, stored, 7), StatusUndetermined)
    press.stage.node.final = -1
    assert press.read(alice, stored, 7).is_valid


def test_final_version_that_was_read_before_is_remembered(
    press: Press, alice: LocalAccount
) -> None:
    stored = press.new_list(alice)
    press.publish(alice)
    reader = press.reader()
    assert press.read(alice, stored, 7, reader).is_valid
    press.stage.node.final = press.stage.head
    press.stage.mine()
    press.set(stored, {8: 1})
    press.publish(alice)
    forget_versions(press, stored)
    assert press.read(alice, stored, 7, reader).is_valid


def test_heartbeat_holds_nobody_up(press: Press, alice: LocalAccount) -> None:
    stored = two_versions(press, alice, {8: 1}, {})
    forget_versions(press, stored)
    status = press.read(alice, stored, 7)
    assert (status.kind, status.finality) == ("valid", Finality.FINAL)


def take_back_a_revocation(
    press: Press, issuer: LocalAccount, before: int = 1, after: int = 0, **rules: Any
) -> StoredList:
    """A terminal list in which a final "revoked" is no more; our own database would refuse it."""
    stored = press.new_list(issuer, terminal=True, **rules)
    press.set(stored, {7: before})
    first = press.publish(issuer)
    press.stage.node.final = press.stage.head
    press.stage.mine()
    statuses = zeros(stored).replaced({7: after})
    terms = ListTerms(
        url=stored.url,
        issuer=press.stage.did(issuer).text,
        valid_from=press.stage.now,
        valid_until=press.stage.now + DAY,
        purpose=stored.list_id.purpose,
    )
    content = build_document(statuses, terms, DocumentForm(stored.form.value)).payload
    anchor(press, issuer, stored, content, statuses=statuses, previous=first)
    return stored


@pytest.mark.parametrize("policy", FinalityPolicy)
def test_terminal_list_cannot_take_a_revocation_back(
    press: Press, alice: LocalAccount, policy: FinalityPolicy
) -> None:
    stored = take_back_a_revocation(press, alice)
    status = press.read(alice, stored, 7, policy=policy)
    assert (status.kind, status.finality, status.terminal) == ("revoked", Finality.FINAL, True)
    assert press.read(alice, stored, 8, policy=policy).is_valid


def test_revoked_does_not_become_suspended_in_a_terminal_list(
    press: Press, alice: LocalAccount
) -> None:
    stored = take_back_a_revocation(press, alice, after=2, bits=2, purpose=Purpose.LIFECYCLE)
    latest = FinalityPolicy.LATEST
    assert press.read(alice, stored, 7, policy=latest).kind == "revoked"


def test_valid_in_a_terminal_list_needs_the_final_version(
    press: Press, alice: LocalAccount
) -> None:
    stored = take_back_a_revocation(press, alice)
    forget_versions(press, stored)
    reason_of(press.read(alice, stored, 7), FetchError)
    # Who asks for no more than the newest block believes the issuer.
    latest = press.read(alice, stored, 7, policy=FinalityPolicy.LATEST)
    assert (latest.kind, latest.finality) == ("valid", Finality.PENDING)


def test_first_version_counts_when_it_is_final(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice)
    press.stage.node.final = press.stage.head
    press.publish(alice)
    assert "was not published" in reason_of(press.read(alice, stored, 7), StatusUndetermined)
    assert press.read(alice, stored, 7, policy=FinalityPolicy.LATEST).is_valid
    press.stage.node.final = press.stage.head
    assert press.read(alice, stored, 7).is_valid


def test_node_that_does_not_say_what_is_final_shows_nothing_positive(
    press: Press, alice: LocalAccount
) -> None:
    stored = press.new_list(alice)
    press.set(stored, {8: 1})
    press.publish(alice)
    press.stage.node.final = None
    reason_of(press.read(alice, stored, 7), ChainError)
    assert press.read(alice, stored, 8).kind == "revoked"
    reason_of(press.read(alice, stored, 7, policy=FinalityPolicy.FINALIZED), ChainError)


# -- the past ------------------------------------------------------------------------------------


def test_status_of_the_past_is_that_of_the_version_then(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice)
    press.publish(alice)
    then, block = press.stage.now, press.stage.head
    press.pass_time(100)
    press.set(stored, {7: 1})
    press.publish(alice)
    assert press.read(alice, stored, 7, at_block=block).is_valid
    assert press.read(alice, stored, 7, at_time=then + 50).is_valid
    assert press.read(alice, stored, 7, at_time=press.stage.now).kind == "revoked"
    assert press.read(alice, stored, 7, at_time=then - 1).kind == "undetermined"


def test_version_that_had_run_out_says_nothing_about_that_time(
    press: Press, alice: LocalAccount
) -> None:
    stored = press.new_list(alice)
    press.publisher(alice, validity=DAY).publish(sender=press.sender(alice))
    then = press.stage.now
    press.pass_time(3 * DAY)
    press.publish(alice)
    assert press.read(alice, stored, 7, at_time=then + DAY // 2).is_valid
    late = press.read(alice, stored, 7, at_time=then + 2 * DAY)
    assert "was good until" in reason_of(late, StatusUndetermined)


def test_versions_after_the_issuer_gave_up_do_not_count(
    press: Press, alice: LocalAccount, bob: LocalAccount
) -> None:
    stored = press.new_list(alice)
    press.set(stored, {7: 1})
    first = press.publish(alice)
    press.stage.change_owner(alice, bob)
    block = press.stage.deactivate(alice, by=bob)
    # On chain the first key has control again, and whitewashes what it was revoked for.
    anchor(
        press,
        alice,
        stored,
        json.dumps(claims_of(press, alice, stored)).encode(),
        previous=first,
    )
    status = press.read(alice, stored, 7)
    assert (status.kind, status.issuer_deactivated) == ("revoked", block)


# -- attacks: old, false and missing lists -------------------------------------------------------


def test_old_list_is_not_taken_for_the_current_one(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice, "list")
    press.publish(alice)
    old = press.files.current(stored.url)
    press.set(stored, {7: 1})
    press.publish(alice)
    assert old is not None
    press.server.on("/list", whole(old))
    status = press.read(alice, stored, 7)
    assert "its SHA-256 is another one" in reason_of(status)
    assert status.reason is not None
    assert status.reason.facts["status_error"] == "STATUS_VERIFICATION_ERROR"


def test_node_that_shows_an_old_state_is_found_out(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice)
    press.publish(alice)
    old = press.files.current(stored.url)
    mark = press.stage.chain.snapshot()
    press.set(stored, {7: 1})
    press.publish(alice)
    assert press.read(alice, stored, 7).kind == "revoked"
    press.stage.chain.revert(mark)
    assert old is not None
    press.server.on("/1/current", whole(old))
    # Even to a reader that starts anew: what was seen is on disk.
    status = press.read(alice, stored, 7)
    assert "version 2 was seen before" in reason_of(status, StatusUndetermined)
    assert press.read(alice, stored, 7, policy=FinalityPolicy.FINALIZED).kind == "undetermined"


def test_version_that_only_a_node_speaks_of_is_not_remembered(
    press: Press, alice: LocalAccount
) -> None:
    stored = press.new_list(alice)
    first = press.publish(alice)
    press.stage.publish(alice, stored.list_id, first)
    assert press.read(alice, stored, 7).kind == "undetermined"
    assert press.seen.seen_version(press.contract, stored.identity, stored.list_id) == 0


def test_list_of_another_issuer_is_not_taken(
    press: Press, alice: LocalAccount, bob: LocalAccount
) -> None:
    stored, theirs = press.new_list(alice), press.new_list(bob, "2/current")
    press.set(stored, {7: 1})
    press.publish(alice)
    press.publish(bob)
    forget_versions(press, stored)
    content = press.files.current(theirs.url)
    assert content is not None
    press.server.on("/1/current", whole(content))
    assert "SHA-256" in reason_of(press.read(alice, stored, 7))


def test_holder_cannot_point_at_a_list_of_his_own(
    press: Press, alice: LocalAccount, mallory: LocalAccount
) -> None:
    stored = press.new_list(mallory)
    press.publish(mallory)
    # The statuses are those of the credential's issuer, whatever the entry says.
    status = press.reader().read_status(stored.entry(7), press.stage.did(alice))
    assert "was not published" in reason_of(status, StatusUndetermined)


def test_list_whose_time_has_passed_is_not_believed(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice)
    press.publisher(alice, validity=DAY).publish(sender=press.sender(alice))
    reader = press.reader()
    assert press.read(alice, stored, 7, reader).is_valid
    press.pass_time(DAY + 1)
    for asked in (reader, press.reader()):
        assert "was good until" in reason_of(
            press.read(alice, stored, 7, asked), StatusUndetermined
        )


def test_verifier_with_a_slow_clock_goes_by_the_block(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice)
    press.publisher(alice, validity=DAY).publish(sender=press.sender(alice))
    early = press.stage.now
    press.pass_time(DAY + 1)
    lists = press.lists(clock=lambda: early)
    assert not press.read(alice, stored, 7, press.reader(lists=lists)).is_valid


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ([whole(b"", status=404)], "status"),
        ([whole(b"", status=503)], "status"),
        ([head(200, content_length=100), *dripping(b"x" * 10, every=0.4)], "timeout"),
        ([head(200, content_length=100), b"x"], "broken"),
        ([redirect("https://169.254.169.254/latest/meta-data")], "forbidden"),
        ([redirect("http://lists.example/1")], "redirect"),
        ([redirect(f"https://{HOST}@evil.example/")], "url"),
        ([whole(b"x" * 100, content_encoding="gzip")], "encoded"),
    ],
    ids=["missing", "down", "slow", "cut-off", "inside", "plain", "credentials", "encoded"],
)
def test_list_that_is_withheld_is_undetermined(
    press: Press, alice: LocalAccount, answer: list[Any], reason: str
) -> None:
    stored = press.new_list(alice)
    press.publish(alice)
    press.server.on("/1/current", *answer)
    lists = press.lists(fetcher=press.fetcher(timeout=1))
    status = press.read(alice, stored, 7, press.reader(lists=lists))
    reason_of(status, FetchError)
    assert status.reason is not None
    assert status.reason.facts["reason"] == reason


def test_private_addresses_are_not_fetched_from(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice)
    press.publish(alice)
    lists = press.lists(fetcher=press.fetcher(allow_private=False))
    status = press.read(alice, stored, 7, press.reader(lists=lists))
    assert "loopback address" in reason_of(status, FetchError)
    assert press.server.connections == 0


def test_list_that_was_withheld_after_a_while_is_undetermined(
    press: Press, alice: LocalAccount
) -> None:
    stored = press.new_list(alice)
    press.publish(alice)
    reader = press.reader()
    assert press.read(alice, stored, 7, reader).is_valid
    press.files.path_of(stored.url).unlink()
    assert press.read(alice, stored, 7, reader).is_valid
    press.pass_time(1000)
    reason_of(press.read(alice, stored, 7, reader), FetchError)


# -- nodes that are behind -----------------------------------------------------------------------


def test_old_block_says_nothing_positive_about_a_list(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice)
    press.set(stored, {8: 1})
    press.publish(alice)
    late = press.reader(max_age=60, clock=lambda: press.stage.now + 61)
    assert "older than" in reason_of(press.read(alice, stored, 7, late), ChainError)
    assert press.read(alice, stored, 8, late).kind == "revoked"
    soon = press.reader(max_age=60, clock=lambda: press.stage.now + 60)
    assert press.read(alice, stored, 7, soon).is_valid
    assert press.read(alice, stored, 7, late, at_block=press.stage.head).is_valid


# -- attacks: what an issuer anchors that should not ----------------------------------------------


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ({"id": "https://lists.example/other"}, "the list is that of"),
        ({"issuer": "did:ethr:0x7e5f4552091a69125d5dfcb7b8c2659029395bdf"}, "is issued by"),
        ({"issuer": "did:web:issuer.example"}, "is issued by"),
        ({"type": ["VerifiableCredential"]}, "does not name"),
        ({"validUntil": "2020-01-01T00:00:00Z"}, "was valid until"),
        ({"validFrom": "2090-01-01T00:00:00Z"}, "not valid before"),
        ({"credentialSubject.statusPurpose": "suspension"}, "not for revocation"),
        ({"credentialSubject.statusSize": 2}, "2 bits for each entry"),
        ({"credentialSubject.encodedList": "uH4sI"}, "ends too early"),
    ],
)
def test_credential_that_says_something_else_is_refused(
    press: Press, alice: LocalAccount, spoil: dict[str, Any], words: str
) -> None:
    stored = press.new_list(alice)
    claims = claims_of(press, alice, stored)
    for path, value in spoil.items():
        *parents, last = path.split(".")
        (claims[parents[0]] if parents else claims)[last] = value
    anchor(press, alice, stored, json.dumps(claims).encode())
    assert words in reason_of(press.read(alice, stored, 7))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ({"sub": "https://lists.example/other"}, "the list is that of"),
        ({"iss": "did:ethr:0x7e5f4552091a69125d5dfcb7b8c2659029395bdf"}, "is issued by"),
        ({"exp": 1}, "was valid until"),
        ({"status_list": {"bits": 2, "lst": "eNo76fITAAPfAgc"}}, "2 bits for each entry"),
        ({"status_list": {"bits": 1, "lst": "eNrbuRgAAhcBXQ"}}, "has 16 entries"),
    ],
)
def test_token_that_says_something_else_is_refused(
    press: Press, alice: LocalAccount, spoil: dict[str, Any], words: str
) -> None:
    stored = press.new_list(alice, form=IETF)
    claims = {**claims_of(press, alice, stored), **spoil}
    anchor(press, alice, stored, json.dumps(claims).encode())
    assert words in reason_of(press.read(alice, stored, 7))


def test_token_may_name_an_issuer_that_is_no_did(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice, form=IETF)
    claims = {**claims_of(press, alice, stored), "iss": "https://issuer.example"}
    anchor(press, alice, stored, json.dumps(claims).encode())
    assert press.read(alice, stored, 7).is_valid


def test_token_that_only_looks_signed_is_refused(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice, form=IETF)
    parts = [
        json.dumps(part).encode()
        for part in ({"alg": "none", "typ": "statuslist+jwt"}, claims_of(press, alice, stored))
    ]
    encoded = [base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts]
    anchor(press, alice, stored, b".".join([*encoded, b""]))
    assert "no signature" in reason_of(press.read(alice, stored, 7))


@every_form
def test_list_that_decompresses_into_too_much_costs_little(
    press: Press, alice: LocalAccount, form: ListForm
) -> None:
    stored = press.new_list(alice, form=form)
    claims = claims_of(press, alice, stored)
    bomb = zlib.compressobj(9, zlib.DEFLATED, 31 if form is W3C else 15)
    packed = b"".join(bomb.compress(bytes(1 << 20)) for _ in range(64)) + bomb.flush()
    text = base64.urlsafe_b64encode(packed).rstrip(b"=").decode()
    if form is W3C:
        claims["credentialSubject"]["encodedList"] = "u" + text
    else:
        claims["status_list"]["lst"] = text
    anchor(press, alice, stored, json.dumps(claims).encode())
    reader = press.reader()
    tracemalloc.start()
    status = press.read(alice, stored, 7, reader)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "more than the" in reason_of(status)
    assert peak < 8 << 20


def test_list_of_bytes_without_end_is_refused(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice, form=IETF)
    claims = {**claims_of(press, alice, stored), "padding": "x" * 200_000}
    anchor(press, alice, stored, json.dumps(claims).encode())
    assert "more than the" in reason_of(press.read(alice, stored, 7))


def test_list_larger_than_the_verifier_wants_is_not_fetched(
    press: Press, alice: LocalAccount
) -> None:
    stored = press.new_list(alice)
    press.publish(alice)
    lists = press.lists(most_bytes=10_000)
    status = press.read(alice, stored, 7, press.reader(lists=lists))
    assert "more than the 10000 allowed" in reason_of(status)
    assert press.server.connections == 0


@every_form
def test_statuses_in_the_other_bit_order_are_found_out(
    press: Press, alice: LocalAccount, form: ListForm
) -> None:
    stored = press.new_list(alice, form=form)
    honest = zeros(stored).replaced({0: 1})
    mirrored = Bitstring(
        data=honest.in_order(BitOrder.LSB_FIRST if form is W3C else BitOrder.MSB_FIRST).data,
        bits=1,
        order=honest.order,
    )
    document = build_document(
        mirrored,
        ListTerms(url=stored.url, issuer=press.stage.did(alice).text, valid_from=press.stage.now),
        DocumentForm(form.value),
    )
    # Whoever read it in the wrong order would see that entry 0 is valid, and 7 revoked.
    anchor(press, alice, stored, document.payload, statuses=honest)
    assert "other statuses than its root" in reason_of(press.read(alice, stored, 0))


def test_list_that_says_other_than_its_root_is_refused(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice)
    content = json.dumps(claims_of(press, alice, stored)).encode()
    anchor(press, alice, stored, content, statuses=zeros(stored).replaced({7: 1}))
    assert "other statuses than its root" in reason_of(press.read(alice, stored, 7))


# -- entries that do not fit ---------------------------------------------------------------------


def test_entry_of_the_other_standard_is_refused(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice)
    press.publish(alice)
    entry = stored.entry(7)
    assert isinstance(entry, BitstringEntry)
    token = TokenEntry(uri=entry.list_url, index=7, anchor=entry.anchor)
    status = press.reader().read_status(token, press.stage.did(alice))
    assert "of the other standard" in reason_of(status, InvalidStatusEntry)


def test_entry_for_another_purpose_is_refused(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice)
    press.publish(alice)
    entry = stored.entry(7)
    assert isinstance(entry, BitstringEntry)
    other = replace(entry, purpose=Purpose.SUSPENSION)
    status = press.reader().read_status(other, press.stage.did(alice))
    assert "is for suspension" in reason_of(status, InvalidStatusEntry)


# -- nodes that contradict themselves ------------------------------------------------------------


@pytest.fixture
def anchored(press: Press, alice: LocalAccount) -> tuple[BitstringEntry, AnchoredList]:
    """An entry, and what the chain says about its list."""
    stored = press.new_list(alice)
    press.publish(alice)
    chain = press.stage.asked().chain(retries=0)
    entry = stored.entry(7)
    assert isinstance(entry, BitstringEntry)
    return entry, chain.run(
        read_anchored_list(press.stage.network, stored.identity, stored.list_id)
    )


def changed(found: AnchoredList, view: str, **more: Any) -> AnchoredList:
    """The same with another header in one view."""
    old = getattr(found, view)
    made: AnchoredList = replace(found, **{view: replace(old, header=replace(old.header, **more))})
    return made


@pytest.mark.parametrize("more", [{"content_digest": b"\x0e" * 32}, {"version": 9}])
def test_two_lists_of_one_version_are_an_equivocation(
    press: Press, anchored: tuple[BitstringEntry, AnchoredList], more: dict[str, Any]
) -> None:
    entry, found = anchored
    assert press.lists().read(entry, found).is_valid
    with pytest.raises(NodeInconsistent, match="in the last final one"):
        press.lists().read(entry, changed(found, "finalized", **more))


@pytest.mark.parametrize("memory", ["file", "database"])
def test_version_that_was_final_has_one_content_for_good(
    press: Press, alice: LocalAccount, memory: str
) -> None:
    stored = press.new_list(alice)
    mark = press.stage.chain.snapshot()
    press.publish(alice)
    seen = press.seen if memory == "file" else press.store
    reader = press.reader(lists=press.lists(seen=seen))
    assert press.read(alice, stored, 7, reader).is_valid
    # Another node shows another history, with a version of the same number and its list.
    press.stage.chain.revert(mark)
    content = json.dumps({**claims_of(press, alice, stored), "name": "another"}).encode()
    anchor(press, alice, stored, content)
    for policy in FinalityPolicy:
        status = press.read(alice, stored, 7, reader, policy=policy)
        assert "different lists to different people" in reason_of(status, NodeInconsistent)


def test_version_that_is_not_final_may_be_replaced(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice)
    first = press.publish(alice)
    press.stage.node.final = press.stage.head
    mark = press.stage.chain.snapshot()
    second = claims_of(press, alice, stored)
    anchor(press, alice, stored, json.dumps(second).encode(), previous=first)
    assert press.read(alice, stored, 7).is_valid
    press.stage.chain.revert(mark)
    anchor(press, alice, stored, json.dumps(second, indent=1).encode(), previous=first)
    assert press.read(alice, stored, 7).is_valid


def test_header_that_could_not_be_found_is_a_reason(
    press: Press, anchored: tuple[BitstringEntry, AnchoredList]
) -> None:
    entry, found = anchored
    missing = ChainError("the node has dropped its logs")
    for view in ("latest", "finalized"):
        broken = replace(found, **{view: replace(getattr(found, view), header=missing)})
        assert reason_of(press.lists().read(entry, broken), ChainError) == missing.message
    broken = replace(found, latest=missing)
    assert press.lists().read(entry, broken).reason == missing


# -- what was seen -------------------------------------------------------------------------------


def test_versions_only_rise_whoever_notes_them(press: Press, alice: LocalAccount) -> None:
    place = (press.contract, press.stage.did(alice).address, press.new_list(alice).list_id)
    failures: list[BaseException] = []

    def note(version: int) -> None:
        try:
            press.seen.note_seen_version(*place, version)
        except StatusUndetermined as error:
            failures.append(error)

    threads = [threading.Thread(target=note, args=(version,)) for version in range(1, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert press.seen.seen_version(*place) == 19


def test_what_is_final_is_remembered_until_something_newer_is(
    press: Press, alice: LocalAccount
) -> None:
    stored = press.new_list(alice)
    place = (press.contract, stored.identity, stored.list_id)
    for seen in (press.seen, press.store):
        assert seen.final_digest(*place, 2) is None
        seen.note_seen_version(*place, 3)
        for version, digest in ((2, b"\2" * 32), (3, b"\3" * 32), (1, b"\1" * 32)):
            seen.note_final_version(*place, version, digest)
        assert seen.final_digest(*place, 3) == b"\3" * 32
        assert seen.final_digest(*place, 2) is None
        assert seen.seen_version(*place) == 3
        with pytest.raises(StatusUndetermined, match="version 3 was seen before"):
            seen.note_seen_version(*place, 2)


def test_store_and_file_remember_alike(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice)
    press.publish(alice)
    lists = press.lists(seen=press.store)
    assert press.read(alice, stored, 7, press.reader(lists=lists)).is_valid
    assert press.store.seen_version(press.contract, stored.identity, stored.list_id) == 1
    assert press.seen.seen_version(press.contract, stored.identity, stored.list_id) == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": "ethr-did/seen-lists/1", "lists": {"a": "2"}}',
        '{"format": "ethr-did/seen-lists/1", "lists": {"a": {"version": 1}}}',
        '{"format": "ethr-did/seen-lists/1", "lists": {"a": {"version": "1", "finalVersion": 0}}}',
        '{"format": "ethr-did/seen-lists/2", "lists": {}}',
        "\x00",
    ],
)
def test_file_that_is_damaged_is_not_begun_anew(
    press: Press, alice: LocalAccount, text: str
) -> None:
    stored = press.new_list(alice)
    press.publish(alice)
    press.seen.path.write_text(text)
    status = press.read(alice, stored, 7)
    assert status.kind == "undetermined"
    assert status.reason is not None
    assert status.reason.code == "store_error"
    assert press.seen.path.read_text() == text


def test_file_in_a_folder_that_is_none_is_an_error(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice)
    press.publish(alice)
    (press.root / "taken").write_text("")
    seen = SeenFile(press.root / "taken" / "seen.json")
    lists = press.lists(seen=seen)
    assert press.read(alice, stored, 7, press.reader(lists=lists)).kind == "undetermined"


def test_version_that_cannot_be_noted_is_an_error(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice)
    place = (press.contract, stored.identity, stored.list_id)
    (press.root / "taken").write_text("")
    for path in (press.root / "taken" / "seen.json", press.root / ("x" * 245)):
        seen = SeenFile(path)
        with pytest.raises(StoreError, match=r"cannot be (locked|written)"):
            seen.note_seen_version(*place, 2)
        assert not path.exists()


def test_several_readers_of_a_loop_do_not_get_in_each_other_s_way(
    press: Press, alice: LocalAccount
) -> None:
    stored = press.new_list(alice)
    press.publish(alice)
    rules = FetchRules(allow_private=True, ca_file=press.authority.ca_file)
    lists = AsyncAnchoredListReader(
        AsyncFetcher(rules, resolve=at_loopback), seen=press.seen, clock=press.clock
    )

    async def read() -> list[Status]:
        async with AsyncStatusReader([press.stage.asked()], retries=0, lists=lists) as reader:
            did = press.stage.did(alice)
            return list(
                await asyncio.gather(
                    *(reader.read_status(stored.entry(index), did) for index in range(4))
                )
            )

    for _ in range(2):  # each run has a loop of its own
        assert all(status.is_valid for status in asyncio.run(read()))
    assert press.server.connections == 1
