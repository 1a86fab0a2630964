"""moto cannot change an instance's shutdown behaviour; ModifyInstanceAttribute on EC2 can.

The lifecycle applies it when the machine halts: terminate or stop.
"""

from typing import Any

from moto.core.responses import EmptyResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.responses.instances import InstanceResponse

from sandbox.aws.corrections.patches import Emulation, Patches

_BEHAVIOURS = ("stop", "terminate")


def apply(patches: Patches, emulation: Emulation) -> None:  # noqa: ARG001
    def make_modify(modify: Any) -> Any:
        def modify_attribute(self: Any) -> Any:
            behaviour = self._get_param("InstanceInitiatedShutdownBehavior.Value")
            if behaviour is None:
                return modify(self)
            _check(behaviour)
            self.error_on_dryrun()
            self.ec2_backend.modify_instance_attribute(
                self._get_param("InstanceId"), "instance_initiated_shutdown_behavior", behaviour
            )
            return EmptyResult()

        return modify_attribute

    def make_run(run_instances: Any) -> Any:
        def run(self: Any) -> Any:
            behaviour = self._get_param("InstanceInitiatedShutdownBehavior")
            if behaviour is not None:
                _check(behaviour)
            return run_instances(self)

        return run

    patches.wrap(InstanceResponse, "modify_instance_attribute", make_modify)
    patches.wrap(InstanceResponse, "run_instances", make_run)


def _check(behaviour: str) -> None:
    if behaviour not in _BEHAVIOURS:
        raise EC2ClientError(
            "InvalidParameterValue",
            f"Value ({behaviour}) for parameter instanceInitiatedShutdownBehavior is invalid.",
        )
