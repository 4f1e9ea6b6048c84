"""Who is asked about the status of credentials: the chain, or the issuer's signed lists.

Rules:
  * An entry in a list kept off chain that has no anchor is looked up in the list itself, whose
    signature then counts. Everything else is a matter of the status reader, broken entries
    included.
  * Each entry has an answer, in its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ethr_did.credentials.questions import AskStatuses
from ethr_did.credentials.signed_lists import SignedEntry, unanchored_entry

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from ethr_did.chain.networks import Networks
    from ethr_did.core.status_answer import Status
    from ethr_did.credentials.policy import Policy
    from ethr_did.credentials.questions import Question
    from ethr_did.credentials.signed_lists import SignedLists
    from ethr_did.did_methods.resolved import ResolvedDID
    from ethr_did.status.reading import StatusQuestion

__all__ = ["ask_statuses"]


def ask_statuses(
    questions: Sequence[StatusQuestion],
    policy: Policy,
    lists: SignedLists,
    *,
    networks: Networks,
    documents: Mapping[str, ResolvedDID],
    now: int,
) -> Generator[Question, Any, list[Status]]:
    """Yields what has to be asked; returns the status for each question, in order.

    Args:
        questions: about credentials whose signature is verified.
        policy: what is demanded.
        lists: reads signed lists.
        networks: that tell which DIDs are the same.
        documents: of DIDs that were resolved in this run.
        now: Unix seconds.
    """
    entries = [unanchored_entry(one.entry) for one in questions]
    signed = [
        SignedEntry(entry=entry, issuer=str(question.issuer))
        for question, entry in zip(questions, entries, strict=True)
        if entry is not None
    ]
    others = [one for one, entry in zip(questions, entries, strict=True) if entry is None]
    answers: Sequence[Status] = ()
    if others:
        answers = yield AskStatuses(questions=tuple(others), finality=policy.finality)
    found = yield from lists.read(signed, policy, networks=networks, documents=documents, now=now)
    from_lists, from_reader = iter(found), iter(answers)
    return [next(from_reader if entry is None else from_lists) for entry in entries]
