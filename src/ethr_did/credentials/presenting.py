"""Presentations: what a holder has chosen to show, made for one verifier.

Rules:
  1. Of an SD-JWT VC the chosen disclosures are handed over, and nothing else. The key in its ``cnf``
     signs over them.
  2. Any other credential is put into a presentation of its own, a JWT. The holder in it is the DID
     that ``cnf`` names, or else the subject, and a key in its document for ``authentication`` signs.
     Where ``cnf`` is a key that none of the subjects has, the holder is the did:key of it.
  3. A presentation is for one verifier and one question. Without nonce or audience there is nothing
     to sign, and nothing is handed over.
  4. Documents are looked up to find the key, all at once. One that could not be had stands in the way
     only if no other names a key that is held; then it is the reason, and not the key.
  5. Everything is signed, or nothing is given out.

``Presenter`` blocks, ``AsyncPresenter`` is awaited; both drive the same generator of questions.

Spec: RFC 9901 sections 4.3 and 7.2; Securing VCs using JOSE and COSE section 3.1.2; OpenID for
Verifiable Presentations 1.0, sections 8.1, B.1 and B.3. There, a credential of the format ``ldp_vc``
is presented with a Data Integrity proof; here it is in a JWT, as every other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NoReturn, Protocol, TypeAlias

from ethr_did.core.strict_json import write_json
from ethr_did.credentials.credential import CredentialFormat, Raw
from ethr_did.credentials.questions import Resolve
from ethr_did.credentials.sd_jwt_vc import add_key_binding, binding_key, binding_method
from ethr_did.credentials.verification_methods import Purpose, key_of, methods_for
from ethr_did.credentials.vp_jwt import sign_vp_jwt
from ethr_did.errors import InvalidCredential, InvalidOption, SignerError, shown

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence

    from ethr_did.credentials.choices import Choice, Chosen
    from ethr_did.credentials.credential import Credential
    from ethr_did.credentials.keys import Algorithm, PublicKey
    from ethr_did.credentials.signing_keys import SigningKey
    from ethr_did.did_methods.resolved import ResolvedDID
    from ethr_did.did_methods.resolving import AsyncResolvesDIDs, ResolvesDIDs

    _Steps: TypeAlias = Generator[Resolve, Sequence[ResolvedDID], "Response"]

__all__ = [
    "AsyncPresenter",
    "HoldsKeys",
    "KeyRing",
    "Part",
    "Presenter",
    "Response",
    "check_addressed",
]

_MAX_TEXT: Final = 4096
"""Most characters of a nonce or audience."""

_MOST_HOLDERS: Final = 16
"""Subjects whose documents are looked up: their issuer chose them, and learns of it."""


class HoldsKeys(Protocol):
    """Whatever has the keys of a holder, such as a wallet."""

    def find(self, public: PublicKey) -> SigningKey | None:
        """What signs with a key, given by itself or by its account; None if it is not held."""


class KeyRing:
    """Some keys; a ``HoldsKeys``."""

    def __init__(self, keys: Iterable[SigningKey]) -> None:
        """The keys of a holder."""
        self._keys = tuple(keys)

    def find(self, public: PublicKey) -> SigningKey | None:
        """See ``HoldsKeys``."""
        return next((one for one in self._keys if one.public.is_same(public)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One presentation."""

    credential_id: str
    query_id: str | None
    """The credential query that it answers."""
    presentation: Raw = field(repr=False)
    """A token; an object where a credential with a proof of its own is shown unsigned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What is handed over to the verifier."""

    parts: tuple[Part, ...]

    @property
    def vp_token(self) -> dict[str, list[Raw]]:
        """The presentations by the ids of the credential queries that they answer.

        Spec: OpenID for Verifiable Presentations 1.0, section 8.1.
        """
        answered = dict.fromkeys(part.query_id for part in self.parts if part.query_id is not None)
        return {
            name: [part.presentation for part in self.parts if part.query_id == name]
            for name in answered
        }

    @property
    def text(self) -> str:
        """The VP token as JSON, or the one presentation that was made without a query."""
        (first, *_) = self.parts
        value = first.presentation if first.query_id is None else self.vp_token
        return value if isinstance(value, str) else write_json(value).decode()


def check_addressed(choice: Choice, *, nonce: str | None, audience: str | None) -> None:
    """Nothing; what was chosen is made for somebody, or nobody signs for it.

    Raises:
        InvalidOption: there is no nonce or audience.
    """
    if not any(part.is_bound for part in choice.parts):
        return
    for name, value in (("nonce", nonce), ("audience", audience)):
        if not value or len(value) > _MAX_TEXT or not value.isprintable():
            given = f"not for {shown(value)}" if value else "and none was named"
            raise InvalidOption(
                f"a presentation is made for one {name}, {given}",
                hint="The verifier chooses the nonce, anew each time; the audience is the verifier.",
                option=name,
            )


# -- who signs -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signer:
    """A key of the holder, and how it is used."""

    key: SigningKey
    algorithm: Algorithm
    holder: str = ""
    """A DID; empty where only the key is known."""
    method_id: str = ""


def _signer(public: PublicKey, keys: HoldsKeys, **whose: str) -> _Signer | None:
    """What signs with a key; None if it is not held."""
    key = keys.find(public)
    if key is None:
        return None
    # Verifiers see the public key as it was published, and what it can be used for.
    algorithm = next((one for one in public.algorithms if one in key.public.algorithms), None)
    if algorithm is None or not key.public.is_same(public):
        raise SignerError(f"the key that is held for {public} is another one: {key.public}")
    return _Signer(key=key, algorithm=algorithm, **whose)


class _Presenting:
    """One presentation of a choice."""

    def __init__(
        self, choice: Choice, keys: HoldsKeys, *, nonce: str | None, audience: str | None, now: int
    ) -> None:
        check_addressed(choice, nonce=nonce, audience=audience)
        self._parts = choice.parts
        self._keys = keys
        self._now = now
        self._for = {"nonce": nonce, "audience": audience}
        self._documents: Mapping[str, ResolvedDID] = {}

    def steps(self) -> _Steps:
        """Yields a question, is sent the documents; returns the response."""
        bound = [part for part in self._parts if part.is_bound]
        dids = tuple(dict.fromkeys(did for part in bound for did in _holders(part.credential)))
        if dids:
            found = yield Resolve(dids=dids)
            self._documents = dict(zip(dids, found, strict=True))
        signers = [self._find_signer(part) if part.is_bound else None for part in self._parts]
        return Response(
            parts=tuple(
                Part(
                    credential_id=part.credential_id,
                    query_id=part.query_id,
                    presentation=self._present(part, signer),
                )
                for part, signer in zip(self._parts, signers, strict=True)
            )
        )

    def _present(self, part: Chosen, signer: _Signer | None) -> Raw:
        sd_jwt = part.shown
        if signer is None:
            return part.credential.raw if sd_jwt is None else sd_jwt.text
        options: dict[str, Any] = {**self._for, "now": self._now, "algorithm": signer.algorithm}
        if sd_jwt is not None:
            return add_key_binding(sd_jwt, signer.key, **options)
        return sign_vp_jwt(
            [part.credential.raw],
            signer.key,
            holder=signer.holder,
            method_id=signer.method_id,
            **options,
        )

    # -- keys ------------------------------------------------------------------------------------

    def _find_signer(self, part: Chosen) -> _Signer:
        """The key that signs for a credential.

        Raises:
            InvalidCredential: it names no holder.
            SignerError: no key of the holder is held.
            EthrDIDError: a document could not be had, or the identity was given up.
        """
        credential = part.credential
        bound = None if credential.confirmation is None else binding_key(credential.confirmation)
        if bound is not None and part.sd_jwt is not None:
            found = _signer(bound, self._keys)
        else:
            found = self._signer_in_documents(credential, bound) or self._signer_of_key(bound)
        if found is None:
            self._refuse(part, bound)
        return found

    def _signer_in_documents(
        self, credential: Credential, bound: PublicKey | None
    ) -> _Signer | None:
        """A held key that is in the document of a holder for authentication."""
        named = None if bound is not None else binding_method(credential.confirmation)
        for did in _holders(credential):
            for method_id, public, holder in _authentication_keys(self._documents[did]):
                if named is not None and method_id.partition("#")[2] != named.partition("#")[2]:
                    continue
                if bound is not None and not public.is_same(bound):
                    continue
                found = _signer(public, self._keys, holder=holder, method_id=method_id)
                if found is not None:
                    return found
        return None

    def _signer_of_key(self, bound: PublicKey | None) -> _Signer | None:
        """The key in ``cnf`` as the holder's DID."""
        if bound is None:
            return None
        did = f"did:key:{bound.to_multikey()}"
        return _signer(bound, self._keys, holder=did, method_id=f"{did}#{bound.to_multikey()}")

    def _refuse(self, part: Chosen, bound: PublicKey | None) -> NoReturn:
        """Raises an error that says why there is no key."""
        holders = _holders(part.credential)
        if bound is None:
            if not holders:
                raise InvalidCredential(
                    f"{shown(part.credential_id)} names no holder, so that nobody can present it",
                    hint="A verifier that takes it from anybody takes the credential itself.",
                )
            for did in holders:
                self._documents[did].require_document()
        whose = " or ".join(map(shown, holders)) if bound is None else str(bound)
        raise SignerError(
            f"{shown(part.credential_id)} is bound to {whose}, and no such key is held",
            hint="Use the wallet that it was issued to. A DID's key must be in its document for "
            "authentication.",
            credential_id=part.credential_id,
        )


def _holders(credential: Credential) -> tuple[str, ...]:
    """The DIDs one of which presents a credential."""
    confirmation = credential.confirmation
    method = binding_method(confirmation)
    if method is not None:
        return (method.partition("#")[0],)
    if credential.format is CredentialFormat.SD_JWT:
        return ()
    subjects = dict.fromkeys(one for one in credential.subjects if one.startswith("did:"))
    return tuple(subjects)[:_MOST_HOLDERS]


def _authentication_keys(resolved: ResolvedDID) -> Iterator[tuple[str, PublicKey, str]]:
    """Id and key of each method for authentication that is of use, and the DID of the document."""
    document = resolved.document
    if document is None:
        return
    try:
        methods = list(methods_for(document, Purpose.AUTHENTICATION))
    except InvalidCredential:
        return
    for method in methods:
        try:
            public = key_of(document, method)
        except InvalidCredential:
            continue
        id_ = f"{document.id}{method.id}" if method.id.startswith("#") else method.id
        yield id_, public, document.id


# -- the two shells ------------------------------------------------------------------------------


class Presenter:
    """Makes presentations, blocking.

    Example:
        >>> import secrets
        >>> from ethr_did.credentials.choices import PlainCredential, choose
        >>> from ethr_did.credentials.keys import KeyKind
        >>> from ethr_did.credentials.reading import read_credential
        >>> from ethr_did.credentials.sd_jwt_vc import sign_sd_jwt_vc
        >>> from ethr_did.credentials.signing_keys import LocalKey
        >>> from ethr_did.did_methods import DIDResolver
        >>> issuer, holder = (LocalKey.generate(KeyKind.P256, secrets.token_bytes) for _ in "ab")
        >>> did = f"did:key:{issuer.public}"
        >>> cnf = {"jwk": holder.public.to_jwk()}
        >>> card = sign_sd_jwt_vc(
        ...     {"iss": did, "vct": "card", "cnf": cnf, "name": "Ann", "age_over_18": True}, issuer,
        ...     algorithm=issuer.public.algorithms[0], method_id=f"{did}#{issuer.public}",
        ...     hidden=[("name",), ("age_over_18",)], random=secrets.token_bytes)
        >>> choice = choose(PlainCredential(id="card", raw=card), [("age_over_18",)])
        >>> made = Presenter(DIDResolver()).present(
        ...     choice, keys=KeyRing([holder]), now=1, nonce="n-0S6", audience="https://shop.example")
        >>> sorted({"name", "age_over_18"} & set(read_credential(made.text).claims))
        ['age_over_18']
    """

    def __init__(self, dids: ResolvesDIDs) -> None:
        """Something that makes presentations.

        Args:
            dids: resolves the DIDs of holders.
        """
        self._dids = dids

    def present(
        self,
        choice: Choice,
        *,
        keys: HoldsKeys,
        now: int,
        nonce: str | None = None,
        audience: str | None = None,
    ) -> Response:
        """What was chosen, signed for one verifier.

        Args:
            choice: what is to be shown; see ``preview``.
            keys: of the holder.
            now: Unix seconds.
            nonce: that the verifier chose; needed if anything is signed.
            audience: who the verifier is; needed if anything is signed.

        Raises:
            InvalidOption: no nonce or audience.
            InvalidCredential: a credential names no holder.
            SignerError: no key of the holder is held, or it did not sign.
            ChainError, FetchError: where a document could not be had.
        """
        steps = _Presenting(choice, keys, nonce=nonce, audience=audience, now=now).steps()
        try:
            question = next(steps)
            while True:
                question = steps.send(self._dids.resolve_many(question.dids))
        except StopIteration as done:
            response: Response = done.value
            return response


class AsyncPresenter:
    """Makes presentations, awaited; otherwise as ``Presenter``."""

    def __init__(self, dids: AsyncResolvesDIDs) -> None:
        """Something that makes presentations; arguments as of ``Presenter``."""
        self._dids = dids

    async def present(
        self,
        choice: Choice,
        *,
        keys: HoldsKeys,
        now: int,
        nonce: str | None = None,
        audience: str | None = None,
    ) -> Response:
        """As ``Presenter.present``."""
        steps = _Presenting(choice, keys, nonce=nonce, audience=audience, now=now).steps()
        try:
            question = next(steps)
            while True:
                question = steps.send(await self._dids.resolve_many(question.dids))
        except StopIteration as done:
            response: Response = done.value
            return response
