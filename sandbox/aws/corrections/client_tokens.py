"""moto launches again when RunInstances repeats a client token; EC2 returns the first response."""

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.responses.instances import InstanceResponse

from sandbox.aws.corrections.patches import Emulation, Patches


def apply(patches: Patches, emulation: Emulation) -> None:  # noqa: ARG001
    def make(run_instances: Any) -> Any:
        def launch(self: Any) -> Any:
            token = self._get_param("ClientToken")
            if not token:
                return run_instances(self)
            launches: dict[str, tuple[dict[str, Any], Any]] = self.ec2_backend.__dict__.setdefault(
                "runctl_launches", {}
            )
            asked = dict(self._get_params())
            if token not in launches:
                answer = run_instances(self)
                launches[token] = (asked, answer.result)
                return answer
            first, reservation = launches[token]
            if first != asked:
                raise EC2ClientError(
                    "IdempotentParameterMismatch",
                    f"The client token '{token}' was used with other parameters before.",
                )
            return ActionResult(reservation)

        return launch

    patches.wrap(InstanceResponse, "run_instances", make)
