"""Writes keys.json: addresses, JWKs and multibase texts, computed without the package.

Points are decompressed by the curve equation, base58 is long division; keccak-256 comes from
pycryptodome. The texts that public sources print are in ``PUBLISHED``: they are compared, so that
a mistake here cannot pass for a vector. Run with ``--check`` to compare the file instead.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

from Crypto.Hash import keccak

FIELD = 2**256 - 2**32 - 977
ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
ED25519, X25519 = "ed01", "ec01"
EDR = "ethr-did-resolver 14.1.2, its tests; recomputed here"
FILE = Path(__file__).with_name("keys.json")

SECP256K1 = {
    "02b97c30de767f084ce3080168ee293053ba33b235d7116a3263d29f1450936b71": (
        "0xC662e6c5F91B9FcD22D7FcafC80Cf8b640aed247",
        "the specification's own example prints another x and y",
        "did:ethr specification; recomputed here",
    ),
    "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798": (
        "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf",
        "the generator; the specification's example prints the account of another key",
        "SEC 2 section 2.4.1; recomputed here",
    ),
    "03fdd57adec3d438ea237fe46b33ee1e016eda6b585c3e27ea66686c2ea5358479": (
        "0xF3beAC30C498D9E26865F34fCAa57dBB935b0D74",
        "odd y",
        EDR,
    ),
    "036d148205e34a8591dcdcea34fb7fed760f5f1eca66d254830833f755ff359ef0": (
        "0x7a988202a04f00436f73972DF4dEfD80c3A6BD13",
        "odd y",
        EDR,
    ),
}
JWKS = (
    (
        "yclqMZ0MtyVkKm1eBh2AyaUtsqT0l5RJM3g4SzRT96A",
        "yQzUwKnftWCJPGs-faGaHiYi1sxA6fGJVw2Px_LCNe8",
        "0x2fbf1be19d90a29aea9363f4ef0b6bf1c4ff0758",
    ),
)
BLS = (
    "eb01b3bac1c8cfd6dde4ebf2f900070e151c232a31383f464d545b626970777e858c939aa1a8afb6bdc4cbd2d9"
    "e0e7eef5fc030a11181f262d343b424950575e656c737a81888f969da4abb2b9c0c7ced5dce3eaf1f8ff060d14"
    "1b222930373e454c"
)
MULTIBASE = (
    (
        "ed25519",
        ED25519,
        "c642b35757cc36906fa75fa0338bf33e5210c5bce4769324801fd64276d69d07",
        "z6MksoBm2hUcoKLLHsUQ77iA5YXxwNskXJ9fs7V7z8edniop",
        "a key",
    ),
    (
        "ed25519-2",
        ED25519,
        "b97c30de767f084ce3080168ee293053ba33b235d7116a3263d29f1450936b71",
        "z6MkrwKJd14cfGia7TAWXgAZs7GKyXRhPQqTLnkfiG9YY8VN",
        "a key",
    ),
    ("ed25519-short", ED25519, "11111111", "z332EABvYQ", "4 bytes: lengths are not judged"),
    (
        "ed25519-text",
        ED25519,
        "31303866356238393330623164633235386162353765386630646362363932353963363162316166",
        "z4xRFjeX6BuwkaJyoVa9Aby3PC9NzTf81gqqz1viRK469SVx4HoesPqYKwB",
        "40 bytes: lengths are not judged",
    ),
    (
        "x25519",
        X25519,
        "118557777ffb078774371a52b00fed75561dcf975e61c47553e664a617661052",
        "z6LScra2Lg8mSU6TkMX1AKJSn6ApwneQkfXgJZpj48hCp3N1",
        "a key",
    ),
    (
        "x25519-der",
        X25519,
        "302a300506032b656e032100118557777ffb078774371a52b00fed75561dcf975e61c47553e664a617661052",
        "zSmu3j3jy75Cmoupo4FFnW5UL7eRG4VnurXYZt5bEnFF8EVQp95nh8YfvHfyws5s",
        "44 bytes of SPKI DER: lengths are not judged",
    ),
    (
        "x25519-2",
        X25519,
        "c642b35757cc36906fa75fa0338bf33e5210c5bce4769324801fd64276d69d07",
        "z6LSq26sxm33ZEZcGm1TxCGGZ3CSxx91p25U45HseKL9asoC",
        "a key",
    ),
    (
        "multikey-secp256k1",
        "",
        "e70102b97c30de767f084ce3080168ee293053ba33b235d7116a3263d29f1450936b71",
        "zQ3shZtr1sUnrETvXPDa4gYSNE3gpJhdTkVmpYoWBuAiBsJ4G",
        "the prefix is in the value",
    ),
    (
        "multikey-text",
        "",
        "eb01" + b"public key material here".hex(),
        "z8CNhpjgEH67cHtG4PWA1dS9udD1Z4pKmUCVA",
        "the prefix is in the value, what follows is not judged",
    ),
    (
        "multikey-bls",
        "",
        BLS,
        (
            "zUC7JkTsCUqQiiKUJeoAXPxS8sidWURud3191d4g4WZPgvGHKQTuXrS7GiJLuyii948C8KLhb5AxQYpCKQNJikPpwjHRZ"
            "vJpv8YbwaisLPNhhSSUzfCjNnGuyqSkm53jHXa7Gwu"
        ),
        "the example of the specification",
    ),
    ("leading-zeros", "", "0000ff", "z115Q", "a leading zero byte is a leading 1"),
    ("empty", "", "", "z", "an empty value"),
)
NOT_KEYS = (
    ("off-curve", "02" + "00" * 31 + "05", "x = 5 has no y"),
    ("x-beyond-field", "02" + (FIELD + 1).to_bytes(32).hex(), "x = p + 1, which is 1 modulo p"),
    ("hybrid", "06" + "{g}", "libsecp256k1 takes hybrid prefixes, no did:ethr tool does"),
    ("hybrid-odd", "07" + "{g}", "libsecp256k1 takes hybrid prefixes, no did:ethr tool does"),
    ("prefix-04-short", "04" + "11" * 32, "the prefix of another length"),
    ("prefix-02-long", "02" + "{g}", "the prefix of another length"),
    ("private", "11" * 32, "32 bytes: a private key, not a public one"),
    ("zeros", "00" * 64, "the point at infinity has no coordinates"),
    ("wrong-y", "{gx}" + "00" * 31 + "01", "64 bytes that are no point"),
    ("y-beyond-field", "04{gx}" + FIELD.to_bytes(32).hex(), "y = p"),
    ("empty", "", "nothing"),
)


def decompress(key: bytes) -> tuple[int, int]:
    """The point, by the curve equation."""
    x = int.from_bytes(key[1:])
    y = pow(x**3 + 7, (FIELD + 1) // 4, FIELD)
    if (y * y - x**3 - 7) % FIELD:
        raise ValueError("not on the curve")
    return x, y if y % 2 == key[0] % 2 else FIELD - y


def keccak256(data: bytes) -> bytes:
    """The hash of Ethereum."""
    return keccak.new(digest_bits=256, data=data).digest()


def checksum(address: bytes) -> str:
    """EIP-55."""
    marks = keccak256(address.hex().encode()).hex()
    pairs = zip(address.hex(), marks, strict=False)
    return "0x" + "".join(digit.upper() if mark > "7" else digit for digit, mark in pairs)


def base58(data: bytes) -> str:
    """base58btc by long division."""
    number, digits = int.from_bytes(data), ""
    while number:
        number, rest = divmod(number, 58)
        digits = ALPHABET[rest] + digits
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + digits


def base64url(number: int) -> str:
    """A coordinate as a JWK has it."""
    return base64.urlsafe_b64encode(number.to_bytes(32)).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """The bytes of a coordinate."""
    return base64.urlsafe_b64decode(text + "=")


def secp256k1_vectors() -> list[dict[str, Any]]:
    """Keys with their addresses and coordinates."""
    out = []
    for number, (key, (published, reason, source)) in enumerate(SECP256K1.items(), 1):
        x, y = decompress(bytes.fromhex(key))
        raw = x.to_bytes(32) + y.to_bytes(32)
        address = checksum(keccak256(raw)[-20:])
        expect(address, published)
        out.append({
            "id": f"secp256k1-{number}", "kind": "secp256k1", "source": source, "reason": reason,
            "compressed": key, "uncompressed": "04" + raw.hex(), "address": address,
            "x": base64url(x), "y": base64url(y),
        })  # fmt: skip
    for x_text, y_text, published in JWKS:
        raw = from_base64url(x_text) + from_base64url(y_text)
        address = checksum(keccak256(raw)[-20:])
        expect(address.lower(), published)
        out.append({
            "id": "secp256k1-jwk", "kind": "secp256k1", "source": "spruceid/ssi, its tests",
            "reason": "a JWK of another implementation",
            "compressed": f"{2 + raw[63] % 2:02x}{raw[:32].hex()}",
            "uncompressed": "04" + raw.hex(), "address": address, "x": x_text, "y": y_text,
        })  # fmt: skip
    return out


def multibase_vectors() -> list[dict[str, Any]]:
    """Bytes and their base58btc."""
    out = []
    for name, prefix, key, published, reason in MULTIBASE:
        text = "z" + base58(bytes.fromhex(prefix + key))
        expect(text, published)
        own = name in ("leading-zeros", "empty")
        out.append({
            "id": f"multibase-{name}", "kind": "multibase",
            "source": "Multibase, base58btc; computed here" if own else EDR,
            "reason": reason, "prefix": prefix, "key": key, "multibase": text,
        })  # fmt: skip
    return out


def invalid_vectors() -> list[dict[str, Any]]:
    """Bytes that are no secp256k1 key."""
    x, y = decompress(bytes.fromhex(list(SECP256K1)[1]))
    gx = x.to_bytes(32).hex()
    g = gx + y.to_bytes(32).hex()
    return [
        {
            "id": f"not-a-key-{name}", "kind": "invalid", "source": "SEC 1 section 2.3.4",
            "reason": reason, "key": template.format(g=g, gx=gx),
        }
        for name, template, reason in NOT_KEYS
    ]  # fmt: skip


def expect(computed: str, published: str) -> None:
    """Stops where a public source and the computation differ."""
    if computed != published:
        raise SystemExit(f"{computed} computed, {published} published")


def main() -> int:
    """0 if the file is, or has been made, what it should be."""
    document = {
        "description": "Public keys and what documents make of them; written by make_keys.py.",
        "vectors": [*secp256k1_vectors(), *multibase_vectors(), *invalid_vectors()],
    }
    text = json.dumps(document, indent=2) + "\n"
    if "--check" in sys.argv:
        return int(FILE.read_text("utf-8") != text)
    FILE.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
