"""The options of the service."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from ethr_did.errors import InvalidConfiguration
from ethr_did.service.options import IndexUse, MetricsAccess, Rate, ServiceOptions
from ethr_did.settings import Settings, load_settings

RATE_FAULT = (
    "service.address_rate: '5/day' is not a rate such as "
    '"600/minute": second, minute or hour; or "unlimited"'
)
PAGE = Path(__file__).parents[2] / "docs" / "service.md"


def read(table: dict[str, Any], **replaced: Any) -> ServiceOptions:
    return ServiceOptions.read(Settings(service=table, source=Path("c.toml")), **replaced)


def faults(table: dict[str, Any]) -> list[str]:
    with pytest.raises(InvalidConfiguration) as caught:
        read(table)
    found: tuple[str, ...] = caught.value.facts["faults"]
    assert all(fault in caught.value.message for fault in found)
    assert caught.value.message.startswith("c.toml has ")
    return list(found)


def test_nothing_needs_to_be_set() -> None:
    assert read({}) == ServiceOptions()


def test_options_come_from_the_file_and_the_command_line_replaces_them(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(
        '[service]\nport = 1\nworkers = 3\nindex = "only"\nmetrics = "open"\naddress_rate = "5/hour"\n'
        'key_rate = "unlimited"\nnetworks = ["a", "b"]\ntrusted_proxies = ["10.0.0.1/8", "::1"]\n'
        'cors_origins = ["https://app.example"]\nhead_seconds = 3\napi_keys_file = "~/keys"\n'
    )
    found = ServiceOptions.read(load_settings(file, {}), port=2, workers=None)
    assert (found.port, found.workers) == (2, 3)
    assert (found.index, found.metrics) == (IndexUse.ONLY, MetricsAccess.OPEN)
    assert (found.address_rate, found.key_rate) == (Rate(5, 3600), None)
    assert found.networks == ("a", "b")
    assert found.trusted_proxies == ("10.0.0.0/8", "::1/128")
    assert found.cors_origins == ("https://app.example",)
    assert found.api_keys_file == Path("~/keys").expanduser()


def test_all_faults_are_told_at_once_with_the_rule() -> None:
    found = faults(
        {
            "port": "80",
            "workers": 0,
            "networks": 5,
            "index": "of",
            "require_key": 1,
            "address_rate": "5/day",
            "trusted_proxies": ["x"],
            "head_seconds": 0,
            "max_body_bytes": True,
            "prot": 1,
        }
    )
    assert found == [
        "service.port: '80' is not a whole number from 0 to 65535",
        "service.workers: 0 is not a whole number from 1 to 128",
        "service.networks: 5 is not a list of names of networks",
        "service.index: 'of' is not on or off or only",
        "service.require_key: 1 is not true or false",
        RATE_FAULT,
        "service.trusted_proxies: 'x' is not a list of IP addresses or networks",
        "service.max_body_bytes: True is not a whole number from 1024 to 268435456",
        "service.head_seconds: 0 is not a number of seconds above 0 and up to 600",
        "service.prot: unknown setting. Did you mean port?",
    ]


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "app.example",
        "https://app.example/",
        "https://A.example",
        "https://u@a.example",
        "null",
    ],
)
def test_an_origin_is_named_exactly(origin: str) -> None:
    (fault,) = faults({"cors_origins": [origin]})
    assert fault.startswith("service.cors_origins: ")


def test_the_password_of_redis_is_not_shown(tmp_path: Path) -> None:
    (fault,) = faults({"redis_url": "http://:secretsecret@h"})
    assert fault == "service.redis_url: 'http://…@h' is not redis://… or rediss://…"
    file = tmp_path / "config.toml"
    file.write_text('[service]\nredis_url = "redis://:${PASSWORD}@h"\n')
    settings = load_settings(file, {"PASSWORD": "secretsecret"})
    found = ServiceOptions.read(settings)
    assert found.redis_url == "redis://:secretsecret@h"
    assert "secretsecret" not in repr(found) + repr(settings)
    named = load_settings(file, {"ETHR_DID_REDIS_URL": "redis://other"})
    assert ServiceOptions.read(named).redis_url == "redis://other"


@pytest.mark.parametrize("text", ["5/second", "1/minute", "999999999/hour"])
def test_a_rate_is_read_back(text: str) -> None:
    assert str(Rate.parse(text)) == text


def test_every_option_is_documented_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]*) \|", PAGE.read_text("utf-8"), re.MULTILINE))
    defaults = {
        one.name: _as_documented(getattr(ServiceOptions(), one.name))
        for one in fields(ServiceOptions)
    }
    assert {name: rows.get(name, "missing").strip() for name in defaults} == defaults


def _as_documented(value: Any) -> str:
    if value is None:
        return "none"
    shown: Any = value
    if isinstance(value, tuple):
        shown = list(value)
    elif isinstance(value, float):
        shown = int(value)
    elif isinstance(value, Rate):
        shown = str(value)
    return f"`{json.dumps(shown)}`"
