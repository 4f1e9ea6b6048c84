"""Sending: on a real chain, with crashes, rivals and nodes that misbehave."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.chain.fees import FeeRules, choose_fees, format_wei, outbid, read_market
from ethr_did.chain.journal import State
from ethr_did.chain.local import LocalAccount, LocalChain, LocalServer
from ethr_did.chain.local_signer import LocalSigner
from ethr_did.chain.pool_answers import Taken, read_taken
from ethr_did.chain.reverts import decode_revert
from ethr_did.chain.transactions import Intent, Progress, Sender, Waiting
from ethr_did.core.calls import change_call, selector
from ethr_did.core.changes import ChangeOwner, add_service
from ethr_did.core.keys import Address, parse_address, to_checksum_address
from ethr_did.errors import (
    FeeTooHigh,
    InsufficientFunds,
    InvalidInput,
    InvalidOption,
    NodeRefused,
    NodeUnreachable,
    NotAuthorized,
    NotFoundError,
    Reverted,
    TransactionError,
    TransactionPending,
    TransactionReplaced,
    WrongChain,
)
from support.fault_proxy import FaultProxy, Reset, RpcError, Status
from support.writing import Clock, deploy, make_sender

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TESTS = Path(__file__).parent.parent
GWEI = 10**9


@pytest.fixture
def sender(chain: LocalChain, alice: LocalAccount, tmp_path: Path) -> Sender:
    return make_sender(chain.provider, alice.key, tmp_path)


@pytest.fixture(scope="module")
def registry(
    chain: LocalChain, relayer: LocalAccount, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Address]:
    mark = chain.snapshot()
    yield deploy(make_sender(chain.provider, relayer.key, tmp_path_factory.mktemp("journal")))
    chain.revert(mark)


def set_service(identity: LocalAccount, registry: Address, word: str = "a", **more: Any) -> Intent:
    change = add_service("Hub", f"https://{word}.example.com")
    data = change_call(Address(identity.address_bytes), change)
    return Intent(to=registry, data=data, purpose=f"set {word}", **more)


def round_trips(sender: Sender) -> int:
    trips: int = sender.chain.round_trips  # type: ignore[attr-defined]
    return trips


def events(chain: LocalChain, registry: Address) -> int:
    return sum(
        log.address == registry
        for block in chain.ledger.blocks
        for mined in block.transactions
        for log in mined.logs
    )


# -- one transaction ---------------------------------------------------------------------------


def test_a_change_is_mined_in_three_round_trips(
    sender: Sender, registry: Address, alice: LocalAccount, chain: LocalChain
) -> None:
    before = round_trips(sender)

    receipt = sender.send(set_service(alice, registry))

    assert round_trips(sender) - before == 3  # prepare, send, look
    head = chain.head
    assert (receipt.block_number, receipt.block_hash) == (head.number, head.hash)
    assert receipt.block_timestamp == head.header.timestamp
    assert receipt.cost_wei == receipt.gas_used * receipt.effective_gas_price > 0
    assert events(chain, registry) == 1


def test_the_journal_says_that_it_was_mined(
    sender: Sender, registry: Address, alice: LocalAccount
) -> None:
    receipt = sender.send(set_service(alice, registry))

    entry = sender.journal.find(receipt.tx_hash)
    assert (entry.state, entry.block_number) == (State.MINED, receipt.block_number)
    assert alice.key.hex() not in "".join(
        path.read_text() for path in sender.journal.path.rglob("*") if path.is_file()
    )


def test_it_is_in_the_journal_before_any_node_sees_it(
    sender: Sender, registry: Address, alice: LocalAccount, chain: LocalChain
) -> None:
    seen: list[tuple[str, State, bool]] = []

    def note(progress: Progress) -> None:
        state = sender.journal.find(progress.entry.tx_hash).state
        known = chain.ledger.transaction(progress.entry.tx_hash) is not None
        seen.append((progress.stage, state, known))

    sender._tell = sender.watch._tell = note
    sender.send(set_service(alice, registry))

    assert seen == [
        ("signed", State.SIGNED, False),
        ("sent", State.SENT, True),
        ("mined", State.SENT, True),
    ]


def test_the_same_change_may_be_made_again_once_it_is_mined(
    sender: Sender, registry: Address, alice: LocalAccount, chain: LocalChain
) -> None:
    first, second = (sender.send(set_service(alice, registry)) for _ in range(2))

    assert first.tx_hash != second.tx_hash
    assert not second.resumed
    assert events(chain, registry) == 2


def test_a_quote_costs_one_round_trip_and_sends_nothing(
    sender: Sender, registry: Address, alice: LocalAccount, chain: LocalChain
) -> None:
    before, head = round_trips(sender), chain.head.number

    quote = sender.quote([set_service(alice, registry), set_service(alice, registry, "b")])

    assert round_trips(sender) - before == 1
    assert chain.head.number == head
    assert sender.journal.open_entries() == []
    assert 0 < quote.expected_cost < quote.highest_cost < quote.balance
    assert all(item.gas == item.estimated_gas * 120 // 100 for item in quote.items)


def test_the_journal_of_another_account_is_refused(sender: Sender, bob: LocalAccount) -> None:
    with pytest.raises(TransactionError, match="is not that of"):
        Sender(
            sender.chain,
            chain_id=31337,
            signer=LocalSigner.from_key(bob.key),
            journal=sender.journal,
        )


# -- several in flight -------------------------------------------------------------------------


def test_several_are_sent_in_one_round_trip_and_mined_in_order(
    sender: Sender, registry: Address, alice: LocalAccount, chain: LocalChain
) -> None:
    before, block = round_trips(sender), chain.head.number

    receipts = sender.send_many([set_service(alice, registry, word) for word in "abcd"])

    assert [receipt.block_number - block for receipt in receipts] == [1, 2, 3, 4]
    assert round_trips(sender) - before <= 2 + 4 * 2


def test_threads_that_share_a_journal_never_share_a_nonce(
    server: LocalServer, registry: Address, alice: LocalAccount, chain: LocalChain, tmp_path: Path
) -> None:
    failures: list[BaseException] = []

    def send(words: str) -> None:
        try:
            mine = make_sender(server.url, alice.key, tmp_path)
            for word in words:
                mine.send(set_service(alice, registry, word))
        except BaseException as error:  # noqa: BLE001 - a thread's failure is the test's
            failures.append(error)

    threads = [threading.Thread(target=send, args=(words,)) for words in ("abc", "def", "ghi")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert events(chain, registry) == 9


def test_processes_that_share_a_journal_never_share_a_nonce(
    server: LocalServer, registry: Address, alice: LocalAccount, chain: LocalChain, tmp_path: Path
) -> None:
    children = [
        start_child(server, registry, alice, tmp_path, words=words) for words in ("ab", "cd")
    ]

    for child in children:
        out, err = child.communicate(timeout=60)
        assert child.returncode == 0, err
        assert len(out.split()) == 2
    assert events(chain, registry) == 4


def test_the_same_transaction_twice_in_one_call_needs_a_tag(
    sender: Sender, registry: Address, alice: LocalAccount, chain: LocalChain
) -> None:
    with pytest.raises(InvalidInput, match="twice the same"):
        sender.send_many([set_service(alice, registry), set_service(alice, registry)])

    tagged = [set_service(alice, registry, tag=tag) for tag in ("1", "2")]
    assert len(sender.send_many(tagged)) == 2
    assert events(chain, registry) == 2


def test_a_nonce_that_was_refused_is_used_by_the_next(
    sender: Sender, registry: Address, alice: LocalAccount, chain: LocalChain
) -> None:
    with FaultProxy(chain.handle) as proxy:
        shaky = make_sender(proxy.url, alice.key, sender.journal.path.parents[1])
        proxy.always(refuse_unseen, when=is_sending)
        with pytest.raises(TransactionError, match="no node takes"):
            shaky.send_many([set_service(alice, registry, "a")])
        proxy.clear()

    (refused,) = [e for e in sender.journal.entries() if e.state is State.REFUSED]
    receipt = sender.send(set_service(alice, registry, "b"))
    assert sender.journal.find(receipt.tx_hash).nonce == refused.nonce


def refuse(words: str) -> None:
    raise RpcError(-32000, words)


def refuse_unseen(exchange: Any) -> None:
    """Before the node sees it."""
    error = {"code": -32000, "message": "transaction underpriced"}
    exchange.value = {"jsonrpc": "2.0", "id": exchange.batch[0]["id"], "error": error}


def is_sending(batch: Sequence[dict[str, Any]]) -> bool:
    return any(call["method"] == "eth_sendRawTransaction" for call in batch)


# -- refused before anything is spent ----------------------------------------------------------


def test_a_stranger_is_told_so_before_gas_is_spent(
    sender: Sender, registry: Address, bob: LocalAccount, chain: LocalChain
) -> None:
    head = chain.head.number

    with pytest.raises(NotAuthorized, match="bad_actor") as caught:
        sender.send(set_service(bob, registry))

    assert caught.value.facts["sender"] == to_checksum_address(sender.address)
    assert chain.head.number == head
    assert sender.journal.entries() == []


def test_a_named_error_of_the_contract_is_named_with_its_arguments(
    sender: Sender, registry: Address
) -> None:
    from eth_abi.abi import encode

    kinds = ("address", "(uint8,bytes32,bytes,uint256)[]")
    data = selector(f"applyChanges({','.join(kinds)})")
    data += encode(kinds, (sender.address, [(9, bytes(32), b"", 0)]))

    with pytest.raises(Reverted, match="UnknownChangeKind") as caught:
        sender.send(Intent(to=registry, data=data, purpose="a strange change"))

    assert caught.value.facts["error"] == "UnknownChangeKind"
    assert caught.value.facts["arguments"] == {"index": 0, "kind": 9}


def test_another_chain_is_refused(alice: LocalAccount, tmp_path: Path) -> None:
    other = LocalChain(chain_id=7)
    intent = Intent(to=None, data=b"", purpose="nothing")

    with pytest.raises(WrongChain, match="chain 7"):
        make_sender(other.provider, alice.key, tmp_path).send(intent)

    assert other.head.number == 0


def test_an_empty_account_is_told_how_much_it_needs(
    registry: Address, chain: LocalChain, tmp_path: Path
) -> None:
    poor = make_sender(chain.provider, b"\x05" * 32, tmp_path)
    account = LocalAccount(address=to_checksum_address(poor.address), key=b"")  # type: ignore[arg-type]

    with pytest.raises(InsufficientFunds, match="has 0 gwei, and up to") as caught:
        poor.send(set_service(account, registry))

    assert caught.value.facts["needed"] > 0
    assert "Send at least" in caught.value.hint


@pytest.mark.parametrize(
    "rules",
    [FeeRules(cap_per_gas=1), FeeRules(cap_cost=1000), FeeRules(max_fee_per_gas=5)],
    ids=str,
)
def test_a_cap_below_the_price_sends_nothing(
    sender: Sender, registry: Address, alice: LocalAccount, chain: LocalChain, rules: FeeRules
) -> None:
    head = chain.head.number
    sender.rules = rules

    with pytest.raises(FeeTooHigh, match="your limit allows"):
        sender.send(set_service(alice, registry))

    assert chain.head.number == head


def test_a_cap_lowers_the_fee_as_long_as_it_can_be_mined(
    sender: Sender, registry: Address, alice: LocalAccount
) -> None:
    cap = sender.quote([set_service(alice, registry)]).items[0].fees.expected_per_gas + 1
    sender.rules = FeeRules(cap_per_gas=cap)

    receipt = sender.send(set_service(alice, registry))

    assert sender.journal.find(receipt.tx_hash).tx["maxFeePerGas"] == cap


def test_a_signer_that_refuses_leaves_nothing_behind(
    sender: Sender, registry: Address, alice: LocalAccount
) -> None:
    class Unwilling(LocalSigner):
        __slots__ = ()

        def sign_transaction(self, tx: Any) -> bytes:
            raise InvalidOption(f"no to {tx['nonce']}")

    sender.signer = Unwilling.from_key(alice.key)
    done = len(sender.journal.entries())

    with pytest.raises(InvalidOption):
        sender.send(set_service(alice, registry))

    assert len(sender.journal.entries()) == done


# -- mined and reverted ------------------------------------------------------------------------


@pytest.mark.parametrize("one_block", [True, False], ids=["one block", "two blocks"])
def test_what_is_mined_and_reverted_says_why(
    sender: Sender, registry: Address, alice: LocalAccount, chain: LocalChain, *, one_block: bool
) -> None:
    give_away = change_call(sender.address, ChangeOwner(owner=Address(b"\x0b" * 20)))
    first = Intent(to=registry, data=give_away, purpose="give away")
    chain.automine = not one_block
    # Both simulated before either is mined: the second meets what the first has changed.
    (_, _), (entry, _) = sender.submit([first, set_service(alice, registry)])
    chain.automine = True

    with pytest.raises(NotAuthorized, match=r"bad_actor.*mined in block \d+, and reverted"):
        sender.wait(entry.tx_hash)

    assert sender.journal.find(entry.tx_hash).state is State.FAILED


def test_what_ran_out_of_gas_says_so(
    sender: Sender, registry: Address, alice: LocalAccount, chain: LocalChain
) -> None:
    needed = sender.quote([set_service(alice, registry)]).items[0].estimated_gas

    with pytest.raises(Reverted, match="used up its"):
        sender.send(set_service(alice, registry, gas=needed - 2000))

    assert events(chain, registry) == 0


# -- crashes -----------------------------------------------------------------------------------


def start_child(
    server: LocalServer,
    registry: Address,
    account: LocalAccount,
    root: Path,
    *,
    die_at: str = "never",
    words: str = "a",
) -> subprocess.Popen[str]:
    plan = {
        "url": server.url,
        "key": account.key.hex(),
        "root": str(root),
        "to": to_checksum_address(registry),
        "data": [set_service(account, registry, word).data.hex() for word in words],
        "die_at": die_at,
    }
    return subprocess.Popen(
        [sys.executable, str(TESTS / "support" / "crashing_sender.py"), json.dumps(plan)],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("die_at", ["signed", "sent", "mined"])
@pytest.mark.parametrize("again", ["the same change", "recover"])
def test_a_killed_process_neither_loses_nor_repeats_a_change(
    server: LocalServer,
    registry: Address,
    alice: LocalAccount,
    chain: LocalChain,
    tmp_path: Path,
    *,
    die_at: str,
    again: str,
) -> None:
    child = start_child(server, registry, alice, tmp_path, die_at=die_at)
    _, err = child.communicate(timeout=60)
    assert child.returncode == -9, err
    assert events(chain, registry) == (0 if die_at == "signed" else 1)

    sender = make_sender(server.url, alice.key, tmp_path)
    (left,) = sender.journal.open_entries()
    if again == "recover":
        sender.recover()
        receipt = sender.wait(left.tx_hash)
    else:
        receipt = sender.send(set_service(alice, registry))
        assert receipt.resumed

    assert receipt.tx_hash == left.tx_hash
    assert events(chain, registry) == 1
    assert sender.journal.open_entries() == []


def test_a_killed_sequence_is_finished_and_nothing_of_it_repeated(
    server: LocalServer, registry: Address, alice: LocalAccount, chain: LocalChain, tmp_path: Path
) -> None:
    child = start_child(server, registry, alice, tmp_path, die_at="signed", words="abc")
    child.communicate(timeout=60)
    sender = make_sender(server.url, alice.key, tmp_path)
    assert len(sender.journal.open_entries()) == 1  # killed after the first of three

    receipts = sender.send_many([set_service(alice, registry, word) for word in "abc"])

    assert [receipt.resumed for receipt in receipts] == [True, False, False]
    assert events(chain, registry) == 3


def test_recovery_reports_what_became_of_each(
    sender: Sender, registry: Address, alice: LocalAccount, chain: LocalChain
) -> None:
    chain.automine = False
    pairs = sender.submit([set_service(alice, registry, word) for word in "ab"])
    assert [entry.state for entry, _ in pairs] == [State.SENT, State.SENT]
    assert [entry.state for entry in sender.recover()] == [State.SENT, State.SENT]
    chain.automine = True

    before = round_trips(sender)
    after = sender.recover()

    assert [entry.state for entry in after] == [State.MINED, State.MINED]
    assert round_trips(sender) - before == 1
    assert sender.recover() == []


def test_a_transaction_that_the_node_forgot_is_sent_again_byte_for_byte(
    sender: Sender, registry: Address, alice: LocalAccount, chain: LocalChain
) -> None:
    chain.automine = False
    ((entry, _),) = sender.submit([set_service(alice, registry)])
    chain.pool = type(chain.pool)()  # the node restarts without its pool
    chain.automine = True

    sender.recover()

    assert sender.wait(entry.tx_hash).tx_hash == entry.tx_hash
    assert events(chain, registry) == 1


def test_of_two_that_bid_for_one_nonce_only_the_dearer_is_sent_again(
    sender: Sender, registry: Address, alice: LocalAccount, chain: LocalChain
) -> None:
    chain.automine = False
    ((old, _),) = sender.submit([set_service(alice, registry)])
    new = sender.replace(old.tx_hash)

    assert [entry.state for entry in sender.recover()] == [State.SENT, State.SENT]
    chain.mine()
    assert sender.wait(old.tx_hash).tx_hash == new.tx_hash


def test_an_open_transaction_that_is_refused_now_stays_open_and_is_named_before_the_next(
    sender: Sender, registry: Address, alice: LocalAccount, chain: LocalChain
) -> None:
    chain.automine = False
    ((old, _),) = sender.submit([set_service(alice, registry)])
    chain.pool = type(chain.pool)()
    with FaultProxy(chain.handle) as proxy:
        poorer = make_sender(proxy.url, alice.key, sender.journal.path.parents[1])
        proxy.always(refuse_unseen, when=is_sending)
        with pytest.raises(TransactionPending, match="still open, and the node does not take it"):
            poorer.send(set_service(alice, registry, "b"))
        (entry,) = poorer.recover()

    assert (entry.state, entry.tx_hash) == (State.SENT, old.tx_hash)
    assert "underpriced" in entry.note
    chain.automine = True
    sender.cancel(old.tx_hash)
    assert sender.send(set_service(alice, registry, "b")).succeeded
    assert events(chain, registry) == 1


# -- nodes that misbehave ----------------------------------------------------------------------


@pytest.fixture
def proxied(
    chain: LocalChain, sender: Sender, alice: LocalAccount
) -> Iterator[tuple[FaultProxy, Sender]]:
    with FaultProxy(chain.handle) as proxy:
        yield proxy, make_sender(proxy.url, alice.key, sender.journal.path.parents[1])


def test_an_answer_that_is_cut_off_is_looked_up_and_not_sent_again(
    proxied: tuple[FaultProxy, Sender], registry: Address, alice: LocalAccount, chain: LocalChain
) -> None:
    proxy, sender = proxied

    def cut(exchange: Any) -> None:
        assert exchange.value  # the node has worked on it
        Reset(10)(exchange)

    proxy.always(cut, when=is_sending)

    sender.send(set_service(alice, registry))

    assert proxy.calls["eth_sendRawTransaction"] == 1
    assert events(chain, registry) == 1


def test_what_may_have_been_sent_is_pending_and_taken_up_later(
    proxied: tuple[FaultProxy, Sender], registry: Address, alice: LocalAccount, chain: LocalChain
) -> None:
    proxy, sender = proxied
    proxy.always(Status(500), when=is_sending)

    with pytest.raises(TransactionPending, match="not known whether a node has it") as caught:
        sender.send(set_service(alice, registry))
    proxy.clear()

    assert "taken up, not repeated" in caught.value.hint
    receipt = sender.send(set_service(alice, registry))
    assert "0x" + receipt.tx_hash.hex() == caught.value.facts["tx_hash"]
    assert events(chain, registry) == 1


def test_what_never_left_is_not_pending(
    chain: LocalChain, registry: Address, alice: LocalAccount, tmp_path: Path
) -> None:
    proxy = FaultProxy(chain.handle)
    sender = make_sender(
        proxy.url,
        alice.key,
        tmp_path / "other",
        on_progress=lambda progress: proxy.close() if progress.stage == "signed" else None,
    )

    with pytest.raises(NodeUnreachable):
        sender.send(set_service(alice, registry))

    assert [entry.state for entry in sender.journal.entries()] == [State.REFUSED]


def test_a_node_that_knows_it_already_has_taken_it(
    proxied: tuple[FaultProxy, Sender], registry: Address, alice: LocalAccount, chain: LocalChain
) -> None:
    proxy, sender = proxied
    proxy.rewrite("eth_sendRawTransaction", lambda _call, _result: refuse("already known"))

    assert sender.send(set_service(alice, registry)).succeeded
    assert events(chain, registry) == 1


def test_a_nonce_taken_by_somebody_else_is_followed_by_the_next(
    proxied: tuple[FaultProxy, Sender],
    registry: Address,
    alice: LocalAccount,
    chain: LocalChain,
    tmp_path: Path,
) -> None:
    proxy, sender = proxied
    elsewhere = make_sender(chain.provider, alice.key, tmp_path / "elsewhere")

    def overtake(_exchange: Any) -> None:
        proxy.clear()
        elsewhere.send(set_service(alice, registry, "elsewhere"))

    proxy.always(overtake, when=is_sending)

    receipt = sender.send(set_service(alice, registry))

    assert not receipt.resumed
    assert events(chain, registry) == 2
    states = [entry.state for entry in sender.journal.entries()][-2:]
    assert states == [State.REPLACED, State.MINED]


def test_a_node_that_is_away_while_waiting_is_waited_for(
    proxied: tuple[FaultProxy, Sender], registry: Address, alice: LocalAccount
) -> None:
    proxy, sender = proxied

    def fail_once(exchange: Any) -> None:
        proxy.clear()
        Status(502)(exchange)

    proxy.always(fail_once, when=lambda batch: batch[-1]["method"] == "eth_getTransactionReceipt")

    assert sender.send(set_service(alice, registry)).succeeded


# -- waiting -----------------------------------------------------------------------------------


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def patient(chain: LocalChain, sender: Sender, alice: LocalAccount, clock: Clock) -> Sender:
    """Waits in a time of its own: two seconds between looks, ten in all."""
    return make_sender(
        chain.provider,
        alice.key,
        sender.journal.path.parents[1],
        waiting=Waiting(timeout=10, poll=2),
        clock=clock,
        sleep=clock.sleep,
    )


def test_what_is_not_mined_in_time_says_how_to_go_on(
    patient: Sender, registry: Address, alice: LocalAccount, chain: LocalChain, clock: Clock
) -> None:
    chain.automine = False
    began = clock.now

    with pytest.raises(TransactionPending, match="not mined within 10 seconds") as caught:
        patient.send(set_service(alice, registry))

    assert clock.now - began == 10
    chain.automine = True
    tx_hash = bytes.fromhex(caught.value.facts["tx_hash"][2:])
    assert patient.wait(tx_hash).tx_hash == tx_hash


def test_confirmations_are_waited_for(
    patient: Sender, registry: Address, alice: LocalAccount, chain: LocalChain, clock: Clock
) -> None:
    patient.watch.waiting = Waiting(confirmations=3, timeout=60, poll=2)
    seen: list[int] = []
    patient.watch._tell = lambda progress: (
        seen.append(progress.confirmations) if progress.stage == "mined" else None
    )
    clock.plans = [chain.mine, chain.mine]

    receipt = patient.send(set_service(alice, registry))

    assert seen == [1, 2, 3]
    assert receipt.block_number == chain.head.number - 2
    assert receipt.block_timestamp is not None


def test_a_block_that_is_taken_back_is_waited_for_again(
    patient: Sender, registry: Address, alice: LocalAccount, chain: LocalChain, clock: Clock
) -> None:
    patient.watch.waiting = Waiting(confirmations=2, timeout=60, poll=2)
    mark = chain.snapshot()

    def reorganise() -> None:
        raw = chain.head.transactions[0].transaction.raw
        chain.revert(mark)
        chain.mine(3)
        chain.submit(raw)

    clock.plans = [reorganise, chain.mine]
    first = chain.head.number + 1

    receipt = patient.send(set_service(alice, registry))

    assert receipt.block_number == first + 3


def test_a_hash_that_was_not_sent_from_here_is_not_waited_for(sender: Sender) -> None:
    with pytest.raises(NotFoundError):
        sender.wait(bytes(32))


def test_a_nonce_used_elsewhere_means_that_it_did_not_happen(
    patient: Sender,
    registry: Address,
    alice: LocalAccount,
    chain: LocalChain,
    tmp_path: Path,
) -> None:
    chain.automine = False
    ((entry, _),) = patient.submit([set_service(alice, registry)])
    chain.pool = type(chain.pool)()
    chain.automine = True
    make_sender(chain.provider, alice.key, tmp_path / "elsewhere").send(
        set_service(alice, registry, "elsewhere")
    )

    with pytest.raises(TransactionReplaced, match="not in this journal"):
        patient.wait(entry.tx_hash)

    assert patient.journal.find(entry.tx_hash).state is State.REPLACED
    assert not patient.send(set_service(alice, registry)).resumed


# -- replacing ---------------------------------------------------------------------------------


def test_a_replacement_takes_over_and_either_hash_leads_to_its_receipt(
    patient: Sender, registry: Address, alice: LocalAccount, chain: LocalChain
) -> None:
    chain.automine = False
    ((old, _),) = patient.submit([set_service(alice, registry)])

    new = patient.replace(old.tx_hash)
    chain.mine()

    assert (new.nonce, new.replaces, new.intent) == (old.nonce, old.tx_hash, old.intent)
    for name in ("maxFeePerGas", "maxPriorityFeePerGas"):
        assert new.tx[name] * 1000 >= old.tx[name] * 1125
    assert patient.wait(old.tx_hash).tx_hash == new.tx_hash
    assert patient.wait(new.tx_hash).tx_hash == new.tx_hash
    assert patient.journal.find(old.tx_hash).state is State.REPLACED
    assert events(chain, registry) == 1


def test_a_replacement_may_itself_be_replaced(
    patient: Sender, registry: Address, alice: LocalAccount, chain: LocalChain
) -> None:
    chain.automine = False
    ((old, _),) = patient.submit([set_service(alice, registry)])

    patient.replace(old.tx_hash)
    last = patient.replace(old.tx_hash)
    chain.mine()

    assert patient.wait(old.tx_hash).tx_hash == last.tx_hash


def test_a_cancelled_change_did_not_happen(
    patient: Sender, registry: Address, alice: LocalAccount, chain: LocalChain
) -> None:
    chain.automine = False
    ((old, _),) = patient.submit([set_service(alice, registry)])

    cancelling = patient.cancel(old.tx_hash)
    chain.mine()

    assert patient.wait(cancelling.tx_hash).gas_used == 21_000
    with pytest.raises(TransactionReplaced, match="cancel: set a"):
        patient.wait(old.tx_hash)
    assert events(chain, registry) == 0
    chain.automine = True
    assert not patient.send(set_service(alice, registry)).resumed
    assert events(chain, registry) == 1


def test_only_what_waits_can_be_replaced(
    sender: Sender, registry: Address, alice: LocalAccount, chain: LocalChain
) -> None:
    receipt = sender.send(set_service(alice, registry))
    with pytest.raises(TransactionError, match="no longer waits: it is mined"):
        sender.replace(receipt.tx_hash)

    ((entry, _),) = sender.submit([set_service(alice, registry, "b")])
    assert chain.automine
    with pytest.raises(TransactionError, match="is used already"):
        sender.cancel(entry.tx_hash)


# -- fees --------------------------------------------------------------------------------------


def market_answers(**changes: Any) -> list[Any]:
    block = {
        "number": "0x9",
        "hash": "0x" + "11" * 32,
        "parentHash": "0x" + "22" * 32,
        "timestamp": "0x65",
        "gasLimit": hex(30_000_000),
        "baseFeePerGas": hex(20 * GWEI),
    }
    history = {
        "baseFeePerGas": [hex(20 * GWEI)] * 4 + [hex(22 * GWEI)],
        "gasUsedRatio": [0.5, 0, 0.5, 0.5],
        "reward": [[hex(3 * GWEI)], ["0x0"], [hex(GWEI)], [hex(2 * GWEI)]],
    }
    base: dict[str, Any] = {
        "block": block,
        "history": history,
        "tip": hex(9 * GWEI),
        "price": hex(25 * GWEI),
    }
    base |= changes
    return list(base.values())


def test_fees_follow_the_last_blocks_and_leave_room_to_double() -> None:
    fees = choose_fees(read_market(market_answers()), FeeRules(), gas=100_000)

    assert fees.max_priority_fee_per_gas == 2 * GWEI  # the median, empty blocks not counted
    assert fees.max_fee_per_gas == 2 * 22 * GWEI + 2 * GWEI
    assert fees.expected_per_gas == 24 * GWEI


def test_without_a_fee_history_the_node_s_suggestion_counts() -> None:
    market = read_market(market_answers(history=NodeRefused("no such method")))

    assert (market.base_fee, market.tip) == (20 * GWEI, 9 * GWEI)


def test_chains_without_a_base_fee_take_a_gas_price() -> None:
    block = {k: v for k, v in market_answers()[0].items() if k != "baseFeePerGas"}
    market = read_market(market_answers(block=block))

    fees = choose_fees(market, FeeRules(), gas=100_000)

    assert fees.to_tx() == {"gasPrice": 25 * GWEI}
    with pytest.raises(FeeTooHigh):
        choose_fees(market, FeeRules(cap_per_gas=24 * GWEI), gas=100_000)
    assert outbid(fees.to_tx(), market, bump_percent=12.5).max_fee_per_gas == 28_125_000_001


def test_fees_chosen_by_the_user_are_used_as_they_are() -> None:
    rules = FeeRules(max_fee_per_gas=50 * GWEI, max_priority_fee_per_gas=5 * GWEI)

    fees = choose_fees(read_market(market_answers()), rules, gas=100_000)

    assert (fees.max_fee_per_gas, fees.max_priority_fee_per_gas) == (50 * GWEI, 5 * GWEI)


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_fee_per_gas": 0},
        {"cap_cost": -1},
        {"gas_margin": -1},
        {"max_fee_per_gas": 1, "max_priority_fee_per_gas": 2},
    ],
)
def test_fee_rules_that_make_no_sense_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidOption):
        FeeRules(**wrong)


def test_a_bump_that_pools_refuse_is_refused() -> None:
    with pytest.raises(InvalidOption, match="pools ask for 10"):
        outbid({"gasPrice": 1}, read_market(market_answers()), bump_percent=5)


@pytest.mark.parametrize(
    ("wei", "text"),
    [(0, "0 gwei"), (1, "0.000000001 gwei"), (10**18, "1 ETH"), (15 * 10**14, "0.0015 ETH")],
)
def test_amounts_are_shown_exactly(wei: int, text: str) -> None:
    assert format_wei(wei) == text


# -- what nodes and contracts say --------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "taken"),
    [
        ("already known", Taken.YES),
        ("known transaction: 0xab", Taken.YES),
        ("ALREADY_EXISTS: already known", Taken.YES),
        ("nonce too low: next nonce 5, tx nonce 4", Taken.NONCE_USED),
        ("Nonce too low. Expected nonce to be 5 but got 4.", Taken.NONCE_USED),
        ("the transaction's nonce is too low", Taken.NONCE_USED),
        ("insufficient funds for gas * price + value", Taken.NO),
        ("replacement transaction underpriced", Taken.NO),
        ("transaction underpriced", Taken.NO),
        ("intrinsic gas too low", Taken.NO),
        ("unknown transaction type", Taken.UNKNOWN),
        ("VM Exception while processing transaction: revert", Taken.UNKNOWN),
        ("internal error", Taken.UNKNOWN),
    ],
)
def test_only_known_words_count_as_a_refusal(words: str, taken: Taken) -> None:
    answer = NodeRefused(words, rpc_message=words, rpc_code=-32000)

    assert read_taken(answer) is taken


def error_data(signature: str, kinds: Sequence[str], values: Sequence[Any]) -> bytes:
    from eth_abi.abi import encode

    return selector(signature) + encode(kinds, values)


def test_reverts_are_explained() -> None:
    said = decode_revert(error_data("Error(string)", ["string"], ["bad_signature"]))
    assert said.name == "bad_signature"
    assert "Sign again" in said.hint
    owner = "0x" + "11" * 20
    named = decode_revert(error_data("InvalidSignature(address)", ["address"], [owner]))
    assert (named.name, named.arguments) == ("InvalidSignature", {"owner": owner})
    panic = decode_revert(error_data("Panic(uint256)", ["uint256"], [0x32]))
    assert panic.sentence == "an index beyond the end of an array (Panic 0x32)"


@pytest.mark.parametrize(
    ("data", "words", "part"),
    [
        (b"", "execution reverted", "gives no reason"),
        (b"", "", "gives no reason"),
        (b"", "execution reverted: bad_actor", "'bad_actor'"),
        (b"", "out of gas", "out of gas"),
        (b"\x01\x02", "", "not known"),
        (b"\xde\xad\xbe\xef" + bytes(32), "", "0xdeadbeef"),
        (selector("Error(string)") + b"\xff" * 64, "", "not known"),
    ],
)
def test_reverts_that_cannot_be_explained_are_shown(data: bytes, words: str, part: str) -> None:
    assert part in decode_revert(data, words).sentence


def test_the_key_of_an_intent_ignores_what_it_is_called() -> None:
    base = {"to": parse_address("0x" + "11" * 20), "data": b"\x01"}

    def key(chain_id: int = 1, **changes: Any) -> bytes:
        intent = Intent(**{**base, "purpose": "p", **changes})
        return intent.key(chain_id=chain_id, sender=Address(bytes(20)))

    assert key() == key(purpose="q") == key(gas=5)
    others = [key(chain_id=2), key(to=None), key(data=b"\x02"), key(value=1), key(tag="t")]
    assert len({key(), *others}) == 6
