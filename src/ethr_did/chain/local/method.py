"""A JSON-RPC method of the in-process chain: what runs, and how its parameters are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ethr_did.chain.local.params import INVALID_PARAMS, RpcError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ethr_did.chain.local.chain import LocalChain

__all__ = ["Method"]


@dataclass(frozen=True, slots=True)
class Method:
    """A method and how its positional parameters are read."""

    run: Callable[..., Any]
    reads: tuple[Callable[[object], Any], ...] = ()
    optional: int = 0
    """How many of the last parameters may be left out or null."""

    def __call__(self, chain: LocalChain, params: list[object]) -> Any:
        """The result.

        Raises:
            RpcError: Parameters missing, superfluous or malformed; or the method's own refusal.
        """
        required = len(self.reads) - self.optional
        given = params[: len(self.reads)]
        while len(given) > required and given[-1] is None:
            given.pop()
        if len(given) < required:
            raise RpcError(f"missing value for required argument {len(given)}", code=INVALID_PARAMS)
        if len(params) > len(self.reads):
            raise RpcError(
                f"too many arguments, want at most {len(self.reads)}", code=INVALID_PARAMS
            )
        return self.run(chain, *map(_read, range(len(given)), self.reads, given))


def _read(position: int, read: Callable[[object], Any], value: object) -> Any:
    try:
        return read(value)
    except RpcError as error:
        message = f"invalid argument {position}: {error.message}"
        raise RpcError(message, code=error.code) from error
