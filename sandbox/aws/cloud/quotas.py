"""The Service Quotas service, as far as runctl asks it: quotas of EC2 for machines, in vCPUs.

They are not enforced. Each is ample until the control interface sets it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any

from sandbox.aws.cloud.aws_error import AwsError

SERVICE = "servicequotas"
AMPLE = 1920.0
NAMES: Mapping[str, str] = {
    "L-34B43A08": "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests",
    "L-1216C47A": "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
    "L-3819A6DF": "All G and VT Spot Instance Requests",
    "L-DB2E81BA": "Running On-Demand G and VT instances",
    "L-7212CCBC": "All P4, P3 and P2 Spot Instance Requests",
    "L-C4BD4855": "All P5 Spot Instance Requests",
    "L-417A185B": "Running On-Demand P instances",
}
"""By quota code, as EC2's documentation of its quotas lists them."""


class Quotas:
    """The values by quota code. Thread-safe."""

    def __init__(self) -> None:
        self._values = dict.fromkeys(NAMES, AMPLE)
        self._lock = threading.Lock()

    def set(self, values: Mapping[str, float]) -> dict[str, float]:
        """Sets values by code and returns all. Raises KeyError for an unknown code, and sets nothing."""
        with self._lock:
            for code in values:
                _ = self._values[code]
            self._values.update(values)
            return dict(self._values)

    def answer(self, operation: str, body: bytes) -> dict[str, Any] | AwsError:
        """The response to a call of the service; only GetServiceQuota of EC2 is supported."""
        if operation != "GetServiceQuota":
            return AwsError(
                "InvalidAction", f"The sandbox's quotas cannot do {operation}; they have GetServiceQuota"
            )
        try:
            asked = json.loads(body or b"{}")
            service, code = str(asked["ServiceCode"]), str(asked["QuotaCode"])
        except (ValueError, KeyError, TypeError) as error:
            return AwsError("IllegalArgumentException", f"The request cannot be understood: {error!r}")
        if service != "ec2" or code not in NAMES:
            return AwsError("NoSuchResourceException", f"The sandbox has no quota {code} of {service}")
        with self._lock:
            value = self._values[code]
        quota = {"ServiceCode": service, "QuotaCode": code, "QuotaName": NAMES[code], "Value": value}
        return {"Quota": {**quota, "Unit": "None", "Adjustable": True, "GlobalQuota": False}}
