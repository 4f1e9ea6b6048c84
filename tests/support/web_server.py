"""An https server on loopback that does as it is told; real sockets, real TLS.

    authority = Authority(folder)                  # a throw-away certificate authority
    with WebServer(tls=authority.serving("lists.example")) as server:
        server.on("/1", whole(b"a list", etag='"7"'))
        server.on("/slow", head(200, content_length=100), *dripping(b"x" * 100, every=0.1))
        server.on("/gone", redirect("https://elsewhere.example/"))
        ...                                        # https://lists.example:{server.port}/1
    server.asked                                   # the requests as they came, as bytes
    server.connections                             # TCP connections so far

An answer is what goes over the line, piece by piece: bytes are sent, a number is a pause in seconds,
``RESET`` tears the connection down. At the end it is closed. A function of the request may stand
for the pieces.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import socket
import ssl
import struct
import threading
from itertools import repeat
from typing import TYPE_CHECKING, Final, Self, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

RESET: Final = "reset"

Piece: TypeAlias = "bytes | float | str"
Answer: TypeAlias = "Iterable[Piece] | Callable[[bytes], Iterable[Piece]]"

_LINGER_0 = struct.pack("ii", 1, 0)


# -- answers -------------------------------------------------------------------------------------


def head(status: int, *lines: str, **headers: object) -> bytes:
    """A status line and headers; ``content_length=5`` is ``Content-Length: 5``."""
    named = [f"{name.replace('_', '-').title()}: {value}" for name, value in headers.items()]
    text = "\r\n".join([f"HTTP/1.1 {status} Words", *named, *lines, "", ""])
    return text.encode("latin-1")


def whole(body: bytes, *lines: str, status: int = 200, **headers: object) -> bytes:
    """A whole answer with its length."""
    return head(status, *lines, content_length=len(body), **headers) + body


def redirect(location: str, status: int = 302) -> bytes:
    """Somewhere else."""
    return whole(b"", status=status, location=location)


def chunk(data: bytes) -> bytes:
    """A piece of a body of unknown length; an empty one is the last."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def dripping(data: bytes, *, every: float) -> Iterator[Piece]:
    """Byte by byte, with a pause in seconds before each."""
    for byte in data:
        yield every
        yield bytes([byte])


def endless(piece: bytes) -> Iterator[Piece]:
    """Until nobody listens any more."""
    return repeat(piece)


# -- certificates --------------------------------------------------------------------------------


class Authority:
    """A throw-away certificate authority; its certificate is in ``ca_file``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = _new_key()
        self._name = _name("Authority of a test")
        self.ca_file = folder / "authority.pem"
        self.ca_file.write_bytes(_pem(self._certificate(self._name, self._key, [], ca=True)))

    def serving(self, *hosts: str, days: int = 1) -> ssl.SSLContext:
        """What a server needs to be believed to be these hosts; expired if the days are below 0."""
        from cryptography.hazmat.primitives import serialization

        key = _new_key()
        certificate = self._certificate(_name("Server of a test"), key, list(hosts), days=days)
        path = self._folder / f"server-{id(key)}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + _pem(certificate)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _certificate(
        self,
        subject: x509.Name,
        key: EllipticCurvePrivateKey,
        hosts: list[str],
        *,
        ca: bool = False,
        days: int = 1,
    ) -> x509.Certificate:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes

        end = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(end - dt.timedelta(days=2))
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
        )
        if hosts:
            names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        if ca:
            builder = builder.add_extension(_usage_of_an_authority(), critical=True)
        return builder.sign(self._key, hashes.SHA256())


def _new_key() -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def _name(text: str) -> x509.Name:
    from cryptography import x509

    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _general_name(host: str) -> x509.GeneralName:
    import ipaddress

    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage_of_an_authority() -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives import serialization

    return certificate.public_bytes(serialization.Encoding.PEM)


# -- the server ----------------------------------------------------------------------------------


class WebServer:
    """See the module docstring."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self._tls = tls
        self._answers: dict[str, Answer] = {}
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []
        self._open: set[socket.socket] = set()
        self.asked: list[bytes] = []
        self.connections = 0
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family)
        self.port: int = self._listener.getsockname()[1]
        self._start(self._accept)

    def on(self, path: str, *answer: Piece | Iterator[Piece]) -> None:
        """What a path, query included, is answered with: pieces and iterators of pieces."""
        self._answers[path] = lambda _asked: _flat(answer)

    def when(self, path: str, answer: Callable[[bytes], Iterable[Piece]]) -> None:
        """The same, as a function of the request."""
        self._answers[path] = answer

    def close(self) -> None:
        """Ends every connection and thread."""
        self._closing.set()
        # A listener that is closed goes on waiting; one that is shut down does not.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._open):
            _shut(connection)
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(connection)
            self._start(lambda one=connection: self._serve(one))  # type: ignore[misc]

    def _serve(self, connection: socket.socket) -> None:
        # Clients that go away are part of the game.
        with contextlib.suppress(OSError, ValueError), connection:
            line = connection
            if self._tls is not None:
                line = self._tls.wrap_socket(connection, server_side=True)
                self._open.add(line)
            with line:
                self._answer(line)
        self._open.discard(connection)

    def _answer(self, line: socket.socket) -> None:
        asked = b""
        while b"\r\n\r\n" not in asked:
            more = line.recv(1 << 16)
            if not more:
                return
            asked += more
        self.asked.append(asked)
        answer = self._answers[asked.split(b" ")[1].decode()]
        for piece in answer(asked) if callable(answer) else answer:
            if isinstance(piece, str):
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_0)
                return
            if isinstance(piece, bytes):
                line.sendall(piece)
            elif self._closing.wait(piece):
                return


def _flat(pieces: Iterable[Piece | Iterator[Piece]]) -> Iterator[Piece]:
    for piece in pieces:
        if isinstance(piece, (bytes, float, int, str)):
            yield piece
        else:
            yield from piece


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        # Not the method of a TLS socket, which would pull the state from under its reader.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
