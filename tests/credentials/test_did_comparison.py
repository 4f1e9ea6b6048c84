"""Whether two DIDs name the same subject."""

from __future__ import annotations

import pytest

from ethr_did.chain.networks import Network, Networks
from ethr_did.credentials.did_comparison import (
    did_fault,
    is_same_did,
    is_same_network,
    spelling_free,
)

KEY = "0x0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
ADDRESS = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
OTHER = "0x2B5AD5c4795c026514f8317c7a215E218DcCD6cF"
REGISTRY = "0x03d5003bf0e79C5F5223588F347ebA39AfbC3818"
NETWORKS = Networks(
    [
        Network(name="dev", chain_id=31337, did_registry=REGISTRY),
        Network(name="alias", chain_id=31337, did_registry=REGISTRY),
        Network(name="second", chain_id=31337, did_registry=OTHER),
    ]
)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (f"did:ethr:{ADDRESS}", f"did:ethr:{ADDRESS.lower()}"),
        (f"did:ethr:{ADDRESS}", f"did:ethr:mainnet:{ADDRESS}"),
        (f"did:ethr:{ADDRESS}", f"did:ethr:0x1:{ADDRESS}"),
        (f"did:ethr:mainnet:{ADDRESS}", f"did:ethr:0x01:{ADDRESS.lower()}"),
        (f"did:ethr:{ADDRESS}", f"did:ethr:{KEY}"),
        (f"did:ethr:sepolia:{KEY.upper().replace('X', 'x')}", f"did:ethr:0xAA36A7:{ADDRESS}"),
        (f"did:ethr:dev:{ADDRESS}", f"did:ethr:alias:{ADDRESS}"),
        (f"did:ethr:nowhere:{ADDRESS}", f"did:ethr:nowhere:{ADDRESS.lower()}"),
        ("did:web:uni.example", "did:web:uni.example"),
        ("no DID at all", "no DID at all"),
    ],
)
def test_spelling_makes_no_other_subject(first: str, second: str) -> None:
    assert is_same_did(first, second, NETWORKS)
    assert is_same_did(second, first, NETWORKS)
    assert spelling_free(first) == spelling_free(second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (f"did:ethr:{ADDRESS}", f"did:ethr:{OTHER}"),
        (f"did:ethr:{ADDRESS}", f"did:ethr:sepolia:{ADDRESS}"),
        (f"did:ethr:dev:{ADDRESS}", f"did:ethr:second:{ADDRESS}"),
        (f"did:ethr:nowhere:{ADDRESS}", f"did:ethr:{ADDRESS}"),
        (f"did:ethr:nowhere:{ADDRESS}", f"did:ethr:Nowhere:{ADDRESS}"),
        (f"did:ethr:{ADDRESS}", f"did:pkh:eip155:1:{ADDRESS}"),
        (f"did:ethr:{ADDRESS}", f"did:ethr:{ADDRESS.replace('7E5F', '7e5F')}"),
        ("did:web:uni.example", "did:web:UNI.example"),
        ("did:web:uni.example", "did:web:uni.example#key"),
    ],
)
def test_others_are_others(first: str, second: str) -> None:
    assert not is_same_did(first, second, NETWORKS)
    assert not is_same_did(second, first, NETWORKS)


def test_no_name_is_mainnet_also_where_mainnet_is_not_known() -> None:
    assert is_same_network("", "mainnet", Networks(built_in=()))


def test_a_did_of_any_method_is_good_and_faults_are_named() -> None:
    assert did_fault("did:web:uni.example") is None
    assert did_fault(f"did:ethr:{ADDRESS}") is None
    assert "not a DID" in (did_fault(None) or "")
    assert "not a DID" in (did_fault("did:web:uni.example#key") or "")
    assert "checksum" in (did_fault(f"did:ethr:{ADDRESS.replace('7E5F', '7e5F')}") or "")
