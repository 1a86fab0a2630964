"""moto hands on only a part of what RunInstances was asked; the other corrections need the rest.

`launch_parameters()` gives, during a RunInstances call, all its parameters.
"""

from contextvars import ContextVar
from typing import Any

from moto.ec2.responses.instances import InstanceResponse

from sandbox.aws.corrections.patches import Emulation, Patches

_current: ContextVar[dict[str, Any] | None] = ContextVar("launch_parameters", default=None)


def launch_parameters() -> dict[str, Any]:
    """The parameters of the RunInstances call under way; empty outside of one."""
    return _current.get() or {}


def apply(patches: Patches, emulation: Emulation) -> None:  # noqa: ARG001
    def make(run_instances: Any) -> Any:
        def launch(self: Any) -> Any:
            token = _current.set(dict(self._get_params()))
            try:
                return run_instances(self)
            finally:
                _current.reset(token)

        return launch

    patches.wrap(InstanceResponse, "run_instances", make)
