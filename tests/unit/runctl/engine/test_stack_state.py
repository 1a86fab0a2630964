"""A stack's state is read where files hold it, and exported by the engine where they do not."""

from __future__ import annotations

from typing import Any
from unittest.mock import create_autospec

import pytest
from pulumi import automation
from support.job_stacks import instance_state, stack_state

from runctl_auto.backend.backend import Backend
from runctl_auto.engine.engine_options import EngineOptions
from runctl_auto.engine.job_stack import JobStack
from runctl_auto.engine.program_host import ProgramHost
from runctl_auto.errors import JobNotFoundError
from runctl_auto.stack.state import StackState


class World:
    def __init__(self, from_files: StackState | None) -> None:
        self.engine: Any = create_autospec(automation.Stack, instance=True)
        self.engine.name = "digits"
        self.engine.export_stack.return_value = automation.Deployment(
            version=3, deployment={"resources": [instance_state("i-exported")]}
        )
        self.backend: Any = create_autospec(Backend, instance=True)
        self.backend.state.return_value = from_files
        self.stack = JobStack(
            self.engine,
            create_autospec(automation.LocalWorkspace, instance=True),
            self.backend,
            EngineOptions(),
            create_autospec(ProgramHost, instance=True),
        )


def test_what_files_tell_needs_no_engine() -> None:
    held = stack_state(instance_state())
    world = World(held)
    assert world.stack.state() == held
    world.backend.state.assert_called_once_with("digits")
    world.engine.export_stack.assert_not_called()


def test_what_files_do_not_tell_is_exported() -> None:
    world = World(None)
    assert [each.id for each in world.stack.state().resources] == ["i-exported"]


def test_a_stack_that_is_gone_is_told_by_the_engine() -> None:
    world = World(None)
    world.engine.export_stack.side_effect = automation.StackNotFoundError(
        automation.CommandResult(stdout="", stderr="error: no stack named 'digits' found", code=255)
    )
    with pytest.raises(JobNotFoundError):
        world.stack.state()
