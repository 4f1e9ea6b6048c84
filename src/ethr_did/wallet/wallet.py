"""The holder's wallet, open: its keys, its credentials, and every change of them.

How the file is read and written is ``opened.py``'s.

Rules:
  1. Keys and credentials are found by id, by the beginning of one, or by label.
  2. A key, or a credential, that is there already is not kept a second time. Of a key that is an
     error, as somebody meant to have another one; of a credential it is told.
  3. Secrets come out to sign, inside of ``LocalKey``, and in no other way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self

from ethr_did.chain.keystore import open_keystore, read_key_file
from ethr_did.credentials.keys import KeyKind
from ethr_did.credentials.signing_keys import LocalKey, new_secret
from ethr_did.errors import InvalidKey
from ethr_did.wallet.derivation import KdfParameters
from ethr_did.wallet.held import HeldCredential, check_text, new_credential
from ethr_did.wallet.keys import KINDS, StoredKey, WalletKey
from ethr_did.wallet.opened import OpenFile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ethr_did.chain.local_signer import Secret
    from ethr_did.credentials.keys import PublicKey
    from ethr_did.wallet.contents import Contents
    from ethr_did.wallet.envelope import Random

__all__ = ["Addition", "Wallet"]

_USUAL: Final = KdfParameters()


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """What became of a credential that was to be added."""

    credential: HeldCredential
    """As it is in the wallet."""
    is_new: bool
    """False: it was there already, and nothing was changed."""


class Wallet:
    """An open wallet.

    Example:
        >>> import secrets, tempfile, pathlib
        >>> small = KdfParameters(memory=8, iterations=1, lanes=1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder) / "wallet.json"
        ...     with Wallet.create(path, "pass", random=secrets.token_bytes, kdf=small) as wallet:
        ...         key = wallet.add_key(KeyKind.ED25519, label="diploma", now=1_800_000_000)
        ...     with Wallet.open(path, "pass", random=secrets.token_bytes) as wallet:
        ...         wallet.keys == (key,)
        True
    """

    __slots__ = ("_file",)

    def __init__(self, file: OpenFile) -> None:
        """Not to be called: ``create`` and ``open`` are."""
        self._file = file

    @classmethod
    def create(
        cls, path: Path, password: str, *, random: Random, kdf: KdfParameters = _USUAL
    ) -> Self:
        """A new wallet, empty, on disk.

        Args:
            path: of the file; its folder is made.
            password: not empty.
            random: gives random bytes: ``secrets.token_bytes``.
            kdf: what a guess of the password costs.

        Raises:
            WalletError: there is such a file, it cannot be written, or the password is none.
        """
        return cls(OpenFile.create(path, password, random=random, kdf=kdf))

    @classmethod
    def open(cls, path: Path, password: str, *, random: Random) -> Self:
        """A wallet that is there.

        Args:
            path: of the file.
            password: of it.
            random: gives random bytes: ``secrets.token_bytes``.

        Raises:
            WalletError: missing, readable by others, damaged, or the password is wrong.
        """
        return cls(OpenFile.open(path, password, random=random))

    @property
    def path(self) -> Path:
        """Of the file."""
        return self._file.path

    def close(self) -> None:
        """Nothing; the wallet lets go of its keys and can no longer be used."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Wallet({str(self.path)!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a wallet holds keys and cannot be pickled or copied")

    # -- keys ------------------------------------------------------------------------------------

    @property
    def keys(self) -> tuple[WalletKey, ...]:
        """The keys, the oldest first."""
        return tuple(one.key for one in self._file.contents.keys)

    def key(self, wanted: str) -> WalletKey:
        """One key.

        Args:
            wanted: its id, the beginning of it, or its label.

        Raises:
            NotFoundError: there is none, or more than one.
        """
        return self._file.contents.key(wanted).key

    def key_of(self, public: PublicKey) -> WalletKey | None:
        """The key with that public half; None if it is not here.

        Args:
            public: as a credential names it, be it by the account only.
        """
        return next((one for one in self.keys if one.public.is_same(public)), None)

    def signing_key(self, wanted: str) -> LocalKey:
        """What signs with a key.

        Args:
            wanted: its id, the beginning of it, or its label.

        Raises:
            NotFoundError: there is none, or more than one.
        """
        stored = self._file.contents.key(wanted)
        return LocalKey(stored.key.kind, stored.secret)

    def add_key(self, kind: KeyKind, *, label: str = "", now: int) -> WalletKey:
        """A new random key.

        Args:
            kind: one of ``KINDS``.
            label: the holder's word for it.
            now: Unix seconds.

        Raises:
            InvalidKey: another kind.
            WalletError: the wallet cannot be written, or is full.
        """
        _check_kind(kind)
        return self.import_key(
            kind, new_secret(kind, self._file.random), label=label, now=now, source=""
        )

    def import_key(
        self, kind: KeyKind, secret: Secret, *, label: str = "", now: int, source: str = "a program"
    ) -> WalletKey:
        """A key that exists already.

        Args:
            kind: one of ``KINDS``.
            secret: 32 bytes.
            label: the holder's word for it.
            now: Unix seconds.
            source: what it was taken from.

        Raises:
            InvalidKey: another kind, or no key of it.
            InvalidInput: the label is too long.
            WalletError: it is there already; the wallet cannot be written, or is full.
        """
        _check_kind(kind)
        key = WalletKey(
            label=check_text(label, "label"),
            public=LocalKey(kind, secret).public,
            created_at=now,
            imported_from=check_text(source, "source"),
        )
        stored = StoredKey(key=key, secret=secret)
        return self._file.change(lambda contents: (contents.with_key(stored), key))

    def import_keystore(
        self, path: Path, keystore_password: str, *, label: str = "", now: int
    ) -> WalletKey:
        """The key of an Ethereum keystore, from now on in this wallet as well.

        Args:
            path: a file of Web3 secret storage, version 3; it is left as it is.
            keystore_password: of that file.
            label: the holder's word for the key.
            now: Unix seconds.

        Raises:
            SignerError: the file is no keystore, or has another password.
            WalletError: as ``import_key``.
        """
        secret = open_keystore(path, keystore_password)
        return self.import_key(KeyKind.SECP256K1, secret, label=label, now=now, source="a keystore")

    def import_key_file(
        self, path: Path, *, kind: KeyKind = KeyKind.SECP256K1, label: str = "", now: int
    ) -> WalletKey:
        """A key that lies in the clear in a file: 32 bytes in hex.

        Args:
            path: of the file, readable by its owner only; it is left as it is.
            kind: of the key.
            label: the holder's word for the key.
            now: Unix seconds.

        Raises:
            SignerError: the file cannot be used.
            InvalidKey: what it holds is no key of that kind.
            WalletError: as ``import_key``.
        """
        secret = read_key_file(path)
        return self.import_key(kind, secret, label=label, now=now, source="a key file")

    # -- credentials -----------------------------------------------------------------------------

    @property
    def credentials(self) -> tuple[HeldCredential, ...]:
        """The credentials, the oldest first."""
        return self._file.contents.credentials

    def credential(self, wanted: str) -> HeldCredential:
        """One credential.

        Args:
            wanted: its id, the beginning of it, or its label.

        Raises:
            NotFoundError: there is none, or more than one.
        """
        return self._file.contents.credential(wanted)

    def add_credential(
        self,
        raw: str,
        *,
        format_name: str,
        now: int,
        label: str = "",
        key_id: str | None = None,
        issuer: str = "",
        types: Sequence[str] = (),
        anchors: Sequence[Mapping[str, Any]] = (),
    ) -> Addition:
        """A credential, in the wallet; one that is there already stays as it is.

        Args:
            raw: as it was received: a token, or a JSON object. Nothing of it is verified here.
            format_name: what it is.
            now: Unix seconds.
            label: the holder's word for it.
            key_id: the key that it is bound to: id, beginning of it, or label.
            issuer: who issued it, for lists.
            types: what it is of, for lists.
            anchors: proofs that it existed at some block.

        Raises:
            InvalidCredential: it is empty, too long, or begins like JSON and is none.
            InvalidInput: something beside it is too long or not printable.
            NotFoundError: there is no such key.
            WalletError: the wallet cannot be written, or is full.
        """

        def add(contents: Contents) -> tuple[Contents, Addition]:
            new = new_credential(
                raw,
                taken=contents.credentials,
                format_name=format_name,
                label=label,
                key_id=None if key_id is None else contents.key(key_id).key.id,
                now=now,
                issuer=issuer,
                types=types,
                anchors=anchors,
            )
            held = contents.same_as(new.raw)
            if held is not None:
                return contents, Addition(credential=held, is_new=False)
            return contents.with_credential(new), Addition(credential=new, is_new=True)

        return self._file.change(add)

    def add_anchors(self, wanted: str, anchors: Sequence[Mapping[str, Any]]) -> HeldCredential:
        """A credential with more proofs that it existed at some block; the same one twice is one.

        Args:
            wanted: its id, the beginning of it, or its label.
            anchors: JSON objects.

        Raises:
            NotFoundError: there is no such credential, or more than one.
            InvalidInput: too many proofs, or no JSON objects.
            WalletError: the wallet cannot be written.
        """

        def add(contents: Contents) -> tuple[Contents, HeldCredential]:
            held = contents.credential(wanted)
            changed = contents.with_anchors(held, anchors)
            return changed, changed.credential(held.id)

        return self._file.change(add)

    def remove_credential(self, wanted: str) -> HeldCredential:
        """The credential that is no longer in the wallet; its key stays.

        Args:
            wanted: its id, the beginning of it, or its label.

        Raises:
            NotFoundError: there is none, or more than one.
            WalletError: the wallet cannot be written.
        """

        def remove(contents: Contents) -> tuple[Contents, HeldCredential]:
            held = contents.credential(wanted)
            return contents.without(held), held

        return self._file.change(remove)

    # -- the file --------------------------------------------------------------------------------

    def reload(self) -> None:
        """Nothing; keys and credentials are those that are in the file now.

        Raises:
            WalletError: it cannot be read, or is not the file that was opened.
        """
        self._file.reload()

    def change_password(self, old: str, new: str, *, kdf: KdfParameters = _USUAL) -> None:
        """Nothing; from here on the wallet opens with another password, and is under another key.

        Other processes that have it open must open it again before they write. Backups and other
        copies keep the password that they had.

        Args:
            old: the password until now.
            new: not empty.
            kdf: what a guess of it costs.

        Raises:
            WalletError: the old password is wrong, the new one is none, or the wallet cannot be
                written.
        """
        self._file.change_password(old, new, kdf=kdf)

    def backup(self, path: Path) -> None:
        """Nothing; a copy is at the path, was read again from there, and is whole.

        It opens with the password that the wallet has now.

        Args:
            path: of the copy. Nothing is overwritten, no folder is made.

        Raises:
            WalletError: there is such a file, it cannot be written, or it is not what was written.
        """
        self._file.backup(path)


def _check_kind(kind: KeyKind) -> None:
    if kind not in KINDS:
        raise InvalidKey(
            f"a wallet holds no keys of the kind {kind.value}",
            hint=f"{', '.join(one.value for one in KINDS)}.",
        )
