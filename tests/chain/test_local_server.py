"""The in-process chain over HTTP."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from web3 import Web3

from ethr_did.chain.local import LocalChain, LocalServer, serve
from ethr_did.errors import InvalidOption

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ethr_did.chain.local import LocalAccount

ANYBODY = "0x" + "42" * 20
CHAIN_ID = b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}'


@contextmanager
def connected(server: LocalServer) -> Iterator[HTTPConnection]:
    address = urlsplit(server.url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=10)
    try:
        yield connection
    finally:
        connection.close()


def post(server: LocalServer, body: bytes, **headers: str) -> tuple[HTTPResponse, bytes]:
    with connected(server) as connection:
        connection.request("POST", "/", body, {k.replace("_", "-"): v for k, v in headers.items()})
        response = connection.getresponse()
        return response, response.read()


def test_a_request_is_answered(server: LocalServer) -> None:
    response, content = post(server, CHAIN_ID)

    assert response.status == 200
    assert response.headers["Content-Type"] == "application/json"
    assert json.loads(content) == {"jsonrpc": "2.0", "id": 1, "result": "0x7a69"}


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "text/plain", ""])
def test_the_content_type_does_not_matter(server: LocalServer, kind: str) -> None:
    assert post(server, CHAIN_ID, Content_Type=kind)[0].status == 200


# The last is so deep that the decoder, with the limit of recursion that py-evm sets, would crash.
@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"nonsense", b"[" * 100_000])
def test_what_is_no_json_is_a_parse_error(server: LocalServer, body: bytes) -> None:
    response, content = post(server, body)

    assert response.status == 200
    assert json.loads(content) == {
        "jsonrpc": "2.0",
        "id": None,
        "error": {"code": -32700, "message": "parse error"},
    }


def test_a_notification_has_no_content(server: LocalServer) -> None:
    response, content = post(server, b'{"jsonrpc":"2.0","method":"eth_chainId"}')

    assert (response.status, content) == (204, b"")


def test_many_requests_share_a_connection(server: LocalServer) -> None:
    with connected(server) as connection:
        connection.connect()
        local = connection.sock.getsockname()
        for body in (CHAIN_ID, b'{"jsonrpc":"2.0","method":"eth_chainId"}', CHAIN_ID):
            connection.request("POST", "/", body)
            connection.getresponse().read()
            assert connection.sock.getsockname() == local


def test_a_request_may_be_too_large(chain: LocalChain) -> None:
    with serve(chain, port=0, max_body=1_000) as server:
        assert post(server, CHAIN_ID.ljust(1_000))[0].status == 200
        assert post(server, CHAIN_ID.ljust(1_001))[0].status == 413
        assert post(server, CHAIN_ID.ljust(4_000))[0].status == 413


@pytest.mark.parametrize("length", ["x", "-1", "1e3"])
def test_the_length_must_be_a_number(server: LocalServer, length: str) -> None:
    with connected(server) as connection:
        connection.putrequest("POST", "/")
        connection.putheader("Content-Length", length)
        connection.endheaders()

        assert connection.getresponse().status == 411


def test_only_posts_are_taken(server: LocalServer) -> None:
    for method in ("GET", "OPTIONS"):
        with connected(server) as connection:
            connection.request(method, "/")
            response = connection.getresponse()

            assert response.status == 405
            assert response.headers["Allow"] == "POST"


def test_a_foreign_host_name_is_refused(server: LocalServer) -> None:
    """A web page may give loopback a name of its own."""
    assert post(server, CHAIN_ID, Host="evil.example")[0].status == 403
    assert post(server, CHAIN_ID, Host="localhost:1")[0].status == 200


def test_other_origins_are_let_in_only_when_named(chain: LocalChain, server: LocalServer) -> None:
    assert "Access-Control-Allow-Origin" not in post(server, CHAIN_ID)[0].headers
    with serve(chain, port=0, cors_origin="https://app.example") as open_server:
        response, _ = post(open_server, CHAIN_ID, Origin="https://app.example")
        assert response.headers["Access-Control-Allow-Origin"] == "https://app.example"
        with connected(open_server) as connection:
            connection.request("OPTIONS", "/")
            preflight = connection.getresponse()
            assert preflight.status == 204
            assert preflight.headers["Access-Control-Allow-Headers"] == "Content-Type"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com"])  # noqa: S104
def test_only_loopback_is_listened_on(chain: LocalChain, host: str) -> None:
    with pytest.raises(InvalidOption, match="not a loopback address"):
        serve(chain, host, 0)


def test_remote_access_can_be_allowed(chain: LocalChain) -> None:
    with serve(chain, "0.0.0.0", 0, allow_remote=True) as server:  # noqa: S104
        port = urlsplit(server.url).port
        with socket.create_connection(("127.0.0.1", port or 0), timeout=5):
            pass


def test_a_fault_of_the_chain_is_an_internal_error(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(LocalChain):
        def handle(self, request: object) -> object:  # noqa: ARG002 - given
            raise RuntimeError("secret of the house")

    with serve(Broken(accounts=0), port=0) as server:
        response, content = post(server, CHAIN_ID)

    assert response.status == 200
    assert json.loads(content)["error"] == {"code": -32603, "message": "internal error"}
    assert "secret of the house" in caplog.text


def test_concurrent_clients_all_get_their_own_answer(
    chain: LocalChain, server: LocalServer
) -> None:
    before = chain.head.number

    def client(number: int) -> list[int]:
        ids = []
        with connected(server) as connection:
            for turn in range(10):
                request = {
                    "jsonrpc": "2.0",
                    "id": number * 100 + turn,
                    "method": "eth_sendTransaction",
                    "params": [
                        {
                            "from": chain.accounts[number].address,
                            "to": ANYBODY,
                            "value": "0x1",
                            "gas": "0x5208",
                        }
                    ],
                }
                connection.request("POST", "/", json.dumps(request))
                response: Any = json.loads(connection.getresponse().read())
                assert "result" in response
                ids.append(response["id"])
        return ids

    with ThreadPoolExecutor(8) as pool:
        answered = list(pool.map(client, range(8)))

    assert answered == [[number * 100 + turn for turn in range(10)] for number in range(8)]
    assert chain.head.number == before + 80


def test_web3_sends_with_fees_from_the_fee_history(
    server: LocalServer, alice: LocalAccount
) -> None:
    web3 = Web3(Web3.HTTPProvider(server.url))
    history = web3.eth.fee_history(5, "latest", [50])
    tip = max(10**9, *(reward for (reward,) in history["reward"]))
    transaction = {
        "chainId": web3.eth.chain_id,
        "nonce": web3.eth.get_transaction_count(alice.address, "pending"),
        "to": Web3.to_checksum_address(ANYBODY),
        "value": 7,
        "gas": 21_000,
        "maxFeePerGas": 2 * history["baseFeePerGas"][-1] + tip,
        "maxPriorityFeePerGas": tip,
    }
    signed = web3.eth.account.sign_transaction(transaction, alice.key)

    receipt = web3.eth.wait_for_transaction_receipt(
        web3.eth.send_raw_transaction(signed.raw_transaction)
    )

    assert receipt["status"] == 1
    assert web3.eth.get_balance(Web3.to_checksum_address(ANYBODY)) == 7


def test_closing_hangs_up_quickly_and_can_be_repeated(chain: LocalChain) -> None:
    server = serve(chain, port=0)
    with connected(server) as connection:
        connection.request("POST", "/", CHAIN_ID)
        connection.getresponse().read()
        start = time.monotonic()

        server.close()
        server.close()

        assert time.monotonic() - start < 1
        assert connection.sock.recv(1) == b""


def test_the_port_is_free_again_after_closing(chain: LocalChain) -> None:
    with serve(chain, port=0) as server:
        port = urlsplit(server.url).port or 0
    with serve(chain, port=port) as server:
        assert post(server, CHAIN_ID)[0].status == 200


def test_an_interrupt_ends_it_cleanly() -> None:
    code = (
        "import time\n"
        "from ethr_did.chain.local import LocalChain, serve\n"
        "try:\n"
        "    with serve(LocalChain(), port=0) as server:\n"
        "        print(server.url, flush=True)\n"
        "        time.sleep(60)\n"
        "except KeyboardInterrupt:\n"
        "    print('closed', flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=10)

    assert (output, errors, process.returncode) == ("closed\n", "", 0)
