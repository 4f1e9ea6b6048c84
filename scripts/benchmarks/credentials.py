"""Credentials, measured: issued and verified per second and core, ours beside npm's packages.

* Documents of DIDs are at hand on both sides: what is measured is everything else.
* Both sides take turns, one process each, warm. The medians of the rounds are quoted.
* A hundred different texts of each kind are verified in turn: nothing that was seen before helps.
* Ours is the whole ``Verifier``: format, key and purpose, signature, holder, nonce and audience,
  time, and a report. The peers' is what their packages call verifying.
"""

from __future__ import annotations

import functools
import itertools
import secrets
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ethr_did.chain.local_signer import LocalSigner
from ethr_did.core.document import DIDDocument, VerificationMethod
from ethr_did.core.keys import to_checksum_address
from ethr_did.credentials.data_integrity import sign_data_integrity
from ethr_did.credentials.eip712 import sign_eip712
from ethr_did.credentials.keys import KeyKind
from ethr_did.credentials.policy import Policy
from ethr_did.credentials.questions import Outside
from ethr_did.credentials.sd_jwt import select
from ethr_did.credentials.sd_jwt_vc import add_key_binding, read_sd_jwt_vc, sign_sd_jwt_vc
from ethr_did.credentials.signing_keys import AccountKey, LocalKey
from ethr_did.credentials.vc_jwt import sign_vc_jwt
from ethr_did.credentials.verification import Verifier
from ethr_did.credentials.vp_jwt import sign_vp_jwt
from ethr_did.did_methods.resolved import ResolvedDID
from support.peers import NODE_MODULES, run_peer, why_no_peers

from .machine import describe_machine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ethr_did.credentials.credential import Raw
    from ethr_did.credentials.signing_keys import SigningKey

    Tell = Callable[[str], None]

PEERS = [NODE_MODULES / name for name in ("did-jwt-vc", "@sd-jwt/core")]
TARGETS = {"vc+jwt ES256K": 5_000, "dc+sd-jwt ES256K, key binding": 2_000}
"""Verifications per second and core that were asked for."""
NONCE, SHOP = "n-0S6_WzA2Mj", "https://shop.example"
_SUBJECTS = 100
_SECRET = "1f" * 32
_HIDDEN = ("given_name", "family_name", "birthdate", "address")
_AGES = ("16", "18", "21", "65")


def measure(*, quick: bool, tell: Tell) -> dict[str, Any]:
    """All figures as JSON."""
    missing = why_no_peers()
    if missing:
        tell(f"without the peers: {missing}")
    rounds, seconds = (1, 0.2) if quick else (7, 1.5)
    ways = make_ways()
    ours: dict[str, list[tuple[float, float]]] = {way.name: [] for way in ways}
    theirs: dict[str, list[tuple[float, float]]] = {}
    for number in range(1, rounds + 1):
        tell(f"round {number} of {rounds}")
        for way in ways:
            ours[way.name].append((_rate(way.issue, seconds), _rate(way.verify, seconds)))
        if not missing:
            for name, rates in _peer_rates(seconds).items():
                theirs.setdefault(name, []).append(rates)
    return {
        "subject": "credentials",
        "targets": TARGETS,
        "ours": [_row(way.name, ours[way.name], size=way.size) for way in ways],
        "peers": [_row(name, found) for name, found in theirs.items()],
        "machine": describe_machine("none", peers=[] if missing else PEERS),
    }


def _row(name: str, rates: Sequence[tuple[float, float]], **more: Any) -> dict[str, Any]:
    issued, verified = zip(*rates, strict=True)
    return {
        "name": name,
        "issue": round(statistics.median(issued)),
        "verify": round(statistics.median(verified)),
        "issue_range": [round(min(issued)), round(max(issued))],
        "verify_range": [round(min(verified)), round(max(verified))],
        "rounds": len(rates),
        **more,
    }


def _rate(work: Callable[[], object], seconds: float) -> float:
    """How often something is done in a second."""
    for _ in range(20):
        work()
    count, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < seconds:
        for _ in range(10):
            work()
        count += 10
    return count / spent


# -- ours -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One format with one kind of key."""

    name: str
    issue: Callable[[], Raw]
    verify: Callable[[], object]
    size: int
    """Characters of what is verified."""


class _AtHand:
    """Documents that nobody has to be asked for."""

    def __init__(self, document: DIDDocument) -> None:
        self._document = document

    def resolve_many(self, dids: Sequence[str], **_: Any) -> list[ResolvedDID]:
        return [ResolvedDID(did=did, document=self._document) for did in dids]


class _Stage:
    """Who issues, holds and verifies."""

    def __init__(self) -> None:
        account = AccountKey(LocalSigner.from_key(bytes.fromhex(_SECRET)))
        address = to_checksum_address(account.public.data)
        self.did = f"did:ethr:dev:{address}"
        self.keys: dict[str, SigningKey] = {"controller": account}
        methods = [self._method("controller", account)]
        for number, kind in enumerate((KeyKind.SECP256K1, KeyKind.P256, KeyKind.ED25519), start=1):
            key = LocalKey.generate(kind, secrets.token_bytes)
            self.keys[f"delegate-{number}"] = key
            methods.append(self._method(f"delegate-{number}", key))
        ids = tuple(method.id for method in methods)
        self.document = DIDDocument(
            id=self.did,
            verification_method=tuple(methods),
            assertion_method=ids,
            authentication=ids,
        )
        self.verifier = Verifier(Outside(dids=_AtHand(self.document)))

    def _method(self, fragment: str, key: SigningKey) -> VerificationMethod:
        material = {"publicKeyMultibase": ""}
        kind = "Multikey"
        if key.public.kind is KeyKind.ACCOUNT:
            kind = "EcdsaSecp256k1RecoveryMethod2020"
            material = {"blockchainAccountId": f"eip155:31337:{key.public}"}
        else:
            material = {"publicKeyMultibase": key.public.to_multikey()}
        return VerificationMethod(
            id=f"{self.did}#{fragment}", type=kind, controller=self.did, material=material
        )

    def signing(self, name: str) -> dict[str, Any]:
        """What signing functions take."""
        return {
            "algorithm": self.keys[name].public.algorithms[0],
            "method_id": f"{self.did}#{name}",
        }

    def diploma(self) -> dict[str, Any]:
        """A credential, unsigned."""
        return {
            "@context": ["https://www.w3.org/ns/credentials/v2"],
            "type": ["VerifiableCredential", "DiplomaCredential"],
            "issuer": self.did,
            "validFrom": "2026-01-01T00:00:00Z",
            "credentialSubject": {
                "id": self.did,
                "degree": {"type": "BachelorDegree", "name": "Law"},
            },
        }

    def person(self) -> dict[str, Any]:
        """Claims about a person, unsigned."""
        now = int(time.time())
        return {
            "iss": self.did,
            "vct": "https://credentials.example/person",
            "iat": now,
            "exp": now + 86_400,
            "given_name": "Erika",
            "family_name": "Mustermann",
            "birthdate": "1984-01-26",
            "address": {"locality": "Köln", "country": "DE"},
            "age_equal_or_over": {age: int(age) < 42 for age in _AGES},  # noqa: PLR2004 - her age
        }

    def way(
        self, name: str, issue: Callable[[], Raw], show: Callable[[], Raw] | None = None
    ) -> Way:
        """A format; what is verified is what is issued, unless something else is shown."""
        policy = Policy() if show is None else Policy(nonce=NONCE, audience=SHOP, leeway=900)
        subjects = [(show or issue)() for _ in range(_SUBJECTS)]
        for subject in subjects:
            self.verifier.verify(subject, policy).check()
        turn = itertools.cycle(subjects)
        return Way(
            name=name,
            issue=issue,
            verify=lambda: self.verifier.verify(next(turn), policy),
            size=len(subjects[0] if isinstance(subjects[0], str) else str(subjects[0])),
        )


def make_ways() -> list[Way]:
    """Every format that is issued, each with the keys that go with it."""
    stage = _Stage()
    formats = [*_tokens(stage), *_sd_jwts(stage), *_documents(stage), _presentation(stage)]
    return [*formats, _one_signature()]


def _one_signature() -> Way:
    """What the machine can do: libsecp256k1 alone, over a digest that is there."""
    from coincurve import PrivateKey

    key, digest = PrivateKey(bytes.fromhex(_SECRET)), bytes(range(32))
    signature, public = key.sign(digest, hasher=None), key.public_key
    return Way(
        name="one signature on secp256k1, and nothing else",
        issue=lambda: key.sign(digest, hasher=None),  # type: ignore[arg-type, return-value]  # bytes
        verify=lambda: public.verify(signature, digest, hasher=None),
        size=len(signature),
    )


def _tokens(stage: _Stage) -> list[Way]:
    def issuing(name: str) -> Callable[[], str]:
        return lambda: sign_vc_jwt(stage.diploma(), stage.keys[name], **stage.signing(name))

    return [
        stage.way(f"vc+jwt {stage.signing(name)['algorithm']}", issuing(name))
        for name in ("delegate-1", "controller", "delegate-2", "delegate-3")
    ]


def _sd_jwts(stage: _Stage) -> list[Way]:
    def issuing(name: str, holder: SigningKey) -> Callable[[], str]:
        hidden = [(claim,) for claim in _HIDDEN]
        hidden += [("age_equal_or_over", age) for age in _AGES]  # type: ignore[misc]  # longer paths

        def issue() -> str:
            claims = {**stage.person(), "cnf": {"jwk": holder.public.to_jwk()}}
            return sign_sd_jwt_vc(
                claims,
                stage.keys[name],
                **stage.signing(name),
                hidden=hidden,
                random=secrets.token_bytes,
            )

        return issue

    found = []
    for name, kind in (("delegate-1", KeyKind.SECP256K1), ("delegate-2", KeyKind.P256)):
        holder = LocalKey.generate(kind, secrets.token_bytes)
        issue = issuing(name, holder)
        algorithm = stage.signing(name)["algorithm"]
        showing = functools.partial(_show, issue, holder)
        found.append(stage.way(f"dc+sd-jwt {algorithm}, key binding", issue, showing))
    return found


def _show(issue: Callable[[], str], holder: SigningKey) -> str:
    """Two of eight claims of a new credential."""
    read = read_sd_jwt_vc(issue())
    return add_key_binding(
        select(read.sd_jwt, read.payload, [("age_equal_or_over", "18"), ("given_name",)]),
        holder,
        algorithm=holder.public.algorithms[0],
        nonce=NONCE,
        audience=SHOP,
        now=int(time.time()) + 240,  # good for the whole measuring
    )


def _documents(stage: _Stage) -> list[Way]:
    account = stage.keys["controller"]
    now = int(time.time())

    def eip712() -> Raw:
        return sign_eip712(
            stage.diploma(),
            account,  # type: ignore[arg-type]  # of an account
            method_id=f"{stage.did}#controller",
            now=now,
        )

    def integrity(name: str) -> Callable[[], Raw]:
        return lambda: sign_data_integrity(
            stage.diploma(), stage.keys[name], method_id=f"{stage.did}#{name}", now=now
        )

    return [
        stage.way("EthereumEip712Signature2021", eip712),
        stage.way("eddsa-jcs-2022", integrity("delegate-3")),
        stage.way("ecdsa-jcs-2019", integrity("delegate-2")),
    ]


def _presentation(stage: _Stage) -> Way:
    signing = stage.signing("delegate-1")

    def issue() -> str:
        return sign_vc_jwt(stage.diploma(), stage.keys["delegate-1"], **signing)

    def present(inside: str) -> str:
        return sign_vp_jwt(
            [inside],
            stage.keys["delegate-1"],
            **signing,
            holder=stage.did,
            nonce=NONCE,
            audience=SHOP,
            now=int(time.time()),
            lifetime=900,  # good for the whole measuring
        )

    given = issue()
    name = "vp+jwt ES256K with one vc+jwt"
    return stage.way(name, lambda: present(given), lambda: present(issue()))


# -- theirs ---------------------------------------------------------------------------------------


def _peer_rates(seconds: float) -> dict[str, tuple[float, float]]:
    """Issued and verified per second, by package and format."""
    stage = _Stage()
    found: dict[str, tuple[float, float]] = {}
    for algorithm in ("ES256K", "ES256K-R"):
        answer = run_peer(
            "bench_credentials.mjs",
            {
                "seconds": seconds,
                "did": stage.did,
                "document": _their_document(stage),
                "algorithm": algorithm,
                "secp256k1": _SECRET,
                "claims": stage.person(),
                "hidden": {"_sd": list(_HIDDEN), "age_equal_or_over": {"_sd": list(_AGES)}},
                "shown": {"age_equal_or_over": {"18": True}, "given_name": True},
                "nonce": NONCE,
                "audience": SHOP,
            },
        )
        found[f"did-jwt-vc, jwt_vc {algorithm}"] = _rates(answer["vc"])
        found["@sd-jwt/core, ES256, key binding"] = _rates(answer["sd"])
    return found


def _their_document(stage: _Stage) -> dict[str, Any]:
    """The document with the account alone, which did-jwt takes ES256K and ES256K-R for."""
    method = stage.document.verification_method[0]
    only = DIDDocument(id=stage.did, verification_method=(method,), assertion_method=(method.id,))
    return {"@context": ["https://www.w3.org/ns/did/v1"], **only.to_dict()}


def _rates(answer: dict[str, Any]) -> tuple[float, float]:
    (issued, issuing), (verified, verifying) = answer["issue"], answer["verify"]
    return issued / issuing * 1000, verified / verifying * 1000
