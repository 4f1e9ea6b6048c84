"""The status lens: many questions to status and anchor registries, answered as of one block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ethr_did.chain.answer import data_of
from ethr_did.chain.request import ask, call
from ethr_did.chain.reverts import is_revert
from ethr_did.core.keys import Address, to_checksum_address
from ethr_did.core.status_calls import (
    LensAnswer,
    LensMoment,
    LensQuestion,
    lens_call,
    parse_lens_result,
)
from ethr_did.errors import NodeInconsistent, RegistryMissing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ethr_did.chain.request import Answer, Block, Steps

__all__ = ["LensReading", "StatusLens"]

CHUNK = 500
"""Questions of one call: 6 million gas and 225 KB of hex, under every limit known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LensReading:
    """What the lens saw, all of it in one block."""

    moment: LensMoment
    answers: Mapping[LensQuestion, LensAnswer]


class StatusLens:
    """The reading client of one ``CredentialStatusLens``.

    Args:
        address: of the contract.
    """

    def __init__(self, address: Address) -> None:
        self.address = address

    def read(
        self, questions: Sequence[LensQuestion], block: Block = "latest"
    ) -> Steps[LensReading]:
        """The answers to some questions, in one round trip.

        Args:
            questions: each once or more, at least one.
            block: to ask at.

        Raises:
            RegistryMissing: there is no such contract.
            NodeInconsistent: parts of the answer are of different blocks.
            ChainError: it could not be found out.
        """
        wanted = list(dict.fromkeys(questions))
        chunks = [wanted[at : at + CHUNK] for at in range(0, len(wanted), CHUNK)]
        answers = yield from ask(*(call(self.address, lens_call(chunk), block) for chunk in chunks))
        read = [
            parse_lens_result(self._data(answer), len(chunk))
            for chunk, answer in zip(chunks, answers, strict=True)
        ]
        moments = {moment for moment, _ in read}
        if len(moments) != 1:
            raise NodeInconsistent(
                "the node answered one batch from several blocks",
                hint="Its replicas may be out of step: ask another node.",
            )
        found = [one for _, part in read for one in part]
        return LensReading(moment=moments.pop(), answers=dict(zip(wanted, found, strict=True)))

    def _data(self, answer: Answer) -> bytes:
        data = b"" if is_revert(answer) else data_of(answer)
        if not data:
            address = to_checksum_address(self.address)
            raise RegistryMissing(
                f"{address} does not answer like a status lens",
                hint="Check status_lens of this network, or leave it out.",
                registry=address,
            )
        return data
