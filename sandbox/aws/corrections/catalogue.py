"""Every correction of moto, in the order in which they are applied (a later one wraps the earlier ones)."""

from collections.abc import Callable

from sandbox.aws.corrections import (
    instance_states,
    launch_request,
    spot_prices,
    spot_requests,
)
from sandbox.aws.corrections.patches import Emulation, Patches

Correction = Callable[[Patches, Emulation], None]

CORRECTIONS: tuple[Correction, ...] = (
    launch_request.apply,
    spot_prices.apply,
    spot_requests.apply,
    instance_states.apply,
)


def apply_all(emulation: Emulation) -> Patches:
    """Correct moto in this process; the patches undo it."""
    patches = Patches()
    for apply in CORRECTIONS:
        apply(patches, emulation)
    return patches
