"""No bucket is public, and every bucket requires TLS."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from policies.rule import UNKNOWN, Judged, Rule, Settings, StackRule, Violation, shown

BUCKET = "aws:s3/bucket:Bucket"
POLICY = "aws:s3/bucketPolicy:BucketPolicy"
PUBLIC_ACCESS = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"

_BLOCKS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
_PRIVATE_ACLS = frozenset({"private", "bucket-owner-read", "bucket-owner-full-control", "log-delivery-write"})
_GUARDS = ((PUBLIC_ACCESS, "public-access block"), (POLICY, "policy"), (ENCRYPTION, "encryption"))


def open_doors(resource: Judged, _: Settings) -> Iterator[Violation]:
    """Settings of a public-access block that are not enabled."""
    for block in _BLOCKS:
        value = resource.inputs.get(block)
        if value is not True and value is not UNKNOWN:
            yield Violation(found=f"{block} is {shown(value)}", allowed="true")


def public_acl(resource: Judged, _: Settings) -> Iterator[Violation]:
    """An access list of the bucket itself that grants access to others."""
    acl = resource.inputs.get("acl")
    if acl is not None and acl is not UNKNOWN and acl not in _PRIVATE_ACLS:
        yield Violation(found=f"acl is {acl}", allowed="private")


def public_statements(resource: Judged, _: Settings) -> Iterator[Violation]:
    """Policy statements that grant public access, and a missing denial of requests without TLS."""
    policy = _document(resource.inputs.get("policy"))
    if policy is None:
        return
    statements = _listed(policy.get("Statement"))
    for statement in statements:
        if statement.get("Effect") == "Allow" and _is_anyone(statement.get("Principal")):
            sid = statement.get("Sid", "(no Sid)")
            yield Violation(found=f"the statement {sid} lets anyone in", allowed="named principals")
    if not any(_refuses_without_tls(statement) for statement in statements):
        yield Violation(
            found="no statement refuses requests without TLS",
            allowed="a policy that denies s3:* to everyone where aws:SecureTransport is false",
        )


def unguarded_buckets(resources: Sequence[Judged]) -> Iterator[tuple[Judged, Violation]]:
    """Buckets that lack a public-access block, a policy or an encryption configuration of their own."""
    for kind, what in _GUARDS:
        guards = [resource for resource in resources if resource.type == kind]
        for bucket in resources:
            if bucket.type == BUCKET and not any(_is_of(guard, bucket) for guard in guards):
                yield bucket, Violation(found=f"the bucket has no {what}", allowed=f"one of its own ({kind})")


def _is_of(guard: Judged, bucket: Judged) -> bool:
    """Whether ``guard`` belongs to this bucket: by its name, or by the source of the name."""
    name = guard.inputs.get("bucket")
    named = name is not None and name is not UNKNOWN and name == bucket.inputs.get("bucket")
    return named or bucket.urn in guard.sources.get("bucket", frozenset())


def _document(policy: Any) -> Mapping[str, Any] | None:
    if policy is UNKNOWN:
        return None
    if isinstance(policy, str):
        try:
            policy = json.loads(policy)
        except ValueError:
            return {}
    return policy if isinstance(policy, Mapping) else {}


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _is_anyone(principal: Any) -> bool:
    if isinstance(principal, Mapping):
        return any("*" in _listed(value) for value in principal.values())
    return bool(principal == "*")


def _refuses_without_tls(statement: Mapping[str, Any]) -> bool:
    """Whether it denies all requests without TLS, for everyone and without further conditions."""
    everything = not {"s3:*", "*"}.isdisjoint(_listed(statement.get("Action")))
    denies_everyone = statement.get("Effect") == "Deny" and _is_anyone(statement.get("Principal"))
    return denies_everyone and everything and _is_without_tls(statement.get("Condition"))


def _is_without_tls(condition: Any) -> bool:
    if not isinstance(condition, Mapping) or list(condition) != ["Bool"]:
        return False
    asked = condition["Bool"]
    return isinstance(asked, Mapping) and {key: str(value).lower() for key, value in asked.items()} == {
        "aws:SecureTransport": "false"
    }


PUBLIC_ACCESS_RULE = Rule(
    name="bucket-public-access-blocked",
    description="A public-access block blocks everything that is public.",
    types=frozenset({PUBLIC_ACCESS}),
    reads=frozenset(_BLOCKS),
    check=open_doors,
)
ACL_RULE = Rule(
    name="bucket-acl-private",
    description="No bucket has a public access list.",
    types=frozenset({BUCKET}),
    reads=frozenset({"acl"}),
    check=public_acl,
)
POLICY_RULE = Rule(
    name="bucket-policy-tls-only",
    description="A bucket policy lets nobody in without TLS, and not just anybody with it.",
    types=frozenset({POLICY}),
    reads=frozenset({"policy"}),
    check=public_statements,
)
GUARDED_RULE = StackRule(
    name="bucket-guarded",
    description="Every bucket has a public-access block, a policy and an encryption configuration.",
    check=unguarded_buckets,
)
