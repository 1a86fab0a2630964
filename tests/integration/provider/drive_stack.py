"""Leads one stack through operations: `python drive_stack.py JSON` prints a line of JSON for each."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import automation as auto


def main(plan: dict[str, Any]) -> None:
    signal.signal(signal.SIGINT, lambda *_: None)  # it is for the engine
    settings = dict(plan["settings"])
    work = Path(plan["folder"]) / "work" / plan["stack"]
    work.mkdir(parents=True, exist_ok=True)
    stack = auto.create_or_select_stack(
        plan["stack"],
        project_name="proof",
        program=lambda: declare(settings),
        opts=auto.LocalWorkspaceOptions(
            work_dir=str(work),
            pulumi_command=auto.PulumiCommand(root=plan["engine"]),
            pulumi_home=f"{plan['folder']}/home",
            project_settings=auto.ProjectSettings(
                "proof", runtime="python", backend=auto.ProjectBackend(f"file://{plan['folder']}")
            ),
            env_vars=plan["environment"],
        ),
    )
    for operation, changes in plan["operations"]:
        settings.update(changes)
        try:
            result = getattr(stack, operation)()
        except auto.CommandError as error:
            print(json.dumps({"operation": operation, "error": str(error)}), flush=True)
            continue
        told: dict[str, Any] = {"operation": operation}
        if operation == "preview":
            told["changes"] = {str(kind): count for kind, count in result.change_summary.items()}
        else:
            told["changes"] = dict(result.summary.resource_changes or {})
        if operation == "up":
            told["outputs"] = {name: output.value for name, output in result.outputs.items()}
        print(json.dumps(told), flush=True)


def declare(settings: dict[str, Any]) -> None:
    """A little of everything: what one type's id is another's input, a secret, assets, tags by default."""
    name, region = settings["name"], settings["region"]
    of_provider = pulumi.ResourceOptions(
        provider=aws.Provider(
            "cloud",
            region=region,
            default_tags=aws.ProviderDefaultTagsArgs(tags={"who": name}),
            allowed_account_ids=["123456789012"],
            max_retries=25,
        )
    )

    def options(**more: Any) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions.merge(of_provider, pulumi.ResourceOptions(**more))

    lookup = pulumi.InvokeOptions(provider=of_provider.provider)
    image = aws.ssm.get_parameter(
        "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64", opts=lookup
    )
    bucket = aws.s3.Bucket("bucket", bucket=f"proof-{name}", force_destroy=True, opts=options())
    aws.s3.BucketPublicAccessBlock("block", bucket=bucket.id, block_public_acls=True, opts=options())
    aws.s3.BucketObjectv2(
        "object", bucket=bucket.id, key="spec.json", source=pulumi.StringAsset("{}"), opts=options()
    )
    parameter = aws.ssm.Parameter(
        "token",
        name=f"/proof/{name}",
        type="SecureString",
        value=pulumi.Output.secret("hush"),
        opts=options(),
    )
    group = aws.ec2.SecurityGroup("group", name=f"proof-{name}", opts=options())
    aws.vpc.SecurityGroupEgressRule(
        "out", security_group_id=group.id, ip_protocol="-1", cidr_ipv4="0.0.0.0/0", opts=options()
    )
    volume = aws.ebs.Volume("data", availability_zone=f"{region}a", size=settings["size"], opts=options())
    subnet = aws.ec2.get_subnet(availability_zone=f"{region}a", default_for_az=True, opts=lookup)
    instance = aws.ec2.Instance(
        "machine",
        ami=image.value,
        instance_type=settings["type"],
        subnet_id=subnet.id,
        vpc_security_group_ids=[group.id],
        user_data="#!/bin/sh\nsleep 600\n",
        instance_initiated_shutdown_behavior="terminate",
        opts=options(delete_before_replace=True, replace_on_changes=["instanceType"]),
    )
    aws.ec2.VolumeAttachment(
        "attached",
        device_name="/dev/sdf",
        instance_id=instance.id,
        volume_id=volume.id,
        skip_destroy=True,
        opts=options(),
    )
    pulumi.export("instance", instance.id)
    pulumi.export("tags", instance.tags_all)
    pulumi.export("arn", parameter.arn)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
