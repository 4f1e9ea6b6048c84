"""An issuer that publishes lists kept off chain, a web server for them, and verifiers who read them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ethr_did.core.status_entry import ContractId
from ethr_did.core.status_list import Purpose
from ethr_did.fetching import Fetcher, FetchRules
from ethr_did.status.allocation import Allocator
from ethr_did.status.list_files import ListFiles
from ethr_did.status.lists import AnchoredListReader
from ethr_did.status.publishing import Publisher
from ethr_did.status.seen import SeenFile
from ethr_did.status.store import StatusStore
from ethr_did.status.stored import ListForm, StoredList
from support.web_server import WebServer, whole
from support.writing import make_sender

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ethr_did.chain.local import LocalAccount
    from ethr_did.chain.transactions import Sender
    from ethr_did.core.status_answer import Status
    from ethr_did.core.status_calls import Header
    from ethr_did.status.reading import StatusReader
    from support.status_stage import StatusStage
    from support.web_server import Answer, Authority

HOST = "lists.example"


class _Folder(dict[str, "Answer"]):
    """Answers of a web server that serves a folder, besides those that a test sets."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def __missing__(self, path: str) -> Answer:
        file = self._folder / path.lstrip("/")
        return [whole(file.read_bytes()) if file.is_file() else whole(b"", status=404)]


def at_loopback(_host: str, _port: int) -> Sequence[str]:
    """Every name is here."""
    return ["127.0.0.1"]


@dataclass(kw_only=True)
class Press:
    """What a test needs to publish and read lists."""

    stage: StatusStage
    root: Path
    authority: Authority
    store: StatusStore = field(init=False)
    files: ListFiles = field(init=False)
    server: WebServer = field(init=False)

    def __post_init__(self) -> None:
        self.store = StatusStore(f"sqlite:///{self.root}/issuer.db")
        self.files = ListFiles(self.root / "www")
        self.server = WebServer(tls=self.authority.serving(HOST))
        self.server._answers = _Folder(self.files.folder)

    def close(self) -> None:
        """Ends the server."""
        self.server.close()
        self.store.close()

    # The issuer

    def clock(self) -> float:
        """The time of the next block."""
        return self.stage.chain.next_timestamp

    def url(self, path: str) -> str:
        """The address of a file of the web server."""
        return f"https://{HOST}:{self.server.port}/{path}"

    def new_list(
        self,
        issuer: LocalAccount,
        path: str = "1/current",
        *,
        form: ListForm = ListForm.BITSTRING,
        **more: Any,
    ) -> StoredList:
        """A list of an issuer, in the database only."""
        return Allocator(self.store, random=secrets.token_bytes).create_list(
            contract=self.contract,
            identity=self.stage.did(issuer).address,
            form=form,
            url=self.url(path),
            now=self.stage.now,
            **{"purpose": Purpose.REVOCATION, **more},
        )

    @property
    def contract(self) -> ContractId:
        """The anchor registry."""
        return ContractId(self.stage.network.chain_id, self.stage.anchors)

    def publisher(self, issuer: LocalAccount, **options: Any) -> Publisher:
        """Publishes the lists of an issuer."""
        options = {
            "chain": self.stage.asked().chain(retries=0),
            "store": self.store,
            "files": self.files,
            "clock": self.clock,
            **options,
        }
        return Publisher(self.stage.network, self.stage.did(issuer), **options)

    def sender(self, account: LocalAccount, **options: Any) -> Sender:
        """Sends from an account."""
        return make_sender(self.stage.chain.provider, account.key, self.root, **options)

    def publish(self, issuer: LocalAccount, **options: Any) -> Header:
        """The header of the last of the versions that were published now."""
        report = self.publisher(issuer).publish(sender=self.sender(issuer), **options)
        return report.published[-1].version.header

    def set(self, stored: StoredList, values: dict[int, int]) -> None:
        """Changes statuses in the database."""
        self.store.set_values(stored, values)

    def pass_time(self, seconds: int) -> None:
        """Mines a block that many seconds later."""
        self.stage.chain.set_next_timestamp(int(self.clock()) + seconds)
        self.stage.mine()

    # The verifier

    def fetcher(self, **rules: Any) -> Fetcher:
        """Fetches from the server: private addresses are allowed, its authority is trusted."""
        rules = {"allow_private": True, "ca_file": self.authority.ca_file, "timeout": 5, **rules}
        return Fetcher(FetchRules(**rules), resolve=at_loopback)

    @property
    def seen(self) -> SeenFile:
        """The versions that the verifier has seen."""
        return SeenFile(self.root / "seen.json")

    def lists(self, **options: Any) -> AnchoredListReader:
        """Reads lists, with an empty cache."""
        fetcher = options.pop("fetcher", None) or self.fetcher()
        return AnchoredListReader(fetcher, **{"seen": self.seen, "clock": self.clock, **options})

    def reader(self, **options: Any) -> StatusReader:
        """Reads statuses, with an empty cache."""
        options.setdefault("lists", self.lists())
        return self.stage.reader(**options)

    def read(
        self,
        issuer: LocalAccount,
        stored: StoredList,
        index: int,
        reader: StatusReader | None = None,
        **options: Any,
    ) -> Status:
        """The status of an entry, as a verifier reads it who was never here before."""
        reader = reader or self.reader()
        return reader.read_status(stored.entry(index), self.stage.did(issuer), **options)
