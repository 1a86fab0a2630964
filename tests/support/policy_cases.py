"""Resources that comply with the policy pack, and resources that violate one policy."""

from __future__ import annotations

import json
from typing import Any

from support.judged_resources import (
    CLOSED,
    DENY,
    ENDING_PERMISSION,
    GOOD_GROUP,
    GOOD_INSTANCE,
    GOOD_TEMPLATE,
    GROUP_PERMISSIONS,
    GROUP_TEMPLATE,
    OWN_PERMISSIONS,
    ROLE_POLICY,
    TAGS,
    TLS_ONLY,
    WORST_CASE,
    environment,
    ingress,
    instance,
    permissions,
    policy_of,
    protected,
    spot,
    without,
)

from policies.bucket_access import BUCKET, POLICY, PUBLIC_ACCESS
from policies.bucket_access import ENCRYPTION as BUCKET_ENCRYPTION
from policies.encryption import VOLUME
from policies.environment import ENVIRONMENT
from policies.ingress import INGRESS_RULE, OLD_RULE, SECURITY_GROUP
from policies.machine_end import INSTANCE, SPOT_REQUEST, TEMPLATE
from policies.machine_group import GROUP
from policies.permissions import ROLE
from policies.rule import UNKNOWN

SCHEDULE_GROUP = "aws:scheduler/scheduleGroup:ScheduleGroup"
KEYS = "arn:aws:kms:us-east-1:123456789012:key/*"
NAMED_CONTENT = {
    "kms:ViaService": "s3.*",
    "kms:EncryptionContext:aws:s3:arn": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"],
}

KEPT: list[tuple[str, dict[str, Any]]] = [
    (INSTANCE, GOOD_INSTANCE),
    (INSTANCE, {key: value for key, value in GOOD_INSTANCE.items() if key != "instanceMarketOptions"}),
    (INSTANCE, spot(maxPrice="0.6")),
    (INSTANCE, instance(tagsAll=UNKNOWN)),
    (INSTANCE, instance(instanceInitiatedShutdownBehavior="", launchTemplate={"id": "lt-1"})),
    (INSTANCE, instance(instanceInitiatedShutdownBehavior=None, launchTemplate=UNKNOWN)),
    (TEMPLATE, GOOD_TEMPLATE),
    (TEMPLATE, GROUP_TEMPLATE),
    (TEMPLATE, {**GROUP_TEMPLATE, "blockDeviceMappings": [{"ebs": {"encrypted": UNKNOWN}}]}),
    (GROUP, GOOD_GROUP),
    (GROUP, {**GOOD_GROUP, "tags": UNKNOWN, "minSize": UNKNOWN}),
    (ROLE_POLICY, {"policy": json.dumps(GROUP_PERMISSIONS)}),
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
    (ROLE, {"tagsAll": TAGS}),
    (ENVIRONMENT, environment()),
    (ENVIRONMENT, environment(priceHour=0.6)),
    (ENVIRONMENT, environment(priceHour=None)),
    (ENVIRONMENT, environment(priceHour=2, maxPrice=None)),
    (ENVIRONMENT, environment(priceHour=2, maxPrice=UNKNOWN)),
    (ENVIRONMENT, environment(market=None, priceHour=9, budget=1, instanceType=None)),
    (ENVIRONMENT, environment(budget=WORST_CASE)),
    (ENVIRONMENT, environment(budget=0.01, maxDurationSeconds=None)),
    (ENVIRONMENT, environment(budget=0.01, priceHour=UNKNOWN)),
    (VOLUME, protected("false")),
    (VOLUME, protected("0")),
    (VOLUME, {"tagsAll": UNKNOWN, "encrypted": True}),
    (BUCKET, {"tagsAll": TAGS, "forceDestroy": True}),
    (BUCKET, {"tagsAll": {**TAGS, "runctl:protected": "no"}, "forceDestroy": True}),
    (ROLE_POLICY, {"policy": json.dumps(OWN_PERMISSIONS)}),
    (ROLE_POLICY, {"policy": OWN_PERMISSIONS}),
    (ROLE_POLICY, {"policy": UNKNOWN}),
    (ROLE_POLICY, {"policy": json.dumps(ENDING_PERMISSION)}),
    (SCHEDULE_GROUP, {"tagsAll": TAGS, "name": UNKNOWN}),
    (ROLE_POLICY, permissions(Effect="Deny", Action="*", Resource="*")),
    (ROLE_POLICY, permissions(Resource="arn:aws:ssm:us-east-1:1:parameter/runctl/digits/*")),
    (ROLE_POLICY, permissions(Action="kms:Decrypt", Resource=KEYS, Condition={"StringLike": NAMED_CONTENT})),
    (ROLE_POLICY, permissions(Resource="arn:aws:dynamodb:us-east-1:1:table/x/index/*")),
    (ROLE, {"tagsAll": TAGS, "inlinePolicies": [{"policy": json.dumps(OWN_PERMISSIONS)}]}),
]

BROKEN: list[tuple[str, dict[str, Any], str, str]] = [
    (INSTANCE, instance(tagsAll=without("runctl:owner")), "required-tags", "runctl:owner"),
    (INSTANCE, instance(tagsAll=None), "required-tags", "runctl:job"),
    (INSTANCE, instance(rootBlockDevice={"encrypted": True}), "required-tags", "root volume"),
    (INSTANCE, instance(tagsAll={**TAGS, "runctl:created-by": "hand"}), "required-tags", "allowed: runctl"),
    (BUCKET, {"tagsAll": without("runctl:job")}, "required-tags", "runctl:job"),
    (BUCKET, {}, "required-tags", "runctl:project"),
    ("aws:iam/role:Role", {"tagsAll": {}}, "required-tags", "runctl:stack"),
    (SCHEDULE_GROUP, {"tagsAll": without("runctl:job")}, "required-tags", "runctl:job"),
    (VOLUME, {"tagsAll": {**TAGS, "runctl:owner": ""}, "encrypted": True}, "required-tags", "runctl:owner"),
    (PUBLIC_ACCESS, {**CLOSED, "restrictPublicBuckets": False}, "bucket-public-access-blocked", "restrict"),
    (PUBLIC_ACCESS, {}, "bucket-public-access-blocked", "blockPublicAcls is not set"),
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
    (VOLUME, {"tagsAll": TAGS}, "volume-encrypted", "not set"),
    (VOLUME, {"tagsAll": TAGS, "encrypted": False}, "volume-encrypted", "false"),
    (INSTANCE, instance(rootBlockDevice={"tags": TAGS}), "instance-disks-encrypted", "rootBlockDevice.enc"),
    (
        INSTANCE,
        instance(ebsBlockDevices=[{"deviceName": "/dev/sdx", "encrypted": False}]),
        "instance-disks-encrypted",
        "/dev/sdx",
    ),
    (INSTANCE, instance(metadataOptions={"httpTokens": "optional"}), "instance-metadata-v2", "optional"),
    (INSTANCE, instance(metadataOptions=None), "instance-metadata-v2", "not set"),
    (
        INSTANCE,
        instance(metadataOptions={"httpTokens": "required", "httpPutResponseHopLimit": 64}),
        "instance-metadata-v2",
        "64",
    ),
    (SECURITY_GROUP, ingress("0.0.0.0/0"), "no-ingress-from-anywhere", "ports 22-22"),
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
        "is stop; allowed: terminate",
    ),
    (INSTANCE, instance(instanceInitiatedShutdownBehavior=None), "instance-ends-at-shutdown", "not set"),
    (
        INSTANCE,
        instance(instanceInitiatedShutdownBehavior="stop", launchTemplate={"id": "lt-1"}),
        "instance-ends-at-shutdown",
        "is stop; allowed: terminate",
    ),
    (
        TEMPLATE,
        {**GOOD_TEMPLATE, "instanceInitiatedShutdownBehavior": "stop"},
        "instance-ends-at-shutdown",
        "is stop; allowed: terminate",
    ),
    (
        TEMPLATE,
        {**GOOD_TEMPLATE, "instanceInitiatedShutdownBehavior": None},
        "instance-ends-at-shutdown",
        "not set",
    ),
    (
        TEMPLATE,
        {
            **GOOD_TEMPLATE,
            "blockDeviceMappings": [{"ebs": {"encrypted": "true", "deleteOnTermination": "false"}}],
        },
        "instance-ends-at-shutdown",
        "blockDeviceMappings[0].ebs.deleteOnTermination is false",
    ),
    (
        TEMPLATE,
        {
            **GOOD_TEMPLATE,
            "instanceMarketOptions": {
                "marketType": "spot",
                "spotOptions": {"spotInstanceType": "persistent"},
            },
        },
        "spot-one-time",
        "persistent",
    ),
    (TEMPLATE, {**GOOD_TEMPLATE, "metadataOptions": {}}, "instance-metadata-v2", "not set"),
    (
        TEMPLATE,
        {**GROUP_TEMPLATE, "blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": {"volumeSize": 80}}]},
        "instance-disks-encrypted",
        "encrypted of the disk /dev/xvda is not set",
    ),
    (GROUP, {**GOOD_GROUP, "minSize": 1}, "group-can-end", "minSize is 1"),
    (GROUP, {**GOOD_GROUP, "protectFromScaleIn": True}, "group-can-end", "protectFromScaleIn is true"),
    (GROUP, {**GOOD_GROUP, "launchConfiguration": "old"}, "group-can-end", "a launch configuration"),
    (GROUP, {**GOOD_GROUP, "tags": GOOD_GROUP["tags"][1:]}, "required-tags", "a machine of the group lacks"),
    (
        GROUP,
        {**GOOD_GROUP, "tags": [{**each, "propagateAtLaunch": False} for each in GOOD_GROUP["tags"]]},
        "required-tags",
        "a machine of the group lacks",
    ),
    (INSTANCE, instance(disableApiTermination=True), "instance-ends-at-shutdown", "disableApiTermination"),
    (
        INSTANCE,
        instance(rootBlockDevice={"encrypted": True, "tags": TAGS, "deleteOnTermination": False}),
        "instance-ends-at-shutdown",
        "deleteOnTermination",
    ),
    (INSTANCE, spot(spotInstanceType="persistent"), "spot-one-time", "persistent"),
    (INSTANCE, spot(instanceInterruptionBehavior="stop"), "spot-one-time", "is stop"),
    (INSTANCE, spot(instanceInterruptionBehavior="hibernate"), "spot-one-time", "hibernate"),
    (SPOT_REQUEST, {}, "no-spot-request", "relaunches"),
    (
        ENVIRONMENT,
        environment(priceHour=0.7),
        "price-within-max-price",
        "a machine at 0.70 USD an hour; allowed: at most 0.60 USD an hour; job file: max_price",
    ),
    (
        ENVIRONMENT,
        environment(priceHour=None, market="on-demand"),
        "price-within-max-price",
        "price an hour is unknown; allowed: at most 0.60 USD an hour; job file: max_price",
    ),
    (
        ENVIRONMENT,
        environment(budget=10.39),
        "cost-within-budget",
        "at worst 10.40 USD (10 h, 2 machines at 0.50 USD an hour, 365 GB of storage); "
        "allowed: at most 10.39 USD, enough for a max_duration of 9.99 h; job file: budget",
    ),
    (ENVIRONMENT, environment(budget=10, volumesGb=0, diskGb=0, nodes=3), "cost-within-budget", "15 USD"),
    (ENVIRONMENT, environment(budget=99, priceHour=None), "cost-within-budget", "is unknown"),
    (
        ENVIRONMENT,
        environment(budget=99, priceHour=None, maxDurationSeconds=None),
        "cost-within-budget",
        "at a known price; job file: budget",
    ),
    (VOLUME, protected("true"), "protection-tag-protects", "runctl:protected=true without the option"),
    (VOLUME, protected("YES"), "protection-tag-protects", "allowed: both or neither"),
    (
        "aws:s3/bucketObjectv2:BucketObjectv2",
        {"tags": {"runctl:important": "1"}, "tagsAll": TAGS},
        "protection-tag-protects",
        "runctl:important=1",
    ),
    (ROLE_POLICY, permissions(Action="s3:*"), "narrow-permissions", "the statement number 1 allows s3:*"),
    (ROLE_POLICY, permissions(Action=["s3:GetObject", "s3:Get?"]), "narrow-permissions", "allows s3:Get?"),
    (
        ROLE_POLICY,
        permissions(Sid="All", Resource="*"),
        "narrow-permissions",
        "statement All allows s3:GetObj",
    ),
    (ROLE_POLICY, permissions(Resource="arn:aws:s3:::*"), "narrow-permissions", "on arn:aws:s3:::*"),
    (ROLE_POLICY, permissions(Resource="arn:aws:s3:::runctl-*/*"), "narrow-permissions", "runctl-*/*"),
    (ROLE_POLICY, permissions(Resource="arn:aws:s3:*:*:bucket/*"), "narrow-permissions", "arn:aws:s3:*"),
    (ROLE_POLICY, permissions(Resource="bucket/*"), "narrow-permissions", "bucket/*"),
    (
        ROLE_POLICY,
        permissions(Resource=["arn:aws:s3:::b/x", "arn:aws:ssm:us-east-1:1:parameter/*"]),
        "narrow-permissions",
        "parameter/*",
    ),
    (
        ROLE_POLICY,
        permissions(Action=["ssmmessages:OpenDataChannel", "ec2:TerminateInstances"], Resource="*"),
        "narrow-permissions",
        "ec2:TerminateInstances on *",
    ),
    *(
        (
            ROLE_POLICY,
            permissions(Action="ec2:TerminateInstances", Resource=f"arn:aws:ec2:us-east-1:1:{resource}"),
            "narrow-permissions",
            resource,
        )
        for resource in (
            "instance/*",
            "instance/i-*",
            "instance/i-0?",
            "*",
            "volume/vol-01",
            "instance/i-0/*",
        )
    ),
    (
        ROLE_POLICY,
        permissions(Action="iam:PassRole", Resource="arn:aws:iam::1:role/x"),
        "narrow-permissions",
        "no iam",
    ),
    (
        ROLE_POLICY,
        permissions(Action="IAM:passrole", Resource="arn:aws:iam::1:role/x"),
        "narrow-permissions",
        "no iam",
    ),
    (ROLE_POLICY, permissions(NotAction="iam:*"), "narrow-permissions", "(NotAction)"),
    (ROLE_POLICY, permissions(NotResource="arn:aws:s3:::b"), "narrow-permissions", "(NotResource)"),
    (
        ROLE_POLICY,
        permissions(Resource="arn:aws:dynamodb:us-east-1:1:table/*"),
        "narrow-permissions",
        "table/*",
    ),
    (ROLE_POLICY, permissions(Resource="arn:aws:sqs:us-east-1:1:jobs-*"), "narrow-permissions", "jobs-*"),
    (
        ROLE_POLICY,
        permissions(Action="kms:Decrypt", Resource=KEYS),
        "narrow-permissions",
        "kms:Decrypt on arn",
    ),
    (
        ROLE_POLICY,
        permissions(
            Action="kms:Decrypt",
            Resource=KEYS,
            Condition={"StringLike": {**NAMED_CONTENT, "kms:EncryptionContext:aws:s3:arn": ["*"]}},
        ),
        "narrow-permissions",
        "kms:Decrypt on arn",
    ),
    (
        ROLE_POLICY,
        permissions(
            Action=["kms:Decrypt", "kms:Encrypt"], Resource=KEYS, Condition={"StringLike": NAMED_CONTENT}
        ),
        "narrow-permissions",
        "kms:Encrypt on arn",
    ),
    (
        ROLE_POLICY,
        permissions(Action="ec2:AttachVolume", Resource="arn:aws:ec2:us-east-1:1:volume/*"),
        "narrow-permissions",
        "ec2:AttachVolume on arn",
    ),
    (
        ROLE_POLICY,
        permissions(
            Action="ec2:AttachVolume",
            Resource="arn:aws:ec2:us-east-1:1:volume/*",
            Condition={"StringEquals": {"aws:ResourceTag/runctl:job": "*"}},
        ),
        "narrow-permissions",
        "ec2:AttachVolume on arn",
    ),
    (
        ROLE_POLICY,
        permissions(
            Action=["ec2:AttachVolume", "ec2:DeleteVolume"],
            Resource="arn:aws:ec2:us-east-1:1:volume/*",
            Condition={"StringEquals": {"aws:ResourceTag/runctl:job": "digits"}},
        ),
        "narrow-permissions",
        "ec2:DeleteVolume on arn",
    ),
    (
        ROLE_POLICY,
        permissions(
            Action="autoscaling:SetDesiredCapacity",
            Resource="arn:aws:autoscaling:us-east-1:1:autoScalingGroup:*:autoScalingGroupName/*",
        ),
        "narrow-permissions",
        "autoscaling:SetDesiredCapacity on arn",
    ),
    (ROLE_POLICY, {"policy": "not json"}, "narrow-permissions", "no JSON document"),
    (
        ROLE,
        {"tagsAll": TAGS, "inlinePolicies": [permissions(Action="*")]},
        "narrow-permissions",
        "allows *",
    ),
]

SETTINGS: dict[str, dict[str, Any]] = {
    "allowed-regions": {"regions": ["us-east-1", "eu-*"]},
    "allowed-instance-types": {"types": ["g5.*", "m5.large"]},
    "allowed-data-sources": {"sources": ["s3://sets/*", "s3://public/digits", "s3://logs-?/*.csv"]},
    "maximum-sizes": {"disk_gb": 100, "volume_gb": 99, "nodes": 2},
    "cost-within-budget": {"storage_price_gb_month": 0},
}
WITHIN_SETTINGS: list[tuple[str, dict[str, Any]]] = [
    (
        ENVIRONMENT,
        environment(instanceTypes=["g5.xlarge", "m5.large"], volumes=[{"name": "x", "sizeGb": 99}]),
    ),
    (
        ENVIRONMENT,
        environment(instanceTypes=UNKNOWN, instanceType=UNKNOWN, volumes=UNKNOWN, region="eu-west-1"),
    ),
    (ENVIRONMENT, environment(instanceTypes=["g5.xlarge"], volumes=[], budget=10)),
    *(
        (ENVIRONMENT, environment(instanceTypes=["g5.xlarge"], volumes=[], dataSources=sources))
        for sources in (
            UNKNOWN,
            [UNKNOWN],
            ["s3://sets", "s3://sets/", "s3://sets/a/b"],
            ["s3://public/digits", "s3://public/digits/", "s3://logs-1/a.csv"],
        )
    ),
    (INSTANCE, instance(instanceType="m5.large", region="eu-north-1")),
    (TEMPLATE, GROUP_TEMPLATE),
    (GROUP, GOOD_GROUP),
    (VOLUME, {"tagsAll": TAGS, "encrypted": True, "size": 99}),
    (SECURITY_GROUP, {"tagsAll": TAGS, "region": UNKNOWN}),
]
OUTSIDE_SETTINGS: list[tuple[str, dict[str, Any], str, list[str]]] = [
    *(
        (
            ENVIRONMENT,
            environment(instanceTypes=["g5.xlarge"], volumes=[], dataSources=["s3://sets/a", source]),
            "allowed-data-sources",
            [
                f"data source {source}; allowed: s3://sets/*, s3://public/digits, s3://logs-?/*.csv; "
                "job file: data[1].source"
            ],
        )
        for source in (
            "s3://other/a",
            "s3://sets-2/a",
            "s3://public",
            "s3://public/digits-2",
            "s3://public/digits/../other",
            "s3://logs-11/a.csv",
        )
    ),
    (
        ENVIRONMENT,
        environment(region="ap-south-1", instanceTypes=["g5.xlarge"], volumes=[]),
        "allowed-regions",
        ["region is ap-south-1; allowed: us-east-1, eu-*; job file: region"],
    ),
    (
        "pulumi:providers:aws",
        {"region": "us-east-2"},
        "allowed-regions",
        ["region is us-east-2; allowed: us-east-1, eu-*"],
    ),
    (
        ENVIRONMENT,
        environment(volumes=[]),
        "allowed-instance-types",
        ["instance type g4dn.xlarge; allowed: g5.*, m5.large; job file: resources.instance_types[1]"],
    ),
    (
        ENVIRONMENT,
        environment(instanceTypes=["g5.xlarge"], instanceType="p3.2xlarge", volumes=[]),
        "allowed-instance-types",
        ["instance type p3.2xlarge; allowed: g5.*, m5.large; job file: resources.instance_types"],
    ),
    (
        INSTANCE,
        instance(instanceType="p3.2xlarge"),
        "allowed-instance-types",
        ["instance type p3.2xlarge; allowed: g5.*, m5.large"],
    ),
    (
        ENVIRONMENT,
        environment(instanceTypes=["g5.xlarge"], nodes=3, diskGb=101),
        "maximum-sizes",
        [
            "3 machines; allowed: at most 2; job file: nodes",
            "a root volume of 101 GB; allowed: at most 100 GB; job file: resources.disk",
            "the volume data of 100 GB; allowed: at most 99 GB; job file: volumes[0].size",
        ],
    ),
    (
        TEMPLATE,
        {**GROUP_TEMPLATE, "instanceType": "p3.2xlarge"},
        "allowed-instance-types",
        ["instance type p3.2xlarge; allowed: g5.*, m5.large"],
    ),
    (
        GROUP,
        {
            **GOOD_GROUP,
            "mixedInstancesPolicy": {
                "launchTemplate": {
                    "overrides": [{"instanceType": "m5.large"}, {"instanceType": "p3.2xlarge"}]
                }
            },
        },
        "allowed-instance-types",
        ["instance type p3.2xlarge; allowed: g5.*, m5.large"],
    ),
    (
        TEMPLATE,
        {
            **GROUP_TEMPLATE,
            "blockDeviceMappings": [{"ebs": {"encrypted": "true", "volumeSize": 101}}],
        },
        "maximum-sizes",
        ["a disk of 101 GB; allowed: at most 100 GB"],
    ),
    (GROUP, {**GOOD_GROUP, "maxSize": 3}, "maximum-sizes", ["3 machines; allowed: at most 2"]),
    (
        VOLUME,
        {"tagsAll": TAGS, "encrypted": True, "size": 100},
        "maximum-sizes",
        ["a volume of 100 GB; allowed: at most 99 GB"],
    ),
    (
        INSTANCE,
        instance(rootBlockDevice={**GOOD_INSTANCE["rootBlockDevice"], "volumeSize": 101}),
        "maximum-sizes",
        ["a root volume of 101 GB; allowed: at most 100 GB"],
    ),
    (
        INSTANCE,
        instance(ebsBlockDevices=[{"deviceName": "/dev/sdx", "encrypted": True, "volumeSize": 100}]),
        "maximum-sizes",
        ["a disk of 100 GB; allowed: at most 99 GB"],
    ),
    (
        ENVIRONMENT,
        environment(instanceTypes=["g5.xlarge"], volumes=[], budget=9.99),
        "cost-within-budget",
        [
            "at worst 10 USD (10 h, 2 machines at 0.50 USD an hour, 365 GB of storage); "
            "allowed: at most 9.99 USD, enough for a max_duration of 9.99 h; job file: budget"
        ],
    ),
]
