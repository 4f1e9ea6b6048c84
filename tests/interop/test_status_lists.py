"""Status lists of npm's W3C and IETF libraries and ours: each reads what the other wrote.

Their signatures are those of joserfc as it comes; see the end."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey

from ethr_did.core.base64url import encode_base64url
from ethr_did.core.bitstring import (
    BitOrder,
    Bitstring,
    decode_ietf,
    decode_w3c,
    encode_ietf,
    encode_w3c,
)
from ethr_did.core.list_documents import DocumentForm, ListTerms, build_document
from ethr_did.credentials.keys import KeyKind
from ethr_did.credentials.list_credentials import read_signed_list
from support.signed_lists import key_party, signed
from support.status import dice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from support.peers import RunPeer

pytestmark = pytest.mark.interop

SHARES = (0.0, 0.01, 0.5, 1.0)
"""How much of a list is set."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A list, and the format that both sides know it in."""

    format: str
    statuses: Bitstring

    @property
    def task(self) -> dict[str, Any]:
        """What the peer has to know of the list's form."""
        return {"format": self.format, "bits": self.statuses.bits, "entries": len(self.statuses)}

    @property
    def set_entries(self) -> list[list[int]]:
        return [[index, value] for index, value in enumerate(self.statuses.values()) if value]

    def encode(self) -> str:
        return (encode_w3c if self.format == "w3c" else encode_ietf)(self.statuses)

    def decode(self, text: str) -> Bitstring:
        bits, entries = self.statuses.bits, len(self.statuses)
        if self.format == "w3c":
            return decode_w3c(text, bits=bits, entries=entries)
        return decode_ietf(text, bits=bits, entries=entries)


def made_up(form: str, bits: int, entries: int, share: float) -> Case:
    rng = dice(entries + bits)
    values = bytes(
        rng.randrange(1, 1 << bits) if rng.random() < share else 0 for _ in range(entries)
    )
    order = BitOrder.MSB_FIRST if form == "w3c" else BitOrder.LSB_FIRST
    statuses = Bitstring.of_values(values, bits=bits, capacity=entries, order=order)
    return Case(format=form, statuses=statuses)


W3C = [made_up("w3c", 1, 131_072, share) for share in SHARES]
IETF = [
    made_up("ietf", bits, entries, share)
    for bits in (1, 2, 4, 8)
    for entries in (8, 4096)
    for share in SHARES
]
every_format = pytest.mark.parametrize("cases", [W3C, IETF], ids=["w3c", "ietf"])


@every_format
def test_the_peer_reads_our_lists(npm_peers: RunPeer, cases: Sequence[Case]) -> None:
    found = npm_peers("status_lists.mjs", [{**case.task, "text": case.encode()} for case in cases])
    for case, answer in zip(cases, found, strict=True):
        assert answer == {"entries": len(case.statuses), "values": case.set_entries}


@every_format
def test_we_read_the_peer_s_lists(npm_peers: RunPeer, cases: Sequence[Case]) -> None:
    tasks = [{**case.task, "values": case.set_entries} for case in cases]
    for case, text in zip(cases, npm_peers("status_lists.mjs", tasks), strict=True):
        assert case.decode(text) == case.statuses


def test_the_peer_creates_a_list_that_is_too_short_and_we_do_not_take_it(
    npm_peers: RunPeer,
) -> None:
    short = made_up("w3c", 1, 8, 0.5)
    (text,) = npm_peers("status_lists.mjs", [{**short.task, "values": short.set_entries}])
    with pytest.raises(ValueError, match="has 8 entries, and must have at least 131072"):
        decode_w3c(text, bits=1)


def test_read_as_the_other_format_a_list_of_the_same_bits_is_mirrored(npm_peers: RunPeer) -> None:
    ours = Bitstring.of_values({4044: 1}, bits=1, capacity=131_072, order=BitOrder.MSB_FIRST)
    mirrored = Bitstring(data=ours.data, bits=1, order=BitOrder.LSB_FIRST)
    tasks = [
        {"format": "w3c", "bits": 1, "text": encode_w3c(ours)},
        {"format": "ietf", "bits": 1, "text": encode_ietf(mirrored)},
    ]
    w3c, ietf = npm_peers("status_lists.mjs", tasks)
    assert (w3c["values"], ietf["values"]) == ([[4044, 1]], [[4043, 1]])


# -- signed --------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", [W3C[1], IETF[1]], ids=["w3c", "ietf"])
def test_others_verify_and_read_our_signed_lists(npm_peers: RunPeer, case: Case) -> None:
    issuer = key_party(KeyKind.P256)
    form = DocumentForm(case.format)
    terms = ListTerms(url="https://lists.example/1", issuer=issuer.did, valid_from=1)
    content = signed(issuer, build_document(case.statuses, terms, form))
    # joserfc by itself, with its own ES256 and nothing of ours registered.
    public: dict[str, str | list[str]] = {**issuer.key.public.to_jwk()}
    token = jws.deserialize_compact(content, ECKey.import_key(public), algorithms=["ES256"])
    assert token.headers()["typ"] == {"w3c": "vc+jwt", "ietf": "statuslist+jwt"}[case.format]
    claims = json.loads(token.payload)
    if form is DocumentForm.W3C:
        text = claims["credentialSubject"]["encodedList"]
    else:
        assert claims["status_list"]["bits"] == case.statuses.bits
        text = claims["status_list"]["lst"]
    (found,) = npm_peers("status_lists.mjs", [{**case.task, "text": text}])
    assert found == {"entries": len(case.statuses), "values": case.set_entries}


@pytest.mark.parametrize("case", [W3C[1], IETF[1]], ids=["w3c", "ietf"])
def test_we_verify_and_read_lists_that_others_signed(npm_peers: RunPeer, case: Case) -> None:
    issuer = key_party(KeyKind.P256)
    form = DocumentForm(case.format)
    (text,) = npm_peers("status_lists.mjs", [{**case.task, "values": case.set_entries}])
    terms = ListTerms(url="https://lists.example/1", issuer=issuer.did, valid_from=1)
    claims = json.loads(build_document(case.statuses, terms, form).payload)
    if form is DocumentForm.W3C:
        claims["credentialSubject"]["encodedList"] = text
    else:
        claims["status_list"]["lst"] = text
    private: dict[str, str | list[str]] = {
        **issuer.key.public.to_jwk(),
        "d": encode_base64url(hashlib.sha256(b"issuer").digest()),
    }
    header = {
        "alg": "ES256",
        "typ": "vc+jwt" if form is DocumentForm.W3C else "statuslist+jwt",
        "kid": issuer.method_id,
    }
    token = jws.serialize_compact(header, json.dumps(claims), ECKey.import_key(private))
    found = read_signed_list(token.encode(), form)
    found.proof.check(issuer.key.public)
    assert case.decode(found.document.encoded) == case.statuses
