"""Fetches foreign documents, such as status lists, over https: bounded, and never from inside.

The URL comes from a credential, so from somebody who may want the verifier to call its own network,
to wait for ever, or to run out of memory. ``Fetcher`` blocks, ``AsyncFetcher`` awaits; the rules
are written once, as a generator of steps: see ``rules.py``.

Example:
    >>> Fetcher().fetch("https://169.254.169.254/latest/meta-data", accept="*/*")
    Traceback (most recent call last):
    ...
    ethr_did.errors.FetchError: https://169.254.169.254/latest/meta-data is at a link-local address
"""

from __future__ import annotations

from ethr_did.fetching.failures import Reason
from ethr_did.fetching.fetcher import AsyncFetcher, AsyncFetches, Fetcher, Fetches, resolve_host
from ethr_did.fetching.rules import Fetched, FetchRules

__all__ = [
    "AsyncFetcher",
    "AsyncFetches",
    "FetchRules",
    "Fetched",
    "Fetcher",
    "Fetches",
    "Reason",
    "resolve_host",
]
