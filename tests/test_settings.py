"""Reading and writing the configuration file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from ethr_did.chain.networks import Network, Networks
from ethr_did.errors import InvalidConfiguration
from ethr_did.settings import Settings, load_settings, network_lines, write_config

REGISTRY = "0x03d5003bf0e79C5F5223588F347ebA39AfbC3818"
STATUS = {
    "status_registry": "0x6E8fb45e9ee56B51E8f5A7f1D1C0E8ac4a5D4f0d",
    "anchor_registry": "0x261D8c5e9742e6f7f1076Fa1F560894524e19cad",
    "status_lens": "0x057ef64E23666F000b34aE31332854aCBd1c8544",
}
"""Made up."""
DEV = f"""
[networks.dev]
chain_id = 31337
rpc_url = "http://127.0.0.1:8545"
did_registry = "{REGISTRY}"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def load(config: Path, text: str, **environ: str) -> Settings:
    config.write_text(text, encoding="utf-8")
    return load_settings(config, environ)


def faults(config: Path, text: str, **environ: str) -> list[str]:
    with pytest.raises(InvalidConfiguration) as caught:
        load(config, text, **environ)
    found: tuple[str, ...] = caught.value.facts["faults"]
    for fault in found:
        assert fault in caught.value.message
    assert str(config) in caught.value.message
    return list(found)


def test_a_network_is_read(config: Path) -> None:
    settings = load(config, DEV + "first_block = 5\nlegacy_nonce = true\n")
    assert settings.networks == (
        Network(
            name="dev",
            chain_id=31337,
            rpc_url="http://127.0.0.1:8545",
            did_registry=REGISTRY,
            first_block=5,
            legacy_nonce=True,
        ),
    )
    assert settings.networks[0].status_registry is None
    assert settings.source == config
    assert settings.table().find("0x7a69").name == "dev"


def test_several_nodes_and_a_quorum(config: Path) -> None:
    text = DEV.replace('"http://127.0.0.1:8545"', '["http://a", "http://b"]') + "quorum = 2\n"
    (dev,) = load(config, text).networks
    assert (dev.rpc_urls, dev.quorum) == (("http://a", "http://b"), 2)


def test_a_built_in_network_needs_only_what_differs(config: Path) -> None:
    text = '[networks.sepolia]\nrpc_url = "http://s"\n[networks."rsk:testnet"]\nfirst_block = 9\n'
    sepolia, rsk = load(config, text).networks
    built_in = Networks().find("sepolia")
    assert (sepolia.chain_id, sepolia.did_registry) == (built_in.chain_id, built_in.did_registry)
    assert sepolia.rpc_urls == ("http://s",)
    assert (rsk.name, rsk.chain_id, rsk.legacy_nonce, rsk.first_block) == (
        "rsk:testnet",
        31,
        True,
        9,
    )


def test_the_status_contracts_of_a_network_are_read(config: Path) -> None:
    text = "".join(f'{name} = "{address.lower()}"\n' for name, address in STATUS.items())
    (dev,) = load(config, DEV + text).networks
    assert {name: getattr(dev, name) for name in STATUS} == STATUS
    (sepolia,) = load(config, "[networks.sepolia]\n" + text).networks
    assert {name: getattr(sepolia, name) for name in STATUS} == STATUS


def test_each_address_that_is_none_is_named_with_its_place(config: Path) -> None:
    wrong = "".join(f'{name} = "0x12"\n' for name in STATUS)
    assert faults(config, DEV.replace(REGISTRY, "0x1") + wrong) == [
        "networks.dev.did_registry: not an Ethereum address: '0x1'",
        *(f"networks.dev.{name}: not an Ethereum address: '0x12'" for name in STATUS),
    ]


def test_an_empty_file_sets_nothing(config: Path) -> None:
    assert load(config, "").networks == ()


# --- which file


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the user's own configuration lies."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


def test_without_any_file_there_are_defaults(home: Path) -> None:
    settings = load_settings(None, {})
    assert (settings.networks, settings.source, settings.timeout) == ((), None, 20.0)
    assert home in settings.state_dir.parents
    assert Settings().state_dir == settings.state_dir


def test_the_named_file_comes_before_the_environment_before_the_users(home: Path) -> None:
    import platformdirs

    users = Path(platformdirs.user_config_dir("ethr-did", appauthor=False)) / "config.toml"
    users.parent.mkdir(parents=True)
    users.write_text(DEV)
    assert load_settings(None, {}).source == users
    by_environment, named = home / "env.toml", home / "named.toml"
    by_environment.write_text(DEV)
    named.write_text(DEV)
    environ = {"ETHR_DID_CONFIG": str(by_environment)}
    assert load_settings(None, environ).source == by_environment
    assert load_settings(named, environ).source == named


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    missing = tmp_path / "missing.toml"
    with pytest.raises(InvalidConfiguration, match="there is no configuration file") as caught:
        load_settings(missing, {})
    assert "--config" in caught.value.hint
    with pytest.raises(InvalidConfiguration) as caught:
        load_settings(None, {"ETHR_DID_CONFIG": str(missing)})
    assert "ETHR_DID_CONFIG" in caught.value.hint


def test_the_state_folder_may_be_named(config: Path, tmp_path: Path) -> None:
    environ = {"ETHR_DID_STATE_DIR": str(tmp_path / "here")}
    assert load(config, "", **environ).state_dir == tmp_path / "here"


def test_a_timeout_may_be_set(config: Path) -> None:
    assert load(config, "timeout = 5\n").timeout == 5.0
    assert load(config, "timeout = 0.5\n").timeout == 0.5
    assert faults(config, "timeout = 0\n") == [
        "timeout: 0 is not a number of seconds above 0 and up to 3600"
    ]


# --- variables


def test_variables_in_a_url_come_from_the_environment(config: Path) -> None:
    text = DEV.replace("http://127.0.0.1:8545", "https://${HOST}/v3/${KEY}?${KEY}")
    (dev,) = load(config, text, HOST="n.example", KEY="abc$ {x}${HOST}").networks
    assert dev.rpc_urls == ("https://n.example/v3/abc$ {x}${HOST}?abc$ {x}${HOST}",)


def test_a_missing_variable_is_named_and_its_neighbours_not_shown(config: Path) -> None:
    text = DEV.replace("http://127.0.0.1:8545", "https://n.example/${KEY}/${OTHER}")
    text += (
        '[networks.two]\nchain_id = 2\ndid_registry = "x"\nrpc_url = ["http://a/${", "${a b}"]\n'
    )
    found = faults(config, text, KEY="secret-value")
    assert found[0] == "networks.dev.rpc_url: environment variable OTHER is not set"
    assert "secret-value" not in str(found)
    assert "networks.two.rpc_url[1]: '${a b}' does not name a variable" in found


def test_an_empty_variable_is_a_missing_one(config: Path) -> None:
    text = DEV.replace("http://127.0.0.1:8545", "${URL}")
    assert faults(config, text, URL="") == [
        "networks.dev.rpc_url: environment variable URL is not set"
    ]
    assert load(config, text, URL="http://x\n").networks[0].rpc_urls == ("http://x",)


# --- faults


def test_all_faults_are_told_at_once(config: Path) -> None:
    text = """
timout = 5
[networks.dev]
chain_id = "31337"
rpc_ur = "http://x"
did_registry = 5
legacy_nonce = 1
first_block = -1
quorum = true
[networks.other]
rpc_url = []
[networks]
third = 5
"""
    assert faults(config, text.replace("[networks]\nthird", "[networks.third]\nfoo")) == [
        "networks.dev.chain_id: '31337' is not a whole number from 1",
        "networks.dev.did_registry: 5 is not an address as a string",
        "networks.dev.first_block: -1 is not a whole number from 0",
        "networks.dev.legacy_nonce: 1 is not true or false",
        "networks.dev.quorum: True is not a whole number from 1",
        "networks.dev.rpc_ur: unknown setting. Did you mean rpc_url?",
        "networks.other.rpc_url: the value is not a URL, or a list of at least one URL",
        (
            "networks.third.foo: unknown setting. Known: anchor_registry, chain_id, did_registry, "
            "first_block, legacy_nonce, quorum, rpc_url, status_lens, status_registry."
        ),
        "timout: unknown setting. Did you mean timeout?",
    ]


def test_faults_of_meaning_are_told_at_once_too(config: Path) -> None:
    text = f"""
[networks.one]
rpc_url = "localhost:8545"
[networks."a b"]
chain_id = 1
did_registry = "{REGISTRY}"
[networks.two]
chain_id = 1
did_registry = "0x03d5"
[networks.three]
chain_id = 1
did_registry = "{REGISTRY}"
rpc_url = "http://x"
quorum = 2
"""
    found = faults(config, text)
    assert [fault.split(": ")[0] for fault in found] == [
        "networks.one.chain_id",
        "networks.one.did_registry",
        "networks.one.rpc_url",
        'networks."a b"',
        "networks.two.did_registry",
        "networks.three",
    ]


@pytest.mark.parametrize("text", ["networks = 5", "[networks]\ndev = 5"])
def test_networks_are_tables(config: Path, text: str) -> None:
    (fault,) = faults(config, text)
    assert fault.startswith("networks")
    assert "5 is not" in fault


def test_a_url_of_the_wrong_type_is_not_shown(config: Path) -> None:
    text = DEV.replace('"http://127.0.0.1:8545"', '["http://x/secret-key", 5]')
    (fault,) = faults(config, text)
    assert "secret" not in fault


def test_a_syntax_error_names_file_line_and_column(config: Path) -> None:
    with pytest.raises(InvalidConfiguration, match=r"is not TOML: .*line 2, column 7") as caught:
        load(config, "[a]\nkey = = 5\n")
    assert str(config) in caught.value.message


def test_a_file_that_is_no_text_is_refused(config: Path) -> None:
    config.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidConfiguration, match="not UTF-8"):
        load_settings(config, {})


# --- writing


def network(**fields: Any) -> Network:
    return Network(**{"name": "dev", "chain_id": 31337, "did_registry": REGISTRY, **fields})


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    networks = (
        network(rpc_url="http://127.0.0.1:8545", first_block=3, legacy_nonce=True),
        network(name="a:b.c", rpc_url=["http://a", 'http://b/"\\\x07ü🙂'], quorum=2),
        network(name="bare"),
        network(name="status", **STATUS),
        network(name="lens", status_lens=STATUS["status_lens"]),
        network(name="mainnet", chain_id=1, legacy_nonce=False),
    )
    path = tmp_path / "new" / "config.toml"
    write_config(path, networks)
    assert load_settings(path, {}).networks == networks
    assert tomllib.loads(path.read_text(encoding="utf-8"))["networks"]["dev"]["chain_id"] == 31337


def test_the_lines_for_others_are_a_network_without_its_nodes(config: Path) -> None:
    secret = network(rpc_url=["https://a/secret", "https://b/secret"], quorum=2, **STATUS)
    text = network_lines(secret)
    assert load(config, text).networks == (network(**STATUS),)
    assert network_lines(network(provider=object(), **STATUS)) == text


def test_only_the_owner_may_read_it(config: Path) -> None:
    config.write_text("old")
    config.chmod(0o644)
    write_config(config, [network()])
    assert config.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in config.parent.iterdir()] == ["config.toml"]


def test_a_file_that_cannot_be_written_is_left_as_it_was(config: Path, tmp_path: Path) -> None:
    config.write_text("old")
    with pytest.raises(InvalidConfiguration, match="provider"):
        write_config(config, [network(provider=object())])
    assert config.read_text() == "old"
    folder = tmp_path / "folder.toml"
    folder.mkdir()
    with pytest.raises(InvalidConfiguration, match="cannot be written"):
        write_config(folder, [network()])
    with pytest.raises(InvalidConfiguration, match="cannot be written"):
        write_config(config / "below.toml", [network()])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.toml", "folder.toml"]


# --- the issuer's database

POSTGRES = "postgresql://issuer:${DB_PASSWORD}@db.example/status"


def test_the_database_is_a_file_in_the_state_folder_unless_another_is_named(
    config: Path, tmp_path: Path
) -> None:
    state = str(tmp_path / "state")
    settings = load(config, "", ETHR_DID_STATE_DIR=state)
    assert settings.status_database_url == f"sqlite:///{tmp_path}/state/status.db"
    named = load(config, f'status_database = "{POSTGRES}"', DB_PASSWORD="secretsecret")
    assert named.status_database_url == "postgresql://issuer:secretsecret@db.example/status"
    assert "secretsecret" not in repr(named)


def test_the_environment_names_a_database_before_the_file(config: Path, home: Path) -> None:
    url = "sqlite:////var/lib/status.db"
    variable = {"ETHR_DID_STATUS_DATABASE_URL": f" {url}\n"}
    # What the file says needs no password then.
    assert load(config, f'status_database = "{POSTGRES}"', **variable).status_database_url == url
    assert load_settings(None, variable).status_database_url == url
    assert home.exists()


def test_a_database_that_is_none_is_told_without_its_password(config: Path) -> None:
    wrong = "mysql://issuer:${DB_PASSWORD}@db.example/status"
    (fault,) = faults(config, f'status_database = "{wrong}"', DB_PASSWORD="secretsecret")
    assert fault == (
        "status_database: 'mysql://…@db.example/status', which is not the URL of a database: "
        "sqlite:///PATH or postgresql://…"
    )
    assert faults(config, f'status_database = "{POSTGRES}"') == [
        "status_database: environment variable DB_PASSWORD is not set"
    ]
    (fault,) = faults(config, "status_database = 5")
    assert fault.startswith("status_database: 5 is not the URL of a database")
    with pytest.raises(InvalidConfiguration, match="ETHR_DID_STATUS_DATABASE_URL") as caught:
        load(config, "", ETHR_DID_STATUS_DATABASE_URL="mysql://issuer:secretsecret@db/status")
    assert "secretsecret" not in caught.value.message


# --- the service


@pytest.mark.parametrize(
    ("key", "variable", "file"),
    [
        ("status_database", "ETHR_DID_STATUS_DATABASE_URL", "status.db"),
        ("database", "ETHR_DID_DATABASE_URL", "index.db"),
    ],
)
def test_each_database_is_named_by_itself(
    config: Path, tmp_path: Path, key: str, variable: str, file: str
) -> None:
    def urls(text: str, **environ: str) -> tuple[str, str]:
        found = load(config, text, ETHR_DID_STATE_DIR=str(tmp_path), **environ)
        both = {"status.db": found.status_database_url, "index.db": found.index_database_url}
        return both.pop(file), both.popitem()[1]

    usual = f"sqlite:///{tmp_path}/"
    assert urls("")[0] == usual + file
    assert urls(f'{key} = "sqlite:////a.db"') == ("sqlite:////a.db", urls("")[1])
    assert urls("", **{variable: "postgres://h/d"}) == ("postgres://h/d", urls("")[1])
    with pytest.raises(InvalidConfiguration, match=variable):
        load(config, "", **{variable: "mysql://h/d"})
    (fault,) = faults(config, f'{key} = "mysql://u:secretsecret@h/d"')
    assert fault.startswith(f"{key}: 'mysql://…@h/d', which is not")


def test_the_table_of_the_service_is_handed_on_unread(config: Path) -> None:
    settings = load(config, "[service]\nanything = 5\n", ETHR_DID_API_KEYS="shop=secretsecret")
    assert settings.service == {"anything": 5}
    assert settings.api_keys == "shop=secretsecret"
    assert "secretsecret" not in repr(settings)
    assert faults(config, "service = 5") == ["service: 5 is not a table [service]"]


def test_the_password_of_redis_comes_from_the_environment(config: Path) -> None:
    text = '[service]\nredis_url = "redis://:${PASSWORD}@h"\n'
    assert load(config, text, PASSWORD="p").service == {"redis_url": "redis://:p@h"}
    assert faults(config, text) == ["service.redis_url: environment variable PASSWORD is not set"]
    assert load(config, "", ETHR_DID_REDIS_URL="redis://h").service == {"redis_url": "redis://h"}
