"""The examples of how to run the service are such that it would run."""

from __future__ import annotations

import re
from pathlib import Path

import yaml  # type: ignore[import-untyped]  # comes without types

from ethr_did.service.options import ServiceOptions
from ethr_did.service.serving import served_networks
from ethr_did.settings import load_settings
from support.help_texts import parse

FOLDER = Path(__file__).parents[2] / "examples" / "service"
SECRETS = {"DATABASE_PASSWORD": "secretsecret", "SEPOLIA_RPC_URL": "https://node.example"}


def text_of(name: str) -> str:
    return (FOLDER / name).read_text("utf-8")


def test_the_configuration_is_one() -> None:
    settings = load_settings(FOLDER / "config.toml", SECRETS)
    options = ServiceOptions.read(settings)
    assert [one.name for one in served_networks(settings, options)] == ["sepolia"]
    assert settings.index_database_url.startswith("postgresql://ethr_did:secretsecret@database/")


def test_the_composition_gives_the_configuration_what_it_asks_for() -> None:
    services = yaml.safe_load(text_of("compose.yaml"))["services"]
    assert set(SECRETS) <= set(services["service"]["environment"])
    assert "./config.toml:/etc/ethr-did/config.toml:ro" in services["service"]["volumes"]
    assert services["service"]["build"]["dockerfile"] == "examples/service/Containerfile"
    container = text_of("Containerfile")
    assert "ETHR_DID_CONFIG=/etc/ethr-did/config.toml" in container
    grace = int(services["service"]["stop_grace_period"].removesuffix("s"))
    assert grace > ServiceOptions().stop_seconds


def test_what_is_run_is_a_command() -> None:
    command = re.search(r"^CMD \[(.*)\]$", text_of("Containerfile"), re.MULTILINE)
    assert command is not None
    parse(command[1].replace('"', "").replace(",", ""))
    unit = re.search(
        r"^ExecStart=/opt/ethr-did/bin/(.*)$", text_of("ethr-did.service"), re.MULTILINE
    )
    assert unit is not None
    parse(unit[1])


def test_nobody_is_killed_before_the_service_has_ended_by_itself() -> None:
    seconds = re.search(r"^TimeoutStopSec=(\d+)$", text_of("ethr-did.service"), re.MULTILINE)
    assert seconds is not None
    assert int(seconds[1]) > ServiceOptions().stop_seconds
