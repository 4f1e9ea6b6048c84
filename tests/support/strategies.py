"""What Hypothesis makes stories, documents and hostile JSON of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from support.events import BOB, CAROL, IDENTITY, ZERO, Story, time_of

if TYPE_CHECKING:
    from ethr_did.core.keys import Address

POINT = bytes.fromhex("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
NAMES = (
    *("did/pub/Secp256k1/veriKey", "did/pub/Secp256k1/sigAuth/base58", "did/pub/Ed25519/veriKey"),
    *("did/pub/X25519/enc", "did/pub/Multikey", "did/pub/Other/sigAuth/base64", "did/pub/Other"),
    *("did/pub/Other/enc/base58", "did/pub/RSA/veriKey/pem", "did/pub/Ed-25519/veriKey"),
    *("did/pub/a/b/c/d", "did/svc/Hub", "did/svc/Hub/x", "did/svc/Linked-Domains", "hello"),
    *("did/pub/", "did/svc/", "veriKey", "did/pub/Other/"),
)
VALUES = (
    b"",
    b"\1",
    POINT,
    b"\x02" + bytes(32),
    b"\x06" + POINT[1:] * 2,
    b"\xff",
    b"https://a.example",
)
OWNERS: tuple[Address, ...] = (BOB, CAROL, IDENTITY)

raw_names: st.SearchStrategy[str | bytes] = st.sampled_from(
    [*NAMES, b"\xff" * 32, b"did/pub/\xff", b"did/pub/Oth\0er"]
)
kinds: st.SearchStrategy[str | bytes] = st.sampled_from(
    ["veriKey", "sigAuth", "enc", "own", b"\xfe", "did/pub/Other"]
)
validities = st.sampled_from([-1, 0, 1, 500, 1000, 1001, 5000, 10**9, 2**255])


@st.composite
def stories(draw: st.DrawFn, *, finite: bool = False, most: int = 12) -> Story:
    """A life of one identity; ``finite`` lets it end."""
    story = Story()
    owners = st.sampled_from([*OWNERS, ZERO] if finite else OWNERS)
    for _ in range(draw(st.integers(0, most))):
        add_event(draw, story, owners)
    return story


def add_event(draw: st.DrawFn, story: Story, owners: st.SearchStrategy[Address]) -> None:
    """One more event, in the block of the last one or later."""
    last = story.changed
    story.at(draw(st.integers(max(last, 1), last + 3)))
    valid_to = max(0, time_of(story.block) + draw(validities))
    what = draw(st.sampled_from(["owner", "delegate", "attribute", "attribute"]))
    if what == "owner":
        story.owner(draw(owners))
    elif what == "delegate":
        story.delegate(draw(kinds), draw(st.sampled_from(OWNERS)), valid_to=valid_to)
    else:
        story.attribute(draw(raw_names), draw(st.sampled_from(VALUES)), valid_to=valid_to)


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
