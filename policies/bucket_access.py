"""No bucket is public, and none is spoken to without TLS."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from policies.rule import UNKNOWN, Judged, Rule, StackRule

BUCKET = "aws:s3/bucket:Bucket"
POLICY = "aws:s3/bucketPolicy:BucketPolicy"
PUBLIC_ACCESS = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"

_BLOCKS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
_PRIVATE_ACLS = frozenset({"private", "bucket-owner-read", "bucket-owner-full-control", "log-delivery-write"})


def open_doors(resource: Judged) -> Iterator[str]:
    """What of a public-access block is not switched on."""
    for block in _BLOCKS:
        value = resource.inputs.get(block)
        if value is not True and value is not UNKNOWN:
            yield f"{block} is {json.dumps(value)}; allowed: true"


def public_acl(resource: Judged) -> Iterator[str]:
    """An access list of the bucket itself that lets others in."""
    acl = resource.inputs.get("acl")
    if acl is not None and acl is not UNKNOWN and acl not in _PRIVATE_ACLS:
        yield f"acl is {acl}; allowed: private"


def public_statements(resource: Judged) -> Iterator[str]:
    """What in a bucket policy lets anyone in, and the missing refusal of requests without TLS."""
    policy = _document(resource.inputs.get("policy"))
    if policy is None:
        return
    statements = _listed(policy.get("Statement"))
    for statement in statements:
        if statement.get("Effect") == "Allow" and _is_anyone(statement.get("Principal")):
            sid = statement.get("Sid", "(no Sid)")
            yield f"the statement {sid} lets anyone in; allowed: named principals"
    if not any(_refuses_without_tls(statement) for statement in statements):
        yield "no statement denies requests without TLS (aws:SecureTransport false) to everyone"


def unguarded_buckets(resources: Sequence[Judged]) -> Iterator[tuple[Judged, str]]:
    """Buckets that have no public-access block or no policy."""
    for kind, what in ((PUBLIC_ACCESS, "public-access block"), (POLICY, "TLS-only policy")):
        guarded = {resource.inputs.get("bucket") for resource in resources if resource.type == kind}
        for bucket in resources:
            if bucket.type == BUCKET and UNKNOWN not in guarded and _name(bucket) not in guarded:
                yield bucket, f"the bucket has no {what}"


def _name(bucket: Judged) -> object:
    return bucket.inputs.get("bucket")


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
    """Whether it denies everything to everyone who comes without TLS, and on no further condition."""
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
    check=open_doors,
)
ACL_RULE = Rule(
    name="bucket-acl-private",
    description="No bucket has a public access list.",
    types=frozenset({BUCKET}),
    check=public_acl,
)
POLICY_RULE = Rule(
    name="bucket-policy-tls-only",
    description="A bucket policy lets nobody in without TLS, and not just anybody with it.",
    types=frozenset({POLICY}),
    check=public_statements,
)
GUARDED_RULE = StackRule(
    name="bucket-guarded",
    description="Every bucket has a public-access block and a TLS-only policy.",
    check=unguarded_buckets,
)
