"""Versions of lists with a signature that is another one each time it is made.

Ours are the same each time; those of a key in some other program, behind ``SigningKey``, are not.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from ethr_did.core.list_checks import read_document
from ethr_did.core.list_documents import DocumentForm
from ethr_did.credentials.keys import Algorithm, KeyKind
from ethr_did.credentials.list_credentials import read_signed_list
from ethr_did.credentials.list_signing import ListSigner
from support.signed_lists import unsigned
from support.triangle import key_of_kind

if TYPE_CHECKING:
    from ethr_did.chain.local import LocalAccount
    from ethr_did.chain.signer import Signer
    from support.press import Press


ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the group of P-256; FIPS 186-5, SP 800-186."""


class Wavering:
    """A key on P-256 whose signatures take turns: s, then the other s that is as good."""

    def __init__(self) -> None:
        """A key that has signed nothing yet."""
        self._key = key_of_kind(KeyKind.P256)
        self._turns = 0
        self.public = self._key.public

    def sign(self, algorithm: Algorithm, data: bytes) -> bytes:
        """See ``SigningKey``."""
        signature = self._key.sign(algorithm, data)
        self._turns += 1
        other = ORDER - int.from_bytes(signature[32:], "big")
        return signature if self._turns % 2 else signature[:32] + other.to_bytes(32, "big")


@pytest.fixture
def sign(press: Press, alice: LocalAccount) -> ListSigner:
    """Signs alice's lists."""
    did = press.stage.did(alice).text
    return ListSigner(key=Wavering(), method_id=f"{did}#delegate-1", algorithm=Algorithm.ES256)


@pytest.fixture
def owner(press: Press, alice: LocalAccount) -> Signer:
    """Signs alice's changes."""
    return press.sender(alice).signer


def test_signatures_differ(press: Press, alice: LocalAccount, sign: ListSigner) -> None:
    document = unsigned(press.stage.did(alice).text)
    assert sign(document).content != sign(document).content


def test_what_is_signed_is_anchored(press: Press, alice: LocalAccount, sign: ListSigner) -> None:
    stored = press.new_list(alice)
    press.publisher(alice, sign=sign).publish(sender=press.sender(alice))
    content = press.files.current(stored.url)
    assert content is not None
    read_signed_list(content, DocumentForm.W3C).proof.check(sign.key.public)
    (version,) = press.store.versions(stored)
    assert version.content_digest == sha256(content).digest()
    assert press.read(alice, stored, 3).is_valid


def test_what_was_prepared_is_published_byte_for_byte(
    press: Press, alice: LocalAccount, sign: ListSigner, owner: Signer
) -> None:
    stored = press.new_list(alice)
    publisher = press.publisher(alice, sign=sign)
    (message,) = publisher.sign_relay(owner)
    (prepared,) = press.store.versions(stored)
    publisher.publish(sender=press.sender(alice))
    (published,) = press.store.versions(stored)
    assert published.content_digest == prepared.content_digest
    assert message.change.publication.content_digest == published.content_digest  # type: ignore[union-attr]  # a publication, here
    assert press.read(alice, stored, 3).is_valid


@pytest.mark.parametrize("first", [True, False])
def test_what_was_prepared_unsigned_is_not_published_as_signed(
    press: Press, alice: LocalAccount, sign: ListSigner, owner: Signer, *, first: bool
) -> None:
    stored = press.new_list(alice)
    signs = (sign, None) if first else (None, sign)
    press.publisher(alice, sign=signs[0]).sign_relay(owner)
    press.publisher(alice, sign=signs[1]).publish(sender=press.sender(alice))
    content = press.files.current(stored.url)
    assert content is not None
    assert read_document(content, DocumentForm.W3C).is_signed is not first
    assert press.read(alice, stored, 3).is_valid
