"""The program, started by path: its stack's configuration ``runctl:jobFile`` names the job file."""

import sys
from pathlib import Path

# The folder of runctl's packages comes first, so that nothing shadows them; the process serves nothing else.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import pulumi

from stacks.training_job.facade import TrainingJob

job = TrainingJob(pulumi.get_stack(), {"job_file": pulumi.Config("runctl").require("jobFile")})
for _name in ("bucket", "run_id", "region", "zone", "instance_type", "market"):
    pulumi.export(_name, getattr(job, _name))
