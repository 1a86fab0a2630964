"""moto passes on only some parameters of RunInstances; other corrections need the rest.

`launch_parameters()` returns all parameters of the current RunInstances call.
"""

from contextvars import ContextVar
from typing import Any

from moto.ec2.responses.instances import InstanceResponse

from sandbox.aws.corrections.patches import Emulation, Patches

_current: ContextVar[dict[str, Any] | None] = ContextVar("launch_parameters", default=None)


def launch_parameters() -> dict[str, Any]:
    """The parameters of the current RunInstances call; empty outside of one."""
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
