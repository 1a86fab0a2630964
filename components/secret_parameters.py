"""The secrets of a job, in the parameter store, readable only by its own machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from components.naming import parameter_name

TYPE = "runctl:aws:SecretParameters"


@dataclass(frozen=True, kw_only=True)
class SecretParametersArgs:
    """``values`` by the name of the variable; treated as secrets even if passed as plain values."""

    job: str
    values: Mapping[str, pulumi.Input[str]]
    tags: Mapping[str, str] = field(default_factory=dict)


class SecretParameters(pulumi.ComponentResource):
    """One encrypted parameter for each secret. A changed value updates the parameter and restarts nothing."""

    def __init__(self, name: str, args: SecretParametersArgs, opts: pulumi.ResourceOptions | None = None):
        super().__init__(TYPE, name, {"names": sorted(args.values)}, opts)
        for variable, value in args.values.items():
            aws.ssm.Parameter(
                f"{name}-{variable}",
                name=parameter_name(args.job, variable),
                description=f"Secret of the runctl job {args.job}",
                type="SecureString",
                value=pulumi.Output.secret(value),
                tags=dict(args.tags),
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.register_outputs({})
