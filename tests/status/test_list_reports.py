"""One list from all sides, and proofs of single entries that the contract verifies."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from eth_hash.auto import keccak

from ethr_did.core.list_documents import StatusError
from ethr_did.core.status_list import Purpose
from ethr_did.errors import (
    ChainError,
    FetchError,
    InvalidAnswer,
    InvalidConfiguration,
    InvalidStatusEntry,
    InvalidStatusList,
    NodeUnreachable,
    StatusUndetermined,
)
from ethr_did.status.list_reports import (
    ListReport,
    prove_entry,
    read_anchored_list,
    read_proven_status,
    verify_list,
    w3c_error_of,
)
from ethr_did.status.stored import ListForm
from support.status_stage import LIST

if TYPE_CHECKING:
    from ethr_did.chain.local import LocalAccount
    from ethr_did.core.status_calls import Header
    from ethr_did.core.status_tree import TreeProof
    from ethr_did.status.stored import StoredList
    from ethr_did.status.verdicts import AnchoredList
    from support.press import Press

W3C, IETF = ListForm.BITSTRING, ListForm.TOKEN
every_form = pytest.mark.parametrize("form", [W3C, IETF])

ALL = [
    "published",
    "version",
    "in force",
    "final",
    "digest",
    "document",
    "address",
    "issuer",
    "validity",
    "purpose",
    "entry size",
    "statuses",
    "root",
]


def anchored(press: Press, stored: StoredList) -> AnchoredList:
    """What the chain says about a list."""
    steps = read_anchored_list(press.stage.asked(), stored.identity, stored.list_id)
    found: AnchoredList = press.stage.asked().chain(retries=0).run(steps)
    return found


def content_of(press: Press, stored: StoredList) -> bytes:
    content = press.files.current(stored.url)
    assert content is not None
    return content


def report_on(press: Press, stored: StoredList, content: bytes, **more: Any) -> ListReport:
    more = {"now": press.stage.now, "url": stored.url, **more}
    return verify_list(content, anchored(press, stored), **more)


def faults(report: ListReport) -> list[str]:
    """What is wrong, by name."""
    return [finding.name for finding in report.findings if finding.error is not None]


# -- reports -------------------------------------------------------------------------------------


@every_form
def test_good_list_has_no_faults(press: Press, alice: LocalAccount, form: ListForm) -> None:
    stored = press.new_list(alice, form=form, bits=2, purpose=Purpose.LIFECYCLE)
    press.set(stored, {1: 1, 2: 2, 3: 2})
    press.publish(alice)
    report = report_on(press, stored, content_of(press, stored))
    assert report.is_good
    assert report.check() is report
    assert [finding.name for finding in report.findings] == ALL
    assert report.counts == {0: 131_069, 1: 1, 2: 2}
    said = report.to_dict()
    json.dumps(said)
    assert said["counts"] == {"0": 131_069, "1": 1, "2": 2}
    assert said["current"]["version"] == 1
    assert said["form"] == form.value
    assert said["checks"][0] == {"check": "published", "good": True}


def test_old_list_is_all_right_but_for_its_digest(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice)
    press.publish(alice)
    old = content_of(press, stored)
    press.set(stored, {7: 1})
    press.publish(alice)
    report = report_on(press, stored, old)
    assert faults(report) == ["digest", "root"]
    with pytest.raises(InvalidStatusList, match="the current one"):
        report.check()
    assert report.to_dict()["checks"][4]["w3cError"] == "STATUS_VERIFICATION_ERROR"


def test_all_faults_are_found_at_once(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice)
    press.publish(alice)
    content = content_of(press, stored).replace(b'"revocation"', b'"suspension"')
    report = report_on(
        press,
        stored,
        content,
        now=press.stage.now + 30 * 86_400,
        url="https://lists.example/other",
        seen=5,
    )
    assert faults(report) == [
        "version",
        "in force",
        "digest",
        "address",
        "validity",
        "purpose",
    ]


def test_what_is_no_list_has_no_more_to_be_looked_at(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice)
    press.publish(alice)
    report = report_on(press, stored, b"<html>")
    assert faults(report) == ["digest", "document"]
    assert report.findings[-1].name == "document"
    assert report.counts == {}
    json.dumps(report.to_dict())


def test_list_that_was_never_published_can_be_looked_at(press: Press, alice: LocalAccount) -> None:
    stored, other = press.new_list(alice), press.new_list(alice, "2/current")
    press.publisher(alice).publish([other.list_id], sender=press.sender(alice))
    report = report_on(press, stored, content_of(press, other), url=None)
    assert faults(report) == ["published"]
    with pytest.raises(StatusUndetermined, match="was not published"):
        report.check()


def test_version_that_is_not_final_is_said_to_be_so(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice)
    press.stage.node.final = press.stage.head
    press.publish(alice)
    report = report_on(press, stored, content_of(press, stored))
    assert faults(report) == ["final"]
    first = press.stage.head
    press.set(stored, {7: 1})
    press.publish(alice)
    press.stage.node.final = first
    assert faults(report_on(press, stored, content_of(press, stored))) == ["final"]
    press.stage.node.final = None
    assert faults(report_on(press, stored, content_of(press, stored))) == ["final"]


def test_headers_that_are_not_known_are_faults(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice)
    press.publish(alice)
    found, content = anchored(press, stored), content_of(press, stored)
    missing = ChainError("the node has dropped its logs")
    assert not isinstance(found.finalized, ChainError)
    dropped = replace(found.finalized, header=missing)
    for broken, names in (
        (replace(found, latest=missing), ["published"]),
        (replace(found, finalized=dropped), ["final"]),
    ):
        assert faults(verify_list(content, broken, now=press.stage.now)) == names
        json.dumps(verify_list(content, broken, now=press.stage.now).to_dict())


def test_network_without_an_anchor_registry_has_no_lists(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice)
    network = press.stage.asked(anchor_registry=None)
    with pytest.raises(InvalidConfiguration, match="no anchor_registry"):
        next(read_anchored_list(network, stored.identity, stored.list_id))


def test_list_on_chain_is_no_anchored_list(press: Press, alice: LocalAccount) -> None:
    identity = press.stage.did(alice).address
    with pytest.raises(InvalidStatusEntry, match="id of a list on chain"):
        next(read_anchored_list(press.stage.network, identity, LIST))


def test_node_that_is_down_is_no_report(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice)
    press.stage.node.dead = TimeoutError("no answer")
    with pytest.raises(NodeUnreachable):
        anchored(press, stored)


def test_history_that_is_missing_is_no_report(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice)
    press.stage.change_owner(alice, alice)
    press.stage.node.rewrite["eth_getLogs"] = lambda _params, _logs: []
    with pytest.raises(ChainError):
        anchored(press, stored)


def test_errors_have_the_names_of_the_w3c() -> None:
    error = InvalidStatusList("broken", status_error="MALFORMED_VALUE_ERROR")
    assert w3c_error_of(error) is StatusError.MALFORMED
    assert w3c_error_of(FetchError("gone")) is StatusError.RETRIEVAL
    assert w3c_error_of(StatusUndetermined("not known")) is None


# -- proofs --------------------------------------------------------------------------------------


def prove_on_chain(
    press: Press, stored: StoredList, header: Header, index: int, proof: TreeProof
) -> int:
    steps = read_proven_status(
        press.stage.anchors,
        stored.identity,
        stored.list_id,
        header=header,
        index=index,
        proof=proof,
    )
    found: int = press.stage.asked().chain(retries=0).run(steps)
    return found


@every_form
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_entry_of_a_list_that_anybody_holds_is_proven_on_chain(
    press: Press, alice: LocalAccount, form: ListForm, bits: int
) -> None:
    purpose = Purpose.REVOCATION if bits == 1 else Purpose.LIFECYCLE
    stored = press.new_list(alice, form=form, bits=bits, purpose=purpose)
    top = (1 << bits) - 1
    press.set(stored, {0: top, 94_567: 1, 131_071: top})
    header, content = press.publish(alice), content_of(press, stored)
    for index, value in ((0, top), (1, 0), (94_567, 1), (94_568, 0), (131_071, top)):
        proof = prove_entry(content, stored.list_id, index)
        assert prove_on_chain(press, stored, header, index, proof) == value


def test_proof_with_sorted_siblings_is_refused(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice)
    press.set(stored, {7: 1})
    header, content = press.publish(alice), content_of(press, stored)
    honest = prove_entry(content, stored.list_id, 7)
    # In a tree of sorted pairs this word of zeros proves entry 7 as well: it is in the list.
    elsewhere = prove_entry(content, stored.list_id, 300)
    for false in (elsewhere, replace(honest, siblings=honest.siblings[::-1])):
        with pytest.raises(InvalidStatusList, match="InvalidProof"):
            prove_on_chain(press, stored, header, 7, false)


@pytest.mark.parametrize("change", [-1, 1])
def test_proof_of_another_length_is_refused(press: Press, alice: LocalAccount, change: int) -> None:
    stored = press.new_list(alice)
    header, content = press.publish(alice), content_of(press, stored)
    proof = prove_entry(content, stored.list_id, 7)
    siblings = proof.siblings[:-1] if change < 0 else (*proof.siblings, keccak(b""))
    with pytest.raises(InvalidStatusList, match="ProofLengthMismatch"):
        prove_on_chain(press, stored, header, 7, replace(proof, siblings=siblings))


def test_proof_of_an_old_version_is_refused(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice)
    old, content = press.publish(alice), content_of(press, stored)
    proof = prove_entry(content, stored.list_id, 7)
    press.set(stored, {7: 1})
    new = press.publish(alice)
    with pytest.raises(InvalidStatusList, match="StaleHeader"):
        prove_on_chain(press, stored, old, 7, proof)
    with pytest.raises(InvalidStatusList, match="InvalidProof"):
        prove_on_chain(press, stored, new, 7, proof)


def test_proof_ends_with_the_version(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice)
    header, content = press.publish(alice), content_of(press, stored)
    press.pass_time(8 * 86_400)
    proof = prove_entry(content, stored.list_id, 7)
    with pytest.raises(InvalidStatusList, match="ListExpired"):
        prove_on_chain(press, stored, header, 7, proof)


def test_contract_that_is_none_proves_nothing(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice)
    header, content = press.publish(alice), content_of(press, stored)
    proof = prove_entry(content, stored.list_id, 7)
    press.stage.node.rewrite["eth_call"] = lambda _params, _result: "0x"
    with pytest.raises(InvalidAnswer, match="0 bytes where a status was expected"):
        prove_on_chain(press, stored, header, 7, proof)


def test_entry_behind_the_end_cannot_be_proven(press: Press, alice: LocalAccount) -> None:
    stored = press.new_list(alice)
    press.publish(alice)
    with pytest.raises(InvalidStatusEntry, match="not in a list of"):
        prove_entry(content_of(press, stored), stored.list_id, 131_072)
