"""What a worker is made of, in this process."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import pickle
import socket
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from ethr_did.chain.networks import Network
from ethr_did.errors import InvalidConfiguration, InvalidOption, UnknownNetwork
from ethr_did.service.options import IndexUse, MetricsAccess, ServiceOptions
from ethr_did.service.serving import Worker, serve, served_networks
from ethr_did.settings import Settings
from support.fake_chain import FakeChain, Person

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from starlette.types import Message

KEY = "k" * 32
NODE = Network(
    name="dev",
    chain_id=31337,
    rpc_url="http://127.0.0.1:1",
    did_registry="0x03d5003bf0e79C5F5223588F347ebA39AfbC3818",
)
BARE = replace(NODE, name="bare", rpc_url=None)


@pytest.fixture(autouse=True)
def _own_logging(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker takes over the log of its process; this process is not one."""
    monkeypatch.setattr("ethr_did.service.serving.capture_logging", lambda *_: None)


@contextlib.asynccontextmanager
async def living(settings: Settings, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A worker that has started; it is told to end afterwards, and does."""
    given = ServiceOptions(index=IndexUse.OFF, **options)
    app = Worker(settings=settings, options=given)()
    incoming = iter(("lifespan.startup", "lifespan.shutdown"))
    gate: list[Message] = []
    ended = asyncio.Event()

    async def receive() -> Message:
        kind = next(incoming)
        if kind == "lifespan.shutdown":
            await ended.wait()
        return {"type": kind}

    async def send(message: Message) -> None:
        gate.append(message)
        started.set()

    started = asyncio.Event()
    life = asyncio.create_task(app({"type": "lifespan"}, receive, send))
    await started.wait()
    assert gate[0]["type"] == "lifespan.startup.complete", gate
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://x"
    ) as client:
        yield client
    ended.set()
    await life
    assert gate[1]["type"] == "lifespan.shutdown.complete"


@pytest.fixture
def fake() -> FakeChain:
    made = FakeChain()
    made.mine()
    return made


@pytest.fixture
def settings(fake: FakeChain, tmp_path: Path) -> Settings:
    return Settings(
        networks=(fake.network(),), state_dir=tmp_path / "state", api_keys=f"shop={KEY}"
    )


async def test_a_worker_answers_and_tells_how_it_is(settings: Settings) -> None:
    async with living(settings, metrics=MetricsAccess.OPEN) as client:
        alive = await client.get("/health/live")
        assert (alive.json(), alive.headers["cache-control"]) == ({"live": True}, "no-store")
        ready = await client.get("/health/ready")
        assert (ready.status_code, ready.json()["networks"]["dev"]["ready"]) == (200, True)
        found = await client.get(f"/1.0/identifiers/{Person.named('alice').did}")
        assert found.status_code == 200
        metrics = (await client.get("/metrics")).text
    assert 'route="/1.0/identifiers/{identifier}",status="200"} 1.0' in metrics
    assert 'ethr_did_network_ready{network="dev"} 1.0' in metrics
    assert "0x" not in metrics


async def test_a_network_that_is_not_there_makes_it_not_ready_but_alive(
    settings: Settings, fake: FakeChain
) -> None:
    fake.dead = ConnectionError("gone")
    async with living(settings) as client:
        ready = await client.get("/health/ready")
        assert (ready.status_code, ready.json()["ready"]) == (503, False)
        assert (await client.get("/health/live")).status_code == 200


async def test_when_a_worker_has_ended_the_process_is_as_before(settings: Settings) -> None:
    before = gc.get_threshold(), sys.getswitchinterval()
    async with living(settings):
        assert gc.get_threshold()[0] > before[0][0]
        assert sys.getswitchinterval() < before[1]
    assert (gc.get_threshold(), sys.getswitchinterval()) == before


async def test_what_operators_ask_is_only_read(settings: Settings) -> None:
    async with living(settings) as client:
        response = await client.post("/health/live")
        assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD")
        assert (await client.head("/health/live")).status_code == 200


async def test_metrics_are_shown_to_whom_they_may_be(settings: Settings) -> None:
    async with living(settings) as client:
        assert (await client.get("/metrics")).status_code == 401
        wrong = await client.get("/metrics", headers={"X-API-Key": "x" * 32})
        assert wrong.status_code == 401
        right = await client.get("/metrics", headers={"Authorization": f"Bearer {KEY}"})
        assert right.headers["content-type"].startswith("text/plain")
    async with living(settings, metrics=MetricsAccess.OFF) as client:
        assert (await client.get("/metrics")).status_code == 404


async def test_what_is_not_served_is_not_known(settings: Settings) -> None:
    async with living(settings) as client:
        found = await client.get("/1.0/identifiers/did:ethr:0x" + "11" * 20)
    assert found.status_code >= 400
    assert "unknown_network" in found.text


async def test_the_bounds_stand_around_all_of_it(settings: Settings) -> None:
    async with living(settings, max_body_bytes=1024) as client:
        response = await client.post("/credentials/verify", content=b"x" * 1025)
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")


async def test_a_worker_that_cannot_start_says_why(settings: Settings) -> None:
    app = Worker(settings=replace(settings, api_keys="nonsense"), options=ServiceOptions())()
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "lifespan.startup"}

    async def send(message: Message) -> None:
        sent.append(message)

    await app({"type": "lifespan"}, receive, send)
    assert sent[0]["type"] == "lifespan.startup.failed"
    assert isinstance(app.failure, InvalidConfiguration)


def test_a_worker_is_handed_over_whole() -> None:
    worker = Worker(
        settings=Settings(networks=(NODE,), service={"redis_url": "redis://:secretsecret@h"}),
        options=ServiceOptions(redis_url="redis://:secretsecret@h"),
    )
    assert pickle.loads(pickle.dumps(worker)) == worker  # noqa: S301 - our own
    assert "secretsecret" not in repr(worker)


# --- which networks


def test_all_networks_with_a_node_are_served() -> None:
    assert served_networks(Settings(networks=(NODE, BARE)), ServiceOptions()) == (NODE,)


def test_those_that_are_named_are_served_once() -> None:
    settings = Settings(networks=(NODE, replace(NODE, name="other")))
    options = ServiceOptions(networks=("other", "dev", "other"))
    assert [one.name for one in served_networks(settings, options)] == ["other", "dev"]


def test_a_network_is_known_and_has_a_node() -> None:
    settings = Settings(networks=(NODE, BARE))
    with pytest.raises(UnknownNetwork, match="dve"):
        served_networks(settings, ServiceOptions(networks=("dve",)))
    with pytest.raises(InvalidConfiguration, match="no RPC URL is configured for network bare"):
        served_networks(settings, ServiceOptions(networks=("bare",)))
    only = ServiceOptions(networks=("bare",), index=IndexUse.ONLY)
    assert served_networks(settings, only) == (BARE,)
    with pytest.raises(InvalidConfiguration, match="no network has a node"):
        served_networks(Settings(networks=(BARE,)), ServiceOptions())


# --- before anybody listens


def test_a_port_that_is_taken_is_told(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InvalidOption, match=f"port {port} cannot be listened at: Address"):
            serve(settings, ServiceOptions(port=port), lambda *_: None)


def test_an_address_that_is_none_is_told(settings: Settings) -> None:
    with pytest.raises(InvalidOption, match=r"nowhere\.invalid port 0 cannot be listened at"):
        serve(settings, ServiceOptions(host="nowhere.invalid", port=0), lambda *_: None)


def test_keys_are_read_before_anybody_listens(settings: Settings) -> None:
    with pytest.raises(InvalidConfiguration, match="ETHR_DID_API_KEYS, part 1: not a key"):
        serve(replace(settings, api_keys="nonsense"), ServiceOptions(port=0), lambda *_: None)


async def test_without_redis_the_extra_is_named(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(AssertionError, match=r"counting in Redis needs the extra redis"):
        async with living(settings, redis_url="redis://127.0.0.1"):
            pass
