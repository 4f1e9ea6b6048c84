"""Signatures in JOSE: tokens in compact form, read strictly, signed and verified through joserfc.

Rules:
  1. The algorithm is one of ``keys.ALGORITHMS``; joserfc knows no other here, ``none`` included.
  2. A header with ``crit`` is refused: nobody here keeps what it asks for. So is a key or the
     address of one in a header (``jwk``, ``jku``, ``x5c``, ``x5u``): keys come from DID documents.
  3. Three parts in base64url of one spelling; header and payload are JSON objects, read strictly;
     lengths are bounded before anything is decoded.
  4. A token that is read is not verified yet; ``check_signature`` is the only thing that says so.

Spec: RFC 7515 sections 3.1, 4.1, 5.2 and 7.1; RFC 8725.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ethr_did.core.base64url import decode_base64url
from ethr_did.core.strict_json import read_json, write_json
from ethr_did.credentials.keys import ALGORITHMS, Algorithm, PublicKey
from ethr_did.credentials.signatures import is_signed_by
from ethr_did.errors import InvalidCredential, InvalidInput, shown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from ethr_did.credentials.signing_keys import SigningKey

__all__ = ["MAX_TOKEN", "Token", "check_signature", "parse_token", "sign_token"]

MAX_TOKEN: Final = 1 << 20
"""Bytes of the longest token."""

_MAX_HEADER = 8192
_MAX_SIGNATURE = 128
_KEYS_IN_HEADER = ("jwk", "jku", "x5c", "x5u")
_PARTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A JWS in compact form whose signature is not verified."""

    text: str = field(repr=False)
    algorithm: Algorithm
    header: Mapping[str, Any]
    claims: Mapping[str, Any] = field(repr=False)
    """The payload."""
    signature: bytes = field(repr=False)

    @property
    def signed(self) -> bytes:
        """What the signature covers."""
        return self.text.rpartition(".")[0].encode()

    @property
    def kid(self) -> str | None:
        """The key that is said to have signed.

        Raises:
            InvalidCredential: it is no text.
        """
        kid = self.header.get("kid")
        if kid is not None and (not isinstance(kid, str) or not kid):
            raise InvalidCredential(f"kid is not a text: {shown(kid)}")
        return kid

    @property
    def type(self) -> str | None:
        """``typ``, in lower case and without ``application/``.

        Raises:
            InvalidCredential: it is no text.

        Spec: RFC 7515 section 4.1.9.
        """
        kind = self.header.get("typ")
        if kind is None:
            return None
        if not isinstance(kind, str):
            raise InvalidCredential(f"typ is not a text: {shown(kind)}")
        return kind.lower().removeprefix("application/")


def parse_token(text: str, *, most: int = MAX_TOKEN) -> Token:
    """The token in a text; its signature is not verified.

    Args:
        text: the token.
        most: characters that it may have.

    Raises:
        InvalidCredential: it breaks a rule.
    """
    _check_size(text, most)
    parts = text.split(".", _PARTS)
    if len(parts) != _PARTS:
        raise InvalidCredential(
            f"not a token: {shown(text[:40])}", hint="A token has three parts, set off by points."
        )
    header_text, payload_text, signature_text = parts
    if len(header_text) > _MAX_HEADER:
        raise InvalidCredential("the header of the token is too long")
    algorithm, header = _read_header(header_text)
    if len(signature_text) > _MAX_SIGNATURE:
        raise InvalidCredential("the signature of the token is too long")
    return Token(
        text=text,
        algorithm=algorithm,
        header=header,
        claims=_read_object(payload_text, "the payload of the token"),
        signature=_decode(signature_text, "the signature of the token"),
    )


@functools.lru_cache(maxsize=256)
def _read_header(text: str) -> tuple[Algorithm, Mapping[str, Any]]:
    # Kept: one issuer's headers are all the same. Nobody changes what is returned.
    header = _read_object(text, "the header of the token")
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise InvalidCredential(
            f"alg {shown(algorithm)} is not accepted",
            hint=f"Accepted: {', '.join(sorted(ALGORITHMS))}.",
        )
    if "crit" in header:
        raise InvalidCredential(f"crit is not understood: {shown(header['crit'])}")
    for name in _KEYS_IN_HEADER:
        if name in header:
            raise InvalidCredential(
                f"the header brings a key of its own: {name}",
                hint="Keys are taken from the DID document of whoever signed.",
            )
    return Algorithm(algorithm), header


def _read_object(text: str, what: str) -> dict[str, Any]:
    data = _decode(text, what)
    try:
        value = read_json(data)
    except InvalidInput as cause:
        # Without how the text begins, and not chained: claims may stand there.
        reason = cause.message.partition(": ")[0]
    else:
        if isinstance(value, dict):
            return value
        reason = "not a JSON object"
    raise InvalidCredential(f"{what} is {reason}")


def _decode(text: str, what: str) -> bytes:
    try:
        return decode_base64url(text)
    except InvalidInput:
        pass  # not chained, as above
    raise InvalidCredential(f"{what} is not base64url")


def check_signature(token: Token, key: PublicKey, *, any_s: bool = False) -> None:
    """Nothing; the token was signed with the key.

    Args:
        token: as it was read.
        key: whose signature it must be.
        any_s: whether a high s will do; for tokens of the older kinds only.

    Raises:
        InvalidCredential: it was not, or the algorithm is not one of the key's.
    """
    if token.algorithm not in key.algorithms:
        raise InvalidCredential(
            f"alg {token.algorithm.value} does not go with a {key.kind.value} key",
            hint="The key of the DID document decides about the algorithm.",
        )
    model = _registry(any_s=any_s).get_alg(token.algorithm.value)
    if not model.verify(token.signed, token.signature, _jose_key(key)):
        raise InvalidCredential(
            "the signature is not that of the key",
            hint="The token was changed, or signed with another key.",
        )


def sign_token(
    header: Mapping[str, Any],
    claims: Mapping[str, Any],
    key: SigningKey,
    *,
    most: int = MAX_TOKEN,
) -> str:
    """The token, signed.

    Args:
        header: with ``alg``, ``typ`` and ``kid``.
        claims: the payload.
        key: of the algorithm.
        most: characters that the token may have.

    Raises:
        InvalidCredential: longer than any token that is read.
        SignerError: it was not signed.
    """
    jws = _joserfc()
    payload = write_json(claims)
    text: str = jws.serialize_compact(
        dict(header), payload, _signing_jose_key(key), registry=_registry(any_s=False)
    )
    _check_size(text, most)
    return text


def _check_size(text: str, most: int) -> None:
    if len(text) > most:
        raise InvalidCredential(f"a token of {len(text)} characters; at most {most} are read")


# -- joserfc -------------------------------------------------------------------------------------


@functools.cache
def _joserfc() -> ModuleType:
    from joserfc import jws  # 50 ms, for those who sign or verify tokens

    return jws


@functools.cache
def _registry(*, any_s: bool) -> Any:
    """The four algorithms, and what joserfc is to know of headers and sizes."""
    from joserfc.jws import JWSRegistry

    class Registry(JWSRegistry):
        algorithms = {one.value: _model(one, any_s=any_s) for one in Algorithm}  # noqa: RUF012 - joserfc's own name for it
        recommended = []  # noqa: RUF012 - as above
        max_header_length = _MAX_HEADER
        max_payload_length = MAX_TOKEN

    return Registry(algorithms=[one.value for one in Algorithm], strict_check_header=False)


def _model(algorithm: Algorithm, *, any_s: bool) -> Any:
    """An algorithm for joserfc: it signs with our signers, and verifies on libsecp256k1."""
    from joserfc._rfc7515.model import JWSAlgModel  # the documented base, exported nowhere

    class Model(JWSAlgModel):
        name = algorithm.value
        description = f"{algorithm.value} of ethr-did"
        key_type = "EC"

        def check_key(self, key: Any) -> None:
            """Nothing: that key and algorithm go together was checked before."""

        def sign(self, msg: bytes, key: Any) -> bytes:
            signature: bytes = key.signing.sign(algorithm, msg)
            return signature

        def verify(self, msg: bytes, sig: bytes, key: Any) -> bool:
            return is_signed_by(key.verifying, sig, msg, algorithm=algorithm, any_s=any_s)

    return Model()


@functools.cache
def _key_class() -> Any:
    from joserfc.jwk import ECKey

    class OurKey(ECKey):
        """joserfc tells keys by its classes; this one stands for a key of ours."""

        def __init__(self, *, verifying: PublicKey | None, signing: SigningKey | None) -> None:
            super().__init__(None, None)  # type: ignore[arg-type]  # nothing of joserfc's looks at it
            self.verifying = verifying
            self.signing = signing

    return OurKey


@functools.lru_cache(maxsize=4096)
def _jose_key(key: PublicKey) -> Any:
    return _key_class()(verifying=key, signing=None)


def _signing_jose_key(key: SigningKey) -> Any:
    return _key_class()(verifying=None, signing=key)
