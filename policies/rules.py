"""All rules of the pack."""

from __future__ import annotations

from policies import (
    allowed_places,
    bucket_access,
    data_sources,
    encryption,
    ingress,
    instance_metadata,
    machine_end,
    machine_group,
    maximum_sizes,
    permissions,
    price,
    protection,
    required_tags,
)
from policies.rule import Rule, StackRule

RULES: tuple[Rule, ...] = (
    allowed_places.REGION_RULE,
    allowed_places.TYPE_RULE,
    data_sources.RULE,
    maximum_sizes.RULE,
    price.HOUR_RULE,
    price.RUN_RULE,
    required_tags.RULE,
    protection.TAG_RULE,
    protection.BUCKET_RULE,
    bucket_access.PUBLIC_ACCESS_RULE,
    bucket_access.ACL_RULE,
    bucket_access.POLICY_RULE,
    encryption.VOLUME_RULE,
    encryption.DISK_RULE,
    encryption.BUCKET_RULE,
    instance_metadata.RULE,
    ingress.GROUP_RULE,
    ingress.RULE_RULE,
    machine_end.SHUTDOWN_RULE,
    machine_end.SPOT_RULE,
    machine_end.REQUEST_RULE,
    machine_group.END_RULE,
    permissions.RULE,
)

STACK_RULES: tuple[StackRule, ...] = (
    bucket_access.GUARDED_RULE,
    machine_end.TEMPLATE_RULE,
    machine_group.TEMPLATE_RULE,
)

LATER = "judged-at-up"
"""The pack's own advisory policy: reports unknown values of a preview and the rules that evaluate them later.
"""
