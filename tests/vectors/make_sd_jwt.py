"""Writes sd_jwt_rfc9901.json: SD-JWTs with every salt, digest, disclosure and signature.

The examples of RFC 9901 come from the generator sd-jwt (openwallet-foundation-labs/sd-jwt-python),
whose salts are Python's generator seeded with 0. The same is done here without that package, from
the claims of the examples. What chance decides, the signatures, is in the tables below as the RFC
prints it, or, for the test cases of the generator, as sd-jwt 0.10.4 made it. A signature that
verifies says that every byte before it is right; the processed payloads are those the RFC and the
test cases print, and are compared with what the disclosures yield. Run with ``--check`` to compare
the file instead.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import random
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256

FILE = Path(__file__).with_name("sd_jwt_rfc9901.json")
RFC = "RFC 9901"
CASES = "openwallet-foundation-labs/sd-jwt-python, tests/testcases/{}; made by sd-jwt 0.10.4"
ISSUER_KEY = {
    "kty": "EC",
    "crv": "P-256",
    "x": "b28d4MwZMjw8-00CG4xfnn9SLMVMM19SlqZpVb_uNtQ",
    "y": "Xv5zWwuoaTgdS6hV43yI6gBwTnjukmFQQnJ_kCxzqk8",
    "d": "Ur2bNKuBPOrAaxsRnbSH6hIhmNTxSGXshDSUD1a1y7g",
}
SECOND_ISSUER_KEY = {
    "kty": "EC",
    "crv": "P-256",
    "x": "bN-hp3IN0GZB3OlaQnHDPhY4nZsZbQyo4wY-y1NWCvA",
    "y": "vaSsH5jt9zt3aQvTvrSaFYLyjPG9Ug-2vntoNXlCbVU",
    "d": "WsGosxrp0XK7VEviPL9xBm3fBb7Xys2vLhPGhESNoXY",
}
HOLDER_KEY = {
    "kty": "EC",
    "crv": "P-256",
    "x": "TCAER19Zvu3OHF4j4W4vfSVoHIP1ILilDls7vCeGemc",
    "y": "ZxjiWWbZMQGHVWKVQ4hbSIirsVfuecCE6t4jT9F2HZQ",
    "d": "5K5SCos8zf9zRemGGUl6yfok-_NiiryNZsvANWMhF-I",
}
HOLDER = {name: HOLDER_KEY[name] for name in ("kty", "crv", "x", "y")}
DATES = {"iat": 1683000000, "exp": 1883000000}
STANDARD = {"iss": "https://issuer.example.com", **DATES}
CASE = {"iss": "https://example.com/issuer", **DATES}
SUBJECT = "6c5c0a49-b589-431d-bae7-219122a9ec2c"
SCHOOL = {
    "street_address": "Schulstr. 12",
    "locality": "Schulpforta",
    "region": "Sachsen-Anhalt",
    "country": "DE",
}
MAIN_ST = {
    "street_address": "123 Main St",
    "locality": "Anytown",
    "region": "Anystate",
    "country": "US",
}
WEIDENSTR = {
    "locality": "Maxstadt",
    "postal_code": "12344",
    "country": "DE",
    "street_address": "Weidenstraße 22",
}


@dataclass(frozen=True)
class Sd:
    """A claim's name, or an array's element, that can be kept back."""

    value: Any


def hide(claims: dict[str, Any]) -> dict[Any, Any]:
    """The claims with every name one that can be kept back."""
    return {Sd(name): value for name, value in claims.items()}


@dataclass
class Example:
    """What is issued, and what is shown of it."""

    id: str
    source: str
    reason: str
    claims: dict[Any, Any]
    signature: str | None = None
    shown: tuple[int, ...] = ()
    processed: dict[str, Any] | None = None
    common: dict[str, Any] = field(default_factory=lambda: STANDARD)
    typ: str = "example+sd-jwt"
    bound: bool = False
    decoys: bool = False
    key_binding: str | None = None
    form: str = "compact"
    second_signature: str | None = None


EXAMPLES = [
    Example(
        "rfc-5-array-elements", f"{RFC} sections 5.1 and 5.2",
        "two array elements of which one is shown, with key binding",
        {
            Sd("given_name"): "John", Sd("family_name"): "Doe", Sd("email"): "johndoe@example.com",
            Sd("phone_number"): "+1-202-555-0101", Sd("phone_number_verified"): True,
            Sd("address"): MAIN_ST, Sd("birthdate"): "1940-01-01", Sd("updated_at"): 1570000000,
            "nationalities": [Sd("US"), Sd("DE")],
        },
        "MczwjBFGtzf-6WMT-hIvYbkb11NrV1WMO-jTijpMPNbswNzZ87wY2uHz-CXo6R04b7jYrpj9mNRAvVssXou1iw",
        (1, 5, 0, 8),
        {"nationalities": ["US"], "family_name": "Doe", "address": MAIN_ST, "given_name": "John"},
        common={**STANDARD, "sub": "user_42"}, bound=True,
        key_binding="T3SIus2OidNl41nmVkTZVCKKhOAX97aOldMyHFiYjHm261eLiJ1YiuONFiMN8QlCmYzDlBLAdPvrXh5"
        "2KaLgUQ",
    ),
    Example(
        "rfc-6-1-flat", f"{RFC} section 6.1; the RFC prints no signature",
        "an object as one disclosure", {"sub": SUBJECT, Sd("address"): SCHOOL},
    ),
    Example(
        "rfc-6-2-structured", f"{RFC} section 6.2; the RFC prints no signature",
        "the members of an object are disclosures",
        {"sub": SUBJECT, "address": hide(SCHOOL)},
    ),
    Example(
        "rfc-6-2-one-open", f"{RFC} section 6.2; the RFC prints no signature",
        "the members of an object are disclosures, but one",
        {"sub": SUBJECT, "address": {**hide(dict(list(SCHOOL.items())[:3])), "country": "DE"}},
    ),
    Example(
        "rfc-6-3-recursive", f"{RFC} section 6.3; the RFC prints no signature",
        "a disclosure whose members are disclosures",
        {"sub": SUBJECT, Sd("address"): hide(SCHOOL)},
    ),
    Example(
        "rfc-8-2-flattened", f"{RFC} section 8.2", "the flattened JSON serialization",
        hide({
            "sub": "john_doe_42", "given_name": "John", "family_name": "Doe",
            "birthdate": "1940-01-01",
        }),
        "3oOtvPxU3QdDWUmfGexVB5rWyON2f1atg5rL825bvvD1g7ywjKDKy2UHqHoH2QS4FA99JbG5qnlqFaGXFChfjQ",
        (2, 1), {"family_name": "Doe", "given_name": "John"}, bound=True, form="flattened",
        key_binding="GrDvJ2jhYNmUvqdwVEIrxeTFEuI5qKSM7I6P95JmA6Wko-FBB5vPGQn0wvmdgjLCE2iDRh1r82zchjm"
        "ABQ3V8w",
    ),
    Example(
        "rfc-8-3-general", f"{RFC} section 8.3; the issued form is not printed there",
        "the general JSON serialization: two issuer keys, the disclosures beside the first",
        hide({
            "sub": "john_doe_42", "given_name": "John", "family_name": "Doe",
            "birthdate": "1940-01-01",
        }),
        "dz1N3uvhVHJjldyXwppmBLieTj0vuBMbzL06rnrLIuxEQb9BHoIOwGrWh-UadW4orRpEiEtjf7xyHDONMJ6tBw",
        (2, 1), {"family_name": "Doe", "given_name": "John"}, bound=True, form="general",
        key_binding="VyZqxaVHh1XE6M-kuax_7Laq42uFDrx17lLG2jluyKgy_PqC85z4DVpISdMZDdSANGs-0zN2N7xnM-E"
        "1Pg0sOw",
        second_signature="kuXio_U88RH_-fihAPET4AFUjj0BpxsT6yddMFIr6pfHKtAe0FOJNWQxU42rfnORuNQNTgGsf2"
        "A8LjEba5inNg",
    ),
    Example(
        "rfc-a-1-decoys", f"{RFC} appendix A.1",
        "decoy digests at both levels; Unicode written as escapes in the disclosures",
        {
            Sd("sub"): SUBJECT, Sd("given_name"): "太郎", Sd("family_name"): "山田",
            Sd("email"): '"unusual email address"@example.jp',
            Sd("phone_number"): "+81-80-1234-5678",
            "address": hide({
                "street_address": "東京都港区芝公園\N{FULLWIDTH DIGIT FOUR}丁目"
                "\N{FULLWIDTH DIGIT TWO}\N{MINUS SIGN}\N{FULLWIDTH DIGIT EIGHT}",
                "locality": "東京都", "region": "港区", "country": "JP",
            }),
            Sd("birthdate"): "1940-01-01",
        },
        "EOZa2YqK8j4i7cqBDkfPcTMaFsgPwcx3aYJkFoMfvV46LxL-PPqrWsIyNukB4x8Y2LT31eIHDc4Wg4XNzaqu4w",
        (7, 8), {"address": {"region": "港区", "country": "JP"}}, decoys=True,
    ),
    Example(
        "rfc-a-2-complex", f"{RFC} appendix A.2",
        "an array element that is an object with disclosures of its own, shown in part",
        {
            "verified_claims": {
                "verification": {
                    "trust_framework": "de_aml",
                    Sd("time"): "2012-04-23T18:25Z",
                    Sd("verification_process"): "f24c6f-6d3f-4ec5-973e-b0d8506f3bc7",
                    "evidence": [
                        Sd({
                            Sd("type"): "document", Sd("method"): "pipp",
                            Sd("time"): "2012-04-22T11:30Z",
                            Sd("document"): {
                                "type": "idcard",
                                "issuer": {"name": "Stadt Augsburg", "country": "DE"},
                                "number": "53554554", "date_of_issuance": "2010-03-23",
                                "date_of_expiry": "2020-03-22",
                            },
                        })
                    ],
                },
                "claims": hide({
                    "given_name": "Max", "family_name": "Müller", "nationalities": ["DE"],
                    "birthdate": "1956-01-28",
                    "place_of_birth": {"country": "IS", "locality": "Þykkvabæjarklaustur"},
                    "address": WEIDENSTR,
                }),
            },
            Sd("birth_middle_name"): "Timotheus", Sd("salutation"): "Dr.",
            Sd("msisdn"): "49123456789",
        },
        "QoWYWtikm-AtjmPnNVshbGXQl5raEz15PByTmZwfTQg9W2O3oR6j2tMmysTZZawdo6mNLR_PsZSI25qrUpiNTg",
        (0, 6, 3, 7, 8, 12),
        {
            "verified_claims": {
                "verification": {
                    "trust_framework": "de_aml", "evidence": [{"method": "pipp"}],
                    "time": "2012-04-23T18:25Z",
                },
                "claims": {"given_name": "Max", "family_name": "Müller", "address": WEIDENSTR},
            }
        },
    ),
    Example(
        "rfc-a-3-sd-jwt-vc", f"{RFC} appendix A.3",
        "an SD-JWT VC of type dc+sd-jwt with recursive disclosures and key binding",
        {
            "vct": "urn:eudi:pid:de:1",
            Sd("given_name"): "Erika", Sd("family_name"): "Mustermann",
            Sd("birthdate"): "1963-08-12",
            Sd("address"): hide({
                "street_address": "Heidestraße 17", "locality": "Köln", "postal_code": "51147",
                "country": "DE",
            }),
            Sd("nationalities"): ["DE"], Sd("sex"): 2, Sd("birth_family_name"): "Gabler",
            Sd("place_of_birth"): hide({"locality": "Berlin", "country": "DE"}),
            Sd("age_equal_or_over"): hide({
                "12": True, "14": True, "16": True, "18": True, "21": True, "65": False,
            }),
            Sd("age_in_years"): 62, Sd("age_birth_year"): 1963, Sd("issuance_date"): "2020-03-11",
            Sd("expiry_date"): "2030-03-12", Sd("issuing_authority"): "DE",
            Sd("issuing_country"): "DE",
        },
        "ZOZQTqmq8X1mCyFXi0wbV8xjctX1AlEa5TkdnkKOyWvLfW40XDb5oj9tzkgwff5s44IDnrfAdgLtmTcojs97_Q",
        (20, 17, 8),
        {"vct": "urn:eudi:pid:de:1", "age_equal_or_over": {"18": True}, "nationalities": ["DE"]},
        common={"iss": "https://pid-issuer.bund.de.example", **DATES}, typ="dc+sd-jwt", bound=True,
        key_binding="f3TeS_1BWEG78EbIJRh5wgv8nYumk7euzu6xgbgpNB4pbQQqgRPWK-vQjlhhgU1EFGZ9LFakFX_0mgu"
        "l1G_3mw",
    ),
    Example(
        "rfc-a-4-w3c-vc", f"{RFC} appendix A.4; the issued form is not printed there",
        "a credential of the W3C data model, which has neither iss nor exp",
        {
            "@context": [
                "https://www.w3.org/2018/credentials/v1", "https://w3id.org/vaccination/v1",
            ],
            "type": ["VerifiableCredential", "VaccinationCertificate"],
            "issuer": "https://example.com/issuer",
            "issuanceDate": "2023-02-09T11:01:59Z", "expirationDate": "2028-02-08T11:01:59Z",
            "name": "COVID-19 Vaccination Certificate",
            "description": "COVID-19 Vaccination Certificate",
            "credentialSubject": {
                "vaccine": {
                    "type": "Vaccine", Sd("atcCode"): "J07BX03",
                    Sd("medicinalProductName"): "COVID-19 Vaccine Moderna",
                    Sd("marketingAuthorizationHolder"): "Moderna Biotech",
                },
                Sd("nextVaccinationDate"): "2021-08-16T13:40:12Z",
                Sd("countryOfVaccination"): "GE",
                Sd("dateOfVaccination"): "2021-06-23T13:40:12Z", Sd("order"): "3/3",
                "recipient": {
                    "type": "VaccineRecipient", Sd("gender"): "Female",
                    Sd("birthDate"): "1961-08-17", Sd("givenName"): "Marion",
                    Sd("familyName"): "Mustermann",
                },
                "type": "VaccinationEvent", Sd("administeringCentre"): "Praxis Sommergarten",
                Sd("batchNumber"): "1626382736", Sd("healthProfessional"): "883110000015376",
            },
        },
        "OZomvwO8iw4db89MYCeeomBVStXkT6u7G7FkicPWZnd2_hGgr0l_u1NHgPVocuOt-m32Uu6kwtPmYFxKk0AOeA",
        (6, 5, 0, 1),
        {
            "@context": [
                "https://www.w3.org/2018/credentials/v1", "https://w3id.org/vaccination/v1",
            ],
            "type": ["VerifiableCredential", "VaccinationCertificate"],
            "issuer": "https://example.com/issuer",
            "issuanceDate": "2023-02-09T11:01:59Z", "expirationDate": "2028-02-08T11:01:59Z",
            "name": "COVID-19 Vaccination Certificate",
            "description": "COVID-19 Vaccination Certificate",
            "credentialSubject": {
                "vaccine": {
                    "type": "Vaccine", "atcCode": "J07BX03",
                    "medicinalProductName": "COVID-19 Vaccine Moderna",
                },
                "recipient": {"type": "VaccineRecipient"}, "type": "VaccinationEvent",
                "order": "3/3", "dateOfVaccination": "2021-06-23T13:40:12Z",
            },
        },
        common={}, bound=True,
        key_binding="n0vzyIwCFMDVauEaeJIWEKZZchxXMpXTQewHgAkARbOSZxB09IbXXtHfpoGqO_BtNFN2lShJEIQBGyc"
        "-XpHigA",
    ),
    Example(
        "case-array-of-scalars", CASES.format("array_of_scalars"),
        "hidden elements before a plain one", {"nationalities": [Sd("US"), Sd("CA"), "DE"]},
        "9WUQg6MUI1fpAScRWApw2d_3VELhJ3prqb94okSL1zEO1TQQKhO0C9kTLFMz_JvRN_Ek0ixrwEhPTWpKOLDm0A",
        (1,), {"nationalities": ["CA", "DE"]}, common=CASE,
    ),
    Example(
        "case-array-of-nulls", CASES.format("array_of_nulls"),
        "hidden nulls go, plain nulls stay",
        {"null_values": [None, Sd(None), Sd(None), None]},
        "4LcQ8Hx5qp7pXrV5u9Si8fIbSggAkjV-EbBrOab7HQr-p79gFfPy0ZKoGHTC57RyZIvmLBoZBruA9Wxb1Fnclg",
        (), {"null_values": [None, None]}, common=CASE,
    ),
    Example(
        "case-array-of-objects", CASES.format("array_of_objects"),
        "a hidden object, and an object with a hidden member, in arrays",
        {
            "addresses": [
                {
                    "street": "123 Main St", "city": "Anytown", "state": "NY", "zip": "12345",
                    "type": "main_address",
                },
                Sd({
                    "street": "456 Main St", "city": "Anytown", "state": "NY", "zip": "12345",
                    "type": "secondary_address",
                }),
            ],
            "array_with_one_sd_object": [{Sd("foo"): "bar"}],
        },
        "65hARtowGURegOtzsOBbKXOEQZL05GdSeTtKJo2fuMceYZ_MfTRkwozNYGuyzhDktI4tDHbmAUopKlXUa-RhAg",
        (0, 1),
        {
            "addresses": [
                {
                    "street": "123 Main St", "city": "Anytown", "state": "NY", "zip": "12345",
                    "type": "main_address",
                },
                {
                    "street": "456 Main St", "city": "Anytown", "state": "NY", "zip": "12345",
                    "type": "secondary_address",
                },
            ],
            "array_with_one_sd_object": [{"foo": "bar"}],
        },
        common=CASE,
    ),
    Example(
        "case-array-data-types", CASES.format("array_data_types"), "every type as an element",
        {
            "data_types": [
                Sd(value) for value in (None, 42, 3.14, "foo", True, ["Test"], {"foo": "bar"})
            ]
        },
        "wtzsFSRV6c9i1I_KsOM0Sn0Od5Ilbs4w3KP9zk3uFbyVjtZUjO58mse4tg0WCn14bg1S9Ecm9Lg4uw0d_hcfvA",
        (0, 1, 2, 3, 4, 5, 6),
        {"data_types": [None, 42, 3.14, "foo", True, ["Test"], {"foo": "bar"}]}, common=CASE,
    ),
    Example(
        "case-array-in-sd", CASES.format("array_in_sd"), "an array as one disclosure",
        {Sd("sd_array"): [32, 23]},
        "cKcj2cFhIf5ChESjRwpyrY35Vn2fgDUp_bPpJnY2MtWwUwltaLwfgN5XzdJMJK3qE7O9_inaFlhXe1RTZRmxlg",
        (0,), {"sd_array": [32, 23]}, common=CASE,
    ),
    Example(
        "case-array-nested-in-plain", CASES.format("array_nested_in_plain"),
        "hidden elements in arrays in an array",
        {"nested_array": [[Sd("foo"), Sd("bar")], [Sd("baz"), Sd("qux")]]},
        "G5Y8yGtd68sdg10qSbQTJvCUr70vmTmvcxYaW2_MNhhYdGGISLnh07HOz-BN4k9LgiKkLIhbfemileOrCKJ9Fg",
        (0, 3), {"nested_array": [["foo"], ["qux"]]}, common=CASE,
    ),
    Example(
        "case-array-recursive-sd", CASES.format("array_recursive_sd"),
        "nothing is shown: arrays lose their elements and stay",
        {
            "array_with_recursive_sd": [
                "boring",
                Sd({"foo": "bar", Sd("baz"): {"qux": "quux"}}),
                [Sd("foo"), Sd("bar")],
            ],
            "test2": [Sd("foo"), Sd("bar")],
        },
        "8Hqhs3xhfNOjdSnnQpz9Rxgvu_e6sFF8CWCkTfbgHw5oh8qdHfOvBpTrSfagnJr9v1slf8699HX0Dva1mT9Tog",
        (), {"array_with_recursive_sd": ["boring", []], "test2": []}, common=CASE,
    ),
    Example(
        "case-object-full-sd", CASES.format("array_full_sd"), "one member of an object is shown",
        {"is_over": hide({"13": True, "18": False, "21": False})},
        "-BUKBazaHj0qthrw5EkQwPOjV5cdYymOkNUxR6E9UMLUE4gVJCavtJ5ksVkOiALfJhz7sns792SzJCbf1srg1w",
        (1,), {"is_over": {"18": False}}, common=CASE,
    ),
    Example(
        "case-object-none-disclosed", CASES.format("array_none_disclosed"),
        "no member is shown: the object stays, empty",
        {"is_over": hide({"13": False, "18": True, "21": False})},
        "PDLw7XytFifCWQnZsaXrzZZ4U_C2ENO7Xnt0hskwRytLoFrTdGCWsub_BsmTJOCcTq2iYeCMjAB5wgsbn9rj4A",
        (), {"is_over": {}}, common=CASE,
    ),
    Example(
        "case-object-data-types", CASES.format("object_data_types"),
        "every type as a value, and names that look like other types",
        {
            "value_data_types": hide({
                "test_null": None, "test_int": 42, "test_float": 3.14, "test_str": "foo",
                "test_bool": True, "test_arr": ["Test"], "test_object": {"foo": "bar"},
            }),
            "key_data_types": hide({
                "null": "key_null", "42": "key_int", "3.14": "key_float", "foo": "key_str",
                "True": "key_bool", '["Test"]': "key_arr", '{"foo": "bar"}': "key_object",
            }),
        },
        "_RI2Sx-Fu0TNHo6BI04FSy4f_xJf17DD7tRxdT8XGvB159OLB7iT9nZQAZkmBHodWeTxwCxzvapWq9lFxhje1Q",
        (3, 6, 1, 5, 0, 4, 2, 9, 13, 7, 11, 10, 8, 12),
        {
            "value_data_types": {
                "test_null": None, "test_int": 42, "test_float": 3.14, "test_str": "foo",
                "test_bool": True, "test_arr": ["Test"], "test_object": {"foo": "bar"},
            },
            "key_data_types": {
                "null": "key_null", "42": "key_int", "3.14": "key_float", "foo": "key_str",
                "True": "key_bool", '["Test"]': "key_arr", '{"foo": "bar"}': "key_object",
            },
        },
        common=CASE,
    ),
    Example(
        "case-recursions", CASES.format("recursions"),
        "hidden arrays of hidden elements and hidden objects of hidden members, shown in part",
        {
            "foo": [Sd("one"), Sd("two")], "bar": hide({"red": 1, "green": 2}),
            "qux": [Sd([Sd("blue"), Sd("yellow")])],
            "baz": [Sd([Sd("orange"), Sd("purple")]), Sd([Sd("black"), Sd("white")])],
            "animals": hide({
                "snake": hide({"name": "python", "age": 10}),
                "bird": hide({"name": "eagle", "age": 20}),
            }),
        },
        "SbborPI131hu2xKhXbG9_CnAaEDTEyBXQkKUl0tHKzCW-HKtmjOhMr3oQP_lomq4vDDK74fImrfOWl0V6khyGw",
        (1, 3, 6, 5, 9, 8, 12, 10, 11, 18, 17, 15, 14),
        {
            "foo": ["two"], "bar": {"green": 2}, "qux": [["yellow"]],
            "baz": [["purple"], ["black", "white"]],
            "animals": {"snake": {"age": 10}, "bird": {"age": 20}},
        },
        common=CASE,
    ),
]  # fmt: skip


def encode(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """The same the other way."""
    return base64.urlsafe_b64decode(text + "==")


def digest(text: str) -> str:
    """The SHA-256 of a text, encoded."""
    return encode(hashlib.sha256(text.encode()).digest())


class Issuance:
    """Hides claims as the generator does, in the order it draws its salts."""

    def __init__(self, example: Example) -> None:
        random.seed(0)
        self.decoys_wanted = example.decoys
        self.disclosures: list[dict[str, Any]] = []
        self.decoys: list[str] = []
        payload: dict[str, Any] = self.object({**example.common, **example.claims})
        payload["_sd_alg"] = "sha-256"
        if example.bound:
            payload["cnf"] = {"jwk": HOLDER}
        self.payload = payload

    def salt(self) -> str:
        """16 bytes of the seeded generator."""
        return encode(bytes(random.getrandbits(8) for _ in range(16)))

    def disclose(self, *content: Any) -> str:
        """The digest of a disclosure that is kept."""
        salt = self.salt()
        text = json.dumps([salt, *content])
        encoded = encode(text.encode())
        named = {"name": content[0]} if len(content) == 2 else {}
        self.disclosures.append({
            "disclosure": encoded, "digest": digest(encoded), "json": text, "salt": salt, **named,
            "value": content[-1],
        })  # fmt: skip
        return digest(encoded)

    def value(self, value: Any) -> Any:
        """A value with what is in it hidden."""
        if isinstance(value, dict):
            return self.object(value)
        if isinstance(value, list):
            return [self.element(element) for element in value]
        return value

    def element(self, element: Any) -> Any:
        """An element, or the digest in its place."""
        if isinstance(element, Sd):
            return {"...": self.disclose(self.value(element.value))}
        return self.value(element)

    def object(self, claims: dict[Any, Any]) -> dict[str, Any]:
        """An object with the digests first, sorted, as the generator has them."""
        digests: list[str] = []
        out: dict[str, Any] = {}
        for name, claim in claims.items():
            value = self.value(claim)
            if isinstance(name, Sd):
                digests.append(self.disclose(name.value, value))
            else:
                out[name] = value
        if self.decoys_wanted:
            for _ in range(random.randint(2, 5)):  # noqa: S311 - no secret
                self.decoys.append(digest(self.salt()))
                digests.append(self.decoys[-1])
        return {"_sd": sorted(digests), **out} if digests else out


def process(node: Any, disclosures: dict[str, list[Any]]) -> Any:
    """The payload as a verifier is left with it."""
    if isinstance(node, list):
        out = []
        for element in node:
            if isinstance(element, dict) and list(element) == ["..."]:
                if element["..."] in disclosures:
                    out.append(process(disclosures[element["..."]][1], disclosures))
            else:
                out.append(process(element, disclosures))
        return out
    if isinstance(node, dict):
        claims = {
            name: process(value, disclosures)
            for name, value in node.items()
            if name not in ("_sd", "_sd_alg")
        }
        for found in node.get("_sd", ()):
            if found in disclosures:
                _, name, value = disclosures[found]
                claims[name] = process(value, disclosures)
        return claims
    return node


def plain(node: Any) -> Any:
    """The claims without the marks."""
    if isinstance(node, Sd):
        return plain(node.value)
    if isinstance(node, dict):
        return {plain(name): plain(value) for name, value in node.items()}
    return [plain(element) for element in node] if isinstance(node, list) else node


def verify(key: dict[str, str], signed: str, signature: str) -> None:
    """Stops where a signature is not over what was computed."""
    x, y = (int.from_bytes(decode(key[name])) for name in "xy")
    raw = decode(signature)
    der = utils.encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    public.verify(der, signed.encode(), ec.ECDSA(SHA256()))


def vector(example: Example) -> dict[str, Any]:
    """An example as the tests read it."""
    issuance = Issuance(example)
    header = {"alg": "ES256", "typ": example.typ}
    protected = encode(json.dumps(header).encode())
    body = encode(json.dumps(issuance.payload).encode())
    encoded = [entry["disclosure"] for entry in issuance.disclosures]
    contents = {entry["digest"]: json.loads(entry["json"]) for entry in issuance.disclosures}
    everything = process(issuance.payload, contents)
    expected = plain({**example.common, **example.claims})
    expect(everything, {**expected, "cnf": {"jwk": HOLDER}} if example.bound else expected)
    out = {
        "id": example.id, "kind": example.form if example.signature else "unsigned",
        "source": example.source, "reason": example.reason,
        "claims": plain(example.claims), "header": header, "payload": issuance.payload,
        "disclosures": issuance.disclosures, "decoys": issuance.decoys,
        "processedIssued": everything,
    }  # fmt: skip
    if example.signature is None:
        return out
    verify(ISSUER_KEY, f"{protected}.{body}", example.signature)
    jwt = f"{protected}.{body}.{example.signature}"
    shown = [encoded[index] for index in example.shown]
    presented = "~".join([jwt, *shown, ""])
    digests = {digest(disclosure) for disclosure in shown}
    processed = process(issuance.payload, {d: c for d, c in contents.items() if d in digests})
    bound = {"cnf": {"jwk": HOLDER}} if example.bound else {}
    expect(processed, {**example.common, **(example.processed or {}), **bound})
    binding = ""
    if example.key_binding:
        claims = {
            "nonce": "1234567890", "aud": "https://verifier.example.org", "iat": 1748537244,
            "sd_hash": digest(presented),
        }  # fmt: skip
        parts = [{"alg": "ES256", "typ": "kb+jwt"}, claims]
        signed = ".".join(encode(json.dumps(part).encode()) for part in parts)
        verify(HOLDER_KEY, signed, example.key_binding)
        binding = f"{signed}.{example.key_binding}"
        out["keyBinding"] = {"header": parts[0], "payload": claims, "jwt": binding}
    common = {"payload": body, "protected": protected, "signature": example.signature}
    if example.form == "compact":
        out["issued"] = "~".join([jwt, *encoded, ""])
        out["presentation"] = presented + binding
    elif example.form == "flattened":
        out["issued"] = {"header": {"disclosures": encoded}, **common}
        out["presentation"] = {"header": {"disclosures": shown, "kb_jwt": binding}, **common}
    else:
        second = example.second_signature or ""
        verify(SECOND_ISSUER_KEY, f"{protected}.{body}", second)
        first_header = {"disclosures": shown, "kid": "issuer-key-1", "kb_jwt": binding}
        out["presentation"] = {
            "payload": body,
            "signatures": [
                {"header": first_header, "protected": protected, "signature": example.signature},
                {
                    "header": {"kid": "issuer-key-2"}, "protected": protected, "signature": second,
                },
            ],
        }  # fmt: skip
    out["shown"] = list(example.shown)
    out["processed"] = processed
    return out


def expect(computed: Any, published: Any) -> None:
    """Stops where a public source and the computation differ."""
    if computed != published:
        raise SystemExit(f"{computed} computed, {published} published")


def main() -> int:
    """0 if the file is, or has been made, what it should be."""
    document = {
        "description": "SD-JWTs of RFC 9901 and of its generator; written by make_sd_jwt.py. "
        "The private keys are those of the generator's settings, the RFC prints the public ones.",
        "issuerKey": ISSUER_KEY,
        "secondIssuerKey": SECOND_ISSUER_KEY,
        "holderKey": HOLDER_KEY,
        "nonce": "1234567890",
        "audience": "https://verifier.example.org",
        "vectors": [vector(copy.deepcopy(example)) for example in EXAMPLES],
    }
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    if "--check" in sys.argv:
        return int(FILE.read_text("utf-8") != text)
    FILE.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
