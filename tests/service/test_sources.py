"""Where a worker reads, and who follows for it."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.errors import StoreError
from ethr_did.index.watching import IndexWatch
from ethr_did.resolver import AsyncResolver
from ethr_did.service.health import Readiness
from ethr_did.service.options import IndexUse, ServiceOptions
from ethr_did.service.sources import _Following, open_sources, start_following
from ethr_did.service.watch import SlotWatch
from ethr_did.settings import Settings
from support.fake_chain import FakeChain, Person
from support.indexing import Indexed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ALICE = Person.named("alice")


@pytest.fixture
def fake() -> FakeChain:
    """A chain with alice in it."""
    fake = FakeChain()
    fake.final_depth = 1
    fake.add_service(ALICE, "Hub", "https://hub.example")
    return fake


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Those of a state folder of its own."""
    return Settings(state_dir=tmp_path)


def follow(fake: FakeChain, settings: Settings) -> None:
    """The index as of this moment."""
    with Indexed(settings.index_database_url, fake.network()) as indexed:
        indexed.now = time.time()
        indexed.follow()


async def until(is_so: Callable[[], bool]) -> None:
    """Returns when something has come about."""
    while not is_so():  # noqa: ASYNC110 - a thread brings it about
        await asyncio.sleep(0.01)


async def test_without_an_index_nodes_are_read(fake: FakeChain, settings: Settings) -> None:
    async with AsyncExitStack() as stack:
        sources = open_sources(
            settings, ServiceOptions(index=IndexUse.OFF), [fake.network()], stack
        )
    assert sources.networks == (fake.network(),)
    assert isinstance(sources.watch, SlotWatch)
    assert sources.followed is None


async def test_the_index_comes_before_the_node(fake: FakeChain, settings: Settings) -> None:
    await asyncio.to_thread(follow, fake, settings)
    asked = fake.rounds
    async with AsyncExitStack() as stack:
        sources = open_sources(settings, ServiceOptions(), [fake.network()], stack)
        async with AsyncResolver(sources.networks, clock=lambda: fake.now) as resolver:
            result = await resolver.resolve(ALICE.did)
        assert sources.followed is not None
        standing = sources.followed.standing(fake.network())
    assert result.error is None
    assert result.read_at is not None
    assert result.read_at.blocks_behind == 0
    assert standing is not None
    assert standing.node_head == fake.head
    assert fake.rounds == asked


@pytest.mark.parametrize(("options", "is_ready"), [({}, True), ({"max_index_age": 1e-9}, False)])
async def test_ready_is_an_index_that_answers(
    fake: FakeChain, settings: Settings, options: dict[str, Any], *, is_ready: bool
) -> None:
    await asyncio.to_thread(follow, fake, settings)
    chosen = ServiceOptions(index=IndexUse.ONLY, **options)
    async with AsyncExitStack() as stack:
        sources = open_sources(settings, chosen, [fake.network()], stack)
        readiness = Readiness(sources.networks, chosen, time.time, followed=sources.followed)
        stack.push_async_callback(readiness.close)
        (health,) = await readiness.look()
        async with AsyncResolver(sources.networks, clock=lambda: fake.now) as resolver:
            answer = await resolver.resolve(ALICE.did)
    assert health.is_ready is is_ready
    assert (answer.error is None) is is_ready


async def test_changes_are_noticed(fake: FakeChain, settings: Settings) -> None:
    await asyncio.to_thread(follow, fake, settings)
    network = fake.network()
    async with AsyncExitStack() as stack:
        watch = open_sources(settings, ServiceOptions(), [network], stack).watch
        await until(lambda: watch.head(network) is not None)
        before = watch.version(network, ALICE.address)
        assert watch.final(network) == fake.head - 1
        fake.add_service(ALICE, "Two", "https://two.example")
        await asyncio.to_thread(follow, fake, settings)
        await until(lambda: watch.version(network, ALICE.address) != before)


async def test_while_the_index_says_nothing_versions_are_those_of_a_node(
    fake: FakeChain, settings: Settings
) -> None:
    network = fake.network()
    async with AsyncExitStack() as stack:
        both = open_sources(settings, ServiceOptions(), [network], stack).watch
        alone = open_sources(settings, ServiceOptions(index=IndexUse.ONLY), [network], stack).watch
        assert both.version(network, ALICE.address) is not None
        assert both.head(network) is None
        assert isinstance(alone, IndexWatch)
        assert alone.version(network, ALICE.address) is None


async def test_a_database_that_cannot_be_opened_keeps_the_worker_from_starting(
    fake: FakeChain, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    settings = Settings(state_dir=tmp_path / "file")
    async with AsyncExitStack() as stack:
        with pytest.raises(StoreError):
            open_sources(settings, ServiceOptions(), [fake.network()], stack)


@pytest.mark.parametrize("index", [IndexUse.OFF, IndexUse.ON])
def test_nobody_follows_without_an_index_or_a_node(
    fake: FakeChain, settings: Settings, index: IndexUse
) -> None:
    before = len(list(settings.state_dir.iterdir()))
    start_following(settings, ServiceOptions(index=index), [fake.network()])()
    assert len(list(settings.state_dir.iterdir())) == before


def test_a_follower_ends_when_the_service_does(tmp_path: Path) -> None:
    program = "import pathlib, sys; pathlib.Path(sys.argv[1]).touch(); sys.stdin.read()"
    following = _Following([sys.executable, "-c", program, str(tmp_path / "here")])
    following.start()
    while not (tmp_path / "here").exists():
        time.sleep(0.01)
    following.stop()
    assert following._process is not None
    assert following._process.returncode == 0


def test_a_follower_that_cannot_be_started_is_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    following = _Following(["/nowhere/at/all"])
    following.start()
    while "is started anew" not in caplog.text:
        time.sleep(0.01)
    following.stop()
    assert "could not be started: No such file or directory" in caplog.text
