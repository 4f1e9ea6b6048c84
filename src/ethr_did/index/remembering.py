"""Ids and tips of subjects, remembered by the one who writes them: half of what a step looks up.

Rules:
  * Only where nobody else can have written meanwhile: on SQLite, whose lock ends with the process.
    On PostgreSQL a session may be lost and replaced, and somebody else may have had his turn.
  * What was not committed never happened: after any error all is forgotten.
  * Bounded: what was not touched for longest goes first.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ethr_did.index.linking import Subject

__all__ = ["Known", "Remembered"]

Known: TypeAlias = "tuple[int, bytes]"
"""Id and tip of a subject."""

_MOST = 131_072
"""Subjects, of some 300 bytes each."""


class Remembered:
    """What the database holds about some subjects of one network.

    Args:
        most: subjects that are remembered.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._known: dict[Subject, Known] = {}

    def find(self, subjects: Iterable[Subject]) -> dict[Subject, Known]:
        """Those of some subjects that are remembered."""
        known = self._known
        return {subject: known[subject] for subject in subjects if subject in known}

    def note(self, written: Mapping[Subject, Known]) -> None:
        """Nothing; the database holds this now, if the transaction ends well."""
        for subject, known in written.items():
            self._known.pop(subject, None)  # it becomes the youngest
            self._known[subject] = known
        for subject in list(islice(self._known, max(0, len(self._known) - self._most))):
            del self._known[subject]

    def forget(self) -> None:
        """Nothing; everything is read again."""
        self._known.clear()
