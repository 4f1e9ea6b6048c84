"""Whatever is concealed, exactly that is hidden; whatever is chosen, exactly that is shown."""

from __future__ import annotations

import random
import string
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ethr_did.core.strict_json import read_json, write_json
from ethr_did.credentials.concealing import conceal, filled_to, no_decoys
from ethr_did.credentials.disclosures import RESERVED_NAMES, HashName
from ethr_did.credentials.sd_jwt import SDJWT, process, select
from ethr_did.errors import InvalidCredential

if TYPE_CHECKING:
    from ethr_did.credentials.claim_paths import Path

JWT = "e30.e30.c2lnbmF0dXJl"
BASE64URL = string.ascii_letters + string.digits + "-_"
names = st.sampled_from(["a", "b", "sub", "ä", "", "_s", "sd", "....", "\n", "\U0001f600", "0"])
leaves = st.sampled_from(
    [
        None,
        True,
        False,
        0,
        -1,
        2**60,
        0.5,
        -1e300,
        "",
        "x",
        "_sd",
        "...",
        "Möbius",
        '"',
        "\U0001f600",
    ]
)
objects = st.dictionaries(
    names,
    st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
        max_leaves=8,
    ),
    min_size=1,
    max_size=3,
)


def all_paths(value: Any, path: Path = ()) -> list[Path]:
    """The paths of everything in a value."""
    steps: list[Any] = []
    if isinstance(value, dict):
        steps = list(value)
    elif isinstance(value, list):
        steps = list(range(len(value)))
    return [
        found for step in steps for found in ((*path, step), *all_paths(value[step], (*path, step)))
    ]


def without(value: Any, hidden: set[Path], path: Path = ()) -> Any:
    """A value without what is at some paths."""
    if isinstance(value, dict):
        return {
            name: without(inner, hidden, (*path, name))
            for name, inner in value.items()
            if (*path, name) not in hidden
        }
    if isinstance(value, list):
        return [
            without(inner, hidden, (*path, index))
            for index, inner in enumerate(value)
            if (*path, index) not in hidden
        ]
    return value


class Made:
    """Claims, the paths concealed of them, and what came of it, as a holder reads it."""

    def __init__(self, claims: Any, paths: list[Path], *, seed: int, **options: Any) -> None:
        self.claims, self.paths = claims, paths
        chance = random.Random(seed)  # noqa: S311 - the same every time
        payload, made = conceal(claims, paths, random=chance.randbytes, **options)
        self.payload = read_json(write_json(payload))
        self.texts = [one.encoded for one in made]
        self.sd_jwt = SDJWT(jwt=JWT, disclosures=tuple(self.texts))


@st.composite
def concealed(draw: st.DrawFn) -> Made:
    claims = draw(objects)
    return Made(
        claims,
        draw(st.lists(st.sampled_from(all_paths(claims)), unique=True, min_size=1)),
        seed=draw(st.integers(0, 2**32)),
        decoys=draw(st.sampled_from([no_decoys, filled_to(3), lambda _level, _digests: 1])),
        hash_name=draw(st.sampled_from(HashName)),
    )


@given(concealed(), st.randoms())
def test_all_disclosures_give_the_claims_back_and_none_without_its_parents(
    made: Made, chance: random.Random
) -> None:
    chance.shuffle(made.texts)
    found = process(made.payload, made.texts)
    assert found.claims == made.claims
    assert set(found.places.values()) == set(made.paths)
    assert list(found.places) == made.texts
    assert process(made.payload, ()).claims == without(made.claims, set(made.paths))
    for one in found.disclosed:
        for parent in one.parents:
            with pytest.raises(InvalidCredential, match="nothing refers to"):
                process(made.payload, [text for text in made.texts if text != parent.encoded])


@given(concealed(), st.data())
def test_what_is_chosen_is_shown_with_its_parents_and_nothing_else(
    made: Made, data: st.DataObject
) -> None:
    chosen = data.draw(st.lists(st.sampled_from(all_paths(made.claims)), unique=True))
    shown = select(made.sd_jwt, made.payload, chosen)
    on_the_way = {path[:length] for path in chosen for length in range(1, len(path) + 1)}
    hidden = set(made.paths) - on_the_way
    assert process(made.payload, shown.disclosures).claims == without(made.claims, hidden)
    assert SDJWT.parse(shown.text) == shown


@given(concealed(), st.data())
def test_disclosure_that_was_changed_anywhere_is_refused(made: Made, data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(made.texts) - 1))
    text = made.texts[number]
    place = data.draw(st.integers(0, len(text) - 1))
    character = data.draw(st.sampled_from(BASE64URL))
    left = data.draw(st.integers(0, 1))
    changed = text[:place] + character + text[place + left :]
    if changed == text:
        changed = text[:place] + text[place + 1 :]
    texts = [*made.texts[:number], changed, *made.texts[number + 1 :]]
    with pytest.raises(InvalidCredential):
        process(made.payload, texts)


HOSTILE_NAMES = st.sampled_from(["_sd", "...", "_sd_alg", "a", "b"])
hostile_values = st.recursive(
    st.none() | st.integers(0, 1) | st.sampled_from(["x", "y", "sha-256"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(HOSTILE_NAMES, inner, max_size=3)
        | st.fixed_dictionaries({"_sd": st.lists(st.sampled_from(["x", "y"]), max_size=2)})
        | st.lists(st.fixed_dictionaries({"...": st.sampled_from("xyz")}), max_size=2)
    ),
    max_leaves=12,
)


@given(st.dictionaries(HOSTILE_NAMES, hostile_values, max_size=3))
def test_payload_of_any_shape_is_refused_or_leaves_no_trace_of_hiding(payload: Any) -> None:
    try:
        claims = process(payload, ()).claims
    except InvalidCredential:
        return
    assert not [path for path in all_paths(claims) if RESERVED_NAMES.intersection(path)]


pieces = st.sampled_from(["~", "~", ".", "a", "A", "-", "_", " ", "=", "\n", JWT, "WyJhIiwxXQ"])


@given(
    st.lists(pieces, max_size=8).map("".join)
    | st.lists(pieces).map("~".join).map((JWT + "~{}~").format)
)
def test_text_is_refused_or_given_back_as_it_was(text: str) -> None:
    try:
        found = SDJWT.parse(text)
    except InvalidCredential:
        return
    assert found.text == text
    assert found.hashed_part == text.encode()[: text.rindex("~") + 1]
