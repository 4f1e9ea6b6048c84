"""The file of a wallet while it is open: what is in it, and every change of that.

Rules:
  1. Opening costs the work of the password once. Then the key of the content and the content are in
     memory, until the wallet is closed. Python cannot wipe memory; what is closed only lets go.
  2. A change is made to what is in the file at that moment, under a lock, and not to what was read
     when the wallet was opened: what other processes added stays.
  3. What is about to take the place of the file is opened and read first, as the next one will.
  4. Where the file has another key, or an older state, than it had when it was opened, nothing is
     written: somebody changed the password, or put another file in its place.
  5. A wrong password, a damaged file and a full disk are errors that leave the file as it is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Self, TypeVar

from ethr_did.errors import WalletError
from ethr_did.wallet import storage
from ethr_did.wallet.contents import Contents
from ethr_did.wallet.envelope import Envelope

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ethr_did.chain.local_signer import Secret
    from ethr_did.wallet.derivation import KdfParameters
    from ethr_did.wallet.envelope import Random

__all__ = ["OpenFile"]

T = TypeVar("T")


class OpenFile:
    """A wallet's file, open."""

    __slots__ = ("_contents", "_envelope", "_key", "path", "random")

    path: Path
    random: Random
    """Gives random bytes."""

    def __init__(
        self, path: Path, *, envelope: Envelope, key: Secret, contents: Contents, random: Random
    ) -> None:
        """Not to be called: ``create`` and ``open`` are."""
        self.path = path
        self.random = random
        self._envelope = envelope
        self._key: Secret | None = key
        self._contents = contents

    @classmethod
    def create(cls, path: Path, password: str, *, random: Random, kdf: KdfParameters) -> Self:
        """See ``Wallet``."""
        storage.check_free(path)
        contents = Contents()
        with storage.about(path):
            envelope, key = Envelope.create(contents.to_bytes(), password, kdf=kdf, random=random)
        with storage.locked(path):
            storage.create_file(path, envelope)
        return cls(path, envelope=envelope, key=key, contents=contents, random=random)

    @classmethod
    def open(cls, path: Path, password: str, *, random: Random) -> Self:
        """See ``Wallet``."""
        envelope = storage.read_envelope(path)
        with storage.about(path):
            key = envelope.unlock(password)
            contents = Contents.from_bytes(envelope.open(key))
        return cls(path, envelope=envelope, key=key, contents=contents, random=random)

    def close(self) -> None:
        """Nothing; keys and contents are let go of, and the file is not written any more."""
        self._key, self._contents = None, Contents()

    @property
    def envelope(self) -> Envelope:
        """The file as it was read or written last."""
        return self._envelope

    @property
    def key(self) -> Secret:
        """The key of the content.

        Raises:
            WalletError: the wallet was closed.
        """
        if self._key is None:
            raise WalletError(f"{self.path} was closed", path=str(self.path))
        return self._key

    @property
    def contents(self) -> Contents:
        """What is in the wallet, as it was read or written last.

        Raises:
            WalletError: the wallet was closed.
        """
        _ = self.key
        return self._contents

    # -- changes ---------------------------------------------------------------------------------

    def change(self, change: Callable[[Contents], tuple[Contents, T]]) -> T:
        """What comes of a change, which is on disk then.

        Args:
            change: gives other contents, and what comes of it; the same contents if there is
                nothing to change.

        Raises:
            WalletError: the file cannot be read or written, or is not the one that was opened.
        """
        with storage.locked(self.path):
            envelope, contents = self._current()
            changed, result = change(contents)
            if changed is contents:
                self._contents = contents
                return result
            changed = replace(changed, generation=contents.generation + 1)
            key = self.key
            with storage.about(self.path):
                envelope = envelope.reseal(changed.to_bytes(), key, random=self.random)
            self._put(envelope, key)
        return result

    def reload(self) -> None:
        """See ``Wallet``."""
        _, self._contents = self._current()

    def change_password(self, old: str, new: str, *, kdf: KdfParameters) -> None:
        """See ``Wallet``."""
        with storage.locked(self.path):
            current, contents = self._current()
            with storage.about(self.path):
                current.unlock(old)
                contents = replace(contents, generation=contents.generation + 1)
                envelope, key = Envelope.create(
                    contents.to_bytes(), new, kdf=kdf, random=self.random
                )
            self._put(envelope, key)

    def backup(self, path: Path) -> None:
        """See ``Wallet``."""
        envelope, _ = self._current()
        storage.write_copy(path, envelope.to_bytes())
        copy = storage.read_backup(path)
        with storage.about(path):
            Contents.from_bytes(copy.open(self.key))

    # -- how -------------------------------------------------------------------------------------

    def _put(self, envelope: Envelope, key: Secret) -> None:
        """Nothing; the envelope is in the file, and this wallet is what is in it."""
        with storage.about(self.path):
            contents = Contents.from_bytes(Envelope.parse(envelope.to_bytes()).open(key))
        storage.replace(self.path, envelope)
        self._envelope, self._key, self._contents = envelope, key, contents

    def _current(self) -> tuple[Envelope, Contents]:
        """What is in the file now."""
        known, key = self.contents, self.key
        envelope = storage.read_envelope(self.path)
        if not envelope.is_under_the_key_of(self._envelope):
            raise WalletError(
                f"{self.path} has another key than when it was opened",
                hint="Nothing was changed. Its password was changed, or another file was put in "
                "its place. Open it again.",
                path=str(self.path),
            )
        with storage.about(self.path):
            contents = Contents.from_bytes(envelope.open(key))
        if contents.generation < known.generation:
            raise WalletError(
                f"{self.path} is in an older state than when it was opened",
                hint="Nothing was changed. Somebody put an older copy in its place. Open it again.",
                path=str(self.path),
            )
        return envelope, contents
