"""moto's console output is a sample; EC2's is the end of what the instance wrote, at most 64 KB."""

import base64
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2.responses.general import General

from sandbox.aws.corrections.patches import Emulation, Patches

MOST_BYTES = 64 * 1024


def apply(patches: Patches, emulation: Emulation) -> None:
    def get_console_output(self: Any) -> ActionResult:
        instance = self.ec2_backend.get_instance(self._get_param("InstanceId"))
        written = emulation.console(instance.id)[-MOST_BYTES:]
        answer = {"InstanceId": instance.id, "Timestamp": utcnow()}
        # EC2 answers without an output until there is one.
        return ActionResult({**answer, "Output": base64.b64encode(written).decode()} if written else answer)

    patches.replace(General, "get_console_output", get_console_output)
