"""SD-JWT VCs: credentials whose claims the holder discloses one by one, and their key binding.

Rules:
  1. The issuer's token has the type ``dc+sd-jwt``, an issuer that is a DID, and a ``kid`` that names
     one of its verification methods.
  2. ``vct`` says what kind of credential it is. It, the issuer, times, key and status are never
     hidden, nor is a part of them: every verifier has to see them.
  3. Key binding is a token of the type ``kb+jwt`` with ``iat``, ``aud``, ``nonce`` and ``sd_hash``,
     over exactly what is presented. It is signed with the key in ``cnf``, given as a JWK or as the
     verification method of the holder's DID.
  4. Disclosures are processed before anything in them is believed; see ``sd_jwt.py``.

Spec: RFC 9901 sections 4.3, 7.1 and 7.3; SD-JWT-based Verifiable Credentials, draft 19, section 3;
RFC 7800 section 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ethr_did.credentials.concealing import Decoys, conceal, filled_to
from ethr_did.credentials.credential import (
    Credential,
    CredentialFormat,
    Presentation,
    PresentationFormat,
    method_of,
)
from ethr_did.credentials.data_model import check_did, claim_status
from ethr_did.credentials.disclosures import HashName
from ethr_did.credentials.jose import Token, parse_token, sign_token
from ethr_did.credentials.keys import PublicKey
from ethr_did.credentials.sd_jwt import SDJWT, Processed, process
from ethr_did.credentials.vc_jwt import TokenProof, claim_window
from ethr_did.errors import InvalidCredential, InvalidKey, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ethr_did.credentials.claim_paths import PathPattern
    from ethr_did.credentials.keys import Algorithm
    from ethr_did.credentials.signing_keys import SigningKey

__all__ = [
    "ALWAYS_SHOWN",
    "SDJWTVC",
    "KeyBinding",
    "add_key_binding",
    "read_sd_jwt_vc",
    "sign_sd_jwt_vc",
]

VC_TYPE: Final = "dc+sd-jwt"
BINDING_TYPE: Final = "kb+jwt"

ALWAYS_SHOWN: Final = frozenset(
    {
        *("iss", "iat", "nbf", "exp", "cnf", "vct", "vct#integrity", "aka_vcts"),
        *("status", "credentialStatus"),
    }
)
"""Claims that may not be hidden; SD-JWT VC section 3.2.2.2, and ours."""

_DECOY_MULTIPLE = 4
_MAX_TYPES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyBinding:
    """The holder's signature under one presentation; not verified yet."""

    token: Token = field(repr=False)
    nonce: str
    audience: str
    issued_at: int
    """Unix seconds, by the holder's own word."""
    valid_from: int | None = None
    valid_until: int | None = None
    """The last good Unix second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SDJWTVC:
    """An SD-JWT VC in its parts."""

    credential: Credential
    sd_jwt: SDJWT = field(repr=False)
    payload: dict[str, Any] = field(repr=False)
    """What the issuer signed."""
    processed: Processed = field(repr=False)
    binding: KeyBinding | None

    @property
    def presentation(self) -> Presentation | None:
        """What a holder shows with it; None without key binding."""
        if self.binding is None:
            return None
        return Presentation(
            format=PresentationFormat.SD_JWT_KB,
            holder=holder_of(self.credential),
            credentials=(self.credential.raw,),
            nonce=self.binding.nonce,
            audience=(self.binding.audience,),
            issued_at=self.binding.issued_at,
            valid_from=self.binding.valid_from,
            valid_until=self.binding.valid_until,
            proof=TokenProof(
                token=self.binding.token, method_id=binding_method(self.credential.confirmation)
            ),
        )


def sign_sd_jwt_vc(
    claims: Mapping[str, Any],
    key: SigningKey,
    *,
    algorithm: Algorithm,
    method_id: str,
    hidden: Iterable[PathPattern],
    random: Callable[[int], bytes],
    decoys: Decoys | None = None,
) -> str:
    """The credential as an SD-JWT with all its disclosures.

    Args:
        claims: with ``iss`` and ``vct``.
        key: the issuer's.
        algorithm: of the verification method.
        method_id: of the issuer's document, a DID URL.
        hidden: paths of the claims that the holder may withhold.
        random: as many secret random bytes as it is asked for: ``secrets.token_bytes``.
        decoys: how many false digests; None fills each level up to a multiple of four.

    Raises:
        InvalidCredential: the claims are those of no such credential.
        InvalidInput: a path leads nowhere, or to what may not be hidden.
        SignerError: it was not signed.
    """
    issuer = check_did(claims.get("iss"), "iss")
    _types(claims)
    payload, made = conceal(
        dict(claims),
        hidden,
        random=random,
        decoys=filled_to(_DECOY_MULTIPLE) if decoys is None else decoys,
        never=ALWAYS_SHOWN,
    )
    header = {"alg": algorithm.value, "typ": VC_TYPE, "kid": method_of(method_id, issuer)}
    token = sign_token(header, payload, key)
    text = SDJWT(jwt=token, disclosures=tuple(one.encoded for one in made)).text
    read_sd_jwt_vc(text)  # so that nothing is given out that is not read again
    return text


def read_sd_jwt_vc(text: str) -> SDJWTVC:
    """The credential in an SD-JWT, and its key binding; no signature is verified.

    Raises:
        InvalidCredential: it breaks a rule.
    """
    sd_jwt = SDJWT.parse(text)
    token = parse_token(sd_jwt.jwt)
    if token.type != VC_TYPE:
        raise InvalidCredential(
            f"typ of the token is {shown(token.type)}, not {VC_TYPE}",
            hint="The earlier name vc+sd-jwt is not accepted any more.",
        )
    payload = dict(token.claims)
    _check_shown(payload)
    processed = process(payload, sd_jwt.disclosures)
    credential = _credential(text, token, processed)
    binding = None
    if sd_jwt.key_binding is not None:
        binding = _read_binding(sd_jwt, sd_jwt.key_binding, processed)
    return SDJWTVC(
        credential=credential,
        sd_jwt=sd_jwt,
        payload=payload,
        processed=processed,
        binding=binding,
    )


def _check_shown(payload: Mapping[str, Any]) -> None:
    """Raises unless the claims that every verifier needs are in the payload itself."""
    for name in ("iss", "vct"):
        if name not in payload:
            raise InvalidCredential(f"{name} is missing, or hidden, which it may not be")


def _credential(text: str, token: Token, processed: Processed) -> Credential:
    claims = processed.claims
    _check_nothing_hidden(token.claims, processed)
    issuer = check_did(claims["iss"], "iss")
    start, end, issued = claim_window(claims)
    subject, confirmation = claims.get("sub"), claims.get("cnf")
    if subject is not None and not isinstance(subject, str):
        raise InvalidCredential(f"sub is not a text: {shown(subject)}")
    if confirmation is not None and not isinstance(confirmation, Mapping):
        raise InvalidCredential("cnf is not an object")
    return Credential(
        format=CredentialFormat.SD_JWT,
        raw=text,
        claims=claims,
        issuer=issuer,
        subjects=() if subject is None else (subject,),
        types=_types(claims),
        valid_from=start,
        valid_until=end,
        issued_at=issued,
        status=_status(claims),
        confirmation=confirmation,
        proof=TokenProof(token=token, method_id=method_of(token.kid, issuer)),
        statement=token.claims,
        secured=token.text.encode(),
    )


def _check_nothing_hidden(payload: Mapping[str, Any], processed: Processed) -> None:
    """Raises unless the holder could withhold nothing that every verifier has to see."""
    hidden = {str(path[0]) for path in processed.places.values()} & ALWAYS_SHOWN
    if hidden:
        raise InvalidCredential(f"{min(hidden)} is disclosed; it may not be hidden")
    for name in sorted(ALWAYS_SHOWN & payload.keys()):
        if processed.claims[name] != payload[name]:
            # A digest was in it: of a status, for one, that a holder would rather not show.
            raise InvalidCredential(f"a part of {name} is withheld; it may not be hidden")


def _types(claims: Mapping[str, Any]) -> tuple[str, ...]:
    kind, others = claims.get("vct"), claims.get("aka_vcts", [])
    if not isinstance(kind, str) or not kind:
        raise InvalidCredential(f"vct is not a text: {shown(kind)}")
    if not isinstance(others, list) or len(others) > _MAX_TYPES:
        raise InvalidCredential(f"aka_vcts is not a short list: {shown(others)}")
    if not all(isinstance(one, str) and one for one in others):
        raise InvalidCredential(f"aka_vcts holds something else than texts: {shown(others)}")
    return (kind, *others)


def _status(claims: Mapping[str, Any]) -> tuple[object, ...]:
    return claim_status({n: claims[n] for n in ("status", "credentialStatus") if n in claims})


# -- key binding ---------------------------------------------------------------------------------


def add_key_binding(
    sd_jwt: SDJWT,
    key: SigningKey,
    *,
    algorithm: Algorithm,
    nonce: str,
    audience: str,
    now: int,
) -> str:
    """An SD-JWT, presented to one verifier.

    Args:
        sd_jwt: with the disclosures that are shown.
        key: the one in ``cnf``.
        algorithm: of the key.
        nonce: that the verifier chose.
        audience: who the verifier is.
        now: Unix seconds.

    Raises:
        InvalidCredential: there is no nonce or audience.
        SignerError: it was not signed.

    Spec: RFC 9901 section 4.3.
    """
    if not nonce or not audience:
        raise InvalidCredential(
            "a presentation names a nonce and an audience",
            hint="The verifier chooses the nonce; the audience is the verifier.",
        )
    hash_name = HashName.of(parse_token(sd_jwt.jwt).claims)
    bare = SDJWT(jwt=sd_jwt.jwt, disclosures=sd_jwt.disclosures)
    claims = {"iat": now, "aud": audience, "nonce": nonce, "sd_hash": bare.sd_hash(hash_name)}
    header = {"alg": algorithm.value, "typ": BINDING_TYPE}
    return bare.text + sign_token(header, claims, key)


def _read_binding(sd_jwt: SDJWT, text: str, processed: Processed) -> KeyBinding:
    """Spec: RFC 9901 section 7.3, step 5, without what needs a key or a clock."""
    token = parse_token(text)
    if token.type != BINDING_TYPE:
        raise InvalidCredential(
            f"typ of the key binding is {shown(token.type)}, not {BINDING_TYPE}"
        )
    claims = token.claims
    values = {name: claims.get(name) for name in ("nonce", "aud", "sd_hash")}
    for name, value in values.items():
        if not isinstance(value, str) or not value:
            raise InvalidCredential(f"{name} of the key binding is not a text: {shown(value)}")
    start, end, issued = claim_window(claims)
    if issued is None:
        raise InvalidCredential("iat of the key binding is missing")
    if values["sd_hash"] != sd_jwt.sd_hash(processed.hash_name):
        raise InvalidCredential(
            "sd_hash of the key binding is not that of what is presented",
            hint="A disclosure was added or taken away after the holder signed.",
        )
    return KeyBinding(
        token=token,
        nonce=str(values["nonce"]),
        audience=str(values["aud"]),
        issued_at=issued,
        valid_from=start,
        valid_until=end,
    )


def _is_named(confirmation: Mapping[str, Any]) -> bool:
    """Whether a ``cnf`` names its key, and does not hold it; raises unless it does one of both."""
    held = {"jwk", "kid", "jwe", "jku"} & set(confirmation)
    if held not in ({"jwk"}, {"kid"}):
        raise InvalidCredential(f"cnf holds {sorted(held) or 'nothing that is known'}, not one key")
    return held == {"kid"}


def binding_key(confirmation: Mapping[str, Any]) -> PublicKey | None:
    """The key in a ``cnf``; None if it names a verification method of the holder's DID instead.

    Raises:
        InvalidCredential: it holds neither, or both.

    Spec: RFC 7800 sections 3.2 and 3.4.
    """
    if _is_named(confirmation):
        return None
    try:
        return PublicKey.from_jwk(confirmation["jwk"])
    except InvalidKey as cause:
        raise InvalidCredential(f"cnf: {cause.message}", hint=cause.hint) from cause


def binding_method(confirmation: Mapping[str, Any] | None) -> str | None:
    """The verification method that a ``cnf`` names; None if it has the key itself.

    Raises:
        InvalidCredential: it is no DID URL with a fragment, or ``cnf`` holds neither or both.
    """
    if confirmation is None or not _is_named(confirmation):
        return None
    kid = confirmation["kid"]
    did = check_did(str(kid).partition("#")[0], "kid in cnf")
    return method_of(kid, did)


def holder_of(credential: Credential) -> str | None:
    """The DID of the holder that a credential is bound to by ``cnf``; None if it is a key."""
    method = binding_method(credential.confirmation)
    return None if method is None else method.partition("#")[0]
