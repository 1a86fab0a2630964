"""moto leaves a gp3 volume's throughput and a gp2 volume's iops unset; EBS sets defaults."""

from typing import Any

from moto.ec2.models.elastic_block_store import EBSBackend

from sandbox.aws.corrections.patches import Emulation, Patches

_GP3_THROUGHPUT = 125
_GP2_IOPS_PER_GB = 3
_GP2_LEAST_IOPS = 100
_GP2_MOST_IOPS = 16000


def apply(patches: Patches, emulation: Emulation) -> None:  # noqa: ARG001
    def make(create_volume: Any) -> Any:
        def create(self: Any, *args: Any, **kwargs: Any) -> Any:
            volume = create_volume(self, *args, **kwargs)
            if volume.volume_type == "gp3" and not volume.throughput:
                volume.throughput = _GP3_THROUGHPUT
            if volume.volume_type == "gp2" and not volume.iops:
                volume.iops = min(max(int(volume.size) * _GP2_IOPS_PER_GB, _GP2_LEAST_IOPS), _GP2_MOST_IOPS)
            return volume

        return create

    patches.wrap(EBSBackend, "create_volume", make)
