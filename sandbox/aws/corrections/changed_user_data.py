"""moto expects the user data of ModifyInstanceAttribute encoded twice; EC2 expects it once, as at launch."""

import base64
from typing import Any

from moto.core.responses import EmptyResult
from moto.core.types import Base64EncodedString
from moto.ec2.responses.instances import InstanceResponse

from sandbox.aws.corrections.launch_validation import check_user_data
from sandbox.aws.corrections.patches import Emulation, Patches


def apply(patches: Patches, emulation: Emulation) -> None:  # noqa: ARG001
    def make(modify: Any) -> Any:
        def modify_attribute(self: Any) -> Any:
            value = self._get_param("UserData.Value")
            if value is None:
                return modify(self)
            raw = value if isinstance(value, bytes) else str(value).encode()
            data = Base64EncodedString(base64.b64encode(raw).decode())
            check_user_data(data)
            self.error_on_dryrun()
            self.ec2_backend.modify_instance_attribute(self._get_param("InstanceId"), "user_data", data)
            return EmptyResult()

        return modify_attribute

    patches.wrap(InstanceResponse, "modify_instance_attribute", make)
