"""Loads what a run of the stacks' program loads: imported by the language host, once a command.

The AWS SDK loads a module when one of its names is used. Importing such a module by its own name before that
breaks it, so each is loaded by using a name.
"""

import pulumi_aws as aws

import runctl_auto.program

LOADED = (
    runctl_auto.program.run,
    aws.ebs.Volume,
    aws.ec2.Instance,
    aws.iam.Role,
    aws.s3.Bucket,
    aws.scheduler.Schedule,
    aws.ssm.Parameter,
)
