"""A pod in place of a machine: who it is and with which keys it works, from its variables.

A pod has no instance metadata service: its provider sets variables, and the job's stack the rest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from runctl_auto.agent.errors import CredentialsError
from runctl_auto.agent.store.sigv4 import Credentials

POD_ID = "RUNPOD_POD_ID"
POD_KEY = "RUNPOD_API_KEY"
ENDPOINT = "RUNPOD_ENDPOINT_URL"
ACCESS_KEY, SECRET_KEY = "RUNCTL_ACCESS_KEY_ID", "RUNCTL_SECRET_ACCESS_KEY"
CONFIG, BOOT, TYPE, TAGS = "RUNCTL_CONFIG", "RUNCTL_BOOT", "RUNCTL_MACHINE_TYPE", "RUNCTL_TAGS"
PRIVATE = frozenset({POD_KEY, ACCESS_KEY, SECRET_KEY, CONFIG, BOOT, TAGS})
"""Variables that a job does not get."""

DEADLINE_FILE = "deadline"
"""In the agent's folder: when the budget is spent, in epoch seconds, for the pod's first process."""


def is_pod(environment: Mapping[str, str]) -> bool:
    """Whether this machine is a pod that runctl made."""
    return bool(environment.get(POD_ID)) and CONFIG in environment


def for_jobs(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables without those that are the agent's own."""
    return {name: value for name, value in environment.items() if name not in PRIVATE}


class PodIdentity:
    """Answers what the agent asks the instance metadata service, as `InstanceMetadata` does."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def get(self, path: str) -> str | None:
        """The text that the metadata service has at `path`; None for what a pod has not: notices, roles."""
        if path == "meta-data/instance-id":
            return self._environment[POD_ID]
        if path == "meta-data/instance-life-cycle":
            return "on-demand"
        if path != "dynamic/instance-identity/document":
            return None
        told = {
            "instanceId": self._environment[POD_ID],
            "instanceType": self._environment.get(TYPE),
            "availabilityZone": self._environment.get("RUNPOD_DC_ID"),
        }
        return json.dumps({name: value for name, value in told.items() if value})

    def credentials(self) -> Credentials:
        """The keys of the job's own user. Raises CredentialsError when the pod has none: a secret that its
        provider did not fill in."""
        access, secret = (self._environment.get(name, "") for name in (ACCESS_KEY, SECRET_KEY))
        if not access or not secret or "{{" in access + secret:
            raise CredentialsError("the pod has no keys for the job's bucket: its secrets are not filled in")
        return Credentials(access, secret)

    def forget_credentials(self) -> None:
        """Nothing: they last as long as the pod."""
