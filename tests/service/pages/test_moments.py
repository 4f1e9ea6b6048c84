"""How a page names a block, and says how old it is."""

from __future__ import annotations

from typing import Any

import pytest

from ethr_did.chain.networks import Networks
from ethr_did.service.pages.moments import ReadBlock, network_name


def block(**members: Any) -> ReadBlock:
    usual: dict[str, Any] = {
        "network": "dev",
        "chain_id": 100,
        "number": 7,
        "hash": bytes(32),
        "timestamp": 1_700_000_000,
        "now": 1_700_000_012,
    }
    return ReadBlock(**{**usual, **members})


def test_a_block_has_a_time_and_an_age() -> None:
    assert (block().time, block().age) == ("2023-11-14T22:13:20Z", "12 seconds ago")


def test_a_block_of_a_faster_clock_is_in_the_future() -> None:
    assert block(now=1_699_999_990).age == "in 10 seconds"


@pytest.mark.parametrize(("seconds", "is_old"), [(300, False), (301, True)])
def test_an_answer_says_from_when_on_it_may_be_out_of_date(seconds: int, *, is_old: bool) -> None:
    assert block(now=1_700_000_000 + seconds).is_old is is_old


@pytest.mark.parametrize(
    ("behind", "words"),
    [
        (None, ""),
        (0, "the index is up to date"),
        (1, "the index is 1 block behind"),
        (1200, "the index is 1,200 blocks behind"),
    ],
)
def test_an_index_says_how_far_it_is_behind(behind: int | None, words: str) -> None:
    assert block(blocks_behind=behind).lag == words


def test_a_chain_without_a_name_is_called_by_its_number() -> None:
    assert network_name(Networks(), 424_242) == "chain 424242"
    assert network_name(Networks(), 1) == "mainnet"
