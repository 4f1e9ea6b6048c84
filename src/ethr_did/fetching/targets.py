"""URLs that a document may be fetched from, as far as one can see from the URL.

Rules:
  1. https; plain http only where that is allowed. Ports 80, 443 and above 1023.
  2. No user info. The fragment is dropped: it is never sent.
  3. The host is a name in ASCII or an address in its one proper spelling: ``127.1``,
     ``2130706433`` and ``0x7f.1`` are neither.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ethr_did.chain.masking import mask_url
from ethr_did.errors import FetchError, shown
from ethr_did.fetching.addresses import parse_ip_address

if TYPE_CHECKING:
    from ethr_did.fetching.addresses import IPAddress

__all__ = ["Target", "is_written_as_url", "parse_target"]

_LONGEST_URL = 2048
_LONGEST_NAME = 253
_LONGEST_SHOWN = 200
_LAST_SYSTEM_PORT = 1023
_LAST_PORT = 65535
_WEB_PORTS = {"http": 80, "https": 443}

_URL_CHARACTERS = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
# RFC 3986, appendix B. urlsplit is not used: it removes control characters, and programs that read
# a URL twice have been made to read it in two ways.
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#.*)?")
_AUTHORITY = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::([0-9]{1,5}))?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")

_EXAMPLE = "Give an https URL with a host name, such as https://lists.example/1."


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A URL that keeps the rules above."""

    scheme: str
    """``https`` or ``http``."""
    host: str
    """A name in lower case, or an address without brackets."""
    port: int
    path: str
    """Path and query, as they are sent."""
    address: IPAddress | None
    """The host, if it is one."""

    @property
    def netloc(self) -> str:
        """The value of ``Host``: with the port unless it is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _WEB_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The URL."""
        return f"{self.scheme}://{self.netloc}{self.path}"

    @property
    def shown(self) -> str:
        """The URL for people: its query, which may hold secrets, is left out."""
        path, mark, _ = self.path.partition("?")
        text = f"{self.scheme}://{self.netloc}{path}"
        cut = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
        return f"{cut}?…" if mark else cut


def parse_target(url: str, *, allow_http: bool = False) -> Target:
    """The parts of a URL.

    Raises:
        FetchError: a rule is broken.

    Example:
        >>> parse_target("HTTPS://Lists.example/1?a=b#c").url
        'https://lists.example/1?a=b'
    """
    found = _URL.fullmatch(url) if is_written_as_url(url) else None
    if found is None:
        raise _refused(url, f"is not a URL of at most {_LONGEST_URL} ASCII characters")
    scheme, authority, path, query = found.groups()
    scheme = scheme.lower()
    if scheme not in _WEB_PORTS:
        raise _refused(url, "is not an https URL")
    if scheme == "http" and not allow_http:
        raise _forbidden(url, "is not https", "Plain http needs allow_http.")
    if "@" in authority:
        raise _refused(url, "holds user info", "Documents are fetched without credentials.")
    host, address, port = _parse_authority(url, authority)
    return Target(
        scheme=scheme,
        host=host,
        address=address,
        port=_check_port(url, port, scheme),
        path=(path or "/") + (f"?{query}" if query else ""),
    )


def is_written_as_url(text: str) -> bool:
    """Whether the text is short enough and of the characters of a URL (RFC 3986, appendix A)."""
    return len(text) <= _LONGEST_URL and _URL_CHARACTERS.fullmatch(text) is not None


def _parse_authority(url: str, authority: str) -> tuple[str, IPAddress | None, str | None]:
    found = _AUTHORITY.fullmatch(authority)
    if found is None:
        raise _refused(url, "has no proper host")
    bracketed, name, port = found.groups()
    host = (bracketed or name).lower()
    if not bracketed and not _NUMBER.fullmatch(host.rpartition(".")[2]):
        if len(host) > _LONGEST_NAME or not all(map(_LABEL.fullmatch, host.split("."))):
            raise _refused(url, "has no proper host")
        return host, None, port
    try:
        address = parse_ip_address(host)
    except ValueError:
        address = None
    if address is None or bool(bracketed) != (":" in host):
        raise _refused(url, "names an address that is not written as addresses are")
    return str(address), address, port


def _check_port(url: str, port: str | None, scheme: str) -> int:
    number = _WEB_PORTS[scheme] if port is None else int(port)
    if number in _WEB_PORTS.values() or _LAST_SYSTEM_PORT < number <= _LAST_PORT:
        return number
    hint = "Only ports 80, 443 and those above 1023 are asked."
    raise _forbidden(url, f"names port {number}", hint)


def _refused(url: str, words: str, hint: str = _EXAMPLE) -> FetchError:
    masked = _masked(url)
    return FetchError(f"{masked} {words}", hint=hint, url=masked, reason="url")


def _forbidden(url: str, words: str, hint: str) -> FetchError:
    masked = _masked(url)
    return FetchError(f"{masked} {words}", hint=hint, url=masked, reason="forbidden")


def _masked(url: str) -> str:
    # What is not even a URL may hold anything, also what a terminal would obey.
    return shown(mask_url(url), _LONGEST_SHOWN)[1:-1]
