"""``status check`` and ``status history``: what verifiers ask."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ethr_did.cli.options import config_option, examples, json_option, load
from ethr_did.cli.output import complain, print_json, say, table, working
from ethr_did.cli.status.subjects import Subject, read_bytes, read_subjects

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    from ethr_did.core.status_answer import Status
    from ethr_did.core.status_history import Change
    from ethr_did.settings import Settings
    from ethr_did.status.reading import StatusQuestion, StatusReader
    from ethr_did.status.seen import SeenFile

    F = TypeVar("F", bound=Callable[..., Any])

__all__ = ["check", "fetch_options", "history", "seen_file"]

_LENGTH = 32

_subjects = click.argument("subjects", metavar="ENTRY...", nargs=-1, required=True)
_issuer = click.option(
    "--issuer", metavar="DID", help="Whose statuses; needed for an entry without its credential."
)
_digest = click.option(
    "--digest", metavar="HEX", help="32 bytes over what the credential says; for records."
)


def fetch_options(function: F) -> F:
    """Adds the options about fetching lists, which are never set anywhere else."""
    for option in (
        click.option(
            "--ca-file",
            type=click.Path(path_type=Path, dir_okay=False),
            help="Certificates (PEM) to trust, in place of the system's.",
        ),
        click.option(
            "--allow-private-fetch",
            is_flag=True,
            help="Also fetch lists from private and loopback addresses.",
        ),
    ):
        function = option(function)
    return function


@click.command(
    epilog=examples(
        "ethr-did status check credential.json",
        "ethr-did status check credential.jwt other.jwt --finality finalized",
        """ethr-did status check '{"type": "EthereumStatusListEntry", …}' --issuer DID""",
        "ethr-did status check presentation.json --at-time 2026-01-31T23:59:59Z --json",
    )
)
@_subjects
@_issuer
@click.option("--at-block", type=click.IntRange(0), metavar="BLOCK", help="After this block.")
@click.option("--at-time", metavar="TIME", help="At this UTC time, as 2026-01-31T23:59:59Z.")
@click.option(
    "--finality",
    type=click.Choice(["strictest", "latest", "finalized"]),
    default="strictest",
    show_default=True,
    help="Which block counts; strictest: of the newest and the final one the stricter answer.",
)
@click.option(
    "--exact-since", is_flag=True, help="Find the change of the entry itself, however long ago."
)
@_digest
@click.option(
    "--token",
    "token_file",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="File with the credential as the JWT it was issued as; for EthrStatusRegistry2019.",
)
@click.option(
    "--legacy-registry",
    "legacy",
    metavar="CONTRACT",
    multiple=True,
    help="A registry of 2019 or 2022 that you believe, as eip155:1:0x….",
)
@fetch_options
@json_option
@config_option
def check(
    subjects: tuple[str, ...],
    issuer: str | None,
    at_block: int | None,
    at_time: str | None,
    finality: str,
    exact_since: bool,
    digest: str | None,
    token_file: Path | None,
    legacy: tuple[str, ...],
    allow_private_fetch: bool,
    ca_file: Path | None,
    as_json: bool,
    config_file: Path | None,
) -> int:
    """Say whether credentials are valid, revoked or suspended.

    ENTRY is a file with a credential, a presentation or a status entry, as JSON or as a token; - is
    standard input. JSON may stand in its place.

    Signatures are not verified here. Exit code 0 if all are valid, 10 if one is not, 4 if that
    could not be found out.
    """
    from ethr_did.core.resolution import parse_time
    from ethr_did.core.status_answer import FinalityPolicy
    from ethr_did.core.status_entry import ContractId
    from ethr_did.status.reading import StatusReader

    moment = None if at_time is None else parse_time(at_time)
    token = None if token_file is None else read_bytes(token_file).decode("ascii", "replace")
    questions = _questions(read_subjects(subjects), issuer, _parse_digest(digest), token)
    settings = load(config_file)
    with (
        StatusReader(
            settings.table(),
            policy=FinalityPolicy(finality),
            lists=_list_reader(settings, allow_private=allow_private_fetch, ca_file=ca_file),
            legacy_registries=[ContractId.parse(text) for text in legacy],
            timeout=settings.timeout,
        ) as reader,
        working("Asking …"),
    ):
        found = reader.read_statuses(
            [question for _, question in questions],
            at_block=at_block,
            at_time=moment,
            exact_since=exact_since,
            times=True,
        )
    names = [name for name, _ in questions]
    if as_json:
        answers = [
            {**_about(question), **status.to_dict()}
            for (_, question), status in zip(questions, found, strict=True)
        ]
        print_json(answers[0] if len(answers) == 1 else answers)
    else:
        _print(names, found)
    return _exit_code(found)


def _list_reader(settings: Settings, *, allow_private: bool, ca_file: Path | None) -> Any:
    """What reads lists kept off chain."""
    from ethr_did.fetching import Fetcher, FetchRules
    from ethr_did.status.lists import AnchoredListReader

    fetcher = Fetcher(FetchRules(allow_private=allow_private, ca_file=ca_file))
    return AnchoredListReader(fetcher, seen=seen_file(settings))


def seen_file(settings: Settings) -> SeenFile:
    """Where the versions of lists that were seen are remembered."""
    from ethr_did.status.seen import SeenFile

    return SeenFile(settings.state_dir / "seen-lists.json")


# -- questions -----------------------------------------------------------------------------------


def _questions(
    subjects: Sequence[Subject],
    issuer: str | None,
    digest: bytes | None,
    token: str | None,
) -> list[tuple[str, StatusQuestion]]:
    """A question for each entry of each subject, with the subject's name."""
    from ethr_did.core.status_entry import status_members
    from ethr_did.core.status_wishes import Faults
    from ethr_did.errors import InvalidInput
    from ethr_did.status.reading import StatusQuestion

    found: list[tuple[str, StatusQuestion]] = []
    faults = Faults()
    for subject in subjects:
        try:
            members = status_members(subject.claims)
            whose = _issuer_of(subject, issuer)
        except InvalidInput as fault:
            faults.add(subject.name, fault.message)
            continue
        if not members:
            faults.add(subject.name, "the credential has no status: nothing says it is valid")
        for number, member in enumerate(members, start=1):
            name = subject.name if len(members) == 1 else f"{subject.name}, status {number}"
            question = StatusQuestion(
                entry=member,  # type: ignore[arg-type]  # whatever it is, the answer says so
                issuer=whose,
                digest=digest,
                token=token or subject.token,
            )
            found.append((name, question))
    faults.check("what was given")
    return found


def _issuer_of(subject: Subject, given: str | None) -> str:
    """Whose statuses a subject is about."""
    from ethr_did.core.status_entry import issuer_of
    from ethr_did.errors import InvalidStatusEntry

    if subject.is_entry:
        if given is None:
            raise InvalidStatusEntry("an entry does not say whose it is: add --issuer DID")
        return given
    named = issuer_of(subject.claims)
    if given is not None and given != named:
        raise InvalidStatusEntry(f"the credential is {named}'s, not {given}'s")
    return named


def _parse_digest(text: str | None) -> bytes | None:
    from ethr_did.core.status_list import parse_key

    return None if text is None else parse_key(text)


def _about(question: StatusQuestion) -> dict[str, Any]:
    return {"issuer": question.issuer, "entry": question.entry}


# -- answers -------------------------------------------------------------------------------------


def _print(names: Sequence[str], found: Sequence[Status]) -> None:
    rows = [
        (name, status.describe(), _since(status), _read_at(status), _finality(status))
        for name, status in zip(names, found, strict=True)
    ]
    table(rows, ("credential", "status", "since", "read at", "finality"))
    for name, status in zip(names, found, strict=True):
        if status.reason is not None:
            complain(f"{name}: {status.reason.message}", status.reason.hint)
        if status.issuer_deactivated is not None:
            say(
                f"{name}: the issuer gave up its identity in block {status.issuer_deactivated}; "
                "this is the status of before."
            )


def _since(status: Status) -> str:
    from ethr_did.core.resolution import format_time

    if status.changed_block is None:
        return "" if status.value is None or status.value else "always"
    when = f"block {status.changed_block}"
    if status.changed_at is not None:
        when += f", {format_time(status.changed_at)}"
    return when if status.since_exact else f"{when}, or before"


def _read_at(status: Status) -> str:
    from ethr_did.core.resolution import format_time

    if status.read_at is None:
        return ""
    return f"block {status.read_at.number}, {format_time(status.read_at.timestamp)}"


def _finality(status: Status) -> str:
    from ethr_did.core.status_answer import Finality

    if status.value is None:
        return ""
    word = "not final yet" if status.finality is Finality.PENDING else status.finality.value
    return f"{word}, for good" if status.terminal else word


def _exit_code(found: Sequence[Status]) -> int:
    """That of the worst answer; a "no" is worse than not knowing."""
    from ethr_did.core.status_answer import StatusKind
    from ethr_did.errors import OUTCOMES

    kinds = {status.kind for status in found}
    if kinds - {StatusKind.VALID, StatusKind.UNDETERMINED}:
        return OUTCOMES["status_not_valid"].exit_code
    return 0 if kinds == {StatusKind.VALID} else OUTCOMES["status_undetermined"].exit_code


# -- history -------------------------------------------------------------------------------------


@click.command(
    epilog=examples(
        "ethr-did status history credential.json",
        "ethr-did status history entry.json --issuer DID --json",
    )
)
@_subjects
@_issuer
@_digest
@json_option
@config_option
def history(
    subjects: tuple[str, ...],
    issuer: str | None,
    digest: str | None,
    as_json: bool,
    config_file: Path | None,
) -> None:
    """Show every change of statuses that are kept on chain.

    ENTRY is as for `ethr-did status check`.
    """
    from ethr_did.status.reading import StatusReader

    questions = _questions(read_subjects(subjects), issuer, _parse_digest(digest), None)
    settings = load(config_file)
    with (
        StatusReader(settings.table(), timeout=settings.timeout) as reader,
        working("Reading the history …"),
    ):
        found = [(name, question, _history(reader, question)) for name, question in questions]
    if as_json:
        histories = [
            {**_about(question), "changes": [change.to_dict() for change in changes]}
            for _, question, changes in found
        ]
        print_json(histories[0] if len(histories) == 1 else histories)
        return
    rows = [
        row for name, question, changes in found for row in _history_rows(name, question, changes)
    ]
    if rows:
        table(rows, ("credential", "block", "time", "change", "transaction"))
    for name, _, changes in found:
        if not changes:
            say(f"{name}: never changed, hence valid.")


def _history(reader: StatusReader, question: StatusQuestion) -> tuple[Change, ...]:
    return reader.history(question.entry, question.issuer, digest=question.digest)


def _history_rows(
    name: str, question: StatusQuestion, changes: Sequence[Change]
) -> list[tuple[object, ...]]:
    from ethr_did.core.resolution import format_time

    return [
        (
            name,
            change.block_number,
            format_time(change.timestamp),
            _in_words(question, change) + ("" if change.counts else " (after deactivation)"),
            "0x" + change.tx_hash.hex(),
        )
        for change in changes
    ]


def _in_words(question: StatusQuestion, change: Change) -> str:
    """The value after a change, in a word."""
    from ethr_did.core.status_answer import StatusKind, kind_of
    from ethr_did.core.status_entry import ListEntry, entry_from_dict
    from ethr_did.core.status_list import Purpose
    from ethr_did.core.status_wishes import RECORD_BITS

    entry = entry_from_dict(question.entry)
    purpose, bits = Purpose.LIFECYCLE, RECORD_BITS
    if isinstance(entry, ListEntry):
        purpose, bits = entry.list_id.purpose, entry.list_id.bits
    kind = kind_of(change.value, purpose=purpose, bits=bits)
    if kind is StatusKind.OTHER:
        return f"status {change.value}"
    if kind is StatusKind.VALID and change.previous is not None:
        return "reinstated"
    return kind.value
