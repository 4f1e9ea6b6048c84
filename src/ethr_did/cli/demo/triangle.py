"""The last chapters: a college issues, a holder shows what is asked for, a shop verifies."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

from ethr_did.cli.output import columns

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import ExitStack

    from ethr_did.chain.local import LocalAccount
    from ethr_did.chain.receipts import Receipt
    from ethr_did.cli.demo.stage import Stage
    from ethr_did.core.changes import Change
    from ethr_did.credentials.issuing import Issued
    from ethr_did.credentials.presenting import Response
    from ethr_did.credentials.report import Report
    from ethr_did.identity import Identity

__all__ = ["Triangle"]

_NONCE = "a nonce of the shop's"
_SHOP = "https://shop.example"
_QUERY = {
    "credentials": [
        {
            "id": "age",
            "format": "dc+sd-jwt",
            "meta": {"vct_values": ["urn:ethr-did:vct:age:1"]},
            "claims": [{"path": ["age_equal_or_over", "18"], "values": [True]}],
        },
        {
            "id": "degree",
            "format": "dc+sd-jwt",
            "meta": {"vct_values": ["urn:ethr-did:vct:diploma:1"]},
            "claims": [{"path": ["degree", "type"]}, {"path": ["degree", "name"]}],
        },
    ]
}
_CLAIMS: dict[str, dict[str, Any]] = {
    "age": {"birthdate": "1999-05-17"},
    "diploma": {
        "family_name": "Mustermann",
        "given_name": "Erika",
        "birthdate": "1999-05-17",
        "degree": {"type": "BachelorDegree", "name": "Law"},
        "grade": "1.3",
    },
}


class Triangle:
    """What the three do, and what each of them learns."""

    def __init__(self, stage: Stage, stack: ExitStack) -> None:
        """Nothing is told yet; database and wallet are closed when the stack is left."""
        from ethr_did.credentials.questions import Outside
        from ethr_did.credentials.verification import Verifier
        from ethr_did.did_methods import DIDResolver

        self._stage = stage
        self._stack = stack
        self._account, self._ministry_account = stage.chain.accounts[6:8]
        self._college = stage.identity(self._account.address)
        self._dids = DIDResolver(ethr=stage.resolver)
        outside = stack.enter_context(Outside.on([stage.network], clock=stage.now))
        self._verifier = Verifier(outside, clock=stage.now)

    # -- the chapters ----------------------------------------------------------------------------

    def prepare(self) -> None:
        """Keys, a list, and somebody who vouches for the college."""
        from ethr_did.core.changes import add_key
        from ethr_did.core.keys import P256_PUB
        from ethr_did.credentials.accreditations import accredit
        from ethr_did.credentials.keys import KeyKind
        from ethr_did.credentials.signing_keys import LocalKey

        stage = self._stage
        stage.chapter(
            "A college publishes the key that it signs with, and a ministry vouches for it"
        )
        self._key = LocalKey.generate(KeyKind.P256, secrets.token_bytes)
        published = add_key("Multikey", P256_PUB + self._key.public.data)
        stage.receipts(self._apply(self._college, self._account, published), "Published")
        ministry = stage.identity(self._ministry_account.address)
        self._authority = ministry.did
        granted = [
            accredit(self._college.address, _template(name).vct, validity=365 * 86_400)
            for name in _CLAIMS
        ]
        receipts = self._apply(ministry, self._ministry_account, *granted)
        stage.receipts(receipts, "Accredited for both kinds of credentials")

    def issue(self) -> None:
        """Two credentials for one holder, each bound to a key of the wallet."""
        from ethr_did.credentials.keys import KeyKind
        from ethr_did.wallet.wallet import Wallet

        stage = self._stage
        stage.chapter("A student gets two credentials into an encrypted wallet")
        self._wallet = self._stack.enter_context(
            Wallet.create(
                stage.folder / "wallet.json", secrets.token_hex(), random=secrets.token_bytes
            )
        )
        self._issuer = self._open_issuer()
        for name in _CLAIMS:
            # A key for each: two verifiers cannot tell that both belong to the same person.
            key = self._wallet.add_key(KeyKind.P256, label=name, now=int(stage.now()))
            issued = self._issue(name, key.public)
            self._issuer.confirm(issued.raw)
            self._wallet.add_credential(
                str(issued.raw), format_name=issued.format.value, now=int(stage.now()), label=name
            )
            stage.say(f"  {name}: {len(issued.raw):,} characters; every claim can be shown alone")
        stage.say("The birthdate stands in neither as a thing that must be shown.")

    def show(self) -> None:
        """What the shop asks for, and what the holder hands over."""
        stage = self._stage
        stage.chapter(
            "A shop asks: over 18, and which degree? The student sees what that discloses"
        )
        stage.say("The shop's query, in DCQL:")
        stage.say("  " + json.dumps(_QUERY["credentials"][0]))
        stage.say("  " + json.dumps(_QUERY["credentials"][1]))
        self._response = self._present(is_told=True)

    def verify(self) -> None:
        """What the shop finds out."""
        stage = self._stage
        stage.chapter("The shop verifies: it asks the chain, and neither college nor student")
        self._tell(self._verify(self._response))

    def revoke(self) -> None:
        """The end of a degree."""
        stage = self._stage
        stage.chapter("The college revokes the diploma, and the shop refuses")
        revoked = self._issuer.revoke("diploma", stage.sender(self._account), now=int(stage.now()))
        if revoked.report is not None:
            stage.receipts(revoked.report.receipts, "Revoked")
        self._tell(self._verify(self._present()))

    # -- what is done in them --------------------------------------------------------------------

    def _apply(
        self, identity: Identity, account: LocalAccount, *changes: Change
    ) -> Iterable[Receipt]:
        return identity.apply(list(changes), self._stage.sender(account))

    def _open_issuer(self) -> Any:
        from ethr_did.cli.status.lists import contract_of
        from ethr_did.core.status_list import Purpose
        from ethr_did.credentials.issuing import CredentialIssuer
        from ethr_did.status.allocation import Allocator
        from ethr_did.status.store import StatusStore

        stage = self._stage
        store = self._stack.enter_context(StatusStore(f"sqlite:///{stage.folder}/college.db"))
        made = Allocator(store, random=secrets.token_bytes).create_list(
            contract=contract_of(stage.network, anchored=False),
            identity=self._college.address,
            purpose=Purpose.REVOCATION,
            now=int(stage.now()),
            terminal=True,
        )
        return CredentialIssuer(
            self._college.did.text,
            self._key,
            self._dids,
            random=secrets.token_bytes,
            store=store,
            statuses=made,
            network=stage.network,
            chain=stage.door,
        )

    def _issue(self, name: str, holder_key: Any) -> Issued:
        from ethr_did.credentials.credential import CredentialFormat
        from ethr_did.credentials.issue_request import IssueRequest

        request = IssueRequest(
            template=_template(name),
            format=CredentialFormat.SD_JWT,
            claims=_CLAIMS[name],
            reference=name,
            holder_key=holder_key,
        )
        issued: Issued = self._issuer.issue(request, now=int(self._stage.now()))
        return issued

    def _present(self, *, is_told: bool = False) -> Response:
        from ethr_did.credentials.choices import answer_query
        from ethr_did.credentials.dcql import Query
        from ethr_did.credentials.presenting import KeyRing, Presenter
        from ethr_did.credentials.previews import preview

        now = int(self._stage.now())
        choice = answer_query(Query.from_dict(_QUERY), self._wallet.credentials, now=now)
        if is_told:
            self._tell_preview(preview(choice, now=now))
        keys = KeyRing(self._wallet.signing_key(key.id) for key in self._wallet.keys)
        return Presenter(self._dids).present(
            choice, keys=keys, now=now, nonce=_NONCE, audience=_SHOP
        )

    def _verify(self, response: Response) -> Report:
        from ethr_did.credentials.dcql import Query
        from ethr_did.credentials.policy import Policy
        from ethr_did.credentials.trust import OnChainAuthority, TrustPolicy

        policy = Policy(
            nonce=_NONCE,
            audience=_SHOP,
            query=Query.from_dict(_QUERY),
            require_status=True,
            trust=TrustPolicy(
                sources=(OnChainAuthority(did=self._authority),),
                networks=self._verifier.outside.networks,
            ),
        )
        return self._verifier.verify_response(response.vp_token, policy)

    # -- what is told ----------------------------------------------------------------------------

    def _tell_preview(self, seen: Any) -> None:
        for one in seen.credentials:
            shown, hidden = _lines(one)
            self._stage.say(f"  {one.types[0]}")
            self._stage.say(f"    shown:  {', '.join(shown)}")
            self._stage.say(f"    hidden: {', '.join(hidden)}")

    def _tell(self, report: Report) -> None:
        rows = [
            (
                one.types[0] if one.types else "",
                check.name.value,
                check.outcome.value,
                check.message,
            )
            for part in report.parts
            for one in part.credentials
            for check in one.checks
        ]
        rows += [
            ("", check.name.value, check.outcome.value, check.message) for check in report.checks
        ]
        short = [(kind, name, outcome, _cut(message)) for kind, name, outcome, message in rows]
        headings = ("credential", "check", "outcome", "because")
        self._stage.keep("report", report.to_dict(), columns(short, headings))
        verdict = {"valid": "The shop accepts.", "invalid": "The shop refuses."}
        self._stage.say(verdict.get(report.verdict.value, "The shop does not know."))


def _template(name: str) -> Any:
    from ethr_did.credentials.templates import find_template

    return find_template(name)


def _cut(text: str, most: int = 72) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _lines(one: Any) -> tuple[list[str], list[str]]:
    """The claims that are shown because they are asked for, and those that stay hidden."""
    from ethr_did.credentials.claim_paths import path_text
    from ethr_did.credentials.previews import Visibility

    shown = [path_text(c.path) for c in one.claims if c.visibility is Visibility.SHOWN]
    hidden = [path_text(c.path) for c in one.claims if c.visibility is Visibility.HIDDEN]
    return shown, hidden
