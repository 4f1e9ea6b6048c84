"""From a DID URL and a document to the resource it names.

Spec: DID Resolution section 5.1; DID Core sections 3.2 and 7.2; RFC 3986 section 5.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from ethr_did.core.resolution import (
    DEFAULT_MEDIA_TYPE,
    DOCUMENT_TYPES,
    WITHOUT_CONTEXT,
    DereferencingResult,
)
from ethr_did.errors import InvalidDIDURL, InvalidOption, NotFoundError, UnsupportedRepresentation

if TYPE_CHECKING:
    from ethr_did.core.did import DIDURL
    from ethr_did.core.document import DIDDocument, Service
    from ethr_did.core.history import View

__all__ = ["URI_LIST", "offers", "select"]

URI_LIST = "text/uri-list"
"""Media type of the URLs that a service selection gives; RFC 2483 section 5."""


def offers(url: DIDURL) -> tuple[str, ...]:
    """The media types that a DID URL can be dereferenced to, what it is for first."""
    return (URI_LIST, *DOCUMENT_TYPES) if _names_service(url) else (*DOCUMENT_TYPES, URI_LIST)


def _names_service(url: DIDURL) -> bool:
    return "service" in url.parameters or "serviceType" in url.parameters


def select(
    url: DIDURL, document: DIDDocument, view: View, media_type: str | None
) -> DereferencingResult:
    """The resource that a DID URL names in its document.

    Args:
        url: the DID URL.
        document: of its DID, at the version it names.
        view: the same, for the metadata.
        media_type: a DID document representation or ``text/uri-list``; None for what fits.

    Raises:
        NotFoundError: the document holds nothing of that name, or the path means nothing.
        InvalidDIDURL: parameters or fragments that contradict each other.
        UnsupportedRepresentation: URLs where there is no service, or the reverse.
    """
    if _names_service(url):
        return _select_services(url, document, view, media_type)
    if "relativeRef" in url.parameters:
        raise InvalidDIDURL("relativeRef is given without service", hint="Name the service too.")
    if media_type == URI_LIST:
        raise UnsupportedRepresentation(
            f"{url.text} names no service, so there are no URLs to list",
            hint="Add ?service=…, or leave accept out.",
        )
    if url.path:
        raise NotFoundError(
            f"did:ethr gives no meaning to the path {url.path}",
            hint="Use ?service=…&relativeRef=… to reach something behind a service.",
        )
    form = media_type or DEFAULT_MEDIA_TYPE
    if url.fragment is None:
        return DereferencingResult(content=document, content_type=form, view=view)
    entry = document.find_verification_method(f"#{url.fragment}") or document.find_service(
        f"#{url.fragment}"
    )
    if entry is None:
        raise NotFoundError(
            f"the document holds no #{url.fragment}",
            hint=f"It holds {', '.join(_fragments(document))}.",
            fragment=url.fragment,
        )
    return DereferencingResult(content=entry, content_type=form, view=view)


def _fragments(document: DIDDocument) -> list[str]:
    entries: list[Any] = [*document.verification_method, *document.service]
    return ["#" + entry.id.rpartition("#")[2] for entry in entries]


def _select_services(
    url: DIDURL, document: DIDDocument, view: View, media_type: str | None
) -> DereferencingResult:
    chosen = tuple(s for s in document.service if _matches(s, document.id, url))
    if not chosen:
        raise NotFoundError(
            f"the document holds no such service: {url.query}",
            hint=f"It holds {', '.join(_fragments(document))}.",
        )
    if media_type not in (None, URI_LIST):
        # DID Resolution: asked for a document, the services are selected within it.
        part = replace(document, service=chosen)
        return DereferencingResult(content=part, content_type=media_type, view=view)
    urls = [_join(endpoint, url) for service in chosen for endpoint in _uris(service)]
    return DereferencingResult(content="\n".join(urls), content_type=URI_LIST, view=view)


def _matches(service: Service, did: str, url: DIDURL) -> bool:
    name, kind = url.parameters.get("service"), url.parameters.get("serviceType")
    if name is not None and service.id not in (f"{did}#{name}", f"#{name}", name):
        return False
    kinds = service.type if isinstance(service.type, tuple) else (service.type,)
    return kind is None or kind in kinds


def _uris(service: Service) -> list[str]:
    """The URIs of an endpoint: itself, those of a list, or the ``uri`` of an object."""
    endpoint = service.service_endpoint
    found: list[str] = []
    for item in endpoint if isinstance(endpoint, list) else [endpoint]:
        uri = item.get("uri") if isinstance(item, dict) else item
        if isinstance(uri, str):
            found.append(uri)
    if not found:
        raise NotFoundError(
            f"the endpoint of {service.id} holds no URI",
            hint=f"Ask for {WITHOUT_CONTEXT} to see the endpoint itself.",
        )
    return found


def _join(endpoint: str, url: DIDURL) -> str:
    reference = url.parameters.get("relativeRef")
    joined = endpoint if reference is None else _join_reference(endpoint, reference)
    if url.fragment is None:
        return joined
    if "#" in joined:
        raise InvalidDIDURL(
            f"both the DID URL and the service endpoint have a fragment: {url.text}, {joined}"
        )
    return f"{joined}#{url.fragment}"


def _join_reference(endpoint: str, reference: str) -> str:
    """The reference seen from the endpoint; RFC 3986 section 5.2."""
    scheme, _, rest = endpoint.partition(":")
    # urljoin joins for the schemes it knows only; the rules are the same for all.
    base = f"http:{rest}"
    try:
        if not rest.startswith("//"):
            raise ValueError("no authority, so no path to start from")
        joined = urljoin(base, reference)
        leads_away = urljoin(base, "/") != urljoin(joined, "/")
    except ValueError as cause:
        raise InvalidOption(f"relativeRef {reference} cannot be joined to {endpoint}") from cause
    if leads_away:
        # A reference such as //evil.example would lead to a host the document never named.
        raise InvalidOption(f"relativeRef {reference} leads away from {endpoint}")
    return scheme + joined.removeprefix("http")
