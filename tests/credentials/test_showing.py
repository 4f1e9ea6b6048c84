"""Who shows a credential, to whom, and when: what verifiers find out, without a chain."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ethr_did.credentials.data_model import CONTEXT_2
from ethr_did.credentials.jose import sign_token
from ethr_did.credentials.keys import KeyKind
from ethr_did.credentials.policy import HolderRule, Policy
from ethr_did.credentials.reading import read_presentation
from ethr_did.credentials.report import CheckName, Outcome, Verdict
from ethr_did.did_methods.resolved import ResolvedDID
from support.offline import (
    NOW,
    document_of,
    person_sd_jwt,
    presented,
    somebody,
    vc_jwt,
)
from support.triangle import NONCE, SHOP
from support.verifying import (
    AT_THE_SHOP,
    HELD,
    HOLDER,
    ISSUER,
    STRANGER,
    TOKEN,
    bound,
    faults,
    judged,
    message,
    outcomes,
    vc_1_1,
    vp_1_1,
)

# -- holders -------------------------------------------------------------------------------------


def test_presentation_by_whom_it_was_issued_to_is_valid() -> None:
    report = judged(presented(HOLDER, TOKEN))
    assert report.verdict is Verdict.VALID, report.to_dict()
    assert (report.presentation, report.holder) == ("vp+jwt", HOLDER.did)
    assert [one.name.value for one in report.checks] == [
        "format",
        "key",
        "signature",
        "nonce",
        "audience",
        "validity",
    ]
    assert outcomes(report)["holder"] == "passed"
    assert report.credentials[0].place == "credential 1"


@pytest.mark.parametrize(
    ("rule", "alone", "by_stranger"),
    [
        (HolderRule.BOUND, "skipped not_presented", "failed holder_mismatch"),
        (HolderRule.PRESENTED, "failed not_presented", "failed holder_mismatch"),
        (HolderRule.ANYBODY, "skipped", "skipped"),
    ],
)
def test_rule_says_who_may_show_it(rule: HolderRule, alone: str, by_stranger: str) -> None:
    assert outcomes(judged(TOKEN, Policy(holder=rule)))["holder"] == alone
    policy = replace(AT_THE_SHOP, holder=rule)
    assert outcomes(judged(presented(STRANGER, TOKEN), policy))["holder"] == by_stranger


def test_whoever_awaits_a_presentation_takes_no_credential_alone() -> None:
    for policy in (AT_THE_SHOP, Policy(nonce=NONCE), Policy(audience=SHOP)):
        assert faults(judged(TOKEN, policy)) == {("holder", "not_presented")}
        assert judged(TOKEN, replace(policy, holder=HolderRule.ANYBODY)).is_valid


def test_holder_may_be_one_of_several_subjects() -> None:
    subjects = [{"id": "did:example:child"}, {"id": HOLDER.did}, {"name": "nobody"}]
    token = vc_jwt(ISSUER, credentialSubject=subjects)
    assert judged(presented(HOLDER, token)).is_valid
    report = judged(presented(STRANGER, token))
    assert faults(report) == {("holder", "holder_mismatch")}
    assert message(report, CheckName.HOLDER) == (
        "it was issued to 'did:example:child, did:example:student', and is presented by"
        " 'did:example:stranger'"
    )


def test_credential_of_nobody_belongs_to_nobody() -> None:
    report = judged(presented(HOLDER, vc_jwt(ISSUER, credentialSubject={"name": "Erika"})))
    assert faults(report) == {("holder", "holder_mismatch")}
    assert "issued to 'nobody'" in message(report, CheckName.HOLDER)


def test_credential_for_a_key_is_its_owner_s_and_nobody_else_s() -> None:
    # The subject is somebody else: where there is cnf, that alone counts.
    subject = {"id": STRANGER.did, "name": "Erika"}
    for cnf in ({"jwk": HOLDER.key.public.to_jwk()}, {"kid": HOLDER.method_id}):
        token = vc_jwt(ISSUER, cnf=cnf, credentialSubject=subject)
        assert judged(presented(HOLDER, token)).is_valid
        report = judged(presented(STRANGER, token))
        assert faults(report) == {("holder", "holder_mismatch")}
        assert "issued to a key" in message(report, CheckName.HOLDER)


@pytest.mark.parametrize(
    "cnf",
    [
        {},
        {"kid": "#key"},
        {"kid": None},
        {"jwk": {"kty": ["EC"]}},
        {"jku": "https://a.example"},
        {"jwk": HOLDER.key.public.to_jwk(), "kid": STRANGER.method_id},
    ],
)
def test_confirmation_of_no_one_key_is_nobody_s(cnf: dict[str, Any]) -> None:
    report = judged(presented(HOLDER, vc_jwt(ISSUER, cnf=cnf)))
    assert faults(report) == {("holder", "holder_mismatch")}


def test_holder_who_is_not_verified_is_no_holder() -> None:
    thief = replace(HOLDER, key=somebody("thief", KeyKind.SECP256K1).key)
    report = judged(presented(thief, TOKEN))
    assert faults(report) == {("signature", "bad_signature")}
    assert outcomes(report)["holder"] == "skipped no_presenter"
    gone = ResolvedDID(did=HOLDER.did, deactivated=True)
    report = judged(presented(HOLDER, TOKEN), known=[ISSUER, gone])
    assert faults(report) == {("key", "holder_deactivated")}


def test_key_of_a_holder_is_for_authentication() -> None:
    document = document_of(HOLDER, authentication=())
    report = judged(presented(HOLDER, TOKEN), known=[ISSUER, document])
    assert faults(report) == {("key", "wrong_purpose")}


def test_credential_that_cannot_be_read_spoils_the_presentation_and_has_no_holder() -> None:
    report = judged(presented(HOLDER, TOKEN, "nonsense", {"proof": 1}))
    assert report.verdict is Verdict.INVALID
    assert [one.verdict for one in report.credentials] == [
        Verdict.VALID,
        Verdict.INVALID,
        Verdict.INVALID,
    ]
    assert [one.place for one in report.credentials][1:] == ["credential 2", "credential 3"]
    assert [one.name for one in report.credentials[1].checks] == [CheckName.FORMAT]


def test_presentation_in_a_presentation_is_no_credential() -> None:
    report = judged(presented(HOLDER, presented(HOLDER, TOKEN)))
    assert faults(report) == {("format", "malformed")}


# -- key binding ---------------------------------------------------------------------------------


def test_key_binding_with_the_key_in_the_credential_is_valid() -> None:
    report = judged(bound(HELD))
    assert report.verdict is Verdict.VALID, report.to_dict()
    assert (report.presentation, report.holder) == ("dc+sd-jwt+kb", None)
    assert message(report, CheckName.AUDIENCE) == f"it is '{SHOP}'"
    assert report.checks[1].message.endswith("the key in cnf")
    assert outcomes(report)["holder"] == "passed"


def test_key_binding_with_a_key_of_the_holder_s_did_is_valid() -> None:
    named = person_sd_jwt(ISSUER, cnf={"kid": HOLDER.method_id})
    report = judged(bound(named))
    assert report.verdict is Verdict.VALID, report.to_dict()
    assert report.holder == HOLDER.did
    assert faults(judged(bound(named, STRANGER.key))) == {("signature", "bad_signature")}
    document = document_of(HOLDER, authentication=())
    assert faults(judged(bound(named), known=[ISSUER, document])) == {("key", "wrong_purpose")}


def test_key_binding_with_another_key_is_bad() -> None:
    report = judged(bound(HELD, STRANGER.key))
    assert faults(report) == {("signature", "bad_signature")}
    assert outcomes(report)["holder"] == "skipped no_presenter"


def test_key_binding_without_a_key_in_the_credential_is_bad() -> None:
    report = judged(bound(person_sd_jwt(ISSUER)))
    assert faults(report) == {("signature", "bad_signature")}
    assert "holds no key that it could be bound to" in report.checks[1].message
    broken = person_sd_jwt(ISSUER, cnf={"jwk": {"kty": "RSA"}})
    assert faults(judged(bound(broken))) == {("signature", "bad_signature")}


@pytest.mark.parametrize(
    "cnf", [{}, {"kid": None}, {"kid": 7}, {"jwk": HOLDER.key.public.to_jwk(), "kid": "a#b"}]
)
def test_key_binding_to_no_one_key_is_malformed(cnf: dict[str, Any]) -> None:
    report = judged(bound(person_sd_jwt(ISSUER, cnf=cnf)))
    assert faults(report) == {("format", "malformed")}


def test_key_that_no_verified_issuer_vouches_for_is_anybody_s() -> None:
    report = judged(bound(HELD), known=[replace(ISSUER, key=somebody("other").key)])
    assert faults(report) == {("signature", "bad_signature")}
    (of_binding,) = [one for one in report.checks if one.name is CheckName.SIGNATURE]
    assert (of_binding.outcome, of_binding.code) == (Outcome.SKIPPED, "no_key")
    assert outcomes(report)["holder"] == "skipped no_presenter"


def test_sd_jwt_in_a_presentation_is_its_holder_s() -> None:
    assert judged(presented(HOLDER, HELD)).is_valid
    assert faults(judged(presented(STRANGER, HELD))) == {("holder", "holder_mismatch")}


def test_sd_jwt_in_a_presentation_has_no_key_binding_of_its_own() -> None:
    report = judged(presented(HOLDER, TOKEN, bound(HELD)))
    assert faults(report) == {("format", "malformed")}
    assert "which nobody would check" in message(report, CheckName.FORMAT)


def test_presentation_of_nothing_is_malformed() -> None:
    empty = replace(read_presentation(presented(HOLDER, TOKEN)), credentials=())
    report = judged(empty)
    assert faults(report) == {("format", "malformed")}
    assert "holds no credential" in message(report, CheckName.FORMAT)


# -- for whom, and when --------------------------------------------------------------------------


@pytest.mark.parametrize("shown", [presented(HOLDER, TOKEN), bound(HELD)], ids=["vp", "sd-jwt"])
def test_presentation_is_for_one_verifier_and_one_question(shown: str) -> None:
    for policy, expected in (
        (Policy(nonce="other", audience=SHOP), {("nonce", "nonce_mismatch")}),
        (Policy(nonce=NONCE, audience="other"), {("audience", "audience_mismatch")}),
        (Policy(nonce=NONCE), {("audience", "audience_unknown")}),
        (Policy(audience=SHOP), {("nonce", "nonce_unknown")}),
        (Policy(unbound=True), set()),
        (Policy(nonce="other", audience="other", unbound=True), set()),
    ):
        assert faults(judged(shown, policy)) == expected
    assert "nothing to compare the nonce with" in message(
        judged(shown, Policy(audience=SHOP)), CheckName.NONCE
    )


def test_presentation_without_nonce_or_audience_is_for_nobody() -> None:
    bare = vp_1_1(HOLDER, vc_1_1(ISSUER), nonce=None, aud=None)
    report = judged(bare)
    assert faults(report) == {("nonce", "nonce_mismatch"), ("audience", "audience_mismatch")}
    assert message(report, CheckName.NONCE) == f"it is None, not '{NONCE}'"
    assert message(report, CheckName.AUDIENCE) == f"it is None, not '{SHOP}'"


def test_one_of_several_audiences_will_do() -> None:
    shown = vp_1_1(HOLDER, vc_1_1(ISSUER), aud=["https://a.example", SHOP])
    assert judged(shown).is_valid
    other = judged(vp_1_1(HOLDER, vc_1_1(ISSUER), aud=["a", "b"]))
    assert message(other, CheckName.AUDIENCE) == f"it is 'a, b', not '{SHOP}'"


def vp_2_0(**claims: Any) -> str:
    """A presentation with any times."""
    given = {
        "@context": [CONTEXT_2],
        "type": ["VerifiablePresentation"],
        "holder": HOLDER.did,
        "verifiableCredential": [TOKEN],
        "nonce": NONCE,
        "aud": SHOP,
        **claims,
    }
    head = {"alg": HOLDER.algorithm.value, "typ": "vp+jwt", "kid": HOLDER.method_id}
    return sign_token(head, given, HOLDER.key)


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"iat": NOW}, None),
        ({"iat": NOW - 360}, None),
        ({"iat": NOW - 361}, "presentation_too_old"),
        ({"iat": NOW + 60}, None),
        ({"iat": NOW + 61}, "not_yet_valid"),
        ({"iat": NOW, "exp": NOW - 60}, "expired"),
        ({"iat": NOW, "nbf": NOW + 61}, "not_yet_valid"),
        ({"exp": NOW + 10}, None),
        ({}, "age_unknown"),
    ],
)
def test_presentation_is_of_now(claims: dict[str, Any], code: str | None) -> None:
    report = judged(vp_2_0(**claims))
    assert faults(report) == (set() if code is None else {("validity", code)})


def test_presentation_that_is_not_compared_may_be_old_but_not_expired() -> None:
    policy = Policy(unbound=True)
    assert judged(vp_2_0(), policy).is_valid
    assert judged(vp_2_0(iat=NOW - 10_000), policy).is_valid
    assert faults(judged(vp_2_0(exp=NOW - 61), policy)) == {("validity", "expired")}


def test_presentation_of_1_1_need_not_say_when_it_was_made() -> None:
    assert judged(vp_1_1(HOLDER, vc_1_1(ISSUER))).is_valid
    old = vp_1_1(HOLDER, vc_1_1(ISSUER), iat=NOW - 1000)
    assert faults(judged(old)) == {("validity", "presentation_too_old")}


def test_age_of_a_presentation_is_that_of_the_policy() -> None:
    shown = bound(HELD, now=NOW - 1000)
    assert faults(judged(shown)) == {("validity", "presentation_too_old")}
    assert judged(shown, replace(AT_THE_SHOP, max_presentation_age=1000)).is_valid
