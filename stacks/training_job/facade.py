# No `from __future__ import annotations`: the SDK reads the schema from annotations that are types.
"""``TrainingJob``: a training job as a component, for Pulumi programs in any language."""

from typing import Optional

import pulumi

from components.retention import without_retention
from runctl_auto.program import outputs
from stacks.training_job.declaration import Declaration, declaration
from stacks.training_job.fields import TrainingJobArgs
from stacks.training_job.package import TYPE


class TrainingJob(pulumi.ComponentResource):
    """A training job on AWS: a machine that runs the job and ends itself, and the resources around it."""

    bucket: pulumi.Output[str]
    """Name of the bucket with logs, checkpoints and artifacts."""
    run_id: pulumi.Output[str]
    """Id of the run."""
    region: pulumi.Output[str]
    """Region of the job."""
    zone: pulumi.Output[str]
    """Zone of the machine."""
    instance_type: pulumi.Output[str]
    """Instance type of the machine."""
    market: pulumi.Output[str]
    """spot or on-demand."""
    instance_id: Optional[pulumi.Output[str]]  # noqa: UP045 - the analyzer of SDK 3.272 wants it so
    """Id of the machine; absent with recovery: cloud, and once the run has ended."""
    group_name: Optional[pulumi.Output[str]]  # noqa: UP045
    """Name of the machine's group with recovery: cloud; absent once the run has ended."""
    volumes: pulumi.Output[dict[str, str]]
    """Ids of the job's volumes by name."""

    def __init__(
        self,
        name: str,
        args: TrainingJobArgs,
        opts: Optional[pulumi.ResourceOptions] = None,  # noqa: UP045
    ) -> None:
        wanted: Declaration = declaration(name, args)
        super().__init__(TYPE, name, {"job": wanted.job, "run": wanted.run}, without_retention(opts))
        job, environment = wanted.declare(parent=self)
        found = {key: pulumi.Output.from_input(value) for key, value in outputs(job, environment).items()}
        self.bucket, self.run_id = found["bucket"], found["runId"]
        self.region, self.zone = found["region"], found["zone"]
        self.instance_type, self.market = found["instanceType"], found["market"]
        self.instance_id, self.group_name = found.get("instanceId"), found.get("groupName")
        self.volumes = found["volumes"]
        self.register_outputs(found)
