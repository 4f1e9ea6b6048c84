"""The settings: the only reader of the environment and of the configuration file.

The file is the one named by ``--config``, else by ``ETHR_DID_CONFIG``, else ``config.toml`` in the
user's configuration folder of ``ethr-did``; only the last may be absent. It looks like this::

    timeout = 20                          # seconds for one round trip; optional
    status_database = "postgresql://issuer:${DB_PASSWORD}@db.example/status"    # optional
    database = "postgresql://index:${DB_PASSWORD}@db.example/index"             # optional

    [service]                             # of `ethr-did serve`; see docs/service.md
    workers = 2

    [networks.dev]
    chain_id = 31337
    rpc_url = "http://127.0.0.1:8545"     # or a list of URLs
    did_registry = "0x03d5003bf0e79C5F5223588F347ebA39AfbC3818"
    # optional: first_block, legacy_nonce, quorum, status_registry, anchor_registry, status_lens

    [networks.sepolia]                    # built in: only what differs
    rpc_url = "https://node.example/v3/${NODE_KEY}"

    [networks."rsk:testnet"]              # a name with a colon is quoted

Rules:
  * ``${NAME}`` in an RPC URL, or in that of a database, is replaced by the environment variable,
    so that keys and passwords stay out of the file. What stands for it is never shown.
  * All faults of a file are reported at once, each with its place, its value and the rule. Those of
    ``[service]`` are reported by the service, which knows what its options mean.
"""

from __future__ import annotations

import dataclasses
import os
import re
import tempfile
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ethr_did.chain.masking import mask_text, mask_url
from ethr_did.chain.networks import (
    ADDRESS_FIELDS,
    BUILT_IN,
    Network,
    Networks,
    is_network_name,
)
from ethr_did.core.keys import parse_address
from ethr_did.errors import (
    EthrDIDError,
    InvalidAddress,
    InvalidConfiguration,
    nearest,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pydantic_core import ErrorDetails

__all__ = ["Settings", "load_settings", "network_lines", "state_folder", "write_config"]

_APP = "ethr-did"
_CONFIG_VARIABLE = "ETHR_DID_CONFIG"
_STATE_VARIABLE = "ETHR_DID_STATE_DIR"
_DATABASE_VARIABLES = {
    "status_database": "ETHR_DID_STATUS_DATABASE_URL",
    "database": "ETHR_DID_DATABASE_URL",
}
_REDIS_VARIABLE = "ETHR_DID_REDIS_URL"
_API_KEYS_VARIABLE = "ETHR_DID_API_KEYS"
_DATABASES = ("sqlite:///", "postgresql://", "postgres://")
_REFERENCE = re.compile(r"\$\{([^}]*)\}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_REQUIRED = ("chain_id", "did_registry")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the user has set."""

    networks: tuple[Network, ...] = ()
    """The networks of the file, in its order, with built-in fields filled in."""
    source: Path | None = None
    """The file read; None if there is none."""
    state_dir: Path = field(default_factory=lambda: state_folder({}))
    """Where journals and caches are kept; may not exist yet."""
    timeout: float = 20.0
    """Seconds for one round trip to a node."""
    status_database: str | None = field(default=None, repr=False)
    """URL of the issuer's database; None for the file of that name in the state folder."""
    index_database: str | None = field(default=None, repr=False)
    """URL of the index's database; None for the file of that name in the state folder."""
    service: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """``[service]`` as it stands in the file, for ``service.options``; ``redis_url`` filled in."""
    api_keys: str | None = field(default=None, repr=False)
    """What the environment says about API keys of the service, for ``service.api_keys``."""

    @property
    def status_database_url(self) -> str:
        """Where the issuer's statuses are kept; may hold a password."""
        if self.status_database is not None:
            return self.status_database
        return f"sqlite:///{self.state_dir.absolute() / 'status.db'}"

    @property
    def index_database_url(self) -> str:
        """Where the index of the networks is kept; may hold a password."""
        if self.index_database is not None:
            return self.index_database
        return f"sqlite:///{self.state_dir.absolute() / 'index.db'}"

    def table(self) -> Networks:
        """The networks of the file, with the built-in ones behind them."""
        return Networks(self.networks)


class _NetworkTable(BaseModel):
    """``[networks.<name>]``."""

    model_config = ConfigDict(strict=True, extra="forbid")

    chain_id: Annotated[int, Field(ge=1, lt=2**256)] | None = None
    rpc_url: str | Annotated[list[str], Field(min_length=1)] | None = None
    did_registry: str | None = None
    first_block: Annotated[int, Field(ge=0)] | None = None
    legacy_nonce: bool | None = None
    quorum: Annotated[int, Field(ge=1)] | None = None
    status_registry: str | None = None
    anchor_registry: str | None = None
    status_lens: str | None = None


class _ConfigFile(BaseModel):
    """The whole file."""

    model_config = ConfigDict(strict=True, extra="forbid")

    networks: dict[str, _NetworkTable] = {}
    timeout: Annotated[float, Field(gt=0, le=3600)] = 20.0
    status_database: str | None = None
    database: str | None = None
    service: dict[str, Any] = {}


def load_settings(
    config_file: Path | None = None, environ: Mapping[str, str] = os.environ
) -> Settings:
    """The settings in force.

    Args:
        config_file: the file to read, whatever the environment says.
        environ: the environment variables.

    Raises:
        InvalidConfiguration: a file that was named is missing, or the file has faults.
    """
    path = _find(config_file, environ)
    config = _ConfigFile() if path is None else _validated(_parsed(path), path)
    faults: list[str] = []
    networks = [
        network
        for name, table in config.networks.items()
        if (network := _network(name, table, environ, faults)) is not None
    ]
    status_database, database = (
        _database(name, getattr(config, name), environ, faults) for name in _DATABASE_VARIABLES
    )
    service = _service(config.service, environ, faults)
    if path is not None:
        _raise_faults(faults, path)
    return Settings(
        networks=tuple(networks),
        source=path,
        state_dir=state_folder(environ),
        timeout=config.timeout,
        status_database=status_database,
        index_database=database,
        service=service,
        api_keys=environ.get(_API_KEYS_VARIABLE) or None,
    )


def _database(
    name: str, given: str | None, environ: Mapping[str, str], faults: list[str]
) -> str | None:
    """The database that the environment or the file names; adds what is wrong to faults."""
    variable = _DATABASE_VARIABLES[name]
    url = environ.get(variable, "").strip()
    if url and not url.lower().startswith(_DATABASES):
        raise InvalidConfiguration(
            f"{variable} is {_not_a_database(url)}",
            hint="sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME.",
        )
    if url or given is None:
        return url or None
    before = len(faults)
    filled = _filled(given, environ, name, faults)
    if len(faults) == before and not filled.lower().startswith(_DATABASES):
        faults.append(f"{name}: {_not_a_database(filled)}")
    return filled


def _service(
    given: Mapping[str, Any], environ: Mapping[str, str], faults: list[str]
) -> Mapping[str, Any]:
    """The table of the service, with the URL in it that may hold a password filled in."""
    named = environ.get(_REDIS_VARIABLE, "").strip() or None
    url = given.get("redis_url")
    if named is None and isinstance(url, str):
        named = _filled(url, environ, "service.redis_url", faults)
    return given if named is None else {**given, "redis_url": named}


def _not_a_database(url: str) -> str:
    return f"{shown(mask_url(url))}, which is not {_RULES['database']}"


def write_config(path: Path, networks: Iterable[Network]) -> None:
    """Nothing; writes a configuration file, whole or not at all, that only its owner can read.

    Args:
        path: the file; its folder is made.
        networks: networks with RPC URLs; a provider object cannot be written.

    Raises:
        InvalidConfiguration: a network with a provider object, or a file that cannot be written.
    """
    text = "\n".join(_toml_table(network) for network in networks)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise _not_written(path, error) from error
    try:
        # mkstemp has made it readable by its owner only: RPC URLs hold keys.
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError as error:
        Path(temporary).unlink(missing_ok=True)
        raise _not_written(path, error) from error


def network_lines(network: Network) -> str:
    """The lines of the configuration file by which others use a network, without its nodes.

    Which node to believe is everybody's own decision, and its URL may hold a key.

    Args:
        network: with or without nodes.

    Example:
        >>> address = "0x03d5003bf0e79C5F5223588F347ebA39AfbC3818"
        >>> print(network_lines(Network(name="dev", chain_id=31337, did_registry=address)))
        [networks.dev]
        chain_id = 31337
        did_registry = "0x03d5003bf0e79C5F5223588F347ebA39AfbC3818"
        <BLANKLINE>
    """
    return _toml_table(dataclasses.replace(network, rpc_url=None, provider=None, quorum=1))


def _not_written(path: Path, error: OSError) -> InvalidConfiguration:
    return InvalidConfiguration(f"{path} cannot be written: {error.strerror}", path=str(path))


def _find(config_file: Path | None, environ: Mapping[str, str]) -> Path | None:
    named = config_file or environ.get(_CONFIG_VARIABLE) or None
    if named is None:
        path = Path(platformdirs.user_config_dir(_APP, appauthor=False)) / "config.toml"
        return path if path.exists() else None
    path = Path(named).expanduser()
    if not path.is_file():
        source = "--config" if config_file else _CONFIG_VARIABLE
        raise InvalidConfiguration(
            f"there is no configuration file {path}",
            hint=f"It was named by {source}.",
            path=str(path),
        )
    return path


def state_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where journals, key files and the files of the devnet are kept; may not exist yet."""
    named = environ.get(_STATE_VARIABLE)
    if named:
        return Path(named).expanduser()
    return Path(platformdirs.user_state_dir(_APP, appauthor=False))


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        # The decoder's words end in "(at line 3, column 7)".
        raise InvalidConfiguration(f"{path} is not TOML: {error}", path=str(path)) from error
    except UnicodeDecodeError as error:
        raise InvalidConfiguration(
            f"{path} is not UTF-8: byte {error.start} cannot be read", path=str(path)
        ) from None
    except OSError as error:
        raise InvalidConfiguration(
            f"{path} cannot be read: {error.strerror}", path=str(path)
        ) from error


def _validated(data: dict[str, Any], path: Path) -> _ConfigFile:
    try:
        return _ConfigFile.model_validate(data)
    except ValidationError as error:
        # Not chained: pydantic's text repeats the values, API keys included.
        found = [_fault(detail) for detail in error.errors(include_url=False)]
    # A union names one fault for each of its branches; the same place is reported once.
    _raise_faults(list(dict.fromkeys(found)), path)
    raise AssertionError(found)  # pragma: no cover - there is a fault, or the model would be valid


_RULES = {
    "rpc_url": "a URL, or a list of at least one URL",
    "chain_id": "a whole number from 1",
    "first_block": "a whole number from 0",
    "quorum": "a whole number from 1",
    "legacy_nonce": "true or false",
    **dict.fromkeys(ADDRESS_FIELDS, "an address as a string"),
    "timeout": "a number of seconds above 0 and up to 3600",
    **dict.fromkeys(_DATABASE_VARIABLES, "the URL of a database: sqlite:///PATH or postgresql://…"),
    "service": "a table [service]",
    "networks": "tables [networks.<name>]",
}
_NETWORK_DEPTH = 2  # networks, name


def _fault(detail: ErrorDetails) -> str:
    place = [part for part in detail["loc"] if isinstance(part, (str, int))]
    inside = len(place) > _NETWORK_DEPTH and place[0] == "networks"
    model: type[BaseModel] = _NetworkTable if inside else _ConfigFile
    name = str(place[_NETWORK_DEPTH] if inside else place[0])
    if detail["type"] == "extra_forbidden":
        return f"{_dotted(place)}: unknown setting. {nearest(str(place[-1]), model.model_fields)}"
    if not inside and len(place) == _NETWORK_DEPTH:
        return f"{_dotted(place)}: {_value(detail['input'])} is not a table"
    # Below the field, pydantic adds the branch of the union.
    kept = place[: _NETWORK_DEPTH + 1] if inside else place[:1]
    value = "the value" if name == "rpc_url" else _value(detail["input"])
    return f"{_dotted(kept)}: {value} is not {_RULES[name]}"


def _value(value: Any) -> str:
    return mask_text(shown(value))


def _dotted(place: Sequence[str | int]) -> str:
    return ".".join(_toml_key(str(part)) for part in place)


def _toml_key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _toml_string(name)


def _network(
    name: str, table: _NetworkTable, environ: Mapping[str, str], faults: list[str]
) -> Network | None:
    """The network of a table over the built-in one of that name; adds what is wrong to faults."""
    place = _dotted(("networks", name))
    before = len(faults)
    if not is_network_name(name):
        faults.append(
            f"{place}: {shown(name)} is not a network name: letters, digits, '.', '_' and '-', "
            "with a colon between segments, and not a hex number"
        )
    given = table.model_dump(exclude_none=True)
    known = next((network for network in BUILT_IN if network.name == name), None)
    if known is None:
        faults.extend(f"{place}.{one}: is missing" for one in _REQUIRED if one not in given)
    if "rpc_url" in given:
        given["rpc_url"] = _urls(given["rpc_url"], environ, f"{place}.rpc_url", faults)
    faults.extend(_address_faults(given, place))
    if len(faults) > before:
        return None
    try:
        return dataclasses.replace(known, **given) if known else Network(name=name, **given)
    except EthrDIDError as error:
        faults.append(f"{place}: {error.message}")
        return None


def _address_faults(given: Mapping[str, Any], place: str) -> Iterator[str]:
    for name in (one for one in ADDRESS_FIELDS if one in given):
        try:
            parse_address(given[name])
        except InvalidAddress as error:
            yield f"{place}.{name}: {error.message}"


def _urls(
    given: str | list[str], environ: Mapping[str, str], place: str, faults: list[str]
) -> list[str]:
    urls = [given] if isinstance(given, str) else given
    filled = []
    for position, url in enumerate(urls):
        here = place if isinstance(given, str) else f"{place}[{position}]"
        before = len(faults)
        text = _filled(url, environ, here, faults)
        if len(faults) == before and not text.lower().startswith(("http://", "https://")):
            faults.append(f"{here}: {shown(mask_url(text))} is not an http:// or https:// URL")
        filled.append(text)
    return filled


def _filled(url: str, environ: Mapping[str, str], place: str, faults: list[str]) -> str:
    """The URL with its variables replaced, once: what a variable holds is not looked into."""

    def value_of(reference: re.Match[str]) -> str:
        variable = reference.group(1)
        if not _VARIABLE.fullmatch(variable):
            faults.append(f"{place}: {shown(reference.group())} does not name a variable")
        elif not environ.get(variable):
            faults.append(f"{place}: environment variable {variable} is not set")
        else:
            return environ[variable].strip()
        return ""

    return _REFERENCE.sub(value_of, url)


def _raise_faults(faults: Sequence[str], path: Path) -> None:
    if faults:
        count = "one fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise InvalidConfiguration(
            f"{path} has {count}:\n" + "\n".join(f"  {fault}" for fault in faults),
            hint="Correct the file; nothing of it was used.",
            path=str(path),
            faults=tuple(faults),
        )


def _toml_table(network: Network) -> str:
    if network.provider is not None:
        raise InvalidConfiguration(f"network {network.name} has a provider, which is no text")
    lines = [f"[networks.{_toml_key(network.name)}]", f"chain_id = {network.chain_id}"]
    urls = [_toml_string(url) for url in network.rpc_urls]
    if urls:
        lines.append(f"rpc_url = {urls[0] if len(urls) == 1 else '[' + ', '.join(urls) + ']'}")
    lines.append(f"did_registry = {_toml_string(network.did_registry)}")
    if network.first_block:
        lines.append(f"first_block = {network.first_block}")
    # A built-in network of that name would fill in its own rule.
    usual = any(known.legacy_nonce for known in BUILT_IN if known.name == network.name)
    if network.legacy_nonce or usual:
        lines.append(f"legacy_nonce = {str(network.legacy_nonce).lower()}")
    if network.quorum != 1:
        lines.append(f"quorum = {network.quorum}")
    lines += [
        f"{name} = {_toml_string(address)}"
        for name in ADDRESS_FIELDS[1:]
        if (address := getattr(network, name)) is not None
    ]
    return "\n".join(lines) + "\n"


def _toml_string(text: str) -> str:
    """A TOML basic string: quotes, backslashes and control characters escaped."""
    escaped = "".join(
        f"\\u{ord(c):04x}" if c in '"\\' or (not c.isprintable() and ord(c) < 1 << 16) else c
        for c in text
    )
    return f'"{escaped}"'
