"""What the decision says about the format is how it is."""

from __future__ import annotations

import base64
import json
import re
import unicodedata
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from support.vectors import load_vectors

PAGE = Path(__file__).parents[2] / "docs" / "decisions" / "0006-wallet-file.md"


def test_a_wallet_opens_as_the_page_says() -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {
        "json": json,
        "unicodedata": unicodedata,
        "AESGCM": AESGCM,
        "Argon2id": Argon2id,
        "binary": lambda text: base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)),
        "text": lambda value: json.dumps(value, separators=(",", ":")).encode(),
    }
    exec(compile(example, PAGE.name, "exec"), names)  # noqa: S102 - that is the point
    (vector,) = load_vectors("wallets")
    found = names["open_wallet"](vector["file"], vector["password"])
    assert [one["raw"] for one in found["credentials"]] == [
        one["raw"] for one in vector["credentials"]
    ]
    assert [one["label"] for one in found["keys"]] == [one["label"] for one in vector["keys"]]
