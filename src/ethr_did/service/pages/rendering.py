"""From what is to be said to the bytes of a page, with the headers that keep it harmless.

Rules:
  * Everything is escaped, and the page may load nothing but its own stylesheet: what others wrote on
    chain or into a credential cannot become part of the page.
  * No page tells another site where its reader came from, lets itself be framed, or is indexed.
  * The stylesheet has its digest in its name, and is kept for ever; pages are not kept, those that
    answer a credential not even for going back.

Spec: Content Security Policy Level 3.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import Response

from ethr_did.service.pages.moments import in_words

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["HEADERS", "STYLESHEET_PATH", "address", "page", "redirection", "stylesheet"]

_FOLDER = Path(__file__).parent / "templates"
_STYLESHEET = (_FOLDER / "page.css").read_bytes()

STYLESHEET_PATH: Final = f"/assets/page-{hashlib.sha256(_STYLESHEET).hexdigest()[:16]}.css"

HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; "
        "base-uri 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}
"""Of every answer of the page, besides those that ``service/browsers.py`` gives to every answer."""

_TEMPLATES = Environment(
    loader=FileSystemLoader(_FOLDER),
    autoescape=True,
    undefined=StrictUndefined,
    auto_reload=False,
    trim_blocks=True,
    lstrip_blocks=True,
)


def address(did: str, **parameters: object) -> str:
    """The address of the page of a DID, relative to this one: it works behind a prefix as well.

    Example:
        >>> address("did:ethr:0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf", versionId=5)
        './?did=did:ethr:0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf&versionId=5'
    """
    return "./?" + urlencode({"did": did, **parameters}, safe=":")


_TEMPLATES.filters["utc"] = in_words
_TEMPLATES.globals |= {"address": address, "stylesheet": f".{STYLESHEET_PATH}"}
# The parts that all pages have; they see no page's values.
_TEMPLATES.globals["part"] = _TEMPLATES.get_template("macros.html").module


def page(template: str, *, status: int = 200, kept: bool = True, **values: Any) -> Response:
    """A page.

    Args:
        template: name of its file.
        status: of HTTP.
        kept: whether the reader's own browser may keep it, for going back.
        values: what the template speaks of.
    """
    body = _TEMPLATES.get_template(template).render(values)
    caching = {"Cache-Control": "private, no-cache" if kept else "no-store"}
    # Half a surrogate pair cannot be written.
    data = body.encode("utf-8", "replace")
    return Response(data, status, {**HEADERS, **caching}, media_type="text/html; charset=utf-8")


def redirection(location: str) -> Response:
    """The way to another page, to be fetched with GET."""
    return Response(None, 303, {**HEADERS, "Cache-Control": "no-store", "Location": location})


def stylesheet() -> Response:
    """The stylesheet."""
    caching = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(_STYLESHEET, 200, {**HEADERS, **caching}, media_type="text/css; charset=utf-8")
