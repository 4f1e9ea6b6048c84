"""From a password to a key."""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from typing import Any

import pytest

from ethr_did.errors import InvalidInput, WalletError
from ethr_did.wallet.derivation import KdfParameters, derive_key
from support.wallets import SMALL

SALT = b"0123456789abcdef"
EXPECTED = "6d9b25a4afedfa91cb0b84df162af331e20c8b23631c03bfec9246ad4d88f2e1"


def test_key_is_that_of_argon2id() -> None:
    """Computed by another implementation, argon2-cffi 25.1, from the same inputs."""
    kdf = KdfParameters(memory=32, iterations=3, lanes=4)
    assert derive_key("password", SALT, kdf).reveal().hex() == EXPECTED


def test_usual_work_is_the_memory_of_an_ethereum_keystore() -> None:
    assert KdfParameters() == KdfParameters(memory=256 * 1024, iterations=3, lanes=4)


@pytest.mark.parametrize(
    "other", [("Password", SALT), ("password ", SALT), ("password", bytes(16))]
)
def test_another_password_or_salt_gives_another_key(other: tuple[str, bytes]) -> None:
    mine = derive_key("password", SALT, SMALL).reveal()
    assert derive_key(*other, SMALL).reveal() != mine


def test_letters_are_the_same_however_a_keyboard_composes_them() -> None:
    composed, decomposed = "Z\u00fcrich", "Zu\u0308rich"
    assert (
        derive_key(composed, SALT, SMALL).reveal() == derive_key(decomposed, SALT, SMALL).reveal()
    )


@pytest.mark.parametrize("password", ["", "x" * 5000, "half \ud800"])
def test_what_is_no_password_is_refused_and_not_shown(password: str) -> None:
    with pytest.raises(WalletError, match="password") as caught:
        derive_key(password, SALT, SMALL)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert "xxxx" not in caught.value.message


def test_key_does_not_show_itself() -> None:
    assert repr(derive_key("password", SALT, SMALL)) == "<secret>"


@pytest.mark.parametrize(
    "wrong",
    [
        {"memory": 0},
        {"memory": (1 << 20) + 1},
        {"memory": 64.0},
        {"memory": True},
        {"iterations": 0},
        {"iterations": 33},
        {"lanes": 0},
        {"lanes": 17},
        {"lanes": "4"},
        {"memory": 31, "lanes": 4},
        {"memory": 1 << 20, "iterations": 5},
    ],
)
def test_unreasonable_work_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=r"Argon2id|unreasonable"):
        KdfParameters(**wrong)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere memory has no such limit")
def test_too_little_memory_is_said() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    enough = pages * resource.getpagesize() + (1 << 29)
    resource.setrlimit(resource.RLIMIT_AS, (enough, before[1]))
    try:
        with pytest.raises(WalletError, match="not enough memory: 1024 MiB are needed"):
            derive_key("password", SALT, KdfParameters(memory=1 << 20, iterations=1))
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
