"""All resource types and functions of this provider, by token."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from sandbox.aws.provider.invoke import Function
from sandbox.aws.provider.invokes import account, image, network, parameter
from sandbox.aws.provider.resource import ResourceType
from sandbox.aws.provider.types.autoscaling_group import Group
from sandbox.aws.provider.types.autoscaling_schedule import Schedule as ScheduledAction
from sandbox.aws.provider.types.bucket import Bucket
from sandbox.aws.provider.types.bucket_encryption import BucketServerSideEncryptionConfiguration
from sandbox.aws.provider.types.bucket_lifecycle import BucketLifecycleConfiguration
from sandbox.aws.provider.types.bucket_object import BucketObjectv2
from sandbox.aws.provider.types.bucket_ownership_controls import BucketOwnershipControls
from sandbox.aws.provider.types.bucket_policy import BucketPolicy
from sandbox.aws.provider.types.bucket_public_access_block import BucketPublicAccessBlock
from sandbox.aws.provider.types.bucket_versioning import BucketVersioning
from sandbox.aws.provider.types.inline_policy import RolePolicy, UserPolicy
from sandbox.aws.provider.types.instance import Instance
from sandbox.aws.provider.types.instance_profile import InstanceProfile
from sandbox.aws.provider.types.launch_template import LaunchTemplate
from sandbox.aws.provider.types.log_group import LogGroup
from sandbox.aws.provider.types.parameter import Parameter
from sandbox.aws.provider.types.placement_group import PlacementGroup
from sandbox.aws.provider.types.role import Role
from sandbox.aws.provider.types.schedule import Schedule
from sandbox.aws.provider.types.schedule_group import ScheduleGroup
from sandbox.aws.provider.types.security_group import SecurityGroup
from sandbox.aws.provider.types.security_group_rule import SecurityGroupEgressRule, SecurityGroupIngressRule
from sandbox.aws.provider.types.snapshot import Snapshot, SnapshotCopy
from sandbox.aws.provider.types.user import AccessKey, User
from sandbox.aws.provider.types.volume import Volume
from sandbox.aws.provider.types.volume_attachment import VolumeAttachment

_TYPES: tuple[type[ResourceType], ...] = (
    AccessKey,
    Bucket,
    BucketLifecycleConfiguration,
    BucketObjectv2,
    BucketOwnershipControls,
    BucketPolicy,
    BucketPublicAccessBlock,
    BucketServerSideEncryptionConfiguration,
    BucketVersioning,
    Group,
    Instance,
    InstanceProfile,
    LaunchTemplate,
    LogGroup,
    Parameter,
    PlacementGroup,
    Role,
    RolePolicy,
    Schedule,
    ScheduleGroup,
    ScheduledAction,
    SecurityGroup,
    SecurityGroupEgressRule,
    SecurityGroupIngressRule,
    Snapshot,
    SnapshotCopy,
    User,
    UserPolicy,
    Volume,
    VolumeAttachment,
)


@cache
def resource_types() -> Mapping[str, ResourceType]:
    """The resource types by token."""
    return {kind.token: kind() for kind in _TYPES}


@cache
def functions() -> Mapping[str, Function]:
    """The functions by token."""
    modules = (account, image, network, parameter)
    return {function.token: function for module in modules for function in module.FUNCTIONS}
