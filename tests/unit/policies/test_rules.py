"""Every rule, with resources that keep it and resources that break it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from components.artifact_bucket import tls_only_policy
from components.tags import identity_tags
from policies.bucket_access import BUCKET, POLICY, PUBLIC_ACCESS
from policies.encryption import BUCKET_ENCRYPTION, VOLUME
from policies.ingress import INGRESS_RULE, OLD_RULE, SECURITY_GROUP
from policies.machine_end import INSTANCE, SPOT_REQUEST
from policies.rule import UNKNOWN, Judged
from policies.rules import RULES, STACK_RULES

TAGS = identity_tags(project="runctl", job="digits", stack="digits", owner="ada")
GOOD_INSTANCE: dict[str, Any] = {
    "tagsAll": TAGS,
    "instanceInitiatedShutdownBehavior": "terminate",
    "metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 2},
    "rootBlockDevice": {"encrypted": True, "tags": TAGS},
    "instanceMarketOptions": {
        "marketType": "spot",
        "spotOptions": {"spotInstanceType": "one-time", "instanceInterruptionBehavior": "terminate"},
    },
}
CLOSED = dict.fromkeys(
    ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), True
)
TLS_ONLY = tls_only_policy("aws", "bucket")
DENY: Mapping[str, Any] = TLS_ONLY["Statement"][0]  # type: ignore[index]


def policy_of(*statements: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "bucket": "bucket",
        "policy": json.dumps({"Version": "2012-10-17", "Statement": list(statements)}),
    }


def instance(**changes: Any) -> dict[str, Any]:
    return {**GOOD_INSTANCE, **changes}


def spot(**options: Any) -> dict[str, Any]:
    return instance(instanceMarketOptions={"marketType": "spot", "spotOptions": options})


def without(key: str) -> dict[str, str]:
    return {name: value for name, value in TAGS.items() if name != key}


def ingress(source: str, family: str = "cidrBlocks") -> dict[str, Any]:
    return {"tagsAll": TAGS, "ingress": [{"fromPort": 22, "toPort": 22, family: [source]}]}


KEPT: list[tuple[str, dict[str, Any]]] = [
    (INSTANCE, GOOD_INSTANCE),
    (INSTANCE, {key: value for key, value in GOOD_INSTANCE.items() if key != "instanceMarketOptions"}),
    (INSTANCE, spot(maxPrice="0.6")),
    (INSTANCE, instance(tagsAll=UNKNOWN)),
    (INSTANCE, instance(metadataOptions=UNKNOWN)),
    (INSTANCE, instance(instanceMarketOptions={"marketType": "spot", "spotOptions": UNKNOWN})),
    (BUCKET, {"tagsAll": TAGS, "bucket": "bucket"}),
    (BUCKET, {"tagsAll": TAGS, "acl": "private"}),
    (PUBLIC_ACCESS, CLOSED),
    (PUBLIC_ACCESS, {**CLOSED, "blockPublicAcls": UNKNOWN}),
    (POLICY, policy_of(DENY)),
    (POLICY, {"bucket": "bucket", "policy": TLS_ONLY}),
    (POLICY, {"bucket": "bucket", "policy": UNKNOWN}),
    (POLICY, policy_of(DENY, {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::1:role/x"}})),
    (BUCKET_ENCRYPTION, {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]}),
    (BUCKET_ENCRYPTION, {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms"}}]}),
    (BUCKET_ENCRYPTION, {"rules": UNKNOWN}),
    (VOLUME, {"tagsAll": TAGS, "encrypted": True}),
    (VOLUME, {"tagsAll": TAGS, "encrypted": UNKNOWN}),
    (SECURITY_GROUP, {"tagsAll": TAGS, "ingress": []}),
    (SECURITY_GROUP, {"tagsAll": TAGS}),
    (SECURITY_GROUP, ingress("203.0.113.7/32")),
    (SECURITY_GROUP, ingress("10.0.0.0/8")),
    (SECURITY_GROUP, ingress("fc00::/7", "ipv6CidrBlocks")),
    (SECURITY_GROUP, {"tagsAll": TAGS, "ingress": UNKNOWN}),
    (INGRESS_RULE, {"cidrIpv4": "203.0.113.0/24"}),
    (OLD_RULE, {"type": "egress", "cidrBlocks": ["0.0.0.0/0"]}),
    ("aws:iam/role:Role", {"tagsAll": TAGS}),
]

BROKEN: list[tuple[str, dict[str, Any], str, str]] = [
    (INSTANCE, instance(tagsAll=without("runctl:owner")), "required-tags", "runctl:owner"),
    (INSTANCE, instance(tagsAll=None), "required-tags", "runctl:job"),
    (INSTANCE, instance(rootBlockDevice={"encrypted": True}), "required-tags", "root volume"),
    (INSTANCE, instance(tagsAll={**TAGS, "runctl:created-by": "hand"}), "required-tags", "allowed: runctl"),
    (BUCKET, {"tagsAll": without("runctl:job")}, "required-tags", "runctl:job"),
    (BUCKET, {}, "required-tags", "runctl:project"),
    ("aws:iam/role:Role", {"tagsAll": {}}, "required-tags", "runctl:stack"),
    (VOLUME, {"tagsAll": {**TAGS, "runctl:owner": ""}, "encrypted": True}, "required-tags", "runctl:owner"),
    (PUBLIC_ACCESS, {**CLOSED, "restrictPublicBuckets": False}, "bucket-public-access-blocked", "restrict"),
    (PUBLIC_ACCESS, {}, "bucket-public-access-blocked", "blockPublicAcls is null"),
    (BUCKET, {"tagsAll": TAGS, "acl": "public-read"}, "bucket-acl-private", "public-read"),
    (BUCKET, {"tagsAll": TAGS, "acl": "authenticated-read"}, "bucket-acl-private", "authenticated"),
    (POLICY, policy_of(), "bucket-policy-tls-only", "without TLS"),
    (POLICY, policy_of({**DENY, "Effect": "Allow"}), "bucket-policy-tls-only", "lets anyone in"),
    (POLICY, policy_of({**DENY, "Action": "s3:GetObject"}), "bucket-policy-tls-only", "without TLS"),
    (
        POLICY,
        policy_of({**DENY, "Principal": {"AWS": "arn:aws:iam::1:root"}}),
        "bucket-policy-tls-only",
        "TLS",
    ),
    (
        POLICY,
        policy_of({**DENY, "Condition": {"Bool": {"aws:SecureTransport": "true"}}}),
        "bucket-policy-tls-only",
        "without TLS",
    ),
    (
        POLICY,
        policy_of({**DENY, "Condition": {**DENY["Condition"], "StringEquals": {"aws:username": "x"}}}),
        "bucket-policy-tls-only",
        "without TLS",
    ),
    (
        POLICY,
        policy_of(DENY, {"Effect": "Allow", "Principal": {"AWS": ["*"]}, "Action": "s3:GetObject"}),
        "bucket-policy-tls-only",
        "lets anyone in",
    ),
    (POLICY, {"bucket": "bucket", "policy": "not json"}, "bucket-policy-tls-only", "without TLS"),
    (BUCKET_ENCRYPTION, {"rules": []}, "bucket-encrypted", "no rule"),
    (
        BUCKET_ENCRYPTION,
        {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "rot13"}}]},
        "bucket-encrypted",
        "rot13",
    ),
    (VOLUME, {"tagsAll": TAGS}, "volume-encrypted", "null"),
    (VOLUME, {"tagsAll": TAGS, "encrypted": False}, "volume-encrypted", "false"),
    (INSTANCE, instance(rootBlockDevice={"tags": TAGS}), "instance-disks-encrypted", "root volume"),
    (
        INSTANCE,
        instance(ebsBlockDevices=[{"deviceName": "/dev/sdx", "encrypted": False}]),
        "instance-disks-encrypted",
        "/dev/sdx",
    ),
    (INSTANCE, instance(metadataOptions={"httpTokens": "optional"}), "instance-metadata-v2", "optional"),
    (INSTANCE, instance(metadataOptions=None), "instance-metadata-v2", "null"),
    (
        INSTANCE,
        instance(metadataOptions={"httpTokens": "required", "httpPutResponseHopLimit": 64}),
        "instance-metadata-v2",
        "64",
    ),
    (SECURITY_GROUP, ingress("0.0.0.0/0"), "no-ingress-from-anywhere", "22-22"),
    (SECURITY_GROUP, ingress("::/0", "ipv6CidrBlocks"), "no-ingress-from-anywhere", "::/0"),
    (SECURITY_GROUP, ingress("0.0.0.0/1"), "no-ingress-from-anywhere", "0.0.0.0/1"),
    (SECURITY_GROUP, ingress("2000::/3", "ipv6CidrBlocks"), "no-ingress-from-anywhere", "2000::/3"),
    (SECURITY_GROUP, ingress("anything"), "no-ingress-from-anywhere", "anything"),
    (INGRESS_RULE, {"cidrIpv4": "0.0.0.0/0"}, "no-ingress-rule-from-anywhere", "0.0.0.0/0"),
    (INGRESS_RULE, {"cidrIpv6": "::/0"}, "no-ingress-rule-from-anywhere", "::/0"),
    (OLD_RULE, {"type": "ingress", "cidrBlocks": ["0.0.0.0/0"]}, "no-ingress-rule-from-anywhere", "0.0.0.0"),
    (
        INSTANCE,
        instance(instanceInitiatedShutdownBehavior="stop"),
        "instance-ends-at-shutdown",
        '"stop"; allowed: terminate',
    ),
    (INSTANCE, instance(instanceInitiatedShutdownBehavior=None), "instance-ends-at-shutdown", "null"),
    (INSTANCE, instance(disableApiTermination=True), "instance-ends-at-shutdown", "disableApiTermination"),
    (
        INSTANCE,
        instance(rootBlockDevice={"encrypted": True, "tags": TAGS, "deleteOnTermination": False}),
        "instance-ends-at-shutdown",
        "deleteOnTermination",
    ),
    (INSTANCE, spot(spotInstanceType="persistent"), "spot-one-time", "persistent"),
    (INSTANCE, spot(instanceInterruptionBehavior="stop"), "spot-one-time", '"stop"'),
    (INSTANCE, spot(instanceInterruptionBehavior="hibernate"), "spot-one-time", "hibernate"),
    (SPOT_REQUEST, {}, "no-spot-request", "relaunches"),
]


def violations(resource: Judged) -> Iterator[tuple[str, str]]:
    for rule in RULES:
        if resource.type in rule.types:
            for sentence in rule.check(resource):
                yield rule.name, sentence


@pytest.mark.parametrize(("type_token", "inputs"), KEPT)
def test_what_keeps_the_rules_passes_all_of_them(type_token: str, inputs: dict[str, Any], judge: Any) -> None:
    assert list(violations(judge(type_token, **inputs))) == []


@pytest.mark.parametrize(("type_token", "inputs", "rule", "said"), BROKEN)
def test_what_breaks_a_rule_breaks_that_one_alone(
    type_token: str, inputs: dict[str, Any], rule: str, said: str, judge: Any
) -> None:
    found = list(violations(judge(type_token, **inputs)))
    assert {name for name, _ in found} == {rule}
    assert any(said in sentence for _, sentence in found)


def test_every_rule_has_a_case_that_breaks_it() -> None:
    assert {rule for _, _, rule, _ in BROKEN} == {rule.name for rule in RULES}


def test_names_of_rules_are_distinct() -> None:
    names = [rule.name for rule in [*RULES, *STACK_RULES]]
    assert len(set(names)) == len(names)


class TestGuardedBuckets:
    def check(self, *resources: Judged) -> list[tuple[str, str]]:
        (rule,) = STACK_RULES
        return [(resource.name, sentence) for resource, sentence in rule.check(resources)]

    def test_a_bucket_with_both_guards_passes(self, judge: Any) -> None:
        assert (
            self.check(
                judge(BUCKET, bucket="one"), judge(PUBLIC_ACCESS, bucket="one"), judge(POLICY, bucket="one")
            )
            == []
        )

    def test_a_bare_bucket_lacks_both(self, judge: Any) -> None:
        assert self.check(judge(BUCKET, "bare", bucket="one")) == [
            ("bare", "the bucket has no public-access block"),
            ("bare", "the bucket has no TLS-only policy"),
        ]

    def test_the_guards_of_another_bucket_do_not_count(self, judge: Any) -> None:
        found = self.check(
            judge(BUCKET, "bare", bucket="one"),
            judge(PUBLIC_ACCESS, bucket="two"),
            judge(POLICY, bucket="one"),
        )
        assert found == [("bare", "the bucket has no public-access block")]

    def test_guards_of_a_bucket_not_known_yet_are_not_held_against_it(self, judge: Any) -> None:
        guards = [judge(kind, bucket=UNKNOWN) for kind in (PUBLIC_ACCESS, POLICY)]
        assert self.check(judge(BUCKET, bucket=UNKNOWN), *guards) == []
