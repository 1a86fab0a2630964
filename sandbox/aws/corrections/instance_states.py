"""moto's instances run and end immediately; EC2's take time and pass through intermediate states.

Also corrected here, since they depend on the state: starting and stopping in the wrong state fail, and so do
stopping a one-time spot instance and changing a running instance's type or user data; TerminateInstances
returns the actual state; a terminated instance disappears after an hour.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instances import Instance, InstanceBackend, InstanceState, StateReason
from moto.ec2.responses.instances import InstanceResponse

from sandbox.aws.cloud import lifecycle as states
from sandbox.aws.cloud.lifecycle import Cause, Lifecycle, WrongState
from sandbox.aws.corrections.patches import Emulation, Patches
from sandbox.aws.corrections.spot_requests import request_of

_CODES = {
    states.PENDING: 0,
    states.RUNNING: 16,
    states.SHUTTING_DOWN: 32,
    states.TERMINATED: 48,
    states.STOPPING: 64,
    states.STOPPED: 80,
}
_INITIATED = {Cause.USER: "User initiated", Cause.SPOT: "Service initiated"}
_CHANGED_WHILE_STOPPED = ("instance_type", "user_data", "kernel", "ebs_optimized")


class MotoMachine:
    """Adapts one of moto's instances to the lifecycle."""

    def __init__(self, instance: Any, follow_up: Mapping[str, Any], clock: Callable[[], float]) -> None:
        self.instance = instance
        self._follow_up = follow_up
        self._clock = clock
        self._reason = ""

    @property
    def id(self) -> str:
        return str(self.instance.id)

    @property
    def is_spot(self) -> bool:
        return bool(self.instance.lifecycle == "spot")

    @property
    def stops_on_shutdown(self) -> bool:
        one_time = request_of(self.instance) is not None
        return self.instance.instance_initiated_shutdown_behavior == "stop" and not one_time

    def enter(self, state: str, cause: Cause) -> None:
        follow_up = self._follow_up.get(state)
        if follow_up is not None:
            follow_up(self.instance)
        self.instance._state = InstanceState(state, _CODES[state])
        self._reason = self.instance._reason = self._transition_reason(state, cause)
        self.instance.state_reason = StateReason(cause.message, cause.code)
        request = request_of(self.instance)
        if request is not None:
            request.instance_entered(state, cause)

    def _transition_reason(self, state: str, cause: Cause) -> str:
        """StateTransitionReason, with the time at which the end began. EC2 tells no time when the instance
        has shut itself down.
        """
        if cause not in _INITIATED:
            return ""
        if state not in (states.SHUTTING_DOWN, states.STOPPING):
            return self._reason
        now = datetime.fromtimestamp(self._clock(), timezone.utc)
        return f"{_INITIATED[cause]} ({now:%Y-%m-%d %H:%M:%S} GMT)"

    def noticed(self) -> None:
        request = request_of(self.instance)
        if request is not None:
            request.marked_for_termination()

    def forget(self) -> None:
        for reservation_id, reservation in list(self.instance.ec2_backend.reservations.items()):
            if self.instance in reservation.instances:
                reservation.instances = [i for i in reservation.instances if i is not self.instance]
            if not reservation.instances:
                del self.instance.ec2_backend.reservations[reservation_id]


def apply(patches: Patches, emulation: Emulation) -> None:
    lifecycle = emulation.lifecycle
    _launch_into_pending(patches, emulation)
    _ask_the_lifecycle(patches, lifecycle)
    _refuse_changes_while_running(patches, lifecycle)
    _tell_the_state_on_terminate(patches)


def _launch_into_pending(patches: Patches, emulation: Emulation) -> None:
    follow_up = {
        states.TERMINATED: Instance.terminate,
        states.STOPPED: Instance.stop,
        states.RUNNING: Instance.start,
    }

    def make(run_instances: Any) -> Any:
        def launch(self: Any, *args: Any, **kwargs: Any) -> Any:
            reservation = run_instances(self, *args, **kwargs)
            for instance in reservation.instances:
                emulation.lifecycle.launched(MotoMachine(instance, follow_up, emulation.clock))
            return reservation

        return launch

    patches.wrap(InstanceBackend, "run_instances", make)


def _ask_the_lifecycle(patches: Patches, lifecycle: Lifecycle) -> None:
    def state(name: str) -> Any:
        return InstanceState(name, _CODES[name])

    def terminate(self: Any) -> Any:
        return state(lifecycle.terminate(self.id))

    def stop(self: Any) -> Any:
        request = request_of(self)
        if request is not None:
            raise EC2ClientError(
                "UnsupportedOperation",
                f"You can't stop the Spot Instance '{self.id}' because it is associated with a one-time Spot "
                "Instance request. You can only stop Spot Instances associated with persistent Spot Instance "
                "requests.",
            )
        return _in_right_state(lambda: state(lifecycle.stop(self.id)), "stopped")

    def start(self: Any) -> Any:
        return _in_right_state(lambda: state(lifecycle.start(self.id)), "started")

    def reboot(self: Any) -> None:
        _in_right_state(lambda: lifecycle.reboot(self.id), "rebooted")

    patches.replace(Instance, "terminate", terminate)
    patches.replace(Instance, "stop", stop)
    patches.replace(Instance, "start", start)
    patches.replace(Instance, "reboot", reboot)


def _in_right_state(act: Any, what: str) -> Any:
    try:
        return act()
    except WrongState as error:
        raise EC2ClientError(
            "IncorrectInstanceState",
            f"The instance '{error.instance_id}' is not in a state from which it can be {what}.",
        ) from error


def _refuse_changes_while_running(patches: Patches, lifecycle: Lifecycle) -> None:
    def make(modify: Any) -> Any:
        def checked(self: Any, instance_id: str, key: str, value: Any) -> Any:
            life = lifecycle.find(instance_id)
            if key in _CHANGED_WHILE_STOPPED and life is not None and life.state != states.STOPPED:
                raise EC2ClientError(
                    "IncorrectInstanceState", f"The instance '{instance_id}' is not in the 'stopped' state."
                )
            return modify(self, instance_id, key, value)

        return checked

    patches.wrap(InstanceBackend, "modify_instance_attribute", make)


def _tell_the_state_on_terminate(patches: Patches) -> None:
    def terminate_instances(self: Any) -> Any:
        instance_ids = self._get_param("InstanceIds", [])
        self.error_on_dryrun()
        ended = self.ec2_backend.terminate_instances(instance_ids)
        changes = [
            {
                "InstanceId": instance.id,
                "CurrentState": {"Code": instance.state_code, "Name": instance.state},
                "PreviousState": before,
            }
            for instance, before in ended
        ]
        return ActionResult({"TerminatingInstances": changes})

    patches.replace(InstanceResponse, "terminate_instances", terminate_instances)
