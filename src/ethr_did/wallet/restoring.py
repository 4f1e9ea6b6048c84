"""A wallet brought back from a backup.

Rules:
  1. The backup is opened and read before anything is touched.
  2. What is in the wallet's place is overwritten only where that was asked for, and is then kept
     under another name, even if it is damaged.
  3. At any moment there is a whole file in the wallet's place: the old one or the new one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ethr_did.wallet import storage
from ethr_did.wallet.contents import Contents

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Restored", "restore"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a backup brought back."""

    keys: int
    credentials: int
    kept: Path | None
    """Where the file is now that was in its place; None if there was none."""


def restore(backup: Path, path: Path, password: str, *, overwrite: bool = False) -> Restored:
    """What a backup brought back: the wallet is what the backup was.

    Args:
        backup: a file that ``Wallet.backup`` made; it is left as it is.
        path: of the wallet.
        password: that the wallet had when the backup was made.
        overwrite: whether it takes the place of a wallet that is there. That is kept under another
            name beside it, whatever is in it.

    Raises:
        WalletError: the backup does not open, there is a wallet and it is not to be overwritten, or
            it cannot be written. Nothing was changed.
    """
    envelope = storage.read_backup(backup)
    with storage.about(backup):
        contents = Contents.from_bytes(envelope.open(envelope.unlock(password)))
    kept = None
    with storage.locked(path):
        if overwrite:
            kept = storage.set_aside(path)
        else:
            storage.check_free(path)
        storage.replace(path, envelope)
    return Restored(keys=len(contents.keys), credentials=len(contents.credentials), kept=kept)
