"""What browsers are told."""

from __future__ import annotations

from ethr_did.service.browsers import Browsers

APP = b"https://app.example"


def names(headers: tuple[tuple[bytes, bytes], ...]) -> set[bytes]:
    return {name for name, _ in headers}


def test_without_origins_scripts_of_others_read_nothing() -> None:
    browsers = Browsers()
    assert browsers.headers_for(APP) == browsers.headers_for(None)
    assert names(browsers.headers_for(APP)) == {b"x-content-type-options"}
    preflight = browsers.preflight({b"origin": APP, b"access-control-request-method": b"POST"})
    assert preflight is not None
    assert not any(name.startswith("access-control") for name in preflight.headers)


def test_an_origin_that_is_configured_may_read() -> None:
    browsers = Browsers([APP.decode()])
    headers = dict(browsers.headers_for(APP))
    assert headers[b"access-control-allow-origin"] == APP
    assert headers[b"vary"] == b"Origin"
    assert b"access-control-allow-credentials" not in headers


def test_no_other_origin_may_and_caches_know_that_answers_differ() -> None:
    browsers = Browsers([APP.decode()])
    for origin in (None, b"null", b"https://app.example.org", b"http://app.example", APP.upper()):
        headers = dict(browsers.headers_for(origin))
        assert b"access-control-allow-origin" not in headers
        assert headers[b"vary"] == b"Origin"


def test_a_browser_that_asks_whether_it_may_ask_is_answered() -> None:
    browsers = Browsers([APP.decode()])
    asked = {b"origin": APP, b"access-control-request-method": b"POST"}
    allowed = browsers.preflight(asked)
    assert allowed is not None
    assert allowed.status_code == 204
    assert "X-API-Key" in allowed.headers["access-control-allow-headers"]
    other = browsers.preflight({**asked, b"origin": b"https://other.example"})
    assert other is not None
    assert "access-control-allow-headers" not in other.headers
    assert browsers.preflight({b"origin": APP}) is None
