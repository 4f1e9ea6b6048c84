"""Finding a network, and what a network may be."""

from __future__ import annotations

from typing import Any

import pytest

from ethr_did.chain.networks import BUILT_IN, DEAD, Network, Networks
from ethr_did.chain.rpc import block_number
from ethr_did.errors import InvalidAddress, InvalidConfiguration, UnknownNetwork, WrongChain
from support.fault_proxy import FaultProxy, answering

REGISTRY = "0x03d5003bf0e79C5F5223588F347ebA39AfbC3818"
KEY = "0123456789abcdef0123456789abcdef"


def network(**fields: Any) -> Network:
    return Network(**{"name": "dev", "chain_id": 31337, "did_registry": REGISTRY, **fields})


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (None, "mainnet"),
        ("", "mainnet"),
        ("mainnet", "mainnet"),
        ("0x1", "mainnet"),
        ("0x0001", "mainnet"),
        ("0xaa36a7", "sepolia"),
        ("0xAA36A7", "sepolia"),
        ("0x4e454152", "aurora"),
        ("rsk:testnet", "rsk:testnet"),
        ("0x1f", "rsk:testnet"),
    ],
)
def test_a_network_is_found_by_name_or_hex_chain_id(text: str | None, name: str) -> None:
    assert Networks().find(text).name == name


@pytest.mark.parametrize("field", ["status_registry", "anchor_registry", "status_lens"])
def test_the_address_of_a_status_contract_is_none_or_stored_with_its_checksum(field: str) -> None:
    assert getattr(network(), field) is None
    assert getattr(network(**{field: REGISTRY.lower()}), field) == REGISTRY
    for wrong in ("0x12", REGISTRY.replace("d5", "D5"), 5, ""):
        with pytest.raises(InvalidAddress):
            network(**{field: wrong})


def test_no_status_contract_is_built_in() -> None:
    assert {(one.status_registry, one.anchor_registry, one.status_lens) for one in BUILT_IN} == {
        (None, None, None)
    }


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("seplia", "Did you mean sepolia?"),
        ("Sepolia", "Did you mean sepolia?"),
        ("1", "A chain id is written in hex: 0x1."),
        ("11155111", "A chain id is written in hex: 0xaa36a7."),
        ("mainnet ", "Did you mean mainnet?"),
        ("0x539", "Known: "),
        ("0X1", "Known: "),
        ("0x", "Known: "),
        ("0xzz", "Known: "),
        ("9" * 5000, "Known: "),
        ("0x" + "9" * 5000, "Known: "),
    ],
)
def test_another_spelling_is_unknown_and_the_hint_helps(text: str, hint: str) -> None:
    with pytest.raises(UnknownNetwork) as caught:
        Networks().find(text)
    assert caught.value.hint.startswith(hint)
    assert len(caught.value.message) < 200


@pytest.mark.parametrize("text", [*DEAD, "0x5", "0x0005"])
def test_a_dead_network_is_said_to_be_dead(text: str) -> None:
    with pytest.raises(UnknownNetwork, match="was shut down"):
        Networks().find(text)


def test_a_dead_network_may_be_configured() -> None:
    goerli = network(name="goerli", chain_id=5)
    assert Networks([goerli]).find("goerli") is goerli
    assert Networks([goerli]).find("0x5") is goerli


def test_the_built_in_table_is_the_known_world() -> None:
    facts = {n.name: (n.chain_id, n.did_registry[:6].lower(), n.legacy_nonce) for n in BUILT_IN}
    assert facts == {
        "mainnet": (1, "0xdca7", True),
        "sepolia": (11155111, "0x03d5", False),
        "gno": (100, "0x03d5", False),
        "holesky": (17000, "0x03d5", False),
        "ewc": (246, "0xe296", False),
        "volta": (73799, "0xc15d", False),
        "polygon": (137, "0xdca7", True),
        "aurora": (1313161554, "0x63ed", True),
        "rsk": (30, "0xdca7", True),
        "rsk:testnet": (31, "0xdca7", True),
        "cardona": (2442, "0x03d5", False),
    }
    assert not any(n.rpc_urls or n.first_block for n in BUILT_IN)


def test_the_users_network_comes_before_the_built_in_one() -> None:
    mine = network(name="sepolia", chain_id=11155111)
    assert Networks([mine]).find("sepolia") is mine
    fork = network(name="fork", chain_id=1)
    assert Networks([fork]).find("0x1") is fork
    assert Networks([fork]).find("mainnet").chain_id == 1


def test_of_two_names_for_one_chain_id_the_first_given_is_found() -> None:
    one, two = network(name="one"), network(name="two")
    assert Networks([one, two]).find("0x7a69") is one
    assert Networks([two, one]).find("0x7a69") is two


def test_names_are_unique() -> None:
    with pytest.raises(InvalidConfiguration, match="two networks are called dev"):
        Networks([network(), network(chain_id=5)])


@pytest.mark.parametrize(
    "name", ["", ":", "a:", ":a", "a::b", "a b", "ä", "a/b", "a%20b", "0x539", "a\n", None, 5]
)
def test_a_name_must_fit_into_a_did(name: Any) -> None:
    with pytest.raises(InvalidConfiguration, match="not a network name"):
        network(name=name)


@pytest.mark.parametrize("name", ["dev", "rsk:testnet", "not:so:main:net", "a.b_c-D9", "x0x1"])
def test_names_may_have_segments(name: str) -> None:
    assert network(name=name).name == name


@pytest.mark.parametrize(
    "fields",
    [
        {"chain_id": 0},
        {"chain_id": -1},
        {"chain_id": True},
        {"chain_id": "1"},
        {"chain_id": 1.0},
        {"chain_id": 2**256},
        {"first_block": -1},
        {"quorum": 0},
        {"quorum": 2, "rpc_url": "http://localhost"},
        {"quorum": 2, "provider": object()},
        {"rpc_url": "http://localhost", "provider": object()},
    ],
)
def test_fields_out_of_range_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidConfiguration):
        network(**fields)


def test_the_registry_is_stored_with_its_checksum() -> None:
    assert network(did_registry=REGISTRY.lower()).did_registry == REGISTRY
    with pytest.raises(InvalidAddress):
        network(did_registry=REGISTRY.replace("bA39", "Ba39"))


def test_one_url_or_many() -> None:
    assert network(rpc_url="http://a").rpc_urls == ("http://a",)
    assert network(rpc_url=["http://a", "http://b"], quorum=2).rpc_urls == ("http://a", "http://b")
    assert network().rpc_urls == ()
    assert hash(network(rpc_url=["http://a"])) == hash(network(rpc_url="http://a"))


def test_the_repr_shows_no_secret() -> None:
    class Provider:
        endpoint_uri = KEY

        def __repr__(self) -> str:
            return KEY

    shown = repr(network(rpc_url=f"https://u:p@n.example/v3/{KEY}?k={KEY}"))
    assert shown == f"Network('dev', chain 31337, {REGISTRY}, https://…@n.example/v3/…?…)"
    assert repr(network(provider=Provider())).endswith(", Provider)")


@pytest.mark.parametrize(
    ("name", "table"), [("dev", "[networks.dev]"), ("a:b", '[networks."a:b"]')]
)
def test_a_network_without_nodes_says_how_to_configure_them(name: str, table: str) -> None:
    with pytest.raises(InvalidConfiguration, match="no RPC URL is configured") as caught:
        network(name=name).chain()
    assert table in caught.value.hint
    with pytest.raises(InvalidConfiguration):
        network(name=name).async_chain()


async def test_a_network_makes_the_way_to_its_chain() -> None:
    answers = answering({"eth_chainId": "0x7a69", "eth_blockNumber": "0x7"})
    with FaultProxy(answers) as proxy:
        dev = network(rpc_url=proxy.url)
        with dev.chain(timeout=5) as chain:
            assert chain.send([block_number()]) == ["0x7"]
        async with dev.async_chain(timeout=5) as awaited:
            assert await awaited.send([block_number()]) == ["0x7"]
        with network(chain_id=1, rpc_url=proxy.url).chain() as wrong, pytest.raises(WrongChain):
            wrong.send([block_number()])
