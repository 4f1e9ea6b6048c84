"""Each known spelling of a refusal, and what must not be mistaken for it."""

from __future__ import annotations

from typing import Any

import pytest

from ethr_did.chain.masking import mask_text, mask_url
from ethr_did.chain.node_errors import refusal
from ethr_did.chain.rpc import Request, call, get_code, get_logs
from ethr_did.errors import (
    ChainError,
    ChainMoved,
    HistoryMissing,
    NodeBusy,
    NodeRefused,
    RangeRefused,
)

LOGS = get_logs(address=bytes(20), from_block=0, to_block=100_000)
OLD_CALL = call(bytes(20), b"", 5)
PINNED_CALL = call(bytes(20), b"", bytes(32))


def refused(request: Request, message: Any, code: int = -32000, data: Any = None) -> ChainError:
    return refusal(request, {"code": code, "message": message, "data": data}, node="a node")


@pytest.mark.parametrize(
    ("message", "max_blocks", "suggested"),
    [
        ("query returned more than 10000 results", None, None),
        (
            "query returned more than 10000 results. Try with this block range [0x10, 0x1F].",
            None,
            (16, 31),
        ),
        (
            (
                "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block "
                "range and no limit on the response size, or you can request any block range with a "
                "cap of 10K logs in the response. Based on your parameters and the response size "
                "limit, this block range should work: [0x0, 0x7cf]"
            ),
            2000,
            (0, 1999),
        ),
        (
            (
                "Under the Free tier plan, you can make eth_getLogs requests with up to a 10 block "
                "range. Based on your parameters, this block range should work: [0x1, 0xa]."
            ),
            10,
            (1, 10),
        ),
        ("query exceeds max block range 100000", 100000, None),
        ("exceed maximum block range: 50000", 50000, None),
        ("exceed max block range 5_000", 5000, None),
        ("block range is too wide", None, None),
        ("Block range is too large", None, None),
        ("eth_getLogs is limited to a 10,000 range", 10000, None),
        ("eth_getLogs and eth_newFilter are limited to a 10,000 blocks range", 10000, None),
        ("eth_getLogs is limited to 0 - 10000 blocks range", 10000, None),
        ("logs matched by query exceeds limit of 10000", None, None),
        ("query timeout exceeded", None, None),
        ("query timed out", None, None),
        ("Block range limit exceeded", None, None),
        ("range is too large, max is 1k blocks", 1000, None),
        ("exceeds the range", None, None),
        ("Requested range exceeds maximum RPC range limit", None, None),
        ("requested too many blocks from 1 to 5000, maximum is set to 2048", 2048, None),
        ("ranges over 10000 blocks are not supported on freetier", 10000, None),
        ("please limit the query to at most 1000 blocks", 1000, None),
        ("maximum block range: 2000 blocks", 2000, None),
        ("too many results", None, None),
        ("response too large", None, None),
        ("backend response too large", None, None),
        ("max results exceeded", None, None),
        ("getLogs request exceeded max allowed range", None, None),
        ("block range greater than 10000 max", 10000, None),
        ("block range should be within 5000 blocks", 5000, None),
        ("The block range must be less than 500 blocks", 500, None),
        ("limit exceeded", None, None),
    ],
)
def test_limits_of_log_queries_are_known(
    message: str, max_blocks: int | None, suggested: tuple[int, int] | None
) -> None:
    error = refused(LOGS, message)
    assert type(error) is RangeRefused
    assert error.facts.get("max_blocks") == max_blocks
    assert error.facts.get("suggested") == suggested


def test_limit_exceeded_by_its_code_alone_is_a_limit_of_the_log_query() -> None:
    assert type(refused(LOGS, "oops", -32005)) is RangeRefused
    assert type(refused(OLD_CALL, "oops", -32005)) is NodeBusy


def test_a_backward_suggestion_is_ignored() -> None:
    assert "suggested" not in refused(LOGS, "too many results, try [0x20, 0x10]").facts


@pytest.mark.parametrize("message", ["response too large", "exceed maximum block range: 5000"])
def test_only_log_queries_have_ranges(message: str) -> None:
    assert type(refused(OLD_CALL, message)) is NodeRefused


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (429, "no"),
        (-32005, "project ID request rate exceeded, rate limited"),
        (-32005, "daily request count exceeded, request rate limited"),
        (-32000, "Too Many Requests"),
        (429, "Your app has exceeded its compute units per second capacity."),
        (-32007, "50/second request limit reached - reduce calls per second or upgrade"),
        (-32016, "over rate limit"),
        (-32029, "Too many requests, reason: call rate limit exhausted"),
        (-32090, "Too many requests, reason: rate-limited, retry in 10s"),
        (-32603, "service temporarily unavailable"),
        (-32011, "no backends available for method"),
        (-32000, "You've reached the usage limit for your current plan"),
    ],
)
@pytest.mark.parametrize("request_", [LOGS, OLD_CALL])
def test_busy_nodes_are_known(request_: Request, code: int, message: str) -> None:
    assert type(refused(request_, message, code)) is NodeBusy


@pytest.mark.parametrize(
    "message",
    [
        "missing trie node 0xabc (path ) state 0xabc is not available, not found",
        "pruned history unavailable",
        "state at block #5 is pruned",
        "historical state 0xabc is not available",
        "historical state is not available",
        "header not found",
        "this request requires an archive node",
        "Archive, Debug and Trace requests are not available on your current plan",
        "No state available for block 5",
        "distance to target block exceeds maximum proof window",
        "old data not available due to pruning",
        "required historical state unavailable",
    ],
)
def test_forgotten_history_is_known(message: str) -> None:
    assert type(refused(OLD_CALL, message)) is HistoryMissing
    assert type(refused(get_code(bytes(20), "earliest"), message)) is HistoryMissing


def test_the_newest_blocks_are_no_history() -> None:
    assert type(refused(call(bytes(20), b"", "latest"), "missing trie node")) is NodeRefused
    newest = get_logs(address=bytes(20), from_block="latest")
    assert type(refused(newest, "pruned history unavailable")) is NodeRefused


@pytest.mark.parametrize(
    "message",
    [
        "header not found",
        "header for hash not found",
        "unknown block",
        "block not found",
        "hash 0xabc is not currently canonical",
        "block 0xabc could not be found",
    ],
)
def test_a_pinned_block_that_is_unknown_has_moved(message: str) -> None:
    assert type(refused(PINNED_CALL, message)) is ChainMoved
    by_hash = get_logs(address=bytes(20), block_hash=bytes(32))
    assert type(refused(by_hash, message)) is ChainMoved


def test_a_pinned_block_whose_state_is_pruned_is_history() -> None:
    assert type(refused(PINNED_CALL, "missing trie node 0xabc")) is HistoryMissing


@pytest.mark.parametrize(
    "words", ["too many requests", "missing trie node", "unknown block", "archive", "rate limit"]
)
def test_a_contract_cannot_spell_its_revert_into_another_class(words: str) -> None:
    for message, code in ((f"execution reverted: {words}", -32000), (words, 3)):
        assert type(refused(PINNED_CALL, message, code)) is NodeRefused


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("0x08c379a0", "0x08c379a0"),
        ("0x", "0x"),
        ("Reverted 0x08c379a0", "0x08c379a0"),
        ({"message": "reverted", "data": "0x08c379a0"}, "0x08c379a0"),
        ({"data": {"data": "0xab"}}, "0xab"),
        ({"trace": []}, {"trace": []}),
        ("no hex", "no hex"),
        (None, None),
    ],
)
def test_revert_data_is_found_where_nodes_put_it(data: Any, expected: Any) -> None:
    assert refused(OLD_CALL, "execution reverted", 3, data).facts["data"] == expected


@pytest.mark.parametrize("error", ["text", 5, [], {}, {"code": "x"}, {"code": True, "message": 1}])
def test_an_odd_error_object_is_still_a_refusal(error: Any) -> None:
    answer = refusal(OLD_CALL, error, node="a node")
    assert type(answer) is NodeRefused
    assert answer.facts["rpc_code"] is None


def test_the_sentence_names_node_method_words_and_code() -> None:
    assert str(refused(OLD_CALL, "no such thing", -32001)) == (
        "a node refused eth_call: 'no such thing' (code -32001)"
    )


# --- URLs


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("http://127.0.0.1:8545", "http://127.0.0.1:8545"),
        ("http://[::1]:8545/", "http://[::1]:8545/"),
        ("https://node.example/v3/0123456789abcdef", "https://node.example/v3/…"),
        ("https://node.example/ext/bc/C/rpc", "https://node.example/ext/bc/C/rpc"),
        ("https://node.example/rpc/abc123", "https://node.example/rpc/…"),
        ("https://user:pw@node.example/", "https://…@node.example/"),
        ("https://node.example?apikey=abc", "https://node.example?…"),
        ("https://node.example/#key", "https://node.example/"),
        ("https://node.example/averyveryverylongword", "https://node.example/…"),
        ("https://node.example:port/secret", "…"),
        ("secret", "…"),
        ("", "…"),
    ],
)
def test_a_masked_url_shows_where_but_not_with_what_key(url: str, masked: str) -> None:
    assert mask_url(url) == masked


def test_texts_lose_urls_and_the_secrets_of_the_url_in_question() -> None:
    url = "https://user%40x:pass%2Fword@n.example/v3/KEYKEY123?token=TOKEN1"
    text = "KEYKEY123 TOKEN1 user@x pass/word pass%2Fword at https://n.example/v3/KEYKEY123."
    assert mask_text(text, url) == "… … … … … at https://n.example/v3/…"
