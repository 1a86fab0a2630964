"""Permission to read a job's data sources: the sources, and the statements derived from them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

SCHEME = "s3://"


@dataclass(frozen=True)
class DataLocation:
    """All objects below ``prefix`` (without a trailing slash), or the one object with that name."""

    bucket: str
    prefix: str

    @classmethod
    def of(cls, source: str) -> DataLocation:
        """The location for ``s3://BUCKET/PREFIX``."""
        bucket, _, prefix = source.removeprefix(SCHEME).partition("/")
        return cls(bucket, prefix.rstrip("/"))


def reading_data(partition: str, keys: str, sources: Sequence[str]) -> Iterator[dict[str, object]]:
    """Statements that let a role list and read only these sources.

    ``keys`` is the location of the keys with which sources may be encrypted, as ``REGION:ACCOUNT``.
    """
    locations = sorted({DataLocation.of(source) for source in sources}, key=lambda at: (at.bucket, at.prefix))
    if not locations:
        return
    objects = [arn for at in locations for arn in _objects(partition, at)]
    yield {"Sid": "ReadData", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": objects}
    for number, at in enumerate(locations):
        statement: dict[str, object] = {
            "Sid": f"ListData{number}",
            "Effect": "Allow",
            "Action": ["s3:ListBucket"],
            "Resource": [_bucket(partition, at)],
        }
        if at.prefix:
            prefix = _literal(at.prefix)
            statement["Condition"] = {"StringLike": {"s3:prefix": [prefix, f"{prefix}/*"]}}
        yield statement
    yield {
        "Sid": "DecryptData",
        "Effect": "Allow",
        "Action": ["kms:Decrypt"],
        "Resource": [f"arn:{partition}:kms:{keys}:key/*"],
        "Condition": {
            "StringLike": {
                "kms:ViaService": "s3.*",
                "kms:EncryptionContext:aws:s3:arn": [
                    *sorted({_bucket(partition, at) for at in locations}),
                    *objects,
                ],
            }
        },
    }


def _bucket(partition: str, at: DataLocation) -> str:
    return f"arn:{partition}:s3:::{at.bucket}"


def _objects(partition: str, at: DataLocation) -> Iterator[str]:
    if not at.prefix:
        yield f"{_bucket(partition, at)}/*"
        return
    prefix = _literal(at.prefix)
    yield f"{_bucket(partition, at)}/{prefix}"
    yield f"{_bucket(partition, at)}/{prefix}/*"


def _literal(prefix: str) -> str:
    """``prefix`` with ``$`` escaped for policies, where ``${...}`` would be a variable."""
    return prefix.replace("${", "${$}{")
