"""Every correction of moto, in the order of application (a later one wraps the earlier ones)."""

from collections.abc import Callable

from sandbox.aws.corrections import (
    auto_scaling,
    bucket_defaults,
    bucket_owner,
    bucket_policies,
    bucket_regions,
    changed_user_data,
    client_tokens,
    console_output,
    default_network,
    delete_markers,
    eventual_consistency,
    groups_in_use,
    instance_states,
    launch_request,
    launch_templates,
    launch_validation,
    launch_volumes,
    list_pages,
    placement_groups,
    primary_interfaces,
    public_images,
    roles_of_profiles,
    schedules,
    shutdown_behavior,
    spot_placement_scores,
    spot_prices,
    spot_requests,
    tag_lookup,
    version_lists,
    volume_attachments,
    volume_defaults,
    volume_initialization,
    ways_out,
)
from sandbox.aws.corrections.patches import Emulation, Patches

Correction = Callable[[Patches, Emulation], None]

CORRECTIONS: tuple[Correction, ...] = (
    bucket_defaults.apply,
    bucket_owner.apply,
    bucket_policies.apply,
    bucket_regions.apply,
    version_lists.apply,
    delete_markers.apply,
    tag_lookup.apply,
    default_network.apply,
    public_images.apply,
    primary_interfaces.apply,
    groups_in_use.apply,
    roles_of_profiles.apply,
    volume_defaults.apply,
    volume_initialization.apply,
    volume_attachments.apply,
    launch_volumes.apply,
    spot_prices.apply,
    spot_placement_scores.apply,
    spot_requests.apply,
    launch_validation.apply,
    placement_groups.apply,
    instance_states.apply,
    console_output.apply,
    changed_user_data.apply,
    list_pages.apply,
    schedules.apply,
    shutdown_behavior.apply,
    eventual_consistency.apply,
    client_tokens.apply,
    launch_request.apply,
    launch_templates.apply,
    ways_out.apply,
    auto_scaling.apply,
)


def apply_all(emulation: Emulation) -> Patches:
    """Apply all corrections to moto in this process; the returned patches undo them."""
    patches = Patches()
    for apply in CORRECTIONS:
        apply(patches, emulation)
    return patches
