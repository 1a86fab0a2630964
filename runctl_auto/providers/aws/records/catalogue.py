"""All kinds of AWS resources that runctl can leave behind, in the order in which they are reported.

To add a kind, give it a name in ``names``, write its record in the module of its service, and list it here.
"""

from __future__ import annotations

from runctl_auto.providers.aws.records.buckets import BUCKET, UPLOAD
from runctl_auto.providers.aws.records.instances import INSTANCE, SPOT_REQUEST
from runctl_auto.providers.aws.records.kind import AwsKind
from runctl_auto.providers.aws.records.launch import KEY_PAIR, LAUNCH_TEMPLATE, PLACEMENT_GROUP
from runctl_auto.providers.aws.records.log_groups import LOG_GROUP
from runctl_auto.providers.aws.records.networks import INTERFACE, SECURITY_GROUP
from runctl_auto.providers.aws.records.parameters import PARAMETER
from runctl_auto.providers.aws.records.roles import PROFILE, ROLE, ROLE_POLICY
from runctl_auto.providers.aws.records.scaling_groups import SCALING_GROUP
from runctl_auto.providers.aws.records.schedules import SCHEDULE, SCHEDULE_GROUP
from runctl_auto.providers.aws.records.volumes import SNAPSHOT, VOLUME
from runctl_auto.providers.resource_kind import Kinds

RECORDS: tuple[AwsKind, ...] = (
    SCALING_GROUP,
    INSTANCE,
    INTERFACE,
    SPOT_REQUEST,
    VOLUME,
    SNAPSHOT,
    SECURITY_GROUP,
    PLACEMENT_GROUP,
    LAUNCH_TEMPLATE,
    KEY_PAIR,
    UPLOAD,
    BUCKET,
    PARAMETER,
    LOG_GROUP,
    SCHEDULE,
    SCHEDULE_GROUP,
    PROFILE,
    ROLE_POLICY,
    ROLE,
)

KINDS = Kinds(RECORDS)
