"""Select, preview and up of a stack program, bare through the Automation API; prints the seconds as JSON.

Arguments: the workspace folder, the stack's name, its configuration as JSON, a policy pack and the pack's
configuration. The environment is that of `runctl env`. Making the stack and its configuration is not timed.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from pathlib import Path

from pulumi import automation


def main(folder: str, name: str, config: str, pack: str, pack_config: str) -> None:
    executable = shutil.which("pulumi")
    assert executable is not None
    variables = {key: value for key, value in os.environ.items() if key.startswith(("PULUMI_", "AWS_"))}
    workspace = automation.LocalWorkspace(
        work_dir=folder,
        env_vars=variables,
        secrets_provider="passphrase",
        pulumi_command=automation.PulumiCommand(root=str(Path(executable).parents[1])),
    )
    automation.Stack.create(name, workspace)
    workspace.set_all_config(
        name, {key: automation.ConfigValue(value) for key, value in json.loads(config).items()}
    )
    began = time.perf_counter()
    stack = automation.Stack.select(name, workspace)
    stack.preview(parallel=16, policy_packs=[pack], policy_pack_configs=[pack_config])
    stack.up(parallel=16, policy_packs=[pack], policy_pack_configs=[pack_config])
    print(json.dumps({"seconds": time.perf_counter() - began}))


if __name__ == "__main__":
    main(*sys.argv[1:])
