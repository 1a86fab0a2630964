"""All cloud resources of one job on RunPod: bucket and access at AWS, network volume and pod at RunPod."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pulumi

from components.environment import Environment, EnvironmentArgs, policy_view
from components.naming import ROLE_LIMIT, TAG_LIMIT
from components.pod_access import PodAccess, PodAccessArgs
from components.runpod_resources import NetworkVolume, Pod

TYPE = "runctl:runpod:TrainingEnvironment"


@dataclass(frozen=True, kw_only=True)
class PodRequest:
    """The pod of a run that has not ended. ``start_command`` and ``variables`` start the agent; ``variables``
    are no secrets. ``machine_type`` is a name of runctl's for GPUs or CPUs and their number; ``zone`` a data
    centre, of which the community ``cloud`` has none.
    """

    name: str
    image: str
    machine_type: str
    zone: str
    cloud: Literal["secure", "community"]
    disk_gb: int
    start_command: str
    variables: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class PodEnvironmentArgs(EnvironmentArgs):
    """Without a ``pod`` the run has ended: all but the pod stays. ``volumes`` holds one at most, since a pod
    mounts one network volume.
    """

    pod: PodRequest | None


class PodEnvironment(Environment):
    """The environment of one job. Pass AWS's provider of the region in ``opts.providers``."""

    _args: PodEnvironmentArgs

    def __init__(self, name: str, args: PodEnvironmentArgs, opts: pulumi.ResourceOptions | None = None):
        super().__init__(TYPE, name, args, _policy_view(args), opts)
        bucket = self._artifact_bucket()
        self.bucket = bucket.bucket
        self.volume_ids = self._volumes()
        access = self._pod_access()
        needs = [bucket, *access.needs, *self._secrets(), *self._objects(bucket, self._run_spec())]
        self.instance_id = self._pod(access, needs)
        self.register_outputs(
            {"bucket": self.bucket, "instanceId": self.instance_id, "volumes": dict(self.volume_ids)}
        )

    def _volumes(self) -> dict[str, pulumi.Output[str]]:
        found = self._existing_volumes()
        for each in self._args.volumes:
            if each.id is None and each.size_gb is not None:
                volume = NetworkVolume(
                    f"{self._name}-{each.name}",
                    {
                        "name": self._args.names.name(f"volume-{each.name}", limit=TAG_LIMIT),
                        "size": each.size_gb,
                        "dataCenter": self._args.zone,
                    },
                    pulumi.ResourceOptions(parent=self, protect=each.protect),
                )
                found[each.name] = volume.id
        return found

    def _pod_access(self) -> PodAccess:
        args = self._args
        return PodAccess(
            f"{self._name}-access",
            PodAccessArgs(
                name=args.names.name("access", limit=ROLE_LIMIT),
                permissions_boundary=args.permissions_boundary,
                access=self._access(sessions=False),
                tags=self._tags,
            ),
            self._child,
        )

    def _run_spec(self) -> str:
        """Without volumes: RunPod mounts the one of a pod itself, before its command starts."""
        return json.dumps({**self._args.run_spec, "volumes": []}, sort_keys=True, indent=2)

    def _pod(self, access: PodAccess, needs: Sequence[pulumi.Resource]) -> pulumi.Output[str] | None:
        pod = self._args.pod
        if pod is None:
            return None
        variables: dict[str, pulumi.Input[str]] = {
            **pod.variables,
            "RUNCTL_ACCESS_KEY_ID": access.key_id,
            "RUNCTL_SECRET_ACCESS_KEY": access.secret_reference,
        }
        mounts = [{"volumeId": self.volume_ids[each.name], "path": each.mount} for each in self._args.volumes]
        return Pod(
            f"{self._name}-machine",
            {
                "name": pod.name,
                "image": pod.image,
                "machineType": pod.machine_type,
                "cloud": pod.cloud.upper(),
                "dataCenterIds": [pod.zone] if pod.cloud == "secure" else None,
                "disk": pod.disk_gb,
                "args": pod.start_command,
                "env": variables,
                "mounts": {"network": mounts} if mounts else None,
            },
            pulumi.ResourceOptions(parent=self, depends_on=list(needs)),
        ).id


def _policy_view(args: PodEnvironmentArgs) -> dict[str, object]:
    pod = args.pod
    return policy_view(
        args,
        instanceType=pod.machine_type if pod else None,
        instanceTypes=[pod.machine_type] if pod else [],
        recovery=None,
        market="on-demand" if pod else None,
        addressHour=0.0,
        diskGb=pod.disk_gb if pod else None,
    )
