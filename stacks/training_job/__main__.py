"""The component provider, started by the engine by path from any folder, from a checkout or a wheel."""

import importlib.metadata
import sys
from pathlib import Path

# The folder of runctl's packages comes first, so that nothing shadows them; the process serves nothing else.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from pulumi.provider.experimental import component_provider_host

from stacks.training_job.facade import TrainingJob
from stacks.training_job.package import NAME

if __name__ == "__main__":
    component_provider_host([TrainingJob], NAME, version=importlib.metadata.version("runctl"))
