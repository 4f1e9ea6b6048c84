"""The networks: where did:ethr lives, and how each is reached.

Rules:
  * A network is found by its exact name, or by ``0x`` and the hex digits of its chain id, which
    are compared as a number. No name means mainnet. Decimal chain ids are not did:ethr.
  * A name is one or more segments of letters, digits, ``.``, ``_`` and ``-``, joined by colons.
  * The user's networks come before the built-in ones; one of the same name replaces it.
  * No RPC URL is built in: which node to believe is the user's decision.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from ethr_did.chain.masking import mask_url
from ethr_did.core.keys import parse_address, to_checksum_address
from ethr_did.errors import InvalidConfiguration, UnknownNetwork, nearest, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ethr_did.chain.rpc import AsyncChain, Chain

__all__ = [
    "ADDRESS_FIELDS",
    "BUILT_IN",
    "DEAD",
    "Network",
    "Networks",
    "Source",
    "is_network_name",
]

ADDRESS_FIELDS = ("did_registry", "status_registry", "anchor_registry", "status_lens")
"""The fields of a network that are addresses of contracts; all but the first may be None."""

_NAME = re.compile(r"[A-Za-z0-9._-]+(?::[A-Za-z0-9._-]+)*")
_CHAIN_ID = re.compile(r"0x[0-9a-fA-F]+")
_LARGEST_CHAIN_ID = 2**256 - 1


def is_network_name(text: str) -> bool:
    """Whether a network may be called that: a chain id in hex may not pass for a name."""
    return _NAME.fullmatch(text) is not None and _CHAIN_ID.fullmatch(text) is None


class Source(Protocol):
    """Where readings of a network are answered, in place of its nodes: an index."""

    def chain(self, network: Network, **options: Any) -> Chain:
        """What is read through, blocking; options as of ``Chain``."""
        ...

    def async_chain(self, network: Network, **options: Any) -> AsyncChain:
        """What is read through, awaited."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Network:
    """A chain with an ERC-1056 registry, and the nodes to reach it by.

    Example:
        >>> Network(
        ...     name="dev",
        ...     chain_id=31337,
        ...     rpc_url="http://127.0.0.1:8545",
        ...     did_registry="0x03d5003bf0e79c5f5223588f347eba39afbc3818",
        ... )
        Network('dev', chain 31337, 0x03d5003bf0e79C5F5223588F347ebA39AfbC3818, http://127.0.0.1:8545)
    """

    name: str
    """As in the DID; see the rules above."""
    chain_id: int
    """EIP-155; checked against what each node says."""
    did_registry: str
    """Address of the registry, stored with its EIP-55 checksum."""
    rpc_url: str | Sequence[str] | None = None
    """One or more RPC URLs in the order of preference, stored as a tuple."""
    provider: object | None = None
    """A web3 provider, in place of the URLs."""
    first_block: int = 0
    """Block of the registry's deployment, where log queries start; 0 if not known."""
    legacy_nonce: bool = False
    """Whether the registry is the 2018 one, whose nonces count identities (registry 0.0.3)."""
    quorum: int = 1
    """Nodes that must give the same answer."""
    status_registry: str | None = None
    """Address of the ``CredentialStatusRegistry``, as ``did_registry``; None: none is known."""
    anchor_registry: str | None = None
    """Address of the ``StatusListAnchorRegistry``; None: none is known."""
    status_lens: str | None = None
    """Address of the ``CredentialStatusLens``; None: none is known."""
    source: Source | None = None
    """What is read in place of the nodes, or before them; None: the nodes are."""

    def __post_init__(self) -> None:
        """Raises ``InvalidConfiguration`` or ``InvalidAddress`` for a value out of its range."""
        if not isinstance(self.name, str) or not is_network_name(self.name):
            raise InvalidConfiguration(
                f"not a network name: {shown(self.name)}",
                hint="Letters, digits, '.', '_' and '-'; a colon between segments; not a hex number.",
            )
        self._check_number("chain_id", 1, _LARGEST_CHAIN_ID)
        self._check_number("first_block", 0, None)
        self._check_number("quorum", 1, None)
        for field in ADDRESS_FIELDS:
            if getattr(self, field) is not None or field == "did_registry":
                address = to_checksum_address(parse_address(getattr(self, field)))
                object.__setattr__(self, field, address)
        object.__setattr__(self, "rpc_url", self.rpc_urls or None)
        self._check_nodes(self.rpc_urls)

    def _check_number(self, field: str, least: int, most: int | None) -> None:
        value = getattr(self, field)
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole or value < least or (most is not None and value > most):
            raise InvalidConfiguration(
                f"{field} of network {self.name} is {shown(value)}, not a whole number from {least}"
            )

    def _check_nodes(self, urls: tuple[str, ...]) -> None:
        if urls and self.provider is not None:
            raise InvalidConfiguration(f"network {self.name} has both rpc_url and provider")
        count = len(urls) or int(self.provider is not None)
        if count and self.quorum > count:
            raise InvalidConfiguration(
                f"network {self.name} wants a quorum of {self.quorum} out of {count} nodes",
                hint="List as many nodes in rpc_url as must agree.",
            )

    @property
    def rpc_urls(self) -> tuple[str, ...]:
        """The RPC URLs; none if there is a provider, or nothing."""
        return (self.rpc_url,) if isinstance(self.rpc_url, str) else tuple(self.rpc_url or ())

    def __repr__(self) -> str:
        shown_nodes = ", ".join(mask_url(url) for url in self.rpc_urls)
        if self.provider is not None:
            shown_nodes = type(self.provider).__name__
        return (
            f"Network({self.name!r}, chain {self.chain_id}, {self.did_registry}, "
            f"{shown_nodes or 'no nodes'})"
        )

    def chain(self, **options: Any) -> Chain:
        """The way to this network, blocking.

        Args:
            options: further arguments of ``Chain``, such as ``timeout``.

        Raises:
            InvalidConfiguration: no node is configured.
        """
        from ethr_did.chain.rpc import Chain

        if self.source is not None:
            return self.source.chain(self, **options)
        return Chain(self._nodes(), chain_id=self.chain_id, quorum=self.quorum, **options)

    def async_chain(self, **options: Any) -> AsyncChain:
        """The way to this network, awaited; otherwise as ``chain``."""
        from ethr_did.chain.rpc import AsyncChain

        if self.source is not None:
            return self.source.async_chain(self, **options)
        return AsyncChain(self._nodes(), chain_id=self.chain_id, quorum=self.quorum, **options)

    def _nodes(self) -> list[str | object]:
        if self.provider is not None:
            return [self.provider]
        if not self.rpc_urls:
            table = f'"{self.name}"' if re.search(r"[.:]", self.name) else self.name
            raise InvalidConfiguration(
                f"no RPC URL is configured for network {self.name}",
                hint=f'Add to the configuration file: [networks.{table}] rpc_url = "https://…"',
                network=self.name,
            )
        return list(self.rpc_urls)


_REGISTRY_2018 = "0xdCa7EF03e98e0DC2B855bE647C39ABe984fcF21B"
"""Registry 0.0.3, with the legacy nonce rule; the same address wherever it was deployed."""
_REGISTRY_2022 = "0x03d5003bf0e79C5F5223588F347ebA39AfbC3818"
"""Registry 1.x."""


def _legacy(name: str, chain_id: int) -> Network:
    return Network(name=name, chain_id=chain_id, did_registry=_REGISTRY_2018, legacy_nonce=True)


def _network(name: str, chain_id: int, did_registry: str = _REGISTRY_2022) -> Network:
    return Network(name=name, chain_id=chain_id, did_registry=did_registry)


BUILT_IN: tuple[Network, ...] = (
    _legacy("mainnet", 1),
    _network("sepolia", 11155111),
    _network("gno", 100),
    _network("holesky", 17000),
    _network("ewc", 246, "0xE29672f34e92b56C9169f9D485fFc8b9A136BCE4"),
    _network("volta", 73799, "0xC15D5A57A8Eb0e1dCBE5D88B8f9a82017e5Cc4AF"),
    _legacy("polygon", 137),
    # ethr-did-resolver calls aurora's nonces legacy; the registry's own list says that its
    # contract is built from commit 0ab4f151, whose source has the new rule. The table of the
    # resolvers in use is followed; who signs for aurora should compare the code first.
    Network(
        name="aurora",
        chain_id=1313161554,
        did_registry="0x63eD58B671EeD12Bc1652845ba5b2CDfBff198e0",
        legacy_nonce=True,
    ),
    _legacy("rsk", 30),
    _legacy("rsk:testnet", 31),
    _network("cardona", 2442),
    # Not listed, since each has a single source: Arbitrum Sepolia (421614, registry 0x03d5003b…,
    # ethr-did-resolver issue 208) and Polygon Amoy (80002, 0xBC56d088…, one vendor; nonce rule
    # not known). A user who trusts them can configure them.
)
"""The networks with a registry that more than one implementation lists; none has an RPC URL."""

DEAD: Mapping[str, int] = MappingProxyType(
    {
        "ropsten": 3,
        "rinkeby": 4,
        "goerli": 5,
        "kovan": 42,
        "polygon:test": 80001,
        "artis:tau1": 246785,
        "artis:sigma1": 246529,
        "linea:goerli": 59140,
        "arbitrum:goerli": 421613,
    }
)
"""Networks that once had a registry and were shut down, with their chain ids."""


class Networks:
    """A table of networks.

    Example:
        >>> Networks().find("0xAA36A7").name
        'sepolia'
        >>> Networks().find("").name
        'mainnet'
    """

    def __init__(
        self, networks: Iterable[Network] = (), *, built_in: Iterable[Network] = BUILT_IN
    ) -> None:
        """A table of these networks, and behind them the built-in ones.

        Raises:
            InvalidConfiguration: a name is there twice.
        """
        self._by_name: dict[str, Network] = {}
        for network in networks:
            if network.name in self._by_name:
                raise InvalidConfiguration(f"two networks are called {network.name}")
            self._by_name[network.name] = network
        for network in built_in:
            self._by_name.setdefault(network.name, network)
        self._by_chain_id: dict[int, Network] = {}
        for network in self._by_name.values():
            self._by_chain_id.setdefault(network.chain_id, network)

    def __iter__(self) -> Iterator[Network]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def __repr__(self) -> str:
        return f"Networks({', '.join(self._by_name)})"

    def find(self, text: str | None = None) -> Network:
        """The network that a DID means.

        Args:
            text: the network part of a DID: a name, ``0x`` and hex digits, or nothing.

        Raises:
            UnknownNetwork: none has that name or chain id.
        """
        name = text or "mainnet"
        found = self._by_name.get(name)
        if found is None and _CHAIN_ID.fullmatch(name):
            found = self._by_chain_id.get(int(name, 16))
        if found is None:
            raise self._unknown(name)
        return found

    def _unknown(self, name: str) -> UnknownNetwork:
        if gone := _dead(name):
            return UnknownNetwork(
                f"network {gone} was shut down",
                hint="If you keep a copy of it, configure it under [networks].",
                network=name,
            )
        hint = nearest(name, self._by_name)
        if name.isascii() and name.isdigit() and (meant := self._by_chain_id.get(int(name[:80]))):
            hint = f"A chain id is written in hex: {hex(meant.chain_id)}."
        return UnknownNetwork(f"network {shown(name)} is not known", hint=hint, network=name)


def _dead(name: str) -> str | None:
    if _CHAIN_ID.fullmatch(name):
        number = int(name, 16)
        return next((dead for dead, chain_id in DEAD.items() if chain_id == number), None)
    return name if name in DEAD else None
