"""Whose credentials the service accepts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ethr_did.chain.networks import Networks
from ethr_did.credentials.trust import OnChainAuthority
from ethr_did.credentials.trust_files import TrustFile
from ethr_did.credentials.trust_lists import TrustEntry, TrustList
from ethr_did.errors import InvalidDID, InvalidFile, InvalidTrustList, UnknownNetwork
from ethr_did.service.options import ServiceOptions
from ethr_did.service.trusting import rules_of
from support.fake_chain import FakeChain

if TYPE_CHECKING:
    from pathlib import Path

AUTHORITY = "did:ethr:dev:0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"


@pytest.fixture
def networks() -> Networks:
    """One, called dev."""
    return Networks([FakeChain().network()], built_in=())


def test_without_a_source_nobody_is_judged(networks: Networks) -> None:
    assert rules_of(ServiceOptions(), networks).policy.trust is None


def test_sources_of_each_kind_are_read(networks: Networks, tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    entry = TrustEntry(issuer="did:web:uni.example", types=("DiplomaCredential",))
    TrustFile(path).update(lambda _: TrustList(entries=(entry,)))
    options = ServiceOptions(trust_lists=(path,), authorities=(AUTHORITY,), verify_seconds=3.0)
    rules = rules_of(options, networks)
    assert rules.seconds == 3.0
    assert rules.policy.trust is not None
    assert rules.policy.trust.sources == (
        TrustList(entries=(entry,)),
        OnChainAuthority.parse(AUTHORITY),
    )


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"trust_lists": ["nowhere.json"]}, InvalidFile),
        ({"signed_trust_lists": {AUTHORITY: "nowhere.jwt"}}, InvalidFile),
        ({"authorities": ["did:ethr:dev:0x12"]}, InvalidDID),
        ({"authorities": [AUTHORITY.replace("dev", "sepolia")]}, UnknownNetwork),
    ],
)
def test_a_source_that_cannot_be_used_keeps_the_service_from_starting(
    networks: Networks, tmp_path: Path, options: dict[str, object], error: type[Exception]
) -> None:
    from ethr_did.settings import Settings

    read = ServiceOptions.read(Settings(service=options, state_dir=tmp_path))
    with pytest.raises(error):
        rules_of(read, networks)


def test_a_signed_list_that_is_none_is_refused(networks: Networks, tmp_path: Path) -> None:
    path = tmp_path / "list.jwt"
    path.write_text("not a token")
    options = ServiceOptions(signed_trust_lists={AUTHORITY: path})
    with pytest.raises(InvalidTrustList):
        rules_of(options, networks)
