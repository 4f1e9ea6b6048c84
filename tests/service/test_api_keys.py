"""API keys: read, named, never shown."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from ethr_did.errors import InvalidConfiguration
from ethr_did.service.api_keys import APIKeys, shown_key

if TYPE_CHECKING:
    from pathlib import Path

KEY = "k" * 32
OTHER = "0123456789abcdef" * 4


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    path.touch(mode=0o600)
    return path


def test_a_key_has_a_name() -> None:
    keys = APIKeys.read(environment=f"shop={KEY}, office={OTHER}")
    assert keys.name_of(KEY.encode()) == "shop"
    assert keys.name_of(OTHER.encode()) == "office"
    assert keys.name_of(KEY[1:].encode()) is None
    assert len(keys) == 2


def test_a_file_holds_keys_or_their_digests(file: Path) -> None:
    digest = sha256(OTHER.encode()).hexdigest()
    file.write_text(f"# of the shop\n\nshop = {KEY}\noffice=sha256:{digest}\n")
    keys = APIKeys.read(file=file)
    assert keys.name_of(KEY.encode()) == "shop"
    assert keys.name_of(OTHER.encode()) == "office"
    assert keys.name_of(f"sha256:{digest}".encode()) is None


def test_a_name_may_have_two_keys_while_one_replaces_the_other() -> None:
    keys = APIKeys.read(environment=f"shop={KEY} shop={OTHER}")
    assert keys.name_of(KEY.encode()) == keys.name_of(OTHER.encode()) == "shop"


def test_keys_are_not_kept() -> None:
    keys = APIKeys.read(environment=f"shop={KEY}")
    assert KEY not in repr(vars(keys))
    assert sha256(KEY.encode()).digest() not in repr(vars(keys)).encode()


@pytest.mark.parametrize(
    "line",
    [KEY, f"={KEY}", "shop=", f"shop={KEY[1:]}", f"a b={KEY}", f"shop={KEY}ü", "shop=sha256:00"],
)
def test_a_line_that_is_none_is_refused_and_not_shown(file: Path, line: str) -> None:
    file.write_text(f"first={OTHER}\n{line}\n")
    with pytest.raises(InvalidConfiguration, match="line 2") as caught:
        APIKeys.read(file=file)
    assert KEY[1:] not in str(caught.value)
    assert "openssl" in caught.value.hint


def test_one_key_is_of_one_name() -> None:
    with pytest.raises(InvalidConfiguration, match="office has the same key as shop"):
        APIKeys.read(environment=f"shop={KEY} office={KEY}")


def test_a_file_that_others_can_read_is_refused(file: Path) -> None:
    file.write_text(f"shop={KEY}")
    file.chmod(0o640)
    with pytest.raises(InvalidConfiguration, match="can be read or written by others"):
        APIKeys.read(file=file)


def test_a_file_that_is_missing_or_no_text_is_refused(file: Path) -> None:
    with pytest.raises(InvalidConfiguration, match="cannot be read"):
        APIKeys.read(file=file.with_name("other"))
    file.write_bytes(b"\xff")
    with pytest.raises(InvalidConfiguration, match="not UTF-8"):
        APIKeys.read(file=file)


def test_a_key_is_shown_in_one_of_two_headers() -> None:
    assert shown_key({b"x-api-key": b"a"}) == b"a"
    assert shown_key({b"authorization": b"bearer  a "}) == b"a"
    assert shown_key({b"authorization": b"Basic a"}) is None
    assert shown_key({}) is None
