"""From events to documents, and whether the events are all there."""

from __future__ import annotations

import dataclasses
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.core.did import EthrDID
from ethr_did.core.history import View, default_view, find_gap, fold, in_order
from ethr_did.core.keys import Address, address_of_key, to_checksum_address
from ethr_did.errors import NodeInconsistent
from support.events import BOB, CAROL, IDENTITY, ZERO, Story, b32, time_of
from support.vectors import vectors

if TYPE_CHECKING:
    from ethr_did.core.erc1056 import Event

DID = EthrDID.parse(f"did:ethr:dev:0x{IDENTITY.hex()}")
KEY = bytes.fromhex("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
KEY_DID = EthrDID.parse(f"did:ethr:dev:0x{KEY.hex()}")
ED = b"\x11" * 32


def view_of(story: Story, now: int | None = None, limit: int | None = None) -> View:
    moment = story.now if now is None else now
    return fold(DID, 1337, story.events, now=moment, block_limit=limit)


def document_of(story: Story, now: int | None = None, limit: int | None = None) -> dict[str, Any]:
    document = view_of(story, now, limit).document
    assert document is not None
    return document.to_dict()


def fragments(entries: list[Any]) -> list[str]:
    ids = [entry if isinstance(entry, str) else entry["id"] for entry in entries]
    return [id_.removeprefix(DID.text) for id_ in ids]


def listed(story: Story, now: int | None = None, limit: int | None = None) -> list[str]:
    """Fragments of verification methods and services besides the controller."""
    document = document_of(story, now, limit)
    entries = [*document["verificationMethod"], *document.get("service", [])]
    return [fragment for fragment in fragments(entries) if fragment != "#controller"]


# -- the default document ------------------------------------------------------------------------


def test_identity_never_touched_has_the_default_document() -> None:
    view = default_view(DID, 1337)
    assert view.document is not None
    assert view.document.to_dict() == {
        "@context": [
            "https://www.w3.org/ns/did/v1",
            "https://w3id.org/security/suites/secp256k1recovery-2020/v2",
        ],
        "id": DID.text,
        "verificationMethod": [
            {
                "id": f"{DID.text}#controller",
                "type": "EcdsaSecp256k1RecoveryMethod2020",
                "controller": DID.text,
                "blockchainAccountId": f"eip155:1337:{to_checksum_address(IDENTITY)}",
            }
        ],
        "authentication": [f"{DID.text}#controller"],
        "assertionMethod": [f"{DID.text}#controller"],
    }


def test_identity_never_touched_has_no_version() -> None:
    view = default_view(DID, 1337)
    assert (view.version_id, view.updated, view.next_version_id, view.next_update) == (None,) * 4
    assert (view.owner, view.deactivated) == (IDENTITY, False)


def test_zero_address_never_touched_is_not_deactivated() -> None:
    zero = EthrDID.parse("did:ethr:dev:0x" + "00" * 20)
    view = default_view(zero, 1337)
    assert (view.deactivated, view.owner) == (False, ZERO)
    assert view.document is not None


def test_key_in_the_did_is_listed() -> None:
    document = default_view(KEY_DID, 1337).document
    assert document is not None
    key = document.find_verification_method("#controllerKey")
    assert key is not None
    assert key.type == "EcdsaSecp256k1VerificationKey2019"
    assert set(key.material) == {"publicKeyJwk"}
    both = (f"{KEY_DID}#controller", f"{KEY_DID}#controllerKey")
    assert (document.authentication, document.assertion_method) == (both, both)


# -- owners --------------------------------------------------------------------------------------


def test_new_owner_is_the_controller_account() -> None:
    document = document_of(Story().owner(BOB))
    account = document["verificationMethod"][0]["blockchainAccountId"]
    assert account == f"eip155:1337:{to_checksum_address(BOB)}"


def test_document_keeps_its_subject_as_controller_of_methods() -> None:
    assert document_of(Story().owner(BOB))["verificationMethod"][0]["controller"] == DID.text


def key_did_view(*owners: Address) -> View:
    story = Story()
    for owner in owners:
        story.owner(owner)
    events = [dataclasses.replace(e, identity=KEY_DID.address) for e in story.events]
    return fold(KEY_DID, 1, events, now=story.now)


def test_key_in_the_did_goes_with_the_ownership() -> None:
    document = key_did_view(BOB).document
    assert document is not None
    assert document.find_verification_method("#controllerKey") is None


def test_key_in_the_did_comes_back_with_the_ownership() -> None:
    document = key_did_view(BOB, address_of_key(KEY)).document
    assert document is not None
    assert document.find_verification_method("#controllerKey") is not None


# -- deactivation --------------------------------------------------------------------------------


def test_owner_zero_deactivates() -> None:
    view = view_of(Story().at(5).owner(ZERO))
    assert (view.document, view.deactivated, view.owner) == (None, True, ZERO)
    assert (view.version_id, view.updated) == (5, time_of(5))


def test_events_after_deactivation_are_ignored() -> None:
    story = Story().at(5).owner(ZERO).owner(BOB).attribute("did/svc/Hub", "x")
    view = view_of(story)
    assert (view.deactivated, view.version_id, view.next_version_id) == (True, 5, None)


def test_events_of_the_same_block_after_deactivation_are_ignored() -> None:
    view = view_of(Story().at(5).owner(ZERO).at(5).owner(BOB))
    assert (view.deactivated, view.owner) == (True, ZERO)


def test_version_before_deactivation_is_still_there() -> None:
    view = view_of(Story().at(3).owner(BOB).at(5).owner(ZERO), time_of(4))
    assert (view.deactivated, view.owner, view.next_version_id) == (False, BOB, 5)


# -- delegates -----------------------------------------------------------------------------------


def test_verikey_delegate_makes_assertions() -> None:
    document = document_of(Story().delegate("veriKey"))
    assert document["verificationMethod"][1] == {
        "id": f"{DID.text}#delegate-1",
        "type": "EcdsaSecp256k1RecoveryMethod2020",
        "controller": DID.text,
        "blockchainAccountId": f"eip155:1337:{to_checksum_address(BOB)}",
    }
    assert fragments(document["assertionMethod"]) == ["#controller", "#delegate-1"]
    assert fragments(document["authentication"]) == ["#controller"]


def test_sigauth_delegate_authenticates_and_makes_assertions() -> None:
    document = document_of(Story().delegate("sigAuth"))
    assert fragments(document["authentication"]) == ["#controller", "#delegate-1"]
    assert fragments(document["assertionMethod"]) == ["#controller", "#delegate-1"]


@pytest.mark.parametrize("kind", ["enc", "own", "VeriKey", "veriKey\0x"])
def test_other_delegate_types_use_a_number_and_list_nothing(kind: str) -> None:
    story = Story().delegate(kind).delegate("veriKey", CAROL)
    assert listed(story) == ["#delegate-2"]


def test_delegate_type_that_is_no_utf8_uses_no_number() -> None:
    assert listed(Story().delegate(b"\xff" * 32).delegate("veriKey")) == ["#delegate-1"]


def test_same_account_in_two_roles_is_listed_twice() -> None:
    assert listed(Story().delegate("veriKey").delegate("sigAuth")) == ["#delegate-1", "#delegate-2"]


def test_delegate_and_attribute_of_one_name_and_value_are_two_things() -> None:
    name = "did/pub/Other"
    story = Story().attribute(name, BOB).delegate(name, BOB, valid_to=0)
    assert listed(story) == ["#delegate-1"]


# -- attributes ----------------------------------------------------------------------------------


@vectors("attributes", "key")
def test_key_attribute_is_listed_like_this(vector: dict[str, Any]) -> None:
    document = document_of(Story().attribute(vector["name"], bytes.fromhex(vector["value"])))
    assert document["verificationMethod"][1:] == [
        {
            "id": f"{DID.text}#delegate-1",
            "type": vector["type"],
            "controller": DID.text,
            **vector["material"],
        }
    ]
    relationships = ["authentication", "assertionMethod", "keyAgreement"]
    found = [r for r in relationships if f"{DID.text}#delegate-1" in document.get(r, [])]
    assert found == vector["listedIn"]


@vectors("attributes", "service")
def test_service_attribute_is_listed_like_this(vector: dict[str, Any]) -> None:
    document = document_of(Story().attribute(vector["name"], bytes.fromhex(vector["value"])))
    assert document["service"] == [
        {
            "id": f"{DID.text}#service-1",
            "type": vector["type"],
            "serviceEndpoint": vector["endpoint"],
        }
    ]


@vectors("attributes", "service")
def test_document_with_this_service_can_be_written(vector: dict[str, Any]) -> None:
    document = document_of(Story().attribute(vector["name"], bytes.fromhex(vector["value"])))
    text = json.dumps(document, allow_nan=False, ensure_ascii=False)
    assert json.loads(text.encode()) == document


@pytest.mark.parametrize(
    "text", ["[" * 50_000 + "]" * 50_000, "9" * 5000, '{"a":' * 9000 + "1" + "}" * 9000]
)
def test_service_that_no_parser_reads_stays_text(text: str) -> None:
    document = document_of(Story().attribute("did/svc/Hub", text))
    assert document["service"][0]["serviceEndpoint"] == text


@vectors("attributes", "skipped")
def test_attribute_that_lists_nothing_uses_a_number_or_not(vector: dict[str, Any]) -> None:
    section = "svc" if vector["name"].startswith("did/svc/") else "pub"
    story = Story().attribute(vector["name"], bytes.fromhex(vector["value"]))
    story.attribute(f"did/{section}/Other", b"\1")
    kind = "service" if section == "svc" else "delegate"
    assert listed(story) == [f"#{kind}-{2 if vector['counts'] else 1}"]


@pytest.mark.parametrize("kind", ["Ed25519", "X25519", "Multikey", "Other/veriKey/base58"])
def test_key_too_long_for_base58_is_not_listed_and_uses_a_number(kind: str) -> None:
    story = Story().attribute(f"did/pub/{kind}", bytes(100_000)).attribute("did/pub/Other", b"1")
    assert listed(story) == ["#delegate-2"]


def test_name_that_is_no_utf8_uses_no_number() -> None:
    story = Story().attribute(b"did/pub/\xff", b"\1").attribute("did/pub/Other", b"\1")
    assert listed(story) == ["#delegate-1"]


def test_name_with_a_zero_byte_inside_uses_a_number_and_lists_nothing() -> None:
    story = Story().attribute(b"did/pub/Oth\0er").attribute("did/pub/Other")
    assert listed(story) == ["#delegate-2"]


def test_keys_and_services_are_counted_apart() -> None:
    story = Story().attribute("did/svc/Hub", "a").attribute("did/pub/Other").delegate("veriKey")
    assert listed(story.attribute("did/svc/Hub", "b")) == [
        "#delegate-1",
        "#delegate-2",
        "#service-1",
        "#service-2",
    ]


def test_agreement_key_is_no_assertion_key() -> None:
    document = document_of(Story().attribute("did/pub/X25519/enc", ED))
    assert fragments(document["keyAgreement"]) == ["#delegate-1"]
    assert fragments(document["assertionMethod"]) == ["#controller"]


@vectors("contexts", "context")
def test_context_names_the_suites_in_use(vector: dict[str, Any]) -> None:
    story = Story()
    for name in vector["names"]:
        story.attribute(name, KEY)
    now = story.now if story.events else 0
    assert document_of(story, now)["@context"] == vector["context"]


# -- expiry and revocation -----------------------------------------------------------------------


@pytest.mark.parametrize(("now", "expected"), [(-1, True), (0, False), (1, False)])
@pytest.mark.parametrize("kind", ["delegate", "key", "service"])
def test_entry_ends_at_its_last_second(kind: str, now: int, expected: bool) -> None:  # noqa: FBT001
    end = time_of(50)
    story = Story()
    if kind == "delegate":
        story.delegate("veriKey", valid_to=end)
    else:
        story.attribute(f"did/{'pub' if kind == 'key' else 'svc'}/Other", "x", valid_to=end)
    assert bool(listed(story, end + now)) is expected


def test_delegate_revoked_in_a_block_is_not_listed_at_that_block() -> None:
    story = Story().delegate("veriKey").at(9).delegate("veriKey", valid_to=time_of(9))
    assert listed(story, time_of(9), 9) == []
    assert listed(story, time_of(8), 8) == ["#delegate-1"]


def test_expiry_does_not_change_the_version() -> None:
    view = view_of(Story().at(4).delegate("veriKey", valid_to=time_of(5)), time_of(100))
    assert (view.version_id, view.updated) == (4, time_of(4))


def test_attribute_is_revoked_by_name_and_value() -> None:
    story = Story().attribute("did/pub/Other/veriKey", b"\1")
    assert listed(story.attribute("did/pub/Other/veriKey", b"\1", valid_to=0)) == []


def test_attribute_is_not_revoked_by_a_longer_name() -> None:
    story = Story().attribute("did/pub/Other/veriKey", b"\1")
    assert listed(story.attribute("did/pub/Other/veriKey/hex", b"\1", valid_to=0)) == [
        "#delegate-1"
    ]


def test_attribute_is_not_revoked_by_another_value() -> None:
    story = Story().attribute("did/svc/Hub", "a").attribute("did/svc/Hub", "b", valid_to=0)
    assert listed(story) == ["#service-1"]


def test_service_is_revoked_by_its_full_name() -> None:
    story = Story().attribute("did/svc/Hub/a", "x")
    assert listed(story.attribute("did/svc/Hub", "x", valid_to=0)) == ["#service-1"]
    assert listed(story.attribute("did/svc/Hub/a", "x", valid_to=0)) == []


def test_revocation_uses_a_number() -> None:
    story = Story().delegate("veriKey").delegate("veriKey", valid_to=0).delegate("veriKey", CAROL)
    assert listed(story) == ["#delegate-3"]


def test_key_that_is_added_and_revoked_in_one_block_is_not_listed() -> None:
    story = Story().at(3).delegate("veriKey").at(3).delegate("veriKey", valid_to=time_of(3))
    assert listed(story) == []


def test_key_that_is_revoked_and_added_in_one_block_is_listed() -> None:
    story = Story().delegate("veriKey").at(3).delegate("veriKey", valid_to=time_of(3))
    assert listed(story.at(3).delegate("veriKey")) == ["#delegate-3"]


def test_entry_set_again_keeps_its_place_and_takes_the_newer_number() -> None:
    story = Story().delegate("veriKey").delegate("veriKey", CAROL).delegate("veriKey")
    assert listed(story) == ["#delegate-3", "#delegate-2"]


def test_entry_set_again_after_its_revocation_comes_last() -> None:
    story = Story().delegate("veriKey").delegate("veriKey", CAROL)
    story.delegate("veriKey", valid_to=0).delegate("veriKey")
    assert listed(story) == ["#delegate-2", "#delegate-4"]


def test_service_set_again_keeps_its_place_and_takes_the_newer_number() -> None:
    story = Story().attribute("did/svc/A", "a").attribute("did/svc/B", "b")
    assert listed(story.attribute("did/svc/A", "a")) == ["#service-3", "#service-2"]


def test_shorter_validity_supersedes_the_longer_one() -> None:
    story = Story().delegate("veriKey").delegate("veriKey", valid_to=time_of(5))
    assert listed(story, time_of(4)) == ["#delegate-2"]
    assert listed(story, time_of(6)) == []


def test_validity_beyond_every_calendar_is_valid() -> None:
    assert listed(Story().delegate("veriKey", valid_to=2**256 - 1)) == ["#delegate-1"]


# -- the next end --------------------------------------------------------------------------------


def next_expiry(story: Story, now: int | None = None) -> int | None:
    return view_of(story, now).next_expiry


def test_nothing_ends_where_nothing_is_listed() -> None:
    assert default_view(DID, 1337).next_expiry is None
    assert next_expiry(Story().owner(BOB)) is None


@pytest.mark.parametrize("kind", ["delegate", "key", "service"])
def test_next_end_is_that_of_what_ends_first(kind: str) -> None:
    story = Story()
    for end in (70, 50, 60):
        if kind == "delegate":
            story.delegate("veriKey", Address(bytes([end]) * 20), valid_to=time_of(end))
        else:
            name = f"did/{'pub' if kind == 'key' else 'svc'}/Other"
            story.attribute(name, bytes([end]), valid_to=time_of(end))
    assert next_expiry(story) == time_of(50)
    assert next_expiry(story, time_of(50)) == time_of(60)
    assert next_expiry(story, time_of(70)) is None


def test_services_and_keys_end_together() -> None:
    story = Story().attribute("did/svc/A", "a", valid_to=time_of(50))
    assert next_expiry(story.delegate("veriKey", valid_to=time_of(40))) == time_of(40)


def test_what_is_not_listed_does_not_end() -> None:
    story = Story().delegate("other", valid_to=time_of(50))
    story.attribute("did/pub/Secp256k1/veriKey", b"no key", valid_to=time_of(50))
    story.attribute("did/svc/Hub", b"\xff", valid_to=time_of(50))
    assert next_expiry(story) is None


def test_what_was_revoked_does_not_end() -> None:
    story = Story().delegate("veriKey", valid_to=time_of(50)).delegate("veriKey", valid_to=0)
    assert next_expiry(story) is None


def test_what_was_given_up_does_not_end() -> None:
    assert next_expiry(Story().delegate("veriKey").owner(ZERO)) is None


def test_entry_set_again_loses_its_place_when_its_first_setting_ends() -> None:
    story = Story().delegate("veriKey", valid_to=time_of(50)).delegate("veriKey", CAROL)
    story.delegate("veriKey", valid_to=time_of(90))
    assert next_expiry(story) == time_of(50)
    assert listed(story, time_of(50) - 1) == ["#delegate-3", "#delegate-2"]
    assert listed(story, time_of(50)) == ["#delegate-2", "#delegate-3"]
    assert next_expiry(story, time_of(50)) == time_of(90)


# -- versions ------------------------------------------------------------------------------------


def story_of_three() -> Story:
    return Story().at(10).delegate("veriKey").at(20).delegate("sigAuth").at(30).owner(BOB)


def test_block_limit_shows_an_older_version_and_names_the_next() -> None:
    view = view_of(story_of_three(), time_of(25), 25)
    assert (view.version_id, view.updated) == (20, time_of(20))
    assert (view.next_version_id, view.next_update) == (30, time_of(30))


def test_block_limit_includes_its_block() -> None:
    assert view_of(story_of_three(), time_of(20), 20).version_id == 20


def test_view_before_the_first_event_is_the_default_one() -> None:
    view = view_of(story_of_three(), time_of(0), 0)
    assert (view.version_id, view.updated, view.next_version_id) == (None, None, 10)
    assert view.owner == IDENTITY


def test_time_before_the_first_event_is_the_default_view() -> None:
    view = view_of(story_of_three(), time_of(10) - 1)
    assert (view.version_id, view.next_version_id) == (None, 10)


def test_time_includes_its_second() -> None:
    assert view_of(story_of_three(), time_of(10)).version_id == 10


def test_newest_version_has_no_next() -> None:
    view = view_of(story_of_three(), time_of(1000))
    assert (view.version_id, view.next_version_id, view.next_update) == (30, None, None)


def test_illegible_event_is_no_version() -> None:
    story = Story().at(5).delegate("veriKey").at(6).attribute(b"\xff" * 32)
    story.at(7).delegate(b"\xfe" * 32)
    assert view_of(story).version_id == 5
    assert view_of(story, time_of(5)).next_version_id is None


def test_application_attribute_is_a_version() -> None:
    assert view_of(Story().at(5).attribute("hello")).version_id == 5


def test_event_without_time_cannot_be_folded() -> None:
    events = [dataclasses.replace(e, block_timestamp=None) for e in Story().owner(BOB).events]
    with pytest.raises(ValueError, match="the event in block 1 has no time"):
        fold(DID, 1, events, now=0)


def test_text_that_opens_strings_without_end_is_read_quickly() -> None:
    text = "[" * 2000 + '"' + '\\"' * 64_000
    start = time.perf_counter()
    document = document_of(Story().attribute("did/svc/Hub", text))
    assert document["service"][0]["serviceEndpoint"] == text
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize("depth", [100, 101])
def test_nesting_is_read_to_a_hundred_levels(depth: int) -> None:
    text = "[" * depth + '"]["' + "]" * depth
    document = document_of(Story().attribute("did/svc/Hub", text))
    assert (document["service"][0]["serviceEndpoint"] == text) is (depth > 100)


@pytest.mark.parametrize("endpoint", [[{"uri": "x"}] * 3000, "[{" * 3000, [{"uri": "]}[["}] * 2000])
def test_wide_endpoint_is_not_taken_for_a_deep_one(endpoint: Any) -> None:
    document = document_of(Story().attribute("did/svc/Hub", json.dumps(endpoint)))
    assert document["service"][0]["serviceEndpoint"] == endpoint


# -- order ---------------------------------------------------------------------------------------


def test_events_are_ordered_by_block_and_index_each_once() -> None:
    events = Story().at(5).owner(BOB).at(5).owner(CAROL).at(7).owner(BOB).events
    assert in_order([*reversed(events), *events]) == events


def test_index_orders_events_of_a_block() -> None:
    events = Story().at(5).owner(BOB).at(5).owner(CAROL).events
    assert fold(DID, 1, reversed(events), now=time_of(5)).owner == CAROL


# -- completeness --------------------------------------------------------------------------------


def test_no_events_and_no_change_are_whole() -> None:
    assert find_gap([], 0) is None


def test_no_events_but_a_change_lack_that_block() -> None:
    assert find_gap([], 7) == 7


def test_whole_history_has_no_gap() -> None:
    story = story_of_three()
    assert find_gap(story.events, story.changed) is None


@pytest.mark.parametrize(("missing", "gap"), [(0, 10), (1, 20), (2, 30)])
def test_missing_event_is_named_by_its_block(missing: int, gap: int) -> None:
    story = story_of_three()
    events = [event for i, event in enumerate(story.events) if i != missing]
    assert find_gap(events, story.changed) == gap


def test_newest_of_several_gaps_is_named() -> None:
    story = Story()
    for _ in range(6):
        story.owner(BOB)
    assert find_gap([story.events[0], story.events[3], story.events[5]], 6) == 5


def block_of_three() -> list[Event]:
    return Story().at(4).owner(BOB).at(9).owner(CAROL).at(9).owner(BOB).at(9).owner(CAROL).events


def test_several_events_of_a_block_are_whole() -> None:
    assert find_gap(block_of_three(), 9) is None


def test_block_without_its_first_event_is_a_gap() -> None:
    events = block_of_three()
    assert find_gap([events[0], *events[2:]], 9) == 9
    assert find_gap(events[2:], 9) == 9


def test_event_newer_than_changed_contradicts() -> None:
    with pytest.raises(
        NodeInconsistent, match="an event in block 30, where the chain of changes"
    ) as e:
        find_gap(story_of_three().events, 20)
    assert (e.value.facts["block_number"], e.value.facts["expected"]) == (30, 20)


def test_event_of_an_untouched_identity_contradicts() -> None:
    with pytest.raises(NodeInconsistent, match="says block 0"):
        find_gap(story_of_three().events, 0)


def test_event_between_linked_blocks_contradicts() -> None:
    events = story_of_three().events
    skipping = dataclasses.replace(events[2], previous_change=10)
    with pytest.raises(NodeInconsistent, match="an event in block 20") as caught:
        find_gap([*events[:2], skipping], 30)
    assert caught.value.code == "node_inconsistent"


def test_pointer_into_the_future_contradicts() -> None:
    events = [dataclasses.replace(e, previous_change=99) for e in Story().at(5).owner(BOB).events]
    with pytest.raises(NodeInconsistent, match="names the later block 99 as the one before it"):
        find_gap(events, 5)


def test_two_first_events_of_a_block_contradict() -> None:
    events = block_of_three()
    liar = dataclasses.replace(events[2], previous_change=4)
    with pytest.raises(NodeInconsistent, match="two events of block 9 both claim to be its first"):
        find_gap([*events[:2], liar], 9)


def test_names_have_their_padding_taken_off() -> None:
    assert b32("veriKey")[7:] == bytes(25)
