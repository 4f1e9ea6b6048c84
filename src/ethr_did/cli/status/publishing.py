"""``status publish``, ``anchor`` and ``verify-list``: lists kept off chain."""

from __future__ import annotations

import time
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ethr_did.chain.fees import format_wei
from ethr_did.cli.changing import find_identity, parse_validity
from ethr_did.cli.options import config_option, examples, json_option, load
from ethr_did.cli.output import fields, print_json, say, table, working
from ethr_did.cli.sending import Sending, sending_options
from ethr_did.cli.status.checking import fetch_options, seen_file
from ethr_did.cli.status.signing import ListSigning, list_signing_options
from ethr_did.cli.status.stores import has_store, open_store
from ethr_did.cli.status.subjects import read_bytes
from ethr_did.errors import InvalidStatusList

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ethr_did.chain.networks import Network
    from ethr_did.core.did import EthrDID
    from ethr_did.core.list_documents import Served, Unsigned
    from ethr_did.core.status_list import ListId
    from ethr_did.settings import Settings
    from ethr_did.status.drafts import Published, PublishPlan, PublishReport
    from ethr_did.status.list_files import ListFiles
    from ethr_did.status.list_reports import ListReport
    from ethr_did.status.store import StatusStore

__all__ = ["anchor", "list_files", "publish", "verify_list"]

_out_option = click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Root of the documents of your web server; otherwise status-lists in the state folder.",
)
_validity_option = click.option(
    "--validity",
    default="7d",
    show_default=True,
    metavar="TIME",
    help="How long a version is good: seconds, or a number with m, h, d or y.",
)


def list_files(settings: Settings, out: Path | None) -> ListFiles:
    """The folder of status lists."""
    from ethr_did.status.list_files import ListFiles

    return ListFiles(out or settings.state_dir / "status-lists")


@click.command(
    epilog=examples(
        "ethr-did status publish DID --out /srv/lists --dry-run",
        "ethr-did status publish DID --out /srv/lists",
        "ethr-did status publish DID LIST_ID --out /srv/lists --validity 30d --force",
        "ethr-did status publish DID --out /srv/lists --signing-key jwkfile:key.jwk",
    )
)
@click.argument("did")
@click.argument("list_texts", metavar="[LIST_ID]...", nargs=-1)
@_out_option
@_validity_option
@click.option(
    "--ttl",
    default="15m",
    show_default=True,
    metavar="TIME",
    help="How long readers may keep a version without asking again.",
)
@click.option("--force", is_flag=True, help="Also lists that need no new version.")
@click.option(
    "--overwrite",
    is_flag=True,
    help="Also over a version that this database does not know, and what only it says.",
)
@list_signing_options
@sending_options()
def publish(
    did: str,
    list_texts: tuple[str, ...],
    out: Path | None,
    validity: str,
    ttl: str,
    force: bool,
    overwrite: bool,
    signing: ListSigning,
    sending: Sending,
) -> None:
    """Publish the lists that are kept off chain.

    Builds w3c and ietf lists, writes their files, and anchors them on chain: all lists of the issuer that changed, or of whose time less than half is left, unless some are
    named. Run it now and then: a list that is not published again in time is worthless.

    Who asks the chain needs no signature. With --signing-key the lists are signed for all others.
    """
    from ethr_did.core.status_list import parse_list_id
    from ethr_did.status.publishing import Publisher

    wanted = [parse_list_id(text) for text in list_texts]
    settings = sending.settings()
    parsed, network = find_identity(did, settings)
    files = list_files(settings, out)
    seconds, kept = parse_validity(validity), parse_validity(ttl)
    signer = signing.open(settings, parsed)
    with (
        open_store(settings) as store,
        sending.open(settings, network) as (chain, sender),
    ):
        publisher = Publisher(
            network,
            parsed,
            store,
            files,
            chain=chain,
            # A plan asks nobody for a signature.
            sign=None if sending.dry_run else signer,
            validity=seconds,
            ttl=kept,
        )
        if sending.dry_run:
            plan = publisher.plan(wanted, sender=sender, force=force, overwrite=overwrite)
            _print_plan(plan, as_json=sending.as_json)
            return
        report = publisher.publish(wanted, sender=sender, force=force, overwrite=overwrite)
    _print_report(report, files, as_json=sending.as_json)


@click.command(
    epilog=examples(
        "ethr-did status anchor DID LIST_ID --draft > list.json",
        "ethr-did status anchor DID LIST_ID signed-list.jwt --out /srv/lists",
    )
)
@click.argument("did")
@click.argument("list_text", metavar="LIST_ID")
@click.argument(
    "file", required=False, type=click.Path(path_type=Path, dir_okay=False, allow_dash=True)
)
@click.option(
    "--draft", is_flag=True, help="Print the next version, for you to sign; send nothing."
)
@_out_option
@_validity_option
@click.option(
    "--overwrite",
    is_flag=True,
    help="Also over a version that this database does not know, and what only it says.",
)
@sending_options(plans=False, needs_signer=False)
def anchor(
    did: str,
    list_text: str,
    file: Path | None,
    draft: bool,
    out: Path | None,
    validity: str,
    overwrite: bool,
    sending: Sending,
) -> None:
    """Publish a version of a list that was signed elsewhere.

    FILE is the signed document, as JSON or as a token; - is standard input. It must say what the
    database says, and is good for as long as it says itself, or else for --validity.
    """
    from ethr_did.core.status_list import parse_list_id

    if draft is (file is not None):
        raise click.UsageError("Name the signed file, or give --draft to get what is to be signed.")
    list_id = parse_list_id(list_text)
    settings = sending.settings()
    parsed, network = find_identity(did, settings)
    with open_store(settings) as store:
        if file is None:
            _print_draft(store, parsed, network, list_id, parse_validity(validity))
            return
        files = list_files(settings, out)
        given = _Given(read_bytes(file), list_id, parse_validity(validity))
        report = _anchor(settings, parsed, network, store, files, given, sending, overwrite)
    if report is None:
        say("This is the current version already; nothing was sent.")
        if sending.as_json:
            print_json({"published": [], "upToDate": [list_id.text], "transactions": []})
        return
    _print_report(report, files, as_json=sending.as_json)


class _Given:
    """A signed version of a list, taken as the signature of what the database says."""

    def __init__(self, content: bytes, list_id: ListId, validity: int) -> None:
        """Raises ``InvalidStatusList`` unless it is such a document."""
        from ethr_did.core.list_checks import read_document
        from ethr_did.core.list_documents import form_of

        self.content = content
        self.list_id = list_id
        self.now = int(time.time())
        self._document = read_document(content, form_of(list_id))
        self.valid_until = self._document.valid_until or self.now + validity
        if self.valid_until <= self.now:
            raise InvalidStatusList(
                f"the list was valid until {self.valid_until}, and it is {self.now}",
                hint="Have the next version signed: --draft prints it.",
            )

    @property
    def digest(self) -> bytes:
        """SHA-256 of its bytes."""
        return sha256(self.content).digest()

    def sign(self, document: Unsigned, /) -> Served:
        """The file itself, if it says what the document says."""
        from ethr_did.core.list_checks import Expected, expand, read_document
        from ethr_did.core.list_documents import Served

        ours = read_document(document.payload, document.form)
        rules = Expected(now=self.now, bits=self.list_id.bits, entries=self.list_id.capacity)
        faults = {
            f"it is that of {self._document.url}, not of {ours.url}": self._document.url
            not in (None, ours.url),
            f"it is issued by {self._document.issuer}, not by {ours.issuer}": self._document.issuer
            not in (None, ours.issuer),
            "its purpose is another one": self._document.purposes != ours.purposes,
            "its statuses are others than those in the database": expand(self._document, rules).data
            != expand(ours, rules).data,
        }
        found = [fault for fault, applies in faults.items() if applies]
        if found:
            raise InvalidStatusList(
                f"the file is not the next version of list {self.list_id.text}: {'; '.join(found)}",
                hint="Have the next version signed: --draft prints it.",
            )
        return Served(content=self.content, media_type="")


def _anchor(
    settings: Settings,
    did: EthrDID,
    network: Network,
    store: StatusStore,
    files: ListFiles,
    given: _Given,
    sending: Sending,
    overwrite: bool,
) -> PublishReport | None:
    """What was published; None if it is the current version already."""
    from ethr_did.status.publishing import DEFAULT_TTL, Publisher

    left = given.valid_until - given.now
    with sending.open(settings, network) as (chain, sender):
        publisher = Publisher(
            network,
            did,
            store,
            files,
            chain=chain,
            sign=given.sign,
            validity=left,
            ttl=min(DEFAULT_TTL, left),
            clock=lambda: given.now,
        )
        publisher.settle([given.list_id], sender=sender)
        (stored,) = publisher.lists([given.list_id])
        current = store.latest_version(stored)
        if current is not None and current.content_digest == given.digest:
            return None
        return publisher.publish([given.list_id], sender=sender, force=True, overwrite=overwrite)


def _print_draft(
    store: StatusStore, did: EthrDID, network: Network, list_id: ListId, validity: int
) -> None:
    """Nothing; prints the next version of a list, unsigned."""
    from ethr_did.cli.status.lists import contract_of
    from ethr_did.core.bitstring import Bitstring
    from ethr_did.core.list_documents import ListTerms, build_document, form_of, order_of
    from ethr_did.status.publishing import DEFAULT_TTL

    stored = store.find_list(contract_of(network, anchored=True), did.address, list_id)
    form, now = form_of(list_id), int(time.time())
    bitstring = Bitstring.of_values(
        store.values_of(stored),
        bits=list_id.bits,
        capacity=list_id.capacity,
        order=order_of(form),
    )
    terms = ListTerms(
        url=stored.url,
        issuer=did.text,
        valid_from=now,
        valid_until=now + validity,
        purpose=list_id.purpose,
        ttl=min(DEFAULT_TTL, validity),
        messages=stored.messages,
    )
    print_json(dict(build_document(bitstring, terms, form).claims))


# -- printing ------------------------------------------------------------------------------------


def _print_plan(plan: PublishPlan, *, as_json: bool) -> None:
    from ethr_did.core.resolution import format_time

    if as_json:
        print_json(plan.to_dict())
        return
    rows = [
        (
            draft.list_id.text,
            draft.version.version,
            draft.why.value,
            sum(count for _, count in draft.counts),
            len(draft.version.content),
            format_time(draft.version.valid_until),
        )
        for draft in plan.drafts
    ]
    if rows:
        table(rows, ("list", "version", "why", "not valid", "bytes", "good until"))
    say(
        f"{_count(len(plan.drafts)).capitalize()} to publish, {_count(len(plan.up_to_date))} up to "
        "date. "
        f"Expected cost {format_wei(plan.quote.expected_cost)}; the sender has "
        f"{format_wei(plan.quote.balance)}. Nothing was sent or written."
    )


def _print_report(report: PublishReport, files: ListFiles, *, as_json: bool) -> None:
    if as_json:
        out = report.to_dict()
        for members, one in zip(out["published"], report.published, strict=True):
            members["file"] = str(files.path_of(one.stored.url))
        print_json(out)
        return
    if report.published:
        table(
            [_row(one, files) for one in report.published],
            ("list", "version", "block", "good until", "file"),
        )
    cost = sum(receipt.cost_wei for receipt in report.receipts)
    say(
        f"{_count(len(report.published)).capitalize()} published for {format_wei(cost)}, "
        f"{_count(len(report.up_to_date))} up to date."
    )


def _row(one: Published, files: ListFiles) -> tuple[object, ...]:
    from ethr_did.core.resolution import format_time

    return (
        one.stored.list_id.text,
        one.version.version,
        one.version.block_number,
        format_time(one.version.valid_until),
        files.path_of(one.stored.url),
    )


def _count(number: int) -> str:
    return "one list" if number == 1 else f"{number or 'no'} lists"


# -- verifying -----------------------------------------------------------------------------------


@click.command(
    "verify-list",
    epilog=examples(
        "ethr-did status verify-list https://lists.example/1/current",
        "ethr-did status verify-list list.json --list LIST_ID --issuer DID",
    ),
)
@click.argument("source", metavar="URL|FILE")
@click.option(
    "--list", "list_text", metavar="LIST_ID", help="Which list; of one in the database it is known."
)
@click.option("--issuer", metavar="DID", help="Whose list; of one in the database it is known.")
@fetch_options
@json_option
@config_option
def verify_list(
    source: str,
    list_text: str | None,
    issuer: str | None,
    allow_private_fetch: bool,
    ca_file: Path | None,
    as_json: bool,
    config_file: Path | None,
) -> int:
    """Compare a list kept off chain with the chain.

    One thing after the other, all faults at once. Credentials name the list and its issuer. Exit code 2 if something is wrong with the list, 4 if
    something could not be found out.
    """
    from ethr_did.status.list_reports import read_anchored_list
    from ethr_did.status.list_reports import verify_list as inspect

    settings = load(config_file)
    is_url = source.lower().startswith(("https://", "http://"))
    parsed, network, list_id = _list_meant(settings, source, list_text, issuer)
    with working("Looking at the list …"):
        content = (
            _fetched(source, list_id, allow_private=allow_private_fetch, ca_file=ca_file)
            if is_url
            else read_bytes(Path(source))
        )
        with network.chain(timeout=settings.timeout) as chain:
            anchored = chain.agree(
                lambda block: read_anchored_list(network, parsed.address, list_id, block)
            )
        seen = seen_file(settings).seen_version(
            anchored.anchor.registry, anchored.identity, list_id
        )
        report = inspect(
            content, anchored, now=int(time.time()), url=source if is_url else None, seen=seen
        )
    if as_json:
        print_json(report.to_dict())
    else:
        _print_findings(report)
    return _exit_code(report)


def _list_meant(
    settings: Settings, source: str, list_text: str | None, issuer: str | None
) -> tuple[EthrDID, Network, ListId]:
    """Issuer, network and id of the list."""
    from ethr_did.core.did import EthrDID
    from ethr_did.core.keys import to_checksum_address
    from ethr_did.core.status_list import parse_list_id

    if list_text is not None and issuer is not None:
        return (*find_identity(issuer, settings), parse_list_id(list_text))
    known: Sequence[Any] = ()
    if has_store(settings):
        with open_store(settings) as store:
            known = [
                one
                for one in store.lists()
                if one.url and (one.url == source or one.list_id.text == list_text)
            ]
    if len(known) != 1:
        raise click.UsageError(
            "Which list of which issuer? Credentials name them: add --list LIST_ID --issuer DID."
        )
    (one,) = known
    network = settings.table().find(hex(one.contract.chain_id))
    did = EthrDID.build(to_checksum_address(one.identity), network.name)
    return did, network, one.list_id


def _fetched(url: str, list_id: ListId, *, allow_private: bool, ca_file: Path | None) -> bytes:
    from ethr_did.core.list_documents import ACCEPT, form_of
    from ethr_did.fetching import Fetcher, FetchRules

    fetcher = Fetcher(FetchRules(allow_private=allow_private, ca_file=ca_file))
    return fetcher.fetch(url, accept=ACCEPT[form_of(list_id)]).content


def _print_findings(report: ListReport) -> None:
    from ethr_did.core.resolution import format_time
    from ethr_did.status.list_reports import w3c_error_of

    rows = []
    for finding in report.findings:
        error = finding.error
        name = None if error is None else w3c_error_of(error)
        outcome = "good" if error is None else name.value if name else error.code
        rows.append((finding.name, outcome, "" if error is None else error.message))
    table(rows, ("check", "outcome", "what is wrong"))
    if report.header is not None and report.header.version:
        fields(
            [
                ("version", report.header.version),
                ("good until", format_time(report.header.valid_until)),
                *((f"status {value}", count) for value, count in sorted(report.counts.items())),
            ]
        )
    say("The list is good." if report.is_good else "The list is not good.")


def _exit_code(report: ListReport) -> int:
    """That of what is wrong with the list; of what is not known if nothing else is."""
    from ethr_did.errors import InvalidInput, outcome_of

    errors = [one.error for one in report.findings if one.error is not None]
    wrong = [error for error in errors if isinstance(error, InvalidInput)]
    return next((outcome_of(error).exit_code for error in [*wrong, *errors]), 0)
