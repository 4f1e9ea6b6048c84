"""The options of the service: one value for each, its unit, its bounds and what it is by default.

Rules:
  * They stand in ``[service]`` of the configuration file; the command line may replace a few.
  * All faults are reported at once, each with its place, its value and the rule.
  * API keys are none of them: they come from a file of their owner's, or from the environment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping  # noqa: TC003 - pydantic reads it
from dataclasses import dataclass, field, fields
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, get_type_hints
from urllib.parse import urlsplit

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from ethr_did.chain.masking import mask_text, mask_url
from ethr_did.errors import InvalidConfiguration, nearest, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic_core import ErrorDetails

    from ethr_did.settings import Settings

__all__ = ["IndexUse", "LogLevel", "MetricsAccess", "Rate", "ServiceOptions"]


class IndexUse(StrEnum):
    """Where answers come from."""

    ON = "on"
    """The index, and the node where the index is behind."""
    OFF = "off"
    """The node."""
    ONLY = "only"
    """The index; where it is behind, nothing is answered."""


class MetricsAccess(StrEnum):
    """Who may read ``/metrics``."""

    KEY = "key"
    """Whoever shows an API key."""
    OPEN = "open"
    """Everybody who reaches the port."""
    OFF = "off"
    """Nobody."""


class LogLevel(StrEnum):
    """What is logged."""

    DEBUG = "debug"
    """Paths too, and with them DIDs, which may be those of natural persons."""
    INFO = "info"
    """One line for each request, without what it asked about."""
    WARNING = "warning"
    """Only what went wrong."""


_PERIODS = {"second": 1, "minute": 60, "hour": 3600}
_RATE = re.compile(r"([1-9][0-9]{0,8})/(second|minute|hour)")


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests in so many seconds."""

    amount: int
    seconds: int

    @classmethod
    def parse(cls, text: str) -> Rate | None:
        """The rate of a text; None for "unlimited".

        Raises:
            ValueError: it is another text.

        Example:
            >>> Rate.parse("600/minute")
            Rate(amount=600, seconds=60)
        """
        if text == "unlimited":
            return None
        found = _RATE.fullmatch(text)
        if found is None:
            raise ValueError(text)
        return cls(int(found[1]), _PERIODS[found[2]])

    def __str__(self) -> str:
        names = {seconds: name for name, seconds in _PERIODS.items()}
        return f"{self.amount}/{names[self.seconds]}"


def _rate(value: Any) -> Any:
    return Rate.parse(value) if isinstance(value, str) else value


def _origin(text: str) -> str:
    """An origin as browsers spell it."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or f"{parts.scheme}://{parts.netloc}" != text:
        raise ValueError(text)
    if not parts.hostname or "@" in parts.netloc or text != text.lower():
        raise ValueError(text)
    return text


def _redis(text: str) -> str:
    if not text.startswith(("redis://", "rediss://")):
        raise ValueError(text)
    return text


def _public(value: Any) -> Any:
    """A URL without anything behind its path."""
    if not isinstance(value, str):
        return value
    parts = urlsplit(value)
    plain = not (parts.query or parts.fragment or "@" in parts.netloc)
    if parts.scheme not in ("http", "https") or not parts.hostname or not plain:
        raise ValueError(value)
    return value.rstrip("/")


def _proxy(text: str) -> str:
    return str(ip_network(text, strict=False))


def _path(value: Any) -> Any:
    return Path(value).expanduser() if isinstance(value, str) else value


def _enum(kind: type[StrEnum]) -> BeforeValidator:
    return BeforeValidator(lambda value: kind(value) if isinstance(value, str) else value)


def _words(kind: type[StrEnum]) -> str:
    return " or ".join(kind)


def _whole(least: int, most: int) -> Any:
    return Field(
        strict=True, ge=least, le=most, description=f"a whole number from {least} to {most}"
    )


def _seconds(most: int) -> Any:
    words = f"a number of seconds above 0 and up to {most}"
    return Field(strict=True, gt=0, le=most, description=words)


def _seconds_or_none(most: int) -> Any:
    words = f"a number of seconds from 0 to {most}"
    return Field(strict=True, ge=0, le=most, description=words)


_FLAG = Field(strict=True, description="true or false")
_TEXT = Field(min_length=1, description="a text")
_PUBLIC = Field(description="an http:// or https:// URL without a query")
_Flag = Annotated[bool, _FLAG]
_AnyRate = Annotated[
    Rate | None,
    BeforeValidator(_rate),
    Field(description='a rate such as "600/minute": second, minute or hour; or "unlimited"'),
]
_File = Annotated[Path | None, BeforeValidator(_path), Field(description="a path")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceOptions:
    """How the service runs.

    Example:
        >>> ServiceOptions().port
        8080
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    # -- where
    host: Annotated[str, _TEXT] = "127.0.0.1"
    """Address to listen on."""
    port: Annotated[int, _whole(0, 65535)] = 8080
    """0 for any free one."""
    workers: Annotated[int, _whole(1, 128)] = 1
    """Processes that answer."""

    # -- what
    networks: Annotated[
        tuple[Annotated[str, _TEXT], ...], Field(description="a list of names of networks")
    ] = ()
    """Those that are served; none named: all that have a node."""
    index: Annotated[IndexUse, _enum(IndexUse), Field(description=_words(IndexUse))] = IndexUse.ON
    """Where answers come from: the index before nodes, nodes, or the index and never a node."""
    answer_seconds: Annotated[float, _seconds_or_none(60)] = 4.0
    """For which an answer that was read from a node is given again; at most the time of a block."""
    universal_resolver: Annotated[str | None, _TEXT] = None
    """URL of whom to ask about DIDs of other methods. It is believed, and learns them."""
    allow_private_fetch: _Flag = False
    """Whether lists, schemas and did:web may lie at private addresses."""
    ca_file: _File = None
    """Certificates (PEM) that are trusted when fetching, in place of the system's."""
    public_url: Annotated[str | None, BeforeValidator(_public), _PUBLIC] = None
    """Under which others reach the service; lists that it rebuilds from the chain are named by it."""
    kept_mebibytes: Annotated[int, _whole(0, 65536)] = 64
    """Of answers that each worker keeps."""
    no_cache: _Flag = False
    """Whether the resolution option ``noCache`` is heeded: what is kept is then passed over."""

    # -- whose credentials are accepted; without any of these, nobody's issuer is judged
    trust_lists: Annotated[
        tuple[Annotated[Path, BeforeValidator(_path)], ...], Field(description="a list of paths")
    ] = ()
    """Trust lists of your own."""
    signed_trust_lists: Annotated[
        Mapping[str, Annotated[Path, BeforeValidator(_path)]],
        Field(description="a table of DIDs and paths"),
    ] = field(default_factory=dict)
    """Signed trust lists, each by the DID that it must be of."""
    authorities: Annotated[
        tuple[Annotated[str, _TEXT], ...], Field(description="a list of DIDs")
    ] = ()
    """Identities whose accreditations on chain count."""
    verify_seconds: Annotated[float, _seconds(600)] = 15.0
    """For one verification, with all that has to be fetched."""

    # -- for whom
    api_keys_file: _File = None
    """Names and keys, or their digests; readable by its owner only."""
    require_key: _Flag = False
    """Whether requests without an API key are refused."""
    address_rate: _AnyRate = Rate(6000, 60)
    """Of each address (of IPv6, each /64) that shows no key."""
    key_rate: _AnyRate = None
    """Of each API key; None: unlimited."""
    redis_url: Annotated[
        str | None,
        Field(description="redis://… or rediss://…"),
        BeforeValidator(lambda value: _redis(value) if isinstance(value, str) else value),
    ] = field(default=None, repr=False)
    """Where requests are counted; None: in the memory of each worker."""
    trusted_proxies: Annotated[
        tuple[Annotated[str, BeforeValidator(_proxy)], ...],
        Field(description="a list of IP addresses or networks"),
    ] = ()
    """Whose ``X-Forwarded-For`` is believed."""
    cors_origins: Annotated[
        tuple[Annotated[str, BeforeValidator(_origin)], ...],
        Field(description='a list of origins such as "https://app.example"'),
    ] = ()
    """Whose scripts may read answers in a browser."""

    # -- within which bounds
    max_target_bytes: Annotated[int, _whole(64, 65536)] = 4096
    """Of path and query together."""
    max_head_bytes: Annotated[int, _whole(1024, 1 << 20)] = 16384
    """Of the request line and all headers."""
    max_headers: Annotated[int, _whole(8, 1000)] = 64
    """How many headers a request may have."""
    max_body_bytes: Annotated[int, _whole(1024, 1 << 28)] = 1 << 20
    """Of a request."""
    head_seconds: Annotated[float, _seconds(600)] = 10.0
    """Within which request line and headers must have come."""
    body_seconds: Annotated[float, _seconds(3600)] = 20.0
    """Within which a body must have come."""
    request_seconds: Annotated[float, _seconds(3600)] = 60.0
    """Within which a request must be answered."""
    idle_seconds: Annotated[int, _whole(1, 3600)] = 15
    """For which a connection waits for its next request."""
    max_requests: Annotated[int, _whole(1, 100_000)] = 200
    """That a worker answers at the same time."""
    max_connections: Annotated[int, _whole(1, 1_000_000)] = 2000
    """That a worker keeps open at the same time."""
    stop_seconds: Annotated[int, _whole(1, 3600)] = 20
    """For which requests may go on after the service was told to stop."""

    # -- observed how
    log_level: Annotated[LogLevel, _enum(LogLevel), Field(description=_words(LogLevel))] = (
        LogLevel.INFO
    )
    """What is logged, to standard error: DIDs too, one line for a request, or what went wrong."""
    metrics: Annotated[
        MetricsAccess, _enum(MetricsAccess), Field(description=_words(MetricsAccess))
    ] = MetricsAccess.KEY
    """Who may read ``/metrics``: whoever shows an API key, everybody, or nobody."""
    tracing: Annotated[str | None, _TEXT] = None
    """OpenTelemetry exporter of traces, such as "otlp_proto_http" or "console"; None: no traces."""
    max_head_age: Annotated[float, _seconds_or_none(86400)] = 300.0
    """Of the newest block, for the service to be ready; 0 for any. Development chains may be older."""
    max_index_lag: Annotated[int, _whole(0, 1_000_000)] = 16
    """Blocks that the index may lack and still answer; beyond, the service is not ready."""
    max_index_age: Annotated[float, _seconds(86400)] = 60.0
    """Since the index was compared with its node, to answer; beyond, the service is not ready."""

    @classmethod
    def read(cls, settings: Settings, **replaced: Any) -> ServiceOptions:
        """The options of the configuration file.

        Args:
            settings: with the table of the service.
            replaced: options that the command line replaces; None for those it does not.

        Raises:
            InvalidConfiguration: with all faults.
        """
        given = {name: value for name, value in replaced.items() if value is not None}
        try:
            return TypeAdapter(cls).validate_python({**settings.service, **given})
        except ValidationError as error:
            # Not chained: pydantic's text repeats the values, passwords included.
            found = dict.fromkeys(map(_fault, error.errors(include_url=False)))
        raise _refusal(list(found), settings.source)


def _fault(detail: ErrorDetails) -> str:
    name = str(detail["loc"][0])
    names = [one.name for one in fields(ServiceOptions)]
    if name not in names:
        return f"service.{name}: unknown setting. {nearest(name, names)}"
    value = detail["input"]
    told = mask_url(value) if name == "redis_url" and isinstance(value, str) else value
    return f"service.{name}: {mask_text(shown(told))} is not {_rule_of(name)}"


def _rule_of(name: str) -> str:
    """What stands in the description of the option's type."""
    hint = get_type_hints(ServiceOptions, include_extras=True)[name]
    return next(_descriptions(hint.__metadata__), "allowed")


def _descriptions(metadata: Sequence[Any]) -> Iterator[str]:
    # The outermost is the one that speaks of the whole option.
    for one in reversed(metadata):
        if getattr(one, "description", None):
            yield one.description


def _refusal(faults: Sequence[str], path: Path | None) -> InvalidConfiguration:
    count = "one fault" if len(faults) == 1 else f"{len(faults)} faults"
    facts: Mapping[str, Any] = {"path": str(path)} if path else {}
    return InvalidConfiguration(
        f"{path or 'the command line'} has {count}:\n" + "\n".join(f"  {one}" for one in faults),
        hint="Correct it; docs/service.md lists the options.",
        faults=tuple(faults),
        **facts,
    )
