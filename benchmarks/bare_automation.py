"""Select, preview and up of a stack program, bare through the Automation API; prints the seconds as JSON.

Arguments: the workspace folder, the stack's name, its configuration as JSON, a policy pack and the pack's
configuration (both empty for no pack). The environment is that of `runctl env`, and the language host is the
one that runctl attaches. Creating the stack and its configuration is not timed; a second, unchanged round is.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pulumi import automation

from runctl_auto.engine.program_host import ProgramHost
from runctl_auto.local.project_program import program_of


def main(folder: str, name: str, config: str, pack: str, pack_config: str) -> None:
    executable = shutil.which("pulumi")
    assert executable is not None
    variables = {key: value for key, value in os.environ.items() if key.startswith(("PULUMI_", "AWS_"))}
    packs = [Path(pack)] if pack else []
    paths, configs = ([pack], [pack_config]) if pack else (None, None)

    def operate(prepare: Callable[[automation.LocalWorkspace], automation.Stack]) -> float:
        workspace = automation.LocalWorkspace(
            work_dir=folder,
            env_vars=dict(variables),
            secrets_provider="passphrase",
            pulumi_command=automation.PulumiCommand(root=str(Path(executable).parents[1])),
        )
        prepare(workspace)
        began = time.perf_counter()
        host = ProgramHost(variables, [program_of(Path(folder))], packs)
        host.start()
        stack = automation.Stack.select(name, workspace)
        workspace.env_vars = {**variables, **host.variables()}
        stack.preview(parallel=16, policy_packs=paths, policy_pack_configs=configs)
        stack.up(parallel=16, policy_packs=paths, policy_pack_configs=configs)
        host.close()
        return time.perf_counter() - began

    def new(workspace: automation.LocalWorkspace) -> automation.Stack:
        stack = automation.Stack.create(name, workspace)
        workspace.set_all_config(
            name, {key: automation.ConfigValue(value) for key, value in json.loads(config).items()}
        )
        return stack

    first = operate(new)
    again = operate(lambda workspace: automation.Stack.select(name, workspace))
    print(json.dumps({"seconds": first, "unchanged": again}))


if __name__ == "__main__":
    main(*sys.argv[1:])
