"""A project whose program violates one policy of the policy pack: runctl's own program with one change."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.judged_resources import GOOD_INSTANCE, TAGS

_ROOT = Path(__file__).parents[2]

_PROGRAM = """
import importlib, json, sys
from pathlib import Path

sys.path.insert(0, ROOT)
for package in ("components", "runctl_auto"):
    importlib.import_module(package)
sys.path.remove(ROOT)

import pulumi
from runctl_auto.program import run

BROKEN = json.loads(Path(__file__).with_name("broken.json").read_text())


def merged(props, changes):
    result = dict(props)
    for key, value in changes.items():
        old = result.get(key)
        result[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


def change(args):
    if args.type_ != BROKEN["type"]:
        return None
    options = pulumi.ResourceOptions.merge(args.opts, pulumi.ResourceOptions(**BROKEN["options"]))
    return pulumi.ResourceTransformResult(props=merged(args.props, BROKEN["props"]), opts=options)


class Extra(pulumi.ComponentResource):
    def __init__(self, options):
        super().__init__(BROKEN["type"], "extra", BROKEN["props"], options)
        self.register_outputs(BROKEN["props"])


def known_late(args):
    # Metadata options that come from what the cloud says of the role: a preview does not know them.
    import pulumi_aws as aws

    if args.type_ == "aws:iam/role:Role":
        roles.append(args.resource)
    if args.type_ != "aws:ec2/instance:Instance":
        return None
    tokens = roles[0].unique_id.apply(lambda _: "optional")
    options = aws.ec2.InstanceMetadataOptionsArgs(http_endpoint="enabled", http_tokens=tokens)
    return pulumi.ResourceTransformationResult({**args.props, "metadata_options": options}, args.opts)


roles = []
if BROKEN["late"]:
    pulumi.runtime.register_stack_transformation(known_late)
    run()
elif BROKEN["adds"]:
    run()
    Extra(pulumi.ResourceOptions(**BROKEN["options"]))
elif BROKEN["type"]:
    pulumi.runtime.register_resource_transform(change)
    run()
else:
    run()
"""


@dataclass(frozen=True, kw_only=True)
class Breach:
    """A violation of ``rule``: other inputs or options for all resources of a type, an additional resource, a
    changed job file, or stricter settings of the project. ``said`` is part of the printed message.

    With ``late`` the values are known only in an update. The additional resource is a component with the type
    ``type``: policies see it like the resource, but the sandbox's provider, which itself rejects some of
    these, does not.
    """

    rule: str
    said: str
    type: str = ""
    props: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    adds: bool = False
    late: bool = False
    job: dict[str, Any] = field(default_factory=dict)
    policies: dict[str, Any] = field(default_factory=dict)


def break_in(folder: Path, breach: Breach) -> None:
    """Make ``folder`` a project with this program and these policies."""
    program = folder / "program"
    program.mkdir(exist_ok=True)
    (folder / "Pulumi.yaml").write_text("name: runctl\nmain: program\nruntime:\n  name: python\n")
    (program / "__main__.py").write_text(_PROGRAM.replace("ROOT", repr(str(_ROOT))))
    (program / "broken.json").write_text(
        json.dumps({key: value for key, value in vars(breach).items() if key not in ("job", "policies")})
    )
    policies = folder / "policies.yaml"
    policies.unlink(missing_ok=True)
    if breach.policies:
        policies.write_text(json.dumps(breach.policies))


_INSTANCE = "aws:ec2/instance:Instance"
_GROUP = "aws:autoscaling/group:Group"
_BUCKET = "aws:s3/bucket:Bucket"
_VOLUME = "aws:ebs/volume:Volume"
_OPEN = {"protocol": "tcp", "fromPort": 22, "toPort": 22, "cidrBlocks": ["0.0.0.0/0"]}
_WIDE = {"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::bucket/*"}]}
_ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"

BREACHES: tuple[Breach, ...] = (
    Breach(
        rule="allowed-regions",
        policies={"allowed-regions": {"regions": ["eu-*"]}},
        said=".yaml:3:region: region is us-east-1; allowed: eu-*",
    ),
    Breach(
        rule="allowed-instance-types",
        policies={"allowed-instance-types": {"types": ["t3.*", "m5.large"]}},
        job={"resources": {"instance_types": ["m5.large", "m5.xlarge"], "disk": "20GB"}},
        said=":resources.instance_types[1]: instance type m5.xlarge; allowed: t3.*, m5.large",
    ),
    Breach(
        rule="allowed-data-sources",
        policies={"allowed-data-sources": {"sources": ["s3://sets/*"]}},
        type="runctl:aws:TrainingEnvironment",
        props={"dataSources": ["s3://other/data"]},
        said="data source s3://other/data; allowed: s3://sets/*",
    ),
    Breach(
        rule="maximum-sizes",
        policies={"maximum-sizes": {"volume_gb": 1}},
        job={"volumes": [{"name": "data", "mount": "/data", "size": "2GB"}]},
        said=":volumes[0].size: the volume data of 2 GB; allowed: at most 1 GB",
    ),
    Breach(
        rule="price-within-max-price",
        type="runctl:aws:TrainingEnvironment",
        props={"maxPrice": 0.00001, "priceHour": 1},
        said=": a machine at 1 USD an hour; allowed: at most 0.00001 USD an hour",
    ),
    Breach(
        rule="cost-within-budget",
        job={"budget": 0.01, "max_duration": "1000h"},
        said=":budget: at worst ",
    ),
    Breach(
        rule="required-tags",
        type="aws:iam/role:Role",
        props={"tags": {"runctl:created-by": "hand"}},
        said="the resource has runctl:created-by=hand; allowed: runctl",
    ),
    Breach(
        rule="protection-tag-protects",
        type="aws:ec2/securityGroup:SecurityGroup",
        props={"tags": {"runctl:protected": "true"}},
        said="the tag runctl:protected=true without the option protect; allowed: both or neither",
    ),
    Breach(
        rule="no-force-destroy-of-protected",
        type=_BUCKET,
        props={"forceDestroy": True},
        options={"protect": True},
        said="forceDestroy is true on a protected bucket; allowed: false",
    ),
    Breach(
        rule="bucket-public-access-blocked",
        type="aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        props={"restrictPublicBuckets": False},
        said="restrictPublicBuckets is false; allowed: true",
    ),
    Breach(
        rule="bucket-acl-private",
        type=_BUCKET,
        adds=True,
        props={"acl": "public-read", "tagsAll": TAGS},
        said="acl is public-read; allowed: private",
    ),
    Breach(
        rule="bucket-policy-tls-only",
        type="aws:s3/bucketPolicy:BucketPolicy",
        props={"policy": json.dumps({"Version": "2012-10-17", "Statement": []})},
        said="no statement refuses requests without TLS",
    ),
    Breach(
        rule="bucket-guarded",
        type=_BUCKET,
        adds=True,
        props={"tagsAll": TAGS},
        said="the bucket has no policy; allowed: one of its own (aws:s3/bucketPolicy:BucketPolicy)",
    ),
    Breach(rule="volume-encrypted", type=_VOLUME, props={"encrypted": False}, said="encrypted is false"),
    Breach(
        rule="instance-disks-encrypted",
        type=_INSTANCE,
        props={"rootBlockDevice": {"encrypted": False}},
        said="rootBlockDevice.encrypted is false; allowed: true",
    ),
    Breach(
        rule="bucket-encrypted",
        type=_ENCRYPTION,
        adds=True,
        props={"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "none"}}]},
        said="sseAlgorithm is none; allowed: AES256, aws:kms, aws:kms:dsse",
    ),
    Breach(
        rule="instance-metadata-v2",
        type=_INSTANCE,
        props={"metadataOptions": {"httpTokens": "optional"}},
        said="metadataOptions.httpTokens is optional; allowed: required",
    ),
    Breach(
        rule="no-ingress-from-anywhere",
        type="aws:ec2/securityGroup:SecurityGroup",
        props={"ingress": [_OPEN]},
        said="ingress from 0.0.0.0/0 to the ports 22-22; allowed: no ingress, or named networks",
    ),
    Breach(
        rule="no-ingress-rule-from-anywhere",
        type="aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        adds=True,
        props={"cidrIpv6": "::/0", "fromPort": 22, "toPort": 22},
        said="ingress from ::/0 to the ports 22-22",
    ),
    Breach(
        rule="instance-ends-at-shutdown",
        type=_INSTANCE,
        props={"instanceInitiatedShutdownBehavior": "stop"},
        said="instanceInitiatedShutdownBehavior is stop; allowed: terminate",
    ),
    Breach(
        rule="instance-template-of-stack",
        type=_INSTANCE,
        adds=True,
        props={**GOOD_INSTANCE, "instanceInitiatedShutdownBehavior": "", "launchTemplate": {"id": "lt-1"}},
        said="its shutdown behavior is that of a launch template outside of the stack",
    ),
    Breach(
        rule="group-can-end",
        type=_GROUP,
        adds=True,
        props={"minSize": 1, "maxSize": 1},
        said="minSize is 1; allowed: 0, so that the group can be ended",
    ),
    Breach(
        rule="group-template-of-stack",
        type=_GROUP,
        adds=True,
        props={"minSize": 0, "maxSize": 1},
        said="its machines are those of a launch template outside of the stack",
    ),
    Breach(
        rule="spot-one-time",
        type=_INSTANCE,
        props={"instanceMarketOptions": {"spotOptions": {"spotInstanceType": "persistent"}}},
        said="spotOptions.spotInstanceType is persistent; allowed: one-time",
    ),
    Breach(
        rule="no-spot-request",
        type="aws:ec2/spotInstanceRequest:SpotInstanceRequest",
        adds=True,
        said="which relaunches machines by itself",
    ),
    Breach(
        rule="narrow-permissions",
        type="aws:iam/rolePolicy:RolePolicy",
        props={"policy": json.dumps(_WIDE)},
        said="the statement number 1 allows s3:*; allowed: actions without wildcards",
    ),
)

KNOWN_LATE = Breach(
    rule="instance-metadata-v2",
    late=True,
    said="metadataOptions.httpTokens is optional; allowed: required",
)

TAGS_MISSING = Breach(
    rule="required-tags",
    type=_INSTANCE,
    props={"rootBlockDevice": {"tags": None}},
    said="",
)

LEFT_BEHIND: tuple[Breach, ...] = (
    Breach(
        rule="retain_on_delete",
        type="test:index:Thing",
        adds=True,
        options={"retain_on_delete": True},
        said="extra (test:index:Thing) has the option retain_on_delete",
    ),
)
