"""The error tree: codes, outcomes, JSON, pickles."""

from __future__ import annotations

import json
import pickle
import re

import pytest

from ethr_did import errors
from ethr_did.errors import (
    OUTCOMES,
    ChainError,
    EthrDIDError,
    InvalidInput,
    NotFoundError,
    TransactionError,
    nearest,
    outcome_of,
    shown,
)


def family(root: type[EthrDIDError]) -> list[type[EthrDIDError]]:
    return [root, *(one for child in root.__subclasses__() for one in family(child))]


ALL = [kind for kind in family(EthrDIDError) if kind.__module__ == errors.__name__]
every_error = pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)


@every_error
def test_error_has_an_outcome(kind: type[EthrDIDError]) -> None:
    assert outcome_of(kind("message")) is OUTCOMES[kind.code]


@every_error
def test_error_has_a_code_in_lower_case(kind: type[EthrDIDError]) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", kind.code)


@every_error
def test_error_survives_pickling(kind: type[EthrDIDError]) -> None:
    error = kind("what happened", hint="do this", value=b"\1", number=5)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert type(again) is kind
    assert (again.message, again.hint, dict(again.facts)) == (
        "what happened",
        "do this",
        {"value": b"\1", "number": 5},
    )


@every_error
def test_error_is_drawn_in_the_tree(kind: type[EthrDIDError]) -> None:
    assert errors.__doc__ is not None
    assert re.search(rf"\b{kind.__name__}\b", errors.__doc__)


@every_error
def test_error_is_exported(kind: type[EthrDIDError]) -> None:
    assert kind.__name__ in errors.__all__


@every_error
def test_error_says_in_its_docstring_what_it_is(kind: type[EthrDIDError]) -> None:
    assert kind.__doc__


def test_codes_are_unique() -> None:
    assert len({kind.code for kind in ALL}) == len(ALL)


def test_every_outcome_belongs_to_an_error() -> None:
    assert set(OUTCOMES) == {kind.code for kind in ALL}


def test_tree_draws_no_error_that_is_not_there() -> None:
    assert errors.__doc__ is not None
    drawn = re.findall(r"[├└]── (\w+)", errors.__doc__)
    assert set(drawn) <= {kind.__name__ for kind in ALL}


@pytest.mark.parametrize("kind", family(ChainError), ids=lambda kind: kind.__name__)
def test_what_could_not_be_found_out_is_never_a_no(kind: type[EthrDIDError]) -> None:
    outcome = OUTCOMES[kind.code]
    assert (outcome.did_error, outcome.http_status) == ("INTERNAL_ERROR", 500)
    assert not issubclass(kind, (NotFoundError, InvalidInput, TransactionError))


def test_wrong_input_is_a_value_error() -> None:
    assert issubclass(InvalidInput, ValueError)


def test_error_without_hint_and_facts_as_json() -> None:
    assert NotFoundError("nothing there").to_dict() == {
        "code": "not_found",
        "message": "nothing there",
    }


def test_facts_as_json_are_plain() -> None:
    facts = {"b": b"\1\2", "l": [b"\3", (1, None)], "t": True, "f": 1.5, "o": {1}, "s": "x"}
    found = NotFoundError("x", hint="y", **facts).to_dict()
    assert found["hint"] == "y"
    assert found["facts"] == {
        "b": "0x0102",
        "l": ["0x03", [1, None]],
        "t": True,
        "f": 1.5,
        "o": "{1}",
        "s": "x",
    }
    assert json.loads(json.dumps(found)) == found


def test_facts_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        NotFoundError("x", a=1).facts["a"] = 2  # type: ignore[index]


def test_nearest_word_is_named() -> None:
    assert nearest("seplia", ["mainnet", "sepolia"]) == "Did you mean sepolia?"
    assert nearest("zzz", ["b", "a"]) == "Known: a, b."
    assert nearest("zzz", []) == "None is known."


def test_long_values_are_cut() -> None:
    assert shown("x" * 1000) == "'" + "x" * 118 + "…"
    assert shown("short") == "'short'"
    assert len(shown(list(range(1000)), 40)) == 40
