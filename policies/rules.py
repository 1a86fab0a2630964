"""All rules of the pack."""

from __future__ import annotations

from policies import (
    bucket_access,
    encryption,
    ingress,
    instance_metadata,
    machine_end,
    required_tags,
)
from policies.rule import Rule, StackRule

RULES: tuple[Rule, ...] = (
    required_tags.RULE,
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
)

STACK_RULES: tuple[StackRule, ...] = (bucket_access.GUARDED_RULE,)
