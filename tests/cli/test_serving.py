"""``serve``, in processes of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from support.command_line import CommandLine

if TYPE_CHECKING:
    from ethr_did.chain.local import LocalAccount

KEY = "k" * 32
SERVE = ("serve", "--network", "dev", "--no-index", "--port", "0", "--json")


@pytest.fixture
def user(config: Path, tmp_path: Path) -> CommandLine:
    """Whoever runs the service."""
    return CommandLine(
        {"ETHR_DID_CONFIG": str(config), "ETHR_DID_STATE_DIR": str(tmp_path / "state")}
    )


def test_it_answers_and_ends_tidily(user: CommandLine, alice: LocalAccount) -> None:
    did = f"did:ethr:dev:{alice.address}"
    variables = {"ETHR_DID_API_KEYS": f"shop={KEY}"}
    with user.spawn(*SERVE, **variables) as process:
        ready = process.read_json()
        assert (ready["networks"], ready["workers"]) == (["dev"], 1)
        with httpx.Client(base_url=ready["url"], headers={"X-API-Key": KEY}, timeout=30) as client:
            assert client.get("/health/ready").json()["ready"] is True
            document = client.get(f"/1.0/identifiers/{did}").json()
            assert document["id"] == did
            unknown = client.get("/nothing")
            assert unknown.json()["requestId"] == unknown.headers["x-request-id"]
        done = process.end(signal.SIGTERM)
    assert (done.status, done.out) == (0, "")
    *lines, last = done.err.splitlines()
    assert last == "Stopped."
    requests = [json.loads(line) for line in lines]
    assert [(line["route"], line["status"], line.get("key")) for line in requests] == [
        ("/health/ready", 200, None),
        ("/1.0/identifiers/{identifier}", 200, "shop"),
        ("-", 404, "shop"),
    ]
    assert alice.address not in done.err
    assert KEY not in done.err


def test_two_workers_answer_together_and_end_together(
    user: CommandLine, alice: LocalAccount, tmp_path: Path
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        _config_of(user) + '\n[service]\nworkers = 2\nmetrics = "open"\nlog_level = "warning"\n'
    )
    did = f"did:ethr:dev:{alice.address}"
    with user.spawn(*SERVE, "--config", config) as process:
        ready = process.read_json()
        assert ready["workers"] == 2
        url = f"{ready['url']}/1.0/identifiers/{did}"
        assert {httpx.get(url, timeout=60).status_code for _ in range(20)} == {200}
        assert _counted(ready["url"]) == 20
        workers = _children(process.pid)
        assert len(workers) == 2
        # A worker that dies is replaced, and what it has counted is not forgotten.
        os.kill(workers[-1], signal.SIGKILL)
        until = time.monotonic() + 20
        while len(set(_children(process.pid)) - set(workers)) == 0:
            assert time.monotonic() < until
            time.sleep(0.1)
        assert httpx.get(url, timeout=60).status_code == 200
        done = process.end(signal.SIGINT)
    assert done.status == 0
    assert done.err.endswith("Stopped.\n")


def test_workers_do_not_outlive_whoever_has_started_them(user: CommandLine, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(_config_of(user) + "\n[service]\nworkers = 2\n")
    with user.spawn(*SERVE, "--config", config) as process:
        url = f"{process.read_json()['url']}/health/live"
        assert httpx.get(url, timeout=60).status_code == 200
        # Both hold the other end of these pipes: killed, the command ends only when they do.
        assert process.end(signal.SIGKILL).status == -signal.SIGKILL


def test_a_request_that_is_being_answered_is_finished(user: CommandLine) -> None:
    with user.spawn(*SERVE) as process:
        port = int(process.read_json()["url"].rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            # The body is what it waits for.
            connection.sendall(
                b"POST /credentials/verify HTTP/1.1\r\nHost: x\r\n"
                b"Content-Type: application/json\r\nContent-Length: 2\r\n"
                b"Expect: 100-continue\r\n\r\n"
            )
            assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")
            ended: list[Any] = []
            ending = threading.Thread(target=lambda: ended.append(process.end(signal.SIGTERM)))
            ending.start()
            time.sleep(0.3)
            assert not ended
            connection.sendall(b"{}")
            answer = connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 400 ")
            assert b"connection: close" in answer
            ending.join(20)
    assert ended[0].status == 0


def test_what_is_wrong_is_told_before_anybody_listens(user: CommandLine, tmp_path: Path) -> None:
    unknown = user("serve", "--network", "dve", "--json")
    assert (unknown.status, unknown.error["hint"]) == (7, "Did you mean dev?")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        busy = user("serve", "--network", "dev", "--port", port)
    assert busy.status == 2
    assert f"port {port} cannot be listened at: Address already in use" in busy.err
    config = tmp_path / "config.toml"
    config.write_text("[service]\nprot = 1\nworkers = 0\n")
    faults = user("serve", "--config", config, "--json").error["facts"]["faults"]
    assert faults == [
        "service.workers: 0 is not a whole number from 1 to 128",
        "service.prot: unknown setting. Did you mean port?",
    ]
    both = user("serve", "--index-only", "--no-index")
    assert (both.status, "--index-only goes with" in both.err) == (2, True)


def test_keys_are_no_option(user: CommandLine, tmp_path: Path) -> None:
    assert "key" not in user("serve", "--help").out.lower().replace("keystore", "")
    keys = tmp_path / "keys"
    keys.write_text(f"shop={KEY}")
    keys.chmod(0o644)
    config = tmp_path / "config.toml"
    config.write_text(_config_of(user) + f'[service]\napi_keys_file = "{keys}"\n')
    refused = user("serve", "--config", config, "--port", "0", "--json")
    assert refused.status == 7
    assert refused.error["hint"] == f"chmod 600 {keys}"


def test_without_the_extra_it_is_named(user: CommandLine, tmp_path: Path) -> None:
    # In a process of its own: the service's modules stay as they are for the tests of this one.
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['uvicorn'] = None")
    refused = user.piped("serve", "--json", PYTHONPATH=str(tmp_path))
    assert refused.status == 9
    assert (
        refused.error["message"] == "the service needs the extra server: uvicorn is not installed"
    )
    assert refused.error["hint"] == "pip install 'ethr-did[server]'"


def _config_of(user: CommandLine) -> str:
    return Path(user.environment["ETHR_DID_CONFIG"]).read_text("utf-8")


def _children(parent: int) -> list[int]:
    """The workers of a service, without what Python's own processes are started with."""
    path = Path(f"/proc/{parent}/task/{parent}/children")
    found = [int(pid) for pid in path.read_text().split()]
    return [pid for pid in found if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def _counted(url: str) -> int:
    """Answers counted by all workers, as soon as all have written them down."""
    until = time.monotonic() + 10
    while True:
        text = httpx.get(f"{url}/metrics", timeout=30).text
        count = sum(
            int(float(line.rpartition(" ")[2]))
            for line in text.splitlines()
            if line.startswith("ethr_did_request_seconds_count") and "identifiers" in line
        )
        if count == 20 or time.monotonic() > until:
            return count
        time.sleep(0.1)
