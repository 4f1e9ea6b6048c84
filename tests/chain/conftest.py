"""Both drivers under one name, so that every claim about the one is made about the other."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.chain.rpc import AsyncChain, Chain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ethr_did.chain.rpc import Answer, Request, Steps


class Door:
    """A ``Chain`` or an ``AsyncChain`` that blocks, and that does not sleep but takes notes."""

    def __init__(self, nodes: Sequence[str | object], *, awaited: bool, **options: Any) -> None:
        self.pauses: list[float] = []
        options = {"timeout": 5.0, "rng": random.Random(1), **options}  # noqa: S311 - jitter
        self._runner = asyncio.Runner() if awaited else None
        self.chain: Any
        if self._runner is None:
            self.chain = Chain(nodes, sleep=self.pauses.append, **options)
        else:
            self.chain = AsyncChain(nodes, sleep=self._note, **options)

    async def _note(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def _done(self, result: Any) -> Any:
        return self._runner.run(result) if self._runner else result

    @property
    def round_trips(self) -> int:
        return int(self.chain.round_trips)

    def send(self, *batch: Request) -> list[Answer]:
        return self._done(self.chain.send(batch))  # type: ignore[no-any-return]

    def run(self, steps: Steps[Any]) -> Any:
        return self._done(self.chain.run(steps))

    def agree(self, make_steps: Callable[[int | None], Steps[Any]]) -> Any:
        return self._done(self.chain.agree(make_steps))

    def close(self) -> None:
        self._done(self.chain.close())
        if self._runner:
            self._runner.close()


@pytest.fixture(params=["blocking", "awaited"])
def open_door(request: pytest.FixtureRequest) -> Iterator[Callable[..., Door]]:
    """Opens a door to nodes, by either driver."""
    doors: list[Door] = []

    def opened(*nodes: str | object, **options: Any) -> Door:
        doors.append(Door(nodes, awaited=request.param == "awaited", **options))
        return doors[-1]

    yield opened
    for door in doors:
        door.close()
