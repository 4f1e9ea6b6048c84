"""An issuer, a holder and a verifier on one real chain, for tests of credentials."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ethr_did.chain.local_signer import LocalSigner, Secret
from ethr_did.core.changes import add_key
from ethr_did.core.resolution import format_time
from ethr_did.core.status_list import Purpose
from ethr_did.credentials.data_integrity import sign_data_integrity
from ethr_did.credentials.data_model import CONTEXT_2
from ethr_did.credentials.eip712 import sign_eip712
from ethr_did.credentials.keys import Algorithm, KeyKind, PublicKey
from ethr_did.credentials.questions import Outside
from ethr_did.credentials.sd_jwt import SDJWT
from ethr_did.credentials.sd_jwt_vc import add_key_binding, read_sd_jwt_vc, sign_sd_jwt_vc
from ethr_did.credentials.signing_keys import AccountKey, LocalKey
from ethr_did.credentials.vc_jwt import sign_vc_jwt
from ethr_did.credentials.verification import Verifier
from ethr_did.credentials.vp_jwt import sign_vp_jwt
from ethr_did.did_methods import DIDResolver
from ethr_did.resolver import Resolver
from ethr_did.status.reading import StatusReader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ethr_did.chain.local import LocalAccount
    from ethr_did.credentials.credential import Raw
    from ethr_did.credentials.signing_keys import SigningKey
    from support.issuing import Office

NONCE = "n-0S6_WzA2Mj"
SHOP = "https://shop.example"
DIPLOMA = "DiplomaCredential"
VCT = "https://credentials.example/person"


class Chance:
    """Bytes that look random, and are the same in every run."""

    def __init__(self, seed: str = "") -> None:
        self._seed = seed.encode()
        self._count = 0

    def __call__(self, length: int) -> bytes:
        self._count += 1
        return hashlib.shake_256(self._seed + self._count.to_bytes(8)).digest(length)


def key_of_kind(kind: KeyKind, seed: str = "a key") -> LocalKey:
    """A key that is the same in every run."""
    return LocalKey(kind, Secret(hashlib.sha256(seed.encode()).digest()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Somebody with a DID and a key in its document."""

    did: str
    key: SigningKey
    method_id: str
    algorithm: Algorithm

    @property
    def signing(self) -> dict[str, Any]:
        """What signing functions take of a party."""
        return {"algorithm": self.algorithm, "method_id": self.method_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class Triangle:
    """Issuers, holders and verifiers on one chain."""

    office: Office

    # -- who -------------------------------------------------------------------------------------

    def owner(self, account: LocalAccount) -> Party:
        """An identity that signs with its owner's key."""
        did = self.office.did(account).text
        return Party(
            did=did,
            key=AccountKey(LocalSigner.from_key(account.key)),
            method_id=f"{did}#controller",
            algorithm=Algorithm.ES256K_R,
        )

    def with_key(self, account: LocalAccount, kind: KeyKind, **options: Any) -> Party:
        """An identity that signs with a key of its own, published on chain as its next one."""
        key = key_of_kind(kind, f"{account.address} {kind}")
        self.publish_key(account, key.public, **options)
        return self.with_newest(account, key)

    def with_newest(self, account: LocalAccount, key: LocalKey) -> Party:
        """An identity that signs with the key that it published last."""
        did = self.office.did(account).text
        found = self.resolver().resolve(did).require_document()
        method = found.verification_method[-1]
        assert PublicKey.from_method(method) == key.public
        return Party(did=did, key=key, method_id=method.id, algorithm=key.public.algorithms[0])

    def publish_key(self, account: LocalAccount, key: PublicKey, **options: Any) -> None:
        """Puts a key into the document of an identity."""
        multikey = {
            KeyKind.SECP256K1: b"\xe7\x01",
            KeyKind.P256: b"\x80\x24",
            KeyKind.ED25519: b"\xed\x01",
        }
        self.office.change(account, add_key("Multikey", multikey[key.kind] + key.data, **options))

    # -- time ------------------------------------------------------------------------------------

    @property
    def now(self) -> int:
        """The time of the newest block."""
        return self.office.chain.head.timestamp

    # -- credentials -----------------------------------------------------------------------------

    def document(self, issuer: Party, holder: str | None, **members: Any) -> dict[str, Any]:
        """A diploma, unsigned."""
        subject: dict[str, Any] = {"degree": {"type": "BachelorDegree", "name": "Law"}}
        if holder is not None:
            subject = {"id": holder, **subject}
        return {
            "@context": [CONTEXT_2],
            "type": ["VerifiableCredential", DIPLOMA],
            "issuer": issuer.did,
            "validFrom": format_time(self.now - 10),
            "validUntil": format_time(self.now + 86_400),
            "credentialSubject": subject,
            **members,
        }

    def vc_jwt(self, issuer: Party, holder: str | None, **members: Any) -> str:
        """A diploma as a JWT."""
        document = self.document(issuer, holder, **members)
        return sign_vc_jwt(document, issuer.key, **issuer.signing)

    def eip712(self, issuer: Party, holder: str | None, **members: Any) -> Mapping[str, Any]:
        """A diploma with an EIP-712 proof."""
        document = self.document(issuer, holder, **members)
        return sign_eip712(
            document,
            issuer.key,  # type: ignore[arg-type]  # of an account
            method_id=issuer.method_id,
            now=self.now,
        )

    def data_integrity(
        self, issuer: Party, holder: str | None, **members: Any
    ) -> Mapping[str, Any]:
        """A diploma with a Data Integrity proof."""
        document = self.document(issuer, holder, **members)
        return sign_data_integrity(document, issuer.key, method_id=issuer.method_id, now=self.now)

    def person(self, issuer: Party, **claims: Any) -> dict[str, Any]:
        """Claims about a person, unsigned."""
        return {
            "iss": issuer.did,
            "vct": VCT,
            "iat": self.now,
            "exp": self.now + 86_400,
            "given_name": "Erika",
            "birthdate": "1984-01-26",
            "address": {"locality": "Köln", "country": "DE"},
            "nationalities": ["DE", "FR"],
            "age_equal_or_over": {"18": True, "65": False},
            **claims,
        }

    def sd_jwt(
        self,
        issuer: Party,
        holder_key: PublicKey | None,
        hidden: Sequence[tuple[str | int | None, ...]] = (
            ("given_name",),
            ("birthdate",),
            ("address",),
            ("address", "locality"),
            ("nationalities", None),
            ("age_equal_or_over", "18"),
            ("age_equal_or_over", "65"),
        ),
        **claims: Any,
    ) -> str:
        """A person's credential as an SD-JWT with all its disclosures."""
        if holder_key is not None:
            claims = {"cnf": {"jwk": holder_key.to_jwk()}, **claims}
        return sign_sd_jwt_vc(
            self.person(issuer, **claims),
            issuer.key,
            **issuer.signing,
            hidden=hidden,
            random=Chance(issuer.did),
        )

    # -- presentations ---------------------------------------------------------------------------

    def vp_jwt(self, holder: Party, *credentials: Raw, **options: Any) -> str:
        """Credentials presented to the shop."""
        options = {"nonce": NONCE, "audience": SHOP, "now": self.now, **options}
        return sign_vp_jwt(credentials, holder.key, holder=holder.did, **holder.signing, **options)

    def shown(
        self, credential: str, key: SigningKey, *paths: tuple[str | int | None, ...], **options: Any
    ) -> str:
        """Some claims of an SD-JWT presented to the shop; all of them if none are named."""
        from ethr_did.credentials.sd_jwt import select

        read = read_sd_jwt_vc(credential)
        chosen = select(read.sd_jwt, read.payload, paths) if paths else read.sd_jwt
        options = {"nonce": NONCE, "audience": SHOP, "now": self.now, **options}
        bare = SDJWT(jwt=chosen.jwt, disclosures=chosen.disclosures)
        return add_key_binding(bare, key, algorithm=key.public.algorithms[0], **options)

    # -- verifiers -------------------------------------------------------------------------------

    def resolver(self) -> Resolver:
        """Resolves on the chain, at the chain's time."""
        return Resolver([self.office.network], clock=lambda: self.now, retries=0)

    def verifier(self, **options: Any) -> Verifier:
        """Verifies on the chain, at the chain's time."""
        networks = [options.pop("network", self.office.network)]
        clock = options.pop("clock", lambda: self.now)
        resolver = Resolver(networks, clock=clock, retries=0)
        outside = Outside(
            dids=options.pop("dids", DIDResolver(ethr=resolver)),
            statuses=options.pop("statuses", StatusReader(networks, clock=clock, retries=0)),
            networks=networks,
            retries=0,
            **options,
        )
        return Verifier(outside, clock=clock)


PURPOSE = Purpose.LIFECYCLE
