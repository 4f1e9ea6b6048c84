"""What the preview shows is what is handed over, whatever is chosen of whatever can be hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from ethr_did.credentials.choices import PlainCredential, answer_query, choose
from ethr_did.credentials.dcql import Query
from ethr_did.credentials.presenting import KeyRing, Presenter
from ethr_did.credentials.previews import Visibility, preview
from ethr_did.credentials.sd_jwt_vc import read_sd_jwt_vc
from ethr_did.did_methods import DIDResolver
from support.held import HOLDER, NOW, VCT, sd_jwt

if TYPE_CHECKING:
    from ethr_did.credentials.choices import Choice
    from ethr_did.credentials.claim_paths import Path

NAMES = st.sampled_from(["a", "b", "c", "ä", "0"])
LEAVES: st.SearchStrategy[Any] = st.sampled_from([None, True, 0, 1, "x", "Möbius", [], {}])
CLAIMS: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    NAMES,
    st.recursive(
        LEAVES,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
        max_leaves=8,
    ),
    min_size=1,
    max_size=4,
)


def members(value: Any) -> list[tuple[str | int, Any]]:
    if isinstance(value, dict):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list) else []


def all_paths(value: Any, path: Path = ()) -> list[Path]:
    return [
        found
        for step, inner in members(value)
        for found in ((*path, step), *all_paths(inner, (*path, step)))
    ]


def leaves(value: Any, path: Path = ()) -> list[tuple[Path, Any]]:
    """Everything that holds nothing else, with its path."""
    inner = [one for step, part in members(value) for one in leaves(part, (*path, step))]
    return inner or [(path, value)]


def names(path: Path) -> Path:
    """A path without the places in arrays, which differ where elements are hidden."""
    return tuple(step for step in path if isinstance(step, str))


@st.composite
def cards(draw: st.DrawFn) -> tuple[str, list[Path]]:
    """A credential, and paths of its claims."""
    claims = draw(CLAIMS)
    paths = all_paths(claims)
    hidden = draw(st.lists(st.sampled_from(paths), unique=True))
    raw = sd_jwt(HOLDER.public, hidden=hidden, seed=str(draw(st.integers(0, 9))), **claims)
    return raw, draw(st.lists(st.sampled_from(paths), unique=True, max_size=4))


def check_preview(choice: Choice) -> None:
    """Shows the choice to a verifier, and compares what it sees with the preview."""
    (previewed,) = preview(choice, now=NOW).credentials
    options: dict[str, Any] = {"nonce": "n", "audience": "a", "now": NOW}
    made = Presenter(DIDResolver()).present(choice, keys=KeyRing([HOLDER]), **options)
    shown = read_sd_jwt_vc(str(made.parts[0].presentation))

    (part,) = choice.parts
    assert part.sd_jwt is not None
    places = part.sd_jwt.processed.places
    assert {places[one] for one in shown.sd_jwt.disclosures} == set(previewed.disclosed)
    assert len(shown.sd_jwt.disclosures) == len(previewed.disclosed)

    visible = [one for one in previewed.claims if one.visibility is not Visibility.HIDDEN]
    assert [(names(one.path), one.value) for one in visible] == [
        (names(path), value) for path, value in leaves(shown.processed.claims)
    ]
    everything = {path for path, _ in leaves(part.credential.claims)}
    assert everything <= {one.path for one in previewed.claims}
    concealable = set(places.values())
    for one in previewed.claims:
        around = {one.path[:length] for length in range(1, len(one.path) + 1)} & concealable
        assert (one.visibility is Visibility.ALWAYS) is (not around)


@given(cards())
def test_preview_shows_what_a_named_choice_discloses(card: tuple[str, list[Path]]) -> None:
    raw, paths = card
    check_preview(choose(PlainCredential(id="card", raw=raw), paths))


@given(cards())
def test_preview_shows_what_a_query_discloses(card: tuple[str, list[Path]]) -> None:
    raw, paths = card
    asked: dict[str, Any] = {"id": "q", "format": "dc+sd-jwt", "meta": {"vct_values": [VCT]}}
    if paths:
        asked["claims"] = [{"path": list(path)} for path in paths]
    query = Query.from_dict({"credentials": [asked]})
    check_preview(answer_query(query, [PlainCredential(id="card", raw=raw)], now=NOW))
