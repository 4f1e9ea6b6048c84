"""How often a process looks for garbage: cycles of objects that nobody holds any more.

Python looks at every seven hundred new objects, and the more are kept the longer it takes. Who keeps
many, none of which are in cycles, spends much of the time on looking through them.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["collecting_rarely"]

_YOUNG, _OLD = 50, 100
"""Collections of younger objects after which older ones are looked through."""


@contextmanager
def collecting_rarely(objects: int) -> Iterator[None]:
    """Inside, the whole process looks for garbage rarely; afterwards as before.

    Args:
        objects: new ones after which it looks through them.

    Example:
        >>> with collecting_rarely(5000):
        ...     gc.get_threshold()
        (5000, 50, 100)
    """
    before = gc.get_threshold()
    gc.set_threshold(objects, _YOUNG, _OLD)
    try:
        yield
    finally:
        gc.set_threshold(*before)
