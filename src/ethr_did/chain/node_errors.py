"""What a node's refusal means: one table of spellings for each meaning.

JSON-RPC fixes neither codes nor words for "that is too much", "come back later" or "I have
forgotten that", so each provider has its own. The tables below hold the known ones with their
source. A revert is looked for first: its text is written by a contract, which must not be able to
spell its way into another class.

Order: revert, busy, range (logs only), moved, history (old blocks only), else ``NodeRefused``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ethr_did.chain.masking import mask_text
from ethr_did.errors import (
    ChainError,
    ChainMoved,
    HistoryMissing,
    NodeBusy,
    NodeRefused,
    RangeRefused,
    shown,
)

if TYPE_CHECKING:
    from ethr_did.chain.request import Request

__all__ = ["batch_size_stated", "is_about_batches", "is_busy", "refusal"]


def _any(*spellings: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{spelling})" for spelling in spellings), re.IGNORECASE)


_REVERT = _any(
    r"^(?:VM Exception while processing transaction: |VM execution error[:.]?\s?)?"
    r"(?:execution )?revert(?:ed)?\b",  # geth, anvil, hardhat, ganache
    r"^VM execution error",  # OpenEthereum, Nethermind
)
_REVERT_CODE = 3  # geth: the code of a revert that carries data

_BUSY = _any(
    r"too many requests",  # the words of HTTP 429, put into JSON by many
    r"rate[\s-]?limit",  # Infura "request rate limited", Ankr, publicnode, drpc
    r"compute units",  # Alchemy "exceeded its compute units per second capacity"
    r"requests? (?:per|/) ?second|request/second",  # QuickNode "15/second request limit reached"
    r"/second request limit",
    r"(?:over|exceeded?s?|at) (?:its |the |rate |throughput )?capacity",
    r"daily request count exceeded",  # Infura
    r"usage limit|monthly (?:quota|capacity)|quota exceeded|credits? (?:limit|exceeded)",
    r"server (?:is )?(?:too )?busy|temporarily unavailable|try again later",
    r"no available (?:upstream|backend|server)|no backends? available",  # drpc, proxyd
)
_BUSY_CODES = (429, -32097, -32029)  # HTTP's number; blockpi; Ankr and others
_LIMIT_EXCEEDED = -32005  # EIP-1474: "request exceeds defined limit", without saying which

_N = r"(?P<max>\d[\d,_]*(?:\.\d+)?\s?k?)"
"""A count as providers write it: 2048, 10,000, 2K, 1k."""

_MAX_BLOCKS = (
    rf"up to an? {_N} blocks?",  # Alchemy "up to a 2K block range", "up to a 10 block range"
    rf"max(?:imum)?(?: allowed)? block range(?: is| of)?:? {_N}",  # BSC, Ankr, Polygon
    rf"limited to (?:an? |0 ?- ?)?{_N}(?: blocks?)?(?: range)?",  # QuickNode, blast
    rf"max(?:imum)? (?:is |is set to |allowed is )?{_N}",  # cloudflare "max is 1k", Avalanche
    rf"ranges? over {_N} blocks?",  # drpc freetier
    rf"at most {_N} blocks?",  # Besu derivatives, Ronin
    rf"greater than {_N} max",  # RSK gateways
    rf"(?:range|blocks?) (?:limit )?exceeds? (?:the )?(?:limit|maximum|max)(?: of)? {_N}",
    rf"(?:limit|range|maximum)(?: is| of|:) {_N}(?: blocks?)?",  # 1RPC, Chainstack
    rf"(?:within|over|than) {_N} blocks?",  # "should be within 5000 blocks"
)

_RANGE = _any(
    r"more than [\d,_]+ results?",  # Infura, geth forks
    r"response size (?:is )?(?:exceeded|too (?:large|big))|response (?:is )?too (?:large|big)",
    r"up to an? [\d,_k]+ blocks? range",  # Alchemy
    r"(?:max(?:imum)?|allowed) (?:allowed )?(?:block )?range",  # BSC, Ankr, Polygon, drpc
    r"block range (?:is )?(?:too|limit|exceed|greater|should|must)",  # Ankr, blockpi, RSK
    r"block range [\d,_k]+",
    r"range (?:is )?too (?:large|wide|big)|too (?:large|wide|big) (?:a )?(?:block )?range",
    r"(?:is|are) limited to",  # QuickNode, Moonbeam
    r"limit exceeded|exceeds? (?:the )?(?:defined )?limit",  # Nethermind, Besu, EIP-1474
    r"logs? matched by query exceeds?",  # zkSync, Cronos
    r"query time[d]? ?out|query timeout|timeout exceeded",  # geth 1.13 and its forks
    r"exceeds? (?:the )?(?:max\w* )?(?:\w+ )?range",  # Besu "exceeds the range"; "RPC range limit"
    r"requested too many blocks|too many blocks",  # Avalanche, Evmos
    r"ranges? over [\d,_k]+ blocks?",  # drpc freetier
    r"limit the query|at most [\d,_k]+ blocks",  # Cronos, Ronin
    r"too many (?:results|logs|events)|max(?:imum)? (?:results|logs)|log limit",  # Kaia, Nethermind
    r"specify (?:a )?(?:smaller|less|narrower)|narrow (?:down )?your|reduce (?:the )?(?:block )?range",
    r"(?:within|over|than) [\d,_k]+ blocks?",
)
_RANGE_CODES = (_LIMIT_EXCEEDED, -32602, -32600, -32000, -32001, -32011, -32012, -32614, 35, -32701)
"""Codes seen with range limits; only the first alone is enough, the others need the words."""

_SUGGESTED = re.compile(r"\[\s*(0x[0-9a-f]+|\d+)\s*(?:,|-)\s*(0x[0-9a-f]+|\d+)\s*\]", re.IGNORECASE)

_MOVED = _any(
    r"not currently canonical|not canonical|non-canonical",  # geth, Besu: EIP-1898
    r"(?:header|block)(?: for hash)?(?: \S+)? (?:not found|could not be found|is not found)",
    r"unknown (?:block|header)",  # geth, for logs by block hash
    r"resource not found",  # EIP-1474 code -32001: Nethermind, anvil
)

_HISTORY = _any(
    r"missing trie node",  # geth, full sync
    r"prun(?:ed|ing)",  # reth, Erigon, Nethermind
    r"histor(?:y|ical)\b.{0,60}\b(?:not|un|no)\s?(?:available|found|supported|indexed)",
    r"(?:state|data|logs?|receipts?)\b.{0,60}\bnot? available|no state available",
    r"header not found|state not found",  # geth, by number
    r"archive",  # "this request requires an archive node": most providers
    r"maximum proof window",  # reth
)
_READS = ("eth_call", "eth_getCode", "eth_getLogs", "eth_getBalance", "eth_getStorageAt")
_READS_MORE = ("eth_getTransactionCount", "eth_getProof", "eth_estimateGas")
_NEAR_TAGS = ("latest", "pending", "safe", "finalized")

_BATCHES = _any(
    r"batch(?:es|ed|ing)?\b",  # "batch too large", "Batch size limit exceeded", "batch limit 10"
    r"too many (?:calls|requests in)",
    r"arrays? (?:is|are) not supported|unexpected (?:token )?(?:array|list)",
)
_BATCH_SIZE = re.compile(
    r"(?:limit|max(?:imum)?|exceed\w*|than|up to|allowed)\D{0,40}?(\d{1,5})\b", re.IGNORECASE
)


def refusal(request: Request, error: Any, *, node: str, url: str | None = None) -> ChainError:
    """The error that a JSON-RPC error object stands for; returned, not raised.

    Args:
        request: what was asked.
        error: the ``error`` member of the reply.
        node: masked name of the node, for people.
        url: unmasked URL of the node; its secrets are taken out of the node's words.
    """
    code, words, data = _read(error)
    words = mask_text(words, url)
    kind, extra, hint = _classify(request, code, words, data)
    facts = {"rpc_code": code, "rpc_message": words, "data": data, "method": request.method}
    message = f"{node} refused {request.method}: {shown(words, 300)}"
    if code is not None:
        message += f" (code {code})"
    return kind(message, hint=hint, node=node, **facts, **extra)


def is_busy(error: Any) -> bool:
    """Whether an error object says in so many words: come back later."""
    code, words, _ = _read(error)
    return code in _BUSY_CODES or _BUSY.search(words) is not None


def is_about_batches(text: str) -> bool:
    """Whether the words are about batches rather than about a call in one."""
    return _BATCHES.search(text) is not None


def batch_size_stated(error: Any) -> int | None:
    """The number of calls a node takes in a batch, if its refusal says so."""
    _, words, _ = _read(error)
    found = _BATCH_SIZE.search(words)
    return int(found.group(1)) if found and is_about_batches(words) else None


_Class = tuple[type[ChainError], dict[str, Any], str]


def _classify(request: Request, code: int | None, words: str, data: Any) -> _Class:
    if code == _REVERT_CODE or _REVERT.search(words):
        return NodeRefused, {}, ""
    if code in _BUSY_CODES or _BUSY.search(words):
        return NodeBusy, {}, "Wait, or use a node with a higher limit."
    if request.method == "eth_getLogs":
        if code == _LIMIT_EXCEEDED or _RANGE.search(words):
            return RangeRefused, _range_facts(words), "Ask for fewer blocks at once."
    elif code == _LIMIT_EXCEEDED:
        return NodeBusy, {}, "Wait, or use a node with a higher limit."
    return _classify_missing(request, words, data)


def _classify_missing(request: Request, words: str, data: Any) -> _Class:
    reads = request.method in _READS or request.method in _READS_MORE
    if reads and data is None:
        if _names_hash(request) and _MOVED.search(words):
            return ChainMoved, {}, "The block is not, or no longer, part of this node's chain."
        if _names_old_block(request) and _HISTORY.search(words):
            return HistoryMissing, {}, "Use an archive node."
    return NodeRefused, {}, ""


def _read(error: Any) -> tuple[int | None, str, Any]:
    """Code, words and data, whatever the node made of the error object."""
    if not isinstance(error, dict):
        return None, str(error), None
    code = error.get("code")
    words = error.get("message")
    return (
        code if isinstance(code, int) and not isinstance(code, bool) else None,
        words if isinstance(words, str) else shown(error),
        _revert_data(error.get("data")),
    )


def _revert_data(data: Any) -> Any:
    """The revert data as hex where it can be found, else the member as it came.

    Hardhat nests it one level deeper; OpenEthereum puts a word before it.
    """
    if isinstance(data, dict) and isinstance(data.get("data"), (str, dict)):
        return _revert_data(data["data"])
    if isinstance(data, str):
        found = re.fullmatch(r"(?:Reverted )?(0x(?:[0-9a-fA-F]{2})*)", data.strip())
        return found.group(1) if found else data
    return data


def _range_facts(words: str) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if suggested := _SUGGESTED.search(words):
        first, last = (int(edge, 0) for edge in suggested.groups())
        if first <= last:
            facts["suggested"] = (first, last)
    if not re.search(r"block|range", words, re.IGNORECASE):
        return facts  # a limit, but of results
    for spelling in _MAX_BLOCKS:
        if found := re.search(spelling, words, re.IGNORECASE):
            # A count of results is no count of blocks.
            after = words[found.end() : found.end() + 12].lower()
            if (count := _count(found["max"])) and not re.match(r"\s*(?:results?|logs?)", after):
                facts["max_blocks"] = count
                break
    return facts


def _count(text: str) -> int:
    digits = text.replace(",", "").replace("_", "").strip().lower()
    return int(float(digits[:-1]) * 1000) if digits.endswith("k") else int(float(digits))


def _places(request: Request) -> list[Any]:
    """Where a request names its block: the log query's members, or the last parameter."""
    if request.method == "eth_getLogs":
        query = request.params[0] if request.params else {}
        if not isinstance(query, dict):
            return []
        if "blockHash" in query:
            return [{"blockHash": query["blockHash"]}]
        return [query.get("fromBlock"), query.get("toBlock")]
    return list(request.params[-1:])


def _names_hash(request: Request) -> bool:
    return any(isinstance(place, dict) and "blockHash" in place for place in _places(request))


def _names_old_block(request: Request) -> bool:
    return any(place is not None and place not in _NEAR_TAGS for place in _places(request))
