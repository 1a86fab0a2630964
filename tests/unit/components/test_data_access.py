"""What a role may read of data sources, judged by evaluating the statements as AWS would."""

from __future__ import annotations

import fnmatch
from typing import Any

import pytest

from components.data_access import DataLocation, reading_data

SOURCES = ["s3://sets/digits/", "s3://sets/words", "s3://open-data"]
STATEMENTS: list[Any] = list(reading_data("aws", "us-east-1:1", SOURCES))


def allowed(action: str, resource: str, prefix: str | None = None) -> bool:
    def fits(statement: Any) -> bool:
        patterns = statement.get("Condition", {}).get("StringLike", {}).get("s3:prefix")
        listed = patterns is None or any(fnmatch.fnmatchcase(prefix or "", each) for each in patterns)
        at = any(fnmatch.fnmatchcase(resource, each) for each in statement["Resource"])
        return action in statement["Action"] and at and listed

    return any(fits(each) for each in STATEMENTS)


@pytest.mark.parametrize(
    ("action", "resource", "prefix"),
    [
        ("s3:GetObject", "arn:aws:s3:::sets/digits/a/b.bin", None),
        ("s3:GetObject", "arn:aws:s3:::sets/words", None),
        ("s3:GetObject", "arn:aws:s3:::open-data/anything", None),
        ("s3:ListBucket", "arn:aws:s3:::sets", "digits/"),
        ("s3:ListBucket", "arn:aws:s3:::sets", "words"),
        ("s3:ListBucket", "arn:aws:s3:::open-data", ""),
    ],
)
def test_what_is_read(action: str, resource: str, prefix: str | None) -> None:
    assert allowed(action, resource, prefix)


@pytest.mark.parametrize(
    ("action", "resource", "prefix"),
    [
        ("s3:GetObject", "arn:aws:s3:::sets/digits-of-others/a", None),
        ("s3:GetObject", "arn:aws:s3:::sets/secret", None),
        ("s3:ListBucket", "arn:aws:s3:::sets", ""),
        ("s3:ListBucket", "arn:aws:s3:::sets", "secret/"),
        ("s3:PutObject", "arn:aws:s3:::sets/digits/a", None),
        ("s3:DeleteObject", "arn:aws:s3:::open-data/a", None),
        ("kms:Encrypt", "arn:aws:kms:us-east-1:1:key/k", None),
    ],
)
def test_what_is_not(action: str, resource: str, prefix: str | None) -> None:
    assert not allowed(action, resource, prefix)


def test_keys_decrypt_these_objects_only_and_only_through_s3() -> None:
    (statement,) = [each for each in STATEMENTS if "kms:Decrypt" in each["Action"]]
    condition = statement["Condition"]["StringLike"]
    assert condition["kms:ViaService"] == "s3.*"
    assert set(condition["kms:EncryptionContext:aws:s3:arn"]) == {
        "arn:aws:s3:::sets",
        "arn:aws:s3:::open-data",
        "arn:aws:s3:::sets/digits",
        "arn:aws:s3:::sets/digits/*",
        "arn:aws:s3:::sets/words",
        "arn:aws:s3:::sets/words/*",
        "arn:aws:s3:::open-data/*",
    }


def test_without_sources_there_is_nothing_to_say() -> None:
    assert list(reading_data("aws", "us-east-1:1", [])) == []


def test_a_dollar_is_no_variable_of_the_policy() -> None:
    statement = next(reading_data("aws", "us-east-1:1", ["s3://sets/${aws:username}"]))
    assert statement["Resource"] == [
        "arn:aws:s3:::sets/${$}{aws:username}",
        "arn:aws:s3:::sets/${$}{aws:username}/*",
    ]


@pytest.mark.parametrize(
    ("source", "bucket", "prefix"),
    [("s3://b", "b", ""), ("s3://b/", "b", ""), ("s3://b/a/c/", "b", "a/c"), ("s3://b/a", "b", "a")],
)
def test_locations(source: str, bucket: str, prefix: str) -> None:
    assert DataLocation.of(source) == DataLocation(bucket, prefix)
