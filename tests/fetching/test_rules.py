"""The rule book by itself: the steps of a fetch, fed by hand with a world of public addresses."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ethr_did.errors import FetchError, InvalidOption
from ethr_did.fetching.rules import (
    Connect,
    Fetched,
    FetchRules,
    Receive,
    Resolve,
    failure_of,
    fetch_steps,
)
from support.web_server import chunk, head, redirect, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

PUBLIC = "93.184.215.14"
OTHER = "2606:4700::1111"


class World:
    """Name services and servers, as tables; remembers what was done."""

    def __init__(
        self,
        answers: dict[str, Sequence[bytes]],
        names: dict[str, list[Sequence[str]]] | None = None,
        *,
        dead: Sequence[str] = (),
        false: Sequence[str] = (),
    ) -> None:
        self._answers = answers
        self._names = names or {}
        self._dead = dead
        self._false = false
        self._coming: list[bytes] = []
        self.resolved: list[str] = []
        self.connected: list[str] = []

    def fetch(self, url: str, *, most: int | None = None, **rules: Any) -> Fetched:
        """The document, if the rule book lets it come about."""
        made = FetchRules(**rules)
        steps = fetch_steps(url, accept="*/*", most=most, rules=made)
        try:
            step = next(steps)
            while True:
                try:
                    step = steps.send(self._do(step))
                except OSError as error:
                    step = steps.throw(failure_of(step, error, rules=made, late=False))
        except StopIteration as end:
            found: Fetched = end.value
            return found

    def _do(self, step: Resolve | Connect | Receive) -> Any:
        if isinstance(step, Resolve):
            self.resolved.append(step.target.host)
            turns = self._names.get(step.target.host, [[PUBLIC]])
            return turns.pop(0) if len(turns) > 1 else turns[0]
        if isinstance(step, Connect):
            self.connected.append(step.address)
            if step.address in self._dead:
                raise ConnectionRefusedError(111, "Connection refused")
            if step.address in self._false:
                raise ssl.SSLError(1, "WRONG_VERSION_NUMBER")
            self._coming = list(self._answers[step.target.url])
            return None
        return self._coming.pop(0) if self._coming else b""


def reason(world: World, url: str, **rules: Any) -> str:
    with pytest.raises(FetchError) as caught:
        world.fetch(url, **rules)
    found: str = caught.value.facts["reason"]
    return found


def test_public_address_is_connected_to() -> None:
    world = World({"https://lists.example/1": [whole(b"x")]})
    assert world.fetch("https://lists.example/1").content == b"x"
    assert world.connected == [PUBLIC]


def test_name_that_is_public_when_checked_cannot_be_private_when_connected_to() -> None:
    world = World(
        {"https://lists.example/1": [whole(b"x")]}, {"lists.example": [[PUBLIC], ["10.0.0.1"]]}
    )
    world.fetch("https://lists.example/1")
    assert (world.resolved, world.connected) == (["lists.example"], [PUBLIC])


def test_name_that_becomes_private_before_a_redirect_is_not_connected_to() -> None:
    world = World(
        {"https://lists.example/1": [redirect("/2")]}, {"lists.example": [[PUBLIC], ["10.0.0.1"]]}
    )
    assert reason(world, "https://lists.example/1") == "forbidden"
    assert world.connected == [PUBLIC]


@pytest.mark.parametrize(
    "place",
    [
        "https://127.0.0.1/",
        "https://10.0.0.1:8443/",
        "https://[::1]/",
        "https://[::ffff:192.168.0.1]/",
        "https://[64:ff9b::10.0.0.1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://inside.example/",
        "https://mixed.example/",
    ],
)
def test_redirect_to_a_private_address_is_not_followed(place: str) -> None:
    names: dict[str, list[Sequence[str]]] = {
        "inside.example": [["192.168.0.1"]],
        "mixed.example": [[PUBLIC, "fd00::1"]],
    }
    world = World({"https://lists.example/1": [redirect(place)]}, names)
    assert reason(world, "https://lists.example/1") == "forbidden"
    assert world.connected == [PUBLIC]


def test_address_of_a_private_host_is_not_told() -> None:
    world = World({}, {"db.example": [["10.1.2.3"]]})
    with pytest.raises(FetchError) as caught:
        world.fetch("https://db.example/1")
    assert caught.value.message == "https://db.example/1 is at a private address"
    assert "10.1.2.3" not in repr(caught.value.to_dict())


def test_addresses_are_tried_in_turn() -> None:
    world = World(
        {"https://lists.example/1": [whole(b"x")]},
        {"lists.example": [[OTHER, PUBLIC, "8.8.8.8"]]},
        dead=[OTHER],
    )
    assert world.fetch("https://lists.example/1").content == b"x"
    assert world.connected == [OTHER, PUBLIC]


def test_host_is_unreachable_if_all_addresses_are() -> None:
    world = World({}, {"lists.example": [[OTHER, PUBLIC]]}, dead=[OTHER, PUBLIC])
    assert reason(world, "https://lists.example/1") == "unreachable"
    assert world.connected == [OTHER, PUBLIC]


def test_next_address_is_not_tried_where_one_cannot_be_trusted() -> None:
    names: dict[str, list[Sequence[str]]] = {"lists.example": [[OTHER, PUBLIC]]}
    world = World({"https://lists.example/1": [whole(b"x")]}, names, false=[OTHER])
    assert reason(world, "https://lists.example/1") == "tls"
    assert world.connected == [OTHER]


def test_answer_may_come_in_any_pieces() -> None:
    parts = [chunk(b"ab"), chunk(b"cde"), chunk(b"")]
    answer = head(100) + head(103) + head(200, transfer_encoding="chunked") + b"".join(parts)
    pieces = [answer[i : i + 1] for i in range(len(answer))]
    world = World({"https://lists.example/1": pieces})
    assert world.fetch("https://lists.example/1").content == b"abcde"


def test_framing_counts_against_a_limit_too() -> None:
    piece = b"1;" + b"x" * 1000 + b"\r\na\r\n"
    pieces = [head(200, transfer_encoding="chunked"), *[piece] * 200]
    world = World({"https://lists.example/1": pieces})
    assert reason(world, "https://lists.example/1", most_bytes=1000) == "broken"


def test_answers_before_the_answer_have_a_limit_too() -> None:
    world = World({"https://lists.example/1": [head(100)] * 5000})
    assert reason(world, "https://lists.example/1") == "broken"


def test_words_of_the_server_are_not_repeated() -> None:
    world = World({"https://lists.example/1": [b"HTTP/1.1 200 OK\r\n\x1b[2Jsecret\r\n\r\n"]})
    with pytest.raises(FetchError) as caught:
        world.fetch("https://lists.example/1")
    assert caught.value.message == "https://lists.example/1 sent no whole answer"
    assert repr(caught.value.__cause__) == "ConnectionError('RemoteProtocolError')"


@pytest.mark.parametrize(
    "accept", ["", "a\r\nX: y", "\u00e4", " a", "a ", "a" * 1025, "\x00", "a\nb"]
)
def test_accept_must_be_a_header(accept: str) -> None:
    with pytest.raises(InvalidOption, match="cannot be an Accept header"):
        next(fetch_steps("https://lists.example/", accept=accept, most=None, rules=FetchRules()))


@pytest.mark.parametrize(
    "rules",
    [
        {"timeout": 0},
        {"timeout": -1.0},
        {"timeout": float("nan")},
        {"timeout": float("inf")},
        {"connect_timeout": 0},
        {"most_bytes": -1},
        {"most_redirects": -1},
    ],
)
def test_limits_must_be_limits(rules: dict[str, Any]) -> None:
    (name,) = rules
    with pytest.raises(InvalidOption, match=name):
        FetchRules(**rules)


def test_document_is_not_shown_in_full() -> None:
    assert "xyz" not in repr(Fetched(url="https://lists.example/", content=b"xyz"))


@given(
    noise=st.lists(
        st.binary(max_size=100)
        | st.sampled_from(
            [
                head(100),
                b"HTTP/1.1 200 OK\r\n",
                head(200, transfer_encoding="chunked"),
                head(200, content_length=5),
                chunk(b"ab"),
                chunk(b""),
                redirect("/1"),
                b"Location: ",
                b"\r\n",
            ]
        ),
        max_size=6,
    )
)
def test_whatever_a_server_sends_ends_in_a_document_or_an_error_of_ours(noise: list[bytes]) -> None:
    world = World({"https://lists.example/1": noise})
    try:
        found = world.fetch("https://lists.example/1", most_bytes=1000)
    except FetchError as error:
        assert str(error).isprintable()  # noqa: PT017 - no error is fine too
    else:
        assert len(found.content) <= 1000
